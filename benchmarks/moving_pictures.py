"""Does a painted movie flicker or drift? On clips whose flow is known, with and without each part.

    python benchmarks/moving_pictures.py measure -o moving_pictures.json
    python benchmarks/moving_pictures.py show moving_pictures.json [--write]

Three clips look at a photograph through a window that is panned, zoomed or turned, there and back;
two more are the photograph itself, without and with grain. Measured are, in grey levels:

- the warping error, equation (88), beside that of the source, which has it from resampling alone;
- the loop error: the distance of the last frame from the first, which have one source;
- the drift of a still over 50 frames: of its pixels, and of its mean luminance.

The first frame is the same in all rows. Needs the extra `video`. "measure" may be ended and begun
again: it goes on where it was.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from common import ROOT, write_table

import nst_numpy as nst
from nst_numpy.common.progress import bar
from nst_numpy.files import write_json
from nst_numpy.measure.machine import machine
from nst_numpy.pictures.images import resize_image
from nst_numpy.settings import Settings
from nst_numpy.video import (
    Clip,
    Painter,
    VideoSettings,
    Window,
    drift,
    inside,
    look_through,
    pan,
    there_and_back,
    turn,
    warping_error,
    zoom,
)

STYLE, SIZE, ITERATIONS = "starry_night", (64, 96), 25
FRAMES, STILL_FRAMES, GRAIN = 4, 50, 2.0  # grain: grey levels
MOVED = {"pan": pan(FRAMES, 2.3, 0.7), "zoom": zoom(FRAMES, 1.03), "turn": turn(FRAMES, 2.0)}
PARTS = {
    "frame by frame": {"carried": False, "temporal": 0.0, "hold_brightness": False},
    "all parts": {},
    "flow known": {"known": True},
    "no temporal loss": {"temporal": 0.0},
    "no carried start": {"carried": False},
    "brightness free": {"hold_brightness": False},
    "no flow": {"flow": "none"},
}
PAGE = ROOT / "docs" / "howto" / "moving_pictures.md"


def clips():
    """Make the clips: three that move, and two stills."""
    still = resize_image(nst.load_image("neuschwanstein"), 160)
    made = {name: look_through(still, there_and_back(w), SIZE) for name, w in MOVED.items()}
    made["still"] = look_through(still, [Window()] * STILL_FRAMES, SIZE)
    rng, clip = np.random.default_rng(0), made["still"]
    grainy = [np.clip(np.rint(f + rng.normal(0, GRAIN, f.shape)), 0, 255) for f in clip.frames]
    made["grain"] = Clip([frame.astype(np.uint8) for frame in grainy], clip.flows)
    return made


def error_of(frames, clip):
    """Return the warping error by the clip's own flow."""
    masks = [inside(flow)[..., np.newaxis].astype(float) for flow in clip.flows]
    return warping_error(frames, clip.flows, masks)


def paint(vgg, clip, firsts, *, known=False, **video):
    """Paint a clip, with some parts left out; a first frame is painted once."""
    settings = Settings(size=SIZE[1], iterations=ITERATIONS, margin=4)
    finder = clip.finder if known else None
    painter = Painter(vgg, STYLE, settings, VideoSettings(**video), finder)
    first, key = clip.frames[0], clip.frames[0].tobytes()
    if key in firsts:
        painter.follow(first, firsts[key])
    else:
        firsts[key] = painter.paint(first)
    rest = bar("frame", clip.frames[1:], total=len(clip.frames) - 1, leave=False)
    return [firsts[key], *(painter.paint(frame) for frame in rest)]


def measure_clip(vgg, name, clip, firsts, part):
    """Paint one clip with a choice of parts; return what is measured."""
    alone = part.get("carried", True) is False and part.get("temporal") == 0
    if name in MOVED:
        if alone:  # a frame that knows of no other is the same on the way back
            half = paint(vgg, Clip(clip.frames[:FRAMES], clip.flows[: FRAMES - 1]), firsts, **part)
            frames = [*half, *reversed(half[:-1])]
        else:
            frames = paint(vgg, clip, firsts, **part)
        loop = np.abs(frames[-1].astype(float) - frames[0]).mean()
        return {"warping": error_of(frames, clip), "loop": float(loop)}
    if alone:
        clip = Clip([clip.frames[0], clip.frames[-1]], clip.flows[:1])
    elif part.get("carried", True) is False:
        return {}  # 50 frames that all begin anew take too long
    pixels, brightness = drift(paint(vgg, clip, firsts, **part))
    return {"drift": pixels, "brightness": brightness}


def measure(path):
    """Measure what is not in the file yet."""
    found = json.loads(path.read_text("utf-8")) if path.exists() else {"machine": machine()}
    vgg, made, firsts = nst.VGG.load(), clips(), {}
    found["the source"] = {
        name: {"warping": error_of(made[name].frames, made[name])} for name in MOVED
    }
    for title, part in PARTS.items():
        row = found.setdefault(title, {})
        for name, clip in made.items():
            if name not in row:
                row[name] = measure_clip(vgg, name, clip, firsts, part)
                write_json(path, found)


def lines(found, columns):
    """Make a table of Markdown: for each column a clip, and what is shown of it."""
    titles = [title for title in ("the source", *PARTS) if title in found]
    shown = [
        f"| | {' | '.join(head for head, _, _ in columns)} |",
        "|---|" + "---:|" * len(columns),
    ]
    for title in titles:
        values = [found[title].get(clip, {}).get(what) for _, clip, what in columns]
        if any(value is not None for value in values):
            cells = ["" if value is None else f"{value:.2f}" for value in values]
            shown.append(f"| {title} | {' | '.join(cells)} |")
    return shown


def show(path, write):
    """Print the tables, and write them into the page."""
    found = json.loads(path.read_text("utf-8"))
    tables = {
        "warping": [(name, name, "warping") for name in MOVED],
        "loop": [(name, name, "loop") for name in MOVED],
        "drift": [
            *(("still", "still", "drift"), ("with grain", "grain", "drift")),
            ("brightness", "grain", "brightness"),
        ],
    }
    for name, columns in tables.items():
        block = lines(found, columns)
        print(*block, sep="\n", end="\n\n")
        if write:
            write_table(name, ["", *block, ""], PAGE)
    print(found["machine"])


def main():
    """Do what is asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    measuring = commands.add_parser("measure")
    measuring.add_argument("-o", "--output", type=Path, required=True)
    showing = commands.add_parser("show")
    showing.add_argument("file", type=Path)
    showing.add_argument("--write", action="store_true", help="into the page")
    args = parser.parse_args()
    if args.command == "measure":
        measure(args.output)
    else:
        show(args.file, args.write)


if __name__ == "__main__":
    main()
