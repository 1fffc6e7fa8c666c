"""Networks of this package in an HDF5 file: written whole, and not believed when read."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from nst_numpy.common.arrays import Shape
from nst_numpy.common.checks import check_dtype
from nst_numpy.errors import NonFiniteError, NstError
from nst_numpy.files import PathLike
from nst_numpy.rows import ROWS, Computed, LayerParams, Row, kernel_shapes, name_rows
from nst_numpy.weights import hdf5, layouts
from nst_numpy.weights.stored import RefusedError, check_declared, read_all

MOST_PARAMETERS = 10**8  # that `read` believes: a file may declare more than memory holds
_REMEDY = "give a file that Sequential.save wrote"
_READER = "Sequential.load"


def write(
    path: PathLike,
    rows: Sequence[Row],
    input_shape: Shape,
    params: Mapping[str, LayerParams],
    dtype: np.dtype[Any],
) -> None:
    """Write layers and parameters; see `Sequential.save`."""
    for name, pair in params.items():
        if not all(np.isfinite(array).all() for array in pair):
            raise NonFiniteError(
                f"Sequential.save: the parameters of {name} are not finite: nothing is "
                "written; train again with a smaller learning rate"
            )
    rows = [row.row if isinstance(row, Computed) else row for row in rows]
    described = {
        "rows": [[type(row).__name__, asdict(row)] for row in rows],
        "input_shape": input_shape,
        "dtype": str(dtype),
    }
    hdf5.write(path, params, network=json.dumps(described, default=int))


def read(path: PathLike) -> tuple[list[Row], Shape, dict[str, LayerParams], np.dtype[Any]]:
    """Return rows, input shape, parameters and dtype; see `Sequential.load`."""
    with hdf5.opened(hdf5.locate(path, _READER, _REMEDY), _READER, _REMEDY) as file:
        hdf5.refuse_outside_data(file)
        try:
            rows, input_shape, dtype = _parse(hdf5.read_text(file, "network"))
            table = kernel_shapes(_READER, name_rows(rows), input_shape)
        except (NstError, LookupError, TypeError, ValueError, RecursionError) as error:
            raise RefusedError("does not describe a network of this package") from error
        if sum(math.prod(shape) for shape in table.values()) > MOST_PARAMETERS:
            raise RefusedError(f"declares more than {MOST_PARAMETERS:,} parameters")
        contents = layouts.find_named_layers(file, table)
        check_declared(contents)
        return rows, input_shape, read_all(contents, dtype), dtype


def _parse(text: str) -> tuple[list[Row], Shape, np.dtype[Any]]:
    """Turn what `write` wrote about a network into rows, input shape and dtype."""
    described = json.loads(text)
    rows = [ROWS[name](**_tuples(settings)) for name, settings in described["rows"]]
    return rows, _sizes(described["input_shape"]), check_dtype(_READER, described["dtype"])


def _sizes(values: Any) -> Shape:
    if not 1 <= len(values) <= 4 or not all(type(n) is int and n > 0 for n in values):
        raise ValueError("not the shape of a sample")
    return tuple(values)


def _tuples(value: Any) -> Any:
    """Turn lists, which JSON has, back into tuples, also inside dicts."""
    if isinstance(value, dict):
        return {key: _tuples(each) for key, each in value.items()}
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
