"""Does memory grow during a run?

    python benchmarks/memory_growth.py [--size 256] [--iterations 200] [--write]

Reads the resident memory of the process every tenth of the run (Linux).
"""

import argparse

from common import memory_megabytes, write_table

import nst_numpy as nst
from nst_numpy.measure.machine import machine
from nst_numpy.pictures.samples import sample_path


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--iterations", type=int, default=200)
    parser.add_argument("--write", action="store_true", help="put the line into the docs")
    args = parser.parse_args()
    seen = {}

    def watch(progress):
        if progress.iteration == 1 or progress.iteration % (args.iterations // 10) == 0:
            seen[progress.iteration] = memory_megabytes("VmRSS")

    nst.transfer(
        sample_path("neuschwanstein"), sample_path("starry_night"),
        size=args.size, iterations=args.iterations, scales=1, callback=watch,
    )  # fmt: skip
    lines = [
        f"Machine: {machine()}. Resident memory at {args.size} pixels, in MB:",
        "",
        "| iteration | " + " | ".join(map(str, seen)) + " |",
        "|---" * (len(seen) + 1) + "|",
        "| memory | " + " | ".join(f"{value:.0f}" for value in seen.values()) + " |",
    ]
    print("\n".join(lines))
    if args.write:
        write_table("memory_growth", lines)


if __name__ == "__main__":
    main()
