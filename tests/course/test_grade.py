"""What answers do, and what they get for it. Each runs in processes of its own."""

import json
import os
import re
import signal
import threading
import time
from itertools import count
from pathlib import Path

import pytest

from nst_numpy.course import (
    Grade,
    as_gradescope,
    as_json,
    as_text,
    find_submissions,
    grade_answer,
    grade_submission,
)
from nst_numpy.course.assignment import Cell, split_cells
from nst_numpy.course.grade import grade_task
from nst_numpy.course.sandbox import Sandbox
from nst_numpy.course.submission import read_answer
from nst_numpy.course.worker import top_level_pieces
from tests import limited_memory, posix

pytestmark = posix

HIDDEN_NUMBERS = ("7.125", "code 125", "31337", "14.25", "62675", "50.76")


def points(tasks):
    return {name: task.points for name, task in tasks.items()}


def only_double_fails(tasks):
    return points(tasks) == {"double": 0, "square": 2, "slope": 2.5}


def test_a_right_answer_gets_everything(grade):
    done, tasks = grade()
    assert (done.points, done.max_points, done.notes) == (5.5, 5.5, ())
    assert {task.reason for task in tasks.values()} == {"all tests pass"}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("return 3 * x", "double([1, 3]): every value is 1.5 times what it should be; "
         "[0] is 3, it should be 2"),
        ("return -2 * x", "double([1, 3]): the sign is wrong; [0] is -2, it should be 2"),
        ("x * 2", "double([1, 3]): returns None: is there a return statement?"),
        ("return (2 * x)[:, None]", "the shape is (2, 1), it should be (2,)"),
        ("return 2 * x / 0 * 0", "double([1, 3]): there are NaN or infinite values in it"),
        ("return object()", "double([1, 3]): returns a object, it should be numbers"),
        ("return 'four'", "double([1, 3]): returns a str, it should be numbers"),
        ("return x @ np.ones((3, 3))", "ValueError: matmul: Input operand 1 has a mismatch"),
        ("raise KeyError('lost')", "KeyError: 'lost', in t1_small.py, line 3: raise KeyError"),
        ("raise NotImplementedError", "not written yet (raises NotImplementedError)"),
        ("import sys; sys.exit(0)", "the answer calls sys.exit, in t1_small.py, line 3"),
        ("import os; os._exit(0)", "the answer ended the whole process, with exit code 0"),
        ("import os; os.abort()", "the process crashed (SIGABRT)"),
        pytest.param("return [0] * 10**11", "more memory than an answer may use (MemoryError)",
                     marks=limited_memory),
        pytest.param("return np.ones((300, 1 << 20))", "than an answer may use (MemoryError)",
                     marks=limited_memory),
        ("return np.zeros(9 << 20)", "ValueError: the result is larger than 64 MB"),
        ("return double(x)", "RecursionError"),
    ],
)  # fmt: skip
def test_what_goes_wrong_has_a_reason(grade_double, body, reason):
    task = grade_double(body)
    assert reason in task.reason
    assert task.points == 0


@pytest.mark.parametrize(
    "body",
    ["import os; os._exit(0)", pytest.param("return [0] * 10**11", marks=limited_memory)],
)
def test_what_goes_wrong_costs_no_other_task(grade, body):
    _, tasks = grade(f"def double(x):\n    {body}\n")
    assert only_double_fails(tasks)


@pytest.mark.parametrize(
    "loop",
    [
        "while True:\n        pass",
        "while 1:\n        try:\n            x += 1\n        except Exception:\n            pass",
        "while True:\n        try:\n            pass\n        except:\n            pass",
        "import time; time.sleep(1000)",
    ],
)
def test_a_loop_that_never_ends(grade_double, monkeypatch, loop):
    monkeypatch.setattr("nst_numpy.course.sandbox.GRACE", 0.3)
    task = grade_double(loop, seconds=0.3)
    assert re.search("still running when the time was up|stopped after", task.reason)
    assert task.points == 0


@pytest.mark.parametrize("made", ["np.ma.array", "Like"])
def test_what_numpy_takes_for_an_array_is_one(grade, made):
    like = (
        "class Like:\n    def __init__(self, a):\n        self.a = a\n"
        "    def __array__(self, dtype=None, copy=None):\n        return self.a\n"
    )
    _, tasks = grade(f"import numpy as np\n{like}\ndef double(x):\n    return {made}(2 * x)\n")
    assert tasks["double"].right, tasks["double"].reason


def test_a_name_that_an_import_should_have_given_says_so(grade):
    _, tasks = grade("import no_such_module as m\n\ndef double(x):\n    return m.twice(x)\n")
    assert "name 'm' is not defined" in tasks["double"].reason
    assert "No module named 'no_such_module'" in tasks["double"].reason


def test_a_busy_machine_costs_no_points(grade_double):
    """Its processor is with others: time passes, and little is computed."""
    task = grade_double("import time; time.sleep(0.6); return 2 * x", seconds=0.5)
    assert task.right, task.reason


def test_time_in_which_the_answer_is_stopped_costs_nothing():
    with Sandbox([("a.py", 1, "def f():\n    import time; time.sleep(0.3); return 7")],
                 seconds=0.1) as sandbox:  # fmt: skip
        sandbox.open()
        pid = sandbox._process.pid
        stop = threading.Timer(0.1, os.kill, [pid, signal.SIGSTOP])
        go_on = threading.Timer(1.4, os.kill, [pid, signal.SIGCONT])
        for timer in (stop, go_on):
            timer.start()
        assert sandbox.function("f")() == 7  # PATIENCE * 0.1 seconds are shorter than the stop
        for timer in (stop, go_on):
            timer.join()


def test_time_in_which_the_grader_is_stopped_costs_nothing(monkeypatch):
    hours = count(time.monotonic(), 3600)
    with Sandbox([("a.py", 1, "def f():\n    return 7")]) as sandbox:
        sandbox.open()
        monkeypatch.setattr("nst_numpy.course.sandbox.time.monotonic", lambda: next(hours))
        assert sandbox.function("f")() == 7
        monkeypatch.undo()


def test_what_calls_compute_adds_up(grade_double):
    loop = "from time import process_time as t; end = t() + 0.3"
    task = grade_double(f"{loop}\n    while t() < end: pass\n    return 2 * x", seconds=0.5)
    assert "still running when the time was up" in task.reason


@pytest.mark.slow
def test_a_loop_in_which_no_alarm_is_heard(grade_double):
    task = grade_double("return sum(range(10**13))", seconds=1.5)
    ended = (
        r"stopped after (1.5 seconds of computing|15 seconds): is there a loop that never ends\?"
    )
    assert re.fullmatch(ended, task.reason)
    assert task.mistake == "time"


def test_a_loop_costs_no_other_task_and_its_line_is_named(grade):
    _, tasks = grade("def double(x):\n    while True:\n        x = x + 1\n", seconds=0.5)
    assert re.search(r"in t1_small.py, line [345]: (while|x =)", tasks["double"].reason)
    assert only_double_fails(tasks)


def test_a_storm_of_prints_is_cut_and_costs_nothing(grade):
    done, tasks = grade(
        "def double(x):\n    for i in range(20000):\n        print('storm', i)\n    return 2 * x\n"
    )
    assert done.points == 5.5
    assert tasks["double"].prints.startswith("storm 0\nstorm 1\n")
    assert "bytes more" in tasks["double"].prints
    assert len(tasks["double"].prints) < 2200


def test_a_storm_without_end(grade_double):
    task = grade_double("while True:\n        print(x)", seconds=0.5)
    assert task.points == 0
    assert task.prints.startswith("[1. 3.]\n[1. 3.]\n")


@pytest.mark.parametrize(
    "broken",
    [
        "def double(x:\n    return 2 * x\n",
        "def double(x):\nreturn 2 * x\n",
        "def double(x):\n    return (2 * x\n",
    ],
)
def test_a_syntax_error_costs_its_own_task_only(grade, broken):
    _, tasks = grade(broken)
    reason = tasks["double"].reason
    assert "double is not defined; t1_small.py, line" in reason
    assert re.search("SyntaxError|IndentationError", reason)
    assert only_double_fails(tasks)


def test_what_breaks_in_one_cell_does_not_hinder_the_others(grade):
    lines = (
        "raise ValueError",
        "import sys; sys.exit(3)",
        "while True: pass",
        "import no_such_thing",
    )
    head = "".join(f"# %%\n{line}\n" for line in lines)
    done, tasks = grade("def double(x):\n    return 2 * xx\n", head=f"{head}# %%\n", seconds=0.8)
    assert only_double_fails(tasks), as_text([done])


def test_bytes_that_are_no_text(small, tmp_path):
    path = tmp_path / "t1_small.py"
    path.write_bytes(b"\xff\xfe\x00def double(x): return 2 * x\n")
    assert grade_answer(path, small).points == 0


REFUSED = {
    "open('HERE/a', 'w')": "write to HERE/a",
    "open('../nst-elsewhere', 'a')": "write to ../nst-elsewhere",
    "os.open('HERE/b', os.O_CREAT | os.O_WRONLY)": "write to HERE/b",
    "np.save('HERE/a', x)": "write to HERE/a.npy",
    "os.remove('HERE/kept')": "remove HERE/kept",
    "os.mkdir('HERE/a')": "make the folder HERE/a",
    "os.rename('HERE/kept', 'mine')": "rename HERE/kept",
    "os.symlink('/etc', 'HERE/a')": "link HERE/a",
    "subprocess.run(['true'])": "start or stop a process",
    "os.system('true')": "start or stop a process",
    "os.fork()": "start or stop a process",
    "os.kill(os.getppid(), 0)": "start or stop a process",
    "socket.create_connection(('127.0.0.1', 9))": "use the network",
    "import torch": "import torch",
    "import tensorflow as tf": "import tensorflow",
    "from jax import numpy": "import jax",
    "import nst_numpy": "import nst_numpy",
    "from nst_numpy.layers import conv_forward": "import nst_numpy",
    "importlib.import_module('keras')": "import keras",
    "importlib.import_module('nst_numpy.losses')": "import nst_numpy",
}


def test_what_is_refused_and_said(grade, tmp_path):
    # only files of this test are at stake, should the fence have a hole
    (tmp_path / "kept").write_text("still here", "utf-8")
    refused = {
        line.replace("HERE", str(tmp_path)): what.replace("HERE", str(tmp_path))
        for line, what in REFUSED.items()
    }
    body = "".join(
        f"    try:\n        {line}\n        left.append({line!r})\n    except OSError: pass\n"
        "    except ImportError: pass\n"
        for line in refused
    )
    done, tasks = grade(
        f"def double(x):\n    left = []\n{body}    assert not left, left\n    return 2 * x\n",
        head="import importlib, os, socket, subprocess\n",
    )
    # whoever is refused, and goes on without it, loses nothing
    assert tasks["double"].right, tasks["double"].reason
    assert {f"refused: the answer tried to {what}" for what in refused.values()} == set(done.notes)
    assert (tmp_path / "kept").read_text("utf-8") == "still here"
    assert not (tmp_path / "a").exists()
    assert not (tmp_path / "b").exists()
    assert "note: refused: the answer tried to import torch" in as_text([done])


def test_an_answer_that_needs_what_is_refused(grade):
    _, tasks = grade("def double(x):\n    import torch\n    return 2 * x\n")
    assert "the grader does not let an answer import torch" in tasks["double"].reason
    assert only_double_fails(tasks)


def test_the_solutions_cannot_be_read(grade_double, small):
    task = grade_double(f"return open({str(small.folder / 'tests.py')!r}).read()")
    assert "the grader does not let an answer read nst_numpy's own files" in task.reason


def test_writing_in_its_own_folder_is_fine(grade_double):
    task = grade_double("np.save('mine.npy', x)\n    return 2 * np.load('mine.npy')")
    assert (task.right, task.refused) == (True, ())


@pytest.mark.parametrize(
    "forge",
    [
        'print(\'{"score": 100, "points": 5.5}\')',
        "import os\n    for fd in range(3, 20):\n"
        "        try: os.write(fd, b'{\"return\": true}' * 99)\n        except OSError: pass",
        "import sys, gc\n    from types import SimpleNamespace\n"
        "    for peer in [o for o in gc.get_objects() if type(o).__name__ == 'Answer']:\n"
        "        peer._write(peer._pack({'return': True}, 'all tests pass'))",
    ],
)
def test_a_result_cannot_be_forged(grade_double, forge):
    assert grade_double(f"{forge}\n    return 3 * x").points == 0


@pytest.mark.parametrize(
    "head", ["{'error': 7}", "{'return': 1, 'refused': 5}", "{'call': [1]}", "{'call': -1}"]
)
def test_frames_of_any_shape_do_not_break_the_grader(grade_double, head):
    task = grade_double(
        "import gc\n"
        "    for peer in [o for o in gc.get_objects() if type(o).__name__ == 'Answer']:\n"
        f"        peer._write(peer._pack({head}, 0))\n    return 3 * x\n",
        seconds=0.5,
    )
    assert task.points == 0


PEER = "import gc\npeer = [o for o in gc.get_objects() if type(o).__name__ == 'Answer'][0]\n"


@pytest.mark.parametrize(
    "evil",
    [
        "peer.explain = lambda e: {}",
        "peer.explain = lambda e: {'type': [], 'sentence': {}, 'where': 7}",
        "peer.explain = lambda e: 5",
        "peer.explain = lambda e: {'sentence': 'x' * 5_000_000}",
        "peer.explain = None",
        "peer.troubles = 5",
        "peer.troubles = {'a': 1}",
        "peer.extras = lambda: {'refused': 7}",
        "peer.extras = lambda: {'refused': ['x' * 5_000_000]}",
        "peer.timed = lambda f: (lambda *a: (a, 5))",
        "peer.timed = lambda f: (lambda *a: (a, {'0': 'x', '9': 1}))",
        "peer.lookup = peer.find = lambda name: 5",
    ],
)
def test_no_answer_ends_the_grading_of_a_class(small, tmp_path, evil):
    path = tmp_path / "t1_small.py"
    path.write_text(f"{PEER}{evil}\ndef double(x): raise ValueError\n", "utf-8")
    done = grade_answer(path, small, seconds=1)
    assert done.points == 0
    assert all(0 < len(task.reason) < 3000 for task in done.tasks)
    assert "all tests pass" not in {task.reason for task in done.tasks}
    assert len(as_text([done]) + json.dumps([as_json("s", [done]), as_gradescope([done])])) < 50_000


def test_a_fault_of_the_grader_is_a_reason(small, tmp_path, monkeypatch):
    path = tmp_path / "t1_small.py"
    path.write_text("", "utf-8")
    monkeypatch.setattr("nst_numpy.course.grade._test_names", lambda *all: {}["lost"])
    done = grade_answer(path, small)
    assert {task.reason for task in done.tasks} == {"the grader could not go on (KeyError)"}


@pytest.mark.parametrize(
    "told",
    [
        "{'type': 'TimeUpError', 'sentence': str(x), 'message': str(x)}",
        "{'type': 'NotDefinedError', 'sentence': str(x), 'message': str(x)}",
        "{'type': 'ValueError', 'where': str(x), 'line': str(x)}",
        "{'type': 'ValueError', 'where': 't1_small.py, line 1', 'line': str(x)}",
        "{'type': 'ValueError', 'where': 't1_small.py, line 31337'}",
        "{'type': str(x)}",
        "{'type': 'E' + str(x)}",
    ],
)
def test_a_report_does_not_tell_a_hidden_input(small, tmp_path, told):
    path = tmp_path / "t1_small.py"
    path.write_text(
        f"{PEER}def double(x):\n    if x[0] == 1: return 2 * x\n"
        f"    peer.explain = lambda e: {told}\n    raise ValueError\n",
        "utf-8",
    )
    task = grade_task(small.tasks[0], small, read_answer(path))
    assert task.reason.startswith("hidden test: ")
    assert not [number for number in HIDDEN_NUMBERS if number in task.reason]


def test_the_line_in_a_hidden_test_is_the_answers_own(grade_double):
    task = grade_double("if x[0] == 1: return 2 * x\n    raise IndexError(str(x))")
    assert (
        task.reason == "hidden test: IndexError, in t1_small.py, line 4: raise IndexError(str(x))"
    )


LEAKS = [
    "print(x)",
    "raise ValueError(str(x))",
    "raise type('E' + str(x), (Exception,), {})",
    "open('../' + str(x), 'w')",
    "import sys; sys.stderr.write(str(x)); sys.exit(str(x))",
    "return x",
    "return x[1] * 2 * x",
    "return str(x)",
    "return np.zeros(31337)",
    "return np.zeros((0, int(x[1])))",
    "import os; os._exit(125)",
    "import gc\n    for o in gc.get_objects():\n"
    "        if type(o).__name__ == 'Answer': o._encode = lambda *a: [str(x), 1]\n    return x",
    "return type('E' + str(x), (), {})()",
]


@pytest.mark.parametrize("leak", LEAKS)
def test_hidden_inputs_do_not_come_out(grade_double, leak):
    # right for the public test, so that the hidden one is reached
    task = grade_double(f"if x[0] == 1:\n        return 2 * x\n    {leak}\n    return 0 * x\n")
    assert task.points == 0
    assert task.reason.startswith("hidden test: ")
    done = Grade("t1", "A small assignment", "t1_small.py", (task,), task.refused)
    shown = as_text([done]) + json.dumps([as_json("s", [done]), as_gradescope([done])])
    assert not [number for number in HIDDEN_NUMBERS if number in shown]


def test_public_tests_alone(grade_double):
    assert grade_double("return 2 * x if x[0] == 1 else x", hidden=False).right


def test_a_wrong_gradient_shows_the_diagnosis(grade):
    _, tasks = grade("def slope(grad_out, x):\n    return x * grad_out\n")
    assert re.search(r"slope: .*2.*\(gradient checker, ", tasks["slope"].reason), tasks["slope"]


def test_writing_into_an_argument_is_noticed(grade):
    _, tasks = grade("def slope(grad_out, x):\n    grad_out *= 2 * x\n    return grad_out\n")
    assert "writes into grad_out" in tasks["slope"].reason


def as_notebook(*cells):
    return json.dumps(
        {
            "cells": [
                {"cell_type": "code", "metadata": metadata, "source": source.splitlines(True)}
                for source, metadata in cells
            ]
        }
    )


def test_a_notebook_is_an_answer_too(small, tmp_path):
    path = tmp_path / "t1_small.ipynb"
    path.write_text(
        as_notebook(
            ("%matplotlib inline\n!pip install x\nimport numpy as np\nnp.ones?", {}),
            ("%%bash\nbroken(", {}),
            ("def double(x):\n    return 2 * x\n", {}),
            ("def square(x):\n    return y\n", {}),
            ("def slope(", {}),
            ("raise SystemExit", {"nbgrader": {"grade": True, "locked": True, "solution": False}}),
        ),
        "utf-8",
    )
    double, square, slope = grade_answer(path, small).tasks
    assert double.right
    assert "NameError: name 'y' is not defined, in t1_small.ipynb, cell 4, line 2" in square.reason
    assert "slope is not defined; t1_small.ipynb, cell 5, line 1" in slope.reason


@pytest.mark.parametrize("text", ["", "{", "[]", '{"cells": 7}', '{"cells": [{}]}', "\x00"])
def test_what_is_no_notebook_scores_0(small, tmp_path, text):
    path = tmp_path / "t1_small.ipynb"
    path.write_text(text, "utf-8")
    done = grade_answer(path, small)
    assert done.points == 0
    assert "t1_small.ipynb is not a notebook that can be read" in done.tasks[0].reason


def test_the_better_of_two_files_counts(small, tmp_path):
    (tmp_path / "t1_small.py").write_text("def double(x): return 2 * x", "utf-8")
    (tmp_path / "t1_small.ipynb").write_text(
        as_notebook(("def square(x): return x * x", {})), "utf-8"
    )
    found = find_submissions(tmp_path, {"t1": small})
    (grade,) = grade_submission(found, {"t1": small})
    assert (grade.file, grade.points) == ("t1_small.ipynb", 2)


def test_the_instructors_page_shows_the_sample_as_it_is_graded(bundled):
    docs = Path(__file__).resolve().parents[2] / "docs"
    done = grade_answer(docs / "course" / "a1_convolution.py", bundled["a1"])
    assert done.points == 2
    assert as_text([done]) in (docs / "course.md").read_text(encoding="utf-8")


def test_the_instructors_page_shows_a_mistake_before_and_after(bundled):
    docs = Path(__file__).resolve().parents[2] / "docs"
    page, file = (docs / "course.md").read_text(encoding="utf-8"), docs / "course" / "a4_style.py"
    done = grade_answer(file, bundled["a4"])
    assert done.points == 7
    assert as_text([done]) in page
    cells = read_answer(file)
    alone = tuple(grade_task(task, bundled["a4"], cells) for task in bundled["a4"].tasks)
    before = Grade("a4", bundled["a4"].title, file.name, alone)
    assert before.points == 0
    assert as_text([before]).partition("\n\n")[0] in page


def test_a_long_answer_is_split_in_time_that_grows_with_it():
    """Cutting copies each line once, not once for each line before it."""
    lines = 200_000
    assert sum(len(cell.source) for cell in split_cells("x=1\n" * lines)) == 4 * lines
    cells = split_cells("# %% a\nx=1\n" * lines)
    assert (len(cells), cells[-1]) == (lines, Cell("a", "x=1\n", 2 * lines))
    assert len(top_level_pieces("def f(): pass\n" * lines)) == lines


def test_an_answer_that_locks_its_folder_leaves_nothing(grade_double, tmp_path, monkeypatch):
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    task = grade_double(
        "import os; os.makedirs('a/b', exist_ok=True); open('a/b/c', 'w').close()\n"
        "    for f in ('a/b', 'a', '.'): os.chmod(f, 0)\n    return 2 * x",
        hidden=False,
    )
    assert task.right, task.reason
    assert list((tmp_path / "temporary").iterdir()) == []


@posix
def test_what_is_too_slow_is_told_what_to_do(bundled, tmp_path):
    """The last assignment's picture is the only task that needs speed."""
    path = tmp_path / "a8.py"
    text = bundled["a8"].solution
    assert "out += seen @ w[u, v]" in text
    path.write_text(text.replace("out += seen @ w[u, v]", "while True: pass"), "utf-8")
    (task,) = (task for task in bundled["a8"].tasks if task.name == "a8.picture")
    done = grade_task(task, bundled["a8"], read_answer(path), seconds=0.5)
    assert done.reason == (
        "paint, 9 × 8 pixels, 4 steps: still running when the time was up: the loops over pixels "
        "and filters are too slow: let NumPy multiply whole arrays, one product for each place in "
        "the filter"
    )
    assert (done.points, done.mistake) == (0, "time")
