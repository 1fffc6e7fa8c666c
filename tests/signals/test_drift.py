import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nst_numpy.errors import SettingError, ShapeError
from nst_numpy.signals.drift import Rule, measure_drift, steepness


@given(
    down=st.floats(-0.5, 0.5),
    right=st.floats(-0.5, 0.5),
    phases=st.tuples(st.floats(0, 6), st.floats(0, 6)),
)
@settings(max_examples=50)
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


def test_a_still_filter_is_not_slanted():
    still = np.tile(np.random.default_rng(0).standard_normal((1, 1, 1, 5)), (1, 5, 1, 1))
    assert abs(steepness(still)[0]) < 1e-9


def test_errors():
    with pytest.raises(SettingError, match="Rule: drifts must be 0 < least < most"):
        Rule(1, 0.5, 1, 1)
    with pytest.raises(ShapeError, match=r"measure_drift: blocks must be \(N, D, H, W\)"):
        measure_drift(np.zeros((2, 3, 4)))
