"""What SECURITY.md promises of the source, looked for in the source."""

import ast
from pathlib import Path

import pytest

import nst_numpy

PACKAGE = Path(nst_numpy.__file__).parent
SOURCES = [path.relative_to(PACKAGE).as_posix() for path in sorted(PACKAGE.rglob("*.py"))]
NETWORK = {
    *("aiohttp", "asyncio", "ftplib", "http", "httpx", "imaplib", "poplib", "requests", "smtplib"),
    *("socket", "socketserver", "ssl", "telnetlib", "urllib", "urllib3", "webbrowser", "xmlrpc"),
}
# Where Python or another program is run, and what for.
RUNS_CODE = {
    "cli/__init__.py": "an empty program, so that Python forgets an interrupt",
    "course/grade.py": "an assignment's tests",
    "course/isolation.py": "bubblewrap, Docker or Podman",
    "course/sandbox.py": "the process of an answer",
    "course/worker.py": "the answer, in that process",
    "course/fence.py": "nothing: it names what it refuses",
    "measure/free_memory.py": "vm_stat of macOS, which says how much memory is free",
    "gradcheck/loading.py": "a file of functions that the command names",
    "gradcheck/zoo/mistakes.py": "layers of its own with mistakes in them",
}
# What speaks to a network, and to whom.
SPEAKS = {
    "cli/live.py": "the browser that is opened, and an address that is quoted",
    "live/server.py": "this machine alone, 127.0.0.1, while nst live runs",
}
CALLS = {"eval", "exec", "__import__"}
ATTRIBUTES = {"exec_module", "system", "popen", "Popen", "startfile"}


def finds(source):
    """List what in a program speaks to a network, or runs a program."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names = [alias.name for alias in node.names] + [getattr(node, "module", None) or ""]
            first = {name.partition(".")[0] for name in names}
            yield from (("network", name) for name in first & NETWORK)
            yield from (("code", name) for name in first & {"subprocess", "runpy", "pty"})
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if name in (CALLS if isinstance(node.func, ast.Name) else ATTRIBUTES):
                yield "code", name


def test_what_is_looked_for_is_found():
    source = (
        "import urllib.request as u\nfrom http import client\nimport runpy\neval(x)\nos.system(x)"
    )
    assert sorted(finds(source)) == [
        ("code", "eval"), ("code", "runpy"), ("code", "system"),
        ("network", "http"), ("network", "urllib"),
    ]  # fmt: skip


@pytest.mark.parametrize("source", SOURCES)
def test_no_network_and_no_code_is_run_but_where_it_is_said(source):
    found = set(finds((PACKAGE / source).read_text("utf-8")))
    assert source in SPEAKS or not [name for kind, name in found if kind == "network"]
    assert source in RUNS_CODE or not [name for kind, name in found if kind == "code"]


def test_no_exception_is_out_of_date():
    for source in {**RUNS_CODE, **SPEAKS}:
        assert list(finds((PACKAGE / source).read_text("utf-8"))), source
