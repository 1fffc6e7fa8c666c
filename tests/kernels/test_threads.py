import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from nst_numpy.errors import SettingError
from nst_numpy.kernels.memory import scratch_array
from nst_numpy.kernels.threads import available_cores, for_each, reserve_blas_memory
from nst_numpy.layers import conv_backward, conv_forward, get_threads, set_threads


@pytest.fixture(autouse=True)
def _default_threads():
    yield
    set_threads(None)


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_every_piece_is_done_once(threads):
    set_threads(threads)
    done, lock = [], threading.Lock()

    def work(piece):
        with lock:
            done.append(piece)

    for_each(work, range(50))
    assert sorted(done) == list(range(50))


@pytest.mark.parametrize("threads", [1, 3])
def test_an_error_stops_the_rest_and_is_raised(threads):
    set_threads(threads)
    done = []

    def work(piece):
        if piece == 3:
            raise ValueError("piece 3")
        done.append(piece)

    with pytest.raises(ValueError, match="piece 3"):
        for_each(work, range(10_000))
    assert len(done) < 10_000


@pytest.mark.parametrize(
    ("x_shape", "w_shape"),
    [
        ((9, 700, 16), (7, 16, 32)),
        ((2, 61, 47, 24), (3, 3, 24, 16)),
        ((2, 15, 16, 17, 16), (3, 3, 3, 16, 8)),
    ],
)
def test_results_do_not_depend_on_the_number_of_threads(x_shape, w_shape):
    rng = np.random.default_rng(5)
    x = rng.standard_normal(x_shape).astype(np.float32)
    w = rng.standard_normal(w_shape).astype(np.float32)
    b = rng.standard_normal(w_shape[-1]).astype(np.float32)
    results = []
    for threads in (1, 2, 3):
        set_threads(threads)
        out, cache = conv_forward(x, w, b, pad=1)
        results.append([out, *conv_backward(out, cache)])
    for other in results[1:]:
        for got, want in zip(other, results[0], strict=True):
            np.testing.assert_array_equal(got, want)


def test_where_the_number_of_threads_comes_from(monkeypatch):
    monkeypatch.delenv("NST_NUM_THREADS", raising=False)
    assert get_threads() == available_cores()
    monkeypatch.setenv("NST_NUM_THREADS", "3")
    assert get_threads() == 3
    set_threads(1)
    assert get_threads() == 1


def test_what_it_says_of_bad_numbers(monkeypatch):
    monkeypatch.setenv("NST_NUM_THREADS", "many")
    with pytest.raises(SettingError, match="NST_NUM_THREADS must be a whole number"):
        get_threads()
    with pytest.raises(SettingError, match="threads must be at least 1, not 0"):
        set_threads(0)


def test_there_is_one_pool_and_no_thread_of_another_size_is_left():
    def helpers():
        return [thread for thread in threading.enumerate() if thread.name.startswith("nst")]

    for threads in (8, 3, 6, 2):
        set_threads(threads)
        for_each(lambda _: time.sleep(0.001), range(50))
    deadline = time.monotonic() + 10
    while len(helpers()) > 1 and time.monotonic() < deadline:
        time.sleep(0.01)  # those of a pool that was shut end in their own time
    assert len(helpers()) == 1


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_work_inside_work_is_done(threads):
    set_threads(threads)
    done = set()

    def outer(i):
        for_each(lambda j: done.add((i, j)), range(20))

    for_each(outer, range(20))
    assert done == {(i, j) for i in range(20) for j in range(20)}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_process_has_helpers_of_its_own():
    set_threads(2)
    for_each(lambda _: None, range(10))
    child = os.fork()
    if child == 0:
        signal.alarm(20)  # a child that hangs is killed
        done = set()
        for_each(done.add, range(10))
        os._exit(0 if done == set(range(10)) else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_a_blas_that_is_loaded_later_is_held_too():
    code = """
from threadpoolctl import threadpool_info
from nst_numpy.kernels.threads import single_threaded_blas

with single_threaded_blas():
    pass
import scipy.linalg

with single_threaded_blas():
    print(max(pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"))
"""
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "3"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    assert done.stdout.strip() == "1"


@pytest.mark.parametrize("threads", [1, 2])
def test_work_inside_work_leaves_its_scratch_memory_alone(threads):
    set_threads(threads)
    seen = []

    def inner(piece):
        scratch_array("test", (4,), np.float64)[:] = 7

    def outer(piece):
        mine = scratch_array("test", (4,), np.float64)
        mine[:] = piece
        for_each(inner, range(3))
        seen.append((mine == piece).all())

    for_each(outer, range(5))
    assert seen == [True] * 5


def test_scipys_blas_has_its_memory_or_says_that_there_is_none(monkeypatch):
    reserve_blas_memory.cache_clear()
    with monkeypatch.context() as changes:
        changes.setattr("nst_numpy.kernels.threads.is_room_left", lambda size: False)
        with pytest.raises(MemoryError):
            reserve_blas_memory()
    reserve_blas_memory()
