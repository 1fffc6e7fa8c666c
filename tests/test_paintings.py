import re
from itertools import product

import numpy as np
import pytest

from nst_numpy.errors import SettingError, ShapeError
from nst_numpy.paintings import Paintings, as_list
from nst_numpy.pictures.palette import joint_palette
from nst_numpy.settings import Settings
from tests.test_style_transfer import CONTENT, STYLE, VGG_TINY, paint, picture

OTHER = picture(3, 30, 44)
SHAPE = CONTENT.shape[:2]
LEFT = np.zeros(SHAPE, bool)
LEFT[:, :16] = True
RIGHT = ~LEFT
KINDS = ("gram", "wasserstein", "neighbours")


def paintings(given=(STYLE, OTHER), masks=None, **settings):
    return Paintings(list(given), Settings(size=32, **settings), masks, SHAPE)


# weights


@pytest.mark.parametrize(
    ("weights", "masks", "expected"),
    [
        (None, None, [0.5, 0.5]),
        ([7, 3], None, [0.7, 0.3]),
        ([0, 5], None, [0, 1]),
        # each has its own half: there it counts as one painting alone does
        (None, [(LEFT, None), (RIGHT, None)], [1, 1]),
        ([3, 1], [(LEFT, None), (RIGHT, None)], [1.5, 0.5]),
        # one everywhere, the other on the left as well: 1 and 2 of them, 3/2 on average
        (None, [(None, None), (LEFT, None)], [2 / 3, 2 / 3]),
        # only the left counts
        ([2, 2], [(LEFT, None), (LEFT, None)], [0.5, 0.5]),
        # masks of paintings change no weights
        (None, [(None, np.eye(5)), (None, None)], [0.5, 0.5]),
    ],
)
@pytest.mark.filterwarnings("ignore:the mask array has other proportions")
def test_weights_are_1_where_something_counts_on_average(weights, masks, expected):
    assert paintings(style_weights=weights, masks=masks).weights == pytest.approx(expected)


def test_one_painting_is_plain_whatever_its_weight():
    alone = paintings([STYLE], style_weights=[0.3])
    assert alone.plain
    assert alone.weights == [1.0]
    assert not paintings([STYLE], masks=[(LEFT, None)]).plain
    assert paintings([STYLE], masks=[(None, None)]).plain


def test_the_mean_of_a_number_of_each():
    assert paintings(style_weights=[3, 1]).mean([10.0, 2.0]) == pytest.approx(8)


# masks


def test_masks_of_another_size_are_resized_and_that_is_said():
    found = paintings(masks=[(np.ones((48, 64)), None), (LEFT, np.ones((60, 88)))])
    assert found.notes == [
        "the mask array is 64×48: resized to the photograph's 32×24",
        "the mask array is 88×60: resized to the painting's 44×30",
    ]
    regions = found.regions(1, (1, 12, 16, 3), (1, 15, 22, 3), margin=2)
    assert (regions.content.shape, regions.style.shape) == ((16, 20), (15, 22))
    # the margin mirrors the mask, as it does the photograph: the left edge counts, the right not
    assert regions.content[:, :9].min() == 1
    assert regions.content[:, 11:].max() == 0


def test_other_proportions_are_warned_of():
    with pytest.warns(RuntimeWarning, match="the mask array has other proportions than the phot"):
        paintings(masks=[(np.ones((40, 40)), None), (None, None)])


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"style_weights": [1, 2, 3]}, SettingError,
         "style_weights has 3 numbers for 2 paintings: give one for each painting"),
        ({"style_weights": [1]}, SettingError,
         "style_weights has 1 number for 2 paintings: give one for each painting"),
        ({"style_size": [32, 32, 32]}, SettingError,
         "style_size has 3 numbers for 2 paintings: give one for each painting"),
        ({"masks": [(LEFT, None)]}, SettingError,
         "masks has 1 pair for 2 paintings: give one for each painting"),
        ({"masks": [LEFT, RIGHT]}, SettingError, "masks must be a list of pairs, (mask of the"),
        ({"masks": "ab"}, SettingError, "masks must be a list of pairs, (mask of the"),
        ({"masks": (LEFT, RIGHT)}, SettingError, "masks must be a list of pairs, (mask of the"),
        ({"given": []}, SettingError, "style is an empty list: give a picture, or a list of"),
        ({"masks": [(np.zeros(SHAPE), None)] * 2}, SettingError, "is black everywhere"),
        ({"masks": [(None, 3)] * 2}, ShapeError, "the path of a picture or an array, not a int"),
    ],
)  # fmt: skip
def test_what_does_not_fit(change, error, message):
    with pytest.raises(error, match=re.escape(message)):
        paintings(**change)


def test_a_list_of_one_is_one():
    assert as_list(STYLE) == [STYLE]
    assert as_list((STYLE,)) == [STYLE]


# runs


@pytest.mark.parametrize("kind", KINDS)
def test_a_list_of_one_painting_gives_the_same_run_to_the_bit(kind):
    one, listed = (paint(style=style, style_loss=kind) for style in (STYLE, [STYLE]))
    assert (one.image == listed.image).all()
    assert [e["loss"] for e in one.history] == [e["loss"] for e in listed.history]
    assert one.settings == listed.settings
    assert (one.source is None) == (listed.source is None)


@pytest.mark.parametrize("kind", KINDS)
def test_two_paintings_have_terms_of_their_own(kind):
    result = paint(
        style=[STYLE, OTHER], style_loss=kind, style_weights=[0.7, 0.3], style_size=[32, 20]
    )
    layers = ["neighbours"] if kind == "neighbours" else ["relu1_1", "relu2_1"]
    terms = {name for name in result.terms if name.startswith("style/")}
    assert terms == {f"style/{n}/{layer}" for n, layer in product((1, 2), layers)}
    assert sum(result.terms.values()) == result.loss < result.history[0]["loss"]
    assert result.settings["style_size"] == [32, 20]
    assert result.settings["style_weights"] == [0.7, 0.3]
    assert (result.source is not None) == (kind == "neighbours")


def test_only_the_ratio_of_the_weights_counts():
    first, second = (paint(style=[STYLE, OTHER], style_weights=w) for w in ([1, 3], [0.25, 0.75]))
    assert (first.image == second.image).all()


def test_a_painting_that_counts_nothing_changes_nothing():
    alone, both = paint(), paint(style=[STYLE, OTHER], style_weights=[1, 0])
    assert both.loss == pytest.approx(alone.loss, rel=1e-5)
    assert np.abs(both.image.astype(int) - alone.image).max() <= 1


def test_each_painting_is_balanced_alone():
    # a painting of strong contrasts has large terms; half way each has the share that it counts
    bold = ((STYLE > 127) * 255).astype(np.uint8)
    alone = [paint(style=style, iterations=1).settings["beta"] for style in (bold, OTHER)]
    both = paint(style=[bold, OTHER], iterations=1).settings
    assert alone[1] != pytest.approx(alone[0], rel=0.1)
    assert both["beta"] == pytest.approx(sum(alone) / 2)


def test_with_a_beta_of_nought_there_is_no_style():
    result = paint(style=[STYLE, OTHER], beta=0.0, init="noise")
    assert list(result.terms) == ["content/relu2_1"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_picture_changes_where_the_mask_is_white(kind):
    layers = {"content_layers": {"relu1_1": 1.0}, "style_layers": {"relu1_1": 1.0}}
    given = {"style_loss": kind, "iterations": 6, "strength": 80, **layers}
    result = paint(masks=[(LEFT, None)], **given)
    change = np.abs(result.image.astype(int) - CONTENT).mean(axis=(0, 2))
    assert change[:14].mean() > 3
    assert change[22:].max() == 0  # layers see a little across the edge
    assert list(result.terms)[-1] == (
        "style/neighbours" if kind == "neighbours" else "style/relu1_1"
    )


def test_a_mask_may_be_a_file_or_what_is_black_in_it(tmp_path):
    from PIL import Image

    path = tmp_path / "left.png"
    Image.fromarray(LEFT.astype(np.uint8) * 255).save(path)
    files = paint(style=[STYLE, OTHER], masks=[(path, None), (f"not:{path}", None)])
    arrays = paint(style=[STYLE, OTHER], masks=[(LEFT, None), (RIGHT, None)])
    assert (files.image == arrays.image).all()
    assert files.settings["masks"] == [[str(path), None], [f"not:{path}", None]]
    assert arrays.settings["masks"] == [["array", None], ["array", None]]


@pytest.mark.parametrize("scales", [1, 2])
def test_scales_and_a_margin(scales):
    result = paint(
        style=[STYLE, OTHER], masks=[(LEFT, None), (RIGHT, None)], scales=scales, margin=3,
        style_loss="wasserstein",
    )  # fmt: skip
    assert result.image.shape == CONTENT.shape
    assert len(result.history) == 4 * scales


def test_layers_that_a_small_region_does_not_reach_are_said():
    corner = np.zeros((25, 33))
    corner[24, 32] = 1  # pools round down
    with pytest.raises(SettingError, match="the region of a mask has no place in relu2_1"):
        paint(content=picture(4, 25, 33), size=33, masks=[(corner, None)], vgg=VGG_TINY)


# colours


def test_colours_of_several_are_those_of_all_as_much_as_each_counts():
    red, blue = (np.full((4, 5, 3), colour, np.uint8) for colour in ((255, 0, 0), (0, 0, 255)))
    palette = joint_palette([red, blue], [3, 1])
    share = palette.reshape(-1, 3).mean(axis=0) / 255
    np.testing.assert_allclose(share, [3 / 4, 0, 1 / 4], atol=1e-4)
    assert joint_palette([red], [0.2]) is red
    result = paint(style=[STYLE, OTHER], colors="match", iterations=1)
    assert result.image.shape == CONTENT.shape
