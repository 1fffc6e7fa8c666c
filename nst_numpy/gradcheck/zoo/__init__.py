"""The zoo: mistakes that people make in gradients, each made on purpose.

A mistake is one line of a layer or loss, changed: they are in `layers`, `elementwise`, `mixing` and
`losses`, and `subjects` lists them. The wrong copy is then checked like anybody's
code, and the diagnosis is compared with what was done.

>>> report = check_mistake(MISTAKES[0])
>>> report.diagnosis.name == MISTAKES[0].expected
True
"""

from nst_numpy.gradcheck.zoo.mistakes import (
    MISTAKES,
    Mistake,
    check_layer,
    check_mistake,
    zoo_table,
)
from nst_numpy.gradcheck.zoo.subjects import LAYERS

__all__ = ["LAYERS", "MISTAKES", "Mistake", "check_layer", "check_mistake", "zoo_table"]
