import errno
import json
import os
import re
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from nst_numpy.course.assignment import load_assignment, load_assignments
from nst_numpy.course.submission import find_submissions
from nst_numpy.errors import CourseError, ImageError, NstError, OutputError
from nst_numpy.files import (
    atomic_write,
    check_folder,
    check_output,
    expand_input,
    is_same_file,
    name_beside,
    remove_leftovers,
    write_json,
)
from nst_numpy.gradcheck.loading import load_pair
from nst_numpy.own_layers import load_own
from nst_numpy.pictures.images import load_image
from nst_numpy.pictures.samples import picture_files, resolve_picture
from tests import posix


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    return tmp_path


@pytest.fixture
def umask():
    old = os.umask(0o027)
    yield 0o027
    os.umask(old)


def refuse(*_args, **_kwargs):
    raise OSError(errno.EROFS, os.strerror(errno.EROFS))


def mode(path):
    return path.stat().st_mode & 0o777


def test_check_output_returns_the_path_and_leaves_nothing(tmp_path):
    assert check_output(str(tmp_path / "a.png")) == tmp_path / "a.png"
    assert list(tmp_path.iterdir()) == []


def test_check_output_expands_the_home_folder(home):
    assert check_output("~/a.png") == home / "a.png"


def test_check_output_takes_a_bare_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert check_output("a.png") == Path("a.png")


def test_check_output_leaves_an_existing_file_alone(tmp_path):
    (tmp_path / "a.txt").write_text("old", "utf-8")
    check_output(tmp_path / "a.txt")
    assert (tmp_path / "a.txt").read_text("utf-8") == "old"


@pytest.mark.parametrize(
    ("name", "wrong", "message"),
    [
        ("missing/a.png", "missing", "the folder {} does not exist: make it first"),
        ("folder", "folder", "{} is a folder: add a file name"),
        ("file/a.png", "file", "{} is not a folder: choose another place"),
        pytest.param(
            "pipe", "pipe", "{} is not an ordinary file: choose another name", marks=posix
        ),
        pytest.param("link", "missing", "the folder {} does not exist: make it first", marks=posix),
    ],
)
def test_check_output_says_what_is_wrong_and_what_to_do(tmp_path, name, wrong, message):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    if name == "pipe":
        os.mkfifo(tmp_path / "pipe")
    if name == "link":
        (tmp_path / "link").symlink_to(tmp_path / "missing" / "a.png")
    with pytest.raises(OutputError, match=f"^{re.escape(message.format(tmp_path / wrong))}$"):
        check_output(tmp_path / name)


@pytest.mark.parametrize("path", ["", "a\0b"])
def test_check_output_refuses_what_is_no_file_name(path):
    with pytest.raises(OutputError, match="is no file name: give the path of a file"):
        check_output(path)


@pytest.mark.parametrize("path", [None, b"a.png", 3])
def test_what_is_no_path_is_refused_in_one_sentence(path):
    kind = type(path).__name__
    for use in (load_image, partial(expand_input, refuse=CourseError), check_output):
        with pytest.raises(NstError, match=f"a path is a str or a .*Path, not {kind}"):
            use(path)


@posix
@pytest.mark.parametrize("path", ["a" * 5000, "~nobody-here/a"])
def test_what_can_be_no_path_is_refused_by_every_reader(path):
    for refuse in (ImageError, CourseError):
        with pytest.raises(refuse, match=f"^{path} cannot be opened: (File name|the home folder)"):
            expand_input(path, refuse)
    for read in (
        picture_files, resolve_picture, load_own, load_assignment, load_assignments,
        partial(find_submissions, assignments={}), lambda path: load_pair(f"{path}.py:f,g"),
    ):  # fmt: skip
        with pytest.raises(NstError, match=r"cannot be opened: (File name|the home folder)"):
            read(path)


@posix
def test_check_output_refuses_an_unknown_home():
    with pytest.raises(OutputError, match="the home folder of ~nobody-here/a is unknown"):
        check_output("~nobody-here/a")


@posix
def test_check_output_refuses_a_name_that_is_too_long(tmp_path):
    with pytest.raises(OutputError, match=r"cannot be written \(file name too long\)"):
        check_output(tmp_path / ("a" * 300))


def test_check_output_can_protect_what_exists(tmp_path):
    (tmp_path / "a.png").touch()
    with pytest.raises(OutputError, match="exists already: choose another name, or remove it"):
        check_output(tmp_path / "a.png", overwrite=False)
    check_output(tmp_path / "b.png", overwrite=False)


def test_check_output_respects_write_protection(tmp_path, monkeypatch):
    (tmp_path / "a.png").touch()
    monkeypatch.setattr(os, "access", lambda *_: False)  # root is let in otherwise
    with pytest.raises(OutputError, match=r"a\.png is write-protected: choose another name"):
        check_output(tmp_path / "a.png")


def test_check_output_really_tries_the_folder(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    with pytest.raises(OutputError, match=r"cannot be written \(read-only file system\): choose"):
        check_output(tmp_path / "a.png")


def test_check_folder_makes_it_and_those_above(home):
    assert check_folder("~/a/b") == home / "a" / "b"
    assert check_folder(home / "a" / "b").is_dir()  # a second time too


@pytest.mark.parametrize("name", ["file", "file/below"])
def test_check_folder_refuses_a_file_in_its_place(tmp_path, name):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be a folder, because a file is in its place"):
        check_folder(tmp_path / name)


def test_check_folder_really_tries_it(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    with pytest.raises(OutputError, match="read-only file system"):
        check_folder(tmp_path)


def test_atomic_write_shows_the_file_only_when_it_is_complete(tmp_path):
    target = tmp_path / "a.txt"
    with atomic_write(target) as temporary:
        assert temporary.parent == tmp_path
        assert temporary.suffix == ".txt"
        temporary.write_text("new", "utf-8")
        assert not target.exists()
    assert target.read_text("utf-8") == "new"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_atomic_write_keeps_the_old_file_when_the_block_fails(tmp_path, error):
    target = tmp_path / "a.txt"
    target.write_text("old", "utf-8")

    def write_half_of_it():
        with atomic_write(target) as temporary:
            temporary.write_text("half", "utf-8")
            raise error

    with pytest.raises(error):
        write_half_of_it()
    assert target.read_text("utf-8") == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_atomic_write_turns_a_full_disk_into_an_output_error(tmp_path):
    target = tmp_path / "a.txt"
    message = f"^{re.escape(str(target))} cannot be written "
    message += r"\(no space left on device\): choose .* make room$"
    with pytest.raises(OutputError, match=message), atomic_write(target):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_atomic_write_survives_a_disk_that_fails_late(tmp_path, monkeypatch, call):
    target = tmp_path / "a.txt"
    target.write_text("old", "utf-8")
    monkeypatch.setattr(os, call, refuse)
    with pytest.raises(OutputError, match="read-only"), atomic_write(target) as temporary:
        temporary.write_text("new", "utf-8")
    assert target.read_text("utf-8") == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_atomic_write_passes_an_output_error_on_as_it_is(tmp_path):
    with pytest.raises(OutputError, match=r"^said inside$"), atomic_write(tmp_path / "a"):
        raise OutputError("said inside")


def test_atomic_write_checks_the_path_first(tmp_path):
    with pytest.raises(OutputError, match="is a folder"), atomic_write(tmp_path):
        pytest.fail("the block must not run")


@posix
def test_new_files_get_the_permissions_of_open(tmp_path, umask):
    with atomic_write(tmp_path / "a") as temporary:
        temporary.write_text("new", "utf-8")
    assert mode(tmp_path / "a") == 0o666 & ~umask


@posix
def test_replaced_files_keep_their_permissions(tmp_path, umask):
    (tmp_path / "a").touch()
    (tmp_path / "a").chmod(0o604)
    with atomic_write(tmp_path / "a") as temporary:
        temporary.write_text("new", "utf-8")
    assert mode(tmp_path / "a") == 0o604


@posix
def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "link.txt"
    link.symlink_to(tmp_path / "elsewhere" / "a.txt")
    with atomic_write(link) as temporary:
        temporary.write_text("new", "utf-8")
    assert link.is_symlink()
    assert (tmp_path / "elsewhere" / "a.txt").read_text("utf-8") == "new"


@posix
def test_the_longest_name_can_be_written(tmp_path):
    name = "a" * 251 + ".txt"
    with atomic_write(tmp_path / name) as temporary:
        temporary.write_text("new", "utf-8")
    assert (tmp_path / name).read_text("utf-8") == "new"


def test_write_json_by_hand(tmp_path):
    write_json(tmp_path / "a.json", {"name": "Café", "loss": [1.5, 2]})
    expected = '{\n  "name": "Café",\n  "loss": [\n    1.5,\n    2\n  ]\n}\n'
    assert (tmp_path / "a.json").read_bytes() == expected.encode("utf-8")


def test_write_json_keeps_a_file_name_that_is_not_utf8(tmp_path):
    name = "caf\udce9.jpg"  # how Python reads b"caf\xe9.jpg" where names are UTF-8
    write_json(tmp_path / "a.json", [name, "Café"])
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) == [name, "Café"]


@pytest.mark.parametrize(
    ("data", "error"), [(float("nan"), ValueError), (float("inf"), ValueError), (set(), TypeError)]
)
def test_write_json_refuses_what_json_cannot_say(tmp_path, data, error):
    (tmp_path / "a.json").write_text("old", "utf-8")
    with pytest.raises(error, match="not JSON"):
        write_json(tmp_path / "a.json", [data])
    assert (tmp_path / "a.json").read_text("utf-8") == "old"


def test_files_does_not_import_numpy():
    code = "import sys, nst_numpy.files; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@posix
def test_one_file_by_two_names_is_one(tmp_path):
    (tmp_path / "a").touch()
    (tmp_path / "link").symlink_to(tmp_path / "a")
    (tmp_path / "hard").hardlink_to(tmp_path / "a")
    (tmp_path / "folder").symlink_to(tmp_path)
    for other in ("link", "hard", "folder/a", "folder/../" + tmp_path.name + "/a"):
        assert is_same_file(tmp_path / "a", tmp_path / other)
    assert is_same_file(tmp_path / "new", tmp_path / "folder" / "new")
    assert not is_same_file(tmp_path / "a", tmp_path / "new")


KILLED = """
import os, signal, sys
from nst_numpy.files import atomic_write
with atomic_write(sys.argv[1]) as temporary:
    temporary.write_bytes(b"half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


@posix
def test_a_process_that_is_killed_leaves_the_old_file_and_one_that_is_recognised(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old", "utf-8")
    subprocess.run([sys.executable, "-c", KILLED, str(target)], check=False)
    assert target.read_text("utf-8") == "old"
    [left] = set(tmp_path.iterdir()) - {target}
    assert left.name.startswith(name_beside(target))
    remove_leftovers(tmp_path, name_beside(tmp_path / "other.txt"))
    assert left.exists()
    remove_leftovers(tmp_path, name_beside(target))
    assert list(tmp_path.iterdir()) == [target]
