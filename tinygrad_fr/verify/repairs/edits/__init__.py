"""The table of edits: what may be wrong in a line, and what may stand there instead.

One row is one function beside others of its kind. :func:`of_expressions` gives other texts for a
part of a line; :func:`of_statements` gives changes of lines. Each row has the kinds of mistakes
that it mends, in the words of the table of mistakes, and how unlikely it is.
"""

from . import factors, missing, shapes, statements, values
from .table import ROWS

__all__ = ["ROWS", "factors", "missing", "shapes", "statements", "values"]
