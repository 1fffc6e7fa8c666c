"""Convert the tutorials to notebooks, run each, and keep the outputs for the site.

    python docs/tools/run_notebooks.py [--missing] [PREFIX …]

Notebooks with outputs go to docs/_build/notebooks/. The same outputs go into the cache that
the site's build reads, so that nothing is run twice. With --missing only those run whose
cells are not in the cache.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

import jupytext
import nbformat
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn, JupyterCacheAbstract
from myst_nb.core.read import myst_nb_reader_plugin
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "docs" / "_build"
TIMEOUT = 900  # seconds a cell, and for the start: for what hangs, not for what is slow


def main() -> None:
    """Run the tutorials whose names begin with one of the prefixes; all, if there are none."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--missing", action="store_true", help="only those not in the cache")
    parser.add_argument("prefixes", nargs="*", metavar="PREFIX", help="such as 03 (default: all)")
    args = parser.parse_args()
    pages = [
        page
        for page in sorted((ROOT / "tutorials").glob("[0-9][0-9]_*.md"))
        if not args.prefixes or page.name.startswith(tuple(args.prefixes))
    ]
    if not pages:
        sys.exit(f"no tutorial begins with {', '.join(args.prefixes)}")
    cache = get_cache(BUILD / "jupyter_cache")
    for page in pages:
        if args.missing and is_kept(cache, page):
            continue
        started = time.perf_counter()
        notebook = run(page)
        seconds = time.perf_counter() - started
        keep(cache, page, notebook, seconds)
        print(f"{page.name}: {seconds:.1f} s", flush=True)


def is_kept(cache: JupyterCacheAbstract, page: Path) -> bool:
    """Say whether the site's build will find the outputs of a page."""
    try:
        cache.match_cache_notebook(myst_nb_reader_plugin(str(page)))
    except KeyError:
        return False
    return True


def run(page: Path) -> nbformat.NotebookNode:
    """Convert a page, run it in an empty folder, and write the notebook with its outputs."""
    notebook = jupytext.read(page)
    with tempfile.TemporaryDirectory() as folder:
        resources = {"metadata": {"path": folder}}
        limits = {"timeout": TIMEOUT, "startup_timeout": TIMEOUT}
        NotebookClient(notebook, **limits, resources=resources).execute()
    for cell in pictures_without_text(notebook):
        sys.exit(f"{page.name}: this cell shows a picture, and has no mystnb: image: alt:\n{cell}")
    target = BUILD / "notebooks" / page.with_suffix(".ipynb").name
    target.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, target)
    return notebook


def pictures_without_text(notebook: nbformat.NotebookNode) -> list[str]:
    """Return the cells whose pictures say nothing to those who cannot see them."""
    return [
        cell.source
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if any(kind.startswith("image/") for kind in output.get("data", {}))
        and not cell.metadata.get("mystnb", {}).get("image", {}).get("alt")
    ]


def keep(
    cache: JupyterCacheAbstract, page: Path, notebook: nbformat.NotebookNode, seconds: float
) -> None:
    """Put the outputs into the cache, under the key that the site's build will look for."""
    as_site = myst_nb_reader_plugin(str(page))
    mine = [cell for cell in notebook.cells if cell.cell_type == "code"]
    theirs = [cell for cell in as_site.cells if cell.cell_type == "code"]
    for ours, cell in zip(mine, theirs, strict=True):
        if ours.source != cell.source:
            sys.exit(
                f"{page.name}: jupytext and MyST-NB read this cell differently:\n{cell.source}"
            )
        cell.outputs, cell.execution_count = ours.outputs, ours.execution_count
    bundle = CacheBundleIn(as_site, str(page), data={"execution_seconds": seconds})
    cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)


if __name__ == "__main__":
    main()
