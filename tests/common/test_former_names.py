from importlib import import_module
from pkgutil import resolve_name

import pytest

from nst_numpy.common.moved import MOVED, former_names
from nst_numpy.course import grade
from nst_numpy.signals import drift, heartbeats


@pytest.mark.parametrize("former", MOVED)
def test_a_module_is_found_under_its_former_name(former):
    assert import_module(former) is import_module(MOVED[former])


@pytest.mark.parametrize(
    ("former", "now"),
    [
        ("gradcheck.evidence.Study", "gradcheck.evidence.GradientStudy"),
        ("gradcheck.pair.Pair", "gradcheck.pair.FunctionPair"),
        ("gradcheck.report.Index", "arrays.Index"),
        ("gradcheck.zoo.mistakes.Function", "gradcheck.zoo.mistakes.LayerFunction"),
        ("gradcheck.zoo.mistakes.Layer", "gradcheck.zoo.mistakes.ZooLayer"),
        ("layers.reference.Index", "arrays.Index"),
        ("look.gradient_terms", "objective.Objective.gradient_terms"),
        ("look.pull.gradient_terms", "objective.Objective.gradient_terms"),
        ("look.units.PathLike", "files.PathLike"),
        ("losses.softmax", "training.losses.softmax"),
        ("optimize.Callback", "optimize.StepCallback"),
        ("rows.Pair", "rows.LayerParams"),
        ("signals.drift.CLASSES", "signals.examples.CLASSES"),
        ("signals.drift.Labels", "arrays.Integers"),
        ("signals.drift.compare", "signals.comparison.compare"),
        ("signals.drift.cut", "signals.blocks.cut"),
        ("signals.drift.make_rivals", "signals.rivals.make_rivals"),
        ("signals.heartbeats.BAND", "signals.beats.BAND"),
        ("signals.heartbeats.Result", "signals.classifiers.BeatCounts"),
        ("signals.heartbeats.study", "signals.classifiers.study"),
        ("weights.vgg_files.Params", "weights.vgg_files.Convolutions"),
    ],
)
def test_a_name_is_found_at_its_former_place(former, now):
    assert look_up(former) is look_up(now)


def look_up(name):
    return resolve_name(f"nst_numpy.{name}")


@pytest.mark.parametrize("module", [drift, grade, heartbeats])
def test_every_former_name_of_a_file_that_was_split_is_found(module):
    for name, place in module._FORMER.items():
        assert getattr(module, name) is resolve_name(place)


def test_what_never_was_there_is_an_attribute_error():
    find = former_names("nst_numpy.here", {"old": "nst_numpy.common.text.table"})
    assert find("old") is look_up("text.table")
    with pytest.raises(AttributeError, match=r"module 'nst_numpy\.here' has no attribute 'new'"):
        find("new")
