import json
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from nst_numpy.cli import main
from nst_numpy.errors import SettingError, ShapeError
from nst_numpy.figures import pull_figure
from nst_numpy.look import full_gradient, gradient_terms, pull_maps
from nst_numpy.objective import Objective
from nst_numpy.pictures.images import deprocess, save_image
from nst_numpy.style_transfer import BETA_PER_PIXEL
from nst_numpy.vgg import VGG

TINY = VGG.random((4, 6), np.random.default_rng(3))
LAYERS = ["--content-layers", "relu2_1", "--style-layers", "relu1_1,relu2_1=0.5"]


def scene(seed=0, tv_weight=0.02):
    """Make an objective of four terms, and a picture that none of them is content with."""
    rng = np.random.default_rng(seed)
    content, style, x = rng.uniform(-100, 100, (3, 1, 12, 10, 3))
    objective = Objective(
        TINY, content, style, beta=50.0, content_layers={"relu2_1": 1.0},
        style_layers={"relu1_1": 1.0, "relu2_1": 0.5}, tv_weight=tv_weight,
    )  # fmt: skip
    return objective, x


def relative(a, b):
    return np.abs(a - b).max() / np.abs(b).max()


# the terms


def test_the_terms_add_up_to_the_full_gradient():
    objective, x = scene()
    gradients = gradient_terms(objective, x)
    _, grad = objective(x)
    assert list(gradients) == ["style/relu1_1", "content/relu2_1", "style/relu2_1", "tv"]
    assert relative(full_gradient(gradients), grad) < 1e-13


def test_a_pull_is_measured_by_its_definitions():
    objective, x = scene(1)
    gradients = gradient_terms(objective, x)
    full = sum(gradients.values())
    for term, pull in pull_maps(gradients).items():
        g = gradients[term]
        assert pull.gradient is g
        assert pull.size.shape == pull.along.shape == (12, 10)
        assert pull.size[3, 4] == pytest.approx(np.linalg.norm(g[0, 3, 4]))
        unit = full[0, 3, 4] / np.linalg.norm(full[0, 3, 4])
        assert pull.along[3, 4] == pytest.approx(g[0, 3, 4] @ unit)
        assert pull.norm == pytest.approx(np.linalg.norm(g))
        cosine = (g * full).sum() / np.linalg.norm(g) / np.linalg.norm(full)
        assert pull.cosine == pytest.approx(cosine)
        assert pull.share == pytest.approx(cosine * pull.norm / np.linalg.norm(full))


def test_shares_add_up_to_1_and_maps_to_the_length_of_the_full_gradient():
    objective, x = scene(2)
    gradients = gradient_terms(objective, x)
    pulls = pull_maps(gradients).values()
    assert sum(pull.share for pull in pulls) == pytest.approx(1, abs=1e-12)
    lengths = np.linalg.norm(full_gradient(gradients)[0], axis=-1)
    assert relative(sum(pull.along for pull in pulls), lengths) < 1e-12


@pytest.mark.parametrize(
    ("a", "b", "words"),
    [
        ([1, 0, 0], [1, 0, 0], ["along", "along"]),
        ([-1, 0, 0], [3, 0, 0], ["against", "along"]),
        ([0, 0.01, 0], [3, 0, 0], ["across", "along"]),
        ([0, 0, 0], [3, 0, 0], ["none", "along"]),
        ([0, 0, 0], [0, 0, 0], ["none", "none"]),
        ([1, 2, 3], [-1, -2, -3], ["across", "across"]),  # they cancel: there is no direction
    ],
)
def test_the_direction_in_a_word(a, b, words):
    gradients = {"a": np.reshape(a, (1, 1, 1, 3)) * 1.0, "b": np.reshape(b, (1, 1, 1, 3)) * 1.0}
    pulls = pull_maps(gradients)
    assert [pull.direction for pull in pulls.values()] == words
    assert all(np.isfinite([p.share, p.cosine, p.along[0, 0]]).all() for p in pulls.values())


def test_at_the_content_picture_content_does_not_pull():
    objective, _ = scene(4)
    x = np.random.default_rng(4).uniform(-100, 100, (3, 1, 12, 10, 3))[0]
    pull = pull_maps(gradient_terms(objective, x))["content/relu2_1"]
    assert (pull.norm, pull.direction) == (0, "none")


def test_float32_gradients_are_measured_in_float64():
    gradients = {"a": np.full((1, 2, 2, 3), 1e30, np.float32)}
    pull = pull_maps(gradients)["a"]
    assert pull.norm == pytest.approx(1e30 * np.sqrt(12))
    assert pull.size.dtype == np.float64


def test_gradients_that_do_not_belong_together_are_refused():
    with pytest.raises(SettingError, match="at least one term"):
        pull_maps({})
    a, b = np.zeros((1, 2, 3, 3)), np.zeros((1, 3, 2, 3))
    with pytest.raises(ShapeError, match="must have one shape"):
        pull_maps({"a": a, "b": b})
    with pytest.raises(ShapeError, match=r"\(1, H, W, 3\)"):
        pull_maps({"a": a[0]})


# the figure


def test_the_figure_has_a_map_for_each_term_on_one_scale():
    objective, x = scene(5)
    pulls = pull_maps(gradient_terms(objective, x))
    figure = pull_figure(deprocess(x), pulls)
    assert isinstance(figure, Figure)
    titles = [axes.get_title() for axes in figure.axes]
    for term, pull in pulls.items():
        assert f"{term}\nlength {pull.norm:.3g}" in titles
    scales = {id(axes.images[0].norm) for axes in figure.axes[1:10] if axes.images[0].norm.vmin}
    limits = {(a.images[0].norm.vmin, a.images[0].norm.vmax) for a in figure.axes[1:10]}
    assert len(scales) == len(limits) == 1
    figure.canvas.draw()


def test_the_figure_of_a_gradient_of_zeros_can_be_drawn():
    pulls = pull_maps({"tv": np.zeros((1, 4, 5, 3))})
    figure = pull_figure(np.zeros((4, 5, 3), np.uint8), pulls)
    assert "no pull" in [axes.get_title() for axes in figure.axes]
    figure.canvas.draw()


# the command


@pytest.fixture
def tiny_network(monkeypatch):
    vgg = VGG.random((4, 6), np.random.default_rng(3), dtype=np.float32)
    monkeypatch.setattr(VGG, "load", classmethod(lambda cls, *args: vgg))


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def nst(*words):
    try:
        return main([str(word) for word in words])
    except SystemExit as leave:
        return leave.code


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
