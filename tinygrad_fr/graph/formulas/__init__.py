"""Formulas: read from the LaTeX of the registry, written as MathML, as text and in labels."""

from .latex import escaped, parse, substituted, symbol
from .mathml import mathml
from .writing import kept_spaces, label, text

__all__ = ["escaped", "kept_spaces", "label", "mathml", "parse", "substituted", "symbol", "text"]
