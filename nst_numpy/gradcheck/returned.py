"""What backward returned, sorted by argument: one array, a tuple, a list or a dict of them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nst_numpy.gradcheck.diagnosis import Complaint, Diagnosis
from nst_numpy.gradcheck.nested import Leaf, holds_arrays, leaves


def sort_gradients(
    returned: Any, who: str, forms: Mapping[str, Any], names: Sequence[str], arrays: Sequence[str]
) -> dict[str, Any]:
    """Return what came for each array by the array's name: None where nothing came.

    Parameters
    ----------
    returned : object
        From backward.
    who : str
        backward's name, for sentences.
    forms : mapping
        Of all arguments, in order; see `nested`.
    names : sequence of str
        The arrays that are differentiated.
    arrays : sequence of str
        The arguments that are, or hold, arrays.

    Returns
    -------
    dict
        An array of `names` is not in it if it is in a dict or list of which backward returns no
        gradient, as it returns none of a setting.

    Raises
    ------
    Complaint
        It cannot be sorted.
    """
    wanted = [arg for arg, form in forms.items() if set(leaves(form)) & set(names)]
    if returned is None:
        raise Complaint(
            Diagnosis(
                "missing-gradient",
                f"{who} returns None: is there a return statement at its end? It should return "
                f"the gradients of {_listed(wanted)}.",
                1.0,
                names[0],
            )
        )
    if isinstance(returned, Mapping):
        values = _from_dict(returned, forms, wanted)
    else:
        values = _from_sequence(returned, who, forms, wanted, arrays)
    found: dict[str, Any] = {}
    for arg, value in values.items():
        _fill(forms[arg], value, found)
    return {name: found[name] for name in names if name in found}


def as_numbers(value: Any) -> NDArray[Any] | None:
    """Return an array of numbers, or None where that is impossible."""
    try:
        array = np.asarray(value)
    except (Exception, SystemExit):  # an object of the file's own may do anything here
        return None
    return array if array.dtype.kind in "biufc" else None


def describe(value: Any) -> str:
    """Say in a few words what a value is."""
    if isinstance(value, np.ndarray):
        return f"an array {value.shape} of {value.dtype}"
    if isinstance(value, (tuple, list)):
        return f"a {type(value).__name__} of {len(value)}"
    try:
        return "None" if value is None else f"{type(value).__name__} {value!r:.40}"
    except (Exception, SystemExit):
        return type(value).__name__


def _from_dict(
    returned: Mapping[Any, Any], forms: Mapping[str, Any], wanted: Sequence[str]
) -> dict[str, Any]:
    values = {}
    for arg in wanted:
        found = _named(returned, arg)
        if found is None and not isinstance(forms[arg], Leaf):
            keys = forms[arg] if isinstance(forms[arg], Mapping) else ()
            known = any(_named(returned, key) is not None for key in keys)
            # the gradient of this argument alone, or of all that it holds beside the others
            if not known and len(wanted) > 1:
                continue
            found = returned
        values[arg] = found
    return values


def _from_sequence(
    returned: Any, who: str, forms: Mapping[str, Any], wanted: Sequence[str], arrays: Sequence[str]
) -> dict[str, Any]:
    plain = [arg for arg in wanted if isinstance(forms[arg], Leaf)]
    if _is_one(returned, forms, wanted):
        returned = (returned,)
    if len(returned) == 1 and not _is_usable(returned[0]):
        raise Complaint(
            Diagnosis(
                "not-an-array",
                f"{who} returns {describe(returned[0])}: the gradients of {_listed(wanted)} are "
                "expected, one array each.",
                1.0,
                leaves(forms[wanted[0]])[0],
            )
        )
    for args in (wanted, plain, arrays, list(forms)):
        if args and len(returned) == len(args):
            return {arg: one for arg, one in zip(args, returned, strict=True) if arg in wanted}
    raise Complaint(
        Diagnosis(
            "count",
            f"{who} returns {len(returned)} gradient{'s' * (len(returned) != 1)}, but "
            f"{len(wanted)} {'is' if len(wanted) == 1 else 'are'} wanted, of {_listed(wanted)} in "
            "that order.",
            1.0,
            wanted[min(len(returned), len(wanted) - 1)],
            f"shapes returned: {', '.join(_shape(r) for r in returned) or 'none'}",
        )
    )


def _is_one(returned: Any, forms: Mapping[str, Any], wanted: Sequence[str]) -> bool:
    """Whether it is one gradient, and no sequence of them."""
    if not isinstance(returned, (tuple, list)):
        return True
    form = forms[wanted[0]]
    if len(wanted) > 1:
        return False
    if not isinstance(form, Leaf):
        return not isinstance(form, Mapping) and (
            len(returned) == len(form) and not (len(returned) == 1 and holds_arrays(returned[0]))
        )
    numbers = isinstance(returned, list) and as_numbers(returned) is not None
    return numbers and not (len(returned) == 1 and isinstance(returned[0], np.ndarray))


def _is_usable(value: Any) -> bool:
    return (
        value is None or as_numbers(value) is not None or isinstance(value, (Mapping, list, tuple))
    )


def _fill(form: Any, value: Any, found: dict[str, Any]) -> None:
    """Put a gradient's arrays where the form has its leaves; None where it lacks one."""
    if isinstance(form, Leaf):
        found[form.name] = value
    elif isinstance(form, Mapping):
        for key, inner in form.items():
            _fill(inner, _named(value, key) if isinstance(value, Mapping) else None, found)
    else:
        stacked = isinstance(value, np.ndarray) and value.ndim > 0
        parts = list(value) if stacked or isinstance(value, (tuple, list)) else []
        parts = parts if len(parts) == len(form) else [None] * len(form)
        for inner, part in zip(form, parts, strict=True):
            _fill(inner, part, found)


def _named(returned: Mapping[Any, Any], name: Any) -> Any:
    for key in (name, f"grad_{name}", f"d{name}", f"d_{name}", f"{name}_grad"):
        if key in returned:
            return returned[key]
    return None


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _shape(value: Any) -> str:
    if value is None or as_numbers(value) is None:
        return "None" if value is None else describe(value)
    return str(np.shape(value))
