import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from nst_numpy.weights import digests
from nst_numpy.weights.digests import NOTE, cache_folder, has_sha256, sha256

CONTENT = b"0123456789"
RIGHT, WRONG = hashlib.sha256(CONTENT).hexdigest(), hashlib.sha256(b"").hexdigest()


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "weights.bin"
    path.write_bytes(CONTENT)
    return path


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(digests, "_known", {})
    return tmp_path / "cache" / "nst_numpy"


@pytest.fixture
def reads(home, monkeypatch):
    """Every file that is read, in order."""
    paths = []
    monkeypatch.setattr(digests, "sha256", lambda path: paths.append(path) or sha256(path))
    return paths


def new_process():
    digests._known.clear()


def test_sha256_of_a_file(file):
    assert sha256(file) == RIGHT
    file.write_bytes(bytes(3 * 2**20 + 1))  # more than is read at once
    assert sha256(file) == hashlib.sha256(bytes(3 * 2**20 + 1)).hexdigest()


def test_a_file_is_read_once(file, reads):
    assert has_sha256(file, RIGHT)
    assert has_sha256(file, RIGHT)
    new_process()
    assert has_sha256(file, RIGHT)
    assert reads == [file]


def test_a_file_is_read_again_when_its_time_or_size_changes(file, reads):
    assert has_sha256(file, RIGHT)
    os.utime(file, ns=(1, 10**18))
    assert has_sha256(file, RIGHT)
    assert len(reads) == 2
    file.write_bytes(CONTENT + b"!")
    os.utime(file, ns=(1, 10**18))
    assert not has_sha256(file, RIGHT)
    assert len(reads) == 3


def test_another_file_or_another_digest_is_read(file, reads):
    assert has_sha256(file, RIGHT)
    assert not has_sha256(file, WRONG)
    other = file.with_name("other.bin")
    other.write_bytes(b"9876543210")
    os.utime(other, ns=(1, file.stat().st_mtime_ns))
    assert not has_sha256(other, RIGHT)
    assert len(reads) == 3


def test_a_wrong_file_is_not_remembered(file, reads, home):
    assert not has_sha256(file, WRONG)
    assert not has_sha256(file, WRONG)
    assert len(reads) == 2
    assert not home.exists()


def test_the_note_names_the_last_files_alone(file, reads, home):
    for number in range(digests.MOST + 5):
        path = file.with_name(f"{number}.bin")
        path.write_bytes(CONTENT)
        assert has_sha256(path, RIGHT)
    notes = json.loads((home / NOTE).read_text("utf-8"))
    assert len(notes) == digests.MOST
    assert list(notes)[-1] == str(path)
    assert os.listdir(home) == [NOTE]


@pytest.mark.parametrize(
    "text",
    [
        b"", b"{", b"[]", b"null", b"\xff\xfe", b"NaN", b"[" * 100_000, b'{"a": NaN}',
        b'{"PATH": 1}', b'{"PATH": null}', b'{"PATH": [10, 0, "RIGHT"]}', b'{"PATH": {"size": 10}}',
    ],
)  # fmt: skip
def test_a_note_that_makes_no_sense_says_nothing(file, reads, home, text):
    home.mkdir(parents=True)
    (home / NOTE).write_bytes(text.replace(b"PATH", json.dumps(str(file))[1:-1].encode()))
    assert has_sha256(file, RIGHT)
    assert reads == [file]


def test_a_note_cannot_make_a_right_file_wrong(file, reads, home):
    assert has_sha256(file, RIGHT)
    notes = (home / NOTE).read_text("utf-8")
    (home / NOTE).write_text(notes.replace(RIGHT, WRONG), "utf-8")
    new_process()
    assert has_sha256(file, RIGHT)


def file_in_its_place(home):
    home.parent.write_bytes(b"")


def folder_in_the_place_of_the_note(home):
    (home / NOTE).mkdir(parents=True)


@pytest.mark.parametrize("spoil", [file_in_its_place, folder_in_the_place_of_the_note])
def test_where_no_note_can_be_written_a_file_is_read_once_in_each_process(
    file, reads, home, spoil, capfd
):
    spoil(home)
    for times in (1, 2):
        assert has_sha256(file, RIGHT)
        assert has_sha256(file, RIGHT)
        assert reads == [file] * times
        new_process()
    assert capfd.readouterr() == ("", "")


def test_no_home_is_no_trouble(file, reads, monkeypatch):
    monkeypatch.setattr(digests, "cache_folder", lambda: None)
    assert has_sha256(file, RIGHT)
    assert has_sha256(file, RIGHT)
    assert reads == [file]


@pytest.mark.parametrize(
    ("system", "variables", "place"),
    [
        ("linux", {}, "home/.cache"),
        ("darwin", {}, "home/Library/Caches"),
        ("win32", {}, "home/AppData/Local"),
        ("win32", {"LOCALAPPDATA": "local"}, "local"),
        ("linux", {"XDG_CACHE_HOME": "cache"}, "cache"),
        ("win32", {"XDG_CACHE_HOME": "cache", "LOCALAPPDATA": "local"}, "cache"),
    ],
)
def test_the_cache_folder_is_where_the_system_has_its_own(
    tmp_path, monkeypatch, system, variables, place
):
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    for name, value in variables.items():
        monkeypatch.setenv(name, str(tmp_path / value))
    monkeypatch.setattr(sys, "platform", system)
    assert cache_folder() == tmp_path / place / "nst_numpy"


def test_an_unknown_home_or_a_relative_folder_is_none(monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache_folder() is None
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.delenv("LOCALAPPDATA", raising=False)

    def unknown(path):
        raise RuntimeError("no home")

    monkeypatch.setattr(Path, "expanduser", unknown)
    assert cache_folder() is None


def test_the_tests_do_not_write_into_the_home():
    code = "from nst_numpy.weights.digests import cache_folder; print(cache_folder())"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True
    )
    assert done.stdout.strip() == str(cache_folder())
    assert Path.home() not in cache_folder().parents
