import gc
import os
import tempfile

import numpy as np
import pytest

from nst_numpy.bands import store
from nst_numpy.bands.store import Bands, ScratchFile, Store
from nst_numpy.errors import SettingError, TooLargeError


@pytest.mark.parametrize("in_file", [False, True])
def test_rows_come_back_as_they_were_kept(in_file):
    rng = np.random.default_rng(0)
    rooms = Store(in_file)
    kinds = ((2, 9, 4, 3), np.float32), ((1, 7, 5), np.uint8), ((1, 6, 2, 2), np.bool_)
    arrays = [rng.integers(0, 2, shape).astype(dtype) for shape, dtype in kinds]
    kept = [rooms.room(a.shape, a.dtype) for a in arrays]
    for a, room in zip(arrays, kept, strict=True):
        room.write(slice(4, a.shape[1]), a[:, 4:])
        room.write(slice(0, 4), a[:, :4])
    for a, room in zip(arrays, kept, strict=True):
        found = room.read(slice(2, 6))
        np.testing.assert_array_equal(found, a[:, 2:6])
        assert found.dtype == a.dtype


def test_the_file_has_no_name_and_is_closed(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    file = ScratchFile()
    handle = file._file
    assert os.name != "posix" or not list(tmp_path.iterdir())
    del file
    gc.collect()
    assert handle.closed


def test_a_full_disk_is_said(monkeypatch):
    file = ScratchFile()

    def full(data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(file, "_file", type("Full", (), {"seek": print, "write": full}))
    monkeypatch.setattr(file._file, "seek", lambda place: place)
    monkeypatch.setattr(file._file, "write", full)
    with pytest.raises(TooLargeError, match=r"No space left on device.*set TMPDIR to a folder"):
        file.write(0, np.zeros(3))


def test_the_room_on_the_disk_is_that_of_the_folder_of_such_files(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(store.shutil, "disk_usage", lambda path: asked.append(path) or usage)
    asked, usage = [], type("Usage", (), {"free": 5})
    assert store.free_on_disk() == 5
    assert asked == [os.path.realpath(tmp_path)]


@pytest.mark.parametrize("rows", [0, -3, 1.5, "many"])
def test_rows_that_are_no_number_of_rows(rows):
    with pytest.raises(SettingError, match="band_rows"):
        Bands(rows)
