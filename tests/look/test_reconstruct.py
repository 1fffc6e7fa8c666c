import numpy as np
import pytest

from nst_numpy.errors import SettingError, ShapeError, UnknownNameError
from nst_numpy.look import reconstruct
from nst_numpy.losses import gram_matrix
from nst_numpy.pictures.images import preprocess, resize_image
from nst_numpy.vgg import VGG

TINY = VGG.random((12, 16), np.random.default_rng(3), dtype=np.float32)


def picture(height=20, width=24):
    coarse = np.random.default_rng(1).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    return resize_image(coarse, (height, width))


def noise(image, seed=0):
    return np.random.default_rng(seed).integers(0, 256, image.shape, dtype=np.uint8)


def features(image, layer):
    return TINY.forward(preprocess(image), [layer])[layer]


def distance(a, b):
    return float(np.linalg.norm(a - b) / np.linalg.norm(b))


def test_content_of_a_low_layer_brings_the_picture_back():
    image = picture()
    painted, minimum = reconstruct(TINY, image, content_layers={"relu1_1": 1}, iterations=60)
    error = np.abs(painted.astype(int) - image).mean()
    assert error < 0.1 * np.abs(noise(image).astype(int) - image).mean()
    assert minimum.losses[-1] < 1e-3 * minimum.losses[0]
    assert minimum.message == "did the 60 iterations asked for"


def test_style_alone_matches_the_gram_matrix_and_not_the_places():
    image = picture()
    painted, _ = reconstruct(TINY, image, style_layers={"relu1_1": 1}, iterations=60)
    wanted = gram_matrix(features(image, "relu1_1"))
    before = distance(gram_matrix(features(noise(image), "relu1_1")), wanted)
    after = distance(gram_matrix(features(painted, "relu1_1")), wanted)
    assert after < 0.3 * before
    assert distance(features(painted, "relu1_1"), features(image, "relu1_1")) > 0.3


def test_only_the_layers_asked_for_count():
    image, seen = picture(), []
    reconstruct(
        TINY, image, content_layers={"relu2_1": 1}, iterations=3, callback=lambda s: seen.append(s)
    )
    own = 0.5 * ((features_of(seen[-1].x) - features(image, "relu2_1")) ** 2).sum()
    assert seen[-1].loss == pytest.approx(own, rel=1e-4)
    assert [step.iteration for step in seen] == [1, 2, 3]


def features_of(x):
    return TINY.forward(x, ["relu2_1"])["relu2_1"]


def test_the_seed_decides():
    once, again, other = (
        reconstruct(TINY, picture(), content_layers={"relu2_1": 1}, iterations=2, seed=seed)[0]
        for seed in (5, 5, 6)
    )
    assert (once == again).all()
    assert (once != other).any()


def test_smoothness_lowers_the_differences_between_neighbours():
    rough, smooth = (
        reconstruct(
            TINY, picture(), content_layers={"relu2_1": 1}, iterations=20, tv_weight=weight
        )[0].astype(int)
        for weight in (0, 10)
    )
    assert np.abs(np.diff(smooth, axis=1)).mean() < 0.8 * np.abs(np.diff(rough, axis=1)).mean()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({}, SettingError, "name at least one layer"),
        ({"content_layers": {"relu3_1": 1}}, UnknownNameError, "unknown layer 'relu3_1'"),
        ({"style_layers": {"relu1_1": -1}}, SettingError, "the weight of relu1_1"),
        ({"style_layers": ["relu1_1"]}, SettingError, r'write \{"relu1_1": 1\.0\}'),
        ({"content_layers": np.array(["relu1_1", "relu2_1"])}, SettingError, "must map layers to"),
        (
            {"style_layers": {"relu1_1": "1"}},
            SettingError,
            "the weight of relu1_1 must be a finite",
        ),
        ({"style_layers": {"relu1_1": 1}, "iterations": 0}, SettingError, "at least 1, not 0"),
        ({"style_layers": {"relu1_1": 1}, "seed": -1}, SettingError, "at least 0, not -1"),
    ],
)
def test_what_it_says_of_bad_settings(options, error, message):
    with pytest.raises(error, match=message):
        reconstruct(TINY, picture(), **options)


def test_a_picture_too_small_for_the_layer_is_refused():
    with pytest.raises(ShapeError, match="too small for relu2_1"):
        reconstruct(TINY, picture(1, 9), content_layers={"relu2_1": 1})
