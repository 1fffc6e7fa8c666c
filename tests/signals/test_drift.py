import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nst_numpy.errors import SettingError, ShapeError, SignalError
from nst_numpy.network import Conv, Dense, GlobalAvgPool, MaxPool, ReLU, Sequential
from nst_numpy.signals import drift
from nst_numpy.signals.drift import (
    Examples,
    Rival,
    Rule,
    compare,
    cut,
    even_out,
    four_versions,
    grid,
    make_examples,
    make_rivals,
    measure_drift,
    one_slice,
    shuffled,
    slices_as_channels,
    steepness,
    volume_of,
)

RULE = Rule(least=0.1, most=2.0, texture=1e-4, rest=0.9)
ROWS_3D = [Conv(4, 3), ReLU(), MaxPool((1, 2, 2)), Conv(8, 2), ReLU(), GlobalAvgPool(), Dense(2)]
ROWS_2D = [Conv(4, 3), ReLU(), MaxPool(2), Conv(8, 2), ReLU(), GlobalAvgPool(), Dense(2)]


def moving(rng, count, speeds, depth=6, side=12):
    """Smooth patterns that move by (rows, columns) a slice; one speed a block."""
    t, i, j = np.mgrid[:depth, :side, :side]
    blocks = []
    for _, (down, right) in zip(range(count), speeds, strict=True):
        waves = rng.uniform(0.3, 0.9, (4, 2)) * rng.choice([-1, 1], (4, 2))
        phases = rng.uniform(0, 2 * np.pi, 4)
        blocks.append(
            sum(
                np.sin(a * (i - down * t) + b * (j - right * t) + phase)
                for (a, b), phase in zip(waves, phases, strict=True)
            )
        )
    return np.array(blocks)


@pytest.fixture(scope="module")
def examples():
    rng = np.random.default_rng(0)
    speeds = [(0.0, rng.choice([-1, 1]) * rng.uniform(0.4, 0.8)) for _ in range(100)]
    blocks = moving(rng, 100, speeds)
    return make_examples(blocks[:60], RULE), make_examples(blocks[60:], RULE)


@given(
    down=st.floats(-0.5, 0.5),
    right=st.floats(-0.5, 0.5),
    phases=st.tuples(st.floats(0, 6), st.floats(0, 6)),
)
@settings(max_examples=50, deadline=None)
def test_drift_of_a_moving_pattern(down, right, phases):
    # one wave along the rows and one along the columns: texture in both directions
    t, i, j = np.mgrid[:6, :24, :24]
    block = np.sin(0.5 * (i - down * t) + phases[0]) + np.sin(0.4 * (j - right * t) + phases[1])
    found, texture, rest = measure_drift(block[None])
    np.testing.assert_allclose(found[0], [down, right], atol=0.05)
    assert texture[0] > 0.01
    assert 0 <= rest[0] <= 1


def test_a_flat_block_drifts_nowhere():
    found, texture, rest = measure_drift(np.ones((1, 4, 5, 5)))
    np.testing.assert_array_equal(found, 0)
    assert texture[0] == rest[0] == 0


def test_blocks_lie_in_their_region_and_are_cut_there():
    corners = grid((2, 1), (8, 9), (3, 4), (2, 3))
    assert corners.min(axis=0).tolist() == [2, 1]
    assert (corners + np.array([3, 4])).max(axis=0).tolist() == [7, 8]
    array = np.arange(100).reshape(10, 10)
    for corner, block in zip(corners, cut(array, corners, (3, 4)), strict=True):
        i, j = corner
        np.testing.assert_array_equal(block, array[i : i + 3, j : j + 4])


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


def test_shapes_of_what_rivals_see():
    x, rng = np.random.default_rng(0).random((3, 5, 4, 4)), np.random.default_rng(0)
    assert volume_of(x, rng).shape == (3, 5, 4, 4, 1)
    assert slices_as_channels(x, rng).shape == (3, 4, 4, 5)
    np.testing.assert_array_equal(slices_as_channels(x, rng)[1, ..., 2], x[1, 2])
    np.testing.assert_array_equal(one_slice(x, rng)[..., 0], x[:, 2])


def test_every_block_is_shuffled_in_its_own_order():
    x = np.tile(np.arange(6.0)[None, :, None, None], (50, 1, 2, 2))
    seen = shuffled(volume_of)(x, np.random.default_rng(0))[:, :, 0, 0, 0]
    np.testing.assert_array_equal(np.sort(seen, axis=1), x[:, :, 0, 0])
    assert len(np.unique(seen, axis=0)) > 40


def test_order_is_seen_in_3d_and_lost_by_shuffling(examples):
    train, test = examples
    rivals = [
        Rival("3-D", ROWS_3D, volume_of),
        Rival("shuffled", ROWS_2D, shuffled(slices_as_channels)),
        Rival("brightness", None),
    ]
    result = compare(
        rivals, [(train, test)], seeds=[0], epochs=25, learning_rate=1e-2, batch_size=32
    )
    assert result.rivals() == ["3-D", "shuffled", "brightness"]
    assert result.accuracies("3-D")[0] > 0.9
    assert abs(result.accuracies("shuffled")[0] - 0.5) < 0.15
    # the four versions have the same percentiles: exactly half of the answers are right
    assert result.accuracies("brightness") == [0.5]
    assert set(result.networks) == {"3-D", "shuffled", "brightness"}


def test_a_run_is_the_same_again(examples):
    rivals = make_rivals(ROWS_3D, ROWS_2D)[2:4]
    first, second = (
        compare(rivals, [examples], seeds=[3], epochs=1).accuracies("2-D, slices shuffled")
        for _ in range(2)
    )
    assert first == second


def test_ctrl_c_keeps_the_trials_so_far(examples, monkeypatch):
    real, calls = Sequential.gradients, []

    def gradients(self, *args):
        calls.append(1)
        if len(calls) > len(examples[0].y) // 64 + 2:
            raise KeyboardInterrupt
        return real(self, *args)

    monkeypatch.setattr(drift.Sequential, "gradients", gradients)
    rivals = [Rival("first", ROWS_2D, one_slice), Rival("second", ROWS_2D, one_slice)]
    result = compare(rivals, [examples], seeds=[0], epochs=1)
    assert result.interrupted
    assert result.rivals() == ["first"]


def test_a_still_filter_is_not_slanted():
    still = np.tile(np.random.default_rng(0).standard_normal((1, 1, 1, 5)), (1, 5, 1, 1))
    assert abs(steepness(still)[0]) < 1e-9


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: Rule(1, 0.5, 1, 1), SettingError, "Rule: drifts must be 0 < least < most"),
        (
            lambda: cut(np.zeros((3, 3)), np.zeros((1, 2), int), (4, 4)),
            ShapeError,
            r"cut: an array of shape \(3, 3\) has no block of \(4, 4\)",
        ),
        (
            lambda: measure_drift(np.zeros((2, 3, 4))),
            ShapeError,
            r"measure_drift: blocks must be \(N, D, H, W\)",
        ),
        (
            lambda: make_examples(np.zeros((2, 3, 4, 5)), RULE),
            ShapeError,
            "make_examples: .* H equal to W",
        ),
        (
            lambda: make_examples(np.zeros((2, 3, 4, 4)), RULE),
            SignalError,
            "make_examples: none of 2 blocks drifts as the rule wants",
        ),
    ],
)
def test_errors(call, error, text):
    with pytest.raises(error, match=text):
        call()


def test_examples_say_how_many_blocks_were_looked_at(examples):
    train, _ = examples
    assert isinstance(train, Examples)
    assert train.blocks == 60
    assert len(train.y) <= 240
