"""ReLU, forward and backward."""

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from nst_numpy.common.arrays import Array
from nst_numpy.common.checks import check_choice
from nst_numpy.common.moved import keep_former_names
from nst_numpy.kernels.masks import rectify
from nst_numpy.layers.checks import check_grad_out

ReluRule = Literal["gradient", "guided", "deconvolution"]
RELU_RULES: tuple[ReluRule, ...] = get_args(ReluRule)


def relu_forward(x: Array) -> tuple[Array, NDArray[np.bool_]]:
    """Return max(x, 0), and the mask x > 0 as cache.

    Parameters
    ----------
    x : ndarray, any shape

    Returns
    -------
    out : ndarray, shaped like x
    cache : ndarray of bool, shaped like x
        Where x > 0: all that the backward pass needs, in a quarter of float32's memory.

    Examples
    --------
    >>> import numpy as np
    >>> relu_forward(np.array([-1.0, 0.0, 2.0]))[0]
    array([0., 0., 2.])
    """
    out = np.array(x)
    rectify(out)  # equation (21)
    return out, x > 0


def relu_backward(
    grad_out: Array, cache: NDArray[np.bool_], *, rule: ReluRule = "gradient"
) -> Array:
    """Pass the gradient where x > 0; the kink at 0 counts as 0.

    Parameters
    ----------
    grad_out : ndarray, shaped like the output
    cache : ndarray of bool, from `relu_forward`
    rule : {"gradient", "guided", "deconvolution"}
        "gradient" is the derivative: pass what was positive on the way up. "deconvolution"
        (Zeiler and Fergus 2014) passes what is positive on the way down, "guided"
        (Springenberg et al. 2015) what is both.

    Returns
    -------
    grad_x : ndarray, shaped like x

    Raises
    ------
    ShapeError
        If grad_out is not shaped like the output.
    SettingError
        For a rule that is none of these.
    """
    check_choice("relu", rule, RELU_RULES)
    check_grad_out("relu_backward", grad_out, cache.shape)
    grad_x = grad_out if rule == "gradient" else np.maximum(grad_out, 0)
    return grad_x if rule == "deconvolution" else grad_x * cache  # equation (21)


keep_former_names(__name__, "nst_numpy.kernels.masks", "apply_mask", "pack_mask")
