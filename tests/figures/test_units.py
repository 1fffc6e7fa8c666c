import numpy as np
import pytest

from nst_numpy.errors import ImageError, SettingError
from nst_numpy.figures import unit_image, units_figure
from nst_numpy.figures.units import BETWEEN, WHITE, cut_out
from nst_numpy.look import Box, scanned_image, top_patches
from nst_numpy.look.units import Patch
from nst_numpy.pictures.images import load_image, save_image
from nst_numpy.vgg import VGG
from tests.figures.seen import picture, titles


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder, rng = tmp_path_factory.mktemp("pictures"), np.random.default_rng(1)
    for i in range(4):
        image = rng.integers(0, 256, (9 + i, 12 - i, 3), dtype=np.uint8)
        save_image(folder / f"{i}.png", image)
    return sorted(folder.iterdir())


@pytest.fixture(scope="module")
def vgg():
    return VGG.random((3, 5), np.random.default_rng(0), convolutions=(1, 2), pool="max")


def flat_vgg():
    """Make a VGG whose activations are all 0."""
    params = VGG.random((2,), np.random.default_rng(0)).params
    return VGG({name: (0 * w, 0 * b) for name, (w, b) in params.items()})


def tiles(image, size, count):
    """Cut a unit's picture, of patches `size` wide, back into its patches."""
    scale = -(-64 // size)
    side = size * scale
    step = side + max(1, round(0.04 * side))
    places = [(i // 3 * step, i % 3 * step) for i in range(count)]
    return [image[top : top + side : scale, left : left + side : scale] for top, left in places]


# cut_out


def patch(box):
    return Patch(1.0, None, 0, 0, box)


def test_cut_out_by_hand():
    image = np.arange(4 * 5 * 3, dtype=np.uint8).reshape(4, 5, 3)
    inside = cut_out(image, patch(Box(1, 2, 3, 4)), (1, 2), 2)
    np.testing.assert_array_equal(inside, image[1:3, 2:4])
    # the field begins a row above the picture and ends a column right of it
    tile = cut_out(image, patch(Box(0, 3, 2, 5)), (-1, 3), 3)
    expected = np.full((3, 3, 3), WHITE, dtype=np.uint8)
    expected[1:, :2] = image[:2, 3:]
    np.testing.assert_array_equal(tile, expected)


# unit_image


def test_a_patch_is_drawn_from_its_box_with_white_where_the_field_is_outside(files):
    top = top_patches(flat_vgg(), files[:1], {"conv1_1": [0]})  # its patch is that of (0, 0)
    drawn = unit_image(top, "conv1_1", 0)[::22, ::22]  # 3×3 pixels, each magnified 22 times
    expected = np.full((3, 3, 3), 255, dtype=np.uint8)
    expected[1:, 1:] = load_image(files[0])[:2, :2]
    np.testing.assert_array_equal(drawn, expected)


def test_patches_stand_three_in_a_row_the_strongest_first(vgg, files):
    top = top_patches(vgg, files, {"relu1_1": [1]})
    image = unit_image(top, "relu1_1", 1)
    # 3×3 pixels, 22 times as large: 66 pixels, and 3 between
    assert image.shape == (2 * 66 + 3, 3 * 66 + 2 * 3, 3)
    for tile, best in zip(tiles(image, 3, 4), top.best("relu1_1", 1), strict=True):
        whole = np.pad(load_image(best.path), ((1, 1), (1, 1), (0, 0)), constant_values=WHITE)
        np.testing.assert_array_equal(tile, whole[best.row : best.row + 3, best.col : best.col + 3])
    assert (image[66:69] == BETWEEN).all()
    assert (image[69:, 69:] == BETWEEN).all()  # the fourth is alone in its row


def test_one_picture_may_give_several_patches(vgg, files):
    top = top_patches(vgg, files[:1], {"relu1_1": [1]}, 5, one_per_picture=False)
    image = unit_image(top, "relu1_1", 1)
    assert image.shape == (2 * 66 + 3, 3 * 66 + 2 * 3, 3)
    whole = np.pad(load_image(files[0]), ((1, 1), (1, 1), (0, 0)), constant_values=WHITE)
    for tile, best in zip(tiles(image, 3, 5), top.best("relu1_1", 1), strict=True):
        np.testing.assert_array_equal(tile, whole[best.row : best.row + 3, best.col : best.col + 3])


def test_a_reader_of_ones_own_is_asked_for_each_patch(vgg, files):
    top = top_patches(vgg, files[:1], {"relu1_1": [1]}, 3, one_per_picture=False)
    seen = []

    def read(path):
        seen.append(path)
        return scanned_image(path)

    given = unit_image(top, "relu1_1", 1, read=read)
    assert seen == [files[0]] * 3
    np.testing.assert_array_equal(given, unit_image(top, "relu1_1", 1))


def test_a_relu_that_never_fires_is_left_empty_and_a_convolution_is_not(files):
    top = top_patches(flat_vgg(), files[:2], {"relu1_1": [0], "conv1_1": [0]})
    assert (unit_image(top, "relu1_1", 0) == BETWEEN).all()
    assert not (unit_image(top, "conv1_1", 0) == BETWEEN).all()


def test_something_beside_the_patches(vgg, files):
    top = top_patches(vgg, files, {"relu1_1": [1]})
    asked = []

    def beside(image, channel, patch):
        asked.append((channel, patch))
        return 255 - image

    image = unit_image(top, "relu1_1", 1, beside=beside)
    alone = unit_image(top, "relu1_1", 1)
    assert asked == [(1, best) for best in top.best("relu1_1", 1)]
    width, gap = alone.shape[1], len(alone) // 30 + 1
    np.testing.assert_array_equal(image[:, :width], alone)
    assert (image[:, width : width + gap] == WHITE).all()
    right = tiles(image[:, width + gap :], 3, 4)
    for tile, plain in zip(right, tiles(alone, 3, 4), strict=True):
        # cut out in the same places; outside the picture both are white
        np.testing.assert_array_equal(tile, np.where(plain == WHITE, tile, 255 - plain))


# units_figure


def test_the_sheet_names_channels_and_values(vgg, files):
    top = top_patches(vgg, files, {"relu2_1": None})
    figure = units_figure(top, "relu2_1", [0, 3], beside=lambda image, channel, patch: image)
    figure.draw_without_rendering()
    assert titles(figure) == [f"channel {c}: {top.best('relu2_1', c)[0].value:.4g}" for c in (0, 3)]
    image = picture(figure.axes[0])
    half = (image.shape[1] - len(image) // 30 - 1) // 2
    np.testing.assert_array_equal(image[:, :half], image[:, -half:])  # beside: the same picture
    assert figure.get_suptitle() == "relu2_1"


def test_units_stand_three_in_a_row(vgg, files):
    top = top_patches(vgg, files[:2], {"relu2_1": None})
    figure = units_figure(top, "relu2_1", [4, 0, 2, 1])
    assert [bool(axes.images) for axes in figure.axes] == [True] * 4 + [False] * 2
    for axes, channel in zip(figure.axes, (4, 0, 2, 1), strict=False):
        np.testing.assert_array_equal(picture(axes), unit_image(top, "relu2_1", channel))
        assert axes.get_title().startswith(f"channel {channel}: ")


def test_large_values_are_written_out(files):
    params = VGG.random((1,), np.random.default_rng(0)).params
    (w, _), large = params["conv1_1"], 13419.6
    top = top_patches(VGG({"conv1_1": (0 * w, np.array([large]))}), files[:1], {"relu1_1": [0]})
    assert titles(units_figure(top, "relu1_1", [0])) == ["channel 0: 13,420"]


def test_what_cannot_be_drawn_is_refused(vgg, files, tmp_path):
    top = top_patches(vgg, files[:1], {"relu1_1": [0]})
    with pytest.raises(SettingError, match="channel 1 of relu1_1 was not scanned"):
        units_figure(top, "relu1_1", [1])
    save_image(tmp_path / "a.png", np.full((8, 8, 3), 200, np.uint8))
    top = top_patches(flat_vgg(), [tmp_path / "a.png"], {"conv1_1": [0]})
    (tmp_path / "a.png").unlink()
    with pytest.raises(ImageError, match="there is no file"):
        units_figure(top, "conv1_1", [0])
