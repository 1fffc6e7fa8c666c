import contextlib
import os
import re
import signal
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

import nst_numpy
from nst_numpy.cli import COMMANDS
from nst_numpy.errors import ImageError
from nst_numpy.pictures.images import load_image, save_image
from tests import PATIENCE, posix
from tests.cli.conftest import QUICK, nst, one_line, python, unspaced


def test_help_names_every_command(capsys):
    assert nst("--help") == 0
    out = capsys.readouterr().out
    for name, text in COMMANDS.items():
        assert re.search(rf"^  {name} +{re.escape(text)}$", out, re.MULTILINE)


def test_without_a_command_the_help_is_shown(capsys):
    assert nst() == 0
    assert "commands:\n" in capsys.readouterr().out


def test_the_version(capsys):
    assert nst("--version") == 0
    assert capsys.readouterr().out == f"nst_numpy {nst_numpy.__version__}\n"


DEFAULTS = {
    "transfer": [
        "--size PX longest side in pixels (default: 512)",
        "--iterations N steps, at each scale (default: 150)",
        "--alpha A weight of content (default: 1)",
        "how strong the style is, 0 to 100; 25 more make β ten times as large (default: 50)",
        "weight of style, in place of --strength (default: found from the pictures)",
        "(default: relu4_2=1)",
        "(default: relu1_1, relu2_1, …, relu5_1, 0.2 each; for neighbours relu1_1, relu1_2, …,",
        "(default: content)",
        "of the noise (default: 0)",
        "kind of pooling (default: avg)",
        "how J is minimised (default: lbfgs)",
        "in pixel values, 0 to 255 (default: gd finds its own, adam 2)",
        "sizes, coarse to fine (default: begin at 256 pixels or less)",
        "(default: as --size)",
        "(default: bundled)",
        "(default: NST_NUM_THREADS, else all)",
        "(default: OUT's name with -snapshots; it is made)",
    ],
    "demo": [
        "longest side in pixels (default: 512)",
        "0: never (default: 4; 0 with --iterations, noise, gd, adam)",
        "steps, at each scale (default: 150)",
        "(default: nst-demo, nst-demo-2, …)",
        "kind of pooling (default: avg)",
    ],
    "pull": [
        "the picture now (default: CONTENT)",
        "longest side in pixels (default: 256)",
        "weight of style, in place of --strength (default: found from the pictures)",
    ],
    "reconstruct": [
        "longest side in pixels (default: 256)",
        "steps of L-BFGS (default: 100)",
        "of the noise (default: 0)",
    ],
    "samples": ["print name and file only"],
    "layers": [
        "height of the picture (default: 512)",
        "width of the picture (default: 512)",
        "which network (default: vgg16)",
    ],
    "weights": ["HDF5 or .npz file (default: bundled)"],
    "bench": ["of the step's picture (default: 256)", "(default: NST_NUM_THREADS, else all)"],
}


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_shows_its_defaults(capsys, command):
    assert nst(command, "--help") == 0
    out = unspaced(capsys.readouterr().out)
    assert out.startswith(unspaced(f"usage: nst {command}"))
    for text in DEFAULTS.get(command, ()):
        assert unspaced(text) in out
    for text in ("default: None", "default: False", "SUPPRESS"):
        assert unspaced(text) not in out


def test_help_imports_neither_numpy_nor_scipy():
    code = (
        "import sys\n"
        "from nst_numpy.cli import main\n"
        "try:\n"
        "    main(['--help'])\n"
        "except SystemExit as leave:\n"
        "    assert leave.code == 0\n"
        "print(sorted({'numpy', 'scipy', 'h5py', 'PIL', 'matplotlib'} & sys.modules.keys()))\n"
    )
    done = python("-c", code)
    assert done.stderr == ""
    assert done.stdout.splitlines()[-1] == "[]"
    assert "transfer" in done.stdout


def test_a_misspelt_command_is_one_line(capsys):
    assert nst("sampels") == 2
    assert one_line(capsys) == "nst: unknown command 'sampels': did you mean samples?"
    assert nst("xyz") == 2
    line = one_line(capsys)
    assert line == f"nst: unknown command 'xyz': choose from {', '.join(COMMANDS)}"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["source", "run"], "the following arguments are required: -o/--output"),
        (["transfer", "a", "b", "-o", "o.png", "--size", "big"], "argument --size: invalid int"),
        (["transfer", "a", "b", "-o", "o.png", "--siz", "64"], "unrecognized arguments: --siz"),
        (["transfer", "a", "b", "-o", "o.png", "--pool", "mean"], "argument --pool: invalid choic"),
        (["transfer", "a", "b", "-o", "o.png", "--threads", "0"], "'0' is not a whole number of"),
        (["demo", "--style-layers", "relu1_1=x"], "write it as relu4_2=0.5"),
        (["layers", "--height", "tall"], "'tall' is not a whole number of at least 1"),
        (["weights", "mend"], "argument action: invalid choice: 'mend'"),
        (["--versoin"], "unrecognized arguments: --versoin"),
    ],
)  # fmt: skip
def test_what_argparse_refuses_ends_with_the_usage_and_the_reason(capsys, no_work, words, message):
    assert nst(*words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("usage: nst")
    assert message in err.splitlines()[-1]


def test_debug_shows_where(capsys):
    with pytest.raises(ImageError, match=r"there is no file missing\.jpg"):
        nst("transfer", "missing.jpg", "starry_night", "-o", "out.png", "--debug")
    assert capsys.readouterr() == ("", "")


# in a process of its own


def test_python_m_paints(tmp_path):
    words = ["transfer", "chelsea", "starry_night", "-o", "o.png", *QUICK, "--iterations", "1"]
    done = python("-m", "nst_numpy", *words, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "o.png\n"), done.stderr
    assert load_image("o.png").shape[1] == 32
    assert "Traceback" not in done.stderr


def test_python_m_refuses_in_one_line(tmp_path):
    words = ["transfer", "chelsea", "starry_night", "-o", "out.gif"]
    done = python("-m", "nst_numpy", *words, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(r"nst: out\.gif: [^\n]+\n", done.stderr)


def test_what_a_terminal_does_not_know_is_a_question_mark(tmp_path):
    words = ("-m", "nst_numpy", "--help")
    whole = python(*words, cwd=tmp_path).stdout
    done = python(*words, cwd=tmp_path, PYTHONIOENCODING="ascii")
    assert done.returncode == 0, done.stderr
    assert done.stdout == whole.encode("ascii", errors="replace").decode("ascii")
    assert "nst COMMAND ?" in done.stdout


def test_a_reader_that_has_seen_enough_is_no_error(tmp_path):
    # the pipe is closed before the list is printed
    code = (
        "import os, subprocess, sys\n"
        "reading, writing = os.pipe()\n"
        "os.close(reading)\n"
        "done = subprocess.run([sys.executable, '-m', 'nst_numpy', 'samples', '--paths'],\n"
        "                      stdout=writing, stderr=subprocess.PIPE)\n"
        "print(done.returncode, done.stderr)\n"
    )
    assert python("-c", code, cwd=tmp_path).stdout == "0 b''\n"


def start(*words, **options):
    environment = os.environ | {"NST_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, "-m", "nst_numpy", *words], stderr=subprocess.PIPE, timeout=PATIENCE,
        check=False, env=environment, **options,
    )  # fmt: skip


@posix
def test_a_full_disk_under_the_standard_output_is_one_line():
    if not os.path.exists("/dev/full"):
        pytest.skip("only Linux has a disk that is always full")
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = start("samples", stdout=full)
    assert done.returncode == 1
    assert done.stderr == b"nst: what is printed cannot be written (no space left on device)\n"


@posix
@pytest.mark.parametrize("closed", [(1,), (2,), (0, 1, 2)])
def test_closed_streams_are_no_error(closed):
    done = start("samples", preexec_fn=lambda: [os.close(each) for each in closed])
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (MemoryError(), "nst: there is not enough memory, or the process is allowed too little"),
        (ImportError("libx.so: failed to map segment from shared object"), "nst: there is not en"),
        (RuntimeError("can't start new thread"), "nst: there is not enough memory"),
    ],
)
def test_memory_that_is_missing_is_one_line(capsys, monkeypatch, error, message):
    def run(args):
        raise error

    monkeypatch.setattr("nst_numpy.cli.samples.run", run)
    assert nst("samples") == 2
    assert one_line(capsys).startswith(message)


def test_another_error_is_none_of_memory(monkeypatch):
    def run(args):
        raise RuntimeError("mine")

    monkeypatch.setattr("nst_numpy.cli.samples.run", run)
    with pytest.raises(RuntimeError, match="mine"):
        nst("samples")


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_a_signal_before_there_is_anything_to_save_is_one_line(capsys, monkeypatch, name, code):
    monkeypatch.setattr(
        "nst_numpy.cli.samples.run", lambda args: signal.raise_signal(getattr(signal, name))
    )
    assert nst("samples") == code
    assert one_line(capsys) == f"nst: stopped by {'Ctrl-C' if code == 130 else name}"


def test_a_command_that_saved_what_it_had_ends_with_the_code_of_the_signal(monkeypatch):
    def run(args):
        with contextlib.suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
        return 130  # what a command knows

    monkeypatch.setattr("nst_numpy.cli.samples.run", run)
    assert nst("samples") == 143


@posix
def test_python_does_not_end_by_the_signal_that_a_command_has_dealt_with(tmp_path):
    code = (
        "import signal, sys\n"
        "from nst_numpy.cli import main, samples\n"
        "samples.run = lambda args: exec('signal.raise_signal(signal.SIGTERM)', globals())\n"
        "sys.argv[1:] = ['samples']\n"
        "sys.exit(main())\n"
    )
    (tmp_path / "program.py").write_text(code, "utf-8")
    done = python("-m", "program")
    assert (done.returncode, done.stderr) == (143, "nst: stopped by SIGTERM\n")


def test_a_warning_is_one_line(capsys, monkeypatch):
    def run(args):
        warnings.simplefilter("always")
        warnings.warn("the snapshot is missing", RuntimeWarning, stacklevel=1)
        return 0

    monkeypatch.setattr("nst_numpy.cli.samples.run", run)
    assert nst("samples") == 0
    assert one_line(capsys) == "nst: the snapshot is missing"


INPUT_IS_OUTPUT = [
    "transfer me.png starry_night -o me.png",
    "transfer chelsea me.png -o ./me.png",
    "transfer chelsea horse --init me.png -o me.png",
    "transfer chelsea horse -o new.png --report me.png --weights me.png",
    "transfer chelsea horse -o me.png --layers me.png",
    "pull me.png starry_night -o me.png",
    "pull chelsea horse --image me.png -o me.png",
    "pull chelsea horse -o new.png --json me.png --weights me.png",
    "reconstruct me.png --content relu1_1 -o me.png",
    "dream relu1_1 3 --weights me.png -o me.png",
    "trace me.png relu1_1:3@4,4 -o me.png",
    "trace me.png relu1_1:3@4,4 --json me.png",
    "gram me.png -o me.png",
    "gram chelsea --with me.png --json me.png",
    "gram chelsea --photos . -o me.png",
    "units relu1_1 --photos . -o me.png",
    "units relu1_1 --merge me.png --json me.png",
    "heartbeat --signal me.png -o new.png --json me.png",
    "gradcheck --picture me.png --json me.png",
    "gradcheck me.png:f,g --input x=3 --json me.png",
]


@pytest.mark.parametrize("words", INPUT_IS_OUTPUT)
def test_what_a_command_reads_it_does_not_write(capsys, no_work, words):
    save_image("me.png", np.zeros((40, 40, 3), np.uint8))
    before = Path("me.png").read_bytes()
    assert nst(*words.split()) == 2
    assert re.search(r"me\.png is read by this command: choose another name", one_line(capsys))
    assert Path("me.png").read_bytes() == before
    assert os.listdir() == ["me.png"]
