"""A picture under way, held still: everything of it that answers need, computed once."""

import copy
from collections.abc import Collection, Iterable, Mapping
from functools import cached_property

import numpy as np

from nst_numpy.common.arrays import Array, Array64
from nst_numpy.common.checks import unwarned
from nst_numpy.conventions import KINDS
from nst_numpy.errors import SettingError
from nst_numpy.look.cone import Cone, Cut, Patch
from nst_numpy.look.sums import Position
from nst_numpy.losses import Losses, content_loss
from nst_numpy.losses.gram import style_pull
from nst_numpy.network import Network
from nst_numpy.objective import Objective
from nst_numpy.styles.kinds import GramStyle

COLOURS = {"red": 2, "green": 1, "blue": 0}  # a pixel's numbers in x, which is BGR
TV = "tv"
Place = tuple[int, int, int]  # row and column on the canvas, channel


class Remembering(Network):
    """A network that keeps the activations of one picture, and answers from them.

    Parameters
    ----------
    network : Network
        Its parameters are shared.
    names : iterable of str
        The layers whose activations are kept.
    """

    def __init__(self, network: Network, names: Iterable[str]) -> None:
        self.__dict__.update(network.__dict__)
        self._kept = list(names)
        self._of: Array | None = None
        self.features: dict[str, Array] = {}

    def forward(self, x: Array, names: Iterable[str]) -> dict[str, Array]:
        """Compute the named activations and those to keep, unless they are known."""
        names = list(names)
        if x is self._of and all(name in self.features for name in names):
            return {name: self.features[name] for name in names}
        found = super().forward(x, {*names, *self._kept})
        self._of, self.features = x, {name: found[name] for name in self._kept}
        return found


class Moment:
    """One picture, J of it, and the network as it is at that picture.

    Parameters
    ----------
    objective : Objective
        Of a run, on a `Network`.
    x : ndarray, (1, H, W, 3)
        The canvas: the picture and its margin.
    margin : int

    Attributes
    ----------
    value : float
        J(x).
    terms : dict of str to float
    gradient : ndarray, shaped like x
        ∂J/∂x, as the optimiser gets it, in the network's own precision.
    features : dict of str to ndarray
    cone : Cone

    Notes
    -----
    Losses at one layer are taken as exact functions of the activations there, which are float32.
    What is built on them is float64: so sums agree to far more digits than float32 has.
    """

    def __init__(self, objective: Objective, x: Array, margin: int = 0) -> None:
        self.objective, self.x, self.margin = objective, x, margin
        network = objective.vgg
        if not isinstance(network, Network):
            raise SettingError("questions can be asked of a Network alone")
        names = network.layer_names
        self.last = objective.names[-1] if objective.names else names[0]
        reached = names[: names.index(self.last) + 1]
        kept = {n for n in reached if network.layers[n].kind != "conv"} | set(objective.names)
        self.network = Remembering(network, network.check_names(kept or {self.last}))
        asked = copy.copy(objective)
        asked.vgg = self.network
        self.value, self.gradient = asked(x)
        if not self.network.features:
            self.network.forward(x, [self.last])
        self.terms, self.features = dict(asked.terms), self.network.features
        self.cone = Cone(network, x, self.features, self.last)
        self._pulls: dict[str, Array64] = {}
        self._upward: dict[tuple[int, int, int], dict[str, Patch]] = {}

    # ---- what each term adds at a layer

    def layers_of(self, term: str) -> list[str]:
        """List the layers that a term of J looks at; none of the total variation."""
        if term == TV:
            return []
        kind, _, layer = term.partition("/")
        if layer in self.features and layer in getattr(self.objective, kind):
            return [layer]
        return list(self._style_grads[term]) if term in self._style_grads else []

    def seed(self, term: str, layer: str, cut: Cut) -> Array64:
        """Return ∂J_term/∂a of a layer at some positions, of the loss there alone."""
        a = cut.of(self.features[layer]).astype(np.float64)
        if term.startswith("content/") and self.objective.losses == Losses():
            target = cut.of(self.objective.content_targets[layer]).astype(np.float64)
            return np.asarray(self.objective.content[layer] * content_loss(a, target)[1])
        pull = self.style_pull(term)
        if pull is not None:
            return np.asarray(a @ pull)  # (1, h, w, C) @ (C, C) -> (1, h, w, C)
        return cut.of(self._style_grads[term][layer]).astype(np.float64)

    def seeds(self, layer: str, cut: Cut) -> Array64 | None:
        """Return what all losses at a layer add to ∂J/∂a there; None where there is none."""
        found = [self.seed(t, layer, cut) for t in self.terms if layer in self.layers_of(t)]
        return None if not found else np.asarray(sum(found))

    def style_pull(self, term: str) -> Array64 | None:
        """Return the matrix that makes a style gradient of an activation; None where none does."""
        style, (kind, _, layer) = self.objective.measured_style, term.partition("/")
        if kind != "style" or not isinstance(style, GramStyle) or style.losses != Losses():
            return None
        if layer not in style.targets or style.counts[layer] is not None:
            return None
        if term not in self._pulls:
            _, pull = style_pull(self.features[layer], style.targets[layer])
            self._pulls[term] = style.coefficients[layer] * pull.astype(np.float64)
        return self._pulls[term]

    @cached_property
    def _style_grads(self) -> dict[str, dict[str, Array]]:
        with unwarned():
            terms = self.objective.measured_style.terms(self.features)
            return {
                term: {layer: np.asarray(grad) for layer, grad in grads.items()}
                for term, _, grads in terms
            }

    @cached_property
    def variation(self) -> Array64:
        """∂J/∂x of the total variation: (1, H, W, 3); 0 where it does not count."""
        if not self.objective.tv_weight > 0:
            return np.zeros(self.x.shape)
        _, grad = KINDS[self.objective.convention].variation(self.x.astype(np.float64))
        return np.asarray(self.objective.tv_weight * grad)

    # ---- derivatives

    def upward(self, row: int, col: int, channel: int) -> dict[str, Patch]:
        """Return ∂a/∂x of one number of the canvas, at every layer; the last few are kept."""
        key = (row, col, channel)
        if key not in self._upward:
            while len(self._upward) > 2:
                del self._upward[next(iter(self._upward))]
            self._upward[key] = self.cone.sensitivity((row, col), channel)
        return self._upward[key]

    def downward(self, layer: str | None, cut: Cut) -> Array64:
        """Return ∂J/∂a at some positions of a layer, of all losses above; None is the picture."""
        grad = self.cone.gradient(self.seeds, layer, cut).values
        return np.asarray(grad + cut.of(self.variation) if layer is None else grad)

    def carried(self, pairs: Collection[tuple[str, str]], place: Place) -> float:
        """Carry the gradients of some terms at some layers down to one number of the canvas."""
        row, col, channel = place

        def seed(layer: str, cut: Cut) -> Array64 | None:
            own = [self.seed(term, layer, cut) for term, at in pairs if at == layer]
            return np.asarray(sum(own)) if own else None

        last = self.network.check_names({layer for _, layer in pairs})[-1]
        grad = self.cone.gradient(seed, None, Cut.at((row, col)), last)
        return float(grad.values[0, 0, 0, channel])

    def above(self, layer: str | None, at: Position, channel: int) -> tuple[str, Patch, Array64]:
        """Return, of the layer above one number: its name, ∂out/∂a, and ∂J/∂out there.

        The first is the kernel's entries that the number meets on its way up.
        """
        names = self.network.layer_names
        name = names[0 if layer is None else names.index(layer) + 1]
        one = np.zeros((1, 1, 1, self.cone.below(name)[-1]))
        one[..., channel] = 1.0
        weights = self.cone.push(name, Patch(Cut.at(at), one))
        return name, weights, self.downward(name, weights.cut)

    def meets(self, term: str, layer: str, upward: Mapping[str, Patch]) -> tuple[Patch, Patch]:
        """Return, where a layer's units see the pixel, ∂J_term/∂a and ∂a/∂x."""
        change = upward[layer]
        seed = np.zeros(change.values.shape)
        if not change.cut.empty:
            seed = self.seed(term, layer, change.cut)
        return Patch(change.cut, seed), change
