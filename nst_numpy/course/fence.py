"""The fence inside an answer's process: what it refuses, and what it notes.

Python tells an audit hook of what it is about to do: open a file, start a program, connect. The
hook raises where an answer has no business. What Python does without telling is taken away:
such functions are replaced, such modules cannot be imported.

It is a fence for accidents and temptations, not a wall: see docs/course.md. It imports nothing
of the package, because an isolated answer's process has no package.
"""

import os
import sys
from collections.abc import Callable, Iterable
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

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
# They write files, start programs or make interpreters, and raise no audit event. The last two
# are there from the start; who imports them anew wants the functions that are taken away below.
REFUSED_MODULES = frozenset(
    [
        *("_dbm", "_gdbm", "_posixshmem", "_tkinter", "readline"),
        *("_interpreters", "_xxsubinterpreters", "_testcapi", "_testinternalcapi"),
        *("posix", "_posixsubprocess"),
    ]
)
WRITE_FLAGS = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
# audit event: (what was tried, which of its arguments are paths, which are dir_fd)
FILE_EVENTS: dict[str, tuple[str, tuple[int, ...], tuple[int, ...]]] = {
    "os.remove": ("remove", (0,), (1,)),
    "os.rename": ("rename", (0, 1), (2, 3)),
    "os.mkdir": ("make the folder", (0,), (2,)),
    "os.rmdir": ("remove the folder", (0,), (1,)),
    "os.link": ("link", (0, 1), (2, 3)),
    "os.truncate": ("cut off", (0,), ()),
    "os.chmod": ("change the permissions of", (0,), (2,)),
    "os.chown": ("change the owner of", (0,), (3,)),
    "os.utime": ("change the time of", (0,), (3,)),
    "os.setxattr": ("change the attributes of", (0,), ()),
    "os.removexattr": ("change the attributes of", (0,), ()),
    "os.chflags": ("change the flags of", (0,), ()),
}
_PROCESS = "start or stop a process"
_PAST = "call the system past Python"
_LIMITS = "change its limits"
EVENTS = {
    **dict.fromkeys(("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn"), _PROCESS),
    **dict.fromkeys(("os.spawn", "os.fork", "os.forkpty", "pty.spawn"), _PROCESS),
    **dict.fromkeys(("os.kill", "os.killpg"), _PROCESS),
    **dict.fromkeys(("ctypes.dlsym", "ctypes.dlsym/handle", "ctypes.call_function"), _PAST),
    **dict.fromkeys(("ctypes.cdata", "ctypes.PyObj_FromPtr", "ctypes.string_at"), _PAST),
    **dict.fromkeys(("resource.setrlimit", "resource.prlimit"), _LIMITS),
}
PREFIXES = {
    "socket.": "use the network",
    "sqlite3.": "use a database",  # SQL writes files, and no event tells which
    "syslog.": "write to the system's log",
}
# Functions without an audit event, by module: they are replaced.
WITHOUT_EVENT = (
    (("os", "posix"), ("mknod", "mkfifo"), "make a device or a pipe"),
    (("os", "posix"), ("chroot", "unshare", "setns"), "change what the system shows it"),
    (("os", "posix"), ("pidfd_open",), _PROCESS),
    (("os", "posix"), ("setpriority", "sched_setaffinity", "sched_setscheduler"), _LIMITS),
    (("signal", "_signal"), ("pidfd_send_signal",), _PROCESS),
    (("_posixsubprocess",), ("fork_exec",), _PROCESS),
    (("subprocess",), ("_fork_exec",), _PROCESS),
)
MOST = 20  # notes
# Libraries that try such things by themselves, whoever calls them: refused, and not noted.
BY_THEMSELVES = ("platform", "uuid", "ctypes.util", "matplotlib.font_manager")


class Fence:
    """The audit hook, and the first finder of modules. `close` puts it up, for good.

    `functions` are such that an answer may not call, "scipy.signal.correlate"; their modules may be
    imported, and other libraries may call them.
    """

    __slots__ = ("folder", "forbidden", "functions", "refused")

    def __init__(self, folder: str, forbidden: list[str], functions: Iterable[str] = ()) -> None:
        self.folder = os.path.realpath(folder)
        self.forbidden = [os.path.realpath(path) for path in forbidden]
        self.functions: dict[str, list[str]] = {}
        for function in functions:
            module, _, name = function.rpartition(".")
            self.functions.setdefault(module, []).append(name)
        self.refused: list[str] = []

    def close(self) -> None:
        """Begin to refuse."""
        import _posixsubprocess  # noqa: F401, what is imported later is refused
        import shutil
        import signal  # noqa: F401
        import subprocess  # noqa: F401

        # It would open folders, and what is opened in an open folder cannot be told.
        shutil._use_fd_functions = False  # type: ignore[attr-defined]
        for modules, functions, what in WITHOUT_EVENT:
            for module in modules:
                for function in functions:
                    if hasattr(sys.modules.get(module), function):
                        setattr(sys.modules[module], function, self._refusal(what))
        for name in self.functions.keys() & sys.modules.keys():
            self.watch(sys.modules[name])
        sys.meta_path.insert(0, self)
        sys.addaudithook(self)

    def __call__(self, event: str, args: tuple[Any, ...]) -> None:
        """Refuse, by raising, what is not allowed."""
        if event == "open":
            self._check_open(*args)
        elif event == "import":
            self._check_import(*args)
        elif event in FILE_EVENTS:
            self._check_paths(event, args)
        elif event in EVENTS:
            self._refuse(EVENTS[event], PermissionError)
        elif event == "os.symlink":  # where it leads to may change later
            self._refuse(f"link {_text(args[1])}", PermissionError)
        elif event == "os.chdir" and self._real(args[0]) != self.folder:
            self._refuse(f"go to the folder {_text(args[0])}", PermissionError)
        elif event == "ctypes.dlopen" and args[0] is not None:
            self._refuse(_PAST, PermissionError)
        elif event != "socket.__new__":
            for prefix, what in PREFIXES.items():
                if event.startswith(prefix):
                    self._refuse(what, PermissionError)

    def find_spec(self, name: str, path: Any = None, target: object = None) -> ModuleSpec | None:
        """Refuse a library, as Python's import system asks; importlib has no audit event."""
        root = name.partition(".")[0]
        if root in REFUSED_LIBRARIES or root in REFUSED_MODULES:
            self._refuse(f"import {root}", ImportError)
        spec = PathFinder.find_spec(name, path) if name in self.functions else None
        if spec is not None and spec.loader is not None:
            spec.loader = _Watched(spec.loader, self.watch)  # type: ignore[assignment]
        return spec

    def watch(self, module: ModuleType) -> None:
        """Put stand-ins in the places of a module's functions that an answer may not call."""
        root = module.__name__.partition(".")[0]
        for name in self.functions[module.__name__]:
            function = getattr(module, name, None)
            if function is None:
                continue
            instead = self._instead(function, f"{module.__name__}.{name}")
            for other in [m for n, m in sys.modules.items() if n.partition(".")[0] == root]:
                places = [key for key, value in vars(other).items() if value is function]
                for key in places:
                    setattr(other, key, instead)

    def _instead(self, function: Callable[..., Any], name: str) -> Callable[..., Any]:
        root = name.partition(".")[0]

        def watched(*args: Any, **kwargs: Any) -> Any:
            caller = sys._getframe(1)
            of_answer = caller.f_code.co_filename.startswith(("<answer", self.folder + os.sep))
            own = str(caller.f_globals.get("__name__")).partition(".")[0] == root
            # NumPy's apply_along_axis has no such name in it: it was given the function.
            if of_answer or not own or watched.__name__ not in caller.f_code.co_names:
                self._refuse(f"call {name}", PermissionError)
            return function(*args, **kwargs)

        watched.__name__, watched.__doc__ = name.rpartition(".")[2], function.__doc__
        return watched

    def _check_import(self, name: Any, file: Any, *rest: object) -> None:
        self.find_spec(str(name))
        if file is not None and self._inside(file):  # a library of machine code
            self._refuse(_PAST, ImportError)

    def _check_open(self, path: Any, mode: Any, flags: Any) -> None:
        if isinstance(path, int):
            return
        writes = bool((flags or 0) & WRITE_FLAGS) or any(c in (mode or "") for c in "wax+")
        if writes and not self._inside(path):
            self._refuse(f"write to {_text(path)}", PermissionError)
        real = self._real(path)
        if any(real == root or real.startswith(root + os.sep) for root in self.forbidden):
            self._refuse("read nst_numpy's own files", PermissionError)
        if _of_another_process(real):
            self._refuse("read about another process", PermissionError)
        if os.path.isdir(real):  # of no use but as a dir_fd, of which no event tells
            self._refuse(f"open the folder {_text(path)}", PermissionError)

    def _check_paths(self, event: str, args: tuple[Any, ...]) -> None:
        what, places, folders = FILE_EVENTS[event]
        elsewhere = any(args[place] != -1 for place in folders if place < len(args))
        for place in places:
            if elsewhere or not self._inside(args[place]):
                self._refuse(f"{what} {_text(args[place])}", PermissionError)

    def _inside(self, path: Any) -> bool:
        real = self._real(path)
        return real in (self.folder, os.devnull) or real.startswith(self.folder + os.sep)

    def _real(self, path: Any) -> str:
        return "" if isinstance(path, int) else os.path.realpath(os.fsdecode(path))

    def _refusal(self, what: str) -> Any:
        def refused(*args: object, **kwargs: object) -> None:
            self._refuse(what, PermissionError)

        return refused

    def _refuse(self, what: str, error: type[Exception]) -> None:
        if what not in self.refused and len(self.refused) < MOST and not self._in_a_library():
            self.refused.append(what)
        raise error(f"the grader does not let an answer {what}")

    def _in_a_library(self) -> bool:
        """Whether a library tries this, as it is imported or by itself, and not the answer."""
        frame = sys._getframe(2)
        while frame is not None:
            file = frame.f_code.co_filename
            if file.startswith(("<answer", self.folder + os.sep)):
                return False
            imports = frame.f_code.co_name == "<module>"
            if os.path.isabs(file) and (
                imports or frame.f_globals.get("__name__") in BY_THEMSELVES
            ):
                return True
            frame = frame.f_back  # type: ignore[assignment]
        return False


class _Watched:
    """A loader that lets somebody have the module before all others."""

    def __init__(self, loader: Any, watch: Callable[[ModuleType], None]) -> None:
        self._loader, self._watch = loader, watch

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def exec_module(self, module: ModuleType) -> None:
        """Load the module."""
        self._loader.exec_module(module)
        self._watch(module)


def _of_another_process(real: str) -> bool:
    _, top, number, *_ = [*real.split(os.sep, 3), "", ""]
    return top == "proc" and number.isdigit() and int(number) != os.getpid()


def _text(path: Any) -> str:
    return f"the open file {path}" if isinstance(path, int) else os.fsdecode(path)
