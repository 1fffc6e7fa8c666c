"""Every rival trained on one region and asked about the other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nst_numpy.common.progress import bar
from nst_numpy.signals.examples import CLASSES, Examples
from nst_numpy.signals.rivals import Rival
from nst_numpy.training import Adam, accuracy, fit
from nst_numpy.training.sequential import Dense, Sequential

BASELINE_EPOCHS, BASELINE_RATE = 100, 0.05  # it costs nothing: let it converge
SMALL = 0.1  # beside the first filters that He et al. (2015) would take


@dataclass(frozen=True)
class Trial:
    """One training run. `accuracy` is on the test region, `learnt` on the training region."""

    rival: str
    fold: int
    seed: int
    accuracy: float
    learnt: float
    parameters: int
    seconds: float


@dataclass(eq=False)
class Comparison:
    """All trials, and of each rival the network of the first fold and seed.

    `classes` are the names of 0 and 1.
    """

    classes: tuple[str, str] = CLASSES
    trials: list[Trial] = field(default_factory=list)
    networks: dict[str, Sequential] = field(default_factory=dict)
    interrupted: bool = False

    def accuracies(self, rival: str) -> list[float]:
        """Of one rival, over folds and seeds."""
        return [trial.accuracy for trial in self.trials if trial.rival == rival]

    def rivals(self) -> list[str]:
        """Names, in order."""
        return list(dict.fromkeys(trial.rival for trial in self.trials))


def compare(
    rivals: Sequence[Rival],
    folds: Sequence[tuple[Examples, Examples]],
    *,
    seeds: Sequence[int],
    epochs: int,
    learning_rate: float = 2e-3,
    batch_size: int = 64,
    classes: tuple[str, str] = CLASSES,
    progress: bool = False,
) -> Comparison:
    """Train every rival on every fold with every seed. Ctrl-C keeps the trials so far.

    Parameters
    ----------
    rivals : sequence of Rival
    folds : sequence of (train, test)
    seeds : sequence of int
        Of the first filters, of the order of the batches, and of shuffled slices.
    """
    result = Comparison(classes)
    jobs = [(fold, seed, rival) for fold in range(len(folds)) for seed in seeds for rival in rivals]
    with bar("network", total=len(jobs), shown=progress) as trained:
        for fold, seed, rival in jobs:
            trained.set_postfix_str(rival.name)
            settings = {
                "epochs": epochs if rival.rows else BASELINE_EPOCHS,
                "batch_size": batch_size,
                "optimizer": Adam(learning_rate if rival.rows else BASELINE_RATE),
            }
            net, trial = _try(rival, fold, seed, *folds[fold], settings)
            if trial is None:
                result.interrupted = True
                break
            result.trials.append(trial)
            result.networks.setdefault(rival.name, net)
            trained.update()
    return result


def _try(
    rival: Rival, fold: int, seed: int, train: Examples, test: Examples,
    settings: Mapping[str, Any],
) -> tuple[Sequential, Trial | None]:  # fmt: skip
    """Train one rival; no trial where Ctrl-C came."""
    rng = np.random.default_rng(seed)
    (x, x_test), rows = rival.shown(train, test, rng), rival.rows or [Dense(2)]
    net = Sequential(rows, x.shape[1:], rng=rng)
    # small first filters: what they end as is then what they learnt, not what they began as
    next(iter(net.params.values()))[0][:] *= SMALL
    history = fit(net, x, train.y, rng=rng, **settings)
    if history.interrupted:
        return net, None
    trial = Trial(
        rival.name, fold, seed, accuracy(net.predict(x_test), test.y),
        accuracy(net.predict(x), train.y), count_parameters(net), history.seconds,
    )  # fmt: skip
    return net, trial


def count_parameters(net: Sequential) -> int:
    """Numbers that a network learns."""
    return sum(w.size + b.size for w, b in net.params.values())
