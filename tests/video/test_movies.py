import sys
from pathlib import Path

import numpy as np
import pytest

from nst_numpy.errors import ImageError, SettingError
from nst_numpy.video.movies import CODECS, count_frames, read_frames, write_movie
from nst_numpy.video.sources import Frame, open_movie
from nst_numpy.video.targets import check_target
from tests.video.tiny import tiny_clip


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def large(frames=4):
    """Frames with an odd side, each twice as large: codecs lose the smallest details."""
    doubled = [np.kron(f, np.ones((2, 2, 1), np.uint8))[1:] for f in tiny_clip(frames).frames]
    return [Frame(image, 0.1) for image in doubled]


@pytest.mark.parametrize("suffix", CODECS)
def test_what_is_written_is_read_again(suffix):
    pytest.importorskip("av")
    frames = large()
    write_movie(Path(f"a{suffix}"), frames)
    read = list(open_movie(f"a{suffix}").frames())
    assert [frame.image.shape for frame in read] == [(32, 48, 3)] * 4  # a row more
    assert [frame.seconds for frame in read] == pytest.approx([0.1] * 4, abs=0.002)
    for one, other in zip(frames, read, strict=True):
        apart = np.abs(one.image.astype(int) - other.image[:-1])
        assert apart.mean() < 12


def test_times_that_differ_are_kept():
    pytest.importorskip("av")
    times = [0.1, 0.25, 0.04, 0.04]
    write_movie(Path("a.mp4"), [f._replace(seconds=t) for f, t in zip(large(), times, strict=True)])
    assert [f.seconds for f in read_frames(Path("a.mp4"))] == pytest.approx(times, abs=1e-4)
    assert count_frames(Path("a.mp4")) == 4


def test_what_it_says_of_bad_movies():
    pytest.importorskip("av")
    write_movie(Path("whole.mp4"), large())
    Path("text.mp4").write_text("no movie", "utf-8")
    Path("cut.mp4").write_bytes(Path("whole.mp4").read_bytes()[:300])
    Path("list.m3u8").write_text(
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nwhole.mp4\n#EXT-X-ENDLIST\n", "utf-8"
    )
    for name in ("text.mp4", "cut.mp4", "list.m3u8"):
        with pytest.raises(ImageError, match=f"{name}"):
            open_movie(name)


def test_without_the_extra_a_sentence_names_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    Path("a.mp4").write_bytes(b"\0\0\0\x20ftypisom")
    for need in (lambda: open_movie("a.mp4"), lambda: check_target("b.mp4")):
        with pytest.raises(SettingError, match=r'imageio-ffmpeg: pip install "nst_numpy\[video'):
            need()
