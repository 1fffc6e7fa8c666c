"""Which way round kernels are in a file, and how they become ours.

Ours are (kh, kw, C_in, C_out), not turned, and the input channels of `conv1_1` are blue, green,
red. Other files differ in three ways: channels first, which a shape shows; kernels turned by
180°, since Theano's convolution turns them back; red first. What no shape shows, numbers do: the
first entry of each published kernel is known, and stands at another corner or in another channel.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nst_numpy.weights.stored import Contents, Pair, is_first

# kernel[0, 0, 0, 0] and bias[0] of each layer of the published VGG-16.
VGG16 = {
    "conv1_1": (0.42947057, 0.73429835),
    "conv1_2": (0.16621928, -0.30912212),
    "conv2_1": (-0.008902963, -0.04577766),
    "conv2_2": (-0.0023012366, -0.06418542),
    "conv3_1": (0.002486315, -0.074358866),
    "conv3_2": (-0.0103266295, 0.019675018),
    "conv3_3": (0.0024918285, 0.035415243),
    "conv4_1": (-0.012453815, 0.013485669),
    "conv4_2": (0.007116542, 0.023680462),
    "conv4_3": (-0.0041355654, 0.03757768),
    "conv5_1": (-0.0006068934, 0.09722325),
    "conv5_2": (-0.0011261065, 0.21327873),
    "conv5_3": (0.00040788297, 0.18837857),
}
# The same of the published VGG-19, where programs print them, to six digits. Those of conv1_1 are
# printed by two that have nothing to do with each other.
VGG19 = {
    "conv1_1": (0.341195, 0.7301776),
    "conv1_2": (0.148688, -0.292965),
    "conv2_2": (-0.000591473, -0.0764114),
    "conv3_3": (-0.000198241, 0.0205515),
    "conv4_2": (-0.00605492, 0.00436518),
    "conv4_3": (0.0224884, 0.00169088),
}
PUBLISHED = {"vgg16": VGG16, "vgg19": VGG19}
# what the printed digits leave open
_ROUNDING = {"vgg16": 1e-6, "vgg19": 1e-5}

# where the first entry is, by what was done to the kernel: turned, red first
_CORNERS = {
    (False, False): (0, 0, 0, 0),
    (True, False): (-1, -1, 0, 0),
    (False, True): (0, 0, -1, 0),
    (True, True): (-1, -1, -1, 0),
}


@dataclass(frozen=True)
class Conversion:
    """What is done to the kernels of a file.

    Attributes
    ----------
    first : tuple of str
        Layers whose kernels have their channels first.
    turned : tuple of str
        Layers whose kernels are turned by 180°.
    red_first : bool
        Whether the input channels of `conv1_1` are red, green, blue.
    published : tuple of str
        Layers that have the published numbers.
    """

    first: tuple[str, ...]
    turned: tuple[str, ...]
    red_first: bool
    published: tuple[str, ...]

    def __bool__(self) -> bool:
        """Whether anything is done."""
        return bool(self.first or self.turned or self.red_first)


def find_conversion(contents: Contents, params: Mapping[str, Pair]) -> Conversion:
    """Find out how kernels must be converted.

    Parameters
    ----------
    contents : Contents
        Of a file whose declarations have been checked.
    params : mapping of str to (ndarray, ndarray)
        Kernels and biases as they stand in the file.
    """
    first = tuple(name for name, shape in contents.table.items()
                  if is_first(contents.layers[name], shape))  # fmt: skip
    known = {}
    for name, (kernel, bias) in params.items():
        facing = _facing(contents, name, _channels_last(kernel) if name in first else kernel, bias)
        if facing:
            known[name] = facing
    # a layer whose numbers say nothing is like most of the others, or as the layout says
    votes = [turned for turned, _ in known.values()]
    others = 2 * sum(votes) > len(votes) if votes else contents.turns == "yes"
    turned = {name: known[name][0] if name in known else others for name in params}
    return Conversion(
        first=first,
        turned=tuple(name for name in params if turned[name]),
        red_first=any(red for _, red in known.values()),
        published=tuple(known),
    )


def convert(params: Mapping[str, Pair], conversion: Conversion) -> dict[str, Pair]:
    """Bring kernels into our form, exactly; what needs nothing is passed on as it is."""
    first_layer = next(iter(params), "")
    converted = {}
    for name, (kernel, bias) in params.items():
        if name in conversion.first:
            kernel = _channels_last(kernel)
        if name in conversion.turned:
            kernel = kernel[::-1, ::-1]
        if conversion.red_first and name == first_layer:
            kernel = kernel[:, :, ::-1]
        converted[name] = (np.ascontiguousarray(kernel), bias)
    return converted


def describe(contents: Contents, conversion: Conversion) -> str:
    """Say what was recognised and done, in a line; nothing where nothing was done."""
    if not conversion:
        return ""
    done = []
    if conversion.first:
        done.append(f"channels moved last{_which(conversion.first, contents)}")
    if conversion.turned:
        done.append(f"kernels turned by 180°{_which(conversion.turned, contents)}")
    if conversion.red_first:
        done.append("input channels of conv1_1 from RGB to BGR")
    why = ""
    if conversion.turned and not conversion.published:
        why = " (as Theano's files need it; the numbers are not the published ones)"
    network = contents.architecture.upper().replace("VGG", "VGG-")
    return f"{network} in the layout of {contents.layout}: {', '.join(done)}{why}"


def find_odd(contents: Contents, conversion: Conversion) -> str | None:
    """Name the kernels that are not as the rest of their file, or as its layout has them."""
    for what, layers, fits in (
        ("channels first", conversion.first, True),
        ("turned by 180°", conversion.turned, contents.turns != "no"),
    ):
        others = [name for name in contents.table if name not in layers]
        if layers and (others or not fits):
            odd = layers if not others or len(layers) <= len(others) else tuple(others)
            state = f"{what}, the others not" if odd == layers and others else what
            if odd != layers:
                state = f"not {what}, the others are"
            return f"the kernels of {_list(odd, contents)} are {state}"
    return None


def _facing(
    contents: Contents, name: str, kernel: np.ndarray, bias: np.ndarray
) -> tuple[bool, bool] | None:
    """Say whether a kernel is turned, and red first; None if it is not the published one."""
    expected = PUBLISHED[contents.architecture].get(name)
    stored = contents.layers[name]
    if expected is None or not _is_near(bias[0], expected[1], stored.bias, contents):
        return None
    for change, corner in _CORNERS.items():
        if change[1] and kernel.shape[2] != 3:  # colours are only those of the first layer
            continue
        if _is_near(kernel[corner], expected[0], stored.kernel, contents):
            return change
    return None


def _is_near(found: float, published: float, stored: Any, contents: Contents) -> bool:
    """Whether a value is the published one, rounded to the dtype in which it is stored."""
    precision = np.finfo(stored.dtype)
    # the least allows for the rounding of the printed values, not for another training
    return math.isclose(
        found,
        published,
        rel_tol=max(_ROUNDING[contents.architecture], float(precision.eps)),
        abs_tol=float(precision.smallest_subnormal),
    )


def _channels_last(kernel: np.ndarray) -> np.ndarray:
    # (C_out, C_in, kh, kw) -> (kh, kw, C_in, C_out)
    return kernel.transpose(2, 3, 1, 0)


def _which(layers: tuple[str, ...], contents: Contents) -> str:
    """Name the layers unless it is all of them."""
    return "" if len(layers) == len(contents.table) else f" in {', '.join(layers)}"


def _list(layers: tuple[str, ...], contents: Contents) -> str:
    return "all layers" if len(layers) == len(contents.table) else ", ".join(layers)
