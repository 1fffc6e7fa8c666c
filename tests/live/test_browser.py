"""The page in Chromium: paint, pause, ask down to a kernel entry, and no word to anybody else."""

import re
import shutil
import time
from urllib.parse import urlsplit

import pytest

pytest.importorskip("starlette", reason="nst live is an extra")
pytest.importorskip("uvicorn", reason="nst live is an extra")
playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

from nst_numpy.live.server import bind, make_app, serving  # noqa: E402
from nst_numpy.live.studio import Studio  # noqa: E402
from tests.live.scene import tiny, wait  # noqa: E402

CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium"),
]
FIELDS = {"#size": "96", "#iterations": "5000", "#content-layers": "relu2_1=1",
          "#style-layers": "relu1_1=1, relu2_1=1"}  # fmt: skip


@pytest.fixture
def address():
    studio = Studio(tiny(), "chelsea", "starry_night")
    where = bind(0)
    with serving(make_app(studio, "token"), where):
        yield f"http://127.0.0.1:{where.getsockname()[1]}/token/"
    studio.close()


@pytest.fixture
def page():
    with playwright.sync_playwright() as program:
        browser = program.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 390, "height": 844}, color_scheme="dark")
        page.said, page.asked = [], []
        page.on("console", lambda message: page.said.append(message.text))
        page.on("pageerror", lambda error: page.said.append(str(error)))
        page.on("request", lambda request: page.asked.append(request.url))
        yield page
        browser.close()


def title(page):
    found = page.query_selector("#answer h3")
    return found.text_content() if found else ""


def follow(page, selector):
    """Click, and wait for another answer, whose sums must agree."""
    before = title(page)
    page.click(selector)
    wait(lambda: (page.wait_for_timeout(50), title(page) not in ("", before))[1])
    errors = [float(each.get_attribute("data-error")) for each in page.query_selector_all(".check")]
    assert errors
    assert max(errors) <= 1e-6
    return page.get_attribute("#answer", "data-kind")


def test_paint_pause_and_ask_down_to_a_kernel_entry(page, address):
    page.goto(address)
    for field, value in FIELDS.items():
        if "layers" in field and not page.is_visible(field):
            page.click("summary")
        page.fill(field, value)
    page.click("#start")

    def said():
        return page.text_content("#said").strip()

    wait(lambda: (page.wait_for_timeout(50), re.match("Iteration [1-9]", said()))[1])
    page.click("#pause")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    kinds = [follow(page, "#picture")]
    for _ in range(4):
        kinds.append(follow(page, "#answer td button >> nth=0"))
    assert kinds == ["pixel", "term", "layer", "layer", "share"]
    assert follow(page, ".links button >> nth=0") == "forward"
    assert follow(page, "#answer td button >> nth=0") in ("forward", "pixel")
    # by keyboard
    page.focus("#picture")
    for key in ("ArrowDown", "Shift+ArrowRight"):
        page.keyboard.press(key)
    before = page.text_content("#answer")
    page.keyboard.press("Enter")
    wait(lambda: (page.wait_for_timeout(50), page.text_content("#answer") != before)[1])
    # the same address opens the same question
    linked, value = page.url, page.text_content("#answer p >> nth=0")
    assert "kind=pixel" in linked
    page.goto("about:blank")
    page.goto(linked)
    wait(lambda: (page.wait_for_timeout(50), title(page) != "")[1])
    assert page.text_content("#answer p >> nth=0") == value
    time.sleep(0.5)
    assert page.said == []
    others = {urlsplit(url).hostname for url in page.asked if url.startswith("http")}
    assert others == {"127.0.0.1"}
