import numpy as np

from nst_numpy.cli import main
from nst_numpy.figures import ladder_figure, save_figure
from nst_numpy.measure import bench
from nst_numpy.vgg import VGG


def tiny_vgg():
    rng = np.random.default_rng(0)
    return VGG.random((4, 4, 4, 4, 4), rng, convolutions=(1, 1, 1, 2, 1), dtype=np.float32)


def test_the_ladder_computes_one_convolution_in_three_ways(monkeypatch):
    monkeypatch.setattr(bench, "MAP", 16)
    monkeypatch.setattr(bench, "CHANNELS", 8)
    rungs = bench.convolution_ladder(repeats=1)
    assert [rung.name for rung in rungs] == ["loops", "im2col", "winograd"]
    for rung in rungs:
        assert 0 < rung.error < 1e-4
        assert rung.gflops > 0


def test_the_steps_error_is_that_of_float32(monkeypatch):
    rng = np.random.default_rng(1)
    content, style = (rng.integers(0, 256, (32, 32, 3), dtype=np.uint8) for _ in range(2))
    rung = bench.step_rung(tiny_vgg(), content, style)
    assert 0 < rung.error < 1e-4
    assert rung.note == "32×32, loss and gradient"


def test_the_command_prints_and_draws(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(bench, "MAP", 16)
    monkeypatch.setattr(bench, "CHANNELS", 8)
    monkeypatch.setattr("nst_numpy.cli.bench.VGG.load", tiny_vgg)
    picture = tmp_path / "ladder.png"
    assert main(["bench", "--size", "32", "-o", str(picture)]) == 0
    printed = capsys.readouterr().out
    assert all(word in printed for word in ("loops", "im2col", "winograd", "whole step"))
    assert picture.stat().st_size > 1000


def test_the_figure_has_a_bar_for_each_rung(tmp_path):
    rungs = [bench.Rung("loops", 100.0, 1e-4, 1e-6), bench.Rung("winograd", 0.05, 400.0, 1e-5)]
    figure = ladder_figure(rungs, 150.0)
    axes = figure.axes[0]
    assert [bar.get_width() for bar in axes.patches] == [1e-4, 400.0]
    save_figure(figure, tmp_path / "ladder.svg")
    assert (tmp_path / "ladder.svg").read_text("utf-8").lstrip().startswith("<?xml")
