import pytest

from nst_numpy.errors import OutputError, SettingError
from nst_numpy.runs.toml_files import line_of, read_toml, refuse_unknown_keys, write_toml


def test_what_is_written_is_read(tmp_path):
    data = {
        "format": 1, "name": 'a "b" \\ ü\n', "none": None,
        "settings": {"strength": 1 / 3, "seed": 2**53, "layers": {"relu1_1": 0.2}, "on": True},
        "passes": ((0, 5), (1, 7)),
    }  # fmt: skip
    write_toml(tmp_path / "a.toml", data, "A title.")
    said, text = read_toml(tmp_path / "a.toml")
    assert text.startswith("# A title.\n\n")
    assert said == {
        "format": 1, "name": 'a "b" \\ ü\n',
        "settings": {"strength": 1 / 3, "seed": 2**53, "layers": {"relu1_1": 0.2}, "on": True},
        "passes": [[0, 5], [1, 7]],
    }  # fmt: skip


def test_a_name_that_is_no_text_can_be_written(tmp_path):
    write_toml(tmp_path / "a.toml", {"content": "a\udcff.png"})
    assert read_toml(tmp_path / "a.toml")[0] == {"content": "a?.png"}


def test_a_place_that_cannot_be_written(tmp_path):
    with pytest.raises(OutputError, match="does not exist"):
        write_toml(tmp_path / "no" / "a.toml", {})


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"size = ", "Invalid value"),
        (b"a = 1\nb = 2 3\n", "line 2"),
        (b"a = 1\na = 2\n", "overwrite"),
        (b"\xff\xfe", "codec can't decode"),
        (b"a = " + b"[" * 5000, "recursion|nested"),
        (b"a" * 300_000, "more than 256 kB"),
    ],
)
def test_what_is_no_toml_is_one_sentence(tmp_path, data, reason):
    (tmp_path / "a.toml").write_bytes(data)
    with pytest.raises(SettingError, match=reason) as caught:
        read_toml(tmp_path / "a.toml")
    assert "cannot be read as TOML" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_missing_or_a_folder(tmp_path):
    for place in (tmp_path, tmp_path / "none.toml"):
        with pytest.raises(SettingError, match="cannot be read as TOML"):
            read_toml(place)


def test_a_file_of_an_editor_on_windows(tmp_path):
    (tmp_path / "a.toml").write_bytes(b"\xef\xbb\xbfsize = 1\r\nb = 2\r\n")
    assert read_toml(tmp_path / "a.toml")[0] == {"size": 1, "b": 2}


TEXT = """content = "a"
 "strange key" = 3
[settings]
size = 4
content = "in settings"
style_layers = {relu1_1 = 1}
[settings.content_layers]
size = 3
[[list]]
"""


@pytest.mark.parametrize(
    ("table", "key", "line"),
    [
        ("", "content", 1),
        ("", "strange key", 2),
        ("", "settings", 3),
        ("settings", "size", 4),
        ("settings", "content", 5),
        ("settings", "style_layers", 6),
        ("settings", "content_layers", 7),
        ("", "list", 9),
        ("settings", "nowhere", 1),
    ],
)
def test_the_line_of_a_key(table, key, line):
    assert line_of(TEXT, table, key) == line


def test_an_unknown_key_is_named_with_its_line_and_what_was_meant(tmp_path):
    with pytest.raises(SettingError) as caught:
        refuse_unknown_keys(
            tmp_path / "a", "\n[settings]\nsise = 3", "settings", ["sise"], ["size"]
        )
    said = f"{tmp_path / 'a'}, line 3: unknown key 'sise' in [settings]: did you mean size?"
    assert str(caught.value) == said
    with pytest.raises(SettingError, match="line 1: unknown key 'xyz': choose from content, style"):
        refuse_unknown_keys(tmp_path / "a", "xyz = 3", "", ["xyz"], ["content", "style"])
