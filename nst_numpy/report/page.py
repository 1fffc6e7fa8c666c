"""One HTML file about a run: nothing in it is fetched from elsewhere, and it opens from disk."""

import io
import re
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from markupsafe import Markup
from matplotlib.figure import Figure

import nst_numpy
from nst_numpy.callbacks import Progress
from nst_numpy.common.arrays import Array, Image
from nst_numpy.common.text import about, duration, rounded, step_duration
from nst_numpy.figures.report import gram_images, loss_figure, term_styles
from nst_numpy.figures.style import INK
from nst_numpy.files import check_output, write_text
from nst_numpy.losses import gram_matrix
from nst_numpy.measure.free_memory import peak_memory as peak_memory
from nst_numpy.pictures.embedding import data_uri, embed, jpeg, png, shrink
from nst_numpy.pictures.images import resize_image, to_8_bits
from nst_numpy.pictures.masks import WHOLE
from nst_numpy.report.parts import render, stem
from nst_numpy.report.sections import (
    judged,
    judgement_rows,
    links_of,
    meanings,
    plan_rows,
    source_of,
)
from nst_numpy.result import Result
from nst_numpy.style_transfer import Run
from nst_numpy.styles import Counts, on_layers

PICTURES = 12  # of the run as it evolved
THUMBNAIL = 240  # longest side of those, in pixels
SMALL = 480  # of content and style
LARGE = 1024  # of the pictures to compare
CHANNELS = 64  # of a Gram matrix that are shown
GRAM_LAYERS = 2
# Lines join and end as matplotlib draws them; those who listen to the page have a table instead.
SVG_ATTRIBUTES = (
    'aria-hidden="true" focusable="false" stroke-linejoin="round" stroke-linecap="butt"'
)


@dataclass(frozen=True)
class Snapshot:
    """A picture on the way: its iteration (0 is the start), J, and a small JPEG file."""

    iteration: int
    loss: float | None
    jpeg: bytes
    size: tuple[int, int]  # width, height of the JPEG


@dataclass
class RunRecorder:
    """A callback that keeps what a report needs: small pictures, at geometric iterations.

    Much happens at the start of a run and little at its end, so the pictures are close
    together first: iterations 1, 2, 3, 5, 8, …

    Parameters
    ----------
    run : Run
    pictures : int
        How many to keep, if the run does all its iterations.

    Examples
    --------
    >>> geometric(150, 12)
    [1, 2, 4, 6, 10, 15, 24, 38, 60, 95, 150]
    """

    run: Run
    pictures: int = PICTURES
    snapshots: list[Snapshot] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Plan when to look; keep the start and the time that is expected."""
        self._wanted = set(geometric(self.run.iterations, self.pictures))
        self.expected_seconds = self.run.expected_seconds
        self.add(0, None, to_8_bits(resize_image(self.run.init, self.run.content.shape[:2])))

    def __call__(self, progress: Progress) -> None:
        """Keep the picture if its turn has come; a run that starts again begins again."""
        if progress.iteration == 1:
            del self.snapshots[1:]
        if progress.iteration in self._wanted:
            self.add(progress.iteration, progress.loss, progress.image)

    def add(self, iteration: int, loss: float | None, image: Image) -> None:
        """Keep a picture."""
        small = shrink(image, THUMBNAIL)
        height, width = small.shape[:2]
        self.snapshots.append(Snapshot(iteration, loss, jpeg(small, 80), (width, height)))


def geometric(last: int, count: int) -> list[int]:
    """List whole numbers from 1 to `last` that grow by an even factor, `count` at most."""
    return sorted({int(v) for v in np.geomspace(1, last, count).round()})


def write_report(
    path: str | Path,
    result: Result,
    recorder: RunRecorder,
    *,
    names: Sequence[str] = ("content", "style"),
    command: str | None = None,
) -> None:
    """Write one self-contained HTML file about a run.

    Parameters
    ----------
    path
        The file to be; an existing one is replaced. Call `files.check_output` before the run.
    result : Result
    recorder : RunRecorder
        It has been one of the run's callbacks.
    names : sequence of str
        What to call the content and each style.
    command : str, optional
        The command that repeats the run.

    Raises
    ------
    OutputError
        If the file cannot be written.

    Notes
    -----
    The network runs three more times, forward, for the Gram matrices, and four times for the
    judgement.
    """
    check_output(path)
    run, peak = recorder.run, peak_memory()
    told = meanings(list(result.history[-1]["terms"]), result.settings)
    links = links_of(list(result.history[-1]["terms"]), told)
    judgement = judged(run, result.image)
    page = render(
        "report.html",
        title=f"{stem(names[0])} in the style of {listed(list(map(stem, names[1:])))}",
        names=(names[0], listed(names[1:])),
        given=_given(run, names),
        version=nst_numpy.__version__,
        command=command,
        result=result,
        pictures=_pictures(run, result),
        snapshots=[_frame(s) for s in recorder.snapshots],
        curves=inline_svg(loss_figure(result.history, links)) if result.iterations else None,
        terms=_terms(result.history, links),
        meanings=told,
        grams=_grams(run, result.image),
        settings=_settings(result.settings),
        facts=_facts(result, recorder, peak),
        judgement=None if judgement is None else judgement_rows(judgement),
        plan=plan_rows(run),
        origin=source_of(run, result, names),
    )
    write_text(path, page)


def inline_svg(figure: Figure) -> Markup:
    """Draw a figure as an SVG element that stands inside HTML.

    Ink becomes the text's colour, so that it shows on a dark page too.
    """
    buffer = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "nst"}):
        figure.savefig(
            buffer, format="svg", transparent=True,
            metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")),
        )  # fmt: skip
    svg = buffer.getvalue()
    svg = _without_styles(svg[svg.index("<svg") :])
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg, count=1)
    svg = svg.replace("<svg ", f"<svg {SVG_ATTRIBUTES} ", 1)
    # a curve leads to what it means; by keyboard the table's links do
    svg = svg.replace(' target="_blank"', "")
    svg = svg.replace("<a xlink:href", '<a tabindex="-1" xlink:href')
    # matplotlib has escaped every text in it
    return Markup(svg.replace(INK, "currentColor").replace("'DejaVu Sans', ", ""))


def _without_styles(svg: str) -> str:
    """Turn the styles of elements into attributes: a page's policy knows no hash of them."""
    svg = re.sub(r"<style.*?</style>", "", svg, flags=re.DOTALL)
    return re.sub(r'(<\w[^>]*?) style="([^"]*)"', lambda m: m[1] + _attributes(m[2]), svg)


def _attributes(style: str) -> str:
    """Write what a style declares as attributes of SVG.

    >>> _attributes("font: italic 700 10px Arial, serif; fill: none")
    ' font-style="italic" font-weight="700" font-size="10px" font-family="Arial, serif" fill="none"'
    """
    # old releases of matplotlib declare all of a font at once, for which SVG has no attribute
    style = re.sub(r"font: (?:(italic|oblique) )?(?:(\d+) )?([\d.]+px) ", _font, style)
    pairs = (declared.split(": ", 1) for declared in style.rstrip("; ").split("; "))
    return "".join(f' {name}="{value}"' for name, value in pairs)


def _font(found: re.Match[str]) -> str:
    names = ("font-style", "font-weight", "font-size")
    given = zip(names, found.groups(), strict=True)
    return "".join(f"{name}: {value}; " for name, value in given if value) + "font-family: "


def listed(names: Sequence[str]) -> str:
    """Write names as a sentence has them.

    >>> listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"])
    ('a', 'a and b', 'a, b and c')
    """
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


def _given(run: Run, names: Sequence[str]) -> list[dict[str, Any]]:
    """Show what the run was given: the photograph, and each painting."""
    styles = run.paintings.images
    kinds = ["Style"] if len(styles) == 1 else [f"Style {n}" for n in range(1, len(styles) + 1)]
    rows = zip(["Content", *kinds], names, [run.content, *styles], strict=True)
    return [{"kind": kind, "name": name} | embed(image, SMALL) for kind, name, image in rows]


def _pictures(run: Run, result: Result) -> dict[str, dict[str, Any]]:
    return {
        "before": embed(run.content, LARGE),
        "after": embed(result.image, LARGE),
    }


def _frame(snapshot: Snapshot) -> dict[str, Any]:
    width, height = snapshot.size
    return {
        "iteration": snapshot.iteration,
        "loss": None if snapshot.loss is None else f"{snapshot.loss:.3g}",
        "uri": data_uri("jpeg", snapshot.jpeg),
        "width": width,
        "height": height,
    }


def _terms(
    history: Sequence[Mapping[str, Any]], links: Mapping[str, str]
) -> list[dict[str, str | None]]:
    """Compare each term at the first and last iteration of the last size; J comes first."""
    last = history[-1]
    first = next(row for row in history if _size(row) == _size(last))
    rows = [("J", first["loss"], last["loss"], ("currentColor", ""))]
    for term, style in term_styles(list(last["terms"])).items():
        rows.append((term, first["terms"].get(term, 0.0), last["terms"][term], style))
    return [
        {
            "name": "J, the sum" if name == "J" else name,
            "link": links.get(name),
            "first": f"{start:.3g}",
            "last": f"{end:.3g}",
            "ratio": rounded(end / start, 2) if start > 0 else "–",
            "share": f"{100 * end / last['loss']:.1f} %" if last["loss"] > 0 else "–",
            "colour": colour,
            "dash": dash,
        }
        for name, start, end, (colour, dash) in rows
    ]


def _grams(run: Run, image: Image) -> list[dict[str, Any]]:
    """Draw the Gram matrices of start, result and style, for a layer or two.

    They are means over positions, so that pictures of different size can be compared; with masks
    over those that count. Of several styles each has its own.
    """
    last = run.scales - 1
    names = run.vgg.check_names(run.settings.coefficients().style)
    first = max(0, len(names) // 2 - 1)
    chosen = names[first : first + GRAM_LAYERS]
    if not chosen:
        return []
    rows, numbers = [], run.paintings.numbers
    for number in numbers:
        style_x = run.style_x(last, number)
        regions = run.paintings.regions(number, run.shape(last), style_x.shape)
        masks = regions.content, regions.content, regions.style
        pictures = run.x(run.init, last), run.x(image, last), style_x
        of_each = [
            _mean_grams(run, x, mask, chosen) for x, mask in zip(pictures, masks, strict=True)
        ]
        which = f", style {number + 1}" if len(numbers) > 1 else ""
        rows += [_gram_row(f"{name}{which}", [grams[name] for grams in of_each]) for name in chosen]
    return rows


def _mean_grams(run: Run, x: Array, mask: Counts, names: Sequence[str]) -> dict[str, Array]:
    counts = on_layers(run.vgg, mask, x.shape, names)
    found = {}
    for name, a in run.vgg.forward(x, names).items():
        m, of_layer = np.prod(a.shape[:-1]), counts[name]
        found[name] = gram_matrix(a, of_layer) / (m if of_layer is None else of_layer.sum())
    return found


def _gram_row(name: str, grams: list[Array]) -> dict[str, Any]:
    """Draw three Gram matrices on one scale, the style's strongest channels first."""
    style = grams[-1]
    order = np.argsort(-np.diagonal(style), kind="stable")[:CHANNELS]
    length = float(np.linalg.norm(style)) or 1.0
    titles = ("at the start", "of the result", "of the style")
    pictures = [
        {
            "title": title,
            "distance": f"{np.linalg.norm(gram - style) / length:.2f}",
            "uri": data_uri("png", png(image)),
        }
        for title, gram, image in zip(titles, grams, gram_images(grams, order), strict=True)
    ]
    return {"layer": name, "shown": len(order), "channels": len(style), "pictures": pictures}


def _settings(settings: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Write every setting for people."""
    rows = []
    for name, value in settings.items():
        if isinstance(value, Mapping):
            value = ", ".join(f"{key} {_short(each)}" for key, each in value.items())
        rows.append((name.replace("_", " "), "–" if value is None else _short(value)))
    return rows


def _short(value: object) -> str:
    if isinstance(value, (list, tuple)):  # of several paintings; the masks of one are a pair
        masks = any(isinstance(each, (list, tuple)) for each in value)
        texts = ["/".join(each or WHOLE for each in pair) for pair in value] if masks else value
        return ", ".join(map(_short, texts))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _facts(result: Result, recorder: RunRecorder, peak: int | None) -> list[tuple[str, str]]:
    """List why the run stopped, its time and its memory, beside what was expected."""
    estimate, history = recorder.run.estimate(), result.history
    expected = recorder.expected_seconds
    used = "unknown on this system" if peak is None else f"{peak / 1e6:.0f} MB at most"
    costs = [("Memory", used)]
    if estimate is not None:
        step = f"{rounded(estimate.multiplications / 1e9)} · 10⁹ multiplications a step"
        memory = f"{used}; about {estimate.bytes / 1e6:.0f} MB were expected"
        costs = [("Memory", memory), ("Arithmetic", step)]
    median = [("Time of an iteration", f"{step_duration(_iteration_time(history))} (median)")]
    return [
        ("Why it stopped", result.message),
        ("Iterations", f"{result.iterations} of {recorder.run.iterations}"),
        ("Time", f"{duration(result.seconds)}; {about(expected)} were expected"),
        *(median if result.iterations > 1 else []),
        *costs,
    ]


def _iteration_time(history: Sequence[Mapping[str, Any]]) -> float:
    """Median time between two iterations, at the last scale."""
    times: list[float] = [row["seconds"] for row in history if _size(row) == _size(history[-1])]
    return float(statistics.median(np.diff(times))) if len(times) > 1 else times[-1]


def _size(row: Mapping[str, Any]) -> tuple[int, int]:
    return row["height"], row["width"]
