import json
import os
import signal
from pathlib import Path

import numpy as np
import pytest

from nst_numpy.cli.parts import picture_files
from nst_numpy.errors import OutputError
from nst_numpy.pictures.images import load_image, save_image
from nst_numpy.pictures.samples import sample_path
from nst_numpy.style_transfer import Run
from nst_numpy.vgg import VGG
from tests.cli.conftest import QUICK, nst, one_line

NAMES = ["chelsea", "coffee", "horse"]
WORDS = ["transfer", "photos", "starry_night", "-o", "painted", *QUICK, "--threads", "1"]


@pytest.fixture(autouse=True)
def photos(loaded):
    """Three small photographs in a folder."""
    Path("photos").mkdir()
    for name in NAMES:
        save_image(f"photos/{name}.jpg", load_image(sample_path(name), 40))


@pytest.fixture
def runs(monkeypatch):
    """Count the runs; raise Ctrl-C in the one that is asked for."""
    go, done = Run.go, {"count": 0, "stop": 0}

    def counted(self, callbacks=(), **options):
        done["count"] += 1
        stops = done["count"] == done["stop"]
        stop = [lambda progress: signal.raise_signal(signal.SIGINT)] if stops else []
        return go(self, [*callbacks, *stop], **options)

    monkeypatch.setattr(Run, "go", counted)
    return done


def test_a_folder_is_painted_each_as_alone(capsys, monkeypatch):
    loads = []
    load = VGG.load
    monkeypatch.setattr(VGG, "load", lambda *a, **b: loads.append(a) or load(*a, **b))
    assert nst(*WORDS) == 0
    out, err = capsys.readouterr()
    assert out == "painted\n"
    assert err.startswith("3 photographs: about ")
    assert len(loads) == 1
    assert sorted(os.listdir("painted")) == [*(f"{name}.png" for name in NAMES), "pictures.json"]
    assert nst("transfer", "photos/horse.jpg", *WORDS[2:4], "alone.png", *WORDS[5:]) == 0
    np.testing.assert_array_equal(load_image("painted/horse.png"), load_image("alone.png"))
    entry = json.loads(Path("painted/pictures.json").read_text("utf-8"))["pictures"]["horse.png"]
    assert entry["about"]["content"] == str(Path("photos/horse.jpg"))
    assert entry["about"]["settings"]["size"] == 32


def test_what_is_finished_is_skipped_unless_something_is_another(capsys, runs):
    assert nst(*WORDS) == 0
    assert runs["count"] == 3
    capsys.readouterr()
    assert nst(*WORDS) == 0
    assert "3 photographs, 3 painted already with these settings\n" in capsys.readouterr().err
    assert runs["count"] == 3
    Path("painted/coffee.png").unlink()
    save_image("photos/horse.jpg", load_image(sample_path("chenonceau"), 40))
    assert nst(*WORDS, "--quiet") == 0
    assert runs["count"] == 5
    assert nst(*WORDS, "--strength", "60") == 0
    assert runs["count"] == 8


def test_a_pattern_takes_some(capsys):
    assert nst("transfer", "photos/c*.jpg", *WORDS[2:], "--quiet") == 0
    assert capsys.readouterr() == ("", "")
    assert sorted(os.listdir("painted")) == ["chelsea.png", "coffee.png", "pictures.json"]


def test_what_cannot_be_read_is_named_and_the_others_are_painted(capsys):
    Path("photos/bad.jpg").write_text("no picture", "utf-8")
    assert nst(*WORDS) == 1
    err = capsys.readouterr().err
    assert err.startswith("4 photographs, 1 cannot be painted: about ")
    last = err.splitlines()[-1]
    assert last.startswith("nst: ")
    assert last.count(str(Path("photos/bad.jpg"))) == 1
    assert len(os.listdir("painted")) == 4
    assert nst(*WORDS, "--quiet") == 1
    assert one_line(capsys) == last


def test_ctrl_c_keeps_what_is_finished_and_the_picture_so_far(capsys, runs):
    runs["stop"] = 2
    assert nst(*WORDS) == 130
    err = capsys.readouterr().err
    assert "stopped: 1 of 3 are painted; the same command goes on from there\n" in err
    assert "Traceback" not in err
    assert sorted(os.listdir("painted")) == ["chelsea.png", "coffee.png", "pictures.json"]
    assert nst(*WORDS) == 0
    assert runs["count"] == 4  # the one that was stopped, and the last


def test_a_disk_that_is_full_ends_the_work_and_loses_nothing(capsys, monkeypatch, runs):
    def full(path, image, **options):
        if "painted" in str(path):
            raise OutputError("painted is full")
        save_image(path, image, **options)

    monkeypatch.setattr(picture_files, "save_image", full)
    assert nst(*WORDS, "--quiet") == 2
    assert "it is kept as" in one_line(capsys)
    assert Path("chelsea-kept.png").exists()
    assert runs["count"] == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["photos", "starry_night", "-o", "photos"], "is the folder of the photographs"),
        (["photos", "starry_night", "-o", "all.png"], "all.png is a picture, and photos stands"),
        (["photos", "starry_night", "-o", "file"], "file cannot be a folder"),
        (["photos/*.gif", "starry_night", "-o", "out"], "no picture matches photos/*.gif"),
        (["empty", "starry_night", "-o", "out"], "the folder empty has no picture in it"),
        (["twice", "starry_night", "-o", "out"], "would both become a.png: rename one of them"),
        (["photos", "stary_night", "-o", "out"], "did you mean starry_night?"),
        (["photos", "out/horse.png", "-o", "out"], "is read by this command"),
        (["photos", "starry_night", "-o", "out", "--size", "3"], "size must be at least 16"),
        (["photos", "starry_night", "-o", "out", "--report", "r.html"], "--report is of one"),
        (["photos", "starry_night", "-o", "out", "--save-run", "r"], "--save-run is of one"),
    ],
)
def test_what_cannot_work_is_one_line_before_the_work(capsys, no_work, words, message):
    Path("file").write_text("", "utf-8")
    for folder in ("empty", "twice", "out"):
        Path(folder).mkdir()
    for name in ("twice/a.jpg", "twice/a.png", "out/horse.png"):
        save_image(name, np.zeros((20, 20, 3), dtype=np.uint8))
    assert nst("transfer", *words) == 2
    assert message in one_line(capsys)


def test_a_layer_that_there_is_not_is_one_line(capsys):
    assert nst(*WORDS, "--style-layers", "relu9_1", "--quiet") == 2
    assert "unknown layer 'relu9_1'" in one_line(capsys)


def test_a_painting_that_cannot_be_read_is_one_line(capsys):
    Path("torn.jpg").write_text("no picture", "utf-8")
    assert nst("transfer", "photos", "torn.jpg", *WORDS[3:], "--quiet") == 2
    assert "torn.jpg" in one_line(capsys)
