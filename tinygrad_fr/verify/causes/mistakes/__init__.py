"""The catalogue of mistakes: one small function for each way to get a gradient wrong."""

from . import (
    arrays,
    axes,
    convolutions,
    labels,
    operations,
    own_arguments,
    paths,
    quantities,
    rounding,
    sequences,
    slips,
    standardisation,
    substitutes,
    ties,
)
from .table import KINDS, MISFITS, TABLE, Row, mistake

__all__ = [
    "KINDS", "MISFITS", "TABLE", "Row", "arrays", "axes", "convolutions", "labels", "mistake",
    "operations", "own_arguments", "paths", "quantities", "rounding", "sequences", "slips",
    "standardisation", "substitutes", "ties",
]  # fmt: skip
