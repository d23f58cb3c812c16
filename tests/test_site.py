"""The site of the documentation: its formulas, and that it asks nothing of the network."""

from __future__ import annotations

import hashlib
import importlib.util
import re
import sys
from pathlib import Path

import pytest

pytest.importorskip("sphinx")

DOCS = Path(__file__).resolve().parents[1] / "docs"


def load(name):
    spec = importlib.util.spec_from_file_location(name, DOCS / "_ext" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def written(latex):
    """A formula's MathML without spaces between the elements."""
    return re.sub(r">\s+<", "><", load("mathml").mathml(latex, False))


def test_an_index_stands_beside_an_accented_letter():
    assert "<msub><mover" in written(r"\hat{y}_i")
    assert "<msub><mover" in written(r"{\hat{y}}_{i}")
    assert "<munderover>" in written(r"\sum_{i=1}^n") or "<msubsup>" in written(r"\sum_{i=1}^n")


def test_there_is_a_gap_between_a_function_and_its_argument():
    assert "mspace" in written(r"\ln x")
    assert "mspace" not in written(r"\ln(x)")
    assert "mspace" not in written(r"\operatorname{softmax}\left(x\right)")


def test_only_what_surrounds_a_tall_formula_stretches():
    fixed = '<mo stretchy="false">'
    assert f"{fixed}(</mo>" in written(r"\left(1-y\right)")
    assert f"{fixed}‖</mo>" in written(r"D(P \,\Vert\, Q) = \frac{1}{2}")
    assert "<mo>(</mo>" in written(r"\left(\frac{a}{b}\right)")
    assert 'stretchy="false" minsize' not in written(r"\bigl(x\bigr)")


def test_bars_open_and_close_and_a_maximum_stands_close_to_its_argument():
    assert written(r"y = \vert x \vert").count("fix") == 2  # prefix, then postfix
    assert "form" not in written(r"P(a \vert b)")
    assert '<mo lspace="0" rspace="0">max</mo>' in written(r"y = \max(x, 0)")
    assert '<mo lspace="0.17em" rspace="0">min</mo>' in written(r"a \min(x, 0)")
    assert '<mo rspace="0">+</mo><mo lspace="0">=</mo>' in written(r"x += y")
    assert written(r"1 + {\vert x \vert}^2 + \vert x \vert^2").count("fix") == 4
    assert '<mo lspace="0" rspace="0">⊙</mo>' in written(r"\odot")


def test_underscores_in_words_lose_their_backslash():
    assert "Y_one_hot" in written(r"\text{Y\_one\_hot}")


def test_a_fraction_of_two_figures_is_no_twelve():
    assert "<mn>1</mn><mn>2</mn></mfrac>" in written(r"\tfrac12 (x)")


def test_the_sign_after_a_formula_moves_to_it_and_no_other_like_it():
    from docutils import nodes

    comma = nodes.Text(", ")
    line = nodes.paragraph("", "", nodes.strong("", "a"), comma, nodes.math("", "x"),
                           nodes.Text(", "), nodes.strong("", "b"))  # fmt: skip
    document = nodes.document(None, None)
    document += line
    load("mathml").hold_punctuation(None, document, "page")
    assert [child.astext() for child in line] == ["a", ", ", "x", " ", "b"]
    assert line[2]["after"] == ","


def test_what_cannot_be_read_is_an_error():
    from docutils.utils.math import MathError

    with pytest.raises(MathError, match="Unknown LaTeX command"):
        written(r"\nosuchcommand")


def test_a_chapter_as_a_notebook_has_no_directives_left():
    text = """(f-000-1)=

```{index} ! softmax
```
**000-1** : voir [la page](../course/cnn.md) et [000-2](#f-000-2).

:::{note}
Deux
lignes.
:::
"""
    expected = "**000-1** : voir *la page* et 000-2.\n\n> **Remarque**\n>\n> Deux\n> lignes.\n"
    assert load("notebooks").plain(text) == expected


def test_a_picture_has_the_words_that_its_cell_gives_beside_it():
    drawn = {"image/svg+xml": ["<svg/>"], "text/plain": ["z = x + y"]}
    plotted = {"image/png": "aaaa", "text/plain": ["<Figure size 600x300 with 1 Axes>"]}
    outputs = [{"output_type": "display_data", "data": data} for data in (drawn, plotted)]
    words = load("words")
    (name, first), (_, second) = words.pictures({"cells": [{"outputs": outputs}]})
    assert name == hashlib.sha256(b"<svg/>").hexdigest()  # as MyST-NB calls its file
    assert (first, second) == ("z = x + y", words.FIGURE)
    assert words.shortened("un mot " * 200).endswith((" un …", " mot …"))


def test_a_notebook_installs_what_its_cells_need():
    def first(*sources):
        cells = [{"cell_type": "code", "source": source} for source in sources]
        return load("notebooks").installation({"cells": cells})["source"].splitlines()[-1]

    assert first("tg.exp(x)") == '%pip install -q "tinygrad_fr"'
    assert first("tg.draw(L)", "tg.plot.history(h)") == '%pip install -q "tinygrad_fr[viz,plot]"'
    assert "[data,train]" in first("tg.fit(model, tg.data.load_digits(), loss=loss)")


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda p: p.stem)
def test_what_a_page_imports_is_installed_by_its_notebook(page):
    text = page.read_text(encoding="utf-8")
    cells = re.findall(r"```\{code-cell\}[^\n]*\n(.*?)```", text, flags=re.DOTALL)
    book = {"cells": [{"cell_type": "code", "source": cell} for cell in cells]}
    imported = re.findall(r"^ *(?:import|from) (\w+)", "\n".join(cells), flags=re.MULTILINE)
    brought = {
        "numpy": "",
        "tinygrad_fr": "",
        "IPython": "",
        "matplotlib": "plot",
        "sklearn": "data",
        "onnxruntime": "onnxruntime",
    }
    installed = load("notebooks").installation(book)["source"]
    for name in set(imported) - sys.stdlib_module_names:
        assert brought[name] in installed


@pytest.mark.parametrize(("output", "words"), [
    ({"output_type": "stream", "name": "stderr", "text": ["Fontconfig warning"]}, "standard error"),
    ({"output_type": "stream", "name": "stdout", "text": ["\r 10%", "\r"]}, "progress bar"),
    ({"output_type": "display_data", "data": {"text/html": "<p>tqdm</p>"}}, "progress bar"),
])  # fmt: skip
def test_a_page_with_standard_error_or_a_progress_bar_is_refused(output, words):
    cells = [{"cell_type": "markdown"}, {"cell_type": "code", "outputs": [output]}]
    (stain,) = load("clean").stains({"cells": cells})
    assert words in stain
    printed = {"output_type": "stream", "name": "stdout", "text": ["0.5"]}
    picture = {"output_type": "display_data", "data": {"image/png": "aaaa", "text/plain": ["x"]}}
    shown = {"cell_type": "code", "outputs": [printed, picture]}
    assert not list(load("clean").stains({"cells": [shown]}))


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda p: p.stem)
def test_executable_pages_name_their_kernel(page):
    text = page.read_text(encoding="utf-8")
    if "```{code-cell}" in text:
        assert text.startswith("---\nfile_format: mystnb\nkernelspec: {name: python3, ")


def test_styles_load_nothing_from_the_network():
    for path in (DOCS / "_static").rglob("*.css"):
        assert "http" not in path.read_text(encoding="utf-8")
