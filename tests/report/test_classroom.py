import pytest

from nst_numpy.course import view_class
from nst_numpy.report import write_class_page
from tests import posix
from tests.course.planted import write_class
from tests.report.test_page import Page


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    from nst_numpy.course import load_assignments

    folder = tmp_path_factory.mktemp("class")
    write_class(folder, load_assignments()["a1"])
    write_class_page(folder / "class.html", view_class(folder))
    return Page(folder / "class.html")


@posix
def test_the_page_is_whole_and_fetches_nothing(page):
    assert page.open == []
    assert "script-src 'none'" in page.source
    assert "<script" not in page.source
    assert page.source.count("<svg") == 1


@posix
def test_the_page_says_what_was_counted(page):
    assert "17 of 30" in page.text
    assert "= for +=, where windows overlap" in page.text
    assert "a1.grad_w: 13" in page.text
    assert "s26 and s27" in page.text
    assert "not a verdict" in page.text
