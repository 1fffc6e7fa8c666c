import argparse
from pathlib import Path

import pytest

from nst_numpy.cli.parts.paintings import (
    add_pictures,
    mask_files,
    masks,
    paintings,
    repeat_pictures,
)
from nst_numpy.errors import SettingError
from nst_numpy.pictures.samples import sample_path


def parse(*words):
    parser = argparse.ArgumentParser()
    add_pictures(parser)
    return parser.parse_args(words)


def test_one_painting_without_masks():
    args = parse("chelsea", "starry_night")
    assert paintings(args) == [sample_path("starry_night")]
    assert masks(args) is None
    assert mask_files(args) == []
    assert repeat_pictures(args) == ["chelsea", "starry_night"]


def test_masks_are_pairs_in_the_order_of_the_paintings():
    words = ["a", "b", "c", "--content-mask", "x.png", "--content-mask", "not:x.png"]
    args = parse(*words)
    assert masks(args) == [("x.png", None), ("not:x.png", None)]
    args = parse(*words, "--style-mask", "whole", "--style-mask", r"C:\y.png")
    assert masks(args) == [("x.png", None), ("not:x.png", r"C:\y.png")]
    assert mask_files(args) == [Path("x.png"), Path("x.png"), Path(r"C:\y.png")]
    assert vars(parse(*repeat_pictures(args))) == vars(args)


def test_a_home_folder_is_found_behind_the_word_too(monkeypatch, tmp_path):
    for variable in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(variable, str(tmp_path))
    args = parse("a", "b", "--content-mask", "not:~/x.png")
    assert masks(args) == [(f"not:{tmp_path / 'x.png'}", None)]


def test_more_or_fewer_masks_than_paintings():
    with pytest.raises(SettingError, match="there are 2 STYLE and 1 --style-mask: give"):
        masks(parse("a", "b", "c", "--style-mask", "x.png"))
