import hashlib
import json
import os
import re
import signal
from pathlib import Path

import numpy as np
import pytest

from nst_numpy import scales
from nst_numpy.pictures.images import load_image, save_image
from nst_numpy.pictures.samples import samples
from nst_numpy.presets import preset_settings
from nst_numpy.vgg import VGG
from tests.cli.conftest import (
    DESCENT,
    QUICK,
    assert_stopped,
    bad_files,
    nst,
    one_line,
    python,
    unspaced,
)


def test_transfer_end_to_end(capsys):
    code = nst(
        "transfer", "neuschwanstein", "starry_night", "-o", "painted.png", *QUICK,
        "--json", "run.json", "--snapshot-every", "1", "--threads", "1",
    )  # fmt: skip
    out, err = capsys.readouterr()
    assert code == 0
    assert out == "painted.png\n"
    assert "32×21 pixels, 2 iterations: about " in err
    assert "did the 2 iterations asked for in " in err
    image = load_image("painted.png")
    assert image.shape == (21, 32, 3)

    run = json.loads(Path("run.json").read_text(encoding="utf-8"))
    assert (run["content"], run["style"], run["weights"]) == (
        "neuschwanstein",
        "starry_night",
        "bundled",
    )
    assert run["stopped"] == "did the 2 iterations asked for"
    beta = run["settings"]["beta"]
    assert run["settings"]["strength"] == 50
    assert f"strength 50 made β = {beta:.4g}\n" in err
    assert run["settings"]["content_layers"] == {"relu2_2": 1.0}
    assert run["settings"]["style_layers"] == {"relu1_1": 1.0, "relu2_1": 1.0}
    assert [entry["iteration"] for entry in run["history"]] == [1, 2]
    for entry in run["history"]:
        assert set(entry["terms"]) == {"content/relu2_2", "style/relu1_1", "style/relu2_1"}
        assert sum(entry["terms"].values()) == entry["loss"]
    assert f"loss {run['history'][-1]['loss']:.4g} = " in err

    assert sorted(os.listdir()) == ["painted-snapshots", "painted.png", "run.json"]
    assert sorted(os.listdir("painted-snapshots")) == ["00001.png", "00002.png"]
    np.testing.assert_array_equal(load_image("painted-snapshots/00002.png"), image)


def test_every_option_reaches_the_run(loaded):
    save_image("start.png", np.full((20, 20, 3), 90, dtype=np.uint8))
    code = nst(
        "transfer", "chelsea", "cafe_terrace", "-o", "out.bmp", "--size", "48",
        "--iterations", "1", "--alpha", "2", "--beta", "3", "--tv-weight", "4",
        "--content-layers", "relu2_2=0.25", "--style-layers", "relu1_1=0.5, relu2_1=1.5",
        "--style-loss", "wasserstein", "--style-weights", "2",
        "--init", "start.png", "--seed", "7", "--pool", "max", "--optimizer", "adam",
        "--learning-rate", "0.5", "--patience", "5", "--scales", "2", "--style-size", "40",
        "--margin", "2",
        "--colors", "histogram",
        "--json", "run.json", "--engine", "plain", "--minutes", "5",
        "--memory", "9GB",
        "--snapshot-every", "2", "--snapshot-folder", "deep/er", "--threads", "1", "--quiet",
    )  # fmt: skip
    assert code == 0
    assert json.loads(Path("run.json").read_text(encoding="utf-8"))["settings"] == {
        "size": 48,
        "iterations": 1,
        "strength": None,
        "alpha": 2.0,
        "beta": 3.0,
        "tv_weight": 4.0,
        "content_layers": {"relu2_2": 0.25},
        "style_layers": {"relu1_1": 0.5, "relu2_1": 1.5},
        "style_loss": "wasserstein",
        "convention": "lecture",
        "style_weights": None,
        "init": "start.png",
        "seed": 7,
        "pool": "max",
        "optimizer": "adam",
        "learning_rate": 0.5,
        "patience": 5,
        "scales": 2,
        "style_size": 40,
        "margin": 2,
        "colors": "histogram",
        "engine": "plain",
        "minutes": 5.0,
        "memory": 9_000_000_000,
        "height": 32,
        "width": 48,
    }
    assert os.listdir("deep/er") == ["00002.png"]
    assert load_image("out.bmp").shape == (32, 48, 3)


def test_a_preset_is_in_the_record_beside_what_came_of_it(loaded):
    words = ["--preset", "bold", "--convention", "johnson", "--json", "run.json", "--quiet"]
    assert nst("transfer", "chelsea", "cafe_terrace", "-o", "out.png", *QUICK, *words) == 0
    run = json.loads(Path("run.json").read_text(encoding="utf-8"))
    assert run["preset"] == "bold"
    assert run["settings"]["strength"] == preset_settings("bold")["strength"]
    assert run["settings"]["style_layers"] == {"relu1_1": 1.0, "relu2_1": 1.0}
    assert run["settings"]["convention"] == "johnson"


def test_quiet_prints_nothing(capsys, loaded):
    assert nst("transfer", "chelsea", "starry_night", "-o", "o.png", *QUICK, "--quiet") == 0
    assert capsys.readouterr() == ("", "")
    assert Path("o.png").exists()


def test_the_picture_to_start_from_may_be_a_sample(loaded):
    words = ["transfer", "chelsea", "starry_night", *QUICK, "--quiet", "--iterations", "1"]
    words += ["--optimizer", "gd", "--learning-rate", "0.001", "-o", "o.png", "--init", "coffee"]
    assert nst(*words) == 0
    coffee = next(sample for sample in samples() if sample.name == "coffee").path
    start = load_image(coffee, 32)
    assert np.abs(load_image("o.png").astype(int) - start).mean() < 5


def test_the_weights_file_reaches_the_run_and_its_record(loaded, monkeypatch, real_params):
    asked = []

    def load(path, pool, engine="fused"):
        asked.append((path, pool))
        return VGG(real_params, pool)

    monkeypatch.setattr(VGG, "load", load)
    words = ["transfer", "chelsea", "starry_night", "-o", "o.png", *QUICK, "--quiet"]
    assert nst(*words, "--weights", "mine.h5", "--pool", "max", "--json", "run.json") == 0
    assert asked == [("mine.h5", "max")]
    assert json.loads(Path("run.json").read_text(encoding="utf-8"))["weights"] == "mine.h5"


def test_ctrl_c_writes_the_picture_so_far(capsys, loaded, interrupted):
    words = ["transfer", "chelsea", "starry_night", *QUICK, *DESCENT, "-o", "o.png"]
    code = nst(*words, "--json", "o.json")
    assert_stopped(code, capsys, "o.png", "o.json")


def test_ctrl_c_before_the_first_picture_is_one_line(capsys, monkeypatch):
    def interrupt(*args, **options):
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(VGG, "load", interrupt)
    assert nst("transfer", "chelsea", "starry_night", "-o", "o.png") == 130
    assert one_line(capsys) == "nst: stopped by Ctrl-C"
    assert os.listdir() == []


# bad input


GOOD = {"content": "chelsea", "style": "starry_night", "-o": "out.png"}
BEFORE_THE_WEIGHTS = [
    ({"content": "missing.jpg"}, "there is no file missing.jpg"),
    ({"style": "missing.png"}, "there is no file missing.png"),
    ({"content": "chelsee"}, "unknown file or sample 'chelsee': did you mean chelsea?"),
    ({"content": ""}, "transfer needs CONTENT: give it"),
    (
        {"content": "pictures"},
        "out.png is a picture, and pictures stands for several: name a folder",
    ),
    ({"style": "pictures"}, "'pictures' is a folder: name a picture in it"),
    ({"--init": "nois.png"}, "there is no file nois.png"),
    ({"--init": "nose"}, "unknown file or sample 'nose': did you mean noise or horse?"),
    ({"--init": "contnet"}, "unknown file or sample 'contnet': did you mean content?"),
    ({"--init": "chelsee"}, "unknown file or sample 'chelsee': did you mean chelsea?"),
    ({"-o": "missing/out.png"}, "the folder missing does not exist: make it first"),
    ({"-o": "out.gif"}, "out.gif: the suffix .gif names no format that can be written: use .png"),
    ({"-o": "out"}, "out: a suffix is missing: use .png"),
    ({"-o": "folder.png"}, "folder.png is a folder: add a file name"),
    ({"-o": "text.h5/out.png"}, "text.h5 is not a folder: choose another place"),
    ({"--json": "no/run.json"}, "the folder no does not exist: make it first"),
    ({"--size": "0"}, "size must be at least 16 pixels, not 0"),
    ({"--size": "-5"}, "size must be at least 16 pixels, not -5"),
    ({"--style-size": "0"}, "style_size must be at least 16 pixels, not 0"),
    ({"--iterations": "0"}, "iterations must be at least 1, not 0"),
    ({"--scales": "9"}, "9 scales from size 512 end below 16 pixels"),
    ({"--seed": "-1"}, "seed must be at least 0, not -1"),
    ({"--alpha": "-1"}, "alpha must be a finite number of at least 0, not -1.0"),
    ({"--beta": "nan"}, "beta must be a finite number of at least 0, not nan"),
    ({"--tv-weight": "inf"}, "tv_weight must be a finite number of at least 0, not inf"),
    ({"--style-layers": "relu1_1=-2"}, "the weight of relu1_1 must be a finite number of at least"),
    ({"--learning-rate": "0"}, "learning_rate must be a finite number above 0, not 0.0"),
    ({"--alpha": "0", "--beta": "0"}, "every weight is 0"),
]
AFTER_THE_WEIGHTS = [
    ({"content": "text.png"}, "text.png is not a picture that can be read"),
    ({"style": "empty.jpg"}, "empty.jpg"),
    ({"content": "line.png"}, "the content picture is only 256×2 pixels at the coarsest scale"),
    ({"--style-layers": "relu1_1,relu2_9"}, "unknown layer 'relu2_9': did you mean relu2_"),
    ({"--content-layers": "block4"}, "unknown layer 'block4': choose from conv1_1, "),
    ({"--weights": "missing.h5"}, "there is no file missing.h5"),
    ({"--weights": "text.h5"}, "text.h5 is not an HDF5 file"),
    ({"--weights": "short.h5"}, "short.h5 is damaged or cut short"),
    ({"--weights": "pictures"}, "pictures is a folder, not a file"),
    ({"--snapshot-folder": "snaps"}, "snapshots need both: snapshot_every"),
    ({"--snapshot-every": "2", "--snapshot-folder": "text.h5"}, "text.h5 cannot be a folder"),
]


def transfer_words(changes):
    chosen = GOOD | changes
    words = ["transfer", chosen.pop("content"), chosen.pop("style")]
    # --name=value, since a value such as -1 looks like an option of its own
    words += [f"{k}={v}" if k.startswith("--") else f"{k}{v}" for k, v in chosen.items()]
    return words


def case_name(value):
    if isinstance(value, dict):
        return ",".join(f"{k}={v}" for k, v in value.items())
    return ""


@pytest.mark.parametrize(("changes", "message"), BEFORE_THE_WEIGHTS, ids=case_name)
def test_bad_input_is_one_line_before_the_weights_are_read(capsys, no_work, changes, message):
    bad_files()
    before = sorted(os.listdir())
    assert nst(*transfer_words(changes)) == 2
    assert message in one_line(capsys)
    assert sorted(os.listdir()) == before


@pytest.mark.parametrize(("changes", "message"), AFTER_THE_WEIGHTS, ids=case_name)
def test_bad_input_is_one_line_before_the_run(capsys, loaded, changes, message):
    bad_files()
    before = sorted(os.listdir())
    assert nst(*transfer_words(changes)) == 2
    assert message in one_line(capsys)
    assert sorted(os.listdir()) == before


def test_too_large_a_run_is_one_line(capsys, loaded, monkeypatch):
    monkeypatch.setattr(scales, "available_memory", lambda: 150_000_000)
    assert nst(*transfer_words({})) == 2
    assert re.search(
        r"of memory, in bands of 64 rows, but only 0\.1 GB are free: free some memory, or use a "
        "smaller size", one_line(capsys)
    )  # fmt: skip
    assert nst(*transfer_words({}), "--memory", "20MB") == 2
    words = r"needs at least 0\.\d GB of memory, in bands of 64 rows, but it may take 20 MB"
    assert re.search(words, one_line(capsys))


@pytest.mark.parametrize("option", ["--memory=3 bananas", "--memory=0GB", "--size=20000"])
def test_amounts_and_sizes_that_cannot_be(capsys, loaded, option):
    assert nst("transfer", "chelsea", "starry_night", "-o", "o.png", option) == 2
    assert re.search("is no amount: write it as 3GB|must be at most 16384", one_line(capsys))


def test_a_photograph_that_is_enlarged_is_said_to_be(capsys, loaded):
    for size, said in (("460", True), ("40", False)):
        words = ["-o", "o.png", "--iterations", "1", "--scales", "1", "--beta", "1", *QUICK]
        assert nst("transfer", "chelsea", "starry_night", *words, "--size", size) == 0
        found = "the photograph is enlarged, from 451 pixels to 460\n" in capsys.readouterr().err
        assert found == said


def test_where_there_is_nothing_to_lower_the_record_speaks_of_the_start(capsys, loaded):
    words = ["transfer", "chelsea", "starry_night", "-o", "o.png", "--json", "o.json", *QUICK]
    assert nst(*words, "--beta", "0") == 0
    err = capsys.readouterr().err
    assert "loss 0 = " in err
    assert "there is nothing to lower in " in err
    [entry] = json.loads(Path("o.json").read_text(encoding="utf-8"))["history"]
    assert (entry["iteration"], entry["loss"], entry["width"]) == (0, 0.0, 32)


# layers of one's own

RELU = """
from nst_numpy.layers import max_pool_backward, max_pool_forward
from neighbour_of_layers import maximum

def relu_forward(x):
    return maximum(x, 0), x > 0

def relu_backward(grad_out, mask):
    return grad_out * mask
"""


@pytest.fixture
def own_file():
    """Write a file of layers, and another that it imports, into a folder beside this one."""
    Path("mine").mkdir()
    Path("mine/neighbour_of_layers.py").write_text("from numpy import maximum", "utf-8")
    Path("mine/layers.py").write_text(RELU, "utf-8")
    return Path("mine/layers.py")


def test_layers_of_ones_own_paint_and_are_named_in_the_record(capsys, own_file):
    words = ["transfer", "chelsea", "starry_night", *QUICK, "--json", "o.json"]
    assert nst(*words, "-o", "o.png", "--layers", own_file, "--report", "o.html") == 0
    functions = "relu_forward, relu_backward, max_pool_forward, max_pool_backward"
    assert f"from {own_file}, checked: {functions}\n" in capsys.readouterr().err
    settings = json.loads(Path("o.json").read_text("utf-8"))["settings"]
    sha256 = hashlib.sha256(own_file.read_bytes()).hexdigest()
    assert settings["layers"] == {
        "file": str(own_file), "sha256": sha256, "functions": functions,
    }  # fmt: skip
    assert settings["engine"] == "plain"
    page = unspaced(Path("o.html").read_text("utf-8"))
    assert unspaced(f"file {own_file}, sha256 {sha256}, functions {functions}") in page
    assert re.search(rf"--layers\W*{re.escape(str(own_file))}\W*-oo\.png", page)
    # the same picture as without: the functions are right
    assert nst(*words, "-o", "p.png", "--engine", "plain") == 0
    np.testing.assert_array_equal(load_image("o.png"), load_image("p.png"))
    assert "layers" not in json.loads(Path("o.json").read_text("utf-8"))["settings"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("* mask", "* -mask.astype(float)"), "relu_backward is wrong: The sign is wrong"),
        (("relu_backward", "back"), "defines relu_forward but no relu_backward"),
        (("def relu_forward(x):", "def relu_forward(x)"), "cannot be run: SyntaxError: "),
        (("import maximum", "import minimum"), "cannot be run, line 3: ImportError: "),
    ],
)
def test_wrong_layers_are_one_line_before_the_weights_are_read(
    capsys, no_work, own_file, change, message
):
    own_file.write_text(RELU.replace(*change), "utf-8")
    words = ["transfer", "chelsea", "starry_night", *QUICK, "-o", "o.png", "--json", "o.json"]
    words += ["--report", "o.html", "--snapshot-every", "1", "--layers", own_file]
    assert nst(*words) == 2
    line = one_line(capsys)
    assert line.startswith(f"nst: {own_file}")
    assert message in line
    assert os.listdir() == ["mine"]


def test_a_file_of_layers_that_is_not_there_is_one_line(capsys, no_work):
    assert nst(*transfer_words({}), "--layers", "none.py") == 2
    assert one_line(capsys) == "nst: there is no file none.py"


def test_layers_are_found_from_another_folder(tmp_path, own_file):
    Path("deep/er").mkdir(parents=True)
    words = ["transfer", "chelsea", "starry_night", *QUICK, "--iterations", "1", "-o", "o.png"]
    for path in (tmp_path / own_file, Path("../..") / own_file):
        done = python("-m", "nst_numpy", *words, "--layers", str(path), cwd=tmp_path / "deep/er")
        assert (done.returncode, done.stdout) == (0, "o.png\n"), done.stderr
        assert f"from {path}, checked: relu_forward" in done.stderr
    assert os.listdir("deep/er") == ["o.png"]


def test_after_the_cost_a_slow_run_is_told_a_size_that_is_quick(
    capsys, loaded, own_file, monkeypatch
):
    monkeypatch.setattr("nst_numpy.scales.measure_seconds_a_pixel", lambda *_: 1.0)
    assert nst("transfer", "chelsea", "starry_night", "-o", "o.png", *QUICK,
               "--layers", own_file) == 0  # fmt: skip
    assert "--size 16 would take about " in capsys.readouterr().err


def test_what_reading_took_is_told_as_well(loaded, capsys, monkeypatch):
    monkeypatch.setattr("nst_numpy.cli.transfer.peak_memory", lambda: 7_654_000_000)
    assert nst("transfer", "chelsea", "starry_night", "-o", "a.png", *QUICK) == 0
    assert " and 7654 MB of memory (" in capsys.readouterr().err


# several paintings, and masks


def save_masks():
    left = np.zeros((21, 32, 3), np.uint8)
    left[:, :16] = 255
    save_image("left.png", left)
    save_image("top.png", np.ascontiguousarray(left.transpose(1, 0, 2)))


@pytest.mark.filterwarnings("default")
def test_several_paintings_with_masks(loaded, capsys):
    save_masks()
    words = ["transfer", "neuschwanstein", "starry_night", "cafe_terrace"]
    save_image("wide.png", load_image("left.png", 64))
    words += ["--content-mask", "left.png", "--content-mask", "not:wide.png"]
    words += ["--style-mask", "whole", "--style-mask", "top.png"]
    words += ["--style-weights", "0.7,0.3", "--style-size", "40,30", *QUICK]
    assert nst(*words, "-o", "o.png", "--json", "run.json", "--report", "r.html") == 0
    err = capsys.readouterr().err
    assert (
        "nst: the mask top.png has other proportions than the painting, and is stretched: " in err
    )
    assert "the mask not:wide.png is 64×42: resized to the photograph's 32×21\n" in err
    run = json.loads(Path("run.json").read_text(encoding="utf-8"))
    assert run["style"] == ["starry_night", "cafe_terrace"]
    assert run["settings"]["masks"] == [["left.png", None], ["not:wide.png", "top.png"]]
    assert run["settings"]["style_weights"] == [0.7, 0.3]
    assert run["settings"]["style_size"] == [40, 30]
    assert {name for name in run["history"][-1]["terms"] if name.startswith("style/")} == {
        "style/1/relu1_1", "style/1/relu2_1", "style/2/relu1_1", "style/2/relu2_1",
    }  # fmt: skip
    page = Path("r.html").read_text(encoding="utf-8")
    assert "neuschwanstein in the style of starry_night and cafe_terrace" in page
    command = re.search(r"nst transfer [^<]*", page).group()
    for part in (
        "neuschwanstein starry_night cafe_terrace", "--content-mask left.png",
        "--content-mask not:wide.png", "--style-mask whole", "--style-mask top.png",
        "--style-weights 0.7,0.3", "--style-size 40,30",
    ):  # fmt: skip
        assert part in command


def test_save_run_keeps_every_painting(loaded, capsys):
    words = ["transfer", "chelsea", "starry_night", "cafe_terrace", *QUICK, "-o", "o.png"]
    words += ["--quiet", "--style-loss", "neighbours", "--save-run", "run"]
    assert nst(*words) == 0
    names = {"content.png", "result.png", "run.json", "source.npz", "style.png", "style_2.png"}
    assert {*os.listdir("run")} == names
    capsys.readouterr()
    assert nst("source", "run", "-o", "s.html", "--json", "s.json") == 0
    assert "painting  row  column  times used" in capsys.readouterr().out
    found = json.loads(Path("s.json").read_text("utf-8"))
    assert {number for row in found["number"] for number in row} <= {1, 2}
    assert [panel["number"] for panel in found["paintings"]] == [1, 2]
    assert "most like" in Path("s.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["horse", "coffee", "--content-mask", "left.png"],
         "there are 2 STYLE and 1 --content-mask: give one for each, whole where there is no mask"),
        (["horse", "--style-mask", "left.png", "--style-mask", "whole"],
         "there are 1 STYLE and 2 --style-mask: give one for each"),
        (["horse", "--content-mask", "no.png"], "there is no file no.png"),
        (["horse", "--content-mask", "not:no.png"], "there is no file no.png"),
        (["horse", "--content-mask", "black.png"], "the mask black.png is black everywhere"),
        (["horse", "--content-mask", "chelsea"], "the mask chelsea has colours"),
        (["horse", "--style-weights", "1,2"], "style_weights has 2 numbers for 1 painting: give"),
        (["horse", "coffee", "--style-weights", "0,0"], "style_weights add up to 0"),
        (["horse", "coffee", "--style-weights", "-1,2"], "a style weight must be a finite number"),
        (["horse", "coffee", "--style-size", "32,8"], "style_size must be at least 16 pixels"),
    ],
)  # fmt: skip
def test_paintings_and_masks_that_do_not_fit(capsys, loaded, words, message):
    save_masks()
    save_image("black.png", np.zeros((4, 4, 3), np.uint8))
    words = [word.replace("--style-weights", "--style-weights=") for word in words]
    joined = " ".join(words).replace("= ", "=").split()
    assert nst("transfer", "chelsea", *joined, *QUICK, "-o", "o.png") == 2
    assert message in one_line(capsys)
    assert not Path("o.png").exists()


def test_the_picture_cannot_take_the_place_of_a_mask(capsys, no_work):
    save_masks()
    words = ["transfer", "chelsea", "horse", "--content-mask", "not:left.png", "-o", "left.png"]
    assert nst(*words) == 2
    assert "left.png is read by this command" in one_line(capsys)
