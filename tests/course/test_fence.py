"""What an answer's process refuses. All that is attacked lies in the test's own folder."""

import os
import sys
from dataclasses import replace

import pytest

from nst_numpy.course import as_text
from nst_numpy.course.grade import grade_task, read_answer
from tests import posix

pytestmark = posix
linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has this")

HEAD = """
import contextlib, ctypes, importlib, os, resource, shutil, signal, sqlite3, subprocess, sys
import _ctypes, _posixsubprocess
left = []
def attempt(name, act):
    try:
        act()
    except (OSError, ImportError):
        pass
    else:
        left.append(name)
def fork(*command):
    r, w = os.pipe()
    words = [[*command], [command[0]], True, (), None, None, -1, -1, -1, -1, -1, -1, r, w]
    words += [True, True] + [-1] * (sys.version_info >= (3, 11)) + [None, None, None, -1, None]
    words += [False] * ((3, 11) <= sys.version_info < (3, 14))
    _posixsubprocess.fork_exec(*words)
def anew(name):
    sys.modules.pop(name, None)
    __import__(name)
"""
# what is tried: what the note says of it
REFUSED = {
    "shutil.rmtree('HERE/tree')": "remove HERE/tree/kept",
    "os.open('HERE', os.O_RDONLY)": "open the folder HERE",
    "os.open('HERE/tree', os.O_RDONLY | os.O_DIRECTORY)": "open the folder HERE/tree",
    "os.unlink('kept', dir_fd=3)": "remove kept",
    "os.rmdir('tree', dir_fd=3)": "remove the folder tree",
    "os.mkdir('made', dir_fd=3)": "make the folder made",
    "os.rename('kept', 'gone', src_dir_fd=3)": "rename kept",
    "os.link('kept', 'gone', dst_dir_fd=3)": "link kept",
    "os.chmod('kept', 0o600, dir_fd=3)": "change the permissions of kept",
    "os.utime('kept', dir_fd=3)": "change the time of kept",
    "os.symlink('HERE', 'inside')": "link inside",
    "os.chdir('HERE')": "go to the folder HERE",
    "os.mkfifo('HERE/made')": "make a device or a pipe",
    "os.mknod('HERE/made')": "make a device or a pipe",
    "importlib.import_module('posix').mkfifo('HERE/made')": "make a device or a pipe",
    "sqlite3.connect('HERE/made')": "use a database",
    "sqlite3.connect('file:HERE/made', uri=True)": "use a database",
    "sqlite3.connect(':memory:')": "use a database",
    "importlib.import_module('_dbm')": "import _dbm",
    "importlib.import_module('_gdbm')": "import _gdbm",
    "importlib.import_module('_tkinter')": "import _tkinter",
    "anew('readline')": "import readline",
    "anew('_posixsubprocess')": "import _posixsubprocess",
    "_ctypes.dlsym(ctypes.CDLL(None)._handle, 'getpid')": "call the system past Python",
    "ctypes.CDLL(None).getpid": "call the system past Python",
    "ctypes.CDLL('libm.so.6')": "call the system past Python",
    "ctypes.c_char.from_address(0)": "call the system past Python",
    "fork(b'/bin/true')": "start or stop a process",
    "os.posix_spawn('/bin/true', ['true'], {})": "start or stop a process",
    "subprocess.Popen(['true'])": "start or stop a process",
    "resource.prlimit(os.getppid(), resource.RLIMIT_CORE)": "change its limits",
    "resource.setrlimit(resource.RLIMIT_CORE, (0, 0))": "change its limits",
    "open(f'/proc/{os.getppid()}/environ').read()": "read about another process",
    "open(f'/proc/{os.getppid()}/mem', 'rb')": "read about another process",
}


@linux
@pytest.mark.parametrize("half", [0, 1])
def test_what_no_audit_event_or_another_one_tells_is_refused_too(grade, tmp_path, half):
    (tmp_path / "tree").mkdir()
    for place in (tmp_path / "kept", tmp_path / "tree" / "kept"):
        place.write_text("still here", "utf-8")
    tried = dict(list(REFUSED.items())[half::2])
    here = str(tmp_path)
    tries = "".join(f"attempt({line!r}, lambda: {line})\n".replace("HERE", here) for line in tried)
    body = "    assert not left, left\n    return 2 * x\n"
    done, tasks = grade(f"def double(x):\n{body}", head=HEAD + tries, seconds=8)
    assert tasks["double"].right, tasks["double"].reason
    assert (tmp_path / "kept").read_text("utf-8") == "still here"
    assert (tmp_path / "tree" / "kept").read_text("utf-8") == "still here"
    assert not (tmp_path / "made").exists()
    notes = [note.removeprefix("refused: the answer tried to ") for note in done.notes]
    assert notes == list(dict.fromkeys(what.replace("HERE", here) for what in tried.values()))


@pytest.mark.parametrize(
    "head",
    [
        "import matplotlib.pyplot as plt",
        "import ctypes, sqlite3, subprocess, multiprocessing, ssl, socket, uuid, dbm, pdb",
        "import tempfile\nwith tempfile.TemporaryDirectory() as f: open(f + '/a', 'w').write('a')",
        "import os, shutil\nos.makedirs('a/b/c')\nshutil.rmtree('a')\nassert not os.listdir('.')",
        "import scipy.optimize, scipy.linalg, PIL.Image, h5py, tqdm, logging, json",
        "from __future__ import annotations\nimport numpy.testing, unittest.mock, doctest",
    ],
)
def test_what_is_innocent_leaves_no_note(grade, head):
    done, _ = grade("def double(x: 'an array'):\n    return 2 * x\n", head=f"{head}\n", seconds=60)
    assert (done.points, done.notes) == (5.5, ()), as_text([done])


def test_a_library_that_an_answer_brings_along_is_the_answer(grade_double):
    task = grade_double(
        "open('mine.py', 'w').write('import torch')\n"
        "    try:\n        import mine\n    except ImportError:\n        return 2 * x"
    )
    assert (task.right, task.refused) == (True, ("import torch",))


def test_machine_code_that_an_answer_writes_is_not_loaded(grade_double):
    suffix = __import__("importlib.machinery").machinery.EXTENSION_SUFFIXES[0]
    task = grade_double(f"open('mine{suffix}', 'wb').write(b'x')\n    import mine")
    assert task.refused == ("call the system past Python",)


@pytest.mark.parametrize(
    "trick",
    [
        "class A(np.ndarray):\n"
        "        def __eq__(s, o): return np.ones(s.shape, bool)\n"
        "        __lt__ = __gt__ = __sub__ = __eq__\n"
        "    return np.zeros(2).view(A)",
        "np.asarray = np.abs = np.isfinite = lambda *a, **k: np.zeros(2)\n    return 3 * x",
        "np.ndarray.any = None",
        "import builtins; builtins.AssertionError = Exception\n    return 3 * x",
        "import os; os._exit(0)",
        "import sys; sys.modules['nst_numpy.course.expect'] = None\n    return 3 * x",
        "raise SystemExit(0)",
        "return lambda *a: True",
        "import gc\n    for o in gc.get_objects():\n"
        "        if type(o).__name__ == 'Answer': o.extras = lambda: {'points': 9}\n    return x",
    ],
)
def test_tricks_that_win_nothing(grade_double, trick):
    assert grade_double(trick).points == 0


@linux
def test_a_process_does_not_outlive_the_grading(grade):
    mark = f"{83 + os.getpid() % 1000 / 1e4:.4f}"  # seconds, and a word to find the process by
    _, tasks = grade(
        "def double(x):\n    attempt('fork', lambda: fork(b'/bin/sleep', MARK))\n"
        "    return 2 * x\n".replace("MARK", repr(mark.encode())),
        head=HEAD,
    )
    task = tasks["double"]
    assert task.right, task.reason
    for number in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{number}/cmdline", "rb") as file:
                words = file.read().split(b"\0")
        except OSError:
            continue
        assert words[:2] != [b"/bin/sleep", mark.encode()]


def test_a_library_that_does_it_is_not_called(small, tmp_path, bundled):
    """Its module may be imported, though, and a library may call it."""
    calls = {
        "c(x, x)": "signal.correlate",
        "scipy.signal.fftconvolve(x, x)": "signal.fftconvolve",
        "correlate2d([x], [x])": "signal.correlate2d",
        "np.vectorize(scipy.ndimage.correlate1d)(x, x)": "ndimage.correlate1d",
        "sys.modules['scipy.ndimage'].convolve(x, x)": "ndimage.convolve",
        "scipy.signal._sigtools._convolve2d([x], [x], 1, 0, 0, 0)": "signal._sigtools._convolve2d",
        "np.apply_along_axis(np.correlate, 0, x, x)": "numpy.correlate",
        "from numpy import convolve; convolve(x, x)": "numpy.convolve",
    }
    head = (
        "import sys, numpy as np\nimport scipy.signal\nfrom scipy import ndimage\n"
        "from scipy.signal import correlate as c\n"
        "from scipy.signal._signaltools import correlate2d\nleft = []\n"
    )
    tries = "".join(
        f"    try:\n        {call}\n        left.append({call!r})\n    except OSError: pass\n"
        for call in calls
    )
    path = tmp_path / "t1_small.py"
    path.write_text(
        f"{head}def double(x):\n{tries}    assert not left, left\n"
        "    np.polymul(x, x), scipy.signal.convolve2d\n"
        "    return ndimage.gaussian_filter(x, 1) * 0 + 2 * x\n",
        "utf-8",
    )
    assignment = replace(small, forbidden=bundled["a6"].forbidden)
    task = grade_task(small.tasks[0], assignment, read_answer(path), seconds=60, hidden=False)
    assert task.right, task.reason
    names = [n if n.startswith("numpy.") else f"scipy.{n}" for n in calls.values()]
    assert task.refused == tuple(f"call {name}" for name in names)
    assert set(bundled["a1"].forbidden) == set(bundled["a8"].forbidden)
    assert set(bundled["a6"].forbidden) == {*bundled["a1"].forbidden, "numpy.convolve",
                                            "numpy.correlate"}  # fmt: skip
