"""How good the pictures are, and how long they take: defaults old and new, other programs.

    python benchmarks/quality.py measure --size 256 --pairs 20 -o quality-256.json
    python benchmarks/quality.py show quality-256.json quality-512.json [--write]
    python benchmarks/quality.py seeds [--write]

All pairs are of pictures that come along. The judge is `nst_numpy.measure.judge`; while it looks,
the clock stands still. "measure" may be ended and begun again: it goes on where it was. "seeds"
says how far a figure of the judge goes up and down by chance.
"""

import argparse
import json
import time
from itertools import product
from pathlib import Path

import numpy as np
from common import ROOT, write_table

import nst_numpy as nst
from nst_numpy.files import write_json
from nst_numpy.measure import judgement
from nst_numpy.measure.judgement import Judge
from nst_numpy.measure.machine import machine
from nst_numpy.pictures.samples import sample_path
from nst_numpy.settings import COARSEST_SIZE

PHOTOGRAPHS = ("neuschwanstein", "astronaut", "golden_temple", "horse", "chelsea", "chenonceau",
               "coffee")  # fmt: skip
PAINTINGS = ("starry_night", "cafe_terrace", "night_cafe", "painter_on_the_road")
MARKS = (10, 20, 30, 40, 60, 80, 100, 150)  # iterations at the full size
SEEDS = range(5)
LONG = 150  # iterations at each size, as the default was
RIVALS = ("neural-style-pt", "style-transfer-pytorch")
CONTENDERS = ("150 at each size", "default", "wasserstein", "neighbours", *RIVALS)
PAGE = ROOT / "docs" / "defaults.md"
PICTURE = ROOT / "docs" / "pictures" / "pareto.png"


def choose_pairs(count):
    """Spread pairs over photographs and paintings: the same ones first, whatever the count."""
    every = [(p, s) for p, s in product(range(len(PHOTOGRAPHS)), range(len(PAINTINGS)))]
    every.sort(key=lambda pair: ((pair[1] - pair[0]) % len(PAINTINGS), pair[0]))
    return [(PHOTOGRAPHS[p], PAINTINGS[s]) for p, s in every[:count]]


class Watch:
    """A callback that has the picture judged at some iterations, and stops its clock meanwhile."""

    def __init__(self, look, size):
        self.look, self.size, self.curve = look, size, []
        self.started = time.perf_counter()
        self.at_size = 0

    @property
    def seconds(self):
        return time.perf_counter() - self.started

    def __call__(self, progress):
        if max(progress.image.shape) == self.size:
            self.at_size += 1
            if self.at_size in MARKS:
                self.add(progress.image)

    def add(self, image):
        seconds = self.seconds
        self.curve.append([round(seconds, 2), *self.look(image)])
        self.started += self.seconds - seconds


def paint(name, content, style, size, vgg, watch):
    """Paint with one of our settings; return the picture and the number of iterations."""
    settings = {"vgg": vgg, "callback": watch}
    if name == "150 at each size":
        # as it was: the picture goes from size to size in 8 bits, without the content's detail
        half = size // 2
        if size > COARSEST_SIZE:
            first = nst.transfer(content, style, size=half, iterations=LONG, scales=1, vgg=vgg)
            beta = first.settings["beta"] * size**2 / half**2
            settings |= {"init": first.image, "beta": beta, "scales": 1}
        settings["iterations"] = LONG
    elif name != "default":
        settings["style_loss"] = name
    result = nst.transfer(content, style, size=size, **settings)
    return result.image, result.iterations


def measure(args):
    """Let every contender paint every pair; keep what is found after each picture."""
    vgg = nst.VGG.load()
    found = {"machine": machine(), "size": args.size, "rows": []}
    if args.output.exists():
        found = json.loads(args.output.read_text("utf-8"))
    done = {(row["content"], row["style"], row["name"]) for row in found["rows"]}
    if set(RIVALS) & set(args.contenders):
        import torch
        from rivals import neural_style_pt, style_transfer_pytorch

        found["machine"] = f"{machine()}, PyTorch {torch.__version__}"
        rivals = dict(zip(RIVALS, (neural_style_pt, style_transfer_pytorch), strict=True))
    for content, style in choose_pairs(args.pairs):
        photograph = nst.load_image(sample_path(content), size=args.size)
        painting = nst.load_image(sample_path(style))
        judge = Judge(photograph, painting, vgg)
        features = _features(vgg, photograph)

        def look(image, judge=judge, features=features):
            j = judge(image)
            kept = np.corrcoef(_features(vgg, image), features)[0, 1]
            values = (j.score, j.content, j.style, j.copied, float(kept))
            return [round(value, 4) for value in values]

        for name in args.contenders:
            if (content, style, name) in done:
                continue
            watch, iterations = Watch(look, args.size), None
            if name in RIVALS:
                limit = next(
                    row["curve"][-1][0] for row in found["rows"]
                    if (row["content"], row["style"], row["name"]) == (content, style, "default")
                )  # fmt: skip
                image, _ = rivals[name](vgg.params, photograph, painting, args.size, limit)
            else:
                image, iterations = paint(name, photograph, painting, args.size, vgg, watch)
            watch.add(image)
            row = {"content": content, "style": style, "name": name, "iterations": iterations,
                   "curve": watch.curve}  # fmt: skip
            found["rows"].append(row)
            write_json(args.output, found)
            print(content, style, name, iterations, watch.curve[-1], flush=True)


def _features(vgg, image):
    return vgg.forward(nst.preprocess(image), ["relu4_3"])["relu4_3"].ravel()


def table(found):
    """Make the lines of one size: means over the pairs, and who is better than the default."""
    rows = found["rows"]
    ends = {
        name: {(r["content"], r["style"]): r["curve"][-1] for r in rows if r["name"] == name}
        for name in CONTENDERS
    }
    default = ends["default"]
    lines = [
        f"{found['size']} pixels, {len(default)} pairs. Machine: {found['machine']}.",
        "",
        "| | seconds | by the default's | score | content | style | copied | kept "
        "| default is better in |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, end in ends.items():
        if not end:
            continue
        seconds, score, content, style, copied, kept = np.mean(list(end.values()), axis=0)
        ratio = np.mean([end[pair][0] / default[pair][0] for pair in end])
        better = sum(default[pair][1] < end[pair][1] for pair in end)
        versus = "" if name == "default" else f"{better} of {len(end)}"
        lines.append(
            f"| {name} | {seconds:.1f} | {ratio:.2f} | {score:.3f} | {content:.3f} | {style:.3f} "
            f"| {copied:.3f} | {kept:.2f} | {versus} |"
        )
    return lines


def draw(every, path):
    """Draw content and style against seconds, the mean over the pairs; one row for each size."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt
    from matplotlib.ticker import LogLocator

    figure, axes = plt.subplots(len(every), 2, figsize=(10, 3.6 * len(every)), squeeze=False)
    for found, row in zip(every, axes, strict=True):
        for name in CONTENDERS:
            curves = [r["curve"] for r in found["rows"] if r["name"] == name]
            if not curves:
                continue
            length = min(map(len, curves))
            # the marks that all pairs have, and where each ended
            mean = np.mean([c[: length - 1] + c[-1:] for c in curves], axis=0)
            for axis, column in zip(row, (2, 3), strict=True):
                [line] = axis.plot(mean[:, 0], mean[:, column], ".-", label=name)
                axis.plot(mean[-1, 0], mean[-1, column], "o", ms=8, color=line.get_color())
        row[0].set_ylabel(f"content lost, {found['size']} pixels")
        row[1].set_ylabel("style missing")
    for axis in axes.ravel():
        axis.set_xscale("log")
        axis.set_xlabel("seconds")
        axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5)))
        axis.xaxis.set_major_formatter("{x:g}")
        axis.xaxis.set_minor_formatter("")
        axis.grid(alpha=0.3)
    axes[0, 1].legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def show(args):
    """Print the tables and draw the plot; with --write into the documentation."""
    every = [json.loads(path.read_text("utf-8")) for path in args.files]
    lines = [line for found in every for line in [*table(found), ""]][:-1]
    print("\n".join(lines))
    draw(every, PICTURE if args.write else Path("pareto.png"))
    if args.write:
        write_table("quality", lines, PAGE)


def seeds(args):
    """Tabulate each kind of figure over five runs from noise, and over five judges of one run."""
    vgg = nst.VGG.load()
    columns, pairs = [], choose_pairs(8)[:2]
    for content, style in pairs:
        photograph = nst.load_image(sample_path(content), size=128)
        painting = nst.load_image(sample_path(style))
        settings = {"size": 128, "init": "noise", "vgg": vgg}
        images = [nst.transfer(photograph, painting, seed=n, **settings).image for n in SEEDS]
        runs = [Judge(photograph, painting, vgg)(image).figures for image in images]
        judges = []
        for n in SEEDS:
            judgement._SEED = n
            judges.append(Judge(photograph, painting, vgg)(images[0]).figures)
        judgement._SEED = 0
        columns += [runs, judges]
    kinds = [name for name in columns[0][0] if name.count("/") == 1 or name == "copied"]
    head = " | ".join(f"{c}, {s} | five runs | five draws" for c, s in pairs)
    lines = [f"| figure | {head} |", "|---" * (1 + 3 * len(pairs)) + "|"]
    for kind in kinds:
        cells = []
        for runs, judges in zip(columns[::2], columns[1::2], strict=True):
            over_runs, over_judges = ([f[kind] for f in found] for found in (runs, judges))
            cells += [f"{np.mean(over_runs):.3f}", f"±{np.std(over_runs, ddof=1):.3f}"]
            spread = np.std(over_judges, ddof=1)
            cells.append(f"±{spread:.3f}" if spread > 1e-9 else "0")
        lines.append(f"| {kind} | {' | '.join(cells)} |")
    print("\n".join(lines))
    if args.write:
        write_table("seeds", lines, ROOT / "docs" / "judge.md")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("measure")
    one.add_argument("--size", type=int, default=256)
    one.add_argument("--pairs", type=int, default=20)
    one.add_argument("--contenders", nargs="+", choices=CONTENDERS, default=CONTENDERS)
    one.add_argument("-o", "--output", type=Path, required=True)
    one.set_defaults(do=measure)
    two = commands.add_parser("show")
    two.add_argument("files", type=Path, nargs="+")
    two.add_argument("--write", action="store_true", help="put the table into the docs")
    two.set_defaults(do=show)
    three = commands.add_parser("seeds")
    three.add_argument("--write", action="store_true", help="put the table into the docs")
    three.set_defaults(do=seeds)
    args = parser.parse_args()
    args.do(args)


if __name__ == "__main__":
    main()
