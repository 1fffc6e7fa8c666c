"""Check gradients: the project's own, or anybody's.

  nst gradcheck
  nst gradcheck --picture photo.jpg
  nst gradcheck layer.py:my_forward,my_backward --input x=2,5,5,3 --input w=3,3,3,4 --input b=4

Alone, it checks all layers and losses of this project entry by entry, and the whole
objective with the real network along random directions, at a picture.

With FILE.py:FORWARD,BACKWARD it checks two functions, forward(**inputs) -> out, cache and
backward(grad_out, cache) -> grads, and says what is probably wrong. FILE is executed.

Exit code 0: right. 1: wrong. 2: nothing could be checked.
"""

import argparse
import ast
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nst_numpy.cli.parts.options import (
    FIGURE,
    add_output,
    add_quiet,
    add_seed,
    add_size,
    add_threads,
    check_seed,
    duration,
    table,
    use_threads,
    whole_number,
)
from nst_numpy.cli.parts.outputs import check_outputs, results
from nst_numpy.common.array_files import read_npy
from nst_numpy.common.progress import bar
from nst_numpy.errors import SettingError
from nst_numpy.figures import gradcheck_figure, save_figure
from nst_numpy.files import write_json
from nst_numpy.gradcheck import check_backward
from nst_numpy.gradcheck.check import ENTRIES, KINKS, TOLERANCE
from nst_numpy.gradcheck.loading import load_pair
from nst_numpy.measure.selfcheck import OwnCheck, own_checks
from nst_numpy.pictures.images import load_image
from nst_numpy.pictures.samples import resolve_picture

LARGEST = 10**7  # numbers in an input that is made up


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    add = parser.add_argument
    add(
        "functions", nargs="?", metavar="FILE.py:FORWARD,BACKWARD",
        help="functions to check (default: all of this project's)",
    )  # fmt: skip
    add(
        "--input", action="append", type=named_input, metavar="NAME=SHAPE",
        help="an argument of forward: random numbers of a shape, x=2,5,5,3, or x=FILE.npy",
    )  # fmt: skip
    add(
        "--option", action="append", type=named_option, metavar="NAME=VALUE",
        help="an argument of forward that is no array: stride=2",
    )  # fmt: skip
    add(
        "--tolerance",
        type=float,
        metavar="E",
        default=TOLERANCE,
        help="largest relative error that passes",
    )
    add(
        "--entries", type=whole_number, default=ENTRIES, metavar="N",
        help="how many entries of an argument to check at most, drawn at random",
    )  # fmt: skip
    add("--kinks", choices=KINKS, default=KINKS[0], help="what counts as right at a kink")
    add_seed(parser, "all random numbers")
    add(
        "--picture", default="neuschwanstein", metavar="PICTURE",
        help="where the objective is checked",
    )  # fmt: skip
    add("--style", default="starry_night", metavar="PICTURE", help="the objective's style")
    add_size(parser, 64, "of picture and style")
    add("--json", metavar="FILE", help="write the numbers there")
    add_output(parser, f"{FIGURE}; of the functions' errors")
    add_threads(parser)
    add_quiet(parser)


def run(args: argparse.Namespace) -> int:
    """Check, print a table, and return 0 if all is right, else 1."""
    use_threads(args)
    check_seed(args)
    output, numbers = check_outputs(args, *_inputs(args))
    if args.functions is None:
        if output or args.input or args.option:
            raise SettingError("--output, --input and --option belong to FILE.py:FORWARD,BACKWARD")
        return check_own(args, numbers)
    return check_functions(args, output, numbers)


def _inputs(args: argparse.Namespace) -> list[Path]:
    """List the files that are read."""
    if args.functions is None:
        return [resolve_picture(args.picture), resolve_picture(args.style)]
    arrays = [value for _, value in args.input or [] if isinstance(value, Path)]
    return [Path(args.functions.rpartition(":")[0]), *arrays]


def check_functions(args: argparse.Namespace, output: Path | None, numbers: Path | None) -> int:
    """Check somebody's pair of functions."""
    rng = np.random.default_rng(args.seed)
    inputs: dict[str, Any] = {name: make(value, rng) for name, value in args.input or []}
    if not inputs:
        raise SettingError("give each array that forward takes: --input x=2,5,5,3")
    forward, backward = load_pair(args.functions)
    report = check_backward(
        forward, backward, inputs | dict(args.option or []), tolerance=args.tolerance,
        entries=args.entries, kinks=args.kinks, seed=args.seed, name=args.functions,
    )  # fmt: skip
    if not (args.quiet and report.ok):
        print(report)
    with results() as keep:
        keep(numbers, lambda place: write_json(place, report.record()))
        keep(output, lambda place: save_figure(gradcheck_figure(report), place))
    if output and not args.quiet:
        print(f"\n{output}")
    return 0 if report.ok else 1


def check_own(args: argparse.Namespace, numbers: Path | None) -> int:
    """Check everything in this project."""
    content, style = (
        load_image(resolve_picture(name), args.size) for name in (args.picture, args.style)
    )
    smallest = min(*content.shape[:2], *style.shape[:2])
    if smallest < 16:
        raise SettingError(
            f"at --size {args.size} a picture has a side of {smallest} pixels: the network needs 16"
        )
    found = own_checks(content, style, args.seed)
    checks = list(bar("check", found, shown=not args.quiet, leave=False))
    wrong = [check for check in checks if not check.report.ok]
    if not args.quiet:
        print(own_table(checks))
    for check in wrong:
        print(f"\n{check.name}\n{check.report}")
    total = duration(sum(check.seconds for check in checks))
    if not args.quiet:
        print(f"\n{'all right' if not wrong else f'{len(wrong)} WRONG'}, {total}")
    rows = [c.report.record() | {"name": c.name, "seconds": c.seconds} for c in checks]
    with results() as keep:
        keep(numbers, lambda place: write_json(place, {"ok": not wrong, "checks": rows}))
    return 1 if wrong else 0


def own_table(checks: list[OwnCheck]) -> str:
    """Write a row for each check."""
    rows = [("", "checked", "worst error", "passes below", "", "time")]
    for check in checks:
        arguments = check.report.arguments.values()
        count = sum(row.checked for row in arguments)
        kind = "directions" if "directions" in check.report.arguments else "entries"
        tolerance = max(row.tolerance for row in arguments)
        verdict = "right" if check.report.ok else "WRONG"
        numbers = (f"{count} {kind}", f"{check.report.worst:.1e}", f"{tolerance:.0e}")
        rows.append((check.name, *numbers, verdict, f"{check.seconds:.2f} s"))
    return table(rows, right="lrrrlr")


def named_input(text: str) -> tuple[str, tuple[int, ...] | Path]:
    """Read 'x=2,5,5,3' or 'x=file.npy'.

    >>> named_input("x=2,5,5,3")
    ('x', (2, 5, 5, 3))
    """
    name, _, value = (part.strip() for part in text.partition("="))
    if name.isidentifier() and value.endswith(".npy"):
        return name, Path(value)
    sizes = value.split(",")
    if name.isidentifier() and all(s.strip().isdecimal() and len(s) < 9 for s in sizes):
        shape = tuple(map(int, sizes))
        if 0 < np.prod(shape, dtype=float) <= LARGEST:
            return name, shape
    raise argparse.ArgumentTypeError(
        f"cannot read the input {text!r}: write it as x=2,5,5,3 or x=FILE.npy"
    )


def named_option(text: str) -> tuple[str, Any]:
    """Read 'stride=2', 'pad=(1, 0)' or 'mode=same'.

    >>> named_option("pad=(1, 0)"), named_option("mode=same")
    (('pad', (1, 0)), ('mode', 'same'))
    """
    name, equals, value = (part.strip() for part in text.partition("="))
    if not (name.isidentifier() and equals):
        raise argparse.ArgumentTypeError(f"cannot read the option {text!r}: write it as stride=2")
    try:
        return name, ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return name, value


def make(value: tuple[int, ...] | Path, rng: np.random.Generator) -> NDArray[Any]:
    """Draw an input, or read it."""
    if isinstance(value, tuple):
        return rng.standard_normal(value)
    try:
        array = read_npy(value)
    except ValueError as error:
        raise SettingError(f"{value} cannot be read as a .npy file: {error}") from error
    if array.dtype.kind not in "biuf":
        raise SettingError(f"{value} holds {array.dtype}: an array of numbers is expected")
    return array
