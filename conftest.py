"""What tests and examples share: no file of ours reaches the home of who runs them."""

import os

# of those that run side by side each has a core
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from importlib.util import find_spec
from tempfile import TemporaryDirectory

import matplotlib
import pytest

# what a file needs that no test asks for
collect_ignore = [
    f"nst_numpy/measure/{name}_rival.py" for name in ("torch", "jax") if find_spec(name) is None
]


@pytest.fixture(autouse=True, scope="session")
def cache_of_the_tests():
    """Give the tests, and the processes that they start, a cache folder of their own."""
    with pytest.MonkeyPatch.context() as patch, TemporaryDirectory() as folder:
        # matplotlib would look through all fonts again in a folder that is new
        patch.setitem(os.environ, "MPLCONFIGDIR", matplotlib.get_cachedir())
        patch.setitem(os.environ, "XDG_CACHE_HOME", folder)
        yield
