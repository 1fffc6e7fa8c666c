"""What a system has not is not tested there."""

import os
import sys

import pytest

posix = pytest.mark.skipif(os.name != "posix", reason="Windows has other rules for this")
limited_memory = pytest.mark.skipif(sys.platform == "darwin", reason="macOS sets no such limit")
