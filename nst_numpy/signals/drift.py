"""How far what is seen moves from slice to slice: in a block, and in a filter.

A block is a stack of slices: frames of a movie, levels of a CT volume. What is seen in it may
drift to the left or to the right from one slice to the next.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nst_numpy.common.arrays import Array
from nst_numpy.common.moved import keep_former_names, now_in
from nst_numpy.errors import SettingError, ShapeError

RIDGE = 1e-3  # beside the texture: what has none gets no drift instead of an error


@dataclass(frozen=True)
class Rule:
    """Which blocks are kept: those whose drift can be measured.

    Attributes
    ----------
    least, most : float
        Size of the drift, in voxels a slice.
    texture : float
        What the texture of `measure_drift` must reach, in squared units of brightness per
        voxel: below it there is nothing to follow.
    rest : float
        How much of the change from slice to slice the drift may leave unexplained, 0 … 1.
    """

    least: float
    most: float
    texture: float
    rest: float

    def __post_init__(self) -> None:
        if not 0 < self.least < self.most or not (self.texture > 0 and 0 < self.rest <= 1):
            raise SettingError(
                "Rule: drifts must be 0 < least < most, texture above 0, and rest above 0 and "
                f"at most 1, not {self}"
            )

    def keeps(self, drift: Array, texture: Array, rest: Array) -> NDArray[np.bool_]:
        """Say of each block, given what `measure_drift` returns, whether it is kept."""
        size = np.abs(drift).max(axis=1)
        kept: NDArray[np.bool_] = (
            (self.least <= size) & (size <= self.most)
            & (texture >= self.texture) & (rest <= self.rest)
        )  # fmt: skip
        return kept


def measure_drift(blocks: Array) -> tuple[Array, Array, Array]:
    """Find how far a block's content moves from slice to slice, by least squares.

    What moves unchanged by d = (rows, columns) a slice obeys ∂I/∂slice + d · ∇I = 0 at every
    voxel, where ∇I is the gradient within the slice. The sum of the squares is least for
    d = −M⁻¹ m with M = Σ ∇I ∇Iᵀ and m = Σ ∂I/∂slice ∇I.

    Parameters
    ----------
    blocks : ndarray, (N, D, H, W)

    Returns
    -------
    drift : ndarray, (N, 2)
        d: rows and columns a slice.
    texture : ndarray, (N,)
        The smaller eigenvalue of M, as a mean over voxels: 0 where all edges point the same
        way, so that only a part of d can be seen.
    rest : ndarray, (N,)
        The part of Σ (∂I/∂slice)² that the drift does not explain, 0 … 1.

    Notes
    -----
    Lucas and Kanade (1981), one step without pyramids.

    Examples
    --------
    A pattern that moves by half a column to the right a slice:

    >>> t, i, j = np.mgrid[:6, :12, :12]
    >>> drift, _, _ = measure_drift((np.sin(0.5 * (j - t / 2)) + np.sin(0.7 * i))[None])
    >>> drift.round(1) + 0.0
    array([[0. , 0.5]])
    """
    if blocks.ndim != 4 or min(blocks.shape[1:]) < 2:
        raise ShapeError(
            "measure_drift: blocks must be (N, D, H, W) with D, H and W of at least 2, "
            f"not {blocks.shape}"
        )
    n, steps = len(blocks), np.diff(blocks, axis=1)
    between = (blocks[:, 1:] + blocks[:, :-1]) / 2
    change = steps.reshape(n, -1, 1).astype(np.float64)
    # (N, D-1, H, W) -> (N, M, 2)
    g = np.stack([np.gradient(between, axis=axis).reshape(n, -1) for axis in (2, 3)], axis=2)
    g = g.astype(np.float64)
    # (N, 2, M) @ (N, M, 2) -> (N, 2, 2)
    tensor = g.swapaxes(1, 2) @ g / g.shape[1]
    texture = np.linalg.eigvalsh(tensor)[:, 0]
    # (N, 2, M) @ (N, M, 1) -> (N, 2, 1)
    drift = -np.linalg.solve(tensor + RIDGE * np.eye(2), g.swapaxes(1, 2) @ change / g.shape[1])
    # (N, M, 2) @ (N, 2, 1) -> (N, M, 1)
    left = np.square(change + g @ drift).sum(axis=(1, 2))
    total = np.square(change).sum(axis=(1, 2))
    return drift[:, :, 0], texture, left / np.where(total > 0, total, 1)


def steepness(kernels: Array) -> Array:
    """How much filters are slanted, seen from above: below 0 to the left, above 0 to the right.

    The Fourier transform of the sum over rows, (slices, columns), has its energy on a line
    across the slant. What is returned is the energy of drifts to the right less that of
    drifts to the left, over both.

    Parameters
    ----------
    kernels : ndarray, (F, D, h, w)

    Returns
    -------
    ndarray, (F,)
        −1 … 1.

    Examples
    --------
    >>> diagonal = np.eye(5)[:, None, :]
    >>> steepness(np.stack([diagonal, diagonal[..., ::-1]])).round(1)
    array([ 1., -1.])
    """
    energy = np.abs(np.fft.fft2(kernels.sum(axis=2))) ** 2
    slices, columns = (np.sign(np.fft.fftfreq(n)) for n in energy.shape[1:])
    # a pattern f(column − v·slice) has energy where slice and column frequency differ in sign
    # (v > 0): the product is −1 there
    way = -slices[:, None] * columns[None, :]
    moving = energy * np.abs(way)
    total = moving.sum(axis=(1, 2))
    slant: Array = (energy * way).sum(axis=(1, 2)) / np.where(total > 0, total, 1)
    return slant


# Blocks, examples and who is asked about them have files of their own; here under former names.
_FORMER = now_in(
    "nst_numpy.signals",
    blocks=("cut", "grid"),
    examples=(
        "CHANCE", "CLASSES", "PERCENTILES", "TINY", "VERSIONS", "Examples", "describe_brightness",
        "even_out", "four_versions", "make_examples",
    ),
    rivals=(
        "Prepare", "Rival", "make_rivals", "one_slice", "shuffled", "slices_as_channels",
        "two_layers", "volume_of",
    ),
    comparison=(
        "BASELINE_EPOCHS", "BASELINE_RATE", "SMALL", "Comparison", "Trial", "compare",
        "count_parameters",
    ),
)  # fmt: skip
keep_former_names(__name__, _FORMER | {"Labels": "nst_numpy.common.arrays.Integers"})
