import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

from nst_numpy.cli.live import add_arguments
from nst_numpy.cli.parts.parser import Parser
from tests import PATIENCE, posix
from tests.cli.conftest import nst

pytest.importorskip("starlette", reason="nst live is an extra")
pytest.importorskip("uvicorn", reason="nst live is an extra")


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--port", "70000"], "is not a port"),
        (["--port", "-1"], "is not a port"),
        (["nothing_like_it", "starry_night"], "unknown file or sample"),
        (["chelsea", "no/such.jpg"], "there is no file"),
        (["--output", "live.txt"], "live.txt"),
    ],
)
def test_what_cannot_be_ends_before_anything_is_served(words, text, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert nst("live", *words, "--no-browser") == 2
    assert text in capsys.readouterr().err


def test_without_the_extra_it_says_what_to_install(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("nst_numpy.cli.live.find_spec", lambda name: None)
    assert nst("live") == 2
    assert 'pip install "nst_numpy[live]"' in capsys.readouterr().err


def test_any_free_port_is_taken_by_default():
    parser = Parser(prog="nst live")
    add_arguments(parser)
    args = parser.parse_args([])
    assert (args.port, args.no_browser, args.content, args.style) == (0, False, None, None)


def answer(request):
    try:
        with urllib.request.urlopen(request, timeout=60) as found:
            return found.status, found.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def post(address, path, data):
    request = urllib.request.Request(address + path, data, method="POST")
    status, said = answer(request)
    assert status == 200, said


@posix
@pytest.mark.slow
def test_one_line_with_the_address_and_ctrl_c_saves(tmp_path):
    words = [sys.executable, "-m", "nst_numpy", "live", "chelsea", "starry_night", "--no-browser"]
    program = subprocess.Popen(
        words, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
    )  # fmt: skip
    try:
        address = program.stdout.readline().strip()
        assert address.startswith("http://127.0.0.1:")
        port = address.split("/")[2]
        assert answer(f"http://{port}/")[0] == 403
        assert answer(address)[0] == 200
        another = urllib.request.Request(address, headers={"Host": "evil.example"})
        assert answer(another)[0] == 400
        post(address, "start", b'{"size": 32, "iterations": 500}')
        end = time.monotonic() + PATIENCE
        while b'"iteration": 0' in answer(address + "state")[1] and time.monotonic() < end:
            time.sleep(0.1)
    finally:
        program.send_signal(signal.SIGINT)
        out, err = program.communicate(timeout=PATIENCE)
    assert program.returncode == 130, err
    assert out == "saved live.png\n"
    assert (tmp_path / "live.png").exists()
