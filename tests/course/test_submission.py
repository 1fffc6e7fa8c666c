import pytest

from nst_numpy.course import find_submissions
from nst_numpy.errors import CourseError


def test_whose_answers_are_in_a_folder(bundled, tmp_path):
    one = tmp_path / "one"
    (one / "a4_style").mkdir(parents=True)
    (one / "a4_style" / "a4_style.py").write_text("", "utf-8")
    (one / "a1.ipynb").write_text("", "utf-8")
    found = find_submissions(one, bundled)
    assert {name: [f.name for f in files] for name, files in found.files.items()} == {
        "a1": ["a1.ipynb"], "a4": ["a4_style.py"],
    }  # fmt: skip
    (tmp_path / "two").mkdir()
    (tmp_path / "Ada_L_77_a4_style.py").write_text("", "utf-8")
    (tmp_path / "a5_given.py").write_text("", "utf-8")  # handed out, so it is no answer
    students = {s.student: sorted(s.files) for s in find_submissions(tmp_path, bundled)}
    assert students == {"one": ["a1", "a4"], "two": [], "Ada_L_77": ["a4"]}


def test_a_file_is_known_by_its_functions(bundled, tmp_path):
    path = tmp_path / "homework.py"
    path.write_text("def gram_matrix(a):\n    pass\n", "utf-8")
    assert list(find_submissions(path, bundled).files) == ["a4"]
    assert list(find_submissions(tmp_path, bundled).files) == ["a4"]
    # looks like the name of an assignment, and is none
    path = path.rename(tmp_path / "hw2.py")
    assert list(find_submissions(path, bundled).files) == ["a4"]
    path.write_text("x = 1", "utf-8")
    with pytest.raises(CourseError, match="which assignment is it for"):
        find_submissions(path, bundled)
    with pytest.raises(CourseError, match="does not exist"):
        find_submissions(tmp_path / "none", bundled)
    (tmp_path / "a1.txt").write_text("", "utf-8")
    with pytest.raises(CourseError, match=r"neither a \.py file nor a notebook"):
        find_submissions(tmp_path / "a1.txt", bundled)


@pytest.mark.parametrize(
    ("name", "student"),
    [
        ("s_77_a1_convolution.py", "s_77"),
        ("hw1_us123_a1_convolution.py", "hw1_us123"),
        ("Homework_user12_attempt_2021-02-03_a1_convolution.ipynb",
         "Homework_user12_attempt_2021-02-03"),
        ("ada_a4_notes_a1.py", "ada_a4_notes"),
        ("bob_A1-final.py", "bob"),
        ("cyd_a1 (2).py", "cyd"),
        ("fay_a1.PY", "fay"),
        ("dan.py", "dan"),  # known by its functions
        ("eve_a77.py", "eve_a77"),
    ],
)  # fmt: skip
def test_a_loose_file_does_not_vanish(bundled, tmp_path, name, student):
    (tmp_path / "zoe_a1_convolution.py").write_text("", "utf-8")
    (tmp_path / name).write_text("def conv_forward(x):\n    pass\n", "utf-8")
    found = {s.student: {n: [f.name for f in fs] for n, fs in s.files.items()}
             for s in find_submissions(tmp_path, bundled)}  # fmt: skip
    assert found == {student: {"a1": [name]}, "zoe": {"a1": ["zoe_a1_convolution.py"]}}


def test_what_is_not_known_has_a_row_without_points(bundled, tmp_path):
    (tmp_path / "zoe_a1_convolution.py").write_text("", "utf-8")
    (tmp_path / "dan.py").write_text("x = 1", "utf-8")
    (tmp_path / "report.pdf").write_text("", "utf-8")
    (tmp_path / "a5_given.py").write_text("", "utf-8")
    (tmp_path / "ada").mkdir()
    (tmp_path / "ada" / "us123_a1_convolution.py").write_text("", "utf-8")
    (tmp_path / "bob").mkdir()
    (tmp_path / "bob" / "mine.py").write_text("def gram_matrix(a): pass", "utf-8")
    found = {s.student: sorted(s.files) for s in find_submissions(tmp_path, bundled)}
    assert found == {"ada": ["a1"], "bob": ["a4"], "dan": [], "zoe": ["a1"]}
