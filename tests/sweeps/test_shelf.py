import json

import numpy as np
import pytest

from nst_numpy.errors import OutputError, SettingError
from nst_numpy.sweeps import shelf as shelf_module
from nst_numpy.sweeps.shelf import LIST, Shelf, array_digest, network_digest, short_digest, shortest
from nst_numpy.vgg import VGG
from tests.sweeps.conftest import TINY


@pytest.fixture
def shelf(tmp_path):
    (tmp_path / "a.png").write_bytes(b"a picture")
    shelf = Shelf(tmp_path)
    shelf.add("a.png", {"size": (1, 2)}, {"loss": 3.5})
    return shelf


def test_a_picture_is_known_by_what_it_was_painted_from(shelf):
    for found in (shelf, Shelf(shelf.folder)):
        assert found.has("a.png", {"size": (1, 2)})
        assert not found.has("a.png", {"size": (1, 3)})
        assert not found.has("b.png", {"size": (1, 2)})
        assert found.about("a.png") == {"loss": 3.5}
        assert found.about("b.png") == {}


def test_a_picture_that_was_changed_removed_or_stopped_is_not_there(shelf):
    shelf.add("a.png", {}, finished=False)
    assert not shelf.has("a.png", {})
    shelf.add("a.png", {})
    (shelf.folder / "a.png").write_bytes(b"another")
    assert not shelf.has("a.png", {})
    (shelf.folder / "a.png").unlink()
    assert not shelf.has("a.png", {})


@pytest.mark.parametrize(
    "text",
    [
        "", "no JSON", "[]", "3", "{}", '{"version": 2, "pictures": {}}', "[" * 100_000,
        '{"version": 1, "pictures": []}', '{"version": 1, "pictures": {"a.png": 3}}',
        '{"version": 1, "pictures": {"a.png": {"about": {"loss": NaN}}}}', b"\xff\xfe\x00",
    ],
)  # fmt: skip
def test_a_list_that_is_damaged_is_refused_with_the_remedy(tmp_path, text):
    (tmp_path / LIST).write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(SettingError, match=r"cannot be read \(.+\): remove it to paint all again"):
        Shelf(tmp_path)


def test_a_list_that_is_too_long_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(shelf_module, "MOST_BYTES", 10)
    (tmp_path / LIST).write_text(json.dumps({"version": 1, "pictures": {}}), encoding="utf-8")
    with pytest.raises(SettingError, match="it has more than"):
        Shelf(tmp_path)


def test_an_entry_of_nonsense_is_as_none(tmp_path):
    entries = {"a.png": {"finished": True, "made_by": {}, "sha256": 3, "about": "no"}, "b.png": {}}
    text = json.dumps({"version": 1, "pictures": entries})
    (tmp_path / LIST).write_text(text, encoding="utf-8")
    (tmp_path / "a.png").write_bytes(b"a picture")
    assert not Shelf(tmp_path).has("a.png", {})
    assert Shelf(tmp_path).about("a.png") == {}
    assert not Shelf(tmp_path).has("b.png", {})


def test_a_file_in_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutputError, match="cannot be a folder"):
        Shelf(tmp_path / "file")


def test_digests_tell_apart_what_is_not_the_same():
    other = VGG.random((4, 8), np.random.default_rng(1), dtype=np.float32)
    assert network_digest(TINY) != network_digest(other)
    assert network_digest(TINY) != network_digest(VGG(TINY.params, "max"))
    assert network_digest(TINY) == network_digest(VGG(TINY.params, engine="plain"))
    line = np.arange(6)
    assert array_digest((2, 3), line) != array_digest((3, 2), line)
    assert short_digest(shortest({"a": {"b": 30.0}})) == short_digest({"a": {"b": 30}})
    assert shortest([0.5, 2**60 + 1]) == [0.5, 2**60 + 1]
