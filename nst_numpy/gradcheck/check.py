"""Is this gradient right? Compare what backward says with what forward does."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from nst_numpy.common.arrays import Array64
from nst_numpy.common.checks import is_whole
from nst_numpy.errors import SettingError
from nst_numpy.gradcheck.diagnosis import Complaint, Diagnosis, not_finite_slopes, nothing_compared
from nst_numpy.gradcheck.evidence import Case, GradientStudy, random_upstream
from nst_numpy.gradcheck.explain import explain
from nst_numpy.gradcheck.kinks import judge_kinks
from nst_numpy.gradcheck.loading import exit_raises
from nst_numpy.gradcheck.numerical import best_eps, check_eps
from nst_numpy.gradcheck.pair import FunctionPair
from nst_numpy.gradcheck.report import ArgumentReport, GradientReport
from nst_numpy.gradcheck.returned import describe

TOLERANCE = 1e-6
ENTRIES = 1000
ANOTHER = 1e-6  # of the largest entry: a gradient that changes by more is another one
KinkRule = Literal["convention", "subgradient"]
KINKS: tuple[KinkRule, ...] = get_args(KinkRule)
_Gradients = Mapping[str, NDArray[Any] | None]


def check_gradient(
    f: Callable[[Any], Any],
    x: NDArray[np.floating],
    grad: Any,
    *,
    tolerance: float = TOLERANCE,
    eps: float | None = None,
    entries: int | None = ENTRIES,
    kinks: KinkRule = "convention",
    seed: int = 0,
    name: str = "gradient",
) -> GradientReport:
    """Check the gradient of a function with one number as its value.

    Parameters
    ----------
    f : callable
        Takes what x is and returns one number.
    x : ndarray of float, any shape, or a dict, list or tuple of them
        Not modified, whatever f does.
    grad : shaped like x, or callable
        ∂f/∂x at x, or a function of x that returns it. For a dict a dict with the same keys.
    tolerance, eps, entries, kinks, seed
        As in `check_backward`.
    name : str
        What is checked, for the report.

    Returns
    -------
    GradientReport

    Raises
    ------
    SettingError
        x holds no numbers, or an option cannot work.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([1.0, 2.0, 3.0])
    >>> check_gradient(lambda x: (x**2).sum(), x, 2 * x).ok
    True
    >>> report = check_gradient(lambda x: (x**2).sum(), x, x)
    >>> report.diagnosis.name
    'factor'
    >>> params = {"w": np.array([2.0, 3.0]), "b": np.array([1.0])}
    >>> check_gradient(
    ...     lambda p: (p["w"] ** 2).sum() + p["b"][0], params, {"w": 2 * params["w"], "b": [1.0]}
    ... ).ok
    True
    """
    pair = FunctionPair(
        lambda x: (f(x), x),
        lambda grad_out, cache: grad(cache) if callable(grad) else grad,
        {"x": x},
        scalar=True,
    )
    return _check(pair, _Options(tolerance, eps, entries, kinks, seed), name)


def check_backward(
    forward: Callable[..., Any],
    backward: Callable[..., Any],
    inputs: Mapping[str, Any],
    *,
    tolerance: float = TOLERANCE,
    eps: float | None = None,
    entries: int | None = ENTRIES,
    kinks: KinkRule = "convention",
    seed: int = 0,
    name: str | None = None,
) -> GradientReport:
    """Check a layer: a forward function and the backward that belongs to it.

    Everything is computed in float64, with a random upstream gradient, for every argument.
    Whatever the functions do (raise, return None, write into their inputs) becomes a
    diagnosis.

    Parameters
    ----------
    forward : callable
        `forward(**inputs) -> out, cache`. Several outputs are a tuple, a list or a dict of arrays:
        `(h, c), cache`.
    backward : callable
        `backward(grad_out, cache) -> grads`: one array, a tuple in the order of `inputs`, or a
        dict by name. Of several outputs, grad_out is a tuple, list or dict of the same shapes.
    inputs : mapping of str to array
        Arrays of float are checked; arrays of integers (labels), which the report names, and
        anything that is no array are passed on. If all are integers, they count as float. An
        argument may be a dict, list or tuple of arrays: its gradient is one of the same form. If
        backward returns none of it, it is passed on, and the report says so. The functions get
        copies: nothing of it is modified.
    tolerance : float
        The largest relative error that passes; see `relative_error`. What rounding can do is
        always allowed.
    eps : float, optional
        Relative step; the default suits float64.
    entries : int or None
        How many entries of an argument to check at most, drawn at random; None for all.
        The report says how sure that is.
    kinks : {"convention", "subgradient"}
        Where a function has no gradient (a ReLU at 0, tied maxima), "subgradient" accepts
        every slope between the two sides. "convention" wants what is usual as well: 0 where a
        ReLU's input is 0, and all of a tied maximum's gradient to one of the inputs.
    seed : int
        Of the upstream gradient and the sample.
    name : str, optional
        What is checked, for the report. Default: backward's name.

    Returns
    -------
    GradientReport

    Raises
    ------
    SettingError
        `inputs` holds no numbers, or an option cannot work.

    Examples
    --------
    >>> import numpy as np
    >>> from nst_numpy.layers import relu_backward, relu_forward
    >>> x = np.random.default_rng(0).standard_normal((4, 5))
    >>> check_backward(relu_forward, relu_backward, {"x": x}).ok
    True
    >>> check_backward(relu_forward, lambda grad_out, cache: grad_out, {"x": x}).diagnosis.name
    'not-masked'
    """
    own_name = str(getattr(backward, "__name__", "backward"))
    name = name or ("backward" if own_name == "<lambda>" else own_name)
    pair = FunctionPair(forward, backward, inputs)
    return _check(pair, _Options(tolerance, eps, entries, kinks, seed), name)


def assert_gradients(
    forward: Callable[..., Any],
    backward: Callable[..., Any],
    inputs: Mapping[str, Any],
    **options: Any,
) -> None:
    """Check a layer in a test: nothing happens if it is right.

    Parameters are those of `check_backward`.

    Raises
    ------
    GradientError
        With argument, index, both values and the diagnosis.
    """
    __tracebackhide__ = True  # pytest then points at the test
    check_backward(forward, backward, inputs, **options).raise_if_wrong()


@dataclass(frozen=True)
class _Options:
    """How to check; `check_backward` says what each of them is."""

    tolerance: float
    eps: float | None
    entries: int | None
    kinks: KinkRule
    seed: int

    def __post_init__(self) -> None:
        who, entries = "check_backward", self.entries
        check_eps(who, self.tolerance, "tolerance")
        if self.eps is not None:
            check_eps(who, self.eps)
        if entries is not None and not is_whole(entries):
            raise SettingError(
                f"{who}: entries must be a whole number of at least 1, or None for all, "
                f"not {describe(entries)}"
            )
        if self.kinks not in KINKS:
            raise SettingError(f"{who}: kinks must be {' or '.join(KINKS)}, not {self.kinks!r}")


def _check(pair: FunctionPair, options: _Options, name: str) -> GradientReport:
    study = GradientStudy(pair, options.tolerance, options.kinks)
    try:
        # what is checked may hold anything; overflow here is nothing to warn of
        with np.errstate(all="ignore"), exit_raises():
            _measure(study, options)
            diagnoses = explain(study)
    except Complaint as complaint:
        diagnoses = [complaint.diagnosis, *pair.complaints]
    except SystemExit:  # of an object of theirs, as it is looked at
        sentence = "What the functions return ends the program when it is looked at."
        diagnoses = [Diagnosis("raised", sentence, 1.0), *pair.complaints]
    rows = {arg: _row(study, arg) for arg in pair.names}
    whole = (
        arg for arg, value in pair.inputs.items()
        if isinstance(value, np.ndarray) and value.dtype.kind in "iu" and arg not in rows
    )  # fmt: skip
    notes = (
        f"{arg}: passed on and not checked: backward returns no gradient of it"
        for arg in pair.settings
    )
    return GradientReport(rows, tuple(diagnoses), name, tuple(whole), tuple(notes))


def _measure(study: GradientStudy, options: _Options) -> None:
    """Fill the study: out, upstream gradient, and both gradients of every argument."""
    pair, rng = study.pair, np.random.default_rng(options.seed)
    study.out = pair.forward()
    again = pair.forward()
    if not np.array_equal(study.out, again, equal_nan=True):
        raise Complaint(
            Diagnosis(
                "random",
                "forward gives another out for the same inputs: fix its random numbers (dropout, "
                "noise) for the check.",
                1.0,
                evidence=f"out differs by up to {np.nanmax(np.abs(study.out - again)):.3g}"
                if again.shape == study.out.shape
                else f"out is {study.out.shape}, then {again.shape}",
            )
        )
    if not study.out.size:
        raise Complaint(nothing_compared("forward's out is empty: choose larger inputs."))
    _check_finite(study.out)
    pair.notice_rounding(study.out)
    shape = study.out.shape
    study.upstream = np.ones(shape) if pair.scalar else random_upstream(shape, rng)
    study.eps = float(options.eps or best_eps(pair.precision))
    if pair.precision != np.float64:
        study.tolerance = max(study.tolerance, 20 * best_eps(pair.precision))
    raw = pair.backward(study.upstream)
    _notice_another(pair, raw, pair.backward(study.upstream))
    for arg in pair.names:
        entries = _choose(pair.inputs[arg].size, options.entries, rng)
        study.cases[arg] = Case(study, arg, entries, raw[arg])
        _note_unmeasured(study.cases[arg])
    judge_kinks(study)


def _notice_another(pair: FunctionPair, first: _Gradients, second: _Gradients) -> None:
    """Complain of a backward that says something else when it is asked again."""
    for name, array in first.items():
        other = second.get(name)
        if array is None or other is None:
            continue
        evidence = f"the shape is {array.shape}, then {other.shape}"
        if array.shape == other.shape:
            apart = np.abs(np.subtract(array, other, dtype=np.float64))
            # threads may add up in another order
            if not (apart > ANOTHER * np.abs(array).max(initial=0)).any():
                continue
            evidence = f"it differs by up to {apart.max():.3g}"
        pair.complain(
            "not-repeatable",
            "backward gives another gradient when it is called again for the same grad_out and "
            "cache. It adds onto an array that is kept from call to call (zero it first), or draws "
            "random numbers anew (keep dropout's mask in the cache).",
            name,
            evidence,
        )


def _note_unmeasured(case: Case) -> None:
    """Complain of an argument of which nothing, or not all, could be measured."""
    if not case.x.size:
        case.study.pair.note(nothing_compared(f"{case.name} is empty.", case.name))
    bad = int((~np.isfinite(case.slopes.numeric)).sum())
    if bad:
        case.study.pair.note(not_finite_slopes(case.name, bad, len(case.slopes.numeric)))


def _choose(size: int, entries: int | None, rng: Any) -> NDArray[np.intp]:
    if entries is None or size <= entries:
        return np.arange(size)
    return np.sort(rng.choice(size, entries, replace=False))


def _check_finite(out: Array64) -> None:
    bad = ~np.isfinite(out)
    if bad.any():
        index = tuple(int(i) for i in np.argwhere(bad)[0])
        raise Complaint(
            Diagnosis(
                "not-finite",
                "forward's out is NaN or infinite, so nothing can be compared: look for a "
                "division by 0, a logarithm of 0 or an exponential of a large number, or choose "
                "other inputs.",
                1.0,
                "out",
                f"out[{', '.join(map(str, index))}] is {out[index]}; so are {bad.sum()} of "
                f"{out.size}",
            )
        )


def _row(study: GradientStudy, arg: str) -> ArgumentReport:
    shape = study.pair.inputs[arg].shape
    case = study.cases.get(arg)
    if case is None:
        empty = np.full(shape, np.nan)
        return ArgumentReport(arg, shape, None, empty, empty, 0, 0, study.tolerance)
    return ArgumentReport(
        arg,
        shape,
        case.analytic if case.comparable else None,
        case.spread(case.slopes.numeric),
        case.spread(case.errors),
        len(case.slopes.kinks),
        case.blind,
        study.tolerance,
    )
