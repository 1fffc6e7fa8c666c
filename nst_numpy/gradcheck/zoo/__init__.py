"""The zoo: mistakes that people make in gradients, each made on purpose.

A mistake is one line of `zoo.layers`, changed. The wrong copy is then checked like anybody's
code, and the diagnosis is compared with what was done.

>>> report = check_mistake(MISTAKES[0])
>>> report.diagnosis.name == MISTAKES[0].expected
True
"""

from nst_numpy.gradcheck.zoo.mistakes import (
    LAYERS,
    MISTAKES,
    Mistake,
    check_layer,
    check_mistake,
    zoo_table,
)

__all__ = ["LAYERS", "MISTAKES", "Mistake", "check_layer", "check_mistake", "zoo_table"]
