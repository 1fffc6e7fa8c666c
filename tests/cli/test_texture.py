import json
from pathlib import Path

from nst_numpy.objective import Objective
from nst_numpy.signals import load_movie
from nst_numpy.signals.motion import to_grey
from tests.cli.conftest import Spoilt, nst, one_line


def test_an_ekg(monkeypatch, capsys):
    monkeypatch.setattr("nst_numpy.cli.texture.EKG_DEPTHS", (1, 2))
    words = ["--iterations", "2", "-o", "t.png", "--json", "t.json", "--threads", "1"]
    assert nst("texture", "ekg", *words, "--seconds", "4") == 0
    record = json.loads(Path("t.json").read_text(encoding="utf-8"))
    assert list(record["runs"]) == ["sees 0.07 s at once", "sees 0.15 s at once"]
    assert "like the sample" in capsys.readouterr().out
    assert Path("t.png").stat().st_size > 10_000


def test_a_movie(monkeypatch):
    small = to_grey(load_movie())[20:26, :16, 24:40]
    monkeypatch.setattr("nst_numpy.cli.texture.movie_block", lambda grey: small[None, ..., None])
    words = ["--iterations", "1", "-o", "t.png", "--json", "t.json", "--quiet"]
    assert nst("texture", "movie", *words) == 0
    record = json.loads(Path("t.json").read_text(encoding="utf-8"))
    assert set(record["measured"]) == {
        "the sample", "filters of 3 frames", "flat filters, of 1 frame",
    }  # fmt: skip


def test_bad_words_are_found_before_the_work(capsys):
    for words in (["ekg", "--seed", "-1"], ["ekg", "--start", "299"], ["movie", "-o", "m.doc"]):
        assert nst("texture", *words) == 2
        assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_texture_that_fails_ends_with_exit_code_1(monkeypatch, capsys):
    monkeypatch.setattr("nst_numpy.cli.texture.EKG_DEPTHS", (1,))
    monkeypatch.setattr("nst_numpy.signals.texture.Objective", Spoilt)
    words = ["--iterations", "19", "-o", "t.png", "--seconds", "4", "--quiet"]
    assert nst("texture", "ekg", *words) == 1
    assert one_line(capsys).startswith("nst: J or its gradient is not finite after ")
    assert Path("t.png").exists()


def test_a_texture_without_an_iteration_has_no_loss_to_print(monkeypatch, capsys):
    monkeypatch.setattr("nst_numpy.cli.texture.EKG_DEPTHS", (1,))
    words = ["--iterations", "5", "-o", "t.png", "--seconds", "4"]

    class Interrupted(Objective):
        def __call__(self, x):
            raise KeyboardInterrupt

    monkeypatch.setattr("nst_numpy.signals.texture.Objective", Interrupted)
    assert nst("texture", "ekg", *words) == 130
    assert "like the sample" in capsys.readouterr().out
