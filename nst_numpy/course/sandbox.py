"""The grader's side of the process that runs an answer: start it, call it, end it."""

import contextlib
import json
import os
import secrets
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import IO, Any, cast

from nst_numpy.course.isolation import Isolation, make_kit
from nst_numpy.course.plain import many_lines, one_line
from nst_numpy.course.wire import LARGEST_TEXT, ClosedError, Peer, write_back
from nst_numpy.course.worker import PATIENCE
from nst_numpy.errors import SettingError

SHOWN = 2000  # characters of an answer's prints that are kept
START_SECONDS = 60.0  # for Python and the libraries, before the answer's own time begins
GRACE = 2.0  # seconds between the alarm in the process and its end from outside
GLANCE = 1.0  # seconds from one look at the clock to the next: more are no time of the answer's
KEPT_VARIABLES = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
START = (
    "import sys, json; sys.path[{}] = json.loads(sys.argv[1]); "
    "from nst_numpy.course.worker import main; main()"
)
# Before START, where nst_numpy is whole: of it the process loads the four files that it runs, and
# not the grader, which takes as long as NumPy.
BARE = """
import sys, types
for name in "nst_numpy", "nst_numpy.course":
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = [sys.argv.pop()]
"""
PACKAGE = Path(__file__).resolve().parent.parent
REPORT = {"type": 100, "message": 1000, "sentence": 1000, "where": 300, "line": 200}  # characters


class AnswerStoppedError(BaseException):
    """The process with the answer is no longer there; the message says why.

    Not an Exception, for the reason given at `RemoteError`.
    """


class Sandbox(Peer):
    """A process that has loaded an answer and computes what it is asked to.

    Parameters
    ----------
    cells : iterable of (name, first line, source)
        The answer. Names and lines are for messages. If they have `modules` (see `beside.Cells`),
        these are copied into the folder that it runs in.
    seconds : float
        Of computing, for everything that the answer does: what the processor spends on it. While it
        computes, other programs may want the processor too, so `PATIENCE` times as many may pass.
    megabytes : int
        Address space that it may use.
    files : iterable of Path
        Copied into the folder that it runs in.
    libraries : iterable of str
        Modules to load before the fence closes.
    forbidden : iterable of Path
        Folders that it must not read.
    functions : iterable of str
        Functions of libraries that it must not call: "scipy.signal.correlate".
    isolation : Isolation, optional
        What the process is shut in, beside the fence.
    """

    largest_text = LARGEST_TEXT

    def __init__(
        self,
        cells: Iterable[tuple[str, int, str]],
        *,
        seconds: float = 10.0,
        megabytes: int = 1024,
        files: Iterable[Path] = (),
        libraries: Iterable[str] = ("numpy",),
        forbidden: Iterable[Path] = (),
        functions: Iterable[str] = (),
        isolation: Isolation | None = None,
    ) -> None:
        if os.name != "posix":
            raise SettingError("nst course: grading needs Linux or macOS (in a container, say)")
        self.seconds = seconds
        self.refused: list[str] = []
        self._kept, self._kept_size = bytearray(), 0
        self._keep_prints = self._begun = True
        self._isolation, self._name = isolation, f"nst-{secrets.token_hex(6)}"
        self._settings: dict[str, Any] = {
            "libraries": list(libraries),
            "megabytes": megabytes,
            "seconds": seconds,
            "forbidden": [str(path) for path in (PACKAGE, *forbidden)],
            "functions": list(functions),
        }
        self._cells = [list(cell) for cell in cells]
        self._process = self._start(files, getattr(cells, "modules", {}))
        results, self._printing, writer = (
            cast(IO[bytes], pipe)
            for pipe in (self._process.stdout, self._process.stderr, self._process.stdin)
        )
        super().__init__(results, writer, secrets.token_bytes(16))
        self._selector = selectors.DefaultSelector()
        for pipe in (self.reader, self._printing):
            os.set_blocking(pipe.fileno(), False)
            self._selector.register(pipe, selectors.EVENT_READ)
        self._waiting = bytearray()
        # for an answer that neither reads nor ends: nothing else would wake a blocked write
        longest = START_SECONDS + 2 * PATIENCE * seconds + 2 * GRACE
        self._closed = threading.Event()
        self._watchdog = threading.Thread(target=self._watch, args=(longest,), daemon=True)
        self._give(START_SECONDS)

    def open(self) -> list[str]:
        """Load the answer; return what went wrong in its cells, one sentence each."""
        self._watchdog.start()
        with contextlib.suppress(OSError):  # how it ended, `_ask` finds out
            self.writer.write(self.token)
        self._ask("<start>", self._settings)
        self._give(PATIENCE * self.seconds)
        told = self._ask("<load>", self._cells, self.seconds / 4)
        troubles = told if isinstance(told, list) else []
        self.begin()  # loading must not eat up the time of the task
        return [one_line(trouble) for trouble in troubles]

    def function(self, name: str) -> Callable[..., Any]:
        """Return a stand-in for a function of the answer."""
        return stand_in(name, partial(self.ask, name))

    def ask(self, name: str, /, *args: Any, **kwargs: Any) -> Any:
        """Call a function of the answer; return its result, and which arguments it changed."""
        seconds, self._begun = (self.seconds if self._begun else None), False
        self._ask("<clock>", seconds, max(self._time_left(), 0.01))
        return self._ask(name, *args, **kwargs)

    def replace(
        self, name: str, home: str, parameters: list[str] | None, ask: Callable[..., Any]
    ) -> None:
        """Put another function in the place of one of the answer's, wherever it is called.

        `ask` returns what `Sandbox.ask` does, `parameters` are the names of its arguments, and
        `home` is the module that the answer may have it from.
        """
        self._ask("<replace>", name, home, parameters, ask)

    def begin(self) -> None:
        """Let the time begin anew."""
        self._give(PATIENCE * self.seconds)
        self._begun = True

    def hide_prints(self) -> None:
        """From now on keep nothing of what the answer prints: it may be hidden input."""
        self._pump()
        self._keep_prints = False

    @property
    def prints(self) -> str:
        """What the answer printed before `hide_prints`, cut short."""
        self._pump()
        text = many_lines(bytes(self._kept).decode("utf-8", errors="replace"))
        cut = self._kept_size > len(self._kept)
        return text + f"\n… and {self._kept_size - len(self._kept):,} bytes more" if cut else text

    def close(self) -> None:
        """End the process, and all that it started, and remove its folder."""
        self._closed.set()
        self._kill()
        self._process.wait()
        self._selector.close()
        for pipe in (self.writer, self.reader, self._printing):
            with contextlib.suppress(OSError):
                pipe.close()
        self._folders.close()

    def __enter__(self) -> "Sandbox":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def note(self, head: dict[str, Any]) -> None:
        """Remember what the fence refused."""
        error, came = head.get("error"), head.get("refused")
        if error is not None:  # what a test is told of it has these keys, whatever was sent
            error = error if isinstance(error, dict) else {}
            head["error"] = {key: one_line(error.get(key, ""), n) for key, n in REPORT.items()}
        told = [one_line(what, 300) for what in came[:20]] if isinstance(came, list) else []
        if self._keep_prints:
            self.refused = told
        elif len(told) > len(self.refused):  # the words could spell a hidden input
            self.refused.append("do, in a hidden test, what is not allowed")

    def read(self, count: int) -> bytes:
        """Wait for so many bytes of a reply; meanwhile take in what is printed."""
        while len(self._waiting) < count:
            left = self._time_left() + GRACE
            if left <= 0:
                passed = f"{PATIENCE * self.seconds:g} seconds"
                raise AnswerStoppedError(
                    f"stopped after {passed}: is there a loop that never ends?"
                )
            for key, _ in self._selector.select(min(left, GLANCE / 2)):
                data = os.read(key.fd, 1 << 16)
                if key.fileobj is self._printing:
                    self._take(data)
                    if not data:
                        self._selector.unregister(self._printing)
                elif data:
                    self._waiting += data
                else:
                    raise ClosedError("the other side is gone")
        data, self._waiting = bytes(self._waiting[:count]), self._waiting[count:]
        return data

    def _give(self, seconds: float) -> None:
        """Let so many seconds pass from now on."""
        self._left, self._seen = seconds, time.monotonic()

    def _time_left(self) -> float:
        """Return how many of them are left; what passed while all stood still costs nothing.

        A grader that is stopped and goes on (Ctrl-Z, a computer that sleeps) has not waited.
        """
        now = time.monotonic()
        self._left -= min(now - self._seen, GLANCE)
        self._seen = now
        return self._left

    def _watch(self, longest: float) -> None:
        """End the process when so many seconds have passed, of those that did not stand still."""
        while longest > 0:
            begin = time.monotonic()
            if self._closed.wait(min(longest, GLANCE / 2)):
                return
            longest -= min(time.monotonic() - begin, GLANCE)
        self._kill()

    def _ask(self, name: str, /, *args: Any, **kwargs: Any) -> Any:
        try:
            return self.call(name, *args, **kwargs)
        except ClosedError as error:
            raise AnswerStoppedError(self._how_it_ended()) from error
        except ValueError as error:  # what the test sends is too large
            raise AnswerStoppedError(f"the answer cannot be called: {error}") from error
        except Exception as error:  # a WireError, or a frame of a shape that nobody expects
            # without its text: that could hold a hidden input
            raise AnswerStoppedError("what came back from the answer is no result") from error

    def _how_it_ended(self) -> str:
        try:
            code = self._process.wait(timeout=GRACE)
        except subprocess.TimeoutExpired:
            return "the answer closed the grader's pipe"
        if self._isolation and code > 128:  # as shells and containers tell of a signal
            code = 128 - code
        if code == -signal.SIGXCPU:  # a loop in which Python hears no alarm
            computed = f"{self.seconds:g} seconds of computing"
            return f"stopped after {computed}: is there a loop that never ends?"
        if code == -signal.SIGKILL:
            return "the process was killed: it took too much time or memory"
        if code < 0:
            return f"the process crashed{self._unless_hidden(f' ({_signal_name(-code)})')}"
        told = self._unless_hidden(f", with exit code {code}")
        return f"the answer ended the whole process{told}"

    def _unless_hidden(self, words: str) -> str:
        return words if self._keep_prints else ""

    def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        if self._isolation:
            self._isolation.end(self._name)

    def _start(self, files: Iterable[Path], modules: Mapping[str, Path]) -> subprocess.Popen[bytes]:
        """Start the process in a folder of its own, which stays until `close`."""
        with contextlib.ExitStack() as made:
            self._folder = tempfile.mkdtemp(prefix="nst-answer-")
            made.callback(_remove, self._folder)
            for place, module in modules.items():
                with contextlib.suppress(OSError, ValueError):  # then the import fails, and is told
                    target = Path(self._folder, *Path(place).parts)
                    target.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(module, target)
            for file in files:  # these last: nobody brings along another
                shutil.copy(file, self._folder)
            process = self._run(made.enter_context(make_kit()) if self._isolation else "")
            self._folders = made.pop_all()
        return process

    def _run(self, kit: str) -> subprocess.Popen[bytes]:
        environment = {
            **{key: os.environ[key] for key in KEPT_VARIABLES if key in os.environ},
            **{"HOME": self._folder, "TMPDIR": self._folder},
            **{"MPLCONFIGDIR": self._folder, "MPLBACKEND": "Agg"},
            **{"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"},
        }
        if self._isolation is None:
            path = [str(PACKAGE.parent), *(entry for entry in sys.path if entry)]
            words = [sys.executable, "-I", "-c", BARE + START.format(":"), json.dumps(path)]
            words += [str(PACKAGE / "course"), str(PACKAGE)]
        else:
            words = self._isolation.command(
                ["-I", "-c", START.format(":0"), json.dumps(self._isolation.path())],
                folder=self._folder,
                kit=kit,
                name=self._name,
                variables=environment,
                megabytes=self._settings["megabytes"],
                hidden=self._settings["forbidden"],
            )
        return subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            cwd=self._folder,
            env=environment if self._isolation is None else self._isolation.environment(),
            start_new_session=True,
        )

    def _pump(self) -> None:
        """Take in what is printed already, without waiting; of a storm, no more than 4 MB."""
        for _ in range(64):
            try:
                data = os.read(self._printing.fileno(), 1 << 16)
            except (OSError, ValueError):
                return
            if not data:
                return
            self._take(data)

    def _take(self, data: bytes) -> None:
        if self._keep_prints:
            self._kept_size += len(data)
            self._kept += data[: SHOWN - len(self._kept)]


def stand_in(name: str, ask: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that asks another process, and changes its arguments as that one does."""

    def call(*args: Any, **kwargs: Any) -> Any:
        result, changed = ask(*args, **kwargs)
        write_back(args, kwargs, changed)
        return result

    call.__name__ = call.__qualname__ = name
    return call


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _remove(folder: str) -> None:
    """Remove a folder, also where an answer has taken the permissions away."""
    with contextlib.suppress(OSError):
        os.chmod(folder, 0o700)
        for place, inner, _ in os.walk(folder):  # from above: what is listed is opened next
            for name in inner:
                if not os.path.islink(os.path.join(place, name)):
                    os.chmod(os.path.join(place, name), 0o700)
    shutil.rmtree(folder, ignore_errors=True)
