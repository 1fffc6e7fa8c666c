"""J(G) and its gradient, with one forward and one backward pass.

    J(G) = α Σ_l λ_l J_content^[l](C, G) + β Σ_l λ_l J_style^[l](S, G) + τ J_tv(G)

Equations (7) and (8) in docs/mathematics; lecture, "Cost function"; Gatys et al. (2015),
equations 5, the sum over style layers, and 7. Total variation is an addition; its weight τ
is 0 unless asked for.

Nothing here is bound to VGG or to pictures: `AnyNetwork` will do, and x may be a signal
(N, L, C), a picture (N, H, W, C) or a volume (N, D, H, W, C).
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from nst_numpy.bands import Bands, InBands
from nst_numpy.bands.gradients import content_loss_in_bands
from nst_numpy.common.arrays import Array
from nst_numpy.common.checks import check_answer, check_number, unwarned
from nst_numpy.common.moved import keep_former_names
from nst_numpy.conventions import (
    CONTENT_LAYERS as CONTENT_LAYERS,
)
from nst_numpy.conventions import (
    KINDS,
    Convention,
    check_convention,
    factors,
    style_layers_of,
)
from nst_numpy.errors import SettingError, ShapeError
from nst_numpy.kernels.threads import single_threaded_blas
from nst_numpy.losses import Losses
from nst_numpy.styles import STYLE_LAYERS as STYLE_LAYERS
from nst_numpy.styles import (
    STYLES,
    Matches,
    Painting,
    StyleLoss,
    Term,
    check_style_loss,
    measure_styles,
    times,
)


@dataclass(frozen=True)
class Coefficients:
    """What each term of J counts, and which layers it looks at.

    Parameters
    ----------
    alpha, beta : float
        Weights of content and style.
    content_layers, style_layers : mapping of str to float, optional
        λ of each layer. Default: VGG's relu4_2 for content, and relu1_1 … relu5_1 with
        λ = 0.2 each for style, as in Gatys et al.; for neighbours relu1_1, relu1_2, …,
        relu4_3 with 0.1 each, as in Kolkin et al.
    tv_weight : float
        Weight τ of the total variation.
    style_loss : {"gram", "wasserstein", "neighbours"}
        How styles are compared; see `nst_numpy.styles`.
    convention : {"lecture", "gatys", "coursera", "johnson", "keras"}
        What the terms are divided by; see `nst_numpy.conventions`. With "johnson" the default
        λ of the style layers are 1.

    Raises
    ------
    SettingError
        A weight is no number, negative or not finite, or all of them are 0; layers are no
        mapping; there is no such style loss or convention, or the two do not go together.

    Examples
    --------
    >>> j = Coefficients(alpha=2.0, beta=0.0, content_layers={"relu4_2": 0.5, "relu3_1": 0.0})
    >>> j.content, j.style, j.names
    ({'relu4_2': 1.0}, {}, {'relu4_2'})
    """

    alpha: float = 1.0
    beta: float = 1e4
    content_layers: Mapping[str, float] | None = None
    style_layers: Mapping[str, float] | None = None
    tv_weight: float = 0.0
    style_loss: StyleLoss = "gram"
    convention: Convention = "lecture"

    def __post_init__(self) -> None:
        """Refuse what cannot be; keep Python's numbers, and the layers that are meant."""
        style_layers = STYLES[check_style_loss(self.style_loss)].layers
        if check_convention(self.convention, self.style_loss) != "lecture":
            style_layers = style_layers_of(self.convention)
        for name in ("alpha", "beta", "tv_weight"):
            object.__setattr__(self, name, check_number(name, getattr(self, name)))
        for name, default in (("content_layers", CONTENT_LAYERS), ("style_layers", style_layers)):
            given = getattr(self, name)
            layers = check_layers(name, default if given is None else given)
            object.__setattr__(self, name, layers)
        if not (self.names or self.tv_weight > 0):
            raise SettingError("every weight is 0: give alpha, beta or tv_weight a value above 0")

    @property
    def content(self) -> dict[str, float]:
        """α λ of each content layer; one of coefficient 0 costs nothing, and is left out."""
        return _above_zero(self.alpha, self.content_layers)

    @property
    def style(self) -> dict[str, float]:
        """β λ of each style layer, likewise."""
        return _above_zero(self.beta, self.style_layers)

    @property
    def names(self) -> set[str]:
        """The layers that count."""
        return {*self.content, *self.style}

    @property
    def named(self) -> set[str]:
        """The layers that are named, also those that count 0."""
        return {*(self.content_layers or ()), *(self.style_layers or ())}


def check_layers(what: str, layers: Any) -> dict[str, float]:
    """Refuse what does not map layer names to weights; return a dict of Python's numbers."""
    if isinstance(layers, Mapping) and all(isinstance(name, str) for name in layers):
        return {name: check_number(f"the weight of {name}", v) for name, v in layers.items()}
    names = [layers] if isinstance(layers, str) else layers
    listed = isinstance(names, (list, tuple, set)) and names
    example = json.dumps({str(name): 1.0 for name in (names if listed else ["relu1_1"])})
    raise SettingError(f"{what} must map layers to weights, not {layers!r}: write {example}")


def _above_zero(coefficient: float, layers: Mapping[str, float] | None) -> dict[str, float]:
    return {name: coefficient * v for name, v in (layers or {}).items() if coefficient * v > 0}


class AnyNetwork(Protocol):
    """What the objective asks of a network: four methods. VGG has them, and yours may."""

    dtype: np.dtype[Any]

    def check_names(self, names: Iterable[str]) -> list[str]:
        """Sort layer names from the input upwards; an unknown one is an error."""

    def feature_shapes(
        self, shape: tuple[int, ...], /, names: Iterable[str] | None = None
    ) -> dict[str, tuple[int, ...]]:
        """Return the shape of each layer's activation for an input of `shape`."""

    def forward(self, x: Array, names: Iterable[str], /) -> Mapping[str, Array]:
        """Compute the activations of the named layers."""

    def backward(self, grads: Mapping[str, Any], /) -> Array:
        """Carry gradients at layers of the last `forward` back to its x."""


class Objective:
    """The function that style transfer minimises.

    Parameters
    ----------
    vgg : VGG or Sequential
        Any object with the four methods of `AnyNetwork`.
    content_x, style_x : ndarray, (N, *sizes, C)
        What the network reads; pictures (1, H, W, 3) for VGG. They may differ in size. In place of
        style_x several of `styles.Painting`, each with its weight and its regions.
    alpha, beta : float
        Weights of content and style.
    content_layers, style_layers : mapping of str to float, optional
        λ of each layer; for these and their defaults see `Coefficients`.
    tv_weight : float
        Weight τ of the total variation.
    style_loss : {"gram", "wasserstein", "neighbours"}
        How styles are compared. Neighbours are found for the x of the first call, and stay: J
        is one function. A new objective finds new ones.
    convention : {"lecture", "gatys", "coursera", "johnson", "keras"}
        What the terms are divided by; see `nst_numpy.conventions`.
    losses : Losses, optional
        The functions to use in place of `content_loss`, `gram_matrix` and `style_loss`.
    band_rows : int, optional
        Compute the same J and gradient so many rows of the picture at a time, in bounded memory;
        see `nst_numpy.bands`. A `Bands` also says that what is kept goes into a file.

    Attributes
    ----------
    terms : dict of str to float
        The terms of the last call, coefficients included ("content/relu4_2",
        "style/relu1_1", …, "style/neighbours", "tv"; of several paintings "style/1/relu1_1", …).
        They add up to J exactly.
    measured_style : Style
        What is known of the style picture; see `nst_numpy.styles`.

    Raises
    ------
    SettingError
        As `Coefficients`; losses of your own beside a style loss that is not "gram", a
        convention that is not "lecture", or band_rows; a network that has no bands.
    UnknownNameError
        A layer that the network does not have.
    GradientError, ShapeError
        A loss of your own gives no value and gradient, or a gradient of another shape.
    """

    def __init__(
        self,
        vgg: AnyNetwork,
        content_x: Array,
        style_x: Array | Sequence[Painting],
        *,
        alpha: float = Coefficients.alpha,
        beta: float = Coefficients.beta,
        content_layers: Mapping[str, float] | None = None,
        style_layers: Mapping[str, float] | None = None,
        tv_weight: float = Coefficients.tv_weight,
        style_loss: StyleLoss = Coefficients.style_loss,
        convention: Convention = Coefficients.convention,
        losses: Losses | None = None,
        band_rows: int | Bands | None = None,
    ) -> None:
        coefficients = Coefficients(
            alpha, beta, content_layers, style_layers, tv_weight, style_loss, convention
        )
        check_convention(convention, style_loss, losses)
        if band_rows is not None:
            vgg = _in_bands(vgg, band_rows, losses)
        self.vgg, self.convention = vgg, convention
        self.tv_weight = float(coefficients.tv_weight)
        self.content, self.style = coefficients.content, coefficients.style
        self.names = vgg.check_names(coefficients.names)
        self.terms: dict[str, float] = {}
        self.shape = content_x.shape
        if convention != "lecture" and self.names:
            more = factors(convention, vgg, self.shape, self.content, self.style)
            self.content = {name: v * more.content[name] for name, v in self.content.items()}
            self.style = {name: v * more.style[name] for name, v in self.style.items()}
        self.content_targets: Mapping[str, Array] = {}
        self.losses = Losses() if losses is None else losses
        with unwarned():
            if self.content:
                self.content_targets = vgg.forward(content_x, self.content)
            self.measured_style = measure_styles(
                style_loss, vgg, self.shape, style_x, self.style, losses
            )

    @property
    def style_targets(self) -> Any:
        """What the style loss compares with: of each layer, or of all neighbours."""
        return self.measured_style.targets

    @property
    def matches(self) -> Matches | dict[int, Matches] | None:
        """The neighbours; None before the first call, and for style losses that have none."""
        return getattr(self.measured_style, "matches", None)

    @property
    def floor(self) -> float:
        """What J cannot fall below, as far as it is known: above 0 where paintings contradict."""
        return getattr(self.measured_style, "floor", 0.0)

    def __call__(self, x: Array) -> tuple[float, Array]:
        """Return J(x) and ∂J/∂x.

        Parameters
        ----------
        x : ndarray, shaped like content_x

        Returns
        -------
        value : float
        grad_x : ndarray, shaped like x
        """
        with single_threaded_blas(), unwarned():
            terms, grads = self._measure(x)
            grad_x = self.vgg.backward(_by_layer(grads)) if terms else np.zeros_like(x)
            if self.tv_weight > 0:
                terms["tv"], grad = self._tv_term(x)
                grad_x = grad_x + grad
        self.terms = terms
        return sum(terms.values()), grad_x  # equations (7), (8)

    def measure(self, x: Array) -> dict[str, float]:
        """Return the terms of J(x), but the total variation, after a forward pass alone.

        Parameters and errors are those of `gradient_terms`. Keys as in `terms`.
        """
        with unwarned(), single_threaded_blas():
            return self._measure(x)[0]

    def gradient_terms(self, x: Array) -> dict[str, Array]:
        """Return each term's own gradient for x; they add up to that of J.

        One forward pass, and a backward pass for each term.

        Parameters
        ----------
        x : ndarray, shaped like content_x

        Returns
        -------
        dict of str to ndarray, shaped like x
            Coefficients included. Keys as in `terms`.

        Raises
        ------
        ShapeError
            x has another shape.
        """
        with unwarned():
            _, grads = self._measure(x)
            gradients = {term: self.vgg.backward(grad) for term, grad in grads.items()}
            if self.tv_weight > 0:
                gradients["tv"] = self._tv_term(x)[1]
        return gradients

    def _measure(self, x: Array) -> tuple[dict[str, float], dict[str, dict[str, Any]]]:
        """Run forward; return the value of each term, and its gradient at one layer or several."""
        if x.shape != self.shape:
            raise ShapeError(
                f"Objective: x must be shaped like content_x {self.shape}, not {x.shape}"
            )
        features = self.vgg.forward(x, self.names) if self.names else {}
        passes = getattr(self.vgg, "passes", None)
        terms = [*self._content_terms(features), *self.measured_style.terms(features)]
        if getattr(self.vgg, "passes", None) != passes:
            raise SettingError(
                "Objective: a loss has called forward of the network that it is measured with, "
                "which now remembers another x: give the loss a network of its own"
            )
        terms.sort(key=lambda term: max(self.names.index(layer) for layer in term[2]))
        return {term: value for term, value, _ in terms}, {term: grad for term, _, grad in terms}

    def _content_terms(self, features: Mapping[str, Array]) -> Iterator[Term]:
        for name, coefficient in self.content.items():
            term = f"content/{name}"
            a, target = features[name], self.content_targets[name]
            if isinstance(a, InBands) and isinstance(target, InBands):
                value, grad = content_loss_in_bands(a, target, coefficient)
                yield term, value, {name: grad}
                continue
            answer = self.losses.content_loss(a, target)
            value, grad = check_answer(f"Objective: {term}", answer, features[name].shape)
            value, grad = times(coefficient, value, grad)
            yield term, value, {name: grad}

    def _tv_term(self, x: Array) -> tuple[float, Array]:
        value, grad = KINDS[self.convention].variation(x)
        grad *= self.tv_weight
        return self.tv_weight * value, grad


def _by_layer(grads: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Add up the gradients of each layer; `grads` is emptied, so that nobody else keeps them."""
    sums: dict[str, Any] = {}
    while grads:
        _, of_layers = grads.popitem()
        while of_layers:
            layer, grad = of_layers.popitem()
            sums[layer] = sums[layer] + grad if layer in sums else grad
    return sums


def _in_bands(vgg: AnyNetwork, rows: int | Bands, losses: Losses | None) -> AnyNetwork:
    """Return the network, run in bands."""
    if losses is not None:
        raise SettingError(
            "band_rows: losses of your own need whole activations: leave one of the two out"
        )
    in_bands = getattr(vgg, "in_bands", None)
    if in_bands is None:
        raise SettingError(
            f"band_rows: a {type(vgg).__name__} is no network of this package, and cannot be run "
            "in bands: leave band_rows out, and use a size that fits into memory"
        )
    banded: AnyNetwork = in_bands(rows if isinstance(rows, Bands) else Bands(rows))
    return banded


keep_former_names(__name__, {"Network": "AnyNetwork", "check_weights": "Coefficients"})
