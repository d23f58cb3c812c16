"""What a notebook shows of a Tensor, a training run and a model: plain, whole and safe."""

from __future__ import annotations

import base64
import math
import re

import numpy as np
import pytest

import tinygrad_fr as tg

RNG = np.random.default_rng(0)


def a_run(epochs=20):
    run = tg.training.History()
    run.best_epoch = min(9, epochs)
    for i in range(1, epochs + 1):
        run.epochs.append({"epoch": i, "loss": 1 / i, "valid_loss": 1.1 / i, "accuracy": 1 - 1 / i})
    return run


def with_gradient():
    x = tg.Tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True, name="<x>")
    (x * x).sum().backward()
    return x


ALL = {
    "a number": lambda: tg.Tensor(0.5, name="L"),
    "a small Tensor": with_gradient,
    "a large one": lambda: tg.Tensor(RNG.normal(size=(200, 300))),
    "a long one": lambda: tg.Tensor(RNG.normal(size=1000)),
    "three axes": lambda: tg.Tensor(RNG.normal(size=(3, 4, 5))),
    "empty": lambda: tg.Tensor(np.zeros((0, 3)), requires_grad=True),
    "NaN": lambda: tg.Tensor(np.full((20, 20), math.nan)),
    "truth values": lambda: tg.Tensor(np.ones((20, 20), bool)),
    "grey images": lambda: tg.Tensor(RNG.random((20, 1, 28, 28))),
    "photographs": lambda: tg.Tensor(RNG.random((2, 3, 90, 70))),
    "a run": a_run,
    "a run without a number": lambda: a_run(1),
    "a model that knows its input": lambda: tg.nn.models.course_cnn(),
    "a model": lambda: tg.nn.Sequential(tg.nn.Linear(4, 3), tg.nn.ReLU()),
    "a layer": lambda: tg.nn.Linear(4, 3),
    "a summary": lambda: tg.nn.models.course_cnn().summary(),
}
EACH = pytest.mark.parametrize("make", ALL.values(), ids=ALL)


def images(html):
    return re.findall(r'<img src="data:image/([\w+]+);base64,([^"]+)" alt="([^"]*)"', html)


@EACH
def test_it_is_plain_html_that_an_untrusted_notebook_keeps(make):
    html = make()._repr_html_()
    tags = set(re.findall(r"</?([a-z]+)", html))
    assert tags <= {"p", "b", "br", "code", "img", "table", "thead", "tbody", "tr", "th", "td"}
    assert "color" not in html  # the page's own, by day and by night
    assert "class=" not in html
    for opened in tags - {"img", "br"}:
        assert len(re.findall(f"<{opened}[ >]", html)) == html.count(f"</{opened}>")


@EACH
def test_each_picture_has_words(make):
    for kind, data, words in images(make()._repr_html_()):
        content = base64.b64decode(data)
        assert content.startswith(b"\x89PNG" if kind == "png" else b"<svg")
        assert len(words) > 10


@EACH
def test_the_text_of_a_terminal_stays_as_it_was(make):
    assert "<" not in repr(make()).replace("<x>", "")


def test_a_small_tensor_shows_its_numbers_its_gradient_and_what_it_is():
    html = with_gradient()._repr_html_()
    assert "<b>&lt;x&gt;</b> <code>(2, 2) float64, requires_grad=True</code>" in html
    assert re.findall(r">([\d.]+)</td>", html) == ["1", "2", "3", "4", "2", "4", "6", "8"]


def test_a_large_tensor_shows_its_range_and_a_picture():
    ((kind, _data, words),) = images(ALL["a large one"]()._repr_html_())
    assert kind == "png"
    assert "the least is black" in words


def test_images_are_shown_beside_each_other_and_the_rest_is_said():
    from PIL import Image

    ((_kind, data, words),) = images(ALL["grey images"]()._repr_html_())
    assert "the first 8 of 20 images" in words
    import io

    width, height = Image.open(io.BytesIO(base64.b64decode(data))).size
    assert width > 7 * height


def test_a_run_shows_its_ends_its_best_epoch_and_its_curve():
    html = a_run()._repr_html_()
    epochs = re.findall(r"<tr><td[^>]*>(?:<b>)?([\d…]+)", html)
    assert epochs == [*"123456", "…", "9", "…", *map(str, range(15, 21))]
    assert "best epoch: 9" in html
    ((_kind, data, words),) = images(html)
    assert base64.b64decode(data).count(b"<polyline") == 2
    assert "Loss: 1 at first, 0.05 at last." in words
    assert tg.training.History()._repr_html_() is None


def test_a_model_shows_its_layers_outputs_and_parameters():
    html = tg.nn.models.course_cnn()._repr_html_()
    assert "(N, 8, 24, 24)" in html
    assert "23125 parameters" in html
    assert html == tg.nn.models.course_cnn().summary()._repr_html_()
    assert "15 parameters" in tg.nn.Linear(4, 3)._repr_html_()


def test_it_speaks_french():
    tg.set_language("fr")
    assert "époque" in a_run()._repr_html_()
    assert "paramètres" in tg.nn.Linear(4, 3)._repr_html_()


# --- other people's notebooks ----------------------------------------------------------------

CELLS = [
    ("tg.Tensor([[1.0, 2.0]], name='x')", {"text/html"}, "<table"),
    ("tg.nn.Linear(4, 3)", {"text/html"}, "<table"),
    ("tg.draw(L)", {"text/html", "image/svg+xml"}, "<iframe srcdoc="),
    ("tg.replay(L)", {"text/html"}, "<iframe srcdoc="),
    ("tg.derive(L, x)", {"text/markdown"}, "L"),
    ("tg.explain(L)", {"text/html"}, "<math"),
    ("tg.verify.layer((np.tanh, lambda g, x: g * np.tanh(x)), np.ones(3), repair=False)",
     {"text/html"}, "<table"),
    ("tg.plot.function(tg.relu)", {"text/html", "image/png"}, "<img"),
]  # fmt: skip
START = """
import numpy as np, tinygrad_fr as tg
x = tg.Tensor(np.ones((2, 3)), requires_grad=True, name="x")
L = tg.relu(x @ np.ones((3, 2))).sum().named("L")
"""


def test_jupyter_and_vs_code_get_what_they_show_richest_first():
    pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    nbformat = pytest.importorskip("nbformat")
    from .notebooks import executed

    pytest.importorskip("matplotlib")
    cells = [nbformat.v4.new_code_cell(code) for code in [START, *(cell[0] for cell in CELLS)]]
    book = executed(nbformat.v4.new_notebook(cells=cells))
    for cell, (code, kinds, part) in zip(book.cells[1:], CELLS, strict=True):
        (output,) = cell.outputs
        assert output.output_type == "execute_result", (code, output)
        assert kinds | {"text/plain"} <= set(output.data), code
        rich = output.data.get("text/html", output.data.get("text/markdown"))
        assert part in rich, code


@pytest.mark.parametrize(("code", "_kinds", "part"), CELLS, ids=[cell[0][:12] for cell in CELLS])
def test_marimo_shows_it_as_html_and_scripts_run_in_frames_only(code, _kinds, part):
    marimo = pytest.importorskip("marimo")
    space = {}
    exec(START, space)
    html = marimo.as_html(eval(code, space)).text
    if "tg.plot" in code:  # marimo draws a Figure itself, as a picture
        assert "image/png" in html
        return
    assert part in html
    assert "<script" not in html
    assert "mimebundle" not in html  # which is shown on tabs
