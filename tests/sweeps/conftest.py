"""A tiny network and tiny pictures, and a judge who needs no network."""

import numpy as np
import pytest

from nst_numpy import scales, style_transfer
from nst_numpy.errors import SettingError
from nst_numpy.measure.judgement import Judgement
from nst_numpy.objective import Objective
from nst_numpy.sweeps import combinations
from nst_numpy.vgg import VGG
from tests.test_style_transfer import LAYERS, picture

TINY = VGG.random((4, 8), np.random.default_rng(0), dtype=np.float32)
CONTENT, STYLE, OTHER = picture(1, 24, 32), picture(2, 40, 30), picture(3, 20, 20)
COMMON = {"vgg": TINY, "iterations": 2, **LAYERS}


class Judge:
    """Score is the mean of a picture; it notes whom it was made for."""

    made = None

    def __init__(self, content, style, vgg=None):
        self.made.append((style.shape, vgg))

    def __call__(self, result):
        if max(result.shape) < 24:
            raise SettingError("too small")
        mean = float(result.mean())
        return Judgement(0.25, 0.5, 0.0, mean, {}, result.shape[:2], [])


@pytest.fixture(autouse=True)
def judges(monkeypatch):
    """Replace the judge; return what was asked of it."""
    monkeypatch.setattr(combinations, "Judge", Judge)
    monkeypatch.setattr(Judge, "made", [])  # a new one for each test
    return Judge.made


@pytest.fixture
def stop_in_run(monkeypatch):
    """Press Ctrl-C in the third evaluation of J of a run, counted from 1."""

    def stop(run, evaluation=3):
        counts = {"run": 0, "evaluation": 0}

        class Interrupted(Objective):
            def __call__(self, x):
                counts["evaluation"] += 1
                if counts == {"run": run, "evaluation": evaluation}:
                    raise KeyboardInterrupt("stopped by Ctrl-C")
                return super().__call__(x)

        go = style_transfer.Run.go

        def counted(self, *args, **options):
            counts.update(run=counts["run"] + 1, evaluation=0)
            return go(self, *args, **options)

        monkeypatch.setattr(scales, "Objective", Interrupted)
        monkeypatch.setattr(style_transfer.Run, "go", counted)

    return stop


@pytest.fixture
def runs(monkeypatch):
    """List the strength of each run that is done."""
    done = []
    go = style_transfer.Run.go

    def noted(self, *args, **options):
        done.append(self.settings.strength)
        return go(self, *args, **options)

    monkeypatch.setattr(style_transfer.Run, "go", noted)
    return done
