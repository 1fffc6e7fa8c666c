"""What both rivals are tested with."""

import numpy as np

from nst_numpy.measure.contest import (
    StepCase,
    check_alike,
    convolution_case,
    convolution_here,
    params_below,
    step_here,
)
from nst_numpy.vgg import VGG

CONVOLUTIONS = [((2, 9, 3), (3, 3, 4), 1), ((1, 6, 5, 3), (3, 3, 3, 4), 0),
                ((1, 5, 6, 4, 2), (3, 3, 3, 2, 3), 1)]  # fmt: skip


def check_steps(make):
    """Hold the contenders that `make` returns to the step here, but those that compile for long."""
    rng = np.random.default_rng(0)
    vgg = VGG.random((4, 4, 4, 4, 4), rng, convolutions=(1, 1, 1, 2, 1), dtype=np.float32)
    pictures = (rng.uniform(-100, 100, (1, 32, 32, 3)).astype(np.float32) for _ in range(3))
    case = StepCase(params_below(vgg.params), *pictures)
    rivals = [contender for contender in make(case) if "compiled" not in contender.name]
    check_alike([step_here(vgg, case), *rivals], 1e-4)


def check_convolution(make, x_shape, w_shape, pad):
    """Hold the contenders that `make` returns to the convolution here."""
    case = convolution_case(x_shape, w_shape, pad)
    check_alike([convolution_here(case), *make(case)], 1e-5)
