"""What a system has not is not tested there."""

import os
import sys

import pytest

# Seconds after which a test ends what hangs: on a busy machine a process may wait for minutes.
PATIENCE = 600

posix = pytest.mark.skipif(os.name != "posix", reason="Windows has other rules for this")
limited_memory = pytest.mark.skipif(sys.platform == "darwin", reason="macOS sets no such limit")
