"""How Sphinx builds the site; `nox -s docs` runs it.

The source folder is the repository's root, so that links between pages, tutorials and files
are the same here as on a code host. Nothing is fetched, neither now nor by the reader: MathJax
comes from an installed package.
"""

import sys
from importlib.metadata import distribution
from pathlib import Path

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
BUILD = DOCS / "_build"
sys.path.insert(0, str(DOCS / "tools"))

project = "nst_numpy"
author = "the nst_numpy developers"
copyright = "the nst_numpy developers, MIT licence"
version = release = distribution("nst_numpy").version
language = "en"
smartquotes = False  # G_kk' is a formula

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.mathjax",
    "sphinx.ext.napoleon",
    "plain_docstrings",
    "annotated_view",
    "map_of_pages",
    "notebook_downloads",
    "explore_frame",
]
root_doc = "docs/index"
include_patterns = [
    "docs/**",
    "tutorials/*.md",
    "tutorials/assignments/README.md",
    "tutorials/assignments/*/README.md",
    "weights/README.md",
    "tests/golden/README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENCES.md",
    "SECURITY.md",
]
exclude_patterns = ["docs/_build", "docs/tools", "build", "**/.*"]

# Pages are plain Markdown that a code host shows too.
myst_enable_extensions = ["amsmath", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 4

# `nox -s notebooks` runs the tutorials and fills this cache; what is not there runs now.
nb_execution_mode = "cache"
nb_execution_cache_path = str(BUILD / "jupyter_cache")
nb_execution_timeout = 300
nb_execution_raise_on_error = True
nb_merge_streams = True

default_role = "py:obj"
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the docstrings say more: shapes
autodoc_preserve_defaults = True
napoleon_google_docstring = False
# `gram, target : ndarray` is one entry with two names; a `:param:` has one, so none are made
napoleon_use_param = False
napoleon_use_rtype = False
napoleon_custom_sections = [("Attributes", "params_style")]
toc_object_entries_show_parents = "hide"

_mathjax = distribution("sphinx-mathjax-offline").locate_file("sphinx-mathjax-offline")
mathjax_path = "tex-svg.js"  # one file, no fonts
mathjax3_config = {"options": {"enableMenu": False}, "svg": {"fontCache": "local"}}

html_theme = "furo"
html_title = "nst_numpy"
html_favicon = "_static/favicon.svg"  # docs/tools/draw_favicon.py
html_static_path = ["_static", str(_mathjax / "static" / "mathjax" / mathjax_path)]
html_css_files = ["site.css"]
html_additional_pages = {"index": "redirect.html"}
templates_path = ["_templates"]
html_copy_source = False
html_show_sphinx = False

# the index of modules is wider than a phone; the API has its own pages
html_domain_indices = False
