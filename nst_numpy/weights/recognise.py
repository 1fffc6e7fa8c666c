"""Which network the layers of a file are, and which of our names each has.

A name that says it is believed: block1_conv1, conv1_1. Without such names the convolutions are
told by their shapes, one after the other. Their kernels may have their channels first or last.
"""

from collections.abc import Mapping, Sequence

from nst_numpy.weights.names import convolution
from nst_numpy.weights.stored import Contents, Layers, RefusedError, Stored, Table, channels_first

_ALONE = "save one VGG alone in a file of its own"


def find_layers(found: Layers, networks: Mapping[str, Table]) -> Contents:
    """Recognise the network, and give each convolution its name there."""
    named = {id(each): convolution(each.name) for each in found.stored}
    chosen = [each for each in found.stored if named[id(each)]]
    if chosen:
        if not found.ordered:
            chosen.sort(key=lambda each: named[id(each)] or "")
        names = [named[id(each)] or "" for each in chosen]
        only_vgg19 = networks["vgg19"].keys() - networks["vgg16"].keys()
        architecture = "vgg19" if only_vgg19.intersection(names) else "vgg16"
        _check_names(names, list(networks[architecture]), architecture)
    else:
        architecture, chosen = _by_shape(found.stored, networks)
        names = list(networks[architecture])
    return _contents(found, architecture, networks[architecture], names, chosen)


def find_named_layers(found: Layers, table: Table) -> Contents:
    """Find the layers of a network of our own, whose names and shapes are known."""
    names = [each.name for each in found.stored]
    _check_names(names, list(table), "the network")
    return _contents(found, "the network", table, names, found.stored)


def _contents(
    found: Layers, architecture: str, table: Table, names: list[str], chosen: Sequence[Stored]
) -> Contents:
    used = {part for each in chosen for part in (each.group.partition("/")[0], *each.arrays)}
    return Contents(
        architecture=architecture,
        table=table,
        layout=found.layout,
        layers=dict(zip(names, chosen, strict=True)),
        ignored=tuple(sorted(set(found.members) - used)),
        turns=found.turns,
    )


def _check_names(names: list[str], expected: list[str], architecture: str) -> None:
    """Check that the file's convolutions are the network's: all, no others, in order."""
    missing = [name for name in expected if name not in names]
    unknown = [name for name in names if name not in expected]
    if missing or unknown:
        lacks = f"lacks {', '.join(missing)} of" if missing else "has every layer of"
        extra = f" and has {', '.join(unknown)}, which it does not know" if unknown else ""
        raise RefusedError(f"{lacks} {architecture}{extra}")
    twice = [name for name in expected if names.count(name) > 1]
    if twice:
        raise RefusedError(f"has {', '.join(twice)} more than once", _ALONE)
    if names != expected:
        raise RefusedError(
            f"lists its layers as {', '.join(names)}: expected the order of {architecture}"
        )


def _by_shape(stored: Sequence[Stored], networks: Mapping[str, Table]) -> tuple[str, list[Stored]]:
    """Find the convolutions of a network in a row, the larger network first."""
    convolutions = [each for each in stored if each.kernel and len(each.kernel.shape) == 4]
    by_length = sorted(networks.items(), key=lambda item: len(item[1]), reverse=True)
    rows = [
        (architecture, convolutions[start : start + len(table)])
        for architecture, table in by_length
        for start in range(len(convolutions) - len(table) + 1)
        if _fit(convolutions[start : start + len(table)], table)
    ]
    if rows:
        if sum(architecture == rows[0][0] for architecture, _ in rows) > 1:
            raise RefusedError(f"has {rows[0][0]} more than once", _ALONE)
        return rows[0]
    for architecture, table in networks.items():
        if len(table) == len(convolutions):  # what is wrong with it is told when it is checked
            return architecture, convolutions
    raise RefusedError(
        f"has {len(convolutions)} convolutions, but not in a row the 13 of VGG-16 or the 16 of "
        "VGG-19, neither by their names nor by their shapes"
    )


def _fit(row: Sequence[Stored], table: Table) -> bool:
    """Whether these kernels have a network's shapes."""
    return all(
        each.kernel is not None and each.kernel.shape in (shape, channels_first(shape))
        for each, shape in zip(row, table.values(), strict=True)
    )
