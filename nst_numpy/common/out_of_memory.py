"""Is it memory that is missing? Libraries say so in many ways, and some do not say it at all."""

import errno
import mmap

SIGNS = ("cannot allocate memory", "failed to map segment", "can't start new thread")
ROOM = 40 << 20  # bytes that a library may want at once: BLAS 32 MB, HDF5 a kernel of a layer


def tells_of_memory(error: BaseException | None) -> bool:
    """Whether an error, or what it came from, means that there is no memory left.

    A library that cannot be loaded and a thread that has no place for its stack say it in
    their text only.

    >>> tells_of_memory(RuntimeError("can't start new thread")), tells_of_memory(OSError())
    (True, False)
    """
    if error is None:
        return False
    if isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM:
        return True
    text = str(error).lower()
    return any(sign in text for sign in SIGNS) or tells_of_memory(
        error.__cause__ or error.__context__
    )


def is_room_left(size: int = ROOM) -> bool:
    """Whether the process may have so many bytes more; they are not touched.

    >>> is_room_left()
    True
    """
    try:
        mmap.mmap(-1, size).close()
    except (OSError, MemoryError, ValueError, OverflowError):
        return False
    return True
