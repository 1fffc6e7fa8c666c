"""Files of weights: those of VGG-16 and VGG-19 from anywhere, and networks that were saved."""

from nst_numpy.errors import WeightsError
from nst_numpy.weights.vgg_files import (
    BLOCKS,
    CHECKS,
    FINGERPRINTS,
    Check,
    LayerInfo,
    WeightsInfo,
    bundled_path,
    describe_weights,
    load_weights,
    verify_weights,
)

__all__ = [
    "BLOCKS",
    "CHECKS",
    "FINGERPRINTS",
    "Check",
    "LayerInfo",
    "WeightsError",
    "WeightsInfo",
    "bundled_path",
    "describe_weights",
    "load_weights",
    "verify_weights",
]
