"""Made-up signals that hold what the tests look for."""

import numpy as np
import pytest

from nst_numpy.signals import load_ecg, prepare
from nst_numpy.signals.drift import Rule
from nst_numpy.signals.examples import make_examples

RATE = 200
RULE = Rule(least=0.1, most=2.0, texture=1e-4, rest=0.9)


def moving(rng, count, speeds, depth=6, side=12):
    """Smooth patterns that move by (rows, columns) a slice; one speed a block."""
    t, i, j = np.mgrid[:depth, :side, :side]
    blocks = []
    for _, (down, right) in zip(range(count), speeds, strict=True):
        waves = rng.uniform(0.3, 0.9, (4, 2)) * rng.choice([-1, 1], (4, 2))
        phases = rng.uniform(0, 2 * np.pi, 4)
        blocks.append(
            sum(
                np.sin(a * (i - down * t) + b * (j - right * t) + phase)
                for (a, b), phase in zip(waves, phases, strict=True)
            )
        )
    return np.array(blocks)


def synthetic(seconds=40, every=0.8, rate=RATE, broad_each=4):
    """Make an EKG of bell-shaped spikes, each fourth of them broad; return tops and classes.

    A bell of standard deviation s is 2 s √(2 ln 5) = 3.59 s wide at a fifth of its height.
    """
    rng = np.random.default_rng(0)
    time = np.arange(seconds * rate) / rate
    tops = np.arange(0.5, seconds - 0.5, every)
    broad = np.arange(len(tops)) % broad_each == broad_each - 1
    signal = 0.02 * rng.standard_normal(len(time))
    for top, is_broad in zip(tops, broad, strict=True):
        signal += np.exp(-0.5 * ((time - top) / (0.045 if is_broad else 0.012)) ** 2)
    return signal, np.rint(tops * rate).astype(int), broad


def wires(depth=60, side=40):
    """A made-up volume: a few leaning wires of metal, bone without metal, and noise."""
    rng = np.random.default_rng(0)
    volume = rng.integers(0, 100, (depth, side, side))
    for at, lean in ((8, 0.4), (20, -0.4), (30, 0.3)):
        for z in range(depth):
            c = round(14 + (lean * z) % 12)
            volume[z, at : at + 2, c : c + 2] = 1800
    volume[:, 10:24, 30:36] = 900
    return volume


def pan(right=1, frames=10, height=32, width=64):
    """A made-up movie: smooth noise that moves by whole pixels to the right a frame."""
    rng = np.random.default_rng(0)
    wide = rng.random((height, width + frames + 8))
    for axis in (0, 1):
        for _ in range(2):
            wide = (np.roll(wide, 1, axis) + wide + np.roll(wide, -1, axis)) / 3
    wide = 255 * (wide - wide.min()) / np.ptp(wide)
    starts = [frames - t if right > 0 else t for t in range(frames)]
    shots = [wide[:, start : start + width] for start in starts]
    return np.repeat(np.array(shots)[..., None], 3, axis=3).astype(np.uint8)


@pytest.fixture(scope="module")
def examples():
    rng = np.random.default_rng(0)
    speeds = [(0.0, rng.choice([-1, 1]) * rng.uniform(0.4, 0.8)) for _ in range(100)]
    blocks = moving(rng, 100, speeds)
    return make_examples(blocks[:60], RULE), make_examples(blocks[60:], RULE)


@pytest.fixture(scope="module")
def ecg():
    return prepare(*load_ecg())


@pytest.fixture(scope="module")
def small():
    return prepare(synthetic()[0], RATE)
