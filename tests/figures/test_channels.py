import numpy as np
import pytest
from matplotlib.colors import LogNorm, SymLogNorm

from nst_numpy.figures import gram_difference_figure, gram_figure
from nst_numpy.look import (
    ReceptiveField,
    compare_grams,
    fires_together,
    gram_report,
    similar_order,
)
from tests.figures.seen import limits, picture, titled

FIELD = ReceptiveField(size=6, stride=2, start=-2)  # its centre lies between pixels 0 and 1
IMAGE = np.random.default_rng(2).integers(0, 256, (14, 18, 3), dtype=np.uint8)
PATCHES = {k: np.full((9, 9, 3), k, np.uint8) for k in range(6)}


def activation(seed=0):
    return np.maximum(np.random.default_rng(seed).standard_normal((1, 7, 9, 6)), 0)


def draw(a, patches=None):
    report = gram_report(a)
    groups = {"one": report.strongest(1), "other": report.more_than_chance(2)}
    return gram_figure(IMAGE, a, FIELD, report, groups, patches), report, groups


@pytest.mark.parametrize("patches", [None, PATCHES])
def test_a_gram_matrix_beside_its_correlations(patches):
    figure, report, _ = draw(activation(), patches)
    figure.draw_without_rendering()
    np.testing.assert_array_equal(picture(titled(figure, "the picture")), IMAGE)
    order = similar_order(report)
    for title, matrix in (("G, logarithmic", report.gram), ("correlation", report.correlation)):
        shown = picture(titled(figure, title))
        for (row, column), value in np.ndenumerate(shown):
            assert value == matrix[order[row], order[column]]
    assert limits(titled(figure, "correlation")) == (-1, 1)
    norm = titled(figure, "G, logarithmic").images[0].norm
    assert isinstance(norm, LogNorm)
    assert (norm.vmin, norm.vmax) == (report.gram.max() / 1e4, report.gram.max())


def test_pairs_are_drawn_where_they_fire_together():
    a = activation()
    figure, _, groups = draw(a)
    blocks = figure.subfigs[1].subfigs
    assert [block.get_suptitle() for block in blocks] == ["one", "other"]
    for block, pairs in zip(blocks, groups.values(), strict=True):
        assert block.axes[0].get_title() == "where both fire"
        assert [bool(axes.images) for axes in block.axes] == [True, len(pairs) == 2]
        for axes, pair in zip(block.axes, pairs, strict=False):
            together = fires_together(a, pair.first, pair.second)
            np.testing.assert_allclose(picture(axes, 1), np.sqrt(together / together.max()))
            # the photograph, at half of its contrast
            np.testing.assert_allclose(picture(axes), 255 - (255 - IMAGE.mean(axis=2)) / 2)
            # unit (0, 0) sees pixels -2 to 3: it is drawn from 0.5 - 1 on, two pixels wide
            assert axes.images[1].get_extent() == [-0.5, -0.5 + 9 * 2, -0.5 + 7 * 2, -0.5]
            assert axes.get_ylabel() == (
                f"{pair.first} and {pair.second}\n{pair.ratio:.3g} × chance\n"
                f"correlation {pair.correlation:.2f}"
            )


def test_patches_stand_beside_their_pairs():
    figure, _, groups = draw(activation(), PATCHES)
    [pair] = groups["one"]
    first, second, where = figure.subfigs[1].subfigs[0].axes[:3]
    for axes, channel in ((first, pair.first), (second, pair.second)):
        assert axes.get_title() == f"channel {channel}"
        assert (picture(axes) == channel).all()
    assert where.get_title() == "where both fire"
    assert first.get_ylabel().startswith(f"{pair.first} and {pair.second}\n")


def test_where_activations_are_negative_both_sides_have_a_scale():
    a = activation() - 0.4
    figure, report, groups = draw(a)
    figure.draw_without_rendering()
    norm = titled(figure, "G, logarithmic").images[0].norm
    assert isinstance(norm, SymLogNorm)
    assert -norm.vmin == norm.vmax == np.abs(report.gram).max()
    [pair] = groups["one"]
    together = fires_together(a, pair.first, pair.second)
    shown = picture(figure.subfigs[1].subfigs[0].axes[0], 1)
    np.testing.assert_array_equal(np.sign(shown), np.sign(together))


def test_a_pair_that_chance_says_nothing_of():
    a = activation()
    a[..., 0] = 0
    report = gram_report(a)
    pairs = [pair for pair in report.strongest(15) if pair.first == 0][:1]
    figure = gram_figure(IMAGE, a, FIELD, report, {"dark": pairs})
    figure.draw_without_rendering()
    axes = figure.subfigs[1].subfigs[0].axes[0]
    assert axes.get_ylabel() == f"0 and {pairs[0].second}\ncorrelation 0.00"
    assert not picture(axes, 1).any()


def difference_figure(patches=None, **changes):
    a, other = activation(), activation(1)
    difference = compare_grams(a, other)
    pairs = difference.largest(30)
    own = next(pair for pair in pairs if pair.first == pair.second)
    two = next(pair for pair in pairs if pair.first != pair.second)
    images = [("mine", IMAGE), ("theirs", IMAGE[:, ::-1])]
    pairs = [own, two]
    figure = gram_difference_figure(images, [a, other], FIELD, difference, pairs, patches)
    return figure, (a, other), difference, pairs


@pytest.mark.parametrize("patches", [None, PATCHES])
def test_two_pictures_and_what_each_pair_adds(patches):
    figure, _, difference, _ = difference_figure(patches)
    figure.draw_without_rendering()
    np.testing.assert_array_equal(picture(titled(figure, "mine")), IMAGE)
    np.testing.assert_array_equal(picture(titled(figure, "theirs")), IMAGE[:, ::-1])
    matrix = titled(figure, "parts of the loss, logarithmic")
    shown = picture(matrix)
    np.testing.assert_array_equal(np.sort(shown.ravel()), np.sort(difference.parts.ravel()))
    own = np.diag(shown)
    assert (np.diff(own) <= 0).all()  # the channel that adds most by itself comes first
    np.testing.assert_array_equal(np.sort(own), np.sort(np.diag(difference.parts)))
    assert matrix.get_xlabel() == "channels, by their own part"


def test_both_maps_of_a_pair_have_one_scale():
    figure, activations, _, pairs = difference_figure()
    rows = np.array(figure.subfigs[1].axes).reshape(2, 2)
    for row, pair in zip(rows, pairs, strict=True):
        maps = [fires_together(a, pair.first, pair.second) for a in activations]
        largest = max(m.max() for m in maps)
        for axes, product in zip(row, maps, strict=True):
            np.testing.assert_allclose(picture(axes, 1), np.sqrt(product / largest))
    assert [axes.get_title() for axes in rows[0]] == ["in mine", "in theirs"]


def test_pairs_are_named_and_weighed():
    figure, _, _, (own, two) = difference_figure(PATCHES)
    rows = np.array(figure.subfigs[1].axes).reshape(2, 4)
    for axes, pair, name in (
        (rows[0, 0], own, f"{own.first} alone"),
        (rows[1, 0], two, f"{two.first} and {two.second}"),
    ):
        assert axes.get_ylabel() == (
            f"{name}\n{100 * pair.share:.2g} % of the loss\n"
            f"G here {pair.gram / pair.target:.2g} × there"
        )
    # of a channel alone there is one patch
    assert [bool(axes.images) for axes in rows[0]] == [True, False, True, True]
    assert [bool(axes.images) for axes in rows[1]] == [True, True, True, True]
    assert (picture(rows[1, 1]) == two.second).all()


def scale(figure):
    """Return the panel of the maps' scale of colours."""
    [axes] = [axes for axes in figure.subfigs[2].axes if axes.get_title()]
    return axes


@pytest.mark.parametrize(
    ("shift", "marks"),
    [(0, ["0", "0.1", "0.25", "0.5", "1"]), (0.4, ["-1", "-0.25", "0", "0.25", "1"])],
)
def test_the_maps_have_a_scale_by_the_square_root(shift, marks):
    bar = scale(draw(activation() - shift)[0])
    assert bar.get_title() == "where both fire: product, by the largest in the map"
    assert [label.get_text() for label in bar.get_xticklabels()] == marks
    expected = [float(mark) for mark in marks]
    places = np.asarray(bar.get_xticks())
    np.testing.assert_allclose(np.sign(places) * places**2, expected)


def test_the_colours_of_the_scale_are_those_of_the_maps():
    a = activation()
    figure, _, _ = draw(a)
    overlay = figure.subfigs[1].subfigs[0].axes[0].images[1]
    shown = np.asarray(overlay.get_array())
    colours = scale(figure).collections[-1]
    for place in (np.unravel_index(shown.argmax(), shown.shape), (0, 0), (3, 4)):
        alpha = np.asarray(overlay.get_alpha())[place]
        own = np.asarray(overlay.cmap(overlay.norm(shown[place])))[:3]
        mixed = alpha * own + (1 - alpha) * 0.75  # a middle grey, at half of its contrast
        np.testing.assert_allclose(colours.to_rgba(shown[place])[:3], mixed, atol=0.02)


def test_both_maps_of_a_pair_share_the_scale():
    figure, *_ = difference_figure()
    assert scale(figure).get_title().endswith("by the largest in the pair's two maps")
