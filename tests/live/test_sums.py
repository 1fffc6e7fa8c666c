import json

import numpy as np
import pytest

from nst_numpy.live.sums import Answer, Part, Sum, number, plus, split


def test_the_largest_are_shown_and_the_rest_is_one_number():
    terms = np.array([[1.0, -7.0], [3.0, 0.5]])
    found = split("by term", -2.5, terms, lambda index, value: Part(str(index), value), most=2)
    assert [(part.name, part.value) for part in found.parts] == [("(0, 1)", -7), ("(1, 0)", 3)]
    assert (found.rest, found.others) == (1.5, 2)
    assert found.adds_up
    assert found.error == 0


def test_parts_that_do_not_add_up_are_told_of():
    wrong = Sum("by term", 1.0, [Part("a", 0.5)], 0.5 + 2e-6)
    assert not wrong.adds_up
    assert wrong.error == pytest.approx(2e-6)
    assert wrong.as_dict()["addsUp"] is False


def test_of_0_the_distance_itself_counts():
    assert Sum("by term", 0.0, [Part("a", 1e-9)]).error == 1e-9
    assert split("by term", 0.0, np.zeros((2, 3)), Part).parts == []


def test_a_sum_in_words():
    assert plus([-1.5, 2, -3e-7]) == "−1.5 + 2 + (−3e−07)"
    assert number(123456.0) == "1.235e+05"


def test_an_answer_is_ready_for_json():
    answer = Answer("a", sums=[Sum("by term", 1.0, [Part("b", 1.0, ask={"kind": "pixel"})])])
    record = json.loads(json.dumps(answer.as_dict()))
    assert record["sums"][0]["parts"][0]["ask"] == {"kind": "pixel"}
