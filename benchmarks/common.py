"""What the benchmarks share: the pictures, the machine's name, tables in the documentation."""

import os
import platform
import re
import time
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_info

import nst_numpy as nst
from nst_numpy.files import atomic_write
from nst_numpy.pictures.samples import sample_path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "performance.md"
ALPHA, BETA = 1.0, 1e4


def pictures(size):
    """Content, style and a start that is neither, each (1, size, size, 3)."""
    content, style = (
        nst.preprocess(nst.pictures.resize_image(nst.load_image(sample_path(name)), (size, size)))
        for name in ("neuschwanstein", "starry_night")
    )
    noise = np.random.default_rng(0).normal(0, 10, content.shape)
    return content, style, (content + noise).astype(np.float32)


def machine():
    """Name the processor, the cores, and the BLAS that NumPy uses."""
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        name = re.search(r"model name\s*: (.*)", cpuinfo.read_text("utf-8")).group(1)
    blas = next(i for i in threadpool_info() if "numpy" in i["filepath"])
    return (
        f"{name}, {len(os.sched_getaffinity(0))} cores, NumPy {np.__version__} with "
        f"{blas['internal_api']} {blas['version']} ({blas['architecture']})"
    )


def memory_megabytes(what):
    """Memory of this process in MB (Linux): "VmRSS" resident now, "VmHWM" at its peak."""
    status = Path("/proc/self/status").read_text("utf-8")
    line = next(line for line in status.splitlines() if line.startswith(what))
    return int(line.split()[1]) * 1024 / 1e6


def take_turns(runs, rounds):
    """Return the seconds of each contender, by name, in turns of one run to warm up and three."""
    times = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            time.sleep(0.3)  # the other library's threads spin for a while before they sleep
            run()
            for _ in range(3):
                started = time.perf_counter()
                run()
                times[name].append(time.perf_counter() - started)
    return times


def write_table(name, lines, page=PAGE):
    """Put lines between <!-- name --> and <!-- /name --> on a page of the documentation."""
    text = page.read_text(encoding="utf-8")
    block = f"<!-- {name} -->\n" + "\n".join(lines) + f"\n<!-- /{name} -->"
    pattern = f"<!-- {name} -->.*?<!-- /{name} -->"
    if not re.search(pattern, text, flags=re.S):
        raise SystemExit(f"{page} has no place for {name}")
    with atomic_write(page) as temporary:
        temporary.write_text(re.sub(pattern, lambda _: block, text, flags=re.S), encoding="utf-8")
