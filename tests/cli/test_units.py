import json
import os

import numpy as np
import pytest

from nst_numpy.cli import units as units_command
from nst_numpy.look import TopPatches, top_patches
from nst_numpy.look import units as units_module
from nst_numpy.optimize import LEARNING_RATES
from nst_numpy.pictures.images import load_image, save_image
from nst_numpy.vgg import VGG
from tests.cli.conftest import nst, one_line


@pytest.fixture(autouse=True)
def small_network(monkeypatch):
    """Stand a small random network in for the bundled one."""
    rng = np.random.default_rng(0)
    params = VGG.random((3, 12), rng, dtype=np.float32).params
    monkeypatch.setattr(VGG, "load", lambda path=None, pool="avg", quiet=False: VGG(params, pool))


@pytest.fixture(autouse=True)
def photos(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(1)
    (tmp_path / "photos").mkdir()
    for i in range(4):
        save_image(f"photos/{i}.png", rng.integers(0, 256, (14, 16 + i, 3), dtype=np.uint8))
    return tmp_path / "photos"


def read(path):
    with open(path, encoding="utf-8") as file:
        return TopPatches.from_json(json.load(file))


def test_units_writes_a_sheet_and_the_results(capsys):
    words = ("--photos", "photos", "-k", "3", "--json", "out.json", "-o", "sheet.png")
    assert nst("units", "relu2_1", *words) == 0
    vgg = VGG.load(pool="max")
    assert read("out.json") == top_patches(vgg, "photos", {"relu2_1": range(9)}, 3)
    assert load_image("sheet.png").shape[0] > 300
    out, err = capsys.readouterr()
    assert out == "out.json\nsheet.png\n"
    assert "4/4" in err


def test_options_reach_the_scan():
    words = ("--photos", "photos", "--channels", "0-1,2", "--size", "20", "--several-per-picture")
    words += ("--pool", "avg", "--quiet", "--json", "out.json")
    assert nst("units", "relu1_1,conv2_1", *words) == 0
    expected = top_patches(
        VGG.load(pool="avg"), "photos", {"relu1_1": [0, 1, 2], "conv2_1": [0, 1, 2]},
        size=20, one_per_picture=False,
    )  # fmt: skip
    assert read("out.json") == expected


def test_the_photos_that_come_along_are_the_default(monkeypatch, photos):
    monkeypatch.setattr(units_command, "photo_paths", lambda: sorted(photos.iterdir())[:2])
    assert nst("units", "relu2_1", "--quiet", "--json", "out.json") == 0
    assert len(read("out.json").pictures) == 2


def test_all_layers_and_channels_make_a_sheet_each(capsys):
    assert nst("units", "all", "--channels", "all", "--photos", "photos", "--json", "all.json") == 0
    assert read("all.json").channels == {"relu1_1": (0, 1, 2), "relu2_1": tuple(range(12))}
    words = ("--channels", "0-2", "--merge", "all.json", "-o", "sheet.jpg", "--drive", "guided")
    capsys.readouterr()
    assert nst("units", "all", *words) == 0
    assert capsys.readouterr() == ("sheet-relu1_1.jpg\nsheet-relu2_1.jpg\n", "")
    assert load_image("sheet-relu1_1.jpg").shape[1] > 1000


def test_a_scan_can_be_split_and_merged(photos):
    common = ("units", "relu2_1", "--quiet", "-k", "2")
    assert nst(*common, "--photos", "photos", "--json", "whole.json") == 0
    os.mkdir("other")
    for name in ("2.png", "3.png"):
        os.rename(photos / name, f"other/{name}")
    assert nst(*common, "--photos", "photos", "--json", "a.json") == 0
    assert nst(*common, "--photos", "other", "--json", "b.json") == 0
    assert nst(*common, "--merge", "a.json", "b.json", "--json", "ab.json") == 0
    assert nst(*common, "--merge", "a.json", "--photos", "other", "--json", "ab2.json") == 0
    assert read("ab.json") == read("ab2.json")
    values = [patch.value for patch in read("ab.json").best("relu2_1", 4)]
    assert values == [patch.value for patch in read("whole.json").best("relu2_1", 4)]


def test_ctrl_c_writes_what_was_found(monkeypatch):
    real = units_module._scan

    def scan(vgg, path, *more):
        if path.endswith("2.png"):
            raise KeyboardInterrupt
        return real(vgg, path, *more)

    monkeypatch.setattr(units_module, "_scan", scan)
    words = ("units", "relu2_1", "--quiet", "--json", "out.json", "--photos", "photos")
    assert nst(*words) == 130
    assert len(read("out.json").pictures) == 2
    monkeypatch.undo()


def test_skipped_pictures_are_named(capsys, photos):
    (photos / "1.png").write_bytes(b"no picture")
    assert nst("units", "relu2_1", "--photos", "photos", "--json", "out.json") == 0
    path = photos.name + os.sep + "1.png"
    assert f"skipped {path}: {path} is not a picture" in capsys.readouterr().err


def test_dream_writes_a_picture(capsys):
    assert nst("dream", "relu2_1", "7", "--size", "16", "--iterations", "3", "-o", "d.png") == 0
    assert load_image("d.png").shape == (16, 16, 3)
    out, err = capsys.readouterr()
    assert out == "d.png\n"
    assert "3/3" in err
    words = ("--size", "16", "--iterations", "3", "--quiet", "--position", "1", "2")
    assert nst("dream", "relu2_1", "7", *words, "-o", "e.png") == 0
    assert (load_image("d.png") != load_image("e.png")).any()
    assert capsys.readouterr() == ("", "")


def test_a_dream_that_diverges_ends_with_exit_code_1(monkeypatch, capsys):
    monkeypatch.setitem(LEARNING_RATES, "adam", 1e6)
    words = ("--size", "16", "--iterations", "3", "--optimizer", "adam", "--quiet")
    assert nst("dream", "relu2_1", "7", *words, "-o", "d.png") == 1
    assert one_line(capsys).startswith("nst: J rose from ")
    assert load_image("d.png").std() < 20  # the noise of the start, around grey


SHEET = ("-o", "sheet.png")
PHOTOS = ("--photos", "photos")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("units", "relu2_1", *PHOTOS), "name what to write"),
        (("units", "relu9_1", *PHOTOS, *SHEET), "unknown layer 'relu9_1'"),
        (("units", "relu2_1", "--channels", "12", *PHOTOS, *SHEET), "channels 0 to 11, not 12"),
        (("units", "relu2_1", "--channels", "all", *PHOTOS, *SHEET), "a sheet has room for 81"),
        (("units", "relu2_1", "--photos", "empty", *SHEET), "folder empty has no picture in it"),
        (("units", "relu2_1", "--photos", "missing", *SHEET), "missing is not a folder"),
        (("units", "relu2_1", "--photos", "bad", *SHEET), "none of the 1 pictures could be"),
        (("units", "relu2_1", *PHOTOS, "-o", "sheet.doc"), "sheet.doc: a figure is written as"),
        (("units", "relu2_1", *PHOTOS, "-o", "a.png", "--json", "a.png"), "name two files"),
        (("units", "relu2_1", *PHOTOS, "--json", "no/a.json"), "the folder no does not exist"),
        (("units", "relu2_1", "--merge", "missing.json", *SHEET), "missing.json cannot be read"),
        (("units", "relu2_1", "--merge", "bad/0.png", *SHEET), "0.png cannot be read"),
        (("units", "relu1_1", "--merge", "scan.json", *SHEET), "relu1_1 was not scanned"),
        (("units", "relu2_1", "--channels", "1", "--merge", "scan.json", *SHEET), "channel 1 of"),
        (("units", "relu2_1", "--channels", "0", "--merge", "scan.json", "--photos", "photos",
          "--pool", "avg", *SHEET), "different pool"),
        (("dream", "relu9_1", "0", *SHEET), "unknown layer 'relu9_1'"),
        (("dream", "relu2_1", "12", *SHEET), "relu2_1 has channels 0 to 11, not 12"),
        (("dream", "relu2_1", "0", "--position", "64", "0", *SHEET), "there is no (64, 0)"),
        (("dream", "relu2_1", "0", "-o", "d.doc"), "the suffix .doc names no format"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line_and_exit_code_2(capsys, tmp_path, words, message):
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "0.png").write_bytes(b"no picture")
    top = top_patches(VGG.load(pool="max"), "photos", {"relu2_1": [0]})
    (tmp_path / "scan.json").write_text(json.dumps(top.to_json()), encoding="utf-8")
    assert nst(*words) == 2
    out, err = capsys.readouterr()
    line = err.splitlines()[-1]  # a progress bar may stand above it
    assert out == ""
    assert line.startswith("nst: ")
    assert message in line
    assert "Traceback" not in err
    assert not (tmp_path / "sheet.png").exists()


@pytest.mark.parametrize("text", ["", "a", "3-1", "1,,2", "-4", "1-2-3", "0-99999999"])
def test_channels_that_cannot_be_read(capsys, text):
    assert nst("units", "relu2_1", f"--channels={text}", *SHEET) == 2
    assert "write them as 0-8,17, or all" in capsys.readouterr().err
