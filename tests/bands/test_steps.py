import numpy as np
import pytest

from nst_numpy.bands.steps import steps_of
from nst_numpy.vgg import VGG


@pytest.mark.parametrize("height", [8, 9, 11])
def test_every_row_of_the_input_is_seen_and_given_back(height):
    vgg = VGG.random((3, 4), np.random.default_rng(0), convolutions=(2, 1))
    shape = (1, height, 6, 3)
    for step in steps_of(vgg.plan(shape, ["relu2_1"]).blocks, shape):
        seen: set[int] = set()
        for row in range(step.height):
            _, rows = step.local(slice(row, row + 1))
            seen |= set(range(rows.start, rows.stop))
        assert seen == set(range(step.x_height)), step.names


def test_padding_is_only_where_the_picture_ends():
    vgg = VGG.random((3,), np.random.default_rng(0))
    [step] = steps_of(vgg.plan((1, 9, 6, 3), ["relu1_1"]).blocks, (1, 9, 6, 3))
    pads = {rows: step.local(slice(*rows)) for rows in ((0, 3), (3, 6), (6, 9))}
    assert [local.window.pad[0] for local, _ in pads.values()] == [(1, 0), (0, 0), (0, 1)]
    assert [(rows.start, rows.stop) for _, rows in pads.values()] == [(0, 4), (2, 7), (5, 9)]
