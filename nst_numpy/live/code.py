"""The lines of source that compute a number, with their file and where they stand in it."""

import ast
import inspect
import textwrap
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import nst_numpy
from nst_numpy.layers import reference, relu_backward, relu_forward
from nst_numpy.layers.convolution import conv_backward, conv_forward
from nst_numpy.live import channels, moment, pixels, units
from nst_numpy.look.channels import compare_grams, gram_report
from nst_numpy.look.cone import Cone
from nst_numpy.look.source import map_source
from nst_numpy.look.trace import trace
from nst_numpy.look.units import top_patches
from nst_numpy.losses import content_loss, gram_matrix
from nst_numpy.losses.gram import style_pull
from nst_numpy.losses.smoothness import total_variation_loss
from nst_numpy.network import Plain
from nst_numpy.objective import Objective

ROOT = Path(nst_numpy.__file__).resolve().parent.parent

# Of each kind of question: what computes the answer, then what defines the number.
FUNCTIONS: dict[str, tuple[Callable[..., Any], ...]] = {
    "pixel": (Objective.__call__, Plain.backward, pixels.pixel, Cone.gradient),
    "term": (pixels.term, content_loss, style_pull, total_variation_loss),
    "layer": (pixels.layer, moment.Moment.meets, Cone.sensitivity, Cone.push),
    "share": (pixels.share, content_loss, style_pull),
    "forward": (reference.conv_forward, conv_forward, relu_forward, trace),
    "backward": (reference.conv_backward, conv_backward, relu_backward, units.backward),
    "channel": (gram_matrix, compare_grams, gram_report),
    "patches": (channels.patches, top_patches),
    "stroke": (map_source,),
}


def code_of(kind: str) -> list[dict[str, Any]]:
    """Return the lines that a kind of question is about."""
    return [lines_of(function) for function in FUNCTIONS[kind]]


@cache
def lines_of(function: Callable[..., Any]) -> dict[str, Any]:
    """Return a function's lines, but its docstring.

    Returns
    -------
    dict
        name, file (from the package's parent), line (its first), lines: pairs (number, text).

    Examples
    --------
    >>> found = lines_of(content_loss)
    >>> found["file"], found["lines"][-1][1].split()[-1]
    ('nst_numpy/losses/content.py', '(2)')
    """
    function = inspect.unwrap(function)
    source, first = inspect.getsourcelines(function)
    file = Path(inspect.getsourcefile(function) or "").resolve()
    definition: Any = ast.parse(textwrap.dedent("".join(source))).body[0]
    without: range | set[int] = set()
    if ast.get_docstring(definition) is not None:
        said = definition.body[0]
        without = range(said.lineno, said.end_lineno + 1)
    lines = [
        (first + number - 1, text.rstrip("\n"))
        for number, text in enumerate(source, start=1)
        if number not in without
    ]
    name = function.__qualname__
    return {"name": name, "file": file.relative_to(ROOT).as_posix(), "line": first, "lines": lines}
