import io
import json
import math
import re
import signal
import threading

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import uniform_filter1d

from nst_numpy import scales, style_transfer
from nst_numpy.errors import (
    ImageError,
    NonFiniteError,
    NstError,
    SettingError,
    TooLargeError,
    UnknownNameError,
)
from nst_numpy.measure import bounded, estimate
from nst_numpy.objective import Objective
from nst_numpy.optimize import LEARNING_RATES, OPTIMIZERS
from nst_numpy.pictures.images import (
    as_image,
    deprocess,
    load_image,
    preprocess,
    resize_image,
    resize_x,
    save_image,
)
from nst_numpy.pictures.palette import COLORS, keep_colors, match_colors, match_histograms
from nst_numpy.pictures.samples import sample_path
from nst_numpy.settings import BETA_PER_PIXEL, MARGIN
from nst_numpy.style_transfer import Run, Settings, transfer
from nst_numpy.vgg import VGG

LAYERS = {
    "content_layers": {"relu2_1": 1.0},
    "style_layers": {"relu1_1": 0.5, "relu2_1": 0.5},
}


def picture(seed, height, width):
    """Make a picture with forms in it: few random pixels, much enlarged."""
    coarse = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    return resize_image(coarse, (height, width))


VGG_TINY = VGG.random((4, 8), np.random.default_rng(0), dtype=np.float32)
CONTENT = picture(1, 24, 32)
STYLE = picture(2, 40, 30)


def paint(**changes):
    """Run `transfer` with the tiny network, after the changes."""
    settings = {"size": 32, "iterations": 4, "vgg": VGG_TINY, **LAYERS} | changes
    pictures = settings.pop("content", CONTENT), settings.pop("style", STYLE)
    return transfer(*pictures, **settings)


def stop_after(n):
    return lambda progress: progress.iteration == n


def interrupt_after(n):
    def interrupt(progress):
        if progress.iteration == n:
            signal.raise_signal(signal.SIGINT)

    return interrupt


# what a run does


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_the_loss_falls_and_the_picture_changes(optimizer):
    result = paint(optimizer=optimizer, iterations=8)
    losses = [entry["loss"] for entry in result.history]
    assert len(losses) == 8
    assert losses[-1] < 0.9 * losses[0]
    assert result.image.shape == (24, 32, 3)
    assert result.image.dtype == np.uint8
    assert (result.image != CONTENT).any()
    assert result.reason == "iterations"
    assert result.message == "did the 8 iterations asked for"


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_iteration_has_its_entry_and_the_terms_add_up(optimizer):
    seen = []
    result = paint(optimizer=optimizer, callback=seen.append, tv_weight=1.0)
    assert [entry["iteration"] for entry in result.history] == [1, 2, 3, 4]
    assert [p.iterations for p in seen] == [4] * 4
    for entry, progress in zip(result.history, seen, strict=True):
        assert sum(entry["terms"].values()) == entry["loss"]
        assert list(entry["terms"]) == ["style/relu1_1", "content/relu2_1", "style/relu2_1", "tv"]
        assert (entry["loss"], entry["terms"]) == (progress.loss, progress.terms)
        assert (entry["height"], entry["width"]) == (24, 32)
    seconds = [entry["seconds"] for entry in result.history]
    assert seconds == sorted(seconds)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_the_reported_loss_is_that_of_the_picture(optimizer):
    objective = Objective(
        VGG_TINY,
        preprocess(CONTENT),
        preprocess(resize_image(STYLE, 32)),
        alpha=2.0,
        beta=3.0,
        **LAYERS,
    )
    seen = []
    result = paint(optimizer=optimizer, alpha=2.0, beta=3.0, callback=seen.append, iterations=6)
    for progress in seen:
        value, _ = objective(progress.x)
        assert progress.loss == pytest.approx(value, rel=1e-6)
        assert progress.terms == pytest.approx(objective.terms, rel=1e-6)
    np.testing.assert_array_equal(seen[-1].image, result.image)


@pytest.mark.parametrize("init", ["content", "noise"])
def test_the_same_settings_give_the_same_picture(init):
    first, second = paint(init=init, seed=5), paint(init=init, seed=5)
    np.testing.assert_array_equal(first.image, second.image)
    assert [e["loss"] for e in first.history] == [e["loss"] for e in second.history]


def test_another_seed_gives_another_picture():
    assert (paint(init="noise", seed=5).image != paint(init="noise", seed=6).image).any()


def test_transfer_leaves_its_pictures_alone():
    content, style, init = CONTENT.copy(), STYLE.copy(), picture(3, 24, 32)
    kept = init.copy()
    paint(content=content, style=style, init=init)
    np.testing.assert_array_equal(content, CONTENT)
    np.testing.assert_array_equal(style, STYLE)
    np.testing.assert_array_equal(init, kept)


def test_pictures_may_be_files(tmp_path):
    save_image(tmp_path / "c.png", CONTENT)
    save_image(tmp_path / "s.png", STYLE)
    files = paint(content=tmp_path / "c.png", style=str(tmp_path / "s.png"))
    np.testing.assert_array_equal(files.image, paint().image)


def start_of(tmp_path, kind):
    """Return a value of `init`, and the picture that it should start from."""
    other = picture(7, 50, 20)
    save_image(tmp_path / "start.png", other)
    noise = deprocess(np.random.default_rng(3).uniform(-20, 20, (1, 24, 32, 3)))
    return {
        "content": ("content", CONTENT),
        "style": ("style", resize_image(STYLE, (24, 32))),
        "noise": ("noise", noise),
        "text": (str(tmp_path / "start.png"), resize_image(other, (24, 32))),
        "path": (tmp_path / "start.png", resize_image(other, (24, 32))),
        "array": (other, resize_image(other, (24, 32))),
        "horse": ("horse", resize_image(load_image(sample_path("horse")), (24, 32))),
    }[kind]


@pytest.mark.parametrize("kind", ["content", "style", "noise", "text", "path", "array", "horse"])
def test_the_run_starts_from_the_picture_asked_for(tmp_path, kind):
    init, expected = start_of(tmp_path, kind)
    # a step that is too small to see leaves the start
    result = paint(init=init, seed=3, optimizer="gd", learning_rate=1e-3, iterations=1)
    difference = np.abs(result.image.astype(int) - expected)
    assert difference.max() <= 1
    assert difference.mean() < 0.1
    assert result.settings["init"] == ("picture" if kind == "array" else str(init))


def test_a_one_pixel_picture_is_scaled_up():
    dot = np.full((1, 1, 3), 200, dtype=np.uint8)
    assert paint(content=dot).image.shape == (32, 32, 3)
    assert paint(style=dot).image.shape == (24, 32, 3)


def test_the_size_is_the_longest_side():
    assert paint(size=40, iterations=1).image.shape == (30, 40, 3)
    upright = picture(1, 32, 24)
    assert paint(content=upright, size=40, iterations=1).image.shape == (40, 30, 3)


# scales


def test_scales_go_from_coarse_to_fine():
    result = paint(size=64, scales=3, iterations=2)
    assert [entry["height"] for entry in result.history] == [12, 12, 24, 24, 48, 48]
    assert [entry["width"] for entry in result.history] == [16, 16, 32, 32, 64, 64]
    assert [entry["iteration"] for entry in result.history] == [1, 2, 3, 4, 5, 6]
    assert result.image.shape == (48, 64, 3)


def test_each_scale_starts_from_the_picture_of_the_one_before(monkeypatch):
    starts, pictures = {}, []

    class Spy(Objective):
        def __call__(self, x):
            starts.setdefault(x.shape, x)
            return super().__call__(x)

    monkeypatch.setattr(scales, "Objective", Spy)
    paint(size=64, scales=2, callback=lambda progress: pictures.append(progress.x))
    coarse, full = pictures[3], resize_image(CONTENT, (48, 64))
    reduced = preprocess(resize_image(full, (24, 32)))
    np.testing.assert_array_equal(starts[1, 24, 32, 3], reduced)
    assert (coarse != reduced).any()
    detail = preprocess(full) - resize_x(reduced, (48, 64))
    start = starts[1, 48, 64, 3]
    np.testing.assert_allclose(start, resize_x(coarse, (48, 64)) + detail, rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("given", [None, 7.0])
def test_beta_follows_the_pixels_of_each_scale(monkeypatch, given):
    betas = []

    class Spy(Objective):
        def __init__(self, *args, beta, **more):
            betas.append(beta)
            super().__init__(*args, beta=beta, **more)

    monkeypatch.setattr(scales, "Objective", Spy)
    result = paint(size=64, scales=3, iterations=1, beta=given)
    full = result.settings["beta"]
    if given is None:
        balanced, *betas = betas  # at the coarsest scale, with any β
        assert balanced == BETA_PER_PIXEL * 12 * 16
    else:
        assert full == given
    assert betas == pytest.approx([full / 16, full / 4, full])


def test_stopped_at_a_coarse_scale_the_result_has_the_full_size():
    result = paint(size=64, scales=3, iterations=2, callback=stop_after(3))
    assert [entry["height"] for entry in result.history] == [12, 12, 24]
    assert result.image.shape == (48, 64, 3)
    assert result.reason == "stopped"


def test_ctrl_c_between_two_scales_keeps_the_picture_so_far(monkeypatch):
    made = []

    def interrupted(*args, **more):
        made.append(1)
        if len(made) == 2:
            raise KeyboardInterrupt
        return Objective(*args, **more)

    monkeypatch.setattr(scales, "Objective", interrupted)
    result = paint(size=64, scales=2, iterations=2, beta=1e3)
    assert (result.reason, result.message) == ("interrupted", "stopped by Ctrl-C")
    assert len(result.history) == 2
    assert result.image.shape == (48, 64, 3)


def test_ctrl_c_before_the_first_picture_passes_through(monkeypatch):
    def interrupted(*args, **more):
        raise KeyboardInterrupt

    monkeypatch.setattr(scales, "Objective", interrupted)
    with pytest.raises(KeyboardInterrupt):
        paint()


# the style picture


def test_the_style_picture_has_its_own_size(monkeypatch):
    shapes = []

    class Spy(Objective):
        def __init__(self, vgg, content_x, style_x, **more):
            shapes.append(style_x.shape[1:3])
            super().__init__(vgg, content_x, style_x, **more)

    monkeypatch.setattr(scales, "Objective", Spy)
    assert paint(iterations=1, beta=1e3).settings["style_size"] == 32
    assert paint(iterations=1, beta=1e3, style_size=20).settings["style_size"] == 20
    assert paint(iterations=1, beta=1e3, style_size=80, scales=2).settings["style_size"] == 80
    assert shapes == [(32, 24), (20, 15), (40, 30), (80, 60)]


def test_another_style_size_gives_another_picture():
    assert (paint(style_size=16).image != paint().image).any()


# ending early


def test_a_callback_ends_the_run_with_true():
    result = paint(callback=stop_after(2))
    assert len(result.history) == 2
    assert (result.reason, result.message) == ("stopped", "stopped by the callback")


@pytest.mark.parametrize("answer", [None, False, 0, 1, "yes", np.zeros((2, 3)), np.False_])
def test_any_other_answer_of_a_callback_goes_on(answer):
    assert len(paint(callback=lambda progress: answer).history) == 4


def test_numpys_true_ends_the_run_too():
    assert len(paint(callback=lambda progress: np.True_).history) == 1


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_ctrl_c_returns_the_picture_so_far(optimizer):
    pictures = []

    def callback(progress):
        pictures.append(progress.image)
        interrupt_after(3)(progress)

    result = paint(callback=callback, optimizer=optimizer)
    assert (result.reason, result.message) == ("interrupted", "stopped by Ctrl-C")
    assert len(result.history) == 3
    np.testing.assert_array_equal(result.image, pictures[-1])


def test_an_error_in_a_callback_is_not_swallowed():
    def wrong(progress):
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        paint(callback=wrong)


def test_a_loss_that_is_not_finite_at_the_start_is_an_error():
    # float32 holds no activation of a network that is 1e30 times too loud
    loud = VGG({name: (w * np.float32(1e30), b) for name, (w, b) in VGG_TINY.params.items()})
    with np.errstate(all="ignore"), pytest.raises(NonFiniteError, match="after 0 iterations"):
        paint(vgg=loud)


# a run without an iteration


class InterruptedAtOnce(Objective):
    """Ctrl-C in the first evaluation of the first scale."""

    evaluations = 0

    def __call__(self, x):
        InterruptedAtOnce.evaluations += 1
        if InterruptedAtOnce.evaluations == 1:
            signal.raise_signal(signal.SIGINT)
        return super().__call__(x)


def check_start(result, image, **coefficients):
    """Check that a result speaks of the start, as there is nothing else."""
    height, width = image.shape[:2]
    objective = Objective(
        VGG_TINY, preprocess(resize_image(CONTENT, (height, width))),
        preprocess(resize_image(STYLE, 32)), **LAYERS, **coefficients,
    )  # fmt: skip
    loss, _ = objective(preprocess(image))
    [entry] = result.history
    assert (entry["iteration"], entry["height"], entry["width"]) == (0, height, width)
    assert result.iterations == 0
    assert result.loss == entry["loss"] == pytest.approx(loss, rel=1e-6)
    assert result.terms == entry["terms"] == pytest.approx(objective.terms, rel=1e-6)
    assert result.seconds == entry["seconds"] >= 0
    json.dumps([result.settings, result.history], allow_nan=False)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_ctrl_c_in_the_first_iteration_gives_the_start_and_its_loss(monkeypatch, optimizer):
    monkeypatch.setattr(scales, "Objective", InterruptedAtOnce)
    monkeypatch.setattr(InterruptedAtOnce, "evaluations", 0)
    start = picture(9, 24, 32)
    result = paint(optimizer=optimizer, init=start, alpha=2.0, beta=3.0)
    assert (result.reason, result.message) == ("interrupted", "stopped by Ctrl-C")
    np.testing.assert_array_equal(result.image, start)
    check_start(result, start, alpha=2.0, beta=3.0)


def test_with_nothing_to_lower_the_loss_is_that_of_the_start():
    result = paint(beta=0.0)  # from the content, by its own loss alone
    assert result.reason == "stalled"
    assert result.loss == 0
    assert result.terms == {"content/relu2_1": 0.0}
    check_start(result, CONTENT, beta=0.0)


def test_a_scale_that_stalls_before_another_has_no_entry(monkeypatch):
    class FlatAtFirst(Objective):
        def __call__(self, x):
            value, grad = super().__call__(x)
            return (0.0, 0 * grad) if x.shape[1] == 24 else (value, grad)

    monkeypatch.setattr(scales, "Objective", FlatAtFirst)
    result = paint(size=64, scales=2, iterations=3)
    assert [entry["iteration"] for entry in result.history] == [1, 2, 3]
    assert {entry["height"] for entry in result.history} == {48}
    assert result.iterations == 3


def test_where_all_scales_stall_the_start_of_the_last_one_counts():
    grey = np.full((48, 64, 3), 128, dtype=np.uint8)
    [entry] = paint(content=grey, beta=0.0, size=64, scales=2).history
    assert (entry["iteration"], entry["height"]) == (0, 48)


# how long


def test_by_default_a_scale_ends_where_the_loss_hardly_falls():
    seen = []
    result = paint(iterations=None, size=64, scales=2, callback=seen.append)
    by_height = {h: [e["loss"] for e in result.history if e["height"] == h] for h in (24, 48)}
    for losses in by_height.values():
        assert len(losses) < 150
        assert losses[-1] > 0.95 * losses[-11]
    assert result.reason == "settled"
    n = result.iterations
    assert result.message == f"J fell by less than 5 % over the last 10 of {n} iterations"
    # what is left of the first scale's iterations is not to be done
    coarse = len(by_height[24])
    assert [p.iterations for p in seen] == [300] * coarse + [150 + coarse] * (n - coarse)
    assert (result.settings["iterations"], result.settings["patience"]) == (150, 10)
    again = paint(
        size=64, scales=2,
        **{name: result.settings[name] for name in ("iterations", "patience", "margin")},
    )  # fmt: skip
    np.testing.assert_array_equal(again.image, result.image)


def test_iterations_that_are_given_are_done():
    result = paint(iterations=120)
    assert result.iterations == 120
    assert result.settings["patience"] == 0


def test_a_last_scale_that_does_not_settle_is_not_called_complete(monkeypatch):
    class FlatAtFirst(Objective):
        def __call__(self, x):
            value, grad = super().__call__(x)
            return (value + 1e12, grad) if x.shape[1] == 24 else (value, grad)

    monkeypatch.setattr(scales, "Objective", FlatAtFirst)
    result = paint(size=64, scales=2, iterations=8, patience=3)
    assert [entry["height"] for entry in result.history] == [24] * 4 + [48] * 8
    assert result.message == "did 12 iterations, the most at this size"


# from one size to the next


def test_a_finer_scale_starts_with_the_detail_of_the_photograph():
    starts = {}

    def stay(progress):
        starts.setdefault(progress.x.shape[1], progress.x)
        return False

    fine = picture(1, 48, 64)
    fine[::2, ::2] //= 2  # a pattern that 32 pixels cannot hold
    # a rate at which no pixel value changes by more than a thousandth
    settings = {"optimizer": "gd", "learning_rate": 1e-3, "iterations": 1, "scales": 2}
    paint(content=fine, size=64, callback=stay, **settings)
    np.testing.assert_allclose(starts[48], preprocess(fine), atol=0.01)


def test_what_is_beyond_black_and_white_goes_on_to_the_next_scale():
    bright = np.full((24, 32, 3), 255, dtype=np.uint8)
    starts = []
    paint(content=bright, size=64, scales=2, iterations=3, callback=lambda p: starts.append(p.x))
    white = preprocess(bright)[0, 0, 0]
    assert (starts[2] > white).any()
    assert (starts[3] > white).any()


# once more


@pytest.mark.parametrize("more", [{"init": "noise"}, {"scales": 2, "size": 64}])
def test_a_second_go_starts_afresh(more):
    settings = Settings(**({"size": 32, "iterations": 3, **LAYERS} | more))
    run = Run(settings, VGG_TINY, CONTENT, STYLE)
    first = run.go()
    kept = [dict(entry) for entry in first.history]
    second = run.go()
    assert second is not first
    assert first.history == kept
    np.testing.assert_array_equal(first.image, second.image)
    assert second.settings == first.settings
    assert second.message == first.message == f"did the {len(kept)} iterations asked for"
    for one, other in zip(first.history, second.history, strict=True):
        assert one | {"seconds": 0} == other | {"seconds": 0}


def test_a_go_after_an_interrupted_one_does_it_all():
    run = Run(Settings(size=32, iterations=4, **LAYERS), VGG_TINY, CONTENT, STYLE)
    assert run.go([interrupt_after(2)]).iterations == 2
    assert [entry["iteration"] for entry in run.go().history] == [1, 2, 3, 4]


# what a run is made of


@pytest.mark.parametrize("beta", [None, 7.0])
def test_the_objective_of_a_run_is_the_one_it_lowers(beta):
    settings = Settings(size=64, scales=2, iterations=1, beta=beta, tv_weight=0.5, **LAYERS)
    run = Run(settings, VGG_TINY, CONTENT, STYLE)
    seen = []
    result = run.go([seen.append])
    for scale, progress in enumerate(seen):
        objective = run.objective(scale)
        assert objective.shape == run.shape(scale) == progress.x.shape
        assert objective(progress.x)[0] == pytest.approx(progress.loss, rel=1e-6)
        assert objective.terms == pytest.approx(progress.terms, rel=1e-6)
    assert (result.loss, result.terms) == (seen[-1].loss, seen[-1].terms)
    assert result.iterations == 2


def test_a_layer_that_counts_0_is_not_used_but_must_be_there():
    layers = {"relu1_1": 1.0, "relu2_1": 0.0}
    run = Run(Settings(size=32, alpha=0.0, style_layers=layers, content_layers={}), VGG_TINY,
              CONTENT, STYLE)  # fmt: skip
    assert run.names == ["relu1_1"]
    with pytest.raises(UnknownNameError, match="unknown layer 'relu9_9'"):
        paint(style_layers={"relu1_1": 1.0, "relu9_9": 0.0})


# snapshots


def test_snapshots_are_the_pictures_on_the_way(tmp_path):
    pictures = []
    paint(
        iterations=5, snapshot_every=2, snapshot_folder=tmp_path / "new" / "folder",
        callback=lambda progress: pictures.append(progress.image),
    )  # fmt: skip
    files = sorted((tmp_path / "new" / "folder").iterdir())
    assert [file.name for file in files] == ["00002.png", "00004.png"]
    for file, number in zip(files, (2, 4), strict=True):
        np.testing.assert_array_equal(load_image(file), pictures[number - 1])


def test_the_last_snapshot_is_written_when_the_callback_ends_the_run(tmp_path):
    paint(snapshot_every=2, snapshot_folder=tmp_path, callback=stop_after(2))
    assert [file.name for file in tmp_path.iterdir()] == ["00002.png"]


@pytest.mark.parametrize("half", [{"snapshot_every": 2}, {"snapshot_folder": "somewhere"}])
def test_half_of_what_snapshots_need_is_refused(half, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingError, match=r"need both: snapshot_every of at least 1, and snaps"):
        paint(**half)
    assert list(tmp_path.iterdir()) == []


# the settings that are returned


def test_the_settings_hold_every_value_that_was_used():
    result = paint(iterations=2, vgg=VGG(VGG_TINY.params, pool="max"), alpha=3, seed=9)
    assert result.settings == {
        "size": 32,
        "iterations": 2,
        "strength": 50.0,
        "alpha": 3,
        "beta": result.settings["beta"],
        "tv_weight": 0.0,
        "content_layers": {"relu2_1": 1.0},
        "style_layers": {"relu1_1": 0.5, "relu2_1": 0.5},
        "style_loss": "gram",
        "convention": "lecture",
        "style_weights": None,
        "init": "content",
        "seed": 9,
        "pool": "max",
        "optimizer": "lbfgs",
        "learning_rate": None,
        "patience": 0,
        "scales": 1,
        "style_size": 32,
        "margin": 0,
        "memory": None,
        "colors": "style",
        "engine": "fused",
        "minutes": None,
        "height": 24,
        "width": 32,
    }


def test_beta_follows_strength_and_alpha_and_takes_the_place_of_strength():
    weak, strong, heavy = (
        paint(iterations=1, **given).settings["beta"]
        for given in ({"strength": 25}, {"strength": 75}, {"strength": 25, "alpha": 7})
    )
    assert strong == pytest.approx(100 * weak)
    assert heavy == pytest.approx(7 * weak)
    used = paint(iterations=1, beta=5.0, strength=75).settings
    assert (used["beta"], used["strength"]) == (5.0, None)


@pytest.mark.parametrize("given", [{"alpha": 0}, {"content": STYLE, "style": STYLE}])
def test_a_j_without_one_part_has_a_beta_all_the_same(given):
    assert paint(iterations=1, **given).settings["beta"] > 0


@pytest.mark.parametrize(("optimizer", "rate"), [("gd", None), ("adam", LEARNING_RATES["adam"])])
def test_the_settings_hold_the_learning_rate(optimizer, rate):
    used = paint(iterations=1, optimizer=optimizer).settings
    assert used["learning_rate"] == rate
    used = paint(iterations=1, optimizer=optimizer, learning_rate=0.5).settings
    assert used["learning_rate"] == 0.5


def test_settings_and_history_are_ready_for_json():
    result = paint(
        size=np.int64(32), iterations=np.int32(2), alpha=np.float32(1), beta=np.float32(50),
        tv_weight=np.float64(0.5), seed=np.uint8(3), scales=np.int16(1), style_size=np.int64(20),
        content_layers={"relu2_1": np.float32(1)}, style_layers={"relu1_1": np.float32(0.5)},
        optimizer="adam", learning_rate=np.float32(2), init=CONTENT,
    )  # fmt: skip
    text = json.dumps([result.settings, result.history], allow_nan=False)
    assert json.loads(text) == [result.settings, result.history]
    json.dumps([paint().settings, paint().history], allow_nan=False)


# what is refused, before the work


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"iterations": 0}, "iterations must be at least 1, not 0"),
        ({"iterations": 2.5}, "iterations must be a whole number, not 2.5"),
        ({"size": 8}, "size must be at least 16 pixels, not 8"),
        ({"size": 0}, "size must be at least 16 pixels, not 0"),
        ({"size": -64}, "size must be at least 16 pixels, not -64"),
        ({"size": 64.0}, "size must be a whole number, not 64.0"),
        ({"size": "64"}, "size must be a whole number, not '64'"),
        ({"style_size": 8}, "style_size must be at least 16 pixels, not 8"),
        ({"style_size": 0}, "style_size must be at least 16 pixels, not 0"),
        ({"scales": 0}, "scales must be at least 1, not 0"),
        ({"scales": 3}, "3 scales from size 32 end below 16 pixels: use fewer scales or a larger"),
        ({"seed": -1}, "seed must be at least 0, not -1"),
        ({"seed": 0.5}, "seed must be a whole number, not 0.5"),
        ({"alpha": -1.0}, "alpha must be a finite number of at least 0, not -1.0"),
        ({"alpha": math.nan}, "alpha must be a finite number of at least 0, not nan"),
        ({"beta": math.inf}, "beta must be a finite number of at least 0, not inf"),
        ({"tv_weight": -0.1}, "tv_weight must be a finite number of at least 0, not -0.1"),
        ({"style_layers": {"relu1_1": -1}}, "the weight of relu1_1 must be a finite number of"),
        ({"alpha": 0, "beta": 0}, "every weight is 0: give alpha, beta or tv_weight a value above"),
        ({"learning_rate": 0}, "learning_rate must be a finite number above 0, not 0"),
        ({"learning_rate": math.nan}, "learning_rate must be a finite number above 0, not nan"),
        ({"optimizer": "sgd"}, "optimizer must be one of lbfgs, gd, adam, not 'sgd'"),
        ({"pool": "mean", "vgg": None}, "pool must be one of avg, max, not 'mean'"),
    ],
)  # fmt: skip
def test_a_setting_that_cannot_work_is_refused(changes, message):
    with pytest.raises(SettingError) as caught:
        paint(**changes)
    assert str(caught.value).startswith(message)


def test_an_unknown_layer_is_refused_with_the_nearest():
    with pytest.raises(UnknownNameError, match=r"unknown layer 'relu2_2': did you mean relu2_1"):
        paint(content_layers={"relu2_2": 1.0})


@pytest.mark.parametrize("what", ["content", "style"])
def test_a_picture_too_narrow_for_the_deepest_layer_is_refused(what):
    narrow = np.zeros((4, 400, 3), dtype=np.uint8)
    message = f"the {what} picture is only 32×1 pixels at the coarsest scale, too small for relu2_1"
    with pytest.raises(SettingError, match=message):
        paint(**{what: narrow})
    shallow = {"content_layers": {"relu1_1": 1.0}, "style_layers": {"relu1_1": 1.0}}
    paint(**{what: narrow}, **shallow, iterations=1)


def test_too_narrow_at_the_coarsest_scale_only():
    narrow = picture(4, 6, 64)
    assert paint(content=narrow, size=64, scales=2, iterations=1).image.shape == (6, 64, 3)
    with pytest.raises(SettingError, match="only 16×2 pixels at the coarsest scale"):
        paint(
            content=narrow, size=64, scales=3, vgg=VGG.random((2, 2, 2), np.random.default_rng(0)),
            content_layers={"relu3_1": 1.0},
        )  # fmt: skip


def test_a_misspelt_init_is_refused():
    with pytest.raises(ImageError, match=r"'nois': did you mean noise\?"):
        paint(init="nois")


def test_a_run_that_does_not_fit_into_memory_is_refused(monkeypatch):
    monkeypatch.setattr(scales, "available_memory", lambda: 1000)
    with pytest.raises(TooLargeError, match="a run at 32×24 needs at least"):
        paint()


@pytest.fixture
def _small_machine(monkeypatch):
    """Let a program take no memory but for the network and L-BFGS, and bands have a few rows."""
    for module, name, value in (
        (estimate, "BASE_BYTES", 0), (estimate, "THREAD_BYTES", 0), (bounded, "BASE_BYTES", 0),
        (bounded, "THREADS", 0), (bounded, "LEAST_ROWS", 4), (bounded, "MORE_ROWS", 4),
        (bounded, "PICTURES", 0), (bounded, "MOST_IDLE", 0),
        (bounded, "_optimizer_bytes", lambda *_: 0),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, value)


@pytest.mark.usefixtures("_small_machine")
@pytest.mark.parametrize("style_loss", ["gram", "wasserstein"])
def test_a_run_in_bands_paints_the_picture_of_the_whole(style_loss):
    more = {"size": 96, "scales": 2, "style_loss": style_loss, "margin": 4}
    whole = paint(**more)
    in_bands = paint(**more, memory="200kB")
    assert "means" not in whole.settings
    assert re.match(r"\d+ bands of \d+ rows, 0\.0 GB", in_bands.settings["means"][-1])
    assert in_bands.settings["memory"] == 200_000
    assert in_bands.loss == pytest.approx(whole.loss, rel=1e-4)
    assert np.abs(in_bands.image.astype(int) - whole.image).max() <= 1


@pytest.mark.usefixtures("_small_machine")
def test_lbfgs_gives_way_to_adam_where_it_does_not_fit(monkeypatch):
    monkeypatch.setattr(bounded, "_optimizer_bytes", lambda name, *_: 10**9 * (name == "lbfgs"))
    result = paint(size=96, scales=1, memory="500kB")
    assert result.settings["means"][0].endswith("Adam in place of L-BFGS")
    assert result.settings["optimizer"] == "lbfgs"
    losses = [entry["loss"] for entry in result.history]
    assert losses[-1] < losses[0]


@pytest.mark.usefixtures("_small_machine")
def test_what_is_free_decides_only_for_what_does_not_fit_whole(monkeypatch):
    monkeypatch.setattr(scales, "available_memory", lambda: 10**9)
    assert paint(size=96, scales=1).settings["memory"] is None
    monkeypatch.setattr(scales, "available_memory", lambda: 1_000_000)
    assert paint(size=96, scales=1).settings["memory"] == 600_000
    # where 60 % are too little, all that is free
    need = Run(Settings(size=96, scales=1, iterations=1, **LAYERS, memory=10**6), VGG_TINY, CONTENT,
               STYLE).means[0].bytes  # fmt: skip
    monkeypatch.setattr(bounded, "LEAST_ROWS", 64)
    monkeypatch.setattr(scales, "available_memory", lambda: 1000)
    with pytest.raises(TooLargeError, match=r"only 0\.001 MB are free"):
        paint(size=96, scales=1)
    monkeypatch.setattr(scales, "available_memory", lambda: need)
    assert paint(size=96, scales=1).settings["memory"] == need


@pytest.mark.usefixtures("_small_machine")
def test_losses_of_ones_own_and_the_plain_engine_are_not_run_in_bands():
    plain = VGG.random((4, 8), np.random.default_rng(0), dtype=np.float32, engine="plain")
    with pytest.raises(TooLargeError, match=r"needs about .* may take 0\.0 GB"):
        paint(vgg=plain, memory="100kB")


def test_bad_settings_are_found_before_the_weights_are_read(monkeypatch):
    monkeypatch.setattr(VGG, "load", lambda *args, **options: pytest.fail("the weights were read"))
    with pytest.raises(NstError):
        paint(iterations=0, vgg=None)


def test_total_variation_alone_needs_no_layer():
    result = paint(content_layers={}, style_layers={}, tv_weight=1.0, init="noise")
    assert result.history[-1]["terms"] == {"tv": result.history[-1]["loss"]}
    assert result.history[-1]["loss"] < result.history[0]["loss"]


def test_the_bar_is_drawn_only_if_asked_for(capsys):
    paint(progress=True, iterations=2)
    assert "2/2" in capsys.readouterr().err
    paint(iterations=2)
    assert capsys.readouterr() == ("", "")


# with the real weights


def test_neuschwanstein_as_starry_night():
    result = transfer("neuschwanstein", "starry_night", size=64, iterations=5)
    start = load_image(sample_path("neuschwanstein"), 64)
    losses = [entry["loss"] for entry in result.history]
    assert len(losses) == 5
    assert losses[-1] < 0.5 * losses[0]
    assert losses == sorted(losses, reverse=True)
    assert result.image.dtype == np.uint8
    assert result.image.shape == start.shape == (43, 64, 3)
    assert np.abs(result.image.astype(int) - start).mean() > 5


def test_the_estimate_of_a_run_is_that_of_its_largest_scale():
    settings = Settings(size=64, scales=2, margin=4, **LAYERS)
    run = Run(settings, VGG_TINY, CONTENT, STYLE)
    assert run.shape(0) == (1, 24, 32, 3)
    assert run.shape(1) == (1, 48, 64, 3)
    # conv1_1 at every pixel, conv2_1 at a quarter of them, forward and backward
    assert run.estimate().multiplications == 2 * 56 * 72 * (27 * 4 + 36 * 8 // 4)


# the margin


@pytest.mark.parametrize(
    ("given", "margin"),
    [
        ({}, MARGIN),
        ({"iterations": 2}, 0),
        ({"iterations": 2, "margin": 3}, 3),
        ({"init": "noise"}, 0),
        ({"optimizer": "gd"}, 0),
        ({"style_loss": "neighbours"}, 0),
        ({"style_loss": "wasserstein"}, MARGIN),
    ],
)
def test_a_run_of_which_nothing_is_said_has_a_margin(given, margin):
    run = Run(Settings(size=32, **LAYERS, **given), VGG_TINY, CONTENT, STYLE)
    assert run.margin == margin
    assert run.canvas_shape(0) == (1, 24 + 2 * margin, 32 + 2 * margin, 3)
    assert run.objective(0).shape == run.canvas_shape(0)


def test_neighbours_have_no_margin():
    with pytest.raises(SettingError, match="margin must be 0 for neighbours: leave it out"):
        Settings(style_loss="neighbours", margin=4)


@pytest.mark.parametrize("beta", [None, 7.0])
def test_a_step_with_a_margin_is_one_of_the_canvas_cut_off(beta):
    settings = Settings(
        size=32, iterations=1, margin=5, optimizer="gd", learning_rate=3.0, beta=beta, **LAYERS
    )
    run = Run(settings, VGG_TINY, CONTENT, STYLE)
    objective = run.objective(0)
    start = np.pad(run.x(CONTENT, 0), ((0, 0), (5, 5), (5, 5), (0, 0)), mode="symmetric")
    pixels = 24 * 32 if beta else 34 * 42
    assert run.beta(0) == pytest.approx(run._beta_a_pixel * pixels)
    _, gradient = objective(start)
    seen = []
    result = run.go([seen.append])
    moved = seen[0].x - start[:, 5:-5, 5:-5]
    inside = gradient[:, 5:-5, 5:-5]
    assert seen[0].x.shape == (1, 24, 32, 3)
    assert _cosine(moved, -inside) == pytest.approx(1, abs=1e-5)
    assert result.image.shape == (24, 32, 3)
    np.testing.assert_array_equal(result.image, seen[0].image)


def test_a_margin_may_be_wider_than_the_picture():
    assert paint(size=16, iterations=2, margin=40).image.shape == (12, 16, 3)


@pytest.mark.slow
def test_a_margin_takes_the_seam_away():
    """A step of colour that goes along a side, from its outermost pixels to 8 pixels inside."""

    pair = sample_path("golden_temple"), sample_path("night_cafe")

    def seam(margin):
        run = transfer(*pair, size=128, iterations=40, margin=margin)
        image = run.image.astype(float)
        steps = []
        for turned in (np.rot90(image, n) for n in range(4)):
            step = uniform_filter1d(turned[:2].mean(axis=0) - turned[8], 15, axis=0)
            steps.append(np.abs(step).mean())
        return np.mean(steps)

    assert seam(MARGIN) < 0.75 * seam(0)


def _cosine(a, b):
    return np.vdot(a, b) / np.linalg.norm(a) / np.linalg.norm(b)


def test_a_progress_shows_its_picture():
    seen = []
    paint(callback=seen.append, iterations=1)
    np.testing.assert_array_equal(seen[0].image, deprocess(seen[0].x))
    assert seen[0].seconds >= 0


# any network, and a file of layers


class Mixed:
    """Not of this package: every second pixel, its colours mixed, with squares above them."""

    dtype = np.dtype(np.float32)
    mix = np.random.default_rng(0).standard_normal((3, 4)).astype(np.float32)

    def check_names(self, names):
        for name in names:
            if name not in ("mixed", "squares"):
                raise UnknownNameError.of("layer", name, ["mixed", "squares"])
        return [name for name in ("mixed", "squares") if name in names]

    def feature_shapes(self, shape, names=None):
        n, height, width, _ = shape
        return dict.fromkeys(names or ("mixed", "squares"), (n, -(-height // 2), -(-width // 2), 4))

    def forward(self, x, names):
        self._x_shape, self._mixed = x.shape, x[:, ::2, ::2] @ self.mix
        features = {"mixed": self._mixed, "squares": self._mixed**2 / 100}
        return {name: features[name] for name in self.check_names(names)}

    def backward(self, grads):
        grad = grads.get("mixed", 0) + grads.get("squares", 0) * self._mixed / 50
        grad_x = np.zeros(self._x_shape, self.dtype)
        grad_x[:, ::2, ::2] = grad @ self.mix.T
        return grad_x


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("scales", [1, 2])
def test_any_network_paints(optimizer, scales):
    layers = {"content_layers": {"mixed": 1.0}, "style_layers": {"squares": 1.0}}
    result = paint(vgg=Mixed(), optimizer=optimizer, scales=scales, **layers)
    assert result.loss < result.history[-4]["loss"]  # of the last scale
    assert set(result.terms) == {"content/mixed", "style/squares"}
    changed = (result.image != CONTENT).any(axis=-1)
    assert changed[::2, ::2].any()
    if scales == 1:  # no gradient comes to what the network does not look at
        assert not changed[1::2].any()
    run = Run(Settings(size=32, iterations=1, **layers), Mixed(), CONTENT, STYLE)
    assert run.estimate() is None
    assert 0 < run.expected_seconds < 100


def test_an_unknown_layer_of_any_network_is_refused():
    with pytest.raises(UnknownNameError, match="unknown layer 'squars': did you mean squares"):
        paint(vgg=Mixed(), content_layers={"mixed": 1.0}, style_layers={"squars": 1.0})


def test_a_file_with_a_loss_of_ones_own_paints_the_same(tmp_path):
    (tmp_path / "mine.py").write_text(
        "def content_loss(a, target):\n    return 0.5 * ((a - target) ** 2).sum(), a - target\n",
        "utf-8",
    )
    settings = {"optimizer": "gd", "iterations": 3}
    own, without = paint(layers=tmp_path / "mine.py", **settings), paint(**settings)
    np.testing.assert_array_equal(own.image, without.image)
    assert own.settings["layers"]["functions"] == "content_loss"
    assert own.settings["engine"] == "fused"  # losses alone leave the network as it is
    with pytest.raises(SettingError, match="there is no file"):
        paint(layers=tmp_path / "none.py")


def test_a_run_that_diverges_gives_the_best_picture_and_its_loss():
    seen = []
    with np.errstate(all="ignore"):
        result = paint(
            optimizer="gd", learning_rate=300.0, init=STYLE, scales=1, callback=seen.append
        )
    assert result.reason in ("diverged", "not finite")
    assert result.loss == min(result.loss, *(entry["loss"] for entry in result.history))
    assert result.kept["iteration"] == 0
    np.testing.assert_array_equal(result.image, resize_image(STYLE, (24, 32)))
    assert result.loss == pytest.approx(sum(result.terms.values()))
    assert result.iterations == len(seen)


@pytest.mark.parametrize("evaluation", [4, 7])
def test_memory_that_is_used_up_gives_the_last_picture(monkeypatch, evaluation):
    pictures, calls = [], []

    class Large(Objective):
        def __call__(self, x):
            calls.append(1)
            if len(calls) >= evaluation:
                raise MemoryError
            return super().__call__(x)

    monkeypatch.setattr(scales, "Objective", Large)
    result = paint(
        optimizer="gd", scales=2, callback=lambda now: pictures.append(now.image)
    )  # five evaluations at each scale
    assert result.reason == "memory"
    expected = resize_image(pictures[-1], (24, 32))
    np.testing.assert_array_equal(result.image, expected)
    assert len(result.history) == len(pictures)


def test_memory_that_is_used_up_between_two_scales_gives_the_last_picture(monkeypatch):
    made = []

    class Large(Objective):
        def __init__(self, *args, **options):
            made.append(1)
            if len(made) == 2:
                raise MemoryError
            super().__init__(*args, **options)

    monkeypatch.setattr(scales, "Objective", Large)
    result = paint(scales=2, beta=1e3)
    assert (result.reason, len(result.history)) == ("memory", 4)


def test_memory_that_is_not_there_at_all_is_an_error(monkeypatch):
    def large(*args, **options):
        raise MemoryError

    monkeypatch.setattr(scales, "Objective", large)
    with pytest.raises(TooLargeError, match="not enough memory for the first iteration"):
        paint()


def test_ctrl_c_while_the_picture_is_made_returns_it_all_the_same(monkeypatch):
    calls = []

    def interrupted(x):
        calls.append(1)
        if len(calls) == 1:
            raise KeyboardInterrupt
        return deprocess(x)

    expected = paint(scales=1)
    monkeypatch.setattr(style_transfer, "deprocess", interrupted)
    result = paint(scales=1)
    assert result.reason == "interrupted"
    np.testing.assert_array_equal(result.image, expected.image)


def test_a_callback_may_use_the_network_of_the_run():
    other = picture(5, 32, 24)

    def callback(now):
        paint(content=other, iterations=1)
        VGG_TINY.forward(preprocess(now.image), ["relu1_1"])

    np.testing.assert_array_equal(paint(callback=callback).image, paint().image)


def test_one_network_in_two_threads_paints_what_it_paints_alone():
    pictures = [CONTENT, picture(5, 32, 24)]
    alone = [paint(content=each).image for each in pictures]
    found = {}

    def go(i):
        found[i] = [paint(content=pictures[i]).image for _ in range(5)]

    threads = [threading.Thread(target=go, args=(i,)) for i in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i in (0, 1):
        for image in found[i]:
            np.testing.assert_array_equal(image, alone[i])


# neighbours


def test_only_neighbours_have_a_source():
    assert paint().source is None
    assert paint(style_loss="wasserstein").source is None
    source = paint(style_loss="neighbours").source
    assert source.grid == (6, 8)
    assert source.style_grid == (8, 6)
    assert source.painting == STYLE.shape[:2]
    assert source.rows.max() < 40
    assert source.cols.max() < 30
    assert 0 < source.loss < 1
    assert source.loss == pytest.approx(1 - source.similarity.mean())


def test_the_last_scale_is_painted_in_two_passes_with_neighbours_of_their_own(monkeypatch):
    made = []

    class Kept(Objective):
        def __init__(self, *args, **options):
            super().__init__(*args, **options)
            made.append(self)

    monkeypatch.setattr(scales, "Objective", Kept)
    result = paint(style_loss="neighbours", iterations=5, beta=1e3, scales=2)
    assert [entry["width"] for entry in result.history] == [16] * 5 + [32] * 5
    assert result.message == "did the 10 iterations asked for"
    # two passes of the last scale, and the map
    assert [objective.shape[2] for objective in made] == [16, 32, 32, 32]
    second, third, of_map = (objective.matches.indices for objective in made[1:])
    assert (second != third).any()
    assert (third == of_map).all()
    assert (result.source.indices == third[0]).all()


def test_a_run_with_neighbours_lowers_j_and_repeats():
    first, second = (paint(style_loss="neighbours", iterations=6) for _ in range(2))
    losses = [entry["loss"] for entry in first.history]
    assert losses[2] < losses[0]
    assert losses[5] < losses[3]
    np.testing.assert_array_equal(first.image, second.image)
    assert first.source.loss == second.source.loss


def test_a_run_that_ends_at_a_coarse_scale_has_a_source():
    result = paint(style_loss="neighbours", scales=2, size=64, callback=stop_after(1))
    assert result.image.shape == (48, 64, 3)
    assert result.source.grid == (6, 8)
    assert 0 < result.source.loss < 1


def test_where_memory_is_used_up_the_picture_matters_and_not_the_source():
    def fail(progress):
        if progress.iteration == 2:
            raise MemoryError

    result = paint(style_loss="neighbours", callback=fail)
    assert result.reason == "memory"
    assert result.source is None


@pytest.mark.parametrize("kind", ["gram", "wasserstein", "neighbours"])
def test_a_constant_painting(kind):
    result = paint(style=np.full((20, 20, 3), 77, np.uint8), style_loss=kind)
    assert result.reason == "iterations"
    assert np.isfinite(result.loss)


def test_a_style_loss_that_there_is_not():
    with pytest.raises(SettingError, match="style_loss must be one of gram, wasserstein, neighb"):
        paint(style_loss="patches")


def test_the_time_of_a_search_is_expected_too(monkeypatch):
    monkeypatch.setattr(scales, "measure_speed", lambda dtype: 1e6)
    runs = {}
    for kind in ("wasserstein", "neighbours"):
        settings = Settings(size=32, iterations=3, style_loss=kind, **LAYERS)
        runs[kind] = Run(settings, VGG_TINY, CONTENT, STYLE)
    # two passes, 48 by 48 places, 4 + 8 channels
    more = runs["neighbours"].expected_seconds - runs["wasserstein"].expected_seconds
    assert more == pytest.approx(2 * 48 * 48 * 12 / 1e6)


def test_a_notebook_shows_a_result_as_its_picture():
    image = np.random.default_rng(0).integers(0, 256, (4, 6, 3), dtype=np.uint8)
    result = style_transfer.Result(image, [], {}, "", "")
    with Image.open(io.BytesIO(result._repr_png_())) as shown:
        np.testing.assert_array_equal(np.asarray(shown), image)


# 16 bits


@pytest.mark.parametrize("changes", [{}, {"scales": 2}, {"margin": 3}, {"colors": "content"}])
def test_a_result_has_16_bits_between_the_levels_of_8(changes):
    result = paint(**changes)
    assert (result.image16.dtype, result.image16.shape) == (np.uint16, result.image.shape)
    assert (result.image16 % 257 != 0).mean() > 0.8
    np.testing.assert_allclose(result.image16 / 257, result.image, atol=0.51 if not changes else 2)


def fine_picture(height, width):
    """Make a picture whose levels lie between those of 8 bits."""
    coarse = picture(1, height, width).astype(np.uint16) // 64 * 257
    return coarse + np.arange(5000, 5000 + width, dtype=np.uint16)[:, None]


def test_a_run_begins_with_all_16_bits_of_a_file(tmp_path):
    deep = fine_picture(24, 32)
    save_image(tmp_path / "a.png", deep)
    wanted = deep[..., ::-1] / 257 - [103.939, 116.779, 123.68]
    for given in (tmp_path / "a.png", deep):
        run = Run(Settings(size=32, iterations=2, scales=1, **LAYERS), VGG_TINY, given, given)
        for x in (run.x(run.content, 0), run.x(run.init, 0), run.style_x(0)):
            np.testing.assert_allclose(x[0], wanted, atol=1e-4)
    # neither content nor style differs from the start: J is 0 but for rounding
    assert (
        run.objective(0)(run.x(run.init, 0))[0]
        < 1e-3
        < run.objective(0)(run.x(as_image(deep), 0))[0]
    )


@pytest.mark.parametrize("colors", COLORS)
def test_colours_know_pictures_of_16_bits(tmp_path, colors):
    changes = {"colors": colors, "iterations": 2, "style": fine_picture(20, 30)}
    deep = paint(content=CONTENT.astype(np.uint16) * 257, **changes)
    plain = paint(content=CONTENT, **changes | {"style": as_image(changes["style"])})
    assert np.abs(deep.image.astype(int) - plain.image).mean() < 2
    assert deep.image16.dtype == np.uint16


def test_16_bits_of_a_run_that_ended_at_a_coarse_scale_have_the_full_size():
    result = paint(scales=2, iterations=4, callback=stop_after(1))
    assert result.image16.shape == CONTENT.shape
    # 8 bits are rounded before they are enlarged, and clipped on the way
    assert np.abs(result.image16 / 257 - result.image).mean() < 1


def test_a_result_that_somebody_made_has_16_bits_of_its_8():
    image = np.full((2, 2, 3), 7, np.uint8)
    assert (style_transfer.Result(image, [], {}, "", "").image16 == 7 * 257).all()


# colours


def test_colours_of_the_photograph_with_the_luminance_that_was_painted():
    plain, kept = (paint(iterations=3, colors=colors).image for colors in ("style", "content"))
    np.testing.assert_array_equal(kept, keep_colors(plain, as_image(CONTENT, 32)))
    assert (kept != plain).any()


def test_histograms_of_the_painting_are_given_to_what_was_painted():
    plain, matched = (paint(iterations=3, colors=colors).image for colors in ("style", "histogram"))
    np.testing.assert_array_equal(matched, match_histograms(plain, STYLE))


@pytest.mark.parametrize(
    ("colors", "root"), [("match", "symmetric"), ("match-cholesky", "cholesky")]
)
def test_matched_colours_are_those_of_the_photograph_that_is_painted(colors, root):
    content = match_colors(as_image(CONTENT, 32), STYLE, root)
    expected = paint(content=content, iterations=3)
    result = paint(iterations=3, colors=colors)
    np.testing.assert_array_equal(result.image, expected.image)
    assert result.history[0]["loss"] == expected.history[0]["loss"]
    assert result.settings["colors"] == colors


def test_unknown_colours_are_refused():
    with pytest.raises(SettingError, match=r"colors must be one of style, content, match, .*'red'"):
        Settings(colors="red")
