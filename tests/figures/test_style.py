import re

import pytest
from matplotlib.figure import Figure

from nst_numpy.errors import OutputError
from nst_numpy.figures import check_figure_output, save_figure
from nst_numpy.pictures.images import load_image

BEGINS = {".png": b"\x89PNG", ".jpg": b"\xff\xd8\xff", ".svg": b"<?xml", ".pdf": b"%PDF-"}


@pytest.mark.parametrize("suffix", BEGINS)
def test_the_suffix_chooses_the_format(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    assert check_figure_output(path) == path
    save_figure(Figure(figsize=(1, 1)), path)
    assert path.read_bytes().startswith(BEGINS[suffix])
    assert list(tmp_path.iterdir()) == [path]


def test_an_inch_is_150_pixels(tmp_path):
    save_figure(Figure(figsize=(2, 1)), tmp_path / "a.png")
    assert load_image(tmp_path / "a.png").shape == (1 * 150, 2 * 150, 3)


def test_capital_letters_and_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert check_figure_output("~/A.PNG") == tmp_path / "A.PNG"


@pytest.mark.parametrize("name", ["a.doc", "a", "a.jpeg", ".png", "png"])
def test_other_suffixes_are_refused_with_those_that_work(tmp_path, name):
    message = f"{tmp_path / name}: a figure is written as .png, .jpg, .svg or .pdf"
    with pytest.raises(OutputError, match=f"^{re.escape(message)}$"):
        check_figure_output(tmp_path / name)


def test_the_folder_is_looked_at_too(tmp_path):
    with pytest.raises(OutputError, match="does not exist: make it first"):
        check_figure_output(tmp_path / "no" / "a.png")


def test_a_figure_that_cannot_be_drawn_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    path.write_bytes(b"old")

    def half(self, temporary, **options):
        temporary.write_bytes(b"half")
        raise ValueError("cannot draw")

    monkeypatch.setattr(Figure, "savefig", half)
    with pytest.raises(ValueError, match="cannot draw"):
        save_figure(Figure(), path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
