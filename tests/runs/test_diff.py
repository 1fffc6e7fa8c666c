import pytest

from nst_numpy.errors import SettingError
from nst_numpy.runs.diff import KeptRun, diff_runs, partings, read_run
from nst_numpy.runs.record import Record
from tests.runs.small_runs import PICTURES, paint, picture


def entry(iteration, size=8, **terms):
    named = {name.replace("_of_", "/"): value for name, value in terms.items()}
    return {"iteration": iteration, "height": size, "width": size, "terms": named}


def test_the_first_term_is_the_lowest_of_the_first_iteration_that_differs():
    one = [entry(n, style_of_relu1_1=1.0, style_of_relu2_1=2.0, tv=3.0) for n in (1, 2, 3)]
    other = [
        one[0],
        entry(2, style_of_relu1_1=1.0, style_of_relu2_1=2.5, tv=3.0),
        entry(3, style_of_relu1_1=1.1, style_of_relu2_1=2.5, tv=3.0),
    ]
    found = partings(one, other)
    assert [(each.term, each.layer, each.iteration) for each in found] == [
        ("style/relu2_1", "relu2_1", 2),
        ("style/relu1_1", "relu1_1", 3),
    ]
    assert found[0].values == (2.0, 2.5)
    assert found[0].relative == 0.2
    assert found[0].size == "8×8"


def test_a_term_that_only_one_has_counts_as_nothing_in_the_other():
    assert partings([entry(1, tv=1.0)], [entry(1)])[0].values == (1.0, 0.0)
    assert partings([entry(1, tv=0.0)], [entry(1)]) == []


def test_entries_of_other_sizes_are_not_compared():
    assert partings([entry(1, tv=1.0)], [entry(1, size=9, tv=2.0)]) == []


def test_two_runs_alike(tmp_path):
    for name in ("one", "other"):
        paint(run_folder=tmp_path / name)
    found = diff_runs(*(read_run(tmp_path / name) for name in ("one", "other")))
    assert found.is_none
    assert found.same_picture
    assert found.as_text() == (
        "settings: the same\ninputs: the same\nmade by: the same\nended: the same\n"
        "J: the same to the bit in 16 iterations\npicture: the same to the bit"
    )


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"strength": 60}, ("settings", "strength", (50.0, 60))),
        ({"tv_weight": 3.0}, ("settings", "tv_weight", (0.0, 3.0))),
        ({"style_layers": {"relu1_1": 0.5}}, ("settings", "style_layers.relu2_1", (0.5, None))),
        ({"iterations": 9}, ("settings", "iterations", (8, 9))),
    ],
)
def test_a_setting_that_differs(tmp_path, changes, where):
    paint(run_folder=tmp_path / "one")
    paint(run_folder=tmp_path / "other", **changes)
    found = diff_runs(*(read_run(tmp_path / name) for name in ("one", "other")))
    group, name, pair = where
    assert getattr(found, group)[name] == pair
    assert not found.is_none
    assert not found.same_picture
    assert f"  {name}: " in found.as_text()


def test_a_picture_that_differs(tmp_path, monkeypatch):
    paint(run_folder=tmp_path / "one")
    monkeypatch.setattr("tests.runs.small_runs.PICTURES", (picture(5, 30, 40), PICTURES[1]))
    paint(run_folder=tmp_path / "other")
    found = diff_runs(*(read_run(tmp_path / name) for name in ("one", "other")))
    assert list(found.inputs) == ["content"]
    assert found.settings == {}
    assert found.partings[0].iteration == 1
    assert "J: " in found.as_text()
    assert " differs first in layer " in found.as_text()


def test_a_run_under_way_has_no_picture_yet():
    one, other = KeptRun(Record(), [entry(1, tv=1.0)]), KeptRun(Record(result={"image": "x"}), [])
    found = diff_runs(one, other)
    assert found.same_picture is None
    assert found.as_text().endswith("picture: one of them is missing")


@pytest.mark.parametrize("text", ["{", "3", "[3]", '[{"iteration": 1}]', "[" * 10**5, '["a"]'])
def test_a_damaged_history_is_one_sentence(tmp_path, text):
    paint(run_folder=tmp_path)
    (tmp_path / "history.json").write_text(text, "utf-8")
    with pytest.raises(SettingError, match=r"history\.json cannot be read") as caught:
        read_run(tmp_path)
    assert "\n" not in str(caught.value)
