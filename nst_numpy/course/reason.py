"""Why a test fails, in a sentence: all of it, or nothing that could hold the test's inputs."""

import re
from typing import Any

from nst_numpy.course.expect import Wrong
from nst_numpy.course.wire import RemoteError

LONGEST_NUMBER = 4  # characters; a factor of 0.25 may be told of a hidden test
_OWN = ("NotDefinedError", "TimeUpError", "SystemExit")  # whose sentences are the grader's


def openly(error: BaseException) -> str:
    """Say all that is known: the test is public."""
    if isinstance(error, RemoteError):
        return _located(error.report, str(error.report["sentence"]))
    if isinstance(error, AssertionError):
        return str(error) or "a test fails"
    return f"the test cannot use what came back: {type(error).__name__}: {error}"


def discreetly(error: BaseException) -> str:
    """Say what kind of mistake it is, and nothing that could hold the test's inputs."""
    if isinstance(error, RemoteError):
        kind = str(error.report["type"])
        sentence = str(error.report["sentence"]) if kind in _OWN else kind
        return _located(error.report, sentence)
    if isinstance(error, Wrong):
        return _without_values(error.discreet)
    if isinstance(error, AssertionError):
        return _without_values(str(error)) or "a test fails"
    return f"the test cannot use what came back ({type(error).__name__})"


def _without_values(sentence: str) -> str:
    """Leave out quoted texts and long numbers: an answer could have put its input there.

    >>> _without_values("every value is 31337.5 times what it should be, not 0.5 times")
    'every value is … times what it should be, not 0.5 times'
    """
    sentence = re.sub(r"'[^']*'|\"[^\"]*\"", "…", sentence)
    number = r"(?<![\w.])\d[\d.]*(?:e[+-]?\d+)?"
    return re.sub(number, lambda m: m[0] if len(m[0]) <= LONGEST_NUMBER else "…", sentence)


def _located(report: dict[str, Any], sentence: str) -> str:
    kind = report["type"]
    if kind == "NotImplementedError":
        return "not written yet (raises NotImplementedError)"
    if kind == "NotDefinedError":
        return str(report["message"])
    if kind == "MemoryError":
        sentence = "more memory than an answer may use (MemoryError)"
    if not report.get("where"):
        return sentence
    line = f": {report['line']}" if report.get("line") else ""
    return f"{sentence}, in {report['where']}{line}"
