"""One unit, forward and backward: every kernel entry that its number is made of."""

from functools import partial
from typing import Any

import numpy as np

from nst_numpy.common.arrays import Array64
from nst_numpy.layers import conv_forward
from nst_numpy.live.asked import Question
from nst_numpy.live.moment import COLOURS, Moment
from nst_numpy.live.sums import MOST, Answer, Part, Sum, number, plus, split
from nst_numpy.look.cone import Cut, Patch
from nst_numpy.look.terms import Trace
from nst_numpy.look.trace import PIXELS, trace
from nst_numpy.rows import Conv

NAMES = {channel: colour for colour, channel in COLOURS.items()}


def forward(moment: Moment, question: Question) -> Answer:
    """Write an activation out: bias + Σ input × weight."""
    name, channel, at = question.unit(moment)
    unit = trace(moment.network, moment.x, name, channel, *at)
    value = _exact(moment, unit)
    found = split(
        "by kernel entry", value, unit.contributions, partial(_input, moment, question, unit)
    )
    parts = [*([Part("bias", unit.bias)] if unit.bias else []), *found.parts]
    by_channel = split(
        "by input channel", value, unit.contributions.sum(axis=(0, 1)),
        lambda index, v: Part(_channel(unit, index[0]), v),
    )  # fmt: skip
    answer = Answer(f"{unit.name}, on the way up", value=value)
    answer.say = [
        f"The window of this unit in {unit.input_layer}: {_shape(unit)}. "
        f"The network has {number(unit.activation)} there, computed in {moment.x.dtype}."
    ]
    if unit.kind == "relu" and value <= 0:
        answer.say.append("The sum is not above 0, so the ReLU lets nothing through.")
    answer.formula = [
        "a = max(0, b + Σ x · w)" if unit.kind == "relu" else "a = b + Σ x · w",
        f"{number(value)} = {plus([part.value for part in parts[:4]])} + …" if parts else "0 = 0",
    ]
    answer.sums = [Sum("by kernel entry", value, parts, found.rest, found.others)]
    bias = [Part("bias", unit.bias)] if unit.bias else []
    answer.sums.append(
        Sum(by_channel.name, value, [*bias, *by_channel.parts], by_channel.rest, by_channel.others)
    )
    answer.links = unit_links(name, channel, at)
    return answer


def backward(moment: Moment, question: Question) -> Answer:
    """Write ∂J/∂a of a unit out: what losses say here, and Σ upstream gradient × weight."""
    name, channel, at = question.unit(moment)
    here = Cut.at(at)
    value = float(moment.downward(name, here)[0, 0, 0, channel])
    own = [
        Part(f"{term}, here", float(moment.seed(term, name, here)[0, 0, 0, channel]))
        for term in moment.terms
        if name in moment.layers_of(term)
    ]
    answer = Answer(f"{name}:{channel}@{at[0]},{at[1]}, on the way down", value=value)
    answer.say = [f"If this activation grows by 1, J changes by {number(value)}."]
    if name == moment.last:
        answer.sums = [Sum("by loss", value, own)]
    else:
        above, weights, grads = moment.above(name, at, channel)
        answer.sums = [kernel_sum(moment, above, weights, grads, value, own)]
    parts = answer.sums[0].parts
    answer.formula = [
        "∂J/∂a = ∂J_here/∂a + Σ_k Σ_f ∂J/∂out_f · w_k,f",
        f"{number(value)} = {plus([part.value for part in parts[:4]])} + …" if parts else "0 = 0",
    ]
    answer.links = unit_links(name, channel, at)
    return answer


def kernel_sum(
    moment: Moment, above: str, weights: Patch, grads: Array64, value: float, own: list[Part]
) -> Sum:
    """Split a gradient by the entries of the kernel above: ∂J/∂out × weight; `own` comes first."""
    names = moment.network.layer_names
    after = names[names.index(above) + 1 :][:1]
    asked = above if above in moment.features else (after or [above])[0]

    def describe(index: tuple[int, ...], v: float) -> Part:
        i, j, f = index
        at = (weights.cut.start[0] + i, weights.cut.start[1] + j)
        how = f"∂J/∂out {number(grads[0, i, j, f])} × weight {number(weights.values[0, i, j, f])}"
        question = Question("backward", layer=asked, channel=f, at=at)
        ask = question.as_dict() if asked in moment.features else None
        return Part(f"{above}:{f} at {at[0]}, {at[1]}", v, how, ask)

    # (1, h, w, F) * (1, h, w, F) -> (h, w, F)
    products = (weights.values * grads)[0]
    found = split(f"by kernel entry of {above}", value, products, describe, MOST)
    own = [part for part in own if part.value]
    return Sum(found.name, value, [*own, *found.parts], found.rest, found.others)


def unit_links(name: str, channel: int, at: tuple[int, int]) -> list[dict[str, Any]]:
    """Return the other questions about a unit."""
    ask = partial(Question, layer=name, channel=channel)
    return [
        {"name": "this unit on the way up", "ask": ask("forward", at=at).as_dict()},
        {"name": "this unit on the way down", "ask": ask("backward", at=at).as_dict()},
        {"name": f"channel {channel} of {name}", "ask": ask("channel").as_dict()},
    ]


def _exact(moment: Moment, unit: Trace) -> float:
    """Compute a unit's sum by the layer itself, in float64."""
    names = moment.network.layer_names
    name = unit.layer
    while moment.network.layers[name].kind == "relu":
        name = names[names.index(name) - 1]
    row = moment.network.layers[name]
    if not isinstance(row, Conv):
        return unit.sum
    w, b = (each.astype(np.float64)[..., [unit.channel]] for each in moment.network.params[name])
    span = moment.cone.seen(name, Cut.at(unit.position))
    lower = moment.network.below(name)
    read = span.of(moment.x if lower is None else moment.features[lower]).astype(np.float64)
    out, _ = conv_forward(read, w, b, stride=row.stride, dilation=row.dilation, method="im2col")
    return float(out.item())


def _input(
    moment: Moment, question: Question, unit: Trace, index: tuple[int, ...], v: float
) -> Part:
    i, j, k = index
    at = (unit.start[0] + i * unit.step[0], unit.start[1] + j * unit.step[1])
    how = f"{number(unit.window[index])} × weight {number(unit.kernel[index])}"
    if unit.input_layer == PIXELS:
        row, col = at[0] - moment.margin, at[1] - moment.margin
        height, width = (n - 2 * moment.margin for n in moment.x.shape[1:3])
        inside = 0 <= row < height and 0 <= col < width
        ask = Question("pixel", row, col, NAMES[k]).as_dict() if inside else None
        return Part(f"{NAMES[k]} at {row}, {col}", v, how, ask)
    ask = question.but("forward", layer=unit.input_layer, channel=k, at=at)
    return Part(f"{unit.input_layer}:{k} at {at[0]}, {at[1]}", v, how, ask)


def _channel(unit: Trace, k: int) -> str:
    return NAMES[k] if unit.input_layer == PIXELS else f"{unit.input_layer}:{k}"


def _shape(unit: Trace) -> str:
    return "×".join(map(str, unit.kernel.shape))
