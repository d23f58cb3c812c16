"""tinygrad_fr: an autograd framework on NumPy for courses on neural networks.

>>> import tinygrad_fr as tg
>>> x = tg.Tensor([1.0, 2.0], requires_grad=True)
>>> (x * x).sum().backward()
>>> x.grad
Tensor([2., 4.])
"""

import importlib
from typing import TYPE_CHECKING, Any

from . import messages, ops
from .autograd.modes import debug, no_grad
from .autograd.op import op
from .autograd.tensor import Tensor
from .autograd.transforms import grad, gradients, hessian, hvp, jacobian, jvp, value_and_grad, vjp
from .ops import *  # noqa: F403
from .settings import VERSION, manual_seed, set_default_dtype, set_language

if TYPE_CHECKING:
    from . import data as data
    from . import exchange as exchange
    from . import grade as grade
    from . import graph as graph
    from . import health as health
    from . import io as io
    from . import nn as nn
    from . import optim as optim
    from . import plot as plot
    from . import training as training
    from . import verify as verify
    from .graph import derive as derive
    from .graph import draw as draw
    from .graph import explain as explain
    from .graph import replay as replay
    from .io import load as load
    from .io import save as save
    from .training import fit as fit

# Loaded at their first use, so that importing the library costs little more than NumPy.
_MODULES = (
    "data", "exchange", "grade", "graph", "health", "io", "nn", "optim", "plot", "training",
    "verify",
)  # fmt: skip
_NAMES = {
    "derive": "graph", "draw": "graph", "explain": "graph", "replay": "graph", "fit": "training",
    "save": "io", "load": "io",
}  # fmt: skip

__version__ = VERSION

__all__ = [
    *ops.__all__,
    *_MODULES,
    *_NAMES,
    "Tensor",
    "debug",
    "grad",
    "gradients",
    "hessian",
    "hvp",
    "jacobian",
    "jvp",
    "manual_seed",
    "no_grad",
    "op",
    "set_default_dtype",
    "set_language",
    "value_and_grad",
    "vjp",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f".{name}", __name__)
    if name in _NAMES:
        return getattr(importlib.import_module(f".{_NAMES[name]}", __name__), name)
    from .autograd.guards.spellings import unknown

    raise unknown(f"module {__name__!r}", name)


def _html(thing: messages.Shown) -> str | None:
    from .plot import display

    return display.html(thing)


messages.Shown._repr_html_ = _html


def __dir__() -> list[str]:
    return sorted(__all__)
