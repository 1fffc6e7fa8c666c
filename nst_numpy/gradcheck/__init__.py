"""Whether a gradient is right, and if not, what is probably wrong with it.

>>> import numpy as np
>>> from nst_numpy import gradcheck
>>> x = np.array([[1.5, -0.5, 2.0], [-1.0, 0.5, -2.0]])
>>> def forward(x):
...     return np.maximum(x, 0), x
>>> def backward(grad_out, cache):
...     return -grad_out * (cache > 0)
>>> gradcheck.check_backward(forward, backward, {"x": x}).diagnosis.sentence
'The sign is wrong. Look for a − that is missing or there twice, as in b − a for a − b.'

`numerical` has the numbers, `pair` calls somebody's functions with care, `slopes` moves the
entries, `kinks` judges where there is no gradient, and `hypotheses` are the mistakes that people
make. `explain` ranks them; `zoo` is the proof.
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
