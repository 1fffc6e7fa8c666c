"""How much memory a new program may use, and how much this one has used.

Containers, batch systems and systemd put a process into control groups, each with a limit of
its own. The system's own figure knows nothing of them.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

GROUPS = "sys/fs/cgroup"
# Files of a control group: its limit, what it uses, and the entry of memory.stat with the part
# of that which is a cache of files not read lately; the system takes it back when need be.
VERSION_2 = ("memory.max", "memory.current", "inactive_file")
VERSION_1 = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")


def peak_memory() -> int | None:
    """Bytes that this process has used at most; None where the system does not say."""
    if resource is None:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak  # others count in KiB


def available_memory(root: Path = Path("/")) -> int | None:
    """Bytes that a new program may use without swapping; None where the system does not say.

    Parameters
    ----------
    root : path
        Where the system's files are: /proc and /sys.

    Notes
    -----
    On Linux it is MemAvailable of /proc/meminfo, or less if a control group of this process
    leaves less. On macOS it is free, speculative and inactive memory, as `vm_stat` counts it.
    """
    system = _of_macos() if sys.platform == "darwin" else _of_linux(root)
    known = [system, *_left_in_groups(root)]
    return min((n for n in known if n is not None), default=None)


def _of_linux(root: Path) -> int | None:
    found = re.search(r"^MemAvailable: +(\d+) kB", _read(root / "proc/meminfo"), re.MULTILINE)
    return int(found[1]) * 1024 if found else None


def _of_macos() -> int | None:
    try:
        done = subprocess.run(
            ["vm_stat"], capture_output=True, encoding="utf-8", timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return read_vm_stat(done.stdout)


def read_vm_stat(text: str) -> int | None:
    """Read what macOS's `vm_stat` prints: bytes that are free, or can be made so.

    >>> read_vm_stat('''Mach Virtual Memory Statistics: (page size of 16384 bytes)
    ... Pages free:                               3000.
    ... Pages active:                           200000.
    ... Pages inactive:                           1000.
    ... Pages speculative:                          96.''') == 4096 * 16384
    True
    """
    page = re.search(r"page size of (\d+) bytes", text)
    counts = dict(re.findall(r"^Pages (\w+): +(\d+)\.", text, re.MULTILINE))
    wanted = ("free", "speculative", "inactive")
    if page is None or not all(name in counts for name in wanted):
        return None
    return int(page[1]) * sum(int(counts[name]) for name in wanted)


def _left_in_groups(root: Path) -> Iterator[int]:
    """Say what each control group of this process leaves: its own, and all above it."""
    for folder, files in _groups(root):
        limit, used, cache = (_read(folder / name) for name in (*files[:2], "memory.stat"))
        if limit.strip().isdigit() and used.strip().isdigit():  # the limit may be "max": none
            inactive = re.search(rf"^{files[2]} (\d+)$", cache, re.MULTILINE)
            reclaimable = int(inactive[1]) if inactive else 0
            yield max(0, int(limit) - int(used) + reclaimable)


def _groups(root: Path) -> Iterator[tuple[Path, tuple[str, str, str]]]:
    """List the folders of the control groups, from the innermost to the outermost.

    A line of /proc/self/cgroup is number:controllers:path; of version 2 it is 0::path. Inside
    a container the path may be one of the machine outside: the folders that are there count.
    """
    for line in _read(root / "proc/self/cgroup").splitlines():
        number, controllers, path = line.split(":", 2)
        if number == "0" and not controllers:
            top, files = root / GROUPS, VERSION_2
        elif "memory" in controllers.split(","):
            top, files = root / GROUPS / "memory", VERSION_1
        else:
            continue
        own = Path(path.strip("/"))
        for group in (own, *own.parents):
            yield top / group, files


def _read(file: Path) -> str:
    """Read a file of the system; one that is not there, or not for us, says nothing."""
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
