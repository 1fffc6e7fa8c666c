"""What several commands share: kinds of option values, and how numbers are printed."""

import argparse
from typing import Any

from nst_numpy.common.checks import check_at_least, read_count
from nst_numpy.common.moved import keep_former_names
from nst_numpy.common.text import about as about
from nst_numpy.common.text import duration as duration
from nst_numpy.common.text import step_duration as step_duration
from nst_numpy.common.text import table as table
from nst_numpy.errors import SettingError
from nst_numpy.layers import set_threads
from nst_numpy.vgg import POOLS

PICTURE = "picture to write: .png, .jpg, .webp, .avif, .tif or .bmp"
FIGURE = "figure to draw: .png, .jpg, .svg or .pdf"
MOST = 10**8  # of anything that is counted: pixels of a side, iterations, threads


def add_output(
    parser: argparse.ArgumentParser, text: str, metavar: str = "FILE", **more: Any
) -> None:
    """Add -o and --output: where the result goes, a file or a folder."""
    parser.add_argument("-o", "--output", metavar=metavar, help=text, **more)


def add_output_instead(
    parser: argparse.ArgumentParser, positional: argparse.Action, text: str
) -> None:
    """Add -o and --output to a command whose last word says where the result goes.

    With either of them the command is whole; `output_of` returns the one that came.
    """

    class Instead(argparse.Action):
        def __call__(self, parser: Any, namespace: Any, values: Any, option: Any = None) -> None:
            namespace.output = values
            positional.required = False

    add_output(parser, f"{text}, in place of {positional.metavar}", action=Instead)


def output_of(args: argparse.Namespace) -> Any:
    """Return where the result goes, which is said once: by -o, or by the last word."""
    if args.output is not None and args.out is not None:
        raise SettingError(f"say once where the result goes: leave out {args.out} or -o")
    return args.out if args.output is None else args.output


def add_size(parser: argparse.ArgumentParser, default: int | None, of: str = "") -> None:
    """Add --size, in pixels; `of` says of which picture, if there are several."""
    parser.add_argument("--size", type=whole_number, default=default, **size_option(of))


def size_option(of: str = "") -> dict[str, Any]:
    """Return what --size says, beside its default and its type."""
    return {"metavar": "PX", "help": f"longest side in pixels{of and ', ' + of}"}


def add_seed(parser: argparse.ArgumentParser, of: str) -> None:
    """Add --seed; `of` says of what: "of the noise"."""
    parser.add_argument("--seed", type=int, default=0, **seed_option(of))


def seed_option(of: str) -> dict[str, Any]:
    """Return what --seed says, beside its default and its type."""
    return {"metavar": "N", "help": f"of {of}"}


def add_quiet(parser: argparse.ArgumentParser) -> None:
    """Add --quiet; `prints` does what it says."""
    text = "print only errors, and a result that no file holds"
    parser.add_argument("--quiet", action="store_true", help=text)


def prints(args: argparse.Namespace, *files: object) -> bool:
    """Whether a result is printed: not where --quiet is given, and a file holds it."""
    return not (args.quiet and any(files))


def add_threads(parser: argparse.ArgumentParser) -> None:
    """Add --threads."""
    parser.add_argument(
        "--threads",
        type=whole_number,
        metavar="N",
        help="cores to use (default: NST_NUM_THREADS, else all)",
    )


def add_weights(parser: argparse.ArgumentParser) -> None:
    """Add --weights."""
    parser.add_argument(
        "--weights", metavar="FILE", help="VGG-16 or VGG-19 as HDF5 or .npz (default: bundled)"
    )


def add_network(parser: argparse.ArgumentParser, pool: str = "avg") -> None:
    """Add what a command that runs the network needs: --pool, --weights, --threads."""
    parser.add_argument("--pool", default=pool, choices=list(POOLS), help="kind of pooling")
    add_weights(parser)
    add_threads(parser)


def use_threads(args: argparse.Namespace) -> None:
    """Do what --threads says."""
    set_threads(args.threads)


def check_seed(args: argparse.Namespace) -> None:
    """Refuse a --seed that no random numbers can come from."""
    check_at_least("--seed", args.seed, 0)


def whole_number(text: str) -> int:
    """Read a whole number of at least 1."""
    number = read_count(text)
    if number is None:
        raise argparse.ArgumentTypeError(f"{text!r:.40} is not a whole number of at least 1")
    if number > MOST:
        raise argparse.ArgumentTypeError(f"{number} is too large: at most {MOST} can be asked for")
    return number


def numbers(text: str) -> tuple[float, ...]:
    """Read '0.7,0.3'.

    >>> numbers("0.7, 0.3")
    (0.7, 0.3)
    """
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"cannot read the numbers {text!r:.40}: write them as 0.7,0.3"
        ) from None


def sizes(text: str) -> int | tuple[int, ...]:
    """Read '512', or '512,256' as a size for each of several pictures.

    >>> sizes("512"), sizes("512,256")
    (512, (512, 256))
    """
    try:
        found = tuple(int(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"invalid int value: {text!r:.40}") from None
    return found[0] if len(found) == 1 else found


def channel_list(text: str) -> list[int] | None:
    """Read '0-8,17'; 'all' is None.

    >>> channel_list("0-2,17")
    [0, 1, 2, 17]
    """
    if text == "all":
        return None
    channels: dict[int, None] = {}
    for part in text.split(","):
        first, dash, last = (word.strip() for word in part.partition("-"))
        ends = [first, last] if dash else [first]
        # more digits than any network has channels would only fill the memory
        numbers = [int(end) for end in ends if end.isdecimal() and len(end) < 6]
        if len(numbers) < len(ends) or numbers[0] > numbers[-1]:
            raise argparse.ArgumentTypeError(
                f"cannot read the channels {part!r}: write them as 0-8,17, or all"
            )
        channels |= dict.fromkeys(range(numbers[0], numbers[-1] + 1))
    return list(channels)


def layer_weights(text: str) -> dict[str, float]:
    """Read 'relu4_2' or 'relu1_1=0.5,relu2_1=0.25'.

    >>> layer_weights("relu1_1=0.5,relu2_1")
    {'relu1_1': 0.5, 'relu2_1': 1.0}
    """
    pairs = {}
    for part in text.split(","):
        name, _, value = part.strip().partition("=")
        try:
            pairs[name.strip()] = float(value) if value else 1.0
        except ValueError:
            raise argparse.ArgumentTypeError(
                f"cannot read the layer weight {part!r}: write it as relu4_2=0.5"
            ) from None
    return pairs


def show_layer_weights(pairs: dict[str, float], *, exact: bool = False) -> str:
    """Write layer weights as `layer_weights` reads them: six digits of each, or all.

    >>> show_layer_weights({"relu1_1": 1 / 3}), show_layer_weights({"relu1_1": 1 / 3}, exact=True)
    ('relu1_1=0.333333', 'relu1_1=0.3333333333333333')
    """
    texts = {name: repr(value) if exact else f"{value:g}" for name, value in pairs.items()}
    return ",".join(f"{name}={text}" for name, text in texts.items())


def show_layers(pairs: dict[str, float]) -> str:
    """Write layer weights for a help text: where all are alike, once.

    >>> show_layers({"relu4_2": 1.0}), show_layers({"relu1_1": 0.2, "relu2_1": 0.2})
    ('relu4_2=1', 'relu1_1, relu2_1, 0.2 each')
    >>> show_layers(dict.fromkeys(("relu1_1", "relu2_1", "relu3_1", "relu4_1"), 1.0))
    'relu1_1, relu2_1, …, relu4_1, 1 each'
    """
    weights = set(pairs.values())
    if len(pairs) == 1 or len(weights) > 1:
        return show_layer_weights(pairs)
    names = list(pairs)
    if len(names) > 3:
        names[2:-1] = ["…"]
    return f"{', '.join(names)}, {weights.pop():g} each"


keep_former_names(__name__, "nst_numpy.cli.parts.outputs", "check_distinct")
