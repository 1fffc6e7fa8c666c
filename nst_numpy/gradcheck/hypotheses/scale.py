"""Mistakes of size: a constant factor, the sign, a factor that is an array."""

from collections import Counter
from collections.abc import Iterator
from itertools import combinations
from math import prod

import numpy as np

from nst_numpy.common.arrays import Array64
from nst_numpy.gradcheck.evidence import Case
from nst_numpy.gradcheck.hypotheses.guess import Guess, channels_last

CLOSE = 1e-4
MENTIONED = 2  # possible origins of a factor
NAMES = {
    2: ("N", "C"),
    4: ("N", "n_H", "n_W", "n_C"),
    5: ("N", "n_D", "n_H", "n_W", "n_C"),
}


def all_zero(case: Case) -> Iterator[Guess]:
    """Nothing comes back at all."""
    if case.n.any() and not case.a.any():
        yield Guess("The gradient is 0 everywhere.", predicted=np.zeros_like(case.n))


def sign(case: Case) -> Iterator[Guess]:
    """Analytic = −numeric."""
    yield Guess(
        "The sign is wrong.", predicted=-case.n, evidence="every entry is minus what it should be"
    )


def factor(case: Case) -> Iterator[Guess]:
    """Analytic = c · numeric, with one c for all entries."""
    size = case.n @ case.n
    if size == 0:
        return
    c = float(case.a @ case.n / size)
    if abs(c) < CLOSE**2 or abs(abs(c) - 1) < 1e-9:
        return
    origin = _origin(case, abs(c))
    says = f"It is {c:.6g} times what it should be"
    says += f": {origin}." if origin else "."
    if c < 0:
        says += " The sign is wrong as well."
    evidence = f"one factor, {c:.6g}, explains every entry"
    yield Guess(says, predicted=c * case.n, evidence=evidence, certainty=1.0 if origin else 0.95)


def missing_factor(case: Case) -> Iterator[Guess]:
    """Multiply or divide by an array: the chain rule's inner derivative, forgotten or twice."""
    for name, value in _inner_derivatives(case).items():
        try:
            array = case.at(np.broadcast_to(value, case.shape))
        except ValueError:
            continue
        yield Guess(
            f"A factor {name} is missing.", repaired=case.a * array, evidence=f"· {name} repairs it"
        )
        with np.errstate(divide="ignore", invalid="ignore"):
            yield Guess(
                f"A factor {name} is there once too often.",
                repaired=np.where(array == 0, np.nan, case.a / array),
                evidence=f"/ {name} repairs it",
            )
    yield from _of_another(case)


def _inner_derivatives(case: Case) -> dict[str, Array64]:
    """List arrays that are factors in many a chain rule."""
    found: dict[str, Array64] = {}
    for name, value in case.study.pair.inputs.items():
        if isinstance(value, np.ndarray) and value.dtype.kind == "f" and value.size > 1:
            found |= {
                name: value,
                f"{name}²": value**2,
                f"{name}·(1 − {name})": value * (1 - value),
            }
    if case.out.size > 1:
        out = case.out
        found |= {
            "out": out, "1 − out": 1 - out, "1 + out": 1 + out,
            "out·(1 − out)": out * (1 - out), "1 − out²": 1 - out**2,
        }  # fmt: skip
    return found


def _of_another(case: Case) -> Iterator[Guess]:
    """Analytic = what another argument has by right, as a scale that is taken for a bias."""
    for other in case.study.cases.values():
        right = other.comparable and not other.wrong and other.shape == case.shape
        if other is not case and right and other.complete:
            yield Guess(
                f"It is the gradient of {other.name}: what {case.name} is multiplied by in forward "
                "is missing.",
                predicted=case.at(other.spread(other.slopes.numeric)),
                evidence=f"it equals the numerical gradient of {other.name}, which is right",
            )


def _origin(case: Case, c: float) -> str:
    """Name where a factor may come from: sizes of axes, and what is made of them."""
    found: dict[str, str] = {}
    for constants in (_constants, _roots):
        for value, text, tail in () if found else constants(case):
            for times, shown in ((c / value, text), (c * value, _inverse(text))):
                if abs(times - 1) < CLOSE:
                    found.setdefault(shown, tail)
    return ", or ".join(f"{text}{tail}" for text, tail in list(found.items())[:MENTIONED])


def _inverse(text: str) -> str:
    return f"1/({text})" if "·" in text and not text.endswith("²") else f"1/{text}"


def _constants(case: Case) -> Iterator[tuple[float, str, str]]:
    """Yield numbers that are easily forgotten, and what they are; the simple ones first."""
    yield 2.0, "2", ", as from the derivative of a square"
    window = _window_size(case)
    if window > 1:
        yield window, str(window), ", the number of entries that one output sees"
    pair = case.study.pair
    arrays = {pair.names[0]: case.study.cases[pair.names[0]].shape, "out": case.out.shape}
    arrays |= {name: pair.inputs[name].shape for name in (case.name, *pair.names)}
    named = channels_last(case)
    for power, times in ((1, 1), (2, 2), (2, 1), (1, 2), (1, 4)):
        for name, shape in arrays.items():
            for axes in _axis_sets(shape):
                value = float((times * prod(shape[a] for a in axes)) ** power)
                names = (
                    NAMES.get(len(shape), ()) if named and name in (pair.names[0], "out") else ()
                )
                sizes = "·".join(str(shape[a]) for a in axes)
                text = "·".join(names[a] for a in axes) if names else sizes
                where = f"ax{'i' if len(axes) == 1 else 'e'}s {', '.join(map(str, axes))} of {name}"
                these = "the size of " if len(axes) == 1 else "the sizes of "
                tail = f" with {text} = {sizes}, {where}" if names else f", {these}{where}"
                text = f"{times}·{text}" if times > 1 else text
                yield value, _squared(text) if power == 2 else text, tail
    for value, text in ((3.0, "3"), (4.0, "4"), (np.pi, "π"), (255.0, "255")):
        yield value, text, ""


def _roots(case: Case) -> Iterator[tuple[float, str, str]]:
    """Yield roots of what `_constants` yields, as the √d of attention."""
    for value, text, tail in _constants(case):
        if "entries" not in tail:
            yield value**0.5, f"√({text})" if "·" in text else f"√{text}", tail


def _squared(text: str) -> str:
    return f"({text})²" if "·" in text else f"{text}²"


def _axis_sets(shape: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Few axes first; those of size 1 change nothing."""
    axes = [a for a, size in enumerate(shape) if size > 1]
    for count in range(1, len(axes) + 1):
        yield from combinations(axes, count)


def _window_size(case: Case) -> int:
    """Return how many entries most outputs see."""
    if case.columns is None or not case.complete:
        return 0
    seen: list[int] = (case.columns != 0).sum(axis=1).tolist()
    return Counter(seen).most_common(1)[0][0]
