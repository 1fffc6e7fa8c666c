"""It works where little is as it usually is: whole processes, one for each circumstance.

`nox -s package` runs a copy of this file, far from the clone, on the wheel.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.slow

HOME = ("HOME", "USERPROFILE", "HOMEDRIVE", "HOMEPATH", "MPLCONFIGDIR", "XDG_CACHE_HOME")
WITHOUT = dict.fromkeys(HOME)
C_LOCALE = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": None}
PHOTO = "größer 写真.png"
# below a file no folder can be made, not even by root
NOWHERE = os.path.join(PHOTO, "home")

# options of Python, variables (None: not set), whether all but the own folder is read-only
CIRCUMSTANCES = {
    "warnings are errors": (["-W", "error"], {}, False),
    "no asserts": (["-O"], {}, False),
    "no docstrings": (["-OO"], {}, False),
    # the system knows a home all the same, and nothing may come to lie there
    "no variable names the home": ([], WITHOUT, True),
    "no home": ([], WITHOUT | {"HOME": NOWHERE, "USERPROFILE": NOWHERE}, False),
    "C locale": ([], C_LOCALE, False),
    "read-only": ([], {}, True),
    "all at once": (["-W", "error", "-OO"], WITHOUT | C_LOCALE | {"HOME": NOWHERE}, True),
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Work in a folder with spaces and letters from everywhere."""
    path = tmp_path / "Grüße aus 東京"
    path.mkdir()
    monkeypatch.chdir(path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    coarse = np.random.default_rng(0).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    Image.fromarray(coarse).resize((48, 36)).save(PHOTO)
    return path


def read_only(folder):
    """Begin a command for which all is read-only but one folder; skip where that cannot be had."""
    words = ["--ro-bind", "/", "/", "--dev-bind", "/dev", "/dev", "--bind", folder, folder]
    begin = ["bwrap", *map(str, words), "--chdir", str(folder)]
    program = shutil.which("bwrap")
    if not program or subprocess.run([*begin, "true"], check=False).returncode:
        pytest.skip("no bubblewrap here, or it may do nothing")
    return begin


def start(circumstance, folder, *words):
    """Run Python without a terminal."""
    options, variables, shut = CIRCUMSTANCES[circumstance]
    environment = {**os.environ, "NST_NUM_THREADS": "1", **variables}
    return subprocess.run(
        [*(read_only(folder) if shut else []), sys.executable, *options, *words],
        env={name: value for name, value in environment.items() if value is not None},
        stdin=subprocess.DEVNULL, capture_output=True, start_new_session=True,
        timeout=600, check=False,
    )  # fmt: skip


def run(circumstance, folder, *words):
    """Run Python, which must do its work in silence; return what it prints."""
    # from 3.12 on, no extension can be imported from a folder that the locale cannot name
    if start(circumstance, folder, "-c", "import numpy").returncode:
        pytest.skip("NumPy itself cannot be imported here")
    done = start(circumstance, folder, *words)
    assert done.returncode == 0, done.stderr.decode("utf-8", "replace")
    assert b"Traceback" not in done.stderr
    assert b"Warning" not in done.stderr
    return done.stdout


@pytest.mark.parametrize("circumstance", CIRCUMSTANCES)
def test_a_picture_and_its_report(circumstance, folder):
    words = ["-m", "nst_numpy", "transfer", PHOTO, "starry_night", "-o", "gemalt ü.png"]
    more = ["--size", "32", "--iterations", "2", "--report", "ü.html", "--json", "ü.json"]
    run(circumstance, folder, *words, *more)
    with Image.open("gemalt ü.png") as picture:
        assert picture.size == (32, 24)
    assert "Content-Security-Policy" in Path("ü.html").read_text("utf-8")
    assert sorted(os.listdir()) == sorted([PHOTO, "gemalt ü.png", "ü.html", "ü.json"])


@pytest.mark.parametrize("circumstance", CIRCUMSTANCES)
def test_a_figure(circumstance, folder):
    words = ["-m", "nst_numpy", "trace", PHOTO, "relu1_1:3@4,4", "--size", "32"]
    run(circumstance, folder, *words, "-o", "figure ü.png")
    with Image.open("figure ü.png") as picture:
        assert min(picture.size) > 100


@pytest.mark.parametrize("circumstance", CIRCUMSTANCES)
def test_the_weights_are_whole(circumstance, folder):
    assert b"ok  published values" in run(
        circumstance, folder, "-m", "nst_numpy", "weights", "verify"
    )


def test_the_read_only_circumstance_is_one(folder):
    code = "import pathlib, nst_numpy; pathlib.Path(nst_numpy.__file__).with_name('x').touch()"
    with pytest.raises(AssertionError, match="Read-only file system"):
        run("read-only", folder, "-c", code)
