"""What a type checker says of a program that uses the package."""

import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

import nst_numpy
from nst_numpy.course.isolation import HOWS
from nst_numpy.gradcheck import check, numerical
from nst_numpy.kernels.methods import METHODS
from nst_numpy.layers.activation import RELU_RULES
from nst_numpy.network import ENGINES
from nst_numpy.optimize import OPTIMIZERS
from nst_numpy.pictures.starts import STARTS
from nst_numpy.presets import PRESETS, PresetName
from nst_numpy.signals.stent import TASKS
from nst_numpy.styles import STYLES
from nst_numpy.vgg import POOLS
from nst_numpy.weights import BLOCKS

ROOT = Path(nst_numpy.__file__).parents[1]
HEAD = "import numpy as np\nimport nst_numpy as nst\nfrom nst_numpy.signals import stent\n"

MISSPELT = {
    "nst.lok": 'has no attribute "lok"',
    "nst.measure.juge": 'has no attribute "juge"',
    "nst.losses.gram_matix": 'has no attribute "gram_matix"',
    "nst.optimize.run_optimiser": 'has no attribute "run_optimiser"',
    "from nst_numpy.objective import Objektive": 'has no attribute "Objektive"',
    "from nst_numpy.signals.drift import drifts": 'has no attribute "drifts"',
}
# a choice that there is not, in the signature or dataclass that takes it
WRONG = [
    'nst.transfer("a.png", "b.png", optimizer="adm")',
    'nst.transfer("a.png", "b.png", pool="mean")',
    'nst.transfer("a.png", "b.png", engine="fast")',
    'nst.transfer("a.png", "b.png", style_loss="grams")',
    'nst.transfer("a.png", "b.png", colors="mach")',
    'nst.transfer("a.png", "b.png", convention="jonson")',
    'nst.transfer("a.png", "b.png", preset="bald")',
    'nst.save_image("a.png", np.zeros((2, 2, 3), np.uint8), profile="sgrb")',
    'nst.video.VideoSettings(flow="rift")',
    'nst.VGG.load(pool="mean")',
    'nst.VGG.random([4], np.random.default_rng(), engine="fast")',
    'nst.Sequential([], (8, 8, 3), np.random.default_rng(0), engine="fast")',
    'nst.objective.Coefficients(style_loss="grams")',
    'nst.network.Network({}, {}, (8, 8, 3), dtype=np.float32).backward({}, relu="guide")',
    'nst.layers.relu_backward(np.ones(3), np.ones(3, dtype=bool), rule="guide")',
    'nst.layers.conv_forward(np.ones(3), np.ones(3), np.ones(3), method="fft")',
    'nst.layers.max_pool_forward(np.ones(3), pad="full")',
    'nst.gradcheck.numerical_gradient(np.sum, np.ones(3), method="forward")',
    'nst.gradcheck.check_gradient(np.sum, np.sum, {}, kinks="any")',
    'nst.weights.load_weights(architecture="vgg11")',
    'nst.course.find_isolation("chroot")',
    'stent.compare_on_volume(np.ones(3, dtype=int), "bone")',
]
RIGHT = [
    *(f"nst.{name}" for name in nst_numpy.__all__),
    *(f"nst.measure.{name}" for name in nst_numpy.measure.__all__),
    'nst.transfer("a.png", "starry_night", init="horse", style_loss="wasserstein", pool="max")',
    'nst.transfer("a.png", np.zeros((9, 9, 3), np.uint8), init="noise", optimizer="gd")',
    'nst.layers.max_pool_forward(np.ones(3), pad="same")',
]


@pytest.fixture(scope="module")
def mypy(tmp_path_factory):
    """Check a program with a line for each case; return what is said of each line."""
    pytest.importorskip("mypy", reason="mypy is not installed: nox -s types has it")
    lines = [*HEAD.splitlines(), *MISSPELT, *WRONG, *RIGHT]
    folder = tmp_path_factory.mktemp("types")
    (folder / "program.py").write_text("\n".join(lines) + "\n", encoding="utf-8")
    config = f"[mypy]\nmypy_path = {ROOT}\nignore_missing_imports = true\nfollow_imports = silent\n"
    (folder / "mypy.ini").write_text(config, encoding="utf-8")
    cache = str(ROOT / ".mypy_cache" / "program")  # ten times as fast the next time
    command = (sys.executable, "-m", "mypy", "--cache-dir", cache, "program.py")
    run = subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", check=False)
    assert run.returncode == 1, run.stdout + run.stderr
    said = dict.fromkeys(lines, "")
    for message in run.stdout.splitlines()[:-1]:
        _, number, rest = message.split(":", 2)
        said[lines[int(number) - 1]] += rest
    return said


@pytest.mark.parametrize("line", MISSPELT)
def test_a_misspelt_name_is_an_error(mypy, line):
    assert MISSPELT[line] in mypy[line]


@pytest.mark.parametrize("line", WRONG)
def test_a_choice_that_there_is_not_is_an_error(mypy, line):
    assert 'expected "' in mypy[line]
    assert "Literal[" in mypy[line]


def test_what_is_right_is_none(mypy):
    assert {line: mypy[line] for line in RIGHT if mypy[line]} == {}


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (POOLS, ["avg", "max"]),
        (STYLES, ["gram", "wasserstein", "neighbours"]),
        (OPTIMIZERS, ["lbfgs", "gd", "adam"]),
        (ENGINES, ["fused", "plain"]),
        (STARTS, ["content", "noise", "uniform", "style", "grey"]),
        (RELU_RULES, ["gradient", "guided", "deconvolution"]),
        (METHODS, ["auto", "winograd", "im2col", "reference"]),
        (numerical.METHODS, ["central", "complex"]),
        (check.KINKS, ["convention", "subgradient"]),
        (TASKS, ["lean", "find"]),
        (BLOCKS, ["vgg16", "vgg19"]),
        (PRESETS, [*get_args(PresetName)]),
        (HOWS, ["bubblewrap", "docker", "podman"]),
    ],
)
def test_the_choices_at_the_door_are_those_of_the_types(names, expected):
    assert list(names) == expected
