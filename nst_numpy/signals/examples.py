"""Blocks with their classes: what is seen in them drifts to the left, or to the right.

The direction is in no slice alone, only in their order. Labels come for free. Turn the order
of the slices round, and the drift turns round; mirror every slice, and it turns round again.
So each block gives four examples, two of each class, and the two classes have the very same
slices, up to a mirror. Whatever looks at the slices without their order, whatever looks at
brightness alone, is right in half of the cases.
"""

from dataclasses import dataclass

import numpy as np

from nst_numpy.common.arrays import Array, Integers
from nst_numpy.errors import ShapeError, SignalError
from nst_numpy.signals.drift import Rule, measure_drift

CLASSES = ("left", "right")
CHANCE = 0.5
VERSIONS = 4  # examples that a block gives
PERCENTILES = (0, 1, 10, 25, 50, 75, 90, 99, 100)  # what the baseline knows of brightness
TINY = 1e-3  # beside a standard deviation, so that an even slice stays 0


@dataclass(frozen=True, eq=False)
class Examples:
    """Blocks with their classes.

    Attributes
    ----------
    x : ndarray, float32 (N, D, H, W)
        Every slice with mean 0 and standard deviation 1 of its own.
    y : ndarray of int, (N,)
        0 for left, 1 for right: `CLASSES`. A block's four versions follow one another.
    brightness : ndarray, float32 (N, P)
        `PERCENTILES` of the block, before the slices were evened out.
    blocks : int
        Blocks looked at; those that the rule kept are N / 4.
    """

    x: Array
    y: Integers
    brightness: Array
    blocks: int


def make_examples(blocks: Array, rule: Rule) -> Examples:
    """Label blocks by their drift and turn each into four, two of each class.

    A block that drifts more along its rows than along its columns is mirrored at the diagonal
    of its slices first, so that every drift is to the left or to the right.

    Parameters
    ----------
    blocks : ndarray, (N, D, H, W), H equal to W
    rule : Rule

    Raises
    ------
    ShapeError
        Blocks are of another shape.
    SignalError
        The rule keeps none.
    """
    if blocks.ndim != 4 or blocks.shape[2] != blocks.shape[3]:
        raise ShapeError(
            f"make_examples: blocks must be (N, D, H, W) with H equal to W, not {blocks.shape}"
        )
    drift, texture, rest = measure_drift(blocks)
    kept = rule.keeps(drift, texture, rest)
    if not kept.any():
        raise SignalError(
            f"make_examples: none of {len(blocks)} blocks drifts as the rule wants ({rule}): "
            "take a larger region, or a rule that asks for less"
        )
    chosen, drift = blocks[kept], drift[kept]
    down = np.abs(drift[:, 0]) > np.abs(drift[:, 1])
    chosen = np.where(down[:, None, None, None], chosen.swapaxes(2, 3), chosen)
    y = (np.where(down, drift[:, 0], drift[:, 1]) > 0).astype(np.intp)
    x, labels = four_versions(chosen, y)
    return Examples(even_out(x), labels, describe_brightness(x), len(blocks))


def four_versions(blocks: Array, y: Integers) -> tuple[Array, Integers]:
    """Return each block as it is, backwards, mirrored, and both, with their classes.

    >>> x, y = four_versions(np.arange(4.0).reshape(1, 2, 1, 2), np.array([1]))
    >>> x.reshape(4, 4), y
    (array([[0., 1., 2., 3.],
           [2., 3., 0., 1.],
           [1., 0., 3., 2.],
           [3., 2., 1., 0.]]), array([1, 0, 0, 1]))
    """
    backwards = blocks[:, ::-1]
    each = np.stack([blocks, backwards, blocks[..., ::-1], backwards[..., ::-1]], axis=1)
    labels = np.stack([y, 1 - y, 1 - y, y], axis=1)
    # (N, 4, D, H, W) -> (4N, D, H, W)
    return each.reshape(-1, *blocks.shape[1:]), labels.ravel()


def even_out(x: Array) -> Array:
    """Give every slice mean 0 and standard deviation 1 of its own.

    Each slice on its own: a mean over the whole block would tell a slice about the others, and
    a network could guess the direction from one slice. From the first frame of a movie's block
    it did, in two cases of three.
    """
    mean, std = x.mean(axis=(2, 3), keepdims=True), x.std(axis=(2, 3), keepdims=True)
    even: Array = ((x - mean) / (std + TINY)).astype(np.float32)
    return even


def describe_brightness(blocks: Array) -> Array:
    """`PERCENTILES` of every block: (N, D, H, W) -> float32 (N, P)."""
    values = np.percentile(blocks.reshape(len(blocks), -1), PERCENTILES, axis=1)
    return values.T.astype(np.float32)
