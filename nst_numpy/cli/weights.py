"""Describe a file of network weights, or verify it.

'info' tells what is inside; 'verify' checks names, shapes, numbers and the published
fingerprints of VGG-16, and ends with exit code 1 when a check fails.
"""

import argparse

from nst_numpy.cli.parts.options import add_quiet, table
from nst_numpy.weights import describe_weights, verify_weights


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    parser.add_argument("action", choices=["info", "verify"])
    parser.add_argument("file", nargs="?", metavar="FILE", help="HDF5 file (default: bundled)")
    add_quiet(parser)


def run(args: argparse.Namespace) -> int:
    """Print what the file holds, or one line a check."""
    return _info(args.file) if args.action == "info" else _verify(args.file, args.quiet)


def _info(path: str | None) -> int:
    info = describe_weights(path)
    print(f"{info.path}\n{info.architecture}, layout {info.layout}")
    print(f"{info.file_size:,} bytes, SHA-256 {info.sha256}")
    print(f"{info.parameters:,} parameters")
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
