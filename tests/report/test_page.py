import base64
import hashlib
import io
import shlex
import signal
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from nst_numpy import report
from nst_numpy.cli import main
from nst_numpy.errors import OutputError
from nst_numpy.measure import free_memory
from nst_numpy.pictures.images import load_image, resize_image, save_image
from nst_numpy.report import RunRecorder, geometric, write_report
from nst_numpy.report.page import _facts
from nst_numpy.style_transfer import Run, Settings
from nst_numpy.vgg import VGG

TINY = VGG.random((4, 6), np.random.default_rng(3), dtype=np.float32)
LAYERS = {
    "content_layers": {"relu2_1": 1.0},
    "style_layers": {"relu1_1": 0.5, "relu2_1": 0.25},
}
VOID = {"meta", "link", "img", "input", "br", "line"}


class Page(HTMLParser):
    """What the tests want to know of a page."""

    def __init__(self, path):
        super().__init__()
        self.source = Path(path).read_text(encoding="utf-8")
        self.tags, self.text, self.open = [], "", []
        self.blocks = {"style": [], "script": []}
        self.feed(self.source)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        inside = self.open[-1] if self.open else ""
        if inside in self.blocks:
            self.blocks[inside].append(data)
        else:
            self.text += f" {data.strip()}"

    def all(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]


def picture(seed, height=24, width=32):
    coarse = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    return resize_image(coarse, (height, width))


def make(path, *, callback=None, write=None, **changes):
    """Run with the tiny network, and write the report."""
    settings = Settings(**({"size": 32, "iterations": 6, **LAYERS} | changes))
    run = Run(settings, TINY, picture(1), picture(2, 40, 30))
    recorder = RunRecorder(run)
    result = run.go([recorder, *([callback] if callback else [])])
    write_report(path, result, recorder, **(write or {}))
    return result, recorder


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "run.html"
    result, _ = make(path, write={"names": ("me.jpg", "art.png"), "command": "nst transfer a b"})
    return Page(path), result


def image_of(attrs):
    head, _, data = attrs["src"].partition(",")
    assert head in ("data:image/jpeg;base64", "data:image/png;base64")
    with Image.open(io.BytesIO(base64.b64decode(data, validate=True))) as image:
        image.load()
        return image


# the page


def test_several_paintings_with_masks():
    run = Run(
        Settings(size=32, iterations=2, style_weights=[0.7, 0.3], **LAYERS), TINY, picture(1),
        [picture(2, 40, 30), picture(3)], masks=[(np.tri(24, 32), None), (None, np.tri(24, 32))],
    )  # fmt: skip
    recorder = RunRecorder(run)
    result = run.go([recorder])
    write_report("r.html", result, recorder, names=("me.jpg", "a.png", "b.png"))
    page, text = Page("r.html"), Path("r.html").read_text(encoding="utf-8")
    assert page.open == []
    assert "me in the style of a and b" in text
    for part in (
        "Style 1: a.png",
        "Style 2: b.png",
        "relu1_1, style 1,",
        "relu1_1, style 2,",
        "style/1/relu1_1",
        "style/2/relu2_1",
        "array/whole, whole/array",
        "0.7, 0.3",
    ):
        assert part in text
    assert "How good it is" not in text  # the judge knows of no masks


def test_every_tag_is_closed(made):
    assert made[0].open == []


def test_nothing_is_fetched_from_elsewhere(made):
    page, _ = made
    addresses = [
        attrs[name]
        for _, attrs in page.tags
        for name in ("src", "href", "xlink:href", "srcset", "action", "poster")
        if name in attrs
    ]
    assert len(addresses) > 10
    assert all(address.startswith(("data:", "#")) for address in addresses)
    assert "@import" not in page.source
    assert not [a for a in page.source.split("url(")[1:] if not a.startswith("#")]


def assert_strict(page):
    """Check that a page allows its own blocks, by their hashes, and nothing else."""
    [policy] = [a for a in page.all("meta") if "http-equiv" in a]
    assert policy["http-equiv"] == "Content-Security-Policy"
    allowed = {words[0]: words[1:] for words in map(str.split, policy["content"].split("; "))}
    hashes = {
        f"{kind}-src": [
            f"'sha256-{base64.b64encode(hashlib.sha256(block.encode()).digest()).decode()}'"
            for block in blocks
        ]
        for kind, blocks in page.blocks.items()
    }
    none = {key: ["'none'"] for key in ("default-src", "base-uri", "form-action")}
    assert allowed == {"img-src": ["data:"], **none, **hashes}
    # a policy holds for what stands below it
    tags = [tag for tag, _ in page.tags]
    first = next(i for i, (_, attrs) in enumerate(page.tags) if attrs is policy)
    assert first < min(tags.index("style"), tags.index("script"), tags.index("link"))
    # no hash can allow these
    for tag, attrs in page.tags:
        assert not [name for name in attrs if name == "style" or name.startswith("on")], tag
        assert tag not in ("base", "form", "iframe", "object", "embed")


def test_the_policy_allows_the_blocks_of_the_page_alone(made):
    page, _ = made
    assert (len(page.blocks["style"]), len(page.blocks["script"])) == (1, 2)
    assert_strict(page)


def test_the_curves_keep_their_looks_without_styles(made):
    page, _ = made
    texts = [attrs for attrs in page.all("text") if "text-anchor" in attrs]
    assert {attrs["font-size"] for attrs in texts} == {"10px", "11px"}
    assert all("sans-serif" in attrs["font-family"] for attrs in texts)
    assert {"#d55e00", "#0072b2", "currentColor"} <= {a.get("stroke") for a in page.all("path")}


def test_a_font_that_is_declared_at_once_becomes_attributes():
    old = "font: 10px 'Arial', sans-serif; text-anchor: middle"
    new = "font-size: 10px; font-family: 'Arial', sans-serif; text-anchor: middle"
    assert report.page._attributes(old) == report.page._attributes(new)
    assert ' font-size="10px"' in report.page._attributes(old)


def test_every_picture_has_alt_text_and_decodes_at_its_size(made):
    pictures = made[0].all("img")
    for attrs in pictures:
        assert attrs["alt"].strip()
        image = image_of(attrs)
        assert (image.width, image.height) == (int(attrs["width"]), int(attrs["height"]))
    alts = [attrs["alt"] for attrs in pictures]
    assert len(set(alts)) == len(alts)
    assert "The style picture: art.png" in alts
    assert "The picture at the start" in alts
    assert "The picture after iteration 6" in alts
    assert len([alt for alt in alts if alt.startswith("Gram matrix")]) == 6


def test_settings_message_command_and_losses_are_there(made):
    page, result = made
    assert result.message in page.text
    assert "nst transfer a b" in page.text
    for name in result.settings:
        assert name.replace("_", " ") in page.text
    for term, value in result.history[-1]["terms"].items():
        assert term in page.text
        assert f"{value:.3g}" in page.text
    assert f"{result.settings['beta']:g}" in page.text
    assert "MB were expected" in page.text


def test_times_are_told_as_people_tell_them():
    run = SimpleNamespace(
        iterations=300, estimate=lambda: SimpleNamespace(multiplications=3.8401e12, bytes=1e9)
    )
    recorder = SimpleNamespace(run=run, expected_seconds=197.3)
    history = [{"seconds": 70.0 * n, "height": 8, "width": 8} for n in (1, 2, 3)]
    result = SimpleNamespace(message="done", iterations=3, seconds=210.0, history=history)
    facts = dict(_facts(result, recorder, None))
    assert facts["Time"] == "3 min 30 s; about 3 min 20 s were expected"
    assert facts["Time of an iteration"] == "1 min 10 s (median)"
    assert facts["Arithmetic"] == "3,840 · 10⁹ multiplications a step"


def test_the_slider_has_a_label_and_every_id_is_its_own(made):
    page, _ = made
    [slider] = [attrs for attrs in page.all("input") if attrs["type"] == "range"]
    assert slider["id"] in [attrs["for"] for attrs in page.all("label")]
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(set(ids)) == len(ids)
    assert {attrs["aria-labelledby"] for attrs in page.all("section")} <= set(ids)


def test_the_page_suits_phone_and_night(made):
    page, _ = made
    assert page.all("html") == [{"lang": "en"}]
    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in page.all(
        "meta"
    )
    assert "prefers-color-scheme: dark" in page.source
    assert "@media print" in page.source
    # ink in the curves is the text's colour
    assert "currentColor" in page.source
    assert "#222222" not in page.source


HOSTILE = [
    "<script>alert(1)</script>&\"'.jpg",
    "\"><img src=http://127.0.0.1/a.png onerror='alert(1)'>\n.jpg",
    "</title></style></script><base href=http://127.0.0.1/><!--",
    "http://127.0.0.1/?a&lt;b&amp;c.png",
    "{{ 7 * 7 }}{% raw %}",
]


@pytest.mark.parametrize("evil", HOSTILE)
def test_text_is_escaped(evil):
    command = shlex.join(["nst", "transfer", evil])
    make("r.html", write={"names": (evil, evil), "command": command}, iterations=1)
    page = Page("r.html")
    assert_strict(page)
    assert [len(page.all(tag)) for tag in ("script", "style", "link")] == [2, 1, 1]  # its own
    assert command.strip() in page.text
    assert page.all("img")[0]["alt"] == f"The content picture: {evil}"
    assert all(attrs["src"].startswith("data:") for attrs in page.all("img"))


def test_what_a_loss_of_ones_own_is_called_is_escaped():
    evil = '<script>alert(1)</script>$x^2$" style="fill:red'
    result, recorder = make("r.html")
    for row in result.history:
        row["terms"][evil] = 1.0
    write_report("r.html", result, recorder)
    page = Page("r.html")
    assert_strict(page)
    assert evil in page.text


def test_a_name_that_is_not_utf8_is_written():
    make("r.html", write={"names": ("caf\udce9.jpg", "b")}, iterations=1)
    assert "caf\\udce9.jpg" in Page("r.html").text


def test_large_pictures_are_made_smaller():
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (1200, 1800, 3), dtype=np.uint8)
    settings = Settings(size=1800, iterations=1, scales=1, beta=0.0, **LAYERS)
    run = Run(settings, VGG.random((1, 1), rng, dtype=np.float32), noise, noise)
    recorder = RunRecorder(run)
    result = run.go([recorder])
    write_report("r.html", result, recorder)
    # noise is the worst that JPEG can meet
    assert Path("r.html").stat().st_size < 5e6
    assert max(int(attrs["width"]) for attrs in Page("r.html").all("img")) == 1024


# runs that are not the usual ones


def test_a_run_over_scales():
    result, _ = make("r.html", scales=2, iterations=3)
    page = Page("r.html")
    assert "6 of 6" in page.text
    assert "at the last size" in page.text
    first = result.history[3]["terms"]["content/relu2_1"]
    assert f"{first:.3g}" in page.text


def test_a_run_without_a_single_iteration():
    settings = Settings(size=32, iterations=3, alpha=1, beta=0, **LAYERS)
    run = Run(settings, TINY, picture(1), picture(2))
    recorder = RunRecorder(run)
    result = run.go([recorder])  # from the content itself: no gradient, nothing to do
    assert result.iterations == 0
    write_report("r.html", result, recorder)
    page = Page("r.html")
    assert "0 of 3" in page.text
    assert "the gradient is 0 at the start" in page.text
    assert "The losses" not in page.text
    assert "Gram matrices" not in page.text


def test_an_interrupted_run_says_so():
    def interrupt(progress):
        if progress.iteration == 2:
            signal.raise_signal(signal.SIGINT)

    make("r.html", callback=interrupt)
    page = Page("r.html")
    assert "stopped by Ctrl-C" in page.text
    assert "2 of 6" in page.text


def test_total_variation_and_one_style_layer():
    make("r.html", tv_weight=0.1, style_layers={"relu2_1": 1.0, "relu1_1": 0.0}, iterations=2)
    page = Page("r.html")
    assert "tv" in page.text
    assert len([a for a in page.all("img") if a["alt"].startswith("Gram matrix")]) == 3


def test_the_gram_matrices_are_those_of_the_last_scale():
    result, recorder = make("r.html", scales=2, iterations=2, style_size=20)
    run, (row,) = recorder.run, report.page._grams(recorder.run, result.image)[:1]
    assert row["layer"] == "relu1_1"
    objective = run.objective(1)
    positions = np.prod(run.vgg.feature_shapes(run.shape(1), ["relu1_1"])["relu1_1"][:-1])
    target = objective.style_targets["relu1_1"] / positions
    a = run.vgg.forward(run.x(result.image, 1), ["relu1_1"])["relu1_1"].reshape(positions, -1)
    distance = np.linalg.norm(a.T @ a / positions - target) / np.linalg.norm(target)
    assert row["pictures"][1]["distance"] == f"{distance:.2f}"
    assert row["pictures"][2]["distance"] == "0.00"


def test_a_system_that_does_not_tell_its_memory(monkeypatch):
    monkeypatch.setattr(free_memory, "resource", None)
    make("r.html", iterations=1)
    assert "unknown on this system" in Page("r.html").text


# the recorder


def test_pictures_are_kept_at_geometric_iterations():
    result, recorder = make("r.html", iterations=30)
    kept = [snapshot.iteration for snapshot in recorder.snapshots]
    assert kept == [0, *geometric(30, 12)]
    losses = {entry["iteration"]: entry["loss"] for entry in result.history}
    assert all(s.loss == losses[s.iteration] for s in recorder.snapshots[1:])


def test_a_run_that_starts_again_begins_again():
    settings = Settings(size=32, iterations=5, **LAYERS)
    run = Run(settings, TINY, picture(1), picture(2))
    recorder = RunRecorder(run)
    for _ in range(2):
        run.go([recorder])
        assert [snapshot.iteration for snapshot in recorder.snapshots] == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("last", [1, 2, 12, 150, 10_000])
def test_geometric_numbers(last):
    numbers = geometric(last, 12)
    assert numbers[0] == 1
    assert numbers[-1] == last
    assert len(numbers) == len(set(numbers)) <= 12
    assert len(numbers) == 12 or last < 500


# the command


@pytest.fixture
def tiny_network(monkeypatch):
    monkeypatch.setattr(VGG, "load", classmethod(lambda cls, *args, **options: TINY))


def nst(*words):
    try:
        return main([str(word) for word in words])
    except SystemExit as leave:
        return leave.code


QUICK = [
    *("--size", "32", "--iterations", "2", "--quiet"),
    *("--content-layers", "relu2_1", "--style-layers", "relu1_1,relu2_1=0.123456789"),
]


def test_the_command_writes_a_report_whose_command_does_the_same_again(tiny_network):
    save_image("a photo; <b>.png", picture(5))
    words = ["transfer", "a photo; <b>.png", "starry_night", *QUICK, "--init", "noise"]
    assert nst(*words, "--seed", "3", "-o", "one.png", "--report", "run.html") == 0
    page = Page("run.html")
    [start] = [i for i, (tag, _) in enumerate(page.tags) if tag == "pre"]
    assert page.tags[start + 1][0] == "code"
    command = shlex.split(page.text[page.text.index("nst transfer") :].split("one.png")[0])
    assert "relu1_1=1.0,relu2_1=0.123456789" in command
    assert nst(*command[1:], "two.png", "--quiet") == 0
    assert (load_image("one.png") == load_image("two.png")).all()


def test_demo_writes_one(tiny_network):
    assert nst("demo", *QUICK, "-o", "here") == 0
    page = Page("here/report.html")
    assert "neuschwanstein in the style of starry_night" in page.text
    assert "nst transfer neuschwanstein starry_night --size 32" in page.text
    assert "-o painted.png" in page.text


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing/run.html", "the folder missing does not exist"),
        (".", ". is a folder"),
        ("out.png", "out.png cannot hold both the picture and the report"),
        ("run.json", "run.json cannot hold both the JSON and the report"),
    ],
)
def test_a_report_that_cannot_be_written_is_found_before_the_run(
    monkeypatch, capsys, name, message
):
    monkeypatch.setattr(VGG, "load", lambda *args, **options: pytest.fail("the weights were read"))
    words = ["transfer", "chelsea", "starry_night", "-o", "out.png", "--json", "run.json"]
    assert nst(*words, "--report", name) == 2
    err = capsys.readouterr().err
    assert err.startswith(f"nst: {message}")
    assert len(err.splitlines()) == 1
    assert not list(Path().iterdir())


def test_a_report_that_cannot_be_written_leaves_the_picture(tiny_network, monkeypatch):
    def fail(*args, **options):
        raise OutputError("the disk is full")

    monkeypatch.setattr(report, "write_report", fail)
    words = ["transfer", "chelsea", "starry_night", *QUICK, "-o", "out.png"]
    assert nst(*words, "--report", "run.html") == 2
    assert load_image("out.png").shape == (21, 32, 3)
