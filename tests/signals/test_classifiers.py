import numpy as np
import pytest

from nst_numpy.errors import SettingError
from nst_numpy.figures.heartbeat import filters_figure
from nst_numpy.signals import study
from nst_numpy.signals.classifiers import ALWAYS, LINEAR, NETWORK, count
from nst_numpy.signals.heartbeats import PARTS


def test_counting_by_hand():
    result = count(np.array([0, 0, 0, 0, 1, 1]), np.array([0, 0, 0, 1, 1, 0]))
    assert result.confusion.tolist() == [[3, 1], [1, 1]]
    assert result.balanced_accuracy == (3 / 4 + 1 / 2) / 2
    assert result.accuracy == 4 / 6


def test_the_network_learns_what_is_easy_and_always_narrow_does_not(small):
    found = study(small, epochs=15)
    assert found.results[NETWORK]["test"].balanced_accuracy == 1.0
    assert found.results[LINEAR]["test"].balanced_accuracy == 1.0
    assert found.results[ALWAYS]["test"].balanced_accuracy == 0.5
    assert found.networks[NETWORK].params["conv1"][0].shape == (5, 1, 16)
    assert found.networks[NETWORK].params["conv2"][0].shape == (5, 16, 32)
    assert found.histories[NETWORK].epochs == 15
    for parts in found.results.values():
        for part, result in parts.items():
            assert result.confusion.sum() == np.sum(small.part == part)


def test_shuffled_labels_cannot_be_learnt(ecg):
    rng = np.random.default_rng(0)
    shuffled = ecg.labels.copy()
    for part in PARTS:  # as many of each class in each part
        shuffled[ecg.part == part] = rng.permutation(shuffled[ecg.part == part])
    data = type(ecg)(**{**vars(ecg), "labels": shuffled})
    results = [study(data, epochs=5, seed=seed).results[NETWORK]["test"] for seed in range(3)]
    assert np.mean([result.balanced_accuracy for result in results]) < 0.65


def test_equal_seeds_give_equal_networks_and_others_do_not(small):
    one, same, other = (study(small, epochs=1, seed=seed).networks[NETWORK] for seed in (3, 3, 4))
    w, w_same, w_other = (net.params["conv1"][0] for net in (one, same, other))
    np.testing.assert_array_equal(w, w_same)
    assert not np.array_equal(w, w_other)


def test_a_seed_below_0_is_refused(small):
    with pytest.raises(SettingError, match="seed must be at least 0, not -1"):
        study(small, seed=-1)


def test_filters_are_drawn_one_a_panel():
    figure = filters_figure(np.ones((5, 1, 10)), 360)
    assert sum(bool(axes.get_title()) for axes in figure.axes) == 10
