"""What many functions ask of a number at the door: whether it is one, and large enough.

Likewise of an array, and of what a function of somebody's own answers.
"""

import math
import operator
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from nst_numpy.common.arrays import Shape
from nst_numpy.errors import GradientError, NstError, SettingError, ShapeError, did_you_mean

LARGEST = 2**63 - 1  # what NumPy can count to


def is_whole(value: Any, least: int | None = 1) -> bool:
    """Whether a value is a whole number, of Python or NumPy, and at least `least`.

    A bool is none: who passes True has mistaken one argument for another.

    >>> import numpy as np
    >>> [is_whole(value) for value in (3, np.uint8(3), 0, 3.0, "3", True, np.True_, None)]
    [True, True, False, False, False, False, False, False]
    """
    try:
        number = operator.index(value)
    except TypeError:
        return False
    return not isinstance(value, (bool, np.bool_)) and (least is None or number >= least)


def check_count(who: str, name: str, value: Any) -> int:
    """Refuse what is not a whole number of at least 1; return it as Python's int.

    >>> check_count("fit", "epochs", 0)
    Traceback (most recent call last):
    nst_numpy.errors.SettingError: fit: epochs must be a whole number of at least 1, not 0
    """
    if not is_whole(value):
        raise SettingError(f"{who}: {name} must be a whole number of at least 1, not {value!r}")
    return operator.index(value)


def check_at_least(what: str, value: Any, least: int, unit: str = "") -> int:
    """Refuse what is no whole number, and what is less than `least`; return Python's int.

    >>> check_at_least("size", 8, 16, " pixels")
    Traceback (most recent call last):
    nst_numpy.errors.SettingError: size must be at least 16 pixels, not 8
    """
    if not is_whole(value, None):
        raise SettingError(f"{what} must be a whole number, not {value!r}")
    number = operator.index(value)
    if number < least:
        raise SettingError(f"{what} must be at least {least}{unit}, not {number}")
    if number > LARGEST:
        raise SettingError(
            f"{what} must be at most {LARGEST}{unit}: {math.log10(number):.0f} digits came"
        )
    return number


def read_count(text: str) -> int | None:
    """Read a whole number of at least 1 from what somebody has typed; None if it is none.

    One that NumPy cannot count to is none either.

    >>> [read_count(text) for text in ("12", "0", "1.5", "²", "9" * 400)]
    [12, None, None, None, None]
    """
    try:
        number = int(text)
    except ValueError:
        return None
    return number if 1 <= number <= LARGEST else None


def check_number(what: str, value: Any, *, zero: bool = True) -> float:
    """Refuse what is no finite number of at least 0, or above 0 if not `zero`; return Python's.

    A bool is none, and text that looks like a number is none either.

    >>> check_number("alpha", "0.5")
    Traceback (most recent call last):
    nst_numpy.errors.SettingError: alpha must be a finite number of at least 0, not '0.5'
    """
    number: Any = value.item() if getattr(value, "ndim", None) == 0 else value  # NumPy's
    real = isinstance(number, (int, float)) and not isinstance(number, bool)
    if not real or not 0 <= number < math.inf or (number == 0 and not zero):
        bound = "of at least 0" if zero else "above 0"
        raise SettingError(f"{what} must be a finite number {bound}, not {number!r}")
    checked: float = number
    return checked


def check_choice(
    what: str, value: Any, choices: Iterable[str], refuse: type[NstError] = SettingError
) -> None:
    """Refuse what is none of the names to choose from; a misspelt one is told which was meant.

    >>> check_choice("pool", "averg", ("avg", "max"))
    Traceback (most recent call last):
    nst_numpy.errors.SettingError: pool must be one of avg, max, not 'averg': did you mean avg?
    """
    names = list(choices)
    if not isinstance(value, str) or value not in names:
        hint = did_you_mean(value, names) if isinstance(value, str) else ""
        end = f": {hint}" if hint else ""
        raise refuse(f"{what} must be one of {', '.join(names)}, not {value!r}{end}")


def unwarned() -> np.errstate:
    """Let numbers become infinite or NaN without a warning, where a check afterwards names them."""
    return np.errstate(over="ignore", invalid="ignore")


def check_array(what: str, array: Any, shape: Shape) -> Any:
    """Refuse what is no array of real numbers, or not of that shape; one in parts is one too.

    >>> check_array("the gradient", 1.0, (2, 3))
    Traceback (most recent call last):
    nst_numpy.errors.ShapeError: the gradient must be an array of shape (2, 3), not float
    """
    given = getattr(array, "shape", type(array).__name__)
    if given != shape:
        raise ShapeError(f"{what} must be an array of shape {shape}, not {given}")
    if array.dtype.kind not in "fiu":
        raise ShapeError(f"{what} must hold real numbers, not {array.dtype}")
    return array


def kind_of(value: Any) -> str:
    """Say in words what a function returned.

    >>> [kind_of(value) for value in (None, 3.0, (1, 2, 3))]
    ['None', 'one float', 'a tuple of 3']
    """
    if isinstance(value, (tuple, list)):
        return f"a {type(value).__name__} of {len(value)}"
    return "None" if value is None else f"one {type(value).__name__}"


def check_answer(who: str, answer: Any, shape: Shape) -> tuple[float, Any]:
    """Refuse what is not a value and its gradient of that shape; return Python's number.

    Whether they are finite is left to who uses them.

    >>> check_answer("f", 3.0, (2,))
    Traceback (most recent call last):
    nst_numpy.errors.GradientError: f must return a value and its gradient, not one float
    >>> check_answer("f", (1j, np.zeros(2)), (2,))
    Traceback (most recent call last):
    nst_numpy.errors.GradientError: f must return a real number as its value, not 1j
    """
    if not isinstance(answer, (tuple, list)) or len(answer) != 2:
        raise GradientError(f"{who} must return a value and its gradient, not {kind_of(answer)}")
    value, grad = answer
    if isinstance(value, (np.generic, np.ndarray)) and value.ndim == 0:
        value = value.item()
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise GradientError(f"{who} must return a real number as its value, not {value!r}")
    try:
        value = float(value)
    except OverflowError:  # of a whole number of Python
        value = math.inf
    return value, check_array(f"{who}: the gradient", grad, shape)


def check_dtype(who: str, dtype: DTypeLike) -> np.dtype[Any]:
    """Refuse a dtype that networks do not compute in."""
    if np.dtype(dtype) not in (np.float32, np.float64):
        raise SettingError(f"{who}: dtype is {np.dtype(dtype)}: use float32 or float64")
    return np.dtype(dtype)
