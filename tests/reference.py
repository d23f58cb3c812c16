"""Write the table of operations that the registry gives: ``python tests/reference.py``.

``docs/operations.md`` has a row for each operation: its formula and its local rules. A test fails
when it is not fresh.
"""

from __future__ import annotations

import inspect
from pathlib import Path

import numpy as np

import tinygrad_fr as tg
from tinygrad_fr.autograd.operation import Operation, registry
from tinygrad_fr.graph.formulas.words import worded

PAGE = Path(__file__).resolve().parents[1] / "docs" / "operations.md"
HEAD = """# Les opérations

Chaque opération porte sa formule et, pour chaque argument, sa règle locale : le gradient amont
$\\bar{y}$ y devient le gradient aval $\\bar{x}$.

<!-- Written from the registry of operations by `python tests/reference.py`. -->
"""
FAMILIES = {
    "arithmetic": "Arithmétique",
    "elementwise": "Exponentielles, logarithmes, puissances",
    "trigonometry": "Trigonométrie",
    "selection": "Comparaisons et choix",
    "reductions": "Réductions",
    "shape": "Forme",
    "joining": "Assembler, couper, répéter",
    "stacking": "Empiler et découper comme NumPy",
    "indexing": "Indexation",
    "casting": "Copie et conversion",
    "products": "Produits",
    "matrices": "Matrices et normes",
    "activations": "Fonctions d'activation",
    "convolution": "Convolution",
    "pooling": "Sous-échantillonnage",
    "resizing": "Changement de taille",
    "normalisation": "Normalisation",
    "attention": "Attention",
    "recurrent": "Récurrence",
    "dropout": "Abandon",
    "regression": "Pertes de régression",
    "losses": "Pertes de probabilités",
    "classification": "Pertes de classification",
    "margins": "Pertes à marge",
}


def page() -> str:
    """The whole page."""
    parts = [HEAD]
    for room, title in FAMILIES.items():
        rows = [row(o) for o in public() if o.room == room]
        parts.append(f"\n## {title}\n\n:::{{container}} rows\n"
                     "| opération | formule | règles locales | NumPy |\n|---|---|---|---|\n"
                     + "\n".join(rows) + "\n:::\n")  # fmt: skip
    return "".join(parts)


def public() -> list[Operation]:
    """The operations of the library without helpers."""
    return [
        operation
        for operation in registry.values()
        if operation.body.__module__.startswith("tinygrad_fr.ops")
        and not operation.name.startswith("_")
    ]


def row(operation: Operation) -> str:
    """One operation in Markdown."""
    names = ", ".join(f"`np.{name(f)}`" for f in operation.numpy)
    signature = f"`{operation.name}{short(operation)}`"
    return f"| {signature} | {math(operation.latex)} | {rules(operation)} | {names} |"


def short(operation: Operation) -> str:
    parameters = inspect.signature(operation.body).parameters.values()
    return "(" + ", ".join(str(p.replace(annotation=p.empty)) for p in parameters) + ")"


def name(function: object) -> str:
    text = getattr(function, "__name__", "")
    return f"linalg.{text}" if getattr(np.linalg, text, None) is function else text


def rules(operation: Operation) -> str:
    """The local rules of the first example, each once."""
    if operation.composed:
        return "celles des opérations qui la composent"
    samples = operation.samples()
    if not samples:
        return ""
    (args, kwargs), *_ = samples
    out = operation.body(*args, **kwargs)
    closures = [c for c in (out[1:] if isinstance(out, tuple) else ()) if c is not None]
    texts = dict.fromkeys(" ".join((c.__doc__ or "").split()) for c in closures)
    return " ; ".join(math(text) for text in texts) or "constante par morceaux"


def math(latex: str) -> str:
    """LaTeX in a table, where a bar would end the cell; the page is French."""
    tg.set_language("fr")
    latex = worded(latex)
    return "$" + latex.replace(r"\|", r"\Vert ").replace("|", r"\vert ") + "$"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"{PAGE.name}: written")
