import os

import numpy as np
import pytest

from nst_numpy.errors import ImageError, OutputError, SettingError
from nst_numpy.pictures.images import load_image, preprocess
from nst_numpy.pictures.samples import sample_path
from nst_numpy.runs.saved import load_run, save_run
from nst_numpy.settings import Settings
from nst_numpy.style_transfer import Run
from nst_numpy.vgg import VGG
from tests.runs.small_runs import LAYERS, TINY, picture


def paint(**changes):
    settings = {"size": 40, "iterations": 4, "style_loss": "neighbours", **LAYERS} | changes
    run = Run(Settings(**settings), TINY, picture(1, 30, 40), picture(2, 90, 60))
    return run, run.go()


def replayed(saved, vgg):
    """Compute the style loss of the saved result again, from what is in the folder alone."""
    used = saved.record["settings"]
    names = ("alpha", "beta", "content_layers", "style_layers", "style_loss", "size", "iterations",
             "scales", "style_size")  # fmt: skip
    run = Run(Settings(**{name: used[name] for name in names}), vgg, saved.content, saved.style)
    objective = run.objective(run.scales - 1)
    objective.measured_style.draw_to(saved.source.matches)
    x = preprocess(saved.result, dtype=vgg.dtype)
    objective(x)
    term = objective.terms["style/neighbours"] / objective.measured_style.coefficient
    return term, objective.measured_style.similarity(x)[0]


def test_of_several_paintings_all_are_kept_and_lie_side_by_side(tmp_path):
    settings = Settings(size=40, iterations=2, style_loss="neighbours", **LAYERS)
    run = Run(settings, TINY, picture(1, 30, 40), [picture(2, 90, 60), picture(3, 50, 50)])
    result = run.go()
    save_run(tmp_path, run, result, {"settings": result.settings})
    assert load_image(tmp_path / "style.png").shape == (40, 27, 3)
    assert load_image(tmp_path / "style_2.png").shape == (40, 40, 3)
    saved = load_run(tmp_path)
    assert saved.style.shape == (40, 4 * 7 + 40, 3)
    assert saved.source.panels == result.source.panels
    assert (saved.source.numbers == result.source.numbers).all()
    (tmp_path / "style_2.png").unlink()
    with pytest.raises(ImageError, match="there is no file"):
        load_run(tmp_path)


@pytest.mark.parametrize("changes", [{}, {"scales": 2}, {"style_size": 24}])
def test_the_stored_targets_give_the_stored_loss(tmp_path, changes):
    run, result = paint(**changes)
    save_run(tmp_path, run, result, {"settings": result.settings})
    saved = load_run(tmp_path)
    loss, similarity = replayed(saved, TINY)
    assert loss == pytest.approx(saved.source.loss, rel=1e-5)
    np.testing.assert_allclose(similarity, saved.source.similarity, rtol=0, atol=1e-5)
    assert saved.source.loss == result.source.loss
    assert (saved.source.indices == result.source.indices).all()
    assert saved.source.painting == (90, 60)
    # and other targets do not
    moved = saved.source.matches._replace(indices=np.roll(saved.source.indices, 3)[None])
    objective = run.objective(run.scales - 1)
    objective.measured_style.draw_to(moved)
    other = 1 - objective.measured_style.similarity(preprocess(saved.result, dtype=np.float32))
    assert other.mean() > 1.05 * loss


def test_the_stored_targets_give_the_stored_loss_on_the_real_network(tmp_path):
    vgg = VGG.load()
    content, style = (load_image(sample_path(name), 48) for name in ("chelsea", "starry_night"))
    run = Run(Settings(size=48, iterations=2, style_loss="neighbours"), vgg, content, style)
    result = run.go()
    save_run(tmp_path, run, result, {"settings": result.settings})
    saved = load_run(tmp_path)
    assert saved.source.grid == (8, 12)
    loss, similarity = replayed(saved, vgg)
    assert loss == pytest.approx(saved.source.loss, rel=1e-4)
    np.testing.assert_allclose(similarity, saved.source.similarity, rtol=0, atol=1e-4)


def test_what_is_in_the_folder(tmp_path):
    run, result = paint()
    save_run(tmp_path / "new" / "run", run, result, {"settings": result.settings, "more": 1})
    folder = tmp_path / "new" / "run"
    names = {"content.png", "result.png", "run.json", "source.npz", "style.png"}
    assert set(os.listdir(folder)) == names
    saved = load_run(folder)
    assert (saved.result == result.image).all()
    assert saved.result.shape == saved.content.shape == (30, 40, 3)
    assert saved.style.shape == (40, 27, 3)
    assert saved.record["more"] == 1
    assert saved.record["files"] == ["result.png", "content.png", "style.png", "source.npz"]


def test_a_run_without_neighbours_has_no_map_also_where_an_older_one_lies(tmp_path):
    for changes in ({}, {"style_loss": "gram"}):
        run, result = paint(**changes)
        save_run(tmp_path, run, result, {"settings": result.settings})
    assert result.source is None
    with pytest.raises(SettingError) as caught:
        load_run(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path} has no source map, since its run had the style loss gram: "
        "run nst transfer with --style-loss neighbours and --save-run"
    )


@pytest.mark.parametrize(
    ("spoil", "error", "message"),
    [
        (lambda d: (d / "run.json").unlink(), SettingError, "is not the folder of a run: there is"),
        (lambda d: (d / "run.json").write_text("{", "utf-8"), SettingError, "cannot be read"),
        (lambda d: (d / "run.json").write_text("[]", "utf-8"), SettingError, "cannot be read"),
        (lambda d: (d / "run.json").write_text("[" * 10**5, "utf-8"), SettingError, "cannot be"),
        (lambda d: (d / "run.json").write_bytes(b"\xff\xfe\x00"), SettingError, "cannot be read"),
        (lambda d: (d / "run.json").write_text('{"files": [], "settings": 3}', "utf-8"),
         SettingError, "it says nothing of files and settings"),
        (lambda d: (d / "source.npz").write_bytes(b"PK"), SettingError, "is not a source map"),
        (lambda d: (d / "source.npz").unlink(), SettingError, "is not a source map"),
        (lambda d: (d / "style.png").write_bytes(b""), ImageError, "style.png"),
        (lambda d: (d / "result.png").unlink(), ImageError, "result.png"),
    ],
)  # fmt: skip
def test_a_damaged_folder_is_one_sentence(tmp_path, spoil, error, message):
    run, result = paint(iterations=1)
    save_run(tmp_path, run, result, {"settings": result.settings})
    spoil(tmp_path)
    with pytest.raises(error, match=message) as caught:
        load_run(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_run_that_ended_too_early(tmp_path):
    run, result = paint(iterations=1)
    result.source = None
    save_run(tmp_path, run, result, {"settings": result.settings})
    with pytest.raises(SettingError, match="its run ended too early: run it again"):
        load_run(tmp_path)


def test_a_folder_that_cannot_be_made(tmp_path):
    run, result = paint(iterations=1)
    (tmp_path / "file").write_text("", "utf-8")
    with pytest.raises(OutputError, match="cannot be a folder"):
        save_run(tmp_path / "file", run, result, {"settings": result.settings})
