"""List the layers of the network.

Multiplications are those of the direct computation, for one picture forward. The
receptive field is the square of pixels that one unit sees, and the step from one unit's
field to the next.
"""

import argparse

import numpy as np

from nst_numpy.cli.parts.options import table, whole_number
from nst_numpy.look import receptive_field
from nst_numpy.measure.estimate import multiplications
from nst_numpy.vgg import VGG
from nst_numpy.weights import BLOCKS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    parser.add_argument(
        "--height", type=whole_number, default=512, metavar="PX", help="height of the picture"
    )
    parser.add_argument(
        "--width", type=whole_number, default=512, metavar="PX", help="width of the picture"
    )
    parser.add_argument(
        "--architecture", choices=list(BLOCKS), default="vgg16", help="which network"
    )


def run(args: argparse.Namespace) -> int:
    """Print one line a layer, and the sums."""
    vgg = _empty_vgg(args.architecture)
    shape = (1, args.height, args.width, 3)
    counts = multiplications(vgg, shape)
    rows = [("layer", "output", "parameters", "multiplications", "sees", "step")]
    for layer, out in zip(vgg.table, vgg.feature_shapes(shape).values(), strict=True):
        parameters = sum(p.size for p in vgg.params.get(layer.name, ()))
        field = receptive_field(layer.name, vgg.table)
        rows.append(
            (
                layer.name,
                "×".join(map(str, out[1:])),
                f"{parameters:,}" if parameters else "",
                f"{counts[layer.name]:,}" if counts[layer.name] else "",
                f"{field.size}×{field.size}",
                str(field.stride),
            )
        )
    total = sum(p.size for pair in vgg.params.values() for p in pair)
    rows.append(("sum", "", f"{total:,}", f"{sum(counts.values()):,}", "", ""))
    print(table(rows, right="lrrrrr"))
    return 0


def _empty_vgg(architecture: str) -> VGG:
    """Make the network's shape without reading a file: all its zeros are one zero."""
    params, c_in = {}, 3
    for block, (count, c_out) in enumerate(BLOCKS[architecture], start=1):
        for i in range(1, count + 1):
            w = np.broadcast_to(np.float32(0), (3, 3, c_in, c_out))
            params[f"conv{block}_{i}"] = (w, np.broadcast_to(np.float32(0), (c_out,)))
            c_in = c_out
    return VGG(params)
