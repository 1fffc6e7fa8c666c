"""What a run costs, how fast this machine is, are the gradients right, how good is a picture.

The judge is looked up when it is first used: a run asks this room for its cost alone.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nst_numpy.measure.judgement import Judge, Judgement, JudgeOfSeveral, judge

__all__ = ["Judge", "JudgeOfSeveral", "Judgement", "judge"]

# Type checkers know the names above; to them, with this, any other name would be known too.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name in __all__:
            return getattr(import_module("nst_numpy.measure.judgement"), name)
        raise AttributeError(f"module 'nst_numpy.measure' has no attribute {name!r}")
