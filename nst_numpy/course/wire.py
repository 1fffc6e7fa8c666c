"""Function calls over a pair of pipes, between the grader and a student's answer.

A frame is a length, a token and a body; the body is a line of JSON and then the bytes of its
arrays. Nothing in it is ever executed: numbers, texts, arrays and containers of them travel by
value. Whatever else a function takes or returns stays where it is and gets a number, which
stands for it on the other side. So a student's cache may be any object, and a test may hand
over a function to be called back.
"""

import builtins
import contextlib
import json
import math
import struct
from typing import IO, Any

import numpy as np

LARGEST_FRAME = 64 << 20  # bytes
LARGEST_TEXT = 8 << 20  # bytes of its JSON: as Python objects they become twenty times as many
LARGEST_RANK = 32
HEAD = struct.Struct("!Q16s")
PLAIN = (bool, int, float, str, type(None))
KINDS = "biufc"  # arrays of numbers


class WireError(Exception):
    """Something came over the pipe that this protocol does not know."""


class ClosedError(WireError):
    """The other side is gone."""


class RemoteError(BaseException):
    """The other side's function raised; `report` says what, in words.

    Not an Exception, so that nothing between a test and the grader takes it for its own.
    """

    def __init__(self, report: dict[str, Any]) -> None:
        super().__init__(f"{report.get('type')}: {report.get('message')}")
        self.report = report


def as_known(report: dict[str, Any]) -> Exception:
    """Make an error of the kind that the other side raised, if Python has it.

    >>> as_known({"type": "ValueError", "message": "too few"})
    ValueError('too few')
    """
    kind, message = getattr(builtins, str(report.get("type")), None), str(report.get("message"))
    if isinstance(kind, type) and issubclass(kind, Exception):
        with contextlib.suppress(TypeError):  # of a kind that takes more than a message
            return kind(message)
    return RuntimeError(message)


def write_back(args: tuple[Any, ...], kwargs: dict[str, Any], changed: Any) -> None:
    """Let the caller's arrays change as they would have without a pipe in between."""
    given = {**{str(i): arg for i, arg in enumerate(args)}, **kwargs}
    for name, array in changed.items():
        if getattr(array, "shape", None) == given[name].shape:
            given[name][...] = array


class Remote:
    """An object that lives on the other side. It can be handed back, and called."""

    def __init__(self, peer: "Peer", number: int, kind: str) -> None:
        self._peer, self._number, self.kind = peer, number, kind

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call it there."""
        return self._peer.call(self._number, *args, **kwargs)

    def __repr__(self) -> str:
        return f"<{self.kind}>"


class Peer:
    """One end of the conversation. Both ends can call and be called, one call inside another."""

    reported: type[BaseException] = Exception  # what, raised in a call, is the caller's matter
    largest_text = LARGEST_FRAME  # bytes of JSON that are taken in,
    largest_sent = LARGEST_FRAME  # and that are sent

    def __init__(self, reader: IO[bytes], writer: IO[bytes], token: bytes) -> None:
        self.reader, self.writer, self.token = reader, writer, token
        self._objects: list[Any] = []  # what stays here while its number travels

    def call(self, target: int | str, /, *args: Any, **kwargs: Any) -> Any:
        """Call the other side's object of that number, or function of that name."""
        self._send({"call": target}, [list(args), kwargs])
        while True:
            head, value = self._receive()
            if "call" in head:
                self._answer(head, value)
            elif "error" in head:
                self.note(head)
                raise RemoteError(dict(head["error"]))
            else:
                self.note(head)
                return value

    def serve(self) -> None:
        """Answer calls until the other side closes its end."""
        while True:
            try:
                head, value = self._receive()
            except ClosedError:
                return
            self._answer(head, value)

    def note(self, head: dict[str, Any]) -> None:
        """Look at what else came with a reply; the grader's end does."""

    def extras(self) -> dict[str, Any]:
        """Return what else to send with a reply; the answer's end does."""
        return {}

    def explain(self, error: BaseException) -> dict[str, Any]:
        """Report an error in words; the answer's end tells where it came from."""
        return {"type": type(error).__name__, "message": str(error)}

    def find(self, name: str) -> Any:
        """Return the function that the other side calls by that name; the answer's end has some."""
        raise NameError(f"{name} is not defined")

    def read(self, count: int) -> bytes:
        """Wait for so many bytes."""
        data = self.reader.read(count)
        if len(data) < count:
            raise ClosedError("the other side is gone")
        return data

    def _answer(self, head: dict[str, Any], value: Any) -> None:
        try:
            args, kwargs = value
            target = head["call"]
            function = self.find(target) if isinstance(target, str) else self._objects[target]
            result = function(*args, **kwargs)
            body = self._pack({"return": True} | self.extras(), result)
        except WireError:
            raise
        except self.reported as error:
            body = self._pack({"error": self.explain(error)} | self.extras(), None)
        self._write(body)

    def _send(self, head: dict[str, Any], value: Any) -> None:
        self._write(self._pack(head, value))

    def _write(self, body: bytes) -> None:
        try:
            frame = memoryview(HEAD.pack(len(body), self.token) + body)
            while frame:  # a pipe may take a part only
                frame = frame[self.writer.write(frame) :]
            self.writer.flush()
        except OSError as error:
            raise ClosedError("the other side is gone") from error

    def _pack(self, head: dict[str, Any], value: Any) -> bytes:
        buffers: list[bytes] = []
        text = json.dumps([head, self._encode(value, buffers)])
        if len(text) > self.largest_sent:
            raise ValueError(
                f"the result has more than {self.largest_sent >> 20} MB of text and lists: "
                "return arrays"
            )
        body = b"\n".join((text.encode("ascii"), b"".join(buffers)))
        if len(body) > LARGEST_FRAME:
            raise ValueError(f"the result is larger than {LARGEST_FRAME >> 20} MB")
        return body

    def _receive(self) -> tuple[dict[str, Any], Any]:
        length, token = HEAD.unpack(self.read(HEAD.size))
        if token != self.token or length > LARGEST_FRAME:
            raise WireError("something else wrote to the grader's pipe")
        body = memoryview(self.read(length))
        end = bytes(body[: self.largest_text + 1]).find(b"\n")
        if end < 0:
            raise WireError("a frame has no line of JSON, or too long a one")
        try:
            head, tree = json.loads(bytes(body[:end]))
            return dict(head), self._decode(tree, body[end + 1 :])
        except (ArithmeticError, LookupError, ValueError, TypeError, RecursionError) as error:
            raise WireError("a frame cannot be read") from error

    def _encode(self, value: Any, buffers: list[bytes]) -> list[Any]:
        """Turn a value into JSON: [kind, …]; the bytes of arrays are put into buffers."""
        kind = type(value)
        if kind in PLAIN:
            return ["plain", value]
        if kind in (tuple, list):
            return [kind.__name__, [self._encode(v, buffers) for v in value]]
        if kind is dict and all(type(key) is str for key in value):
            return ["dict", {key: self._encode(v, buffers) for key, v in value.items()}]
        if isinstance(value, np.generic) and value.dtype.kind in KINDS:
            buffers.append(value.tobytes())
            return ["scalar", value.dtype.str, []]
        if kind is np.ndarray and value.dtype.kind in KINDS:
            buffers.append(value.tobytes())
            return ["array", value.dtype.str, list(value.shape)]
        if kind is Remote and value._peer is self:
            return ["yours", value._number]
        self._objects.append(value)
        return ["mine", len(self._objects) - 1, kind.__name__]

    def _decode(self, tree: list[Any], rest: memoryview) -> Any:
        """Undo `_encode`; arrays are taken from the front of rest, in order."""
        place = 0

        def decode(node: list[Any]) -> Any:
            nonlocal place
            kind, content, *more = node
            if kind == "plain" and type(content) in PLAIN:
                return content
            if kind in ("tuple", "list"):
                items = [decode(item) for item in content]
                return tuple(items) if kind == "tuple" else items
            if kind == "dict":
                return {key: decode(item) for key, item in content.items()}
            if kind == "yours":
                return self._objects[content]
            if kind == "mine":
                return Remote(self, int(content), str(more[0]))
            if kind not in ("array", "scalar"):
                raise WireError("a value of an unknown kind came over the pipe")
            dtype, shape = np.dtype(content), tuple(more[0])
            whole = all(type(length) is int and length >= 0 for length in shape)
            if dtype.kind not in KINDS or not whole or len(shape) > LARGEST_RANK:
                raise WireError("an array of an unknown kind came over the pipe")
            count = math.prod(shape)
            array = np.frombuffer(rest, dtype, count, place).reshape(shape)
            place += count * dtype.itemsize
            return array[()] if kind == "scalar" else array.copy()

        return decode(tree)
