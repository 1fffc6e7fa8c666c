"""The answers: one function for each kind of question. No HTTP here."""

from collections.abc import Callable

from nst_numpy.live import channels, pixels, units
from nst_numpy.live.asked import Question
from nst_numpy.live.channels import Aids, Told
from nst_numpy.live.code import code_of
from nst_numpy.live.moment import Moment
from nst_numpy.live.sums import Answer

NUMBERS: dict[str, Callable[[Moment, Question], Answer]] = {
    "pixel": pixels.pixel,
    "term": pixels.term,
    "layer": pixels.layer,
    "share": pixels.share,
    "forward": units.forward,
    "backward": units.backward,
}
CHANNELS: dict[str, Callable[[Moment, Question, Aids, Told], Answer]] = {
    "channel": channels.channel,
    "patches": channels.patches,
}


def nobody(part: float, words: str) -> None:
    """Tell nobody how far an answer is."""


def answer(moment: Moment, question: Question, aids: Aids, told: Told = nobody) -> Answer:
    """Answer a question about a moment.

    Parameters
    ----------
    moment : Moment
    question : Question
    aids : Aids
    told : callable
        (part, words): told how far a long answer is. It may raise `Cancelled`.

    Raises
    ------
    SettingError, UnknownNameError
        There is no such pixel, unit or channel.
    """
    if question.kind in NUMBERS:
        found = NUMBERS[question.kind](moment, question)
    elif question.kind in CHANNELS:
        found = CHANNELS[question.kind](moment, question, aids, told)
    else:
        matches = moment.objective.matches  # of one painting, as the page has
        places = None if isinstance(matches, dict) else matches
        found = channels.stroke(moment, question, places, aids)
    found.code = code_of(question.kind)
    return found
