import json

import numpy as np
import pytest

from nst_numpy.errors import OutputError, SettingError
from nst_numpy.pictures.images import load_image, save_image
from nst_numpy.runs.folder import continued
from nst_numpy.runs.record import Record, read_record
from nst_numpy.runs.saved import load_run
from nst_numpy.style_transfer import transfer
from tests.runs.small_runs import LAYERS, PICTURES, TINY, paint, picture, stop_at, terms


def test_what_is_in_the_folder(tmp_path):
    result = paint(run_folder=tmp_path / "new" / "run", iterations=30, scales=1)
    place = tmp_path / "new" / "run"
    names = {path.name for path in place.iterdir()}
    assert names == {
        "run.toml", "history.json", "state", "snapshots",
        "result.png", "content.png", "style.png", "run.json",
    }  # fmt: skip
    assert (load_image(place / "result.png") == result.image).all()
    assert json.loads((place / "history.json").read_text("utf-8")) == result.history
    assert [path.name for path in (place / "snapshots").iterdir()] == ["00025.png"]
    record = read_record(place)
    assert record.result["reason"] == result.reason
    assert record.result["passes"] == [[0, 30]]
    assert record.used["beta"] == result.settings["beta"]
    assert "minutes" not in record.settings


def test_a_folder_changes_no_picture(tmp_path):
    assert (paint(run_folder=tmp_path).image == paint().image).all()


def test_a_run_with_neighbours_has_its_source_map_there(tmp_path):
    changes = {"style_loss": "neighbours", "scales": 1}
    part = paint(run_folder=tmp_path, callback=stop_at(6), **changes)
    assert load_run(tmp_path).source.loss == part.source.loss
    whole, resumed = paint(**changes), paint(resume=tmp_path)
    assert (resumed.source.indices == whole.source.indices).all()
    assert load_run(tmp_path).source.loss == whole.source.loss != part.source.loss


def test_the_history_is_there_while_the_run_goes(tmp_path):
    seen = []

    def look(progress):
        file = tmp_path / "history.json"
        seen.append(file.exists() and json.loads(file.read_text("utf-8"))[0]["iteration"])

    paint(run_folder=tmp_path, callback=look)
    assert seen[1:] == [1] * 15
    assert read_record(tmp_path).result  # written at the end only


def test_a_folder_with_a_run_is_not_written_over(tmp_path):
    paint(run_folder=tmp_path)
    before = (tmp_path / "run.toml").read_bytes()
    with pytest.raises(OutputError, match="holds a run already: go on with it by --resume"):
        paint(run_folder=tmp_path, seed=3)
    assert (tmp_path / "run.toml").read_bytes() == before


def test_resume_takes_no_other_settings(tmp_path):
    paint(run_folder=tmp_path, callback=stop_at(3))
    with pytest.raises(SettingError, match="keeps its settings, and size was 40, not 48"):
        transfer(*PICTURES, vgg=TINY, resume=tmp_path, size=48)
    same = transfer(*PICTURES, vgg=TINY, resume=tmp_path, size=40, **LAYERS)
    assert terms(same) == terms(paint())


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"content": picture(9, 30, 40)}, "content of .* is not what it was when the run began"),
        ({"content": None}, "the content picture of .* was an array: give it again"),
        ({"vgg": None}, "was painted by a network of yours: give it again as vgg"),
    ],
)
def test_resume_needs_what_the_run_had(tmp_path, given, message):
    paint(run_folder=tmp_path, callback=stop_at(3))
    inputs = {"content": PICTURES[0], "style": PICTURES[1], "vgg": TINY} | given
    with pytest.raises(SettingError, match=message):
        transfer(resume=tmp_path, **inputs)


def test_transfer_without_pictures():
    with pytest.raises(SettingError, match="transfer needs a style picture, or resume"):
        transfer(PICTURES[0])


def test_more_iterations_keep_the_margin_of_the_run():
    record = Record(settings={"size": 40})
    assert continued(record, {}).margin is None
    assert continued(record, {"iterations": 200}).margin == 4
    assert continued(record, {"iterations": 200}).used_patience == 0
    own = Record(settings={"size": 40}, files={"layers": "own.py"})
    assert continued(own, {"iterations": 200}).margin is None


def test_several_paintings_and_their_masks_are_recorded_and_resumed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pictures = {"photo": picture(1, 30, 40), "a": picture(2, 50, 40), "b": picture(3, 40, 40)}
    for name, image in pictures.items():
        save_image(f"{name}.png", image)
    mask = np.zeros((30, 40, 3), np.uint8)
    mask[:, :20] = 255
    save_image("left.png", mask)
    given = ("photo.png", ["a.png", "b.png"])
    masks = [("left.png", None), ("not:left.png", None)]
    more = {"vgg": TINY, "masks": masks, "size": 40, "style_weights": [2, 1], **LAYERS}
    whole = transfer(*given, iterations=6, **more)
    part = transfer(*given, iterations=3, run_folder="run", **more)
    assert not np.array_equal(part.image, whole.image)
    record = read_record("run")
    assert record.files["style"] == [str(tmp_path / "a.png"), str(tmp_path / "b.png")]
    left = str(tmp_path / "left.png")
    assert record.files["content_mask"] == [left, f"not:{left}"]
    assert "style_mask" not in record.files
    assert {"style-1", "style-2", "content_mask-1", "content_mask-2"} < set(record.inputs)
    monkeypatch.chdir(tmp_path.parent)
    again = transfer(resume=tmp_path / "run", iterations=6, vgg=TINY)
    assert np.array_equal(again.image, whole.image)
    save_image(left, mask[:, ::-1].copy())
    with pytest.raises(SettingError, match=r"content_mask-1 and content_mask-2 of .* is not what"):
        transfer(resume=tmp_path / "run", iterations=8, vgg=TINY)


def test_masks_that_were_arrays_are_asked_for_again(tmp_path):
    mask = np.eye(30, 40)
    more = {"masks": [(mask, None)], "iterations": 2}
    paint(run_folder=tmp_path / "run", **more)
    with pytest.raises(SettingError, match=r"a mask of .* was an array: give masks again"):
        transfer(*PICTURES, resume=tmp_path / "run", vgg=TINY, iterations=4)
