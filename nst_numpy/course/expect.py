"""What the tests of the assignments say: a comparison, and a sentence when it fails.

Each failure has two sentences. One is for public tests and may show numbers. The other is for
hidden tests: it says what kind of mistake it is, and nothing of the inputs.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from nst_numpy.course.wire import RemoteError
from nst_numpy.errors import GradientError
from nst_numpy.gradcheck import Diagnosis, check_backward
from nst_numpy.pictures import save_image

TOLERANCE = 1e-6
# Of a GradientError in a hidden test: its text has entries as they should be, and factors.
WRONG_GRADIENT = "a gradient is wrong"
# Of a result that a test knows to come from a mistake: what to say of it.
KNOWN = {
    "reshaped": "channels are cut as if they came first, where they come last: reshape never moves "
    "a number in memory, a transpose does",
}
_SHOWN: ContextVar[dict[str, np.ndarray] | None] = ContextVar("shown", default=None)
# For hidden tests: whoever is told the factor multiplies by it, and has understood nothing.
WITHOUT_FACTOR = {
    "factor": "It is one constant factor away from what it should be. Write the formula's "
    "constants down before differentiating.",
    "missing-factor": "A factor that differs from entry to entry is missing, or is there too "
    "often. The chain rule multiplies by the inner derivative, entry by entry.",
    "missing-square": "A square is missing, or there once too often, on one of the two ways.",
    "missing-term": "A term is missing, or has another factor. The derivative of a sum is the sum "
    "of the derivatives.",
    "input-for-output": "The derivative is taken at the input, and is written in terms of the "
    "output.",
    "one-hot": "One entry of each row is off, all of them by the same amount: look at what the "
    "label does there.",
}


class Wrong(AssertionError):  # noqa: N818, what a test says of an answer
    """An answer is wrong: `str()` is the sentence for public tests, `discreet` for hidden ones.

    `mistake` is a short name for what is wrong, by which a class is counted.
    """

    def __init__(
        self, sentence: str, discreet: str | None = None, mistake: str = "wrong-result"
    ) -> None:
        super().__init__(sentence)
        self.discreet = discreet if discreet is not None else sentence
        self.mistake = mistake


def same(
    got: Any,
    want: Any,
    what: str,
    *,
    tolerance: float = TOLERANCE,
    known: Mapping[str, Any] | None = None,
) -> None:
    """Compare a number or array with what it should be.

    Parameters
    ----------
    got : object
        From the answer; anything.
    want : number or array_like
    what : str
        What was called, for the sentence: "gram_matrix(a)".
    tolerance : float
        Relative to the largest entry of want.
    known : mapping of str to array_like, optional
        What typical mistakes give, by their names: those of `KNOWN`, which has a sentence for each.

    Raises
    ------
    Wrong

    Examples
    --------
    >>> same(np.ones(3), [1, 1, 1], "f(x)")
    >>> same(np.array([2.0, 4.0]), [1, 2], "f(x)")
    Traceback (most recent call last):
    nst_numpy.course.expect.Wrong: f(x): every value is 2 times what it should be; [0] is 2, \
it should be 1
    """
    want = numbers(want, f"{what}, what it is compared with")
    if not np.isfinite(want).all():  # nothing is far from NaN, and nothing from infinity
        raise Wrong(f"{what}: there are NaN or infinite values in what it is compared with")
    array = numbers(got, what)
    if array.shape != want.shape:
        raise Wrong(
            f"{what}: the shape is {array.shape}, it should be {want.shape}",
            f"{what}: the shape is wrong",
            "shape",
        )
    if not np.isfinite(array).all():
        raise Wrong(f"{what}: there are NaN or infinite values in it", mistake="not-finite")
    allowed = tolerance * max(1e-12, float(np.abs(want).max(initial=0)))
    wrong = np.abs(array - want) > allowed
    if not wrong.any():
        return
    count = f"{wrong.sum()} of {wrong.size} values are wrong" if want.ndim else "it is wrong"
    made = [name for name, value in (known or {}).items() if _equal(array, value)]
    told = (made[0], KNOWN[made[0]]) if made else _kind_of_mistake(array, want)
    mistake, kind = told or ("some-values", count)
    kind = kind if want.ndim else kind.replace("every value", "it").replace("everything", "it")
    index = tuple(int(i) for i in np.argwhere(wrong)[0])
    at = f"[{', '.join(map(str, index))}] " if index else ""
    raise Wrong(
        f"{what}: {kind}; {at}is {array[index]:.6g}, it should be {want[index]:.6g}",
        f"{what}: {_without_factor(mistake, kind)}",
        mistake,
    )


def gradient(
    forward: Callable[..., Any],
    backward: Callable[..., Any],
    inputs: Mapping[str, Any],
    what: str,
) -> None:
    """Compare a gradient with small differences, and say what is probably wrong with it.

    Parameters
    ----------
    forward, backward, inputs
        As for `nst_numpy.gradcheck.check_backward`.
    what : str
        What was called, for the sentence.

    Raises
    ------
    Wrong
    """
    report = check_backward(forward, backward, inputs, name=what)
    if report.ok:
        return
    diagnosis = report.diagnosis
    if diagnosis is None:
        raise Wrong(f"{what}: the gradient is wrong", mistake="unknown")
    says = f"(gradient checker, {diagnosis.certainty})"
    raise Wrong(
        f"{what}: {diagnosis.sentence} {says}",
        f"{what}: {_discreet(diagnosis)} {says}",
        diagnosis.name,
    )


def _discreet(diagnosis: Diagnosis) -> str:
    """Say what kind of mistake it is, and not by what it is mended."""
    sentence = WITHOUT_FACTOR.get(diagnosis.name, diagnosis.sentence)
    sign = " The sign is wrong as well."
    return sentence + (sign if sign in diagnosis.sentence and sign not in sentence else "")


def _without_factor(mistake: str, kind: str) -> str:
    """Leave out the number by which everything is off.

    >>> _without_factor("factor", "every value is 2 times what it should be")
    'every value is one constant factor away from what it should be'
    >>> _without_factor("summand", "it is too large by 3")
    'it is too large by one constant'
    """
    if mistake == "factor":
        return f"{kind.partition(' is ')[0]} is one constant factor away from what it should be"
    return f"{kind.partition(' by ')[0]} by one constant" if mistake == "summand" else kind


def numbers(got: Any, what: str) -> np.ndarray:
    """Return got as an array of numbers, or say what it is instead."""
    if got is None:
        raise Wrong(f"{what}: returns None: is there a return statement?", mistake="no-return")
    try:
        array = np.asarray(got)
    except Exception:
        array = np.asarray(None)
    if array.dtype.kind not in "biufc":
        kind = getattr(got, "kind", type(got).__name__)
        raise Wrong(
            f"{what}: returns a {kind}, it should be numbers",
            f"{what}: returns no numbers",
            "no-numbers",
        )
    return array


def parts(got: Any, count: int, what: str) -> tuple[Any, ...]:
    """Return got as a tuple of so many things, or say that it is not one."""
    if isinstance(got, (tuple, list)) and len(got) == count:
        return tuple(got)
    came = f"{len(got)} things" if isinstance(got, (tuple, list)) else "one thing"
    raise Wrong(f"{what}: returns {came}, it should return {count}")


def true(condition: Any, sentence: str) -> None:
    """Raise Wrong with this sentence, unless the condition holds."""
    if not condition:
        raise Wrong(sentence)


@contextmanager
def in_time(what: str, advice: str) -> Iterator[None]:
    """Say what took too long, and what to do about it, if the time of the task ends in here.

    BLAS has one thread in here, as it has in the grader's process. A notebook's would have one for
    each core, and these wait for each other at each of the many small products of an answer: on a
    busy machine that takes minutes.

    Raises
    ------
    Wrong
    """
    try:
        with threadpool_limits(1, "blas"):
            yield
    except RemoteError as error:
        if error.report.get("type") != "TimeUpError":
            raise
        raise Wrong(f"{what}: still running when the time was up: {advice}", mistake="time") from (
            error
        )


def show(picture: np.ndarray, name: str) -> None:
    """Keep a picture that an answer painted, for the student to see.

    Parameters
    ----------
    picture : ndarray, (H, W, 3), uint8
    name : str
        Of the file, "a8_tested.png". It is written where the tests run; the grader keeps it with
        the grade instead.
    """
    kept = _SHOWN.get()
    if kept is None:
        save_image(name, picture)
    else:
        kept[name] = picture


@contextmanager
def pictures_kept() -> Iterator[dict[str, np.ndarray]]:
    """Collect what is shown in here, by name; nothing is written."""
    kept: dict[str, np.ndarray] = {}
    token = _SHOWN.set(kept)
    try:
        yield kept
    finally:
        _SHOWN.reset(token)


@contextmanager
def discreetly() -> Iterator[None]:
    """Say of what fails in here only what hidden tests may say, for graders that know none.

    Examples
    --------
    >>> with discreetly():
    ...     same(np.array([2.0, 4.0]), [1, 2], "f(x)")
    Traceback (most recent call last):
    AssertionError: f(x): every value is one constant factor away from what it should be
    """
    try:
        yield
    except Wrong as wrong:
        raise AssertionError(wrong.discreet) from None
    except GradientError:
        raise AssertionError(WRONG_GRADIENT) from None


def _equal(got: np.ndarray, value: Any) -> bool:
    value = np.asarray(value)
    near = TOLERANCE * max(1e-12, float(np.abs(value).max(initial=0)))
    return got.shape == value.shape and bool((np.abs(got - value) <= near).all())


def _kind_of_mistake(got: np.ndarray, want: np.ndarray) -> tuple[str, str] | None:
    """Recognise what is wrong in the same way everywhere: its name, and the words for it."""
    if np.allclose(got, 0):
        return "all-zero", "everything is 0"
    if np.allclose(got, -want, rtol=1e-5, atol=0):
        return "sign", "the sign is wrong"
    if want.dtype.kind in "iu" and np.array_equal(np.floor(got), want):
        return "fraction", "there is a fraction, where // rounds down and / does not"
    scale = float(np.abs(want).max())
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = float((got * want).sum() / np.square(want, dtype=float).sum())
    constant = want.size > 1 and np.ptp(want) == 0  # then a factor is as good as a summand
    shift = got - want
    if scale and np.allclose(got, ratio * want, rtol=1e-5, atol=1e-9 * scale * abs(ratio)):
        plain = any(abs(r - round(r)) < 1e-6 * abs(r) for r in (ratio, 1 / ratio))
        if abs(ratio - 1) < 1e-5:
            return "inexact", f"every value is off by {abs(ratio - 1):.1g} of what it should be"
        if plain or not constant:
            return "factor", f"every value is {ratio:.6g} times what it should be"
    if want.size > 1 and np.ptp(shift) < 1e-6 * scale:
        way = "large" if np.mean(shift) > 0 else "small"
        return "summand", f"every value is too {way} by {abs(float(np.mean(shift))):.6g}"
    if want.ndim == 2 and want.shape[0] == want.shape[1] and np.allclose(got, want.T):
        return "transposed", "it is transposed"
    return None
