"""Whose colours a picture has: those of the photograph, or those of the painting.

A style is colours and strokes. Each function here takes one picture's colours to another, and
leaves what is painted: no network is asked. Gatys, Bethge, Hertzmann and Shechtman (2016),
"Preserving color in neural artistic style transfer", compare the ways.
"""

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias, TypeVar, get_args

import numpy as np
from numpy.typing import NDArray

from nst_numpy.common.arrays import AnyImage, Array, Array64, Image, Image16
from nst_numpy.common.checks import check_choice
from nst_numpy.errors import ShapeError, UnknownNameError
from nst_numpy.pictures.depth import deprocess16, to_16_bits
from nst_numpy.pictures.images import check_image, levels, resize_x, to_8_bits

Root: TypeAlias = Literal["symmetric", "cholesky"]
Colors: TypeAlias = Literal["style", "content", "match", "match-cholesky", "histogram"]
_Image = TypeVar("_Image", Image, Image16, AnyImage)
COLORS: tuple[Colors, ...] = get_args(Colors)

LUMINANCE = np.array([0.299, 0.587, 0.114])  # of red, green and blue: Rec. 601
# Grey levels squared: directions in which a picture's colours vary by less are not stretched.
SMALLEST_VARIANCE = 1.0
PALETTE_PIXELS = 1 << 18  # that the picture which counts most has in a joint palette


def luminance(image: NDArray[Any]) -> Array64:
    """Return Y, (H, W), of an RGB picture (H, W, 3); both 0 to 255."""
    grey: Array64 = image.astype(np.float64) @ LUMINANCE
    return grey


def colors_before(colors: Colors, content: AnyImage, style: AnyImage) -> AnyImage:
    """Return the photograph that a run paints from, with the colours that it shall have."""
    if colors in ("match", "match-cholesky"):
        return match_colors(content, style, "symmetric" if colors == "match" else "cholesky")
    return content


def colors_after(colors: Colors, painted: Image, content: AnyImage, style: AnyImage) -> Image:
    """Return what was painted, with the colours that it shall have; all of them (H, W, 3)."""
    if colors == "content":
        return keep_colors(painted, content)
    return match_histograms(painted, to_8_bits(style)) if colors == "histogram" else painted


def image16_after(colors: Colors, x: Array, content: AnyImage, style: AnyImage) -> Image16:
    """Make of x a picture of 16 bits, of the content's size, as `colors_after` does of 8."""
    painted = deprocess16(resize_x(x, content.shape[:2]))
    if colors == "content":
        return to_16_bits(_with_luminance(content, luminance(levels(painted))))
    if colors != "histogram":
        return painted
    table = _histogram_table(to_8_bits(painted), to_8_bits(style))
    matched = [np.interp(levels(painted)[..., c], np.arange(256), table[c]) for c in range(3)]
    return to_16_bits(np.stack(matched, axis=-1))


def joint_palette(images: Sequence[AnyImage], weights: Sequence[float]) -> AnyImage:
    """Return a picture that has the colours of several, of each as many pixels as it counts.

    Only which colours there are is kept, not where. One picture is returned as it is.

    Parameters
    ----------
    images : list of ndarray, uint8 (H, W, 3)
    weights : list of float
        One at least is above 0; a picture of weight 0 gives no pixel.

    Returns
    -------
    ndarray, uint8 (1, M, 3)
    """
    if len(images) == 1:
        return images[0]
    largest = max(weights)
    counts = [round(PALETTE_PIXELS * weight / largest) for weight in weights]
    rows = [
        pixels[np.linspace(0, len(pixels) - 1, count).round().astype(int)]
        for pixels, count in zip(
            (to_8_bits(image).reshape(-1, 3) for image in images), counts, strict=True
        )
    ]
    return np.concatenate(rows)[None]  # (M, 3) -> (1, M, 3)


def keep_colors(result: Image, content: AnyImage) -> Image:
    """Give a result the colours of the photograph, and leave it its own luminance.

    In YIQ, as in television, a colour is its luminance and two differences. Those of the content
    stay if all three of red, green and blue rise by as much as the luminance does.

    Parameters
    ----------
    result, content : ndarray, uint8 (H, W, 3)
        Of one size; the content may be uint16.

    Returns
    -------
    ndarray, uint8 (H, W, 3)
        Where a colour of that luminance is beyond what a screen can show, it is clipped.

    Raises
    ------
    ShapeError
        One is not a picture, or their sizes differ.

    Examples
    --------
    >>> grey, red = np.full((1, 1, 3), 90, np.uint8), np.array([[[150, 30, 30]]], np.uint8)
    >>> keep_colors(grey, red), luminance(red).round(1)
    (array([[[174,  54,  54]]], dtype=uint8), array([[65.9]]))
    """
    check_image("keep_colors", result)
    check_image("keep_colors", content)
    if result.shape != content.shape:
        raise ShapeError(
            f"keep_colors: the result has shape {result.shape}, the content {content.shape}: "
            "resize_image brings them to one size"
        )
    return _as_image(_with_luminance(content, luminance(levels(result))))


def _with_luminance(content: AnyImage, wanted: Array64) -> Array64:
    """Raise red, green and blue alike: (H, W, 3) of luminance (H, W), not rounded."""
    rise = wanted - luminance(levels(content))
    raised: Array64 = levels(content) + rise[..., None]
    return raised


def match_colors(image: _Image, like: AnyImage, root: Root = "symmetric") -> _Image:
    """Carry the mean and the covariance of one picture's colours to another.

    Each colour x, with mean μ and covariance Σ over the picture, becomes A (x − μ) + μ', where
    A Σ Aᵀ = Σ'. Of the many A that do it, `root` chooses one: equations (2) to (4) of Gatys et al.

    Parameters
    ----------
    image, like : ndarray, uint8 or uint16, (H, W, 3) and (H', W', 3)
        The picture that changes, and the one whose colours it gets.
    root : {"symmetric", "cholesky"}
        A = Σ'^½ Σ^−½, which turns colours little; or L' L⁻¹ with Σ = L Lᵀ, which takes red first.

    Returns
    -------
    ndarray, (H, W, 3)
        Of the dtype of `image`. Clipped to 0 … 255, or what that is in 16 bits, so that mean and
        covariance are nearly those of `like`.

    Raises
    ------
    ShapeError
        One is not a picture.
    UnknownNameError
        There is no such root.
    """
    check_image("match_colors", image)
    check_image("match_colors", like)
    check_choice("match_colors: root", root, ROOTS, UnknownNameError)
    x, other = (levels(i).reshape(-1, 3).astype(np.float64) for i in (image, like))  # (M, 3)
    mean, wanted = x.mean(axis=0), other.mean(axis=0)
    a = ROOTS[root](np.cov(x.T, bias=True), np.cov(other.T, bias=True))
    matched = ((x - mean) @ a.T + wanted).reshape(image.shape)  # (M, 3) -> (H, W, 3)
    made: Any = to_16_bits(matched) if image.dtype == np.uint16 else _as_image(matched)
    return made  # type: ignore[no-any-return]


def match_histograms(image: Image, like: Image) -> Image:
    """Give each of red, green and blue the distribution that it has in another picture.

    A value that so many parts of a hundred of the picture are below becomes the one that as many
    of the other are below. Three channels alone: unlike `match_colors` it knows nothing of which
    red goes with which blue, but much of each.

    Parameters
    ----------
    image, like : ndarray, uint8 (H, W, 3) and (H', W', 3)
        The picture that changes, and the one whose distribution it gets.

    Returns
    -------
    ndarray, uint8 (H, W, 3)

    Raises
    ------
    ShapeError
        One is not a picture.
    """
    check_image("match_histograms", image)
    check_image("match_histograms", like)
    image, like = to_8_bits(image), to_8_bits(like)
    table = _histogram_table(image, like)
    return _as_image(np.stack([table[c][image[..., c]] for c in range(3)], axis=-1))


def _histogram_table(image: Image, like: Image) -> list[Array64]:
    """Return what each level of red, green and blue becomes: three of (256,)."""
    table = []
    for channel in range(3):
        below, wanted = (_cumulative(each[..., channel]) for each in (image, like))
        levels = np.flatnonzero(np.diff(wanted, prepend=0))  # those that `like` has
        table.append(np.interp(below, wanted[levels], levels))
    return table


def _cumulative(channel: Image) -> Array64:
    """Share of a channel below each level, 0 to 255, and half of what is at it: (256,)."""
    counts = np.bincount(channel.ravel(), minlength=256) / channel.size
    shares: Array64 = np.cumsum(counts) - counts / 2
    return shares


def _symmetric(own: Array64, wanted: Array64) -> Array64:
    """Return A = Σ'^½ Σ^−½, of symmetric roots."""
    whitened: Array64 = _power(wanted, 0.5) @ _power(own, -0.5)
    return whitened


def _cholesky(own: Array64, wanted: Array64) -> Array64:
    """Return A = L' L⁻¹, of triangular roots."""
    floor = SMALLEST_VARIANCE * np.eye(3)
    ours, theirs = (np.linalg.cholesky(each + floor) for each in (own, wanted))
    whitened: Array64 = np.asarray(theirs @ np.linalg.inv(ours), dtype=np.float64)
    return whitened


def _power(covariance: Array64, exponent: float) -> Array64:
    """Σ^p = U diag(λ^p) Uᵀ, with no λ below `SMALLEST_VARIANCE`."""
    values, vectors = np.linalg.eigh(covariance)
    power: Array64 = (vectors * np.maximum(values, SMALLEST_VARIANCE) ** exponent) @ vectors.T
    return power


ROOTS = {"symmetric": _symmetric, "cholesky": _cholesky}


def _as_image(values: Array64) -> Image:
    """Round and clip."""
    return np.rint(values).clip(0, 255).astype(np.uint8)
