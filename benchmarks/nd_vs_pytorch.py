"""Convolution in 1-D and 3-D here and in PyTorch: forward and all gradients, in one process.

    pip install -e ".[bench]"
    python benchmarks/nd_vs_pytorch.py [--rounds 9] [--threads 2] [--write]

The contenders take turns, so that a slow moment of the machine hits all of them. A turn is a
pass that warms up and three that are timed. PyTorch is given the data in the layout that it
likes: channels first and contiguous, its default, and channels last where it has that (in 1-D
as a picture of height 1). Layouts are made before the clock starts.
"""

import argparse

import numpy as np
import torch
from common import machine, take_turns, write_table
from torch.nn import functional

import nst_numpy as nst
from nst_numpy.layers import conv_backward, conv_forward

CASES = {  # x, w, pad
    "1-D": ((32, 3600, 16), (7, 16, 32), 0),
    "3-D": ((2, 32, 32, 32, 16), (3, 3, 3, 16, 32), 0),
    "3-D, pad 1": ((2, 32, 32, 32, 16), (3, 3, 3, 16, 32), 1),
    "3-D, 32 channels": ((1, 48, 48, 48, 32), (3, 3, 3, 32, 64), 0),
    "3-D, the lecture's filters": ((8, 32, 32, 32, 16), (5, 5, 5, 16, 32), 0),
}
CONVOLUTIONS = {4: functional.conv2d, 3: functional.conv1d, 5: functional.conv3d}
NAMES = ("nst_numpy", "torch contiguous", "torch channels last")


def run_here(x, w, b, grad_out, pad):
    """Return a function that does one pass."""

    def run():
        out, cache = conv_forward(x, w, b, pad=pad)
        return out, *conv_backward(grad_out, cache)

    return run


def run_there(x, w, b, grad_out, pad, channels_last):
    """The same in PyTorch, whose tensors are (N, C, *sizes) and (C_out, C_in, *kernel)."""
    x, grad_out = (np.moveaxis(a, -1, 1) for a in (x, grad_out))
    w = np.moveaxis(w, (-1, -2), (0, 1))
    pads = (pad,) * (x.ndim - 2)
    if channels_last and x.ndim == 3:
        x, w, grad_out, pads = x[:, :, None], w[:, :, None], grad_out[:, :, None], (0, pad)
    layout = {
        False: torch.contiguous_format,
        True: torch.channels_last_3d if x.ndim == 5 else torch.channels_last,
    }[channels_last]
    x, w, grad_out = (torch.tensor(a).contiguous(memory_format=layout) for a in (x, w, grad_out))
    leaves = [x.requires_grad_(), w.requires_grad_(), torch.tensor(b).requires_grad_()]

    def run():
        for leaf in leaves:
            leaf.grad = None
        out = CONVOLUTIONS[x.ndim](*leaves, padding=pads)
        out.backward(grad_out)
        return out.detach(), *(leaf.grad for leaf in leaves)

    return run


def make_runs(x_shape, w_shape, pad):
    """One function a contender, all with the same numbers."""
    rng = np.random.default_rng(0)
    shapes = (x_shape, w_shape, w_shape[-1:])
    x, w, b = (rng.standard_normal(shape).astype(np.float32) for shape in shapes)
    grad_out = rng.standard_normal(conv_forward(x, w, b, pad=pad)[0].shape).astype(np.float32)
    return {
        name: run_here(x, w, b, grad_out, pad)
        if name == "nst_numpy"
        else run_there(x, w, b, grad_out, pad, name.endswith("last"))
        for name in NAMES
    }


def check_equal(runs):
    """Stop if the contenders do not compute the same."""
    ours, *theirs = (run() for run in runs.values())
    for found in theirs:
        for a, t in zip((ours[0], ours[1], ours[3]), (found[0], found[1], found[3]), strict=True):
            t = np.moveaxis(t.numpy(), 1, -1) if t.ndim > 1 else t.numpy()
            error = np.abs(t.reshape(a.shape) - a).max() / np.abs(a).max()
            if error > 1e-4:
                raise SystemExit(f"different results: {error}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--write", action="store_true", help="put the table into the docs")
    args = parser.parse_args()
    nst.set_threads(args.threads)
    torch.set_num_threads(args.threads)
    lines = [
        f"Machine: {machine()}; PyTorch {torch.__version__}; {args.threads} threads each. "
        f"Medians of {3 * args.rounds} passes, the fastest in brackets, in milliseconds.",
        "",
        "| x ∗ w | here | PyTorch, contiguous | PyTorch, channels last | ratio to the better "
        "| of the fastest |",
        "|---|---|---|---|---|---|",
    ]
    for name, (x_shape, w_shape, pad) in CASES.items():
        runs = make_runs(x_shape, w_shape, pad)
        check_equal(runs)
        times = take_turns(runs, args.rounds)
        cells = [f"{1e3 * np.median(t):.1f} ({1e3 * min(t):.1f})" for t in times.values()]
        ratios = []
        for best in (np.median, min):
            ours, *theirs = (best(t) for t in times.values())
            ratios.append(ours / min(theirs))
        sizes = f"{name}: {x_shape} ∗ {w_shape}"
        lines.append(f"| {sizes} | {' | '.join(cells)} | **{ratios[0]:.2f}** | {ratios[1]:.2f} |")
        print(lines[-1], flush=True)
    if args.write:
        write_table("nd_vs_pytorch", lines)


if __name__ == "__main__":
    main()
