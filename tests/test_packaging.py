"""What a package index is told: metadata, and a README that shows there."""

import configparser
import re
import runpy
from pathlib import Path

import nst_numpy

ROOT = Path(__file__).resolve().parent.parent
TOOL = runpy.run_path(str(ROOT / "docs" / "tools" / "index_page.py"))
README = (ROOT / "README.md").read_text(encoding="utf-8")
HOME = "https://example.org/us/nst"
ADDRESS = r"\]\(([^)\s]+)\)"


def setup_cfg():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    return setup


def test_with_an_address_every_picture_and_page_is_one_of_the_version():
    page = TOOL["index_page"](README, HOME, "1.2.3")
    before, after = re.findall(ADDRESS, README), re.findall(ADDRESS, page)
    assert len(after) == len(before) > 40
    for old, new in zip(before, after, strict=True):
        pictured = old.endswith((".jpg", ".png", ".svg"))
        kind = "raw" if pictured else "blob"
        assert new == (old if "://" in old else f"{HOME}/{kind}/v1.2.3/{old}")
    # nothing else has changed
    assert re.sub(ADDRESS, "", page) == re.sub(ADDRESS, "", README)


def test_without_one_nothing_leads_nowhere():
    page = TOOL["index_page"](README, "", "1.2.3")
    assert [target for target in re.findall(ADDRESS, page) if "://" not in target] == []
    assert "![" not in page
    assert "open `README.md`" in page.split("\n\n")[1]
    assert "More pictures" not in page
    for heading in ("## Use", "## Check a gradient", "## Read", "## Licence"):
        assert f"\n\n{heading}\n" in page
    assert "[LICENCES.md]" not in page
    assert "LICENCES.md" in page


def test_a_link_to_another_site_stays():
    page = TOOL["index_page"]("# A\n\nSee [it](https://a.org), [us](b.md), [up](#top).", "", "1")
    assert page.endswith("See [it](https://a.org), us, [up](#top).")


def test_the_index_is_told_of_no_address_that_nobody_gave():
    told = TOOL["index_metadata"](ROOT)
    repository = setup_cfg()["nst_numpy"]["repository"]
    assert bool(told["project_urls"]) is bool(repository)
    assert told["long_description"] == TOOL["index_page"](README, repository, nst_numpy.__version__)
    urls = TOOL["project_urls"](HOME, "1.2.3")
    assert list(urls) == ["Source", "Documentation", "Changelog", "Issues"]
    for url in urls.values():
        file = url.removeprefix(f"{HOME}/blob/v1.2.3/")
        assert url.startswith(HOME)
        assert file == url or (ROOT / file).exists()


def test_the_python_versions_are_those_that_are_tested():
    workflow = (ROOT / ".github/workflows/checks.yml").read_text(encoding="utf-8")
    (tested,) = re.findall(r"python: \[(.+)\]", workflow)
    named = re.findall(r"Python :: (3\.\d+)$", setup_cfg()["metadata"]["classifiers"], flags=re.M)
    assert named == re.findall(r'"([\d.]+)"', tested)


def test_the_files_of_licences_are_there():
    files = setup_cfg()["metadata"]["license_files"].split()
    assert "LICENSE" in files
    for name in files:
        assert (ROOT / name).is_file(), name
    # each table of licences, and each licence's text, goes along
    for folder in ("nst_numpy", "weights"):
        for path in (ROOT / folder).rglob("LICEN[CS]E*"):
            assert path.relative_to(ROOT).as_posix() in files
