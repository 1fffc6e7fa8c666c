"""All that CI does, one command each: `nox -l` lists them."""

import re
import shutil
from pathlib import Path

import nox

nox.options.default_venv_backend = "venv"
nox.options.sessions = ["demo", "tests", "notebooks", "docs", "course", "lint", "types", "imports"]
README = Path("README.md").read_text(encoding="utf-8")


def readme_command(number: int) -> str:
    """Return the README's first or second command: the one-line `sh` blocks at its top."""
    return re.findall(r"```sh\n(.+?)\n```", README)[number]


def run_in_venv(session: nox.Session, command: str) -> None:
    """Run a line of shell with the session's environment first on the path."""
    session.run("bash", "-euo", "pipefail", "-c", command, external=True)


@nox.session
def demo(session: nox.Session) -> None:
    """Run the README's first command: install, and paint."""
    run_in_venv(session, readme_command(0))


@nox.session
def tests(session: nox.Session) -> None:
    """Run the README's second command: install for work, and test."""
    run_in_venv(session, readme_command(1))


@nox.session
def course(session: nox.Session) -> None:
    """Hand out and grade from an installed package; then nbgrader on all the notebooks."""
    session.install(".[test,course]")
    folder = session.create_tmp()
    with session.chdir(folder):
        shutil.rmtree("handout", ignore_errors=True)
        session.run("nst", "course", "release", "handout")
        session.run("nst", "course", "grade", "handout", "--out", "grades", "--quiet")
    session.run("pytest", "tests/course/in_nbgrader.py")


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and format."""
    session.install("ruff>=0.17,<0.18")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Check the package's type hints."""
    session.install("mypy>=2.4,<3", ".")
    session.run("mypy", "--config-file", "setup.cfg")


@nox.session
def imports(session: nox.Session) -> None:
    """Check that imports go downward only."""
    session.install("import-linter>=2.16,<3", "-e", ".")
    session.run("lint-imports", "--config", "setup.cfg")


@nox.session
def notebooks(session: nox.Session) -> None:
    """Run the tutorials as notebooks: all, or `-- 03` for one. `docs` takes their outputs."""
    session.install(".[docs]")
    session.run("python", "docs/tools/run_notebooks.py", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """Build the site into docs/_build/html; a warning is an error, and a dead link too.

    Tutorials run as in `notebooks`, but only those whose cells have no outputs yet.
    """
    session.install(".[docs]")
    session.run("python", "docs/tools/run_notebooks.py", "--missing")
    build = ("-b", "html", "-c", "docs", "-d", "docs/_build/doctrees", ".", "docs/_build/html")
    session.run("sphinx-build", "-q", "-W", "--keep-going", "-E", "-a", *build)
    session.run("python", "docs/tools/check_links.py")
    if shutil.which("chromium"):
        session.notify("site")


@nox.session
def site(session: nox.Session) -> None:
    """Open every page of the built site in Chromium, wide and narrow, and look for faults."""
    session.install("playwright>=1.50,<2")
    session.run("python", "docs/tools/browse.py")
