"""Is a weights file what it should be? Checked step by step."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from nst_numpy.errors import WeightsError
from nst_numpy.files import PathLike
from nst_numpy.weights import orientation
from nst_numpy.weights.disorder import find_different, find_unrelated
from nst_numpy.weights.orientation import PUBLISHED, Conversion
from nst_numpy.weights.sight import find_turned, photographs
from nst_numpy.weights.stored import Contents, Pair, check_declared, read_all
from nst_numpy.weights.vgg_files import load_weights, locate, opened_contents

CHECKS = (
    "opens as HDF5 or .npz",
    "holds all its data itself",
    "layers and their order",
    "shapes and number types",
    "finite values",
    "kernels the right way round",
    "published values",
)
PHOTOGRAPHS, SIDE = 8, 64  # how many are looked at, and their size in pixels


@dataclass(frozen=True)
class Check:
    """One line of `verify_weights`. `passed` is None where nothing could be said."""

    name: str
    passed: bool | None
    detail: str


def verify_weights(path: PathLike | None = None) -> list[Check]:
    """Check a weights file step by step, and say how each step went.

    Parameters
    ----------
    path : str or path-like, optional
        The file; None means the bundled VGG-16.

    Returns
    -------
    list of Check
        One for each name in `CHECKS`, in that order. The first failure ends the work; the
        checks after it have `passed` None. So has the last one for a VGG-19 of other values, as
        few of the published ones are kept here. A wrong file raises nothing: it fails a check.

    Notes
    -----
    Kernels are the right way round if all are alike, as their layout has them, and their
    neighbouring entries are related. Those of the published VGG-16 are compared with the bundled
    ones; those of a network that is not the published one must answer photographs
    best as they are: see `disorder` and `sight`.
    """
    details: list[str] = []
    try:
        found = locate(path, "verify_weights")
        with opened_contents(found, "verify_weights", details.append) as contents:
            details.append(f"{contents.architecture}, layout of {contents.layout}")
            check_declared(contents, either=True)
            details.append(f"{len(contents.layers)} kernels and biases")
            params = read_all(contents, np.float32)
            details.append(f"{sum(w.size + b.size for w, b in params.values()):,} parameters")
            conversion = orientation.find_conversion(contents, params)
        # all is in memory: what goes wrong from here on is not the file's
        disorder = _find_disorder(contents, orientation.convert(params, conversion), conversion)
        if disorder:
            last = Check(CHECKS[len(details)], False, f"{disorder}: copy or download them again")
        else:
            details.append(orientation.describe(contents, conversion) or "as they are used here")
            last = _compare_published(contents, conversion)
    except WeightsError as error:
        last = Check(CHECKS[len(details)], False, str(error))
    passed = [Check(name, True, detail) for name, detail in zip(CHECKS, details, strict=False)]
    skipped = [Check(name, None, "not reached") for name in CHECKS[len(passed) + 1 :]]
    return [*passed, last, *skipped]


def _find_disorder(
    contents: Contents, params: Mapping[str, Pair], conversion: Conversion
) -> str | None:
    """Say which kernels are not the right way round, and how they are."""
    odd = orientation.find_odd(contents, conversion)
    if odd:
        return odd
    suspects = params
    if contents.architecture == "vgg16" and conversion.published:
        different = find_different(params, load_weights())
        rearranged = [f"the kernel of {name} is {how}" for name, how in different.items() if how]
        if rearranged:
            return "; ".join(rearranged)
        suspects = {name: params[name] for name in different}
    unrelated = find_unrelated(suspects)
    trained = [value for value in unrelated.values() if not np.isnan(value)]
    if trained:
        names = "all layers" if len(unrelated) == len(params) else ", ".join(unrelated)
        return (
            f"neighbouring entries of the kernels of {names} are not alike (correlation at most "
            f"{max(trained):.2f}): they are not trained, or were reshaped and not transposed"
        )
    # of a network of which little is published
    if 2 * len(conversion.published) < len(params) and not unrelated:
        turned = find_turned(params, photographs(PHOTOGRAPHS, SIDE))
        if turned:
            return (
                f"the kernels of {', '.join(turned)} do not fit the others: photographs excite the "
                "network more if they are turned by 180°"
            )
    return None


def _compare_published(contents: Contents, conversion: Conversion) -> Check:
    """Say whether two entries of each layer are the published ones, as exactly as stored."""
    expected = PUBLISHED[contents.architecture]
    different = [name for name in expected if name not in conversion.published]
    if not different:
        detail = f"two values of each of {len(expected)} layers agree"
        return Check(CHECKS[-1], True, detail)
    detail = f"other values than published in {', '.join(different)}"
    # of VGG-19 fewer values are known, and from fewer programs
    return Check(CHECKS[-1], False if contents.architecture == "vgg16" else None, detail)
