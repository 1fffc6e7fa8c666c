"""The process that runs a student's answer. It sees no test and no solution, only arguments.

The grader starts it with `python -I`, sends the answer's cells, and then calls functions of
the answer over pipes. So there is no result here that could be forged, and no hidden test that
could be printed before it is used.

What an answer has no business with is refused: see fence.py. This file, fence.py, jupyter.py and
wire.py are all of nst_numpy that an isolated process is given.
"""

import __future__

import ast
import builtins
import importlib
import inspect
import linecache
import math
import os
import re
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType, FunctionType, ModuleType
from typing import Any

import numpy as np

from nst_numpy.course.fence import (  # also under their former place
    FILE_EVENTS,  # noqa: F401
    REFUSED_LIBRARIES,  # noqa: F401
    WRITE_FLAGS,  # noqa: F401
    Fence,
)
from nst_numpy.course.jupyter import NoShell, provide, statement_starts
from nst_numpy.course.wire import KINDS, LARGEST_TEXT, Peer, RemoteError, as_known, write_back

ANSWER = "answer"
TOGETHER = 3.5  # all statements may take so many times what one of them may
GOES_ON = re.compile(r"\s|#|(?:else|elif|except|finally)\b|[)\]}]")
LEAST = 0.05  # seconds, for a statement when nothing is left
AGAIN = 0.2  # seconds to the next alarm
TICKS = 10  # at least, of passing time
PATIENCE = 10  # so many seconds may pass for one of computing: others use the processor too
MOST_PIECES = 5_000  # of a piece that is not Python, to look for those that are
FAILED_IMPORT = re.compile(r"\b(ImportError|ModuleNotFoundError)\b")
TOP_LEVEL = ("def ", "class ", "import ", "from ", "@", "async def ")
CALL = "def call(*args, **kwargs):\n    return other(*args, **kwargs)\n"


class TimeUpError(BaseException):
    """The time for this task is over. Not an Exception, so that `except Exception` lets it by."""


class NotDefinedError(Exception):
    """The answer has no function of that name; the message says why, where it is known."""


class Answer(Peer):
    """The answer's end of the pipes."""

    largest_sent = LARGEST_TEXT
    reported = BaseException  # sys.exit is an answer's error like any other

    def __init__(self, reader: Any, writer: Any, token: bytes) -> None:
        super().__init__(reader, writer, token)
        self.module = ModuleType(ANSWER)
        self.fence: Fence | None = None
        self.sources: dict[str, tuple[str, int, list[str]]] = {}
        self.troubles: list[str] = []
        self.future = 0
        self.seconds = 1.0
        self.passing = 1.0
        self.left = 1.0
        self.folder = ""

    def extras(self) -> dict[str, Any]:
        """Send along what was refused, and have everything printed before the reply."""
        _flush()
        return {"refused": self.fence.refused if self.fence else []}

    def find(self, name: str) -> Callable[..., Any]:
        """Return one of this class's own commands, or a function of the answer."""
        if name in ("<start>", "<load>", "<clock>", "<replace>"):
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
        signal.signal(signal.SIGPROF, _time_up)
        signal.signal(signal.SIGALRM, _TICKS.one_less)
        self.fence = Fence(os.getcwd(), settings["forbidden"], settings["functions"])
        for name in [n for n in sys.modules if n.partition(".")[0] == "nst_numpy"]:
            del sys.modules[name]  # so that importing it anew meets the fence
        sys.path.insert(0, os.getcwd())
        sys.dont_write_bytecode = True
        if os.path.exists(f"{ANSWER}.py") or os.path.exists(ANSWER):  # a module of the student's
            self.module.__name__ = f"{ANSWER} itself"
        sys.modules[self.module.__name__] = self.module
        self.folder = os.getcwd() + os.sep
        self.fence.close()

    def load(self, cells: list[list[Any]], seconds: float) -> list[str]:
        """Run the answer, statement by statement: what breaks does not hinder the next one."""
        provide(NoShell(self, seconds))
        name = cells[0][0] if cells else ""
        if name.endswith(".py"):
            vars(self.module)["__file__"] = os.path.join(os.getcwd(), name)
        sys.argv = [name]
        self.left = TOGETHER * seconds
        for name, first_line, source in cells:
            self.load_piece(name, first_line, source, seconds)
        return self.troubles

    def load_piece(self, name: str, first_line: int, source: str, seconds: float) -> None:
        """Run a piece of the answer; of one that is not Python, the parts that are."""
        place = f"<{ANSWER} {len(self.sources)}>"
        lines = source.splitlines(keepends=True)
        self.sources[place] = (name, first_line, lines)
        linecache.cache[place] = (len(source), None, lines, place)  # for inspect.getsource
        try:
            statements = ast.parse(source, place).body
        except Exception as error:  # also of too deep an expression, or a null byte
            pieces = top_level_pieces(source)
            pieces = pieces if len(pieces) > 1 else statements_of(source)
            if isinstance(error, SyntaxError) and len(pieces) > 1:
                for start, piece in pieces:
                    self.load_piece(name, first_line + start, piece, seconds)
            else:
                self._trouble(error)
            return
        self.future |= _future_flags(statements)
        for statement in statements:
            try:
                body = ast.Module([statement], [])
                code = compile(body, place, "exec", self.future, dont_inherit=True)
                imports = isinstance(statement, (ast.Import, ast.ImportFrom))
                with self._clocked(*((3 * seconds, 0.8) if imports else (seconds, 0.5))):
                    exec(code, vars(self.module))
            except BaseException as error:
                self._trouble(error)

    def value_of(self, line: str) -> Any:
        """Run one line, and return its value if it has one."""
        try:
            code = compile(line, f"<{ANSWER}>", "eval")
        except SyntaxError:
            exec(compile(line, f"<{ANSWER}>", "exec"), vars(self.module))
            return None
        return eval(code, vars(self.module))

    @contextmanager
    def _clocked(self, seconds: float, part: float) -> Iterator[None]:
        """Let a statement take its time, but only a part of what is left for all of them."""
        allowed = max(min(seconds, part * self.left), LEAST)
        begin = time.process_time()
        try:
            with _alarm(allowed, PATIENCE * allowed):
                yield
        finally:
            self.left -= time.process_time() - begin

    def _trouble(self, error: BaseException) -> None:
        report = self.explain(error)
        where = f"{report['where']}: " if report["where"] else ""
        if len(self.troubles) < 100:
            self.troubles.append(where + report["sentence"])

    def clock(self, seconds: float | None, passing: float) -> None:
        """Say how long calls may compute, all together, and how much time may pass meanwhile.

        Without `seconds` they go on with what the calls before have left them.
        """
        self.seconds = self.seconds if seconds is None else seconds
        self.passing = passing

    def replace(
        self, name: str, home: str, parameters: list[str] | None, ask: Callable[..., Any]
    ) -> None:
        """Put the grader's function in the place of one of the answer's, wherever it is called.

        `home` is the module that it comes from, should the answer have imported that.
        """
        names = vars(self.module)
        own = names.get(name, vars(sys.modules.get(home, self.module)).get(name))
        reference = _reference(own, parameters, ask)
        if own is not None:
            names.update({key: reference for key, value in names.items() if value is own})
        names[name] = reference
        if isinstance(own, FunctionType):
            _redirect(own, reference)

    def timed(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Put the alarm around a function, and return with its result what it changed."""

        def call(*args: Any, **kwargs: Any) -> Any:
            given = {**{str(i): arg for i, arg in enumerate(args)}, **kwargs}
            before = {k: v.copy() for k, v in given.items() if isinstance(v, np.ndarray)}
            begin = time.process_time()
            try:
                with _alarm(self.seconds, self.passing):
                    result = _as_array(function(*args, **kwargs))
            finally:
                self.seconds -= time.process_time() - begin
            changed = {k: given[k] for k, old in before.items() if not _equal(given[k], old)}
            return result, changed

        return call

    def explain(self, error: BaseException) -> dict[str, Any]:
        """Say what went wrong and where, in the student's own lines."""
        where, line = self._where(error)
        kind = type(error).__name__
        message = _message(error)
        known = getattr(builtins, kind, None) is type(error) or "numpy" in type(error).__module__
        if isinstance(error, SyntaxError):
            sentence = f"{kind}: {error.msg}"
        elif isinstance(error, SystemExit):
            sentence = "the answer calls sys.exit"
        elif isinstance(error, TimeUpError):
            sentence = "still running when the time was up"
        else:
            sentence = f"{kind}: {message}" if message else kind
        failed = [trouble for trouble in self.troubles if FAILED_IMPORT.search(trouble)]
        if isinstance(error, NameError) and failed:  # more often than not it would have given it
            sentence += f" ({failed[0]})"
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
        if isinstance(error, SyntaxError) and str(error.filename).startswith(self.folder or "//"):
            return self._place_beside(str(error.filename), error.lineno or 1)
        for frame, lineno in reversed(list(traceback.walk_tb(error.__traceback__))):
            if frame.f_code.co_filename in self.sources:
                return self._place(frame.f_code.co_filename, lineno)
            if self.folder and frame.f_code.co_filename.startswith(self.folder):
                return self._place_beside(frame.f_code.co_filename, lineno)
        return "", ""

    def _place_beside(self, file: str, lineno: int) -> tuple[str, str]:
        """Return the place in a module that the answer brings along."""
        line = linecache.getline(file, lineno).strip()[:200]
        return f"{file.removeprefix(self.folder)}, line {lineno}", line

    def _place(self, place: str, lineno: int) -> tuple[str, str]:
        name, first, lines = self.sources[place]
        text = lines[lineno - 1].strip() if 0 < lineno <= len(lines) else ""
        return f"{name}, line {first + lineno - 1}", text[:200]


def _reference(
    own: Any, parameters: list[str] | None, ask: Callable[..., Any]
) -> Callable[..., Any]:
    """Return a function that asks the grader for its result; it is called as `own` was."""
    signature = inspect.signature(own) if isinstance(own, FunctionType) else None

    def reference(*args: Any, **kwargs: Any) -> Any:
        if signature and parameters is not None and set(kwargs) - set(parameters):
            bound = signature.bind(*args, **kwargs)  # the answer has its own names for them
            bound.apply_defaults()
            args, kwargs = bound.args, bound.kwargs
        try:
            result, changed = ask(*args, **kwargs)
        except RemoteError as error:
            raise as_known(error.report) from None
        write_back(args, kwargs, changed)
        return result

    return reference


def _redirect(function: FunctionType, other: Callable[..., Any]) -> None:
    """Let a function call another one: whoever has kept it, in a table say, then does so too."""
    scope: dict[str, Any] = {}
    exec(CALL, scope)
    kept = f"<instead of {function.__name__}>"  # no name that an answer could have
    with suppress(ValueError):  # one that has a closure stays as it is
        function.__code__ = scope["call"].__code__.replace(co_names=(kept,))
        function.__defaults__ = function.__kwdefaults__ = None
        function.__globals__[kept] = other


def top_level_pieces(source: str) -> list[tuple[int, str]]:
    r"""Cut source before each function, class or import: a broken piece is then one of many.

    >>> top_level_pieces("import os\n@cache\ndef f(:\n  pass\n\ndef g(): pass")
    [(0, 'import os\n'), (1, '@cache\ndef f(:\n  pass\n\n'), (5, 'def g(): pass')]
    """
    lines = source.splitlines(keepends=True)
    starts = [
        number
        for number, line in enumerate(lines)
        if number and line.startswith(TOP_LEVEL) and not lines[number - 1].startswith("@")
    ]
    ends = [*starts, len(lines)]
    return [(a, "".join(lines[a:b])) for a, b in zip([0, *starts], ends, strict=True) if b > a]


def statements_of(source: str) -> list[tuple[int, str]]:
    r"""Cut source before each line that may begin a statement of its own.

    >>> statements_of("x = = 1\nif x:\n  y = 2\nelse:\n  y = 3\nz = (1,\n2)\n")
    [(0, 'x = = 1\n'), (1, 'if x:\n  y = 2\nelse:\n  y = 3\n'), (5, 'z = (1,\n2)\n')]
    """
    lines = source.splitlines(keepends=True)
    if len(lines) > MOST_PIECES:
        return [(0, source)]
    begins = statement_starts([line.rstrip("\r\n") for line in lines])
    starts = [
        number
        for number, line in enumerate(lines)
        if number and begins[number] and line.strip() and not GOES_ON.match(line)
        and not lines[number - 1].startswith("@")
    ]  # fmt: skip
    ends = [*starts, len(lines)]
    return [(a, "".join(lines[a:b])) for a, b in zip([0, *starts], ends, strict=True) if b > a]


def _message(error: BaseException) -> str:
    try:
        return str(error)[:500]
    except Exception:  # an exception of the answer's own may have any __str__
        return ""


def _future_flags(statements: list[ast.stmt]) -> int:
    """Return what `from __future__ import …` asks of the compiler, for all statements."""
    features = [
        getattr(__future__, alias.name, None)
        for node in statements
        if isinstance(node, ast.ImportFrom) and node.module == "__future__"
        for alias in node.names
    ]
    return sum({feature.compiler_flag for feature in features if feature is not None})


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

    memory = megabytes << 20
    processor = math.ceil(time.process_time() + 2 * seconds) + 2
    for kind, limit in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, processor),
        (resource.RLIMIT_FSIZE, 50 << 20),
        (resource.RLIMIT_CORE, 0),
    ):
        # a second after the signal that tells of it, the process is killed
        hard = limit + 1 if kind == resource.RLIMIT_CPU else limit
        try:
            resource.setrlimit(kind, (limit, hard))
        except (OSError, ValueError):
            continue  # macOS knows no limit of address space


@contextmanager
def _alarm(seconds: float, passing: float) -> Iterator[None]:
    """Ring when so much has been computed here, or when so much time has passed."""
    # The interval makes it ring again, should a bare `except:` have swallowed it.
    signal.setitimer(signal.ITIMER_PROF, max(seconds, 0.01), AGAIN)
    _TICKS.begin(max(passing, 0.01))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)


class _Ticks:
    """Passing time, a tick at a time: while the process is stopped (Ctrl-Z) there is but one."""

    left = 0

    def begin(self, passing: float) -> None:
        """Ring when so many seconds have passed."""
        self.left = max(TICKS, math.ceil(passing))
        signal.setitimer(signal.ITIMER_REAL, passing / self.left, passing / self.left)

    def one_less(self, number: int, frame: FrameType | None) -> None:
        """Take a tick away; ring after the last."""
        self.left -= 1
        if self.left == 0:
            signal.setitimer(signal.ITIMER_REAL, AGAIN, AGAIN)
        if self.left <= 0:
            raise TimeUpError


_TICKS = _Ticks()


def _time_up(number: int, frame: FrameType | None) -> None:
    raise TimeUpError


def _as_array(result: Any) -> Any:
    """Return as a plain array what NumPy takes for one, as a test beside the answer would."""
    if type(result) is np.ndarray or not hasattr(type(result), "__array__"):
        return result
    try:
        array = np.asarray(result)
    except Exception:  # what an answer has written may raise anything
        return result
    plain = isinstance(result, np.generic) or array.dtype.kind not in KINDS
    return result if plain else array


def _equal(a: np.ndarray, b: np.ndarray) -> bool:
    return a.shape == b.shape and np.array_equal(a, b, equal_nan=a.dtype.kind in "fc")


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            continue
