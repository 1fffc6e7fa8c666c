"""Paint a movie in the style of a painting, without flicker.

IN and OUT are GIFs, folders of frames, or movies (.mp4, .webm, …):

  nst video dog.gif painted.gif --style starry_night
  nst video frames painted --style cafe_terrace --size 256 --flow none

Each frame starts from the one before, carried along by the optical flow, and is held to it. The
flow, and movies, need: pip install "nst_numpy[video]"

Ctrl-C writes the frames so far; the same command goes on from there.
"""

import argparse
import sys
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any

from nst_numpy.cli.parts.options import (
    about,
    add_output_instead,
    duration,
    output_of,
    use_threads,
)
from nst_numpy.cli.parts.outputs import claim, claim_folder
from nst_numpy.cli.parts.settings import read_settings
from nst_numpy.cli.parts.stopping import held
from nst_numpy.cli.transfer import add_settings
from nst_numpy.common.text import counted
from nst_numpy.own_layers import load_own
from nst_numpy.pictures.samples import resolve_picture
from nst_numpy.vgg import VGG
from nst_numpy.video.flow import import_opencv
from nst_numpy.video.job import VideoJob, VideoResult, check_apart
from nst_numpy.video.painting import FLOWS, Painter, VideoSettings
from nst_numpy.video.sources import open_movie
from nst_numpy.video.targets import check_target


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    parser.add_argument("source", metavar="IN", help="a GIF, a folder of frames, or a movie")
    out = parser.add_argument(
        "out", metavar="OUT", help="likewise; a name without a suffix is a folder"
    )
    add_output_instead(parser, out, "movie to write")
    parser.add_argument(
        "--style", required=True, metavar="PICTURE", help="the painting: a file or a sample"
    )
    add = parser.add_argument
    add(
        "--flow",
        default=VideoSettings.flow,
        choices=list(FLOWS),
        help="how a frame is carried along: by optical flow, or by the source's difference alone",
    )
    add(
        "--temporal",
        type=float,
        default=VideoSettings.temporal,
        metavar="W",
        help="how much a frame is held to the one before; 0: not at all",
    )
    add(
        "--steps",
        type=int,
        default=VideoSettings.steps,
        metavar="N",
        help="iterations of each frame but the first, which has --iterations",
    )
    add(
        "--fresh",
        dest="carried",
        action="store_false",
        help="start each frame from its own source, as if there were no other",
    )
    add(
        "--free-brightness",
        dest="hold_brightness",
        action="store_false",
        help="let the mean luminance change otherwise than the source's",
    )
    add("--fps", type=float, metavar="F", help="frames a second (default: as IN, or 25)")
    add("--most", type=int, metavar="N", help="stop after N frames")
    add(
        "--frames",
        metavar="DIR",
        help="where painted frames go, and stay (default: OUT's name with -frames, while it runs)",
    )
    add(
        "--layers",
        metavar="FILE.py",
        help="layers or losses of your own, as in nst transfer; the file is run",
    )
    add_settings(parser)


def run(args: argparse.Namespace) -> int:
    """Find out first what can be read and written; then paint frame after frame."""
    use_threads(args)
    settings = read_settings(args)
    out = output_of(args)
    video = VideoSettings(**{f.name: getattr(args, f.name) for f in fields(VideoSettings)})
    if video.flow == "dis":
        import_opencv()
    style = resolve_picture(args.style)
    movie = open_movie(args.source, settings.size)
    check_apart(args.source, out)
    target = check_target(out, args.frames)
    if not target.keeps_frames:
        args.until_the_end.callback(remove_empty, target.frames)
    check_apart(args.source, target.frames)
    claim_folder(args, target.frames, [style, args.weights, args.layers], r"\d{5,}\.png")
    if not target.is_folder:
        claim(args, [style, args.weights, args.layers], movie=target.path)
    own = load_own(args.layers) if args.layers else None
    vgg = VGG.load(args.weights, args.pool, engine=args.engine)
    job = VideoJob(movie, target, Painter(vgg, style, settings, video, own=own))
    if not args.quiet:
        announce(job)
    result = job.go(progress=not args.quiet, held=held)
    if not args.quiet:
        report(result)
    return 130 if result.interrupted else 0


def remove_empty(folder: Path) -> None:
    """Remove a folder if nothing is in it."""
    with suppress(OSError):
        folder.rmdir()


def announce(job: VideoJob) -> None:
    """Say what is painted, and how long it takes."""
    height, width = job.first.shape[:2]
    seconds = job.expected_seconds()
    count: Any = "" if job.count is None else f"{job.count} "
    cost = "" if seconds is None else f": up to {about(seconds)}"
    print(f"{count}frames of {width}×{height} pixels{cost}", file=sys.stderr)


def report(result: VideoResult) -> None:
    """Say how it ended, and where the movie is."""
    kept = f", {result.kept} of them kept from before" if result.kept else ""
    how = "stopped, and written so far" if result.interrupted else "done"
    took = duration(result.seconds)
    print(f"{how}: {counted(result.frames, 'frame')}{kept}, in {took}", file=sys.stderr)
    if result.interrupted:
        print("the same command goes on from there", file=sys.stderr)
    print(result.path)
