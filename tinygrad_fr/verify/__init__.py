"""Checking gradients: the library's own, those derived by hand, and layers written by hand."""

from ..report import Diagnosis, Entry, Report
from .checking import check
from .derivation import hand
from .equalities import steps
from .jacobians import jacobian
from .layers import layer
from .numeric import derivative
from .updates import descent

__all__ = [
    "Diagnosis", "Entry", "Report", "check", "derivative", "descent", "hand", "jacobian", "layer",
    "steps",
]  # fmt: skip
