import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from nst_numpy.pictures.images import load_image
from nst_numpy.video.painting import Painter
from nst_numpy.video.sources import open_movie
from tests.cli.conftest import QUICK, nst, one_line
from tests.video.tiny import save_clip, tiny_clip

WORDS = ["--style", "starry_night", "--steps", "2", "--flow", "none", "--temporal", "1", *QUICK]


@pytest.fixture(autouse=True)
def clip():
    save_clip("clip.gif", tiny_clip(3))


def test_a_gif_to_a_gif(loaded, capsys):
    assert nst("video", "clip.gif", "out.gif", *WORDS) == 0
    out, err = capsys.readouterr()
    assert out == "out.gif\n"
    assert "3 frames of 32×21 pixels: up to about " in err
    assert "done: 3 frames, in " in err
    movie = open_movie("out.gif")
    assert (movie.count, next(movie.frames()).image.shape) == (3, (21, 32, 3))
    assert sorted(os.listdir()) == ["clip.gif", "out.gif"]


def test_where_the_movie_goes_may_stand_behind_o(loaded, capsys):
    assert nst("video", "clip.gif", "-o", "out.gif", *WORDS, "--most", "1", "--quiet") == 0
    assert Path("out.gif").is_file()
    assert nst("video", "clip.gif", "out.gif", "--output", "b.gif", *WORDS) == 2
    assert "leave out out.gif or -o" in capsys.readouterr().err
    assert nst("video", "clip.gif", *WORDS) == 2
    assert "arguments are required: OUT" in capsys.readouterr().err


def test_ctrl_c_and_the_same_command_again(loaded, capsys, monkeypatch):
    save_clip("clip.gif", tiny_clip(2))
    assert nst("video", "clip.gif", "whole", *WORDS) == 0
    real, done = Painter.paint, []

    def interrupted(self, source, callbacks=()):
        if len(done) == 1:
            raise KeyboardInterrupt
        done.append(1)
        return real(self, source, callbacks)

    with monkeypatch.context() as patch:
        patch.setattr(Painter, "paint", interrupted)
        assert nst("video", "clip.gif", "out", *WORDS) == 130
    assert "stopped, and written so far: 1 frame," in capsys.readouterr().err
    assert nst("video", "clip.gif", "out", *WORDS) == 0
    assert "2 frames, 1 of them kept from before" in capsys.readouterr().err
    for name in ("00001.png", "00002.png"):
        np.testing.assert_array_equal(load_image(f"out/{name}"), load_image(f"whole/{name}"))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["missing.gif", "a.gif"], "there is no movie missing.gif"),
        (["clip.gif", "clip.gif"], "clip.gif is what is read"),
        (["clip.gif", "a.avi"], "the suffix .avi names no format of movies"),
        (["text.gif", "a.gif"], "text.gif cannot be read as a movie"),
        (["bare", "a.gif"], "the folder bare has no frames"),
        (["clip.gif", "a.gif", "--steps", "0"], "steps must be at least 1"),
        (["clip.gif", "mine"], "00001.png is no frame that nst video painted"),
    ],
)
def test_what_it_says_of_bad_input(loaded, capsys, words, message):
    Path("text.gif").write_bytes(b"GIF8 no movie")
    Path("bare").mkdir()
    Path("mine").mkdir()
    Path("mine/00001.png").write_bytes(b"a picture of mine")
    assert nst("video", *words[:2], *WORDS, *words[2:]) == 2
    assert message in one_line_of_quiet(capsys)
    assert not Path("a-frames").exists()


def one_line_of_quiet(capsys):
    """Return the last line: what is announced comes before what is wrong with frames."""
    return capsys.readouterr().err.splitlines()[-1]


def test_the_flow_without_the_extra(no_work, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    assert nst("video", "clip.gif", "a.gif", "--style", "starry_night") == 2
    assert 'pip install "nst_numpy[video]", or go without: --flow none' in one_line(capsys)
    assert os.listdir() == ["clip.gif"]


def test_a_style_is_needed(capsys):
    assert nst("video", "clip.gif", "a.gif") == 2
    assert "required: --style" in capsys.readouterr().err


@pytest.mark.slow
def test_with_the_optical_flow(loaded):
    pytest.importorskip("cv2")
    words = [word for word in WORDS if word not in ("--flow", "none")]
    assert nst("video", "clip.gif", "out.gif", *words) == 0
    assert open_movie("out.gif").count == 3


@pytest.mark.slow
def test_a_run_that_is_killed_goes_on_to_the_same_bits(loaded):
    save_clip("clip.gif", tiny_clip(6))
    words = ["video", "clip.gif", "out", *WORDS, "--threads", "1"]
    assert nst("video", "clip.gif", "whole", *WORDS, "--threads", "1") == 0
    command = [sys.executable, "-m", "nst_numpy", *words, "--quiet"]
    process = subprocess.Popen(command)
    try:
        for _ in range(1200):
            if Path("out/00002.png").exists() or process.poll() is not None:
                break
            time.sleep(0.05)
    finally:
        process.kill()
        process.wait()
    assert Path("out/00002.png").exists()
    assert nst(*words) == 0
    assert sorted(os.listdir("out")) == sorted(os.listdir("whole"))
    for path in Path("whole").iterdir():
        np.testing.assert_array_equal(load_image(path), load_image(f"out/{path.name}"))
