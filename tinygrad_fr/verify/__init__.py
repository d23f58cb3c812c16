"""Checking gradients against finite differences."""

from .checking import check
from .numeric import derivative

__all__ = ["check", "derivative"]
