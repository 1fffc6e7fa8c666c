"""The convolutions of a file as they stand in it: what they declare is checked, then they are read.

What kind of file it is, an HDF5 or an .npz, does not matter here. Whatever is wrong is a
`RefusedError`, of which those who opened the file make a sentence.
"""

from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import DTypeLike, NDArray

from nst_numpy.kernels.threads import for_each

# What a network must have: layer name to the kernel's shape, in the order of the network.
# The bias has one entry for each of the kernel's last axis.
Table = dict[str, tuple[int, ...]]
Pair = tuple[np.ndarray, np.ndarray]  # kernel and bias
# Theano's convolution turns its kernels by 180°. Whether those of a file are stored for it: its
# layout says so, leaves it open, or rules it out.
Turns = Literal["yes", "open", "no"]

_LONGEST_MESSAGE = 500
_TAPS = {2: "", 3: "kl, ", 4: "kh, kw, ", 5: "kd, kh, kw, "}  # by the kernel's rank


class RefusedError(Exception):
    """Something in the file is wrong; whoever opened it adds the function's name and the path.

    And it adds what to do, where `remedy` does not say it: that depends on who reads.
    """

    def __init__(self, what: str, remedy: str | None = None) -> None:
        super().__init__(what)
        self.remedy = remedy


class Numbers(Protocol):
    """An array in a file, not read yet."""

    @property
    def shape(self) -> tuple[int, ...]:
        """What it declares."""

    @property
    def dtype(self) -> np.dtype[Any] | None:
        """Its IEEE floats of 16, 32 or 64 bits; None for all else."""

    @property
    def kind(self) -> str:
        """What it declares to hold, in a word."""

    def check_storage(self, label: str) -> None:
        """Refuse it if its numbers are not there, or cannot be unpacked here."""

    def read(self) -> NDArray[Any]:
        """Read it, of its shape and dtype."""


@dataclass(frozen=True)
class Stored:
    """One layer as it stands in the file: unread arrays, or None where one lacks."""

    group: str  # where it is, or what the names of its arrays have in common
    name: str  # what it is called: the last part of that, or what stands beside it
    kernel: Numbers | None
    bias: Numbers | None
    arrays: tuple[str, ...] = ()  # the names of its arrays where they are in no group


@dataclass(frozen=True)
class Layers:
    """What a reader of one kind of file found in it, in the file's order.

    `members` are the names at the top, those of other things too. `ordered` is False where the
    order of the file says nothing.
    """

    layout: str
    stored: list[Stored]
    members: tuple[str, ...]
    turns: Turns = "no"
    ordered: bool = True


@dataclass(frozen=True)
class Contents:
    """The layers of a file, under our names and in the order of the network."""

    architecture: str
    table: Table
    layout: str
    layers: dict[str, Stored]
    ignored: tuple[str, ...]
    turns: Turns = "no"


def channels_first(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of a kernel with its channels first, given the one with them last.

    >>> channels_first((3, 3, 64, 128))
    (128, 64, 3, 3)
    """
    return (shape[-1], shape[-2], *shape[:-2])


def is_first(stored: Stored, shape: tuple[int, ...]) -> bool:
    """Whether a layer's kernel is stored with its channels first."""
    found = stored.kernel.shape if stored.kernel else None
    return found != shape and found == channels_first(shape)


# What the layers declare, before any memory is taken for them.


def check_declared(contents: Contents, *, either: bool = False) -> None:
    """Check shape, number type and storage of every kernel and bias.

    Parameters
    ----------
    contents : Contents
    either : bool
        Whether a kernel may have its channels first.
    """
    for name, shape in contents.table.items():
        stored = contents.layers[name]
        where = f"for {contents.architecture}'s {name}"
        asked = channels_first(shape) if either and is_first(stored, shape) else shape
        _check_array(stored.kernel, f"kernel of {stored.group!r}", asked, where)
        _check_array(stored.bias, f"bias of {stored.group!r}", shape[-1:], where)


def _check_array(found: Numbers | None, label: str, expected: tuple[int, ...], where: str) -> None:
    if found is None:
        raise RefusedError(f"has no {label}")
    if found.shape != expected:
        axes = f"({_TAPS[len(expected)]}C_in, C_out)" if len(expected) > 1 else "(C_out,)"
        raise RefusedError(
            f"has a {label} of shape {found.shape}, expected {expected} {where}, "
            f"whose axes are {axes}"
        )
    if found.dtype is None:
        raise RefusedError(
            f"has a {label} of {found.kind}", "save it as float16, float32 or float64"
        )
    found.check_storage(label)


# The numbers.


def read_all(contents: Contents, dtype: DTypeLike | None) -> dict[str, Pair]:
    """Read kernels and biases of all layers, several at a time; see `read`."""
    found: dict[str, Pair] = {}

    def work(name: str) -> None:
        found[name] = read(contents.layers[name], dtype)

    for_each(work, contents.layers)
    return {name: found[name] for name in contents.layers}


def read(stored: Stored, dtype: DTypeLike | None) -> Pair:
    """Read kernel and bias of one layer, and check that all entries are finite.

    They become `dtype`; None leaves each as the file has it, in this machine's order of bytes.
    """
    arrays = []
    for kind, numbers in (("kernel", stored.kernel), ("bias", stored.bias)):
        assert numbers is not None  # `check_declared` has seen to it
        assert numbers.dtype is not None
        wanted = numbers.dtype.newbyteorder("=") if dtype is None else dtype
        with np.errstate(over="ignore"):  # told below
            array = numbers.read().astype(wanted, copy=False)
        if not np.isfinite(array).all():
            raise RefusedError(
                f"has entries that are not finite {array.dtype} numbers in the {kind} of "
                f"{stored.group!r}",
                "copy or download it again",
            )
        arrays.append(array)
    return arrays[0], arrays[1]


def named(path: object, caller: str, refusal: RefusedError, remedy: str) -> str:
    """Make the one sentence of an error: who reads what, what is wrong, what to do."""
    what = str(refusal)
    if len(what) > _LONGEST_MESSAGE:
        what = f"{what[:_LONGEST_MESSAGE]}…"
    return f"{caller}: {path} {what}: {refusal.remedy or remedy}"
