"""One channel: where it fires in each picture, whom it fires with, and what it likes to see."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nst_numpy.common.arrays import Array, Image
from nst_numpy.errors import SettingError
from nst_numpy.figures.units import unit_image
from nst_numpy.live.asked import Question
from nst_numpy.live.drawn import firing, picture
from nst_numpy.live.moment import Moment
from nst_numpy.live.sums import MOST, Answer, Part, Sum, number
from nst_numpy.look.source import map_source
from nst_numpy.look.units import TopPatches, top_patches
from nst_numpy.pictures.images import cut, deprocess
from nst_numpy.pictures.samples import photo_paths
from nst_numpy.styles import Matches

Told = Callable[[float, str], None]  # the part that is done, and words; it may raise Cancelled
SIDE = 128  # longest side of a photograph in which patches are looked for
PATCHES = 9
TOGETHER = 8  # photographs that are scanned before anybody is told


class Cancelled(Exception):  # noqa: N818, a signal, not an error
    """Nobody waits for the answer any more."""


@dataclass
class Aids:
    """What answers need beside the moment.

    Attributes
    ----------
    content_x, style_x : ndarray, (1, H, W, 3)
        At the scale of the moment.
    content, style : ndarray, uint8 (H, W, 3)
    scans : dict of str to TopPatches
        By layer: what was found before.
    """

    content_x: Array
    style_x: Array
    content: Image
    style: Image
    scans: dict[str, TopPatches] = field(default_factory=dict)


def channel(moment: Moment, question: Question, aids: Aids, told: Told) -> Answer:
    """Show where a channel fires in all three pictures, and the channels it fires with most."""
    name, k = question.named(moment)
    network: Any = moment.objective.vgg
    now = moment.features[name]
    told(0.1, "the photograph")
    of_content = network.forward(aids.content_x, [name])[name]
    told(0.5, "the painting")
    of_style = network.forward(aids.style_x, [name])[name]
    told(0.9, "the Gram matrices")
    seen = deprocess(cut(moment.x, moment.margin))
    shown = (("the picture now", now, seen), ("the photograph", of_content, aids.content),
             ("the painting", of_style, aids.style))  # fmt: skip
    answer = Answer(f"Channel {k} of {name}")
    answer.say = ["Where a picture is bright here, the channel fires: dark is 0."]
    answer.pictures = [firing(a[0, ..., k], image) | {"name": text} for text, a, image in shown]
    grams = _gram_row(now, k), _gram_row(of_style, k) * (_positions(now) / _positions(of_style))
    answer.formula = ["G_kk' = Σ_i a_ik · a_ik'  over all positions i"]
    answer.sums = [_partner_sum(name, k, *grams)]
    answer.links = [{"name": "its nine patches", "ask": question.but("patches")}]
    return answer


def _positions(a: Array) -> int:
    return int(np.prod(a.shape[:-1]))


def _gram_row(a: Array, k: int) -> Any:
    """Return G_kk' for all k', in float64: (C,)."""
    f = a.reshape(-1, a.shape[-1]).astype(np.float64)
    return f[:, k] @ f  # (M,) @ (M, C) -> (C,)


def _partner_sum(name: str, k: int, now: Any, target: Any) -> Sum:
    """Show the channels with the largest G_kk', and that of the painting beside each."""
    order = np.argsort(-now, kind="stable")[:MOST]
    parts = [
        Part(
            f"with channel {m}" if m != k else f"with itself, {k}", float(now[m]),
            f"the painting has {number(float(target[m]))}",
            Question("channel", layer=name, channel=int(m)).as_dict(),
        )
        for m in order
    ]  # fmt: skip
    rest = np.delete(now, order)
    whole = float(now.sum())
    return Sum("its strongest partners: Σ_k' G_kk'", whole, parts, float(rest.sum()), rest.size)


def patches(moment: Moment, question: Question, aids: Aids, told: Told) -> Answer:
    """Find the nine patches that excite a channel most, among the photographs that come along."""
    name, k = question.named(moment)
    top = aids.scans.get(name)
    if top is None:
        top = aids.scans[name] = _scan(moment.objective.vgg, name, told)
    found = top.best(name, k)
    answer = Answer(f"What channel {k} of {name} likes to see")
    answer.say = [
        f"The {len(found)} patches of {len(top.pictures)} small photographs where it fires most, "
        f"one of each. Largest activation: {number(found[0].value) if found else '0'}."
    ]
    answer.pictures = [picture(unit_image(top, name, k)) | {"name": "largest first, row by row"}]
    answer.links = [{"name": f"channel {k} of {name}", "ask": question.but("channel")}]
    return answer


def _scan(network: Any, name: str, told: Told) -> TopPatches:
    """Look for the patches of all channels of a layer, a few photographs at a time."""
    files = photo_paths()
    top: TopPatches | None = None
    for first in range(0, len(files), TOGETHER):
        told(first / len(files), f"photograph {first + 1} of {len(files)}")
        found = top_patches(network, files[first : first + TOGETHER], {name: None}, PATCHES, SIDE)
        top = found if top is None else top.merge(found)
    assert top is not None
    return top


def stroke(moment: Moment, question: Question, matches: Matches | None, aids: Aids) -> Answer:
    """Say which place of the painting a place of the picture is drawn to."""
    row, col, _ = question.pixel(moment)
    if matches is None:
        raise SettingError(
            "this run knows no places of the painting: paint with the style loss neighbours"
        )
    asked = copy.copy(moment.objective)  # the run's own is drawn to nothing anew
    asked.measured_style = copy.copy(asked.measured_style)
    source = map_source(asked, matches, moment.x, (aids.style.shape[0], aids.style.shape[1]))
    i = min(row * source.grid[0] // moment.x.shape[1], source.grid[0] - 1)
    j = min(col * source.grid[1] // moment.x.shape[2], source.grid[1] - 1)
    there = int(source.rows[i, j]), int(source.cols[i, j])
    answer = Answer("Where this stroke is from")
    answer.value = float(source.similarity[i, j])
    answer.say = [
        f"Place {i}, {j} of the picture is drawn to row {there[0]}, column {there[1]} of the "
        f"painting. The cosine of the two is {number(answer.value)}; 1 is the same."
    ]
    answer.formula = ["cos(a_i, b_j) = a_i · b_j / (‖a_i‖ ‖b_j‖)"]
    answer.pictures = [picture(_marked(aids.style, there)) | {"name": "the painting"}]
    answer.links = [
        {"name": "the gradient of this pixel", "ask": question.but("pixel", colour="red")}
    ]
    return answer


def _marked(image: Image, at: tuple[int, int]) -> Image:
    """Draw a frame, white in black, around a place."""
    marked = image.copy()
    reach = max(6, max(image.shape[:2]) // 24)
    for inset, colour in ((0, 0), (1, 255), (2, 255), (3, 0)):
        top, left = (max(0, i - reach + inset) for i in at)
        bottom = min(image.shape[0] - 1, at[0] + reach - inset)
        right = min(image.shape[1] - 1, at[1] + reach - inset)
        marked[[top, bottom], left : right + 1] = colour
        marked[top : bottom + 1, [left, right]] = colour
    return marked
