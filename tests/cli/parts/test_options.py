import argparse

import pytest

from nst_numpy.cli.parts.options import (
    duration,
    layer_weights,
    show_layer_weights,
    whole_number,
)
from nst_numpy.objective import STYLE_LAYERS


def test_layer_weights_are_read_as_they_are_written():
    assert layer_weights(" relu1_1 = 0.5 ,relu2_1") == {"relu1_1": 0.5, "relu2_1": 1.0}
    assert layer_weights(show_layer_weights(STYLE_LAYERS)) == STYLE_LAYERS


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (0, "0.0 s"),
        (9.94, "9.9 s"),
        (10.2, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min 0 s"),
        (3599.4, "59 min 59 s"),
        (3599.6, "1 h 0 min"),
        (7261, "2 h 1 min"),
    ],
)
def test_durations_are_written_for_people(length, text):
    assert duration(length) == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("²", "not a whole"),
        ("9" * 400, "not a whole"),
        ("9" * 5000, "not a"),
        ("999999999", "at most 1000"),
    ],
)
def test_a_number_that_cannot_be_meant_is_refused(text, message):
    assert whole_number("12") == 12
    with pytest.raises(argparse.ArgumentTypeError, match=message) as refusal:
        whole_number(text)
    assert len(str(refusal.value)) < 100
