import numpy as np
import pytest

import nst_numpy
from nst_numpy.training.sequential import Conv, Dense, GlobalAvgPool, ReLU
from tests.small_networks import net_of


def test_first_filters_are_hes():
    net = net_of([Conv(400, 5), ReLU(), GlobalAvgPool(), Dense(300)], (30, 8), dtype=np.float32)
    for w, b in net.params.values():
        assert w.dtype == b.dtype == np.float32
        assert w.std() == pytest.approx(np.sqrt(2 / np.prod(w.shape[:-1])), rel=0.02)
        assert not b.any()
    first, second = net_of(seed=1).params["conv1"][0], net_of(seed=2).params["conv1"][0]
    assert (first != second).all()


def test_names_that_can_be_imported_are_said():
    assert all(
        hasattr(nst_numpy.training.sequential, name)
        for name in nst_numpy.training.sequential.__all__
    )


def test_the_lectures_volumes():
    net = net_of([Conv(16, 5), Conv(32, 5)], (14, 14, 14, 1))
    assert net.feature_shapes((1, 14, 14, 14, 1)) == {
        "conv1": (1, 10, 10, 10, 16),
        "conv2": (1, 6, 6, 6, 32),
    }
