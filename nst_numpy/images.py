"""Pictures: from a file to the numbers that a network reads, and back.

A picture has two forms and no third. `image` is uint8 RGB (H, W, 3), what a screen shows.
`x` is float BGR (1, H, W, 3) minus the ImageNet means, what VGG was trained on.
"""

import operator
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from nst_numpy.errors import (
    ImageError,
    NonFiniteError,
    NstError,
    OutputError,
    SettingError,
    ShapeError,
    TooLargeError,
)
from nst_numpy.files import atomic_write, check_output

if TYPE_CHECKING:
    from PIL import Image as Pillow

PathLike = str | os.PathLike[str]
ImageArray = NDArray[np.uint8]
Picture = PathLike | ImageArray

# The mean colour of ImageNet's training pictures in the order blue, green, red.
MEAN_BGR = np.array([103.939, 116.779, 123.68])
# The values of x that black and white pixels have: no picture lies outside.
PIXEL_LOW = 0 - MEAN_BGR
PIXEL_HIGH = 255 - MEAN_BGR
for _constant in (MEAN_BGR, PIXEL_LOW, PIXEL_HIGH):
    _constant.setflags(write=False)

# suffix: (Pillow's name of the format, its settings)
FORMATS: dict[str, tuple[str, dict[str, Any]]] = {
    ".png": ("PNG", {}),
    ".jpg": ("JPEG", {"quality": 95, "subsampling": "4:4:4"}),
    ".jpeg": ("JPEG", {"quality": 95, "subsampling": "4:4:4"}),
    ".webp": ("WEBP", {"quality": 95}),
    ".tif": ("TIFF", {}),
    ".tiff": ("TIFF", {}),
    ".bmp": ("BMP", {}),
}

# Pillow reads 16-bit grey as I;16 or, by format and version, as I, which elsewhere is 32 bits.
_GREY16_FORMATS = ("PNG", "PPM")
_ORIENTATION = 0x0112  # the EXIF tag in which a camera notes how it was held
# A JPEG can be decoded at 1/2, 1/4 or 1/8 of its size. With three times the pixels that are
# asked for, the result after the resize cannot be told from that of the whole picture.
_DRAFT_MARGIN = 3


def load_image(path: PathLike, size: int | None = None) -> ImageArray:
    """Read a picture.

    Transparent parts are shown on white. EXIF orientation is applied. An animation gives its
    first frame. 16-bit grey is scaled to 8 bits; CMYK, YCbCr and LAB become RGB; other colour
    profiles are ignored. Pixels in float or 32-bit integers are refused, because such a file
    does not say which value is white.

    Parameters
    ----------
    path
        Any picture that Pillow reads. A leading `~` is the home folder.
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
    SettingError
        `size` is not a whole number of 1 or more, or makes too large a picture.
    TooLargeError
        There is not enough memory.
    """
    checked = None if size is None else _check_size("load_image", size)
    file = _check_picture_file(path)
    from PIL import Image, UnidentifiedImageError

    try:
        with _pillow_warnings(), Image.open(file) as picture:
            return _decode(picture, file, checked)
    except NstError:
        raise
    except MemoryError as error:
        raise TooLargeError(
            f"load_image: {file} needs more memory than there is: make it smaller first"
        ) from error
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        limit = f"{Image.MAX_IMAGE_PIXELS:,}"
        raise ImageError(
            f"load_image: {file} has more than {limit} pixels: make it smaller first"
        ) from error
    except UnidentifiedImageError as error:
        raise ImageError(
            f"load_image: {file} is not a picture that can be read: save it as PNG or JPEG"
        ) from error
    # On damaged bytes Pillow's readers raise OSError, SyntaxError, struct.error, zlib.error, …
    except Exception as error:
        raise ImageError(
            f"load_image: {file} is damaged or cut off ({error}): fetch or save it again"
        ) from error


def save_image(path: PathLike, image: ImageArray) -> None:
    """Write a picture, completely or not at all.

    PNG, TIFF and BMP keep every byte. JPEG (quality 95, 4:4:4) and WebP (quality 95) are
    smaller and change pixels a little.

    Parameters
    ----------
    path
        The file to be; its suffix chooses the format (see `FORMATS`). An existing file is
        replaced.
    image
        uint8 (H, W, 3), RGB.

    Raises
    ------
    OutputError
        The suffix is unknown, the file cannot be written, or the format cannot hold a picture
        of this size.
    ShapeError
        `image` has another shape or dtype.

    Examples
    --------
    >>> import tempfile
    >>> image = np.full((2, 3, 3), 200, dtype=np.uint8)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_image(f"{folder}/grey.png", image)
    ...     bool((load_image(f"{folder}/grey.png") == image).all())
    True
    """
    _check_image("save_image", image)
    target = check_image_output(path)
    from PIL import Image

    kind, settings = FORMATS[target.suffix.lower()]
    with atomic_write(target) as temporary:
        try:
            Image.fromarray(image).save(temporary, format=kind, **settings)
        except ValueError as error:
            raise OutputError(
                f"save_image: {kind} cannot hold a picture of shape {image.shape} ({error}): "
                "save it as .png"
            ) from error


def check_image_output(path: PathLike) -> Path:
    """Find out, before the run, whether a picture can be written.

    Parameters
    ----------
    path
        The file to be.

    Returns
    -------
    Path
        The path, with `~` expanded. Nothing has been written.

    Raises
    ------
    OutputError
        The suffix names no format that can be written, or `files.check_output` refuses.

    Examples
    --------
    >>> check_image_output("painted.gif")
    Traceback (most recent call last):
    nst_numpy.errors.OutputError: painted.gif: the suffix .gif names no format that can be \
written: use .png, .jpg, .jpeg, .webp, .tif, .tiff or .bmp
    """
    suffix = Path(path).suffix
    if suffix.lower() not in FORMATS:
        *most, last = FORMATS
        found = f"the suffix {suffix} names no format that can be written"
        raise OutputError(
            f"{path}: {found if suffix else 'a suffix is missing'}: use {', '.join(most)} or {last}"
        )
    return check_output(path)


def resize_image(image: ImageArray, size: int | tuple[int, int]) -> ImageArray:
    """Resize a picture by Lanczos with antialiasing, up or down.

    Parameters
    ----------
    image
        uint8 (H, W, 3), RGB.
    size
        Longest side in pixels, which keeps the aspect ratio; or (height, width).

    Returns
    -------
    uint8 array, (H', W', 3)
        A new array, also where the size stays.

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
    _check_image("resize_image", image)
    checked = _check_size_or_shape("resize_image", size)
    if isinstance(checked, tuple):
        height, width = checked
    else:
        width, height = _fit(image.shape[1], image.shape[0], checked)
    _check_pixels("resize_image", width, height)
    if (height, width) == image.shape[:2]:
        return image.copy()
    from PIL import Image

    resized = Image.fromarray(image).resize((width, height), Image.Resampling.LANCZOS)
    return np.array(resized)


def as_image(value: Picture, size: int | None = None) -> ImageArray:
    """Read what counts as a picture: a path, or an array of bytes.

    Parameters
    ----------
    value
        A path, as in `load_image`; or a uint8 array: RGB (H, W, 3), grey (H, W), or RGBA
        (H, W, 4), which is shown on white.
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
    _check_picture_array(value)
    if value.ndim == 2:
        value = np.stack([value] * 3, axis=-1)  # (H, W) -> (H, W, 3)
    elif value.shape[2] == 4:
        from PIL import Image

        value = np.array(_on_white(Image.fromarray(value)))
    return value.copy() if size is None else resize_image(value, size)


def preprocess(image: ImageArray, dtype: DTypeLike = np.float32) -> NDArray[Any]:
    """Turn a picture into what VGG reads.

    Parameters
    ----------
    image
        uint8 (H, W, 3), RGB, 0 to 255.
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
    _check_image("preprocess", image)
    if np.dtype(dtype) not in (np.float32, np.float64):
        raise SettingError(f"preprocess: dtype is {np.dtype(dtype)}: use float32 or float64")
    x = image[..., ::-1] - MEAN_BGR  # RGB -> BGR
    return x[np.newaxis].astype(dtype)  # (H, W, 3) -> (1, H, W, 3)


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
    _check_x("deprocess", x)
    bgr = np.clip(np.rint(x[0] + MEAN_BGR), 0, 255)  # (1, H, W, 3) -> (H, W, 3)
    return np.ascontiguousarray(bgr[..., ::-1], dtype=np.uint8)  # BGR -> RGB


def _check_picture_file(path: PathLike) -> Path:
    try:
        file = Path(path).expanduser()
        if file.is_dir():
            raise ImageError(f"load_image: {file} is a folder: name a picture in it")
        if not file.exists():
            raise ImageError(f"load_image: there is no file {file}: check the spelling")
        if not file.is_file():
            raise ImageError(f"load_image: {file} is not an ordinary file: give a picture")
        if file.stat().st_size == 0:
            raise ImageError(f"load_image: {file} is empty: fetch or save it again")
        with open(file, "rb"):
            return file
    except (OSError, RuntimeError) as error:
        raise ImageError(f"load_image: {path} cannot be opened: {error}") from error


def _check_size(name: str, size: int) -> int:
    try:
        whole = operator.index(size)
    except TypeError:
        whole = 0
    if whole < 1 or isinstance(size, bool):
        raise SettingError(f"{name}: size is {size!r}: give a whole number of pixels, 1 or more")
    return whole


def _check_size_or_shape(name: str, size: int | tuple[int, int]) -> int | tuple[int, int]:
    if not isinstance(size, tuple):
        return _check_size(name, size)
    if len(size) != 2:
        raise SettingError(f"{name}: size is {size!r}: give the longest side, or (height, width)")
    return _check_size(name, size[0]), _check_size(name, size[1])


def _check_pixels(name: str, width: int, height: int) -> None:
    from PIL import Image

    if Image.MAX_IMAGE_PIXELS is not None and width * height > Image.MAX_IMAGE_PIXELS:
        raise SettingError(
            f"{name}: {width} x {height} pixels are more than {Image.MAX_IMAGE_PIXELS:,}: "
            "give a smaller size"
        )


def _check_image(name: str, image: ImageArray) -> None:
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8:
        raise ShapeError(f"{name}: image is {_describe(image)}, expected uint8 (H, W, 3)")
    if image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
        raise ShapeError(
            f"{name}: image has shape {image.shape}, expected (H, W, 3), RGB; "
            "as_image makes RGB of grey and RGBA arrays"
        )


def _check_x(name: str, x: NDArray[Any]) -> None:
    if not isinstance(x, np.ndarray) or not np.issubdtype(x.dtype, np.floating):
        raise ShapeError(f"{name}: x is {_describe(x)}, expected float (1, H, W, 3)")
    if x.ndim != 4 or x.shape[0] != 1 or x.shape[3] != 3:
        raise ShapeError(f"{name}: x has shape {x.shape}, expected (1, H, W, 3), one BGR picture")
    if not np.isfinite(x).all():
        raise NonFiniteError(
            f"{name}: x has a NaN or an infinite value: the run diverged, lower its learning rate"
        )


def _check_picture_array(value: ImageArray) -> None:
    if not isinstance(value, np.ndarray):
        raise ShapeError(
            f"as_image: a picture is a path or a uint8 array, not {_describe(value)}; "
            "np.asarray turns other pictures into arrays"
        )
    if value.dtype != np.uint8:
        raise ShapeError(
            f"as_image: the picture is {value.dtype}, expected uint8, 0 to 255; for floats from "
            "0 to 1 pass np.uint8(np.rint(255 * image))"
        )
    if value.size == 0 or not (value.ndim == 2 or (value.ndim == 3 and value.shape[2] in (3, 4))):
        raise ShapeError(
            f"as_image: the picture has shape {value.shape}, expected (H, W, 3), (H, W) for grey "
            "or (H, W, 4) for RGBA"
        )


def _describe(value: object) -> str:
    if isinstance(value, np.ndarray):
        return f"{value.dtype} {value.shape}"
    return f"a {type(value).__name__}"


@contextmanager
def _pillow_warnings() -> Iterator[None]:
    from PIL import Image

    with warnings.catch_warnings():
        # A broken EXIF block, for example, is no reason to bother someone who wants the pixels.
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


def _decode(picture: "Pillow.Image", file: Path, size: int | None) -> ImageArray:
    from PIL import Image, ImageOps

    if picture.format == "TIFF":
        picture.load()  # Pillow turns it upright here; before, some versions give the old size.
    box = None
    shape = picture.size
    if size is not None:
        # Reckoned before draft() changes the size, and passed on with a box, because a drafted
        # side is rounded up to a whole pixel.
        shape = _fit(*picture.size, size)
        _check_pixels("load_image", *shape)
        drafted = picture.draft(None, (_DRAFT_MARGIN * shape[0], _DRAFT_MARGIN * shape[1]))
        box = drafted[1] if drafted else None
    rgb = _to_rgb(picture, file)
    if rgb.size != shape:
        rgb = rgb.resize(shape, Image.Resampling.LANCZOS, box=box)
    rgb.info.clear()  # else exif_transpose would look there too
    rgb.getexif()[_ORIENTATION] = _orientation(picture)
    return np.array(ImageOps.exif_transpose(rgb))


def _orientation(picture: "Pillow.Image") -> int:
    if picture.format == "TIFF":
        return 1  # Pillow has turned it while decoding.
    try:
        return picture.getexif().get(_ORIENTATION, 1)
    except Exception:  # Broken EXIF raises many kinds, and the pixels are good without it.
        return 1


def _fit(width: int, height: int, size: int) -> tuple[int, int]:
    """Return (width, height) with the longest side at `size` and the same aspect ratio."""
    longest = max(width, height)
    # Whole numbers only, halves go up: float would be off by one where a half is not exact.
    scaled = [(2 * side * size + longest) // (2 * longest) for side in (width, height)]
    return max(1, scaled[0]), max(1, scaled[1])


def _to_rgb(picture: "Pillow.Image", file: Path) -> "Pillow.Image":
    mode = picture.mode
    if mode.startswith("I;16") or (mode == "I" and picture.format in _GREY16_FORMATS):
        return _scale_grey16(picture)
    if mode in ("I", "F"):
        raise ImageError(
            f"load_image: {file} has 32-bit pixels, of which none is known to be white: "
            "save it with 8 or 16 bits"
        )
    if mode in ("P", "PA", "LA", "RGBA", "RGBa") or "transparency" in picture.info:
        return _on_white(picture)
    return picture.convert("RGB")


def _scale_grey16(picture: "Pillow.Image") -> "Pillow.Image":
    from PIL import Image

    values = np.asarray(picture).astype(np.int64)
    grey = (values + 128) // 257  # 0..65535 -> 0..255 to the nearest, since 65535 = 255 * 257
    return Image.fromarray(grey.astype(np.uint8)).convert("RGB")


def _on_white(picture: "Pillow.Image") -> "Pillow.Image":
    from PIL import Image

    rgba = picture.convert("RGBA")
    white = Image.new("RGBA", rgba.size, "white")
    return Image.alpha_composite(white, rgba).convert("RGB")
