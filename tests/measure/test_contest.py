import numpy as np
import pytest

from nst_numpy.errors import NonFiniteError
from nst_numpy.layers import conv_forward
from nst_numpy.measure import contest
from nst_numpy.measure.contest import Contender


def test_everybody_takes_turns_and_the_first_run_of_a_turn_does_not_count(monkeypatch):
    monkeypatch.setattr(contest, "PAUSE", 0)
    ran, turns = [], []
    contenders = [Contender(name, lambda name=name: ran.append(name), list) for name in "ab"]
    times = contest.take_turns(contenders, 2, lambda: turns.append(1))
    assert "".join(ran) == 2 * ("a" * (1 + contest.TIMED) + "b" * (1 + contest.TIMED))
    assert [len(seconds) for seconds in times] == [2 * contest.TIMED] * 2
    assert len(turns) == 4


def test_times_of_different_results_are_not_compared():
    here, there = (
        Contender(n, lambda v=v: [np.full(3, v)], list) for n, v in (("a", 1), ("b", 1.1))
    )
    contest.check_alike([here, there], 0.11)
    with pytest.raises(
        NonFiniteError, match=r"b computes something else than a: apart by 1\.0e-01"
    ):
        contest.check_alike([here, there], 0.09)


@pytest.mark.parametrize("pad", [0, 1])
def test_a_convolution_here_is_the_definitions(pad):
    case = contest.convolution_case((2, 6, 2), (3, 2, 4), pad)
    out, *_ = contest.convolution_here(case).run()
    expected, _ = conv_forward(case.x, case.w, case.b, pad=pad, method="reference")
    assert out.shape == case.grad_out.shape
    np.testing.assert_allclose(out, expected, rtol=1e-4, atol=1e-4)


def test_layers_above_the_deepest_that_counts_are_left_out():
    assert list(contest.params_below({"conv4_1": 1, "conv5_1": 2, "conv5_2": 3})) == [
        "conv4_1",
        "conv5_1",
    ]


def test_the_scale_is_that_of_the_lecture():
    assert contest.style_scale((1, 3, 4, 2)) == 0.2 * 1e4 / (2 * 1 * 3 * 4 * 2) ** 2
