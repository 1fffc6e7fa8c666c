import copy
import json
import os
import re
import tracemalloc

import numpy as np
import pytest

from nst_numpy.cli.units import read_scan
from nst_numpy.errors import SettingError
from nst_numpy.look import TopPatches, scan_json
from nst_numpy.look.units import FORMAT
from tests import posix

PATCHES = [
    {"value": 2.5, "picture": 1, "row": 3, "col": 4, "box": [2, 3, 5, 6]},
    {"value": -1, "picture": 0, "row": 0, "col": 0, "box": [0, 0, 2, 2]},
]
SCAN = {
    "format": FORMAT,
    "settings": {
        "k": 2, "size": None, "one_per_picture": True, "convolutions": [1, 2], "pool": "max",
        "dtype": "float32", "network": "0123456789abcdef",
    },
    "pictures": [
        {"path": "a.png", "height": 10, "width": 12},
        {"path": "b.png", "height": 8, "width": 8},
    ],
    "skipped": [{"path": "c.png", "reason": "no picture"}],
    "layers": {"relu1_1": {"channels": [5, 0], "patches": [PATCHES, PATCHES]}},
}  # fmt: skip


def parse(data):
    return scan_json.parse(data, FORMAT)


def places(value, above=()):
    """List the place of each value in nested objects and lists."""
    yield above
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from places(value[key], (*above, key))


def changed(place, value):
    """Return the scan with another value at a place."""
    data = copy.deepcopy(SCAN)
    if not place:
        return value
    *above, last = place
    inside = data
    for key in above:
        inside = inside[key]
    inside[last] = value
    return data


def test_a_scan_is_taken_to_pieces():
    settings, pictures, skipped, rankings = parse(SCAN)
    assert settings == SCAN["settings"] | {"convolutions": (1, 2)}
    assert pictures == [("a.png", 10, 12), ("b.png", 8, 8)]
    assert skipped == [("c.png", "no picture")]
    ranking = rankings["relu1_1"]
    assert ranking.channels == (5, 0)
    assert ranking.value.dtype == np.float32
    assert ranking.value.tolist() == [[2.5, -1], [2.5, -1]]
    assert ranking.item.tolist() == [[1, 0], [1, 0]]
    assert ranking.position.tolist() == [[[3, 4], [0, 0]], [[3, 4], [0, 0]]]
    assert TopPatches.from_json(SCAN).to_json() == SCAN


WRONG = [
    ((), [], "it: no object"),
    (("format",), "nst units 2", "its format is not 'nst units 1'"),
    (("more",), 1, "it: has more than format, settings, pictures, skipped, layers"),
    (("settings", "k"), 1, "a channel has 2 patches, more than 1"),
    (("settings", "k"), True, "settings: k: no whole number from 0 to 2147483647"),
    (("settings", "k"), 0, "settings: k: must be at least 1"),
    (("settings", "size"), 10**30, "settings: size: no whole number"),
    (("settings", "one_per_picture"), 1, "one_per_picture: not one of True, False"),
    (("settings", "convolutions"), [10**9], "no network has so many blocks or layers"),
    (("settings", "convolutions"), [1] * 8, "no network has so many blocks or layers"),
    (("settings", "convolutions"), [], "no network has so many blocks or layers"),
    (("settings", "convolutions"), "12", "settings: convolutions: no list"),
    (("settings", "dtype"), "V1000000000", "settings: dtype: not one of float32, float64"),
    (("settings", "dtype"), "object", "settings: dtype: not one of"),
    (("settings", "pool"), "least", "settings: pool: not one of avg, max"),
    (("settings", "network"), 5, "settings: network: no text"),
    (("pictures", 0, "path"), None, "pictures: path: no text"),
    (("pictures", 0, "path"), "a\0b", "pictures: path: no text"),
    (("pictures", 0, "path"), "b.png", "a picture is listed twice"),
    (("pictures", 0, "width"), 2.5, "pictures: width: no whole number"),
    (("pictures", 1, "height"), 2, "a patch of relu1_1 is outside its picture"),
    (("layers",), {}, "layers: no object with layers in it"),
    (("layers", "relu9_1"), SCAN["layers"]["relu1_1"], "the network has no layer 'relu9_1'"),
    (("layers", "relu1_1", "channels"), [5], "the lists of patches differ in length"),
    (("layers", "relu1_1", "channels"), [5, 5], "or are not one for each channel"),
    (("layers", "relu1_1", "channels"), [5, -1], "channels: no whole number"),
    (("layers", "relu1_1", "patches"), [[], PATCHES], "the lists of patches differ"),
    (("layers", "relu1_1", "patches", 0, 0), {"value": 1}, "picture, row, col, box missing"),
    (("layers", "relu1_1", "patches", 0, 0, "value"), "9" * 10**6, "value: no finite number"),
    (("layers", "relu1_1", "patches", 0, 0, "value"), 10**400, "value: no finite number"),
    (("layers", "relu1_1", "patches", 0, 0, "value"), float("nan"), "value: no finite number"),
    (("layers", "relu1_1", "patches", 0, 0, "value"), 1e200, "are not finite numbers, largest"),
    (("layers", "relu1_1", "patches", 0, 0, "value"), -2, "largest first"),
    (("layers", "relu1_1", "patches", 0, 0, "picture"), 2, "of a picture that is not listed"),
    (("layers", "relu1_1", "patches", 0, 0, "row"), 8, "relu1_1 is outside its picture"),
    (("layers", "relu1_1", "patches", 0, 0, "col"), 2**31 - 1, "relu1_1 is outside its picture"),
]


@pytest.mark.parametrize(("place", "value", "said"), WRONG)
def test_what_is_wrong_is_said(place, value, said):
    with pytest.raises(SettingError, match=re.escape(said)) as caught:
        TopPatches.from_json(changed(place, value))
    assert str(caught.value).startswith("these are not the results of a scan (")
    assert len(str(caught.value)) < 300
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("place", list(places(SCAN)), ids=str)
def test_any_value_at_any_place_is_read_or_refused(place):
    values = (None, True, -1, 0, 1.5, 10**9, 10**30, 1e308, float("inf"), "", "x" * 10**5, "\ud800",
              [], [[]], [10**9] * 9, {}, {"path": 1}, SCAN)  # fmt: skip
    for value in values:
        try:
            TopPatches.from_json(changed(place, value)).to_json()
        except SettingError as error:
            assert len(str(error)) < 300  # noqa: PT017


@pytest.mark.parametrize(
    "place", [place for place in places(SCAN) if place and isinstance(place[-1], str)], ids=str
)
def test_no_field_may_lack(place):
    data = copy.deepcopy(SCAN)
    *above, last = place
    inside = data
    for key in above:
        inside = inside[key]
    del inside[last]
    with pytest.raises(SettingError, match=r"missing|no object with layers"):
        TopPatches.from_json(data)


# Files.


def test_a_file_is_read(tmp_path):
    path = tmp_path / "scan.json"
    path.write_text(json.dumps(SCAN), "utf-8")
    assert scan_json.read_json(path) == SCAN
    assert read_scan(str(path)) == TopPatches.from_json(SCAN)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "Expecting value"),
        (b"\xff", "can't decode"),
        (b"[" * 10**6, "it is nested too deeply"),
        (b'{"a":' * 10**6, "it is nested too deeply"),
        (b"9" * 10**6, "it has a whole number of 1000000 digits"),
        (b"NaN", "these are not the results of a scan (it: no object)"),
        (b"{}", "settings, pictures, skipped, layers missing"),
    ],
)
def test_a_file_of_something_else_is_refused(tmp_path, content, said):
    path = tmp_path / "scan.json"
    path.write_bytes(content)
    with pytest.raises(SettingError, match=re.escape(said)) as caught:
        read_scan(str(path))
    assert str(caught.value).startswith(f"{path} cannot be read as the results of a scan: ")


def test_a_file_that_is_too_large_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(scan_json, "MOST_BYTES", 2**20)
    path = tmp_path / "scan.json"
    path.touch()
    os.truncate(path, 10**9)
    tracemalloc.start()
    try:
        with pytest.raises(SettingError, match="it has more than 1 megabytes"):
            read_scan(str(path))
        assert tracemalloc.get_traced_memory()[1] < 3 * 2**20
    finally:
        tracemalloc.stop()


@posix
def test_what_never_ends_is_not_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", "/dev/zero", tmp_path):
        with pytest.raises(SettingError, match="it is not a file"):
            read_scan(str(path))
