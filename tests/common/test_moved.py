import subprocess
import sys
from importlib import import_module
from pkgutil import resolve_name

import pytest

import nst_numpy
from nst_numpy.common.moved import MOVED, former_names
from nst_numpy.course import grade
from nst_numpy.signals import drift, heartbeats

# Modules that have moved, and names that were in them. Written out, so that a wrong table in the
# code cannot agree with itself.
FORMER = {
    "nst_numpy.bench": ("convolution_ladder", "Rung"),
    "nst_numpy.cli.options": ("layer_weights", "duration"),
    "nst_numpy.cli.outputs": ("check_outputs",),
    "nst_numpy.cli.rivals": ("rivals_table", "add_training"),
    "nst_numpy.decoding": ("decode_file", "decode_array"),
    "nst_numpy.estimate": ("estimate_run", "Estimate"),
    "nst_numpy.hdf5": ("opened", "write"),
    "nst_numpy.images": ("load_image", "save_image", "preprocess", "deprocess", "MEAN_BGR"),
    "nst_numpy.layers.im2col": ("correlate",),
    "nst_numpy.layers.memory": ("empty", "Reserve"),
    "nst_numpy.layers.parallel": ("get_threads", "set_threads", "for_each", "scratch", "Finish"),
    "nst_numpy.layers.products": ("multiply",),
    "nst_numpy.layers.windows": ("Window", "make_window"),
    "nst_numpy.layers.winograd": ("winograd_forward", "transform_kernel"),
    "nst_numpy.networks": ("Sequential", "Conv", "Dense"),
    "nst_numpy.run_folder": ("save_run", "load_run", "SavedRun"),
    "nst_numpy.samples": ("sample_path", "Sample"),
    "nst_numpy.selfcheck": ("own_checks",),
    "nst_numpy.tables": ("table",),
}
# Modules that are still there under their names, and what has moved from them or within.
STILL_THERE = {
    "nst_numpy.losses": ("mean_squared_error", "softmax", "softmax_cross_entropy"),
    "nst_numpy.weights": ("load_weights", "bundled_path", "describe_weights", "verify_weights"),
    "nst_numpy.training": ("fit", "SGD", "Adam", "History"),
    "nst_numpy.report": ("write_report", "RunRecorder"),
    "nst_numpy.layers": ("get_threads", "set_threads"),
    "nst_numpy.look.trace": ("LargestInputs", "Part", "Trace"),
    "nst_numpy.objective": ("check_weights",),
}


def former_modules():
    """Yield statements that are true if former names of modules are known."""
    for former, now in MOVED.items():
        parent, _, name = former.rpartition(".")
        yield f"import {former} as a, {now} as b; assert a is b"
        yield f"from {parent} import {name} as a; assert a.__name__ == {now!r}"
        if parent == "nst_numpy":
            yield f"import nst_numpy as nst; assert nst.{name}.__name__ == {now!r}"


def public_names():
    for name in nst_numpy.__all__:
        yield f"import nst_numpy as nst; assert nst.{name}.__name__.split('.')[-1] == {name!r}"
    for name in ("vgg", "objective", "style_transfer"):
        yield f"from nst_numpy import {name} as a; assert a.__name__ == 'nst_numpy.{name}'"


def moved_names():
    for module, names in (FORMER | STILL_THERE).items():
        yield f"from {module} import {', '.join(names)}"


NEVER = {
    "import nst_numpy as nst; nst.picture":
    "AttributeError: module 'nst_numpy' has no attribute 'picture'",
    "import nst_numpy.picture": "ModuleNotFoundError: No module named 'nst_numpy.picture'",
    "from nst_numpy.losses import hinge":
    "ImportError: cannot import name 'hinge' from 'nst_numpy.losses'",
    "import nst_numpy.losses as losses; losses.hinge":
    "AttributeError: module 'nst_numpy.losses' has no attribute 'hinge'",
}  # fmt: skip

# What was imported before must not help. One process does for all statements, since it forgets
# the package before each; what others have loaded may stay.
FRESH = """
import sys

finders = list(sys.meta_path)
for statement in sys.stdin.read().splitlines():
    for name in [name for name in sys.modules if name.partition(".")[0] == "nst_numpy"]:
        del sys.modules[name]
    sys.meta_path[:] = finders
    try:
        exec(statement, {})
    except Exception as error:
        print(f"{type(error).__name__}: {error}")
    else:
        print("true")
"""


# what others warn of is not the package's: how matplotlib reads its files, and what an old
# release of it uses of a newer pyparsing
OF_OTHERS = ("ignore::EncodingWarning:matplotlib.font_manager", "ignore::DeprecationWarning")


@pytest.fixture(scope="module")
def answers():
    """Say of each statement what came of it where nothing was imported before."""
    statements = [*former_modules(), *public_names(), *moved_names(), *NEVER]
    done = subprocess.run(
        [sys.executable, "-W", "error", *(f"-W{each}" for each in OF_OTHERS), "-c", FRESH],
        input="\n".join(statements), capture_output=True, encoding="utf-8", check=True,
    )  # fmt: skip
    assert done.stderr == ""
    return dict(zip(statements, done.stdout.splitlines(), strict=True))


@pytest.mark.parametrize("statements", [former_modules, public_names, moved_names])
def test_it_is_found_where_nothing_was_imported_before(answers, statements):
    wrong = {each: answers[each] for each in statements() if answers[each] != "true"}
    assert not wrong


def test_what_never_was_is_not_found(answers):
    for statement, error in NEVER.items():
        assert answers[statement].startswith(error)


def test_no_former_name_is_forgotten():
    assert set(FORMER) <= set(MOVED)


@pytest.mark.parametrize("former", MOVED)
def test_a_module_is_the_same_under_both_names(former):
    module = import_module(MOVED[former])
    assert import_module(former) is module
    assert module.__name__ == MOVED[former]
    parent, _, name = former.rpartition(".")
    assert getattr(import_module(parent), name) is module


def test_losses_of_networks_that_learn_are_the_same_functions():
    from nst_numpy import losses, training

    for name in STILL_THERE["nst_numpy.losses"]:
        assert getattr(losses, name) is getattr(training, name)


@pytest.mark.parametrize(
    ("former", "now"),
    [
        ("gradcheck.evidence.Study", "gradcheck.evidence.GradientStudy"),
        ("gradcheck.pair.Pair", "gradcheck.pair.FunctionPair"),
        ("gradcheck.report.Index", "common.arrays.Index"),
        ("gradcheck.zoo.mistakes.Function", "gradcheck.zoo.mistakes.LayerFunction"),
        ("gradcheck.zoo.mistakes.Layer", "gradcheck.zoo.mistakes.ZooLayer"),
        ("kernels.memory.Reserve", "kernels.memory.ReusedMemory"),
        ("kernels.memory.empty", "kernels.memory.empty_array"),
        ("layers.activation.apply_mask", "kernels.masks.apply_mask"),
        ("layers.activation.pack_mask", "kernels.masks.pack_mask"),
        ("layers.activation.rectify", "kernels.masks.rectify"),
        ("layers.convolution.METHODS", "kernels.methods.METHODS"),
        ("layers.convolution.WINOGRAD_CHANNELS", "kernels.methods.WINOGRAD_CHANNELS"),
        ("layers.convolution.WINOGRAD_POSITIONS", "kernels.methods.WINOGRAD_POSITIONS"),
        ("layers.convolution.choose_method", "kernels.methods.choose_method"),
        ("layers.convolution.convolve", "kernels.methods.convolve"),
        ("layers.convolution.product_first_is_smaller", "kernels.methods.product_first_is_smaller"),
        ("layers.parallel.Finish", "kernels.parts.EachPart"),
        ("layers.parallel.Parts", "kernels.parts.MadeInParts"),
        ("layers.parallel.in_turn", "kernels.parts.one_after_the_other"),
        ("layers.parallel.scratch", "kernels.memory.scratch_array"),
        ("layers.pooling.BAND_BYTES", "kernels.pools.BAND_BYTES"),
        ("layers.reference.Index", "common.arrays.Index"),
        ("look.gradient_terms", "objective.Objective.gradient_terms"),
        ("look.pull.gradient_terms", "objective.Objective.gradient_terms"),
        ("look.units.PathLike", "files.PathLike"),
        ("losses.softmax", "training.losses.softmax"),
        ("training.sequential.MOST_PARAMETERS", "weights.saved.MOST_PARAMETERS"),
        ("objective.Network", "objective.AnyNetwork"),
        ("optimize.Callback", "optimize.StepCallback"),
        ("rows.Pair", "rows.LayerParams"),
        ("signals.drift.CLASSES", "signals.examples.CLASSES"),
        ("signals.drift.Labels", "common.arrays.Integers"),
        ("signals.drift.compare", "signals.comparison.compare"),
        ("signals.drift.cut", "signals.blocks.cut"),
        ("signals.drift.make_rivals", "signals.rivals.make_rivals"),
        ("signals.heartbeats.BAND", "signals.beats.BAND"),
        ("signals.heartbeats.Result", "signals.classifiers.BeatCounts"),
        ("signals.heartbeats.study", "signals.classifiers.study"),
        ("weights.vgg_files.Params", "weights.vgg_files.Convolutions"),
    ],
)
def test_a_name_is_found_at_its_former_place(former, now):
    assert look_up(former) is look_up(now)


def look_up(name):
    return resolve_name(f"nst_numpy.{name}")


@pytest.mark.parametrize("module", [drift, grade, heartbeats])
def test_every_former_name_of_a_file_that_was_split_is_found(module):
    for name, place in module._FORMER.items():
        assert getattr(module, name) is resolve_name(place)


def test_former_names_finds_what_it_is_told_and_nothing_else():
    find = former_names("here", "math", "sin", "pi")
    assert find("sin") is import_module("math").sin
    assert find("pi") == import_module("math").pi
    with pytest.raises(AttributeError, match=r"^module 'here' has no attribute 'cos'$"):
        find("cos")
    find = former_names("math", {"root": "sqrt", "old": "nst_numpy.common.text.table"})
    assert find("root") is import_module("math").sqrt
    assert find("old") is look_up("common.text.table")


def test_dir_lists_the_public_names():
    assert dir(nst_numpy) == sorted(nst_numpy.__all__)
