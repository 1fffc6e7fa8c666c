import hashlib
import os
from dataclasses import fields

import numpy as np
import pytest

from nst_numpy.errors import NstError, SettingError
from nst_numpy.pictures.images import save_image
from nst_numpy.pictures.samples import sample_path
from nst_numpy.runs.record import (
    Record,
    changed_inputs,
    digests,
    made_by,
    make_record,
    read_config,
    read_record,
)
from nst_numpy.settings import Settings
from nst_numpy.weights import bundled_path
from tests.runs.small_runs import TINY, picture


def write(folder, text):
    (folder / "a.toml").write_text(text, "utf-8")
    return folder / "a.toml"


def sha(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_config_says_what_it_says(tmp_path):
    save_image(tmp_path / "me.png", picture(1, 20, 20))
    text = """
        content = "me.png"
        style = "starry_night"
        weights = "sub/vgg.h5"
        [settings]
        size = 300
        init = "noise"
        [settings.style_layers]
        relu1_1 = 0.5
    """
    record = read_config(write(tmp_path, text))
    assert record.files == {
        "content": str(tmp_path / "me.png"),
        "style": "starry_night",
        "weights": str(tmp_path / "sub" / "vgg.h5"),
    }
    assert record.settings == {"size": 300, "init": "noise", "style_layers": {"relu1_1": 0.5}}
    assert record.result == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[settings]\n\nstrenght = 3", "line 3: unknown key 'strenght' in [settings]: did you mean "
         "strength?"),
        ("contnt = 'a'", "line 1: unknown key 'contnt': did you mean content or content_mask?"),
        ("\nsize = 3", "line 2: size is a setting: write it below [settings]"),
        ("settings = 3", "line 1: settings must be a table"),
        ("content = 3", "line 1: content must be the path of a file"),
        ("content = ''", "line 1: content must be the path of a file"),
        ("[settings]\ninit = 3", "line 2: init must be a text in quotes"),
        ("[settings]\nstyle_loss = ['gram']", "line 2: style_loss must be a text in quotes"),
        ("format = 2", "is of another version of nst_numpy (format 2, not 1)"),
        ("[result]\npasses = [[1, -2]]", "line 2: passes must be pairs of a scale and its"),
        ("[result]\npasses = 5", "line 2: passes must be pairs"),
    ],
)  # fmt: skip
def test_a_config_that_is_wrong_is_one_sentence_with_its_line(tmp_path, text, message):
    with pytest.raises(SettingError) as caught:
        read_config(write(tmp_path, text))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


VALUES = ["3", "-1", '"x"', "[1, 2]", "{a = 1}", "true", "2020-01-01", "nan", "inf", '"\\u0000"']


@pytest.mark.parametrize("name", [f.name for f in fields(Settings)])
def test_any_value_is_taken_or_refused_in_one_sentence(tmp_path, name):
    said = []
    for value in VALUES:
        file = write(tmp_path, f"[settings]\n{name} = {value}")
        try:
            Settings(**read_config(file).settings)
        except NstError as error:
            said.append(str(error))
    assert said
    assert not [text for text in said if "\n" in text]


def test_a_record_is_read_as_it_was_written(tmp_path):
    settings = Settings(size=33, style_layers={"relu1_1": 1 / 3}, init=str(tmp_path / "start.png"))
    save_image(tmp_path / "start.png", picture(1, 20, 20))
    given = {"content": "chelsea", "style": tmp_path / "start.png", "init": settings.init}
    record = make_record(settings, given | {"weights": None, "layers": None})
    record.write(tmp_path / "run.toml")
    again = read_record(tmp_path)
    assert again == record
    assert Settings(**again.settings) == settings
    assert again.files == {"content": "chelsea", "style": str(tmp_path / "start.png")}
    assert again.inputs == {
        "content": sha(sample_path("chelsea")),
        "style": sha(tmp_path / "start.png"),
        "init": sha(tmp_path / "start.png"),
        "weights": sha(bundled_path()),
    }


def test_every_default_is_written_out():
    record = make_record(Settings(), {"content": "chelsea", "style": "starry_night"})
    given = {f.name: f.default for f in fields(Settings) if f.default is not None}
    assert given.items() <= record.settings.items()


def test_a_path_holds_from_everywhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_image("a.png", picture(1, 20, 20))
    record = make_record(Settings(), {"content": "a.png", "style": "starry_night"})
    assert record.files["content"] == os.path.abspath("a.png")


def test_arrays_and_networks_have_a_sum_and_no_name():
    image = picture(1, 20, 20)
    record = make_record(Settings(), {"content": image, "style": "starry_night", "vgg": TINY})
    assert set(record.files) == {"style"}
    assert set(record.inputs) == {"content", "style", "vgg"}
    other = image.copy()
    other[0, 0, 0] ^= 1
    assert changed_inputs(record, {"content": image, "vgg": TINY}) == []
    assert changed_inputs(record, {"content": other, "vgg": TINY}) == ["content"]
    assert digests({"content": image})["content"] != digests({"content": image[:, :10]})["content"]
    assert digests({"vgg": object()}) == {"vgg": "object"}


def test_several_pictures_have_a_number_each():
    images = [picture(seed, 20, 20) for seed in (1, 2)]
    found = digests({"style": images})
    assert set(found) == {"style-1", "style-2"}
    assert found["style-1"] != found["style-2"]


def test_what_it_is_made_by():
    made = made_by()
    assert made["numpy"] == np.__version__
    assert made["threads"] >= 1
    assert isinstance(made["blas"], list)


@pytest.mark.parametrize(
    ("reason", "passes"),
    [("time", [(0, 5), (1, 7)]), ("diverged", [(0, 5), (1, 20)]), ("settled", [(0, 5), (1, 7)])],
)
def test_the_passes_of_a_run_that_repeats_it(reason, passes):
    record = Record(result={"reason": reason, "passes": [[0, 5], [1, 7]]})
    assert record.passes(20) == passes


def test_a_pass_in_which_nothing_was_done_is_not_repeated():
    stopped = Record(result={"reason": "interrupted", "passes": [[0, 5], [1, 0]]})
    assert stopped.passes(20) == [(0, 5)]
    assert Record().passes(20) == []


def test_a_folder_that_is_not_of_a_run(tmp_path):
    for place in (tmp_path, tmp_path / "none"):
        with pytest.raises(
            SettingError, match=r"is not the folder of a run: there is no run\.toml"
        ):
            read_record(place)
