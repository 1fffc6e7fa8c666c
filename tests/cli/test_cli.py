import errno
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import nst_numpy
from nst_numpy import cli, style_transfer
from nst_numpy.cli import COMMANDS, main
from nst_numpy.cli.demo import new_folder_name
from nst_numpy.cli.parts.options import duration, layer_weights, show_layer_weights, table
from nst_numpy.errors import ImageError
from nst_numpy.layers import get_threads, set_threads
from nst_numpy.measure import estimate
from nst_numpy.objective import STYLE_LAYERS, Objective
from nst_numpy.pictures.images import load_image, save_image
from nst_numpy.pictures.samples import samples
from nst_numpy.style_transfer import BETA_PER_PIXEL
from nst_numpy.vgg import VGG
from nst_numpy.weights import bundled_path, load_weights

# Few layers keep the real network quick.
QUICK = [
    *("--size", "32", "--iterations", "2"),
    *("--content-layers", "relu2_2", "--style-layers", "relu1_1,relu2_1"),
]


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
        cwd=cwd, env=os.environ | environment, timeout=120, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def real_params():
    return load_weights()


@pytest.fixture
def loaded(monkeypatch, real_params):
    """Read the bundled weights once for all tests, as the file itself is tested elsewhere."""
    real = VGG.load.__func__

    def load(cls, path=None, pool="avg", *more):
        return VGG(real_params, pool) if path is None else real(cls, path, pool, *more)

    monkeypatch.setattr(VGG, "load", classmethod(load))


@pytest.fixture
def no_work(monkeypatch):
    """Fail where the network is read: what is wrong has to be found before."""
    monkeypatch.setattr(VGG, "load", lambda *args: pytest.fail("the weights were read"))


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    yield
    set_threads(None)


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


# help


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
        "--alpha ALPHA weight of content (default: 1.0)",
        f"weight of style (default: {BETA_PER_PIXEL:g} times the number of pixels)",
        "(default: relu4_2=1)",
        "(default: relu1_1=0.2,relu2_1=0.2,relu3_1=0.2,relu4_1=0.2,relu5_1=0.2)",
        "(default: content)",
        "of the noise (default: 0)",
        "kind of pooling (default: avg)",
        "how J is minimised (default: lbfgs)",
        "in pixel values, 0 to 255 (default: gd 1, adam 2)",
        "sizes, coarse to fine (default: begin at 256 pixels or less)",
        "(default: as --size)",
        "(default: bundled)",
        "(default: NST_NUM_THREADS, else all)",
        "(default: OUT's name with -snapshots; it is made)",
    ],
    "demo": [
        "longest side in pixels (default: 384)",
        "steps, at each scale (default: 100)",
        "(default: nst-demo, nst-demo-2, …)",
        "kind of pooling (default: avg)",
    ],
    "pull": [
        "the picture now (default: CONTENT)",
        "longest side in pixels (default: 256)",
        f"weight of style (default: {BETA_PER_PIXEL:g} times the number of pixels)",
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
    "weights": ["HDF5 file (default: bundled)"],
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


# transfer


def test_transfer_end_to_end(capsys):
    code = nst(
        "transfer", "neuschwanstein", "starry_night", "-o", "painted.png", *QUICK,
        "--json", "run.json", "--snapshot-every", "1", "--threads", "1",
    )  # fmt: skip
    out, err = capsys.readouterr()
    assert code == 0
    assert out == "painted.png\n"
    assert "32×21 pixels, 2 iterations: about " in err
    assert "did the 2 iterations asked for in " in err
    image = load_image("painted.png")
    assert image.shape == (21, 32, 3)

    run = json.loads(Path("run.json").read_text(encoding="utf-8"))
    assert (run["content"], run["style"], run["weights"]) == (
        "neuschwanstein",
        "starry_night",
        "bundled",
    )
    assert run["stopped"] == "did the 2 iterations asked for"
    assert run["settings"]["beta"] == BETA_PER_PIXEL * 21 * 32
    assert run["settings"]["content_layers"] == {"relu2_2": 1.0}
    assert run["settings"]["style_layers"] == {"relu1_1": 1.0, "relu2_1": 1.0}
    assert [entry["iteration"] for entry in run["history"]] == [1, 2]
    for entry in run["history"]:
        assert set(entry["terms"]) == {"content/relu2_2", "style/relu1_1", "style/relu2_1"}
        assert sum(entry["terms"].values()) == entry["loss"]
    assert f"loss {run['history'][-1]['loss']:.4g} = " in err

    assert sorted(os.listdir()) == ["painted-snapshots", "painted.png", "run.json"]
    assert sorted(os.listdir("painted-snapshots")) == ["00001.png", "00002.png"]
    np.testing.assert_array_equal(load_image("painted-snapshots/00002.png"), image)


def test_every_option_reaches_the_run(loaded):
    save_image("start.png", np.full((20, 20, 3), 90, dtype=np.uint8))
    code = nst(
        "transfer", "chelsea", "cafe_terrace", "-o", "out.bmp", "--size", "48",
        "--iterations", "1", "--alpha", "2", "--beta", "3", "--tv-weight", "4",
        "--content-layers", "relu2_2=0.25", "--style-layers", "relu1_1=0.5, relu2_1=1.5",
        "--init", "start.png", "--seed", "7", "--pool", "max", "--optimizer", "adam",
        "--learning-rate", "0.5", "--scales", "2", "--style-size", "40", "--json", "run.json",
        "--snapshot-every", "2", "--snapshot-folder", "deep/er", "--threads", "1", "--quiet",
    )  # fmt: skip
    assert code == 0
    assert json.loads(Path("run.json").read_text(encoding="utf-8"))["settings"] == {
        "size": 48,
        "iterations": 1,
        "alpha": 2.0,
        "beta": 3.0,
        "tv_weight": 4.0,
        "content_layers": {"relu2_2": 0.25},
        "style_layers": {"relu1_1": 0.5, "relu2_1": 1.5},
        "init": "start.png",
        "seed": 7,
        "pool": "max",
        "optimizer": "adam",
        "learning_rate": 0.5,
        "scales": 2,
        "style_size": 40,
        "height": 32,
        "width": 48,
    }
    assert os.listdir("deep/er") == ["00002.png"]
    assert load_image("out.bmp").shape == (32, 48, 3)


def test_quiet_prints_nothing(capsys, loaded):
    assert nst("transfer", "chelsea", "starry_night", "-o", "o.png", *QUICK, "--quiet") == 0
    assert capsys.readouterr() == ("", "")
    assert Path("o.png").exists()


def test_the_picture_to_start_from_may_be_a_sample(loaded):
    words = ["transfer", "chelsea", "starry_night", *QUICK, "--quiet", "--iterations", "1"]
    words += ["--optimizer", "gd", "--learning-rate", "0.001", "-o", "o.png", "--init", "coffee"]
    assert nst(*words) == 0
    coffee = next(sample for sample in samples() if sample.name == "coffee").path
    start = load_image(coffee, 32)
    assert np.abs(load_image("o.png").astype(int) - start).mean() < 5


def test_the_weights_file_reaches_the_run_and_its_record(loaded, monkeypatch, real_params):
    asked = []

    def load(path, pool):
        asked.append((path, pool))
        return VGG(real_params, pool)

    monkeypatch.setattr(VGG, "load", load)
    words = ["transfer", "chelsea", "starry_night", "-o", "o.png", *QUICK, "--quiet"]
    assert nst(*words, "--weights", "mine.h5", "--pool", "max", "--json", "run.json") == 0
    assert asked == [("mine.h5", "max")]
    assert json.loads(Path("run.json").read_text(encoding="utf-8"))["weights"] == "mine.h5"


@pytest.mark.parametrize("command", ["transfer", "demo"])
def test_ctrl_c_writes_the_picture_so_far(capsys, loaded, monkeypatch, command):
    calls = []

    class Interrupted(Objective):
        def __call__(self, x):
            calls.append(1)
            if len(calls) == 4:
                signal.raise_signal(signal.SIGINT)
            return super().__call__(x)

    monkeypatch.setattr(style_transfer, "Objective", Interrupted)
    words = ["transfer", "chelsea", "starry_night", "-o", "o.png", "--json", "o.json"]
    picture, history = {
        "transfer": ("o.png", "o.json"),
        "demo": ("nst-demo/painted.png", "nst-demo/run.json"),
    }[command]
    # gradient descent: one call before the first iteration, then one in each
    descent = ["--optimizer", "gd", "--iterations", "9"]
    code = nst(*(words if command == "transfer" else ["demo"]), *QUICK, *descent)
    out, err = capsys.readouterr()
    assert code == 130
    assert "stopped by Ctrl-C in " in err
    assert "Traceback" not in err
    assert out.strip() == str(Path(picture))
    assert max(load_image(picture).shape) == 32
    run = json.loads(Path(history).read_text(encoding="utf-8"))
    assert run["stopped"] == "stopped by Ctrl-C"
    assert len(run["history"]) == 2


def test_ctrl_c_before_the_first_picture_is_one_line(capsys, monkeypatch):
    def interrupt(*args):
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(VGG, "load", interrupt)
    assert nst("transfer", "chelsea", "starry_night", "-o", "o.png") == 130
    assert one_line(capsys) == "nst: stopped by Ctrl-C"
    assert os.listdir() == []


# demo


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


# bad input


def bad_files():
    """Make what the table of bad input names."""
    Path("text.png").write_text("no picture", "utf-8")
    Path("empty.jpg").write_bytes(b"")
    Path("folder.png").mkdir()
    Path("pictures").mkdir()
    save_image("line.png", np.zeros((4, 400, 3), dtype=np.uint8))
    Path("text.h5").write_text("no weights", "utf-8")
    Path("short.h5").write_bytes(bundled_path().read_bytes()[:100_000])


GOOD = {"content": "chelsea", "style": "starry_night", "-o": "out.png"}
BEFORE_THE_WEIGHTS = [
    ({"content": "missing.jpg"}, "there is no file missing.jpg"),
    ({"style": "missing.png"}, "there is no file missing.png"),
    ({"content": "chelsee"}, "unknown file or sample 'chelsee': did you mean chelsea?"),
    ({"content": ""}, "the name of the picture is empty"),
    ({"content": "pictures"}, "'pictures' is a folder: name a picture in it"),
    ({"--init": "nois.png"}, "there is no file nois.png"),
    ({"--init": "chelsee"}, "unknown file or sample 'chelsee': did you mean chelsea?"),
    ({"-o": "missing/out.png"}, "the folder missing does not exist: make it first"),
    ({"-o": "out.gif"}, "out.gif: the suffix .gif names no format that can be written: use .png"),
    ({"-o": "out"}, "out: a suffix is missing: use .png"),
    ({"-o": "folder.png"}, "folder.png is a folder: add a file name"),
    ({"-o": "text.h5/out.png"}, "text.h5 is not a folder: choose another place"),
    ({"--json": "no/run.json"}, "the folder no does not exist: make it first"),
    ({"--size": "0"}, "size must be at least 16 pixels, not 0"),
    ({"--size": "-5"}, "size must be at least 16 pixels, not -5"),
    ({"--style-size": "0"}, "style_size must be at least 16 pixels, not 0"),
    ({"--iterations": "0"}, "iterations must be at least 1, not 0"),
    ({"--scales": "9"}, "9 scales from size 512 end below 16 pixels"),
    ({"--seed": "-1"}, "seed must be at least 0, not -1"),
    ({"--alpha": "-1"}, "alpha must be a finite number of at least 0, not -1.0"),
    ({"--beta": "nan"}, "beta must be a finite number of at least 0, not nan"),
    ({"--tv-weight": "inf"}, "tv_weight must be a finite number of at least 0, not inf"),
    ({"--style-layers": "relu1_1=-2"}, "the weight of relu1_1 must be a finite number of at least"),
    ({"--learning-rate": "0"}, "learning_rate must be a finite number above 0, not 0.0"),
    ({"--alpha": "0", "--beta": "0"}, "every weight is 0"),
]
AFTER_THE_WEIGHTS = [
    ({"content": "text.png"}, "text.png is not a picture that can be read"),
    ({"style": "empty.jpg"}, "empty.jpg"),
    ({"content": "line.png"}, "the content picture is only 256×2 pixels at the coarsest scale"),
    ({"--style-layers": "relu1_1,relu2_9"}, "unknown layer 'relu2_9': did you mean relu2_"),
    ({"--content-layers": "block4"}, "unknown layer 'block4': choose from conv1_1, "),
    ({"--weights": "missing.h5"}, "there is no file missing.h5"),
    ({"--weights": "text.h5"}, "text.h5 is not an HDF5 file"),
    ({"--weights": "short.h5"}, "short.h5 is damaged or cut short"),
    ({"--weights": "pictures"}, "pictures is a folder, not a file"),
    ({"--snapshot-folder": "snaps"}, "snapshots need both: snapshot_every"),
    ({"--snapshot-every": "2", "--snapshot-folder": "text.h5"}, "text.h5 cannot be a folder"),
]


def transfer_words(changes):
    chosen = GOOD | changes
    words = ["transfer", chosen.pop("content"), chosen.pop("style")]
    # --name=value, since a value such as -1 looks like an option of its own
    words += [f"{k}={v}" if k.startswith("--") else f"{k}{v}" for k, v in chosen.items()]
    return words


def case_name(value):
    if isinstance(value, dict):
        return ",".join(f"{k}={v}" for k, v in value.items())
    return ""


@pytest.mark.parametrize(("changes", "message"), BEFORE_THE_WEIGHTS, ids=case_name)
def test_bad_input_is_one_line_before_the_weights_are_read(capsys, no_work, changes, message):
    bad_files()
    before = sorted(os.listdir())
    assert nst(*transfer_words(changes)) == 2
    assert message in one_line(capsys)
    assert sorted(os.listdir()) == before


@pytest.mark.parametrize(("changes", "message"), AFTER_THE_WEIGHTS, ids=case_name)
def test_bad_input_is_one_line_before_the_run(capsys, loaded, changes, message):
    bad_files()
    before = sorted(os.listdir())
    assert nst(*transfer_words(changes)) == 2
    assert message in one_line(capsys)
    assert sorted(os.listdir()) == before


def test_too_large_a_run_is_one_line(capsys, loaded, monkeypatch):
    monkeypatch.setattr(estimate, "available_memory", lambda: 500_000_000)
    assert nst(*transfer_words({})) == 2
    assert re.search(
        r"of memory, but only 0\.5 GB are free: use size \d+ or less", one_line(capsys)
    )


def test_a_misspelt_command_is_one_line(capsys):
    assert nst("sampels") == 2
    assert one_line(capsys) == "nst: unknown command 'sampels': did you mean samples?"
    assert nst("xyz") == 2
    line = one_line(capsys)
    assert line == f"nst: unknown command 'xyz': choose from {', '.join(COMMANDS)}"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["transfer", "chelsea"], "the following arguments are required: STYLE, -o/--output"),
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
        nst(*transfer_words({"content": "missing.jpg"}), "--debug")
    assert capsys.readouterr() == ("", "")


# samples, layers, weights


def test_samples_lists_every_picture(capsys):
    assert nst("samples") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["name", "kind", "pixels", "licence", "title,", "author"]
    assert [line.split()[0] for line in lines[1:]] == [sample.name for sample in samples()]
    (night,) = [line for line in lines if line.startswith("starry_night")]
    width, height = next(s for s in samples() if s.name == "starry_night").size
    assert night.split()[:3] == ["starry_night", "style", f"{width}×{height}"]
    assert "The Starry Night (1889), Vincent van Gogh" in night


def test_samples_prints_paths_for_programs(capsys):
    assert nst("samples", "--paths") == 0
    rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert rows == [[sample.name, str(sample.path)] for sample in samples()]
    assert all(Path(path).is_file() for _, path in rows)


def layer_rows(capsys, *words):
    assert nst("layers", *words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["layer", "output", "parameters", "multiplications", "sees", "step"]
    return {line.split()[0]: line.split()[1:] for line in lines[1:]}


def test_layers_shows_the_numbers_of_each_layer(capsys):
    rows = layer_rows(capsys, "--height", "224", "--width", "320")
    # 3·3·3·64 + 64 parameters; 3·3·3·64 multiplications at each of 224·320 pixels
    assert rows["conv1_1"] == ["224×320×64", "1,792", "123,863,040", "3×3", "1"]
    # 3·3·128·256 + 256; 3·3·128·256 at each of 56·80 positions
    assert rows["conv3_1"] == ["56×80×256", "295,168", "1,321,205,760", "24×24", "4"]
    assert rows["relu3_1"] == ["56×80×256", "24×24", "4"]
    assert rows["pool5"] == ["7×10×512", "212×212", "32"]
    assert len(rows) == 2 * 13 + 5 + 1


@pytest.mark.parametrize(
    ("words", "parameters", "products"),
    [
        (["--height", "224", "--width", "224"], "14,714,688", "15,346,630,656"),
        (["--architecture", "vgg19", "--height", "224", "--width", "224"], "20,024,384",
         "19,508,428,800"),
    ],
)  # fmt: skip
def test_layers_ends_with_the_published_sums(capsys, words, parameters, products):
    assert layer_rows(capsys, *words)["sum"] == [parameters, products]


def test_weights_info_describes_the_bundled_file(capsys):
    assert nst("weights", "info") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == str(bundled_path())
    assert lines[1].startswith("vgg16, layout ")
    assert lines[3] == "14,714,688 parameters"
    rows = {line.split()[0]: line.split()[1] for line in lines if line.startswith("conv")}
    assert rows["conv1_1"] == "3×3×3×64"
    assert len(rows) == 13


def test_weights_verify_passes_the_bundled_file(capsys):
    assert nst("weights", "verify") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines
    assert all(line.startswith("ok ") for line in lines)


def test_weights_verify_ends_with_1_on_a_wrong_file(capsys):
    bad_files()
    assert nst("weights", "verify", "short.h5") == 1
    assert re.search(r"^FAILED ", capsys.readouterr().out, re.MULTILINE)


def test_weights_info_of_a_wrong_file_is_one_line(capsys):
    bad_files()
    assert nst("weights", "info", "text.h5") == 2
    assert "text.h5 is not an HDF5 file" in one_line(capsys)


# what the commands share


def test_layer_weights_are_read_as_they_are_written():
    assert layer_weights(" relu1_1 = 0.5 ,relu2_1") == {"relu1_1": 0.5, "relu2_1": 1.0}
    assert layer_weights(show_layer_weights(STYLE_LAYERS)) == STYLE_LAYERS


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0 s"),
        (9.94, "9.9 s"),
        (10.2, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min 0 s"),
        (3599.4, "59 min 59 s"),
        (3599.6, "1 h 0 min"),
        (7261, "2 h 1 min"),
    ],
)
def test_durations_are_written_for_people(seconds, text):
    assert duration(seconds) == text


def test_a_table_aligns_its_columns():
    assert table([("a", "bb", "c"), ("dddd", "e", "")], right="lr") == "a     bb  c\ndddd   e"


# in a process of its own


def test_python_m_paints(tmp_path):
    words = ["transfer", "chelsea", "starry_night", "-o", "o.png", *QUICK, "--iterations", "1"]
    done = python("-m", "nst_numpy", *words, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "o.png\n"), done.stderr
    assert load_image("o.png").shape[1] == 32
    assert "Traceback" not in done.stderr


def test_python_m_refuses_in_one_line(tmp_path):
    done = python("-m", "nst_numpy", *transfer_words({"-o": "out.gif"}), cwd=tmp_path)
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


@pytest.mark.parametrize(
    ("error", "system", "gone"),
    [
        (BrokenPipeError(errno.EPIPE, "closed"), "linux", True),
        (OSError(errno.EINVAL, "invalid"), "win32", True),
        (OSError(errno.EINVAL, "invalid"), "linux", False),
        (OSError(errno.EINVAL, "invalid", "a?b.png"), "win32", False),
        (OSError(errno.ENOSPC, "full"), "win32", False),
    ],
)
def test_only_a_closed_pipe_means_that_the_reader_is_gone(monkeypatch, error, system, gone):
    monkeypatch.setattr(sys, "platform", system)
    assert cli._reader_is_gone(error) is gone
