"""What a table of times must say beside it: the processor, the cores, the BLAS."""

import platform
import re
from pathlib import Path

import numpy as np

from nst_numpy.kernels.threads import available_cores, blas


def machine() -> str:
    """Name the processor, the cores, and the BLAS that NumPy uses, in a line."""
    libraries = [library for library in blas().info() if "scipy.libs" not in library["filepath"]]
    of_numpy = next((i for i in libraries if "numpy" in i["filepath"]), None)
    named = "another BLAS"
    if of_numpy is not None:
        named = f"{of_numpy['internal_api']} {of_numpy['version']}"
        if of_numpy.get("architecture"):
            named += f" ({of_numpy['architecture']})"
    return f"{processor()}, {available_cores()} cores, NumPy {np.__version__} with {named}"


def processor() -> str:
    """Name the processor, as well as the system knows it."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        found = re.search(r"model name\s*: (.*)", cpuinfo.read_text("utf-8", "replace"))
        if found:
            return found[1]
    return platform.processor() or platform.machine()
