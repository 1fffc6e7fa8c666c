"""What the page about a run tells besides the run: how good, by which plan, and what terms mean."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from nst_numpy.common.arrays import Image
from nst_numpy.errors import SettingError, UnknownNameError
from nst_numpy.look.sources import side_by_side
from nst_numpy.measure import Judge, Judgement, JudgeOfSeveral
from nst_numpy.network import Network
from nst_numpy.pictures.images import to_8_bits
from nst_numpy.report.source import source_values
from nst_numpy.result import Result
from nst_numpy.style_transfer import Run

SCALES = {
    "score": "(1 + content) · (1 + style): 1 is ideal, 2 is what the photograph itself would get",
    "content": "what was lost of the photograph: 0 nothing, 1 as much as in a piece of painting",
    "style": "what is missing of the painting: 0 nothing, 1 as much as in the photograph",
    "copied": "share of the picture that stands in the painting, all but identical",
}
KINDS = {
    "content/features": "what the network sees at each place",
    "content/self-similarity": "which places are alike",
    "content/structure": "light and dark, without a network",
    "style/frechet": "mean and covariance of what the network sees",
    "style/sliced": "how that is distributed, in many directions",
    "style/patches": "details at several sizes, without a network",
}
STYLES = {
    "gram": (
        "how far the picture's Gram matrix there is from the painting's: β · λ · Σ (G − G(S))² / "
        "(2 M C)², with M positions and C channels",
        "(5)",
    ),
    "wasserstein": (
        "how far mean and covariance of the picture's activations there are from the painting's: β "
        "· λ · W², the cost of moving one Gaussian to the other",
        "(27)",
    ),
    "neighbours": (
        "how far each place of the picture is from the place of the painting that it is drawn to: "
        "β · the mean of 1 − cosine, over layers together",
        "(30)",
    ),
}


class Meaning(NamedTuple):
    """What the terms of a kind say; `anchor` is the name of its place in the page."""

    anchor: str
    name: str
    text: str
    equation: str | None


def judged(run: Run, image: Image) -> Judgement | None:
    """Judge the picture, if it is large enough and the network has the layers for that.

    The judge knows of no masks. It asks for the photograph as it was given, also where the run saw
    it in other colours.
    """
    if run.paintings.masked:
        return None
    styles, weights = run.paintings.images, run.paintings.given_weights
    try:
        judge: Judge | JudgeOfSeveral = Judge(run.photograph, styles[0], run.vgg)
        if len(styles) > 1:
            judge = JudgeOfSeveral(run.photograph, styles, run.vgg, weights)
        return judge(image)
    except (SettingError, UnknownNameError):
        return None


def judgement_rows(found: Judgement) -> dict[str, list[tuple[str, str, str]]]:
    """Write the four numbers, and the figures that they are means of: name, value, meaning."""
    numbers = {"score": found.score, "content": found.content, "style": found.style}
    rows = [(name, f"{value:.2f}", SCALES[name]) for name, value in numbers.items()]
    rows.append(("copied", f"{100 * found.copied:.0f} %", SCALES["copied"]))
    parts = [
        (kind, f"{found.figures[kind]:.2f}", text)
        for kind, text in KINDS.items()
        if kind in found.figures
    ]
    return {"numbers": rows, "parts": parts}


def plan_rows(run: Run) -> list[tuple[str, str, str, str]] | None:
    """List what a step at the last size does together; None for a network without a plan."""
    if not isinstance(run.vgg, Network) or run.vgg.engine != "fused":
        return None
    plan = run.vgg.plan(run.canvas_shape(run.scales - 1), run.names)
    rows = [
        (" + ".join(block.names), block.method, block.kept, _kilobytes(block.kept_bytes))
        for block in plan.blocks
    ]
    return [*rows, ("sum", "", "", _kilobytes(plan.kept_bytes))]


def _kilobytes(count: int) -> str:
    return f"{count / 1e3:,.0f} kB"


def source_of(run: Run, result: Result, names: Sequence[str]) -> dict[str, Any] | None:
    """Collect what shows where the picture comes from; None where the run has no source map."""
    if result.source is None:
        return None
    paintings = dict(enumerate(map(to_8_bits, run.paintings.images), start=1))
    style = side_by_side(paintings, result.source) if result.source.panels else paintings[1]
    return source_values(result.source, result.image, style, (names[0], ", ".join(names[1:])))


def meanings(terms: Sequence[str], settings: Mapping[str, Any]) -> list[Meaning]:
    """Say what J and each kind of its terms mean.

    Parameters
    ----------
    terms : sequence of str
        Their names, as in `Result.terms`: "content/relu4_2", "style/1/relu1_1", "tv".
    settings : mapping
        `Result.settings`.

    Examples
    --------
    >>> for meaning in meanings(["content/relu4_2", "mine"], {"style_loss": "gram"}):
    ...     print(meaning.anchor, meaning.equation)
    means-J (8)
    means-content (2)
    """
    style, equation = STYLES.get(settings["style_loss"], ("a style loss of your own", None))
    style_name = "style, all layers" if equation == "(30)" else "style, of a layer"
    convention = settings.get("convention", "lecture")
    divided = "" if convention == "lecture" else f"; divided as in the convention {convention}"
    known = [
        Meaning("content", "content, of a layer", "how far the picture's numbers there are from "
                f"the photograph's: α · λ · ½ Σ (a − a(C))²{divided}", "(2)"),
        Meaning("style", style_name, style + divided, equation),
        Meaning("tv", "tv, total variation", "how much neighbouring pixels differ: τ · Σ of their "
                "squared differences", "(9)"),
    ]  # fmt: skip
    whole = Meaning(
        "J",
        "J, the sum",
        "what the run makes small: the sum of all terms below, coefficients included",
        "(8)",
    )
    kinds = {kind_of(term) for term in terms} | {"J"}
    return [m._replace(anchor=f"means-{m.anchor}") for m in [whole, *known] if m.anchor in kinds]


def kind_of(term: str) -> str:
    """Name the kind of a term.

    >>> kind_of("style/1/relu1_1")
    'style'
    """
    return term.partition("/")[0]


def links_of(terms: Sequence[str], told: Sequence[Meaning]) -> dict[str, str]:
    """Say to which place of the page each term leads; a term of your own leads nowhere.

    >>> links_of(["tv", "mine"], meanings(["tv"], {"style_loss": "gram"}))
    {'J': '#means-J', 'tv': '#means-tv'}
    """
    anchors = {meaning.anchor for meaning in told}
    wanted = {term: f"means-{kind_of(term)}" for term in ("J", *terms)}
    return {term: f"#{anchor}" for term, anchor in wanted.items() if anchor in anchors}
