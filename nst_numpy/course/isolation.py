"""An answer's process behind a wall: in bubblewrap, or in a container of Docker or Podman.

The process then has no network, no process but its own, none of the grader's variables, and sees
no files but Python's and those in its folder: not the solutions, nor anybody's answers. Of
nst_numpy it is given the four files that it runs.
"""

import contextlib
import json
import os
import secrets
import shutil
import site
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from nst_numpy.errors import SettingError, did_you_mean

Isolator = Literal["bubblewrap", "docker", "podman"]
HOWS: tuple[Isolator, ...] = get_args(Isolator)
PROGRAMS: dict[Isolator, str] = {"bubblewrap": "bwrap", "docker": "docker", "podman": "podman"}
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/nix/store")
SYSTEM_FILES = ("/etc/ld.so.cache", "/etc/alternatives")  # alternatives: BLAS, on Debian
KIT = "/nst-kit"  # where the process finds its four files
KIT_FILES = ("fence.py", "jupyter.py", "wire.py", "worker.py")
TRY_SECONDS = 60.0
TRIAL = "import sys, json; sys.path[:0] = json.loads(sys.argv[1]); import numpy"
HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Isolation:
    """How to shut a process in.

    Attributes
    ----------
    how : str
        "bubblewrap", "docker" or "podman".
    program : str
        The path of what does it.
    image : str
        For the containers: one with Python, NumPy, and what the assignments' libraries are.
    """

    how: Isolator
    program: str
    image: str = ""

    def command(
        self,
        words: list[str],
        *,
        folder: str,
        kit: str,
        name: str,
        variables: dict[str, str],
        megabytes: int = 1024,
        hidden: Iterable[str] = (),
    ) -> list[str]:
        """Return the command line that runs Python with these words in there.

        Parameters
        ----------
        words : list of str
            What comes after the name of Python.
        folder : str
            The only one that it may write to, and where it runs.
        kit : str
            The folder that `make_kit` made.
        name : str
            Of the container, so that it can be ended.
        variables : dict of str to str
            All of its environment.
        megabytes : int
            Memory for a container; in bubblewrap the process limits itself.
        hidden : iterable of str
            Folders that must not be seen, should they lie in those that Python needs.
        """
        if self.how == "bubblewrap":
            return self._bubblewrap(words, folder, kit, variables, hidden)
        known = {key: value for key, value in variables.items() if "PATH" not in key}
        user = [] if self.how == "podman" else ["--user", f"{os.getuid()}:{os.getgid()}"]
        return [
            *(self.program, "run", "--rm", "--interactive", "--init", "--name", name),
            *("--network", "none", "--read-only", "--cap-drop", "ALL", *user),
            *("--security-opt", "no-new-privileges", "--security-opt", "label=disable"),
            *("--pids-limit", "64", "--memory", f"{megabytes + 256}m", "--pull", "never"),
            *("--volume", f"{folder}:{folder}", "--volume", f"{kit}:{KIT}:ro"),
            *("--workdir", folder),
            *(word for item in known.items() for word in ("--env", "=".join(item))),
            *("--entrypoint", "python3", self.image, *words),
        ]

    def _bubblewrap(
        self,
        words: list[str],
        folder: str,
        kit: str,
        variables: dict[str, str],
        hidden: Iterable[str],
    ) -> list[str]:
        shown = _shown()
        return [
            *(self.program, "--unshare-all", "--die-with-parent", "--new-session"),
            *("--cap-drop", "ALL", "--clearenv"),
            *(word for item in variables.items() for word in ("--setenv", *item)),
            *("--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"),
            *(word for path in shown for word in _bind(path)),
            *(word for path in _within(hidden, shown) for word in ("--tmpfs", path)),
            *("--ro-bind", kit, KIT, "--bind", folder, folder, "--chdir", folder),
            *("--remount-ro", "/", sys.executable, *words),
        ]

    def path(self) -> list[str]:
        """Return what sys.path is to begin with in there."""
        return [KIT, *(_python_path() if self.how == "bubblewrap" else [])]

    def environment(self) -> dict[str, str] | None:
        """Return the environment of the program itself; None is the grader's own.

        Bubblewrap stays in there as the first process, and what it was started with can be read.
        """
        return {} if self.how == "bubblewrap" else None

    def end(self, name: str) -> None:
        """End a container: it lives on where only the program that started it is killed."""
        if self.how != "bubblewrap":
            subprocess.run([self.program, "rm", "--force", name], capture_output=True, check=False)


def find_isolation(how: Isolator | Literal["any"] = "any", image: str = "") -> Isolation:
    """Find what can shut an answer in, and try it.

    Parameters
    ----------
    how : str
        "bubblewrap", "docker", "podman"; or "any": the first of them that is installed.
    image : str
        For Docker and Podman: an image with Python, NumPy and SciPy.

    Returns
    -------
    Isolation

    Raises
    ------
    SettingError
        It is not installed, or does not work here, or there is no image.

    Examples
    --------
    >>> find_isolation("chroot")
    Traceback (most recent call last):
    nst_numpy.errors.SettingError: nst course: --isolate chroot is unknown: choose from \
bubblewrap, docker, podman
    """
    if how not in (*HOWS, "any"):
        hint = did_you_mean(how, HOWS) or f"choose from {', '.join(HOWS)}"
        raise SettingError(f"nst course: --isolate {how} is unknown: {hint}")
    wanted = HOWS if how == "any" else (how,)
    found = {name: path for name in wanted if (path := shutil.which(PROGRAMS[name]))}
    if not found:
        names = " nor ".join(PROGRAMS[name] for name in wanted)
        neither = "neither " if len(wanted) > 1 else "no "
        raise SettingError(
            f"nst course: --isolate finds {neither}{names} on this machine: install bubblewrap "
            "(apt-get install bubblewrap), or grade without --isolate"
        )
    name = next(iter(found))
    if name != "bubblewrap" and not image:
        raise SettingError(
            f"nst course: --isolate {name} needs an image with Python, NumPy and SciPy: "
            "name it with --image"
        )
    isolation = Isolation(name, found[name], image if name != "bubblewrap" else "")
    _try(isolation)
    return isolation


@contextlib.contextmanager
def make_kit() -> Iterator[str]:
    """Make a folder with the files that the process runs, and no other of nst_numpy."""
    with tempfile.TemporaryDirectory(prefix="nst-kit-") as folder:
        course = Path(folder, "nst_numpy", "course")
        course.mkdir(parents=True)
        for package in (course.parent, course):
            (package / "__init__.py").touch()
        for file in KIT_FILES:
            shutil.copy(HERE / file, course / file)
        for path in (Path(folder), course.parent, course):
            path.chmod(0o755)
        yield folder


def _try(isolation: Isolation) -> None:
    """Run an import of NumPy in there; it may be installed and yet not be allowed."""
    with make_kit() as kit, tempfile.TemporaryDirectory(prefix="nst-answer-") as folder:
        name = f"nst-{secrets.token_hex(6)}"
        words = ["-I", "-c", TRIAL, json.dumps(isolation.path())]
        variables = {"PATH": os.defpath}
        command = isolation.command(words, folder=folder, kit=kit, name=name, variables=variables)
        try:
            done = subprocess.run(
                command,
                env=isolation.environment(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=TRY_SECONDS,
                check=False,
            )
            said, worked = done.stderr.decode("utf-8", "replace"), done.returncode == 0
        except (OSError, subprocess.TimeoutExpired) as error:
            said, worked = str(error), False
            isolation.end(name)
    if not worked:
        last = " ".join((said.strip().splitlines() or ["it says nothing"])[-1].split())[:200]
        raise SettingError(
            f"nst course: {isolation.program} does not work here ({last}): "
            "mend that, or grade without --isolate"
        )


def _python_path() -> list[str]:
    """Where Python and installed packages are; not what else happens to be on sys.path."""
    known = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    known |= {*site.getsitepackages(), site.getusersitepackages()}
    roots = tuple(os.path.realpath(path) + os.sep for path in known if path)
    return [
        path
        for path in sys.path
        if path.endswith(".zip") or (path and f"{os.path.realpath(path)}{os.sep}".startswith(roots))
    ]


def _shown() -> list[str]:
    """Return the folders that Python needs, each once, those above first."""
    python = (sys.prefix, sys.base_prefix, os.path.realpath(sys.executable))
    paths = dict.fromkeys(
        p for p in (*SYSTEM, *SYSTEM_FILES, *python, *_python_path()) if os.path.lexists(p)
    )
    kept: list[str] = []
    for path in sorted(paths, key=len):
        if path != "/" and not any(path.startswith(f"{above}/") for above in kept):
            kept.append(path)
    return kept


def _within(hidden: Iterable[str], shown: list[str]) -> list[str]:
    """Of the folders that must not be seen, those that would be: the outermost."""
    kept: list[str] = []
    for path in sorted({os.path.realpath(path) for path in hidden}, key=len):
        above = [*kept, *(os.path.realpath(place) for place in shown)]
        inside = [place for place in above if path.startswith(f"{place}/")]
        if inside and not any(place in kept for place in inside):
            kept.append(path)
    return kept


def _bind(path: str) -> list[str]:
    if os.path.islink(path) and Path(path).parent == Path("/"):  # /bin is /usr/bin, mostly
        return ["--symlink", os.readlink(path), path]
    return ["--ro-bind", path, path]
