import os
import subprocess
import sys

import pytest

from nst_numpy.cli.parts.claims import claimed_file, claimed_folder
from nst_numpy.errors import OutputError
from nst_numpy.files import name_beside
from tests import posix

HOLD = """
import sys, time
from pathlib import Path
from nst_numpy.cli.parts.claims import claimed_file
with claimed_file(Path(sys.argv[1])):
    print("here", flush=True)
    time.sleep(600)
"""


@pytest.fixture(params=[claimed_file, claimed_folder])
def claimed(request):
    return request.param


def test_a_second_run_is_refused_until_the_first_has_ended(tmp_path, claimed):
    message = r"another run is writing .*: wait for its end, or choose another name"
    with claimed(tmp_path), pytest.raises(OutputError, match=message):
        claimed(tmp_path).__enter__()
    with claimed(tmp_path):
        pass


def test_nothing_is_left(tmp_path):
    (tmp_path / "folder").mkdir()
    with claimed_file(tmp_path / "a.png"), claimed_folder(tmp_path / "folder"):
        assert len(list(tmp_path.iterdir())) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]
    assert list((tmp_path / "folder").iterdir()) == []


def test_other_names_in_the_same_folder_are_free(tmp_path):
    with claimed_file(tmp_path / "a.png"), claimed_file(tmp_path / "b.png"):
        pass


@posix
def test_a_link_and_what_it_leads_to_are_one(tmp_path):
    (tmp_path / "a.png").touch()
    (tmp_path / "link.png").symlink_to(tmp_path / "a.png")
    with claimed_file(tmp_path / "a.png"), pytest.raises(OutputError, match="another run"):
        claimed_file(tmp_path / "link.png").__enter__()


@posix
def test_the_claim_of_a_process_that_was_killed_is_gone(tmp_path):
    path = tmp_path / "a.png"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, encoding="utf-8"
    ) as process:
        assert process.stdout.readline() == "here\n"
        with pytest.raises(OutputError, match="another run"):
            claimed_file(path).__enter__()
        process.kill()
    assert os.listdir(tmp_path) == [f"{name_beside(path)}.lock"]
    with claimed_file(path):
        pass
    assert os.listdir(tmp_path) == []


def test_what_a_killed_run_left_is_removed(tmp_path):
    mine, others = name_beside(tmp_path / "a.png"), name_beside(tmp_path / "b.png")
    left = [f"{mine}-0123456789ab.png", f"{others}-0123456789ab.png", ".nst-notes-of-mine"]
    for name in left:
        (tmp_path / name).touch()
    with claimed_file(tmp_path / "a.png"):
        assert not (tmp_path / left[0]).exists()
    assert sorted(os.listdir(tmp_path)) == sorted(left[1:])
    with claimed_folder(tmp_path):
        pass
    assert os.listdir(tmp_path) == [left[2]]
