import numpy as np
import pytest

from nst_numpy.weights import disorder, load_weights

RNG = np.random.default_rng(1)


def smooth(c_in, c_out):
    """Make a kernel whose neighbouring entries are alike."""
    return RNG.standard_normal((3, 3, c_in, c_out)).cumsum(axis=0).cumsum(axis=1)


def reshaped(w):
    return w.transpose(3, 2, 0, 1).reshape(w.shape)


def test_the_correlation_is_the_mean_over_neighbours():
    kernel = RNG.standard_normal((2, 2, 3, 4))
    place = {(i, j): kernel[i, j].ravel() for i in (0, 1) for j in (0, 1)}
    pairs = [((0, 0), (0, 1)), ((1, 0), (1, 1)), ((0, 0), (1, 0)), ((0, 1), (1, 1))]
    expected = np.mean([np.corrcoef(place[one], place[other])[0, 1] for one, other in pairs])
    np.testing.assert_allclose(disorder.neighbour_correlation(kernel), expected)


def test_published_kernels_are_alike_and_reshaped_ones_are_not():
    params = load_weights()
    few = {name: params[name] for name in ("conv1_1", "conv1_2", "conv3_1")}
    assert disorder.find_unrelated(few) == {}
    wrong = {name: (reshaped(w), b) for name, (w, b) in few.items()}
    found = disorder.find_unrelated(wrong)
    assert found.keys() == few.keys()
    assert max(found.values()) < 0.05


def test_of_a_kernel_of_one_number_nothing_can_be_said():
    found = disorder.find_unrelated({"conv1_1": (np.ones((3, 3, 3, 4)), np.ones(4))})
    assert np.isnan(found["conv1_1"])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda w: w[::-1, ::-1], "turned by 180°"),
        (lambda w: w[::-1], "upside down"),
        (lambda w: w[:, ::-1], "mirrored"),
        (lambda w: w.transpose(1, 0, 2, 3), "stored with rows and columns swapped"),
        (reshaped, "reshaped from channels first, not transposed"),
        (lambda w: w.transpose(0, 1, 3, 2), "stored with inputs and outputs swapped"),
    ],
)
@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_what_was_done_to_a_kernel_is_found(change, said, dtype):
    right = {name: (smooth(4, 4), np.ones(4)) for name in ("conv1_1", "conv1_2")}
    params = {name: (w.astype(dtype), b) for name, (w, b) in right.items()}
    assert disorder.find_different(params, right) == {}
    params["conv1_2"] = (np.ascontiguousarray(change(params["conv1_2"][0])), right["conv1_2"][1])
    assert disorder.find_different(params, right) == {"conv1_2": said}


def test_colours_in_another_order_are_found():
    right = {"conv1_1": (smooth(3, 4), np.ones(4))}
    params = {"conv1_1": (right["conv1_1"][0][:, :, ::-1], np.ones(4))}
    assert disorder.find_different(params, right) == {"conv1_1": "stored with red, not blue, first"}


def test_other_numbers_are_no_rearrangement():
    right = {"conv1_1": (smooth(4, 4), np.ones(4))}
    other = {"conv1_1": (smooth(4, 4), np.ones(4))}
    assert disorder.find_different(other, right) == {"conv1_1": ""}
