"""Moving pictures: each frame is held to the one before, so that a painted movie does not flicker.

>>> import nst_numpy as nst
>>> nst.video.paint_video("dog.gif", "painted.gif", style="starry_night")   # doctest: +SKIP
"""

from nst_numpy.video.clips import Clip, Window, look_through, pan, there_and_back, turn, zoom
from nst_numpy.video.consistency import drift, warping_error
from nst_numpy.video.flow import carry, dis_flow, inside, trusted
from nst_numpy.video.held import Expectation
from nst_numpy.video.job import VideoJob, VideoResult, paint_video
from nst_numpy.video.painting import Painter, VideoSettings
from nst_numpy.video.sources import Frame, Movie, open_movie
from nst_numpy.video.targets import Target, check_target, save_gif

__all__ = [
    "Clip",
    "Expectation",
    "Frame",
    "Movie",
    "Painter",
    "Target",
    "VideoJob",
    "VideoResult",
    "VideoSettings",
    "Window",
    "carry",
    "check_target",
    "dis_flow",
    "drift",
    "inside",
    "look_through",
    "open_movie",
    "paint_video",
    "pan",
    "save_gif",
    "there_and_back",
    "trusted",
    "turn",
    "warping_error",
    "zoom",
]
