import numpy as np
import pytest

from nst_numpy.cli.parts.options import whole_number
from nst_numpy.common.checks import check_at_least, check_count, check_number, is_whole, read_count
from nst_numpy.errors import SettingError
from nst_numpy.gradcheck import check_backward
from nst_numpy.kernels.threads import get_threads, set_threads
from nst_numpy.kernels.windows import per_axis
from nst_numpy.look import dream, gram_report, reconstruct, top_patches, trace
from nst_numpy.look.arrays import top_windows
from nst_numpy.pictures.images import resize_image
from nst_numpy.signals.heartbeats import study
from nst_numpy.signals.texture import ekg_rows, movie_rows
from nst_numpy.training import fit
from nst_numpy.training.sequential import Conv, Dense, ReLU, Sequential
from nst_numpy.vgg import VGG

TINY = VGG.random((2,), np.random.default_rng(0))
NET = Sequential([Conv(1, 2), ReLU()], (4, 1))
SCORES = Sequential([Dense(2)], (3,))
IMAGE = np.zeros((4, 4, 3), dtype=np.uint8)
X = np.random.default_rng(0).standard_normal((1, 4, 4, 3))
SAMPLES, CLASSES = np.ones((2, 3), dtype=np.float32), np.array([0, 1])


@pytest.mark.parametrize("number", [16, np.uint8(16), np.int64(16), np.array(16)])
def test_a_whole_number_comes_back_as_pythons(number):
    assert is_whole(number, 16)
    assert not is_whole(number, 17)
    for checked in (check_count("f", "n", number), check_at_least("n", number, 16)):
        assert type(checked) is int
        assert checked == 16


@pytest.mark.parametrize("value", [True, np.True_, 2.0, np.float32(2), "2", None, [2], 1j])
def test_nothing_else_is_one(value):
    assert not is_whole(value)
    assert not is_whole(value, None)
    with pytest.raises(SettingError) as caught:
        check_count("f", "n", value)
    assert str(caught.value) == f"f: n must be a whole number of at least 1, not {value!r}"
    with pytest.raises(SettingError) as caught:
        check_at_least("n", value, 0)
    assert str(caught.value) == f"n must be a whole number, not {value!r}"


@pytest.mark.parametrize(
    ("text", "number"),
    [("7", 7), (" 7 ", 7), ("0", None), ("-1", None), ("1e3", None), ("", None), ("²", None)],
)
def test_numbers_are_read_from_text(monkeypatch, text, number):
    assert read_count(text) == number
    if text.strip():
        monkeypatch.setenv("NST_NUM_THREADS", text)
        if number is None:
            with pytest.raises(SettingError, match="NST_NUM_THREADS must be a whole number of"):
                get_threads()
        else:
            assert get_threads() == whole_number(text) == number


# whoever asks for a whole number, asks the same
DOORS = {
    "Conv": lambda n: Sequential([Conv(n, 2)], (4, 1)),
    "Dense": lambda n: Sequential([Dense(n)], (4,)),
    "input_shape": lambda n: Sequential([Conv(1, 1)], (n, 1)),
    "predict": lambda n: SCORES.predict(SAMPLES, batch_size=n),
    "epochs": lambda n: fit(SCORES, SAMPLES, CLASSES, epochs=n),
    "batch_size": lambda n: fit(SCORES, SAMPLES, CLASSES, epochs=1, batch_size=n),
    "per_axis": lambda n: per_axis("conv_forward", "stride", n, 2, least=1),
    "one axis": lambda n: per_axis("conv_forward", "stride", (1, n), 2, least=1),
    "resize_image": lambda n: resize_image(IMAGE, n),
    "set_threads": set_threads,
    "entries": lambda n: check_backward(
        lambda x: (x, ()), lambda grad_out, cache: grad_out, {"x": X}, entries=n
    ),
    "largest_inputs": lambda n: trace(TINY, X, "conv1_1", 0, 0, 0).largest_inputs(n),
    "pairs": lambda n: gram_report(X).strongest(n),
    "top_windows": lambda n: top_windows(NET, np.ones((1, 4, 1), np.float32), {"relu1": None}, k=n),
    "top_patches": lambda n: top_patches(TINY, ["a.png"], {"relu1_1": [0]}, k=n),
    "dream": lambda n: dream(TINY, "relu1_1", 0, size=n, iterations=1),
    "dream's iterations": lambda n: dream(TINY, "relu1_1", 0, size=4, iterations=n),
    "reconstruct": lambda n: reconstruct(
        TINY, IMAGE, content_layers={"relu1_1": 1}, iterations=n
    ),
    "ekg_rows": ekg_rows,
    "movie_rows": movie_rows,
}  # fmt: skip


@pytest.fixture(autouse=True)
def the_threads_that_were():
    yield
    set_threads(None)


@pytest.mark.parametrize("value", [True, 2.5, "2", 0, -1])
@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)
def test_every_door_refuses_what_is_no_whole_number(door, value):
    with pytest.raises(SettingError, match=r"whole number|at least 1"):
        door(value)


@pytest.mark.parametrize("door", [door for name, door in DOORS.items() if name != "top_patches"])
def test_every_door_takes_numpys_whole_numbers(door):
    door(np.int16(1))


@pytest.mark.parametrize("seed", [True, 0.5, -1])
@pytest.mark.parametrize(
    "door",
    [
        lambda seed: dream(TINY, "relu1_1", 0, size=4, iterations=1, seed=seed),
        lambda seed: reconstruct(TINY, IMAGE, content_layers={"relu1_1": 1}, seed=seed),
        lambda seed: study(None, seed=seed),
    ],
)
def test_a_seed_is_a_whole_number_too(door, seed):
    with pytest.raises(SettingError, match=r"seed must be (a whole number|at least 0), not"):
        door(seed)


@pytest.mark.parametrize("number", [0.5, 2, np.float32(0.5), np.int8(3), np.array(1.5)])
def test_a_number_comes_back_as_pythons(number):
    checked = check_number("alpha", number)
    assert type(checked) in (int, float)
    assert checked == number


@pytest.mark.parametrize("value", ["1", None, True, np.True_, [1.0], 1j, -1, np.nan, np.inf])
def test_what_is_no_number_of_at_least_0(value):
    with pytest.raises(SettingError, match=r"^alpha must be a finite number of at least 0, not "):
        check_number("alpha", value)


def test_0_counts_only_where_it_may():
    assert check_number("alpha", 0) == 0
    with pytest.raises(SettingError, match=r"^rate must be a finite number above 0, not 0$"):
        check_number("rate", 0, zero=False)
