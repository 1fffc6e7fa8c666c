"""Whole runs, optimiser included: iterations a second here and in PyTorch.

    python benchmarks/run_vs_pytorch.py [--sizes 256 512] [--iterations 20] [--write]

Here: L-BFGS through SciPy, as `nst transfer` runs it. There: torch.optim.LBFGS with its
strong-Wolfe line search and the same memory. Both start from the same picture, in turn.
"""

import argparse
import time

import torch
from common import write_table

import nst_numpy as nst
from nst_numpy.measure.contest import ALPHA, BETA, StepCase, params_below, pictures
from nst_numpy.measure.machine import machine
from nst_numpy.measure.torch_rival import TorchObjective
from nst_numpy.optimize import MEMORY, run_optimizer


class Counted:
    """An objective that counts its calls and the time spent in them."""

    def __init__(self, function):
        self.function, self.calls, self.seconds = function, 0, 0.0

    def __call__(self, x):
        started = time.perf_counter()
        result = self.function(x)
        self.seconds += time.perf_counter() - started
        self.calls += 1
        return result


def run_here(vgg, content, style, x, iterations):
    """Return (seconds, calls, share of the time outside the objective, final J)."""
    objective = Counted(nst.Objective(vgg, content, style, alpha=ALPHA, beta=BETA))
    started = time.perf_counter()
    minimum = run_optimizer("lbfgs", objective, x, iterations)
    seconds = time.perf_counter() - started
    return seconds, objective.calls, 1 - objective.seconds / seconds, minimum.losses[-1]


def run_there(vgg, content, style, x, iterations):
    """The same with torch.optim.LBFGS, which takes contiguous tensors only."""
    case = StepCase(params_below(vgg.params), content, style, x)
    there = TorchObjective(case, torch.contiguous_format)
    leaf = there.tensor(x).requires_grad_()

    def step(leaf):
        leaf.grad = None
        value = there.value(leaf)
        value.backward()
        return value

    objective = Counted(step)
    optimizer = torch.optim.LBFGS(
        [leaf], max_iter=iterations, history_size=MEMORY, line_search_fn="strong_wolfe",
        tolerance_grad=0, tolerance_change=0,
    )  # fmt: skip
    started = time.perf_counter()
    optimizer.step(lambda: objective(leaf))
    seconds = time.perf_counter() - started
    final = float(objective.function(leaf))
    return seconds, objective.calls, 1 - objective.seconds / seconds, final


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[256, 512])
    parser.add_argument("--iterations", type=int, default=20)
    parser.add_argument("--write", action="store_true", help="put the table into the docs")
    args = parser.parse_args()
    vgg = nst.VGG.load()
    lines = [
        f"Machine: {machine()}; PyTorch {torch.__version__}. {args.iterations} iterations.",
        "",
        "| picture | | seconds | iterations a second | evaluations of J "
        "| time outside J | final J |",
        "|---|---|---|---|---|---|---|",
    ]
    for size in args.sizes:
        content, style, _ = pictures(size)
        for name, run in (("here", run_here), ("PyTorch", run_there)):
            seconds, calls, outside, final = run(vgg, content, style, content, args.iterations)
            lines.append(
                f"| {size}×{size} | {name} | {seconds:.1f} | {args.iterations / seconds:.2f} "
                f"| {calls} | {100 * outside:.0f} % | {final:.3g} |"
            )
            print(lines[-1], flush=True)
    if args.write:
        write_table("run_vs_pytorch", lines)


if __name__ == "__main__":
    main()
