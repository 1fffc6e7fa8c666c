"""What a layer still knows of a picture: start from noise, and ask for nothing else.

With the content loss of one layer alone, what comes back is what that layer keeps of the
picture, place by place. With the style loss alone, it is texture: which features go
together, and no longer where. Figure 1 of Gatys et al. (2015); Mahendran and Vedaldi (2015).
"""

from collections.abc import Callable, Mapping

import numpy as np

from nst_numpy.common.arrays import Image
from nst_numpy.common.checks import check_at_least
from nst_numpy.errors import SettingError
from nst_numpy.kernels.memory import gives_memory_back
from nst_numpy.objective import Objective, check_layers
from nst_numpy.optimize import Minimum, Step, run_optimizer
from nst_numpy.pictures.images import deprocess, preprocess
from nst_numpy.vgg import VGG


@gives_memory_back
def reconstruct(
    vgg: VGG,
    image: Image,
    *,
    content_layers: Mapping[str, float] | None = None,
    style_layers: Mapping[str, float] | None = None,
    iterations: int = 100,
    seed: int = 0,
    tv_weight: float = 0.0,
    callback: Callable[[Step], object] | None = None,
) -> tuple[Image, Minimum]:
    """Paint from noise a picture that some layers cannot tell from the given one.

    Parameters
    ----------
    vgg : VGG
    image : ndarray, uint8 (H, W, 3)
    content_layers, style_layers : mapping of str to float
        λ of the layers to match. One of the two is usual; the other's coefficient is then 0.
    iterations : int
        Of L-BFGS.
    seed : int
        Of the noise: each byte is drawn evenly from 0 to 255.
    tv_weight : float
        Weight of the total variation. Deep layers leave fine noise undetermined; this
        smooths it.
    callback : callable, optional
        Called with a `Step` after each iteration; True ends the run.

    Returns
    -------
    image : ndarray, uint8 (H, W, 3)
    minimum : Minimum
        The losses, and why the optimiser stopped.

    Raises
    ------
    SettingError
        If no layer is given, or a number is out of range.
    UnknownNameError
        A layer that the network does not have.
    ShapeError
        If the picture is too small for a layer.
    """
    content, style = _check(content_layers, style_layers, iterations, seed)
    x = preprocess(image, dtype=vgg.dtype)
    objective = Objective(
        vgg,
        x,
        x,
        alpha=1.0 if content else 0.0,
        beta=1.0 if style else 0.0,
        content_layers=content,
        style_layers=style,
        tv_weight=tv_weight,
    )
    noise = np.random.default_rng(seed).integers(0, 256, image.shape, dtype=np.uint8)
    start = preprocess(noise, dtype=vgg.dtype)
    minimum = run_optimizer("lbfgs", objective, start, iterations, callback=callback)
    return deprocess(minimum.x), minimum


def _check(
    content_layers: Mapping[str, float] | None,
    style_layers: Mapping[str, float] | None,
    iterations: int,
    seed: int,
) -> tuple[dict[str, float], dict[str, float]]:
    """Refuse what cannot be; return the layers of content and of style."""
    content = check_layers("content_layers", {} if content_layers is None else content_layers)
    style = check_layers("style_layers", {} if style_layers is None else style_layers)
    if not content and not style:
        raise SettingError("reconstruct: name at least one layer, of content or of style")
    check_at_least("reconstruct: iterations", iterations, 1)
    check_at_least("reconstruct: seed", seed, 0)
    return content, style
