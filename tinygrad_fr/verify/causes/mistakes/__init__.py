"""The catalogue of mistakes: one small function for each way to get a gradient wrong."""

from . import (
    arrays,
    axes,
    convolutions,
    labels,
    operations,
    paths,
    quantities,
    rounding,
    softmax,
    ties,
)
from .table import KINDS, TABLE, Mistake, mistake

__all__ = [
    "KINDS", "TABLE", "Mistake", "arrays", "axes", "convolutions", "labels", "mistake",
    "operations", "paths", "quantities", "rounding", "softmax", "ties",
]  # fmt: skip
