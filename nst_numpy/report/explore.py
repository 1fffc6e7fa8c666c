"""One HTML file that computes: the first layers of a VGG, up and down, number by number."""

import base64
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

import nst_numpy
from nst_numpy.common.arrays import Array, Image
from nst_numpy.common.checks import check_at_least
from nst_numpy.common.shown import Shown
from nst_numpy.errors import SettingError
from nst_numpy.files import check_output, write_text
from nst_numpy.pictures.images import MEAN_BGR, Picture, as_image, resize_image
from nst_numpy.report.parts import render, stem
from nst_numpy.rows import AvgPool, Conv, MaxPool, ReLU, Row
from nst_numpy.vgg import VGG

SIZE = 64  # pixels of a side
LEAST, MOST = 8, 128
TOP = "relu2_1"  # the last layer in the page
KINDS: dict[type[Row], str] = {Conv: "conv", ReLU: "relu", AvgPool: "avgpool", MaxPool: "maxpool"}


@dataclass(frozen=True, repr=False)
class ExplorePage(Shown):
    """A page that computes; a notebook shows it below the cell.

    Attributes
    ----------
    text : str
        The page: one HTML file, in which nothing is fetched from elsewhere.
    name : str
        What the picture is called.
    """

    text: str
    name: str

    def save(self, path: str | Path) -> None:
        """Write the page; an existing file is replaced. OutputError if it cannot be written."""
        write_text(check_output(path), self.text)

    def _in_words(self) -> str:
        return f"{self.name} in the first layers, a page of {len(self.text) / 1000:.0f} kB"

    def _repr_html_(self) -> str:
        title = escape(f"{self.name} in the first layers of the network", quote=True)
        inside = escape(self.text, quote=True)
        return (
            f'<iframe title="{title}" sandbox="allow-scripts" width="100%" height="760" '
            f'srcdoc="{inside}"></iframe>'
        )


def explore_page(
    picture: Picture, network: VGG | None = None, *, size: int = SIZE, name: str | None = None
) -> ExplorePage:
    """Make a page in which every number of the first layers can be asked where it comes from.

    Parameters
    ----------
    picture : ndarray, uint8 (H, W, 3), or a file
        Its middle, a square, is taken and made `size` pixels wide.
    network : VGG, optional
        Its layers up to relu2_1 go into the page, in half precision. None is the bundled VGG-16.
    size : int
        Pixels of a side, 8 to 128.
    name : str, optional
        What to call the picture; else by its file.

    Returns
    -------
    ExplorePage

    Raises
    ------
    SettingError
        If the size is another, or a kernel has numbers that half precision cannot hold.
    UnknownNameError
        If the network has no relu2_1.
    ImageError
        If the picture cannot be read.

    Notes
    -----
    The page computes equations (1) and (20) to (23) in docs/mathematics, in JavaScript: numbers
    in single precision, sums in double.

    Examples
    --------
    >>> import numpy as np
    >>> network = VGG.random((2, 3), np.random.default_rng(0))
    >>> page = explore_page(np.zeros((8, 8, 3), np.uint8), network, size=8, name="black")
    >>> page.text.startswith("<!DOCTYPE html>")
    True
    """
    check_at_least("explore_page: size", size, LEAST, " pixels")
    if size > MOST:
        raise SettingError(f"explore_page: size must be {MOST} pixels at most, not {size}")
    image = square(as_image(picture), size)
    called = name or (stem(str(picture)) if isinstance(picture, (str, Path)) else "a picture")
    network = VGG.load() if network is None else network
    text = render(
        "explore.html",
        title=f"{called}, number by number",
        name=called,
        version=nst_numpy.__version__,
        data=_data(network, image),
    )
    return ExplorePage(text, called)


def square(image: Image, size: int) -> Image:
    """Cut a square out of a picture's middle, and bring it to a size.

    >>> square(np.zeros((30, 20, 3), np.uint8), 8).shape
    (8, 8, 3)
    """
    height, width = image.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return resize_image(image[top : top + side, left : left + side], (size, size))


def _data(network: VGG, image: Image) -> dict[str, Any]:
    """Collect what the page computes with: bytes of the picture, kernels and biases."""
    network.check_names([TOP])
    names = network.layer_names[: network.layer_names.index(TOP) + 1]
    return {
        "height": image.shape[0],
        "width": image.shape[1],
        "means": MEAN_BGR.tolist(),
        "image": _base64(image.tobytes()),
        "layers": [_layer(network, name) for name in names],
    }


def _layer(network: VGG, name: str) -> dict[str, Any]:
    row = network.layers[name]
    if not isinstance(row, Conv):
        return {"name": name, "kind": KINDS[type(row)]}
    w, b = network.params[name]
    halves = {"w": _half(name, w), "b": _half(name, b)}
    return {"name": name, "kind": "conv", "channels": w.shape[-1]} | halves


def _half(name: str, array: Array) -> str:
    """Write an array in half precision, little end first."""
    if np.abs(array).max() > np.finfo(np.float16).max:
        raise SettingError(
            f"explore_page: {name} has numbers above 65504, which half precision cannot hold; "
            "use a network with smaller ones"
        )
    return _base64(array.astype("<f2").tobytes())


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
