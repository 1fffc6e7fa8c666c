"""Train the lecture's 1-D network to tell broad heartbeats from narrow ones.

The EKG that comes along is five minutes of one person. A rule labels its beats by the width
of their spike; no cardiologist has seen the labels. The first half of the time is for
training, the next fifth for validation, the rest for the test.

  nst heartbeat
  nst heartbeat -o heartbeat.png --json heartbeat.json
  nst heartbeat --signal mine.csv --rate 250

-o FILE.png writes four figures: FILE-signal.png, FILE-training.png, FILE-filters.png and
FILE-beats.png, of the first of the --runs.
"""

import argparse
import math
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from nst_numpy.cli.parts.options import (
    FIGURE,
    add_output,
    add_quiet,
    add_seed,
    add_threads,
    check_seed,
    prints,
    table,
    use_threads,
    whole_number,
)
from nst_numpy.cli.parts.outputs import claim, results
from nst_numpy.common.progress import bar
from nst_numpy.errors import SettingError
from nst_numpy.figures import check_figure_output, save_figure
from nst_numpy.figures.heartbeat import (
    beats_figure,
    filters_figure,
    signal_figure,
    training_figure,
)
from nst_numpy.figures.style import Figure
from nst_numpy.files import check_output, write_json
from nst_numpy.look import top_windows
from nst_numpy.signals import Heartbeats, Study, load_ecg, prepare, read_signal, study
from nst_numpy.signals.beats import BROAD_ABOVE, CLASSES
from nst_numpy.signals.classifiers import EPOCHS, NETWORK
from nst_numpy.signals.heartbeats import PARTS

FIGURES = ("signal", "training", "filters", "beats")
DRAWN = {"relu1": 5, "relu2": 7}  # the first units of each layer that fire


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    add = parser.add_argument
    add_output(parser, FIGURE.replace("figure", "four figures"))
    add("--signal", metavar="FILE", help="your EKG: .npz, .npy or .csv (default: the bundled one)")
    add("--rate", type=float, metavar="HZ", help="its samples a second, if the file does not say")
    add(
        "--broad-above", type=float, default=BROAD_ABOVE, metavar="MS",
        help="width of a spike, at a fifth of its height, above which a beat is broad",
    )  # fmt: skip
    add(
        "--epochs",
        type=whole_number,
        metavar="N",
        default=EPOCHS,
        help="passes over the training beats",
    )
    add(
        "--runs",
        type=whole_number,
        metavar="N",
        default=5,
        help="trainings, each from another seed",
    )
    add_seed(parser, "the first run; the next has the next one")
    add("--json", metavar="FILE", help="write the results there")
    add("--save", metavar="FILE", help="write the network of the first run there, as HDF5")
    add_threads(parser)
    add_quiet(parser)


def run(args: argparse.Namespace) -> int:
    """Find out first whether the results can be written; then train, count, print and draw."""
    figures = _figure_paths(args.output)
    data_file = check_output(args.json) if args.json else None
    net_file = check_output(args.save) if args.save else None
    claim(args, [args.signal], JSON=data_file, network=net_file, **figures)
    _check(args)
    use_threads(args)
    data = prepare(*_read(args), broad_above=args.broad_above)
    studies = _train(args, data)
    with results() as keep:
        keep(net_file, studies[0].networks[NETWORK].save)
        keep(data_file, lambda place: write_json(place, _record(args, data, studies)))
        drawn = _draw(data, studies[0], args.broad_above) if figures else {}
        for name, figure in drawn.items():
            keep(figures[name], partial(save_figure, figure))
    if prints(args, data_file, figures):
        _report(data, studies, args.broad_above)
    if not args.quiet:
        for path in (data_file, net_file, *figures.values()):
            if path:
                print(path)
    return 130 if studies[-1].interrupted else 0


def _figure_paths(output: str | None) -> dict[str, Path]:
    if not output:
        return {}
    path = check_figure_output(output)
    return {name: check_figure_output(path.with_stem(f"{path.stem}-{name}")) for name in FIGURES}


def _check(args: argparse.Namespace) -> None:
    if args.rate is not None and not args.signal:
        raise SettingError("--rate belongs to --signal: the bundled EKG has 360 samples a second")
    if not (math.isfinite(args.broad_above) and args.broad_above > 0):
        raise SettingError(f"--broad-above must be above 0 ms, not {args.broad_above}")
    check_seed(args)


def _read(args: argparse.Namespace) -> tuple[np.ndarray, float]:
    return read_signal(args.signal, args.rate) if args.signal else load_ecg()


def _train(args: argparse.Namespace, data: Heartbeats) -> list[Study]:
    """Train once for each seed; Ctrl-C ends it with what there is."""
    studies: list[Study] = []
    for seed in bar("run", range(args.seed, args.seed + args.runs), shown=not args.quiet):
        studies.append(study(data, epochs=args.epochs, seed=seed))
        if studies[-1].interrupted:
            break
    return studies


def _draw(data: Heartbeats, first: Study, limit: float) -> dict[str, Figure]:
    """Draw the four figures; the beats that excite units are looked for in the training part."""
    net = first.networks[NETWORK]
    x, labels = data.of("train")
    top = top_windows(net, x, dict.fromkeys(DRAWN))
    units = {
        layer: [c for c in range(net.feature_shapes(x.shape)[layer][-1])
                if top.best(layer, c)[0].value > 0][:most]
        for layer, most in DRAWN.items()
    }  # fmt: skip
    return {
        "signal": signal_figure(data, limit),
        "training": training_figure(data, first),
        "filters": filters_figure(net.params["conv1"][0], data.rate),
        "beats": beats_figure(x, labels, top, units),
    }


def _report(data: Heartbeats, studies: list[Study], limit: float) -> None:
    """Print the beats of each part, the balanced accuracies, and the confusion matrices."""
    print(f"Labels by a rule, not by a cardiologist: broad is a spike wider than {limit:g} ms.\n")
    rows = [("beats", *PARTS, "all")]
    for label, name in enumerate(CLASSES):
        counts = [int(np.sum(data.of(part)[1] == label)) for part in PARTS]
        rows.append((name, *map(str, counts), str(sum(counts))))
    print(table(rows, right="lrrrr"))
    print(f"\nBalanced accuracy, mean over {len(studies)} seeds (least to most):")
    rows = [("model", *PARTS)]
    for name in studies[0].results:
        rows.append((name, *(_spread(_balanced(studies, name, part)) for part in PARTS)))
    print(table(rows))
    print(f"\nTest beats of the first run, {' / '.join(CLASSES)} said:")
    rows = [("label", *studies[0].results)]
    for label, kind in enumerate(CLASSES):
        cells = (r["test"].confusion[label] for r in studies[0].results.values())
        rows.append((kind, *(" / ".join(map(str, cell)) for cell in cells)))
    print(table(rows))


def _balanced(studies: list[Study], model: str, part: str) -> list[float]:
    return [each.results[model][part].balanced_accuracy for each in studies]


def _spread(values: list[float]) -> str:
    if min(values) == max(values):
        return f"{values[0]:.3f}"
    return f"{np.mean(values):.3f} ({min(values):.3f} to {max(values):.3f})"


def _record(args: argparse.Namespace, data: Heartbeats, studies: list[Study]) -> dict[str, Any]:
    """Collect the numbers, for JSON."""
    return {
        "signal": args.signal or "ecg_mitbih_208",
        "rate": data.rate,
        "broad_above_ms": args.broad_above,
        "classes": list(CLASSES),
        "epochs": args.epochs,
        "beats": {
            "sample": data.beats.at.tolist(),
            "width_ms": data.beats.width.tolist(),
            "label": data.labels.tolist(),
            "part": data.part.tolist(),
        },
        "runs": [
            {
                "seed": args.seed + i,
                "interrupted": each.interrupted,
                "models": {
                    name: {
                        part: {
                            "balanced_accuracy": result.balanced_accuracy,
                            "accuracy": result.accuracy,
                            "confusion": result.confusion.tolist(),
                        }
                        for part, result in parts.items()
                    }
                    for name, parts in each.results.items()
                },
            }
            for i, each in enumerate(studies)
        ],
    }
