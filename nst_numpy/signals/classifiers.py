"""What tells broad heartbeats from narrow ones: a network, and two baselines beside it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nst_numpy.common.arrays import Array, Integers
from nst_numpy.common.checks import check_at_least
from nst_numpy.signals.beats import CLASSES
from nst_numpy.signals.heartbeats import PARTS, Heartbeats
from nst_numpy.training import Adam, History, balanced_weights, fit
from nst_numpy.training.sequential import Conv, Dense, Flatten, MaxPool, ReLU, Row, Sequential

EPOCHS, BATCH, LEARNING_RATE = 60, 32, 3e-3  # chosen on the validation part


def lecture_network() -> list[Row]:
    """Return the lecture's network on signals: 16 filters of 5 taps, then 32."""
    return [
        *(Conv(16, 5), ReLU(), MaxPool(4)),
        *(Conv(32, 5), ReLU(), MaxPool(4)),
        *(Flatten(), Dense(2)),
    ]


def linear_model() -> list[Row]:
    """Return a weighted sum of the window's samples for each class: logistic regression."""
    return [Flatten(), Dense(2)]


NETWORK, LINEAR, ALWAYS = "network", "linear model", f"always {CLASSES[0]}"
TRAINED: dict[str, Callable[[], Sequence[Row]]] = {NETWORK: lecture_network, LINEAR: linear_model}


@dataclass(frozen=True, eq=False)
class BeatCounts:
    """How a model did on some beats.

    Attributes
    ----------
    confusion : ndarray of int, (2, 2)
        Beats by true class (row) and by the class that the model gave (column).
    """

    confusion: Integers

    @property
    def balanced_accuracy(self) -> float:
        """Mean over the classes of the share that was found; 0.5 is what guessing gives.

        >>> BeatCounts(np.array([[90, 10], [5, 5]])).balanced_accuracy
        0.7
        """
        return float(np.mean(np.diag(self.confusion) / self.confusion.sum(axis=1)))

    @property
    def accuracy(self) -> float:
        """Share of all beats that were given their class."""
        return float(np.trace(self.confusion) / self.confusion.sum())


def count(labels: Integers, given: Integers) -> BeatCounts:
    """Count beats by true and by given class.

    >>> count(np.array([0, 0, 1]), np.array([0, 1, 1])).confusion.tolist()
    [[1, 1], [0, 1]]
    """
    confusion = np.zeros((len(CLASSES), len(CLASSES)), dtype=np.intp)
    np.add.at(confusion, (labels, given), 1)
    return BeatCounts(confusion)


def log_odds(net: Sequential, x: Array) -> Array:
    """How sure a model is that beats are broad: ln(p/(1 − p)), above 0 for "broad".

    (B, L, 1) -> (B,)
    """
    scores = net.predict(x)
    odds: Array = scores[:, 1] - scores[:, 0]
    return odds


@dataclass(frozen=True, eq=False)
class Study:
    """The network and its two baselines, trained and counted.

    Attributes
    ----------
    networks : dict of str to Sequential
        "network" and "linear model".
    histories : dict of str to History
        How they were trained.
    results : dict of str to dict of str to BeatCounts
        For each of these and for "always narrow": on "train", "validation" and "test".
    interrupted : bool
        Whether Ctrl-C ended a training; the counts are those of what was learnt until then.
    """

    networks: dict[str, Sequential]
    histories: dict[str, History]
    results: dict[str, dict[str, BeatCounts]]

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended a training."""
        return any(history.interrupted for history in self.histories.values())


def study(
    data: Heartbeats,
    *,
    epochs: int = EPOCHS,
    seed: int = 0,
    models: Mapping[str, Callable[[], Sequence[Row]]] = TRAINED,
) -> Study:
    """Train the network and the linear model in the same way, and count all three.

    Every class counts the same in the loss, however rare. A beat gets the class with the
    higher score: no threshold is chosen. Nothing is decided here by the validation part;
    it is there for whoever changes the network, the rate or the epochs.

    Parameters
    ----------
    data : Heartbeats
        From `prepare`.
    epochs : int
    seed : int
        Of the first filters, and of the order of the beats.
    models : mapping of str to callable
        What makes the layers of each model that is trained; give others to compare them.

    Raises
    ------
    SettingError
        If epochs or seed cannot be.
    NonFiniteError
        If the training breaks down.
    """
    check_at_least("study: seed", seed, 0)
    x, labels = data.of("train")
    networks, histories = {}, {}
    for name, rows in models.items():
        rng = np.random.default_rng(seed)
        networks[name] = net = Sequential(rows(), input_shape=x.shape[1:], rng=rng)
        histories[name] = fit(
            net, x, labels,
            epochs=epochs, batch_size=BATCH, optimizer=Adam(LEARNING_RATE), rng=rng,
            validation=data.of("validation"), sample_weights=balanced_weights(labels),
        )  # fmt: skip
    results = {name: _count_parts(data, net) for name, net in networks.items()}
    return Study(networks, histories, results | {ALWAYS: _count_parts(data, None)})


def _count_parts(data: Heartbeats, net: Sequential | None) -> dict[str, BeatCounts]:
    """Count each part's beats; None is the model that says "narrow" whatever comes."""
    counted = {}
    for part in PARTS:
        x, labels = data.of(part)
        given = np.zeros_like(labels) if net is None else (log_odds(net, x) > 0).astype(np.intp)
        counted[part] = count(labels, given)
    return counted
