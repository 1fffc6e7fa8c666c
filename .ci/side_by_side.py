"""Run the sessions of noxfile.py in two rows side by side, a core each: `side_by_side.py FOLDER`.

Each row has a clone of its own in the folder, since two builds in one would meet. So what is
checked is what is committed. A session's log is printed when that has ended.
"""

import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

# About equally long. Those in one text share a call of nox.
ROWS = [
    ["demo", "tests", "slow", "fuzz", "lint types imports"],
    ["notebooks docs", "oldest", "package", "course"],
]
NOX = [sys.executable, "-m", "nox", "--non-interactive", "--error-on-missing-interpreters", "-s"]

_printing = threading.Lock()
_stopped = threading.Event()


def run_row(row: list[str], clone: Path) -> list[tuple[str, str, float]]:
    """Run sessions one after the other; return of each its name, how it ended, and seconds."""
    subprocess.run(["git", "clone", "--quiet", ".", str(clone)], check=True)
    ended = []
    for sessions in row:
        if _stopped.is_set():
            break
        begun = time.monotonic()
        with _printing:
            print(f"===== {sessions}: begins =====", flush=True)
        done = subprocess.run(
            [*NOX, *sessions.split()], cwd=clone, env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip
        how = "FAILED" if done.returncode else "passed"
        ended.append((sessions, how, time.monotonic() - begun))
        with _printing:
            print(f"\n===== {sessions}: {how} =====", flush=True)
            sys.stdout.buffer.write(done.stdout)
            sys.stdout.flush()
    return ended


def main() -> None:
    """Run both rows; end with code 1 and the names if one failed."""
    begun = time.monotonic()
    clones = [Path(sys.argv[1], f"row{number}") for number in range(len(ROWS))]
    with ThreadPoolExecutor(len(ROWS)) as pool:
        rows = [pool.submit(run_row, row, clone) for row, clone in zip(ROWS, clones, strict=True)]
        try:
            ended = [session for row in rows for session in row.result()]
        except BaseException:
            _stopped.set()
            raise
    print()
    for sessions, how, seconds in [*ended, ("all", "ended", time.monotonic() - begun)]:
        print(f"{sessions}: {how} after {seconds // 60:.0f} min {seconds % 60:02.0f} s")
    failed = [sessions for sessions, how, _ in ended if how == "FAILED"]
    if failed:
        sys.exit(f"FAILED: {', '.join(failed)}")


if __name__ == "__main__":
    main()
