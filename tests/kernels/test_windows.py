import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nst_numpy.errors import SettingError, ShapeError
from nst_numpy.kernels.windows import (
    Window,
    crop_or_pad,
    make_window,
    offset_slices,
    pad_for,
    per_axis,
    shape_name,
)
from nst_numpy.layers import reference
from tests.drawn import convolutions


def test_a_number_an_axis():
    assert per_axis("f", "stride", 2, 3, least=1) == (2, 2, 2)
    assert per_axis("f", "stride", [1, 2], 2, least=1) == (1, 2)
    values = per_axis("f", "pad", np.array([0, 3]), 2, least=0)
    assert values == (0, 3)
    assert all(type(value) is int for value in values)


@pytest.mark.parametrize(
    "value", [0, -1, 1.0, True, "2", None, (1, 2, 3), (1,), (), (1, 0), (1, 2.0)]
)
def test_what_is_no_number_an_axis_is_refused(value):
    with pytest.raises(SettingError) as caught:
        per_axis("conv_forward", "stride", value, 2, least=1)
    assert str(caught.value) == (
        "conv_forward: stride must be a whole number of at least 1, or 2 of them for the axes "
        f"(H, W), not {value!r}"
    )


def test_shapes_are_named_with_their_axes():
    assert [shape_name(n) for n in (1, 2, 3)] == ["(N, L, C)", "(N, H, W, C)", "(N, D, H, W, C)"]


def test_sizes_by_hand():
    # taps at 0, 2, 4: 5 positions; they fit at 0, 3, 6 of 1 + 10 + 2 positions, not at 9
    window = Window((10,), (3,), (3,), (2,), ((1, 2),))
    assert window.span == (2 * (3 - 1) + 1,)
    assert window.out_sizes == ((1 + 10 + 2 - 5) // 3 + 1,) == (3,)
    # each axis has its own numbers
    window = Window((7, 4), (2, 4), (1, 2), (3, 1), ((0, 0), (1, 1)))
    assert window.span == (3 * (2 - 1) + 1, 1 * (4 - 1) + 1)
    assert window.out_sizes == ((7 - 4) // 1 + 1, (4 + 2 - 4) // 2 + 1)


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "dilation", "pad"),
    [
        (5, 3, 1, 1, (1, 1)),  # 3 - 1 = 2 more, one on each side
        (5, 4, 1, 1, (1, 2)),  # 3 more: the odd one is behind
        (5, 2, 1, 1, (0, 1)),
        (5, 3, 1, 2, (2, 2)),  # spans 5: 4 more
        (7, 3, 2, 1, (1, 1)),  # 4 outputs: (4 - 1)·2 + 3 - 7 = 2 more
        (8, 3, 2, 1, (0, 1)),  # 4 outputs: (4 - 1)·2 + 3 - 8 = 1 more
        (9, 1, 3, 1, (0, 0)),  # 3 outputs: (3 - 1)·3 + 1 - 9 is below 0
    ],
)
def test_same_by_hand(size, kernel, stride, dilation, pad):
    window = make_window("f", (size,), (kernel,), stride, "same", dilation)
    assert window.pad == (pad,)
    assert window.out_sizes == (math.ceil(size / stride),)


@pytest.mark.parametrize(
    ("pad", "pairs"),
    [
        ("valid", ((0, 0), (0, 0))),
        (2, ((2, 2), (2, 2))),
        ((1, 2), ((1, 1), (2, 2))),
        (((1, 2), (0, 1)), ((1, 2), (0, 1))),
        ([[1, 2], [0, 1]], ((1, 2), (0, 1))),
        (np.array([[1, 2], [0, 1]]), ((1, 2), (0, 1))),
        (((1, 2), 3), ((1, 2), (3, 3))),
    ],
)
def test_the_ways_to_say_pad(pad, pairs):
    window = make_window("f", (8, 8), (3, 3), 1, pad)
    assert window == Window((8, 8), (3, 3), (1, 1), (1, 1), pairs)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"stride": 0}, SettingError, "f: stride must be a whole number of at least 1, or 2"),
        ({"stride": (1, 2, 3)}, SettingError, "2 of them for the axes (H, W), not (1, 2, 3)"),
        ({"dilation": 0.5}, SettingError, "f: dilation must be a whole number of at least 1"),
        ({"pad": -1}, SettingError, "f: pad must be a whole number of at least 0"),
        ({"pad": 0.5}, SettingError, "f: pad must be a whole number of at least 0"),
        ({"pad": None}, SettingError, "f: pad must be a whole number of at least 0"),
        ({"pad": ((1, -1), (0, 0))}, SettingError, "f: pad must have pairs (before, after) of "
         "whole numbers of at least 0, not (1, -1)"),
        ({"pad": ((1, 1),)}, SettingError, "f: pad needs 2 pairs (before, after), not 1"),
        ({"pad": "full"}, SettingError, "f: pad must be 'valid', 'same' or numbers, not 'full'"),
        ({"sizes": (2, 8)}, ShapeError, "f: the kernel spans 3 positions of axis H, but the "
         "padded input has only 2 + 0: use a larger input, a smaller kernel or more pad"),
        ({"dilation": (1, 5), "pad": 1}, ShapeError,
         "f: the kernel spans 11 positions of axis W, but the padded input has only 8 + 2"),
    ],
)  # fmt: skip
def test_what_it_says_of_bad_settings(settings, error, message):
    with pytest.raises(error) as caught:
        make_window("f", **({"sizes": (8, 8), "kernel": (3, 3), "stride": 1, "pad": 0} | settings))
    assert message in str(caught.value)


@settings(max_examples=80)
@given(convolutions())
def test_outputs_are_the_places_where_the_whole_window_fits(case):
    x_shape, w_shape, options, _ = case
    window = make_window("f", x_shape[1:-1], w_shape[:-2], **options)
    for a, (before, after) in enumerate(window.pad):
        taps = [k * window.dilation[a] for k in range(window.kernel[a])]
        assert window.span[a] == len(range(taps[0], taps[-1] + 1))
        places = range(-before, window.sizes[a] + after)
        fits = [o for o in places[:: window.stride[a]] if o + taps[-1] in places]
        assert window.out_sizes[a] == len(fits)
        if options["pad"] == "same":
            assert len(fits) == math.ceil(window.sizes[a] / window.stride[a])
            assert after - before in (0, 1)


@settings(max_examples=80)
@given(st.lists(st.tuples(st.integers(1, 4), st.integers(-6, 6), st.integers(0, 6)), min_size=1,
                max_size=3), st.sampled_from([0.0, -np.inf]))  # fmt: skip
def test_crop_or_pad_is_position_by_position(axes, fill):
    sizes, starts, lengths = zip(*axes, strict=True)
    stops = [start + length for start, length in zip(starts, lengths, strict=True)]
    x = np.arange(1.0, 1 + 2 * math.prod(sizes) * 2).reshape(2, *sizes, 2)
    out = crop_or_pad(x, starts, stops, fill)
    assert out.shape == (2, *lengths, 2)
    assert out.dtype == x.dtype
    for place in np.ndindex(*lengths):
        at = [start + p for start, p in zip(starts, place, strict=True)]
        inside = all(0 <= i < size for i, size in zip(at, sizes, strict=True))
        expected = x[(slice(None), *at)] if inside else np.full((2, 2), fill)
        np.testing.assert_array_equal(out[(slice(None), *place)], expected)


def test_crop_or_pad_copies_only_where_something_lies_outside():
    x = np.arange(10.0).reshape(1, 5, 2)
    assert crop_or_pad(x, [1], [4]).base is not None
    assert np.shares_memory(crop_or_pad(x, [0], [5]), x)
    assert not np.shares_memory(crop_or_pad(x, [0], [6]), x)
    assert not np.shares_memory(crop_or_pad(x, [-1], [5]), x)


@pytest.mark.parametrize("fill", [0.0, -np.inf])
def test_pad_for_is_numpys_pad(fill):
    x = np.random.default_rng(0).standard_normal((2, 4, 5, 3)).astype(np.float32)
    window = make_window("f", (4, 5), (2, 2), 1, ((1, 2), (0, 3)))
    padded = pad_for(x, window, fill)
    expected = np.pad(x, ((0, 0), (1, 2), (0, 3), (0, 0)), constant_values=fill)
    np.testing.assert_array_equal(padded, expected)
    assert padded.dtype == np.float32


def test_offset_slices_by_hand():
    # outputs 0, 1, 2 begin at 0, 3, 6 of the padded input; the last tap is 4 further on
    window = Window((10,), (3,), (3,), (2,), ((1, 2),))
    line = np.arange(13)[None]
    assert line[offset_slices(window, (0,))].tolist() == [[0, 3, 6]]
    assert line[offset_slices(window, (2,))].tolist() == [[0 + 4, 3 + 4, 6 + 4]]
    assert line[offset_slices(window, (1,), slice(1, 3))].tolist() == [[3 + 2, 6 + 2]]


@settings(max_examples=40)
@given(convolutions())
def test_what_each_tap_sees_adds_up_to_the_convolution(case):
    x_shape, w_shape, options, seed = case
    rng = np.random.default_rng(seed)
    x, w = rng.standard_normal(x_shape), rng.standard_normal(w_shape)
    window = make_window("f", x_shape[1:-1], w_shape[:-2], **options)
    padded = pad_for(x, window)
    # (N, *out_sizes, C_in) @ (C_in, C_out) -> (N, *out_sizes, C_out), for each tap
    out = sum(padded[offset_slices(window, k)] @ w[k] for k in np.ndindex(*window.kernel))
    expected = reference.conv_forward(x, w, np.zeros(w_shape[-1]), window)
    np.testing.assert_allclose(out, expected, atol=1e-12)
    rows = slice(seed % window.out_sizes[0], window.out_sizes[0])
    part = sum(padded[offset_slices(window, k, rows)] @ w[k] for k in np.ndindex(*window.kernel))
    np.testing.assert_allclose(part, expected[:, rows], atol=1e-12)
