"""Where the gradient of a pixel comes from: by term, by layer, by channel and position.

Each number is computed on the way down, by backpropagation; its parts on the way up, as what the
units of a layer add: ∂J/∂a_u · ∂a_u/∂x. They must agree.
"""

from functools import partial

import numpy as np

from nst_numpy.common.arrays import Array64, Index
from nst_numpy.conventions import KINDS
from nst_numpy.errors import UnknownNameError
from nst_numpy.live.asked import Question
from nst_numpy.live.moment import TV, Moment, Place
from nst_numpy.live.sums import Answer, Part, Sum, number, plus, split
from nst_numpy.live.units import kernel_sum, unit_links
from nst_numpy.look.cone import Cut, Patch
from nst_numpy.look.trace import PIXELS, trace
from nst_numpy.losses.smoothness import total_variation_loss


def pixel(moment: Moment, question: Question) -> Answer:
    """Split ∂J/∂x of one number by loss term, and by kernel entry of the first layer."""
    place = question.pixel(moment)
    row, col, channel = place
    above, weights, above_grads = moment.above(None, (row, col), channel)
    grads = moment.cone.pull(above, Patch(weights.cut, above_grads), Cut.at((row, col)))[0, 0, 0]
    grads = grads + moment.variation[0, row, col]
    value, name = float(grads[channel]), _name(question)
    by_kind: dict[str, list[float]] = {}
    for each in moment.terms:
        kind = each.partition("/")[0]
        by_kind.setdefault(kind, []).append(_of_term(moment, each, place))
    parts = [
        Part(kind, sum(values), ask=question.but("term", term=kind))
        for kind, values in by_kind.items()
    ]
    parts.sort(key=lambda part: -abs(part.value))
    answer = Answer(f"The gradient of one pixel's {question.colour}", value=value)
    own = float(moment.gradient[0, row, col, channel])
    answer.say = [
        f"The pixel in row {question.row}, column {question.col}. If its {question.colour} grows "
        f"by 1, J changes by {number(value)}: to lower J, it must become "
        f"{'smaller' if value > 0 else 'larger'}.",
        f"The optimiser has it as {number(own)}, computed in {moment.x.dtype}.",
    ]
    answer.formula = [
        f"{name} = Σ over the terms of J",
        f"{name} = {plus([part.value for part in parts])} = {number(value)}",
    ]
    answer.sums = [
        Sum("by loss term", value, parts),
        _by_entry(moment, question, (above, weights, above_grads), value),
    ]
    answer.links = [
        {
            "name": f"its {colour}: {number(float(grads[k]))}",
            "ask": question.but("pixel", colour=colour),
        }
        for colour, k in (("red", 2), ("green", 1), ("blue", 0))
    ]
    return answer


def _by_entry(
    moment: Moment, question: Question, above: tuple[str, Patch, Array64], value: float
) -> Sum:
    smooth = float(moment.variation[(0, *question.pixel(moment))])
    own = [Part("total variation", smooth, ask=question.but("term", term=TV))] if smooth else []
    return kernel_sum(moment, *above, value, own)


def term(moment: Moment, question: Question) -> Answer:
    """Split what content, style or total variation add by the layers that they look at."""
    place, kind = question.pixel(moment), question.term
    if kind == TV and moment.objective.tv_weight > 0:
        return _variation(moment, question, place)
    terms = [each for each in moment.terms if each.partition("/")[0] == kind]
    pairs = [(each, layer) for each in terms for layer in moment.layers_of(each)]
    if not pairs:
        known = {each.partition("/")[0] for each in moment.terms}
        raise UnknownNameError.of("term", str(kind)[:40], known)
    value = moment.carried(pairs, place)
    upward = moment.upward(*place)
    parts = [
        Part(
            layer, _meeting(moment, each, layer, upward), each,
            question.but("layer", term=each, layer=layer),
        )
        for each, layer in pairs
    ]  # fmt: skip
    parts.sort(key=lambda part: -abs(part.value))
    name = _name(question, kind)
    answer = Answer(f"What {kind} adds to it, by layer", value=value)
    answer.say = ["A layer that a loss looks at sends its gradient down to the pixel."]
    answer.formula = [
        f"{name} = Σ over the layers",
        f"{name} = {plus([part.value for part in parts])} = {number(value)}",
    ]
    answer.sums = [Sum("by layer", value, parts)]
    return answer


def _variation(moment: Moment, question: Question, place: Place) -> Answer:
    """Write the gradient of the total variation as differences to the neighbours."""
    row, col, channel = place
    value, weight = float(moment.variation[0, row, col, channel]), moment.objective.tv_weight
    x, parts = moment.x[0, :, :, channel].astype(np.float64), []
    if KINDS[moment.objective.convention].variation is total_variation_loss:
        for side, i, j in (("above", -1, 0), ("below", 1, 0), ("left", 0, -1), ("right", 0, 1)):
            if 0 <= row + i < x.shape[0] and 0 <= col + j < x.shape[1]:
                here, there = float(x[row, col]), float(x[row + i, col + j])
                how = f"2 × {number(weight)} × ({plus([here, -there])})"
                parts.append(Part(f"the pixel {side}", 2 * weight * (here - there), how))
    else:
        parts = [Part("all neighbours", value)]
    name = _name(question, TV)
    answer = Answer("What total variation adds to it", value=value)
    answer.formula = [
        f"{name} = 2 τ Σ over the neighbours (x − x_neighbour)",
        f"{name} = {plus([part.value for part in parts])} = {number(value)}",
    ]
    answer.sums = [Sum("by neighbour", value, parts)]
    return answer


def layer(moment: Moment, question: Question) -> Answer:
    """Split what a loss at one layer adds by channel, by position, and by unit."""
    place, name = question.pixel(moment), str(question.layer)
    each = _check_term(moment, question)
    seed, change = moment.meets(each, name, moment.upward(*place))
    parts = (seed.values * change.values)[0]  # (h, w, C)
    start, title = change.cut.start, f"What {each} adds to it, at {name}"
    value = moment.carried([(each, name)], place)
    describe = partial(_unit_part, question, seed, change)
    answer = Answer(title)
    if question.channel is not None or question.at is not None:
        kept = _narrow(parts, start, question)
        value = float(np.sum(kept))
        answer.title += _where(question)
        answer.sums = [split("by unit", value, kept, describe)]
    else:
        answer.sums = [
            split("by channel", value, parts.sum(axis=(0, 1)), partial(_channel_part, question)),
            split(
                "by position", value, parts.sum(axis=2), partial(_position_part, question, start)
            ),
            split("by unit", value, parts, describe),
        ]
        answer.pictures = [] if parts.size == 0 else [_map(question, parts, start)]
    answer.value = value
    count = (
        f"{parts.shape[0]}×{parts.shape[1]} positions of {name}, of {parts.shape[2]} channels each"
    )
    answer.say = [f"Of {count}, the pixel is seen by none other."]
    shown = answer.sums[-1].parts
    answer.formula = [f"{_name(question, each)} = Σ_u ∂J/∂a_u · ∂a_u/∂x"]
    if shown:
        rest = answer.sums[-1].total - shown[0].value
        plugged = f"{shown[0].how} + {number(rest)} (all others)"
        answer.formula.append(f"{number(value)} = {plugged}")
    return answer


def share(moment: Moment, question: Question) -> Answer:
    """Say what one unit sends to the pixel: ∂J/∂a of the loss there, times ∂a/∂x."""
    place = question.pixel(moment)
    each = _check_term(moment, question)
    name, channel, at = question.unit(moment)
    here = Cut.at(at)
    upward = moment.upward(*place)
    seed = float(moment.seed(each, name, here)[0, 0, 0, channel])
    change = float(upward[name].on(here)[0, 0, 0, channel])
    value = seed * change
    unit = trace(moment.network, moment.x, name, channel, *at)
    answer = Answer(f"What {unit.name} sends to the pixel, for {each}", value=value)
    answer.formula = [
        "∂J/∂a · ∂a/∂x",
        f"{number(seed)} × {number(change)} = {number(value)}",
        *_seed_formula(moment, each, name, here, channel, seed),
    ]
    passes = unit.kind != "relu" or bool(here.of(moment.features[name])[0, 0, 0, channel] > 0)
    stop = tuple(a + k for a, k in zip(unit.start, unit.kernel.shape, strict=False))
    lower = None if unit.input_layer == PIXELS else unit.input_layer
    below = _pixel_itself(moment, place) if lower is None else upward[lower]
    inputs = below.on(Cut(unit.start, stop))[0]
    entries = seed * passes * unit.kernel * inputs

    def describe(index: Index, term_value: float) -> Part:
        i, j, k = index
        position = (unit.start[0] + i, unit.start[1] + j)
        how = f"{number(seed)} × weight {number(unit.kernel[index])} × {number(inputs[index])}"
        ask = question.but("backward", layer=lower, channel=k, at=position) if lower else None
        return Part(f"{unit.input_layer}:{k} at {position[0]}, {position[1]}", term_value, how, ask)

    answer.say = [
        "∂J/∂a is what the loss says at this unit alone; ∂a/∂x how much the unit changes with the "
        "pixel. Each entry of the unit's kernel passes on a part of it."
    ]
    answer.sums = [split("by kernel entry", value, entries, describe)]
    partners = _partners(moment, question, each, name, here, channel, seed)
    answer.sums += [] if partners is None else [partners]
    answer.links = unit_links(name, channel, at)
    return answer


def _seed_formula(
    moment: Moment, each: str, name: str, here: Cut, channel: int, seed: float
) -> list[str]:
    a = float(here.of(moment.features[name])[0, 0, 0, channel])
    if each.startswith("content/"):
        target = float(here.of(moment.objective.content_targets[name])[0, 0, 0, channel])
        factor = moment.objective.content[name]
        return [
            "∂J/∂a = α λ (a(G) − a(C))",
            f"{number(seed)} = {number(factor)} × ({plus([a, -target])})",
        ]
    pull = moment.style_pull(each)
    if pull is None:
        return []
    fires = here.of(moment.features[name])[0, 0, 0].astype(np.float64)
    k = int(np.argmax(np.abs(fires * pull[:, channel])))
    first = float(fires[k] * pull[k, channel])
    return [
        "∂J/∂a_k = Σ_k' a_k' · P_k'k, where P = 4 c β λ (G(G) − G(S))",
        f"{number(seed)} = {number(fires[k])} × {number(pull[k, channel])} + "
        f"{number(seed - first)} (all others)",
    ]


def _partners(
    moment: Moment, question: Question, each: str, name: str, here: Cut, channel: int, seed: float
) -> Sum | None:
    """Split a style gradient by the channels that the unit's channel fires with."""
    pull = moment.style_pull(each)
    if pull is None:
        return None
    a = here.of(moment.features[name])[0, 0, 0].astype(np.float64)

    def describe(index: Index, value: float) -> Part:
        (k,) = index
        how = f"a = {number(a[k])} × {number(pull[k, channel])}"
        return Part(f"channel {k}", value, how, question.but("channel", layer=name, channel=k))

    return split("∂J/∂a by the channel that it fires with", seed, a * pull[:, channel], describe)


def _of_term(moment: Moment, each: str, place: Place) -> float:
    if each == TV:
        row, col, channel = place
        return float(moment.variation[0, row, col, channel])
    upward = moment.upward(*place)
    return sum(_meeting(moment, each, layer, upward) for layer in moment.layers_of(each))


def _meeting(moment: Moment, each: str, layer: str, upward: dict[str, Patch]) -> float:
    seed, change = moment.meets(each, layer, upward)
    return float(np.sum(seed.values * change.values))


def _pixel_itself(moment: Moment, place: Place) -> Patch:
    row, col, channel = place
    one = np.zeros((1, 1, 1, moment.x.shape[-1]))
    one[..., channel] = 1.0
    return Patch(Cut.at((row, col)), one)


def _check_term(moment: Moment, question: Question) -> str:
    each, name = str(question.term), str(question.layer)
    if each not in moment.terms or name not in moment.layers_of(each):
        raise UnknownNameError.of("term at this layer", f"{each} at {name}"[:60], moment.terms)
    return each


def _unit_part(question: Question, seed: Patch, change: Patch, index: Index, value: float) -> Part:
    i, j, k = index
    at = (change.cut.start[0] + i, change.cut.start[1] + j)
    how = f"{number(seed.values[0, i, j, k])} × {number(change.values[0, i, j, k])}"
    return Part(
        f"channel {k} at {at[0]}, {at[1]}", value, how, question.but("share", channel=k, at=at)
    )


def _channel_part(question: Question, index: Index, value: float) -> Part:
    return Part(f"channel {index[0]}", value, ask=question.but("layer", channel=index[0], at=None))


def _position_part(question: Question, start: Index, index: Index, value: float) -> Part:
    at = (start[0] + index[0], start[1] + index[1])
    return Part(
        f"row {at[0]}, column {at[1]}", value, ask=question.but("layer", at=at, channel=None)
    )


def _narrow(parts: Array64, start: Index, question: Question) -> Array64:
    """Keep of (h, w, C) what the question is about; the others become 0."""
    kept = np.zeros_like(parts)
    rows = cols = channels = slice(None)
    if question.channel is not None:
        channels = slice(question.channel, question.channel + 1)
    if question.at is not None:
        i, j = question.at[0] - start[0], question.at[1] - start[1]
        if min(i, j) < 0:
            return kept
        rows, cols = slice(i, i + 1), slice(j, j + 1)
    kept[rows, cols, channels] = parts[rows, cols, channels]
    return kept


def _where(question: Question) -> str:
    words = "" if question.channel is None else f", channel {question.channel}"
    return words + (
        "" if question.at is None else f", row {question.at[0]}, column {question.at[1]}"
    )


def _map(question: Question, parts: Array64, start: Index) -> dict[str, object]:
    from nst_numpy.live.drawn import signed_map

    by_position = parts.sum(axis=2)
    return signed_map(by_position) | {
        "name": f"by position, {by_position.shape[0]}×{by_position.shape[1]}",
        "start": list(start),
        "ask": question.but("layer", channel=None),
    }


def _name(question: Question, of: str | None = None) -> str:
    return (
        f"∂J{'' if of is None else f'_{of}'}/∂x[{question.row}, {question.col}, {question.colour}]"
    )
