import numpy as np
import pytest

from nst_numpy.errors import ShapeError
from nst_numpy.layers.checks import check_dtypes, check_grad_out


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble])
def test_one_floating_dtype_passes(dtype):
    x = np.zeros(2, dtype)
    check_dtypes("f", x, x, x)


@pytest.mark.parametrize(
    "dtypes",
    [
        ("float32", "float64", "float64"),
        ("float64", "float32", "float64"),
        ("float64", "float64", "float32"),
        ("int64", "int64", "int64"),
        ("bool", "bool", "bool"),
        ("complex128", "complex128", "complex128"),
        ("int64", "float64", "float64"),
    ],
)
def test_other_dtypes_are_refused_by_name(dtypes):
    with pytest.raises(ShapeError) as caught:
        check_dtypes("conv_forward", *(np.zeros(2, dtype) for dtype in dtypes))
    assert str(caught.value) == (
        f"conv_forward: x is {dtypes[0]}, w {dtypes[1]} and b {dtypes[2]}: give all three the "
        "same floating dtype, with .astype"
    )


@pytest.mark.parametrize("shape", [(2, 3), (None, 3), (2, None), (None, None)])
def test_a_shape_that_fits_passes(shape):
    check_grad_out("f", np.zeros((2, 3)), shape)


def test_no_axes_are_a_shape_too():
    check_grad_out("f", np.zeros(()), ())


@pytest.mark.parametrize("shape", [(3, 2), (2, 4), (2,), (2, 3, 1), (), (None, 2), (None,)])
def test_another_shape_is_refused(shape):
    with pytest.raises(ShapeError) as caught:
        check_grad_out("conv_backward", np.zeros((2, 3)), shape)
    assert str(caught.value) == (
        f"conv_backward: grad_out must have the output's shape {shape}, not (2, 3)"
    )
