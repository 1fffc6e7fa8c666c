import struct

import numpy as np
import pytest
from PIL import Image, ImageCms

from nst_numpy.pictures.colours import can_paint_in, from_srgb, profile_name, to_srgb
from nst_numpy.pictures.colours import srgb_profile as srgb_profile_of_pictures
from nst_numpy.pictures.images import load_image

GAMMA = 2.2
# what full red, green and blue of a wide space give, in XYZ for the white of D50
WIDE = np.array([[0.6097, 0.3111, 0.0195], [0.2053, 0.6257, 0.0609], [0.1492, 0.0632, 0.7446]])
SRGB = np.array([[0.4361, 0.2225, 0.0139], [0.3851, 0.7169, 0.0971], [0.1431, 0.0606, 0.7141]])


def fixed(*numbers):
    return b"".join(struct.pack(">i", round(n * 65536)) for n in numbers)


def profile(name="wide"):
    """Write a profile of three colours and a gamma, as ICC.1:2001 says."""
    text = name.encode()
    described = b"desc\0\0\0\0" + struct.pack(">I", len(text) + 1) + text + b"\0" * 80
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(GAMMA * 256)) + b"\0\0"
    tags = {b"desc": described, b"wtpt": b"XYZ \0\0\0\0" + fixed(0.9642, 1.0, 0.8249)}
    for letter, xyz in zip((b"r", b"g", b"b"), WIDE, strict=True):
        tags |= {letter + b"XYZ": b"XYZ \0\0\0\0" + fixed(*xyz), letter + b"TRC": curve}
    table, body, at = struct.pack(">I", len(tags)), b"", 132 + 12 * len(tags)
    for key, data in tags.items():
        data += b"\0" * (-len(data) % 4)
        table += key + struct.pack(">II", at + len(body), len(data))
        body += data
    size = 128 + len(table) + len(body)
    head = struct.pack(">II", size, 0) + struct.pack(">I", 0x02100000) + b"mntrRGB XYZ "
    head += b"\0" * 12 + b"acsp" + b"\0" * 28 + fixed(0.9642, 1.0, 0.8249)
    return head.ljust(128, b"\0") + table + body


def by_hand(rgb):
    """Wide -> XYZ -> sRGB, one pixel."""
    xyz = (np.array(rgb) / 255) ** GAMMA @ WIDE
    linear = np.clip(xyz @ np.linalg.inv(SRGB), 0, 1)
    return 255 * np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


COLOURS = [(200, 60, 40), (40, 180, 70), (90, 90, 90), (255, 255, 255), (0, 0, 0), (120, 30, 200)]


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_colours_are_those_of_the_profile(tmp_path, suffix):
    image = np.array(COLOURS, dtype=np.uint8)[None]
    Image.fromarray(image).save(tmp_path / f"p{suffix}", icc_profile=profile())
    read = load_image(tmp_path / f"p{suffix}")
    expected = np.array([by_hand(colour) for colour in COLOURS])
    assert np.abs(read[0] - expected).max() <= 2
    assert np.abs(read[0].astype(int) - image[0]).max() > 10  # they are not what they were


def test_transparency_stays(tmp_path):
    image = np.array([(*COLOURS[0], 255), (*COLOURS[0], 0)], dtype=np.uint8)[None]
    Image.fromarray(image).save(tmp_path / "p.png", icc_profile=profile())
    solid, clear = load_image(tmp_path / "p.png")[0]
    assert np.abs(solid - by_hand(COLOURS[0])).max() <= 2
    assert clear.tolist() == [255, 255, 255]


def srgb_profile():
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@pytest.mark.parametrize(
    "given", [srgb_profile(), profile("sRGB, as a camera calls it"), b"no profile", b""]
)
def test_srgb_itself_and_what_is_no_profile_change_nothing(tmp_path, given):
    image = np.random.default_rng(0).integers(0, 256, (5, 6, 3), dtype=np.uint8)
    Image.fromarray(image).save(tmp_path / "p.png", icc_profile=given)
    assert np.array_equal(load_image(tmp_path / "p.png"), image)


def test_a_mode_without_colours_of_its_own_is_left_alone():
    picture = Image.new("P", (2, 2))
    assert to_srgb(picture, profile()) is picture
    grey = Image.new("L", (1, 1), 128)
    assert to_srgb(grey, profile()) is grey  # it is of three colours, and does not fit


def grey_profile(gamma=1.0):
    """Write a profile of grey with a gamma."""
    described = b"desc\0\0\0\0" + struct.pack(">I", 5) + b"grey\0" + b"\0" * 79
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"
    white = b"XYZ \0\0\0\0" + fixed(0.9642, 1.0, 0.8249)
    tags = {b"desc": described, b"wtpt": white, b"kTRC": curve}
    table, body, at = struct.pack(">I", len(tags)), b"", 132 + 12 * len(tags)
    for key, data in tags.items():
        data += b"\0" * (-len(data) % 4)
        table += key + struct.pack(">II", at + len(body), len(data))
        body += data
    head = struct.pack(">II", 128 + len(table) + len(body), 0) + struct.pack(">I", 0x02100000)
    head += b"mntrGRAYXYZ " + b"\0" * 12 + b"acsp" + b"\0" * 28 + fixed(0.9642, 1.0, 0.8249)
    return head.ljust(128, b"\0") + table + body


def test_linear_grey_gets_lighter(tmp_path):
    """Half the light is the level 188 of sRGB: (0.5 ^ (1 / 2.4)) · 1.055 − 0.055 = 0.7354."""
    levels = np.full((3, 3), 128, np.uint8)
    wide = levels.astype(np.uint16) * 257
    for name, pixels in (("a.png", levels), ("b.png", wide), ("c.tif", levels), ("d.tif", wide)):
        Image.fromarray(pixels).save(tmp_path / name, icc_profile=grey_profile())
        assert np.abs(load_image(tmp_path / name).astype(int) - 188).max() <= 1
    both = Image.fromarray(np.dstack([levels, levels * 0 + 255]), "LA")
    both.save(tmp_path / "e.png", icc_profile=grey_profile())
    Image.fromarray(levels).save(tmp_path / "f.png", icc_profile=grey_profile(), transparency=3)
    for name in ("e.png", "f.png"):
        assert np.abs(load_image(tmp_path / name).astype(int) - 188).max() <= 1


def test_a_palette_has_colours_of_a_profile_too(tmp_path):
    picture = Image.new("P", (2, 1), 0)
    picture.putpalette([*COLOURS[0], *COLOURS[1]])
    picture.putpixel((1, 0), 1)
    picture.save(tmp_path / "p.png", icc_profile=profile())
    expected = [by_hand(colour) for colour in COLOURS[:2]]
    assert np.abs(load_image(tmp_path / "p.png")[0] - expected).max() <= 2
    picture.save(tmp_path / "p.png", icc_profile=profile(), transparency=1)
    solid, clear = load_image(tmp_path / "p.png")[0]
    assert np.abs(solid - expected[0]).max() <= 2
    assert clear.tolist() == [255] * 3


def test_a_colour_that_is_transparent_stays_what_it_is_beside_a_profile(tmp_path):
    image = np.array([COLOURS[:2]], np.uint8)
    Image.fromarray(image).save(tmp_path / "p.png", icc_profile=profile(), transparency=COLOURS[1])
    solid, clear = load_image(tmp_path / "p.png")[0]
    assert np.abs(solid - by_hand(COLOURS[0])).max() <= 2
    assert clear.tolist() == [255] * 3


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk_with_a_profile_that_does_not_fit_is_read_without_it(tmp_path, kind):
    picture = Image.new("RGB", (16, 16), COLOURS[0]).convert("CMYK")
    picture.save(tmp_path / "p", kind, icc_profile=profile())
    assert np.abs(load_image(tmp_path / "p").astype(int) - COLOURS[0]).max() <= 3


def test_to_a_profile_and_back():
    srgb = np.array([COLOURS], np.uint8)
    there = from_srgb(Image.fromarray(srgb), profile())
    back = to_srgb(there, profile())
    assert np.abs(np.asarray(there).astype(int) - srgb).max() > 5
    assert np.abs(np.asarray(back).astype(int) - srgb).max() <= 2


def test_our_own_profile_is_that_of_srgb_and_always_the_same():
    srgb_profile_of_pictures.cache_clear()
    made = srgb_profile_of_pictures()
    assert profile_name(made).startswith("sRGB")
    assert made[24:36] == struct.pack(">6H", 2026, 1, 1, 0, 0, 0)
    image = np.array([COLOURS], np.uint8)
    assert np.array_equal(to_srgb(Image.fromarray(image), made), image)


@pytest.mark.parametrize(
    ("given", "can", "name"),
    [(profile(), True, "wide"), (grey_profile(), False, "grey"), (b"none", False, "")],
)
def test_what_can_be_painted_in(given, can, name):
    assert (can_paint_in(given), profile_name(given)) == (can, name)
