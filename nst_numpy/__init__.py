"""Neural style transfer that you can read, handwritten in NumPy.

>>> import nst_numpy as nst
>>> result = nst.transfer("castle.jpg", "painting.jpg", size=256)   # doctest: +SKIP
>>> nst.save_image("painted.png", result.image)                     # doctest: +SKIP

Names are looked up when they are first used, so that `nst --help` answers at once.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nst_numpy import (
        errors,
        figures,
        files,
        gradcheck,
        images,
        layers,
        look,
        losses,
        networks,
        optimize,
        samples,
        signals,
        training,
        weights,
    )
    from nst_numpy.errors import NstError
    from nst_numpy.images import deprocess, load_image, preprocess, save_image
    from nst_numpy.layers import get_threads, set_threads
    from nst_numpy.objective import Objective
    from nst_numpy.style_transfer import Result, transfer
    from nst_numpy.vgg import VGG

__version__ = "0.1.0"

_MODULES = (
    "errors",
    "figures",
    "files",
    "gradcheck",
    "images",
    "layers",
    "look",
    "losses",
    "networks",
    "optimize",
    "samples",
    "signals",
    "training",
    "weights",
)
_NAMES = {
    "NstError": "errors",
    "deprocess": "images",
    "load_image": "images",
    "preprocess": "images",
    "save_image": "images",
    "get_threads": "layers",
    "set_threads": "layers",
    "Objective": "objective",
    "Result": "style_transfer",
    "transfer": "style_transfer",
    "VGG": "vgg",
}

__all__ = [
    "VGG",
    "NstError",
    "Objective",
    "Result",
    "deprocess",
    "errors",
    "figures",
    "files",
    "get_threads",
    "gradcheck",
    "images",
    "layers",
    "load_image",
    "look",
    "losses",
    "networks",
    "optimize",
    "preprocess",
    "samples",
    "save_image",
    "set_threads",
    "signals",
    "training",
    "transfer",
    "weights",
]


def __getattr__(name: str) -> object:
    if name in _MODULES:
        return import_module(f"nst_numpy.{name}")
    if name in _NAMES:
        return getattr(import_module(f"nst_numpy.{_NAMES[name]}"), name)
    raise AttributeError(f"module 'nst_numpy' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
