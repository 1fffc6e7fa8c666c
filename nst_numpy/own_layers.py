"""Layers and losses of your own: read from a file, checked, and put in place of the package's.

A file may define any of these:

- `conv_forward(x, w, b, stride=1, pad=0)` and `conv_backward(grad_out, cache)`,
- `relu_forward(x)` and `relu_backward(grad_out, cache)`,
- `max_pool_forward(x)` and `max_pool_backward(grad_out, cache)`, and the same with `avg`,
- `content_loss(a, target)` and `style_loss(a, target_gram)`, each with value and gradient,
- `gram_matrix(a)`.

Answers to the assignments a1 to a4 and a8 are taken as they are handed in: of one sample, with
`input_gradient`, `content_gradient` and `style_gradient` as functions of their own.
"""

import hashlib
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from nst_numpy.common.arrays import Array
from nst_numpy.common.checks import kind_of
from nst_numpy.errors import GradientError, NstError, SettingError
from nst_numpy.files import PathLike, expand_input
from nst_numpy.gradcheck import check_backward, check_gradient
from nst_numpy.gradcheck.loading import execute
from nst_numpy.kernels.windows import make_window
from nst_numpy.layers import reference
from nst_numpy.losses import Losses, content_loss, gram_matrix, style_loss
from nst_numpy.network import Network
from nst_numpy.objective import AnyNetwork

OwnFunction = Callable[..., Any]
LayerFunctions = tuple[OwnFunction, OwnFunction]

KINDS = ("conv", "relu", "max_pool", "avg_pool")
TOLERANCE = 1e-6  # relative, of a value, in float64


class OwnLayers(NamedTuple):
    """What a file defines, checked.

    Attributes
    ----------
    path : Path
    sha256 : str
        Of the file.
    functions : tuple of str
        The names that were taken.
    layers : dict of str to (forward, backward)
        As `Network.with_layers` takes them.
    losses : Losses or None
        As `Objective` takes them; None where the file defines none.
    """

    path: Path
    sha256: str
    functions: tuple[str, ...]
    layers: dict[str, LayerFunctions]
    losses: Losses | None

    def applied_to(self, network: AnyNetwork) -> AnyNetwork:
        """Return the network with these layers, on the plain engine; itself if there are none."""
        if not self.layers:
            return network
        if not isinstance(network, Network):
            raise SettingError(
                f"{self.path}: layers of your own can take the place of a Network's only, not "
                f"of those of {type(network).__name__}: give no vgg, or a VGG"
            )
        return network.with_layers(**self.layers)

    def as_dict(self) -> dict[str, str]:
        """Return what a run's settings say of it, ready for JSON."""
        names = ", ".join(self.functions)
        return {"file": str(self.path), "sha256": self.sha256, "functions": names}


def load_own(path: PathLike) -> OwnLayers:
    """Run a file and take the layers and losses that it defines, each checked on small inputs.

    Values are compared with `layers.reference` and the package's losses, gradients with what
    the functions themselves do.

    Parameters
    ----------
    path : str or Path
        A Python file; it is executed.

    Returns
    -------
    OwnLayers

    Raises
    ------
    SettingError
        There is no such file, it cannot be run, or defines nothing of what is looked for.
    GradientError
        A function is wrong; the message says how.
    """
    file = expand_input(path, SettingError)
    defined = {name: f for name, f in vars(execute(file)).items() if callable(f)}
    layers, taken = {}, []
    for kind in KINDS:
        names = _names_of_pair(file, kind, defined)
        if names is not None:
            layers[kind] = _checked_layer(file, kind, *(defined[name] for name in names))
            taken += names
    losses, names_of_losses = _checked_losses(file, defined)
    taken += names_of_losses
    if not taken:
        raise SettingError(
            f"{file} defines no layer and no loss: name the functions conv_forward and "
            "conv_backward, relu_forward and relu_backward, content_loss, style_loss and so on"
        )
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    return OwnLayers(file, sha256, tuple(taken), layers, losses)


# ---- layers


def _names_of_pair(file: Path, kind: str, defined: Mapping[str, OwnFunction]) -> list[str] | None:
    """Name a layer's two functions; None if the file has neither."""
    forward, backward = f"{kind}_forward", f"{kind}_backward"
    if kind == "conv" and backward not in defined and "input_gradient" in defined:
        backward = "input_gradient"
    have = [name in defined for name in (forward, backward)]
    if any(have) and not all(have):
        missing = backward if have[0] else forward
        raise SettingError(f"{file} defines {forward if have[0] else backward} but no {missing}")
    return [forward, backward] if all(have) else None


def _checked_layer(
    file: Path, kind: str, forward: OwnFunction, backward: OwnFunction
) -> LayerFunctions:
    """Find out how the functions want to be called, and refuse them if they are wrong."""
    inputs, options, want = _trial(kind)
    wrong = []
    for adapt in (_all_at_once, _one_by_one):  # one of the two ways of calling may be right
        pair = adapt(forward, backward)
        try:
            _try_forward(file, forward.__name__, partial(pair[0], **options), inputs, want)
            break
        except _CallError as error:
            wrong.append(str(error))
    else:
        shape = inputs["x"].shape
        raise GradientError(
            f"{file}: {forward.__name__} of x {shape} {wrong[0]}; of each x {shape[1:]} "
            f"{wrong[1]}: try it on small arrays"
        )
    only_x = backward.__name__ == "input_gradient"
    checked = {"x": inputs["x"]} if only_x else inputs
    fixed = {name: value for name, value in inputs.items() if name not in checked}
    report = check_backward(partial(pair[0], **fixed, **options), pair[1], checked)
    _refuse_wrong(file, backward.__name__, report)
    return _named(file, forward, pair[0]), _named(file, backward, pair[1])


def _named(file: Path, function: OwnFunction, called: OwnFunction) -> OwnFunction:
    """Say which function of the file it was, where one that was right on small arrays fails."""

    def named(x: Array, *more: Any, **options: Any) -> Any:
        who = f"{file}: {function.__name__} of an array {x.shape}"
        try:
            result = called(x, *more, **options)
        except (NstError, MemoryError):
            raise
        except _CallError as error:
            raise GradientError(f"{who} {error}") from error
        except (Exception, SystemExit) as error:
            raise GradientError(f"{who} raises {_said(error)}: try it on larger arrays") from error
        first = result[0] if isinstance(result, (tuple, list)) and result else result
        if not isinstance(first, np.ndarray) or first.dtype != x.dtype:
            what = f"an array of {first.dtype}" if isinstance(first, np.ndarray) else kind_of(first)
            raise GradientError(f"{who} gives {what}, not an array of {x.dtype}")
        return result

    return named


def _trial(kind: str) -> tuple[dict[str, Array], dict[str, int], Array]:
    """Make small inputs for a kind of layer, with the options of VGG, and its output."""
    rng = np.random.default_rng(0)
    x = rng.permutation(np.linspace(-2, 2, 2 * 5 * 6 * 3)).reshape(2, 5, 6, 3)  # no ties, no 0
    if kind == "conv":
        w, b = rng.standard_normal((3, 3, 3, 4)), rng.standard_normal(4)
        window = make_window("trial", x.shape[1:3], (3, 3), 1, 1)
        inputs = {"x": x, "w": w, "b": b}
        return inputs, {"stride": 1, "pad": 1}, reference.conv_forward(x, w, b, window)
    if kind == "relu":
        return {"x": x}, {}, reference.relu(x, None)[0]
    pool = reference.max_pool if kind == "max_pool" else reference.avg_pool
    return {"x": x}, {}, pool(x, None, make_window("trial", x.shape[1:3], (2, 2), 2, 0))[0]


class _CallError(Exception):
    """A function of a file does not work if it is called in this way; the text says why."""


def _try_forward(
    file: Path, name: str, forward: OwnFunction, inputs: Mapping[str, Array], want: Array
) -> None:
    """Call a layer's forward function, and refuse values that are not those of the definition."""
    given = {key: value.copy() for key, value in inputs.items()}
    try:
        out, _ = forward(**given)
    except _CallError:
        raise
    except (Exception, SystemExit) as error:
        raise _CallError(f"raises {_said(error)}") from error
    if out.shape != want.shape:
        raise _CallError(f"gives the shape {out.shape}, not {want.shape}")
    _compare(file, name, out, want)
    for key, value in given.items():
        if not np.array_equal(value, inputs[key]):
            raise GradientError(
                f"{file}: {name} writes into {key}, which others use too: compute a new array"
            )


def _out_and_cache(result: Any, x: Array) -> tuple[Array, Any]:
    """Take apart what a forward function returns."""
    if not isinstance(result, (tuple, list)) or len(result) != 2:
        raise _CallError(f"returns {kind_of(result)}, not out and cache")
    return _like(np.asarray(result[0]), x), result[1]


def _said(error: BaseException) -> str:
    """Write an error on one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def _all_at_once(forward: OwnFunction, backward: OwnFunction) -> LayerFunctions:
    """Call functions that take a batch (N, H, W, C)."""

    def whole_forward(x: Array, *params: Array, **options: Any) -> tuple[Array, Any]:
        return _out_and_cache(forward(x, *params, **options), x)

    def whole_backward(grad_out: Array, cache: Any) -> Any:
        return _like(backward(grad_out, cache), grad_out)

    return whole_forward, whole_backward


def _one_by_one(forward: OwnFunction, backward: OwnFunction) -> LayerFunctions:
    """Call functions that take one sample (n_H, n_W, n_C)."""

    def each_forward(x: Array, *params: Array, **options: Any) -> tuple[Array, Any]:
        results = [_out_and_cache(forward(each, *params, **options), x) for each in x]
        outs, caches = zip(*results, strict=True)
        return np.stack(outs), caches

    def each_backward(grad_out: Array, caches: Any) -> Any:
        grads = [backward(grad, cache) for grad, cache in zip(grad_out, caches, strict=True)]
        if not isinstance(grads[0], (tuple, list)):
            return _like(np.stack(grads), grad_out)
        grad_x, *of_params = zip(*grads, strict=True)
        # samples stand side by side in grad_x, and add up in the parameters' gradients
        return _like((np.stack(grad_x), *(sum(grad) for grad in of_params)), grad_out)

    return each_forward, each_backward


def _like(value: Any, x: Array) -> Any:
    """Give arrays the dtype of x: functions that begin with np.zeros make float64 of anything."""
    if isinstance(value, (tuple, list)):
        return tuple(_like(each, x) for each in value)
    real = isinstance(value, np.ndarray) and value.dtype.kind in "fiub"
    return value.astype(x.dtype, copy=False) if real else value


# ---- losses


def _checked_losses(
    file: Path, defined: Mapping[str, OwnFunction]
) -> tuple[Losses | None, list[str]]:
    """Take the losses that a file defines, each checked, and name what was taken."""
    a, other = np.random.default_rng(1).standard_normal((2, 1, 4, 5, 3))
    losses, taken = Losses(), []
    for kind in ("content", "style"):
        if f"{kind}_gradient" in defined and f"{kind}_loss" not in defined:
            raise SettingError(f"{file} defines {kind}_gradient but no {kind}_loss")
    if "gram_matrix" in defined:
        own_gram = defined["gram_matrix"]
        _compare(file, "gram_matrix", _call(file, own_gram, a[0]), gram_matrix(a[0]))
        losses = losses._replace(gram_matrix=lambda a: _like(own_gram(a[0]), a))
        taken.append("gram_matrix")
    if "content_loss" in defined:
        content, names = _loss(file, "content", defined, a, other)
        _check_loss(file, names, content, a, other, content_loss(a, other)[0])
        losses, taken = losses._replace(content_loss=content), [*taken, *names]
    if "style_loss" in defined:
        target = gram_matrix(other)
        style, names = _loss(file, "style", defined, a, other)
        with_activation = len(names) == 2
        losses = losses._replace(style_loss=style, compares_activations=with_activation)
        given = other if with_activation else target
        _check_loss(file, names, style, a, given, style_loss(a, target)[0])
        taken += names
    return (losses if taken else None), taken


def _loss(
    file: Path, kind: str, defined: Mapping[str, OwnFunction], a: Array, other: Array
) -> tuple[OwnFunction, list[str]]:
    """Make a loss (a, target) -> value, gradient of a file's functions, and name them."""
    function, gradient = defined[f"{kind}_loss"], defined.get(f"{kind}_gradient")
    if gradient is None:
        if _is_one_number(function, other[0], a[0]):
            raise SettingError(f"{file} defines {kind}_loss but no {kind}_gradient")

        def of_batch(a: Array, target: Array) -> tuple[Any, Array]:
            result = _call(file, function, a, target)
            if not isinstance(result, (tuple, list)) or len(result) != 2:
                raise GradientError(
                    f"{file}: {kind}_loss returns {kind_of(result)}, not a value and its gradient"
                )
            return _number(result[0]), _like(result[1], a)

        return of_batch, [f"{kind}_loss"]

    def of_one_sample(a: Array, target: Array) -> tuple[Any, Array]:
        value = _call(file, function, target[0], a[0])
        grad = _call(file, gradient, target[0], a[0])
        return _number(value), _like(np.asarray(grad)[None], a)

    return of_one_sample, [f"{kind}_loss", f"{kind}_gradient"]


def _number(value: Any) -> Any:
    """Give a number of NumPy as one of Python, which JSON knows."""
    return value.item() if isinstance(value, (np.generic, np.ndarray)) and not value.ndim else value


def _is_one_number(function: OwnFunction, *activations: Array) -> bool:
    """Say whether a loss gives a value alone for two activations of one sample."""
    try:
        value = function(*activations)
    except (Exception, SystemExit):  # it may want other arguments
        return False
    return isinstance(value, (int, float, np.generic, np.ndarray)) and np.size(value) == 1


def _check_loss(
    file: Path, names: list[str], loss: OwnFunction, a: Array, target: Array, want: float
) -> None:
    value, grad = loss(a, target)
    _compare(file, names[0], value, want)
    report = check_gradient(lambda v: loss(v, target)[0], a, grad)
    _refuse_wrong(file, names[-1], report)


# ---- saying what is wrong


def _call(file: Path, function: OwnFunction, *arguments: Any) -> Any:
    name = getattr(function, "__name__", "a function")
    try:
        result = function(*arguments)
    except (NstError, MemoryError):
        raise
    except (Exception, SystemExit) as error:
        raise GradientError(
            f"{file}: {name} raises {_said(error)}: try it on small arrays"
        ) from error
    if result is None:
        raise GradientError(f"{file}: {name} returns None: is there a return at its end?")
    return result


def _compare(file: Path, name: str, got: Any, want: Any) -> None:
    """Refuse values that are not those of the definition."""
    try:
        got, want = np.asarray(got, dtype=float), np.asarray(want, dtype=float)
    except (TypeError, ValueError) as problem:
        raise GradientError(f"{file}: {name} gives no numbers: {_said(problem)}") from problem
    if got.shape != want.shape:
        raise GradientError(f"{file}: {name} gives the shape {got.shape}, not {want.shape}")
    error = np.abs(got - want)
    if np.all(error <= TOLERANCE * np.abs(want).max()):
        return
    worst = np.unravel_index(np.nanargmax(np.where(np.isnan(error), np.inf, error)), error.shape)
    at = f"[{', '.join(str(int(i)) for i in worst)}]" if worst else ""
    raise GradientError(
        f"{file}: {name} gives other numbers than its definition: {got[worst]:.6g}{at and ' at '}"
        f"{at}, which must be {want[worst]:.6g}"
    )


def _refuse_wrong(file: Path, name: str, report: Any) -> None:
    if not report.ok:
        raise GradientError(f"{file}: {name} is wrong: {report.diagnosis.sentence}")
