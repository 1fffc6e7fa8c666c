"""A run survives what goes wrong around it: whole processes, one for each kind."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from nst_numpy.pictures.images import load_image
from tests import PATIENCE, limited_memory, posix

WORDS = ["transfer", "chelsea", "starry_night", "--size", "32", "-o", "o.png"]
SNAPSHOTS = ["--snapshot-every", "1", "--snapshot-folder", "s"]

pytestmark = [pytest.mark.slow, posix]


def start(*words, **options):
    environment = os.environ | {"NST_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "nst_numpy", *words], env=environment, encoding="utf-8",
        stdout=subprocess.PIPE, stderr=options.pop("stderr", subprocess.PIPE),
        **options,
    )  # fmt: skip


def wait_for(path):
    for _ in range(100 * PATIENCE):
        if Path(path).exists():
            return
        time.sleep(0.01)
    pytest.fail(f"{path} never came")


def end(process):
    out, err = process.communicate(timeout=PATIENCE)
    assert "Traceback" not in (err or "")
    return process.returncode, out, err


def only(*names):
    assert sorted(os.listdir()) == sorted(names)


def test_the_reader_of_the_progress_goes_away():
    process = start(*WORDS, "--iterations", "30")
    os.read(process.stderr.fileno(), 60)
    process.stderr.close()
    process.stderr = None
    assert end(process)[:2] == (0, "o.png\n")
    assert load_image("o.png").shape[1] == 32


def test_the_standard_error_is_full_or_closed():
    full = "/dev/full" if os.path.exists("/dev/full") else os.devnull
    with open(full, "w", encoding="utf-8") as stream:
        process = start(*WORDS, "--iterations", "2", stderr=stream)
        assert process.communicate(timeout=PATIENCE) == ("o.png\n", None)
    assert process.returncode == 0
    assert load_image("o.png").shape[1] == 32


def test_the_reader_of_a_table_goes_away_before_the_figure_is_written():
    process = start("trace", "chelsea", "relu1_1:3@4,4", "--size", "32", "-o", "o.png")
    process.stdout.close()
    process.stdout = None
    assert end(process)[0] == 0
    only("o.png")


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_a_signal_gives_the_picture_so_far(name, code):
    process = start(*WORDS, *SNAPSHOTS, "--iterations", "5000", "--json", "o.json")
    wait_for("s/00002.png")
    process.send_signal(getattr(signal, name))
    process.send_signal(getattr(signal, name))  # as `timeout` does
    assert end(process)[0] == code
    assert load_image("o.png").shape[1] == 32
    stopped = json.loads(Path("o.json").read_text("utf-8"))["stopped"]
    assert stopped == f"stopped by {'Ctrl-C' if code == 130 else name}"
    only("o.png", "o.json", "s")


def test_a_killed_run_leaves_whole_snapshots_and_the_next_one_tidies_up():
    process = start(*WORDS, *SNAPSHOTS, "--iterations", "5000")
    wait_for("s/00002.png")
    process.kill()
    process.communicate()
    assert not Path("o.png").exists()
    for snapshot in Path("s").glob("0*.png"):
        assert load_image(snapshot).shape[1] == 32
    assert end(start(*WORDS, *SNAPSHOTS, "--iterations", "1"))[0] == 0
    only("o.png", "s")
    assert all(name.endswith(".png") and name[0] == "0" for name in os.listdir("s"))


def test_a_second_run_into_the_same_file_or_folder_is_refused():
    process = start(*WORDS, *SNAPSHOTS, "--iterations", "5000")
    wait_for("s/00001.png")
    other = [*WORDS[:-1], "other.png"]
    for words in (WORDS, [*other, *SNAPSHOTS]):
        code, _, err = end(start(*words, "--iterations", "1"))
        assert code == 2
        assert "another run is writing" in err
    assert end(start(*other, "--iterations", "1"))[0] == 0
    process.send_signal(signal.SIGINT)
    assert end(process)[0] == 130
    only("o.png", "other.png", "s")


def test_the_folder_of_the_picture_vanishes():
    Path("f").mkdir()
    process = start(*WORDS[:-1], "f/o.png", *SNAPSHOTS, "--json", "o.json", "--iterations", "20")
    wait_for("s/00001.png")
    Path("f").rename("g")
    code, out, err = end(process)
    assert (code, out) == (2, "")
    assert err.splitlines()[-1].endswith(f"it is kept as {Path('o-kept.png').absolute()}")
    assert load_image("o-kept.png").shape[1] == 32
    assert len(json.loads(Path("o.json").read_text("utf-8"))["history"]) == 20


def test_the_folder_of_the_snapshots_vanishes():
    process = start(*WORDS, *SNAPSHOTS, "--iterations", "20", "--quiet")
    wait_for("s/00001.png")
    Path("s").rename("gone")
    code, _, err = end(process)
    assert (code, len(err.splitlines())) == (0, 1)
    assert err.startswith("nst: a snapshot is missing, and the run goes on: the folder s does not")
    assert load_image("o.png").shape[1] == 32


@limited_memory
@pytest.mark.parametrize("megabytes", [250, 300, 350, 400, 450, 500])
def test_less_memory_than_a_run_needs_is_one_line(megabytes):
    limited = f'ulimit -v {megabytes * 1024}; exec "$@"'
    environment = os.environ | {"NST_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        ["sh", "-c", limited, "sh", sys.executable, "-m", "nst_numpy", *WORDS, "--quiet"],
        env=environment, capture_output=True, encoding="utf-8", timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert done.returncode in (0, 2)
    assert len(done.stderr.splitlines()) == (done.returncode == 2)
    assert done.returncode == 0 or "there is not enough memory" in done.stderr


def test_a_run_that_diverges_says_so_and_gives_a_picture_that_is_no_worse():
    diverging = ["--optimizer", "gd", "--learning-rate", "1000", "--iterations", "6"]
    code, _, err = end(start(*WORDS, *diverging, "--quiet", "--json", "o.json"))
    assert code == 1
    assert err.splitlines()[-1].endswith("the picture at the start is kept")
    run = json.loads(Path("o.json").read_text("utf-8"))
    assert run["kept"]["loss"] < min(entry["loss"] for entry in run["history"])
    assert np.ptp(load_image("o.png")) > 100


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS has no such names")
def test_a_name_that_is_no_utf_8():
    name = os.fsdecode(b"p\xff.png")
    code, _, _ = end(
        start(*WORDS[:-1], name, "--iterations", "1", "--json", "o.json", errors="surrogateescape")
    )
    assert code == 0
    only(name, "o.json")


FLAT = """
import os, statistics, tempfile
import nst_numpy as nst
from nst_numpy.pictures import sample_path

def occupied():
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1])

def left():
    return (len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task")),
            sorted(os.listdir(tempfile.gettempdir())))

pair = sample_path("chelsea"), sample_path("starry_night")
pages, lefts = [], []
{work}
third = len(pages) // 3
print(statistics.median(pages[-third:]) / statistics.median(pages[:third]), lefts[0] == lefts[-1])
"""
RUNS = """
for _ in range(30):
    nst.transfer(*pair, size=48, iterations=3)
    pages.append(occupied())
    lefts.append(left())
del pages[:8]
"""
ITERATIONS = """
def look(progress):
    pages.append(occupied())
    lefts.append(left())

nst.transfer(*pair, size=96, iterations=150, scales=1, callback=look)
del pages[:30]
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize("work", [RUNS, ITERATIONS], ids=["runs", "iterations"])
def test_memory_files_and_threads_stay_what_they_were(work, tmp_path):
    process = subprocess.run(
        [sys.executable, "-c", FLAT.format(work=work)], capture_output=True, encoding="utf-8",
        env=os.environ | {"TMPDIR": str(tmp_path)}, check=True,
    )  # fmt: skip
    growth, nothing_left = process.stdout.split()
    assert float(growth) < 1.02
    assert nothing_left == "True"
