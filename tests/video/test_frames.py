import numpy as np
import pytest

from nst_numpy.errors import OutputError
from nst_numpy.pictures.images import save_image
from nst_numpy.video.frames import FrameFolder, digest, key_of
from tests.video.tiny import tiny_clip


def filled(folder, start="a", frames=None):
    """Save the source frames themselves as painted ones."""
    each = FrameFolder(folder, start)
    for frame in tiny_clip(3).frames if frames is None else frames:
        assert each.kept(frame) is None
        each.save(frame)
    return each


def test_frames_with_the_right_key_are_kept(tmp_path):
    frames = tiny_clip(3).frames
    filled(tmp_path)
    again = FrameFolder(tmp_path, "a")
    for frame in frames:
        np.testing.assert_array_equal(again.kept(frame), frame)


def test_another_setting_or_another_source_keeps_none_from_there_on(tmp_path):
    frames = tiny_clip(3).frames
    filled(tmp_path)
    assert FrameFolder(tmp_path, "b").kept(frames[0]) is None
    changed = FrameFolder(tmp_path, "a")
    assert changed.kept(frames[0]) is not None
    assert changed.kept(frames[0]) is None
    assert changed.kept(frames[2]) is None


def test_a_missing_or_damaged_frame_is_painted_anew_and_later_ones_are_kept(tmp_path):
    frames = tiny_clip(3).frames
    folder = filled(tmp_path)
    damaged = folder.path(2).read_bytes()
    folder.path(1).unlink()
    folder.path(2).write_bytes(damaged[:-200])
    again = FrameFolder(tmp_path, "a")
    assert [again.kept(frame) is None for frame in frames] == [True, True, False]


def test_frames_of_somebody_else_are_not_overwritten(tmp_path):
    save_image(tmp_path / "00007.png", tiny_clip(1).frames[0])
    with pytest.raises(OutputError, match=r"00007\.png is no frame that nst video painted"):
        FrameFolder(tmp_path, "a")


def test_what_is_removed_and_what_stays(tmp_path):
    (tmp_path / "frames").mkdir()
    folder = filled(tmp_path / "frames")
    shorter = FrameFolder(tmp_path / "frames", "a")
    shorter.kept(tiny_clip(3).frames[0])
    shorter.remove_later()
    assert [path.name for path in folder.folder.iterdir()] == ["00001.png"]
    (tmp_path / "frames/note.txt").write_text("mine", "utf-8")
    shorter.remove()
    assert [path.name for path in folder.folder.iterdir()] == ["note.txt"]


def test_keys_and_digests():
    assert key_of({"a": 1}) != key_of({"a": 2})
    zeros = {"x": (np.zeros(2), np.zeros(3))}
    assert digest(zeros) != digest({"x": (np.zeros(3), np.zeros(2))})
    assert digest(zeros) != digest({"y": (np.zeros(2), np.zeros(3))})
