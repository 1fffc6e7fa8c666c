import sys

import pytest

from nst_numpy.common.shown import Shown


class Answer(Shown):
    def _in_words(self):
        return "6 < 7"


def test_a_terminal_gets_one_line_and_a_notebook_the_same_escaped():
    assert repr(Answer()) == "<Answer: 6 < 7>"
    assert Answer()._repr_html_() == "<p>6 &lt; 7</p>"


def test_figures_are_not_loaded_for_the_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "nst_numpy.figures.notebook", None)
    assert "6" in repr(Answer())
    with pytest.raises(ImportError):
        Answer()._repr_html_()
