"""What `VGG` and `Sequential` have in common: names in an order, and a tape.

The tape keeps, for each layer that the last forward pass reached, what the way back needs.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from nst_numpy.errors import SettingError, UnknownNameError
from nst_numpy.layers.activation import RELU_RULES


class Taped:
    """A network whose layers have names, and which remembers its last forward pass."""

    _tape: dict[str, Any]  # of the layers that were reached, in the network's order

    @property
    def layer_names(self) -> list[str]:
        """All names that `forward` knows, from the input upwards."""
        raise NotImplementedError

    def check_names(self, names: Iterable[str]) -> list[str]:
        """Sort layer names from the input upwards; an unknown one is an error."""
        names = set(names)
        for name in names:
            if name not in self.layer_names:
                raise UnknownNameError.of("layer", name, self.layer_names)
        return [name for name in self.layer_names if name in names]

    def _check_backward(self, grads: Mapping[str, object], relu: str) -> str:
        """Refuse what does not belong to the last forward pass; return the deepest layer."""
        who = f"{type(self).__name__}.backward"
        if not grads:
            raise SettingError(f"{who}: give the gradient of at least one layer")
        names = self.check_names(grads)
        for name in names:
            if name not in self._tape:
                raise SettingError(
                    f"{who}: the last forward did not reach {name}: "
                    "call forward with that layer first"
                )
        if relu not in RELU_RULES:
            raise SettingError(f"{who}: relu must be one of {', '.join(RELU_RULES)}, not {relu!r}")
        return names[-1]
