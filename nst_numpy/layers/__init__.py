"""What a convolutional network is made of: layers as pairs of functions.

`x_forward(x, …) -> out, cache` and `x_backward(grad_out, cache) -> grads`. Channels come
last: (N, L, C), (N, H, W, C) or (N, D, H, W, C). Layers keep no state.
"""

from nst_numpy.kernels.threads import get_threads, set_threads
from nst_numpy.layers.activation import relu_backward, relu_forward
from nst_numpy.layers.convolution import conv_backward, conv_forward
from nst_numpy.layers.dense import dense_backward, dense_forward
from nst_numpy.layers.pooling import (
    avg_pool_backward,
    avg_pool_forward,
    global_avg_pool_backward,
    global_avg_pool_forward,
    max_pool_backward,
    max_pool_forward,
)

__all__ = [
    "avg_pool_backward",
    "avg_pool_forward",
    "conv_backward",
    "conv_forward",
    "dense_backward",
    "dense_forward",
    "get_threads",
    "global_avg_pool_backward",
    "global_avg_pool_forward",
    "max_pool_backward",
    "max_pool_forward",
    "relu_backward",
    "relu_forward",
    "set_threads",
]
