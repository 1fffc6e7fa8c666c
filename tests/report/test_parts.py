import pytest
from jinja2 import UndefinedError

from nst_numpy.report.parts import render, stem


def test_a_value_that_is_missing_is_an_error():
    with pytest.raises(UndefinedError):
        render("source.html")


def test_the_name_of_a_picture():
    assert [stem(name) for name in ("a/me.jpg", "starry_night", "")] == ["me", "starry_night", ""]
