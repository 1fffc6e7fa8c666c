import json
import sys
import types

import numpy as np
import pytest
from tqdm import tqdm

from nst_numpy.callbacks import (
    Progress,
    bar_updater,
    notebook_painter,
    progress_bar,
    snapshot_saver,
    tell,
)
from nst_numpy.errors import OutputError, SettingError
from nst_numpy.pictures.images import deprocess, load_image


def progress(iteration=1, loss=2.0):
    x = np.random.default_rng(iteration).uniform(-100, 100, (1, 4, 6, 3)).astype(np.float32)
    return Progress(iteration, 9, loss, {"tv": loss}, 1.23456, x)


def test_an_entry_of_the_history_is_ready_for_json():
    entry = progress(3).entry
    assert entry == {
        "iteration": 3, "height": 4, "width": 6, "loss": 2.0, "terms": {"tv": 2.0},
        "seconds": 1.235,
    }  # fmt: skip
    assert json.loads(json.dumps(entry)) == entry


@pytest.mark.parametrize(
    ("answers", "stop"),
    [
        ([], False),
        ([None, 1, "yes", np.False_], False),
        ([True, None], True),
        ([None, np.True_], True),
    ],
)
def test_every_callback_is_told_also_after_one_that_asks_to_stop(answers, stop):
    seen = []

    def answering(answer):
        def callback(now):
            seen.append(now)
            return answer

        return callback

    now = progress()
    assert tell([answering(answer) for answer in answers], now) is stop
    assert seen == [now] * len(answers)


def test_the_bar_shows_the_loss(capsys):
    with tqdm(total=2) as bar:
        update = bar_updater(bar)
        assert update(progress()) is None
        update(progress(2, loss=1234567.0))
    err = capsys.readouterr().err
    assert "2/2" in err
    assert "loss 1.235e+06" in err


def test_a_snapshot_is_every_nth_picture(tmp_path):
    save = snapshot_saver(np.int64(3), tmp_path / "new" / "folder")
    for iteration in range(1, 8):
        save(progress(iteration))
    files = sorted((tmp_path / "new" / "folder").iterdir())
    assert [file.name for file in files] == ["00003.png", "00006.png"]
    np.testing.assert_array_equal(load_image(files[1]), deprocess(progress(6).x))


@pytest.mark.parametrize("every", [None, 0, -1, 1.5, True])
def test_snapshots_need_a_whole_number_and_a_folder(every, tmp_path):
    for half in ((every, tmp_path / "new"), (2, None)):
        with pytest.raises(SettingError, match="need both: snapshot_every of at least 1, and snap"):
            snapshot_saver(*half)
    assert not (tmp_path / "new").exists()


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "file").write_text("here", "utf-8")
    with pytest.raises(OutputError, match="a file is in its place"):
        snapshot_saver(1, tmp_path / "file")


def test_a_bar_that_nobody_reads_ends_nothing(monkeypatch):
    class Gone:
        def write(self, text):
            raise BrokenPipeError

        flush = write

    monkeypatch.setattr(sys, "stderr", Gone())
    with progress_bar(2, shown=True) as told:
        for iteration in (1, 2):
            assert told(progress(iteration)) is None


def test_a_snapshot_that_cannot_be_written_is_one_warning(tmp_path):
    folder = tmp_path / "snapshots"
    save = snapshot_saver(1, folder)
    save(progress(1))
    folder.rename(tmp_path / "away")
    with pytest.warns(RuntimeWarning, match="a snapshot is missing, and the run goes on: the fol"):
        save(progress(2))
    save(progress(3))  # a second warning would be an error
    (tmp_path / "away").rename(folder)
    save(progress(4))
    assert [file.name for file in sorted(folder.iterdir())] == ["00001.png", "00004.png"]


@pytest.fixture
def notebook(monkeypatch):
    """Play a notebook; list the pictures that it has shown."""
    shown = []

    def display(image, display_id):
        assert display_id
        shown.append(image)
        return types.SimpleNamespace(update=shown.append)

    shell = types.SimpleNamespace(kernel="it")
    here = types.ModuleType("IPython")
    here.get_ipython, here.__path__ = lambda: shell, []
    there = types.ModuleType("IPython.display")
    there.display, there.Image = display, lambda data, format: (data[:2], format)
    monkeypatch.setitem(sys.modules, "IPython", here)
    monkeypatch.setitem(sys.modules, "IPython.display", there)
    return shown


def test_a_notebook_sees_the_picture_grow(notebook):
    paint = notebook_painter(every=0)
    for iteration in (1, 2):
        paint(progress(iteration))
    assert notebook == [(b"\xff\xd8", "jpeg")] * 2
    seldom = notebook_painter(every=999)
    for iteration in (1, 2, 9):  # the first, and the last
        seldom(progress(iteration))
    assert len(notebook) == 4


def test_elsewhere_no_picture_can_grow():
    with pytest.raises(SettingError, match="snapshot_folder"):
        notebook_painter()
