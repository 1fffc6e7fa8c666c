"""What a weights file holds, layer by layer."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nst_numpy.files import PathLike
from nst_numpy.weights import orientation
from nst_numpy.weights.digests import sha256
from nst_numpy.weights.stored import Stored, check_declared, read_all
from nst_numpy.weights.vgg_files import locate, opened_contents


@dataclass(frozen=True)
class LayerInfo:
    """One convolution of a weights file; the statistics are those of its kernel."""

    name: str
    name_in_file: str
    kernel_shape: tuple[int, ...]
    dtype: str
    minimum: float
    maximum: float
    mean: float
    std: float
    parameters: int


@dataclass(frozen=True)
class WeightsInfo:
    """What a weights file holds.

    `ignored` names what is not one of the network's convolutions; `note` says how kernels are
    brought into our form, if they have another.
    """

    path: Path
    architecture: str
    layout: str
    file_size: int
    sha256: str
    layers: tuple[LayerInfo, ...]
    ignored: tuple[str, ...]
    note: str = ""

    @property
    def parameters(self) -> int:
        """Number of parameters of all convolutions together."""
        return sum(layer.parameters for layer in self.layers)


def describe_weights(path: PathLike | None = None) -> WeightsInfo:
    """Say what a weights file holds, layer by layer.

    Parameters
    ----------
    path : str or path-like, optional
        The file; None means the bundled VGG-16.

    Returns
    -------
    WeightsInfo
        Architecture, layout, size in bytes, SHA-256, the ignored groups, and for each
        convolution its kernel's shape, dtype in the file and statistics.

    Raises
    ------
    WeightsError
        As in `load_weights`.
    """
    found = locate(path, "describe_weights")
    with opened_contents(found, "describe_weights") as contents:
        check_declared(contents, either=True)
        params = read_all(contents, np.float64)
        conversion = orientation.find_conversion(contents, params)
        stored = contents.layers
        return WeightsInfo(
            path=found,
            architecture=contents.architecture,
            layout=contents.layout,
            file_size=found.stat().st_size,
            sha256=sha256(found),
            layers=tuple(
                _describe_layer(name, stored[name], *pair)
                for name, pair in orientation.convert(params, conversion).items()
            ),
            ignored=contents.ignored,
            note=orientation.describe(contents, conversion),
        )


def _describe_layer(name: str, stored: Stored, kernel: np.ndarray, bias: np.ndarray) -> LayerInfo:
    return LayerInfo(
        name=name,
        name_in_file=stored.name,
        kernel_shape=kernel.shape,
        dtype=str(stored.kernel and stored.kernel.dtype),
        minimum=float(kernel.min()),
        maximum=float(kernel.max()),
        mean=float(kernel.mean()),
        std=float(kernel.std()),
        parameters=kernel.size + bias.size,
    )
