import inspect

import pytest

from nst_numpy.live.asked import KINDS
from nst_numpy.live.code import FUNCTIONS, ROOT, code_of


@pytest.mark.parametrize("kind", KINDS)
def test_the_lines_are_those_of_the_file(kind):
    for source in code_of(kind):
        lines = (ROOT / source["file"]).read_text(encoding="utf-8").split("\n")
        assert source["lines"]
        for number, text in source["lines"]:
            assert lines[number - 1] == text


def test_every_kind_of_question_has_its_functions_and_no_docstrings():
    assert FUNCTIONS.keys() == KINDS.keys()
    for kind, functions in FUNCTIONS.items():
        for function, source in zip(functions, code_of(kind), strict=True):
            shown = "\n".join(text for _, text in source["lines"])
            first = inspect.getdoc(function).split("\n")[0]
            assert first not in shown
            assert f"def {function.__name__}" in shown
