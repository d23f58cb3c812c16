"""Formulas: read from the LaTeX of the registry, written as MathML, as text and in labels."""

from .latex import escaped, parse, substituted, symbol
from .mathml import equations, mathml
from .writing import block, kept_spaces, label, text

__all__ = [
    "block", "equations", "escaped", "kept_spaces", "label", "mathml", "parse", "substituted",
    "symbol", "text",
]  # fmt: skip
