"""Formulas: read from the LaTeX of the registry, written as MathML, as text and in labels."""

from .latex import escaped as escaped
from .latex import parse as parse
from .latex import substituted as substituted
from .latex import symbol as symbol
from .writing import kept_spaces as kept_spaces
from .writing import label as label
from .writing import latex_of as latex_of
from .writing import mathml as mathml
from .writing import text as text
