"""LICENCES.md names every file that is no text of our own, and no file that is not there."""

import csv
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "LICENCES.md").read_text(encoding="utf-8")
FOLDERS = ("benchmarks", "docs", "nst_numpy", "tests", "tutorials", "weights")
# Our own by their kind. A style sheet, script or font would be named one by one.
OWN_KINDS = {".cff", ".csv", ".html", ".json", ".md", ".py", ".toml", ".tsv", ".typed"}
OWN = {
    "docs/_static/annotated.css", "docs/_static/favicon.svg", "docs/_static/site.css",
    "nst_numpy/live/templates/page.css", "nst_numpy/live/templates/page.js",
    "nst_numpy/report/templates/common.css", "nst_numpy/report/templates/explore_net.js",
    "nst_numpy/report/templates/explore_page.js", "nst_numpy/report/templates/source.css",
    "nst_numpy/report/templates/source.js",
}  # fmt: skip
# The text of a licence; photographs, each with its row in a table beside them; the fuzzer's files.
OTHERWISE = (
    r"nst_numpy/signals/recordings/LICENSE-imageio\.txt",
    r"nst_numpy/pictures/files/photos/[\w-]+\.jpg",
    r"tests/fuzz/(corpus|found)/.+",
    r"docs/_build/.+",
)


def is_hidden(path):
    return any(part.startswith(".") or part == "__pycache__" for part in path.parts)


def files():
    """List the files whose origin LICENCES.md must tell."""
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("*"):
            place = path.relative_to(ROOT)
            name = place.as_posix()
            other = name in OWN or any(re.fullmatch(each, name) for each in OTHERWISE)
            if path.is_file() and not (is_hidden(place) or path.suffix in OWN_KINDS or other):
                yield name


def section(start):
    """Return the part of the text under the heading that begins so."""
    (part,) = [part for part in re.split(r"^##+ ", TEXT, flags=re.M) if part.startswith(start)]
    return part


# for each section: where its files are, and the column of its table that names them
PLACES = {
    "Weights": ("", None),
    "Pictures\n": ("nst_numpy/pictures/files/", 1),
    "Recordings": ("nst_numpy/signals/recordings/", 1),
    "Pictures in the documentation": ("docs/pictures/", 2),
    "Pictures of the assignments": ("tutorials/assignments/", 2),
}


def named():
    """List the files that LICENCES.md names."""
    for start, (folder, column) in PLACES.items():
        text = section(start)
        if column is not None:
            rows = [line for line in text.splitlines() if line.startswith("|")]
            text = "\n".join(row.split("|")[column] for row in rows)
        for name in re.findall(r"`([\w./-]+\.\w+)`", text):
            yield folder + name


def test_every_file_is_named_and_every_name_is_a_file():
    found, listed = list(files()), list(named())
    assert sorted(found) == sorted(set(listed))
    assert len(listed) > 60


@pytest.mark.parametrize(
    ("folder", "suffix"),
    [("pictures/files", ".jpg"), ("pictures/files/photos", ".jpg"), ("signals/recordings", ".npz")],
)
def test_every_table_says_source_author_and_licence(folder, suffix):
    place = ROOT / "nst_numpy" / folder
    with open(place / "LICENCES.tsv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    assert rows
    for row in rows:
        assert (place / row["file"]).suffix == suffix
        assert row["author"]
        assert row["licence"]
        assert row["source"] or row.get("package path") or row.get("copy from")


def test_the_expression_of_the_package_names_each_licence():
    licences = {"MIT", "CC-BY-4.0", "CC0-1.0", "LicenseRef-Public-Domain", "BSD-2-Clause"}
    (line,) = re.findall(
        r"^license_expression = (.+)$", (ROOT / "setup.cfg").read_text(encoding="utf-8"), re.M
    )
    assert set(line.split(" AND ")) == licences | {"ODC-By-1.0"}
