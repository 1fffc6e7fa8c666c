"""The same network in bounded memory: a few rows of the picture at a time.

The engine of this room goes up and down by the blocks of `nst_numpy.fused`, but a block works on a
band of rows. Between bands every layer remembers the last rows that its neighbour reads again, so
each row of each layer is computed once, from the same numbers as in the whole: there are no seams.
What the way down needs, and the activations that losses look at, are kept in memory or in a file.
"""

from nst_numpy.bands.arrays import InBands
from nst_numpy.bands.engine import Banded
from nst_numpy.bands.store import Bands

__all__ = ["Banded", "Bands", "InBands"]
