"""What a derivation looks like: its page, its files, matrices in their shape, its language."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

import tinygrad_fr as tg
from tinygrad_fr.errors import ArgumentError
from tinygrad_fr.graph.formulas import block, mathml, text
from tinygrad_fr.graph.formulas.words import worded

from .. import networks


def numbers():
    """A 2x2 matrix, a column, a row and a vector."""
    x = tg.Tensor([[1.0, 2.0], [3.0, 4.0]], name="x")
    w = tg.Tensor([[0.5], [-1.0]], requires_grad=True, name="w")
    v = tg.Tensor([[1.0, 2.0]], name="v")
    b = tg.Tensor([0.25], name="b")
    return tg.derive((v @ (x @ w + b)).sum(), w, numbers=True, names="tensors")


# --- matrices --------------------------------------------------------------------------------


def test_a_matrix_takes_its_shape_in_text():
    written = numbers().text
    assert "       ⎡1  2⎤ ⎡0.5⎤\n     = ⎣3  4⎦ ⎣ −1⎦ + (0.25)\n" in written
    assert "[1  2]" in written  # a row
    assert "(0.25)" in written  # a vector


def test_a_matrix_has_brackets_in_latex_and_markdown_and_mathml():
    derivation = numbers()
    for written in (derivation.latex, derivation.markdown):
        assert r"\begin{bmatrix} 1 & 2 \\ 3 & 4 \end{bmatrix}" in written
        assert r"\begin{bmatrix} 0.5 \\ - 1 \end{bmatrix}" in written
        assert r"\begin{bmatrix} 1 & 2 \end{bmatrix}" in written
        assert r"\begin{pmatrix} 0.25 \end{pmatrix}" in written
    assert "<mo>[</mo><mtable><mtr><mtd><mn>1</mn></mtd><mtd><mn>2</mn></mtd></mtr>" in (
        derivation.html
    )


def test_shapes_are_called_by_their_names():
    written = numbers().text
    assert "w : parameter, column (2, 1)" in written
    assert "v : input, row (1, 2)" in written
    assert "b : input, vector (1,)" in written


def test_matrices_of_several_heights_are_read_along_one_line():
    tall, low = r"\begin{bmatrix} 1 \\ 2 \\ 3 \end{bmatrix}", r"\begin{bmatrix} 4 & 5 \end{bmatrix}"
    assert block(f"{tall} {low}") == ["⎡1⎤       ", "⎢2⎥ [4  5]", "⎣3⎦       "]
    assert block("x + 1") == ["x + 1"]


def test_a_vector_is_read_back_as_one():
    assert text(r"\begin{pmatrix} 1 & 2 \end{pmatrix}") == "(1  2)"
    assert text(r"\begin{bmatrix} 1 & 2 \end{bmatrix}") == "[1  2]"


def test_parentheses_with_an_exponent_grow_alike():
    assert mathml(r"\left(\frac{a}{b}\right)^{\top}") == (
        "<math><mrow><msup><mrow><mo>(</mo><mfrac><mi>a</mi><mi>b</mi></mfrac><mo>)</mo></mrow>"
        "<mo>⊤</mo></msup></mrow></math>"
    )


def test_a_small_gradient_on_an_edge_keeps_its_shape():
    x = tg.Tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True, name="x")
    drawing = tg.draw((x * x).named("y").sum())
    assert "[1, 1, 1, 1]" not in drawing.dot
    assert "[[1, 2], [3, 4]]" in drawing.text


# --- files -----------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["html", "md", "tex", "txt"])
def test_a_derivation_is_saved_by_its_suffix(suffix, tmp_path):
    derivation = numbers()
    attribute = {"html": "html", "md": "markdown", "tex": "latex", "txt": "text"}[suffix]
    path = derivation.save(tmp_path / f"d.{suffix}")
    assert path.read_text(encoding="utf-8") == getattr(derivation, attribute)


def test_another_suffix_is_refused(tmp_path):
    with pytest.raises(ArgumentError, match=r"saved as \.html, \.md, \.tex, \.txt"):
        numbers().save(tmp_path / "d.pdf")


def test_the_page_stands_alone_and_is_well_formed():
    for derivation in (numbers(), tg.derive(networks.course_cnn(), "0.weight")):
        page = derivation.html
        assert not re.search(r"https?:|<script|<link|src=", page)
        body = re.search(r"<main>.*</main>", page, re.DOTALL)[0]
        ElementTree.fromstring(body.replace("&#x2061;", ""))
        assert body.count("<math") == body.count("</math>")


def test_names_that_look_like_markup_are_escaped():
    x = tg.Tensor([1.0, 2.0], requires_grad=True, name="<b>&x")
    assert "<b>&x" not in tg.derive((x * x).sum(), x).html


def test_a_page_that_does_not_hold_says_so():
    derivation = numbers()
    derivation.definitions[0].terms[0].value[...] = 0.0
    assert 'class="warning"' in derivation.html


# --- language --------------------------------------------------------------------------------

FRENCH = ["fenêtre", "ailleurs", "sinon", "moyenne", "vecteur", "où", "retourné", "ligne", "amont"]
ENGLISH = ["window", "elsewhere", "otherwise", "mean", "vector", "where", "upstream", "reshape",
           "scatter", "row", "column", "called", "onehot", "parameter", "input"]  # fmt: skip


def everything():
    """Derivations that hold every word there is."""
    rng = np.random.default_rng(0)
    x = tg.Tensor(rng.standard_normal((2, 1, 4, 4)), requires_grad=True, name="x")
    w = tg.Tensor(rng.standard_normal((2, 2)), requires_grad=True, name="w")
    u = tg.Tensor(rng.standard_normal((1, 3)), requires_grad=True, name="u")
    pools = tg.max_pool2d(x, 2).sum() + tg.avg_pool2d(x, 2).reshape((2, 4)).elu().sum()
    yield tg.derive(pools, x, names="tensors")
    yield tg.derive((w[[0, 0]] * w[1].tanh()).sum() + w[0, 1].exp(), w, names="tensors")
    yield tg.derive(tg.conv2d(x, tg.Tensor(np.ones((1, 1, 3, 3)), name="K")).sum(), x)
    yield tg.derive(tg.pad(tg.flip(u), 1).sum() * u.mean() * u.T.tile(2).sum(), u)
    yield tg.derive(tg.broadcast_to(u, (3, 3)).flatten().repeat(2).prod(), u, names="tensors")


@pytest.mark.parametrize(("language", "others"), [("en", FRENCH), ("fr", ENGLISH)])
def test_all_words_are_in_one_language(language, others):
    tg.set_language(language)
    for derivation in everything():
        style = re.compile(r"<style>.*</style>", re.DOTALL)
        page = re.sub(r"<[^>]*>", "", style.sub("", derivation.html))
        for written in (derivation.text, derivation.markdown, derivation.latex, page):
            found = [word for word in others if re.search(rf"\b{word}\b", written)]
            assert not found, written


def test_formulas_of_the_registry_speak_the_language_in_use():
    tg.set_language("fr")
    assert worded(r"y = \max_{\text{window}} x") == r"y = \max_{\text{fenêtre}} x"
    assert text(r"\overline{x y}") == "moyenne(x y)"
    tg.set_language("en")
    assert worded(r"y = \max_{\text{window}} x") == r"y = \max_{\text{window}} x"
