import ctypes
import gc
import os
import sys
import threading

import numpy as np
import pytest

from nst_numpy.kernels import memory
from nst_numpy.kernels.memory import ReusedMemory, empty_array, scratch_array
from nst_numpy.objective import Objective
from nst_numpy.vgg import VGG


@pytest.fixture(autouse=True)
def _all_arrays_are_large(monkeypatch):
    monkeypatch.setattr(memory, "LARGE", 1)


def address(a):
    return a.ctypes.data


def test_memory_comes_back_when_the_last_view_is_gone():
    reserve = ReusedMemory()
    with reserve.in_use():
        a = empty_array((4, 5), np.float32)
        place, part = address(a), a[1:, ::2].T[1:]
        del a
        gc.collect()
        assert reserve._idle == []
        del part
        gc.collect()
        assert address(empty_array((10,), np.float64)) == place


def test_only_what_has_the_same_size_and_room_is_kept(monkeypatch):
    monkeypatch.setattr(memory, "MOST_IDLE", 100)
    reserve = ReusedMemory()
    with reserve.in_use():
        arrays = [empty_array((60,), np.uint8) for _ in range(2)]
        del arrays
        gc.collect()
        assert [m.nbytes for m in reserve._idle] == [60]
        assert empty_array((50,), np.uint8).base.base.nbytes == 50
        assert [m.nbytes for m in reserve._idle] == [60]


def test_without_a_reserve_and_after_it_arrays_are_numpys_own():
    outer, inner = ReusedMemory(), ReusedMemory()
    with outer.in_use():
        with inner.in_use():
            empty_array((8,), np.uint8)
        gc.collect()
        assert (len(inner._idle), len(outer._idle)) == (1, 0)
        empty_array((8,), np.uint8)
    gc.collect()
    assert len(outer._idle) == 1
    assert empty_array((8,), np.uint8).base is None


def test_a_step_writes_over_nothing_that_an_earlier_one_returned():
    rng = np.random.default_rng(0)
    vgg = VGG.random((4, 6), rng, convolutions=(2, 1))
    content, style, x = rng.standard_normal((3, 1, 13, 12, 3))
    layers = {"content_layers": {"relu2_1": 1.0}, "style_layers": {"relu1_1": 1.0}}
    objective = Objective(vgg, content, style, **layers)
    value, grad = objective(x)
    before = grad.copy()
    assert objective(x + 1)[0] != value
    np.testing.assert_array_equal(grad, before)
    again, grad_again = objective(x)
    assert again == value
    np.testing.assert_array_equal(grad_again, before)
    assert vgg._engine._own.memory._idle


def test_scratch_is_reused_and_grows():
    small = scratch_array("test", (4,), np.float32)
    assert np.shares_memory(small, scratch_array("test", (2, 2), np.float32))
    assert scratch_array("test", (1000,), np.float64).shape == (1000,)
    assert not np.shares_memory(small, scratch_array("another", (4,), np.float32))


def on_another_thread(function):
    results = []
    thread = threading.Thread(target=lambda: results.append(function()))
    thread.start()
    thread.join()
    return results[0]


def test_scratch_and_memory_in_use_are_a_threads_own():
    mine = scratch_array("test", (4,), np.float32)
    assert not np.shares_memory(mine, on_another_thread(
        lambda: scratch_array("test", (4,), np.float32)
    ))  # fmt: skip
    with ReusedMemory().in_use():
        assert on_another_thread(lambda: empty_array((8,), np.uint8)).base is None
        assert empty_array((8,), np.uint8).base is not None


def test_two_arrays_that_are_there_share_no_memory():
    with ReusedMemory().in_use():
        del (arrays := [empty_array((16,), np.uint8) for _ in range(3)])[:2]
        gc.collect()
        arrays += [empty_array((4,), np.float32) for _ in range(4)]
        for i, array in enumerate(arrays):
            array[...] = i
        assert [int(array[0]) for array in arrays] == list(range(5))


def test_memory_in_use_is_that_of_before_after_an_error():
    outer = ReusedMemory()
    with outer.in_use():
        with pytest.raises(ValueError, match="inside"), ReusedMemory().in_use():
            raise ValueError("inside")
        empty_array((8,), np.uint8)
    gc.collect()
    assert len(outer._idle) == 1


def test_where_an_array_goes_no_line_of_python_is_run():
    # Ctrl-C arrives between two lines of Python, and could not be passed on there
    reserve, lines = ReusedMemory(), []
    with reserve.in_use():
        array = empty_array((40,), np.uint8)
        before = sys.gettrace()
        sys.settrace(lambda frame, *_: lines.append(frame.f_code.co_name))
        try:
            del array
        finally:
            sys.settrace(before)
        assert lines == []
        assert [m.nbytes for m in reserve._idle] == [40]


def resident():
    """Return what the process occupies now, in bytes."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(
    sys.platform != "linux" or not hasattr(ctypes.CDLL(None), "malloc_trim"),
    reason="reads /proc, and asks the C library of GNU",
)
def test_what_work_has_freed_goes_back_to_the_system():
    above = []

    @memory.gives_memory_back
    def work():
        blocks = [np.ones(2**16, np.uint8) for _ in range(1000)]  # small enough for the heap
        above.append(np.ones(2**16, np.uint8))  # and one behind them that stays
        del blocks
        return resident()

    inside = work()
    assert inside - resident() > 2**25


def test_an_error_passes_through_work_that_gives_memory_back():
    @memory.gives_memory_back
    def work():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work()
