"""What setup.cfg cannot say: the README as a package index shows it. All else stands there."""

import runpy
from pathlib import Path

from setuptools import setup

tool = Path(__file__).resolve().parent / "docs" / "tools" / "index_page.py"
setup(**runpy.run_path(str(tool))["index_metadata"]())
