import ast
import io
import re
import struct
import tracemalloc
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest

import nst_numpy
from nst_numpy.common import array_files
from nst_numpy.common.array_files import read_npy, read_npz

SOURCES = sorted(Path(nst_numpy.__file__).parent.rglob("*.py"))
OBJECTS = {"pickle", "_pickle", "marshal", "shelve", "dill", "joblib"}
ARRAYS = {
    "floats": np.arange(6, dtype=">f4").reshape(2, 3),
    "columns": np.asfortranarray(np.arange(6).reshape(2, 3)),
    "one": np.float64(2.5),
    "none": np.zeros((0, 3), np.int16),
    "text": np.array(["a", "bc"]),
    "true": np.array([True, False]),
}


def npy(array):
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def declare(shape, dtype="<f4", version=1, length=None):
    """Return the header of an array that is not there."""
    text = f"{{'descr': {dtype!r}, 'fortran_order': False, 'shape': {shape}}}\n".encode()
    field = struct.pack("<H" if version == 1 else "<I", length or len(text))
    return b"\x93NUMPY" + bytes([version, 0]) + field + text


def pack(path, files, method=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def everything(declared):
    return list(declared)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.npz"


@pytest.fixture
def peak():
    """Return a function that says how much memory was taken at most."""
    tracemalloc.start()
    yield lambda: tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()


@pytest.mark.parametrize("name", ARRAYS)
def test_what_numpy_writes_is_read(path, name):
    array = ARRAYS[name]
    path.write_bytes(npy(array))
    found = read_npy(path)
    assert (found.dtype, found.shape) == (array.dtype, array.shape)
    np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_all_arrays_that_are_asked_for_are_read(path, save):
    save(path, **ARRAYS)
    found = read_npz(path, everything)
    assert list(found) == list(ARRAYS)
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(found[name], array)


def test_an_array_of_many_pieces_is_read(path, monkeypatch):
    monkeypatch.setattr(array_files, "_PIECE", 100)
    array = np.random.default_rng(0).standard_normal((70, 11))
    np.savez_compressed(path, array)
    np.testing.assert_array_equal(read_npz(path, everything)["arr_0"], array)


def test_what_is_declared_is_said_before_anything_is_read(path):
    np.savez(path, **ARRAYS)
    seen = {}
    assert read_npz(path, lambda declared: seen.update(declared) or ["one"]) == {"one": 2.5}
    assert {name: (each.shape, each.dtype) for name, each in seen.items()} == {
        name: (array.shape, array.dtype) for name, array in ARRAYS.items()
    }
    assert seen["columns"].nbytes == 48


WRONG = {
    "nothing": (b"", "EOF"),
    "no array": (b"hello", "EOF"),
    "other bytes": (bytes(100), "magic string"),
    "cut short": (npy(np.ones(100))[:-1], "should have 800 bytes, but has 799"),
    "too long": (npy(np.ones(100)) + b"1", "should have 800 bytes, but has 801"),
    "huge": (declare((10**12,)), "4000000000000 bytes, but has 0"),
    "beyond 64 bits": (declare((10**30, 10**30)), "bytes, but has 0"),
    "negative": (declare((-1,)), "the shape of an array is not one"),
    "true": (declare((True,)), "is not one"),
    "no letters": (declare((10**12,), "|S0"), "not numbers"),
    "objects": (npy(np.array([None, "run"], dtype=object)), "it holds object, not numbers"),
    "structure": (npy(np.zeros(3, [("a", "f4")])), "not numbers"),
    "long header": (declare((3,), version=2, length=2**32 - 1) + bytes(9999), "cannot be read"),
    "nested header": (b"\x93NUMPY\1\0" + struct.pack("<H", 9001) + b"(" * 9001, "cannot be read"),
    "code for header": (b"\x93NUMPY\1\0" + struct.pack("<H", 7) + b"open(1)", "cannot be read"),
    "version": (b"\x93NUMPY\x03\0" + bytes(100), "the version (3, 0) of its format"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_wrong_arrays_are_refused(path, kind, peak):
    content, said = WRONG[kind]
    path.write_bytes(content)
    with pytest.raises(ValueError, match=re.escape(said)):
        read_npy(path)
    pack(path, {"a.npy": content})
    with pytest.raises(ValueError, match=f"{re.escape(said)}|a has more than 512 megabytes"):
        read_npz(path, everything)
    assert peak() < 5_000_000


@pytest.mark.parametrize("shape", ["(1or 2,)", "(3,), '\\d': 1", "(0x,)"])
def test_a_header_of_which_pythons_parser_warns_is_refused_without_a_warning(path, shape):
    text = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}}}".encode()
    path.write_bytes(b"\x93NUMPY\1\0" + struct.pack("<H", len(text)) + text + bytes(4))
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        with pytest.raises(ValueError, match="the header of an array cannot be read"):
            read_npy(path)
    assert not told


def test_a_missing_file_and_an_npz_in_place_of_an_npy_are_refused(path):
    with pytest.raises(ValueError, match="No such file"):
        read_npy(path)
    np.savez(path, np.ones(3))
    with pytest.raises(ValueError, match="magic string"):
        read_npy(path)


def test_what_is_not_asked_for_is_not_unpacked(path, peak):
    big = declare((30_000_000,), "|u1") + bytes(30_000_000)
    pack(path, {"big.npy": big, "small.npy": npy(np.ones(3))})
    del big
    tracemalloc.reset_peak()
    before = tracemalloc.get_traced_memory()[0]
    assert read_npz(path, lambda declared: ["small"])["small"].tolist() == [1, 1, 1]
    assert peak() - before < 1_000_000


def test_a_long_packed_header_is_not_unpacked(path, peak):
    pack(path, {"a.npy": declare((3,), version=2, length=30_000_000) + b" " * 30_000_000})
    tracemalloc.reset_peak()
    before = tracemalloc.get_traced_memory()[0]
    with pytest.raises(ValueError, match="the header of an array cannot be read"):
        read_npz(path, everything)
    assert peak() - before < 1_000_000


def test_an_array_may_not_unpack_to_any_size(path, monkeypatch):
    monkeypatch.setattr(array_files, "MOST_BYTES", 2**20)
    np.savez_compressed(path, a=np.zeros(2**20 + 1, np.uint8))
    with pytest.raises(ValueError, match="a has more than 1 megabytes"):
        read_npz(path, everything)


def test_more_arrays_than_anybody_saves_are_refused(path, monkeypatch):
    monkeypatch.setattr(array_files, "MOST_ARRAYS", 2)
    np.savez(path, *(np.ones(1) for _ in range(3)))
    with pytest.raises(ValueError, match="it holds more than 2 arrays"):
        read_npz(path, everything)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_packings_than_those_of_numpy_are_refused(path, method):
    pack(path, {"a.npy": npy(np.ones(3))}, method)
    with pytest.raises(ValueError, match=r"'a\.npy' is packed in a way that NumPy does not use"):
        read_npz(path, everything)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_a_wrong_checksum_is_refused(path, save):
    save(path, a=np.random.default_rng(0).standard_normal(10_000))
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\1\2") + 16] ^= 1
    path.write_bytes(data)
    with pytest.raises(ValueError, match="Bad CRC-32"):
        read_npz(path, everything)


def test_a_locked_archive_is_refused(path):
    data = bytearray(pack(path, {"a.npy": npy(np.ones(3))}).read_bytes())
    data[6] |= 1
    data[data.index(b"PK\1\2") + 8] |= 1
    path.write_bytes(data)
    with pytest.raises(ValueError, match="encrypted"):
        read_npz(path, everything)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_an_archive_with_wrong_bytes_is_read_or_refused(path, save):
    save(path, a=np.arange(50.0), b=np.ones(3, np.int16))
    sound, rng, refused = path.read_bytes(), np.random.default_rng(0), 0
    tries = [(start, b"\xff") for start in range(len(sound))]
    tries += [(start, rng.bytes(rng.integers(1, 9))) for start in rng.integers(0, len(sound), 200)]
    for start, wrong in tries:
        path.write_bytes(sound[:start] + wrong + sound[start + len(wrong) :])
        try:
            read_npz(path, everything)
        except ValueError as error:
            refused += "\n" not in str(error)
    assert refused > len(tries) // 2
    for end in range(0, len(sound), 7):
        path.write_bytes(sound[:end])
        with pytest.raises(ValueError):
            read_npz(path, everything)


def habits(source):
    """List what in a program reads files that could run something, or that fill the memory."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names = [alias.name for alias in node.names] + [getattr(node, "module", None) or ""]
            yield from {name.partition(".")[0] for name in names} & OBJECTS
        if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
            yield ast.unparse(node)
        if isinstance(node, ast.Attribute) and ast.unparse(node) in ("np.load", "numpy.load"):
            yield "np.load"  # it believes a header; what does not is above


def test_nothing_in_the_package_reads_what_could_run_or_fill_the_memory():
    assert set(habits("import pickle\nfrom dill import x\nnp.load(f, allow_pickle=True)")) == {
        "pickle", "dill", "np.load", "allow_pickle=True",
    }  # fmt: skip
    assert len(SOURCES) > 100
    for source in SOURCES:
        assert list(habits(source.read_text("utf-8"))) == [], source
