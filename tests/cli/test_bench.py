from pathlib import Path

import numpy as np
import pytest

from nst_numpy.measure import bench
from nst_numpy.vgg import VGG
from tests.cli.conftest import nst, one_line


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


@pytest.mark.parametrize("output", ["ladder.doc", "missing/ladder.png"])
def test_where_the_figure_cannot_go_nothing_is_measured(no_work, monkeypatch, capsys, output):
    monkeypatch.setattr("nst_numpy.cli.bench.sgemm_peak", lambda: pytest.fail("it was measured"))
    assert nst("bench", "-o", output) == 2
    one_line(capsys)
