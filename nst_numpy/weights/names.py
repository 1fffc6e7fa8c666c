"""What kernels, biases and convolutions are called in other programs' files."""

import re
from collections.abc import Iterable
from typing import NamedTuple

# block1_conv1 of Keras Applications, conv1_1 of Caffe
_CONVOLUTION = re.compile(r"(?:block(\d)_conv|conv(\d)_)(\d)")
# kernel, block1_conv1/kernel:0, block1_conv1_W_1:0, conv1_1/weights, param_0; likewise the bias.
_KERNEL = re.compile(r"(?:^|[/._])(?:kernel|weights?|W(?:_\d+)?|param_0)(?::0)?$")
_BIAS = re.compile(r"(?:^|[/._])(?:bias|biases|b(?:_\d+)?|param_1)(?::0)?$")
# Keras 1 wrote W and b; a name of TensorFlow ends in :0, one of Theano does not.
_KERAS1 = re.compile(r"(?:_W(?:_\d+)?|param_0)(:0)?$")


class Pair(NamedTuple):
    """The names of a kernel and its bias; `stem` is what they have in common."""

    stem: str
    kernel: str
    bias: str | None


def convolution(name: str) -> str | None:
    """Return our name of a convolution; None for one that says nothing.

    >>> convolution("block1_conv2"), convolution("conv1_2"), convolution("conv2d_12")
    ('conv1_2', 'conv1_2', None)
    """
    found = _CONVOLUTION.fullmatch(name)
    return f"conv{found[1] or found[2]}_{found[3]}" if found else None


def keras_name(name: str) -> str:
    """Return the name in Keras Applications of a convolution of ours.

    >>> keras_name("conv1_2")
    'block1_conv2'
    """
    block, place = name.removeprefix("conv").split("_")
    return f"block{block}_conv{place}"


def pairs(names: Iterable[str]) -> list[Pair]:
    """Find the kernels among names of arrays, in their order, and the bias of each.

    >>> pairs(["conv1_1_W", "conv1_1_b", "step"])
    [Pair(stem='conv1_1', kernel='conv1_1_W', bias='conv1_1_b')]
    """
    names = list(names)
    # the first of a name counts
    biases = {_BIAS.sub("", name): name for name in reversed(names) if _BIAS.search(name)}
    stems = {name: _KERNEL.sub("", name) for name in names if _KERNEL.search(name)}
    return [Pair(stem, name, biases.get(stem)) for name, stem in stems.items()]


def is_bias(name: str) -> bool:
    """Whether an array has the name of a bias.

    >>> is_bias("block1_conv1_b_1:0"), is_bias("gamma")
    (True, False)
    """
    return _BIAS.search(name) is not None


def last(place: str) -> str:
    """Return the last part of a path.

    >>> last("vgg16/block1_conv1"), last("conv1_1")
    ('block1_conv1', 'conv1_1')
    """
    return place.rpartition("/")[2]


def by_number(names: Iterable[str]) -> list[str]:
    """Sort names as Keras numbers them in the order of a model.

    >>> by_number(["conv2d_10", "conv2d_2", "conv2d"])
    ['conv2d', 'conv2d_2', 'conv2d_10']
    """
    return sorted(names, key=number)


def number(name: str) -> int:
    """Return the number at a name's end, 0 if it has none."""
    digits = re.search(r"_(\d{1,9})$", name)
    return int(digits[1]) if digits else 0


def is_keras1(kernel: str) -> bool:
    """Whether a kernel's name is one that Keras 1 gave.

    >>> is_keras1("block1_conv1_W_1:0"), is_keras1("block1_conv1/kernel:0")
    (True, False)
    """
    return _KERAS1.search(kernel) is not None


def is_theanos(kernel: str) -> bool:
    """Whether a kernel's name is one that Keras 1 gave it above Theano.

    >>> is_theanos("block1_conv1_W"), is_theanos("block1_conv1_W_1:0")
    (True, False)
    """
    found = _KERAS1.search(kernel)
    return found is not None and not found[1]
