"""The page that replays the backward pass; in a browser where there is one."""

from __future__ import annotations

import json
import re
import shutil
from html.parser import HTMLParser

import numpy as np
import pytest

import tinygrad_fr as tg
from tinygrad_fr.errors import DTypeError

from .. import networks

CHROMIUM = next((p for n in ("chromium", "chromium-browser", "google-chrome")
                 if (p := shutil.which(n))), None)  # fmt: skip


def drawable():
    try:
        tg.draw(networks.neuron()).svg  # noqa: B018
    except tg.graph.drawing.rendering.RenderingError:
        return False
    return True


pytestmark = pytest.mark.skipif(not drawable(), reason="no Graphviz")


class Tags(HTMLParser):
    """Checks that elements are closed in order."""

    VOID = frozenset(["meta", "input", "br", "img", "hr", "link"])

    def __init__(self):
        super().__init__()
        self.open = []

    def handle_starttag(self, tag, attrs):
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.mark.parametrize("build", networks.ALL, ids=lambda f: f.__name__)
def test_pages_are_well_formed_and_stand_alone(build):
    page = tg.replay(build()).html
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    addresses = set(re.findall(r"https?://[^\s\"'<]+", page))
    assert addresses <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    assert len(page.encode()) < 500_000
    data = json.loads(re.search(r'id="data">(.*?)</script>', page, re.DOTALL)[1])
    assert len(data["steps"]) == page.count('class="step"')


def test_a_page_is_written_and_shown(tmp_path):
    page = tg.replay(networks.neuron(), tmp_path / "replay.html")
    assert (tmp_path / "replay.html").read_text(encoding="utf-8") == page.html
    shown = page._repr_html_()
    assert shown.startswith("<iframe srcdoc=")
    assert 'sandbox="allow-scripts"' in shown
    assert "kB" in repr(page)
    with pytest.raises(DTypeError):
        tg.replay(3.0)


def test_steps_go_forward_and_then_backward():
    page = tg.replay(networks.fan_out()).html
    titles = re.findall(r"<h2>(.*?)</h2>", page)
    assert titles == [
        "0. Start: inputs and parameters", "1. Forward: v₁, multiply", "2. Forward: v₂, add",
        "3. Forward: L, sum", "4. Turn: the gradient of the output", "5. Backward: L, sum",
        "6. Backward: v₂, add", "7. Backward: v₁, multiply",
        "8. End: the gradients of the parameters",
    ]  # fmt: skip
    assert "x is used 2 times: contribution 2 of 2; they add up." in page


def test_evil_names_harm_nothing():
    x = tg.Tensor([1.0, 2.0], requires_grad=True, name="</script><script>alert(1)</script>")
    y = tg.Tensor([1.0, 2.0], requires_grad=True, name="{{style}}")
    page = tg.replay((x * y).sum()).html
    assert "<script>alert" not in page
    assert page.count("<script") == 2


def test_french_is_the_default_of_the_page():
    tg.set_language("fr")
    page = tg.replay(networks.neuron()).html
    assert '<html lang="fr">' in page
    for word in ("amont", "aval", "Phase arrière", "exercice"):
        assert word in page


@pytest.fixture(scope="module")
def browser():
    sync = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("no Chromium")
    with sync.sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture
def visit(browser, tmp_path):
    """Open a replay; fails on any request to the network and any error of the page."""
    pages = []

    def open_page(output, **options):
        path = tmp_path / "replay.html"
        tg.replay(output, path)
        page = browser.new_page(reduced_motion="reduce", **options)
        page.wrong = []
        page.on("console", lambda m: page.wrong.append(m.text))
        page.on("pageerror", lambda e: page.wrong.append(str(e)))
        page.on("request", lambda r: r.url[:5] in ("file:", "data:") or page.wrong.append(r.url))
        page.goto(path.as_uri())
        pages.append(page)
        return page

    yield open_page
    for page in pages:
        assert page.wrong == []
        page.close()


def title(page):
    return page.locator(".step.shown h2").inner_text()


def visible_gradients(page, node):
    return page.eval_on_selector(
        f"#{node}",
        """node => [...node.querySelectorAll('text')].filter(e =>
             e.getAttribute('fill') === '#a33b00' && !e.classList.contains('hidden')).length""",
    )


def test_by_keyboard_to_the_end_and_back(visit):
    page = visit(networks.neuron())
    last = int(page.locator("#slider").get_attribute("max"))
    assert title(page).startswith("0. ")
    for n in range(1, last + 1):
        page.keyboard.press("ArrowRight")
        assert title(page).startswith(f"{n}. ")
        assert page.locator("#place").inner_text() == f"{n} / {last}"
        assert page.locator("#slider").get_attribute("aria-valuetext") == title(page)
    page.keyboard.press("ArrowRight")
    assert title(page).startswith(f"{last}. ")
    page.keyboard.press("Home")
    assert title(page).startswith("0. ")
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    assert title(page).startswith(f"{last - 1}. ")


def test_gradients_appear_when_the_backward_pass_has_reached_them(visit):
    page = visit(networks.fan_out())
    assert visible_gradients(page, "node0") == 0
    assert page.locator(".later").count() > 0
    page.keyboard.press("End")
    assert visible_gradients(page, "node0") > 0
    assert page.locator(".later, .hidden").count() == 0


def test_the_numbers_are_the_tensors_gradients(visit):
    x = tg.Tensor(3.0, requires_grad=True, name="x")
    y = tg.Tensor(-2.0, requires_grad=True, name="y")
    z = (x * y + x.exp()).named("z")
    page = visit(z)
    page.keyboard.press("End")
    shown = page.locator(".step.shown tr")
    z.backward()
    for row, tensor in zip(range(shown.count()), (x, y), strict=True):
        words = shown.nth(row).locator(".gradient").inner_text()
        assert float(words) == pytest.approx(float(tensor.grad.data), rel=1e-3)


def test_play_and_pause(visit):
    page = visit(networks.fan_out())
    page.keyboard.press(" ")
    assert page.locator("#play").get_attribute("aria-pressed") == "true"
    page.wait_for_function("document.querySelector('#slider').value > 0", timeout=5000)
    page.keyboard.press(" ")
    assert page.locator("#play").get_attribute("aria-pressed") == "false"


def test_an_exercise_hides_the_downstream_gradient_until_it_is_found(visit):
    page = visit(networks.fan_out())
    page.keyboard.press("e")
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")  # the product: to x and to y
    box = page.locator(".step.shown [data-edge]").first
    assert not box.locator(".answer").is_visible()
    assert visible_gradients(page, "node0") == 0
    box.locator("input").fill("nothing")
    box.locator(".check").click()
    assert "write a number" in box.locator(".said").inner_text()
    box.locator("input").fill("2")
    box.locator(".check").click()
    assert "sign" in box.locator(".said").inner_text()
    box.locator("input").fill("-2,0")  # as it is written in French
    box.locator("input").press("Enter")
    assert box.locator(".said").inner_text() == "Right."
    assert box.locator(".answer").is_visible()
    other = page.locator(".step.shown [data-edge]").nth(1)
    other.locator(".reveal").click()
    assert other.locator(".answer").is_visible()


@pytest.mark.parametrize("jacobian", [False, True])
def test_an_exercise_hides_the_rule_until_it_is_found(visit, jacobian):
    """The rule of a minus, dL/dv = -1, is the answer itself."""
    x = tg.Tensor([1.0, 2.0], requires_grad=True, name="x")
    page = visit(x.sum() if jacobian else -x.sum())
    page.keyboard.press("e")
    page.locator("#slider").fill("3" if jacobian else "4")
    assert title(page).endswith("sum" if jacobian else "negative")
    box = page.locator(".step.shown [data-edge]").first
    rule = box.locator(".product .told math").first
    assert not rule.is_visible()
    box.locator(".reveal").click()
    assert rule.is_visible()
    page.keyboard.press("e")
    assert rule.is_visible()


def test_of_a_large_gradient_the_shape_is_asked(visit):
    x = tg.Tensor(np.ones((10, 20)), requires_grad=True, name="x")
    page = visit((x * 2.0).sum())
    page.keyboard.press("e")
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    box = page.locator(".step.shown [data-edge]").first
    box.locator("input").fill("(20, 10)")
    box.locator(".check").click()
    assert "shape" in box.locator(".said").inner_text()
    box.locator("input").fill("(10, 20)")
    box.locator(".check").click()
    assert box.locator(".said").inner_text() == "Right."


def test_the_words_on_the_edges_of_a_wide_graph_are_read_and_it_scrolls(visit):
    for width in (360, 1300):
        page = visit(networks.course_cnn(), viewport={"width": width, "height": 800})
        sizes = page.eval_on_selector_all(
            "#picture .edge text:not([baseline-shift])",
            """found => found.map(e => e.getCTM().a * Number(e.getAttribute('font-size')))""",
        )
        assert min(sizes) >= 9.99
        assert page.eval_on_selector("#picture", "e => e.scrollWidth > e.clientWidth")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_on_a_phone_and_at_twice_the_size_nothing_is_cut(visit):
    for size in ({"width": 360, "height": 640}, {"width": 640, "height": 480}):
        page = visit(networks.two_layers(), viewport=size)
        page.keyboard.press("End")
        for selector in ("#controls", ".step.shown", "h1"):
            box = page.locator(selector).bounding_box()
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= size["width"] + 1
        page.locator("#fit").click()
        width = page.eval_on_selector("#picture svg", "e => e.getBoundingClientRect().width")
        assert width <= size["width"]


def test_a_node_leads_to_its_step(visit):
    page = visit(networks.fan_out())
    page.locator("#node2").click()
    assert title(page) == "1. Forward: v₁, multiply"


def test_it_prints_a_step_per_page(visit):
    page = visit(networks.fan_out())
    page.emulate_media(media="print")
    assert page.locator(".step").count() == 9
    assert all(page.locator(".step").nth(i).is_visible() for i in range(9))
    breaks = page.eval_on_selector_all(".step", "e => e.map(x => getComputedStyle(x).breakBefore)")
    assert set(breaks) == {"page"}


def test_without_scripts_all_steps_are_there(browser, tmp_path):
    tg.replay(networks.fan_out(), tmp_path / "replay.html")
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((tmp_path / "replay.html").as_uri())
    assert all(page.locator(".step").nth(i).is_visible() for i in range(9))
    context.close()
