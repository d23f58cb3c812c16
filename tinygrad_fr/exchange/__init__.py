"""Out of here and into here: ONNX, scikit-learn, PyTorch's modules, many machines.

Each stands on somebody else's library, loaded at its first use.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .estimators import Classifier as Classifier
    from .estimators import Regressor as Regressor
    from .mpi import distributed as distributed
    from .onnx import to_onnx as to_onnx
    from .pytorch import from_torch as from_torch

_NAMES = {
    "Classifier": "estimators", "Regressor": "estimators", "distributed": "mpi",
    "from_torch": "pytorch", "to_onnx": "onnx",
}  # fmt: skip

__all__ = list(_NAMES)


def __getattr__(name: str) -> Any:
    if name in _NAMES:
        return getattr(importlib.import_module(f".{_NAMES[name]}", __name__), name)
    from ..autograd.guards.spellings import unknown

    raise unknown(f"module {__name__!r}", name)


def __dir__() -> list[str]:
    return sorted(__all__)
