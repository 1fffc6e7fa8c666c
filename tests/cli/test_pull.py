import json
from pathlib import Path

import numpy as np
import pytest

from nst_numpy.objective import Objective
from nst_numpy.pictures.images import save_image
from nst_numpy.pictures.samples import sample_path
from nst_numpy.settings import BETA_PER_PIXEL
from nst_numpy.style_transfer import Run, Settings
from nst_numpy.vgg import VGG
from tests.cli.conftest import nst

LAYERS = ["--content-layers", "relu2_1", "--style-layers", "relu1_1,relu2_1=0.5"]


@pytest.fixture
def tiny_network(monkeypatch):
    vgg = VGG.random((4, 6), np.random.default_rng(3), dtype=np.float32)
    monkeypatch.setattr(VGG, "load", classmethod(lambda cls, *args, **options: vgg))


def test_the_command_prints_draws_and_writes(tiny_network, capsys):
    words = ["pull", "chelsea", "starry_night", "--size", "32", *LAYERS, "--tv-weight", "0.1"]
    save_image("now.png", np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8))
    assert nst(*words, "--image", "now.png", "-o", "pull.png", "--json", "pull.json") == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0].split()[0] == "term"
    assert [line.split()[0] for line in out[1:6]] == [
        "style/relu1_1", "content/relu2_1", "style/relu2_1", "tv", "J",
    ]  # fmt: skip
    assert out[-1] == "pull.png"
    assert Path("pull.png").stat().st_size > 1000
    numbers = json.loads(Path("pull.json").read_text(encoding="utf-8"))
    terms = numbers["terms"].values()
    assert sum(term["loss"] for term in terms) == pytest.approx(numbers["loss"])
    assert sum(term["share"] for term in terms) == pytest.approx(1)
    assert numbers["image"] == "now.png"


def test_the_command_starts_from_content_with_the_beta_of_transfer(tiny_network, monkeypatch):
    betas = []
    init = Objective.__init__

    def spy(self, vgg, content_x, style_x, **options):
        betas.append((options["beta"], content_x.shape[1] * content_x.shape[2]))
        init(self, vgg, content_x, style_x, **options)

    monkeypatch.setattr(Objective, "__init__", spy)
    words = ["pull", "chelsea", "starry_night", "--size", "32", *LAYERS, "-o", "p.svg"]
    assert nst(*words, "--json", "p.json") == 0
    assert betas[0][0] == pytest.approx(BETA_PER_PIXEL * betas[0][1])
    numbers = json.loads(Path("p.json").read_text(encoding="utf-8"))
    assert numbers["terms"]["content/relu2_1"]["direction"] == "none"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["--size", "8"], "size must be at least 16 pixels, not 8"),
        (["--style-layers", "relu1_9"], "unknown layer 'relu1_9'"),
        (["--alpha", "-1"], "alpha must be a finite number of at least 0"),
        (["--image", "missing.png"], "there is no file missing.png"),
        (["-o", "pull.doc"], "pull.doc: a figure is written as .png"),
        (["-o", "missing/pull.png"], "the folder missing does not exist"),
        (["--json", "pull.png"], "pull.png cannot hold both the figure and the JSON"),
    ],
)
def test_bad_input_is_one_line_and_code_2(tiny_network, capsys, changes, message):
    words = ["pull", "chelsea", "starry_night", "-o", "pull.png", "--size", "32", *LAYERS, *changes]
    assert nst(*words) == 2
    err = capsys.readouterr().err
    assert err.startswith(f"nst: {message}")
    assert len(err.splitlines()) == 1
    assert not list(Path().iterdir())


def test_the_command_has_the_terms_that_a_run_lowers(tiny_network):
    words = ["--size", "36", *LAYERS, "--beta", "2", "--tv-weight", "3"]
    assert nst("pull", "chelsea", "starry_night", *words, "-o", "p.svg", "--json", "p.json") == 0
    numbers = json.loads(Path("p.json").read_text(encoding="utf-8"))
    settings = Settings(
        size=36, margin=0, beta=2.0, tv_weight=3.0, content_layers={"relu2_1": 1.0},
        style_layers={"relu1_1": 1.0, "relu2_1": 0.5},
    )  # fmt: skip
    run = Run(settings, VGG.load(), sample_path("chelsea"), sample_path("starry_night"))
    objective = run.objective(0)
    assert numbers["loss"] == pytest.approx(objective(run.x(run.content, 0))[0])
    terms = {term: row["loss"] for term, row in numbers["terms"].items()}
    assert terms == pytest.approx(objective.terms)
