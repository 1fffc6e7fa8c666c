import json

import numpy as np
import pytest

from nst_numpy.errors import OutputError, SettingError, UnknownNameError
from nst_numpy.pictures.images import load_image, save_image
from nst_numpy.style_transfer import transfer
from nst_numpy.sweeps import combinations
from nst_numpy.sweeps.combinations import Grid, grid
from nst_numpy.vgg import VGG
from tests.sweeps.conftest import COMMON, CONTENT, OTHER, STYLE

LAYER_SETS = [{"relu1_1": 1.0}, {"relu2_1": 1.0}]


def test_each_combination_stands_in_its_place_and_is_the_run_of_its_settings():
    found = grid(CONTENT, STYLE, strength=[30, 70], style_loss=["gram", "wasserstein"], size=32,
                 **COMMON)  # fmt: skip
    assert (found.columns, found.rows) == (["strength"], ["style_loss"])
    places = [(cell.values["style_loss"], cell.values["strength"]) for cell in found.cells]
    assert places == [("gram", 30), ("gram", 70), ("wasserstein", 30), ("wasserstein", 70)]
    assert [cell.state for cell in found.cells] == ["painted"] * 4
    alone = transfer(CONTENT, STYLE, size=32, strength=30, style_loss="wasserstein", **COMMON)
    np.testing.assert_array_equal(found.cells[2].image, alone.image)
    assert found.cells[2].about["loss"] == alone.loss
    assert found.best is min(found.cells, key=lambda cell: cell.judgement.score)


def test_a_third_and_a_fourth_axis_are_outside_the_first_two():
    more = {name: each for name, each in COMMON.items() if name != "style_layers"}
    found = Grid(CONTENT, [STYLE, OTHER], strength=[30, 70], size=[32, 24],
                 style_layers=LAYER_SETS, **more)  # fmt: skip
    assert (found.columns, found.rows) == (["style_layers", "strength"], ["size", "style"])
    assert found.lines(found.columns) == [
        {"style_layers": LAYER_SETS[0], "strength": 30},
        {"style_layers": LAYER_SETS[0], "strength": 70},
        {"style_layers": LAYER_SETS[1], "strength": 30},
        {"style_layers": LAYER_SETS[1], "strength": 70},
    ]
    last = found.cells[-1]
    assert last.values == {"strength": 70, "style": "array 2", "style_layers": LAYER_SETS[1],
                           "size": 24}  # fmt: skip
    assert (last.settings.size, last.style, last.settings.strength) == (24, 1, 70)
    assert last.settings.style_layers == LAYER_SETS[1]


def test_presets_are_an_axis_and_what_is_given_beside_them_counts_more():
    more = {name: each for name, each in COMMON.items() if name != "iterations"}
    given = {"size": 32, "iterations": 3, "strength": 20, "tv_weight": [0.0, 1.0]} | more
    found = Grid(CONTENT, STYLE, preset=["soft", "lecture", None], **given)
    assert (found.columns, found.rows) == (["tv_weight"], ["preset"])
    soft, _, lecture, _, none, _ = (cell.settings for cell in found.cells)
    assert (soft.colors, lecture.colors, none.colors) == ("content", "style", "style")
    assert (soft.optimizer, lecture.optimizer, none.optimizer) == ("lbfgs", "gd", "lbfgs")
    assert {cell.settings.strength for cell in found.cells} == {20}
    assert found.cells[4].label == "tv weight 0, preset none"
    with pytest.raises(UnknownNameError, match="unknown preset 'sofd': did you mean soft"):
        grid(CONTENT, STYLE, preset=["soft", "sofd"])


def test_what_is_in_the_folder_is_not_painted_again(tmp_path, runs):
    more = {"size": 32, "folder": tmp_path} | COMMON
    first = grid(CONTENT, STYLE, strength=[30, 70], **more)
    assert runs == [30, 70]
    again = grid(CONTENT, STYLE, strength=[30.0, 50, 70], **more)
    assert runs == [30, 70, 50]
    assert [cell.state for cell in again.cells] == ["kept", "painted", "kept"]
    np.testing.assert_array_equal(again.cells[2].image, first.cells[1].image)
    assert again.cells[2].judgement == first.cells[1].judgement
    assert again.cells[2].about == first.cells[1].about


@pytest.mark.parametrize("change", ["picture", "content", "style", "setting", "network"])
def test_what_was_made_of_something_else_is_painted_again(tmp_path, runs, change):
    more = {"size": 32, "folder": tmp_path} | COMMON
    first = grid(CONTENT, STYLE, strength=[30, 70], **more)
    if change == "picture":
        save_image(tmp_path / first.cells[0].file, OTHER)
    content = CONTENT[:, ::-1] if change == "content" else CONTENT
    if change == "setting":
        more["seed"] = 1
    if change == "network":
        more["vgg"] = VGG.random((4, 8), np.random.default_rng(1), dtype=np.float32)
    found = grid(np.ascontiguousarray(content), OTHER if change == "style" else STYLE,
                 strength=[30, 70], **more)  # fmt: skip
    assert runs == [30, 70, 30] + [70] * (change != "picture")
    for cell in found.cells:
        np.testing.assert_array_equal(load_image(tmp_path / cell.file), cell.image)


def test_a_cell_that_cannot_be_painted_says_so_and_the_others_are_painted():
    found = grid(CONTENT, STYLE, strength=[30, 70], size=[10**6, 32], **COMMON)
    assert [cell.state for cell in found.cells] == ["failed", "failed", "painted", "painted"]
    assert "give a smaller size" in found.cells[0].error
    assert found.cells[0].image is None
    assert found.count("failed") == 2


def test_ctrl_c_leaves_what_there_is(tmp_path, stop_in_run, runs):
    stop_in_run(2)
    more = {"strength": [30, 50, 70], "size": 32, "folder": tmp_path} | COMMON
    found = grid(CONTENT, STYLE, **more)
    assert found.stopped
    assert [cell.state for cell in found.cells] == ["painted", "stopped", "waiting"]
    assert [cell.image is None for cell in found.cells] == [False, False, True]
    assert found.cells[1].judgement is None
    again = grid(CONTENT, STYLE, **more)
    assert [cell.state for cell in again.cells] == ["kept", "painted", "painted"]


def test_ctrl_c_before_a_first_picture_leaves_the_others(stop_in_run):
    stop_in_run(2, evaluation=1)
    found = grid(CONTENT, STYLE, strength=[30, 50, 70], size=32, beta=1.0, **COMMON)
    assert found.stopped
    assert [cell.state for cell in found.cells][::2] == ["painted", "waiting"]


def test_each_painting_and_size_has_its_judge_and_one_is_kept(judges):
    found = grid(CONTENT, [STYLE, OTHER], strength=[30, 50], size=[32, 16], **COMMON)
    assert judges == [(STYLE.shape, None), (OTHER.shape, None)] * 2  # small ones first
    assert [cell.judgement is None for cell in found.cells] == [False, False, True, True] * 2
    assert found.cells[-1].about["not_judged"] == "too small"


def test_the_record_says_all_of_every_cell(tmp_path):
    found = grid(CONTENT, STYLE, strength=[30, 70], size=32, folder=tmp_path, **COMMON)
    found.save_json(tmp_path / "sheet.json")
    record = json.loads((tmp_path / "sheet.json").read_text(encoding="utf-8"))
    assert record["axes"] == {"strength": [30, 70]}
    assert record["columns"] == [{"strength": 30}, {"strength": 70}]
    assert record["rows"] == [{}]
    second = record["cells"][1]
    assert (second["row"], second["column"], second["state"]) == (0, 1, "painted")
    assert second["settings"]["strength"] == 70
    assert second["settings"]["beta"] > record["cells"][0]["settings"]["beta"]
    assert second["judgement"]["content"] == 0.25
    assert (tmp_path / second["file"]).exists()


def test_a_picture_that_cannot_be_saved_does_not_end_the_work(tmp_path, monkeypatch):
    def full(path, image):
        raise OutputError("the disk is full")

    monkeypatch.setattr(combinations, "save_image", full)
    with pytest.warns(RuntimeWarning, match="not kept, and the work goes on: the disk"):
        found = grid(CONTENT, STYLE, strength=[30, 70], size=32, folder=tmp_path, **COMMON)
    assert [cell.state for cell in found.cells] == ["painted", "painted"]


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({}, SettingError, "nothing varies: give two values or more of one of strength, style"),
        ({"strength": [30, 30.0]}, SettingError, "nothing varies"),
        ({"strength": []}, SettingError, "strength has no value"),
        ({"strength": [30, 101]}, SettingError, "strength must be from 0 to 100, not 101"),
        ({"style_loss": ["gram", "gramm"]}, SettingError, "gramm"),
        ({"strength": [*range(101)], "seed": [0, 1]}, SettingError, "202 pictures are too many"),
        ({"strength": [1, 2], "seed": [0, 1], "size": [16, 32], "tv_weight": [0, 1],
          "style_size": [16, 32]}, SettingError, "at most 4 axes"),
        ({"strenght": [30, 60]}, UnknownNameError, "did you mean strength?"),
        ({"strength": [1, 2], "style_layers": {"relu9_1": 1.0}}, UnknownNameError, "relu9_1"),
    ],
)  # fmt: skip
def test_what_cannot_work_is_refused_before_the_work(runs, settings, error, message):
    with pytest.raises(error, match=message):
        grid(CONTENT, STYLE, **(COMMON | {"size": 32} | settings))
    assert runs == []


def test_a_network_that_cannot_be_told_from_others_has_no_folder(tmp_path):
    class Nameless:
        def __getattr__(self, name):
            if name == "params":
                raise AttributeError(name)
            return getattr(COMMON["vgg"], name)

    with pytest.raises(SettingError, match="leave folder out"):
        Grid(CONTENT, STYLE, strength=[1, 2], folder=tmp_path, **(COMMON | {"vgg": Nameless()}))
