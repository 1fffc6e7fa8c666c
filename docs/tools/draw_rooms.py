"""Draw the rooms of the package, and the way of one number through them.

    python docs/tools/draw_rooms.py

reads the rooms and their order from setup.cfg, where imports are checked against them, and
writes docs/pictures/rooms.svg and docs/pictures/way.svg.
"""

from configparser import ConfigParser
from html import escape
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PICTURES = ROOT / "docs" / "pictures"

WIDTH, MARGIN, GAP = 600, 10, 8  # in pixels, as all numbers here
FLOOR, TOP = 50, 66
INK, GREY, BLUE, RED, PAPER = "#222222", "#5f6b73", "#2f6f9f", "#b5483a", "#eef3f7"

# What happens to one number: in which room, by what, and where its box is drawn (column, row).
WAY = (
    ("pictures", "preprocess", "a byte becomes a float", 0, 2),
    ("network", "forward", "up through the layers", 0, 1),
    ("losses", "two costs", "how far from C and S?", 0, 0),
    ("network", "backward", "down: the gradient", 1, 0),
    ("objective", "sum", "J and the pixel gradient", 1, 1),
    ("optimize", "L-BFGS", "the pixel moves", 1, 2),
    ("pictures", "deprocess", "a float becomes a byte", 1, 3),
)
BOX, ROW, LEFT, HEAD = (256, 88), 128, 16, 60

ABOUT = {
    "cli": "one file a command",
    "live": "a page that paints and answers",
    "report": "HTML pages about a run",
    "figures": "every matplotlib picture",
    "course": "assignments: hand out, grade",
    "signals": "heartbeats, volumes, movies",
    "video": "moving pictures",
    "sweeps": "many pictures, one after the other",
    "style_transfer": "two pictures in, one out",
    "runs": "a run kept: repeat, resume, compare",
    "result": "what a run leaves",
    "scales": "pictures and J at each size",
    "paintings": "which, how much, and where",
    "measure": "what a run costs, told before",
    "look": "inside a network",
    "conventions": "whose factors the losses have",
    "styles": "Gram, Gaussians, neighbours",
    "optimize": "L-BFGS, descent, Adam",
    "receptive_field": "what a unit sees",
    "vgg": "VGG-16 and 19 as lists of rows",
    "network": "rows in order: two loops",
    "bands": "a few rows at a time",
    "fused": "the same, fast: the plan",
    "network_checks": "names, shapes, dtypes at the door",
    "weights": "files of weights, not trusted",
    "rows": "what a layer is, without numbers",
    "losses": "content, Gram, variation, time",
    "layers": "what: pairs of functions",
    "kernels": "how: Winograd, products, threads",
    "pictures": "files to numbers, and back",
    "gradcheck": "is this gradient right?",
    "files": "writing without losing anything",
    "common": "arrays, checks, text, former names",
    "errors": "imports nothing",
}


def rooms() -> list[list[str]]:
    """Return the rooms from the top floor to the ground; some share a floor."""
    config = ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    floors = config["importlinter:contract:rooms"]["layers"].split("\n")
    return [
        [room.strip().removeprefix("nst_numpy.") for room in floor.split("|")]
        for floor in floors
        if floor.strip()
    ]


def draw_rooms(floors: list[list[str]]) -> str:
    """Draw the house: a floor a row, with the stations of the way in red."""
    stations: dict[str, list[int]] = {}
    for number, (room, *_) in enumerate(WAY, start=1):
        stations.setdefault(room, []).append(number)
    parts = [
        text(MARGIN, 26, "The rooms of nst_numpy", INK, 22, "bold"),
        text(MARGIN, 50, "Each imports only from rooms below it. Red: see the way.", GREY, 17),
    ]
    for floor, names in enumerate(floors):
        width = (WIDTH - 2 * MARGIN - GAP * (len(names) - 1)) / len(names)
        for i, name in enumerate(names):
            x, y = MARGIN + i * (width + GAP), TOP + floor * FLOOR
            parts.append(box(x, y, width, FLOOR - GAP))
            parts.append(text(x + 10, y + 27, name, INK, 19 if width > 150 else 16))
            right = x + width - 18
            for number in reversed(stations.get(name, [])):
                parts.append(station(right, y + (FLOOR - GAP) / 2, number))
                right -= 28
            if len(names) == 1:
                words = text(right + 8, y + 27, ABOUT.get(name, ""), GREY, 17, anchor="end")
                parts.append(words)
    title = "The rooms of nst_numpy, from the command line down to the errors"
    return svg(TOP + len(floors) * FLOOR + MARGIN, title, parts)


def draw_way() -> str:
    """Draw the way of one number: up on the left, down on the right, and round again."""
    parts = [text(LEFT, 34, "The way of one number", INK, 22, "bold")]
    corners = [corner(column, row) for *_, column, row in WAY]
    for (_, _, _, column, row), (_, _, _, column_2, row_2) in pairwise(WAY):
        parts.append(arrow(*between(column, row, column_2, row_2)))
    # from the optimiser back to the network, many times
    (x, y), (x_2, y_2) = corners[5], corners[1]
    parts.append(arrow((x, y + 30), (x_2 + BOX[0], y_2 + BOX[1] - 20)))
    parts.append(text(WIDTH / 2 - 6, y + 42, "again", RED, 15, anchor="middle"))
    for number, ((room, by, what, *_), (x, y)) in enumerate(
        zip(WAY, corners, strict=True), start=1
    ):
        parts.append(box(x, y, *BOX))
        parts.append(station(x + 20, y + 22, number))
        parts.append(text(x + 40, y + 28, f"{room}: {by}", INK, 18, "bold"))
        parts.append(text(x + 16, y + 64, what, GREY, 18))
    title = "From a byte up to the losses, down to the gradient, and back to a byte"
    return svg(HEAD + 4 * ROW - 24, title, parts)


def corner(column: int, row: int) -> tuple[float, float]:
    """Return the upper left corner of a box of the way."""
    return (LEFT if column == 0 else WIDTH - LEFT - BOX[0]), HEAD + row * ROW


def between(column: int, row: int, column_2: int, row_2: int) -> tuple[tuple, tuple]:
    """Return the two ends of the arrow from one box to its neighbour."""
    (x, y), (x_2, y_2) = corner(column, row), corner(column_2, row_2)
    if row == row_2:
        return (x + BOX[0], y + BOX[1] / 2), (x_2, y_2 + BOX[1] / 2)
    if row_2 < row:
        return (x + BOX[0] / 2, y), (x_2 + BOX[0] / 2, y_2 + BOX[1])
    return (x + BOX[0] / 2, y + BOX[1]), (x_2 + BOX[0] / 2, y_2)


def svg(height: float, title: str, parts: list[str]) -> str:
    """Put the parts on a white sheet."""
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
            f'width="{WIDTH}" height="{height}" font-family="Helvetica, Arial, sans-serif">',
            f"<title>{escape(title)}</title>",
            '<marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="6" '
            f'markerHeight="6" orient="auto"><path d="M0,0 L10,5 L0,10 z" fill="{RED}"/></marker>',
            f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
            *parts,
            "</svg>\n",
        ]
    )


def box(x: float, y: float, width: float, height: float) -> str:
    """Draw a room."""
    return (
        f'<rect x="{x:.0f}" y="{y:.0f}" width="{width:.0f}" height="{height}" rx="6" '
        f'fill="{PAPER}" stroke="{BLUE}"/>'
    )


def arrow(start: tuple[float, float], end: tuple[float, float]) -> str:
    """Draw an arrow."""
    (x, y), (x_2, y_2) = start, end
    return (
        f'<line x1="{x:.0f}" y1="{y:.0f}" x2="{x_2:.0f}" y2="{y_2:.0f}" stroke="{RED}" '
        'stroke-width="2.5" marker-end="url(#tip)"/>'
    )


def station(x: float, y: float, number: int) -> str:
    """Draw a red circle with a number."""
    return (
        f'<circle cx="{x:.0f}" cy="{y:.0f}" r="12" fill="{RED}"/>'
        f'<text x="{x:.0f}" y="{y + 5.5:.1f}" font-size="16" fill="white" '
        f'text-anchor="middle">{number}</text>'
    )


def text(
    x: float, y: float, words: str, colour: str, size: int, weight: str = "", anchor: str = ""
) -> str:
    """Write a line."""
    more = f' font-weight="{weight}"' if weight else ""
    more += f' text-anchor="{anchor}"' if anchor else ""
    place = f'x="{x:.0f}" y="{y:.0f}" font-size="{size}" fill="{colour}"{more}'
    return f"<text {place}>{escape(words)}</text>"


def pictures() -> dict[Path, str]:
    """Return what is drawn, by file."""
    return {PICTURES / "rooms.svg": draw_rooms(rooms()), PICTURES / "way.svg": draw_way()}


if __name__ == "__main__":
    for path, picture in pictures().items():
        path.write_text(picture, encoding="utf-8")
