"""What Jupyter runs is an answer; what only Jupyter understands does no harm."""

import json
import os
import re

import pytest

from nst_numpy import losses
from nst_numpy.course import grade_answer, load_assignments
from nst_numpy.course import notebook as as_notebook
from nst_numpy.course.notebook import MOST_MARKS, read_notebook
from nst_numpy.course.submission import read_answer
from nst_numpy.errors import CourseError
from tests import posix

DOUBLE = "def double(x):\n    return 2 * x\n"


def notebook(path, *sources, encoding="utf-8"):
    cells = [{"cell_type": "code", "metadata": {}, "source": source} for source in sources]
    path.write_text(json.dumps({"cells": cells, "metadata": {}}), encoding)
    return path


@pytest.mark.parametrize(
    ("source", "read"),
    [
        ("%%time\nx = 1", "\nx = 1"),
        ("\n%%capture out --no-stderr\nx = 1", "\n\nx = 1"),
        ("%%timeit -n 1\nx = 1", "\nx = 1"),
        ("%%time\n%matplotlib inline\nx = 1", "\npass\nx = 1"),
        ("%%bash\nrm x", ""),
        ("%%writefile a.txt\nx = 1", ""),
        ("%%writefile a.py\nx = 1", "get_ipython().run_cell_magic('writefile', 'a.py', 'x = 1')"),
        ("  %time x = f(1)", "  x = f(1)"),
        ("%time", "pass"),
        ("!ls\nf?\n%load x", "pass\npass\npass"),
        ("x = 7 %2", "x = 7 %2"),
        ("files = !ls\nhere = %pwd", "files = None\nhere = None"),
    ],
)
def test_magic(tmp_path, source, read):
    assert read_notebook(notebook(tmp_path / "a.ipynb", source)) == [("a.ipynb, cell 1", 1, read)]


def test_a_byte_order_mark(tmp_path):
    path = notebook(tmp_path / "a.ipynb", "x = 1", encoding="utf-8-sig")
    assert read_notebook(path)[0][2] == "x = 1"


def test_a_notebook_that_would_fill_the_memory(tmp_path):
    path = tmp_path / "a.ipynb"
    path.write_bytes(b'{"cells": [' + b"[]," * (MOST_MARKS // 2) + b"[]]}")
    with pytest.raises(CourseError, match=r"a\.ipynb is too long to be read: clear its outputs"):
        read_notebook(path)


@pytest.mark.parametrize("name", ["a1.ipynb", "a1.py"])
def test_a_file_that_is_too_large(tmp_path, name):
    path = tmp_path / name
    path.touch()
    os.truncate(path, 65 << 20)
    with pytest.raises(CourseError, match=r"a1\.\w+ is larger than 64 MB: clear its outputs"):
        read_answer(path)


@posix
@pytest.mark.parametrize(
    "first",
    [
        "get_ipython().run_line_magic('matplotlib', 'inline')",
        "from nst_numpy import layers",
        "assert 1 == 2",
        "import no_such_module",
        "x = 1 / 0",
        "import sys; sys.exit()",
        "display(1); display(2, 3)",
        "print(undefined)",
        "class E(Exception):\n    def __str__(self): raise self\nraise E",
    ],
)
def test_a_line_that_breaks_loses_nothing_below_it(small, tmp_path, first):
    """As `jupyter nbconvert --to python` writes it: no cell has a marker."""
    path = tmp_path / "t1_small.py"
    path.write_text(f"# In[1]:\n{first}\n# In[2]:\nimport numpy as np\n{DOUBLE}", "utf-8")
    assert grade_answer(path, small).tasks[0].right


@posix
def test_a_cell_under_time_in_an_exported_script(small, tmp_path):
    path = tmp_path / "t1_small.py"
    path.write_text(
        f"get_ipython().run_cell_magic('time', '', {DOUBLE!r})\n"
        "get_ipython().run_cell_magic('bash', '', 'def square(x): return x * x')\n"
        "def slope(g, x): display(g); return get_ipython().system('ls')\n",
        "utf-8",
    )
    double, square, slope = grade_answer(path, small).tasks
    assert double.right
    assert "square is not defined" in square.reason
    assert re.search(r"\[.*\]", slope.prints)


@posix
def test_what_breaks_at_the_top_costs_itself_only(grade):
    """Also where it is no Python, and where many lines use up their time."""
    lines = ["two = 2", "if two\n    two = 3", "x = = 5", "for i in range(3): pass", "y = (1,\n2)"]
    loops = ["while True: pass"] * 9
    head = "\n".join([*lines, "one = two - 1", *loops, "from math import pi", ""])
    done, tasks = grade(
        "def double(x):\n    return (one + 1) * x + 0 * pi\n", head=head, seconds=0.6
    )
    assert done.points == 5.5, tasks["double"].reason


def sheets(*sources):
    cells = [{"cell_type": "code", "input": source, "language": "python"} for source in sources]
    text = {"cell_type": "markdown", "source": "text"}
    return json.dumps({"nbformat": 3, "worksheets": [{"cells": [text, *cells]}]})


def test_a_cell_that_lacks_something_costs_itself_only(tmp_path):
    code = {"cell_type": "code", "metadata": None}
    cells = [None, {"source": "x"}, code, code | {"source": None}, code | {"source": "x = 1"}]
    path = tmp_path / "a.ipynb"
    path.write_text(json.dumps({"cells": cells}), "utf-8")
    assert [source for _, _, source in read_notebook(path)] == ["", "", "x = 1"]


def test_a_notebook_of_format_3(tmp_path):
    path = tmp_path / "a.ipynb"
    path.write_text(sheets(["x = 1\n", "%time y = 2"], "!ls"), "utf-8")
    assert [source for _, _, source in read_notebook(path)] == ["x = 1\ny = 2", "pass"]


@pytest.mark.parametrize(
    "encoding", ["utf-8-sig", "latin-1", "cp1252", "utf-16", "utf-16-le", "utf-32"]
)
@pytest.mark.parametrize("name", ["a1.py", "a1.ipynb"])
def test_what_an_editor_has_written_is_read(tmp_path, name, encoding):
    text = 'größe = "ß"\r\ny = 2'
    path = tmp_path / name
    if name.endswith("ipynb"):
        notebook(path, text.replace("\r\n", "\n"))
        text = path.read_text("utf-8").encode("ascii").decode("unicode_escape").replace("\n", "\\n")
        text = text.replace('"ß"', r"\"ß\"")
    path.write_bytes(text.encode(encoding))
    if encoding == "utf-16-le":  # nothing says so
        with pytest.raises(CourseError, match=r"a1\.\w+ .*read: .*no text: save it as UTF-8"):
            read_answer(path)
    else:
        assert read_answer(path)[0][2] == 'größe = "ß"\ny = 2'


def test_a_file_says_in_which_alphabet_it_is(tmp_path):
    path = tmp_path / "a1.py"
    path.write_bytes("# coding: koi8-r\nдва = 2\n".encode("koi8-r"))
    assert read_answer(path)[0][2].endswith("два = 2\n")


def test_magic_in_a_script(tmp_path):
    path = tmp_path / "a1.py"
    path.write_text("%matplotlib inline\ns = '''\n!ls\n'''\n# %% next\n%%time\nx = 1\n", "utf-8")
    cells = read_answer(path)
    assert cells == [("a1.py", 1, "pass\ns = '''\n!ls\n'''\n"), ("a1.py", 6, "\nx = 1\n")]


def test_hidden_tests_tell_no_factor_in_nbgrader_either():
    assignment = load_assignments()["a4"]
    cells = {cell["id"]: cell for cell in as_notebook(assignment, instructor=True)["cells"]}
    test = "".join(cells["a4-gram-test"]["source"])
    public, hidden = test.split("### BEGIN HIDDEN TESTS\n")
    scope = {"gram_matrix": lambda a: 3 * losses.gram_matrix(a)}
    exec(assignment.imports, scope)
    told = []
    for part in (public, hidden):
        with pytest.raises(AssertionError) as wrong:
            exec(part, scope)
        told.append(str(wrong.value))
    assert "3 times what it should be" in told[0]
    assert (
        told[1] == "gram_matrix(a): every value is one constant factor away from what it should be"
    )
