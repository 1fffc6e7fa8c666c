"""Files of weights: those of VGG-16 and VGG-19 from anywhere, and networks that were saved."""

from nst_numpy.errors import WeightsError
from nst_numpy.weights.describe import LayerInfo, WeightsInfo, describe_weights
from nst_numpy.weights.verify import CHECKS, Check, verify_weights
from nst_numpy.weights.vgg_files import (
    BLOCKS,
    FINGERPRINTS,
    LoadedWeights,
    bundled_path,
    convert_weights,
    load_weights,
    read_weights,
)

__all__ = [
    "BLOCKS",
    "CHECKS",
    "FINGERPRINTS",
    "Check",
    "LayerInfo",
    "LoadedWeights",
    "WeightsError",
    "WeightsInfo",
    "bundled_path",
    "convert_weights",
    "describe_weights",
    "load_weights",
    "read_weights",
    "verify_weights",
]
