"""Where a sliding window goes: sizes, strides and padding in any number of dimensions.

Convolution and pooling slide the same window over the same axes. This module holds
that bookkeeping, so that the layers themselves are left with mathematics.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from nst_numpy.common.checks import is_whole
from nst_numpy.errors import SettingError, ShapeError

AXIS_NAMES = {1: ("L",), 2: ("H", "W"), 3: ("D", "H", "W")}

PerAxis = int | Sequence[int]
PaddingName = Literal["valid", "same"]
Padding = int | PaddingName | Sequence[int] | Sequence[tuple[int, int]]
Pairs = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Window:
    """A window of size `kernel` that slides over spatial axes of the given `sizes`.

    Output position o, window position k and input position i belong together when
    i = o * stride + k * dilation - pad, per axis.
    """

    sizes: tuple[int, ...]
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    pad: Pairs

    @cached_property
    def span(self) -> tuple[int, ...]:
        """Input positions from the window's first to its last, both included."""
        return tuple(d * (k - 1) + 1 for d, k in zip(self.dilation, self.kernel, strict=True))

    @cached_property
    def out_sizes(self) -> tuple[int, ...]:
        """Positions at which the whole window fits; what is left over is dropped."""
        return tuple(
            (size + before + after - span) // stride + 1  # equation (18)
            for size, (before, after), span, stride in zip(
                self.sizes, self.pad, self.span, self.stride, strict=True
            )
        )


def shape_name(dimensions: int) -> str:
    """Name the axes of an activation, for messages: 2 -> '(N, H, W, C)'."""
    return f"(N, {', '.join(AXIS_NAMES[dimensions])}, C)"


def per_axis(who: str, name: str, value: PerAxis, dimensions: int, least: int) -> tuple[int, ...]:
    """Spread one number over all spatial axes, or check one number an axis.

    >>> per_axis("conv_forward", "stride", 2, 3, least=1)
    (2, 2, 2)
    """
    values = tuple(value) if isinstance(value, Iterable) else (value,) * dimensions
    if len(values) != dimensions or not all(is_whole(v, least) for v in values):
        axes = ", ".join(AXIS_NAMES[dimensions])
        raise SettingError(
            f"{who}: {name} must be a whole number of at least {least}, "
            f"or {dimensions} of them for the axes ({axes}), not {value!r}"
        )
    return tuple(int(v) for v in values)


def make_window(
    who: str,
    sizes: tuple[int, ...],
    kernel: tuple[int, ...],
    stride: PerAxis,
    pad: Padding,
    dilation: PerAxis = 1,
) -> Window:
    """Check a layer's settings against its input's sizes and make its `Window`.

    `pad` is "valid" (none), "same" (as many outputs as inputs, at stride 1; as in
    Keras, an odd amount puts the extra row behind), a number, a number an axis, or a
    pair (before, after) an axis.
    """
    n = len(sizes)
    strides = per_axis(who, "stride", stride, n, least=1)
    dilations = per_axis(who, "dilation", dilation, n, least=1)
    bare = Window(sizes, kernel, strides, dilations, ((0, 0),) * n)
    window = Window(sizes, kernel, strides, dilations, _padding_pairs(who, pad, bare))
    for axis, size, span, (before, after) in zip(
        AXIS_NAMES[n], sizes, window.span, window.pad, strict=True
    ):
        if span > size + before + after:
            raise ShapeError(
                f"{who}: the kernel spans {span} positions of axis {axis}, but the padded "
                f"input has only {size} + {before + after}: use a larger input, a smaller "
                "kernel or more pad"
            )
    return window


def _padding_pairs(who: str, pad: Padding, window: Window) -> Pairs:
    """Turn every way to say `pad` into pairs (before, after)."""
    n = len(window.sizes)
    if isinstance(pad, str):
        if pad == "valid":
            return ((0, 0),) * n
        if pad == "same":
            return tuple(
                _same_padding(size, span, stride)
                for size, span, stride in zip(window.sizes, window.span, window.stride, strict=True)
            )
        names = ", ".join(map(repr, get_args(PaddingName)))
        raise SettingError(f"{who}: pad must be {names} or numbers, not {pad!r}")
    if isinstance(pad, Iterable) and any(isinstance(p, Iterable) for p in pad):
        pairs = [_pair(who, p) for p in pad]
        if len(pairs) != n:
            raise SettingError(f"{who}: pad needs {n} pairs (before, after), not {len(pairs)}")
        return tuple(pairs)
    return tuple((p, p) for p in per_axis(who, "pad", pad, n, least=0))  # type: ignore[arg-type]


def _pair(who: str, pad: PerAxis) -> tuple[int, int]:
    try:
        before, after = per_axis(who, "pad", pad, 2, least=0)
    except SettingError:
        raise SettingError(
            f"{who}: pad must have pairs (before, after) of whole numbers of at least 0, "
            f"not {pad!r}"
        ) from None
    return before, after


def _same_padding(size: int, span: int, stride: int) -> tuple[int, int]:
    total = max((math.ceil(size / stride) - 1) * stride + span - size, 0)
    return total // 2, total - total // 2


def crop_or_pad(
    x: NDArray[np.floating], starts: Sequence[int], stops: Sequence[int], fill: float = 0.0
) -> NDArray[np.floating]:
    """Return x[:, starts:stops, :] per spatial axis; what lies outside x is `fill`.

    A view where nothing lies outside, a copy otherwise.
    """
    sizes = x.shape[1:-1]
    inside = tuple(
        slice(min(max(lo, 0), size), max(min(hi, size), 0))
        for lo, hi, size in zip(starts, stops, sizes, strict=True)
    )
    part = x[(slice(None), *inside)]
    shape = (x.shape[0], *(hi - lo for lo, hi in zip(starts, stops, strict=True)), x.shape[-1])
    if part.shape == shape:
        return part
    padded = np.full(shape, fill, dtype=x.dtype)
    target = tuple(
        slice(cut.start - lo, cut.start - lo + max(cut.stop - cut.start, 0))
        for cut, lo in zip(inside, starts, strict=True)
    )
    padded[(slice(None), *target)] = part
    return padded


def pad_for(x: NDArray[np.floating], window: Window, fill: float = 0.0) -> NDArray[np.floating]:
    """Pad x by window.pad on every spatial axis."""
    starts = [-before for before, _ in window.pad]
    stops = [size + after for size, (_, after) in zip(window.sizes, window.pad, strict=True)]
    return crop_or_pad(x, starts, stops, fill)


def offset_slices(
    window: Window, offset: tuple[int, ...], rows: slice | None = None
) -> tuple[slice, ...]:
    """Select, of a padded input, what window position `offset` sees: one entry an output.

    `rows` restricts this to some output positions of the first axis.
    """
    ranges = [(0, out) for out in window.out_sizes]
    if rows is not None:
        ranges[0] = (rows.start, rows.stop)
    cuts = (
        slice(k * d + first * s, k * d + (last - 1) * s + 1, s)
        for k, d, s, (first, last) in zip(
            offset, window.dilation, window.stride, ranges, strict=True
        )
    )
    return (slice(None), *cuts)
