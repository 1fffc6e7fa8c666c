"""Train networks to tell the direction of motion in small blocks of a movie.

A block is 16×16 pixels through eight frames. Played backwards or mirrored it moves the other
way: each block is four examples, with labels for free. A network with filters in space and
time is compared with flat ones, and with networks that get the frames in shuffled order.

  nst movie
  nst movie -o movie.png --json movie.json

Half of the picture is learnt from, the other half is for the test; then the reverse.
"""

import argparse

from nst_numpy.cli.parts.options import prints, use_threads
from nst_numpy.cli.parts.outputs import check_outputs, results
from nst_numpy.cli.parts.rivals import add_training, record_comparison, rivals_table, seeds
from nst_numpy.figures import save_figure
from nst_numpy.figures.movie import movie_figure
from nst_numpy.files import write_json
from nst_numpy.signals import load_movie
from nst_numpy.signals.motion import EPOCHS, agreement, compare_on_movie, on_longer_clips

LONGER = 16  # frames


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    add_training(parser, EPOCHS)


def run(args: argparse.Namespace) -> int:
    """Find out first whether the results can be written; then train, print and draw."""
    figure, numbers = check_outputs(args)
    use_threads(args)
    movie = load_movie()
    result, folds = compare_on_movie(
        movie, seeds=seeds(args), epochs=args.epochs, progress=not args.quiet
    )
    share, count = agreement(movie)
    net = result.networks.get("3-D filters")
    longer = None if net is None else on_longer_clips(net, movie, LONGER)
    record = {
        **record_comparison(result, folds),
        **{"second_opinion_agrees": share, "second_opinion_blocks": count},
        f"accuracy_on_{LONGER}_frames": longer,
    }
    with results() as keep:
        keep(numbers, lambda place: write_json(place, record))
        if net is not None:
            keep(figure, lambda place: save_figure(movie_figure(result, folds[0][1]), place))
    if net is not None and prints(args, numbers, figure):
        print(f"A block moves to the left or to the right; guessing is right in {0.5:.0%}.\n")
        print(rivals_table(result))
        print(
            f"\nTrying out whole pixels gives the same side as the labels in {share:.1%} of "
            f"{count} blocks.\nThe 3-D network, asked about {LONGER} frames: {longer:.3f}"
        )
        print(*(path for path in (numbers, figure) if path), sep="\n")
    return 130 if result.interrupted else 0
