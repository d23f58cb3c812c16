"""Modules that hold others: one after another, in a list, by name."""

from collections.abc import ItemsView, Iterable, Iterator, KeysView, Mapping, ValuesView
from typing import Any, Self

from ..autograd.tensor import Tensor
from ..errors import ArgumentError, DTypeError
from .module import Module


class _Container(Module):
    """Modules under names, in an order."""

    def __init__(self, named: Iterable[tuple[str, Any]] = ()) -> None:
        self._order: list[str] = []
        for name, module in named:
            self._put(name, module)

    def _put(self, name: str, module: Any) -> None:
        if not isinstance(module, Module):
            raise DTypeError(
                "{container} holds Modules, not {kind}: use nn.ReLU() rather than tg.relu",
                container=type(self).__name__, kind=type(module).__name__,
            )  # fmt: skip
        if not isinstance(name, str) or not name or "." in name:
            raise ArgumentError("a Module's name is a text without dots, not {name!r}", name=name)
        if name in vars(self).keys() - set(self._order) or hasattr(type(self), name):
            raise ArgumentError(
                "{name!r} is a method of every Module: name the layer otherwise", name=name
            )
        setattr(self, name, module)
        if name not in self._order:
            self._order.append(name)

    def _modules(self) -> list[Any]:
        return [getattr(self, name) for name in self._order]

    def __len__(self) -> int:
        return len(self._order)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._modules())


class Sequential(_Container):
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
        one = len(modules) == 1 and isinstance(modules[0], dict)
        super().__init__(modules[0].items() if one else _numbered(modules))

    def forward(self, x: Any) -> Tensor:
        """Pass through all modules."""
        for name in self._order:
            x = getattr(self, name)(x)
        return x

    def __getitem__(self, index: int | slice) -> Any:
        found = self._modules()[index]
        return Sequential(*found) if isinstance(index, slice) else found


class ModuleList(_Container):
    """A list of Modules, whose parameters are found; it has no ``forward`` of its own.

    Examples
    --------
    >>> from tinygrad_fr import nn
    >>> blocks = nn.ModuleList(nn.Linear(4, 4) for _ in range(2))
    >>> blocks.append(nn.Linear(4, 1))[-1]
    Linear(4, 1, bias=True)
    >>> [name for name, _p in blocks.named_parameters()][:2]
    ['0.weight', '0.bias']
    """

    def __init__(self, modules: Iterable[Module] = ()) -> None:
        super().__init__(_numbered(modules))

    def _hold(self, modules: Iterable[Module]) -> Self:
        """Hold these in place of those before."""
        modules = list(modules)
        for name in self._order:
            delattr(self, name)
        _Container.__init__(self, _numbered(modules))
        return self

    def append(self, module: Module) -> Self:
        """Add a Module at the end, and return the list."""
        return self.extend([module])

    def extend(self, modules: Iterable[Module]) -> Self:
        """Add Modules at the end, and return the list."""
        for module in list(modules):
            self._put(str(len(self)), module)
        return self

    def insert(self, index: int, module: Module) -> None:
        """Add a Module before the one at ``index``."""
        held = self._modules()
        held.insert(index, module)
        self._hold(held)

    def pop(self, index: int = -1) -> Any:
        """Take a Module out, and return it."""
        module = self[index]
        del self[index]
        return module

    def __getitem__(self, index: int | slice) -> Any:
        found = self._modules()[index]
        return ModuleList(found) if isinstance(index, slice) else found

    def __setitem__(self, index: int, module: Module) -> None:
        self._put(self._order[index], module)

    def __delitem__(self, index: int | slice) -> None:
        held = self._modules()
        del held[index]
        self._hold(held)


class ModuleDict(_Container):
    """Modules by name, whose parameters are found; it has no ``forward`` of its own.

    Examples
    --------
    >>> from tinygrad_fr import nn
    >>> heads = nn.ModuleDict({"kind": nn.Linear(4, 5), "size": nn.Linear(4, 1)})
    >>> heads["size"], list(heads)
    (Linear(4, 1, bias=True), ['kind', 'size'])
    """

    def __init__(self, modules: Mapping[str, Module] | None = None) -> None:
        super().__init__((modules or {}).items())

    def update(self, modules: Mapping[str, Module]) -> None:
        """Add or replace Modules."""
        for name, module in modules.items():
            self._put(name, module)

    def _by_name(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self._order}

    def keys(self) -> KeysView[str]:
        """The names, in the order in which they came."""
        return self._by_name().keys()

    def values(self) -> ValuesView[Any]:
        """The Modules."""
        return self._by_name().values()

    def items(self) -> ItemsView[str, Any]:
        """Names and Modules."""
        return self._by_name().items()

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name())

    def __contains__(self, name: object) -> bool:
        return name in self._order

    def __getitem__(self, name: str) -> Any:
        return self._by_name()[name]

    def __setitem__(self, name: str, module: Module) -> None:
        self._put(name, module)

    def __delitem__(self, name: str) -> None:
        self._order.remove(name)
        delattr(self, name)


def _numbered(modules: Iterable[Any]) -> Iterator[tuple[str, Any]]:
    return ((str(i), module) for i, module in enumerate(modules))
