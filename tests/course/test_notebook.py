"""What Jupyter runs is an answer; what only Jupyter understands does no harm."""

import json
import os
import re

import pytest

from nst_numpy.course import grade_answer
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
        ("%%writefile a.py\nx = 1", ""),
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
