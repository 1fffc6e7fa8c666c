"""What only Jupyter understands: cells made Python, and names that are there without an import.

It imports nothing of the package, because an isolated answer's process has no package.
"""

import builtins
import importlib
import re
import sys
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, Protocol

# Cell magics under which another language stands, or a file; what any other has below it is run.
OTHER_MAGICS = (
    *("!", "sx", "system", "script", "bash", "sh", "zsh", "cmd", "powershell", "shell"),
    *("writefile", "file", "html", "HTML", "javascript", "js", "latex", "markdown", "svg", "SVG"),
    *("css", "perl", "ruby", "R", "julia", "sql", "bigquery", "cython", "cpp", "fortran", "rust"),
    *("python2", "pypy", "octave", "matlab", "mermaid", "dot"),
)
CELL_MAGIC = re.compile(r"\s*%%(\w+|!).*\n?")
MAGIC = re.compile(r"%{1,2}[A-Za-z_]|!|\?|[%\w.*]+\?{1,2}\s*$")
TIMED = re.compile(r"%time\s+(?=\S)")  # one statement, and its time
RUN = re.compile(r"%run\s+(?:-\w\s+)*([\w./]+\.py)\b")
WRITES = re.compile(r"\s*%%(?:writefile|file)\s+((?:-a\s+)?[\w.]+\.py)\s*\n")
TARGET = re.compile(r"[\w., ]+(?:\[[^]]*\])?")  # files = !ls
# A bracket or text that is never closed ends here.
TOP_LEVEL = re.compile(r"(?:async )?def |class |import |from \w+ import |@\w")
_TOKEN = re.compile(
    r"""#.*|\"\"\"|'''|"(?:[^"\\]|\\.)*(?:"|\\?$)|'(?:[^'\\]|\\.)*(?:'|\\?$)|[][(){}]"""
)
_ENDS = {quote: re.compile(rf"(?:[^\\]|\\.)*?{quote}") for quote in ('"""', "'''", '"', "'")}
MOST_INPUTS = 100


def to_python(source: str) -> str:
    r"""Make a cell Python: what is for IPython alone becomes `pass`, and lines keep their numbers.

    A cell under %%time and the like is read without that line; one in another language is empty.
    A magic (%name, !command, name?) is one only where a statement begins.

    >>> to_python("%%time\nx = (7\n%n)\n!ls")
    '\nx = (7\n%n)\npass'
    """
    place = 0
    while magic := CELL_MAGIC.match(source, place):
        if file := WRITES.match(source, place):
            return _shell("run_cell_magic", "writefile", file[1], source[magic.end() :])
        if magic[1] in OTHER_MAGICS:
            return ""
        place = magic.end()
    lines = source[place:].split("\n")
    return "\n" * source.count("\n", 0, place) + "\n".join(plain for _, plain in _read(lines))


def statement_starts(lines: list[str]) -> list[bool]:
    """Say of each line whether a statement may begin there: not inside a text or a bracket.

    >>> statement_starts(["x = [1,", "2]", "s = '''", "y = 1", "'''", "z"])
    [True, False, True, False, False, True]
    """
    return [begins for begins, _ in _read(lines)]


def _read(lines: list[str]) -> Iterator[tuple[bool, str]]:
    """Yield of each line whether a statement may begin there, and the line as Python."""
    quote, depth, goes_on, in_magic = "", 0, False, False
    for line in lines:
        if depth and not quote and TOP_LEVEL.match(line):
            depth, goes_on = 0, False
        begins = not (quote or depth or goes_on or in_magic)
        plain = _plain(line) if begins else "" if in_magic else line
        yield begins, plain
        in_magic = (in_magic or (begins and plain is not line)) and line.endswith("\\")
        if not in_magic:
            quote, depth, goes_on = _after(plain, quote, depth)


def _shell(method: str, *words: str) -> str:
    return f"get_ipython().{method}({', '.join(map(repr, words))})"


def _after(line: str, quote: str, depth: int) -> tuple[str, int, bool]:
    """Return what is open after a line: a text's quote, brackets; and whether the next goes on."""
    place = 0
    if quote:
        end = _ENDS[quote].match(line)
        if end is None:
            return (quote if len(quote) == 3 or line.endswith("\\") else ""), depth, False
        place, quote = end.end(), ""
    while token := _TOKEN.search(line, place):
        word, place = token[0], token.end()
        if word in ('"""', "'''"):
            end = _ENDS[word].match(line, place)
            if end is None:
                return word, depth, False
            place = end.end()
        elif word[0] in "\"'" and (len(word) == 1 or word[-1] != word[0]):
            return (word[0] if line.endswith("\\") else ""), depth, False
        elif word in "([{":
            depth += 1
        elif word in ")]}":
            depth = max(depth - 1, 0)
        elif word[0] == "#":
            return "", depth, False
    return "", depth, line.endswith("\\")


def _plain(line: str) -> str:
    """Make a line Python where a statement begins; the same object if it is."""
    if not ("%" in line or "!" in line or "?" in line):
        return line
    body = line.lstrip()
    indent = line[: len(line) - len(body)]
    target, equals, value = body.partition("=")
    value = value.lstrip()
    if timed := TIMED.match(body):
        return indent + body[timed.end() :]
    if run := RUN.match(body):
        return indent + _shell("run_line_magic", "run", run[1])
    if MAGIC.match(body):
        return f"{indent}pass"
    if equals and TARGET.fullmatch(target.rstrip()) and MAGIC.match(value):
        timed = TIMED.match(value)
        return f"{indent}{target}= {value[timed.end() :] if timed else None}"
    return line


# ---- names, in the process that runs an answer


class Runs(Protocol):
    """What runs pieces of an answer."""

    def load_piece(self, name: str, first_line: int, source: str, seconds: float) -> None:
        """Run a piece."""

    def value_of(self, line: str) -> Any:
        """Run one line, and return its value if it has one."""


class Nothing:
    """It stands for whatever of Jupyter is not there, and takes all that is done to it."""

    def __getattr__(self, name: str) -> "Nothing":
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __call__(self, *things: Any, **options: Any) -> Any:
        """Return a function as it is, so that this is a decorator too."""
        one = len(things) == 1 and not options and callable(things[0])
        return things[0] if one else self

    def __enter__(self) -> "Nothing":
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __contains__(self, thing: object) -> bool:
        return False

    def __setitem__(self, key: object, value: object) -> None:
        pass

    def __getitem__(self, key: object) -> "Nothing":
        return self


class NoShell(Nothing):
    """What get_ipython() gives: it runs Python that a magic stands above, and no more.

    `jupyter nbconvert --to python` writes magics as its method calls.
    """

    def __init__(self, answer: Runs, seconds: float) -> None:
        self._answer, self._seconds = answer, seconds

    def run_cell_magic(self, name: str, line: str, cell: str) -> None:
        """Run the cell under %%time and the like; write the module under %%writefile."""
        if name in ("writefile", "file"):
            file = line.split()[-1]
            with open(file, "a" if line.startswith("-a ") else "w", encoding="utf-8") as target:
                target.write(cell if cell.endswith("\n") else cell + "\n")
            importlib.invalidate_caches()
            return
        self.run_cell(to_python(f"%%{name}\n{cell}").removeprefix("\n"), f"the cell under %%{name}")

    def run_line_magic(self, name: str, line: str, *more: object) -> Any:
        """Run the statement after %time, and a file after %run."""
        if name == "time":
            return self._answer.value_of(line)
        if name == "run":
            with open(line.strip(), encoding="utf-8-sig") as file:
                self.run_cell(file.read(), line.strip())
        return None

    def magic(self, text: str) -> Any:
        """Do as `run_line_magic`: its former name."""
        name, _, line = text.lstrip("% ").partition(" ")
        return self.run_line_magic(name, line)

    def run_cell(self, source: str, name: str = "a cell", **options: object) -> None:
        """Run a cell."""
        self._answer.load_piece(name, 1, to_python(source), self._seconds)

    def getoutput(self, *words: object, **options: object) -> list[str]:
        """Return what a command of the shell has printed: nothing."""
        return []


class NoJupyter:
    """A finder of modules: IPython is there, and does nothing, whatever is installed."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """Give a module of IPython that has every name."""
        if name.partition(".")[0] != "IPython":
            return None
        return ModuleSpec(name, self, is_package=True)  # type: ignore[arg-type]

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Make the module."""
        return _Empty(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Fill in what others ask of it."""
        vars(module).update(version_info=(9, 0, 0, ""), __version__="9.0.0")
        vars(module)["get_ipython"] = vars(builtins)["get_ipython"]
        if module.__name__ == "IPython.display":
            vars(module)["display"] = display


class _Empty(ModuleType):
    def __getattr__(self, name: str) -> Nothing:
        if name.startswith("__"):
            raise AttributeError(name)
        return Nothing()


def provide(shell: NoShell) -> None:
    """Put Jupyter's names where Python looks for them."""
    left = iter(range(MOST_INPUTS))

    def answered(prompt: object = "", /) -> str:
        print(prompt)
        if next(left, None) is None:  # a loop that waits for a word would wait for ever
            raise EOFError("nobody types anything while an answer is graded")
        return ""

    names = {"get_ipython": lambda: shell, "display": display, "input": answered}
    vars(builtins).update(names)
    if not any(isinstance(finder, NoJupyter) for finder in sys.meta_path):  # the fence is first
        sys.meta_path.insert(1, NoJupyter())


def display(*things: object, **options: object) -> None:
    """Print, as far as that shows anything."""
    for thing in things:
        print(thing)
