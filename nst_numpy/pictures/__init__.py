"""Pictures: files to arrays and back, and the pictures that come along."""

from nst_numpy.pictures.images import (
    MEAN_BGR,
    as_image,
    deprocess,
    load_image,
    preprocess,
    resize_image,
    save_image,
)
from nst_numpy.pictures.samples import Sample, sample_path

__all__ = [
    "MEAN_BGR",
    "Sample",
    "as_image",
    "deprocess",
    "load_image",
    "preprocess",
    "resize_image",
    "sample_path",
    "save_image",
]
