"""Sequential: modules one after another."""

from collections.abc import Iterator
from typing import Any

from ..errors import ArgumentError, DTypeError
from .module import Module


class Sequential(Module):
    """Modules one after another.

    Parameters
    ----------
    modules
        Modules, which get the names "0", "1", ...; or one dict of named modules.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_fr as tg
    >>> model = tg.nn.Sequential(tg.nn.Linear(4, 3), tg.nn.ReLU())
    >>> model(np.ones((2, 4))).shape
    (2, 3)
    """

    def __init__(self, *modules: Any) -> None:
        named = modules[0].items() if len(modules) == 1 and isinstance(modules[0], dict) else (
            (str(i), module) for i, module in enumerate(modules)
        )  # fmt: skip
        self._order: list[str] = []
        for name, module in named:
            if not isinstance(module, Module):
                raise DTypeError(
                    "Sequential holds Modules, not {kind}: use nn.ReLU() rather than tg.relu",
                    kind=type(module).__name__,
                )
            if hasattr(type(self), name):
                raise ArgumentError(
                    "{name!r} is a method of every Module: name the layer otherwise", name=name
                )
            setattr(self, name, module)
            self._order.append(name)

    def forward(self, x: Any) -> Any:
        """Pass through all modules."""
        for name in self._order:
            x = getattr(self, name)(x)
        return x

    def __len__(self) -> int:
        return len(self._order)

    def __iter__(self) -> Iterator[Any]:
        return (getattr(self, name) for name in self._order)

    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return Sequential(*(getattr(self, name) for name in self._order[index]))
        return getattr(self, self._order[index])
