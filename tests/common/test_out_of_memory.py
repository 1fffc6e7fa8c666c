import errno

import numpy as np
import pytest

from nst_numpy.common.out_of_memory import is_room_left, tells_of_memory


def too_much():
    try:
        np.empty(2**57)
    except MemoryError as error:
        return error


def caused(error):
    outer = ValueError("something else")
    outer.__cause__ = error
    return outer


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        (too_much(), True),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), True),
        (ImportError("libx.so: failed to map segment from shared object"), True),
        (RuntimeError("can't start new thread"), True),
        (caused(caused(MemoryError())), True),
        (OSError(errno.ENOSPC, "No space left on device"), False),
        (caused(None), False),
        (None, False),
    ],
)
def test_whether_an_error_tells_of_memory(error, answer):
    assert tells_of_memory(error) is answer


def test_whether_room_is_left():
    assert is_room_left(1 << 20)
    assert not is_room_left(1 << 62)
