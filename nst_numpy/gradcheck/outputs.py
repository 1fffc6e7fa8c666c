"""Several outputs, as an LSTM's h and c: one array to the check, their own form to backward."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nst_numpy.common.arrays import Array64, Shape
from nst_numpy.gradcheck.nested import put_together, take_apart
from nst_numpy.gradcheck.returned import as_numbers


@dataclass
class Outputs:
    """What forward gave beside the cache, taken apart.

    Attributes
    ----------
    form : object
        A `Leaf`, or a dict, list or tuple of them; see `nested`.
    arrays : dict of str to ndarray
        The outputs that are numbers with a fraction, by name: "out[0]", "out['h']". If there is
        one alone, it may be of whole numbers.
    """

    form: Any
    arrays: dict[str, NDArray[Any]] = field(default_factory=dict)

    @classmethod
    def of(cls, out: Any) -> "Outputs":
        """Take forward's out apart."""
        values: dict[str, Any] = {}
        form = take_apart(out, "out", values)
        arrays = {name: as_numbers(value) for name, value in values.items()}
        numbers = {name: array for name, array in arrays.items() if array is not None}
        if len(values) > 1:  # indices, counts: they have no gradient
            numbers = {name: array for name, array in numbers.items() if array.dtype.kind in "fc"}
        return cls(form, numbers)

    def joined(self) -> Array64:
        """Return all of it as one float64 array.

        Beside each other along the last axis, where the other axes agree; else one after the other.
        """
        return self.like_joined(self.arrays)

    def like_joined(self, parts: Mapping[str, NDArray[Any]]) -> Array64:
        """Return parts of these outputs' shapes as one array, joined like the outputs."""
        arrays = [np.array(parts[name], dtype=np.float64) for name in self.arrays]
        if len(arrays) == 1:
            return arrays[0]
        if self._alike():
            # (*shape, C_1), (*shape, C_2), … -> (*shape, C_1 + C_2 + …)
            return np.concatenate(arrays, axis=-1)
        return np.concatenate([array.ravel() for array in arrays])

    def split(self, joined: Array64) -> dict[str, Array64]:
        """Return the parts of an array that is joined like these outputs, by name."""
        if len(self.arrays) == 1:
            return {name: joined.reshape(array.shape) for name, array in self.arrays.items()}
        alike = self._alike()
        sizes = [a.shape[-1] if alike else a.size for a in self.arrays.values()]
        # (*shape, C_1 + C_2 + …) -> (*shape, C_1), (*shape, C_2), …
        parts = np.split(joined, np.cumsum(sizes)[:-1], axis=-1)
        return {
            name: np.ascontiguousarray(part).reshape(array.shape)
            for (name, array), part in zip(self.arrays.items(), parts, strict=True)
        }

    def like_out(self, parts: dict[str, Array64]) -> Any:
        """Return the parts in the form of out; None in the place of what is no number."""
        return put_together(self.form, parts.get)

    def _alike(self) -> bool:
        shapes: set[Shape] = {array.shape[:-1] for array in self.arrays.values()}
        return len(shapes) == 1 and all(array.ndim > 1 for array in self.arrays.values())
