"""All that CI does, one command each: `nox -l` lists them."""

import configparser
import os
import re
import shlex
import shutil
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import nox

nox.options.default_venv_backend = "venv"
# without "newest", for the newest Python: "tests" has the newest versions too
nox.options.sessions = [
    *("demo", "tests", "slow", "fuzz", "oldest", "package"),
    *("notebooks", "docs", "course", "lint", "types", "imports"),
]
README = Path("README.md").read_text(encoding="utf-8")
SETUP = configparser.ConfigParser()
SETUP.read("setup.cfg", encoding="utf-8")


def readme_command(number: int) -> str:
    """Return the README's first or second command: the one-line `sh` blocks at its top."""
    return re.findall(r"```sh\n(.+?)\n```", README)[number]


def run_in_venv(session: nox.Session, command: str) -> None:
    """Run a line of shell, commands joined by `&&`, with no shell: Windows may have none."""
    for part in command.split("&&"):
        session.run(*shlex.split(part))


def requirements(extra: str = "") -> list[str]:
    """Return what setup.cfg requires: `numpy>=1.26`, …; or what one of its extras does."""
    section = SETUP["options.extras_require"] if extra else SETUP["options"]
    return section[extra or "install_requires"].strip().split("\n")


def tool(name: str) -> str:
    """Return a tool of the extra `dev`, with the versions that setup.cfg allows."""
    return next(line for line in requirements("dev") if re.match(rf"{name}\b", line))


def oldest_version(line: str) -> str:
    """Turn `numpy>=1.26` or `numpy>=1.26,<3` into `numpy==1.26`; a condition stays as it is."""
    return re.fullmatch(r"([\w-]+)>=([\w.]+)(,[^;]*)?(;.*)?", line).expand(r"\1==\2\4")


@nox.session
def demo(session: nox.Session) -> None:
    """Run the README's first command: install, and paint."""
    run_in_venv(session, readme_command(0))


@nox.session
def tests(session: nox.Session) -> None:
    """Run the README's second command: install for work, and test."""
    run_in_venv(session, readme_command(1))


@nox.session
def slow(session: nox.Session) -> None:
    """Run what takes seconds each: runs stopped, killed, short of memory, in odd circumstances."""
    # the movies' other reader too, which the extra asks for on other machines
    session.install("-e", ".[test,video,live]", "imageio-ffmpeg", "playwright>=1.50,<2")
    session.run("pytest", "-m", "slow")
    # those of the extras `video` and `live` are skipped elsewhere
    session.run(
        "pytest",
        "tests/video/test_flow.py",
        "tests/video/test_movies.py",
        "tests/video/test_ffmpeg.py",
        "tests/live/test_server.py",
        "tests/cli/test_live.py",
    )


@nox.session
def fuzz(session: nox.Session) -> None:
    """Let a fuzzer look for bad files, one minute in all; `-- pictures 3600` for one reader."""
    session.install("-e", ".[test,fuzz]")
    reader, seconds = session.posargs or ("", "12")
    readers = [reader] if reader else ["weights", "networks", "pictures", "scans", "notebooks"]
    find = "import importlib.util; print(importlib.util.find_spec('atheris'))"
    if session.run("python", "-c", find, silent=True).strip() == "None":
        session.skip("atheris has no wheel for this system and Python")
    for each in readers:
        session.run("python", "-m", "tests.fuzz", each, "--seconds", seconds)


@nox.session
def oldest(session: nox.Session) -> None:
    """Pass the tests with the oldest versions that setup.cfg and pyproject.toml allow.

    Not those of the course: they start a process for each answer, and ask little of the versions.
    """
    minor = session.run("python", "-c", "import sys; print(sys.version_info.minor)", silent=True)
    if int(minor) > 11:
        session.skip("the oldest versions have no wheels for this Python: nox -P 3.11 -s oldest")
    build = nox.project.load_toml("pyproject.toml")["build-system"]["requires"]
    lines = [*requirements(), *requirements("test"), *build]
    session.install("wheel", *map(oldest_version, lines))
    session.install("--no-build-isolation", "--no-deps", "-e", ".")
    # an old release may use what a newer release of its own requirement calls deprecated
    without = "--ignore=tests/course"
    session.run("pytest", "-W", "ignore::DeprecationWarning", without, *session.posargs)


@nox.session
def newest(session: nox.Session) -> None:
    """Pass the tests with the newest versions, and with what Python warns of only if asked."""
    session.install("--upgrade", "--upgrade-strategy", "eager", "-e", ".[test]")
    session.run(
        *("python", "-X", "dev", "-X", "warn_default_encoding", "-m", "pytest"),
        *("-W", "ignore::EncodingWarning:matplotlib.font_manager"),
    )


@nox.session
def package(session: nox.Session) -> None:
    """Build sdist and wheel, and try both where there is no clone. `-- dist` keeps both."""
    session.install(tool("build"), tool("twine"))
    with TemporaryDirectory() as folder:
        dist = Path(folder, "dist")
        # the wheel is built from the sdist: what the sdist lacks, the wheel lacks too
        session.run("python", "-m", "build", "--outdir", str(dist))
        session.run("twine", "check", "--strict", *map(str, dist.iterdir()))
        (wheel,), (sdist,) = dist.glob("*.whl"), dist.glob("*.tar.gz")
        check_contents(session, wheel)
        try_sdist(session, sdist, Path(folder))
        try_wheel(session, wheel, Path(folder))
        for kept in session.posargs:
            shutil.copytree(dist, kept, dirs_exist_ok=True)


def check_contents(session: nox.Session, wheel: Path) -> None:
    """Compare the files of a wheel with those that the clone has for it."""
    places = SETUP["options"]["package_dir"].split("\n")
    folders = dict(reversed(place.split(" = ")) for place in places if place)
    listed = session.run("git", "ls-files", "-z", *folders, external=True, silent=True)
    expected = {
        f"{package.replace('.', '/')}{file.removeprefix(folder)}"
        for file in listed.strip("\0").split("\0")
        for folder, package in folders.items()
        if file.startswith(f"{folder}/")
    }
    with zipfile.ZipFile(wheel) as archive:
        found = {name for name in archive.namelist() if ".dist-info/" not in name}
    if found != expected:
        session.error(f"only in the clone or only in the wheel: {sorted(found ^ expected)}")


def try_sdist(session: nox.Session, sdist: Path, folder: Path) -> None:
    """Unpack a source distribution: it is the clone, and its tests run there."""
    shutil.unpack_archive(sdist, folder)
    root = folder / sdist.name.removesuffix(".tar.gz")
    made = ("PKG-INFO", "nst_numpy.egg-info/")
    files = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
    listed = session.run("git", "ls-files", "-z", external=True, silent=True).strip("\0")
    different = set(listed.split("\0")) ^ {name for name in files if not name.startswith(made)}
    if different:
        session.error(f"only in the clone or only in the sdist: {sorted(different)}")
    session.install(f"{root}[test]")
    with session.chdir(root):
        # those that read most of what is not in a wheel; all of them take minutes
        tests = ("docs", "packaging", "licences", "mirror", "golden")
        session.run("pytest", *(f"tests/test_{name}.py" for name in tests))


def try_wheel(session: nox.Session, wheel: Path, folder: Path) -> None:
    """Install a wheel in an environment in `folder`, and use it there."""
    place = folder / "Grüße aus 東京"
    session.run("python", "-m", "venv", str(place / "env"))
    programs = place / "env" / ("Scripts" if sys.platform == "win32" else "bin")
    python, nst = str(programs / "python"), str(programs / "nst")
    pytest = next(line for line in requirements("test") if line.startswith("pytest"))
    session.run(python, "-m", "pip", "install", str(wheel), pytest, external=True)
    test = shutil.copy("tests/test_circumstances.py", place)
    cache = {"XDG_CACHE_HOME": str(folder / "cache")}
    with session.chdir(place), read_only_packages(place / "env"):
        paint = "transfer chelsea starry_night -o painted.png --size 32 --iterations 2"
        for words in ("--help", "samples", "weights verify", paint, "course release handout"):
            session.run(nst, *words.split(), external=True, env=cache)
        # a copy, here: beside the clone's own tests it would find the clone's package
        alone = ("-p", "no:cacheprovider", "-W", "ignore::pytest.PytestUnknownMarkWarning")
        session.run(python, "-m", "pytest", "-q", "-rs", *alone, test, external=True)


@contextmanager
def read_only_packages(env: Path) -> Iterator[None]:
    """Lock the folders of an environment's packages, where the system has such a lock."""
    folders = [env, *(path for path in env.rglob("*") if path.is_dir() and not path.is_symlink())]
    try:
        for path in folders:
            path.chmod(0o555)
        yield
    finally:
        for path in folders:
            path.chmod(0o755)


@nox.session
def course(session: nox.Session) -> None:
    """Hand out and grade from an installed package; then nbgrader on all the notebooks."""
    session.install(".[test,course]")
    with TemporaryDirectory() as folder, session.chdir(folder):
        session.run("nst", "course", "release", "handout")
        session.run("nst", "course", "grade", "handout", "--out", "grades", "--quiet")
    session.run("pytest", "tests/course/in_nbgrader.py")
    install_bubblewrap(session)
    session.run("pytest", "-rs", "tests/course/test_isolation.py")


def install_bubblewrap(session: nox.Session) -> None:
    """Install what `nst course grade --isolate` needs, where that can be done without asking."""
    if shutil.which("bwrap"):
        return
    if not shutil.which("apt-get") or os.name != "posix" or os.getuid() != 0:
        session.log("bubblewrap is not installed: isolation is tested by its command line alone")
        return
    for words in (("update",), ("install", "--yes", "bubblewrap")):
        session.run("apt-get", *words, external=True, silent=True, success_codes=range(256))


@nox.session
def lint(session: nox.Session) -> None:
    """Run the hooks of .pre-commit-config.yaml on all files: style, format, schemas."""
    session.install(tool("pre-commit"))
    cache = str(session.cache_dir.resolve() / "pre-commit")
    hooks = ("pre-commit", "run", "--all-files", "--show-diff-on-failure", *session.posargs)
    session.run(*hooks, env={"PRE_COMMIT_HOME": cache})


@nox.session
def types(session: nox.Session) -> None:
    """Check the package's type hints, and what they say of programs that use it."""
    session.install(tool("mypy"), ".[test]")
    session.run("mypy", "--config-file", "setup.cfg")
    session.run("pytest", "tests/test_types.py")


@nox.session
def imports(session: nox.Session) -> None:
    """Check that imports go downward only."""
    session.install(tool("import-linter"))  # it reads the files, and imports nothing
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
