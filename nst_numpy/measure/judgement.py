"""How good a picture is: what it kept of the photograph, what it has of the painting.

A run's own J says how well it did what it was asked to do, and not whether that was worth asking:
two settings have two different Js. So nothing is measured here that a run minimises. The layers
are others than those of the losses, and some figures need no network.

Every figure is on a scale that means something. For content, 0 is the photograph itself and 1 a
piece of the painting, which has nothing of the photograph. For style, 0 is the painting and 1 the
photograph as it was.
"""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from nst_numpy.common.arrays import Image
from nst_numpy.common.shown import Shown
from nst_numpy.errors import SettingError
from nst_numpy.kernels.threads import single_threaded_blas
from nst_numpy.losses import gaussian_distance, mean_and_covariance
from nst_numpy.measure import statistics
from nst_numpy.objective import AnyNetwork
from nst_numpy.pictures.images import Picture, as_image, preprocess, resize_image
from nst_numpy.vgg import VGG

LAYERS = ("relu1_2", "relu2_2", "relu3_3", "relu4_3", "relu5_2")
SIMILAR_LAYERS = ("relu3_3", "relu4_3")  # of self-similarity: what is seen there are things
LARGEST = 512  # pixels: larger pictures are judged at this size
SMALLEST = 32  # pixels a side: relu5_2 has two positions there
NARROWEST = 16  # of the painting, which keeps its proportions: one row of positions
ALIKE = 0.02  # of 1 − a correlation: photograph and painting show the same
_SEED = 0  # of directions and patches: fixed, so that a picture has one judgement


@dataclass(frozen=True, repr=False)
class Judgement(Shown):
    """What `judge` found.

    Attributes
    ----------
    content : float
        How much of the photograph was lost: 0 nothing, 1 as much as in a piece of the painting.
        The mean of its figures.
    style : float
        How much is missing of the painting: 0 nothing, 1 as much as in the photograph. Above 1
        if the picture is further from the painting than the photograph was.
    copied : float
        Share of the picture's patches that stand in the painting, all but identical: 0 to 1.
    score : float
        (1 + content) · (1 + style): 1 is ideal, 2 what the photograph gets, and the piece of
        painting. Wright and Ommer (2022), ArtFID, made of other parts.
    figures : dict of str to float
        Every figure: each kind, "content/features", and what it is the mean of,
        "content/features/relu1_2", …
    size : (int, int)
        Height and width at which the pictures were judged.
    resized : list of str
        Which of "content", "style" and "result" had another size.
    """

    content: float
    style: float
    copied: float
    score: float
    figures: dict[str, float]
    size: tuple[int, int]
    resized: list[str]

    def _in_words(self) -> str:
        parts = f"content {self.content:.3f}, style {self.style:.3f}, copied {self.copied:.3f}"
        return f"score {self.score:.3f}: {parts}"

    def as_dict(self) -> dict[str, Any]:
        """Return all of it, as JSON knows it."""
        return asdict(self)


def judge(
    content: Picture, style: Picture | Sequence[Picture], result: Picture,
    vgg: AnyNetwork | None = None, style_weights: Sequence[float] | None = None,
) -> Judgement:  # fmt: skip
    """Judge a picture by statistics that it was not painted with.

    Parameters
    ----------
    content, style, result : path, name of a sample, or ndarray, uint8 (H, W, 3)
        The content gets the result's size; the style keeps its proportions, and the result's
        longest side. A list of several: the result is judged by each, and the figures are their
        means, but that what was copied is from any of them.
    vgg : VGG, or any object with the methods of `AnyNetwork`, optional
        Default: the bundled VGG-16.
    style_weights : list of float, optional
        How much each of several paintings counts in the means. Default: all alike.

    Returns
    -------
    Judgement
        The same for the same pictures: nothing in it is drawn anew.

    Raises
    ------
    SettingError
        A picture is too small or the style too narrow; content and style are the same picture.
    ImageError
        A file cannot be read.
    UnknownNameError
        The network lacks one of `LAYERS`.
    """
    if not isinstance(style, (list, tuple)):
        return Judge(content, style, vgg)(result)  # type: ignore[arg-type]
    return JudgeOfSeveral(content, style, vgg, style_weights)(result)


class Judge:
    """Judges the results of one pair of pictures; what it measures of the pair it keeps.

    Parameters and errors are those of `judge`.
    """

    def __init__(self, content: Picture, style: Picture, vgg: AnyNetwork | None = None) -> None:
        self.content, self.style = as_image(content), as_image(style)
        self.vgg: AnyNetwork = VGG.load() if vgg is None else vgg
        self._scales: dict[tuple[int, int], _Scale] = {}

    def __call__(self, result: Picture) -> Judgement:
        """Judge one picture."""
        given = as_image(result)
        image = resize_image(given, min(LARGEST, max(given.shape[:2])))
        height, width = image.shape[:2]
        self._check_sizes(image)
        with single_threaded_blas():
            if (height, width) not in self._scales:
                self._scales[height, width] = _Scale(self.vgg, self.content, self.style, image)
            figures = self._scales[height, width].figures(image)
        content, style = _mean(figures, "content"), _mean(figures, "style")
        return Judgement(
            content=content,
            style=style,
            copied=figures["copied"],
            score=(1 + content) * (1 + style),
            figures=figures,
            size=(height, width),
            resized=self._resized(given, image),
        )

    def _check_sizes(self, image: Image) -> None:
        """Refuse what leaves the deepest layer too little; the content gets the result's size."""
        height, width = image.shape[:2]
        if min(height, width) < SMALLEST:
            raise SettingError(
                f"judge: the result has {width}×{height} pixels: give one of at least {SMALLEST} "
                "on each side"
            )
        tall, wide = self.style.shape[:2]
        longest = max(height, width)
        if round(min(tall, wide) * longest / max(tall, wide)) < NARROWEST:
            raise SettingError(
                f"judge: the style, {wide}×{tall} pixels, is too narrow: made as long as the "
                f"result, {longest}, it has less than {NARROWEST} on the other side; give a piece "
                "of it that is less narrow, or a larger result"
            )

    def _resized(self, given: Image, image: Image) -> list[str]:
        """List the pictures that had another size."""
        stays = {
            "content": self.content.shape == image.shape,
            "style": max(self.style.shape) == max(image.shape),
            "result": given.shape == image.shape,
        }
        return [name for name, same in stays.items() if not same]


class JudgeOfSeveral:
    """Judges results of several paintings by each of them; parameters and errors as of `judge`."""

    def __init__(
        self, content: Picture, styles: Sequence[Picture], vgg: AnyNetwork | None = None,
        style_weights: Sequence[float] | None = None,
    ) -> None:  # fmt: skip
        self.weights = [1.0] * len(styles) if style_weights is None else list(style_weights)
        fit = len(self.weights) == len(styles) > 0
        if not fit or min(self.weights) < 0 or not sum(self.weights) > 0:
            raise SettingError(
                f"judge: style_weights {self.weights} for {len(styles)} paintings: give one of at "
                "least 0 for each, and one above 0"
            )
        network = VGG.load() if vgg is None else vgg
        self.judges = [Judge(content, style, network) for style in styles]

    def __call__(self, result: Picture) -> Judgement:
        """Judge one picture."""
        each = [judge(result) for judge in self.judges]
        whole = sum(self.weights)
        figures = {
            name: sum(w * e.figures[name] for w, e in zip(self.weights, each, strict=True)) / whole
            for name in each[0].figures
        }
        figures["copied"] = max(e.copied for e in each)
        content, style = _mean(figures, "content"), _mean(figures, "style")
        resized = {name for one in each for name in one.resized}
        return replace(
            each[0], content=content, style=style, copied=figures["copied"], figures=figures,
            score=(1 + content) * (1 + style),
            resized=[name for name in ("content", "style", "result") if name in resized],
        )  # fmt: skip


class _Seen:
    """A picture and what is measured of it alone."""

    def __init__(self, vgg: AnyNetwork, image: Image) -> None:
        self.image = image
        self.features = vgg.forward(preprocess(image, dtype=vgg.dtype), vgg.check_names(LAYERS))
        units = {name: statistics.unit_length(a) for name, a in self.features.items()}
        self.points = {  # what has a distribution: activations, and patches of each detail
            **{name: a.reshape(-1, a.shape[-1]) for name, a in units.items()},
            **{
                f"level {n}": statistics.patches_of(level)
                for n, level in enumerate(statistics.laplacian_pyramid(image), start=1)
            },
        }
        self.gaussians = {name: mean_and_covariance(a) for name, a in units.items()}


class _Scale:
    """Photograph and painting at the size of a result, and what counts as 1.

    Parameters
    ----------
    vgg : VGG
    content, style : ndarray, uint8 (H, W, 3)
    like : ndarray, uint8 (H, W, 3)
        A picture of the size that counts.
    """

    def __init__(self, vgg: AnyNetwork, content: Image, style: Image, like: Image) -> None:
        size = like.shape[:2]
        self._vgg = vgg
        self._content = _Seen(vgg, resize_image(content, size))
        self._style = _Seen(vgg, resize_image(style, max(size)))
        rng = np.random.default_rng(_SEED)
        self._directions = {
            name: statistics.draw_directions(points.shape[1], rng, points.dtype)
            for name, points in self._content.points.items()
        }
        self._ones = self._content_figures(_Seen(vgg, _piece(style, size)))
        self._ones |= self._style_figures(self._content)
        for name, value in self._ones.items():
            if value < (ALIKE if name.startswith("content") else np.finfo(np.float32).tiny):
                raise SettingError(
                    f"judge: content and style are alike ({name.split('/')[1]}): there is nothing "
                    "to judge"
                )

    def figures(self, result: Image) -> dict[str, float]:
        """Measure a result; each figure as a share of the bad case's, and the mean of each kind."""
        seen = _Seen(self._vgg, result)
        found = self._content_figures(seen) | self._style_figures(seen)
        shares = {name: value / self._ones[name] for name, value in found.items()}
        kinds: dict[str, list[float]] = {}
        for name, share in shares.items():
            kinds.setdefault(name.rpartition("/")[0], []).append(share)
        means = {kind: float(np.mean(values)) for kind, values in kinds.items()}
        copied = statistics.copied_share(result, self._style.image)
        return means | shares | {"copied": copied}

    def _content_figures(self, seen: _Seen) -> dict[str, float]:
        """Compare a picture with the photograph, place by place."""
        found = {}
        for name, a in self._content.features.items():
            found[f"content/features/{name}"] = statistics.feature_distance(a, seen.features[name])
        for name in SIMILAR_LAYERS:
            found[f"content/self-similarity/{name}"] = statistics.self_similarity_distance(
                self._content.features[name], seen.features[name]
            )
        found["content/structure/ssim"] = statistics.structural_dissimilarity(
            self._content.image, seen.image
        )
        return found

    def _style_figures(self, seen: _Seen) -> dict[str, float]:
        """Compare a picture with the painting, without regard to places."""
        found = {}
        for name, gaussian in self._style.gaussians.items():
            found[f"style/frechet/{name}"] = gaussian_distance(gaussian, seen.gaussians[name])
        for name, points in self._style.points.items():
            if name in seen.points:
                kind = "sliced" if name in LAYERS else "patches"
                found[f"style/{kind}/{name}"] = statistics.sliced_distance(
                    points, seen.points[name], self._directions[name]
                )
        return found


def _piece(style: Image, size: tuple[int, int]) -> Image:
    """Cut the largest middle piece of a painting that has the proportions of `size`, as large."""
    factor = min(style.shape[0] / size[0], style.shape[1] / size[1])
    height, width = (max(1, round(factor * side)) for side in size)
    top, left = (style.shape[0] - height) // 2, (style.shape[1] - width) // 2
    return resize_image(style[top : top + height, left : left + width], size)


def _mean(figures: dict[str, float], part: str) -> float:
    """Average the kinds of figures of a part; each counts alike, however many layers it has."""
    return float(np.mean([v for name, v in figures.items() if re.fullmatch(f"{part}/[^/]+", name)]))
