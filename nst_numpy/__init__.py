"""Neural style transfer that you can read, handwritten in NumPy.

>>> import nst_numpy as nst
>>> result = nst.transfer("castle.jpg", "painting.jpg", size=256)   # doctest: +SKIP
>>> nst.save_image("painted.png", result.image)                     # doctest: +SKIP

Names are looked up when they are first used, so that `nst --help` answers at once.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from nst_numpy.common.moved import MOVED, know_former_names

if TYPE_CHECKING:
    from nst_numpy import (
        conventions,
        course,
        errors,
        figures,
        files,
        gradcheck,
        kernels,
        layers,
        look,
        losses,
        measure,
        network,
        objective,
        optimize,
        pictures,
        report,
        rows,
        runs,
        signals,
        style_transfer,
        sweeps,
        training,
        vgg,
        video,
        weights,
    )
    from nst_numpy.errors import NstError
    from nst_numpy.layers import get_threads, set_threads
    from nst_numpy.objective import Objective
    from nst_numpy.pictures import deprocess, load_image, preprocess, save_image
    from nst_numpy.result import Result
    from nst_numpy.style_transfer import transfer
    from nst_numpy.training.sequential import Sequential
    from nst_numpy.vgg import VGG

__version__ = "0.1.0"

_NAMES = {
    "NstError": "errors",
    "deprocess": "pictures",
    "load_image": "pictures",
    "preprocess": "pictures",
    "save_image": "pictures",
    "get_threads": "layers",
    "set_threads": "layers",
    "Sequential": "training.sequential",
    "Objective": "objective",
    "Result": "result",
    "transfer": "style_transfer",
    "VGG": "vgg",
}

__all__ = [
    "VGG",
    "NstError",
    "Objective",
    "Result",
    "Sequential",
    "conventions",
    "course",
    "deprocess",
    "errors",
    "figures",
    "files",
    "get_threads",
    "gradcheck",
    "kernels",
    "layers",
    "load_image",
    "look",
    "losses",
    "measure",
    "network",
    "objective",
    "optimize",
    "pictures",
    "preprocess",
    "report",
    "rows",
    "runs",
    "save_image",
    "set_threads",
    "signals",
    "style_transfer",
    "sweeps",
    "training",
    "transfer",
    "vgg",
    "video",
    "weights",
]

know_former_names()


# Type checkers know the names above; to them, with this, any other name would be known too.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name in _NAMES:
            return getattr(import_module(f"nst_numpy.{_NAMES[name]}"), name)
        if name in __all__ or f"nst_numpy.{name}" in MOVED:
            return import_module(f"nst_numpy.{name}")
        raise AttributeError(f"module 'nst_numpy' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
