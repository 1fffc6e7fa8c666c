import os
from dataclasses import replace
from pathlib import Path

import pytest

from nst_numpy.pictures.images import load_image, save_image
from nst_numpy.pictures.samples import sample_path
from nst_numpy.runs.record import make_record, read_record
from nst_numpy.settings import Settings
from tests.cli.conftest import QUICK, nst, one_line

WORDS = ["transfer", "chelsea", "starry_night", "-o", "a.png", "--run-folder", "run", "--quiet"]


def test_rerun_paints_the_same(capsys):
    assert nst(*WORDS, *QUICK) == 0
    before = {path: path.read_bytes() for path in Path("run").rglob("*") if path.is_file()}
    assert nst("rerun", "run", "-o", "again.png") == 0
    out, err = capsys.readouterr()
    assert out == "again.png\nthe picture is the same to the bit\n"
    assert "32×21 pixels, 2 iterations" in err
    assert (load_image("again.png") == load_image("a.png")).all()
    assert {path: path.read_bytes() for path in Path("run").rglob("*") if path.is_file()} == before
    assert sorted(os.listdir()) == ["a.png", "again.png", "run"]


@pytest.mark.slow
def test_rerun_repeats_what_was_stopped_as_far_as_it_came(capsys):
    # a millisecond is over after the first iteration
    assert nst(*WORDS, *QUICK, "--minutes", "0.00001") == 0
    assert read_record("run").result["passes"] == [[0, 1]]
    assert read_record("run").result["reason"] == "time"
    capsys.readouterr()
    assert nst("rerun", "run", "--quiet") == 0
    assert capsys.readouterr().out == ""


def test_rerun_says_what_differs(capsys):
    assert nst(*WORDS, *QUICK) == 0
    text = Path("run/run.toml").read_text("utf-8")
    Path("run/run.toml").write_text(text.replace("strength = 50.0", "strength = 60.0"), "utf-8")
    capsys.readouterr()
    assert nst("rerun", "run") == 1
    out = capsys.readouterr().out
    assert out.startswith("the picture is not the same\n\nsettings:\n  beta: ")
    assert "J: style/relu1_1 differs first in layer relu1_1, iteration 1 at 32×21\n" in out


def spoil(how):
    text = Path("run/run.toml").read_text("utf-8")
    if how == "picture":
        save_image("me.png", load_image(sample_path("coffee"), 40))
    elif how == "missing":
        os.unlink("me.png")
    elif how == "unfinished":
        Path("run/run.toml").write_text(text[: text.index("[result]")], "utf-8")
    elif how == "version":
        Path("run/run.toml").write_text(text.replace("format = 1", "format = 9"), "utf-8")
    else:
        os.unlink("run/run.toml")


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("picture", "content of run is not what the run read: put it back, or begin a new run by "
         "nst transfer --config run/run.toml"),
        ("missing", "me.png"),
        ("unfinished", "run has no picture to compare with yet: finish it by nst transfer"),
        ("version", "is of another version of nst_numpy (format 9, not 1)"),
        ("none", "run is not the folder of a run: there is no run.toml in it; make one by nst"),
    ],
)  # fmt: skip
def test_what_cannot_be_repeated_is_one_line(capsys, how, message):
    save_image("me.png", load_image(sample_path("chelsea"), 40))
    record = make_record(Settings(), {"content": "me.png", "style": "starry_night"})
    os.mkdir("run")
    replace(record, result={"image": "0", "passes": []}).write(Path("run/run.toml"))
    spoil(how)
    assert nst("rerun", "run", "-o", "b.png") == 2
    assert message.replace("/", os.sep if "run/" in message else "/") in one_line(capsys)
    assert not os.path.exists("b.png")
