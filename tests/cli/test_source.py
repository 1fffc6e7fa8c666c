import json
import os
from pathlib import Path

import pytest

from nst_numpy.pictures.images import load_image
from nst_numpy.runs.saved import load_run
from tests.cli.conftest import DESCENT, QUICK, assert_stopped, nst, one_line

WORDS = ["transfer", "chelsea", "starry_night", *QUICK, "-o", "painted.png"]
NEIGHBOURS = ["--style-loss", "neighbours", "--save-run", "run"]


@pytest.fixture
def saved(loaded, capsys):
    assert nst(*WORDS, *NEIGHBOURS, "--quiet") == 0
    capsys.readouterr()


def test_a_run_is_saved_and_its_page_made(saved, capsys):
    assert sorted(os.listdir()) == ["painted.png", "run"]
    assert sorted(os.listdir("run")) == [
        "content.png", "result.png", "run.json", "source.npz", "style.png",
    ]  # fmt: skip
    assert (load_image("run/result.png") == load_image("painted.png")).all()
    assert nst("source", "run", "-o", "source.html", "--json", "source.json") == 0
    out, err = capsys.readouterr()
    assert err == ""
    source = load_run("run").source
    assert out.startswith(
        f"{100 * source.share:.1f} % of the painting is used; J_style {source.loss:.4f}\n"
    )
    assert out.endswith("\nsource.html\n")
    assert "Where chelsea comes from in starry_night" in Path("source.html").read_text("utf-8")
    numbers = json.loads(Path("source.json").read_text("utf-8"))
    assert numbers["rows"] == source.rows.tolist()
    assert numbers["cols"] == source.cols.tolist()
    assert numbers["most_used"][0]["times"] == source.uses.max()


@pytest.mark.parametrize("name", ["source.png", "source.svg", "source.pdf"])
def test_a_figure(saved, name):
    assert nst("source", "run", "-o", name, "--arrows", "3") == 0
    assert Path(name).stat().st_size > 5000


def test_the_record_in_the_folder_is_that_of_json(loaded):
    assert nst(*WORDS, *NEIGHBOURS, "--quiet", "--json", "run.json") == 0
    record = json.loads(Path("run.json").read_text("utf-8"))
    saved_record = json.loads(Path("run/run.json").read_text("utf-8"))
    files = saved_record.pop("files")
    assert saved_record == record
    assert files == ["result.png", "content.png", "style.png", "source.npz"]
    assert record["settings"]["style_loss"] == "neighbours"


def test_ctrl_c_saves_the_run_so_far(capsys, loaded, interrupted):
    code = nst(*WORDS, *DESCENT, *NEIGHBOURS, "--json", "o.json")
    assert_stopped(code, capsys, "painted.png", "o.json")
    assert nst("source", "run", "-o", "source.html") == 0


# what is refused


def test_a_run_without_neighbours_has_no_source(loaded, capsys):
    assert nst(*WORDS, "--save-run", "run", "--quiet") == 0
    assert sorted(os.listdir("run")) == ["content.png", "result.png", "run.json", "style.png"]
    assert nst("source", "run", "-o", "source.html") == 2
    assert one_line(capsys) == (
        "nst: run has no source map, since its run had the style loss gram: "
        "run nst transfer with --style-loss neighbours and --save-run"
    )
    assert not Path("source.html").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["missing", "-o", "s.html"], "missing is not the folder of a run: there is no run.json"),
        (["empty", "-o", "s.html"], "empty is not the folder of a run"),
        (["empty", "-o", "s.doc"], "s.doc: a figure is written as .png, .jpg, .svg or .pdf, a"),
        (["empty", "-o", "no/s.html"], "the folder no does not exist"),
        (["empty", "-o", "s.html", "--json", "s.html"], "s.html cannot hold both the picture and"),
        (["empty", "-o", "empty/result.png"], "is read by this command: choose another name"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line(capsys, words, message):
    Path("empty").mkdir()
    assert nst("source", *words) == 2
    assert message in one_line(capsys)
    assert os.listdir() == ["empty"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--save-run", "file"], "file cannot be a folder"),
        (["--style-loss", "gram", "--init", "run/result.png", "--save-run", "run"],
         "run/result.png is read by this command: choose another folder to write to"),
        (["--style-loss", "neighbours", "--layers", "own.py"],
         "style_loss 'neighbours' cannot be used with losses of your own"),
    ],
)  # fmt: skip
def test_what_transfer_says(loaded, capsys, words, message):
    Path("file").write_text("", "utf-8")
    Path("own.py").write_text(
        "def content_loss(a, target):\n    return ((a - target) ** 2).sum() / 2, a - target\n",
        "utf-8",
    )
    if "run" in words:
        assert nst(*WORDS, "--save-run", "run", "--quiet") == 0
    capsys.readouterr()
    assert nst(*WORDS, *words) == 2
    assert message in one_line(capsys)


def test_a_misspelt_style_loss(capsys, no_work):
    assert nst(*WORDS, "--style-loss", "grams") == 2
    assert "invalid choice: 'grams'" in capsys.readouterr().err


def test_pull_knows_them_too(loaded, capsys):
    words = ["pull", "chelsea", "starry_night", "--size", "48", "-o", "pull.png"]
    layers = ["--content-layers", "relu2_2", "--style-layers", "relu1_1,relu2_1"]
    for kind, term in (("wasserstein", "style/relu2_1"), ("neighbours", "style/neighbours")):
        assert nst(*words, *layers, "--style-loss", kind) == 0
        assert term in capsys.readouterr().out
