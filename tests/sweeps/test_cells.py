import pytest

from nst_numpy.settings import Settings
from nst_numpy.sweeps.cells import AXES, Cell, axis_values, distinct, file_name, picture_name
from tests.sweeps.conftest import CONTENT


def test_each_axis_is_a_setting_or_the_painting():
    assert set(AXES) - {"style", "preset"} <= set(Settings.__dataclass_fields__)


@pytest.mark.parametrize(
    ("name", "given", "values"),
    [
        ("strength", 30, [30.0]),
        ("strength", [30, 60, 30.0], [30.0, 60.0]),
        ("style_layers", {"relu1_1": 1}, [{"relu1_1": 1.0}]),
        ("style_layers", [None, {"relu1_1": 1}], [None, {"relu1_1": 1.0}]),
        ("style_size", (None, 64), [None, 64]),
    ],
)
def test_one_value_or_several_are_a_list_without_twins(name, given, values):
    assert axis_values(name, given) == values


def test_names_are_of_files_and_differ():
    assert picture_name("photos/me.at.home.jpg") == "me.at.home"
    assert picture_name(CONTENT) == "array"
    assert distinct(["a", "b", "a", "a"]) == ["a", "b", "a 2", "a 3"]


def test_a_file_is_named_by_what_is_not_as_by_default_and_by_all_that_decides():
    settings = Settings(strength=30, style_loss="wasserstein", init="folder/start me.png")
    one, other = (Cell({}, settings, 0, made_by={"content": digest}) for digest in "ab")
    name = file_name(["cat", "stars"], one)
    assert name.startswith("cat-stars-strength-30-wasserstein-init-folder-start-me.png-")
    assert name.endswith(".png")
    assert file_name(["cat", "stars"], other)[:-13] == name[:-13]
    assert file_name(["cat", "stars"], other) != name
    assert len(file_name(["x" * 500], one)) < 120


def test_a_cell_is_called_by_the_values_of_its_axes():
    values = {"strength": 30.0, "style": "stars", "content_layers": {"relu2_2": 1.0}, "seed": 3}
    cell = Cell(values, Settings(), 0)
    assert cell.label == "strength 30, stars, content layers: relu2_2, seed 3"
