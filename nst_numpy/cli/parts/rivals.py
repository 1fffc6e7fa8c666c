"""What `nst volume` and `nst movie` share: options, a table of rivals, and their numbers."""

import argparse
from dataclasses import asdict
from typing import Any

import numpy as np

from nst_numpy.cli.parts.options import (
    FIGURE,
    add_output,
    add_quiet,
    add_seed,
    add_threads,
    check_seed,
    table,
    whole_number,
)
from nst_numpy.signals.comparison import Comparison
from nst_numpy.signals.examples import Examples


def add_training(parser: argparse.ArgumentParser, epochs: int) -> None:
    """Add what a command that trains rivals needs."""
    add = parser.add_argument
    add_output(parser, FIGURE)
    add("--epochs", type=whole_number, default=epochs, metavar="N", help="passes over the examples")
    add(
        "--runs",
        type=whole_number,
        metavar="N",
        default=2,
        help="trainings on each half, other seeds",
    )
    add_seed(parser, "the first run; the next has the next one")
    add("--json", metavar="FILE", help="write the numbers there")
    add_threads(parser)
    add_quiet(parser)


def seeds(args: argparse.Namespace) -> range:
    """Return a seed a run."""
    check_seed(args)
    return range(args.seed, args.seed + args.runs)


def rivals_table(comparison: Comparison) -> str:
    """Write accuracies: where it learnt, and on the other half; mean and range."""
    rows = [("", "parameters", "learnt", "other half", "(least … most)")]
    for name in comparison.rivals():
        trials = [trial for trial in comparison.trials if trial.rival == name]
        values = comparison.accuracies(name)
        rows.append(
            (
                name,
                f"{trials[0].parameters:,}",
                f"{np.mean([trial.learnt for trial in trials]):.3f}",
                f"{np.mean(values):.3f}",
                f"({min(values):.3f} … {max(values):.3f})",
            )
        )
    return table(rows, right="lrrrr")


def record_comparison(
    comparison: Comparison, folds: list[tuple[Examples, Examples]]
) -> dict[str, Any]:
    """Collect the numbers, for JSON."""
    return {
        "classes": list(comparison.classes),
        "interrupted": comparison.interrupted,
        "folds": [{"train": describe(train), "test": describe(test)} for train, test in folds],
        "trials": [asdict(trial) for trial in comparison.trials],
    }


def describe(examples: Examples) -> dict[str, int]:
    """Count a region's blocks, its examples, and those of class 1."""
    return {
        "blocks": examples.blocks,
        "examples": len(examples.y),
        "of_class_1": int(examples.y.sum()),
    }
