import numpy as np
import pytest

from nst_numpy.kernels.masks import apply_mask, pack_mask, rectify
from nst_numpy.layers import relu_backward, relu_forward


@pytest.mark.parametrize("channels", [1, 7, 8, 19])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_one_bit_a_number_does_what_the_mask_does(channels, dtype):
    rng = np.random.default_rng(channels)
    x = rng.integers(-2, 3, (3, 5, channels)).astype(dtype)  # zeros too
    out, cache = relu_forward(x)
    mask = pack_mask(x)
    assert mask.shape == (3, 5, -(-channels // 8))
    rectified = x.copy()
    rectify(rectified)
    assert np.array_equal(rectified, out)
    grad = rng.standard_normal(x.shape).astype(dtype)
    masked = grad.copy()
    apply_mask(masked, mask)
    assert np.array_equal(masked, relu_backward(grad, cache))
    assert masked.dtype == dtype
