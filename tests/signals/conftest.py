"""Made-up blocks whose drift is known."""

import numpy as np
import pytest

from nst_numpy.signals.drift import Rule
from nst_numpy.signals.examples import make_examples

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


@pytest.fixture(scope="module")
def examples():
    rng = np.random.default_rng(0)
    speeds = [(0.0, rng.choice([-1, 1]) * rng.uniform(0.4, 0.8)) for _ in range(100)]
    blocks = moving(rng, 100, speeds)
    return make_examples(blocks[:60], RULE), make_examples(blocks[60:], RULE)
