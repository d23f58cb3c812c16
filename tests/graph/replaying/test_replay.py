"""The page that replays the backward pass; in a browser where there is one."""

from __future__ import annotations

import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

import tinygrad_fr as tg
from tinygrad_fr.errors import DTypeError

from .. import networks

CHROMIUM = next((p for n in ("chromium", "chromium-browser", "google-chrome")
                 if (p := shutil.which(n))), None)  # fmt: skip


# Of more than 300 values a page computes none.
NUMBERED = [build for build in networks.ALL if build is not networks.chain]


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


def data_of(page):
    """What a page tells its scripts."""
    return json.loads(re.search(r'id="data">(.*?)</script>', page, re.DOTALL)[1])


@pytest.mark.parametrize("build", networks.ALL, ids=lambda f: f.__name__)
def test_pages_are_well_formed_and_stand_alone(build):
    page = tg.replay(build()).html
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    addresses = set(re.findall(r"https?://[^\s\"'<]+", page))
    assert addresses <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    few = data_of(page)["steps"][60:] == []
    assert len(page.encode()) < (500_000 if few else 700_000)
    assert len(data_of(page)["steps"]) == page.count('class="step"')


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
        "node => node.querySelectorAll('.grad:not(.hidden)').length",
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


def test_a_wide_graph_goes_on_in_the_next_line_at_its_full_size(visit):
    for width in (360, 1300):
        page = visit(networks.course_cnn(), viewport={"width": width, "height": 800})
        assert "scale(1)" in page.eval_on_selector("#stage", "e => e.style.transform")
        room = page.eval_on_selector("#picture", "e => e.clientWidth")
        ends = page.eval_on_selector_all(
            ".node:not([hidden])", "all => all.map(e => e.offsetLeft + e.offsetWidth)"
        )
        assert width < 1000 or max(ends) <= room
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
        width = page.eval_on_selector("#extent", "e => e.getBoundingClientRect().width")
        assert width <= size["width"]


def test_a_node_leads_to_its_step(visit):
    page = visit(networks.fan_out())
    page.locator("#node2 math").first.click()
    assert title(page) == "1. Forward: v₁, multiply"


def test_all_steps_are_printed_none_of_them_cut(visit):
    page = visit(networks.fan_out())
    page.emulate_media(media="print")
    assert page.locator(".step").count() == 9
    assert all(page.locator(".step").nth(i).is_visible() for i in range(9))
    breaks = page.eval_on_selector_all(".step", "e => e.map(x => getComputedStyle(x).breakInside)")
    assert set(breaks) == {"avoid"}


def test_without_scripts_all_steps_are_there(browser, tmp_path):
    tg.replay(networks.fan_out(), tmp_path / "replay.html")
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((tmp_path / "replay.html").as_uri())
    assert all(page.locator(".step").nth(i).is_visible() for i in range(9))
    context.close()


# --- where a number comes from ---------------------------------------------------------------


def course_layer():
    """The course's softmax layer on three examples."""
    rng = np.random.default_rng(0)
    x = tg.Tensor(rng.normal(size=(3, 4)), name="x")
    W = tg.Tensor(rng.normal(size=(4, 3)), requires_grad=True, name="W")
    b = tg.Tensor(rng.normal(size=3), requires_grad=True, name="b")
    p = tg.softmax((x @ W + b).named("z"), 1).named("p")
    return (-(np.eye(3)[[0, 2, 1]] * tg.log(p)).sum() / 3).named("L")


def zoomed(page):
    """The heading and the sum of the panel."""
    words = page.locator("#zoom").inner_text()
    return page.locator("#zoom h2").inner_text(), words


def test_a_click_on_an_entry_of_a_gradient_tells_what_flows_into_it(visit):
    page = visit(course_layer())
    page.keyboard.press("End")
    table = page.locator('.step.shown table[data-of^="upstream"]').first
    table.locator("td").nth(2).click()
    heading, words = zoomed(page)
    assert "[0, 2]" in heading
    shown = table.locator("td").nth(2).inner_text()
    assert f"sum: {shown}" in words
    assert page.locator("#zoom .terms tr").count() == 3  # an example each


def test_entries_lead_on_and_back_by_keyboard(visit):
    page = visit(course_layer())
    page.keyboard.press("End")
    page.locator('.step.shown table[data-of^="upstream"] td').first.focus()
    page.keyboard.press("ArrowRight")
    shown = page.evaluate("document.activeElement.textContent")
    page.keyboard.press("Enter")
    first = zoomed(page)[0]
    assert "[0, 1]" in first
    page.locator("#zoom button.entry").first.focus()
    page.keyboard.press("Enter")
    assert zoomed(page)[0] != first
    page.locator("#zoom .back").click()
    assert zoomed(page)[0] == first
    page.keyboard.press("Escape")
    assert not page.locator("#zoom").is_visible()
    assert page.evaluate("document.activeElement.getAttribute('aria-label')").endswith(shown)


def numbers_of(page, kind, vertex):
    name = "value" if kind == "value" else "upstream"
    found = page.evaluate(f"Array.from(numbers.{name}({vertex}) ?? [])")
    return np.asarray(found)


@pytest.mark.parametrize("build", NUMBERED, ids=lambda f: f.__name__)
def test_the_page_computes_the_numbers_that_were_recorded(visit, build):
    output = build()
    graph = tg.graph.extract(output)
    flow = tg.graph.recorded.flow.flow(graph)
    page = visit(output)
    told = 0
    for vertex in graph.vertices:
        if not page.evaluate(f"Boolean(numbers.known[{vertex.id}])"):
            continue
        rtol = 2e-3 if vertex.value.dtype == np.float32 else 1e-6
        for kind, true in (("value", vertex.value), ("upstream", flow.upstream.get(vertex.id))):
            mine = numbers_of(page, kind, vertex.id)
            if true is not None and len(mine):
                size = np.abs(true).max()
                np.testing.assert_allclose(mine, true.ravel(), rtol, rtol * size, equal_nan=True)
                told += 1
    assert told >= len(graph.vertices)


def test_a_softmax_is_worked_out_and_its_slopes_are_told(visit):
    page = visit(course_layer())
    p = page.evaluate(
        "Object.keys(numbers.known).find(v => numbers.known[v].operation === 'softmax')"
    )
    page.evaluate(f"zoom.show('value', {p}, 1)")
    assert page.locator("#zoom .general msup").count() == 4  # a power above, three below
    assert page.locator("#zoom .terms td").nth(1).inner_text().count("·") == 1


def test_an_exercise_is_not_given_away_by_a_click(visit):
    page = visit(course_layer())
    page.keyboard.press("e")
    page.evaluate("zoom.show('upstream', 1, 0)")
    assert not page.locator("#zoom").is_visible()
    page.evaluate("zoom.show('value', 2, 0)")
    assert page.locator("#zoom").is_visible()
    assert not page.locator("#zoom .other").is_visible()


def test_the_window_of_a_convolution_moves(visit):
    page = visit(networks.course_cnn())
    conv = page.evaluate(
        "Object.keys(numbers.known).find(v => numbers.known[v].operation === 'conv2d')"
    )
    page.evaluate(f"zoom.show('value', {conv}, 0)")
    first = zoomed(page)[0]
    page.locator("#zoom .play").click()  # a step each, where motion is not wanted
    assert zoomed(page)[0] != first
    assert page.locator("#zoom canvas").count() > 1
    assert page.locator("#zoom .lying").is_visible()


def test_of_what_is_too_large_for_the_page_it_is_said_how_to_ask(visit):
    x = tg.Tensor(np.ones((300, 300)), requires_grad=True, name="x")
    page = visit((x.cumsum(1) * 2.0).sum())
    page.evaluate("zoom.show('value', 1, 5)")
    assert "tg.explain(tensor, (0, 5))" in zoomed(page)[1]


# --- what opens and closes -------------------------------------------------------------------


def test_modules_open_and_close(visit):
    page = visit(networks.course_cnn())
    shown = page.locator(".node:visible").count()
    page.locator("#close").click()
    closed = page.locator(".node:visible").count()
    assert closed < shown
    page.locator(".node.closed:visible").first.click()
    assert page.locator(".node:visible").count() > closed
    page.locator("#open").click()
    assert page.locator(".node:visible").count() == shown


@pytest.mark.parametrize("build", networks.ALL, ids=lambda f: f.__name__)
@pytest.mark.parametrize("width", [390, 1400])
def test_no_cards_lie_on_each_other(visit, build, width):
    page = visit(build(), viewport={"width": width, "height": 900})
    for _turn in range(2):
        boxes = page.eval_on_selector_all(
            ".node:not([hidden])",
            "all => all.map(e => [e.offsetLeft, e.offsetTop, e.offsetWidth, e.offsetHeight])",
        )
        for n, (x, y, w, h) in enumerate(boxes):
            for x1, y1, w1, h1 in boxes[n + 1 :]:
                assert x + w <= x1 or x1 + w1 <= x or y + h <= y1 or y1 + h1 <= y
        page.locator("#turn").click()


def test_without_graphviz_there_is_a_picture(monkeypatch):
    from tinygrad_fr.graph.drawing import rendering

    def none(_dot, _kind):
        raise ImportError

    monkeypatch.setattr(rendering, "_laid_out", none)
    drawing = tg.draw(networks.neuron())
    shown = drawing._repr_mimebundle_()
    assert "<iframe" in shown["text/html"]
    assert "image/svg+xml" not in shown
    assert 'class="step"' in tg.replay(networks.neuron()).html


def test_infinite_slopes_warn_of_nothing():
    x = tg.Tensor([0.0, 1.0], requires_grad=True, name="x")
    with np.errstate(all="ignore"):
        y = (x.log() * [0.0, 2.0]).sum()
    assert tg.replay(y).html


@pytest.mark.parametrize("show", [tg.draw, tg.replay])
def test_a_notebook_that_is_not_trusted_shows_the_words(show):
    shown = show(networks.neuron())
    bundle = getattr(shown, "_repr_mimebundle_", None)
    html = bundle()["text/html"] if bundle else shown._repr_html_()
    left = re.sub(r"<iframe.*?</iframe>", "", html, flags=re.DOTALL)
    assert "∂L/∂w" in left


@pytest.mark.parametrize(("theme", "width"), [("light", 390), ("dark", 1400)])
def test_all_words_are_legible_by_day_and_by_night(visit, theme, width):
    script = (Path(__file__).parents[2] / "test_site_pages.js").read_text(encoding="utf-8")
    for build in (course_layer, networks.course_cnn):
        page = visit(build(), viewport={"width": width, "height": 900}, color_scheme=theme)
        page.keyboard.press("End")
        page.evaluate("zoom.show('upstream', 1, 0)")
        page.evaluate(f"document.documentElement.dataset.theme = '{theme}'")
        assert page.evaluate(script, theme) == []


# --- hard cases ------------------------------------------------------------------------------


def test_uses_that_cannot_be_told_are_said_and_no_sum_is_made_up(visit):
    x = tg.Tensor(np.random.default_rng(0).normal(size=(30, 40)), requires_grad=True, name="x")
    page = visit((x.cumsum(1) * tg.sort(x, 0)).sum() + (x * 2.0).sum())
    page.evaluate("zoom.show('upstream', 0, 5)")
    words = zoomed(page)[1]
    assert "used 3 times" in words
    assert "tg.explain(tensor, (0, 5))" in words
    assert "sum:" not in words


def test_a_large_array_takes_nothing_from_the_small_ones(visit):
    x = tg.Tensor(np.random.default_rng(0).normal(size=(240, 240)), requires_grad=True, name="x")
    s = tg.Tensor(2.0, requires_grad=True, name="s")
    page = visit(tg.tanh(x).sum() * (s * s))
    graph = tg.graph.extract(tg.tanh(x).sum() * (s * s))
    place = next(v.id for v in graph.vertices if v.name == "s")
    assert numbers_of(page, "value", place) == [2.0]


def test_close_doubles_stay_apart(visit):
    x = tg.Tensor([0.1, 0.1 + 1e-10], requires_grad=True, name="x")
    page = visit(x.max() * 3.0)
    assert list(numbers_of(page, "upstream", 0)) == [0.0, 3.0]


def test_many_entries_do_not_overflow_the_stack_of_a_browser(visit):
    x = tg.Tensor(np.random.default_rng(0).normal(size=200), requires_grad=True, name="x")
    page = visit((x[:, None] * x[None, :]).sum())
    page.evaluate("zoom.show('value', Object.keys(numbers.known).at(-1), 0)")
    assert "and 39992 others" in zoomed(page)[1]


def test_nothing_lies_off_the_picture(visit):
    page = visit(networks.residuals())
    for button in ("#turn", "#open", "#close", "#open"):
        page.locator(button).click()
        beyond = page.eval_on_selector_all(
            ".node:not([hidden]), .bar:not([hidden])",
            """all => all.filter(e => {
                 const a = e.getBoundingClientRect();
                 const b = document.getElementById('extent').getBoundingClientRect();
                 return a.left < b.left - 1 || a.top < b.top - 1 ||
                   a.right > b.right + 1 || a.bottom > b.bottom + 1;
               }).length""",
        )
        assert beyond == 0


def test_an_exponent_is_not_told_as_something_to_answer_to(visit):
    x = tg.Tensor([1.5, 2.0], requires_grad=True, name="x")
    page = visit((x**3).sum())
    power = page.evaluate(
        "Object.keys(numbers.known).find(v => numbers.known[v].operation === 'power')"
    )
    page.evaluate(f"zoom.show('value', {power}, 0)")
    assert page.locator("#zoom .terms").count() == 1
    assert "power(1.5, 3) = 3.375" in zoomed(page)[1]


def test_the_largest_beside_an_infinity_is_a_number(visit):
    x = tg.Tensor([-np.inf, 2.0], requires_grad=True, name="x")
    page = visit(x.max() * 2.0)
    page.evaluate("zoom.show('value', 1, 0)")
    assert "sum: 2" in zoomed(page)[1]
