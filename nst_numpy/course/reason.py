"""Why a test fails, in a sentence: all of it, or nothing that could hold the test's inputs."""

import builtins
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from nst_numpy.course.expect import WRONG_GRADIENT, Wrong
from nst_numpy.course.plain import one_line
from nst_numpy.course.wire import RemoteError
from nst_numpy.errors import GradientError

LONGEST_NUMBER = 4  # characters of a number that may be told of a hidden test
# What of a report is told of a hidden test: words that stand here, and nothing that was sent.
_OWN = {
    "NotDefinedError": "a function that the test needs is not defined",
    "TimeUpError": "still running when the time was up",
    "SystemExit": "the answer calls sys.exit",
}
_NAMES = {
    "NotImplementedError": "not-written",
    "NotDefinedError": "not-defined",
    "TimeUpError": "time",
    "SystemExit": "exit",
    "MemoryError": "memory",
}
_SHAPE = re.compile(r"\(\d+(?:, ?\d+)*,?\)")
_PLACE = re.compile(r"(.*), line (\d+)")


def openly(error: BaseException) -> str:
    """Say all that is known: the test is public."""
    if isinstance(error, RemoteError):
        sentence = str(error.report.get("sentence") or "an exception that says nothing")
        return one_line(_located(error.report, sentence))
    if isinstance(error, AssertionError):
        return one_line(error) or "a test fails"
    return one_line(f"the test cannot use what came back: {type(error).__name__}: {error}")


def discreetly(error: BaseException, cells: Sequence[tuple[str, int, str]] = ()) -> str:
    """Say what kind of mistake it is, and nothing that could hold the test's inputs.

    The process of the answer has seen the inputs, so its own words are not passed on: of a
    report, the kind of exception is told if Python or NumPy has it, and the line if the answer
    (`cells`) has it.
    """
    if isinstance(error, RemoteError):
        kind = str(error.report.get("type"))
        sentence = _OWN.get(kind) or (kind if _is_known(kind) else "an exception")
        where, line = _own_line(str(error.report.get("where")), cells)
        return _located({"type": kind, "where": where, "line": line, "message": sentence}, sentence)
    if isinstance(error, Wrong):
        return one_line(_without_values(error.discreet))
    if isinstance(error, GradientError):
        return WRONG_GRADIENT
    if isinstance(error, AssertionError):
        return one_line(_without_values(str(error))) or "a test fails"
    return f"the test cannot use what came back ({type(error).__name__})"


def mistake_of(error: BaseException) -> str:
    """Name the mistake in a word, the same for all who make it; nothing an answer sent is in it."""
    if isinstance(error, RemoteError):
        kind = str(error.report.get("type"))
        return _NAMES.get(kind) or (kind if _is_known(kind) else "exception")
    if isinstance(error, Wrong):
        return error.mistake
    return "wrong-result" if isinstance(error, AssertionError) else "unusable-result"


def _is_known(kind: str) -> bool:
    found = getattr(builtins, kind, None) or getattr(np.linalg, kind, None)
    return isinstance(found, type) and issubclass(found, BaseException)


def _own_line(where: str, cells: Sequence[tuple[str, int, str]]) -> tuple[str, str]:
    """Return place and text of a line, both as the answer's file has them; else nothing."""
    if place := _PLACE.fullmatch(where):
        for name, first, source in cells:
            lines = source.splitlines()
            number = int(place[2]) - first
            if place[1] == name and 0 <= number < len(lines):
                return f"{name}, line {first + number}", lines[number].strip()[:200]
    return "", ""


def _without_values(sentence: str) -> str:
    """Leave out quoted texts, shapes and long numbers: an answer could put its input there.

    Factors are left out too, short ones among them: they would be all that an answer lacks.

    >>> _without_values("every value is 31337.5 times what it should be, not 0.5 times, in 2 calls")
    'every value is … times what it should be, not … times, in 2 calls'
    >>> _without_values("the gradient has shape (0, 31337), but x has (4, 5)")
    'the gradient has shape (…), but x has (…)'
    """
    sentence = _SHAPE.sub("(…)", sentence)
    sentence = re.sub(r"'[^']*'|\"[^\"]*\"", "…", sentence)
    number = r"(?<![\w.])\d[\d.]*(?:e[+-]?\d+)?"
    sentence = re.sub(rf"(?<=factor )[-−]?{number}|[-−]?{number}(?= times\b)", "…", sentence)
    return re.sub(number, lambda m: m[0] if len(m[0]) <= LONGEST_NUMBER else "…", sentence)


def _located(report: dict[str, Any], sentence: str) -> str:
    kind = report.get("type")
    if kind == "NotImplementedError":
        return "not written yet (raises NotImplementedError)"
    if kind == "NotDefinedError":
        return str(report.get("message"))
    if kind == "MemoryError":
        sentence = "more memory than an answer may use (MemoryError)"
    if not report.get("where"):
        return sentence
    line = f": {report['line']}" if report.get("line") else ""
    return f"{sentence}, in {report['where']}{line}"
