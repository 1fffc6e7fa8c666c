"""J(G) and its gradient, with one forward and one backward pass.

    J(G) = α Σ_l λ_l J_content^[l](C, G) + β Σ_l λ_l J_style^[l](S, G) + τ J_tv(G)

Equations (7) and (8) in docs/mathematics; lecture, "Cost function"; Gatys et al. (2015),
equations 5, the sum over style layers, and 7. Total variation is an addition; its weight τ
is 0 unless asked for.

Nothing here is bound to VGG or to pictures: `AnyNetwork` will do, and x may be a signal
(N, L, C), a picture (N, H, W, C) or a volume (N, D, H, W, C).
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from nst_numpy.common.arrays import Array
from nst_numpy.common.checks import check_answer, check_array, check_number, unwarned
from nst_numpy.common.moved import former_names
from nst_numpy.errors import SettingError, ShapeError
from nst_numpy.fused.gradients import style_loss_in_parts
from nst_numpy.kernels.threads import single_threaded_blas
from nst_numpy.losses import Losses, total_variation_loss

CONTENT_LAYERS = {"relu4_2": 1.0}
STYLE_LAYERS = {f"relu{block}_1": 0.2 for block in range(1, 6)}


@dataclass(frozen=True)
class Coefficients:
    """What each term of J counts, and which layers it looks at.

    Parameters
    ----------
    alpha, beta : float
        Weights of content and style.
    content_layers, style_layers : mapping of str to float, optional
        λ of each layer. Default: VGG's relu4_2 for content, and relu1_1 … relu5_1 with
        λ = 0.2 each for style, as in Gatys et al.
    tv_weight : float
        Weight τ of the total variation.

    Raises
    ------
    SettingError
        A weight is no number, negative or not finite, or all of them are 0; layers are no
        mapping.

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

    def __post_init__(self) -> None:
        """Refuse what cannot be; keep Python's numbers, and the layers that are meant."""
        for name in ("alpha", "beta", "tv_weight"):
            object.__setattr__(self, name, check_number(name, getattr(self, name)))
        for name, default in (("content_layers", CONTENT_LAYERS), ("style_layers", STYLE_LAYERS)):
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
        What the network reads; pictures (1, H, W, 3) for VGG. They may differ in size: the
        style's Gram matrices are scaled to the generated x's number of positions.
    alpha, beta : float
        Weights of content and style.
    content_layers, style_layers : mapping of str to float, optional
        λ of each layer; for these and their defaults see `Coefficients`.
    tv_weight : float
        Weight τ of the total variation.
    losses : Losses, optional
        The functions to use in place of `content_loss`, `gram_matrix` and `style_loss`.

    Attributes
    ----------
    terms : dict of str to float
        The terms of the last call, coefficients included ("content/relu4_2",
        "style/relu1_1", …, "tv"). They add up to J exactly.

    Raises
    ------
    SettingError
        As `Coefficients`.
    UnknownNameError
        A layer that the network does not have.
    GradientError, ShapeError
        A loss of your own gives no value and gradient, or a gradient of another shape.
    """

    def __init__(
        self,
        vgg: AnyNetwork,
        content_x: Array,
        style_x: Array,
        *,
        alpha: float = Coefficients.alpha,
        beta: float = Coefficients.beta,
        content_layers: Mapping[str, float] | None = None,
        style_layers: Mapping[str, float] | None = None,
        tv_weight: float = Coefficients.tv_weight,
        losses: Losses | None = None,
    ) -> None:
        coefficients = Coefficients(alpha, beta, content_layers, style_layers, tv_weight)
        self.vgg = vgg
        self.tv_weight = float(coefficients.tv_weight)
        self.content, self.style = coefficients.content, coefficients.style
        self.names = vgg.check_names(coefficients.names)
        self.terms: dict[str, float] = {}
        self.shape = content_x.shape
        self.content_targets: Mapping[str, Array] = {}
        self.style_targets: dict[str, Array] = {}
        # the fused engine takes the style gradient in parts: it is never there whole
        self._in_parts = losses is None and getattr(vgg, "engine", None) == "fused"
        self.losses = Losses() if losses is None else losses
        with unwarned():
            self._set_targets(content_x, style_x)

    def _set_targets(self, content_x: Array, style_x: Array) -> None:
        """Measure once what never changes: content activations and style Gram matrices."""
        if self.content:
            self.content_targets = self.vgg.forward(content_x, self.content)
        if self.style:
            features = self.vgg.forward(style_x, self.style)
            sizes = self.vgg.feature_shapes(self.shape, self.style)
            for name, a in features.items():
                positions = np.prod(sizes[name][:-1]) / np.prod(a.shape[:-1])
                if self.losses.compares_activations:
                    self.style_targets[name] = a
                else:
                    gram = check_array(
                        "Objective: the Gram matrix", self.losses.gram_matrix(a), (a.shape[-1],) * 2
                    )
                    self.style_targets[name] = gram * a.dtype.type(positions)

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
        return sum(terms.values()), grad_x

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
            gradients = {
                term: self.vgg.backward({term.split("/")[1]: grad}) for term, grad in grads.items()
            }
            if self.tv_weight > 0:
                gradients["tv"] = self._tv_term(x)[1]
        return gradients

    def _measure(self, x: Array) -> tuple[dict[str, float], dict[str, Any]]:
        """Run forward; return the value of each layer's terms, and the gradient of each."""
        if x.shape != self.shape:
            raise ShapeError(
                f"Objective: x must be shaped like content_x {self.shape}, not {x.shape}"
            )
        values: dict[str, float] = {}
        grads: dict[str, Any] = {}
        features = self.vgg.forward(x, self.names) if self.names else {}
        passes = getattr(self.vgg, "passes", None)
        for name, a in features.items():
            if name in self.content:
                term = f"content/{name}"
                answer = self.losses.content_loss(a, self.content_targets[name])
                value, grad = check_answer(f"Objective: {term}", answer, a.shape)
                values[term], grads[term] = _times(self.content[name], value, grad)
            if name in self.style:
                term = f"style/{name}"
                values[term], grads[term] = self._style_term(a, name)
        if getattr(self.vgg, "passes", None) != passes:
            raise SettingError(
                "Objective: a loss has called forward of the network that it is measured with, "
                "which now remembers another x: give the loss a network of its own"
            )
        return values, grads

    def _style_term(self, a: Array, name: str) -> tuple[float, Any]:
        target, coefficient = self.style_targets[name], self.style[name]
        if self._in_parts:
            return style_loss_in_parts(a, target, coefficient)
        answer = self.losses.style_loss(a, target)
        return _times(coefficient, *check_answer(f"Objective: style/{name}", answer, a.shape))

    def _tv_term(self, x: Array) -> tuple[float, Array]:
        value, grad = total_variation_loss(x)
        grad *= self.tv_weight
        return self.tv_weight * value, grad


def _by_layer(grads: dict[str, Any]) -> dict[str, Any]:
    """Add up the gradients of each layer; `grads` is emptied, so that nobody else keeps them."""
    sums: dict[str, Any] = {}
    while grads:
        term, grad = grads.popitem()
        layer = term.split("/")[1]
        sums[layer] = sums[layer] + grad if layer in sums else grad
    return sums


def _times(coefficient: float, value: float, grad: Array) -> tuple[float, Array]:
    """Multiply a term and its gradient, in place where the gradient's memory is its own."""
    if grad.flags.writeable and grad.flags.owndata and grad.dtype.kind == "f":
        grad *= coefficient
        return coefficient * value, grad
    return coefficient * value, coefficient * grad


__getattr__ = former_names(__name__, {"Network": "AnyNetwork", "check_weights": "Coefficients"})
