"""What in a picture drove a unit: three ways back from one activation to the pixels.

They differ in what a ReLU does on the way down; see `VGG.backward`. "gradient" answers
which pixels would change the activation (Simonyan et al. 2014). "deconvolution" (Zeiler and
Fergus 2014) and "guided" (Springenberg et al. 2015) are no derivatives: they keep what
supports the unit and drop what speaks against it, and show the parts more clearly.
"""

import numpy as np

from nst_numpy.common.arrays import Array, Image
from nst_numpy.errors import SettingError, ShapeError
from nst_numpy.layers.activation import ReluRule
from nst_numpy.receptive_field import receptive_box, receptive_field
from nst_numpy.vgg import VGG


def what_drove(
    vgg: VGG, x: Array, layer: str, channel: int, row: int, col: int, rule: ReluRule = "guided"
) -> Array:
    """Carry one unit's activation back to the pixels that drove it.

    Parameters
    ----------
    vgg : VGG
    x : ndarray, (1, H, W, 3)
        From `preprocess`.
    layer : str
    channel, row, col : int
        The unit, from 0.
    rule : {"guided", "deconvolution", "gradient"}
        What a ReLU does on the way back.

    Returns
    -------
    grad_x : ndarray, shaped like x
        0 outside the unit's receptive box. With "gradient" it is ∂a/∂x, activation per
        pixel value. By "gradient" and "guided" a unit whose ReLU is off has nothing to
        show: all is 0.

    Raises
    ------
    UnknownNameError, SettingError, ShapeError
        For a layer, channel, rule or position that is not there.

    Notes
    -----
    Springenberg et al. (2015), figure 1.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> vgg, x = VGG.random((4, 8), rng), rng.standard_normal((1, 8, 8, 3))
    >>> what_drove(vgg, x, "conv1_1", 2, 3, 3, rule="gradient").any(axis=(0, 1, 3)).nonzero()
    (array([2, 3, 4]),)
    """
    check_channel("what_drove", vgg, layer, channel)
    if x.ndim != 4 or len(x) != 1:
        raise ShapeError(f"what_drove: x must be one picture (1, H, W, 3), not {x.shape}")
    box = receptive_box(layer, row, col, x.shape[1:3], vgg)
    # Nothing outside the box counts. The part starts where a window of every pool starts.
    stride = receptive_field(layer, vgg).stride
    top, left = (start // stride * stride for start in box[:2])
    part = (slice(None), slice(top, box.bottom), slice(left, box.right))
    a = vgg.forward(np.ascontiguousarray(x[part]), [layer])[layer]
    grad = np.zeros_like(a)
    grad[0, row - top // stride, col - left // stride, channel] = 1
    grad_x = np.zeros_like(x)
    grad_x[part] = vgg.backward({layer: grad}, relu=rule)
    return grad_x


def drive_image(grad_x: Array) -> Image:
    """Turn what drove a unit into a picture: grey is 0, the largest value full colour.

    Parameters
    ----------
    grad_x : ndarray, (1, H, W, 3)
        From `what_drove`; its channels are blue, green, red.

    Returns
    -------
    ndarray, uint8 (H, W, 3)
        RGB; 128 is 0.

    Examples
    --------
    >>> drive_image(np.array([[[[0.0, -1.0, 2.0]]]])).tolist()
    [[[255, 64, 128]]]
    """
    largest = float(np.abs(grad_x).max()) or 1.0
    # (1, H, W, 3) -> (H, W, 3), BGR -> RGB
    scaled: Array = grad_x[0, ..., ::-1] * (127.5 / largest) + 127.5
    return np.rint(scaled).astype(np.uint8)


def check_channel(name: str, vgg: VGG, layer: str, channel: int) -> None:
    """Refuse a layer or channel that the network does not have."""
    vgg.check_names([layer])
    last = vgg.feature_shapes((1, *vgg.input_shape))[layer][-1] - 1
    if not 0 <= channel <= last:
        raise SettingError(f"{name}: {layer} has channels 0 to {last}, not {channel}")
