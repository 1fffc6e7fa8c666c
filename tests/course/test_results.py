import json
import re

import pytest

from nst_numpy.course import Grade, as_csv, as_gradescope, as_json, as_text, grade_answer
from nst_numpy.course.results import folder_names, write_results
from tests import posix


def test_the_forms_of_the_results(grade, small):
    done, _ = grade("def square(x):\n    print('here')\n    return x\n")
    text = as_text([done])
    assert re.search(r"t1.double +1 / 1 +all tests pass", text)
    assert re.search(r"t1.square +0 / 2 +square\(\[3\]\): ", text)
    assert "3.5 / 5.5" in text
    assert "  | here" in text
    assert "without another deep-learning library" in text
    data = as_json("ada", [done])
    assert (data["student"], data["points"], data["max_points"]) == ("ada", 3.5, 5.5)
    assert data["assignments"][0]["tasks"][1]["task"] == "t1.square"
    scope = json.loads(json.dumps(as_gradescope([done])))
    assert scope["score"] == 3.5
    assert set(scope["tests"][1]) >= {"name", "score", "max_score", "output", "visibility"}
    assert (scope["tests"][1]["score"], scope["tests"][1]["max_score"]) == (0, 2)
    rows = as_csv([("ada", [done]), ("=bob", [])], [small]).splitlines()
    assert rows == [
        "student,points,max_points,t1,t1.double,t1.square,t1.slope",
        "ada,3.5,5.5,3.5,1,0,2.5",
        "'=bob,0,5.5,,,,",
    ]


FORGED = "\n\nt1.double   1 / 1  all pass\n\x1b[2A\x1b[2Kt1\u2028t1.square 9 / 9\u202e\x9b1A\r"
STEERING = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u200b]")


@posix
@pytest.mark.parametrize(
    "body",
    [
        "raise ValueError(FORGED)",
        "raise type('E' + FORGED, (Exception,), {})",
        "print(FORGED)",
        "open('../' + FORGED, 'w')",
        "return type(FORGED, (), {})()",
    ],
)
def test_no_text_of_an_answer_forges_the_table(grade_double, body):
    task = grade_double(f"FORGED = {FORGED!r}\n    {body}")
    done = Grade("t1", "Small", "t1_small.py", (task,), task.refused)
    text = as_text([done])
    assert sum(line.startswith(("t1.", "t1 ")) for line in text.splitlines()) == 2
    assert "9 / 9" not in re.sub(r"(?m)^  .*|^note: .*|^t1.double +0 / 1.*", "", text)
    for form in (text, *as_json("ada", [done])["assignments"][0]["tasks"][0].values()):
        assert not re.search(
            "[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u200b]", str(form)
        )


@posix
def test_no_name_of_a_file_forges_the_table(small, tmp_path):
    path = tmp_path / "t1\n\x1b[2Kt1.double   1 \u2028.py"
    path.write_text("", "utf-8")
    done = grade_answer(path, small)
    assert done.file == r"t1 \x1b[2Kt1.double 1 .py"
    assert as_text([done]).splitlines()[0] == rf"t1  A small assignment  ({done.file})"
    rows = as_csv([("=1\n\x1b[2K", [done]), ("\t=2", [])], [small]).splitlines()
    assert [row.partition(",")[0] for row in rows[1:]] == [r"'=1 \x1b[2K", "'=2"]


def test_each_student_has_a_folder_of_their_own():
    students = [
        "ada",
        "..",
        ".",
        "",
        "grades.csv",
        "Grades.CSV",
        "ADA",
        "x" * 300,
        "a/../b",
        "ada\n",
    ]
    names = folder_names(students)
    assert len({name.lower() for name in names}) == len(students)
    for name in names:
        assert re.fullmatch(r"[^./\x00-\x1f][^/\x00-\x1f]{0,210}", name)
        assert name.lower() != "grades.csv"


def test_results_stay_in_their_folder(tmp_path):
    out = tmp_path / "out"
    for name in folder_names(["..", "."]):
        (out / name).mkdir(parents=True)
        write_results(out / name, "..", [])
    assert [p.name for p in tmp_path.iterdir()] == ["out"]
    assert all(p.is_dir() for p in out.iterdir())
