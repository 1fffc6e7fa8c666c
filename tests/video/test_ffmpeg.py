import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from nst_numpy.errors import ImageError, OutputError, SettingError
from nst_numpy.video import movies
from nst_numpy.video.movies import CODECS, count_frames, read_frames, write_movie
from nst_numpy.video.sources import open_movie
from nst_numpy.video.targets import check_target
from tests.video.test_movies import large

imageio_ffmpeg = pytest.importorskip("imageio_ffmpeg")
pytestmark = [  # it leaves pipes of the program, which has ended, to be closed by themselves
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(autouse=True)
def without_pyav_in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "av", None)
    assert movies.import_av() is None


@pytest.mark.parametrize("suffix", CODECS)
def test_what_is_written_is_read_again(suffix):
    frames = large()
    write_movie(Path(f"a{suffix}"), frames)
    assert check_target(f"b{suffix}").path == Path(f"b{suffix}")
    movie = open_movie(f"a{suffix}")
    read = list(movie.frames())
    assert movie.count == len(read) == 4
    assert [frame.image.shape for frame in read] == [(32, 48, 3)] * 4  # a row more
    assert [frame.seconds for frame in read] == pytest.approx([0.1] * 4, abs=0.002)
    for one, other in zip(frames, read, strict=True):
        apart = np.abs(one.image.astype(int) - other.image[:-1])
        assert apart.mean() < 12


def test_a_longer_time_is_more_frames():
    times = [0.1, 0.25, 0.05, 0.1]  # to 0.1, 0.4 (0.35), 0.4 and 0.5: each is seen once at least
    write_movie(Path("a.mp4"), [f._replace(seconds=t) for f, t in zip(large(), times, strict=True)])
    read = list(read_frames(Path("a.mp4")))
    assert count_frames(Path("a.mp4")) == len(read) == 6
    alike = [np.abs(a.image.astype(int) - b.image).mean() < 2 for a, b in pairwise(read)]
    assert alike == [False, True, True, False, False]


def test_what_it_says_of_bad_movies():
    write_movie(Path("whole.mp4"), large())
    Path("text.mp4").write_text("no movie", "utf-8")
    Path("cut.mp4").write_bytes(Path("whole.mp4").read_bytes()[:300])
    Path("list.m3u8").write_text(
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nwhole.mp4\n#EXT-X-ENDLIST\n", "utf-8"
    )
    Path("concat.mp4").write_text("ffconcat version 1.0\nfile whole.mp4\n", "utf-8")
    for name in ("text.mp4", "cut.mp4", "list.m3u8", "concat.mp4"):
        with pytest.raises(ImageError, match=f"^{name} .*: save it again$"):
            list(open_movie(name).frames())


def test_a_movie_that_cannot_be_written(monkeypatch):
    monkeypatch.setitem(CODECS, ".mp4", ("no_such_codec",))
    with pytest.raises(OutputError, match="encoded"):
        write_movie(Path("a.mp4"), large())


def test_frames_that_are_too_large(monkeypatch):
    write_movie(Path("a.mp4"), large())
    monkeypatch.setattr("PIL.Image.MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(ImageError, match=r"more than 1,000 pixels"):
        open_movie("a.mp4")


def test_without_the_program_a_sentence_names_the_extra(monkeypatch):
    def nowhere():
        raise RuntimeError("no ffmpeg")

    monkeypatch.setattr(imageio_ffmpeg, "get_ffmpeg_exe", nowhere)
    with pytest.raises(SettingError, match="PyAV or imageio-ffmpeg"):
        check_target("b.mp4")
