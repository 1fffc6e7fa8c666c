"""Errors that a user can act on.

Every message names the function, what came, what was expected, and the remedy.
The command line prints such an error as one line and ends with exit code 2.
"""

from collections.abc import Iterable
from difflib import get_close_matches


class NstError(Exception):
    """The family: whatever nst_numpy raises on purpose is one of these."""


class ShapeError(NstError, ValueError):
    """An array has the wrong rank, size or dtype."""


class SettingError(NstError, ValueError):
    """A setting (alpha, size, stride, …) has a value that cannot work."""


class UnknownNameError(NstError, ValueError):
    """A layer or sample of that name does not exist."""

    @classmethod
    def of(cls, kind: str, name: str, choices: Iterable[str]) -> "UnknownNameError":
        """Make the error for a misspelt name, with the nearest known names.

        >>> print(UnknownNameError.of("layer", "relu4_4", ["relu4_1", "relu4_2"]))
        unknown layer 'relu4_4': did you mean relu4_2 or relu4_1?
        """
        choices = list(choices)
        near = get_close_matches(name, choices, n=3, cutoff=0.6)
        hint = f"did you mean {' or '.join(near)}?" if near else f"choose from {', '.join(choices)}"
        return cls(f"unknown {kind} {name!r}: {hint}")


class WeightsError(NstError, ValueError):
    """A weights file is missing, corrupt, or not of the network asked for."""


class ImageError(NstError, ValueError):
    """A picture cannot be read, or is not one."""


class SignalError(NstError, ValueError):
    """A signal cannot be read, or has nothing in it that is looked for."""


class OutputError(NstError, OSError):
    """A file cannot be written there; found before the work starts."""


class TooLargeError(NstError, MemoryError):
    """The run would need more memory than there is."""


class NonFiniteError(NstError, FloatingPointError):
    """A loss or gradient is NaN or infinite."""


class GradientError(NstError, AssertionError):
    """A gradient is wrong, or cannot be checked: see `gradcheck`."""


class CourseError(NstError, ValueError):
    """An assignment, or what was handed in for it, cannot be read."""
