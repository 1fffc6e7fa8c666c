"""From what was found to what is wrong: rank the hypotheses."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from nst_numpy.gradcheck.diagnosis import Diagnosis
from nst_numpy.gradcheck.evidence import Case, GradientStudy
from nst_numpy.gradcheck.hypotheses import HYPOTHESES, SHAPES, Hypothesis

SHOWN = 0.3  # confidence below which an explanation is not worth a line
SURE = 0.7  # explained well enough to come before a remark about dtypes
RIVALRY = 0.85  # two that explain the same: neither is certain


def explain(study: GradientStudy) -> list[Diagnosis]:
    """Return all that is wrong, the most probable explanation first; [] if nothing is."""
    found: dict[str, list[Diagnosis]] = {
        name: _of_values(case) for name, case in study.cases.items() if case.analytic is not None
    }
    values = _merge({name: diagnoses for name, diagnoses in found.items() if diagnoses})
    complaints = study.pair.complaints
    firm = [c for c in complaints if c.name != "dtype" or not _harmless(c)]
    soft = [c for c in complaints if c not in firm]
    if firm and values and values[0].name == "unknown":
        values = []  # what is known to be wrong may be the reason
    sure = [d for d in values if d.confidence >= SURE]
    return [*firm, *sure, *soft, *(d for d in values if d not in sure)]


def _of_values(case: Case) -> list[Diagnosis]:
    """Explain one argument's gradient."""
    analytic = np.asarray(case.analytic)
    if not np.isfinite(analytic).all():
        return [_not_finite(case)]
    if not case.comparable:
        found = _rank(case, SHAPES)
        return found or [_wrong_shape(case)]
    smooth = case.errors[case.slopes.smooth]
    if not (smooth > case.study.tolerance).any():
        known = any(one.argument == case.name for one in case.study.pair.complaints)
        return [_wrong_at_kink(case)] if case.wrong and not known else []
    return [*_rank(case, HYPOTHESES), _unknown(case)]


def _rank(case: Case, hypotheses: Sequence[Hypothesis]) -> list[Diagnosis]:
    """Try every hypothesis; the best guess of each, the surest first."""
    found = []
    for hypothesis in hypotheses:
        best, sure = None, SHOWN
        for guess in hypothesis.guesses(case):
            confidence = guess.confidence(case)
            if confidence > sure:
                best, sure = guess, confidence
        if best is not None:
            sentence = f"{best.says} {hypothesis.lesson}"
            found.append(Diagnosis(hypothesis.name, sentence, sure, case.name, best.evidence))
    found.sort(key=lambda d: -round(d.confidence, 2))
    if len(found) > 1 and found[1].confidence > 0.95 * found[0].confidence:
        found = [replace(d, confidence=RIVALRY * d.confidence) for d in found]
    return found


def _merge(found: dict[str, list[Diagnosis]]) -> list[Diagnosis]:
    """Join what is said of several arguments: one mistake often shows in all of them."""
    merged: list[Diagnosis] = []
    left = dict(found)
    while left:
        score: dict[str, float] = {}
        for diagnoses in left.values():
            for d in diagnoses:
                score[d.name] = score.get(d.name, 0.0) + d.confidence
        name = max(score, key=lambda n: score[n])
        its = {
            arg: next(d for d in diagnoses if d.name == name)
            for arg, diagnoses in left.items()
            if any(d.name == name for d in diagnoses)
        }
        # an argument that is explained better by something else keeps that
        its = {a: d for a, d in its.items() if d.confidence >= 0.8 * left[a][0].confidence} or its
        first = next(iter(its.values()))
        merged.append(replace(first, argument=", ".join(its)))
        left = {arg: diagnoses for arg, diagnoses in left.items() if arg not in its}
    others = [
        d
        for diagnoses in found.values()
        for d in diagnoses[1:3]
        if d.name != "unknown" and d.name not in {m.name for m in merged}
    ]
    merged.sort(key=lambda d: -d.confidence)
    return merged + sorted(others, key=lambda d: -d.confidence)[:2]


def _harmless(complaint: Diagnosis) -> bool:
    """Whether a dtype keeps the values: fewer digits, but not whole numbers alone."""
    return complaint.evidence.startswith(("float", "out is float"))


def _not_finite(case: Case) -> Diagnosis:
    analytic = np.asarray(case.analytic)
    bad = np.argwhere(~np.isfinite(analytic))
    index = tuple(int(i) for i in bad[0])
    return Diagnosis(
        "not-finite",
        "The gradient is NaN or infinite. Look for a division by 0, a logarithm or root of 0, an "
        "exponential of a large number, or an array from np.empty that was not filled.",
        1.0,
        case.name,
        f"entry [{', '.join(map(str, index))}] is {analytic[index]}; so are {len(bad)} of "
        f"{analytic.size}",
    )


def _wrong_shape(case: Case) -> Diagnosis:
    analytic = np.asarray(case.analytic)
    same = analytic.size == case.x.size and np.allclose(
        case.at(analytic), case.n, rtol=1e-5, atol=1e-7 * float(np.abs(case.n).max(initial=0.0))
    )
    numbers = "The numbers are right: reshape it." if same else "A gradient has its argument's."
    return Diagnosis(
        "shape",
        f"The gradient has shape {analytic.shape}, but {case.name} has {case.shape}. {numbers}",
        0.99,
        case.name,
        f"{analytic.size} numbers came, {case.x.size} are expected",
    )


def _wrong_at_kink(case: Case) -> Diagnosis:
    return Diagnosis(
        "wrong-at-kink",
        "The gradient is right where there is one, but at kinks (a ReLU at 0, tied maxima) it lies "
        "outside the slopes of the two sides.",
        0.9,
        case.name,
        f"{int((case.errors > case.study.tolerance).sum())} entries at kinks are concerned",
    )


def _unknown(case: Case) -> Diagnosis:
    errors = case.errors[case.slopes.smooth]
    wrong = errors > case.study.tolerance
    evidence = f"{int(wrong.sum())} of {wrong.size} entries are wrong"
    zero = int(((case.a == 0) & wrong).sum())
    evidence += f"; at {zero} of them the gradient is 0 and should not be" if zero else ""
    for axis, size in enumerate(case.shape):
        places = sorted(set(case.places[axis][wrong].tolist()))
        if 0 < len(places) < size:
            evidence += f"; along axis {axis} only at {', '.join(map(str, places[:8]))}"
            evidence += " …" if len(places) > 8 else ""
    return Diagnosis(
        "unknown",
        "No known mistake explains it. Try one item, one channel and a small size, and compare "
        "with the gradient worked out by hand.",
        0.1,
        case.name,
        evidence,
    )
