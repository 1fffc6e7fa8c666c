import os
from pathlib import Path

import pytest

from nst_numpy.errors import ImageError
from nst_numpy.sweeps import photographs
from nst_numpy.sweeps.photographs import find_photographs, is_many, output_names


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Three pictures by their names, one further down, and what is none."""
    monkeypatch.chdir(tmp_path)
    for name in ("b.jpg", "a.PNG", "c.webp", "notes.txt", ".hidden.jpg", "deep/d.jpg", "e[1].jpg"):
        file = tmp_path / "photos" / name
        file.parent.mkdir(exist_ok=True, parents=True)
        file.write_bytes(b"")
    (tmp_path / "photos" / "folder.jpg").mkdir()
    return tmp_path / "photos"


def test_one_photograph_is_not_many(folder):
    for text in ("photos/b.jpg", "photos/e[1].jpg", "chelsea", "missing.jpg", "", "\0"):
        assert not is_many(text), text
    for text in ("photos", "photos/", "photos/*.jpg", "?.jpg", "[ab].jpg", "."):
        assert is_many(text), text
    os.mkdir("chelsea")
    assert not is_many("chelsea")  # a folder hides no sample
    assert is_many("chelsea/")


def names(text):
    return [path.relative_to("photos").as_posix() for path in find_photographs(text)]


def test_a_folder_and_a_pattern_give_pictures_by_name(folder):
    assert set(names("photos/*.jpg")) == {"b.jpg", "e[1].jpg"}
    assert names("photos/[ab]*") == ["a.PNG", "b.jpg"]
    assert names("photos/*") == sorted(["a.PNG", "b.jpg", "c.webp", "e[1].jpg"])
    assert names("photos/**/d.jpg") == ["deep/d.jpg"]
    assert "b.jpg" in names("photos")
    assert "notes.txt" not in names("photos")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("photos/*.gif", r"no picture matches photos/\*.gif: check the pattern"),
        ("photos/*.txt", r"none of the 1 files that match photos/\*.txt is a picture"),
        ("nothing", "the folder nothing has no picture in it"),
    ],
)
def test_where_there_is_no_picture_it_is_said(folder, text, message):
    os.mkdir("nothing")
    with pytest.raises(ImageError, match=message):
        find_photographs(text)


def test_a_pattern_that_finds_too_much_is_refused(folder, monkeypatch):
    monkeypatch.setattr(photographs, "MOST", 2)
    with pytest.raises(ImageError, match=r"more than 2 files match photos/\*: take a narrower"):
        find_photographs("photos/*")


def test_results_are_named_after_the_photographs():
    paths = [Path("in/a.jpg"), Path("in/my.dog.PNG")]
    assert output_names(paths, "out") == {"a.png": paths[0], "my.dog.png": paths[1]}


@pytest.mark.parametrize(
    ("paths", "name"),
    [(("a.jpg", "a.png"), "a.png"), (("x/a.jpg", "y/a.jpg"), "a.png"),
     (("a.jpg", "A.png"), "A.png")],
)  # fmt: skip
def test_two_results_of_one_name_are_refused(paths, name):
    one, other = map(Path, paths)
    with pytest.raises(ImageError) as caught:
        output_names([one, other], "out")
    assert f"{one} and {other} would both become {name}: rename one" in str(caught.value)


@pytest.mark.parametrize("output", ["photos", "./photos/", "photos/../photos"])
def test_photographs_are_not_written_over(folder, output):
    with pytest.raises(ImageError, match="is the folder of the photographs"):
        output_names([Path("photos/b.jpg")], output)
