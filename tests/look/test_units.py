import csv
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nst_numpy
from nst_numpy.errors import ImageError, NonFiniteError, SettingError, UnknownNameError
from nst_numpy.look import TopPatches, receptive_box, scanned_image, top_patches
from nst_numpy.look import units as units_module
from nst_numpy.pictures.images import load_image, preprocess, save_image
from nst_numpy.pictures.samples import photo_paths
from nst_numpy.vgg import VGG

LAYERS = {"relu1_1": None, "conv2_1": [1, 4], "pool2": [0, 2]}


@pytest.fixture(scope="module")
def vgg():
    return VGG.random((3, 5), np.random.default_rng(0), convolutions=(1, 2), pool="max")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Six small pictures of differing sizes; the third and fifth are equal: ties."""
    folder, rng = tmp_path_factory.mktemp("pictures"), np.random.default_rng(1)
    images = [rng.integers(0, 256, (9 + i, 12 - i, 3), dtype=np.uint8) for i in range(6)]
    images[4] = images[2]
    for i, image in enumerate(images):
        save_image(folder / f"{i}.png", image)
    return sorted(folder.iterdir())


def by_definition(vgg, files, layer, channel, k, one_per_picture):
    """Rank every position of every picture: as slowly and as plainly as can be."""
    found = []
    for path in files:
        image = load_image(path)
        a = vgg.forward(preprocess(image, dtype=vgg.dtype), [layer])[layer][0, ..., channel]
        of_picture = [
            (float(a[i]), path, *i, receptive_box(layer, *i, image.shape, vgg))
            for i in np.ndindex(*a.shape)
        ]
        of_picture.sort(key=lambda patch: -patch[0])  # stable
        found += of_picture[:1] if one_per_picture else of_picture
    found.sort(key=lambda patch: -patch[0])
    return found[:k]


@pytest.mark.parametrize("one_per_picture", [True, False])
@pytest.mark.parametrize("k", [1, 3, 50])
def test_the_patches_are_those_of_the_definition(vgg, files, k, one_per_picture):
    top = top_patches(vgg, files, LAYERS, k, one_per_picture=one_per_picture)
    assert top.channels == {"relu1_1": (0, 1, 2), "conv2_1": (1, 4), "pool2": (0, 2)}
    for layer, channels in top.channels.items():
        for channel in channels:
            best = top.best(layer, channel)
            assert best == by_definition(vgg, files, layer, channel, k, one_per_picture)
            assert all(type(number) is int for patch in best for number in (*patch[2:4], *patch[4]))


def flat_vgg():
    """Make a VGG whose activations are all 0."""
    params = VGG.random((2,), np.random.default_rng(0)).params
    return VGG({name: (0 * w, 0 * b) for name, (w, b) in params.items()})


def test_of_equal_values_the_first_picture_and_position_count(files):
    top = top_patches(flat_vgg(), files, {"relu1_1": None}, k=3)
    for channel in (0, 1):
        best = top.best("relu1_1", channel)
        assert [(p.value, p.path, p.row, p.col) for p in best] == [
            (0.0, path, 0, 0) for path in files[:3]
        ]
    top = top_patches(flat_vgg(), files, {"relu1_1": [1]}, k=14, one_per_picture=False)
    assert [(p.row, p.col) for p in top.best("relu1_1", 1)] == [
        (i // 12, i % 12) for i in range(14)
    ]


@settings(max_examples=60)
@given(data=st.data())
def test_two_scans_merge_into_the_scan_of_their_union(vgg, files, data):
    order = data.draw(st.lists(st.sampled_from(files), min_size=2, max_size=8), label="pictures")
    cut = data.draw(st.integers(1, len(order) - 1), label="cut")
    more = {
        "k": data.draw(st.sampled_from([1, 2, 4, 9, 200]), label="k"),
        "one_per_picture": data.draw(st.booleans(), label="one per picture"),
    }
    first, second = (top_patches(vgg, part, LAYERS, **more) for part in (order[:cut], order[cut:]))
    whole = top_patches(vgg, order, LAYERS, **more)
    merged = first.merge(second)
    assert merged == whole
    assert merged.best("conv2_1", 4) == whole.best("conv2_1", 4)
    assert merged.merge(second) == whole  # once is enough


def test_extend_scans_only_what_is_new(vgg, files, monkeypatch):
    first = top_patches(vgg, files[:4], LAYERS, 3)
    scanned = []
    real = units_module._scan
    monkeypatch.setattr(
        units_module,
        "_scan",
        lambda vgg, path, *more: scanned.append(path) or real(vgg, path, *more),
    )
    whole = first.extend(vgg, files)
    assert scanned == [str(path) for path in files[4:]]
    assert whole == top_patches(vgg, files, LAYERS, 3)
    assert whole.extend(vgg, files) is whole


def test_json_gives_everything_back(vgg, files, tmp_path):
    for dtype in (np.float32, np.float64):
        net = VGG({n: (w.astype(dtype), b.astype(dtype)) for n, (w, b) in vgg.params.items()})
        (tmp_path / "bad.png").write_bytes(b"no picture")
        top = top_patches(net, [*files, tmp_path / "bad.png"], LAYERS, 4)
        back = TopPatches.from_json(json.loads(json.dumps(top.to_json())))
        assert back == top
        assert back.settings == top.settings
        assert back.pictures == top.pictures
        assert back.skipped == top.skipped
        for layer, ranking in top.rankings.items():
            for name in ("value", "item", "position"):
                array = getattr(ranking, name)
                assert getattr(back.rankings[layer], name).dtype == array.dtype
                np.testing.assert_array_equal(getattr(back.rankings[layer], name), array)
    first = top.to_json()["layers"]["conv2_1"]["patches"][1][0]
    best = top.best("conv2_1", 4)[0]
    assert first["value"] == best.value
    assert files[first["picture"]] == best.path
    assert (first["row"], first["col"], tuple(first["box"])) == best[2:]


def test_a_result_without_pictures_survives_json_and_merges(vgg, files, tmp_path):
    (tmp_path / "bad.png").write_bytes(b"no picture")
    none = top_patches(vgg, [tmp_path / "bad.png"], LAYERS)
    assert none.best("pool2", 0) == []
    assert TopPatches.from_json(none.to_json()) == none
    some = top_patches(vgg, files, LAYERS)
    assert none.merge(some) == top_patches(vgg, [tmp_path / "bad.png", *files], LAYERS)
    assert some.merge(none) == top_patches(vgg, [*files, tmp_path / "bad.png"], LAYERS)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda d: d.pop("settings"),
        lambda d: d.update(format="other"),
        lambda d: d["pictures"].clear(),
        lambda d: d["layers"]["pool2"]["patches"].pop(),
        lambda d: d["layers"]["pool2"]["patches"][0].pop(),
        lambda d: d["layers"]["pool2"]["patches"][0][0].update(value="much"),
    ],
)
def test_other_json_is_refused(vgg, files, spoil):
    data = top_patches(vgg, files[:2], LAYERS).to_json()
    spoil(data)
    with pytest.raises(SettingError, match="not the results of a scan"):
        TopPatches.from_json(data)
    with pytest.raises(SettingError, match="not the results of a scan"):
        TopPatches.from_json([])


def test_scans_that_differ_do_not_merge(vgg, files):
    top = top_patches(vgg, files[:2], {"relu1_1": [0]}, 2)
    other_net = VGG.random((3, 5), np.random.default_rng(9), convolutions=(1, 2), pool="max")
    for other, what in (
        (top_patches(vgg, files[2:], {"relu1_1": [0]}, 3), "different k"),
        (top_patches(vgg, files[2:], {"relu1_1": [0]}, 2, size=20), "different size"),
        (top_patches(other_net, files[2:], {"relu1_1": [0]}, 2), "different network"),
        (top_patches(vgg, files[2:], {"relu1_1": [1]}, 2), "different layers or channels"),
    ):
        with pytest.raises(SettingError, match=what):
            top.merge(other)
    with pytest.raises(SettingError, match="different network"):
        top.extend(other_net, files)
    with pytest.raises(SettingError, match="different network"):
        top.check_network(other_net)
    top.check_network(vgg)


def test_what_cannot_be_scanned_is_skipped_and_named(vgg, files, tmp_path):
    (tmp_path / "broken.jpg").write_bytes(files[0].read_bytes()[:60])
    save_image(tmp_path / "narrow.png", np.zeros((3, 40, 3), dtype=np.uint8))
    paths = [tmp_path / "broken.jpg", files[0], tmp_path / "narrow.png", tmp_path / "missing.png"]
    top = top_patches(vgg, paths, {"pool2": [0]})
    assert [patch.path for patch in top.best("pool2", 0)] == [files[0]]
    assert [Path(s.path).name for s in top.skipped] == ["broken.jpg", "narrow.png", "missing.png"]
    reasons = [s.reason for s in top.skipped]
    assert "damaged or cut off" in reasons[0]
    assert reasons[1].endswith("narrow.png is only 40×3 pixels, too small for pool2")
    assert reasons[2].startswith("there is no file")
    assert not top_patches(vgg, [tmp_path / "narrow.png"], {"relu2_2": [0]}).skipped


def test_a_folder_gives_its_pictures_by_name(vgg, files):
    (files[0].parent / "notes.txt").write_text("no picture", "utf-8")
    (files[0].parent / ".hidden.png").write_text("no picture", "utf-8")
    by_folder = top_patches(vgg, files[0].parent, {"relu1_1": [0]})
    assert by_folder == top_patches(vgg, files, {"relu1_1": [0]})
    assert by_folder == top_patches(vgg, [*files, files[0]], {"relu1_1": [0]})  # each counts once


def test_pictures_are_scanned_at_the_size_asked_for(vgg, files, monkeypatch):
    top = top_patches(vgg, files[:1], {"relu1_1": [0]}, size=24)
    assert top.pictures[0][1:] == scanned_image(files[0], 24).shape[:2] == (18, 24)
    monkeypatch.setattr(units_module, "LARGEST_SIDE", 10)
    top = top_patches(vgg, files[:1], {"relu1_1": [0]})
    assert top.pictures[0][1:] == scanned_image(files[0]).shape[:2] == (8, 10)


def test_ctrl_c_keeps_what_was_found(vgg, files, monkeypatch):
    real = units_module._scan

    def scan(vgg, path, *more):
        if path == str(files[3]):
            raise KeyboardInterrupt
        return real(vgg, path, *more)

    monkeypatch.setattr(units_module, "_scan", scan)
    top = top_patches(vgg, files, LAYERS)
    assert top.interrupted
    monkeypatch.undo()
    assert top == top_patches(vgg, files[:3], LAYERS)
    assert top.extend(vgg, files) == top_patches(vgg, files, LAYERS)


@pytest.mark.parametrize(
    ("layers", "more", "error", "message"),
    [
        ({}, {}, SettingError, "name at least one layer"),
        ({"relu9_1": [0]}, {}, UnknownNameError, "unknown layer 'relu9_1'"),
        ({"relu1_1": [3]}, {}, SettingError, "relu1_1 has channels 0 to 2, not 3"),
        ({"relu1_1": [0]}, {"k": 0}, SettingError, "k must be a whole number of at least 1, not 0"),
        ({"relu1_1": [0]}, {"size": 0}, SettingError, "size must be a whole number"),
    ],
)
def test_what_cannot_be_is_refused_before_the_scan(vgg, layers, more, error, message):
    with pytest.raises(error, match=message):
        top_patches(vgg, ["missing.png"], layers, **more)


def test_no_pictures_are_refused(vgg, tmp_path):
    with pytest.raises(ImageError, match="has no picture in it"):
        top_patches(vgg, tmp_path, {"relu1_1": [0]})
    with pytest.raises(ImageError, match="is not a folder"):
        top_patches(vgg, tmp_path / "missing", {"relu1_1": [0]})
    with pytest.raises(ImageError, match="the list is empty"):
        top_patches(vgg, [], {"relu1_1": [0]})


def test_best_knows_only_what_was_scanned(vgg, files):
    top = top_patches(vgg, files[:1], {"relu1_1": [0]})
    with pytest.raises(SettingError, match="relu2_1 was not scanned: choose from relu1_1"):
        top.best("relu2_1", 0)
    with pytest.raises(SettingError, match="channel 1 of relu1_1 was not scanned"):
        top.best("relu1_1", 1)


def test_a_value_that_is_not_finite_is_an_error(vgg, files):
    w, b = vgg.params["conv1_1"]
    params = vgg.params | {"conv1_1": (w, np.where(np.arange(3) == 1, np.nan, b))}
    with pytest.raises(NonFiniteError, match=r"relu1_1 of .*0\.png has a value"):
        top_patches(VGG(params), files, {"relu1_1": None})


def test_every_photo_has_a_licence_row():
    folder = Path(nst_numpy.__file__).parent / "pictures" / "files" / "photos"
    with open(folder / "LICENCES.tsv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    assert sorted(row["file"] for row in rows) == [path.name for path in photo_paths()]
    assert {row["licence"] for row in rows} == {"CC0-1.0", "Public Domain"}
    assert all(row["author"] and row["source"].startswith("http") for row in rows)
    licences = [row["licence"] for row in rows]
    text = Path(nst_numpy.__file__).parents[1] / "LICENCES.md"
    if text.exists():
        words = " ".join(text.read_text(encoding="utf-8").split())
        public, cc0 = licences.count("Public Domain"), licences.count("CC0-1.0")
        assert f"The {len(rows)} small photographs" in words
        assert f"{public} are in the public domain, {cc0} under CC0 1.0" in words
