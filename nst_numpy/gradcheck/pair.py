"""Somebody's forward and backward, called with care.

What is checked may be unfinished: it may raise, return None or too few gradients, or write
into its inputs. None of that may end the check. It becomes a `Diagnosis` instead.
"""

import inspect
import linecache
import re
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nst_numpy.common.arrays import Array64
from nst_numpy.common.moved import keep_former_names
from nst_numpy.errors import SettingError
from nst_numpy.gradcheck.diagnosis import Complaint, Diagnosis
from nst_numpy.gradcheck.loading import words_of
from nst_numpy.gradcheck.nested import Leaf, collect, copied, leaves, put_together, take_apart
from nst_numpy.gradcheck.numerical import is_rounded
from nst_numpy.gradcheck.outputs import Outputs
from nst_numpy.gradcheck.returned import as_numbers, describe, sort_gradients

LINE = 100  # characters of it that are shown
# kinds of error, what stands in their message, and what is usually behind it
HINTS: tuple[tuple[tuple[type[Exception], ...], str, str], ...] = (
    (
        (TypeError, IndexError),
        "integer",
        "Sizes and indices are whole numbers: / gives a fraction, use //.",
    ),
    (
        (ValueError,),
        "broadcast together|core dimension|not aligned|shape mismatch",
        "Write the shapes beside the line: a transpose or a sum may be missing.",
    ),
)
OUR_FOLDER = __file__.rpartition("pair.py")[0]


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
        Arrays of float are differentiated, in dicts, lists and tuples too; arrays of integers
        (labels) and anything that is no array (a stride) are passed as they are. If there are only
        integers, they count as float.

    Attributes
    ----------
    names : list of str
        The arrays that are differentiated: x, or params['w'] in a dict params.
    inputs : dict
        All of them by name, those in dicts, lists and tuples too: float64 copies.
    forms : dict
        By argument, what holds them; see `nested`.
    settings : list of str
        The dicts and lists of which backward returned no gradient.
    outputs : Outputs
        What forward gave when backward was last called.
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
        self.forms, self.inputs, self.names, whole = _as_inputs(inputs)
        self.exact = scalar and whole  # a gradient worked out from whole numbers may be whole
        self.settings: list[str] = []
        self.asked = False
        self.outputs = Outputs(None)
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

    def forward(self, /, **changed: Any) -> Array64:
        """Return forward's out in float64, for the inputs with some of them changed."""
        given, _ = self._given(changed)
        returned = _call(self.forward_name, self.user_forward, (), given)
        return self._as_outputs(self._two_things(returned)[0]).joined()

    def notice_rounding(self, out: Array64) -> None:
        """Note a forward that computes in float32 and gives its numbers back as float64."""
        if self.precision != np.float64 or not is_rounded(out):
            return
        # what only picks numbers out, as a ReLU, gives float32's where the inputs are
        nudged = {name: self.inputs[name] * (1 + 1e-11) for name in self.names}
        try:
            again = self.forward(**nudged)
        except Complaint:  # it is defined for these inputs only
            return
        if any(map(is_rounded, nudged.values())) or not is_rounded(again):
            return
        self.precision = np.dtype(np.float32)
        self.complain(
            "dtype",
            f"{self.forward_name} computes in float32: for float64 inputs its numbers have the "
            "seven digits of float32, whatever dtype they are given back in. Leave out the "
            ".astype(np.float32), or the dtype=np.float32, at least in the check.",
            evidence="each number of out is one of float32, also for inputs that are not",
        )

    def backward(self, grad_out: Array64) -> dict[str, NDArray[Any] | None]:
        """Return backward's gradients by name, raw, after a fresh forward.

        An entry is None where there was no usable array; `complaints` says why. Of several outputs,
        backward is given a gradient for each, in a tuple, list or dict as out was.
        """
        given, arrays = self._given({})
        returned = _call(self.forward_name, self.user_forward, (), given)
        changed = self._changes(self.forward_name, given, arrays, self.inputs)
        out, cache = self._two_things(returned)
        outputs = self.outputs = self._as_outputs(out)
        upstream = outputs.split(grad_out.copy())
        kept = {name: part.copy() for name, part in upstream.items()}
        before = {name: np.array(array) for name, array in arrays.items()}
        passed = outputs.like_out(upstream)
        returned = _call(self.backward_name, self.user_backward, (passed, cache), {})
        changed += self._changes(self.backward_name, given, arrays, before)
        gradients = self._by_name(returned)
        settings = {name for arg in self.settings for name in leaves(self.forms[arg])}
        for diagnosis in changed:
            if diagnosis.argument not in settings:
                self.note(diagnosis)
        self._notice_upstream(upstream, kept)
        return gradients

    def _given(self, changed: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return copies of the inputs for one call, and the arrays in them by name."""
        values = {name: copied(value) for name, value in {**self.inputs, **changed}.items()}
        given = {arg: put_together(form, values.get) for arg, form in self.forms.items()}
        return given, {name: v for name, v in values.items() if isinstance(v, np.ndarray)}

    def _two_things(self, returned: Any) -> tuple[Any, Any]:
        if isinstance(returned, (tuple, list)) and len(returned) == 2:
            return returned[0], returned[1]
        several = isinstance(returned, tuple) and len(returned) > 2
        raise Complaint(
            Diagnosis(
                "forward-result",
                f"forward must return two things, (out, cache), not {describe(returned)}."
                + " Several outputs are one tuple: ((h, c), cache)." * several,
                1.0,
            )
        )

    def _as_outputs(self, out: Any) -> Outputs:
        if self.scalar:
            number = as_numbers(out)
            if number is None or number.size != 1:
                says = f"f must return one number, not {describe(out)}."
                raise Complaint(Diagnosis("forward-result", says, 1.0))
        outputs = Outputs.of(out)
        if not outputs.arrays:
            raise Complaint(
                Diagnosis(
                    "forward-result",
                    f"forward's out must be an array or a number, not {describe(out)}.",
                    1.0,
                )
            )
        for name, array in outputs.arrays.items():
            self._notice_dtype(name, array, out)
        return outputs

    def _notice_dtype(self, name: str, array: NDArray[Any], out: Any) -> None:
        if array.dtype.kind == "f" and array.dtype.itemsize < 8:
            self.precision = array.dtype
        if array.dtype != np.float64 and not isinstance(out, (int, float)):
            self.complain(
                "dtype",
                f"{self.forward_name} returns {array.dtype} for float64 inputs. Somewhere an array "
                "is made with a fixed dtype (np.zeros(…, dtype=np.float32), an .astype, a list of "
                "ints): give it the input's dtype.",
                name,
                f"out is {array.dtype}",
            )

    def _changes(
        self, who: str, given: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]],
        before: Mapping[str, NDArray[Any]],
    ) -> list[Diagnosis]:  # fmt: skip
        """Say which of the arrays that were passed are no longer as before, or no longer there."""
        now: dict[str, Any] = {}
        for arg, form in self.forms.items():
            collect(form, given[arg], now)
        return [
            Diagnosis(
                "modified-in-place",
                f"{who} writes into its input {name}. The caller's array changes, and a cache "
                f"that refers to it no longer holds what was computed with: work on a copy.",
                1.0,
                name,
                f"{_count(now[name], before[name])} of {before[name].size} entries of {name} "
                f"changed during {who}",
            )
            for name in arrays
            if not _same(now[name], before[name])
        ]

    def _notice_upstream(self, now: Mapping[str, Array64], kept: Mapping[str, Array64]) -> None:
        changed = sum(int((now[name] != part).sum()) for name, part in kept.items())
        if changed:
            self.complain(
                "modified-in-place",
                "backward writes into grad_out. Whoever else uses that array gets other numbers: "
                "compute a new array (grad_out * mask, not grad_out *= mask).",
                "grad_out",
                f"{changed} entries of grad_out changed during backward",
            )

    def _by_name(self, returned: Any) -> dict[str, NDArray[Any] | None]:
        """Sort what backward returned: one array, a tuple, a list or a dict of them."""
        arrays = [
            arg for arg, form in self.forms.items()
            if any(isinstance(self.inputs[name], np.ndarray) for name in leaves(form))
        ]  # fmt: skip
        values = sort_gradients(returned, self.backward_name, self.forms, self.names, arrays)
        if not self.asked:  # later answers do not change what is checked
            self.asked = True
            self._sort_out_settings(values)
        return {name: self._as_gradient(name, values.get(name)) for name in self.names}

    def _sort_out_settings(self, answered: Mapping[str, Any]) -> None:
        self.names = [name for name in self.names if name in answered]
        self.settings = [
            arg for arg, form in self.forms.items()
            if not isinstance(form, Leaf) and not set(leaves(form)) & set(self.names)
        ]  # fmt: skip

    def _as_gradient(self, name: str, value: Any) -> NDArray[Any] | None:
        if value is None:
            self.complain(
                "missing-gradient",
                f"{self.backward_name} gives None in the place of the gradient of {name}.",
                name,
            )
            return None
        array = as_numbers(value)
        if self.exact and array is not None and array.dtype.kind in "iu":
            array = array.astype(np.float64)
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
        # a copy, because backward may go on writing to what it returns
        return np.array(array.real if array.dtype.kind == "c" else array)


def _as_inputs(
    inputs: Mapping[str, Any],
) -> tuple[dict[str, Any], dict[str, Any], list[str], bool]:
    """Return forms and values, the names that are differentiated, and whether all are whole."""
    if not isinstance(inputs, Mapping) or not inputs:
        raise SettingError(
            "check_backward: inputs must be a dict of names and arrays, like {'x': x, 'w': w}, "
            f"not {describe(inputs)}"
        )
    found: dict[str, Any] = {}
    forms = {str(arg): take_apart(value, str(arg), found) for arg, value in inputs.items()}
    values = {name: _as_array(value, name in forms) for name, value in found.items()}
    arrays = {name: v for name, v in values.items() if isinstance(v, np.ndarray)}
    floats = [name for name, v in arrays.items() if v.dtype.kind == "f"]
    names = floats or [name for name, v in arrays.items() if v.dtype.kind in "iu"]
    if not names:
        raise SettingError(
            "check_backward: inputs must hold at least one array of numbers, but "
            f"they are {', '.join(f'{n}: {describe(v)}' for n, v in values.items())}"
        )
    for name in names:
        values[name] = np.array(values[name], dtype=np.float64)
        if not np.isfinite(values[name]).all():
            raise SettingError(f"check_backward: {name} has entries that are NaN or infinite")
    return forms, values, names, not floats


def _as_array(value: Any, whole: bool) -> Any:
    """Return an array of what is one; a copy of anything else.

    What is a whole argument may be a list of numbers, or one of NumPy's numbers.
    """
    if isinstance(value, np.ndarray) or (whole and isinstance(value, (np.generic, list))):
        try:
            return np.array(value)
        except ValueError:  # lists of several lengths
            pass
    return copied(value)


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
                f"{who} raised {type(error).__name__}: {words_of(error).strip() or 'no message'}."
                + _hint(error),
                1.0,
                evidence=place,
            )
        ) from error


def _hint(error: BaseException) -> str:
    """Say what usually is behind a message, where that is known."""
    for kinds, pattern, hint in HINTS:
        if isinstance(error, kinds) and re.search(pattern, words_of(error)):
            return f" {hint}"
    return ""


def _place(error: BaseException, function: Callable[..., Any]) -> str:
    """Return the line of the user's code at which an error arose."""
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith((OUR_FOLDER, "<frozen "))
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


def _same(a: Any, b: NDArray[Any]) -> bool:
    if not isinstance(a, np.ndarray) or a.shape != b.shape:
        return False
    return np.array_equal(a, b, equal_nan=a.dtype.kind == "f")


def _count(a: Any, b: NDArray[Any]) -> str:
    return str(int((a != b).sum())) if np.shape(a) == b.shape else "all"


keep_former_names(__name__, {"Pair": "FunctionPair"})
