"""How far two pictures are apart: the measures that `judge` puts on a scale.

Each says what it compares and where it is from. None of them is a loss that a picture was painted
with, and two need no network at all.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, zoom

from nst_numpy.common.arrays import Array, Image
from nst_numpy.pictures.images import resize_image
from nst_numpy.pictures.palette import luminance

Floats = NDArray[np.float64]

DIRECTIONS = 64  # of a sliced distance
QUANTILES = 512  # of each direction's distribution
SIDE = 7  # pixels of a patch, Karras et al. (2018)
LEVELS = 4  # of the Laplacian pyramid
COPIED_SIDE, COPIED_GRID = 11, 24  # pixels of a patch; patches along each side of the picture
PLAIN = 8.0  # standard deviation of a patch, 0 to 255, below which it does not count
IDENTICAL = 8.0  # root mean square difference, 0 to 255, below which a patch is copied
SSIM_SIZE = 64  # pixels of the longest side
_SSIM_SIGMA, _SSIM_FLOORS = 1.5, ((0.01 * 255) ** 2, (0.03 * 255) ** 2)
_GRID = 20  # positions a side that are compared with each other


def feature_distance(a: Array, b: Array) -> float:
    """1 − the correlation of two activations: 0 for equal ones, about 1 for unrelated ones.

    Each channel counts about its own mean, so that colours and contrast, which are the same all
    over a picture, count little, and what stands where counts.

    Parameters
    ----------
    a, b : ndarray, (1, H, W, C)
    """
    return _uncorrelated(a - a.mean(axis=(0, 1, 2)), b - b.mean(axis=(0, 1, 2)))


def structural_dissimilarity(a: Image, b: Image) -> float:
    """1 − SSIM of the luminance; 0 for equal pictures, about 1 for unrelated ones.

    Wang et al. (2004), with their constants and a Gaussian window of σ = 1.5, of pictures made
    so small (`SSIM_SIZE`) that strokes melt: as seen from where one sees a painting whole.
    """
    a, b = (resize_image(each, min(SSIM_SIZE, max(each.shape))) for each in (a, b))

    def local_mean(values: Floats) -> Floats:
        smooth: Floats = gaussian_filter(values, _SSIM_SIGMA, truncate=3.5)
        return smooth

    x, y = luminance(a), luminance(b)
    mean_x, mean_y = local_mean(x), local_mean(y)
    var_x, var_y = local_mean(x * x) - mean_x**2, local_mean(y * y) - mean_y**2
    covariance = local_mean(x * y) - mean_x * mean_y
    floor_1, floor_2 = _SSIM_FLOORS
    same_mean = (2 * mean_x * mean_y + floor_1) / (mean_x**2 + mean_y**2 + floor_1)
    same_structure = (2 * covariance + floor_2) / (var_x + var_y + floor_2)
    return float(1 - (same_mean * same_structure).mean())


def self_similarity_distance(a: Array, b: Array) -> float:
    """1 − the correlation of two pictures' self-similarities: which of its places are alike.

    A place's activation is compared, by its cosine, with that of every other place. Colours and
    strokes may change; what was like what should stay. Kolkin et al. (2019), section 2.3.

    Parameters
    ----------
    a, b : ndarray, (1, H, W, C)
    """
    return _uncorrelated(_self_similarities(a), _self_similarities(b))


def unit_length(a: Array) -> Array:
    """Divide each place's activation by its length, as LPIPS does: Zhang et al. (2018), equation 1.

    Which units answer counts, and how strongly all of them do does not. Without it a picture that
    a deep layer hardly answers to, as noise, is near to a dark painting.

    Parameters
    ----------
    a : ndarray, (*places, C)
        A place where nothing answers stays at 0.
    """
    length = np.linalg.norm(a, axis=-1, keepdims=True)
    unit: Array = a / np.maximum(length, np.finfo(a.dtype).tiny)
    return unit


def sliced_distance(a: Array, b: Array, directions: Array) -> float:
    """Compare two clouds of points along fixed directions, quantile by quantile: mean square.

    Sliced Wasserstein distance, squared: Rabin et al. (2012).

    Parameters
    ----------
    a, b : ndarray, (M, C) and (M', C)
    directions : ndarray, (C, D)
        Of length 1 each; see `draw_directions`.
    """
    first, second = (_quantiles(each @ directions) for each in (a, b))  # (M, C) @ (C, D)
    return float(np.square(first - second).mean())


def _quantiles(values: Array) -> Floats:
    """Return `QUANTILES` quantiles of each column, (M, D) -> (D, Q).

    `np.quantile` gives the same; all in one sort takes a fraction of its time.
    """
    ordered = np.sort(np.ascontiguousarray(values.T), axis=1)
    places = (np.arange(QUANTILES) + 0.5) / QUANTILES * (len(values) - 1)
    below = places.astype(int)
    above = np.minimum(below + 1, len(values) - 1)
    share = places - below
    quantiles: Floats = ordered[:, below] * (1 - share) + ordered[:, above] * share
    return quantiles


def draw_directions(channels: int, rng: np.random.Generator, dtype: np.dtype) -> Array:
    """Draw `DIRECTIONS` directions, (C, D), evenly from the sphere."""
    drawn = rng.standard_normal((channels, DIRECTIONS))
    directions: Array = (drawn / np.linalg.norm(drawn, axis=0)).astype(dtype)
    return directions


def laplacian_pyramid(image: Image) -> Iterator[NDArray[np.float32]]:
    """Split a picture into its details at `LEVELS` sizes, fine to coarse; the last keeps the rest.

    Burt and Adelson (1983).
    """
    level = image.astype(np.float32)
    for _ in range(LEVELS - 1):
        if min(level.shape[:2]) < 4 * SIDE:
            break
        smooth = gaussian_filter(level, (1, 1, 0))
        coarse = smooth[::2, ::2]
        sides = [large / small for large, small in zip(level.shape, coarse.shape, strict=True)]
        yield level - zoom(coarse, sides, order=1)
        level = coarse
    yield level


def patches_of(level: NDArray[np.float32], side: int = SIDE) -> NDArray[np.float32]:
    """Return all patches, (M, side·side·3)."""
    windows = np.lib.stride_tricks.sliding_window_view(level, (side, side), axis=(0, 1))
    # (H', W', 3, side, side) -> (M, side·side·3)
    patches: NDArray[np.float32] = windows.reshape(-1, side * side * level.shape[2])
    return patches


def copied_share(result: Image, style: Image) -> float:
    """Share of a picture's patches whose nearest patch of the painting is all but identical.

    Patches without detail do not count: one piece of plain sky is as good as another.

    Parameters
    ----------
    result, style : ndarray, uint8 (H, W, 3)
    """
    side = COPIED_SIDE
    rows = np.linspace(0, result.shape[0] - side, COPIED_GRID).round().astype(int)
    cols = np.linspace(0, result.shape[1] - side, COPIED_GRID).round().astype(int)
    windows = np.lib.stride_tricks.sliding_window_view(result, (side, side), axis=(0, 1))
    # (rows, cols, 3, side, side) -> (M, 3·side·side)
    own = windows[np.ix_(rows, cols)].reshape(len(rows) * len(cols), -1).astype(np.float32)
    own = own[own.std(axis=1) > PLAIN]
    nearest = np.full(len(own), np.inf, np.float32)
    for strip in np.lib.stride_tricks.sliding_window_view(style, (side, side), axis=(0, 1)):
        # (cols, 3, side, side) -> (M', 3·side·side)
        theirs = strip.reshape(len(strip), -1).astype(np.float32)
        # ‖p − q‖² = ‖p‖² − 2 p·q + ‖q‖²
        squares = (theirs**2).sum(axis=1) - 2 * own @ theirs.T
        np.minimum(nearest, squares.min(axis=1, initial=np.inf), out=nearest)
    squared = np.maximum(nearest + (own**2).sum(axis=1), 0) / own.shape[1]
    return float((np.sqrt(squared) < IDENTICAL).mean()) if len(own) else 0.0


def _uncorrelated(a: Array, b: Array) -> float:
    """1 − the correlation; of arrays of which one is constant, 0 if they are equal, else 1."""
    a, b = a - a.mean(), b - b.mean()
    lengths = np.sqrt(np.square(a, dtype=np.float64).sum() * np.square(b, dtype=np.float64).sum())
    if not lengths > 0:
        return float(not np.array_equal(a, b))
    return float(np.maximum(0, 1 - np.vdot(a, b) / lengths))  # rounding may go below 0


def _self_similarities(a: Array) -> Floats:
    """Return the cosines of all pairs of places on a grid, each pair once."""
    _, height, width, channels = a.shape
    rows = np.linspace(0, height - 1, min(height, _GRID)).round().astype(int)
    cols = np.linspace(0, width - 1, min(width, _GRID)).round().astype(int)
    # (1, H, W, C) -> (M, C)
    places = unit_length(a[0][np.ix_(rows, cols)].astype(np.float64)).reshape(-1, channels)
    cosines: Floats = (places @ places.T)[np.triu_indices(len(places), 1)]
    return cosines
