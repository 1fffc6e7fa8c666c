"""--config, --run-folder and --resume of nst transfer."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from nst_numpy.pictures.images import load_image, save_image
from nst_numpy.pictures.samples import sample_path
from nst_numpy.runs.record import make_record, read_record
from nst_numpy.settings import Settings
from tests import posix
from tests.cli.conftest import QUICK, nst, one_line

LAYERS = "[settings.content_layers]\nrelu2_2 = 1.0\n[settings.style_layers]\nrelu1_1 = 1.0\n"
CONFIG = f"""content = "me.png"
style = "starry_night"
output = "painted.png"
[settings]
size = 32
iterations = 2
seed = 7
{LAYERS}"""


def write_config(folder, text=CONFIG):
    os.makedirs(folder, exist_ok=True)
    save_image(f"{folder}/me.png", load_image(sample_path("chelsea"), 40))
    Path(folder, "my.toml").write_text(text, "utf-8")
    return f"{folder}/my.toml"


def test_a_config_is_enough_for_a_run(capsys):
    config = write_config("there")
    assert nst("transfer", "--config", config, "--run-folder", "run", "--quiet") == 0
    assert load_image("there/painted.png").shape[1] == 32
    record = read_record("run")
    assert record.settings["seed"] == 7
    assert record.settings["style_layers"] == {"relu1_1": 1.0}
    assert record.files["content"] == os.path.abspath("there/me.png")


def test_options_given_beside_a_config_win():
    config = write_config(".")
    words = ["coffee", "--size", "40", "--seed", "0", "-o", "b.png", "--run-folder", "run"]
    assert nst("transfer", "--config", config, *words, "--quiet") == 0
    record = read_record("run")
    # also one that is as by default
    assert (record.settings["size"], record.settings["seed"]) == (40, 0)
    assert record.settings["iterations"] == 2
    assert record.files["content"] == "coffee"
    assert not os.path.exists("painted.png")


@pytest.mark.slow
def test_a_run_toml_is_a_config_that_gives_the_same_picture():
    words = ["chelsea", "starry_night", *QUICK, "--quiet"]
    assert nst("transfer", *words, "-o", "a.png", "--run-folder", "run", "--strength", "70") == 0
    assert nst("transfer", "--config", "run/run.toml", "-o", "b.png", "--quiet") == 0
    assert (load_image("a.png") == load_image("b.png")).all()


def test_a_run_that_is_finished_goes_on():
    words = ["chelsea", "starry_night", *QUICK, "--quiet"]
    assert nst("transfer", *words, "-o", "a.png", "--run-folder", "run") == 0
    assert nst("transfer", *words, "-o", "b.png", "--iterations", "5") == 0
    assert nst("transfer", "--resume", "run", "--iterations", "5", "--quiet") == 0
    assert (load_image("a.png") == load_image("b.png")).all()
    assert read_record("run").result["iterations"] == 5
    assert (load_image("run/result.png") == load_image("b.png")).all()


def test_what_the_disk_must_hold_is_said(capsys):
    words = ["chelsea", "starry_night", *QUICK, "--snapshot-every", "1"]
    assert nst("transfer", *words, "-o", "a.png", "--run-folder", "run") == 0
    assert "run: up to 1 MB, to go on with the run\n" in capsys.readouterr().err
    # and the snapshots go into the folder
    assert sorted(os.listdir("run/snapshots")) == ["00001.png", "00002.png"]
    assert sorted(os.listdir()) == ["a.png", "run"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "transfer needs CONTENT: give it, or a file by --config, or a run by --resume"),
        (["chelsea"], "transfer needs STYLE: "),
        (["chelsea", "starry_night"], "transfer needs -o OUT: "),
        (["--config", "none.toml"], "none.toml cannot be read as TOML (No such file"),
        (["--config", "my.toml", "--size", "8"], "size must be at least 16 pixels, not 8"),
        (["--config", "bad.toml"], "bad.toml, line 2: unknown key 'sise' in [settings]: did you "
         "mean size?"),
        (["--resume", "."], ". is not the folder of a run: there is no run.toml in it"),
        (["--resume", "none"], "none is not the folder of a run"),
        (["--resume", "run", "--size", "48"], "keeps its settings, and size was 32, not 48"),
        (["--resume", "run", "--iterations", "1"], "has done 2 iterations at its last size"),
        (["--resume", "run", "coffee"], "content of run is not what it was when the run began"),
        (["--resume", "run", "--config", "my.toml"], "leave --config and --run-folder out"),
        (["chelsea", "starry_night", "-o", "b.png", "--run-folder", "run"],
         "run holds a run already: go on with it by --resume, or name another folder"),
        (["chelsea", "starry_night", "-o", "b.png", "--run-folder", "my.toml"],
         "my.toml cannot be a folder"),
        (["--resume", "newer"], "is of another version of nst_numpy (format 2, not 1)"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line(capsys, words, message):
    write_config(".")
    Path("bad.toml").write_text("[settings]\nsise = 3\n", "utf-8")
    os.mkdir("newer")
    Path("newer/run.toml").write_text("format = 2\n", "utf-8")
    os.mkdir("run")
    given = {"content": "chelsea", "style": "starry_night", "output": "a.png"}
    record = make_record(Settings(size=32, iterations=2), given)
    replace(record, result={"passes": [[0, 2]]}).write(Path("run/run.toml"))
    before = sorted(os.listdir())
    assert nst("transfer", *words) == 2
    assert message in one_line(capsys)
    assert sorted(os.listdir()) == before


@posix
@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
def test_a_run_that_was_killed_anywhere_gives_the_same_picture(optimizer):
    words = ["transfer", "chelsea", "starry_night", "--size", "48", "--scales", "2",
             "--iterations", "12", "--optimizer", optimizer, "--threads", "1",
             "--content-layers", "relu2_2", "--style-layers", "relu1_1,relu2_1"]  # fmt: skip
    assert nst(*words, "-o", "whole.png", "--quiet") == 0
    command = [sys.executable, "-m", "nst_numpy"]
    process = subprocess.Popen(
        [*command, *words, "-o", "a.png", "--run-folder", "run"], stderr=subprocess.DEVNULL
    )
    file = Path("run/state/answers-1.bin")
    for _ in range(6000):
        if process.poll() is not None or (file.exists() and file.stat().st_size > 70_000):
            break
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not os.path.exists("a.png")
    assert nst("transfer", "--resume", "run", "--quiet") == 0
    assert (load_image("a.png") == load_image("whole.png")).all()
    assert nst("rerun", "run", "--quiet") == 0
