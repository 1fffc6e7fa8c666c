"""Is this gradient right, and if not, what is wrong with it?

>>> import numpy as np
>>> from nst_numpy import gradcheck
>>> from nst_numpy.layers import relu_forward
>>> x = np.array([[1.5, -0.5, 2.0]])
>>> print(gradcheck.check_backward(relu_forward, lambda grad_out, cache: -grad_out * cache, {"x": x}))
... # doctest: +SKIP
"""

from nst_numpy.errors import GradientError
from nst_numpy.gradcheck.check import assert_gradients, check_backward, check_gradient
from nst_numpy.gradcheck.diagnosis import Diagnosis
from nst_numpy.gradcheck.directions import check_directions
from nst_numpy.gradcheck.numerical import numerical_gradient, relative_error
from nst_numpy.gradcheck.report import ArgumentReport, GradientReport

__all__ = [
    "ArgumentReport",
    "Diagnosis",
    "GradientError",
    "GradientReport",
    "assert_gradients",
    "check_backward",
    "check_directions",
    "check_gradient",
    "numerical_gradient",
    "relative_error",
]
