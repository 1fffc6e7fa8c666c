"""The numbers of one dataset, unpacked here and not by the HDF5 library.

The library believes what a chunk's filters give: one that unpacks to less than its size is read
beyond its end, one that unpacks to more fills the memory, one that lacks becomes zeros. Of one
that is not packed it takes as many bytes as the file says into as many as the shape says. Here
a chunk must be there and give exactly its size, and is unpacked a piece at a time.
"""

import itertools
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import IO, Any

import h5py
import numpy as np
from h5py import h5t, h5z
from numpy.typing import NDArray

# HDF5's filters that are undone here, in the order in which a writer applies them.
FILTERS = (h5z.FILTER_SHUFFLE, h5z.FILTER_DEFLATE, h5z.FILTER_FLETCHER32)
MOST_CHUNKS = 2**12  # of one array; those that h5py makes of a VGG are at most some hundreds

_FLOATS = {
    "<f2": h5t.IEEE_F16LE,
    ">f2": h5t.IEEE_F16BE,
    "<f4": h5t.IEEE_F32LE,
    ">f4": h5t.IEEE_F32BE,
    "<f8": h5t.IEEE_F64LE,
    ">f8": h5t.IEEE_F64BE,
}
_PACKED, _UNPACKED = 2**16, 2**18  # bytes at a time
_WORDS = 2**20  # summed at a time: their weighted sum stays below 2**63

Bytes = NDArray[np.uint8]


def float_dtype(dataset: h5py.Dataset) -> np.dtype[Any] | None:
    """Return the dtype of a dataset of IEEE floats of 16, 32 or 64 bits; None for all others."""
    declared = dataset.id.get_type()
    return next((np.dtype(name) for name, kind in _FLOATS.items() if declared == kind), None)


def is_known_packing(dataset: h5py.Dataset) -> bool:
    """Whether a dataset of floats is packed by some of `FILTERS`, each once, in their order."""
    filters = _filters(dataset)
    ordered = [kind for kind in FILTERS if kind in filters]
    shuffled = filters.get(h5z.FILTER_SHUFFLE, (dataset.id.get_type().get_size(),))
    count = dataset.id.get_create_plist().get_nfilters()
    return (
        list(filters) == ordered
        and count == len(ordered)
        and shuffled[0] == dataset.id.get_type().get_size()
    )


def count_chunks(dataset: h5py.Dataset) -> int:
    """Return how many chunks a dataset is cut into; 0 if it is not cut."""
    if dataset.chunks is None:
        return 0
    count = 1
    for size, step in zip(dataset.shape, dataset.chunks, strict=True):
        count *= -(-size // step)
    return count


def read(dataset: h5py.Dataset) -> NDArray[np.floating[Any]]:
    """Read a dataset whose shape, number type, chunks and packing have been checked.

    Returns
    -------
    ndarray
        Of the dataset's shape, in its own dtype.

    Raises
    ------
    ValueError, OSError, RuntimeError
        If a chunk lacks or is damaged.
    """
    array: NDArray[np.floating[Any]] = np.empty(dataset.shape, float_dtype(dataset))
    if dataset.chunks is None:
        dataset.read_direct(array)
        return array
    filters = list(_filters(dataset))
    chunk = array if dataset.chunks == dataset.shape else np.empty(dataset.chunks, array.dtype)
    steps = (range(0, n, step) for n, step in zip(array.shape, dataset.chunks, strict=True))
    with open(dataset.file.filename, "rb", buffering=0) as file:
        for corner in itertools.product(*steps):
            stored = dataset.id.get_chunk_info_by_coord(corner)
            # no gzip makes more than an eighth more of what it cannot pack
            if not 0 < stored.size <= chunk.nbytes + chunk.nbytes // 8 + 1024:
                raise ValueError(f"a chunk of {stored.size} bytes, where {chunk.nbytes} belong")
            file.seek(stored.byte_offset)
            skipped = stored.filter_mask
            applied = [kind for place, kind in enumerate(filters) if not skipped >> place & 1]
            unpack(_pieces(file, stored.size), applied, chunk)
            if chunk is not array:
                _place(chunk, array, corner)
    return array


def unpack(raw: Iterable[bytes], filters: Sequence[int], chunk: NDArray[np.floating[Any]]) -> None:
    """Undo `filters` on the pieces of one chunk's bytes, and write its numbers into `chunk`.

    Raises
    ------
    ValueError
        If the bytes are damaged, or are not exactly as many as `chunk` has.
    """
    if h5z.FILTER_FLETCHER32 in filters:
        raw = [_checked(b"".join(raw))]
    if h5z.FILTER_DEFLATE in filters:
        raw = _inflate(raw)
    # Shuffled, the first byte of every number comes first, then the second of every one.
    width = chunk.itemsize if h5z.FILTER_SHUFFLE in filters else 1
    # (size,) numbers -> (bytes of a number, size), or (1, bytes)
    rows = chunk.reshape(-1).view(np.uint8).reshape(-1, width).T
    at, length = 0, rows.shape[1]
    for piece in raw:
        data: Bytes = np.frombuffer(piece, np.uint8)
        if at + data.size > chunk.nbytes:
            raise ValueError(f"a chunk has more than {chunk.nbytes} bytes")
        while data.size:
            row, start = divmod(at, length)
            part = data[: length - start]
            rows[row, start : start + part.size] = part
            data, at = data[part.size :], at + part.size
    if at != chunk.nbytes:
        raise ValueError(f"a chunk has {at} bytes, not {chunk.nbytes}")


def fletcher32(data: Any) -> int:
    """Sum bytes as HDF5's filter does: Fletcher's checksum of words of 16 bits, high byte first.

    >>> hex(fletcher32(b"abcde"))
    '0x4ff029c7'
    """
    odd = len(data) % 2
    words = np.frombuffer(data, ">u2", count=len(data) // 2)
    if odd:
        words = np.append(words, np.frombuffer(bytes([data[-1], 0]), ">u2"))
    low = high = 0
    for start in range(0, len(words), _WORDS):
        part = words[start : start + _WORDS].astype(np.int64)
        # each sum of the words before counts once more for every word
        high += low * len(part) + int(part @ np.arange(len(part), 0, -1))
        low += int(part.sum())
    return (high % 65535) << 16 | low % 65535


def _filters(dataset: h5py.Dataset) -> dict[int, tuple[int, ...]]:
    """Return the filters in the order in which they were applied, with their settings."""
    settings = dataset.id.get_create_plist()
    each = (settings.get_filter(place) for place in range(settings.get_nfilters()))
    return {kind: values for kind, _, values, _ in each}


def _pieces(file: IO[bytes], size: int) -> Iterator[bytes]:
    """Read some bytes of a file, a few at a time: they stay in cache."""
    while size and (piece := file.read(min(size, _PACKED))):
        yield piece
        size -= len(piece)


def _checked(raw: bytes) -> bytes:
    """Compare the checksum at the end, and return what is before it."""
    data, stored = raw[:-4], int.from_bytes(raw[-4:], "little")
    # 0 and 65535 are the same in this sum
    halves = [(stored >> shift & 0xFFFF) % 65535 for shift in (16, 0)]
    if len(raw) < 4 or fletcher32(data) != halves[0] << 16 | halves[1]:
        raise ValueError("the checksum of a chunk is wrong")
    return data


def _inflate(raw: Iterable[bytes]) -> Iterator[bytes]:
    """Undo gzip, some bytes at a time."""
    unpacker = zlib.decompressobj()
    for rest in raw:
        full = True
        while rest or full:
            try:
                data = unpacker.decompress(rest, _UNPACKED)
            except zlib.error as error:
                raise ValueError("a chunk cannot be unpacked") from error
            yield data
            rest, full = unpacker.unconsumed_tail, len(data) == _UNPACKED
    if not unpacker.eof:
        raise ValueError("a chunk is cut short")


def _place(
    chunk: NDArray[np.floating[Any]], array: NDArray[np.floating[Any]], corner: tuple[int, ...]
) -> None:
    """Copy a chunk to its place; what of it lies beyond the array's edge is no part of it."""
    spans = list(zip(corner, chunk.shape, array.shape, strict=True))
    inside = tuple(slice(min(step, size - start)) for start, step, size in spans)
    # a slice ends at the array's edge by itself
    array[tuple(slice(start, start + step) for start, step, _ in spans)] = chunk[inside]
