import asyncio
import io
import json
import os
import re
import socket
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("starlette", reason="nst live is an extra")

from nst_numpy.live.page import page, policy
from nst_numpy.live.server import bind, make_app
from nst_numpy.live.studio import Studio
from tests.live.scene import SETTINGS, tiny, wait

TOKEN = "a-token"
HOST = "127.0.0.1:8000"
STATM = Path("/proc/self/statm")


class Browser:
    """Sends requests to an application, as a server would; no port is opened."""

    def __init__(self, app):
        self.app = app

    def request(self, method, path, body=b"", **headers):
        sent = []
        scope = {
            "type": "http", "method": method, "path": path.partition("?")[0], "root_path": "",
            "query_string": path.partition("?")[2].encode(), "http_version": "1.1",
            "scheme": "http", "server": ("127.0.0.1", 8000), "client": ("127.0.0.1", 1),
            "headers": [(k.replace("_", "-").encode(), v.encode())
                        for k, v in ({"host": HOST} | headers).items()],
        }  # fmt: skip

        async def receive():
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message):
            sent.append(message)

        asyncio.run(self.app(scope, receive, send))
        data = b"".join(m.get("body", b"") for m in sent)
        got = {k.decode(): v.decode() for k, v in sent[0]["headers"]}
        return sent[0]["status"], got, data

    def get(self, path):
        return json.loads(self.request("GET", f"/{TOKEN}/{path}")[2])

    def post(self, path, data, status=200):
        answer = self.request("POST", f"/{TOKEN}/{path}", json.dumps(data).encode())
        assert answer[0] == status, answer[2]
        return json.loads(answer[2])

    def ask(self, question):
        record = self.post("ask", question)
        while "part" in record:
            record = self.get(f"job/{record['job']}")
        return record


@pytest.fixture
def studio():
    made = Studio(tiny(), "chelsea", "starry_night")
    yield made
    made.close()


@pytest.fixture
def browser(studio):
    return Browser(make_app(studio, TOKEN))


def png(shape=(20, 24, 3)):
    buffer = io.BytesIO()
    Image.fromarray(np.full(shape, 99, np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


# who may ask


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/", {}, 403),
        ("/state", {}, 403),
        ("/another/state", {}, 403),
        (f"/{TOKEN}", {}, 307),
        (f"/{TOKEN}/state", {}, 200),
        (f"/{TOKEN}/state", {"host": "localhost:1"}, 200),
        (f"/{TOKEN}/state", {"host": "evil.example:8000"}, 400),
        (f"/{TOKEN}/state", {"host": "127.0.0.1.evil.example"}, 400),
        (f"/{TOKEN}/state", {"host": ""}, 400),
        (f"/{TOKEN}/state", {"origin": "http://evil.example"}, 403),
        (f"/{TOKEN}/state", {"origin": "null"}, 403),
        (f"/{TOKEN}/state", {"origin": "http://127.0.0.1:9999"}, 403),
        (f"/{TOKEN}/state", {"origin": f"http://{HOST}"}, 200),
        (f"/{TOKEN}/state", {"sec_fetch_site": "cross-site"}, 403),
        (f"/{TOKEN}/nothing", {}, 404),
    ],
)
def test_only_the_page_itself_may_ask(browser, path, headers, status):
    found, got, _ = browser.request("GET", path, **headers)
    assert found == status
    assert got["content-security-policy"] == policy()
    assert got["referrer-policy"] == "no-referrer"
    assert got["cache-control"] == "no-store"


def test_the_page_allows_its_own_blocks_alone_and_names_no_other_place(browser):
    status, _, data = browser.request("GET", f"/{TOKEN}/")
    text = data.decode()
    assert status == 200
    assert not re.search(r"\w://|(src|href)=.//", text)
    assert "unsafe" not in policy()
    assert "style=" not in text.replace('"style="', "")
    assert not re.search(r"\son\w+=", text)
    assert page() == text


# pictures


def test_a_picture_that_is_dropped_is_read_as_any_other(browser, studio):
    name = "%3Cb%3Emy%20cat.png"
    status, _, _ = browser.request("POST", f"/{TOKEN}/drop/content", png(), x_name=name)
    assert status == 200
    assert browser.get("state")["names"]["content"] == "<b>my cat.png"
    assert studio.picture("content").shape == (20, 24, 3)


@pytest.mark.parametrize("data", [b"", b"GIF89a no picture", png()[:60], b"<svg/>"])
def test_what_is_no_picture_is_said_in_one_sentence_and_nothing_is_lost(browser, studio, data):
    status, _, said = browser.request("POST", f"/{TOKEN}/drop/style", data, x_name="a.png")
    assert status == 400
    error = json.loads(said)["error"]
    assert "\n" not in error
    assert "nst-live-" not in error  # where it was put is nobody's business
    assert browser.get("state")["names"]["style"] == "starry_night"
    assert studio.picture("style").ndim == 3


def test_what_is_too_large_is_not_kept(browser, monkeypatch):
    monkeypatch.setattr("nst_numpy.live.server.MOST_BYTES", 1000)
    status, _, said = browser.request("POST", f"/{TOKEN}/drop/style", bytes(1001))
    assert status == 400
    assert "use a smaller one" in json.loads(said)["error"]
    status, _, _ = browser.request("POST", f"/{TOKEN}/start", b"[" * 70_000)
    assert status == 400


def test_a_page_chooses_samples_and_no_files_of_this_machine(browser):
    assert browser.post("choose", {"role": "style", "name": "night_cafe"})["names"]["style"]
    for name in ("/etc/passwd", "../photo.jpg", "", None):
        browser.post("choose", {"role": "style", "name": name}, 400)
    browser.post("choose", {"role": "elsewhere", "name": "chelsea"}, 400)


# a run


def test_paint_pause_ask_go_on_and_save(browser, studio):
    browser.post("start", SETTINGS | {"until": 2})
    wait(lambda: studio.painting.phase == "paused")
    state = browser.get("state?since=1")
    assert (state["iteration"], state["iterations"], len(state["history"])) == (2, 4, 1)
    status, got, data = browser.request("GET", f"/{TOKEN}/picture/now")
    assert (status, got["content-type"]) == (200, "image/jpeg")
    assert Image.open(io.BytesIO(data)).size == (state["width"], state["height"])
    record = browser.ask({"kind": "pixel", "row": 3, "col": 4, "colour": "blue"})
    assert record["answer"]["iteration"] == 2
    assert all(each["addsUp"] for each in record["answer"]["sums"])
    browser.post("start", SETTINGS, 409)  # also from another tab
    browser.post("do", {"action": "strength", "value": 60})
    browser.post("do", {"action": "go"})
    wait(lambda: studio.painting.phase == "done")
    assert studio.unsaved is not None
    status, got, data = browser.request("GET", f"/{TOKEN}/save")
    assert got["content-disposition"] == 'attachment; filename="painted-4.png"'
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(data))), studio.painting.image)
    assert studio.unsaved is None
    assert browser.get("state")["changes"] == [[0, 50.0], [2, 60.0]]


def test_what_cannot_be_is_one_sentence_and_the_server_stays(browser):
    for path, data in [
        ("do", {"action": "go"}), ("ask", {"kind": "pixel"}), ("start", {"size": 3}),
        ("start", {"engine": "plain"}), ("start", {"size": "large"}), ("start", {"strength": 1e9}),
        ("start", {"style_loss": "no"}), ("start", {"style_layers": {"relu9_9": 1}}),
        ("start", {"until": -1}), ("start", {"size": 10**9}), ("start", {"style_layers": [1]}),
    ]:  # fmt: skip
        said = browser.post(path, data, 400)["error"]
        assert said
        assert "\n" not in said
    assert browser.request("POST", f"/{TOKEN}/start", b"{")[0] == 400
    assert browser.request("POST", f"/{TOKEN}/start", b"[]")[0] == 400
    assert browser.get("state")["phase"] == "empty"
    status, _, _ = browser.request("GET", f"/{TOKEN}/save")
    assert status == 400


def test_a_question_is_cancelled_by_the_next_and_by_its_button(browser, studio):
    browser.post("start", SETTINGS | {"until": 0})
    first = studio.ask({"kind": "pixel", "row": 0, "col": 0, "colour": "red"})
    second = studio.ask({"kind": "pixel", "row": 1, "col": 0, "colour": "red"})
    assert first.cancelled
    browser.post(f"cancel/{second.number}", {})
    assert second.cancelled
    browser.post(f"cancel/{first.number}", {}, 400)


@pytest.mark.slow
@pytest.mark.skipif(not STATM.exists(), reason="only Linux says so how much memory is in use")
def test_memory_is_flat_over_200_questions(browser, studio):
    browser.post("start", SETTINGS | {"until": 1})
    wait(lambda: studio.painting.phase == "paused")

    def ask(i):
        record = browser.ask({"kind": "pixel", "row": i % 20, "col": i % 31, "colour": "red"})
        assert "answer" in record

    def pages():
        return int(STATM.read_text().split()[1])

    for i in range(50):
        ask(i)
    before = pages()
    for i in range(200):
        ask(i)
    assert (pages() - before) * os.sysconf("SC_PAGE_SIZE") < 8 << 20


# a port


def test_a_port_in_use_leads_to_the_next():
    with bind(0) as taken:
        number = taken.getsockname()[1]
        with bind(number) as found:
            assert number < found.getsockname()[1] < number + 20
            assert found.getsockname()[0] == "127.0.0.1"
            assert found.family == socket.AF_INET
