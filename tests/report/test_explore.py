import base64
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from nst_numpy.errors import ImageError, OutputError, SettingError, UnknownNameError
from nst_numpy.pictures.images import load_image, preprocess
from nst_numpy.pictures.samples import sample_path
from nst_numpy.report import explore_page
from nst_numpy.report.explore import square
from nst_numpy.vgg import VGG
from tests import PATIENCE
from tests.report.test_page import Page, assert_strict, picture

NODE, CHROMIUM = shutil.which("node"), shutil.which("chromium")
TEMPLATES = Path(__file__).resolve().parents[2] / "nst_numpy" / "report" / "templates"
NET = (TEMPLATES / "explore_net.js").read_text(encoding="utf-8")
CHANGED = (5, 2, [250, 3, 90])  # row, column, RGB
NUMBER = ("conv2_1", 1, 2, 3)

# What the page does, without a page: all arrays of J's three kinds, and after a pixel has changed.
ASKED = """
const net = makeNet(data), found = {};
function index(name, row, col, channel) {
  const i = net.layers.findIndex(layer => layer.name === name);
  return { kind: "number", layer: i, index: indexOf(net.layers[i], row, col, channel) };
}
function keep(name) {
  found[name] = { J: costOf(net), a: {}, g: {} };
  for (const layer of net.layers) {
    found[name].a[layer.name] = Array.from(layer.a);
    found[name].g[layer.name] = Array.from(layer.g);
  }
}
const asks = { energy: { kind: "energy" }, content: { kind: "content" }, number: index(...number) };
for (const name in asks) { askFor(net, asks[name]); keep(name + " before"); }
for (const name in asks) {
  askFor(net, asks[name]);
  changePixel(net, ...changed);
  keep(name + " after");
  if (name !== "number") { changePixel(net, changed[0], changed[1], Array.from(before)); }
}
found.up = termsUp(net, 1, 3, 0, 1).map(group => group.sum);
found.down = termsDown(net, 0, 0, 4, 2).map(group => group.sum);
console.log(JSON.stringify(found));
"""


def network(pool="avg", seed=4):
    """Make a small VGG with numbers that half precision holds exactly, in double."""
    rng = np.random.default_rng(seed)
    return halves(VGG.random((4, 5), rng, convolutions=(2, 1), pool=pool))


def halves(network):
    """Round the first layers as the page does, and leave the others away."""
    names = "conv1_1", "conv1_2", "conv2_1"
    rounded = {name: [a.astype(np.float16) for a in network.params[name]] for name in names}
    params = {name: (w.astype(float), b.astype(float)) for name, (w, b) in rounded.items()}
    return VGG(params, network.pool, "plain")


def data_of(page):
    return json.loads(re.search(r"var data = (.*);\n", page.text)[1])


def passes(network, x, seed):
    """Return values and gradients at every layer; `seed` says layer and gradient, given values."""
    values, caches = {"x": x}, {}
    for name, a, cache in network._run(x):
        values[name], caches[name] = a, cache
        if name == "relu2_1":
            break
    grads = {name: np.zeros_like(a) for name, a in values.items()}
    names = list(values)
    top, grads[top] = seed(values)
    for below, name in reversed(list(pairwise(names[: names.index(top) + 1]))):
        grads[below] = network.layers[name].input_gradient(grads[name], caches[name])
    return values, grads


def energy(values):
    return "relu2_1", values["relu2_1"]


def content_against(first):
    return lambda values: ("relu2_1", values["relu2_1"] - first)


def number(values):
    name, *place = NUMBER
    grad = np.zeros_like(values[name])
    grad[0, place[0], place[1], place[2]] = 1
    return name, grad


def assert_near(found, expected, what):
    """Check that numbers are equal to 1e-4, and to a millionth of the largest."""
    expected = np.ravel(expected)
    np.testing.assert_allclose(
        found, expected, rtol=1e-4, atol=1e-6 * np.abs(expected).max(), err_msg=str(what)
    )


@pytest.mark.skipif(NODE is None, reason="needs node")
@pytest.mark.parametrize(("pool", "size"), [("avg", 9), ("max", 8)])
def test_the_script_computes_what_numpy_does(pool, size):
    net, image = network(pool), picture(7, size, size)
    given = {
        "data": data_of(explore_page(image, net, size=size)),
        "number": NUMBER,
        "changed": CHANGED,
        "before": image[CHANGED[0], CHANGED[1]].tolist(),
    }
    begin = "".join(f"const {name} = {json.dumps(value)};\n" for name, value in given.items())
    ran = subprocess.run(
        [NODE, "-"], input=begin + NET + ASKED, capture_output=True, encoding="utf-8",
        timeout=PATIENCE, check=True,
    )  # fmt: skip
    found = json.loads(ran.stdout)
    changed = image.copy()
    changed[CHANGED[0], CHANGED[1]] = CHANGED[2]
    first = passes(net, preprocess(image, np.float64), energy)[0]["relu2_1"]
    seeds = {"energy": energy, "content": content_against(first), "number": number}
    for when, shown in (("before", image), ("after", changed)):
        for kind, seed in seeds.items():
            values, grads = passes(net, preprocess(shown, np.float64), seed)
            one = found[f"{kind} {when}"]
            for name in values:
                assert_near(one["a"][name], values[name], (kind, when, name))
                if (kind, when) != ("content", "before"):
                    assert_near(one["g"][name], grads[name], (kind, when, name))
            top, grad = seed(values)
            at = NUMBER[1:]
            cost = values[top][0][at] if kind == "number" else 0.5 * (grad**2).sum()
            assert one["J"] == pytest.approx(cost, rel=1e-4, abs=1e-9)
    # a number is its bias and the sums of its channels; `number after` is what was asked last
    w, b = net.params["conv1_1"]
    values, grads = passes(net, preprocess(changed, np.float64), number)
    assert sum(found["up"]) + b[1] == pytest.approx(values["conv1_1"][0, 3, 0, 1], rel=1e-4)
    assert sum(found["down"]) == pytest.approx(grads["x"][0, 0, 4, 2], rel=1e-4, abs=1e-9)
    window = preprocess(changed, np.float64)[0, 2:5, 0:2]  # at the left edge: two columns
    assert_near(found["up"], (window * w[:, 1:, :, 1]).sum(axis=(0, 1)), "channels")


class Numbers(HTMLParser):
    """The numbers that a page shows, exactly, by their names."""

    def __init__(self, text):
        super().__init__()
        self.found = {}
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag == "data" and "data-name" in given:
            self.found.setdefault(given["data-name"], []).append(float(given["value"]))


@pytest.fixture(scope="module")
def castle(tmp_path_factory):
    """The page about the castle, with the network's own numbers."""
    path = tmp_path_factory.mktemp("explore") / "explore.html"
    page = explore_page("neuschwanstein", VGG.load())
    page.save(path)
    return path, halves(VGG.load())


def shown_by(path, address, folder):
    """Open a page in Chromium, and read the numbers in it."""
    ran = subprocess.run(
        [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=30000",
         f"--user-data-dir={folder}", "--dump-dom", f"{path.as_uri()}#{address}"],
        capture_output=True, encoding="utf-8", timeout=PATIENCE, check=True,
    )  # fmt: skip
    return Numbers(ran.stdout).found


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")
@pytest.mark.parametrize(
    ("layer", "channel", "pixels"),
    [("conv1_1", 7, ""), ("conv1_2", 35, "1300.255.0.0"), ("relu1_1", 12, ""), ("x", 1, ""),
     ("pool1", 3, "1300.255.0.0")],
)  # fmt: skip
def test_the_page_shows_in_chromium_what_numpy_computes(castle, tmp_path, layer, channel, pixels):
    path, net = castle
    row, col = (10, 9) if layer == "pool1" else (20, 19)
    address = f"layer={layer}&row={row}&col={col}&channel={channel}&ask=energy&pixels={pixels}"
    found = shown_by(path, address, tmp_path / "browser")
    image = square(load_image(sample_path("neuschwanstein")), 64)
    if pixels:
        image[1300 // 64, 1300 % 64] = 255, 0, 0
    values, grads = passes(net, preprocess(image, np.float64), energy)
    assert_near(found["value"], values[layer][0, row, col, channel], "value")
    assert_near(found["gradient"], grads[layer][0, row, col, channel], "gradient")
    assert found["J"][0] == pytest.approx(0.5 * (values["relu2_1"] ** 2).sum(), rel=1e-4)
    names = ["x", *net.layer_names]
    if layer in ("conv1_1", "conv1_2"):
        below, (w, b) = values[names[names.index(layer) - 1]], net.params[layer]
        assert_shown(found, "up", below, w[:, :, :, channel], (row, col))
        assert_near(found["bias"], np.float64(b[channel]), "bias")
        parts = sum(found["bias"] + found["up-best"] + found.get("up-rest", []))
        assert parts == pytest.approx(found["up-added"][0], rel=1e-9)
    else:
        above = names[names.index(layer) + 1]
        turned = net.params[above][0][::-1, ::-1, channel]
        assert_shown(found, "down", grads[above], turned, (row, col))
        parts = sum(found["down-best"] + found["down-rest"])
        assert parts == pytest.approx(found["down-added"][0], rel=1e-9)


def assert_shown(found, way, numbers, kernel, place):
    """Check the windows that a page writes out: numbers × kernel = products, their sum, all."""
    row, col = place
    window = numbers[0, row - 1 : row + 2, col - 1 : col + 2]
    channels = [int(name.split("-")[2]) for name in found if name.startswith(f"{way}-number-")]
    assert len(channels) == 3
    for channel in channels:
        products = window[:, :, channel] * kernel[:, :, channel]
        assert_near(found[f"{way}-number-{channel}"], window[:, :, channel], "numbers")
        assert_near(found[f"{way}-weight-{channel}"], kernel[:, :, channel], "kernel")
        assert_near(found[f"{way}-product-{channel}"], products, "products")
    sums = (window * kernel).sum(axis=(0, 1))
    assert_near(found[f"{way}-sum"], sums[channels], "sums")
    assert sorted(np.abs(sums))[-3:] == pytest.approx(sorted(np.abs(found[f"{way}-sum"])), rel=1e-4)


# the file


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    path = tmp_path_factory.mktemp("explore") / "explore.html"
    explore_page(picture(1), network(), size=8, name="me</script><b>").save(path)
    return Page(path)


def test_every_tag_is_closed_and_nothing_is_fetched(made):
    assert made.open == []
    for _, attrs in made.tags:
        for name in ("src", "href", "action"):
            assert attrs.get(name, "data:").startswith("data:")
    assert "http" not in made.source.replace("http-equiv", "")
    assert "url(" not in made.source


def test_the_policy_allows_the_blocks_of_the_page_alone(made):
    assert (len(made.blocks["style"]), len(made.blocks["script"])) == (1, 2)
    assert_strict(made)
    assert "me</script><b>" in made.text


def test_every_control_has_its_label_and_every_id_is_its_own(made):
    ids = [attrs["id"] for _, attrs in made.tags if "id" in attrs]
    assert len(set(ids)) == len(ids)
    labels = [attrs["for"] for attrs in made.all("label")]
    controls = [attrs["id"] for attrs in made.all("input") + made.all("select")]
    assert sorted(labels) == sorted(controls)
    for canvas in made.all("canvas"):
        assert canvas["tabindex"] == "0"
        assert canvas["aria-label"]


def test_the_page_holds_the_middle_of_the_picture():
    image = picture(2, 40, 24)
    data = base64.b64decode(data_of(explore_page(image, network(), size=24))["image"])
    assert np.frombuffer(data, np.uint8).tolist() == image[8:32].ravel().tolist()


def test_with_the_real_network_it_is_below_400_thousand_bytes():
    page = explore_page("chelsea", VGG.load())
    assert 300_000 < len(page.text.encode()) < 400_000
    assert repr(page).startswith("<ExplorePage: chelsea in the first layers, a page of 35")


def test_a_notebook_shows_it_in_a_frame_that_may_compute_and_nothing_else():
    page = explore_page(picture(1), network(), size=8, name='"me"')
    shown = Frames(page._repr_html_()).frames
    assert len(shown) == 1
    assert shown[0]["srcdoc"] == page.text
    assert shown[0]["sandbox"] == "allow-scripts"
    assert '"me"' in shown[0]["title"]


class Frames(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.frames = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        assert tag == "iframe"
        self.frames.append(dict(attrs))


def test_what_cannot_be_explored_is_refused(tmp_path):
    image, net = picture(1), network()
    with pytest.raises(SettingError, match="size must be at least 8 pixels, not 7"):
        explore_page(image, net, size=7)
    with pytest.raises(SettingError, match="size must be 128 pixels at most, not 129"):
        explore_page(image, net, size=129)
    with pytest.raises(UnknownNameError, match="relu2_1"):
        explore_page(image, VGG.random((3,), np.random.default_rng(0)))
    with pytest.raises(ImageError):
        explore_page(tmp_path / "none.png", net)
    w, b = net.params["conv1_2"]
    large = VGG(dict(net.params) | {"conv1_2": (w * 1e6, b)})
    with pytest.raises(SettingError, match="conv1_2 has numbers above 65504"):
        explore_page(image, large)
    with pytest.raises(OutputError):
        explore_page(image, net, size=8).save(tmp_path)
