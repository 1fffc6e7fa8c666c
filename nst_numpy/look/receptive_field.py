"""Which part of its input a unit sees: `nst_numpy.receptive_field`, under its former name."""

from nst_numpy.receptive_field import Box as Box
from nst_numpy.receptive_field import ReceptiveField as ReceptiveField
from nst_numpy.receptive_field import Slide as Slide
from nst_numpy.receptive_field import Slides as Slides
from nst_numpy.receptive_field import count_outputs as count_outputs
from nst_numpy.receptive_field import map_size as map_size
from nst_numpy.receptive_field import network_slides as network_slides
from nst_numpy.receptive_field import receptive_box as receptive_box
from nst_numpy.receptive_field import receptive_field as receptive_field
from nst_numpy.receptive_field import receptive_fields as receptive_fields
from nst_numpy.receptive_field import row_slides as row_slides
from nst_numpy.receptive_field import seen_box as seen_box
from nst_numpy.receptive_field import seen_interval as seen_interval
from nst_numpy.receptive_field import typical_slides as typical_slides
