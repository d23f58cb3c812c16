"""Tensor: an array that remembers how it was computed.

Operations are not written here: registering one (see ``op.py``) adds the method.
"""

from __future__ import annotations

import copy
import copyreg
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from ..kernels import Array, as_array
from ..messages import Shown, _
from . import engine
from .engine import Node, next_rank
from .guards import messages, observers
from .guards.conversion import as_data, as_upstream
from .guards.inplace import InPlace
from .guards.protocols import NumPyProtocols
from .guards.scalars import Scalar
from .guards.spellings import Spellings
from .modes import current_mode

if TYPE_CHECKING:
    from .methods import Methods as Methods  # generated from the registry of operations
else:

    class Methods(Spellings, Node):
        """Filled by the registry: one method per operation."""

        __slots__ = ()


_ACCUMULATING = threading.RLock()


class Tensor(Methods, InPlace, Scalar, NumPyProtocols, Shown):
    """An array whose operations are recorded, to be differentiated in reverse mode.

    Parameters
    ----------
    data : array_like
        An array is copied and keeps its dtype; numbers and lists become what NumPy makes of
        them.
    requires_grad
        Record what is computed from it, so that ``backward`` gives its gradient. Numbers and
        lists become floating; an integer *array* is refused.
    dtype
        Convert to this dtype.
    name
        A name for error messages, pictures and reports.

    Raises
    ------
    DTypeError
        If the data are not numbers, or need a gradient and are not floating.
    GraphError
        If the data are a recorded Tensor: its graph would be lost.

    Examples
    --------
    >>> x = Tensor([4, 5, 6], requires_grad=True)
    >>> (x * x).sum().backward()
    >>> x.grad
    Tensor([ 8., 10., 12.])
    """

    __slots__ = ("_grad", "_name")
    __pandas_priority__ = 5000  # in `series * t` pandas leaves the product to the Tensor

    _grad: Tensor | None
    _name: str | None

    def __init__(
        self,
        data: Any,
        *,
        requires_grad: bool = False,
        dtype: Any = None,
        name: str | None = None,
    ) -> None:
        self._array = as_data(data, dtype, requires_grad)
        self._requires_grad = False
        self._rank = next_rank()
        self._op = self._static = self._where = self._memory = None
        self._inputs = self._closures = ()
        self._state = engine.LIVE
        self._grad = None
        self._name = name
        if requires_grad:
            self.requires_grad = True

    # --- what it is --------------------------------------------------------------------------

    @property
    def data(self) -> Array:
        """The array itself, without a copy. Changing it escapes the tape, save ``data -= ...``."""
        return self._array

    @data.setter
    def data(self, value: Any) -> None:
        if self._op is not None:
            raise messages.in_place(self, instead=_("compute a new Tensor from it"))
        if isinstance(value, Tensor):
            value = value.numpy()
        if value is not self._array:
            value = as_data(value, None, self._requires_grad)
            if self._requires_grad and value.dtype.kind != "f":
                raise messages.not_floating(dtype=value.dtype)
            if self._requires_grad and value.shape != self._array.shape:
                raise messages.other_shape(self, got=value.shape)
            self._memory = None  # what was on the old memory stays there
        self._array = value
        engine.touch(self)

    @property
    def grad(self) -> Tensor | None:
        """The gradient that ``backward`` has accumulated here, or None."""
        return self._grad

    @grad.setter
    def grad(self, value: Any) -> None:
        if value is not None:
            if not isinstance(value, Tensor):
                value = Tensor(value, dtype=self._array.dtype)
            if value._array.shape != self._array.shape:
                raise messages.other_gradient(shape=self._array.shape, got=value._array.shape)
            if value._array.dtype != self._array.dtype:
                value = value.astype(self._array.dtype)
        self._grad = value

    @property
    def requires_grad(self) -> bool:
        """Whether operations on it are recorded."""
        return self._requires_grad

    @requires_grad.setter
    def requires_grad(self, wanted: bool) -> None:
        if self._op is not None and not wanted:
            raise messages.needs_its_gradient()
        if wanted and self._array.dtype.kind != "f":
            raise messages.not_floating(dtype=self._array.dtype)
        self._requires_grad = bool(wanted)

    @property
    def name(self) -> str | None:
        """Its name in messages and pictures."""
        return self._name

    @name.setter
    def name(self, value: str | None) -> None:
        self._name = value

    @property
    def is_leaf(self) -> bool:
        """Whether it was given rather than computed by a recorded operation."""
        return self._op is None

    @property
    def shape(self) -> tuple[int, ...]:
        """Its shape."""
        return tuple(self._array.shape)

    @property
    def ndim(self) -> int:
        """Its number of axes."""
        return self._array.ndim

    @property
    def size(self) -> int:
        """Its number of elements."""
        return self._array.size

    @property
    def dtype(self) -> np.dtype[Any]:
        """Its dtype."""
        return self._array.dtype

    @property
    def T(self) -> Tensor:
        """The transpose (all axes in reverse)."""
        return self.transpose()

    # --- out of the graph --------------------------------------------------------------------

    def numpy(self) -> Array:
        """The array, without a copy; of another library, as CuPy, it is that library's.

        Raises
        ------
        GraphError
            If the Tensor requires a gradient: what follows would not be recorded.
        """
        if self._requires_grad:
            raise messages.drops_the_graph(self)
        return self._array

    def detach(self) -> Tensor:
        """A Tensor on the same memory, outside the graph."""
        detached = untracked(self._array, self._name)
        engine.share_memory(self, detached)
        return detached

    def named(self, name: str) -> Tensor:
        """Name it, and return it."""
        self._name = name
        return self

    # --- backwards ---------------------------------------------------------------------------

    def backward(
        self,
        gradient: Any = None,
        *,
        retain_graph: bool = False,
        create_graph: bool = False,
        retain_grads: bool = False,
    ) -> None:
        """Add to ``.grad`` of every leaf the gradient of this Tensor.

        Parameters
        ----------
        gradient
            The upstream gradient, of this Tensor's shape; 1 for a scalar.
        retain_graph
            Allow a second backward pass through the same graph.
        create_graph
            Record the pass itself, so that gradients can be differentiated again.
        retain_grads
            Keep the gradient of every intermediate Tensor in its ``.grad``, too.

        Raises
        ------
        GraphError
            If nothing requires a gradient, if the graph was differentiated already, or if an
            input was changed in place since.
        ShapeError
            If the Tensor is not a scalar and no ``gradient`` is given, or it has another shape.

        Examples
        --------
        >>> x = Tensor(3.0, requires_grad=True)
        >>> (x * x).backward()
        >>> x.grad
        Tensor(6.)
        """
        create_graph |= current_mode().depth > 0  # for the transform around
        upstream = self._upstream(gradient, create_graph)
        looking = observers.looking()

        def keep(node: Any, g: Any, waiting: dict[int, Any]) -> None:
            if retain_grads:
                node._grad = g + 0.0 if isinstance(g, Tensor) else untracked(as_array(g).copy())
            for observer in looking:
                observer.node(node, g, waiting)

        found: list[tuple[Any, Any]] = engine.run(
            self, upstream, create_graph=create_graph, retain_graph=retain_graph,
            keep=keep if retain_grads or looking else None,
        )  # fmt: skip
        for observer in looking:
            observer.leaves(found)
        with _ACCUMULATING:  # another thread may add to the same leaf
            for tensor, g in found:
                if create_graph:
                    # A sum with zero gives each leaf a gradient of its own, in a recorded way.
                    tensor._grad = g + (0.0 if tensor._grad is None else tensor._grad)
                elif tensor._grad is None:
                    tensor._grad = untracked(g)
                else:
                    tensor._grad = untracked(as_array(tensor._grad._array + g))

    def _upstream(self, gradient: Any, create_graph: bool) -> Any:
        if not self._requires_grad:
            raise messages.without_graph(self)
        if isinstance(gradient, Tensor):
            if create_graph and gradient._requires_grad:
                as_upstream(gradient._array, self)  # only to refuse what does not fit
                return gradient.astype(self._array.dtype)
            gradient = gradient._array
        gradient = as_upstream(gradient, self)
        return untracked(gradient.copy()) if create_graph else gradient

    # --- as a container and a number ---------------------------------------------------------

    def __len__(self) -> int:
        if not self._array.ndim:
            raise messages.without_length()
        return len(self._array)

    def __iter__(self) -> Iterator[Tensor]:
        return (self[i] for i in range(len(self)))

    def __contains__(self, value: Any) -> bool:
        return bool((self._array == getattr(value, "_array", value)).any())

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        text = np.array2string(self._array, separator=", ", prefix="Tensor(")
        parts = [f"Tensor({text}"]
        if self._array.dtype not in (np.float64, np.int64, np.bool_) or not self._array.size:
            parts.append(f"dtype={self._array.dtype}")
        if not self._array.size:
            parts.append(f"shape={self._array.shape}")
        if self._op is not None:
            parts.append(f"op={self._op.name}")
        elif self._requires_grad:
            parts.append("requires_grad=True")
        if self._name is not None:
            parts.append(f"name={self._name!r}")
        return ", ".join(parts) + ")"

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if spec else repr(self)

    def __copy__(self) -> Any:
        if self._requires_grad and current_mode().recording:
            return self.copy()  # recorded: a leaf of its own would be cut off from this one
        return self.__deepcopy__({})

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        copied = type(self).__new__(type(self))
        memo[id(self)] = copied
        *own, others = self.__reduce__()[2]
        copied.__setstate__((*own, copy.deepcopy(others, memo)))
        return copied

    def __reduce__(self) -> tuple[Any, ...]:
        if self._op is not None:
            raise messages.no_leaf(self)
        mode = current_mode()
        if mode.depth and mode.recording and self._requires_grad and type(self) is Tensor:
            raise messages.copy_of_a_variable(self)
        grad = None if self._grad is None else self._grad._array
        state = (self._array, self._requires_grad, self._name, grad, self._attributes_of_subclass())
        return copyreg.__newobj__, (type(self),), state  # type: ignore[attr-defined]

    def _attributes_of_subclass(self) -> dict[str, Any]:
        classes = type(self).__mro__[: type(self).__mro__.index(Tensor)]
        slots = [name for kind in classes for name in vars(kind).get("__slots__", ())]
        named = {name: getattr(self, name) for name in slots if hasattr(self, name)}
        return {**getattr(self, "__dict__", {}), **named}

    def __setstate__(self, state: Any) -> None:
        data, requires_grad, name, grad, *others = state
        Tensor.__init__(self, data, requires_grad=requires_grad, name=name)
        self._grad = None if grad is None else Tensor(grad)
        for attribute, value in (others[0] if others else {}).items():
            setattr(self, attribute, value)


def untracked(data: Array, name: str | None = None) -> Tensor:
    """A Tensor around an array, without a copy and without a graph."""
    tensor: Tensor = Tensor.__new__(Tensor)
    tensor._array = data
    tensor._requires_grad = False
    tensor._rank = next_rank()
    tensor._op = tensor._static = tensor._where = tensor._grad = tensor._memory = None
    tensor._inputs = tensor._closures = ()
    tensor._state = 0
    tensor._name = name
    return tensor
