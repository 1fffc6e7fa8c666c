import io
import json
import zipfile

import pytest

from nst_numpy.course import find_submissions
from nst_numpy.course.submission import read_answer
from nst_numpy.errors import CourseError
from tests import posix


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


CONV = "def conv_forward(x):\n    pass\n"
GRAM = "def gram_matrix(a):\n    pass\n"


def put(folder, name, data=CONV):
    place = folder / name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(data if isinstance(data, bytes) else data.encode())


def in_zip(names):
    """Return a zip as bytes."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as file:
        for name in names:
            file.writestr(name, names[name] if isinstance(names, dict) else CONV)
    return stream.getvalue()


def seen(path, assignments):
    """Return each student's answers, as they were called, and what was not recognised."""
    found = find_submissions(path, assignments)
    many = found if isinstance(found, list) else [found]
    return {
        s.student: (
            {name: [s.names[f] for f in files] for name, files in s.files.items()},
            list(s.unrecognised),
        )
        for s in many
    }


def test_what_is_in_folders_and_zips_of_a_class(bundled, tmp_path):
    put(tmp_path, "ada/week 1/more/a1.py")
    put(tmp_path, "ada/notes.pdf", "")
    put(tmp_path, "ada/old/gram.py", GRAM)
    put(tmp_path, "bob.zip", in_zip(["hw/mine.py", "__MACOSX/hw/._mine.py", "hw/.DS_Store"]))
    put(tmp_path, "cyd_a4_style.zip", in_zip({"x.ipynb": "{", "inner.zip": in_zip(["y.py"])}))
    put(tmp_path, "a1_us123.zip", in_zip(["a1.py"]))
    put(tmp_path, "dan/report.pdf", "")
    put(tmp_path, "eve.zip", b"PK no zip")
    for junk in ("__MACOSX/._ada/._a1.py", ".DS_Store", "._a1.py", ".ipynb_checkpoints/a1.py",
                 "__pycache__/a1.pyc", "Thumbs.db", ".git/a1.py"):  # fmt: skip
        put(tmp_path, junk)
        put(tmp_path, f"ada/{junk}")
    put(tmp_path, "list of students.csv", "")
    assert seen(tmp_path, bundled) == {
        "ada": ({"a1": ["week 1/more/a1.py"], "a4": ["old/gram.py"]}, ["notes.pdf"]),
        "bob": ({"a1": ["hw/mine.py"]}, []),
        "cyd": ({"a1": ["inner/y.py"]}, ["x.ipynb"]),
        "us123": ({"a1": ["a1.py"]}, []),
        "dan": ({}, ["report.pdf"]),
        "eve": ({}, ["eve.zip (it is damaged, or no zip (BadZipFile))"]),
    }
    found = find_submissions(tmp_path, bundled)
    assert found.notes == ("not recognised as an answer: list of students.csv",)
    assert {s.student: s.notes for s in found if not s.files} == {
        "dan": ("no answer was found", "not recognised as an answer: report.pdf"),
        "eve": ("no answer was found", "not recognised as an answer: eve.zip (it is damaged, or "
                "no zip (BadZipFile))"),
    }  # fmt: skip


MOODLE = [
    "Ada Lovelace_12345_assignsubmission_file_/a1.py",
    "Ada Lovelace_12345_assignsubmission_onlinetext_/onlinetext.html",
    "Bob B_22_assignsubmission_file_/src/mine.py",
    "Bob B_23_assignsubmission_file_/hw.pdf",
    "Cyd_9_assignsubmission_file_a1_convolution.py",
    "Cyd_9_assignsubmission_file_helper.py",
]
OF_MOODLE = {
    "Ada Lovelace_12345": ({"a1": ["a1.py"]}, ["onlinetext.html"]),
    "Bob B_22": ({"a1": ["src/mine.py"]}, []),
    "Bob B_23": ({}, ["hw.pdf"]),
    "Cyd_9": ({"a1": ["a1_convolution.py", "helper.py"]}, []),
}


@pytest.mark.parametrize("around", ["", "CS1-a1-77/"])
def test_a_download_of_moodle(bundled, tmp_path, around):
    names = {around + name: CONV + f"# {n}" for n, name in enumerate(MOODLE)}
    put(tmp_path, "class.zip", in_zip(names))
    assert seen(tmp_path / "class.zip", bundled) == OF_MOODLE
    for name, text in names.items():
        put(tmp_path / "class", name, text)
    assert seen(tmp_path / "class", bundled) == OF_MOODLE


def test_a_download_of_blackboard(bundled, tmp_path):
    for login, when, file in (
        ("ada77", "2026-11-01-10-00-00", "_a1.py"),
        ("ada77", "2026-11-02-10-00-00", "_a1.py"),
        ("ada77", "2026-11-02-10-00-00", "_helper.py"),
        ("ada77", "2026-11-02-10-00-00", ".txt"),
        ("us_1", "2026-11-01-10-00-00", "_my work.zip"),
        ("cyd", "2026-11-01-10-00-00", ".txt"),
    ):
        text = in_zip(["a1.py"]) if file.endswith("zip") else f"import helper\n# {when} {file}\n"
        put(tmp_path, f"a1_{login}_attempt_{when}{file}", text)
    assert seen(tmp_path, bundled) == {
        "ada77": ({"a1": ["a1.py"]}, []),
        "us_1": ({"a1": ["my work/a1.py"]}, []),
        "cyd": ({}, []),
    }
    ada, *_ = find_submissions(tmp_path, bundled)
    assert "2026-11-02" in ada.files["a1"][0].name
    assert ada.notes == (
        "an earlier attempt, which does not count: a1_ada77_attempt_2026-11-01-10-00-00_a1.py",
    )
    (modules,) = ada.modules.values()
    assert {name: "_helper.py" in path.name for name, path in modules.items()} == {
        "helper.py": True
    }


def test_one_students_zip_and_a_class_in_a_zip(bundled, tmp_path):
    put(tmp_path, "ada.zip", in_zip(["hw/a1.py", "hw/x.pdf"]))
    assert seen(tmp_path / "ada.zip", bundled) == {"ada": ({"a1": ["a1.py"]}, ["x.pdf"])}
    put(tmp_path, "class.zip", in_zip(["class/a7/a1.py", "class/b2/x/a1.py", "class/c3/d.txt"]))
    expected = {
        "a7": ({"a1": ["a1.py"]}, []), "b2": ({"a1": ["x/a1.py"]}, []), "c3": ({}, ["d.txt"])
    }  # fmt: skip
    assert seen(tmp_path / "class.zip", bundled) == expected
    for name in ("a7/a1.py", "b2/x/a1.py", "c3/d.txt"):
        put(tmp_path / "download" / "class", name)
    assert seen(tmp_path / "download", bundled) == expected


def test_a_class_of_files_with_names_of_their_own(bundled, tmp_path):
    for name in ("ada", "bob2"):
        put(tmp_path, f"{name}.py")
        put(tmp_path, f"{name}.ipynb", '{"cells": []}')
    assert seen(tmp_path, bundled) == {
        "ada": ({"a1": ["ada.py"]}, ["ada.ipynb"]), "bob2": ({"a1": ["bob2.py"]}, ["bob2.ipynb"])
    }  # fmt: skip
    put(tmp_path / "one", "conv.py")
    put(tmp_path / "one", "gram.py", "async def x(): pass\ngram_matrix = lambda a: 0\n")
    assert seen(tmp_path / "one", bundled) == {"one": ({"a1": ["conv.py"], "a4": ["gram.py"]}, [])}


def test_what_an_answer_brings_along(bundled, tmp_path):
    put(tmp_path, "a1.py", "import numpy\nimport parts.conv as c, tools\nfrom a5_given import x\n")
    put(tmp_path, "parts/__init__.py", "")
    put(tmp_path, "parts/conv.py", "from unused_not import x\n")
    put(tmp_path, "parts/deep/more.py", "import last")
    put(tmp_path, "tools.py", "")
    put(tmp_path, "last.py", "")
    put(tmp_path, "unused.py", "")
    put(tmp_path, "a5_given.py", "")
    put(tmp_path, "tests.py", "")
    found = find_submissions(tmp_path, bundled)
    assert set(next(iter(found.modules.values()))) == {
        "parts/__init__.py", "parts/conv.py", "parts/deep/more.py", "tools.py", "last.py"
    }  # fmt: skip
    assert found.unrecognised == ("unused.py",)
    # the same, for who grades the file alone; but a class's loose files are not each other's
    assert set(read_answer(tmp_path / "a1.py").modules) >= {"parts/conv.py", "tools.py", "last.py"}
    (tmp_path / "a1.py").rename(tmp_path / "ada_a1.py")
    put(tmp_path, "bob_a1.py", "import ada_a1, tools")
    found = find_submissions(tmp_path, bundled)
    assert [s.modules for s in found if s.files] == [
        {tmp_path / "ada_a1.py": {}}, {tmp_path / "bob_a1.py": {}}
    ]  # fmt: skip


@posix
def test_a_link_shows_nobody_the_solutions(bundled, tmp_path):
    solution = bundled["a1"].folder / "solution.py"
    put(tmp_path, "class/bob/a1.py")
    put(tmp_path, "class/ada/a4.py", "from helper import *\n")
    ada = tmp_path / "class" / "ada"
    (ada / "a1.py").symlink_to(solution)
    (ada / "helper.py").symlink_to(solution)
    (ada / "a2.py").symlink_to(tmp_path / "class" / "bob" / "a1.py")
    (ada / "all").symlink_to(solution.parent.parent)
    (ada / "loop").symlink_to(ada)
    (tmp_path / "class" / "cyd").symlink_to(tmp_path / "class" / "bob")
    (tmp_path / "class" / "dan").symlink_to(solution.parent)
    link = "(it is a link that leads elsewhere)"
    assert seen(tmp_path / "class", bundled) == {
        "ada": ({"a4": ["a4.py"]}, [f"a2.py {link}", f"loop {link}"]),
        "bob": ({"a1": ["a1.py"]}, []),
        "cyd": ({"a1": ["a1.py"]}, []),
    }
    assert read_answer(ada / "a4.py").modules == {}


def test_no_more_than_some_answers_are_graded(bundled, tmp_path):
    for number in range(6):
        put(tmp_path, f"a1 ({number}).py", f"# {number}")
    put(tmp_path, "copy/a1.py", "# 0")  # the same again
    found = find_submissions(tmp_path, bundled)
    assert [file.name for file in found.files["a1"]] == [f"a1 ({n}).py" for n in range(4)]
    assert found.notes == ("not graded, after 4 others: a1 (4).py, a1 (5).py",)


def test_a_module_named_like_an_answer_is_none(bundled, tmp_path):
    put(tmp_path, "a1.py", "from a1_tools import f\n" + CONV)
    put(tmp_path, "a1_tools.py", "def f(): pass\n")
    assert [f.name for f in find_submissions(tmp_path, bundled).files["a1"]] == ["a1.py"]


def test_a_template_or_a_login_like_an_assignment_hides_no_student(bundled, tmp_path):
    for name in ("a1_convolution.py", "a1/a1.py", "a7/a1.py", "bob/x/mine.py", "cyd/a1.py"):
        put(tmp_path, name, f"{CONV}# {name}")
    assert list(seen(tmp_path, bundled)) == ["a1", "a7", "bob", "cyd", "a1_convolution"]
    for name in ("a1.py", "Ada B a1.py", "bob_a1.py", "c.d_a1.py"):
        put(tmp_path / "loose", name, f"{CONV}# {name}")
    assert sorted(seen(tmp_path / "loose", bundled)) == ["Ada B", "a1", "bob", "c.d"]


def test_a_package_that_is_imported_is_no_student(bundled, tmp_path):
    put(tmp_path, "main.py", "from lib import conv\n" + CONV)
    put(tmp_path, "lib/__init__.py", "")
    put(tmp_path, "lib/conv.py")
    found = find_submissions(tmp_path, bundled)
    assert [file.name for file in found.files["a1"]] == ["main.py", "conv.py"]
    assert found.unrecognised == ()


@pytest.mark.parametrize(
    ("names", "students"),
    [
        (["a1_ada.py", "a1_bob.py", "a4_bob.py"], {"ada": ["a1"], "bob": ["a1", "a4"]}),
        (["a1_convolution.py", "A1-Ada L.ipynb", "a1_123456.py", "cyd/a1.py"],
         {"cyd": ["a1"], "Ada L": ["a1"], "123456": ["a1"], "a1_convolution": ["a1"]}),
        (["a7_a1.py", "b3_a1.py"], {"a7": ["a1"], "b3": ["a1"]}),
        (["a7/a7_a1.py", "b3/a1.py"], {"a7": ["a1"], "b3": ["a1"]}),
        (["a1/ada.py", "a1/bob_a1.py", "a4_style/ada.py", "tests.py"],
         {"ada": ["a1", "a4"], "bob": ["a1"]}),
        (["a1/ada/x/y.py", "a1/bob/z.py", "a4/bob/y.py"],
         {"ada": ["a1"], "bob": ["a1", "a4"]}),
        (["a1/old/a1.py", "a1/new/a1.py", "a4/old/a4.py", "a4/src/x.py"], None),
        (["a1/conv.py", "a1/a4_x.py", "a1/mine.py", "a4/conv.py", "a4/a4_x.py", "a4/x.py"], None),
        (["a1_v1.py", "a1_final version.py", "a1_20261101.py", "a1_conv_forward.py"],
         None),
    ],
)  # fmt: skip
def test_names_after_the_assignments_tell_students_apart(bundled, tmp_path, names, students):
    for name in names:
        text = f"{GRAM if 'a4' in name else CONV}# {name}"
        put(
            tmp_path / "class",
            name,
            json.dumps({"cells": [code(text)]}) if "ipynb" in name else text,
        )
    found = find_submissions(tmp_path / "class", bundled)
    assert isinstance(found, list) == (students is not None)
    if students is not None:
        assert {s.student: sorted(s.files) for s in found} == students


def test_parts_and_modules_named_like_an_answer_are_one_students(bundled, tmp_path):
    put(tmp_path, "a1_edges.py", "from a1_border import *\n" + CONV)
    put(tmp_path, "a1_border.py")
    put(tmp_path, "a1_slopes.py", "def filter_gradient(g, c): pass\n")
    assert not isinstance(find_submissions(tmp_path, bundled), list)
    put(tmp_path, "a1_bob.ipynb", "{")  # nobody can tell: rather a row too many than one too few
    assert isinstance(find_submissions(tmp_path, bundled), list)


def code(source):
    return {"cell_type": "code", "source": source}


ANSWER = "def gram_matrix(a):\n    return {}\n"


@pytest.mark.parametrize(
    ("names", "students"),
    [
        # a repository for each student
        (["a4-style-ada77/a4_style.py", "a4-style-bob/a4_style.py", "a4-style-cyd-l/src/x.py"],
         {"ada77", "bob", "cyd-l"}),
        (["a4_style-ada/a4.py", "a4_style-bob/a4.py"], {"ada", "bob"}),
        # versions of one student's
        (["a4-style-v1/a4.py", "a4-style-final/a4.py"], None),
        (["a4_gram/a4.py", "a4_naive/a4.py"], None),
        # folders of assignments that have other names
        (["Homework 4/ada/a4.py", "Homework 4/bob/a4.py", "Homework 1/ada/conv.py"],
         {"ada", "bob"}),
        (["Übung_4/ada.py", "Übung_4/bob.py", "Übung_1/conv_ada.py", "Übung_1/bob.py"],
         {"ada", "bob", "conv_ada"}),
        # only one assignment yet
        (["a4_style/ada.py", "a4_style/bob.py", "a4_style/cyd.py"], {"ada", "bob", "cyd"}),
        (["a4_style/draft.py", "a4_style/final.py", "a4_style/old.py"], None),
        # logins of which no letters are a word
        (["a4_s123456.py", "a4_b0b99.py"], {"s123456", "b0b99"}),
        (["a4_v20261101.py", "a4_v2.py"], None),
    ],
)  # fmt: skip
def test_layouts_of_other_platforms(bundled, tmp_path, names, students):
    top = tmp_path / "handed in"
    for number, name in enumerate(names):
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        a1 = " 1/" in name or "_1/" in name
        source = "def conv_forward(x):\n    return {}\n" if a1 else ANSWER
        (top / name).write_text(source.format(number), "utf-8")
    found = find_submissions(top, bundled)
    assert (found.student if students is None else {s.student for s in found}) == (
        "handed in" if students is None else students
    )


def test_parts_of_one_answer_in_its_folder_are_one_students(bundled, tmp_path):
    folder = tmp_path / "a4_style"
    folder.mkdir()
    for name, function in (("losses", "style_loss"), ("grads", "style_gradient"), ("matrices",
                           "gram_matrix")):  # fmt: skip
        (folder / f"{name}.py").write_text(f"def {function}(a):\n    return 1\n", "utf-8")
    assert find_submissions(tmp_path, bundled).student == tmp_path.name
