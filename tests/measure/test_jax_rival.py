import pytest

from tests.measure.rival_cases import CONVOLUTIONS, check_convolution, check_steps

pytest.importorskip("jax")
# what it warns of is its own business
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


@pytest.fixture
def rival():
    from nst_numpy.measure import jax_rival

    return jax_rival


def test_its_steps_are_the_step_here(rival):
    check_steps(rival.steps)


@pytest.mark.parametrize(("x_shape", "w_shape", "pad"), CONVOLUTIONS)
def test_its_convolutions_are_those_here(rival, x_shape, w_shape, pad):
    check_convolution(rival.convolutions, x_shape, w_shape, pad)
