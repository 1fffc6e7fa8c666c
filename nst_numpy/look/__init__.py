"""Looking inside a network."""

from nst_numpy.look.receptive_field import ReceptiveField, receptive_field

__all__ = ["ReceptiveField", "receptive_field"]
