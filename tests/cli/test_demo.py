import json
import os
from pathlib import Path

import numpy as np
import pytest

from nst_numpy.cli.demo import new_folder_name
from nst_numpy.layers import get_threads
from nst_numpy.objective import STYLE_LAYERS
from nst_numpy.pictures.images import load_image, save_image
from tests.cli.conftest import DESCENT, QUICK, assert_stopped, nst, one_line


def test_demo_makes_a_new_folder_each_time(capsys, loaded):
    save_image("keep.png", np.zeros((2, 2, 3), dtype=np.uint8))
    words = ["demo", "--size", "32", "--iterations", "1"]
    assert nst(*words) == 0
    assert capsys.readouterr().out.strip() == str(Path("nst-demo/painted.png"))
    assert nst(*words, "--quiet") == 0
    assert sorted(os.listdir()) == ["keep.png", "nst-demo", "nst-demo-2"]
    for folder in ("nst-demo", "nst-demo-2"):
        assert sorted(os.listdir(folder)) == ["painted.png", "report.html", "run.json"]
        assert load_image(f"{folder}/painted.png").shape == (21, 32, 3)
    run = json.loads(Path("nst-demo/run.json").read_text(encoding="utf-8"))
    assert (run["content"], run["style"]) == ("neuschwanstein", "starry_night")
    assert run["settings"]["style_layers"] == STYLE_LAYERS
    assert new_folder_name("nst-demo") == Path("nst-demo-3")


def test_demo_writes_where_it_is_told_and_uses_the_cores_it_is_told(loaded):
    assert nst("demo", *QUICK, "-o", "here/there", "--quiet", "--threads", "3") == 0
    assert sorted(os.listdir("here/there")) == ["painted.png", "report.html", "run.json"]
    assert get_threads() == 3


@pytest.mark.parametrize("option", [["--iterations", "0"], ["--weights", "missing.h5"]])
def test_demo_makes_no_folder_when_it_cannot_paint(capsys, option):
    assert nst("demo", *option) == 2
    one_line(capsys)
    assert os.listdir() == []


@pytest.mark.parametrize(
    ("words", "patience"),
    [([], 4), (["--patience", "10"], 10), (["--patience", "0"], 0), (["--iterations", "9"], 0),
     (["--optimizer", "adam"], 0), (["--init", "noise"], 0)],
)  # fmt: skip
def test_a_scale_of_the_demo_ends_sooner_unless_it_is_told_otherwise(monkeypatch, words, patience):
    class ToldError(Exception):
        pass

    def stop(args, job, callbacks):
        raise ToldError(job.settings.used_patience)

    monkeypatch.setattr("nst_numpy.cli.demo.paint", stop)
    monkeypatch.setattr("nst_numpy.cli.demo.make_recorder", lambda job: None)
    with pytest.raises(ToldError, match=f"^{patience}$"):
        nst("demo", *words)


def test_ctrl_c_writes_the_picture_so_far(capsys, loaded, interrupted):
    code = nst("demo", *QUICK, *DESCENT)
    assert_stopped(code, capsys, "nst-demo/painted.png", "nst-demo/run.json")
