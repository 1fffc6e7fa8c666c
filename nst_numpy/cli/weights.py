"""Describe a file of network weights, verify it, or convert it.

'info' tells what is inside; 'verify' checks names, shapes, numbers, the order of the numbers
and the published values of VGG-16, and ends with exit code 1 when a check fails; 'convert IN
OUT' writes the convolutions of IN, of any layout that can be read, in the layout of nst_numpy.
"""

import argparse
import sys

from nst_numpy.cli.parts.options import add_output_instead, add_quiet, output_of, table
from nst_numpy.cli.parts.outputs import claim
from nst_numpy.errors import SettingError
from nst_numpy.files import check_output
from nst_numpy.weights import convert_weights, describe_weights, verify_weights

ACTIONS = ("info", "verify", "convert")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    parser.add_argument("action", choices=ACTIONS)
    parser.add_argument(
        "file", nargs="?", metavar="FILE", help="HDF5 or .npz file (default: bundled)"
    )
    out = parser.add_argument(
        "out", nargs="?", metavar="OUT", help="HDF5 file for convert to write"
    )
    add_output_instead(parser, out, "HDF5 file for convert to write")
    add_quiet(parser)


def run(args: argparse.Namespace) -> int:
    """Print what the file holds, or one line a check; or write it anew."""
    output = output_of(args)
    if args.action == "convert":
        return _convert(args, output)
    if output is not None:
        raise SettingError(f"nst weights {args.action} writes no file: leave out {output}")
    return _info(args.file) if args.action == "info" else _verify(args.file, args.quiet)


def _info(path: str | None) -> int:
    info = describe_weights(path)
    print(f"{info.path}\n{info.architecture}, layout {info.layout}")
    print(f"{info.file_size:,} bytes, SHA-256 {info.sha256}")
    print(f"{info.parameters:,} parameters")
    if info.note:
        print(f"converted as it is read: {info.note}")
    if info.ignored:
        print(f"not used: {', '.join(info.ignored)}")
    rows: list[tuple[str, ...]] = [("layer", "kernel", "dtype", "min", "max", "mean", "std")]
    for layer in info.layers:
        shape = "×".join(map(str, layer.kernel_shape))
        stats = (layer.minimum, layer.maximum, layer.mean, layer.std)
        rows.append((layer.name, shape, layer.dtype, *(f"{v:.4f}" for v in stats)))
    print(table(rows, right="lrlrrrr"))
    return 0


def _verify(path: str | None, quiet: bool) -> int:
    """Print a line a check; or only those that fail: the exit code tells the rest."""
    checks = verify_weights(path)
    failed = [check for check in checks if check.passed is False]
    words = {True: "ok", False: "FAILED", None: "-"}
    shown = failed if quiet else checks
    if shown:
        print(table([(words[check.passed], check.name, check.detail) for check in shown]))
    return 1 if failed else 0


def _convert(args: argparse.Namespace, out: str | None) -> int:
    """Write the file anew; say what was done, and where it is."""
    if args.file is None or out is None:
        raise SettingError(
            "nst weights convert needs two files, the one to read and the one to write: "
            "nst weights convert IN OUT"
        )
    output = check_output(out)
    claim(args, [args.file], weights=output)
    note = convert_weights(args.file, output)
    if not args.quiet:
        if note:
            print(note, file=sys.stderr)
        print(output)
    return 0
