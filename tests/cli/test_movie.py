import json
from pathlib import Path

from tests.cli.conftest import nst
from tests.signals.conftest import pan


def test_the_command_on_a_made_up_movie(monkeypatch, capsys):
    monkeypatch.setattr("nst_numpy.cli.movie.load_movie", lambda: pan(1, frames=20))
    words = ["--runs", "1", "--epochs", "1", "--threads", "1", "-o", "m.png", "--json", "m.json"]
    assert nst("movie", *words) == 0
    assert Path("m.png").stat().st_size > 10_000
    record = json.loads(Path("m.json").read_text(encoding="utf-8"))
    assert len(record["trials"]) == 2 * 6
    assert record["folds"][0]["train"]["of_class_1"] * 2 == record["folds"][0]["train"]["examples"]
    brightness = [t for t in record["trials"] if t["rival"] == "brightness alone"]
    assert all(trial["accuracy"] == 0.5 for trial in brightness)
    assert "2-D, slices shuffled" in capsys.readouterr().out
