import os
import shutil
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from nst_numpy.errors import SettingError
from nst_numpy.kernels.memory import scratch_array
from nst_numpy.kernels.threads import (
    available_cores,
    chunks,
    for_each,
    reserve_blas_memory,
    single_threaded_blas,
)
from nst_numpy.layers import conv_backward, conv_forward, get_threads, set_threads
from tests import PATIENCE


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
    done, failing = [], threading.Event()

    def work(piece):
        if piece == 3:
            failing.set()
            raise ValueError("piece 3")
        if piece > 3:
            failing.wait(PATIENCE)
        time.sleep(0.001)
        done.append(piece)

    with pytest.raises(ValueError, match="piece 3"):
        for_each(work, range(3000))
    assert len(done) < 1500


@pytest.mark.parametrize("who", ["the calling thread", "a helper"])
def test_whoever_has_an_error_the_others_stop_and_nobody_works_on(who):
    set_threads(2)
    both, done = threading.Barrier(2, timeout=PATIENCE), []
    first = threading.local()

    def work(piece):
        if not hasattr(first, "piece"):
            first.piece = piece
            both.wait()  # each has a piece
        if (threading.current_thread() is threading.main_thread()) == (who == "the calling thread"):
            raise ValueError(who)
        time.sleep(0.002)
        done.append(piece)

    with pytest.raises(ValueError, match=who):
        for_each(work, range(3000))
    count = len(done)
    assert count < 1500
    time.sleep(0.01)
    assert len(done) == count  # what the work writes to may be gone by now


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
    deadline = time.monotonic() + PATIENCE
    while len(helpers()) > 1 and time.monotonic() < deadline:
        time.sleep(0.01)  # those of a pool that was shut end in their own time
    assert len(helpers()) == 1


def test_helpers_stay_from_one_piece_of_work_to_the_next():
    set_threads(2)
    seen = set()
    for _ in range(20):
        both = threading.Barrier(2, timeout=PATIENCE)

        def work(_, both=both):
            both.wait()
            seen.add(threading.current_thread())

        for_each(work, range(4))
    assert len(seen) == 2


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_work_inside_work_is_done(threads):
    set_threads(threads)
    done = set()

    def outer(i):
        for_each(lambda j: done.add((i, j)), range(20))

    for_each(outer, range(20))
    assert done == {(i, j) for i in range(20) for j in range(20)}


FORKS = """
import os, signal, threading
from nst_numpy.kernels import threads as module
from nst_numpy.kernels.threads import for_each, set_threads

set_threads(2)
for_each(lambda _: None, range(10))
held, forked = threading.Event(), threading.Event()

def hold():
    with module._holding, module._helpers._lock:
        held.set()
        forked.wait()

threading.Thread(target=hold).start()  # it is not there in the child, and lets go of nothing
held.wait()
child = os.fork()
if child == 0:
    signal.alarm(60)  # a child that hangs is killed
    both, done = threading.Barrier(2), set()

    def work(piece):
        both.wait()  # two pieces at a time
        done.add(piece)

    for_each(work, range(10))
    os._exit(0 if done == set(range(10)) else 2)
forked.set()
raise SystemExit(os.waitpid(child, 0)[1])
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_process_has_helpers_of_its_own():
    """Forked from a process without threads of others: what those hold, no child can let go of."""
    words = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORKS]
    done = subprocess.run(words, capture_output=True, encoding="utf-8", timeout=PATIENCE)
    assert done.returncode == 0, done.stderr


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


@pytest.mark.skipif(sys.platform != "linux", reason="the locale decides on Linux alone")
def test_libraries_are_found_where_the_locale_has_no_letters_for_their_folder(tmp_path):
    library = shutil.copy(np.random.bit_generator.__file__, tmp_path / "grüße.so")
    code = """
import ctypes, sys
from nst_numpy.kernels.threads import blas

ctypes.CDLL(sys.argv[1])
print(sys.getfilesystemencoding(), len(blas().info()))
"""
    c_locale = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run(
        [sys.executable, "-c", code, library],
        env=os.environ | c_locale,
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    encoding, found = done.stdout.split()
    assert encoding == "ascii"
    assert int(found) > 0


def test_blas_is_held_by_the_outermost_alone_and_let_go_after_an_error():
    def count():
        return max((pool["num_threads"] for pool in threadpool_info()
                    if pool["user_api"] == "blas"), default=1)  # fmt: skip

    def held():
        with single_threaded_blas():
            with single_threaded_blas():
                assert count() == 1
            assert count() == 1
            raise ValueError("inside")

    with threadpool_limits(3, user_api="blas"):
        before = count()
        with pytest.raises(ValueError, match="inside"):
            held()
        assert count() == before


def test_helpers_work_while_blas_is_held():
    set_threads(2)
    counts = set()

    def work(_):
        counts.update(p["num_threads"] for p in threadpool_info() if p["user_api"] == "blas")

    with threadpool_limits(3, user_api="blas"):
        for_each(work, range(4))
    assert counts <= {1}


@pytest.mark.parametrize(("total", "length"), [(10, 4), (12, 4), (1, 9), (0, 3), (7, 0), (97, 10)])
def test_chunks_are_even_and_leave_nothing_out(total, length):
    cuts = chunks(total, length)
    assert [i for cut in cuts for i in range(total)[cut]] == list(range(total))
    sizes = [cut.stop - cut.start for cut in cuts]
    assert max(sizes) <= max(length, 1)
    assert max(sizes) - min(sizes) <= 1


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


def test_helpers_heed_what_numpy_is_to_say_on_the_calling_thread():
    set_threads(3)
    here, seen, lock = threading.Barrier(3), [], threading.Lock()

    def work(piece):
        here.wait(timeout=PATIENCE)  # each piece has a thread of its own
        with lock:
            seen.append(np.geterr()["over"])

    with np.errstate(over="raise"):
        for_each(work, range(3))
    assert seen == ["raise"] * 3
