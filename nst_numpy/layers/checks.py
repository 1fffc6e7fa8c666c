"""What several layers check at the door."""

import numpy as np

from nst_numpy.common.arrays import Array
from nst_numpy.errors import ShapeError


def check_dtypes(who: str, x: Array, w: Array, b: Array) -> None:
    """Refuse numbers that are not floating, or of different dtypes: nothing is cast silently."""
    if not np.issubdtype(x.dtype, np.floating) or not x.dtype == w.dtype == b.dtype:
        raise ShapeError(
            f"{who}: x is {x.dtype}, w {w.dtype} and b {b.dtype}: give all three the same "
            "floating dtype, with .astype"
        )


def check_grad_out(who: str, grad_out: Array, shape: tuple[int | None, ...]) -> None:
    """Refuse a grad_out that is not shaped like the output; None stands for any size."""
    if len(shape) != grad_out.ndim or any(
        want is not None and want != got for want, got in zip(shape, grad_out.shape, strict=True)
    ):
        raise ShapeError(
            f"{who}: grad_out must have the output's shape {shape}, not {grad_out.shape}"
        )
