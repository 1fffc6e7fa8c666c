"""Former names: whoever wrote `nst_numpy.images` in a program need not change it."""

import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pkgutil import resolve_name
from types import ModuleType

# what it was called -> what it is called now
MOVED = {
    "nst_numpy.bench": "nst_numpy.measure.bench",
    "nst_numpy.cli.options": "nst_numpy.cli.parts.options",
    "nst_numpy.cli.outputs": "nst_numpy.cli.parts.outputs",
    "nst_numpy.cli.rivals": "nst_numpy.cli.parts.rivals",
    "nst_numpy.decoding": "nst_numpy.pictures.decoding",
    "nst_numpy.estimate": "nst_numpy.measure.estimate",
    "nst_numpy.hdf5": "nst_numpy.weights.hdf5",
    "nst_numpy.images": "nst_numpy.pictures.images",
    "nst_numpy.layers.im2col": "nst_numpy.kernels.im2col",
    "nst_numpy.layers.memory": "nst_numpy.kernels.memory",
    "nst_numpy.layers.parallel": "nst_numpy.kernels.threads",
    "nst_numpy.layers.products": "nst_numpy.kernels.products",
    "nst_numpy.layers.windows": "nst_numpy.kernels.windows",
    "nst_numpy.layers.winograd": "nst_numpy.kernels.winograd",
    "nst_numpy.networks": "nst_numpy.training.sequential",
    "nst_numpy.run_folder": "nst_numpy.runs.saved",
    "nst_numpy.samples": "nst_numpy.pictures.samples",
    "nst_numpy.selfcheck": "nst_numpy.measure.selfcheck",
    "nst_numpy.tables": "nst_numpy.common.text",
}


class _FormerName(MetaPathFinder, Loader):
    """Finds a module under its former name: it is the same module, not a copy."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return ModuleSpec(fullname, self) if fullname in MOVED else None

    def exec_module(self, module: ModuleType) -> None:
        # a module may put another in its place while it is loaded
        sys.modules[module.__name__] = import_module(MOVED[module.__name__])


def know_former_names() -> None:
    """Let `import` find the modules in `MOVED`."""
    sys.meta_path.append(_FormerName())


def former_names(here: str, now: str | Mapping[str, str], *names: str) -> Callable[[str], object]:
    """Make the `__getattr__` of a module whose names are elsewhere now, or have another name.

    Parameters
    ----------
    here : str
        The module's own name.
    now : str or mapping of str to str
        The module that `names` are in; or for each former name its place and name now, or its
        name alone where it is still in this module.
    """
    places = {name: f"{now}.{name}" for name in names} if isinstance(now, str) else now

    def find(name: str) -> object:
        if name not in places:
            raise AttributeError(f"module {here!r} has no attribute {name!r}")
        place = places[name] if "." in places[name] else f"{here}.{places[name]}"
        return resolve_name(place)

    return find


def keep_former_names(here: str, now: str | Mapping[str, str], *names: str) -> None:
    """Let a module find its former names; the parameters are those of `former_names`.

    A `__getattr__` written in the module would hide misspelt names from type checkers: to them any
    name would be known. They know the present names only.
    """
    vars(sys.modules[here])["__getattr__"] = former_names(here, now, *names)


def now_in(package: str, **files: Sequence[str]) -> dict[str, str]:
    """List where names are after their file was split: for each name its place now.

    >>> now_in("nst_numpy.signals", blocks=["cut", "grid"])
    {'cut': 'nst_numpy.signals.blocks.cut', 'grid': 'nst_numpy.signals.blocks.grid'}
    """
    return {name: f"{package}.{file}.{name}" for file, names in files.items() for name in names}
