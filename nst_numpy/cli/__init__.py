"""The command line: one file a command; each parses, calls and prints.

A command's file is imported only when that command is asked for, so that `nst --help`
answers at once.
"""

import sys
from collections.abc import Sequence

COMMANDS = {
    "transfer": "paint a photograph in the style of a painting",
    "video": "paint a movie: a GIF, a folder of frames, or a file",
    "grid": "paint a photograph with several settings, and show all on one sheet",
    "rerun": "repeat a run, and say whether the picture is the same to the bit",
    "diff": "say why two runs differ: settings, inputs, versions, and where J parts",
    "demo": "paint one of the pictures that come along, in about a minute",
    "picture": "say what a picture file is, and which command painted it",
    "samples": "list the pictures that come along, with their licences",
    "layers": "list the network's layers: shapes, parameters, multiplications, receptive fields",
    "units": "find the patches of pictures that excite a unit most",
    "dream": "paint a picture from noise that excites a unit",
    "pull": "show which loss term pulls which pixel, and how strongly",
    "reconstruct": "paint from noise what a layer still knows of a picture",
    "live": "open a page that paints, and that can be asked where each number comes from",
    "source": "show where in the painting each place of a result comes from",
    "trace": "write one activation out as the sum that it is",
    "explore": "make a page that computes: point at a number, see what it is the sum of",
    "gram": "show which channels fire together in a picture",
    "judge": "judge pictures: what each kept of the photograph, what it has of the painting",
    "convention": "say what another program's alpha and beta are here",
    "heartbeat": "train the lecture's 1-D network to tell broad heartbeats from narrow ones",
    "volume": "train 3-D networks on a CT volume with a stent, and show what needs 3-D",
    "movie": "train 3-D networks to tell the direction of motion in a movie",
    "texture": "make an EKG or a movie from noise, with the texture of a real one",
    "weights": "describe, verify or convert a file of network weights",
    "course": "hand out the assignments, and grade what comes back",
    "gradcheck": "check gradients, the project's or yours, and say what is wrong with them",
    "bench": "show what makes it fast, on this machine",
    "help": "tell about a command, as COMMAND --help does",
    "completion": "print a script that lets the tab key complete commands and options",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    0: done. 1: done, but what came out is wrong or not all that was asked for. 2: a user's error.
    130: stopped by Ctrl-C, 143: by SIGTERM, 129: by SIGHUP; what there was is written.
    """
    try:
        # not at the top of the file: Ctrl-C may come while it is loaded
        from nst_numpy.cli.parts.program import exit_code_of

        return exit_code_of(list(sys.argv[1:] if argv is None else argv), is_all=argv is None)
    except KeyboardInterrupt:
        print("nst: stopped by Ctrl-C", file=sys.stderr)
        return 130
    finally:
        # An interrupt that goes through code compiled from text, as a namedtuple is, makes Python
        # end by SIGINT, also if it is caught; the next such code makes Python forget that.
        exec("")
