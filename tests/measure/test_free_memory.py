import subprocess
import sys
from pathlib import Path

import pytest

from nst_numpy.measure import estimate, free_memory
from nst_numpy.measure.free_memory import available_memory, read_vm_stat

MEGABYTE = 1_000_000


def system(root, files):
    """Write the files of a system: what they say, by their paths."""
    files = {"proc/meminfo": "MemTotal: 9000 kB\nMemAvailable:    8000 kB\n", **files}
    for name, text in files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    return root


def group(path, limit, used, inactive=None):
    """Make the files of a control group of version 2; numbers are bytes."""
    files = {f"sys/fs/cgroup/{path}/memory.max": f"{limit}\n"}
    files[f"sys/fs/cgroup/{path}/memory.current"] = f"{used}\n"
    if inactive is not None:
        text = f"anon 7\nfile 900000\ninactive_anon 3\ninactive_file {inactive}\nactive_file 5\n"
        files[f"sys/fs/cgroup/{path}/memory.stat"] = text
    return files


def old_group(path, limit, used, inactive):
    """Likewise of version 1, where memory has a tree of its own."""
    folder = f"sys/fs/cgroup/memory/{path}"
    stat = f"inactive_file 1\ntotal_cache 900000\ntotal_inactive_file {inactive}\n"
    return {
        f"{folder}/memory.limit_in_bytes": f"{limit}\n",
        f"{folder}/memory.usage_in_bytes": f"{used}\n",
        f"{folder}/memory.stat": stat,
    }


@pytest.fixture(autouse=True)
def on_linux(monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")


@pytest.mark.parametrize(
    ("groups", "files", "expected"),
    [
        ("", {}, 8000 * 1024),
        ("0::/\n", {}, 8000 * 1024),
        # a container sees its own group at the top
        ("0::/\n", group("", 5 * MEGABYTE, 2 * MEGABYTE), 3 * MEGABYTE),
        ("0::/\n", group("", "max", 2 * MEGABYTE), 8000 * 1024),
        # more than the system has is no limit
        ("0::/\n", group("", 50 * MEGABYTE, 2 * MEGABYTE), 8000 * 1024),
        # a cache of files that nobody reads can be taken back; one in use is not counted
        ("0::/\n", group("", 5 * MEGABYTE, 2 * MEGABYTE, 1500), 3 * MEGABYTE + 1500),
        ("0::/\n", group("", 2 * MEGABYTE, 3 * MEGABYTE), 0),
        # a group of a group: the one that leaves less counts, whichever it is
        ("0::/user.slice/job.scope\n",
         group("user.slice", 5 * MEGABYTE, 2 * MEGABYTE)
         | group("user.slice/job.scope", 4 * MEGABYTE, MEGABYTE // 2), 3 * MEGABYTE),
        ("0::/user.slice/job.scope\n",
         group("user.slice", 5 * MEGABYTE, 2 * MEGABYTE)
         | group("user.slice/job.scope", MEGABYTE, MEGABYTE // 2), MEGABYTE // 2),
        ("0::/user.slice/job.scope\n",
         group("user.slice", MEGABYTE, 0) | group("user.slice/job.scope", "max", 0), MEGABYTE),
        # another's group is none of ours
        ("0::/user.slice\n", group("other.slice", MEGABYTE, 0), 8000 * 1024),
        # the path is that of the machine outside
        ("0::/docker/0123abc\n", group("", 5 * MEGABYTE, 2 * MEGABYTE), 3 * MEGABYTE),
        ("0::/../outside\n", group("", 5 * MEGABYTE, 2 * MEGABYTE), 3 * MEGABYTE),
        # version 1
        ("4:memory:/job\n1:cpu:/\n0::/\n",
         old_group("job", 5 * MEGABYTE, 2 * MEGABYTE, 700), 3 * MEGABYTE + 700),
        ("7:cpu,memory:/a/b\n",
         old_group("a", 4 * MEGABYTE, MEGABYTE, 0)
         | old_group("a/b", 9223372036854771712, MEGABYTE, 0), 3 * MEGABYTE),
        ("1:cpu:/job\n", old_group("job", MEGABYTE, 0, 0), 8000 * 1024),
    ],
)  # fmt: skip
def test_what_the_system_has_and_what_the_groups_leave(tmp_path, groups, files, expected):
    assert available_memory(system(tmp_path, {"proc/self/cgroup": groups, **files})) == expected


def test_where_the_system_says_nothing_nothing_is_known(tmp_path):
    assert available_memory(tmp_path) is None
    assert available_memory(system(tmp_path, {"proc/meminfo": "MemTotal: 9000 kB\n"})) is None


@pytest.mark.skipif(not Path("/proc/meminfo").exists(), reason="reads /proc")
def test_it_is_less_than_the_machine_has():
    lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    total = int(dict(line.split(":") for line in lines)["MemTotal"].split()[0]) * 1024
    have = available_memory()
    assert have is not None
    assert 1_000_000 < have < total


# macOS

VM_STAT = """Mach Virtual Memory Statistics: (page size of 16384 bytes)
Pages free:                                6453.
Pages active:                            267523.
Pages inactive:                          263871.
Pages speculative:                         2914.
Pages throttled:                              0.
Pages wired down:                        104726.
Pages purgeable:                           1620.
"Translation faults":                 514398216.
Pages copy-on-write:                   26393561.
File-backed pages:                       162330.
Anonymous pages:                         371978.
Pages occupied by compressor:            349412.
Swapins:                                 417212.
"""


def test_vm_stat_is_read():
    assert read_vm_stat(VM_STAT) == (6453 + 2914 + 263871) * 16384
    assert read_vm_stat(VM_STAT.replace("16384", "4096")) == (6453 + 2914 + 263871) * 4096


@pytest.mark.parametrize("gone", ["page size", "Pages free", "Pages inactive", "Pages speculative"])
def test_of_another_vm_stat_nothing_is_made_up(gone):
    assert read_vm_stat(VM_STAT.replace(gone, "")) is None


@pytest.mark.parametrize(
    "failure",
    [
        FileNotFoundError("vm_stat"),
        subprocess.TimeoutExpired("vm_stat", 10),
        subprocess.CalledProcessError(1, "vm_stat"),
    ],
)
def test_on_macos_vm_stat_is_asked_and_may_fail(monkeypatch, tmp_path, failure):
    asked = []

    def run(words, **more):
        asked.append(words)
        return subprocess.CompletedProcess(words, 0, VM_STAT, "")

    def fail(words, **more):
        raise failure

    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(subprocess, "run", run)
    assert available_memory(tmp_path) == (6453 + 2914 + 263871) * 16384
    assert asked == [["vm_stat"]]
    monkeypatch.setattr(subprocess, "run", fail)
    assert available_memory(tmp_path) is None


def test_a_run_is_measured_by_it():
    assert estimate.available_memory is free_memory.available_memory
