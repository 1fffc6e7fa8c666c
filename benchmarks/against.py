"""The tables of `nst bench --against`, put into the documentation.

    pip install -e ".[bench]"
    python benchmarks/against.py [--whom torch,jax] [--only steps] [--sizes 256 512] [--rounds 5]

Tables are written between the marks that the page has for them.
"""

import argparse

from common import write_table

from nst_numpy.measure.against import STEP_SIZES, WHAT, check_rivals, compare
from nst_numpy.vgg import VGG

PLACES = {"steps": "against", "convolutions": "nd_vs_pytorch"}  # on the page


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--whom", default="torch,jax")
    parser.add_argument("--only", choices=WHAT)
    parser.add_argument("--sizes", type=int, nargs="+", default=STEP_SIZES)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    vgg, names = VGG.load(), check_rivals(args.whom)
    for what in [args.only] if args.only else WHAT:
        *_, found = compare(vgg, names, args.sizes, args.rounds, what)
        print(found.markdown())
        write_table(PLACES[what], found.markdown().rstrip().splitlines())


if __name__ == "__main__":
    main()
