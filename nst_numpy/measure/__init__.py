"""What a run costs, how fast this machine is, are the gradients right, how good is a picture."""

from nst_numpy.measure.judgement import Judge, Judgement, judge

__all__ = ["Judge", "Judgement", "judge"]
