"""The process that runs a student's answer. It sees no test and no solution, only arguments.

The grader starts it with `python -I`, sends the answer's cells, and then calls functions of
the answer over pipes. So there is no result here that could be forged, and no hidden test that
could be printed before it is used.

An audit hook refuses what an answer has no business with: writing outside the folder that the
process runs in, starting programs, the network, other libraries' layers. It is a fence for
accidents and temptations, not a wall: see docs/course.md.
"""

import builtins
import importlib
import linecache
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, ModuleType
from typing import Any

import numpy as np

from nst_numpy.course.wire import Peer

ANSWER = "answer"
REFUSED_LIBRARIES = frozenset(
    [
        "nst_numpy",
        "torch",
        "torchvision",
        "tensorflow",
        "keras",
        "jax",
        "jaxlib",
        "flax",
        "mxnet",
        "theano",
        "cupy",
        "numba",
        "autograd",
        "chainer",
        "caffe",
        "paddle",
        "onnxruntime",
        "tinygrad",
        "mygrad",
        "sklearn",
        "skimage",
        "cv2",
    ]
)
WRITE_FLAGS = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
# audit event: (what was tried, which of its arguments are paths)
FILE_EVENTS = {
    "os.remove": ("remove", (0,)),
    "os.rename": ("rename", (0, 1)),
    "os.mkdir": ("make the folder", (0,)),
    "os.rmdir": ("remove the folder", (0,)),
    "os.link": ("link", (0, 1)),
    "os.symlink": ("link", (1,)),
    "os.truncate": ("cut off", (0,)),
    "os.chmod": ("change the permissions of", (0,)),
    "os.chown": ("change the owner of", (0,)),
    "os.utime": ("change the time of", (0,)),
    "os.chdir": ("go to the folder", (0,)),
}
PROCESS_EVENTS = (
    *("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn"),
    *("os.fork", "os.forkpty", "os.kill", "os.killpg", "pty.spawn"),
)


class TimeUpError(BaseException):
    """The time for this task is over. Not an Exception, so that `except Exception` lets it by."""


class NotDefinedError(Exception):
    """The answer has no function of that name; the message says why, where it is known."""


class Fence:
    """The audit hook. It cannot be taken off again, only closed once."""

    def __init__(self, folder: str, forbidden: list[str]) -> None:
        self.folder = os.path.realpath(folder)
        self.forbidden = [os.path.realpath(path) for path in forbidden]
        self.refused: list[str] = []
        self.closed = False

    def __call__(self, event: str, args: tuple[Any, ...]) -> None:
        """Refuse, by raising, what is not allowed."""
        if not self.closed:
            return
        if event == "import":
            self.find_spec(str(args[0]))
        elif event == "open":
            self._check_open(*args)
        elif event in FILE_EVENTS:
            what, places = FILE_EVENTS[event]
            for place in places:
                if not self._inside(args[place]):
                    self._refuse(f"{what} {_text(args[place])}", PermissionError)
        elif event in PROCESS_EVENTS:
            self._refuse("start or stop a process", PermissionError)
        elif event == "ctypes.dlsym":
            self._refuse("call the system past Python", PermissionError)
        elif event.startswith("socket.") and event != "socket.__new__":
            self._refuse("use the network", PermissionError)

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        """Refuse a library, as Python's import system asks; importlib has no audit event."""
        root = name.partition(".")[0]
        if root in REFUSED_LIBRARIES:
            self._refuse(f"import {root}", ImportError)

    def _check_open(self, path: Any, mode: Any, flags: Any) -> None:
        writes = bool((flags or 0) & WRITE_FLAGS) or any(c in (mode or "") for c in "wax+")
        if isinstance(path, int):
            return
        if writes and not self._inside(path):
            self._refuse(f"write to {_text(path)}", PermissionError)
        real = os.path.realpath(os.fsdecode(path))
        if any(real == root or real.startswith(root + os.sep) for root in self.forbidden):
            self._refuse("read nst_numpy's own files", PermissionError)

    def _inside(self, path: Any) -> bool:
        if isinstance(path, int):
            return False
        real = os.path.realpath(os.fsdecode(path))
        return real in (self.folder, os.devnull) or real.startswith(self.folder + os.sep)

    def _refuse(self, what: str, error: type[Exception]) -> None:
        if what not in self.refused and len(self.refused) < 20:
            self.refused.append(what)
        raise error(f"the grader does not let an answer {what}")


class Answer(Peer):
    """The answer's end of the pipes."""

    reported = BaseException  # sys.exit is an answer's error like any other

    def __init__(self, reader: Any, writer: Any, token: bytes) -> None:
        super().__init__(reader, writer, token, explain=self.describe, find=self.lookup)
        self.module = ModuleType(ANSWER)
        self.fence: Fence | None = None
        self.sources: dict[str, tuple[str, int, list[str]]] = {}
        self.troubles: list[str] = []
        self.seconds = 1.0

    def extras(self) -> dict[str, Any]:
        """Send along what was refused, and have everything printed before the reply."""
        _flush()
        return {"refused": self.fence.refused if self.fence else []}

    def lookup(self, name: str) -> Callable[..., Any]:
        """Return one of this class's own commands, or a function of the answer."""
        if name in ("<start>", "<load>", "<clock>"):
            own: Callable[..., Any] = getattr(self, name.strip("<>"))
            return own
        function = vars(self.module).get(name)
        if callable(function):
            return self.timed(function)
        why = "".join(f"; {trouble}" for trouble in self.troubles[:3])
        raise NotDefinedError(f"{name} is not defined{why}")

    def start(self, settings: dict[str, Any]) -> None:
        """Load the libraries, set the limits, close the fence."""
        for name in settings["libraries"]:
            importlib.import_module(name)
        _set_limits(settings["megabytes"], settings["seconds"])
        signal.signal(signal.SIGALRM, _time_up)
        self.fence = Fence(os.getcwd(), settings["forbidden"])
        sys.addaudithook(self.fence)
        for name in [n for n in sys.modules if n.partition(".")[0] == "nst_numpy"]:
            del sys.modules[name]  # so that importing it anew meets the fence
        sys.path.insert(0, os.getcwd())
        sys.dont_write_bytecode = True
        sys.modules[ANSWER] = self.module
        sys.meta_path.insert(0, self.fence)
        self.fence.closed = True

    def load(self, cells: list[list[Any]], seconds: float) -> list[str]:
        """Run the answer cell by cell; what breaks in one does not hinder the others."""
        for name, first_line, source in cells:
            self._load_piece(name, first_line, source, seconds, split=True)
        return self.troubles

    def _load_piece(
        self, name: str, first_line: int, source: str, seconds: float, split: bool
    ) -> None:
        place = f"<{ANSWER} {len(self.sources)}>"
        lines = source.splitlines(keepends=True)
        self.sources[place] = (name, first_line, lines)
        linecache.cache[place] = (len(source), None, lines, place)  # for inspect.getsource
        try:
            code = compile(source, place, "exec", dont_inherit=True)
            with _alarm(seconds):
                exec(code, vars(self.module))
        except BaseException as error:
            pieces = top_level_pieces(source)
            if isinstance(error, SyntaxError) and split and len(pieces) > 1:
                for start, piece in pieces:
                    self._load_piece(name, first_line + start, piece, seconds, split=False)
                return
            report = self.describe(error)
            where = f"{report['where']}: " if report["where"] else ""
            self.troubles.append(where + report["sentence"])

    def clock(self, seconds: float) -> None:
        """Say how long each call may take from now on."""
        self.seconds = seconds

    def timed(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Put the alarm around a function, and return with its result what it changed."""

        def call(*args: Any, **kwargs: Any) -> Any:
            given = {**{str(i): arg for i, arg in enumerate(args)}, **kwargs}
            before = {k: v.copy() for k, v in given.items() if isinstance(v, np.ndarray)}
            with _alarm(self.seconds):
                result = function(*args, **kwargs)
            changed = {k: given[k] for k, old in before.items() if not _equal(given[k], old)}
            return result, changed

        return call

    def describe(self, error: BaseException) -> dict[str, Any]:
        """Say what went wrong and where, in the student's own lines."""
        where, line = self._where(error)
        kind = type(error).__name__
        message = str(error)[:500]
        known = getattr(builtins, kind, None) is type(error) or "numpy" in type(error).__module__
        if isinstance(error, SyntaxError):
            sentence = f"{kind}: {error.msg}"
        elif isinstance(error, SystemExit):
            sentence = "the answer calls sys.exit"
        elif isinstance(error, TimeUpError):
            sentence = "still running when the time was up"
        else:
            sentence = f"{kind}: {message}" if message else kind
        return {
            "type": kind if known or type(error).__module__ == __name__ else "an exception",
            "message": message,
            "sentence": sentence,
            "where": where,
            "line": line,
        }

    def _where(self, error: BaseException) -> tuple[str, str]:
        """Return "a1.py, line 12" and the text of that line: the last of the answer's own."""
        if isinstance(error, SyntaxError) and error.filename in self.sources:
            return self._place(error.filename, error.lineno or 1)
        for frame, lineno in reversed(list(traceback.walk_tb(error.__traceback__))):
            if frame.f_code.co_filename in self.sources:
                return self._place(frame.f_code.co_filename, lineno)
        return "", ""

    def _place(self, place: str, lineno: int) -> tuple[str, str]:
        name, first, lines = self.sources[place]
        text = lines[lineno - 1].strip() if 0 < lineno <= len(lines) else ""
        return f"{name}, line {first + lineno - 1}", text[:200]


def top_level_pieces(source: str) -> list[tuple[int, str]]:
    r"""Cut source before each function, class or import: a broken piece is then one of many.

    >>> top_level_pieces("import os\n@cache\ndef f(:\n  pass\n\ndef g(): pass")
    [(0, 'import os\n'), (1, '@cache\ndef f(:\n  pass\n\n'), (5, 'def g(): pass')]
    """
    pieces: list[tuple[int, str]] = []
    decorated = False
    for number, line in enumerate(source.splitlines(keepends=True)):
        starts = line.startswith(("def ", "class ", "import ", "from ", "@", "async def "))
        if not pieces or (starts and not decorated):
            pieces.append((number, ""))
        pieces[-1] = (pieces[-1][0], pieces[-1][1] + line)
        decorated = line.startswith("@")
    return pieces


def main() -> None:
    """Keep the pipes to the grader apart from what prints use, and serve."""
    reader = os.fdopen(os.dup(0), "rb")
    writer = os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)  # the grader reads prints from the error pipe
    sys.stdout = os.fdopen(1, "w", buffering=1, encoding="utf-8", errors="replace", closefd=False)
    Answer(reader, writer, reader.read(16)).serve()
    _flush()
    os._exit(0)  # no farewell from threads or exit functions of the answer


def _set_limits(megabytes: int, seconds: float) -> None:
    import resource

    memory, processor = megabytes << 20, 2 * int(seconds) + 2
    for kind, limit in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, processor),
        (resource.RLIMIT_FSIZE, 50 << 20),
        (resource.RLIMIT_CORE, 0),
    ):
        try:
            resource.setrlimit(kind, (limit, limit))
        except (OSError, ValueError):
            continue  # macOS knows no limit of address space


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    # The interval makes it ring again, should a bare `except:` have swallowed it.
    signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.01), 0.2)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _time_up(number: int, frame: FrameType | None) -> None:
    raise TimeUpError


def _equal(a: np.ndarray, b: np.ndarray) -> bool:
    return a.shape == b.shape and np.array_equal(a, b, equal_nan=a.dtype.kind in "fc")


def _text(path: Any) -> str:
    return f"the open file {path}" if isinstance(path, int) else os.fsdecode(path)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            continue
