import errno
import io

import pytest

from nst_numpy.cli.parts.program import _printed
from nst_numpy.common.streams import SteadyStream


@pytest.mark.parametrize("code", [0, 2, 130])
@pytest.mark.parametrize(
    ("error", "message"),
    [
        (None, ""),
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), ""),
        (OSError(errno.EINVAL, "Invalid argument"), ""),  # what Windows calls it
        (
            OSError(errno.ENOSPC, "No space left"),
            "nst: what is printed cannot be written (no space",
        ),
        (ValueError("I/O operation on closed file"), "nst: what is printed cannot be written (i/o"),
    ],
)
def test_only_a_reader_that_is_gone_is_no_error(capsys, error, message, code):
    out = SteadyStream(io.StringIO())
    out.error = error
    assert _printed(out, code) == (code if not message else code or 1)
    said = capsys.readouterr().err
    assert said.startswith(message)
    assert bool(said) == bool(message)
