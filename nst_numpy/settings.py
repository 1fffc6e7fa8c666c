"""The settings of a run: what each is called, what it is by default, and what it means.

`transfer`, the options of `nst transfer`, the command that repeats a run and the record of
one take them from here.
"""

import inspect
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict, TypeVar, get_args

from nst_numpy.common.checks import check_at_least, check_choice, check_number, is_whole
from nst_numpy.common.moved import keep_former_names
from nst_numpy.conventions import Convention
from nst_numpy.errors import SettingError, UnknownNameError
from nst_numpy.network import ENGINES, EngineName
from nst_numpy.objective import Coefficients
from nst_numpy.optimize import OPTIMIZERS, OptimizerName
from nst_numpy.pictures.palette import COLORS, Colors
from nst_numpy.pictures.starts import Start, is_noisy, is_start
from nst_numpy.styles import StyleLoss
from nst_numpy.vgg import PoolKind

# J_content is a sum over positions, J_style is divided by their square, as in the lecture. A β that
# grows with the picture keeps the balance that the eye sees. This one is for a J that cannot be
# balanced, as it lacks a part; the others are from `balance`.
BETA_PER_PIXEL = 0.1
SMALLEST_SIZE, LARGEST_SIZE = 16, 16384
Init = Start
MOST_STRENGTH = 100
# Measured in docs/defaults; gradient descent gets on by less in each.
MOST_ITERATIONS: dict[OptimizerName, int] = {"lbfgs": 150, "gd": 300, "adam": 150}
PATIENCE = 10
# Painted at one size only, a picture larger than this gets strokes but no large forms: units
# of relu5_1 see 132 pixels. By default a run begins at a size that is not larger.
COARSEST_SIZE = 256
# Convolutions pad with zeros, and answer to the picture's edge. Without a margin there is a
# coloured seam, 2 to 5 pixels inside: docs/defaults.
MARGIN = 4

_PIXELS = (SMALLEST_SIZE, " pixels")
_LEAST = {"size": _PIXELS, "iterations": (1, ""), "patience": (0, ""),
          "scales": (1, ""), "seed": (0, ""), "margin": (0, " pixels")}  # fmt: skip
_CHOICES = {"pool": get_args(PoolKind), "optimizer": OPTIMIZERS, "engine": ENGINES,
            "colors": COLORS}  # fmt: skip
_UNITS = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12,
          "kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40}  # fmt: skip
_Function = TypeVar("_Function", bound=Callable[..., object])


@dataclass(frozen=True)
class Settings:
    """All that decides what a run computes; the same settings give the same picture.

    Parameters
    ----------
    size : int
        Longest side of the result, in pixels.
    iterations : int, optional
        Steps of the optimiser at each scale, at most. Default 150; 300 for "gd".
    strength : float
        How strong the style is, 0 to 100: β is found from the two pictures, so that equal
        strength is equally strong for every pair. 25 more make β ten times as large.
    alpha, beta : float
        Weights of content and style in J = α J_content + β J_style. A beta given here takes the
        place of strength.
    tv_weight : float
        Weight of the total variation; above 0 it smooths the picture.
    content_layers, style_layers : mapping of str to float, optional
        λ of each layer; default {"relu4_2": 1} and relu1_1 … relu5_1 with 0.2 each; for
        neighbours relu1_1, relu1_2, …, relu4_3 with 0.1 each.
    style_loss : {"gram", "wasserstein", "neighbours"}
        How styles are compared: by Gram matrices, by means and covariances, or each place with
        its nearest neighbour in the painting; see `nst_numpy.styles`.
    convention : {"lecture", "gatys", "coursera", "johnson", "keras"}
        What α and β mean: whose factors the losses have; see `nst_numpy.conventions`. For "gram"
        only. With "johnson" λ of the style layers are 1 by default.
    style_weights : list of float, optional
        How much each of several paintings counts. Only their ratios matter: [7, 3] is [0.7, 0.3].
        Default: all alike.
    init : "content", "noise", "uniform", "style", "grey", "mix:0.6", a path or an ndarray
        The picture to start from; see `nst_numpy.pictures.starts`. An ndarray for `transfer` only.
    seed : int
        Of the noise, which is up to 20 around the mean colour of VGG's pictures.
    pool : {"avg", "max"}
        Kind of pooling.
    optimizer : {"lbfgs", "gd", "adam"}
        How J is minimised; see `nst_numpy.optimize`.
    learning_rate : float, optional
        In pixel values, for "gd" and "adam"; without it "gd" finds its own. See
        `nst_numpy.optimize`.
    patience : int, optional
        End a scale after so many iterations that lowered J by less than 5 % together; 0 does not.
        Default 10; 0 if iterations are given, from noise, and for "gd" and "adam".
    scales : int, optional
        Number of sizes to paint at, coarse to fine, each twice the one before. Default: as
        many as it takes to begin at `COARSEST_SIZE` or less.
    style_size : int or list of int, optional
        Longest side of the style picture; default as `size`. Smaller gives finer strokes. A list
        has one for each of several paintings.
    margin : int, optional
        Pixels by which the canvas is wider than the picture, on each side and at each scale. J is
        that of the canvas, on which the content is mirrored; the margin is cut off. Default 4
        where patience is 10 by default, but 0 with own layers and for neighbours, which find a
        place for each place of the picture.
    colors : {"style", "content", "match", "match-cholesky", "histogram"}
        Whose colours the result has: what the style makes of them; the photograph's, with the
        luminance of what was painted; or the painting's mean and covariance of colours, given to
        the photograph before the run, by one root or the other; or its histograms, given to the
        result after the run. See `nst_numpy.pictures.palette`.
    engine : {"fused", "plain"}
        How the network is run: "plain" is its definition, two loops; "fused" the same, fast.
    minutes : float, optional
        End the run after this time: each scale gets the share that its iterations cost, so that
        the finest is reached. What was done in it depends on the machine.
    memory : str or int, optional
        What the run may take, "3GB" or bytes. A scale that does not fit whole is painted in bands
        of rows, with the same J; where L-BFGS does not fit it remembers less, or Adam takes its
        place. Default: all that is free if the run fits whole, else 60 % of it. See
        `nst_numpy.bands`.

    Raises
    ------
    SettingError
        A value that cannot work.
    """

    size: int = 512
    iterations: int | None = None
    strength: float = 50.0
    alpha: float = Coefficients.alpha
    beta: float | None = None
    tv_weight: float = Coefficients.tv_weight
    content_layers: Mapping[str, float] | None = None
    style_layers: Mapping[str, float] | None = None
    style_loss: StyleLoss = Coefficients.style_loss
    convention: Convention = Coefficients.convention
    style_weights: Sequence[float] | None = None
    init: Init | str = "content"
    seed: int = 0
    pool: PoolKind = "avg"
    optimizer: OptimizerName = "lbfgs"
    learning_rate: float | None = None
    patience: int | None = None
    scales: int | None = None
    style_size: int | Sequence[int] | None = None
    margin: int | None = None
    colors: Colors = "style"
    engine: EngineName = "fused"
    minutes: float | None = None
    memory: str | int | None = None

    def __post_init__(self) -> None:
        """Refuse at the door what cannot work; keep Python's numbers, as JSON knows no others."""
        for name, (least, unit) in _LEAST.items():
            if self._is_given(name):
                self._keep(name, check_at_least(name, getattr(self, name), least, unit))
        self._keep("memory", read_memory(self.memory))
        self._keep("style_size", _check_sizes(self.style_size))
        self._keep("style_weights", _check_weights(self.style_weights))
        if self.size >> ((self.scales or 1) - 1) < SMALLEST_SIZE:
            raise SettingError(
                f"{self.scales} scales from size {self.size} end below {SMALLEST_SIZE} pixels: "
                "use fewer scales or a larger size"
            )
        for name, choices in _CHOICES.items():
            check_choice(name, getattr(self, name), choices)
        for name in ("learning_rate", "minutes"):
            if self._is_given(name):
                self._keep(name, check_number(name, getattr(self, name), zero=False))
        if self.margin and self.style_loss == "neighbours":
            raise SettingError("margin must be 0 for neighbours: leave it out")
        is_start(self.init)  # a mixture of nothing is refused
        self._keep("strength", check_number("strength", self.strength))
        if self.strength > MOST_STRENGTH:
            raise SettingError(f"strength must be from 0 to 100, not {self.strength:g}")
        checked = self.coefficients()
        for name, value in vars(checked).items():
            if name != "beta" or self._is_given("beta"):
                self._keep(name, value)

    def coefficients(self, beta: float | None = None) -> Coefficients:
        """Return the coefficients of J, for the β of a scale; without one, for that given, or 1."""
        given = 1.0 if self.beta is None else self.beta
        beta = given if beta is None else beta
        return Coefficients(
            self.alpha,
            beta,
            self.content_layers,
            self.style_layers,
            self.tv_weight,
            self.style_loss,
            self.convention,
        )

    @property
    def most_iterations(self) -> int:
        """Iterations at each scale, at most."""
        return MOST_ITERATIONS[self.optimizer] if self.iterations is None else self.iterations

    @property
    def goes_by_itself(self) -> bool:
        """Whether nothing is said of how the run goes on; what is said is done to the letter."""
        return self.optimizer == "lbfgs" and not is_noisy(self.init) and self.iterations is None

    @property
    def used_patience(self) -> int:
        """The patience given, or that which goes with the other settings.

        >>> Settings().used_patience, Settings(iterations=150).used_patience
        (10, 0)
        """
        if self.patience is not None:
            return self.patience
        return PATIENCE if self.goes_by_itself else 0

    @property
    def used_margin(self) -> int:
        """The margin given, or that which goes with the other settings."""
        if self.margin is not None:
            return self.margin
        return MARGIN if self.goes_by_itself and self.style_loss != "neighbours" else 0

    def passes(self, scales: int) -> list[tuple[int, int]]:
        """List the passes of a run: the scale of each, and its iterations.

        Each pass finds its neighbours anew, so a run with neighbours does the last scale's
        iterations in two passes.

        >>> Settings(iterations=150).passes(2)
        [(0, 150), (1, 150)]
        >>> Settings(iterations=150, style_loss="neighbours").passes(2)
        [(0, 150), (1, 75), (1, 75)]
        """
        most = self.most_iterations
        every = [(scale, most) for scale in range(scales)]
        if self.style_loss != "neighbours" or most < 2:
            return every
        return [*every[:-1], (scales - 1, most - most // 2), (scales - 1, most // 2)]

    def _is_given(self, name: str) -> bool:
        """Whether a setting has a value; None is one only where it is the default."""
        return getattr(self, name) is not None or getattr(Settings, name) is not None

    def _keep(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)


class GivenSettings(TypedDict, total=False):
    """What type checkers know of `**settings`: the fields of `Settings`, but `init`."""

    size: int
    iterations: int | None
    strength: float
    alpha: float
    beta: float | None
    tv_weight: float
    content_layers: Mapping[str, float] | None
    style_layers: Mapping[str, float] | None
    style_loss: StyleLoss
    convention: Convention
    style_weights: Sequence[float] | None
    seed: int
    pool: PoolKind
    optimizer: OptimizerName
    learning_rate: float | None
    patience: int | None
    scales: int | None
    style_size: int | Sequence[int] | None
    margin: int | None
    colors: Colors
    engine: EngineName
    minutes: float | None
    memory: str | int | None


def refuse_too_large(settings: Settings) -> None:
    """Refuse a size, or one of the paintings', beyond `LARGEST_SIZE`."""
    for name in ("size", "style_size"):
        given = getattr(settings, name) or 0
        largest = max(given) if isinstance(given, tuple) else given
        if largest > LARGEST_SIZE:
            raise SettingError(
                f"{name} must be at most {LARGEST_SIZE} pixels, not {largest}: give a smaller size"
            )


def read_memory(given: Any) -> int | None:
    """Read "3GB", or a number of bytes.

    >>> read_memory("3GB"), read_memory("1.5 GiB"), read_memory(2_000_000)
    (3000000000, 1610612736, 2000000)
    """
    if given is None or is_whole(given):
        return None if given is None else int(given)
    found = re.fullmatch(r"\s*(\d{1,15}(?:\.\d*)?)\s*([a-z]*)\s*", str(given).lower())
    if isinstance(given, str) and found and found[2] in _UNITS:
        count = int(float(found[1]) * _UNITS[found[2]])
        if count > 0:
            return count
    raise SettingError(f"memory {given!r:.40} is no amount: write it as 3GB, 500MB or 2GiB")


def _check_sizes(given: Any) -> int | tuple[int, ...] | None:
    """Refuse what is no size of a painting, nor a list of them."""
    if given is None:
        return None
    if not isinstance(given, (list, tuple)):
        return check_at_least("style_size", given, *_PIXELS)
    return tuple(check_at_least("style_size", size, *_PIXELS) for size in given)


def _check_weights(given: Any) -> tuple[float, ...] | None:
    """Refuse what is no list of weights, and weights of which none is above 0."""
    if given is None:
        return None
    if not isinstance(given, (list, tuple)):
        raise SettingError(f"style_weights must be a list of numbers, not {given!r}")
    weights = tuple(check_number("a style weight", weight) for weight in given)
    if not any(weights):
        raise SettingError("style_weights add up to 0: give one of the paintings more than 0")
    return weights


def default_scales(size: int) -> int:
    """Count the sizes from `COARSEST_SIZE` or less up to `size`, each twice the one before.

    >>> [default_scales(size) for size in (200, 256, 257, 512, 1024)]
    [1, 1, 2, 2, 3]
    """
    return 1 + max(0, math.ceil(math.log2(size / COARSEST_SIZE)))


def show_settings(function: _Function) -> _Function:
    """Show the fields of `Settings` in the signature and docstring of a function of **settings.

    So `help`, notebooks and editors name each of them, and all the same it stands once.
    """
    own = inspect.signature(function)
    every = own.parameters.values()
    shown = {p.name: p for p in every if p.kind is p.POSITIONAL_OR_KEYWORD}
    for name, p in inspect.signature(Settings).parameters.items():
        shown[name] = p.replace(kind=p.KEYWORD_ONLY)
    # its own word for a setting counts, but its default: `transfer` takes more kinds of `init`
    for p in (p for p in every if p.kind is p.KEYWORD_ONLY):
        shown[p.name] = p.replace(default=shown[p.name].default) if p.name in shown else p
    function.__dict__["__signature__"] = own.replace(parameters=list(shown.values()))
    function.__annotations__ = {name: p.annotation for name, p in shown.items()}
    function.__annotations__["return"] = own.return_annotation
    if function.__doc__ and Settings.__doc__:  # python -OO has none
        [section] = re.findall(
            r"^-{10}\n(.*?)\n\n", inspect.cleandoc(Settings.__doc__), re.M | re.S
        )
        doc = inspect.cleandoc(function.__doc__)
        function.__doc__ = doc.replace("**settings\n    See `Settings`.", section)
    return function


def refuse_unknown(names: Iterable[str], function: Callable[..., object]) -> None:
    """Refuse a setting that a function of **settings does not have, and name the nearest."""
    parameters = inspect.signature(function).parameters
    known = [name for name, p in parameters.items() if p.kind is p.KEYWORD_ONLY]
    for name in names:
        if name not in known:
            raise UnknownNameError.of("setting", name, known)


keep_former_names(
    __name__,
    {"NOISE": "nst_numpy.pictures.starts.NOISE", "INITS": "nst_numpy.pictures.starts.STARTS"},
)
