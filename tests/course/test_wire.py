"""What comes over the pipe from an answer: numbers, and whatever it makes up."""

import io
import json
import tracemalloc

import numpy as np
import pytest

from nst_numpy.course.wire import HEAD, LARGEST_FRAME, LARGEST_TEXT, Peer, WireError

TOKEN = b"t" * 16


def peer(body=b"", token=TOKEN, length=None):
    """A peer that has got this frame."""
    frame = HEAD.pack(len(body) if length is None else length, token) + body
    made = Peer(io.BytesIO(frame), io.BytesIO(), TOKEN)
    made.largest_text = LARGEST_TEXT
    return made


@pytest.mark.parametrize(
    "value",
    [1, 2.5, "text", None, [1, (2, {"a": 3})], np.arange(6).reshape(2, 3), np.zeros((0, 3)),
     np.float32(1.5), np.array(True)],
)  # fmt: skip
def test_values_come_back_as_they_were(value):
    body = peer()._pack({"return": True}, value)
    head, back = peer(body)._receive()
    assert head == {"return": True}
    assert type(back) is type(value)
    np.testing.assert_equal(back, value)


def frame(tree, rest=b""):
    return json.dumps([{"return": True}, tree]).encode() + b"\n" + rest


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no newline",
        b"[]\n",
        b"[1, 2]\n",
        b"[" * 100_000 + b"\n",
        b'[{}, ["plain", ' + b"9" * 5000 + b"]]\n",
        frame(["plain", [[]]]),
        frame(["plain", {}]),
        frame(["spam", 1]),
        frame(["yours", 7]),
        frame(["yours", "x"]),
        frame(["array", "O", [1]], b"12345678"),
        frame(["array", "<f8", [2]], b"12345678"),
        frame(["array", "<f8", [-1]], b"12345678"),
        # each [-1] would take all of the bytes again
        frame(["list", [["array", "<f8", [1]], ["array", "<f8", [-1]]] * 9], bytes(800)),
        frame(["array", "<f8", [1] * 40], b"12345678"),
        frame(["array", "<f8", [1.0]], b"12345678"),
        frame(["array", "<f8", [10**30]], b"12345678"),
        frame(["scalar", "V8", []], b"12345678"),
    ],
)
def test_what_is_no_frame_is_a_wire_error(body):
    with pytest.raises(WireError):
        peer(body)._receive()


def test_another_token_or_too_long_a_frame():
    for made in (peer(b"[]\n", token=b"x" * 16), peer(length=LARGEST_FRAME + 1)):
        with pytest.raises(WireError, match="something else wrote"):
            made._receive()


def test_a_reply_of_brackets_does_not_fill_the_memory():
    body = b'[{}, ["list", [' + b"[]," * (20 << 20) + b"[]]]]\n"
    made = peer(body)
    tracemalloc.start()
    with pytest.raises(WireError, match="too long"):
        made._receive()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 * len(body)


def test_a_result_of_many_lists_is_refused_where_it_is_made():
    made = peer()
    made.largest_sent = 1 << 20
    with pytest.raises(ValueError, match="more than 1 MB of text and lists: return arrays"):
        made._pack({}, [[]] * 200_000)
    assert made._pack({}, np.zeros(200_000))
