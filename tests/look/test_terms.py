import json

import numpy as np
import pytest

from nst_numpy.errors import SettingError
from nst_numpy.look import trace
from tests.look.small import picture, tiny


def test_shares_are_of_the_sum_of_absolute_parts_of_one_kind():
    unit = trace(tiny(), picture(), "conv2_1", 0, 3, 4)
    every = unit.largest_inputs(1000)
    by_channel = unit.contributions.sum(axis=(0, 1))
    by_position = unit.contributions.sum(axis=2)
    for parts, values in ((every.channels, by_channel), (every.positions, by_position),
                          (every.terms, unit.contributions)):  # fmt: skip
        assert len(parts) == values.size
        assert sum(p.share for p in parts) == pytest.approx(1)
        assert sum(p.contribution for p in parts) == pytest.approx(unit.sum - unit.bias)
        sizes = [abs(p.contribution) for p in parts]
        assert sizes == sorted(sizes, reverse=True)
        assert parts[0].share == pytest.approx(sizes[0] / np.abs(values).sum())
    assert min(p.contribution for p in every.terms) < 0 < max(p.contribution for p in every.terms)
    best = every.terms[0]
    place = (best.row - unit.top, best.col - unit.left, best.channel)
    assert best.contribution == unit.contributions[place]
    assert len(unit.largest_inputs(2).terms) == 2


@pytest.mark.parametrize("n", [0, -1, 1.5])
def test_a_number_of_inputs_below_1_is_refused(n):
    unit = trace(tiny(), picture(), "conv1_1", 0, 0, 0)
    with pytest.raises(SettingError, match=f"at least 1, not {n}"):
        unit.largest_inputs(n)


def test_the_json_holds_every_number():
    unit = trace(tiny(), picture(), "relu2_1", 1, 0, 0)
    record = json.loads(json.dumps(unit.as_dict()))
    assert np.sum(record["contributions"]) + record["bias"] == pytest.approx(record["sum"])
    assert record["input"] == {"layer": "pool1", "top": -1, "left": -1}
    assert record["box"]["top"] == 0
