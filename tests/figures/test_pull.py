import numpy as np
import pytest

from nst_numpy.figures import pull_figure
from nst_numpy.look import full_gradient, pull_maps
from tests.figures.seen import limits, picture, titles


@pytest.fixture(scope="module")
def scene():
    rng = np.random.default_rng(0)
    gradients = dict(zip(("content/relu2_1", "style/relu1_1", "tv"),
                         rng.standard_normal((3, 1, 6, 5, 3)), strict=True))  # fmt: skip
    image = rng.integers(0, 256, (6, 5, 3), dtype=np.uint8)
    return image, gradients, pull_maps(gradients)


def test_a_column_a_term_on_one_scale(scene):
    image, gradients, pulls = scene
    figure = pull_figure(image, pulls)
    figure.draw_without_rendering()
    upper, lower = np.array(figure.axes[:8]).reshape(2, 4)
    np.testing.assert_array_equal(picture(upper[0]), image)
    full = np.linalg.norm(full_gradient(gradients)[0], axis=-1)
    np.testing.assert_allclose(picture(lower[0]), full)
    for above, below, (term, pull) in zip(upper[1:], lower[1:], pulls.items(), strict=True):
        np.testing.assert_array_equal(picture(above), pull.size)
        np.testing.assert_array_equal(picture(below), pull.along)
        assert above.get_title() == f"{term}\nlength {pull.norm:.3g}"
        assert below.get_title() == f"{pull.direction}: {100 * pull.share:+.1f} %"
    maps = [lower[0], *upper[1:], *lower[1:]]
    assert len({id(axes.images[0].norm) for axes in maps}) == 1
    low, high = limits(lower[0])
    assert (
        -low
        == high
        == max(np.percentile(values, 99.5) for values in (full, *(p.size for p in pulls.values())))
    )


def test_what_is_written_beside_the_maps(scene):
    image, gradients, pulls = scene
    figure = pull_figure(image, pulls)
    assert titles(figure)[0] == "the picture now"
    assert (
        titles(figure)[4] == f"full gradient\nlength {np.linalg.norm(sum(gradients.values())):.3g}"
    )
    assert figure.axes[1].get_ylabel() == "length"
    assert figure.axes[5].get_ylabel() == "along the\nfull gradient"
    assert len(figure.axes) == 2 * 4 + 1  # and the scale


def test_colour_goes_with_the_square_root(scene):
    image, _, pulls = scene
    norm = pull_figure(image, pulls).axes[1].images[0].norm
    top = norm.vmax
    # a quarter of the strongest pull has half of its colour, on both sides of the middle
    np.testing.assert_allclose(norm([-top, -top / 4, 0, top / 4, top]), [0, 0.25, 0.5, 0.75, 1])
    assert norm(5 * top) == 1


def test_a_gradient_of_zeros_can_be_drawn():
    pulls = pull_maps({"tv": np.zeros((1, 4, 5, 3))})
    figure = pull_figure(np.zeros((4, 5, 3), np.uint8), pulls)
    assert "no pull" in titles(figure)
    assert limits(figure.axes[1]) == (-1, 1)
    figure.draw_without_rendering()
