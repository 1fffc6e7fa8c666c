import pytest

from nst_numpy.errors import TooLargeError
from nst_numpy.measure import bounded
from nst_numpy.measure.bounded import band_bytes, choose_means, kept_bytes
from nst_numpy.vgg import VGG

NAMES = ["relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu4_2", "relu5_1"]


def means(vgg, side, gigabytes, optimizer="lbfgs", **more):
    shape = (1, side, side, 3)
    return choose_means(vgg, shape, NAMES, int(gigabytes * 1e9), optimizer, [shape], **more)


@pytest.fixture(scope="module")
def vgg16():
    return VGG.load()


@pytest.fixture(autouse=True)
def _large_disk(monkeypatch):
    monkeypatch.setattr(bounded, "free_on_disk", lambda: 10**13)


def test_the_less_memory_the_less_is_remembered(vgg16):
    found = [means(vgg16, 2048, gigabytes) for gigabytes in (8, 4.3, 3.6, 2.9, 2)]
    assert [each.bands.in_file for each in found] == [False, True, True, True, True]
    assert [(each.optimizer, each.pairs) for each in found[:-1]] == [
        ("lbfgs", 10), ("lbfgs", 10), ("lbfgs", 5), ("lbfgs", 3)
    ]  # fmt: skip
    assert found[-1].optimizer == "adam"
    assert [each.instead for each in found] == [False, False, True, True, True]
    for each, gigabytes in zip(found, (8, 4.3, 3.6, 2.9, 2), strict=True):
        assert each.bytes <= gigabytes * 1e9
        assert each.count == -(-2048 // each.bands.rows)


def test_an_optimizer_that_was_asked_for_stays(vgg16):
    for name in ("gd", "adam"):
        assert means(vgg16, 2048, 3, name).optimizer == name
        assert not means(vgg16, 2048, 3, name).instead
        assert means(vgg16, 2048, 3, name).learning_rate is None
    assert means(vgg16, 2048, 2).learning_rate == bounded.STAND_IN_RATE


def test_too_little_says_the_least_and_the_least_is_enough(vgg16):
    with pytest.raises(TooLargeError, match=r"2048×2048 needs at least 1\.\d GB .* it may take"):
        means(vgg16, 2048, 0.5)
    with pytest.raises(TooLargeError, match=r"only 0\.5 GB are free: free some memory") as caught:
        means(vgg16, 2048, 0.5, said=False)
    least = float(str(caught.value).split("at least ")[1].split()[0])
    assert means(vgg16, 2048, least).bands.rows == bounded.LEAST_ROWS


def test_without_room_on_the_disk_all_is_kept_in_memory(vgg16, monkeypatch):
    monkeypatch.setattr(bounded, "free_on_disk", lambda: 1000)
    assert not means(vgg16, 2048, 4).bands.in_file
    monkeypatch.setattr(bounded, "_optimizers", lambda name: iter(()))
    with pytest.raises(TooLargeError, match="set TMPDIR to a folder with more room"):
        means(vgg16, 2048, 0.5)


def test_bytes_grow_with_the_picture(vgg16):
    one, four = (1, 256, 256, 3), (1, 512, 512, 3)
    assert kept_bytes(vgg16, four, NAMES) == 4 * kept_bytes(vgg16, one, NAMES)
    assert band_bytes(vgg16, four, NAMES) == 2 * band_bytes(vgg16, one, NAMES)
    assert kept_bytes(vgg16, one, []) == 0
    # what losses look at but relu1_1, the content once more, one bit a number of each ReLU
    relu = 128 / 4 + 256 / 16 + (512 + 512) / 64 + 512 / 256
    bits = 64 * 2 + 128 * 2 / 4 + 256 * 3 / 16 + 512 * 3 / 64 + 512 / 256
    expected = 256 * 256 * (4 * (relu + 512 / 64) + bits / 8)
    assert kept_bytes(vgg16, one, NAMES) == pytest.approx(expected, rel=0.02)
