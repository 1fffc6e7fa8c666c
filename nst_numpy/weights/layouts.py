"""The layouts in which HDF5 files hold layers.

| who wrote it | how it is known | where kernel and bias are |
|---|---|---|
| Keras before 1.0 | `nb_layers` | `layer_0/param_0`, `layer_0/param_1` |
| Keras 1 | `layer_names` | at the layer's `weight_names`: `block1_conv1_W_1:0` |
| Keras 2, `save_weights` | `layer_names` | at the layer's `weight_names`: `…/kernel:0` |
| Keras 1 to 3, whole model | `model_weights` | the same below it |
| Keras 3, `.weights.h5` | `layers` | `layers/conv2d/vars/0`, `…/1` |
| nst_numpy | `layer_names` | `block1_conv1/kernel`, `…/bias` |
| anybody | nothing | at names as above, anywhere |

A network may be a layer of another one; its own layers are then found below that layer's group.
"""

from collections.abc import Iterator, Mapping

import h5py

from nst_numpy.weights import recognise
from nst_numpy.weights.hdf5 import (
    MOST_NAMES,
    array_in,
    group_in,
    paths_in,
    read_text,
    read_texts,
)
from nst_numpy.weights.names import (
    Pair,
    by_number,
    convolution,
    is_bias,
    is_keras1,
    is_theanos,
    last,
    number,
    pairs,
)
from nst_numpy.weights.stored import Contents, Layers, RefusedError, Stored, Table, Turns

KERAS3 = ("layers", "_layer_checkpoint_dependencies")
_MOST_PATHS = 1000  # of arrays of one layer, which may be a network
_DEEPEST = 20  # networks in networks


def find_layers(file: h5py.File, networks: Mapping[str, Table]) -> Contents:
    """Recognise layout and network, and give each convolution its name there."""
    return recognise.find_layers(read_layout(file), networks)


def find_named_layers(file: h5py.File, table: Table) -> Contents:
    """Find the layers of a network of our own, whose names and shapes are known."""
    return recognise.find_named_layers(read_layout(file), table)


def read_layout(file: h5py.File) -> Layers:
    """Recognise the layout, and find the layers in the order of the model."""
    root = group_in(file, "model_weights") or file
    if "nb_layers" in root.attrs:
        return _by_count(root)
    if "layer_names" in root.attrs:
        return _by_names(root)
    for name in KERAS3:
        container = group_in(file, name)
        stored = [] if container is None else list(_below(container))
        if container is not None and any(each.kernel is not None for each in stored):
            return Layers("Keras 3", stored, tuple(container))
    stored = list(_pairs(root, paths_in(root)))
    if not stored:
        raise RefusedError(
            "has neither layer_names nor layers/…/vars, as Keras writes them, nor arrays with the "
            "names of kernels"
        )
    return Layers("arrays with names", stored, tuple(root), "open", ordered=False)


# Keras before 1.0


def _by_count(root: h5py.Group) -> Layers:
    """Find `param_0` and `param_1` of layer_0, layer_1, …: many of these have neither."""
    names = by_number(name for name in root if name.startswith("layer_"))
    stored = [
        Stored(name, name, array_in(group, "param_0"), array_in(group, "param_1"))
        for name, group in ((name, group_in(root, name)) for name in names)
        if group is not None
    ]
    return Layers("Keras 1, layers by number", stored, tuple(root), "yes")


# Keras 1 and 2, whole models of Keras 3, and ours


def _by_names(root: h5py.Group) -> Layers:
    names = read_texts(root, "layer_names")
    ordered = names is not None
    if names is None:
        names = [name for name in by_number(root) if group_in(root, name)]
    if len(set(names)) < len(names):
        raise RefusedError("lists a layer twice in layer_names")
    if len(names) > MOST_NAMES:
        raise RefusedError(f"lists more than {MOST_NAMES:,} layers")
    members = [group_in(root, name) for name in root]
    keras = any("weight_names" in each.attrs for each in members if each)
    stored: list[Stored] = []
    kernels: list[str] = []
    count = 0  # a group may be listed under many names, and its arrays each time
    for name in names:
        layer = group_in(root, name)
        if layer is None:
            raise RefusedError(f"lists the layer {name!r}, but has no such group")
        paths = _array_names(layer)
        count += len(paths)
        if count > MOST_NAMES:
            raise RefusedError(f"lists more than {MOST_NAMES:,} arrays")
        kernels += [pair.kernel for pair in pairs(paths)]
        stored += _layer(layer, name, paths)
    layout = "Keras 1 or 2" if keras else "nst_numpy"
    turns = _turns(root, kernels) if keras else "no"
    return Layers(layout, stored, tuple(root), turns, ordered=ordered)


def _array_names(layer: h5py.Group) -> list[str]:
    """List a layer's arrays: its `weight_names`, in the model's order, else all in its group."""
    names = read_texts(layer, "weight_names") if "weight_names" in layer.attrs else None
    return paths_in(layer, _MOST_PATHS) if names is None else names


def _layer(layer: h5py.Group, name: str, paths: list[str]) -> Iterator[Stored]:
    """Find a layer's kernel and bias, or those of each layer of a network."""
    found = pairs(paths)
    network = len(found) > 1 or (found and convolution(last(found[0].stem)))
    if network and not convolution(name):
        for stored in _pairs(layer, paths):
            yield Stored(f"{name}/{stored.group}", stored.name, stored.kernel, stored.bias)
        return
    kernel, bias = (found[0].kernel, found[0].bias) if found else ("kernel", None)
    if bias is None:
        bias = next((path for path in paths if is_bias(path)), "bias")
    yield Stored(name, name, array_in(layer, kernel), array_in(layer, bias))


def _turns(root: h5py.Group, kernels: list[str]) -> Turns:
    """Say whether kernels are stored for Theano, which turns them: by `backend`, else names."""
    backend = read_text(root, "backend")
    if backend:
        return "yes" if backend == "theano" else "no"
    if any(map(is_theanos, kernels)):
        return "yes"
    return "open" if any(map(is_keras1, kernels)) else "no"


# Arrays by their names


def _pairs(group: h5py.Group, paths: list[str]) -> Iterator[Stored]:
    """Find each kernel with its bias, in the order in which Keras numbers them."""
    for stem, kernel, bias in sorted(pairs(paths), key=_place):
        array = array_in(group, kernel)
        if array is not None:
            names = (kernel, bias) if bias else (kernel,)
            yield Stored(stem, last(stem), array, array_in(group, bias) if bias else None, names)


def _place(pair: Pair) -> int:
    """Return the number at a layer's name; a name that says which layer it is has none."""
    return 0 if convolution(last(pair.stem)) else number(pair.stem)


# Keras 3


def _below(container: h5py.Group) -> Iterator[Stored]:
    """Find each layer's vars/0 and vars/1 in the order of the model, also in networks in it."""
    yield from _walk(container, "", {container})


def _walk(container: h5py.Group, above: str, seen: set[h5py.Group]) -> Iterator[Stored]:
    for name in by_number(container):
        layer = group_in(container, name)
        if layer is None or layer in seen:  # a group may hold itself
            continue
        seen.add(layer)
        variables = group_in(layer, "vars")
        if variables is not None:
            # Newer versions keep the layer's own name beside its arrays. What Keras writes is of
            # variable length; the groups and their order say enough.
            own_name = read_text(variables, "name")
            known = own_name if convolution(own_name) else name
            arrays = array_in(variables, "0"), array_in(variables, "1")
            yield Stored(f"{above}{name}", known, *arrays)
        for inner in KERAS3:
            network = group_in(layer, inner)
            if network is not None and network not in seen and above.count("/") < _DEEPEST:
                seen.add(network)
                yield from _walk(network, f"{above}{name}/", seen)
