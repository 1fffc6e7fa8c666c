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
