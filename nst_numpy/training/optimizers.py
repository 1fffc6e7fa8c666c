"""How a gradient becomes a step: SGD and Adam."""

from dataclasses import dataclass

import numpy as np

from nst_numpy.common.arrays import Array
from nst_numpy.errors import SettingError
from nst_numpy.optimize import adam_step
from nst_numpy.rows import LayerParams


class Optimizer:
    """Turns gradients into steps. Subclasses say how one array changes."""

    learning_rate: float

    def start(self) -> None:
        """Forget what earlier steps left behind."""
        self.steps = 0
        self._memory: dict[tuple[str, int], tuple[Array, ...]] = {}

    def step(self, params: dict[str, LayerParams], grads: dict[str, LayerParams]) -> None:
        """Change every array of `params` in place."""
        self.steps += 1
        for name, pair in grads.items():
            for i, grad in enumerate(pair):
                key = (name, i)
                if key not in self._memory:
                    self._memory[key] = (np.zeros_like(grad), np.zeros_like(grad))
                self.change(params[name][i], grad, *self._memory[key])

    def change(self, w: Array, grad: Array, first: Array, second: Array) -> None:
        """Change one array; `first` and `second` are its own memory, zeros at the start."""
        raise NotImplementedError


@dataclass
class SGD(Optimizer):
    """Stochastic gradient descent: w := w − η v with v := μ v + ∂J/∂w.

    Parameters
    ----------
    learning_rate : float
        η, above 0.
    momentum : float
        μ, from 0 to below 1; 0 is the plain step.
    """

    learning_rate: float = 0.01
    momentum: float = 0.0

    def __post_init__(self) -> None:
        _check_rate("SGD", "learning_rate", self.learning_rate, above=0, below=np.inf)
        _check_rate("SGD", "momentum", self.momentum, least=0, below=1)
        self.start()

    def change(self, w: Array, grad: Array, first: Array, second: Array) -> None:
        """Equation (16) in docs/mathematics."""
        first *= self.momentum
        first += grad
        w -= self.learning_rate * first  # equation (16)


@dataclass
class Adam(Optimizer):
    """Adam (Kingma and Ba 2015, algorithm 1): every parameter has its own step size.

    Parameters
    ----------
    learning_rate : float
        η, about the size of each step; above 0.
    beta1, beta2 : float
        How much of the mean gradient and of the mean squared gradient is kept each step.
    epsilon : float
    """

    learning_rate: float = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    def __post_init__(self) -> None:
        _check_rate("Adam", "learning_rate", self.learning_rate, above=0, below=np.inf)
        _check_rate("Adam", "beta1", self.beta1, least=0, below=1)
        _check_rate("Adam", "beta2", self.beta2, least=0, below=1)
        _check_rate("Adam", "epsilon", self.epsilon, above=0, below=np.inf)
        self.start()

    def change(self, w: Array, grad: Array, first: Array, second: Array) -> None:
        """Equation (17) in docs/mathematics."""
        w -= adam_step(
            grad, first, second, self.steps, self.learning_rate,
            self.beta1, self.beta2, self.epsilon,
        )  # fmt: skip


def _check_rate(
    who: str, name: str, value: float, *, above: float = -np.inf, least: float = -np.inf,
    below: float,
) -> None:  # fmt: skip
    if not (above < value < below and value >= least):
        low = f"above {above:g}" if np.isfinite(above) else f"at least {least:g}"
        high = f" and below {below:g}" if np.isfinite(below) else ""
        raise SettingError(f"{who}: {name} must be {low}{high}, not {value!r}")
