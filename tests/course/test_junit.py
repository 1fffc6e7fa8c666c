import os
import re
from xml.etree import ElementTree

import pytest

from nst_numpy.course import Grade, as_junit
from nst_numpy.course.grade import TaskGrade
from nst_numpy.course.results import write_results
from nst_numpy.errors import OutputError

RIGHT = TaskGrade("t1.double", 2, 2, "all tests pass", prints="one\n\x1b[2Ktwo]]>\x00")
WRONG = TaskGrade("t1.square", 0.5, 2, "hidden test: <b>&\"'\x0b\ufffe\ud800 wrong", mistake="sign")
LATE = TaskGrade("t1.slope", 0, 1, "stopped after 2 seconds", mistake="time")
HELPED = TaskGrade("t1.more", 3, 3, "all tests pass; graded with …", references=(("f", "t1.a"),))
ONE = Grade("t1", "A & B", "t1_small.py", (RIGHT, WRONG, LATE, HELPED), ("refused: <x>",))
TWO = Grade("t2", "Other", "t2.py", (RIGHT,))
# The schema's order of what is in a suite, and the attributes that it asks for.
SUITE = ["properties", "testcase", "system-out", "system-err"]
ASKED = {
    *("name", "package", "id", "timestamp", "hostname"),
    *("tests", "failures", "errors", "time"),
}


def read(*classes):
    return ElementTree.fromstring(as_junit(classes).encode("utf-8"))


def test_one_suite_a_student_and_assignment():
    suites = read(("ada", [ONE, TWO]), ("bob", [TWO]), ("eve", []))
    assert suites.tag == "testsuites"
    assert [suite.get("name") for suite in suites] == ["ada.t1", "ada.t2", "bob.t2"]
    assert [suite.get("id") for suite in suites] == ["0", "1", "2"]
    assert [suite.get("tests") for suite in suites] == ["4", "1", "1"]
    assert (suites[0].get("failures"), suites[0].get("errors")) == ("1", "1")
    assert (suites[1].get("failures"), suites[1].get("errors")) == ("0", "0")


def test_the_form_is_the_schemas():
    for suite in read(("ada", [ONE, TWO])):
        assert set(suite.attrib) == ASKED
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", suite.get("timestamp"))
        assert list(dict.fromkeys(child.tag for child in suite)) == SUITE
        for case in suite.iter("testcase"):
            assert set(case.attrib) == {"name", "classname", "time"}
            assert [child.tag for child in case] in ([], ["failure"], ["error"])
            assert all(set(child.attrib) == {"message", "type"} for child in case)


def test_points_and_reasons_are_in_it():
    (suite,) = read(("ada", [ONE]))
    told = {p.get("name"): p.get("value") for p in suite.iter("property")}
    assert (told["points"], told["max_points"], told["points of t1.square"]) == (
        *("5.5", "8", "0.5 of 2"),
    )
    assert told["reason of t1.more"] == HELPED.reason
    assert suite.find("testcase/failure").get("type") == "sign"
    assert suite.find("testcase/error").get("message") == "0 of 1 points: stopped after 2 seconds"


def test_no_text_of_an_answer_breaks_it():
    text = as_junit([('<ada>&\x1b"\n', [ONE])])
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\ufffe\uffff\ud800-\udfff]", text)
    (suite,) = ElementTree.fromstring(text.encode("utf-8"))
    assert suite.get("name") == '<ada>&\\x1b".t1'
    assert suite.find("system-out").text == "t1.double:\none\n\\x1b[2Ktwo]]>\\x00"
    assert suite.find("system-err").text == "refused: <x>"
    assert "hidden test: <b>&\"' \\ufffe\\ud800 wrong" in suite.find("testcase/failure").text


def test_students_and_titles_without_a_name():
    (suite,) = read(("", [Grade("t1", "", "", (RIGHT,))]))
    assert suite.get("package")
    assert all(p.get("name") and p.get("value") for p in suite.iter("property"))


def test_it_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    write_results(tmp_path, "ada", [ONE])
    before = (tmp_path / "junit.xml").read_text("utf-8")
    assert ElementTree.fromstring(before.encode("utf-8"))[0].get("name") == "ada.t1"
    replaced = os.replace

    def full(source, place):
        if str(place).endswith("junit.xml"):
            raise OSError(28, "No space left on device")
        replaced(source, place)

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(OutputError, match=r"junit\.xml"):
        write_results(tmp_path, "ada", [TWO])
    assert (tmp_path / "junit.xml").read_text("utf-8") == before
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        *("grades.json", "junit.xml", "report.txt", "results.json"),
    ]
