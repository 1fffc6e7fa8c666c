"""Small files of each kind, in order, for a fuzzer to begin with."""

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import h5py
import numpy as np
from PIL import Image, ImageCms, features

from nst_numpy.pictures import save_image
from nst_numpy.pictures.colours import srgb_profile
from tests.fuzz.readers import TABLE
from tests.look.test_scan_json import SCAN
from tests.small_networks import net_of
from tests.weights import made

PACKINGS = (
    {},
    {"chunks": True},
    {"chunks": True, "compression": "gzip", "shuffle": True},
)
WRITERS = (made.write_own, made.write_keras1, made.write_keras2, made.write_keras3)
FOREIGN = (
    made.write_by_number, made.write_channels_first, made.write_nested, made.write_nested_keras3,
    made.write_flat,
)  # fmt: skip
FUNCTION = "def conv_forward(A_prev, W, b, hparameters):\n    return A_prev @ W + b\n"
CELLS = (
    FUNCTION,
    "%matplotlib inline\n%%time\nx = 1\n",
    "%%bash\nls\n",
    ["!ls\n", "y = %pwd\n", "help?"],
    "# %% a1.conv\nclass A:\n    '''text'''\n",
)


def weights() -> Iterator[bytes]:
    """Write the tiny network in each layout and packing."""
    for write in WRITERS:
        for packing in PACKINGS:
            # the newest form is the smaller one, the oldest what most programs write
            for version in ("earliest", "latest"):
                with TemporaryDirectory() as folder:
                    path = Path(folder, "a.h5")
                    with h5py.File(path, "w", libver=(version, "latest")) as file:
                        _write_tiny(file, write, packing)
                    yield path.read_bytes()
    for write in FOREIGN:
        with TemporaryDirectory() as folder:
            path = Path(folder, "a.h5")
            with h5py.File(path, "w", libver="latest") as file:
                _write_tiny(file, write, {})
            yield path.read_bytes()
    yield from _weights_in_npz()


def _weights_in_npz() -> Iterator[bytes]:
    """Save the tiny network by names, packed and not, and in its order."""
    arrays = {}
    for name, shape in TABLE.items():
        arrays[f"{name}_W"] = np.arange(np.prod(shape), dtype="f4").reshape(shape)
        arrays[f"{name}_b"] = np.ones(shape[-1], "f2")
    for save, names in ((np.savez, arrays), (np.savez_compressed, arrays), (np.savez, {})):
        stream = io.BytesIO()
        save(stream, *([] if names else arrays.values()), **names)
        yield stream.getvalue()


def _write_tiny(file, write, packing):
    """Let a writer of the tests write its layout, then the small arrays again, in this packing."""
    write(file, {name: shape[-2:] for name, shape in TABLE.items()})
    found = {}
    file.visititems(lambda place, item: found.update({place: getattr(item, "shape", None)}))
    for place, shape in found.items():
        if shape and np.prod(shape) < 200:
            del file[place]
            values = np.arange(np.prod(shape), dtype="f4").reshape(shape)
            file.create_dataset(place, data=values, **packing)


def networks() -> Iterator[bytes]:
    """Save networks for one, two and three axes."""
    with TemporaryDirectory() as folder:
        for shape in ((13, 2), (9, 8, 2), (7, 6, 8, 2)):
            net_of(input_shape=shape, dtype=np.float32).save(f"{folder}/a.h5")
            yield Path(folder, "a.h5").read_bytes()


def pictures() -> Iterator[bytes]:
    """Write pictures of 6x5 in each format and mode that Pillow writes."""
    colours = np.arange(90, dtype=np.uint8).reshape(5, 6, 3) * 2
    rgb = Image.fromarray(colours)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    exif = Image.Exif()
    exif[0x0112] = 6
    for mode in ("1", "L", "P", "RGB", "RGBA", "I;16"):
        yield _picture(rgb.convert("L").convert(mode) if mode == "I;16" else rgb.convert(mode))
    yield _picture(rgb, "PNG", icc_profile=profile, exif=exif)
    yield _picture(rgb, "PNG", transparency=(0, 2, 4))
    yield _picture(rgb, "PNG", save_all=True, append_images=[rgb.rotate(180)])
    yield _picture(rgb, "GIF", save_all=True, append_images=[rgb.rotate(180)])
    for options in ({}, {"progressive": True}, {"exif": exif}, {"subsampling": 2}):
        yield _picture(rgb, "JPEG", **options)
    yield _picture(rgb.convert("CMYK"), "JPEG")
    for compression in (None, "tiff_lzw", "tiff_adobe_deflate", "jpeg", "packbits"):
        yield _picture(rgb, "TIFF", compression=compression)
    yield _picture(rgb.convert("LAB"), "TIFF")
    yield _picture(Image.fromarray(np.arange(30, dtype=np.uint16).reshape(5, 6)), "TIFF")
    for kind in ("BMP", "PPM", "TGA", "SGI", "PCX", "JPEG2000"):
        yield _picture(rgb, kind)
    yield _picture(rgb.quantize(4), "BMP")
    for kind in ("WEBP", "AVIF"):
        if kind.lower() in features.modules and features.check(kind.lower()):
            yield _picture(rgb, kind, icc_profile=profile, exif=exif.tobytes())
            yield _picture(rgb.convert("RGBA"), kind)
            yield _picture(rgb, kind, save_all=True, append_images=[rgb.rotate(180)])
    yield _picture(rgb.quantize(4), "PNG", icc_profile=srgb_profile(), transparency=1)
    yield from _written(colours)


def _written(colours) -> Iterator[bytes]:
    """Write what this package writes: 8 and 16 bits, with all that goes along."""
    exif = Image.Exif()
    exif.update({0x010F: "A camera", 0x8769: {0x9003: "2026:01:02 03:04:05"}, 0x8825: {1: "N"}})
    with TemporaryDirectory() as folder:
        for suffix, deep in ((".png", True), (".tif", True), (".jpg", False), (".tif", False)):
            image = colours.astype(np.uint16) * 257 if deep else colours
            path = Path(folder, f"a{suffix}")
            save_image(path, image, comment="nst transfer a b", exif=exif)
            yield path.read_bytes()


def _picture(picture, kind="PNG", **options):
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()


def scans() -> Iterator[bytes]:
    """Write the results of a scan, and signals in each kind of file."""
    yield json.dumps(SCAN).encode()
    signal = np.arange(5, dtype=np.float32)
    for save in (np.savez, np.savez_compressed):
        stream = io.BytesIO()
        save(stream, millivolt=signal, sampling_rate_hz=np.array(100.0))
        yield stream.getvalue()
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("a.npy", _npy(signal))
    yield stream.getvalue()
    for array in (signal, signal.astype(">f8"), np.arange(3), np.asfortranarray(signal[None])):
        yield _npy(array)
    yield b"millivolt\n0.5\n-1e3\n"
    yield "\ufeffsamples\r\n1\r\n2,5\r\n".encode()


def _npy(array):
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def notebooks() -> Iterator[bytes]:
    """Write answers as notebooks and as files of Python."""
    for sources in (CELLS[:1], CELLS):
        cells = [{"cell_type": "code", "metadata": {}, "source": source} for source in sources]
        cells.append({"cell_type": "markdown", "source": "text"})
        cells.append({"cell_type": "code", "source": "1", "metadata": {"nbgrader": {"grade": 1}}})
        yield json.dumps({"cells": cells, "metadata": {}, "nbformat": 4}).encode()
    yield FUNCTION.encode()
    yield b"\xef\xbb\xbf# %%\r\n" + FUNCTION.encode() + b"# In[2]:\r\nget_ipython()\r\n"


SEEDS = {
    function.__name__: function for function in (weights, networks, pictures, scans, notebooks)
}
