"""Write formulas as MathML, which browsers show by themselves: no script, no network."""

from __future__ import annotations

import itertools
import re
from typing import Any
from xml.etree import ElementTree

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import accents, tex2mathml
from sphinx.application import Sphinx
from sphinx.util import logging

logger = logging.getLogger(__name__)
ElementTree.register_namespace("", "http://www.w3.org/1998/Math/MathML")
TAG = "{http://www.w3.org/1998/Math/MathML}"
FENCES, BARS = set("()[]{}⌊⌋⌈⌉|‖"), set("|‖")
SCRIPTS = {f"{TAG}msub", f"{TAG}msup", f"{TAG}msubsup"}
TALL = {f"{TAG}{name}" for name in ("mfrac", "msqrt", "mtable", "munder", "munderover")}
APPLY = "\u2061"  # the invisible sign between a function and its argument


def mathml(latex: str, block: bool) -> str:
    """Convert one formula."""
    latex = re.sub(r"\\([td]?frac)\s*(\d)\s*(\d)", r"\\\1{\2}{\3}", latex)  # not twelve in \tfrac12
    written = tex2mathml(latex.replace(r"\mathrel", ""), as_block=block)
    root = ElementTree.fromstring(written.replace("&ApplyFunction;", APPLY))
    for node in list(root.iter()):
        unstack(node)
        if node.tag == f"{TAG}mtext" and node.text:  # Y\_one\_hot: docutils keeps the backslashes
            node.text = re.sub(r"\\([_%&#$])", r"\1", node.text)
        set_signs(node)
        children = list(node)
        for i, (sign, argument) in enumerate(itertools.pairwise(children)):
            opening = argument[0].text if argument.tag == f"{TAG}mrow" else argument.text
            if sign.text == APPLY and opening not in list("([|"):  # ln x, not lnx
                gap = ElementTree.Element(f"{TAG}mspace", width="0.17em")
                node.insert(i + 1 + len(node) - len(children), gap)
    return ElementTree.tostring(root, encoding="unicode")


def unstack(node: ElementTree.Element) -> None:
    r"""Set the index of ``\hat{y}_i`` at the side; docutils sets it below the accented letter."""
    if node.tag == f"{TAG}munderover" and node[2].text in accents.values():
        base, index, accent = node
        accented = ElementTree.Element(f"{TAG}mover", accent="true")
        accented.extend([base, accent])
        for child in (base, index, accent):
            node.remove(child)
        node.tag = f"{TAG}msub"
        node.extend([accented, index])


def set_signs(node: ElementTree.Element) -> None:
    r"""Size and space signs as LaTeX does; browsers would stretch them, and take them for infix.

    Only ``\left`` and ``\right`` stretch, around what is tall: they stand at the ends of a row.
    """
    signs = [part for part in node if part.tag == f"{TAG}mo"]
    tall = node.tag == f"{TAG}mrow" and any(part.tag in TALL for part in node.iter())
    for sign in signs:
        at_ends = tall and (sign is node[0] or sign is node[-1])
        if sign.text in FENCES and not at_ends and "minsize" not in sign.attrib:
            sign.set("stretchy", "false")
    bases = [part[0] if part.tag in SCRIPTS else part for part in node]
    bars = [part for part in bases if part.tag == f"{TAG}mo" and part.text in BARS]
    for i, bar in enumerate(bars if len(bars) % 2 == 0 else ()):  # |x|, but not P(a | b)
        bar.set("form", ("prefix", "postfix")[i % 2])
    for before, sign, argument in zip([None, *node], node, list(node)[1:], strict=False):
        if sign.text in ("max", "min") and argument.text in FENCES:  # max(x), not max (x)
            gap = "0" if before is None or before in signs else "0.17em"
            sign.attrib.update(lspace=gap, rspace="0")
        if (sign.text, argument.text) == ("+", "="):
            sign.set("rspace", "0")
            argument.set("lspace", "0")
    if node.tag == f"{TAG}math" and signs == list(node):  # a sign spoken of, in a line of text
        for sign in signs:
            sign.attrib.update(lspace="0", rspace="0")


def hold_punctuation(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Keep the sign after a formula on its line: browsers would break the line there."""
    for formula in list(doctree.findall(nodes.math)):
        after = formula.next_node(descend=False, siblings=True)
        text = after.astext() if type(after) is nodes.Text else ""
        if found := re.match(r"[.,;:!?)\]\u00a0»]+", text):
            formula["after"] = found[0]
            siblings = after.parent.children  # by identity: equal texts are equal nodes
            place = next(i for i, child in enumerate(siblings) if child is after)
            after.parent[place] = nodes.Text(text[found.end() :])


def convert(writer: Any, node: nodes.Element, block: bool) -> str:
    """One formula; what docutils cannot read is a warning, which fails a strict build."""
    try:
        return mathml(node.astext(), block)
    except MathError as error:
        logger.warning("formula: %s: %s", error, node.astext(), location=node)
        return f"<code>{writer.encode(node.astext())}</code>"


def inline(writer: Any, node: nodes.math) -> None:
    """A formula in a line of text."""
    after = writer.encode(node.get("after", ""))
    writer.body.append(f'<span class="math">{convert(writer, node, False)}{after}</span>')
    raise nodes.SkipNode


def display(writer: Any, node: nodes.math_block) -> None:
    """A formula on lines of its own; wide ones scroll."""
    anchor = "".join(f' id="{name}"' for name in node["ids"][:1])
    writer.body.append(f'<div class="math"{anchor}>{convert(writer, node, True)}')
    if node.get("number"):
        writer.body.append(f'<span class="eqno">({node["number"]})</span>')
    writer.body.append("</div>\n")
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    """Make it the site's renderer of formulas."""
    app.add_html_math_renderer("mathml", (inline, None), (display, None))
    app.connect("doctree-resolved", hold_punctuation)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
