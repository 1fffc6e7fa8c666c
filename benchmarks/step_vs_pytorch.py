"""One step (J and its pixel gradient) here and in PyTorch, side by side in one process.

    pip install -e ".[bench]"
    python benchmarks/step_vs_pytorch.py [--sizes 128 256 512 1024] [--rounds 5] [--write]

The three (here, PyTorch in its two memory layouts) take turns, so that a slow moment of the
machine hits all of them. A turn is a step that warms up and three that are timed, as in a run
where step follows step. Peak memory is measured in a process of its own for each (Linux).
"""

import argparse
import subprocess
import sys

import numpy as np
from common import ALPHA, BETA, machine, memory_megabytes, pictures, take_turns, write_table

import nst_numpy as nst

NAMES = ("nst_numpy", "torch contiguous", "torch channels_last")


def make_steps(size, names=NAMES):
    """Make one function a contender: it does a step and returns J and the gradient."""
    content, style, x = pictures(size)
    vgg = nst.VGG.load()
    steps = {}
    for name in names:
        if name == "nst_numpy":
            objective = nst.Objective(vgg, content, style, alpha=ALPHA, beta=BETA)
            steps[name] = lambda objective=objective: objective(x)
        else:
            from torch_step import TorchObjective

            objective = TorchObjective(
                vgg.params, content, style, alpha=ALPHA, beta=BETA,
                channels_last=name.endswith("last"),
            )  # fmt: skip
            leaf = objective.tensor(x).requires_grad_()
            steps[name] = lambda objective=objective, leaf=leaf: objective(leaf)
    return steps


def peak_megabytes(name, size):
    """Run two steps in a fresh process and read its peak memory."""
    command = [sys.executable, __file__, "--peak", name, "--sizes", str(size)]
    return float(subprocess.run(command, check=True, capture_output=True, encoding="utf-8").stdout)


def print_peak(name, size):
    """Child process: import what this contender needs, do two steps, print the peak in MB."""
    step = make_steps(size, [name])[name]
    step()
    step()
    print(memory_megabytes("VmHWM"))


def measure(size, rounds):
    """Return the median seconds of each contender, taking turns."""
    times = take_turns(make_steps(size), rounds)
    return {name: float(np.median(t)) for name, t in times.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[128, 256, 512, 1024])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--write", action="store_true", help="put the table into the docs")
    parser.add_argument("--peak", choices=NAMES, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.peak:
        print_peak(args.peak, args.sizes[0])
        return
    import torch

    lines = [
        f"Machine: {machine()}; PyTorch {torch.__version__}. Medians of {3 * args.rounds} steps.",
        "",
        "| picture | here | PyTorch, contiguous | PyTorch, channels last | ratio to the better "
        "| peak memory here | PyTorch, the better | ratio |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for size in args.sizes:
        t = measure(size, args.rounds)
        m = {name: peak_megabytes(name, size) for name in NAMES}
        ours, *theirs = (t[name] for name in NAMES)
        memory, *their_memory = (m[name] for name in NAMES)
        lines.append(
            f"| {size}×{size} | {ours:.3f} s | {theirs[0]:.3f} s | {theirs[1]:.3f} s "
            f"| **{ours / min(theirs):.2f}** | {memory:.0f} MB | {min(their_memory):.0f} MB "
            f"| **{memory / min(their_memory):.2f}** |"
        )
        print(lines[-1], flush=True)
    if args.write:
        write_table("step_vs_pytorch", lines)


if __name__ == "__main__":
    main()
