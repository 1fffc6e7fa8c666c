import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nst_numpy.errors import SettingError, UnknownNameError
from nst_numpy.look.ranking import (
    Ranking,
    check_channels,
    check_whole,
    find_channel,
    rank,
)
from nst_numpy.training.sequential import Conv, GlobalAvgPool, ReLU, Sequential


def plainly(a, channel, k):
    """Rank all positions of one channel: a stable sort, largest first."""
    found = [(a[(*at, channel)], at) for at in np.ndindex(*a.shape[:-1])]
    return sorted(found, key=lambda value_and_place: -value_and_place[0])[:k]


def told(ranking, i):
    """Return what a ranking says of its i-th channel, as a list of tuples."""
    rows = zip(ranking.value[i], ranking.item[i], ranking.position[i], strict=True)
    return [(float(value), int(item), tuple(at.tolist())) for value, item, at in rows]


# rank


def test_rank_by_hand():
    a = np.array([[[1.0, 9], [7, 2]], [[7, 3], [4, 8]]])  # (2, 2, 2)
    best = rank(a, [1, 0], 3)
    assert best.channels == (1, 0)
    assert told(best, 0) == [(9, 0, (0, 0)), (8, 0, (1, 1)), (3, 0, (1, 0))]
    assert told(best, 1) == [(7, 0, (0, 1)), (7, 0, (1, 0)), (4, 0, (1, 1))]  # equal: first first


def test_a_map_of_one_axis_and_of_three():
    assert told(rank(np.array([[3.0], [5], [4]]), [0], 2), 0) == [(5, 0, (1,)), (4, 0, (2,))]
    a = np.zeros((2, 3, 4, 1))
    a[1, 0, 2] = 1
    assert told(rank(a, [0], 1), 0) == [(1, 0, (1, 0, 2))]


@st.composite
def maps(draw):
    sizes = draw(st.lists(st.integers(1, 4), min_size=1, max_size=3))
    count = draw(st.integers(1, 3))
    channels = draw(st.permutations(range(count)))[: draw(st.integers(1, count))]
    seed, k = draw(st.integers(0, 999)), draw(st.integers(1, 12))
    # few different values: many are equal
    return np.random.default_rng(seed).integers(-2, 3, (*sizes, count)).astype(float), channels, k


@settings(max_examples=100)
@given(maps())
def test_rank_is_a_stable_sort_and_leaves_the_map_alone(case):
    a, channels, k = case
    a.flags.writeable = False
    best = rank(a, channels, k)
    assert best.channels == tuple(channels)
    assert best.position.shape == (len(channels), min(k, a[..., 0].size), a.ndim - 1)
    for i, channel in enumerate(channels):
        expected = [(value, 0, at) for value, at in plainly(a, channel, k)]
        assert told(best, i) == expected


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("k", [1, 2])
def test_values_keep_their_dtype(dtype, k):
    assert rank(np.ones((2, 2, 1), dtype), [0], k).value.dtype == dtype


# Rankings merge.


def ranking(*pairs):
    """Make the ranking of one channel from pairs of value and item; they lie at their item."""
    values, items = (np.array([row]) for row in zip(*pairs, strict=True))
    return Ranking((0,), values.astype(float), items, items[..., None])


def test_merge_by_hand():
    one, other = ranking((5, 0), (3, 1)), ranking((5, 0), (4, 1), (1, 2))
    merged = one.merge(other, np.array([2, 3, 4]), k=4)
    # of the two fives the one that was there before comes first
    assert told(merged, 0) == [(5, 0, (0,)), (5, 2, (0,)), (4, 3, (1,)), (3, 1, (1,))]


def test_what_is_ranked_already_does_not_count_twice():
    one, other = ranking((5, 0), (3, 1)), ranking((5, 0), (4, 1))
    merged = one.merge(other, np.array([-1, 2]), k=9)
    assert told(merged, 0) == [(5, 0, (0,)), (4, 2, (1,)), (3, 1, (1,))]


def test_nothing_merges_with_anything():
    none = Ranking.empty((0,), axes=1, dtype=np.float32)
    assert none.value.shape == none.item.shape == (1, 0)
    assert none.position.shape == (1, 0, 1)
    assert none.value.dtype == np.float32
    one = ranking((5, 0), (3, 1))
    for merged in (none.merge(one, np.array([0, 1]), 9), one.merge(none, np.array([], int), 9)):
        assert told(merged, 0) == told(one, 0)
    assert told(none.merge(none, np.array([], int), 9), 0) == []


@settings(max_examples=60)
@given(st.integers(1, 6), st.integers(1, 5), st.integers(0, 5), st.integers(0, 999))
def test_items_one_by_one_or_in_two_halves_give_the_ranking_of_all(items, k, cut, seed):
    a = np.random.default_rng(seed).integers(0, 4, (items, 2, 3, 2)).astype(float)
    cut = min(cut, items)

    def of(numbers):
        best = Ranking.empty((0, 1), axes=2, dtype=a.dtype)
        for i, number in enumerate(numbers):
            best = best.merge(rank(a[number], (0, 1), k), np.array([i]), k)
        return best

    whole = of(range(items))
    halves = of(range(cut)).merge(of(range(cut, items)), np.arange(cut, items), k)
    for channel in (0, 1):
        expected = [
            (value, at[0], at[1:]) for value, at in plainly(a, channel, k)
        ]  # the first axis of `a` is the item
        assert told(whole, channel) == told(halves, channel) == expected


# What is asked for.


@pytest.fixture(scope="module")
def net():
    rows = [Conv(3, 3), ReLU(), GlobalAvgPool()]
    return Sequential(rows, (8, 2), np.random.default_rng(0))


def test_layers_are_put_in_order_and_none_stands_for_all_channels(net):
    asked = {"relu1": None, "conv1": [2, np.int64(0), 2]}
    checked = check_channels("f", net, asked, (1, 8, 2))
    assert list(checked.items()) == [("conv1", (2, 0)), ("relu1", (0, 1, 2))]
    assert all(type(channel) is int for channel in checked["conv1"])
    assert check_channels("f", net, {"global1": iter([1])}, (5, 20, 2)) == {"global1": (1,)}


@pytest.mark.parametrize(
    ("layers", "error", "message"),
    [
        ({}, SettingError, "f: name at least one layer"),
        ({"conv1": []}, SettingError, "f: name at least one channel of conv1"),
        ({"conv1": [0, 3]}, SettingError, "f: conv1 has channels 0 to 2, not 3"),
        ({"conv1": [-1]}, SettingError, "f: conv1 has channels 0 to 2, not -1"),
        ({"conv1": [0.5]}, SettingError, "f: conv1 has channels 0 to 2, not 0.5"),
        ({"conv1": "0"}, SettingError, "f: conv1 has channels 0 to 2, not 0"),
        ({"conv2": [0]}, UnknownNameError, "unknown layer 'conv2': did you mean conv1?"),
    ],
)
def test_layers_and_channels_that_are_not_there(net, layers, error, message):
    with pytest.raises(error) as caught:
        check_channels("f", net, layers, (1, 8, 2))
    assert str(caught.value) == message


def test_whole_numbers():
    check_whole("f", k=1, size=np.int64(7))
    for wrong in (0, -1, 1.5, 2.0, None, "3"):
        with pytest.raises(SettingError) as caught:
            check_whole("f", k=3, size=wrong)
        assert str(caught.value) == (f"f: size must be a whole number of at least 1, not {wrong!r}")


def test_find_channel():
    best = rank(np.zeros((2, 5)), [4, 1], 1)
    rankings = {"relu1": best, "relu2": best}
    assert find_channel(rankings, "relu2", 1) == (best, 1)
    with pytest.raises(SettingError, match=r"^relu3 was not scanned: choose from relu1, relu2$"):
        find_channel(rankings, "relu3", 4)
    with pytest.raises(SettingError, match=r"^channel 0 of relu1 was not scanned$"):
        find_channel(rankings, "relu1", 0)
