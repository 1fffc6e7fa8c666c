from pathlib import Path

import numpy as np

from nst_numpy.measure import bench
from nst_numpy.vgg import VGG
from tests.cli.conftest import nst


def test_the_command_prints_and_draws(monkeypatch, capsys):
    monkeypatch.setattr(bench, "MAP", 16)
    monkeypatch.setattr(bench, "CHANNELS", 8)
    rng = np.random.default_rng(0)
    vgg = VGG.random((4, 4, 4, 4, 4), rng, convolutions=(1, 1, 1, 2, 1), dtype=np.float32)
    monkeypatch.setattr(VGG, "load", lambda: vgg)
    assert nst("bench", "--size", "32", "-o", "ladder.png") == 0
    printed = capsys.readouterr().out
    assert all(word in printed for word in ("loops", "im2col", "winograd", "whole step"))
    assert Path("ladder.png").stat().st_size > 1000
