"""Gradients where there is none: ReLUs at 0 and tied maxima.

At a kink any slope between those of the two sides is right, for each entry by itself. That
is not enough where entries share a kink. If two inputs of a max-pool are tied, each may have
all of the gradient, but not both: moved together, they lift the maximum once, not twice.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

import numpy as np

from nst_numpy.common.arrays import Array64
from nst_numpy.gradcheck.evidence import Case, GradientStudy
from nst_numpy.gradcheck.numerical import relative_errors

OUTPUTS = 40  # that are looked at, of each argument
CLOSE = 1e-4


SAYS = {
    "all-tied": (
        "Where inputs are tied for the maximum, each of them receives the whole gradient, so more "
        "comes out than went in. (window == max) is true at every tied place: take one, the "
        "argmax.",
        "at {count} tied outputs the parts add up to more than the slope of moving the tied inputs "
        "together; everywhere else the gradient is right",
    ),
    "wrong-at-kink": (
        "Where inputs are tied, their parts do not add up to the slope of moving them together.",
        "at {count} tied outputs; everywhere else the gradient is right",
    ),
    "mask-at-zero": (
        "The gradient passes where the input is exactly at the threshold: the mask is ≥ and should "
        "be >. By convention a ReLU's slope at 0 is 0. As a subgradient it is right, and "
        "kinks='subgradient' accepts it.",
        "shown only at kinks: at {count} entries one side has slope 0, and the gradient takes the "
        "other side's; everywhere else it is right",
    ),
    "tie-shared": (
        "Tied maxima share the gradient. By convention one of them receives it all. As a "
        "subgradient it is right, and kinks='subgradient' accepts it.",
        "at {count} tied outputs the parts add up to the right sum, but more than one input has a "
        "part",
    ),
}
"""What is found at kinks: the sentence, and the evidence."""

UNUSUAL = ("mask-at-zero", "tie-shared")
"""Right as subgradients, but not by convention."""


@dataclass
class Seen:
    """How often what was found, and by how much which entries are off."""

    counts: Counter[str] = field(default_factory=Counter)
    off: dict[str, dict[int, float]] = field(default_factory=lambda: defaultdict(dict))
    dead: int = 0  # lone kinks where the gradient is that of the dead side, as it should be


def judge_kinks(study: GradientStudy) -> None:
    """Look at the outputs that have a kink; complain of what is not right, or not usual."""
    owners: dict[int, set[str]] = defaultdict(set)
    for name, case in study.cases.items():
        for kink in case.slopes.kinks.values():
            for o in kink.outputs:
                owners[int(o)].add(name)
    for name, case in study.cases.items():
        sampled = len(case.slopes.entries) < case.x.size  # the partner of a tie may be missing
        if case.comparable and not case.wrong and case.slopes.kinks and not sampled:
            alone = [o for o, names in owners.items() if names == {name}]
            seen = Seen()
            for o in alone[:OUTPUTS]:
                _judge_output(case, o, seen)
            _complain(case, seen)


def _judge_output(case: Case, o: int, seen: Seen) -> None:
    """Compare one row of ∂out/∂x, from backward, with the slopes of the two sides."""
    members = [j for j, kink in case.slopes.kinks.items() if o in kink.outputs]
    ends = np.array([_ends(case, j, o) for j in members])  # (K, 2): below, above
    row = _row(case, o)
    if row is None:
        return
    row = row[case.slopes.entries[members]]
    jumps = ends[:, 1] - ends[:, 0]
    size = float(np.abs(jumps).max())
    below, above = _together(case, members, o) if len(members) > 1 else (ends[0, 0], ends[0, 1])
    weight = float(case.upstream.ravel()[o])
    if abs(above - below - jumps.sum()) < CLOSE * size:
        for j, r, pair in zip(members, row, ends, strict=True):
            _judge_lone(j, r, pair, weight, seen)
    elif abs(above - below) < CLOSE * size:
        _judge_tie(members, row, ends, (above + below) / 2, weight, seen)


def _judge_lone(j: int, r: float, ends: Array64, weight: float, seen: Seen) -> None:
    dead, alive = sorted(ends, key=abs)
    if abs(dead) > CLOSE * abs(alive):
        return  # |x| at 0, say: both sides are alive, anything between is as good
    if abs(r - alive) < CLOSE * abs(alive):
        seen.counts["mask-at-zero"] += 1
        seen.off["mask-at-zero"][j] = weight * (alive - dead)
    else:
        seen.dead += 1


def _judge_tie(
    members: list[int], row: Array64, ends: Array64, together: float, weight: float, seen: Seen
) -> None:
    alive = np.array([max(pair, key=abs) for pair in ends])
    size = float(np.abs(alive).max())
    shared = (np.abs(row) > CLOSE * size).sum() > 1
    if np.abs(row - alive).max() < CLOSE * size:
        name = "all-tied"
    elif abs(row.sum() - together) > CLOSE * size:
        name = "wrong-at-kink"
    elif shared:
        name = "tie-shared"
    else:
        return
    seen.counts[name] += 1
    # one input, say the first, should have it all
    for j, r in zip(members[1:], row[1:], strict=True):
        seen.off[name][j] = weight * r
    seen.off[name][members[0]] = weight * (row[0] - together)


def _complain(case: Case, seen: Seen) -> None:
    """Say what was found, and show it in the map of errors."""
    for name, (sentence, evidence) in SAYS.items():
        count = seen.counts[name]
        allowed = name in UNUSUAL and case.study.kinks == "subgradient"
        # some at the dead side, some at the other: no mask of ≥ does that
        mixed = name == "mask-at-zero" and seen.dead > 0
        if count and not allowed and not mixed:
            _mark(case, seen.off[name])
            pair = case.study.pair
            pair.complain(name, sentence, case.name, evidence.format(count=count))


def _mark(case: Case, off_by: dict[int, float]) -> None:
    """Show in the map of errors which entries are meant: by how much each is off."""
    for j, off in off_by.items():
        a = np.array([np.asarray(case.analytic).reshape(-1)[case.slopes.entries[j]]])
        error = float(relative_errors(a, a - off)[0])
        case.errors[j] = max(case.errors[j], error)
        case.slopes.numeric[j] = float(a[0]) - off


def _ends(case: Case, j: int, o: int) -> tuple[float, float]:
    kink = case.slopes.kinks[j]
    place = int(np.flatnonzero(kink.outputs == o)[0])
    return float(kink.below[place]), float(kink.above[place])


def _together(case: Case, members: list[int], o: int) -> tuple[float, float]:
    """Return the slopes of one output when all members move together."""
    entries = case.slopes.entries[members]
    direction = np.zeros(case.x.size)
    direction[entries] = 1.0
    step = float(case.prober.steps[entries].mean())
    below, above = case.prober.both_sides(direction.reshape(case.shape), step)
    return float(below[o]), float(above[o])


def _row(case: Case, o: int) -> Array64 | None:
    """Return ∂out_o/∂x as backward has it, flat."""
    one = np.zeros(case.out.size)
    one[o] = 1.0
    raw = case.study.backward(one.reshape(case.out.shape))[case.name]
    return None if raw is None or raw.shape != case.shape else np.ravel(raw)
