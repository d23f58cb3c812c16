"""Formulas: read from LaTeX, written as MathML, text, labels and LaTeX again."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_fr.autograd.operation import registry
from tinygrad_fr.graph.formulas import escaped, label, mathml, parse, symbol, text
from tinygrad_fr.graph.formulas.latex import unescaped
from tinygrad_fr.graph.formulas.source import latex_of

LINES = {
    r"Y = X W^{\top} + b": "Y = X Wᵀ + b",
    r"\bar{x} = \bar{y} \odot y \odot (1 - y)": "x̄ = ȳ ⊙ y ⊙ (1 − y)",
    r"y_i = \frac{e^{x_i}}{\sum_k e^{x_k}}": "yᵢ = e^(xᵢ)/(∑ₖ e^(xₖ))",
    r"\frac{\partial L}{\partial W} = x^{\top} (\hat{y} - y) / N": "∂L/∂W = xᵀ (ŷ − y)/N",
    r"\tfrac12 (X + X^{\top})": "(1/2)(X + Xᵀ)",
    r"\bar{x}[i] \mathrel{+}= \bar{y}": "x̄[i] += ȳ",
    r"y = -|x| / 2": "y = −|x|/2",
    r"y = \sqrt{\operatorname{var} x}": "y = √(var x)",
    r"\begin{pmatrix} 1 & -2 \\ 3 & 4 \end{pmatrix}": "[1  −2 ; 3  4]",
    r"y = a - b \lfloor a / b \rfloor": "y = a − b ⌊a/b⌋",
    r"1.5 \cdot 10^{-7}": "1.5 · 10⁻⁷",
}


@pytest.mark.parametrize(("latex", "line"), LINES.items())
def test_a_formula_on_a_line(latex, line):
    assert text(latex) == line
    assert text(latex_of(parse(latex))) == line  # and there and back


NAMES = {
    "y_hat": "ŷ", "W1": "W₁", "W_2": "W₂", "alpha": "α", "logits": "logits", "0.weight": "W₀",
    "weight": "W", "features.3.bias": "b_features.3", "x_true": "x_true", "<script>": "<script>",
    'a"b{|}\\N': 'a"b{|}\\N', "$x_1$": "$x_1$", "100%": "100%", "損失": "損失",
    "a~b^c&#": "a~b^c&#",
}  # fmt: skip


@pytest.mark.parametrize(("name", "shown"), NAMES.items())
def test_a_name_as_a_symbol(name, shown):
    assert text(symbol(name)) == shown


@given(st.text(max_size=30))
def test_any_name_can_be_shown_and_escaping_is_undone(name):
    line = "".join(c if c.isprintable() else " " for c in name)
    assert unescaped(escaped(name)) == line
    for found in (mathml(symbol(name)), f"<p>{label(symbol(name))}</p>"):
        try:
            ET.fromstring(found)
        except ET.ParseError:  # characters that XML itself does not have
            assert any(ord(c) in range(0xD800, 0xE000) or ord(c) >= 0xFFFE for c in name)


@given(st.text(alphabet=r"\{}^_&xyN12+-=/()[] fracsumbar|'", max_size=40))
def test_no_formula_stops_the_reader(latex):
    ET.fromstring(mathml(latex))
    ET.fromstring(f"<p>{label(latex)}</p>")
    text(latex)


@pytest.mark.parametrize("name", sorted(registry))
def test_the_formulas_of_all_operations_are_understood(name):
    operation = registry[name]
    assert "\\" not in text(operation.latex), operation.latex
    ET.fromstring(mathml(operation.latex))


EXPONENTS = {
    r"e^{t_i}": "exp(ti)", r"e^{\lambda_i}": "exp(λi)", r"e^{\frac{x}{2}}": "exp(x/2)",
    r"e^{-x}": "e−x", r"e^{\text{logits}}": "elogits", r"x^{n_i}": "xnᵢ", r"W_{k_i}": "Wkᵢ",
}  # fmt: skip


@pytest.mark.parametrize(("latex", "shown"), EXPONENTS.items())
def test_a_label_has_no_script_within_a_script(latex, shown):
    """An exponent with an index became ``e^t_i``."""
    assert "".join(ET.fromstring(f"<p>{label(latex)}</p>").itertext()) == shown
