"""Errors that a user can act on.

Every message names the function, what came, what was expected, and the remedy.
The command line prints such an error as one line and ends with exit code 2.
"""

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(name: str, choices: Iterable[str], what: str = "") -> str:
    """Ask for the known names that are nearest to a misspelt one: at most three.

    Names that are written alike come first, then those that begin so. Capitals do not count, nor
    do dashes before an option.

    Parameters
    ----------
    name : str
    choices : iterable of str
    what : str
        Comes before the names: "the sample".

    Returns
    -------
    str
        Empty if there is nothing to suggest.

    Examples
    --------
    >>> did_you_mean("relu4_4", ["relu4_1", "relu4_2"])
    'did you mean relu4_2 or relu4_1?'
    >>> did_you_mean("tra", ["transfer", "trace", "layers"])
    'did you mean trace or transfer?'
    """
    known = {_bare(choice): choice for choice in reversed(list(choices))}
    bare = _bare(name)
    near = [bare] if bare in known else get_close_matches(bare, known, n=3, cutoff=0.6)
    near += [each for each in reversed(known) if bare and each.startswith(bare)]
    most = 1 if bare in known else 3
    names = " or ".join(known[each] for each in list(dict.fromkeys(near))[:most])
    return f"did you mean {what and what + ' '}{names}?" if names else ""


def _bare(name: str) -> str:
    return name.lstrip("-").lower()


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
        hint = did_you_mean(name, choices) or f"choose from {', '.join(choices)}"
        return cls(f"unknown {kind} {name!r}: {hint}")


class WeightsError(NstError, ValueError):
    """A weights file is missing, corrupt, or not of the network asked for."""


class ImageError(NstError, ValueError):
    """A picture cannot be read, or is not one."""


class UnknownPictureError(UnknownNameError, ImageError):
    """A picture is asked for by what is neither a file nor the name of a sample."""


class SignalError(NstError, ValueError):
    """A signal cannot be read, or has nothing in it that is looked for."""


class UnknownSignalError(UnknownNameError, SignalError):
    """A signal is asked for by what is neither a file nor the name of a sample."""


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
