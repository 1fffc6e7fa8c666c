"""Train networks on small blocks of a CT volume with a metal stent.

--task lean: does the wire in a block lean to the left or to the right, on its way through the
slices? No slice tells, nor does brightness: each block is there mirrored and turned over.
--task find: is there stent in the block? Brightness alone solves it, so the networks get
blocks in which brightness was replaced by ranks.

  nst volume
  nst volume -o volume.png --json volume.json
  nst volume --task find

Half of the levels is learnt from, the other half is for the test; then the reverse.
"""

import argparse

from nst_numpy.cli.parts.options import prints, use_threads
from nst_numpy.cli.parts.outputs import check_outputs, results
from nst_numpy.cli.parts.rivals import add_training, record_comparison, rivals_table, seeds
from nst_numpy.figures import save_figure
from nst_numpy.figures.volume import volume_figure
from nst_numpy.files import write_json
from nst_numpy.signals import load_ct
from nst_numpy.signals.stent import EPOCHS, TASKS, compare_on_volume, find_stent, paint, regions

QUESTIONS = {
    "lean": "Does the block's content lean to the left or to the right?",
    "find": "Is there stent in the block? The networks see ranks, not brightness.",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    parser.add_argument("--task", default="lean", choices=TASKS, help="what to learn")
    add_training(parser, EPOCHS)


def run(args: argparse.Namespace) -> int:
    """Find out first whether the results can be written; then train, print and draw."""
    figure, numbers = check_outputs(args)
    use_threads(args)
    volume = load_ct()
    result, folds = compare_on_volume(
        volume, args.task, seeds=seeds(args), epochs=args.epochs, progress=not args.quiet
    )
    net = result.networks.get("3-D filters")
    record = {"task": args.task, **record_comparison(result, folds)}
    with results() as keep:
        keep(numbers, lambda place: write_json(place, record))
        if figure and net is not None:
            levels = regions(volume)[1]
            answers = paint(volume, net, args.task, levels)
            drawn = volume_figure(volume, find_stent(volume), answers, levels, result)
            keep(figure, lambda place: save_figure(drawn, place))
    if result.trials and prints(args, numbers, figure):
        print(f"{QUESTIONS[args.task]} Guessing is right in {0.5:.0%}.\n")
        print(rivals_table(result))
        print(*(path for path in (numbers, figure) if path), sep="\n")
    return 130 if result.interrupted else 0
