import numpy as np
import pytest

from nst_numpy.errors import ShapeError, UnknownNameError
from nst_numpy.look import Box, ReceptiveField, receptive_box, receptive_field
from nst_numpy.vgg import VGG, VGG19, vgg_rows

# Side and step in pixels, as published for VGG-16.
VGG16 = {
    "conv1_1": (3, 1),
    "relu1_1": (3, 1),
    "relu1_2": (5, 1),
    "pool1": (6, 2),
    "relu2_1": (10, 2),
    "relu2_2": (14, 2),
    "pool2": (16, 4),
    "relu3_1": (24, 4),
    "relu3_3": (40, 4),
    "pool3": (44, 8),
    "relu4_1": (60, 8),
    "relu4_2": (76, 8),
    "relu4_3": (92, 8),
    "pool4": (100, 16),
    "relu5_1": (132, 16),
    "relu5_3": (196, 16),
    "pool5": (212, 32),
}


@pytest.fixture(scope="module")
def positive_vgg():
    """Make a VGG in which every path from a pixel to a unit counts, and none cancels another."""
    vgg = VGG.random((2, 2, 2), np.random.default_rng(0), convolutions=(1, 2, 1))
    params = {name: (np.abs(w) + 0.1, np.abs(b) + 0.1) for name, (w, b) in vgg.params.items()}
    return VGG(params)


def seen_pixels(vgg, layer, unit, side):
    """Return the first and last row, and column, of the pixels that change one unit."""
    x = np.ones((1, side, side, 3))
    out = vgg.forward(x, [layer])[layer]
    grad = np.zeros_like(out)
    grad[0, unit[0], unit[1], 0] = 1
    touched = vgg.backward({layer: grad})[0].any(axis=-1)
    rows, columns = np.flatnonzero(touched.any(axis=1)), np.flatnonzero(touched.any(axis=0))
    assert touched[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all()
    return (rows[0], rows[-1]), (columns[0], columns[-1])


@pytest.mark.parametrize("layer", list(vgg_rows([[1], [1, 1], [1]])))
def test_the_field_is_the_box_of_pixels_with_a_gradient(positive_vgg, layer):
    field = receptive_field(layer, positive_vgg)
    side = 64
    across = positive_vgg.feature_shapes((1, side, side, 3))[layer][1]
    unit = (across // 2 - 1, across // 2)
    for i, (first, last) in zip(unit, seen_pixels(positive_vgg, layer, unit, side), strict=True):
        assert (first, last) != (0, side - 1), "the picture is too small to see the field's ends"
        assert first == field.start + i * field.stride
        assert last - first + 1 == field.size


def test_at_the_border_a_part_of_the_field_is_padding(positive_vgg):
    field = receptive_field("relu2_2", positive_vgg)
    (first, last), _ = seen_pixels(positive_vgg, "relu2_2", (0, 5), 64)
    assert field.start < 0
    assert (first, last) == (0, field.start + field.size - 1)


@pytest.mark.parametrize("layer", VGG16)
def test_the_fields_of_vgg16(layer):
    field = receptive_field(layer)
    assert (field.size, field.stride) == VGG16[layer]


def test_vgg19_sees_further_in_its_deep_blocks():
    assert receptive_field("relu3_1", VGG19).size == 24
    assert receptive_field("relu4_1", VGG19).size == 68
    assert receptive_field("relu5_1", VGG19).size == 156


def test_the_centre_of_a_field():
    assert receptive_field("relu1_1").centre == 0
    assert receptive_field("pool1").centre == 0.5  # between the first two pixels
    assert receptive_field("pool2").centre == 1.5
    assert ReceptiveField(size=6, stride=2, start=-1).centre == 1.5


def test_an_unknown_layer_is_refused():
    with pytest.raises(UnknownNameError, match=r"unknown layer 'relu3_4': did you mean relu3_"):
        receptive_field("relu3_4")


def box_of_gradients(vgg, layer, row, col, height, width):
    """Return the smallest box around the pixels that change one unit; all in it must."""
    out = vgg.forward(np.ones((1, height, width, 3)), [layer])[layer]
    grad = np.zeros_like(out)
    grad[0, row, col, 0] = 1
    touched = vgg.backward({layer: grad})[0].any(axis=-1)
    rows, columns = np.flatnonzero(touched.any(axis=1)), np.flatnonzero(touched.any(axis=0))
    box = Box(rows[0], columns[0], rows[-1] + 1, columns[-1] + 1)
    assert touched[box.top : box.bottom, box.left : box.right].all()
    return box


@pytest.mark.parametrize("layer", ["conv1_1", "relu1_1", "pool1", "relu2_1", "conv2_2", "pool2",
                                   "relu3_1", "pool3"])  # fmt: skip
@pytest.mark.parametrize(("height", "width"), [(13, 16), (11, 9)])
def test_every_box_is_that_of_the_pixels_with_a_gradient(positive_vgg, layer, height, width):
    _, rows, columns, _ = positive_vgg.feature_shapes((1, height, width, 3))[layer]
    assert rows * columns > 0
    for row, col in np.ndindex(rows, columns):
        box = receptive_box(layer, row, col, (height, width), positive_vgg)
        assert box == box_of_gradients(positive_vgg, layer, row, col, height, width)


def test_a_box_inside_the_picture_has_the_size_of_the_field():
    field = receptive_field("relu4_1")
    box = receptive_box("relu4_1", 20, 30, (400, 500, 3))
    assert box == (
        field.start + 20 * 8, field.start + 30 * 8,
        field.start + 20 * 8 + 60, field.start + 30 * 8 + 60,
    )  # fmt: skip
    assert all(type(side) is int for side in box)


def test_a_box_is_clipped_at_the_borders():
    assert receptive_box("relu1_1", 0, 9, (8, 10)) == Box(top=0, left=8, bottom=2, right=10)


@pytest.mark.parametrize(("row", "col"), [(-1, 0), (0, -1), (56, 0), (0, 75)])
def test_a_position_outside_the_map_is_refused(row, col):
    with pytest.raises(ShapeError) as caught:
        receptive_box("relu3_1", row, col, (227, 300))
    assert str(caught.value) == (
        "receptive_box: relu3_1 of a picture of 227×300 pixels has 56×75 positions, rows from 0 "
        f"and columns from 0: there is no ({row}, {col})"
    )


def test_a_picture_too_small_for_the_layer_has_no_position():
    with pytest.raises(ShapeError, match="has 0×0 positions"):
        receptive_box("relu5_1", 0, 0, (15, 15))


def test_a_box_of_an_unknown_layer_is_refused():
    with pytest.raises(UnknownNameError, match=r"unknown layer 'relu3_4'"):
        receptive_box("relu3_4", 0, 0, (64, 64))
