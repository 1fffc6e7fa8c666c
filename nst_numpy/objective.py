"""J(G) and its gradient, with one forward and one backward pass.

    J(G) = α Σ_l λ_l J_content^[l](C, G) + β Σ_l λ_l J_style^[l](S, G) + τ J_tv(G)

Equations (7) and (8) in docs/mathematics; lecture, "Cost function"; Gatys et al. (2015),
equations 5, the sum over style layers, and 7. Total variation is an addition; its weight τ
is 0 unless asked for.

Nothing here is bound to VGG or to pictures: `AnyNetwork` will do, and x may be a signal
(N, L, C), a picture (N, H, W, C) or a volume (N, D, H, W, C).
"""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import numpy as np

from nst_numpy.arrays import Array
from nst_numpy.errors import SettingError, ShapeError
from nst_numpy.fused.gradients import style_loss_in_parts
from nst_numpy.kernels.threads import single_threaded_blas
from nst_numpy.losses import content_loss, gram_matrix, style_loss, total_variation_loss

CONTENT_LAYERS = {"relu4_2": 1.0}
STYLE_LAYERS = {f"relu{block}_1": 0.2 for block in range(1, 6)}


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
    content_layers, style_layers : mapping of str to float
        λ of each layer. Default: VGG's relu4_2 for content, and relu1_1 … relu5_1 with
        λ = 0.2 each for style, as in Gatys et al.
    tv_weight : float
        Weight τ of the total variation.

    Attributes
    ----------
    terms : dict of str to float
        The terms of the last call, coefficients included ("content/relu4_2",
        "style/relu1_1", …, "tv"). They add up to J exactly.

    Raises
    ------
    SettingError
        A weight is negative or not finite, or all of them are 0.
    UnknownNameError
        A layer that the network does not have.
    """

    def __init__(
        self,
        vgg: AnyNetwork,
        content_x: Array,
        style_x: Array,
        *,
        alpha: float = 1.0,
        beta: float = 1e4,
        content_layers: Mapping[str, float] | None = None,
        style_layers: Mapping[str, float] | None = None,
        tv_weight: float = 0.0,
    ) -> None:
        content_layers = CONTENT_LAYERS if content_layers is None else content_layers
        style_layers = STYLE_LAYERS if style_layers is None else style_layers
        check_weights(alpha, beta, content_layers, style_layers, tv_weight)
        self.vgg = vgg
        self.tv_weight = float(tv_weight)
        # a layer with coefficient 0 costs nothing: it is left out
        self.content = {name: alpha * v for name, v in content_layers.items() if alpha * v > 0}
        self.style = {name: beta * v for name, v in style_layers.items() if beta * v > 0}
        self.names = vgg.check_names({*self.content, *self.style})
        self.terms: dict[str, float] = {}
        self.shape = content_x.shape
        self.content_targets: Mapping[str, Array] = {}
        self.style_targets: dict[str, Array] = {}
        self._set_targets(content_x, style_x)
        # the fused engine takes the style gradient in parts: it is never there whole
        is_fused = getattr(vgg, "engine", None) == "fused"
        self._style_loss = style_loss_in_parts if is_fused else _style_loss

    def _set_targets(self, content_x: Array, style_x: Array) -> None:
        """Measure once what never changes: content activations and style Gram matrices."""
        if self.content:
            self.content_targets = self.vgg.forward(content_x, self.content)
        if self.style:
            features = self.vgg.forward(style_x, self.style)
            sizes = self.vgg.feature_shapes(self.shape, self.style)
            for name, a in features.items():
                positions = np.prod(sizes[name][:-1]) / np.prod(a.shape[:-1])
                self.style_targets[name] = gram_matrix(a) * a.dtype.type(positions)

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
        with single_threaded_blas():
            terms, grads = self._measure(x)
            grad_x = self.vgg.backward(_by_layer(grads)) if terms else np.zeros_like(x)
            if self.tv_weight > 0:
                terms["tv"], grad = self._tv_term(x)
                grad_x = grad_x + grad
        self.terms = terms
        return sum(terms.values()), grad_x

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
        for name, a in features.items():
            if name in self.content:
                term = f"content/{name}"
                value, grad = content_loss(a, self.content_targets[name])
                grad *= self.content[name]
                values[term], grads[term] = self.content[name] * value, grad
            if name in self.style:
                term = f"style/{name}"
                values[term], grads[term] = self._style_loss(
                    a, self.style_targets[name], self.style[name]
                )
        return values, grads

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


def _style_loss(a: Array, target_gram: Array, coefficient: float) -> tuple[float, Array]:
    value, grad = style_loss(a, target_gram)
    return coefficient * value, coefficient * grad


def check_weights(
    alpha: float,
    beta: float,
    content_layers: Mapping[str, float],
    style_layers: Mapping[str, float],
    tv_weight: float,
) -> None:
    """Refuse coefficients that are negative, not finite, or all 0."""
    named = {"alpha": alpha, "beta": beta, "tv_weight": tv_weight}
    for layers in (content_layers, style_layers):
        named |= {f"the weight of {name}": value for name, value in layers.items()}
    for name, value in named.items():
        if not (np.isfinite(value) and value >= 0):
            raise SettingError(f"{name} must be a finite number of at least 0, not {value}")
    content, style = alpha * sum(content_layers.values()), beta * sum(style_layers.values())
    if not content + style + tv_weight > 0:
        raise SettingError("every weight is 0: give alpha, beta or tv_weight a value above 0")
