"""Small networks that learn: a list of rows for signals, pictures and volumes."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import DTypeLike

from nst_numpy.common.arrays import Shape
from nst_numpy.common.moved import keep_former_names
from nst_numpy.files import PathLike
from nst_numpy.network import EngineName, Network
from nst_numpy.network_checks import check_input_shape
from nst_numpy.rows import (
    AvgPool,
    Conv,
    Dense,
    Flatten,
    GlobalAvgPool,
    LayerParams,
    MaxPool,
    ReLU,
    Row,
    kernel_shapes,
    name_rows,
)

__all__ = [
    "AvgPool",
    "Conv",
    "Dense",
    "Flatten",
    "GlobalAvgPool",
    "MaxPool",
    "ReLU",
    "Row",
    "Sequential",
]


class Sequential(Network):
    """A small network that learns: a list of rows, named by numbers.

    Parameters
    ----------
    rows : sequence of Row
        From the input upwards.
    input_shape : tuple of int
        As in `Network`.
    rng : numpy Generator, optional
        Where the first filters come from (He et al. 2015: normal, variance 2 / inputs);
        biases start at 0. Default: seed 0.
    dtype : float32 or float64
    params : mapping of str to (w, b), optional
        Parameters to take as they are, instead of new ones.
    engine : {"fused", "plain"}
        As in `Network`.

    Attributes
    ----------
    layers : dict of str to Row
        The rows by name. Each kind is counted from 1: conv1, conv2, pool1, global1, dense1. A
        ReLU takes the number of the layer below it, relu2 after conv2; if there is one of
        that name, the next free number.
    params : dict of str to (w, b)
        Kernels (*kernel, C_in, C_out) or (C_in, C_out), biases (C_out,). `fit` changes
        these arrays in place.

    Raises
    ------
    ShapeError, SettingError
        Rows that do not fit on each other, or settings that cannot work.

    Examples
    --------
    >>> net = Sequential([Conv(4, 5), ReLU(), GlobalAvgPool(), Dense(2)], input_shape=(20, 1))
    >>> net.layer_names
    ['conv1', 'relu1', 'global1', 'dense1']
    >>> net.feature_shapes((8, 20, 1))["conv1"]
    (8, 16, 4)
    """

    def __init__(
        self,
        rows: Sequence[Row],
        input_shape: Sequence[int],
        rng: np.random.Generator | None = None,
        dtype: DTypeLike = np.float32,
        params: Mapping[str, LayerParams] | None = None,
        engine: EngineName = "fused",
    ) -> None:
        layers, sample = name_rows(rows), check_input_shape(self._who, input_shape)
        if params is None:
            rng = np.random.default_rng(0) if rng is None else rng
            kernels = kernel_shapes(self._who, layers, sample)
            params = {name: _first(shape, rng, dtype) for name, shape in kernels.items()}
        super().__init__(layers, params, sample, dtype=dtype, engine=engine)

    def save(self, path: PathLike) -> None:
        """Write layers and parameters to an HDF5 file, completely or not at all.

        Raises
        ------
        OutputError
            If the file cannot be written.
        NonFiniteError
            If a parameter is NaN or infinite: `load` would refuse it.
        """
        from nst_numpy.weights import saved

        saved.write(path, list(self.layers.values()), self.input_shape, self.params, self.dtype)

    @classmethod
    def load(cls, path: PathLike) -> "Sequential":
        """Read a network that `save` wrote; nothing in the file is believed before it is checked.

        A row of your own is known once its class has been defined.

        Raises
        ------
        WeightsError
            The file is missing, damaged, points outside itself, or does not hold what its
            own list of layers needs.
        """
        from nst_numpy.weights import saved

        rows, input_shape, params, dtype = saved.read(path)
        return cls(rows, input_shape, dtype=dtype, params=params)


def _first(shape: Shape, rng: np.random.Generator, dtype: DTypeLike) -> LayerParams:
    """Draw filters that keep the size of activations (He et al. 2015); biases are 0."""
    w = rng.standard_normal(shape) * np.sqrt(2 / math.prod(shape[:-1]))
    return w.astype(dtype), np.zeros(shape[-1], dtype)


keep_former_names(__name__, "nst_numpy.weights.saved", "MOST_PARAMETERS")
