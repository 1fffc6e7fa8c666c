"""What a notebook shows of an object: a line in words, a small drawing, a short table."""

import io
import math
from collections.abc import Iterable, Mapping, Sequence
from functools import singledispatch
from html import escape
from typing import Any

import numpy as np
from PIL import Image as Pillow

from nst_numpy.common.arrays import Image
from nst_numpy.common.shown import Shown
from nst_numpy.common.text import rounded
from nst_numpy.errors import NstError
from nst_numpy.figures.gradcheck import gradcheck_figure
from nst_numpy.figures.plots import curves_figure, maps_figure
from nst_numpy.figures.style import Figure
from nst_numpy.figures.units import units_figure
from nst_numpy.gradcheck.report import GradientReport
from nst_numpy.look.arrays import TopWindows
from nst_numpy.look.channels import GramReport
from nst_numpy.look.pull import Pull
from nst_numpy.look.ranking import Ranking
from nst_numpy.look.terms import Trace
from nst_numpy.look.units import TopPatches
from nst_numpy.measure.judgement import Judgement
from nst_numpy.network import Network
from nst_numpy.pictures.embedding import data_uri, jpeg, shrink
from nst_numpy.result import Result

WIDEST = 512  # pixels of a picture that is shown
UNITS = 6  # units of a layer whose patches are shown
PARTS = 5  # rows of a table that has an end only with all of them
LARGE = 60_000  # bytes


@singledispatch
def html(shown: Shown) -> str:
    """Draw an object for a notebook.

    Parameters
    ----------
    shown : Shown

    Returns
    -------
    str
        A piece of HTML that holds all it needs. Of an object that nothing is drawn of, its line.
    """
    return _words(shown)


@html.register
def _(shown: Result) -> str:
    picture = _picture(shown.image, f"the picture: {shown.message}")
    steps, losses = zip(*((each["iteration"], each["loss"]) for each in shown.history), strict=True)
    scale = "log" if min(losses) > 0 else "linear"
    settings: dict[str, Any] = {"ylabel": "J", "xlabel": "iteration", "yscale": scale}
    curve = curves_figure({"J": (steps, losses)}, size=(3.6, 2.4), **settings)
    return picture + _drawn(curve, "J, by iteration") + _words(shown)


@html.register
def _(shown: TopPatches) -> str:
    layer, ranking = next(iter(shown.rankings.items()))
    channels = ranking.channels[:UNITS]
    try:
        sheet = _drawn(units_figure(shown, layer, channels), f"what excites units of {layer} most")
    except NstError:  # the pictures are no longer there
        sheet = _best_values(shown.rankings, "picture")
    return sheet + _words(shown)


@html.register
def _(shown: TopWindows) -> str:
    return _best_values(shown.rankings, "item") + _words(shown)


@html.register
def _(shown: Trace) -> str:
    if shown.kind == "pool":
        return _drawn_window(shown) + _words(shown)
    parts = shown.largest_inputs(PARTS).channels
    rows = [("bias", rounded(shown.bias))]
    rows += [(f"channel {part.channel}", rounded(part.contribution)) for part in parts]
    rest = shown.sum - shown.bias - math.fsum(part.contribution for part in parts)
    left = shown.contributions.shape[-1] - len(parts)
    rows += [(f"the other {left}", rounded(rest))] if left else []
    rows += [("sum", rounded(shown.sum)), (shown.name, rounded(shown.activation))]
    table = _table((f"from {shown.input_layer}", "adds"), rows)
    return _drawn_window(shown) + table + _words(shown)


@html.register
def _(shown: GramReport) -> str:
    maps = {"correlation of channels": shown.correlation}
    figure = maps_figure(maps, cmap="RdBu_r", bars=True, columns=2, xlabel="k'", ylabel="k")
    figure.set_size_inches(4.2, 3.6)
    pairs = [
        (f"{pair.first} and {pair.second}", rounded(pair.gram), f"{pair.correlation:.2f}")
        for pair in shown.strongest(PARTS)
    ]
    table = _table(("strongest pairs", "G_kk'", "correlation"), pairs)
    return _drawn(figure, "which channels fire together") + table + _words(shown)


@html.register
def _(shown: Pull) -> str:
    if shown.size.ndim != 2:
        return _words(shown)
    figure = maps_figure({"along the full gradient": shown.along}, cmap="RdBu_r", bars=True)
    figure.set_size_inches(5, 3.4)
    return _drawn(figure, "where this term pulls, and where against the others") + _words(shown)


@html.register
def _(shown: GradientReport) -> str:
    drawn = ""
    if not shown.ok and shown.arguments:
        drawn = _drawn(gradcheck_figure(shown), "what backward says, what forward does, the error")
    return f"{drawn}<pre>{escape(str(shown))}</pre>"


@html.register
def _(shown: Judgement) -> str:
    rows = [
        ("content", f"{shown.content:.3f}", "lost of the photograph: 0 nothing, 1 all"),
        ("style", f"{shown.style:.3f}", "missing of the painting: 0 nothing, 1 all"),
        ("copied", f"{shown.copied:.3f}", "share of patches that stand in the painting"),
        ("score", f"{shown.score:.3f}", "(1 + content) · (1 + style): 1 is ideal"),
    ]
    return _table(("", "", ""), rows)


@html.register
def _(shown: Network) -> str:
    shapes = shown.feature_shapes((1, *shown.input_shape))
    rows = []
    for name, row in shown.layers.items():
        numbers = sum(array.size for array in shown.params.get(name, ()))
        out = "×".join(map(str, shapes[name][1:]))
        rows.append((name, row.kind, out, f"{numbers:,}" if numbers else ""))
    size = "×".join(map(str, shown.input_shape))
    return _table(("layer", "", f"output, from {size}", "parameters"), rows) + _words(shown)


# what drawings are made of


def _words(shown: Shown) -> str:
    return f"<p>{escape(shown._in_words())}</p>"


def _picture(image: Image, text: str) -> str:
    """Put a picture into a page, no larger than it is looked at."""
    return _image("jpeg", jpeg(shrink(image, WIDEST)), text)


def _drawn(figure: Figure, text: str) -> str:
    """Put a figure into a page: lines as PNG, and what would be large so, as JPEG."""
    drawn = figure._repr_png_()
    if len(drawn) < LARGE:
        return _image("png", drawn, text)
    with Pillow.open(io.BytesIO(drawn)) as picture:
        return _image("jpeg", jpeg(np.asarray(picture.convert("RGB"))), text)


def _image(kind: str, data: bytes, text: str) -> str:
    return f'<img alt="{escape(text)}" src="{data_uri(kind, data)}">'


def _table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    top = "".join(f"<th>{escape(text)}</th>" for text in head) if any(head) else ""
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f"<table>{f'<thead><tr>{top}</tr></thead>' if top else ''}<tbody>{body}</tbody></table>"


def _best_values(rankings: Mapping[str, Ranking], item: str) -> str:
    """List the best of each of the first channels."""
    rows = []
    for name, ranking in rankings.items():
        for at, channel in list(enumerate(ranking.channels))[:UNITS]:
            if ranking.value.shape[1]:
                place = ", ".join(map(str, ranking.position[at, 0]))
                best = (rounded(float(ranking.value[at, 0])), ranking.item[at, 0], place)
                rows.append((f"{name}:{channel}", *best))
    return _table(("unit", "largest", item, "at"), rows)


def _drawn_window(shown: Trace) -> str:
    """Draw what each position of the window adds; of a picture only."""
    if shown.contributions.ndim != 3 or shown.inside.size == 1:
        return ""
    places: dict[str, Any] = {}
    for axis, first, step, count in zip(
        "yx", shown.start, shown.step, shown.inside.shape, strict=True
    ):
        places[f"{axis}ticks"] = range(count)
        places[f"{axis}ticklabels"] = range(first, first + step * count, step)
    maps = {"what each position adds": shown.contributions.sum(axis=-1)}
    figure = maps_figure(maps, cmap="RdBu_r", bars=True, **places)
    figure.set_size_inches(3.4, 2.6)
    return _drawn(figure, "what each position of the window adds")
