"""Somebody's forward and backward, called with care.

What is checked may be unfinished: it may raise, return None or too few gradients, or write
into its inputs. None of that may end the check. It becomes a `Diagnosis` instead.
"""

import inspect
import linecache
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nst_numpy.common.arrays import Array64
from nst_numpy.common.moved import former_names
from nst_numpy.errors import SettingError
from nst_numpy.gradcheck.diagnosis import Diagnosis

LINE = 100  # characters of it that are shown
OUR_FOLDER = __file__.rpartition("pair.py")[0]


class Complaint(Exception):  # noqa: N818 (it is caught here, and becomes a diagnosis)
    """The functions cannot be checked any further; `diagnosis` says why."""

    def __init__(self, diagnosis: Diagnosis) -> None:
        super().__init__(diagnosis.sentence)
        self.diagnosis = diagnosis


class FunctionPair:
    """A forward and a backward function, and the inputs that they are checked at.

    Parameters
    ----------
    forward, backward : callable
        `forward(**inputs) -> out, cache` and `backward(grad_out, cache) -> grads`.
    scalar : bool
        Whether `forward` is a function with one number as its value, and `backward` does not
        look at grad_out: the check of a plain gradient.
    inputs : mapping of str to array
        Arrays of float are differentiated; arrays of integers (labels) and anything that is
        no array (a stride) are passed as they are. If there are only integers, they count as
        float.

    Attributes
    ----------
    names : list of str
        The arguments that are differentiated.
    inputs : dict
        float64 copies.
    complaints : list of Diagnosis
        What was seen to be wrong so far, apart from values.
    """

    def __init__(
        self,
        forward: Callable[..., Any],
        backward: Callable[..., Any],
        inputs: Mapping[str, Any],
        *,
        scalar: bool = False,
    ) -> None:
        self.user_forward, self.user_backward = forward, backward
        self.scalar = scalar
        self.forward_name, self.backward_name = ("f", "grad") if scalar else ("forward", "backward")
        self.inputs, self.names = _as_inputs(inputs)
        self.complaints: list[Diagnosis] = []
        self.precision: Any = np.dtype(np.float64)

    def complain(self, name: str, sentence: str, argument: str = "", evidence: str = "") -> None:
        """Note something wrong, once."""
        self.note(Diagnosis(name, sentence, 1.0, argument, evidence))

    def note(self, diagnosis: Diagnosis) -> None:
        """Keep a diagnosis, unless there is one of its name and argument."""
        known = {(one.name, one.argument) for one in self.complaints}
        if (diagnosis.name, diagnosis.argument) not in known:
            self.complaints.append(diagnosis)

    def forward(self, **changed: Any) -> Array64:
        """Return forward's out in float64, for the inputs with some of them changed."""
        given = {name: _copied(value) for name, value in {**self.inputs, **changed}.items()}
        returned = _call(self.forward_name, self.user_forward, (), given)
        return self._as_out(self._two_things(returned)[0])

    def backward(self, grad_out: Array64) -> dict[str, NDArray[Any] | None]:
        """Return backward's gradients by name, raw, after a fresh forward.

        An entry is None where there was no usable array; `complaints` says why.
        """
        given = {name: _copied(value) for name, value in self.inputs.items()}
        returned = _call(self.forward_name, self.user_forward, (), given)
        self._notice_changes(self.forward_name, given, self.inputs)
        out, cache = self._two_things(returned)
        upstream = grad_out.copy().reshape(self._as_out(out).shape)
        kept = upstream.copy()
        before = {name: np.array(given[name]) for name in self.names}
        returned = _call(self.backward_name, self.user_backward, (upstream, cache), {})
        self._notice_changes(self.backward_name, given, before)
        if not _same(upstream, kept):
            self.complain(
                "modified-in-place",
                "backward writes into grad_out. Whoever else uses that array gets other numbers: "
                "compute a new array (grad_out * mask, not grad_out *= mask).",
                "grad_out",
                f"{_count(upstream, kept)} entries of grad_out changed during backward",
            )
        return self._by_name(returned)

    def _two_things(self, returned: Any) -> tuple[Any, Any]:
        if isinstance(returned, (tuple, list)) and len(returned) == 2:
            return returned[0], returned[1]
        raise Complaint(
            Diagnosis(
                "forward-result",
                f"forward must return two things, (out, cache), not {describe(returned)}.",
                1.0,
            )
        )

    def _as_out(self, out: Any) -> Array64:
        array = as_numbers(out)
        if self.scalar and (array is None or array.size != 1):
            raise Complaint(
                Diagnosis("forward-result", f"f must return one number, not {describe(out)}.", 1.0)
            )
        if array is None:
            raise Complaint(
                Diagnosis(
                    "forward-result",
                    f"forward's out must be an array or a number, not {describe(out)}.",
                    1.0,
                )
            )
        if array.dtype.kind == "f" and array.dtype.itemsize < 8:
            self.precision = array.dtype
        if array.dtype != np.float64 and not isinstance(out, (int, float)):
            self.complain(
                "dtype",
                f"{self.forward_name} returns {array.dtype} for float64 inputs. Somewhere an array "
                "is made with a fixed dtype (np.zeros(…, dtype=np.float32), an .astype, a list of "
                "ints): give it the input's dtype.",
                "out",
                f"out is {array.dtype}",
            )
        # a copy, because the function may hand out an array that it goes on writing to
        return np.array(array, dtype=np.float64)

    def _notice_changes(
        self, who: str, given: Mapping[str, Any], before: Mapping[str, Array64]
    ) -> None:
        for name in self.names:
            old = before[name]
            if not _same(given[name], old):
                self.complain(
                    "modified-in-place",
                    f"{who} writes into its input {name}. The caller's array changes, and a cache "
                    f"that refers to it no longer holds what was computed with: work on a copy.",
                    name,
                    f"{_count(given[name], old)} of {old.size} entries of {name} changed "
                    f"during {who}",
                )

    def _by_name(self, returned: Any) -> dict[str, NDArray[Any] | None]:
        """Sort what backward returned: one array, a tuple, a list or a dict of them."""
        if returned is None:
            raise Complaint(
                Diagnosis(
                    "missing-gradient",
                    f"{self.backward_name} returns None: is there a return statement at its "
                    f"end? It should return the gradients of {_listed(self.names)}.",
                    1.0,
                    self.names[0],
                )
            )
        values = self._in_order(returned)
        return {name: self._as_gradient(name, values[name]) for name in self.names}

    def _in_order(self, returned: Any) -> dict[str, Any]:
        arrays = [n for n, v in self.inputs.items() if isinstance(v, np.ndarray)]
        if isinstance(returned, Mapping):
            return {name: _from_mapping(returned, name) for name in self.names}
        if not isinstance(returned, (tuple, list)) or (
            isinstance(returned, list) and len(self.names) == 1 and as_numbers(returned) is not None
            and not (len(returned) == 1 and isinstance(returned[0], np.ndarray))
        ):  # fmt: skip
            returned = (returned,)
        if len(returned) == 1 and as_numbers(returned[0]) is None and returned[0] is not None:
            raise Complaint(
                Diagnosis(
                    "not-an-array",
                    f"{self.backward_name} returns {describe(returned[0])}: the gradients of "
                    f"{_listed(self.names)} are expected, one array each.",
                    1.0,
                    self.names[0],
                )
            )
        for names in (self.names, arrays, list(self.inputs)):
            if len(returned) == len(names):
                return dict(zip(names, returned, strict=True))
        raise Complaint(
            Diagnosis(
                "count",
                f"{self.backward_name} returns {len(returned)} "
                f"gradient{'s' * (len(returned) != 1)}, but {len(self.names)} "
                f"{'is' if len(self.names) == 1 else 'are'} wanted, of "
                f"{_listed(self.names)} in that order.",
                1.0,
                self.names[min(len(returned), len(self.names) - 1)],
                f"shapes returned: {', '.join(_shape(r) for r in returned) or 'none'}",
            )
        )

    def _as_gradient(self, name: str, value: Any) -> NDArray[Any] | None:
        if value is None:
            self.complain(
                "missing-gradient",
                f"{self.backward_name} gives None in the place of the gradient of {name}.",
                name,
            )
            return None
        array = as_numbers(value)
        if array is None:
            self.complain(
                "not-an-array",
                f"{self.backward_name} gives {describe(value)} in the place of the gradient of "
                f"{name}: an array of shape {self.inputs[name].shape} is expected.",
                name,
            )
            return None
        if array.dtype != np.float64:
            self.complain(
                "dtype",
                f"The gradient of {name} is {array.dtype}, though everything that went in is "
                "float64. An array is made with a fixed dtype on the way: use np.zeros_like(x), "
                "or dtype=x.dtype.",
                name,
                f"{array.dtype} came, float64 is expected",
            )
        if array.dtype.kind == "c":
            array = array.real
        return array


def describe(value: Any) -> str:
    """Say in a few words what a value is."""
    if isinstance(value, np.ndarray):
        return f"an array {value.shape} of {value.dtype}"
    if isinstance(value, (tuple, list)):
        return f"a {type(value).__name__} of {len(value)}"
    return "None" if value is None else f"{type(value).__name__} {value!r:.40}"


def as_numbers(value: Any) -> NDArray[Any] | None:
    """Return an array of numbers, or None where that is impossible."""
    try:
        array = np.asarray(value)
    except (ValueError, TypeError):
        return None
    return array if array.dtype.kind in "biufc" else None


def _as_inputs(inputs: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    if not isinstance(inputs, Mapping) or not inputs:
        raise SettingError(
            "check_backward: inputs must be a dict of names and arrays, like {'x': x, 'w': w}, "
            f"not {describe(inputs)}"
        )
    values = {
        str(name): np.array(value) if isinstance(value, (np.ndarray, np.generic, list)) else value
        for name, value in inputs.items()
    }
    arrays = {name: v for name, v in values.items() if isinstance(v, np.ndarray)}
    names = [name for name, v in arrays.items() if v.dtype.kind == "f"]
    names = names or [name for name, v in arrays.items() if v.dtype.kind in "iu"]
    if not any(arrays[name].size for name in names):
        raise SettingError(
            "check_backward: inputs must hold at least one array of numbers that is not empty, but "
            f"they are {', '.join(f'{n}: {describe(v)}' for n, v in values.items())}"
        )
    for name in names:
        values[name] = np.array(values[name], dtype=np.float64)
        if not np.isfinite(values[name]).all():
            raise SettingError(f"check_backward: {name} has entries that are NaN or infinite")
    return values, names


def _call(who: str, function: Callable[..., Any], args: Sequence[Any], named: Any) -> Any:
    try:
        with np.errstate(all="ignore"):
            return function(*args, **named)
    # SystemExit too: it would end the check as if all were well
    except (Exception, SystemExit) as error:
        place = _place(error, function)
        raise Complaint(
            Diagnosis(
                "raised",
                f"{who} raised {type(error).__name__}: {str(error).strip() or 'no message'}.",
                1.0,
                evidence=place,
            )
        ) from error


def _place(error: BaseException, function: Callable[..., Any]) -> str:
    """Return the line of the user's code at which an error arose."""
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith(OUR_FOLDER)
    ]
    theirs = [f for f in frames if "site-packages" not in f.filename and "<__array" not in f.name]
    if not frames:
        return f"in the call {getattr(function, '__name__', 'function')}{_signature(function)}"
    last = (theirs or frames)[-1]
    text = linecache.getline(last.filename, last.lineno or 0).strip()[:LINE]
    return f"{last.filename}, line {last.lineno}, in {last.name}: {text}"


def _signature(function: Callable[..., Any]) -> str:
    try:
        return str(inspect.signature(function))
    except (TypeError, ValueError):
        return "(…)"


def _from_mapping(returned: Mapping[Any, Any], name: str) -> Any:
    for key in (name, f"grad_{name}", f"d{name}", f"d_{name}", f"{name}_grad"):
        if key in returned:
            return returned[key]
    return None


def _copied(value: Any) -> Any:
    return value.copy() if isinstance(value, np.ndarray) else value


def _same(a: Any, b: NDArray[Any]) -> bool:
    return a.shape == b.shape and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")


def _count(a: NDArray[Any], b: NDArray[Any]) -> str:
    return str(int((a != b).sum())) if a.shape == b.shape else "all"


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _shape(value: Any) -> str:
    return "None" if value is None else str(np.shape(value))


__getattr__ = former_names(__name__, {"Pair": "FunctionPair"})
