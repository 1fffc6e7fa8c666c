"""What the documentation points at is there, and its first commands are the ones that CI runs."""

import argparse
import ast
import doctest
import re
import runpy
import shlex
from fnmatch import fnmatchcase
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest
from PIL import Image

import nst_numpy
from nst_numpy.cli import COMMANDS
from nst_numpy.cli.parts.parser import command_parser

ROOT = Path(__file__).resolve().parent.parent
PAGES = [
    *ROOT.glob("*.md"),
    *(page for page in ROOT.glob("docs/**/*.md") if "_build" not in page.parts),
    *ROOT.glob("tutorials/*.md"),
    *ROOT.glob("tutorials/assignments/**/*.md"),
    *ROOT.glob("weights/*.md"),
    *ROOT.glob("tests/golden/*.md"),
]

IMAGE_DESCRIPTION = 0x010E  # a tag of EXIF
TUTORIALS = sorted(ROOT.glob("tutorials/[0-9][0-9]_*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_and_picture_is_there(page):
    targets = re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8"))
    for target in targets:
        if not re.match(r"https?://|#|mailto:", target):
            assert (page.parent / target.split("#")[0]).exists(), target


CELL = re.compile(r"```\{code-cell\}.*?\n(.*?)```", re.S)
OPTIONS = re.compile(r"---\n(.*?)\n---\n", re.S)


def alternative_texts(page):
    """Return the alternative text of each picture of a page: in its text, and made by its cells."""
    text = page.read_text(encoding="utf-8")
    cells = "".join(CELL.findall(text))
    folded = re.findall(r"^    alt: >-\n((?:      .+\n)+)", cells, flags=re.M)
    return re.findall(r"!\[(.*?)\]\(", CELL.sub("", text)) + [" ".join(t.split()) for t in folded]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_picture_has_a_text_that_says_what_is_to_be_seen(page):
    texts = alternative_texts(page)
    for text in texts:
        assert len(text.split()) >= 8, f"{page.name}: more of what is to be seen than: {text!r}"
        assert not re.search(r"\.(png|jpg|svg)\b", text), f"{page.name}: a file name in {text!r}"
    assert len(set(texts)) == len(texts), f"{page.name}: two pictures have one text"


PICTURE = re.compile(r"(\w+_figure|Image\.fromarray|nst\.transfer)\(|(figure|result)$")


@pytest.mark.parametrize("page", TUTORIALS, ids=lambda page: page.stem)
def test_a_cell_that_shows_a_picture_has_a_text(page):
    for cell in CELL.findall(page.read_text(encoding="utf-8")):
        code = OPTIONS.sub("", cell, count=1).replace("%matplotlib inline\n", "")
        last = ast.parse(code).body[-1]
        text = ast.unparse(last)
        shows = (isinstance(last, ast.Expr) and PICTURE.match(text)) or "show=True" in text
        assert bool(shows) == cell.startswith("---\nmystnb:\n  image:\n    alt:"), code


@pytest.mark.parametrize("page", TUTORIALS, ids=lambda page: page.stem)
def test_cells_are_short(page):
    for cell in CELL.findall(page.read_text(encoding="utf-8")):
        code = OPTIONS.sub("", cell, count=1).rstrip("\n").split("\n")
        assert len(code) <= 15, "\n".join(code)
        assert max(map(len, code)) <= 100, max(code, key=len)


NO_PROSE = re.compile(
    r"^---\n.*?^---\n|^```.*?^```|^\$\$.*?\$\$|^    .*?$|^#.*?$|^\|.*?$|<!--.*?-->"
    r"|`[^`\n]*`|\$[^$\n]+\$|!\[.*?\]|\]\(.*?\)",
    re.S | re.M,
)
FORMULA = re.compile(
    r"[α-ωΓΔΘΛΞΠΣΦΨΩ∂∇√∛‖⟨⟩∞½ᵀ²³⁴⁻₀-₉]|\b[A-Za-z]_[A-Za-z]|\{math\}|\\\(|\b[A-Za-z] [=<>≤≥] |\bJ\b"
)
WITH_FORMULAS = [
    *(page for page in PAGES if page.is_relative_to(ROOT / "docs")),
    *TUTORIALS,
]


@pytest.mark.parametrize("page", WITH_FORMULAS, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_formula_in_a_sentence_is_between_dollars(page):
    for line in NO_PROSE.sub("", page.read_text(encoding="utf-8")).split("\n"):
        assert not FORMULA.search(line), line


def test_the_readmes_first_two_commands():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    commands = re.findall(r"```sh\n(.+?)\n```", readme)
    assert commands[:2] == [
        "pip install . && nst demo",
        'pip install -e ".[test]" && pytest -n auto',
    ]


def test_the_readmes_python_compiles():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.+?)```", readme, flags=re.S)
    assert blocks
    for block in blocks:
        compile(block, "README.md", "exec")


def test_there_is_one_version():
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert re.findall(r"^version: (.+)$", citation, flags=re.M) == [nst_numpy.__version__]
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    released = re.findall(r"^## \[(\d.+?)\] - \d{4}-\d\d-\d\d$", changelog, flags=re.M)
    assert released[:1] in ([], [nst_numpy.__version__])


def sessions():
    """Return the names of the noxfile's sessions."""
    tree = ast.parse((ROOT / "noxfile.py").read_text(encoding="utf-8"))
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    return {f.name for f in functions if "nox.session" in map(ast.unparse, f.decorator_list)}


def test_the_table_of_sessions_has_each_of_them():
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    cells = re.findall(r"^\| (`.+?) \|", page, flags=re.M)
    assert sorted(quoted(" ".join(cells))) == sorted(sessions())


def test_the_workflow_runs_every_session_from_the_first_python_on():
    workflow = (ROOT / ".github/workflows/checks.yml").read_text(encoding="utf-8")
    named = " ".join(re.findall(r"sessions: \[?([a-z ]+)", workflow)).split()
    assert set(named) == sessions() - {"site"}  # `docs` starts that one
    (first,) = re.findall(r'python: \["([\d.]+)"', workflow)
    assert f"python_requires = >={first}\n" in (ROOT / "setup.cfg").read_text(encoding="utf-8")


def test_ci_runs_every_session_that_nox_does():
    rows = runpy.run_path(str(ROOT / ".ci/side_by_side.py"))["ROWS"]
    named = [name for row in rows for names in row for name in names.split()]
    assert sorted(named) == sorted(sessions() - {"newest", "site"})  # `docs` starts `site`


def equation_table():
    """Return the rows of the table of equations: number, …, functions, tests."""
    text = (ROOT / "docs/mathematics.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\(.+?\)) \|(.+)\|$", text, flags=re.M)
    return [(number, *(cell.strip() for cell in rest.split("|"))) for number, rest in rows]


def quoted(cell):
    return re.findall(r"`(.+?)`", cell)


@pytest.mark.parametrize("row", equation_table(), ids=lambda row: row[0])
def test_what_the_table_of_equations_names_is_there(row):
    *_, functions, tests = row
    assert quoted(functions)
    for name in quoted(functions):
        module, _, attribute = f"nst_numpy.{name}".rpartition(".")
        assert callable(getattr(import_module(module), attribute)), name
    for name in quoted(tests):
        file, _, test = name.partition("::")
        tree = ast.parse((ROOT / "tests" / file).read_text(encoding="utf-8"))
        assert test in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, name


def test_every_equation_is_written_out():
    text = (ROOT / "docs/mathematics.md").read_text(encoding="utf-8")
    listed = [number for number, *_ in equation_table() if "W" not in number]
    written = [f"({number})" for number in re.findall(r"\\tag\{(\d+)\}", text)]
    assert sorted(listed) == sorted(written)


ANNOTATE = runpy.run_path(str(ROOT / "docs/tools/annotate.py"))
SHOWN = [file for files in ANNOTATE["annotated_files"]().values() for file in files]


@pytest.mark.parametrize("row", equation_table(), ids=lambda row: row[0])
def test_each_equation_is_linked_to_a_line_of_a_function_in_its_row(row):
    number, *_, functions, _ = row
    places = set()
    for name in quoted(functions):
        module, _, attribute = f"nst_numpy.{name}".rpartition(".")
        home = getattr(import_module(module), attribute).__module__
        places.add(home.removeprefix("nst_numpy.").replace(".", "/") + ".py")
    marked = {
        file
        for file in places & set(SHOWN)
        for numbers in ANNOTATE["marked_lines"](read_module(file)).values()
        if number.strip("()") in numbers
    }
    assert marked, f"no line of {' or '.join(places)} ends in: # equation {number}"


def test_the_formulas_are_those_between_the_dollars():
    formulas = ANNOTATE["equations"]()
    assert {number for number, latex in formulas.items() if not latex} == {"W1", "W3", "W4"}
    assert not [latex for latex in formulas.values() if re.search(r"[$#]|\\tag", latex)]
    assert formulas["34"] == r"\eta = \frac{s^{\mathsf T} s}{s^{\mathsf T} y}"


def test_each_marked_line_is_shown_and_its_equation_is_in_the_table():
    for path in ANNOTATE["PACKAGE"].rglob("*.py"):
        file = path.relative_to(ANNOTATE["PACKAGE"]).as_posix()
        marked = ANNOTATE["marked_lines"](read_module(file))
        for number in {number for numbers in marked.values() for number in numbers}:
            assert number in ANNOTATE["equations"](), file
            assert SHOWN.count(file) == 1, file


@pytest.mark.parametrize("file", SHOWN)
def test_an_annotated_module_is_whole(file):
    lines = read_module(file).split("\n")
    rows = ANNOTATE["rows"]("\n".join(lines))
    shown = [number for row in rows for run in row.runs for number in run]
    assert shown == sorted(set(shown))
    prose = "\n".join(row.docstring + "\n".join(row.comments) for row in rows)
    for number, line in enumerate(lines, start=1):
        text = line.strip().strip('#"-r ')
        assert number in shown or text in prose or "# equation" in line, (number, line)


def read_module(file):
    return (ROOT / "nst_numpy" / file).read_text(encoding="utf-8")


def test_a_module_is_cut_at_definitions_comments_and_equations():
    source = (
        '"""Head."""\n\nA = 1\n\n\n# why\n@one\ndef f(x):\n    """Double.\n\n    Of x.\n    """\n'
        "    # (C,) -> (C,)\n    y = 2 * x  # equations (1), (W2)\n\n    return y\n"
    )
    head, f, y = ANNOTATE["rows"](source)
    assert (head.docstring, head.runs) == ("Head.", [[3]])
    assert (f.name, f.docstring, f.comments) == ("f", "Double.\n\nOf x.", ["why"])
    assert f.runs == [[7, 8]]
    assert (y.comments, y.equations, y.runs) == (["(C,) -> (C,)"], ["1", "W2"], [[14, 15, 16]])


def test_no_page_is_listed_twice():
    text = (ROOT / "docs/index.md").read_text(encoding="utf-8")
    lists = re.findall(r"```\{toctree\}\n(.+?)```", text, flags=re.S)
    pages = [line for block in lists for line in block.split("\n") if line[:1] not in ("", ":")]
    assert sorted(pages) == sorted(set(pages))


def test_every_page_is_on_the_map_once():
    text = (ROOT / "docs/map.md").read_text(encoding="utf-8")
    blocks = "\n".join(re.findall(r"```\{map-of-pages\}\n(.+?)```", text, flags=re.S))
    patterns = [line.split(" | ")[0] for line in blocks.split("\n") if line]
    for page in PAGES:
        name = page.relative_to(ROOT).with_suffix("").as_posix()
        if name not in ("README", "docs/index", "docs/map"):
            assert sum(fnmatchcase(name, pattern) for pattern in patterns) == 1, name


ROOMS = [
    *("", ".course", ".figures", ".gradcheck", ".layers", ".look", ".signals", ".sweeps", ".video"),
]


@pytest.mark.parametrize("room", [f"nst_numpy{name}" for name in ROOMS])
def test_every_public_name_is_in_the_api(room):
    pages = "".join(page.read_text("utf-8") for page in ROOT.glob("docs/api/*.md"))
    documented = set(re.findall(r"automodule:: (\S+)", pages))
    public = import_module(room)
    for name in public.__all__:
        value = getattr(public, name)
        home = value.__name__ if isinstance(value, ModuleType) else value.__module__
        below = any(module.startswith(f"{home}.") for module in documented)
        assert {home, room} & documented or below, name


@pytest.mark.parametrize("tool", ["draw_rooms.py", "draw_favicon.py"])
def test_the_drawn_pictures_are_those_of_the_code(tool):
    drawing = runpy.run_path(str(ROOT / "docs/tools" / tool))
    for path, picture in drawing["pictures"]().items():
        assert path.read_text(encoding="utf-8") == picture, f"run: python docs/tools/{tool}"


def commands():
    """Return every `nst` command in a page's sh blocks, as words."""
    for page in PAGES:
        for block in re.findall(r"```sh\n(.+?)```", page.read_text(encoding="utf-8"), flags=re.S):
            for line in block.replace("\\\n", " ").split("\n"):
                for part in line.split("&&"):
                    words = shlex.split(part, comments=True)
                    if words and re.match(r"NST_\w+=", words[0]):
                        words = words[1:]
                    if words[:1] == ["nst"]:
                        yield tuple(words[1:])


@pytest.mark.parametrize("words", sorted(set(commands())), ids=" ".join)
def test_every_command_in_a_page_is_one(words):
    assert words[0] in COMMANDS
    parser = argparse.ArgumentParser(allow_abbrev=False)
    import_module(f"nst_numpy.cli.{words[0]}").add_arguments(parser)
    parser.parse_args(words[1:])


HOWTO = sorted(ROOT.glob("docs/howto/*.md"))


@pytest.mark.parametrize("page", HOWTO, ids=lambda page: page.stem)
def test_the_python_of_the_how_to_pages_compiles(page):
    for block in re.findall(r"```python\n(.+?)```", page.read_text(encoding="utf-8"), flags=re.S):
        compile(block, page.name, "exec")


def test_the_page_about_networks_is_true():
    page = ROOT / "docs/networks.md"
    assert doctest.testfile(str(page), module_relative=False).failed == 0


GALLERY = runpy.run_path(str(ROOT / "docs/tools/paint_gallery.py"))["entries"]()


def test_the_gallery_is_whole():
    names = [name for name, _ in GALLERY]
    assert sorted(names) == sorted(path.name for path in ROOT.glob("docs/pictures/gallery/*"))
    assert len(names) >= 12


@pytest.mark.parametrize(("name", "words"), GALLERY, ids=[name for name, _ in GALLERY])
def test_a_picture_of_the_gallery_was_painted_by_the_command_below_it(name, words):
    """The file says which command painted it: the same, but for where it went."""
    args = command_parser(words[1]).parse_args(words[2:])
    assert (words[0], args.output) == ("nst", name)
    with Image.open(ROOT / "docs/pictures/gallery" / name) as picture:
        assert max(picture.size) == args.size
        painted_by = shlex.split(picture.getexif()[IMAGE_DESCRIPTION])
    there = f"docs/pictures/gallery/{name}"
    assert painted_by == [
        *(there if word == name else word for word in words), "--quality", "88", "--quiet"
    ]  # fmt: skip
