"""Training: change a network's parameters so that its loss on the samples falls.

One epoch looks at every sample once, in random order and a mini-batch at a time. Each batch
gives one gradient, and the optimiser one step:

    w := w − η ∂J/∂w          (SGD without momentum, the lecture's step)
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from nst_numpy.common.arrays import Array
from nst_numpy.common.checks import check_count
from nst_numpy.common.progress import bar
from nst_numpy.errors import NonFiniteError, SettingError, ShapeError
from nst_numpy.kernels.threads import single_threaded_blas
from nst_numpy.training.losses import softmax_cross_entropy
from nst_numpy.training.optimizers import Adam, Optimizer
from nst_numpy.training.sequential import Sequential

Target = NDArray[Any]
Targets = tuple[Target, ...]  # what comes after the scores in a loss: targets, weights
Loss = Callable[..., tuple[float, Array]]


@dataclass
class History:
    """What happened in a training run; one entry an epoch, except `batch_loss`: one a step.

    Attributes
    ----------
    loss : list of float
        Mean loss over the epoch's batches, measured while the network learns.
    accuracy : list of float
        Share of the epoch's samples that were classified rightly; empty where targets are
        no classes.
    validation_loss, validation_accuracy : list of float
        After each epoch, on the validation samples; empty where none were given.
    batch_loss : list of float
    seconds : float
    interrupted : bool
        Whether Ctrl-C ended the run. The network keeps what it has learnt.
    """

    loss: list[float] = field(default_factory=list)
    accuracy: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    validation_accuracy: list[float] = field(default_factory=list)
    batch_loss: list[float] = field(default_factory=list)
    seconds: float = 0.0
    interrupted: bool = False

    @property
    def epochs(self) -> int:
        """Epochs that were finished."""
        return len(self.loss)


def accuracy(scores: Array, labels: Target) -> float:
    """Share of samples whose largest score is at the true class.

    >>> import numpy as np
    >>> accuracy(np.array([[0.1, 0.9], [0.8, 0.2]]), np.array([1, 1]))
    0.5
    """
    return float(np.mean(scores.argmax(axis=1) == labels))


def balanced_weights(labels: Target) -> NDArray[np.float64]:
    """Weights with which every class counts the same, however rare: N / (K · N_class).

    >>> import numpy as np
    >>> balanced_weights(np.array([0, 0, 0, 1]))
    array([0.66666667, 0.66666667, 0.66666667, 2.        ])
    """
    _, which, counts = np.unique(labels, return_inverse=True, return_counts=True)
    return (len(labels) / (len(counts) * counts))[which]


def fit(
    net: Sequential,
    x: Array,
    y: Target,
    *,
    epochs: int = 10,
    batch_size: int = 32,
    optimizer: Optimizer | None = None,
    loss: Loss = softmax_cross_entropy,
    rng: np.random.Generator | None = None,
    validation: tuple[Array, Target] | None = None,
    sample_weights: Array | None = None,
    progress: bool = False,
) -> History:
    """Train a network on samples x with targets y. The network's parameters change in place.

    Ctrl-C ends the run; the network keeps what it has learnt.

    Parameters
    ----------
    net : Sequential
    x : ndarray, (N, *sizes, C), of the network's dtype
    y : ndarray, (N,) of int for classes, (N, K) of float for numbers
        What `loss` compares with the output of the last layer.
    epochs, batch_size : int
    optimizer : SGD or Adam, optional
        Default: `Adam()`. It starts afresh.
    loss : callable
        (scores, targets[, weights]) -> (value, ∂value/∂scores): `softmax_cross_entropy` or
        `mean_squared_error`.
    rng : numpy Generator, optional
        Shuffles the samples. Default: seed 0.
    validation : (x, y), optional
        Samples that are measured after every epoch and never learnt from.
    sample_weights : ndarray, (N,), optional
        How much each sample counts, in proportion; `balanced_weights(labels)` for classes of
        unequal size.
    progress : bool
        Show a bar with the time left.

    Returns
    -------
    History

    Raises
    ------
    ShapeError, SettingError
        x, y or weights that do not fit, settings that cannot work.
    NonFiniteError
        x has NaN or infinite entries, or the loss or a gradient becomes so.

    Examples
    --------
    >>> import numpy as np
    >>> from nst_numpy.training.sequential import Dense, Sequential
    >>> from nst_numpy.training import SGD
    >>> x = np.array([[-2.0], [-1.0], [1.0], [2.0]])
    >>> net = Sequential([Dense(2)], input_shape=(1,), dtype=np.float64)
    >>> history = fit(net, x, np.array([0, 0, 1, 1]), epochs=50, optimizer=SGD(1.0))
    >>> history.accuracy[-1]
    1.0
    """
    rng = np.random.default_rng(0) if rng is None else rng
    optimizer = Adam() if optimizer is None else optimizer
    weights = _check_fit(net, x, y, epochs, batch_size, loss, validation, sample_weights)
    targets = (y,) if weights is None else (y, weights)
    optimizer.start()
    started = time.perf_counter()
    steps = epochs * math.ceil(len(x) / batch_size)
    with bar("batch", total=steps, shown=progress) as moving:
        training = _Training(net, optimizer, loss, moving)
        try:
            with single_threaded_blas():
                for _ in range(epochs):
                    training.epoch(x, targets, _batches(rng, len(x), batch_size))
                    if validation is not None:
                        training.validate(*validation)
        except KeyboardInterrupt:
            training.history.interrupted = True
    training.history.seconds = time.perf_counter() - started
    return training.history


def _batches(rng: np.random.Generator, n: int, batch_size: int) -> list[NDArray[np.intp]]:
    """Deal the numbers of all samples, shuffled, into mini-batches."""
    order = rng.permutation(n)
    return [order[start : start + batch_size] for start in range(0, n, batch_size)]


@dataclass
class _Training:
    """A network that learns: its steps so far, and how they went."""

    net: Sequential
    optimizer: Optimizer
    loss: Loss
    bar: "tqdm[Any]"
    history: History = field(default_factory=History)

    def epoch(self, x: Array, targets: Targets, batches: Sequence[NDArray[np.intp]]) -> None:
        """Take one step a mini-batch, and write down how the epoch went."""
        total, right = 0.0, 0
        classes = _are_classes(targets[0])
        for batch in batches:
            value, scores = self.step(x[batch], *(each[batch] for each in targets))
            total += value * len(batch)
            if classes:
                right += int(np.sum(scores.argmax(axis=1) == targets[0][batch]))
        self.history.loss.append(total / len(x))
        if classes:
            self.history.accuracy.append(right / len(x))

    def step(self, x: Array, *targets: Target) -> tuple[float, Array]:
        """Change the parameters once; return loss and scores from before the step."""
        seen = []

        def loss(scores: Array) -> tuple[float, Array]:
            seen.append(scores)
            return self.loss(scores, *targets)

        value, grads = self.net.gradients(x, loss)
        arrays = [grad for pair in grads.values() for grad in pair]
        if not np.isfinite(value) or not all(np.isfinite(grad).all() for grad in arrays):
            raise NonFiniteError(
                f"fit: the loss or its gradient is not finite after "
                f"{len(self.history.batch_loss)} steps: use a smaller learning rate, or scale x "
                "to about −1 … 1"
            )
        self.optimizer.step(self.net.params, grads)
        self.history.batch_loss.append(value)
        self.bar.set_postfix(loss=f"{value:.3g}", refresh=False)
        self.bar.update()
        return value, seen[0]

    def validate(self, x: Array, y: Target) -> None:
        """Measure, and learn nothing."""
        scores = self.net.predict(x)
        self.history.validation_loss.append(self.loss(scores, y)[0])
        if _are_classes(y):
            self.history.validation_accuracy.append(accuracy(scores, y))


def _are_classes(y: Target) -> bool:
    """Whether targets are numbers of classes, so that accuracy has a meaning."""
    return y.ndim == 1 and np.issubdtype(y.dtype, np.integer)


def _check_fit(
    net: Sequential,
    x: Array,
    y: Target,
    epochs: int,
    batch_size: int,
    loss: Loss,
    validation: tuple[Array, Target] | None,
    sample_weights: Array | None,
) -> Array | None:
    """Check what `fit` is given; return the weights, scaled to a mean of 1."""
    check_count("fit", "epochs", epochs)
    check_count("fit", "batch_size", batch_size)
    _check_samples("x", net, x, y, loss)
    if validation is not None:
        _check_samples("validation x", net, *validation, loss)
    if sample_weights is None:
        return None
    weights = np.asarray(sample_weights, dtype=net.dtype)
    if weights.shape != (len(x),):
        raise ShapeError(
            f"fit: sample_weights must be ({len(x)},), one a sample, not {weights.shape}"
        )
    if not np.isfinite(weights).all() or weights.min() < 0 or weights.max() == 0:
        raise SettingError("fit: sample_weights must be finite, not negative and not all 0")
    scaled: Array = weights / weights.mean()
    return scaled


def _check_samples(which: str, net: Sequential, x: Array, y: Target, loss: Loss) -> None:
    """Refuse in the first second what would fail in the middle of an epoch."""
    if len(x) != len(y) or len(x) == 0:
        raise ShapeError(
            f"fit: {which} has {len(x)} samples, its targets {len(y)}: give as many, at least one"
        )
    for name, array in ((which, x), (f"the targets of {which}", y)):
        finite = np.isfinite(array).reshape(len(array), -1).all(axis=1)
        if not finite.all():
            raise NonFiniteError(
                f"fit: NaN or infinite entries in {name}, in {np.sum(~finite)} of {len(array)} "
                f"samples, first in sample {np.argmin(finite)}: remove or repair them"
            )
    scores = net.predict(x[:1])
    loss(np.repeat(scores, len(y), axis=0), y)
