from nst_numpy.signals.comparison import compare
from nst_numpy.signals.rivals import (
    Rival,
    make_rivals,
    one_slice,
    shuffled,
    slices_as_channels,
    volume_of,
)
from nst_numpy.training.sequential import Conv, Dense, GlobalAvgPool, MaxPool, ReLU, Sequential

ROWS_3D = [Conv(4, 3), ReLU(), MaxPool((1, 2, 2)), Conv(8, 2), ReLU(), GlobalAvgPool(), Dense(2)]
ROWS_2D = [Conv(4, 3), ReLU(), MaxPool(2), Conv(8, 2), ReLU(), GlobalAvgPool(), Dense(2)]


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

    monkeypatch.setattr(Sequential, "gradients", gradients)
    rivals = [Rival("first", ROWS_2D, one_slice), Rival("second", ROWS_2D, one_slice)]
    result = compare(rivals, [examples], seeds=[0], epochs=1)
    assert result.interrupted
    assert result.rivals() == ["first"]
