import os
from pathlib import Path

import pytest

from tests.cli.conftest import nst, one_line


def test_a_page_is_made(loaded, capsys):
    assert nst("explore", "chelsea", "-o", "explore.html", "--size", "16", "--pool", "max") == 0
    out, err = capsys.readouterr()
    text = Path("explore.html").read_text("utf-8")
    assert (out, err) == (f"explore.html: {len(text) / 1000:.0f} kB; open it in a browser\n", "")
    assert "chelsea, number by number" in text
    assert '"kind": "maxpool"' in text
    assert nst("explore", "chelsea", "-o", "explore.html", "--size", "8", "--quiet") == 0
    assert capsys.readouterr() == ("", "")
    assert '"height": 8' in Path("explore.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nothing.png", "-o", "e.html"], "nothing.png"),
        (["chelsea", "-o", "e.html", "--size", "4"], "size must be at least 8 pixels, not 4"),
        (["chelsea", "-o", "e.html", "--size", "900"], "128 pixels at most, not 900"),
        (["chelsea", "-o", "no/e.html"], "no"),
    ],
)
def test_what_cannot_be_is_told_in_one_line(loaded, capsys, words, message):
    assert nst("explore", *words) == 2
    assert message in one_line(capsys)
    assert os.listdir() == []
