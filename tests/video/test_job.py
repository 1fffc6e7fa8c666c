import os
import sys
import weakref
from pathlib import Path

import numpy as np
import pytest

from nst_numpy.errors import OutputError, SettingError, UnknownNameError
from nst_numpy.pictures.images import load_image
from nst_numpy.settings import Settings
from nst_numpy.video import paint_video
from nst_numpy.video.job import VideoJob, split_settings
from nst_numpy.video.painting import Painter, VideoSettings
from nst_numpy.video.sources import Frame, Movie, open_movie
from nst_numpy.video.targets import check_target
from tests.video.tiny import QUICK, save_clip, tiny_clip, tiny_network, tiny_painting


@pytest.fixture(autouse=True)
def clip_in_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_clip("clip.gif", tiny_clip(4))


class Watched(np.ndarray):
    """A frame of which it can be seen when it goes."""


def paint(source="clip.gif", out="out", **changed):
    return paint_video(
        source, out, vgg=tiny_network(), **{"style": tiny_painting()} | QUICK | changed
    )


def frames(folder, count=4):
    return [load_image(f"{folder}/{i:05d}.png") for i in range(1, count + 1)]


def interrupting(monkeypatch, after):
    """Press Ctrl-C when a frame is begun after so many."""
    real, done = Painter.paint, []

    def paint_frame(self, source, callbacks=()):
        if len(done) == after:
            raise KeyboardInterrupt
        done.append(1)
        return real(self, source, callbacks)

    monkeypatch.setattr(Painter, "paint", paint_frame)


def test_a_gif_to_a_folder_and_the_folder_to_a_gif():
    result = paint()
    assert (result.frames, result.kept, result.interrupted) == (4, 0, False)
    assert sorted(os.listdir("out")) == [f"{i:05d}.png" for i in range(1, 5)]
    result = paint("out", "back.gif", most=2, fps=10)
    assert result.frames == 2
    assert [frame.seconds for frame in open_movie("back.gif").frames()] == [0.1, 0.1]
    assert sorted(os.listdir()) == ["back.gif", "clip.gif", "out"]  # no frames are left


def test_a_run_that_was_stopped_goes_on_to_the_same_bits(monkeypatch):
    paint(temporal=1.0)
    whole = frames("out")
    with monkeypatch.context() as patch:
        interrupting(patch, 2)
        result = paint(out="other.gif", temporal=1.0)
    assert (result.frames, result.interrupted) == (2, True)
    assert open_movie("other.gif").count == 2  # what there is
    assert len(os.listdir("other-frames")) == 2
    result = paint(out="other.gif", temporal=1.0, frames="other-frames")
    assert (result.frames, result.kept) == (4, 2)
    np.testing.assert_array_equal(frames("other-frames"), whole)


def test_a_run_that_is_stopped_before_its_first_frame(monkeypatch):
    interrupting(monkeypatch, 0)
    with pytest.raises(KeyboardInterrupt):
        paint()
    assert os.listdir("out") == []


def test_frames_are_kept_only_with_the_same_settings():
    paint()
    assert paint().kept == 4
    assert paint(fps=5, most=3).kept == 3  # these decide nothing of a frame
    assert paint(temporal=2.0).kept == 0
    assert paint(temporal=2.0, style=tiny_painting()[::-1]).kept == 0


def test_layers_of_ones_own_paint_the_movie():
    Path("mine.py").write_text(
        "import numpy as np\n"
        "def relu_forward(x):\n    return np.maximum(x, 0), x > 0\n"
        "def relu_backward(grad_out, cache):\n    return grad_out * cache\n",
        "utf-8",
    )
    plain = paint(out="plain", most=2)
    mine = paint(out="mine", most=2, layers="mine.py")
    assert (plain.kept, mine.kept) == (0, 0)
    for one, other in zip(frames("plain", 2), frames("mine", 2), strict=True):
        assert np.abs(one.astype(int) - other).mean() < 1  # the same, by other code
    assert paint(out="mine", most=2).kept == 0  # other layers, other frames


def test_of_a_longer_movie_no_frames_are_left():
    paint()
    save_clip("clip.gif", tiny_clip(2))
    paint()
    assert sorted(os.listdir("out")) == ["00001.png", "00002.png"]


def test_the_frames_are_never_all_in_memory():
    alive, counts = set(), []

    def begin():
        for number in range(12):
            image = tiny_clip(1).frames[0].view(Watched)
            alive.add(number)
            weakref.finalize(image, alive.discard, number)
            counts.append(len(alive))
            yield Frame(image, 0.1)
            del image

    ours, others = split_settings(QUICK)
    painter = Painter(tiny_network(), tiny_painting(), Settings(**others), VideoSettings(**ours))
    VideoJob(Movie(Path("made"), None, begin), check_target("many"), painter).go()
    assert len(counts) > 12  # the first frame is looked at before the work
    assert max(counts) <= 5


def test_a_bar_over_all_frames(capsys):
    paint(progress=True)
    err = capsys.readouterr().err
    assert "100% " in err
    assert "frame 4/4" in err


@pytest.mark.parametrize(
    ("words", "error", "message"),
    [
        ({"out": "clip.gif"}, OutputError, "clip.gif is what is read: choose another name"),
        ({"out": "a.txt"}, OutputError, "names no format of movies"),
        ({"strenght": 3}, UnknownNameError, "unknown setting 'strenght': did you mean strength"),
        ({"steps": -1}, SettingError, "steps must be at least 1"),
    ],
)
def test_what_it_says_of_bad_input(words, error, message):
    with pytest.raises(error, match=message):
        paint(**words)


def test_the_frames_cannot_be_the_source():
    paint(out="clip-frames")
    with pytest.raises(OutputError, match="clip-frames is what is read"):
        paint("clip-frames", "clip.gif")


def test_without_the_extra_a_sentence_names_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(SettingError, match=r'pip install "nst_numpy\[video\]", or go without'):
        paint(flow="dis")
    assert os.listdir() == ["clip.gif"]
