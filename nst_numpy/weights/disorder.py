"""Kernels whose numbers are in another order than their shape says.

Neighbouring entries of a trained kernel are alike: over all pairs of channels they correlate, in
each layer of the published VGG-16 by 0.5 to 0.8. Numbers that were reshaped where they should have
been transposed have lost that: less than 0.03. Where the right kernel is known, the two are
compared, and what was done to it is found by trying.
"""

from collections.abc import Mapping

import numpy as np

from nst_numpy.weights.stored import Pair

UNRELATED = 0.25  # a correlation below is none


def neighbour_correlation(kernel: np.ndarray) -> float:
    """Correlate the entries of a kernel with their neighbours, to the right and below.

    Parameters
    ----------
    kernel : ndarray, (kh, kw, C_in, C_out)

    Returns
    -------
    float
        The mean over all pairs of neighbouring places, -1 to 1. NaN where a place has one number in
        all channels.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> smooth = np.cumsum(rng.standard_normal((3, 3, 8, 8)), axis=0).cumsum(axis=1)
    >>> bool(neighbour_correlation(smooth) > 0.6)
    True
    """
    kh, kw = kernel.shape[:2]
    # (kh, kw, C_in, C_out) -> (kh*kw, C_in*C_out)
    places = kernel.reshape(kh * kw, -1).astype(np.float64)
    places -= places.mean(axis=1, keepdims=True)
    # (kh*kw, C_in*C_out) @ (C_in*C_out, kh*kw) -> (kh*kw, kh*kw)
    products = places @ places.T
    length = np.sqrt(np.diag(products))
    index = np.arange(kh * kw).reshape(kh, kw)
    pairs = [(index[:, :-1], index[:, 1:]), (index[:-1], index[1:])]
    one, other = (np.concatenate([pair[side].ravel() for pair in pairs]) for side in (0, 1))
    with np.errstate(invalid="ignore", divide="ignore"):
        return float(np.mean(products[one, other] / (length[one] * length[other])))


def find_unrelated(params: Mapping[str, Pair]) -> dict[str, float]:
    """Find the kernels whose neighbouring entries have nothing to do with each other.

    Returns
    -------
    dict of str to float
        Layer name to correlation; NaN where nothing can be said, as of `neighbour_correlation`.
    """
    found = {name: neighbour_correlation(kernel) for name, (kernel, _) in params.items()}
    return {name: value for name, value in found.items() if not value >= UNRELATED}


def find_different(params: Mapping[str, Pair], right: Mapping[str, Pair]) -> dict[str, str]:
    """Find the kernels that are not the right ones.

    Parameters
    ----------
    params, right : mapping of str to (ndarray, ndarray)
        What a file has, and what it should have; rounding to half precision is allowed for.

    Returns
    -------
    dict of str to str
        Layer name to what was done to its kernel; no text where it has other numbers.
    """
    found = {}
    for name, (kernel, _) in params.items():
        if not _same(kernel, right[name][0]):
            undone = _undone(kernel).items()
            found[name] = next((how for how, back in undone if _same(back, right[name][0])), "")
    return found


def _undone(kernel: np.ndarray) -> dict[str, np.ndarray]:
    """Return the kernel as it was before each of the usual mistakes."""
    kh, kw, c_in, c_out = kernel.shape
    undone = {
        "turned by 180°": kernel[::-1, ::-1],
        "upside down": kernel[::-1],
        "mirrored": kernel[:, ::-1],
        # (kw, kh, C_in, C_out) -> (kh, kw, C_in, C_out)
        "stored with rows and columns swapped": kernel.transpose(1, 0, 2, 3),
        # (C_out, C_in, kh, kw) -> (kh, kw, C_in, C_out)
        "reshaped from channels first, not transposed": (
            kernel.reshape(c_out, c_in, kh, kw).transpose(2, 3, 1, 0)
        ),
    }
    if c_in == c_out:
        # (kh, kw, C_out, C_in) -> (kh, kw, C_in, C_out)
        undone["stored with inputs and outputs swapped"] = kernel.transpose(0, 1, 3, 2)
    if c_in == 3:
        undone["stored with red, not blue, first"] = kernel[:, :, ::-1]
    return undone


def _same(found: np.ndarray, right: np.ndarray) -> bool:
    """Whether two kernels are equal but for rounding to half precision."""
    # a few entries tell most that differ
    parts = ((slice(None), slice(None), 0, 0), ...)
    return all(np.allclose(found[part], right[part], rtol=1e-3, atol=1e-7) for part in parts)
