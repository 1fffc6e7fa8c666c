import numpy as np
import pytest

from nst_numpy.errors import ShapeError, SignalError
from nst_numpy.signals.drift import measure_drift
from nst_numpy.signals.examples import VERSIONS, even_out, four_versions, make_examples
from tests.signals.conftest import RULE, moving


def test_both_classes_have_the_same_slices(examples):
    train, _ = examples
    assert train.y.mean() == 0.5
    for x, y in zip(
        train.x.reshape(-1, 4, *train.x.shape[1:]), train.y.reshape(-1, 4), strict=True
    ):
        as_it_is, backwards, mirrored, both = x
        np.testing.assert_array_equal(as_it_is, backwards[::-1])
        np.testing.assert_array_equal(mirrored, as_it_is[..., ::-1])
        np.testing.assert_array_equal(both, mirrored[::-1])
        assert y.tolist() in ([0, 1, 1, 0], [1, 0, 0, 1])


def test_the_labels_are_the_direction():
    rng = np.random.default_rng(1)
    blocks = moving(rng, 4, [(0, 0.5), (0, -0.5), (0.5, 0.1), (-0.5, 0.1)])
    # what moves down or up is mirrored at the diagonal: down is right, up is left
    assert make_examples(blocks, RULE).y[::4].tolist() == [1, 0, 1, 0]


def test_reversed_and_mirrored_blocks_drift_as_labelled():
    blocks = moving(np.random.default_rng(2), 1, [(0, 0.5)])
    x, y = four_versions(blocks, np.array([1]))
    found, _, _ = measure_drift(x)
    assert (found[:, 1] > 0).astype(int).tolist() == y.tolist()


def test_a_slice_is_evened_out_alone():
    x = np.random.default_rng(0).normal(5, 3, (2, 3, 8, 8)).astype(np.float32)
    other = x.copy()
    other[:, 2] *= 7
    # a change of one slice must not reach the others: it would tell them about it
    np.testing.assert_array_equal(even_out(x)[:, :2], even_out(other)[:, :2])
    np.testing.assert_allclose(even_out(x).mean(axis=(2, 3)), 0, atol=1e-5)
    np.testing.assert_allclose(even_out(x).std(axis=(2, 3)), 1, atol=2e-3)


def test_examples_say_how_many_blocks_were_looked_at(examples):
    train, _ = examples
    assert train.blocks == 60
    assert len(train.y) <= VERSIONS * 60


def test_errors():
    with pytest.raises(ShapeError, match=r"make_examples: .* H equal to W"):
        make_examples(np.zeros((2, 3, 4, 5)), RULE)
    with pytest.raises(SignalError, match="make_examples: none of 2 blocks drifts as the rule"):
        make_examples(np.zeros((2, 3, 4, 4)), RULE)
