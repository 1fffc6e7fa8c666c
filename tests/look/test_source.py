import numpy as np
import pytest

from nst_numpy.errors import SettingError, ShapeError
from nst_numpy.look.source import SourceMap, load_source, map_source, save_source
from nst_numpy.objective import Objective
from nst_numpy.vgg import VGG

FIELDS = {
    "indices": np.array([[5, 0, 5], [5, 1, 2]]),
    "similarity": np.array([[0.5, 1, 0.25], [0, 1, 0.25]], np.float32),
    "style_grid": (2, 3),
    "painting": (40, 90),
    "loss": 0.5,
}


def test_rows_and_columns_are_the_middles_of_places():
    source = SourceMap(**FIELDS)
    assert source.rows.tolist() == [[30, 10, 30], [30, 10, 10]]
    assert source.cols.tolist() == [[75, 15, 75], [75, 45, 75]]
    painting = np.arange(40 * 90 * 3).reshape(40, 90, 3)
    assert painting[source.rows, source.cols].shape == (2, 3, 3)
    assert source.grid == (2, 3)


def test_what_is_used():
    source = SourceMap(**FIELDS)
    assert source.uses.tolist() == [[1, 1, 1], [0, 0, 3]]
    assert source.share == pytest.approx(4 / 6)
    assert source.most_used(2) == [(30, 75, 3), (10, 15, 1)]
    assert len(source.most_used(9)) == 4


def test_a_painting_smaller_than_its_grid():
    source = SourceMap(np.array([[3]]), np.array([[1.0]]), (2, 2), (1, 1), 0.0)
    assert (source.rows.item(), source.cols.item()) == (0, 0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"indices": np.array([0])}, "must be of one shape"),
        ({"similarity": np.ones((2, 2))}, "must be of one shape"),
        ({"painting": (0, 9)}, "have places"),
        ({"indices": np.full((2, 3), 6)}, "a place is not one of the painting's 6"),
        ({"indices": np.full((2, 3), -1)}, "a place is not one of the painting's 6"),
        ({"loss": np.nan}, "must be finite"),
        ({"similarity": np.full((2, 3), np.inf)}, "must be finite"),
    ],
)
def test_what_is_no_map(changes, message):
    with pytest.raises(ShapeError, match=message):
        SourceMap(**(FIELDS | changes))


def test_saved_and_read_again(tmp_path):
    source = SourceMap(**FIELDS)
    save_source(tmp_path / "source.npz", source)
    again = load_source(tmp_path / "source.npz")
    assert (again.indices == source.indices).all()
    assert (again.similarity == source.similarity).all()
    assert again.similarity.dtype == np.float32
    assert (again.style_grid, again.painting, again.loss) == ((2, 3), (40, 90), 0.5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"indices": None}, "it has no indices"),
        ({"indices": np.ones((2, 3))}, "its indices is of another kind"),
        ({"loss": np.array([1.0, 2.0])}, "its loss is of another kind"),
        ({"style_grid": np.array([2, 3, 1])}, "too many values"),
        ({"similarity": np.array([[object()]])}, "cannot be read|not numbers"),
        ({"indices": np.full((2, 3), 2**40)}, "a place is not one"),
    ],
)
def test_a_file_that_holds_something_else(tmp_path, changes, message):
    file = tmp_path / "source.npz"
    arrays = {name: np.asarray(value) for name, value in (FIELDS | changes).items()
              if value is not None}  # fmt: skip
    np.savez(file, **arrays)
    with pytest.raises(SettingError, match=message) as caught:
        load_source(file)
    assert str(caught.value).startswith(f"{file} is not a source map (")


def test_a_damaged_file(tmp_path):
    file = tmp_path / "source.npz"
    save_source(file, SourceMap(**FIELDS))
    whole = file.read_bytes()
    for data in (b"", b"text", whole[:300], whole[:-40]):
        file.write_bytes(data)
        with pytest.raises(SettingError, match="is not a source map"):
            load_source(file)


def test_only_neighbours_have_a_source():
    vgg = VGG.random((3,), np.random.default_rng(0))
    x = np.zeros((1, 8, 8, 3))
    layers = {"content_layers": {"relu1_1": 1}, "style_layers": {"relu1_1": 1}}
    objective = Objective(vgg, x, x, **layers)
    with pytest.raises(SettingError, match="this objective has no neighbours: make it with"):
        map_source(objective, objective.matches, x, (8, 8))
