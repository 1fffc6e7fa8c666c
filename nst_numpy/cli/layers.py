"""List the layers of the network.

Multiplications are those of the direct computation, for one picture forward. The
receptive field is the square of pixels that one unit sees, and the step from one unit's
field to the next.
"""

import argparse
from functools import partial

import numpy as np

from nst_numpy.cli.parts.options import add_quiet, add_size, table, whole_number
from nst_numpy.look import receptive_field
from nst_numpy.measure.estimate import multiplications
from nst_numpy.objective import CONTENT_LAYERS, STYLE_LAYERS
from nst_numpy.vgg import VGG
from nst_numpy.weights import BLOCKS
from nst_numpy.weights.vgg_files import KERNELS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    add_size(parser, None, "of a square: in place of --height and --width")
    parser.add_argument(
        "--height", type=whole_number, default=512, metavar="PX", help="height of the picture"
    )
    parser.add_argument(
        "--width", type=whole_number, default=512, metavar="PX", help="width of the picture"
    )
    parser.add_argument(
        "--architecture", choices=list(BLOCKS), default="vgg16", help="which network"
    )
    parser.add_argument(
        "--plan",
        action="store_true",
        help="show instead which layers a step does together, and how",
    )
    add_quiet(parser)


def run(args: argparse.Namespace) -> int:
    """Print one line a layer, and the sums; or the plan."""
    vgg = _empty_vgg(args.architecture)
    shape = (1, args.size or args.height, args.size or args.width, 3)
    print(show_plan(vgg, shape) if args.plan else show_layers(vgg, shape))
    return 0


def show_layers(vgg: VGG, shape: tuple[int, ...]) -> str:
    """Write one line a layer, and the sums."""
    counts = multiplications(vgg, shape)
    rows = [("layer", "output", "parameters", "multiplications", "sees", "step")]
    for name, out in vgg.feature_shapes(shape).items():
        parameters = sum(p.size for p in vgg.params.get(name, ()))
        field = receptive_field(name, vgg)
        rows.append(
            (
                name,
                "×".join(map(str, out[1:])),
                f"{parameters:,}" if parameters else "",
                f"{counts[name]:,}" if counts[name] else "",
                f"{field.size}×{field.size}",
                str(field.stride),
            )
        )
    total = sum(p.size for pair in vgg.params.values() for p in pair)
    rows.append(("sum", "", f"{total:,}", f"{sum(counts.values()):,}", "", ""))
    return table(rows, right="lrrrrr")


def show_plan(vgg: VGG, shape: tuple[int, ...]) -> str:
    """Write what the fused engine does together in a step with the default losses."""
    plan = vgg.plan(shape, vgg.check_names({*CONTENT_LAYERS, *STYLE_LAYERS}))
    rows = [
        ("done together", "convolutions by", "kept for the way back", "bytes", "kernels, bytes")
    ]
    for block in plan.blocks:
        numbers = (f"{block.kept_bytes:,}", f"{block.kernel_bytes:,}")
        rows.append((" + ".join(block.names), block.method, block.kept, *numbers))
    rows.append(("sum", "", "", f"{plan.kept_bytes:,}", f"{plan.kernel_bytes:,}"))
    wanted = ", ".join(vgg.check_names({*CONTENT_LAYERS, *STYLE_LAYERS}))
    return f"{table(rows, right='lllrr')}\n\nkept whole, for the losses: {wanted}"


def _empty_vgg(architecture: str) -> VGG:
    """Make the network's shape without reading a file: all its zeros are one zero."""
    zeros = partial(np.broadcast_to, np.float32(0))
    shapes = KERNELS[architecture].items()
    return VGG({name: (zeros(shape), zeros(shape[-1:])) for name, shape in shapes})
