import json
from pathlib import Path

import pytest

from nst_numpy.signals import stent
from tests.cli.conftest import nst
from tests.signals.conftest import wires


def test_the_command_on_a_made_up_volume(monkeypatch, capsys):
    monkeypatch.setattr("nst_numpy.cli.volume.load_ct", wires)
    monkeypatch.setattr(stent, "MOST_BLOCKS", {"train": 12, "test": 8})
    words = ["volume", "--task", "find", "--runs", "1", "--epochs", "1", "--threads", "1"]
    assert nst(*words, "-o", "v.png", "--json", "v.json") == 0
    assert Path("v.png").stat().st_size > 10_000
    record = json.loads(Path("v.json").read_text(encoding="utf-8"))
    assert {trial["rival"] for trial in record["trials"]} == {
        "3-D filters", "2-D, one slice", "brightness alone",
    }  # fmt: skip
    assert len(record["trials"]) == 6
    assert "brightness alone" in capsys.readouterr().out


def test_bad_files_and_seeds_are_found_before_the_work(monkeypatch, capsys):
    monkeypatch.setattr(
        "nst_numpy.cli.volume.compare_on_volume", lambda *a, **k: pytest.fail("worked")
    )
    for words in (["-o", "no/v.png"], ["-o", "v.doc"], ["--json", "no/v.json"], ["--seed", "-1"]):
        assert nst("volume", *words) == 2
        assert len(capsys.readouterr().err.splitlines()) == 1
