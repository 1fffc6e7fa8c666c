"""How the styles of two pictures are compared: by Gram matrices, by Gaussians, by neighbours.

Each of them measures the style picture once, and then gives values and gradients for the
activations of another picture. `Objective` asks for no more than that.

The functions are those of `losses`. What is decided here is how much each layer counts. Numbers
of relu4_1 are a hundred times those of relu1_1, and it has eight times as many. In (5) a factor
makes up for it; here each layer is divided by the mean squared length of the painting's own
vectors in it, 1/M Σ_i ‖b_i‖² = tr Σ_S + ‖μ_S‖². So λ = 0.2 each means that all layers count alike.

Each takes `Regions`, which say where in either picture: positions count as much as a mask says.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar, Literal, NamedTuple, Protocol, get_args

import numpy as np

from nst_numpy.bands import InBands
from nst_numpy.bands.gradients import (
    columns_backward_in_bands,
    columns_in_bands,
    gram_in_bands,
    moments_in_bands,
    squared_length_in_bands,
    style_loss_in_bands,
    wasserstein_loss_in_bands,
)
from nst_numpy.common.arrays import Array, Integers, Shape
from nst_numpy.common.checks import check_answer, check_array, check_choice
from nst_numpy.errors import SettingError, ShapeError
from nst_numpy.fused.gradients import style_loss_in_parts, wasserstein_loss_in_parts
from nst_numpy.losses import (
    Losses,
    cosines,
    find_neighbours,
    gaussian_distance,
    hypercolumns,
    hypercolumns_backward,
    mean_and_covariance,
    neighbour_loss,
    sum_of_squares,
    wasserstein_loss,
)
from nst_numpy.losses.functions import weighted, with_masks
from nst_numpy.styles.regions import WHOLE, Counts, Regions, on_grid, on_layers

StyleLoss = Literal["gram", "wasserstein", "neighbours"]
STYLE_LAYERS = {f"relu{block}_1": 0.2 for block in range(1, 6)}
COLUMN_LAYERS = {
    f"relu{block}_{i}": 0.1
    for block, convolutions in enumerate((2, 2, 3, 3), start=1)
    for i in range(1, convolutions + 1)
}
GRID = 4  # pixels a side that share one hypercolumn
# What a distance of 1 counts: with these the default β does to the picture about what it does with
# Gram matrices. Chosen by looking, at 256 pixels.
GAUSSIAN_UNIT = 2e6
COSINE_UNIT = 5e6

Term = tuple[str, float, dict[str, Any]]  # its name, its value, the gradient for each layer


class Network(Protocol):
    """What a style asks of a network."""

    def check_names(self, names: Iterable[str]) -> list[str]:
        """Sort layer names from the input upwards."""

    def feature_shapes(
        self, shape: tuple[int, ...], /, names: Iterable[str] | None = None
    ) -> dict[str, tuple[int, ...]]:
        """Return the shape of each layer's activation for an input of `shape`."""

    def forward(self, x: Array, names: Iterable[str], /) -> Mapping[str, Array]:
        """Compute the activations of the named layers."""


class Style(Protocol):
    """A style picture, measured, to compare others with."""

    @property
    def targets(self) -> Any:
        """What others are compared with."""

    def terms(self, features: Mapping[str, Array]) -> Iterator[Term]:
        """Yield the terms of J_style, coefficients included, with the gradients for features."""


class LayerByLayer:
    """A style that is compared in each layer alone.

    Attributes
    ----------
    coefficients : dict of str to float
        What each layer's distance is multiplied by.
    targets : dict of str to what is compared with
    """

    def __init__(
        self, vgg: Network, shape: Shape, style_x: Array, coefficients: Mapping[str, float],
        regions: Regions = WHOLE,
    ) -> None:  # fmt: skip
        self.coefficients = dict(coefficients)
        self.targets: dict[str, Any] = {}
        self.regions, self.positions = regions, dict[str, float]()
        self.counts = on_layers(vgg, regions.content, shape, coefficients)
        of_style = on_layers(vgg, regions.style, style_x.shape, coefficients)
        sizes = vgg.feature_shapes(shape, coefficients) if coefficients else {}
        features = vgg.forward(style_x, coefficients) if coefficients else {}
        for name, a in features.items():
            counts = self.counts[name]
            positions = math.prod(sizes[name][:-1]) if counts is None else counts.sum()
            self.positions[name] = positions
            self._measure(name, a, of_style[name], positions)

    def _measure(self, name: str, a: Array, counts: Counts, positions: float) -> None:
        """Measure the painting's layer, of which positions count; the picture has `positions`."""
        raise NotImplementedError

    def _compare(self, name: str, a: Array) -> tuple[float, Any]:
        raise NotImplementedError

    def apart(self, other: "LayerByLayer", name: str) -> float:
        """Return what a picture just like the other style would have here, without coefficient."""
        raise NotImplementedError

    def terms(self, features: Mapping[str, Array]) -> Iterator[Term]:
        """Yield "style/LAYER" for each layer."""
        for name in self.targets:
            value, grad = self._compare(name, features[name])
            yield f"style/{name}", value, {name: grad}


class GramStyle(LayerByLayer):
    """Gram matrices, (5); or losses of somebody's own.

    The targets are the painting's matrices, scaled to the generated picture's number of
    positions.
    """

    layers: ClassVar = STYLE_LAYERS

    def __init__(self, *measured: Any, in_parts: bool, losses: Losses | None = None) -> None:
        self.losses = Losses() if losses is None else losses
        self.in_parts = in_parts and losses is None
        super().__init__(*measured)

    def _measure(self, name: str, a: Array, counts: Counts, positions: float) -> None:
        of_style = np.prod(a.shape[:-1]) if counts is None else counts.sum()
        if self.losses.compares_activations:
            scale = a.dtype.type(math.sqrt(positions / of_style))  # of its Gram matrix the square
            self.targets[name] = a if self.regions.whole else weighted(a, counts) * scale
            return
        shape = (a.shape[-1],) * 2
        if isinstance(a, InBands):
            made = gram_in_bands(a, counts)
        else:
            made = self.losses.gram_matrix(a, *_given(counts))
        gram = check_array("Objective: the Gram matrix", made, shape)
        self.targets[name] = gram * a.dtype.type(positions / of_style)

    def _compare(self, name: str, a: Array) -> tuple[float, Any]:
        target, coefficient = self.targets[name], self.coefficients[name]
        counts = self.counts[name]
        if isinstance(a, InBands):
            return style_loss_in_bands(a, target, coefficient, counts)
        if self.in_parts:
            return style_loss_in_parts(a, target, coefficient, counts)
        answer = self.losses.style_loss(a, target, *_given(counts))
        return times(coefficient, *check_answer(f"Objective: style/{name}", answer, a.shape))

    def apart(self, other: LayerByLayer, name: str) -> float:
        """Compare the Gram matrices of two paintings as (5) does; 0 for losses of one's own."""
        if self.losses != Losses():
            return 0.0
        mine, theirs = self.targets[name], other.targets[name]
        return sum_of_squares(mine - theirs) / (2.0 * self.positions[name] * len(mine)) ** 2


class GaussianStyle(LayerByLayer):
    """Means and covariances, (27), each layer in units of the painting's mean squared length."""

    layers: ClassVar = STYLE_LAYERS

    def __init__(self, *measured: Any, in_parts: bool) -> None:
        self.in_parts = in_parts
        super().__init__(*measured)

    def _measure(self, name: str, a: Array, counts: Counts, positions: float) -> None:
        of = moments_in_bands if isinstance(a, InBands) else mean_and_covariance
        self.targets[name] = of(a, counts)
        self.coefficients[name] *= GAUSSIAN_UNIT / squared_length(a, counts)

    def _compare(self, name: str, a: Array) -> tuple[float, Any]:
        target, coefficient = self.targets[name], self.coefficients[name]
        counts = self.counts[name]
        if isinstance(a, InBands):
            return wasserstein_loss_in_bands(a, target, coefficient, counts)
        if self.in_parts:
            return wasserstein_loss_in_parts(a, target, coefficient, counts)
        return times(coefficient, *wasserstein_loss(a, target, counts))

    def apart(self, other: LayerByLayer, name: str) -> float:
        """Return the distance of the Gaussians of two paintings, (27)."""
        return gaussian_distance(self.targets[name], other.targets[name])


class Matches(NamedTuple):
    """Which place of the painting each place of a picture is drawn to.

    Attributes
    ----------
    indices : ndarray of int, (N, *grid)
        Into the places of the painting, as rows.
    style_grid : tuple of int
        How many places the painting has along each axis.
    """

    indices: Integers
    style_grid: tuple[int, ...]


class NeighbourStyle:
    """Nearest neighbours of hypercolumns, (30) to (33).

    The layers are brought to a grid with a place for every 4×4 pixels. Each is divided by the
    root mean square length of the painting's vectors in it, and multiplied by √(λ_l / Σλ): so
    layers of one λ have one share in the squared lengths.

    The neighbours are found for the first picture that is compared, and stay as they are: J is
    one function. A new object finds new ones. With regions they are found for the places of the
    picture that count, among those places of the painting that count at least half as much as
    the one that counts most.

    Attributes
    ----------
    matches : Matches or None
        The neighbours; None before there are any.
    targets : ndarray, (N, *grid, Σ C_l), or None
        Their hypercolumns.

    Notes
    -----
    At a step there are three arrays of hypercolumns, the picture's, their targets and the
    gradient, and the gradient of each layer. While neighbours are found there are three too, and
    blocks of similarities.
    """

    layers: ClassVar = COLUMN_LAYERS

    def __init__(
        self, vgg: Network, shape: Shape, style_x: Array, coefficients: Mapping[str, float],
        regions: Regions = WHOLE, *, in_parts: bool = False,
    ) -> None:  # fmt: skip
        self.vgg, self.style_x, self.regions = vgg, style_x, regions
        self.coefficients = {name: coefficients[name] for name in vgg.check_names(coefficients)}
        self.coefficient = COSINE_UNIT * sum(coefficients.values())
        self.grid = coarse_grid(shape)
        self.counts = on_grid(regions.content, self.grid)
        self.matches: Matches | None = None
        self.targets: Any = None
        self._painting: Array | None = None
        if coefficients:
            self._painting = self._measure(coarse_grid(style_x.shape))

    def terms(self, features: Mapping[str, Array]) -> Iterator[Term]:
        """Yield "style/neighbours", with a gradient for each layer."""
        if not self.coefficients:
            return
        columns = self._columns(features, self.grid)
        if self.targets is None:
            self._find(columns)
        value, grad = neighbour_loss(columns, self.targets, self.counts)
        grad *= self.factors * grad.dtype.type(self.coefficient)
        layers = {name: features[name] for name in self.coefficients}
        yield "style/neighbours", self.coefficient * value, _back_to_layers(grad, layers)

    def draw_to(self, matches: Matches) -> None:
        """Take neighbours that were found before, on whatever grids."""
        self.grid = matches.indices.shape[1:]
        painting = self._measure(matches.style_grid)
        self.matches, self.targets, self._painting = matches, _rows_of(painting, matches), None

    def similarity(self, x: Array) -> Array:
        """Return the cosine of each place of x to the one that it is drawn to, (N, *grid)."""
        columns = self._columns(self.vgg.forward(x, self.coefficients), self.grid)
        return cosines(columns, self.targets)

    def _find(self, columns: Array) -> None:
        """Find the nearest neighbours; of the painting no more than these is kept."""
        assert self._painting is not None
        grid, places = self._painting.shape[1:-1], columns.shape[:-1]
        if self.regions.whole:
            indices, _ = find_neighbours(columns, self._painting)
        else:
            counting = _counting(self.counts, places, 0.0)
            allowed = _counting(on_grid(self.regions.style, grid), self._painting.shape[:-1], 0.5)
            among = _as_rows(self._painting)[allowed]
            found, _ = find_neighbours(_as_rows(columns)[counting], among)
            indices = np.full(math.prod(places), allowed[0])  # where nothing counts, any will do
            indices[counting] = allowed[found]
        self.matches = Matches(indices.reshape(places), grid)
        self.targets, self._painting = _rows_of(self._painting, self.matches), None

    def _measure(self, grid: Shape) -> Array:
        """Return the painting's hypercolumns; set how much each of their channels counts."""
        features = self.vgg.forward(self.style_x, self.coefficients)
        counts = on_layers(self.vgg, self.regions.style, self.style_x.shape, self.coefficients)
        whole = sum(self.coefficients.values())
        lengths = {name: squared_length(features[name], counts[name]) for name in counts}
        factors = [
            np.full(features[name].shape[-1], math.sqrt(coefficient / whole / lengths[name]))
            for name, coefficient in self.coefficients.items()
        ]
        self.factors = np.concatenate(factors).astype(self.style_x.dtype)
        return self._columns(features, grid)

    def _columns(self, features: Mapping[str, Array], grid: Shape) -> Array:
        layers: dict[str, Any] = {name: features[name] for name in self.coefficients}
        in_bands = any(isinstance(a, InBands) for a in layers.values())
        columns: Array = (columns_in_bands if in_bands else hypercolumns)(layers, grid)
        columns *= self.factors
        return columns


def coarse_grid(shape: Shape) -> tuple[int, ...]:
    """Count the places along each axis of an x (N, *sizes, C), one for `GRID` pixels.

    >>> coarse_grid((1, 256, 170, 3))
    (64, 42)
    """
    return tuple(max(1, round(n / GRID)) for n in shape[1:-1])


class NeighbourCost(NamedTuple):
    """What neighbours cost beside the passes through the network.

    Attributes
    ----------
    bytes : int
        At the peak.
    multiplications : int
        To find them once.
    """

    bytes: int
    multiplications: int


def neighbour_cost(
    shapes: Mapping[str, Shape], shape: Shape, style_shape: Shape, itemsize: int
) -> NeighbourCost:
    """Count what neighbours cost, for activations of these shapes.

    >>> neighbour_cost({"relu1_1": (1, 8, 8, 64)}, (1, 8, 8, 3), (1, 8, 12, 3), 4)
    NeighbourCost(bytes=20480, multiplications=1536)
    """
    channels = sum(a[-1] for a in shapes.values())
    places, style_places = (math.prod(coarse_grid(s)) for s in (shape, style_shape))
    columns = (2 * max(places, style_places) + places) * channels
    values = columns + sum(math.prod(a) for a in shapes.values())
    return NeighbourCost(itemsize * values, places * style_places * channels)


def squared_length(a: Array, counts: Counts = None) -> float:
    """Mean squared length of a layer's vectors, tr Σ + ‖μ‖²; 1 where all are 0.

    With counts (*sizes,) the mean of those that count, each as much as it does.
    """
    if isinstance(a, InBands):
        return squared_length_in_bands(a, counts) or 1.0
    if counts is None:
        return sum_of_squares(a) / math.prod(a.shape[:-1]) or 1.0
    lengths = np.einsum("n...c,n...c->...", a, a, dtype=np.float64)  # (N, *sizes, C) -> (*sizes,)
    return float(np.sum(lengths * counts) / (len(a) * counts.sum())) or 1.0


def times(coefficient: float, value: float, grad: Array) -> tuple[float, Array]:
    """Multiply a term and its gradient, in place where the gradient's memory is its own."""
    if grad.flags.writeable and grad.flags.owndata and grad.dtype.kind == "f":
        grad *= coefficient
        return coefficient * value, grad
    return coefficient * value, coefficient * grad


def _back_to_layers(grad: Array, layers: Mapping[str, Any]) -> dict[str, Any]:
    """Carry a gradient at hypercolumns back to the layers, in bands if they are in bands."""
    if any(isinstance(a, InBands) for a in layers.values()):
        return dict(columns_backward_in_bands(grad, layers))
    return hypercolumns_backward(grad, {name: a.shape for name, a in layers.items()})


def _given(counts: Counts) -> tuple[Array, ...]:
    """Losses of somebody's own take no mask where there is none."""
    return () if counts is None else (counts,)


def _as_rows(columns: Array) -> Array:
    return columns.reshape(-1, columns.shape[-1])  # (N, *grid, C) -> (M, C)


def _counting(counts: Counts, shape: Shape, part: float) -> Integers:
    """List the places that count, more than `part` of the one that counts most, as rows."""
    if counts is None:
        return np.arange(math.prod(shape))
    found: Integers = np.flatnonzero(np.broadcast_to(counts > part * counts.max(), shape))
    return found


def _rows_of(painting: Array, matches: Matches) -> Array:
    """Take the hypercolumn that each place is drawn to: (N', *sizes', C) -> (N, *grid, C)."""
    rows = painting.reshape(-1, painting.shape[-1])
    if matches.indices.max() >= len(rows):
        raise ShapeError(
            f"NeighbourStyle: the painting has {len(rows)} places, and a match names number "
            f"{matches.indices.max()}: take the painting that the matches were found in"
        )
    taken: Array = rows[matches.indices]
    return taken


STYLES: dict[StyleLoss, Any] = dict(
    zip(get_args(StyleLoss), (GramStyle, GaussianStyle, NeighbourStyle), strict=True)
)


def check_style_loss(name: StyleLoss, losses: Losses | None = None) -> StyleLoss:
    """Refuse a style loss that there is not, and one beside losses of somebody's own."""
    check_choice("style_loss", name, STYLES)
    if losses is not None and name != "gram":
        raise SettingError(
            f"style_loss {name!r} cannot be used with losses of your own, which compare styles "
            "themselves: leave out one of the two"
        )
    return name


def measure_style(
    name: StyleLoss, vgg: Network, shape: Shape, style_x: Array, coefficients: Mapping[str, float],
    losses: Losses | None = None, regions: Regions = WHOLE,
) -> Style:  # fmt: skip
    """Measure a style picture, to compare an x of `shape` with it.

    Parameters
    ----------
    name : {"gram", "wasserstein", "neighbours"}
    vgg : network
    shape : tuple of int, (N, *sizes, C)
    style_x : ndarray, (N', *sizes', C)
    coefficients : mapping of str to float
        β λ of each layer.
    losses : Losses, optional
        Functions of somebody's own, for "gram". They need not know of masks.
    regions : Regions
        Where in either picture; default: everywhere.

    Raises
    ------
    SettingError
        A region has no place in a layer.
    """
    # the fused engine takes a gradient that is one matrix in parts: it is never there whole
    in_parts = getattr(vgg, "engine", None) == "fused"
    kind = STYLES[check_style_loss(name, losses)]
    more = {}
    if losses is not None:
        more = {"losses": losses if regions.whole else with_masks(losses)}
    style: Style = kind(vgg, shape, style_x, coefficients, regions, in_parts=in_parts, **more)
    return style
