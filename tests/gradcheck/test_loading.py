import sys

import numpy as np
import pytest

from nst_numpy.errors import SettingError, UnknownNameError
from nst_numpy.gradcheck import check_backward
from nst_numpy.gradcheck.loading import load_pair

LAYER = """
import neighbour_of_the_layer

def forward(x):
    return neighbour_of_the_layer.two * x, x

def backward(grad_out, cache):
    return 2 * grad_out

number = 3
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "layer.py").write_text(LAYER, "utf-8")
    (tmp_path / "neighbour_of_the_layer.py").write_text("two = 2", "utf-8")
    yield tmp_path
    sys.modules.pop("neighbour_of_the_layer", None)


def test_two_functions_of_a_file_that_imports_its_neighbour(folder):
    path = list(sys.path)
    forward, backward = load_pair(f"{folder}/layer.py:forward, backward")
    assert forward(5) == (2 * 5, 5)
    assert backward(7, None) == 14
    assert forward.__name__ == "forward"
    assert sys.path == path
    assert "layer" not in sys.modules


def test_the_home_folder_and_a_name_with_a_colon(folder, monkeypatch):
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("USERPROFILE", str(folder))
    assert load_pair("~/layer.py:forward,backward")[1](1, None) == 2
    (folder / "a:b").mkdir()
    (folder / "a:b" / "c.py").write_text("f = g = print", "utf-8")
    assert load_pair(f"{folder}/a:b/c.py:f,g") == (print, print)


@pytest.mark.parametrize(
    "text", ["", "layer.py", "layer.py:", "layer.py:forward", "layer.py:a,b,c", "layer.txt:a,b",
             "layer.py:a b,c", "a,b"],
)  # fmt: skip
def test_what_is_not_written_as_it_must_be(text):
    with pytest.raises(SettingError) as caught:
        load_pair(text)
    assert str(caught.value) == f"cannot read {text!r}: write it as FILE.py:forward,backward"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a = 1\n1 / 0\n", "{} cannot be run, line 2: ZeroDivisionError: division by zero"),
        ("raise SystemExit(3)", "{} cannot be run, line 1: SystemExit: 3"),
        ("import no_such_module_here", "{} cannot be run, line 1: ModuleNotFoundError: No module "
         "named 'no_such_module_here'"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_run(tmp_path, content, message):
    file, path = tmp_path / "bad.py", list(sys.path)
    file.write_text(content, "utf-8")
    with pytest.raises(SettingError) as caught:
        load_pair(f"{file}:a,b")
    assert str(caught.value) == message.format(file)
    assert sys.path == path


@pytest.mark.parametrize("name", ["bad", "imports_bad"])
def test_the_line_of_a_syntax_error_is_told_once(tmp_path, name):
    (tmp_path / "bad.py").write_text("a = 1\nb = 2\ndef", "utf-8")
    (tmp_path / "imports_bad.py").write_text("import bad", "utf-8")
    with pytest.raises(SettingError) as caught:
        load_pair(f"{tmp_path}/{name}.py:a,b")
    message = str(caught.value)
    assert message.startswith(f"{tmp_path}/{name}.py cannot be run: SyntaxError: ")
    assert message.endswith("(bad.py, line 3)")


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(SettingError) as caught:
        load_pair(f"{tmp_path}/no.py:a,b")
    assert str(caught.value) == f"there is no file {tmp_path}/no.py"


def test_a_function_that_is_not_there(folder, tmp_path):
    file = folder / "layer.py"
    with pytest.raises(UnknownNameError) as caught:
        load_pair(f"{file}:forwards,backward")
    assert str(caught.value) == f"unknown function of {file} 'forwards': did you mean forward?"
    with pytest.raises(UnknownNameError, match=r"unknown function of .* 'number'"):
        load_pair(f"{file}:forward,number")  # a number cannot be called
    (folder / "empty.py").write_text("", "utf-8")
    with pytest.raises(UnknownNameError, match="choose from none: the file has none"):
        load_pair(f"{folder}/empty.py:a,b")


MODULE = """
from __future__ import annotations
import os, pickle
from dataclasses import dataclass

@dataclass
class Cache:
    x: object

class Exits:
    def __array__(self, *more, **options): exit(0)
    __repr__ = __array__

class NoText(Exception):
    def __str__(self): raise SystemExit

def forward(x):
    return 2 * x, pickle.loads(pickle.dumps(Cache(x)))
def right(g, cache):
    @dataclass
    class Local:
        x: object
    return 2 * Local(g).x
def exits(g, cache): exit()
def exits_with_0(g, cache): raise SystemExit(0)
def exits_at_once(g, cache): os._exit(0)
def raises_what_has_no_text(g, cache): raise NoText
def returns_what_exits(g, cache): return Exits()
def returns_another_that_exits(g, cache): return 2 * g, Exits()
def exits_in_forward(x): quit()
"""


@pytest.mark.parametrize(
    ("functions", "said"),
    [
        ("forward,right", []),
        ("forward,exits", ["raised"]),
        ("forward,exits_with_0", ["raised"]),
        ("forward,exits_at_once", ["raised"]),
        ("forward,raises_what_has_no_text", ["raised"]),
        ("forward,returns_what_exits", ["not-an-array"]),
        ("forward,returns_another_that_exits", ["count"]),
        ("exits_in_forward,right", ["raised"]),
    ],
)
def test_a_file_is_a_module_and_ends_no_check(tmp_path, functions, said):
    (tmp_path / "json.py").write_text(MODULE, "utf-8")  # a name that Python has already
    report = check_backward(*load_pair(f"{tmp_path}/json.py:{functions}"), {"x": np.ones(3)})
    assert [one.name for one in report.diagnoses] == said
    assert report.ok == (not said)
    assert hasattr(sys.modules["json"], "loads")


def test_a_file_that_ends_the_process_at_once(tmp_path):
    (tmp_path / "a.py").write_text("import os\nos._exit(0)", "utf-8")
    with pytest.raises(SettingError, match="cannot be run, line 2: SystemExit: 0"):
        load_pair(f"{tmp_path}/a.py:f,g")
    (tmp_path / "a.py").write_text("import sys\nsys.path.pop(0)\nf = g = print", "utf-8")
    path = list(sys.path)
    assert load_pair(f"{tmp_path}/a.py:f,g") == (print, print)
    assert sys.path == path
