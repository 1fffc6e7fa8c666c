import csv
import re
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

import nst_numpy
from nst_numpy.common.array_files import read_npz
from nst_numpy.errors import NonFiniteError, ShapeError, SignalError
from nst_numpy.signals import load_ct, load_ecg, load_movie, read_signal
from nst_numpy.signals.data import RECORDINGS

ROOT = Path(nst_numpy.__file__).parents[1]


def rows():
    with open(RECORDINGS / "LICENCES.tsv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def test_every_recording_has_a_row_and_every_row_a_recording():
    assert [row["file"] for row in rows()] == sorted(p.name for p in RECORDINGS.glob("*.npz"))
    assert all(all(row.values()) for row in rows())


@pytest.mark.skipif(not (ROOT / "LICENCES.md").exists(), reason="not in a source tree")
def test_the_list_of_licences_has_every_row():
    lines = (ROOT / "LICENCES.md").read_text(encoding="utf-8").splitlines()
    for row in rows():
        (line,) = [line for line in lines if f"`{row['file']}`" in line]
        assert all(value in line for value in row.values())


def test_the_recordings_are_what_they_say():
    millivolt, rate = load_ecg()
    assert (millivolt.shape, millivolt.dtype, rate) == ((108000,), np.float32, 360.0)
    volume, frames = load_ct(), load_movie()
    assert (volume.shape, volume.dtype) == ((256, 128, 128), np.int16)
    assert (volume.min(), volume.max()) == (0, 2000)
    assert (frames.shape, frames.dtype) == ((36, 120, 160, 3), np.uint8)


def test_a_signal_is_read_from_every_kind_of_file(tmp_path):
    samples = np.array([0.5, -1, 3], dtype=np.float32)
    np.save(tmp_path / "a.npy", samples.astype(np.float64))
    np.savez(tmp_path / "b.npz", millivolt=samples, sampling_rate_hz=100, other=np.zeros(5))
    np.savez(tmp_path / "c.npz", lead=samples)
    (tmp_path / "d.csv").write_text("0.5\n-1\n3\n", "utf-8")
    (tmp_path / "e.CSV").write_text("millivolt\n0.5\n-1\n3\n", "utf-8")
    np.save(tmp_path / "f.npy", np.array([1, -2], dtype=np.int16))
    for name in ("a.npy", "c.npz", "d.csv", "e.CSV"):
        found, rate = read_signal(tmp_path / name, 250)
        np.testing.assert_array_equal(found, samples)
        assert (found.dtype, rate) == (np.float32, 250.0)
    assert read_signal(tmp_path / "b.npz")[1] == 100.0
    assert read_signal(tmp_path / "b.npz", 50)[1] == 50.0  # what is asked for wins
    assert read_signal(tmp_path / "f.npy", 50)[0].tolist() == [1, -2]


def test_the_sample_is_read_by_its_name_unless_a_file_has_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found, expected = read_signal("ekg"), load_ecg()
    np.testing.assert_array_equal(found[0], expected[0])
    assert found[1] == expected[1] == read_signal(Path("ekg"))[1]
    with pytest.raises(SignalError, match=r"^unknown file or sample 'ekgg': did you mean ekg\?$"):
        read_signal("ekgg")
    (tmp_path / "ekg").write_bytes(b"1")
    with pytest.raises(SignalError, match=r"ekg is not one of \.npz"):
        read_signal("ekg")


@pytest.mark.parametrize(
    ("name", "content", "error", "message"),
    [
        ("none.npy", None, SignalError, "there is no file"),
        ("a.wav", b"", SignalError, "is not one of .npz, .npy, .csv: convert it"),
        ("a.npy", b"no array", SignalError, "cannot be read as numbers"),
        ("a.npz", b"no zip", SignalError, "cannot be read as numbers"),
        ("a.csv", b"a\nb\n", SignalError, "cannot be read as numbers"),
        ("a.csv", b"\xff\xfe", SignalError, "cannot be read as numbers"),
        ("a.csv", b"", ShapeError, r"not float64 of shape \(0,\)"),
        ("a.csv", b"1,2\n3\n", SignalError, r"\(line 2 has not 2 numbers, as those before it"),
        ("a.csv", b"a,b\n1\n2,3\n", SignalError, "line 3 has not 1 numbers"),
        ("a.csv", b"0,1\n1,2\n", ShapeError, r"of shape \(2, 2\): choose one lead"),
        ("a.csv", b"1\nnan\n2\n", NonFiniteError, r"1 of the 3 samples .* the first at index 1"),
        ("a.csv", b"1\n\n2\n", NonFiniteError, "the first at index 1: cut them out or fill"),
    ],
)
def test_a_file_that_is_no_signal_is_refused(tmp_path, name, content, error, message):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(error, match=message):
        read_signal(tmp_path / name, 100)


def test_a_row_of_numbers_is_a_signal_as_a_column_is(tmp_path):
    (tmp_path / "a.csv").write_text("1,2.5,3\n", "utf-8")
    assert read_signal(tmp_path / "a.csv", 100)[0].tolist() == [1, 2.5, 3]


def test_only_samples_and_their_rate_are_read_from_an_archive(tmp_path, monkeypatch):
    asked = []

    def read(path, choose):
        found = read_npz(path, choose)
        asked.extend(found)
        return found

    monkeypatch.setattr("nst_numpy.signals.data.read_npz", read)
    np.savez(tmp_path / "a.npz", millivolt=[1.0, 2.0], sampling_rate_hz=[100.0], other=[3.0])
    assert read_signal(tmp_path / "a.npz")[1] == 100
    assert asked == ["millivolt", "sampling_rate_hz"]


def test_many_names_and_such_that_cannot_be_printed_are_not_told(tmp_path):
    for names in ([f"lead{n}" for n in range(100)], ["\x1b[2J", "b"]):
        np.savez(tmp_path / "a.npz", **dict.fromkeys(names, np.ones(2)))
        with pytest.raises(SignalError, match=f"a.npz holds {len(names)} arrays: name the array"):
            read_signal(tmp_path / "a.npz", 100)


def test_a_csv_of_gaps_takes_no_more_than_its_numbers(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"\n" * 200_000)
    tracemalloc.start()
    try:
        with pytest.raises(NonFiniteError, match="199999 of the 199999 samples"):
            read_signal(tmp_path / "a.csv", 100)
        assert tracemalloc.get_traced_memory()[1] < 200_000 * 40
    finally:
        tracemalloc.stop()


def test_arrays_that_are_no_signal_are_refused(tmp_path):
    path = tmp_path / "a.npz"
    for arrays, error, message in (
        ({"a": np.zeros(3), "b": np.zeros(3)}, SignalError, "holds a, b: name the array"),
        ({"a": np.zeros((3, 2))}, ShapeError, re.escape("must be real numbers of shape (L,)")),
        ({"a": np.array(["x", "y"])}, ShapeError, "not <U1 of shape"),
        ({"a": np.array([1j])}, ShapeError, "not complex128"),
        ({"a": np.array([None, "run"], dtype=object)}, SignalError, "cannot be read"),
    ):
        np.savez(path, **arrays)
        with pytest.raises(error, match=message):
            read_signal(path, 100)


@pytest.mark.parametrize(
    ("rate", "message"),
    [(None, "does not say its sampling rate"), (0, "above 0 hertz, not 0"),
     (float("nan"), "above 0 hertz, not nan")],
)  # fmt: skip
def test_without_a_sampling_rate_there_is_no_time(tmp_path, rate, message):
    np.save(tmp_path / "a.npy", np.zeros(3))
    with pytest.raises(SignalError, match=message):
        read_signal(tmp_path / "a.npy", rate)
