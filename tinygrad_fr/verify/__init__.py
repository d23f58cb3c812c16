"""Checking gradients: the library's own, those derived by hand, and layers written by hand."""

from ..report import Diagnosis, Entry, Repair, Report
from .questions.check import check
from .questions.descent import descent
from .questions.hand import hand
from .questions.jacobian import jacobian
from .questions.layer import layer
from .questions.steps import steps
from .truth.differences import derivative

__all__ = [
    "Diagnosis", "Entry", "Repair", "Report", "check", "derivative", "descent", "hand", "jacobian",
    "layer", "steps",
]  # fmt: skip
