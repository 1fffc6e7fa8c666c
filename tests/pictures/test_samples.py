import csv
import hashlib
import os
import re
from dataclasses import FrozenInstanceError
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import nst_numpy
from nst_numpy.errors import ImageError, UnknownNameError
from nst_numpy.look.units import scanned_image
from nst_numpy.pictures.images import as_image, load_image
from nst_numpy.pictures.samples import resolve_picture, sample_path, samples
from tests import posix

PICTURES = Path(nst_numpy.__file__).parent / "pictures" / "files"
ROOT = Path(nst_numpy.__file__).parents[1]
PAINTINGS = {
    "cafe_terrace": "Café Terrace at Night (1888)",
    "night_cafe": "The Night Café (1888)",
    "painter_on_the_road": "The Painter on the Road to Tarascon (1888)",
    "starry_night": "The Starry Night (1889)",
}
PHOTOGRAPHS = [
    "astronaut",
    "chelsea",
    "chenonceau",
    "coffee",
    "golden_temple",
    "horse",
    "neuschwanstein",
]


def rows():
    with open(PICTURES / "LICENCES.tsv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def test_samples_are_listed_by_kind_and_name():
    assert [s.name for s in samples()] == PHOTOGRAPHS + list(PAINTINGS)
    assert {s.name for s in samples() if s.kind == "content"} == set(PHOTOGRAPHS)
    assert {s.name for s in samples() if s.kind == "style"} == set(PAINTINGS)


def test_the_paintings_have_title_year_and_painter():
    styles = [s for s in samples() if s.kind == "style"]
    assert {s.name: s.title for s in styles} == PAINTINGS
    assert {s.author for s in styles} == {"Vincent van Gogh"}


def test_every_sample_says_whose_it_is():
    for sample in samples():
        assert sample.title
        assert sample.author
        assert sample.source
        assert sample.licence in {"CC0-1.0", "Public domain"}


def test_every_picture_has_a_row_and_every_row_a_picture():
    folders = (PICTURES / "content", PICTURES / "styles")  # test_units has the photos
    files = {p.relative_to(PICTURES).as_posix() for folder in folders for p in folder.iterdir()}
    assert [row["file"] for row in rows()] == sorted(files)


def test_no_two_pictures_are_the_same():
    assert len({hashlib.sha256(s.path.read_bytes()).digest() for s in samples()}) == 11


@pytest.mark.skipif(not (ROOT / "LICENCES.md").exists(), reason="not in a source tree")
def test_the_list_of_licences_has_every_row():
    lines = (ROOT / "LICENCES.md").read_text(encoding="utf-8").splitlines()
    for row in rows():
        (line,) = [line for line in lines if f"`{row['file']}`" in line]
        for key in ("title", "year", "author", "licence"):
            assert row[key] in line


@pytest.mark.parametrize("sample", samples(), ids=lambda sample: sample.name)
def test_samples_load_at_the_size_they_state(sample):
    width, height = sample.size
    assert load_image(sample.path).shape == (height, width, 3)


def test_the_size_is_read_once_and_only_when_asked_for(monkeypatch):
    opened = []
    real = Image.open
    monkeypatch.setattr(Image, "open", lambda path: opened.append(path) or real(path))
    nst_numpy.pictures.samples._by_name.cache_clear()
    sample = samples()[0]
    assert opened == []
    assert sample.size == sample.size == (512, 512)
    assert opened == [sample.path]


def test_samples_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        samples()[0].name = "other"
    samples().clear()
    assert len(samples()) == 11


def test_sample_path_by_hand():
    assert sample_path("horse") == PICTURES / "content" / "horse.jpg"


def test_sample_path_names_the_nearest():
    with pytest.raises(UnknownNameError, match=r"^unknown sample 'nigth_cafe': .* mean night_cafe"):
        sample_path("nigth_cafe")


def test_sample_path_names_all_when_none_is_near():
    with pytest.raises(UnknownNameError, match=r"choose from astronaut, chelsea, .* starry_night"):
        sample_path("qqq")


def test_an_existing_file_wins(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("horse").touch()
    assert resolve_picture("horse") == Path("horse")
    assert resolve_picture("coffee") == sample_path("coffee")


def test_a_folder_does_not_hide_a_sample(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("horse").mkdir()
    assert resolve_picture("horse") == sample_path("horse")


def test_resolve_picture_expands_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / "a.png").touch()
    assert resolve_picture("~/a.png") == tmp_path / "a.png"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "stary_night.JPG",
            "there is no file stary_night.JPG, and no sample of that name: "
            "did you mean the sample starry_night?",
        ),
        (
            f"no{os.sep}qqq",
            f"there is no file no{os.sep}qqq, and no sample of that name: check the spelling",
        ),
        ("folder", "'folder' is a folder: name a picture in it"),
        ("", "the name of the picture is empty: give a file or the name of a sample"),
    ],
)
def test_what_is_meant_as_a_file_is_missed_as_a_file(tmp_path, monkeypatch, text, message):
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    with pytest.raises(ImageError, match=f"^{re.escape(message)}$"):
        resolve_picture(text)


@posix
@pytest.mark.parametrize("text", ["a" * 5000, "~nobody-here/a.png"])
def test_what_cannot_be_a_path_is_an_image_error(text):
    with pytest.raises(ImageError, match="cannot be opened: "):
        resolve_picture(text)


def test_any_other_name_is_missed_as_both():
    message = "^unknown file or sample 'stary_night': did you mean starry_night"
    with pytest.raises(UnknownNameError, match=message):
        resolve_picture("stary_night")


@pytest.mark.parametrize("name", ["starry_night", Path("starry_night")])
def test_a_sample_is_named_wherever_a_picture_is_read(name):
    expected = load_image(sample_path("starry_night"), 40)
    assert np.array_equal(load_image(name, 40), expected)
    assert np.array_equal(as_image(name, 40), expected)
    assert np.array_equal(scanned_image(name, 40), expected)


def test_a_file_in_the_folder_is_read_in_place_of_the_sample(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("coffee").mkdir()
    Image.new("RGB", (2, 1)).save("horse", format="PNG")
    assert load_image("horse").shape == (1, 2, 3)
    assert load_image("coffee", 64).shape == load_image(sample_path("coffee"), 64).shape


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("stary_night", "unknown file or sample 'stary_night': did you mean starry_night?"),
        (
            "stary_night.JPG",
            "load_image: there is no file stary_night.JPG: did you mean the sample starry_night?",
        ),
    ],
)
def test_a_misspelt_sample_is_refused_with_the_nearest(tmp_path, monkeypatch, name, message):
    monkeypatch.chdir(tmp_path)
    for read in (load_image, as_image):
        with pytest.raises(ImageError, match=f"^{re.escape(message)}$") as caught:
            read(name)
        assert isinstance(caught.value, UnknownNameError) is ("." not in name)
