"""Change the picture so that J falls: L-BFGS, gradient descent and Adam.

The lecture's step is G := G − ∂J/∂G, equation (10) in docs/mathematics. L-BFGS, which the
paper uses, also remembers how the gradient changed over the last steps and so knows how far to
go in each direction.

What goes wrong in other programs, and what is done about it here:

- *L-BFGS stops after two steps.* SciPy's tests for convergence compare numbers whose size
  depends on α and β. They are switched off; the number of iterations decides.
- *The output equals the input.* SciPy's first trial step has length 1 over all pixels
  together, far too small to see. The picture is therefore handed over in units in which a
  step of length 1 changes every value by `FIRST_STEP`, and J is divided by its gradient's
  length at the start.
- *The line search gives up.* J is computed in float32 and carries noise. Then L-BFGS
  starts afresh from the picture so far, and ends only when that does not help either.
- *NaN.* A value or gradient that is not finite is an error with a name, and the best
  picture is kept: that with the lowest J.
- *Nothing is painted.* Where the gradient is 0 at the start, the run ends and says so.
- *It diverges.* Where J has risen from the first to the last iteration, the same holds.
- *The memory is used up.* The last picture is kept.
- *It goes on and nobody sees a difference.* With `patience` the run ends where J hardly falls.

SciPy works in float64; the picture is cast at this boundary and nowhere else.

Pixel bounds are not given to SciPy. At 512×512 they were measured to raise what SciPy itself
takes from 0.07 s to 0.29 s an iteration, a quarter of a step. The picture is clipped to
0..255 at the end, as `deprocess` does.
"""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np
from scipy.optimize import minimize

from nst_numpy.common.arrays import Array, Array64
from nst_numpy.common.checks import check_answer, check_choice, unwarned
from nst_numpy.common.moved import keep_former_names
from nst_numpy.common.text import counted
from nst_numpy.errors import NonFiniteError, TooLargeError
from nst_numpy.kernels.threads import chunks, reserve_blas_memory, single_threaded_blas

_AS_GOOD_AS = "no step lowers J any more: this is as good as float32 gets"

Function = Callable[[Array], tuple[float, Array]]

OptimizerName = Literal["lbfgs", "gd", "adam"]
OPTIMIZERS: tuple[OptimizerName, ...] = get_args(OptimizerName)
FIRST_STEP = 1.0  # pixel values; what L-BFGS first tries
MEMORY = 10  # pairs (step, change of gradient) that L-BFGS remembers
FIRST_CHANGE = 1.0  # pixel values; of the steepest pixel in the first step of gradient descent
LEARNING_RATES: dict[OptimizerName, float] = {"adam": 2.0}
SETTLED = 0.05  # of J: a run that is patient for so many iterations ends if they lower it by less
ADAM_NUMBERS = 1 << 20  # that Adam moves at a time
RECENT = 10  # values of J of which a step of gradient descent may reach the highest
HALVINGS = 30  # of a step, before no step lowers J any more
FAILED = ("flat", "not finite", "diverged", "memory")  # reasons of a run that went wrong


@dataclass
class Step:
    """What a callback is told after each iteration."""

    iteration: int
    loss: float
    x: Array
    seconds: float


@dataclass
class Minimum:
    """Where an optimiser arrived, and why it stopped.

    Attributes
    ----------
    x : ndarray
    losses : list of float
        J after each iteration.
    reason : str
        "iterations", "settled", "stalled", "flat", "stopped", "interrupted", "not finite",
        "diverged" or "memory". A run is flat if nothing moved the picture, though J is not 0: the
        gradient was 0, or every step too short.
    message : str
        The same in plain words.
    kept : int, optional
        The iteration that x is from, if that is not the last: 0 is the start.
    """

    x: Array
    losses: list[float] = field(default_factory=list)
    reason: str = "iterations"
    message: str = ""
    kept: int | None = None

    def end_early(self, error: BaseException) -> None:
        """Record that an error ended the run, and that a picture before it is kept."""
        if isinstance(error, KeyboardInterrupt):
            self.reason, self.message = "interrupted", str(error) or "stopped by Ctrl-C"
        elif isinstance(error, MemoryError):
            self.reason = "memory"
            self.message = "the memory was used up; the last picture is kept"
        else:
            self.reason, self.message = "not finite", f"{error}; {self._which} is kept"

    def end_diverged(self, start: float) -> None:
        """Record that J rose, and that a better picture is kept."""
        self.reason = "diverged"
        self.message = (
            f"J rose from {start:.4g} to {self.losses[-1]:.4g}: use a smaller learning rate; "
            f"{self._which} is kept"
        )

    @property
    def _which(self) -> str:
        if self.kept is None:
            return "the picture before that"
        if self.kept == 0:
            return "the picture at the start"
        return f"the picture of iteration {self.kept}, which has the lowest J,"


StepCallback = Callable[[Step], object]


class _StopRun(Exception):  # noqa: N818, a signal, not an error
    """A callback asked to stop."""


class _Settled(Exception):  # noqa: N818
    """J hardly falls any more."""


class _NoSlope(Exception):  # noqa: N818
    """The gradient is 0 at the start: no optimiser would move the picture."""


def run_optimizer(
    name: OptimizerName,
    function: Function,
    x: Array,
    iterations: int,
    *,
    learning_rate: float | None = None,
    patience: int = 0,
    callback: StepCallback | None = None,
    floor: float = 0.0,
    pairs: int = MEMORY,
) -> Minimum:
    """Minimise `function` from x. Ctrl-C ends the run and keeps the last picture.

    Parameters
    ----------
    name : {"lbfgs", "gd", "adam"}
    function : callable
        x -> (value, gradient shaped like x).
    x : ndarray
        The start; it is not changed.
    iterations : int
        Accepted steps; an iteration of L-BFGS costs one evaluation, sometimes two.
    learning_rate : float, optional
        For "gd" and "adam", in pixel values. Of "gd" it is the length of the first step (the
        largest change of a pixel), and the step size η stays as it is then; without it η is found
        anew in each step. Of "adam" it is the length of every step, by default 2.
    patience : int
        End after so many iterations that lowered the lowest J by less than `SETTLED` together;
        0 never does.
    callback : callable, optional
        Called with a `Step` after each iteration; a return value of True ends the run.
    floor : float
        What J cannot fall below, if that is known: patience looks at what is above it.
    pairs : int
        (step, change of gradient) that L-BFGS remembers: 16 bytes a number of x each.

    Returns
    -------
    Minimum

    Raises
    ------
    NonFiniteError
        If J or its gradient is not finite at the start. Later on, the run ends with
        reason "not finite" and the best picture.
    GradientError, ShapeError
        If the function gives no value and gradient, or a gradient of another shape.
    TooLargeError
        If there is not enough memory for the first iteration. Later on, the run ends with
        reason "memory" and the last picture.
    """
    check_choice("optimizer", name, OPTIMIZERS)
    descent = _Descent(function, x, callback, patience, floor)
    try:
        with unwarned():
            _go_down(name, descent, iterations, learning_rate, pairs)
    except _StopRun:
        descent.end("stopped", "stopped by the callback")
    except _Settled:
        descent.end_well("settled", settled_message(patience, len(descent.minimum.losses)))
    except _NoSlope:
        descent.end_at_rest()
    except NonFiniteError as error:
        if not descent.minimum.losses:
            raise
        descent.keep_best()
        descent.minimum.end_early(error)
    except (KeyboardInterrupt, MemoryError) as error:
        if isinstance(error, MemoryError) and not descent.minimum.losses:
            raise no_memory() from error
        descent.minimum.end_early(error)
    return descent.minimum


def _go_down(
    name: OptimizerName,
    descent: "_Descent",
    iterations: int,
    learning_rate: float | None,
    pairs: int,
) -> None:
    if name == "lbfgs":
        # SciPy's threads, which wait busily between two small products, took as much time
        # as J, and the bits depended on their number
        reserve_blas_memory()
        with single_threaded_blas():
            _lbfgs(descent, iterations, pairs)
    else:
        rate = LEARNING_RATES.get(name) if learning_rate is None else learning_rate
        if rate is None:
            _parabolic_descent(descent, iterations)
        else:
            (_gradient_descent if name == "gd" else _adam)(descent, iterations, rate)


def settled_message(patience: int, iterations: int) -> str:
    """Say why a run ended before its iterations did."""
    return (
        f"J fell by less than {100 * SETTLED:g} % over the last {patience} of {iterations} "
        "iterations"
    )


def no_memory() -> TooLargeError:
    """Make the error for a run that has no picture when its memory is used up."""
    return TooLargeError(
        "there is not enough memory for the first iteration: use a smaller size or fewer threads"
    )


def asks_to_stop(answer: object) -> bool:
    """Whether a callback's answer ends the run: True does, and so does NumPy's np.True_.

    >>> asks_to_stop(np.float32(0.1) < 0.2), asks_to_stop(None), asks_to_stop(1)
    (True, False, False)
    """
    return isinstance(answer, (bool, np.bool_)) and bool(answer)


class _Descent:
    """The way down so far: checked evaluations, accepted iterations, the last x and the best."""

    def __init__(
        self, function: Function, x: Array, callback: StepCallback | None, patience: int,
        floor: float,
    ) -> None:  # fmt: skip
        self.function, self.callback, self.patience = function, callback, patience
        self.floor = floor
        self.start = x.copy()
        self.minimum = Minimum(self.start)
        self.first: float | None = None  # J at the start
        self.best: tuple[float, int, Array] | None = None  # J, iteration, x
        self.started = time.perf_counter()
        self.heeded = np.geterr()  # what NumPy is to warn of in somebody's callback

    @property
    def x(self) -> Array:
        return self.minimum.x

    def evaluate(self, x: Array) -> tuple[float, Array]:
        value, grad = check_answer("run_optimizer: the function", self.function(x), x.shape)
        if not np.isfinite(value) or not np.isfinite(grad).all():
            or_else = (
                ", or look for NaN and infinity in the network and in losses of your own"
                if self.first is None
                else " or a smaller learning rate"
            )
            raise NonFiniteError(
                "J or its gradient is not finite after "
                f"{counted(len(self.minimum.losses), 'iteration')}: use smaller weights{or_else}"
            )
        if self.first is None:
            self.first, self.best = value, (value, 0, self.x)
            if not grad.any():
                raise _NoSlope
        return value, grad

    def accept(self, x: Array, value: float) -> None:
        self.minimum.x = x
        self.minimum.losses.append(value)
        if self.best is None or value < self.best[0]:
            self.best = (value, len(self.minimum.losses), x)
        if self.callback is not None:
            seconds = time.perf_counter() - self.started
            with np.errstate(**self.heeded):
                answer = self.callback(Step(len(self.minimum.losses), value, x, seconds))
            if asks_to_stop(answer):
                raise _StopRun
        if self._has_settled():
            raise _Settled

    def _has_settled(self) -> bool:
        losses, n = self.minimum.losses, self.patience
        if not 0 < n < len(losses):
            return False
        now, before = (min(part) - self.floor for part in (losses[-n:], losses[:-n]))
        return now > (1 - SETTLED) * before

    def keep_best(self) -> None:
        if self.best is not None and self.best[1] != len(self.minimum.losses):
            _, self.minimum.kept, self.minimum.x = self.best

    def end(self, reason: str, message: str) -> None:
        self.minimum.reason, self.minimum.message = reason, message

    def end_at_rest(self) -> None:
        if self.first == 0:
            self.end("stalled", "the gradient is 0 at the start: there is nothing to lower")
        else:
            self.end(
                "flat",
                f"the gradient is 0 at the start, where J is {self.first:.4g}: use larger "
                "weights, or start from another picture",
            )

    def end_after(self, iterations: int) -> None:
        self.end_well("iterations", f"did the {counted(iterations, 'iteration')} asked for")

    def end_well(self, reason: str, message: str) -> None:
        """End as intended, unless the iterations led nowhere."""
        self.end(reason, message)
        if np.array_equal(self.x, self.start):
            self.end("flat", "no step has changed the picture: use a larger learning rate")
        elif self.first is not None and self.minimum.losses[-1] > self.first:
            self.keep_best()
            self.minimum.end_diverged(self.first)


class _InUnits:
    """The function as SciPy sees it: a step of length 1 is visible, and J's slope is 1.

    z is x in steps of `FIRST_STEP`, its values in a row and in float64; the value is J by
    the length of its gradient for z where the run starts.
    """

    def __init__(self, descent: _Descent) -> None:
        self.descent = descent
        self.unit = FIRST_STEP * float(np.sqrt(descent.x.size))
        self.scale = 1.0 / (_length(descent.evaluate(descent.x)[1]) * self.unit)

    @property
    def z(self) -> Array64:
        return self.descent.x.reshape(-1).astype(np.float64) / self.unit

    def __call__(self, z: Array64) -> tuple[float, Array64]:
        self.value, grad = self.descent.evaluate(self._x(z))
        return self.value * self.scale, grad.reshape(-1).astype(np.float64) * (
            self.scale * self.unit
        )

    def accept(self, z: Array64) -> None:
        # SciPy evaluates the point that it accepts last, so the value belongs to z
        self.descent.accept(self._x(z), self.value)

    def _x(self, z: Array64) -> Array:
        x = self.descent.x
        picture: Array = (z * self.unit).astype(x.dtype).reshape(x.shape)
        return picture


def _lbfgs(descent: _Descent, iterations: int, pairs: int) -> None:
    """Hand the function to SciPy in units that suit it; start afresh where it gives up."""
    scaled = _InUnits(descent)
    done = 0
    while done < iterations:
        minimize(
            scaled,
            scaled.z,
            jac=True,
            method="L-BFGS-B",
            callback=scaled.accept,
            options={
                "maxiter": iterations - done,
                "maxfun": 20 * iterations,
                "maxcor": pairs,
                "ftol": 0.0,
                "gtol": 0.0,
            },
        )
        before, done = done, len(descent.minimum.losses)
        if done == before:
            descent.end("stalled", _AS_GOOD_AS)
            return
    descent.end_after(iterations)


def _gradient_descent(descent: _Descent, iterations: int, learning_rate: float) -> None:
    """G := G − η ∂J/∂G, the lecture's step.

    The step size η is one number for the whole run: it makes the first step change the
    pixel with the steepest gradient by `learning_rate`.
    """
    value, grad = descent.evaluate(descent.x)
    eta = learning_rate / _largest(grad)
    for _ in range(iterations):
        # equation (10); a gradient of somebody's own function may have another dtype
        x = (descent.x - descent.x.dtype.type(eta) * grad).astype(descent.x.dtype, copy=False)
        value, grad = descent.evaluate(x)
        descent.accept(x, value)
    descent.end_after(iterations)


def _parabolic_descent(descent: _Descent, iterations: int) -> None:
    """G := G − η ∂J/∂G, where each η is right if J is a parabola along the step before.

    Over the step s the gradient changed by y. A parabola with that slope has its lowest point at
    η = sᵀs / sᵀy: equation (34) in docs/mathematics; Barzilai and Borwein (1988), equation 5. J
    may rise for a step or two. What is higher than all of the last `RECENT` values is tried again
    with half the step: Raydan (1997).
    """
    value, grad = descent.evaluate(descent.x)
    eta, recent = FIRST_CHANGE / _largest(grad), deque([value], RECENT)
    for _ in range(iterations):
        for _ in range(HALVINGS):
            x = (descent.x - descent.x.dtype.type(eta) * grad).astype(descent.x.dtype, copy=False)
            value, next_grad = descent.evaluate(x)
            if value <= max(recent):
                break
            eta /= 2
        else:
            descent.end("stalled", _AS_GOOD_AS)
            return
        s = (x - descent.x).reshape(-1).astype(np.float64)
        y = (next_grad - grad).reshape(-1).astype(np.float64)
        grad = next_grad
        recent.append(value)
        descent.accept(x, value)
        # where the gradient grows along the step there is no lowest point: go further
        eta = float(s @ s / (s @ y)) if s @ y > 0 else 2 * eta  # equation (34)
    descent.end_after(iterations)


def adam_step(
    grad: Array, m: Array, v: Array, t: int, learning_rate: float,
    beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8,
) -> Array:  # fmt: skip
    """Return what step number t, from 1, takes off; m and v, zeros at first, change in place.

    Equation (17) in docs/mathematics; Kingma and Ba (2015), algorithm 1.
    """
    m += (1 - beta1) * (grad - m)
    v += (1 - beta2) * (grad * grad - v)
    m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
    step: Array = learning_rate * m_hat / (np.sqrt(v_hat) + epsilon)  # equation (17)
    return step


def _adam(descent: _Descent, iterations: int, learning_rate: float) -> None:
    """Adam (Kingma and Ba 2015, algorithm 1): every pixel has its own step size."""
    m, v = np.zeros_like(descent.x), np.zeros_like(descent.x)
    _, grad = descent.evaluate(descent.x)
    # Adam does not feel the size of the gradient, but epsilon does
    scale = descent.x.dtype.type(1.0 / _largest(grad))
    for t in range(1, iterations + 1):
        x = np.empty_like(descent.x)
        for some in chunks(x.shape[1], -(-ADAM_NUMBERS * x.shape[1] // x.size)):
            part = (slice(None), some)
            step = adam_step(grad[part] * scale, m[part], v[part], t, learning_rate)
            x[part] = (descent.x[part] - step).astype(x.dtype)
        value, grad = descent.evaluate(x)
        descent.accept(x, value)
    descent.end_after(iterations)


def _length(grad: Array) -> float:
    """Length of a gradient, also of one whose squares its own dtype cannot hold."""
    with np.errstate(over="ignore"):
        length = float(np.linalg.norm(grad))
    if 0 < length < np.inf:
        return length
    largest = _largest(grad)
    return largest * float(np.linalg.norm(grad / largest))


def _largest(grad: Array) -> float:
    """Largest entry without its sign, to divide by."""
    return float(np.abs(grad).max())


keep_former_names(__name__, {"Callback": "StepCallback"})
