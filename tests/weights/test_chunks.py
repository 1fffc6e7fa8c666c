import tracemalloc
import zlib

import h5py
import numpy as np
import pytest
from h5py import h5d, h5p, h5s, h5t, h5z

from nst_numpy.weights import chunks

SHAPE = (7, 5, 9)
GZIP, SHUFFLE, CHECKSUM = h5z.FILTER_DEFLATE, h5z.FILTER_SHUFFLE, h5z.FILTER_FLETCHER32


@pytest.fixture
def file(tmp_path):
    with h5py.File(tmp_path / "w.h5", "w") as file:
        yield file


def dataset_of(file, shape, filters, dtype=h5t.IEEE_F32LE):
    """Declare a dataset of one chunk with any row of filters."""
    settings = h5p.create(h5p.DATASET_CREATE)
    settings.set_chunk(shape)
    for each in filters:
        settings.set_filter(each, 0, (9,) if each == GZIP else ())
    return h5py.Dataset(h5d.create(file.id, b"array", dtype, h5s.create_simple(shape), settings))


def store(dataset, raw, skipped=0):
    dataset.id.write_direct_chunk((0,) * dataset.ndim, raw, skipped)
    return dataset


@pytest.mark.parametrize("dtype", ["<f2", ">f2", "<f4", ">f4", "<f8", ">f8"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"chunks": (3, 2, 5)},
        {"chunks": SHAPE, "compression": "gzip"},
        {"chunks": (2, 5, 4), "compression": "gzip", "shuffle": True},
        {"chunks": SHAPE, "compression": "gzip", "shuffle": True, "fletcher32": True},
        {"chunks": (1, 1, 1), "fletcher32": True},
        {"chunks": (3, 5, 9), "shuffle": True},
    ],
)
def test_what_the_library_has_packed_is_read_to_the_bit(file, dtype, options):
    values = np.random.default_rng(0).standard_normal(SHAPE).astype(dtype)
    dataset = file.create_dataset("array", data=values, **options)
    assert chunks.is_known_packing(dataset)
    found = chunks.read(dataset)
    assert found.dtype == chunks.float_dtype(dataset) == np.dtype(dtype)
    assert found.tobytes() == values.tobytes()


def test_numbers_in_the_header_of_a_dataset_are_read(file):
    settings = h5p.create(h5p.DATASET_CREATE)
    settings.set_layout(h5d.COMPACT)
    dataset = h5d.create(file.id, b"a", h5t.IEEE_F32LE, h5s.create_simple((3,)), settings)
    dataset.write(h5s.ALL, h5s.ALL, np.array([1, 2, 3], "f4"))
    assert chunks.read(h5py.Dataset(dataset)).tolist() == [1, 2, 3]


@pytest.mark.parametrize("kind", ["i4", "?", "c8", "S4", h5t.IEEE_F32LE.copy()])
def test_floats_alone_have_a_dtype(file, kind):
    if isinstance(kind, h5t.TypeFloatID):  # 32 bits, but with its exponent elsewhere
        kind.set_fields(31, 20, 11, 0, 20)
        dataset = dataset_of(file, (3,), [], kind)
    else:
        dataset = file.create_dataset("array", (3,), kind)
    assert chunks.float_dtype(dataset) is None


def test_a_filter_that_was_not_applied_to_a_chunk_is_not_undone(file):
    values = np.arange(6, dtype="f4")
    dataset = dataset_of(file, (6,), [SHUFFLE, GZIP])
    store(dataset, zlib.compress(values.tobytes()), skipped=0b01)
    path = file.filename
    file.close()  # until then the library says that all were applied
    with h5py.File(path) as reopened:
        assert chunks.read(reopened["array"]).tolist() == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (zlib.compress(bytes(100)), "a chunk has 100 bytes, not 4000"),
        (zlib.compress(bytes(4001)), "a chunk has more than 4000 bytes"),
        (zlib.compress(bytes(10**6)), "a chunk has more than 4000 bytes"),
        (zlib.compress(bytes(4000))[:-1], "a chunk is cut short"),
        (zlib.compress(bytes(4000))[:-4] + b"\1\1\1\1", "a chunk cannot be unpacked"),
        (b"no gzip", "a chunk cannot be unpacked"),
    ],
)
def test_a_packed_chunk_must_give_exactly_its_size(file, raw, said):
    dataset = store(dataset_of(file, (1000,), [GZIP]), raw)
    with pytest.raises(ValueError, match=said):
        chunks.read(dataset)


@pytest.mark.parametrize("size", [10, 3996, 4004])
def test_a_chunk_of_another_size_is_refused(file, size):
    dataset = store(dataset_of(file, (1000,), []), bytes(size))
    with pytest.raises(ValueError, match=f"a chunk has (more than 4000|{size}) bytes"):
        chunks.read(dataset)


@pytest.mark.parametrize("filters", [[], [GZIP]])
def test_a_chunk_longer_than_its_numbers_can_be_is_not_read(file, filters):
    dataset = store(dataset_of(file, (10,), filters), bytes(60_000))
    with pytest.raises(ValueError, match="a chunk of 60000 bytes, where 40 belong"):
        chunks.read(dataset)


def test_a_chunk_of_many_pieces_is_unpacked(file, monkeypatch):
    monkeypatch.setattr(chunks, "_PACKED", 7)
    monkeypatch.setattr(chunks, "_UNPACKED", 11)
    values = np.random.default_rng(0).integers(0, 9, 333).astype("f4")
    for shuffle in (True, False):
        options = {"compression": "gzip", "shuffle": shuffle, "chunks": (333,)}
        dataset = file.create_dataset(f"{shuffle}", data=values, **options)
        assert chunks.read(dataset).tolist() == values.tolist()


@pytest.mark.parametrize("compression", [None, "gzip"])
def test_a_chunk_that_lacks_is_not_read_as_zeros(file, compression):
    dataset = file.create_dataset("array", (10,), "f4", chunks=(5,), compression=compression)
    dataset[:5] = 1
    with pytest.raises(ValueError, match="a chunk of 0 bytes, where 20 belong"):
        chunks.read(dataset)


def test_a_wrong_checksum_is_refused(file):
    dataset = file.create_dataset("array", data=np.ones(10, "f4"), chunks=(10,), fletcher32=True)
    _, raw = dataset.id.read_direct_chunk((0,))
    for wrong in (b"\1" + raw[1:], raw[:-1] + bytes([raw[-1] ^ 1]), raw[:3]):
        store(dataset, wrong)
        with pytest.raises(ValueError, match="the checksum of a chunk is wrong"):
            chunks.read(dataset)


@pytest.mark.parametrize(("data", "words"), [(b"", []), (b"\1\2\3\4", [0x102, 0x304]),
                                             (b"\xff\xff\1", [0xFFFF, 0x100])])  # fmt: skip
def test_the_checksum_is_two_sums_of_words(data, words):
    low = sum(words)
    high = sum(sum(words[: i + 1]) for i in range(len(words)))
    assert chunks.fletcher32(data) == (high % 65535) * 65536 + low % 65535


def test_the_checksum_of_many_words_is_that_of_the_library(file, monkeypatch):
    monkeypatch.setattr(chunks, "_WORDS", 64)
    values = np.random.default_rng(0).standard_normal(999).astype("f4")
    dataset = file.create_dataset("array", data=values, chunks=(999,), fletcher32=True)
    _, raw = dataset.id.read_direct_chunk((0,))
    assert chunks.fletcher32(raw[:-4]) == int.from_bytes(raw[-4:], "little")


def test_what_unpacks_to_much_takes_no_memory(file):
    dataset = store(dataset_of(file, (2500,), [GZIP]), zlib.compress(bytes(10**7)))
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="a chunk has more than 10000 bytes"):
            chunks.read(dataset)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "filters", [[GZIP, GZIP], [GZIP, SHUFFLE], [CHECKSUM, GZIP], [SHUFFLE, SHUFFLE, GZIP], [32000]]
)
def test_other_packings_are_not_known(file, filters):
    assert not chunks.is_known_packing(dataset_of(file, (10,), filters))


def test_bytes_shuffled_for_another_width_are_not_known(file, monkeypatch):
    dataset = dataset_of(file, (10,), [SHUFFLE])
    assert chunks.is_known_packing(dataset)
    monkeypatch.setattr(chunks, "_filters", lambda dataset: {SHUFFLE: (2,)})
    assert not chunks.is_known_packing(dataset)


@pytest.mark.parametrize(("steps", "count"), [(None, 0), (SHAPE, 1), ((2, 5, 4), 4 * 1 * 3)])
def test_chunks_are_counted_with_those_at_the_edge(file, steps, count):
    assert chunks.count_chunks(file.create_dataset("array", SHAPE, "f4", chunks=steps)) == count
