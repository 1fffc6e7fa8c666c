import numpy as np

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
