"""How fast this package is beside PyTorch and JAX, on this machine.

Everything takes turns in one process. What is compared is compared first: results must agree. A
rival's compiler may fail, for want of a C++ compiler for instance: then its rows say so.
"""

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np

from nst_numpy.errors import SettingError
from nst_numpy.layers import get_threads
from nst_numpy.measure.contest import (
    TIMED,
    Contender,
    check_alike,
    convolution_case,
    convolution_here,
    step_case,
    step_here,
    take_turns,
)
from nst_numpy.measure.machine import machine
from nst_numpy.vgg import VGG

RIVALS = ("torch", "jax")
WHAT = ("steps", "convolutions")
STEP_SIZES = (128, 256, 512)
CONVOLUTIONS = {  # x, w, pad
    "1-D, 16 → 32": ((32, 3600, 16), (7, 16, 32), 0),
    "3-D, 16 → 32": ((2, 32, 32, 32, 16), (3, 3, 3, 16, 32), 0),
    "3-D, 16 → 32, pad 1": ((2, 32, 32, 32, 16), (3, 3, 3, 16, 32), 1),
    "3-D, 32 → 64": ((1, 48, 48, 48, 32), (3, 3, 3, 32, 64), 0),
    "3-D, 5×5×5": ((8, 32, 32, 32, 16), (5, 5, 5, 16, 32), 0),
}
# Where rounding moves a unit across the ReLU's kink, its whole contribution comes or goes.
STEP_APART, CONVOLUTION_APART = 1e-2, 1e-4


class Column(NamedTuple):
    """What one case is called, and the median seconds of each contender, or why there are none."""

    title: str
    times: dict[str, float | str]


@dataclass
class Comparison:
    """Two tables, a case a column.

    Attributes
    ----------
    rivals : list of str
        With their versions.
    steps, convolutions : list of Column
    notes : list of str
        Why something is missing.
    """

    rivals: list[str]
    rounds: int
    steps: list[Column] = field(default_factory=list)
    convolutions: list[Column] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def markdown(self) -> str:
        """Write both tables, with the machine named."""
        lines = [
            f"Machine: {machine()}; {', '.join(self.rivals)}; {get_threads()} threads each. "
            f"Medians of {TIMED * self.rounds} runs in turns, in milliseconds.",
        ]
        titles = ("a step: J and its pixel gradient", "a convolution and all its gradients")
        for title, columns in zip(titles, (self.steps, self.convolutions), strict=True):
            if columns:
                lines += ["", *_table(title, columns)]
        lines += [f"\n{note}" for note in self.notes]
        return "\n".join(lines) + "\n"


def check_rivals(text: str) -> list[str]:
    """Read "torch,jax".

    Raises
    ------
    SettingError
        One of them is not known.

    Examples
    --------
    >>> check_rivals("torch, jax")
    ['torch', 'jax']
    """
    names = list(dict.fromkeys(name.strip() for name in text.split(",")))
    for name in names:
        if name not in RIVALS:
            raise SettingError(f"there are only {' and '.join(RIVALS)}, not {name!r}")
    return names


def import_rivals(names: Sequence[str]) -> tuple[dict[str, Any], list[str]]:
    """Import what is installed, and say what is not.

    Returns
    -------
    rivals : dict of str to module
    notes : list of str

    Raises
    ------
    SettingError
        None of them is.
    """
    rivals, notes = {}, []
    for name in names:
        try:
            rivals[name] = import_module(f"nst_numpy.measure.{name}_rival")
        except ImportError:
            notes.append(f'{name} is not installed: pip install "nst_numpy[bench]"')
    if not rivals:
        raise SettingError("; ".join(notes))
    for rival in rivals.values():
        # JAX takes all cores, or what the process may use
        getattr(rival, "set_threads", lambda _: None)(get_threads())
    return rivals, notes


def count_turns(
    rivals: Sequence[str], sizes: Sequence[int], rounds: int, only: str | None = None
) -> int:
    """Count the turns of a comparison, for a bar."""
    ways = {"torch": (4, 2), "jax": (2, 2)}
    steps, convolutions = (1 + sum(ways[name][i] for name in rivals) for i in (0, 1))
    turns = {"steps": steps * len(sizes), "convolutions": convolutions * len(CONVOLUTIONS)}
    return rounds * sum(count for what, count in turns.items() if only in (None, what))


def compare(
    vgg: VGG,
    names: Sequence[str],
    sizes: Sequence[int] = STEP_SIZES,
    rounds: int = 5,
    only: str | None = None,
    after_each: Callable[[], object] = lambda: None,
) -> Iterator[Comparison]:
    """Measure all of it, and yield what there is after each case: Ctrl-C keeps that.

    Parameters
    ----------
    vgg : VGG
    names : sequence of str
        Of `RIVALS`.
    sizes : sequence of int
        Pixels of a side, of the steps' pictures.
    rounds : int
        Turns of each contender.
    only : {None, "steps", "convolutions"}
        One of the two tables.
    after_each : callable
        Called after each turn.
    """
    rivals, notes = import_rivals(names)
    found = Comparison([rival.NAME for rival in rivals.values()], rounds, notes=notes)
    for size in sizes if only != "convolutions" else ():
        case = step_case(vgg, size)
        contenders = [step_here(vgg, case)]
        for rival in rivals.values():
            contenders += rival.steps(case)
        times = measure(contenders, rounds, STEP_APART, found.notes, after_each)
        found.steps.append(Column(f"{size}×{size}", times))
        yield found
    for title, (x_shape, w_shape, pad) in CONVOLUTIONS.items() if only != "steps" else ():
        convolution = convolution_case(x_shape, w_shape, pad)
        contenders = [convolution_here(convolution)]
        for rival in rivals.values():
            contenders += rival.convolutions(convolution)
        times = measure(contenders, rounds, CONVOLUTION_APART, found.notes, after_each)
        found.convolutions.append(Column(title, times))
        yield found


def measure(
    contenders: Sequence[Contender],
    rounds: int,
    apart: float,
    notes: list[str],
    after_each: Callable[[], object] = lambda: None,
) -> dict[str, float | str]:
    """Return the median seconds of each contender; of one that cannot run, why.

    Why it cannot is added to `notes`, once.
    """
    times: dict[str, float | str] = {contender.name: "fails" for contender in contenders}
    able = list(contenders[:1])
    for contender in contenders[1:]:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                contender.run()  # compiles what is compiled
            able.append(contender)
        except Exception as error:  # a compiler has errors of many kinds
            note = f"{contender.name} fails: {why(error)}"
            if note not in notes:
                notes.append(note)
    check_alike(able, apart)
    for contender, seconds in zip(able, take_turns(able, rounds, after_each), strict=True):
        times[contender.name] = float(np.median(seconds))
    return times


def why(error: Exception) -> str:
    """Tell in a sentence why a rival failed.

    >>> why(RuntimeError("InvalidCxxCompiler: No working C++ compiler found in …"))
    'torch.compile needs a C++ compiler: install g++ or clang, and see that it is found'
    """
    text = f"{type(error).__name__}: {error}"
    if "compiler" in text.lower():
        return "torch.compile needs a C++ compiler: install g++ or clang, and see that it is found"
    return next(line for line in text.splitlines() if line.strip())


def ratios(times: dict[str, float | str]) -> tuple[float | None, float | None]:
    """Divide the time here by the best rival that is not compiled, and by the best of all."""
    (_, ours), *others = times.items()
    there = {name: t for name, t in others if isinstance(t, float)}
    eager = [t for name, t in there.items() if "eager" in name]
    if not isinstance(ours, float):
        return None, None
    return (ours / min(eager) if eager else None), (ours / min(there.values()) if there else None)


def _table(title: str, columns: Sequence[Column]) -> list[str]:
    lines = [
        f"| {title} | {' | '.join(column.title for column in columns)} |",
        f"|---|{'---:|' * len(columns)}",
    ]
    for name in columns[0].times:
        cells = (_milliseconds(column.times[name]) for column in columns)
        lines.append(f"| {'here' if name == 'nst_numpy' else name} | {' | '.join(cells)} |")
    pairs = [ratios(column.times) for column in columns]
    for words, i in (("here over the best eager", 0), ("**here over the best of all**", 1)):
        cells = ("" if pair[i] is None else f"**{pair[i]:.2f}**" for pair in pairs)
        lines.append(f"| {words} | {' | '.join(cells)} |")
    return lines


def _milliseconds(time: float | str) -> str:
    return time if isinstance(time, str) else f"{1e3 * time:.{1 if time < 0.1 else 0}f}"
