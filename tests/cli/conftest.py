"""What tests of several commands share."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from nst_numpy import scales
from nst_numpy.cli import main
from nst_numpy.cli.completion import whole_parser
from nst_numpy.cli.parts.parser import family
from nst_numpy.layers import set_threads
from nst_numpy.objective import Objective
from nst_numpy.pictures.images import load_image, save_image
from nst_numpy.vgg import VGG
from nst_numpy.weights import bundled_path, load_weights
from tests import PATIENCE

# Few layers keep the real network quick.
QUICK = [
    *("--size", "32", "--iterations", "2"),
    *("--content-layers", "relu2_2", "--style-layers", "relu1_1,relu2_1"),
]
# One evaluation of J before the first iteration, then one in each.
DESCENT = ["--optimizer", "gd", "--learning-rate", "1", "--iterations", "9"]


def nst(*words):
    """Run a command in this process; return its exit code, also where argparse exits."""
    try:
        return main([str(word) for word in words])
    except SystemExit as leave:
        return leave.code


def python(*words, cwd=None, **variables):
    """Run Python in a process of its own."""
    environment = {"NST_NUM_THREADS": "1", "PYTHONIOENCODING": "utf-8"} | variables
    return subprocess.run(
        [sys.executable, *words], capture_output=True, encoding="utf-8",
        cwd=cwd, env=os.environ | environment, timeout=PATIENCE, check=False,
    )  # fmt: skip


@pytest.fixture(scope="session")
def every_parser():
    """The parsers of all commands and of their own commands, by their names: `nst course grade`."""
    return {parser.prog: parser for parser in family(whole_parser())}


def unspaced(text):
    """Remove every space, as help is wrapped at whatever width the terminal has."""
    return "".join(text.split())


def one_line(capsys):
    """Return the one line that an error prints."""
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("nst: ")
    assert err.endswith("\n")
    assert len(err.splitlines()) == 1, err
    return err.strip()


def assert_stopped(code, capsys, picture, history):
    """Check what a run leaves behind that was `interrupted`."""
    out, err = capsys.readouterr()
    assert code == 130
    assert "stopped by Ctrl-C in " in err
    assert "Traceback" not in err
    assert out.strip() == str(Path(picture))
    assert max(load_image(picture).shape) == 32
    run = json.loads(Path(history).read_text(encoding="utf-8"))
    assert run["stopped"] == "stopped by Ctrl-C"
    assert len(run["history"]) == 2


def bad_files():
    """Make what the table of bad input names."""
    Path("text.png").write_text("no picture", "utf-8")
    Path("empty.jpg").write_bytes(b"")
    Path("folder.png").mkdir()
    Path("pictures").mkdir()
    save_image("line.png", np.zeros((4, 400, 3), dtype=np.uint8))
    Path("text.h5").write_text("no weights", "utf-8")
    Path("short.h5").write_bytes(bundled_path().read_bytes()[:100_000])


@pytest.fixture(scope="session")
def real_params():
    return load_weights()


@pytest.fixture
def loaded(monkeypatch, real_params):
    """Read the bundled weights once for all tests, as the file itself is tested elsewhere."""
    real = VGG.load.__func__

    def load(cls, path=None, pool="avg", *more, engine="fused"):
        if path is None:
            return VGG(real_params, pool, engine)
        return real(cls, path, pool, *more, engine=engine)

    monkeypatch.setattr(VGG, "load", classmethod(load))


@pytest.fixture
def no_work(monkeypatch):
    """Fail where the network is read: what is wrong has to be found before."""
    monkeypatch.setattr(VGG, "load", lambda *args, **options: pytest.fail("the weights were read"))


@pytest.fixture
def interrupted(monkeypatch):
    """Press Ctrl-C in the third iteration of `DESCENT`."""
    calls = []

    class Interrupted(Objective):
        def __call__(self, x):
            calls.append(1)
            if len(calls) == 4:
                signal.raise_signal(signal.SIGINT)
            return super().__call__(x)

    monkeypatch.setattr(scales, "Objective", Interrupted)


class Spoilt(Objective):
    """J that is NaN from its ninth evaluation on."""

    evaluations = 0

    def __call__(self, x):
        self.evaluations += 1
        value, grad = super().__call__(x)
        return (value if self.evaluations < 9 else float("nan")), grad


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    yield
    set_threads(None)
