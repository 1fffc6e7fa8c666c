"""Pictures: from a file to the numbers that a network reads, and back.

A picture has two forms and no third. `image` is uint8 RGB (H, W, 3), what a screen shows.
`x` is float BGR (1, H, W, 3) minus the ImageNet means, what VGG was trained on. Of a file with 16
bits a colour an image may be uint16, 0 to 65535; on the way to `x` nothing of it is lost.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

from nst_numpy.common.arrays import AnyImage, Image16
from nst_numpy.common.arrays import Image as ImageArray
from nst_numpy.common.checks import check_dtype
from nst_numpy.errors import NonFiniteError, OutputError, ShapeError
from nst_numpy.files import PathLike, atomic_write, check_output

if TYPE_CHECKING:
    from PIL.Image import Exif

    from nst_numpy.pictures.encoding import Depth, ProfileName

# Functions import Pillow, and `decoding` with it, when they run: not every start needs them.

Picture = PathLike | ImageArray | Image16
LEVELS = 257  # 16-bit levels to one of 8 bits: 65535 = 255 · 257

_Image = TypeVar("_Image", ImageArray, Image16, AnyImage)

# The mean colour of ImageNet's training pictures in the order blue, green, red.
MEAN_BGR = np.array([103.939, 116.779, 123.68])
# The values of x that black and white pixels have: no picture lies outside.
PIXEL_LOW = 0 - MEAN_BGR
PIXEL_HIGH = 255 - MEAN_BGR
STRIP = 1 << 18  # pixels that are brought from one form to the other at a time
for _constant in (MEAN_BGR, PIXEL_LOW, PIXEL_HIGH):
    _constant.setflags(write=False)

# suffix: (Pillow's name of the format, its settings)
FORMATS: dict[str, tuple[str, dict[str, Any]]] = {
    ".png": ("PNG", {}),
    ".jpg": ("JPEG", {"quality": 95, "subsampling": "4:4:4"}),
    ".jpeg": ("JPEG", {"quality": 95, "subsampling": "4:4:4"}),
    ".webp": ("WEBP", {"quality": 95}),
    ".avif": ("AVIF", {"quality": 90, "subsampling": "4:4:4"}),
    ".tif": ("TIFF", {}),
    ".tiff": ("TIFF", {}),
    ".bmp": ("BMP", {}),
}


def load_image(path: PathLike, size: int | None = None) -> ImageArray:
    """Read a picture.

    Transparent parts are shown on white. EXIF orientation is applied. An animation gives its
    first frame. 16 bits are scaled to 8; CMYK, YCbCr and LAB become RGB, and colours with
    a profile sRGB. Pixels in float, with a sign or of 32 bits are refused, because such a file
    does not say which value is white.

    Parameters
    ----------
    path
        PNG, JPEG, WebP, TIFF, GIF, BMP and others, whatever the file is called; see
        `decoding.READABLE`. A leading `~` is the home folder. Or the name of a sample, as
        "starry_night"; a file of that name is taken first. See `pictures.samples`.
    size
        Longest side of the result in pixels, by Lanczos with antialiasing, up or down. The
        other side keeps the aspect ratio, and is 1 at least. None keeps the size.

    Returns
    -------
    uint8 array, (H, W, 3)
        RGB, 0 to 255.

    Raises
    ------
    ImageError
        The file is missing, a folder, empty, damaged, too large, or not a picture.
    UnknownPictureError
        Neither a file nor a sample has that name; the message gives the nearest samples. It is
        an ImageError too.
    SettingError
        `size` is not a whole number of 1 or more, or makes too large a picture.
    TooLargeError
        There is not enough memory.
    """
    from nst_numpy.pictures.decoding import decode_file

    return decode_file(path, size)


def save_image(
    path: PathLike,
    image: ImageArray | Image16,
    *,
    quality: int | None = None,
    profile: "ProfileName | bytes" = "srgb",
    comment: str | None = None,
    exif: "Exif | None" = None,
) -> None:
    """Write a picture, completely or not at all.

    PNG, TIFF and BMP keep every byte. JPEG and WebP (quality 95) and AVIF (90), all with colours
    at full resolution, are smaller and change pixels a little.

    Parameters
    ----------
    path
        The file to be; its suffix chooses the format (see `FORMATS`). An existing file is
        replaced.
    image
        uint8 (H, W, 3), RGB; or (H, W, 4), RGBA, for a format that can be transparent: PNG, WebP,
        AVIF and TIFF. PNG and TIFF take uint16 too, 0 to 65535, and are then of 16 bits.
    quality
        1 to 100, of a JPEG, WebP or AVIF.
    profile
        What is said of the colours: "srgb" puts the profile of sRGB into the file, so that every
        program shows the same; "none" says nothing. Bytes are an ICC profile of RGB: the picture is
        brought to its colours, and it goes into the file.
    comment
        A text to go along, as the command that made the picture. BMP has no place for it.
    exif
        EXIF to go along, from `metadata.read_exif`. BMP has no place for it.

    Raises
    ------
    OutputError
        The suffix is unknown, the file cannot be written, or the format cannot hold a picture
        of this size or kind.
    ShapeError
        `image` has another shape or dtype.
    SettingError
        `quality` or `profile` cannot work.

    Examples
    --------
    >>> import tempfile
    >>> image = np.full((2, 3, 3), 200, dtype=np.uint8)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_image(f"{folder}/grey.png", image)
    ...     bool((load_image(f"{folder}/grey.png") == image).all())
    True
    """
    from nst_numpy.pictures.encoding import check_to_save, encode_file

    check_to_save(image)
    depth: Depth = 16 if image.dtype == np.uint16 else 8
    transparent = image.shape[2] == 4
    target = check_image_output(
        path, depth=depth, transparent=transparent, quality=quality, profile=profile
    )
    kind, settings = FORMATS[target.suffix.lower()]
    if quality is not None:
        settings = settings | {"quality": quality}
    with atomic_write(target) as temporary:
        encode_file(temporary, kind, image, settings, profile, comment, exif)


def check_image_output(
    path: PathLike,
    *,
    depth: "Depth" = 8,
    transparent: bool = False,
    quality: int | None = None,
    profile: "ProfileName | bytes" = "srgb",
) -> Path:
    """Find out, before the run, whether a picture can be written.

    Parameters
    ----------
    path
        The file to be.
    depth, transparent
        Bits of a colour, 8 or 16, and whether it has transparent parts.
    quality, profile
        As in `save_image`.

    Returns
    -------
    Path
        The path, with `~` expanded. Nothing has been written.

    Raises
    ------
    OutputError
        The suffix names no format that can be written, or none for such a picture; or
        `files.check_output` refuses.
    SettingError
        `depth`, `quality` or `profile` cannot work.

    Examples
    --------
    >>> check_image_output("painted.gif")
    Traceback (most recent call last):
    nst_numpy.errors.OutputError: painted.gif: the suffix .gif names no format that can be \
written: use .png, .jpg, .jpeg, .webp, .avif, .tif, .tiff or .bmp
    """
    suffix = Path(path).suffix
    if suffix.lower() not in FORMATS:
        *most, last = FORMATS
        found = f"the suffix {suffix} names no format that can be written"
        raise OutputError(
            f"{path}: {found if suffix else 'a suffix is missing'}: use {', '.join(most)} or {last}"
        )
    from nst_numpy.pictures.encoding import check_format

    check_format(path, FORMATS[suffix.lower()][0], depth, transparent, quality, profile)
    return check_output(path)


def resize_image(image: _Image, size: int | tuple[int, int]) -> _Image:
    """Resize a picture by Lanczos with antialiasing, up or down.

    Parameters
    ----------
    image
        uint8 or uint16 (H, W, 3), RGB.
    size
        Longest side in pixels, which keeps the aspect ratio; or (height, width).

    Returns
    -------
    array, (H', W', 3)
        Of the same dtype; a new one, also where the size stays.

    Raises
    ------
    ShapeError
        `image` has another shape or dtype.
    SettingError
        A side is not a whole number of 1 or more, or the result would be too large.

    Examples
    --------
    >>> image = np.zeros((300, 400, 3), dtype=np.uint8)
    >>> resize_image(image, 100).shape, resize_image(image, (20, 10)).shape
    ((75, 100, 3), (20, 10, 3))
    """
    from PIL import Image

    from nst_numpy.pictures.decoding import new_shape

    check_image("resize_image", image)
    height, width = new_shape("resize_image", image.shape[:2], size)
    if (height, width) == image.shape[:2]:
        return image.copy()
    if image.dtype == np.uint16:
        from nst_numpy.pictures.low_bytes import resize_colours

        deep: Any = image
        return resize_colours(deep, (height, width))  # type: ignore[return-value]
    resized = Image.fromarray(image).resize((width, height), Image.Resampling.LANCZOS)
    return np.array(resized)


def widen(x: NDArray[Any], margin: int) -> NDArray[Any]:
    """Give what VGG reads a margin, in which the picture is mirrored.

    Parameters
    ----------
    x
        (1, H, W, 3).
    margin
        Pixels on each side, as many as one likes.

    Returns
    -------
    array, (1, H + 2·margin, W + 2·margin, 3)
        x itself if the margin is 0.
    """
    if not margin:
        return x
    return np.pad(x, ((0, 0), (margin, margin), (margin, margin), (0, 0)), mode="symmetric")


def cut(x: NDArray[Any], margin: int) -> NDArray[Any]:
    """Cut a margin off again, `widen`'s other half.

    >>> cut(widen(np.arange(12.0).reshape(1, 2, 2, 3), 5), 5).tolist()
    [[[[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]], [[6.0, 7.0, 8.0], [9.0, 10.0, 11.0]]]]
    """
    return x[:, margin:-margin, margin:-margin].copy() if margin else x


def resize_x(x: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """Resize what VGG reads, as `resize_image` does, without rounding or clipping.

    Parameters
    ----------
    x
        float (1, H, W, 3), of any values.
    size
        (height, width).

    Returns
    -------
    float array, (1, H', W', 3)
        In the dtype of x; float64 loses what float32 does not hold.

    Raises
    ------
    ShapeError
        `x` has another shape, or is not float.
    NonFiniteError
        `x` has a NaN or an infinite value.

    Examples
    --------
    >>> resize_x(np.full((1, 2, 4, 3), 300.5), (4, 8))[0, 0, 0]
    array([300.5, 300.5, 300.5])
    """
    from PIL import Image

    check_x("resize_x", x)
    if x.shape[1:3] == size:
        return x.copy()
    planes = [Image.fromarray(plane.astype(np.float32)) for plane in np.moveaxis(x[0], -1, 0)]
    resized = [plane.resize(size[::-1], Image.Resampling.LANCZOS) for plane in planes]
    whole = np.stack([np.asarray(plane) for plane in resized], axis=-1)[np.newaxis]
    return whole.astype(x.dtype, copy=False)


def as_image(value: Picture, size: int | None = None) -> ImageArray:
    """Read what counts as a picture: a path, the name of a sample, or an array of bytes.

    Parameters
    ----------
    value
        A path or the name of a sample, as in `load_image`; or a uint8 array: RGB (H, W, 3),
        grey (H, W), or RGBA (H, W, 4), which is shown on white; or uint16, RGB, which is scaled.
    size
        Longest side of the result in pixels. None keeps the size.

    Returns
    -------
    uint8 array, (H, W, 3)
        RGB. A new array, never `value` itself.

    Raises
    ------
    ImageError
        The file cannot be read.
    ShapeError
        The array has another shape or dtype, or the value is neither path nor array.
    SettingError
        `size` is not a whole number of 1 or more, or makes too large a picture.

    Examples
    --------
    >>> as_image(np.array([[0, 255]], dtype=np.uint8)).tolist()
    [[[0, 0, 0], [255, 255, 255]]]
    """
    if isinstance(value, (str, os.PathLike)):
        return load_image(value, size)
    from nst_numpy.pictures.decoding import decode_array

    if isinstance(value, np.ndarray) and value.dtype == np.uint16:
        check_image("as_image", value)
        image = to_8_bits(value)
    else:
        image = decode_array(value)  # type: ignore[arg-type]
    return image if size is None else resize_image(image, size)


def as_exact(value: Picture, size: int | None = None) -> AnyImage:
    """Read what counts as a picture, as `as_image` does; one of 16 bits a colour keeps them.

    Parameters
    ----------
    value, size
        As in `as_image`.

    Returns
    -------
    uint8 or uint16 array, (H, W, 3)
        RGB, 0 to 255 or 0 to 65535. uint16 of a PNG or TIFF with 16 bits, in colour or grey, and
        of an array that is; a file whose profile changes colours is brought to sRGB in 8 bits.

    Raises
    ------
    ImageError, ShapeError, SettingError
        As in `as_image`.

    Examples
    --------
    >>> as_exact(np.full((1, 1, 3), 65534, np.uint16)).tolist()
    [[[65534, 65534, 65534]]]
    """
    if isinstance(value, (str, os.PathLike)):
        from nst_numpy.pictures.decoding import decode_exactly

        return decode_exactly(value, size)
    if not isinstance(value, np.ndarray) or value.dtype != np.uint16:
        return as_image(value, size)
    check_image("as_exact", value)
    return value.copy() if size is None else resize_image(value, size)


def to_8_bits(image: AnyImage) -> ImageArray:
    """Bring 0 to 65535 to 0 to 255, to the nearest level; a picture of 8 bits is left as it is.

    >>> to_8_bits(np.array([[[128, 129, 65535]]], np.uint16)).tolist()
    [[[0, 1, 255]]]
    """
    if image.dtype == np.uint8:
        same: ImageArray = image  # type: ignore[assignment]
        return same
    nearest: ImageArray = ((image.astype(np.uint32) + LEVELS // 2) // LEVELS).astype(np.uint8)
    return nearest


def levels(image: AnyImage) -> NDArray[Any]:
    """Return the levels of a picture, 0 to 255: whole ones of 8 bits, others of 16.

    >>> levels(np.array([[[257, 385, 65535]]], np.uint16)).round(3).tolist()
    [[[1.0, 1.498, 255.0]]]
    """
    return image if image.dtype == np.uint8 else image / LEVELS


def longest_side(value: Picture) -> int:
    """Return the longest side of what `as_image` reads, in pixels, before any change of size.

    >>> longest_side(np.zeros((20, 30, 3), dtype=np.uint8))
    30
    """
    if isinstance(value, np.ndarray):
        return int(max(value.shape[:2]))
    from nst_numpy.pictures.decoding import opened

    with opened(value) as (picture, _):
        return int(max(picture.size))


def preprocess(image: AnyImage, dtype: DTypeLike = np.float32) -> NDArray[Any]:
    """Turn a picture into what VGG reads.

    Parameters
    ----------
    image
        uint8 (H, W, 3), RGB, 0 to 255; or uint16, 0 to 65535.
    dtype
        float32 or float64.

    Returns
    -------
    float array, (1, H, W, 3)
        BGR minus `MEAN_BGR`, between `PIXEL_LOW` and `PIXEL_HIGH`.

    Raises
    ------
    ShapeError
        `image` has another shape or dtype.
    SettingError
        `dtype` is neither float32 nor float64.

    Examples
    --------
    >>> red = np.array([[[255, 0, 0]]], dtype=np.uint8)
    >>> preprocess(red, dtype=np.float64)
    array([[[[-103.939, -116.779,  131.32 ]]]])
    """
    check_image("preprocess", image)
    check_dtype("preprocess", dtype)
    x = np.empty((1, *image.shape), dtype)
    for rows in _some_rows(image.shape):  # in float64, of which a large picture has no room for all
        x[0, rows] = levels(image[rows])[..., ::-1] - MEAN_BGR  # RGB -> BGR
    return x


def deprocess(x: NDArray[Any]) -> ImageArray:
    """Turn what VGG reads into a picture: the inverse of `preprocess`.

    Parameters
    ----------
    x
        float (1, H, W, 3), BGR minus `MEAN_BGR`.

    Returns
    -------
    uint8 array, (H, W, 3)
        RGB. Values are rounded to the nearest whole number and clipped to 0 to 255.

    Raises
    ------
    ShapeError
        `x` has another shape, or is not float.
    NonFiniteError
        `x` has a NaN or an infinite value.

    Examples
    --------
    >>> image = np.array([[[1, 20, 255]]], dtype=np.uint8)
    >>> deprocess(preprocess(image)).tolist()
    [[[1, 20, 255]]]
    """
    check_x("deprocess", x)
    image = np.empty(x.shape[1:], np.uint8)
    for rows in _some_rows(image.shape):
        bgr = np.clip(np.rint(x[0, rows] + MEAN_BGR), 0, 255)  # (1, H, W, 3) -> (H, W, 3)
        image[rows] = bgr[..., ::-1]  # BGR -> RGB
    return image


def _some_rows(shape: tuple[int, ...]) -> list[slice]:
    """Cut a picture (H, W, 3) into rows of a moderate size together."""
    height, width, _ = shape
    step = max(1, STRIP // max(width, 1))
    return [slice(first, first + step) for first in range(0, height, step)]


def check_image(name: str, image: AnyImage) -> None:
    """Refuse what is no picture, uint8 or uint16 (H, W, 3), in the name of a function."""
    if not isinstance(image, np.ndarray) or image.dtype not in (np.uint8, np.uint16):
        raise ShapeError(f"{name}: image is {_describe(image)}, expected uint8 (H, W, 3)")
    if image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
        raise ShapeError(
            f"{name}: image has shape {image.shape}, expected (H, W, 3), RGB; "
            "as_image makes RGB of grey and RGBA arrays"
        )


def check_x(name: str, x: NDArray[Any]) -> None:
    """Refuse what is not as VGG reads it, float (1, H, W, 3), in the name of a function."""
    if not isinstance(x, np.ndarray) or not np.issubdtype(x.dtype, np.floating):
        raise ShapeError(f"{name}: x is {_describe(x)}, expected float (1, H, W, 3)")
    if x.ndim != 4 or x.shape[0] != 1 or x.shape[3] != 3:
        raise ShapeError(f"{name}: x has shape {x.shape}, expected (1, H, W, 3), one BGR picture")
    if not np.isfinite(x).all():
        raise NonFiniteError(
            f"{name}: x has a NaN or an infinite value: the run diverged, lower its learning rate"
        )


def _describe(value: object) -> str:
    if isinstance(value, np.ndarray):
        return f"{value.dtype} {value.shape}"
    return f"a {type(value).__name__}"
