"""Peak memory of a step here and in PyTorch, each in a process of its own (Linux).

    pip install -e ".[bench]"
    python benchmarks/step_memory.py [--sizes 128 256 512 1024]

Times are compared by `nst bench --against torch,jax`.
"""

import argparse
import subprocess
import sys

from common import memory_megabytes

from nst_numpy.measure.contest import step_case, step_here
from nst_numpy.vgg import VGG


def peak_megabytes(number, size):
    """Run two steps in a fresh process and read its peak memory; 0 is here."""
    command = [sys.executable, __file__, "--peak", str(number), "--sizes", str(size)]
    return float(subprocess.run(command, check=True, capture_output=True, encoding="utf-8").stdout)


def print_peak(number, size):
    """Child process: import what this contender needs, do two steps, print the peak in MB."""
    vgg = VGG.load()
    case = step_case(vgg, size)
    if number:
        from nst_numpy.measure.torch_rival import steps

        contender = steps(case)[number - 1]
    else:
        contender = step_here(vgg, case)
    contender.run()
    contender.run()
    print(memory_megabytes("VmHWM"))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[128, 256, 512, 1024])
    parser.add_argument("--peak", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.peak is not None:
        print_peak(args.peak, args.sizes[0])
        return
    print("| picture | here | PyTorch, the better | ratio |\n|---|---|---|---|")
    for size in args.sizes:
        here, *there = (peak_megabytes(number, size) for number in range(3))
        ratio = here / min(there)
        print(f"| {size}×{size} | {here:.0f} MB | {min(there):.0f} MB | {ratio:.2f} |", flush=True)


if __name__ == "__main__":
    main()
