"""Answers that are shut in: by bubblewrap for real where it works, else the command line alone."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from nst_numpy.cli import main
from nst_numpy.course import Isolation, as_gradescope, as_json, as_text, find_isolation
from nst_numpy.course.isolation import KIT, make_kit
from nst_numpy.errors import SettingError
from tests import posix

pytestmark = posix


def program(folder, name, text):
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n", "utf-8")
    path.chmod(0o755)
    return path


@pytest.fixture(scope="module")
def bubblewrap():
    try:
        return find_isolation("bubblewrap")
    except SettingError as error:
        pytest.skip(f"only the command line is tested: {error}")


@pytest.fixture
def shut_in(bubblewrap, tmp_path):
    """Run Python code in there, with no fence inside; return what it prints."""
    (tmp_path / "folder").mkdir()

    def run(code, hidden=()):
        folder = str(tmp_path / "folder")
        with make_kit() as kit:
            words = bubblewrap.command(
                *(["-I", "-c", code],),
                folder=folder,
                kit=kit,
                name="nst-test",
                variables={"PATH": os.defpath, "MINE": "1"},
                hidden=hidden,
            )
            done = subprocess.run(
                words, env=bubblewrap.environment(), capture_output=True, encoding="utf-8",
                check=False,
            )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    return run


def words_after(words, word):
    return [words[i + 1] for i, w in enumerate(words[:-1]) if w == word]


def test_the_command_line_of_bubblewrap():
    words = Isolation("bubblewrap", "/usr/bin/bwrap").command(
        ["-c", "1"], folder="/f", kit="/k", name="n", variables={"HOME": "/f"}
    )
    assert words[0] == "/usr/bin/bwrap"
    assert {"--unshare-all", "--die-with-parent", "--new-session", "--clearenv"} <= set(words)
    assert words[-3:] == [sys.executable, "-c", "1"]
    assert "--share-net" not in words
    assert words_after(words, "--setenv") == ["HOME"]
    assert words_after(words, "--bind") == ["/f"]  # nothing else can be written to
    assert words_after(words, "--cap-drop") == ["ALL"]
    assert not {"/", "/home", "/root", "/etc", "/tmp", "/proc"} & set(
        words_after(words, "--ro-bind")
    )


@pytest.mark.parametrize("how", ["docker", "podman"])
def test_the_command_line_of_a_container(how):
    words = Isolation(how, how, "python-numpy").command(
        *(["-c", "1"],),
        folder="/f", kit="/k", name="n", variables={"HOME": "/f", "PATH": "/x"}, megabytes=512,
    )  # fmt: skip
    assert words[:2] == [how, "run"]
    assert words_after(words, "--network") == ["none"]
    assert words_after(words, "--cap-drop") == ["ALL"]
    assert words_after(words, "--env") == ["HOME=/f"]  # the image has a PATH of its own
    assert words_after(words, "--volume") == ["/f:/f", f"/k:{KIT}:ro"]
    assert words_after(words, "--memory") == ["768m"]
    assert words_after(words, "--name") == ["n"]
    assert {"--rm", "--read-only", "no-new-privileges"} <= set(words)
    assert words[-3:] == ["python-numpy", "-c", "1"]


def test_a_container_is_ended_by_its_name(tmp_path):
    docker = program(tmp_path, "docker", f'echo "$@" > {tmp_path}/said')
    Isolation("docker", str(docker), "image").end("nst-1")
    assert (tmp_path / "said").read_text("utf-8") == "rm --force nst-1\n"
    Isolation("bubblewrap", str(tmp_path / "none")).end("nst-1")  # its end is that of the program


def test_the_kit_holds_what_the_process_runs_and_no_more():
    with make_kit() as kit:
        found = {name for _, _, names in os.walk(kit) for name in names}
    assert found == {"__init__.py", "fence.py", "jupyter.py", "wire.py", "worker.py"}
    assert not os.path.exists(kit)


def test_what_is_refused_at_the_door(tmp_path, monkeypatch, capsys, small):
    monkeypatch.setenv("PATH", str(tmp_path))
    for how, message in (
        ("any", "finds neither bwrap nor docker nor podman on this machine: install bubblewrap"),
        ("bubblewrap", "finds bwrap on this machine"),
        ("jail", "--isolate jail is unknown: choose from bubblewrap, docker, podman"),
    ):
        with pytest.raises(SettingError) as caught:
            find_isolation(how)
        assert message.replace("finds bwrap", "finds no bwrap") in str(caught.value)
    program(tmp_path, "docker", "echo 'Is the daemon running?' >&2; exit 1")
    with pytest.raises(SettingError, match="--isolate docker needs an image"):
        find_isolation()
    with pytest.raises(
        SettingError, match=r"docker does not work here \(Is the daemon running\?\)"
    ):
        find_isolation("docker", "image")
    program(tmp_path, "bwrap", "echo 'bwrap: No permissions to create new namespace' >&2; exit 1")
    words = ("grade", "--isolate", "--assignments", str(small.folder.parent))
    assert main(["course", *words[:1], str(small.folder / "solution.py"), *words[1:]]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "No permissions to create new namespace" in said.err
    assert said.err.count("\n") == 1


def test_what_is_seen_from_inside(shut_in, tmp_path, small, monkeypatch):
    monkeypatch.setenv("MY_SECRET", "not-for-students")
    (tmp_path / "kept").write_text("theirs", "utf-8")
    code = f"""
import json, os, socket, sys
sys.path.insert(0, {KIT!r})
import numpy, nst_numpy
def refused(act):
    try: act()
    except OSError: return True
    return False
s = socket.socket()
s.settimeout(1)
pids = [p for p in os.listdir("/proc") if p.isdigit()]
print(json.dumps({{
    "network": refused(lambda: s.connect(("127.0.0.1", 9))),
    "interfaces": [name for _, name in socket.if_nameindex()],
    "processes": len(pids),
    "variables": "".join(open(f"/proc/{{p}}/environ").read() for p in pids),
    "kept": os.path.exists({str(tmp_path / "kept")!r}),
    "assignment": os.path.exists({str(small.folder)!r}),
    "nst_numpy": sorted(os.listdir(os.path.dirname(nst_numpy.__file__) + "/course")),
    "writes": [p for p in ("/usr", "/etc", "/", {KIT!r}, sys.prefix, "/dev")
               if not refused(lambda: open(p + "/nst-made", "w").close())],
    "home": os.listdir("/root") if os.path.exists("/root") else [],
}}))
open("made", "w").write("mine")
"""
    seen = json.loads(shut_in(code).splitlines()[-1])
    assert seen["network"]
    assert seen["interfaces"] == ["lo"]
    assert seen["processes"] <= 3
    assert "not-for-students" not in seen["variables"]
    assert "MINE" in seen["variables"]
    assert (seen["kept"], seen["assignment"]) == (False, False)
    assert set(seen["nst_numpy"]) - {"__pycache__"} == {
        *("__init__.py", "fence.py", "jupyter.py", "wire.py", "worker.py")
    }
    assert set(seen["writes"]) <= {"/dev"}  # which is made anew, and gone with the process
    assert (tmp_path / "folder" / "made").read_text("utf-8") == "mine"


def test_the_solutions_are_hidden_where_python_is(shut_in):
    folder = os.path.dirname(os.path.realpath(__import__("numpy").__file__))
    code = f"import os; print(os.listdir({folder!r}))"
    assert "__init__.py" in shut_in(code)
    assert shut_in(code, hidden=[folder]) == "[]"


def test_grading_in_there(bubblewrap, grade):
    done, tasks = grade("def square(x):\n    print('here')\n    return x\n", isolation=bubblewrap)
    assert (done.points, tasks["square"].prints, done.notes) == (3.5, "here\n", ())
    assert done.isolation == "bubblewrap"
    sentence = "shut in by bubblewrap: without network"
    assert sentence in as_text([done])
    assert as_json("ada", [done])["assignments"][0]["isolation"] == "bubblewrap"
    assert sentence in as_gradescope([done])["output"]
    plain, _ = grade()
    assert "behind a fence" in as_text([plain])
    assert as_json("ada", [plain])["assignments"][0]["isolation"] == "fence"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("import os; os._exit(3)", "the answer ended the whole process, with exit code 3"),
        ("import os; os.abort()", "the process crashed (SIGABRT)"),
        ("return [0] * 10**11", "more memory than an answer may use (MemoryError)"),
        ("while True: pass", "still running when the time was up"),
        # one line takes the fence off; behind it is nothing
        ("import sys; sys.meta_path.pop(0).forbidden = []\n    import importlib\n"
         "    return importlib.import_module('nst_numpy.layers').relu_forward(x)",
         "No module named 'nst_numpy.layers'"),
    ],
)  # fmt: skip
def test_what_goes_wrong_in_there_has_a_reason(bubblewrap, grade_double, body, reason):
    task = grade_double(body, isolation=bubblewrap, seconds=1)
    assert reason in task.reason
    assert task.points == 0


def test_the_command(bubblewrap, small, tmp_path):
    out = tmp_path / "out"
    shutil.copy(small.folder / "solution.py", tmp_path / "t1_small.py")
    words = ("--isolate", "bubblewrap", "--assignments", small.folder.parent, "--quiet")
    words = map(str, (tmp_path / "t1_small.py", "--out", out, *words))
    assert main(["course", "grade", *words]) == 0
    assert "shut in by bubblewrap" in (out / "report.txt").read_text("utf-8")
