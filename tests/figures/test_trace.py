from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from matplotlib.patches import Rectangle

from nst_numpy.errors import SettingError
from nst_numpy.figures import trace_figure, trace_path_figure
from nst_numpy.figures.style import INK
from nst_numpy.look import trace, trace_deep
from nst_numpy.vgg import VGG
from tests.figures.seen import limits, picture, titles, words

IMAGE = np.random.default_rng(0).integers(0, 256, (17, 22, 3), dtype=np.uint8)
X = 50 * np.random.default_rng(1).standard_normal((1, 17, 22, 3))


def tiny(pool="max"):
    return VGG.random((3, 4), np.random.default_rng(0), convolutions=(2, 1), pool=pool)


def rectangles(axes, hatched=False):
    """Return corner, width and height of the rectangles on a panel."""
    found = [patch for patch in axes.patches if isinstance(patch, Rectangle)]
    return [(*each.get_xy(), each.get_width(), each.get_height())
            for each in found if bool(each.get_hatch()) is hatched]  # fmt: skip


def cells(figure, rows):
    """Return the panels of the right half: rows × (input, weight, contribution)."""
    return np.array(figure.subfigs[1].axes[: rows * 3]).reshape(rows, 3)


def test_the_strongest_inputs_with_their_products():
    unit = trace(tiny(), X, "relu2_1", 2, 3, 4)
    figure = trace_figure(unit, IMAGE, channels=2)
    figure.draw_without_rendering()
    parts = unit.largest_inputs(2).channels
    grid = cells(figure, 2)
    assert [axes.get_title() for axes in grid[0]] == ["input", "× weight", "= contribution"]
    for row, part in zip(grid, parts, strict=True):
        k = part.channel
        for axes, values in zip(row, (unit.window, unit.kernel, unit.contributions), strict=True):
            np.testing.assert_array_equal(picture(axes), values[..., k])
            assert len(words(axes)) == 9
        assert row[0].get_ylabel() == (
            f"pool1:{k}\nadds {part.contribution:.4g}\n({100 * part.share:.0f} %)"
        )
    # a column has one scale, around 0
    for column in grid.T:
        largest = max(np.abs(picture(axes)).max() for axes in column)
        assert {limits(axes) for axes in column} == {(-largest, largest)}


def test_numbers_are_written_into_their_cells():
    window = np.array([[0.0, 1234.5, -56.78], [0.01234, -0.0001, 2], [3, 4, 5]])[..., None]
    unit = replace(
        trace(tiny(), X, "conv1_1", 0, 5, 6), window=window, kernel=np.ones((3, 3, 1)),
        contributions=window,
    )  # fmt: skip
    axes = cells(trace_figure(unit, IMAGE, 1), 1)[0, 0]
    assert words(axes) == ["0", "1234", "-56.8", "0.012", "0", "2.00", "3.00", "4.00", "5.00"]
    # row 0, column 1 is the darkest cell: white letters there
    assert axes.texts[1].get_position() == (1, 0)
    assert [text.get_color() for text in axes.texts[:3]] == [INK, "white", INK]


def test_cells_in_the_padding_are_hatched_and_have_no_number():
    unit = trace(tiny(), X, "relu2_1", 2, 0, 10)  # the last column of the first row
    axes = cells(trace_figure(unit, IMAGE, 1), 1)[0, 0]
    assert rectangles(axes, hatched=True) == [
        (-0.5, -0.5, 1, 1), (0.5, -0.5, 1, 1), (1.5, -0.5, 1, 1), (1.5, 0.5, 1, 1),
        (1.5, 1.5, 1, 1),
    ]  # fmt: skip
    assert len(words(axes)) == 4


def test_the_first_layer_looks_at_colours():
    unit = trace(tiny(), X, "relu1_1", 0, 5, 6)
    figure = trace_figure(unit, IMAGE, channels=9)
    labels = [axes.get_ylabel().split("\n")[0] for axes in cells(figure, 3)[:, 0]]
    assert sorted(labels) == ["blue", "green", "red"]
    assert labels[0] == ("blue", "green", "red")[unit.largest_inputs(1).channels[0].channel]


@pytest.mark.parametrize(
    ("bias", "first", "activation", "sentence"),
    [
        (1.5, 2.0, 3.5, "bias + Σ weight × input = 1.5 + 2 = 3.5"),
        (1.5, -2.0, -0.5, "bias + Σ weight × input = 1.5 − 2 = -0.5"),
    ],
)
def test_the_headline_is_the_sum(bias, first, activation, sentence):
    contributions = np.zeros((3, 3, 3))
    contributions[1, 1, 0] = first
    unit = replace(
        trace(tiny(), X, "conv1_1", 1, 5, 6), bias=bias, contributions=contributions,
        activation=activation,
    )  # fmt: skip
    assert trace_figure(unit, IMAGE, 1).get_suptitle() == f"conv1_1:1@5,6 = {sentence}"
    rectified = replace(unit, layer="relu1_1", kind="relu", activation=max(activation, 0))
    words, parts = sentence.split(" = ")[:2]
    assert trace_figure(rectified, IMAGE, 1).get_suptitle() == (
        f"relu1_1:1@5,6 = max(0, {words}) = max(0, {parts}) = {max(activation, 0):.5g}"
    )


@pytest.mark.parametrize("kind", ["avg", "max"])
def test_a_pool_has_one_channel(kind):
    unit = trace(tiny(kind), X, "pool1", 1, 2, 3)
    figure = trace_figure(unit, IMAGE, channels=3)
    grid = cells(figure, 1)
    assert len(figure.subfigs[1].axes) == 3 + 3  # and their scales
    np.testing.assert_array_equal(picture(grid[0, 0]), unit.window[..., 1])
    assert len(words(grid[0, 0])) == 4
    assert figure.get_suptitle() == f"pool1:1@2,3 = {unit.activation:.5g}"


def test_a_pool_that_is_0_shows_its_own_channel():
    x = np.zeros((1, 17, 22, 3))
    unit = trace(tiny("avg"), x, "pool1", 2, 2, 3)
    assert not unit.contributions.any()
    axes = cells(trace_figure(unit, IMAGE), 1)[0]
    assert axes[0].get_ylabel().startswith("relu1_2:2\n")
    assert words(axes[1]) == ["0.25"] * 4


@pytest.mark.parametrize(
    "draw",
    [lambda unit: trace_figure(unit, IMAGE), lambda unit: trace_path_figure([unit] * 3, IMAGE)],
)
@pytest.mark.parametrize("size", [3, 5])
def test_no_number_touches_another(draw, size):
    rng = np.random.default_rng(3)
    grids = [np.round(rng.uniform(-0.09, -0.01, (size, size, 3)), 3) for _ in range(3)]
    unit = replace(
        trace(tiny(), X, "conv1_1", 0, 5, 6), window=grids[0], kernel=grids[1],
        contributions=grids[2], inside=np.ones((size, size), bool),
    )  # fmt: skip
    figure = draw(unit)
    figure.draw_without_rendering()
    for axes in cells(figure, 3).flat:
        boxes = [text.get_window_extent() for text in axes.texts]
        assert len(boxes) == size * size
        gaps = [b.x0 - a.x1 for a, b in pairwise(boxes) if b.x0 > a.x0]
        assert min(gaps) > 0.04 * figure.dpi


def test_of_a_wide_kernel_the_colours_must_do():
    grid = np.ones((11, 11, 3))
    unit = replace(
        trace(tiny(), X, "conv1_1", 0, 5, 6), window=grid, kernel=grid, contributions=grid,
        inside=np.ones((11, 11), bool),
    )  # fmt: skip
    figure = trace_figure(unit, IMAGE, 1)
    assert words(cells(figure, 1)[0, 0]) == []
    assert figure.get_figwidth() < 16


def test_the_field_is_drawn_on_the_picture_and_cut_out():
    unit = trace(tiny(), X, "relu2_1", 2, 3, 4)
    whole, cut, _ = trace_figure(unit, IMAGE).subfigs[0].axes
    b = unit.box
    frame = (b.left - 0.5, b.top - 0.5, b.right - b.left, b.bottom - b.top)
    for axes, title in ((whole, "what the unit sees"), (cut, "the same, larger")):
        np.testing.assert_array_equal(picture(axes), IMAGE)
        assert axes.get_title() == title
        assert rectangles(axes) == [frame]
    assert cut.get_xlim() == (b.left - 0.5, b.right - 0.5)
    assert cut.get_ylim() == (b.bottom - 0.5, b.top - 0.5)  # downward, as pictures are
    assert cut.get_xlabel() == (
        f"rows {b.top} to {b.bottom - 1}, columns {b.left} to {b.right - 1}"
    )


# trace_path_figure


def test_a_row_a_layer_down_to_the_pixels():
    path = trace_deep(tiny(), X, "relu2_1", 3, 0, 0)
    figure = trace_path_figure(path, IMAGE)
    figure.draw_without_rendering()
    assert len(path) == 4
    grid = cells(figure, 4)
    for row, unit in zip(grid, path, strict=True):
        best = unit.largest_inputs(1).terms[0]
        for axes, values in zip(row, (unit.window, unit.kernel, unit.contributions), strict=True):
            shown = values[..., best.channel]
            np.testing.assert_array_equal(picture(axes), shown)
            largest = np.abs(shown).max()
            assert limits(axes) == (-largest, largest)  # each has a scale of its own
            # two frames, dark and light, around the cell that the way goes through
            at = (best.col - unit.left - 0.5, best.row - unit.top - 0.5, 1, 1)
            assert rectangles(axes) == [at, at]
        assert row[0].get_ylabel().startswith(f"{unit.name}\n= {unit.activation:.4g}\nfrom ")
    assert titles(figure)[3:6] == ["input", "× weight", "= contribution"]
    assert grid[-1, 0].get_ylabel().split()[-1] in ("blue", "green", "red")
    assert figure.get_suptitle() == (
        f"{path[0].name} = {path[0].activation:.5g}: its largest input, down to the pixels"
    )


def test_every_units_field_is_drawn():
    path = trace_deep(tiny(), X, "relu2_1", 3, 4, 5)
    whole = trace_path_figure(path, IMAGE).subfigs[0].axes[0]
    boxes = [(b.left - 0.5, b.top - 0.5, b.right - b.left, b.bottom - b.top)
             for b in (unit.box for unit in path)]  # fmt: skip
    assert rectangles(whole) == boxes


def test_an_empty_path_is_refused():
    with pytest.raises(SettingError) as caught:
        trace_path_figure([], IMAGE)
    assert str(caught.value) == (
        "trace_path_figure: the path is empty: give what trace_deep returned"
    )
