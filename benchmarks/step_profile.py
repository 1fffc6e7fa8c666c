"""Where the time of a step goes, piece by piece, added up over the threads.

    python benchmarks/step_profile.py [--sizes 128 256 512] [--iterations 10] [--write]

A run by L-BFGS, as `nst transfer` does it, of which the second half counts. Functions of the
package are replaced by ones that look at the clock before and after; what one does inside another
counts for the inner one alone. Looking at the clock takes some thousandths of a step itself.
"""

import argparse
import threading
import time
from collections import Counter
from concurrent.futures import Future
from functools import wraps
from typing import ClassVar

from common import write_table

import nst_numpy as nst
from nst_numpy.fused import blocks
from nst_numpy.fused.gradients import GradientInParts
from nst_numpy.kernels import im2col, winograd
from nst_numpy.losses import gram, positions
from nst_numpy.measure.contest import ALPHA, BETA, pictures
from nst_numpy.measure.machine import machine
from nst_numpy.optimize import run_optimizer

FUNCTIONS = {  # what is replaced, by what its time is counted as
    "to the points": [(winograd, "to_points")],
    "products at the points": [(winograd, "multiply")],
    "back from the points": [(winograd, "from_points")],
    "ReLU and masks": [(blocks, "rectify"), (blocks, "pack_mask"), (blocks, "apply_mask")],
    "first layer, down": [(im2col.ProductsFirst, "add"), (im2col.ProductsFirst, "complete")],
    "the rest of J, on one thread": [(nst.Objective, "__call__")],
    "waiting": [(Future, "exception")],
}
WORK = {"first layer, up": im2col, "Gram matrices": gram, "squares": positions}  # their for_each
OPTIMISER = "L-BFGS and its conversions"
ROWS = (
    "products at the points", "to the points", "back from the points", "ReLU and masks", "pools",
    "Gram matrices", "gradients of the style", "gradient of the content", "squares",
    "first layer, up", "first layer, down", "the rest of J, on one thread", OPTIMISER, "waiting",
)  # fmt: skip


class Clock(threading.local):
    """What each thread has done for how long."""

    threads: ClassVar[list[Counter]] = []

    def __init__(self):
        self.seconds, self.inside, self.last = Counter(), [], 0.0
        self.threads.append(self.seconds)

    def change(self):
        """Count the time since the last change for what is done now."""
        now = time.perf_counter()
        if self.inside:
            self.seconds[self.inside[-1]] += now - self.last
        self.last = now


clock = Clock()


def clocked(function, label):
    """Make the function look at the clock."""

    @wraps(function)
    def run(*args, **kwargs):
        clock.change()
        clock.inside.append(label)
        try:
            return function(*args, **kwargs)
        finally:
            clock.change()
            clock.inside.pop()

    return run


def look_at_the_clock():
    """Replace the functions, for as long as this process lives."""
    for label, places in FUNCTIONS.items():
        for place, name in places:
            setattr(place, name, clocked(getattr(place, name), label))
    for label, room in WORK.items():
        room.for_each = _with_work(room.for_each, label)
    pool_in_parts, send_back = blocks.pool_in_parts, blocks.send_back_in_parts
    own = blocks.WayDown.own

    def pools_parts(*args):
        out, cache, each_part = pool_in_parts(*args)
        return out, cache, clocked(each_part, "pools")

    def sends_parts(*args):
        made = send_back(*args)
        return made._replace(read=clocked(made.read, "pools"))

    def own_parts(self, name):
        style = isinstance(self._grads.get(name), GradientInParts)
        add = own(self, name)
        return add and clocked(add, f"gradient{'s of the style' if style else ' of the content'}")

    blocks.pool_in_parts, blocks.send_back_in_parts = pools_parts, sends_parts
    blocks.WayDown.own = own_parts


def _with_work(for_each, label):
    return lambda work, pieces: for_each(clocked(work, label), pieces)


def profile(vgg, size, iterations):
    """Return the seconds of a step by the clock, and those of each piece over all threads."""
    content, style, x = pictures(size)
    objective = nst.Objective(vgg, content, style, alpha=ALPHA, beta=BETA)
    began, calls = [], [0]

    def function(x):
        calls[0] += 1
        return objective(x)

    def callback(step):
        if step.iteration == iterations // 2:
            for seconds in clock.threads:
                seconds.clear()
            calls[0] = 0
            clock.last = time.perf_counter()
            began.append(clock.last)

    clocked(run_optimizer, OPTIMISER)("lbfgs", function, x, iterations, callback=callback)
    wall = time.perf_counter() - began[0]
    pieces = sum(clock.threads, Counter())
    pieces["waiting"] += nst.get_threads() * wall - sum(pieces.values())
    return wall / calls[0], {label: pieces[label] / calls[0] for label in ROWS}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[128, 256, 512])
    parser.add_argument("--iterations", type=int, default=20)
    parser.add_argument("--write", action="store_true", help="put the table into the docs")
    args = parser.parse_args()
    look_at_the_clock()
    vgg = nst.VGG.load()
    found = [profile(vgg, size, args.iterations) for size in args.sizes]
    lines = [
        f"Machine: {machine()}. Milliseconds of {nst.get_threads()} threads together, and their "
        "share.",
        "",
        "| | " + " | ".join(f"{size}×{size}" for size in args.sizes) + " |",
        "|---|" + "---:|" * len(args.sizes),
    ]
    for label in ROWS:
        cells = []
        for _, pieces in found:
            share = 100 * pieces[label] / sum(pieces.values())
            cells.append(f"{1e3 * pieces[label]:.1f}, {share:.0f} %")
        lines.append(f"| {label} | {' | '.join(cells)} |")
    walls = (f"**{1e3 * wall:.0f} ms**" for wall, _ in found)
    lines.append(f"| a step, by the clock | {' | '.join(walls)} |")
    print("\n".join(lines))
    if args.write:
        write_table("step_profile", lines)


if __name__ == "__main__":
    main()
