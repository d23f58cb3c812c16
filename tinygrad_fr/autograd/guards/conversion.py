"""What becomes of data that are no Tensors: operands beside them, and what they are made from."""

import numbers
from types import EllipsisType, NoneType
from typing import Any

import numpy as np

from ...errors import DTypeError, GraphError, ShapeError
from ...kernels import Array
from ...messages import _
from ..engine import Node
from .messages import label

# What an operation takes as it is: these classes are looked up, subclasses and others examined.
AS_IS = frozenset({
    np.ndarray, float, int, bool, slice, NoneType, EllipsisType, *np.sctypeDict.values()
})  # fmt: skip


def as_operand(x: Any) -> Any:
    """An operand, with a plain array for an array-like: one set of rules, NumPy's, for all.

    A pandas Series would align by index, a matrix multiply where arrays do so entry by entry, a
    Fraction give an array of objects. CuPy's arrays and others that speak NumPy's protocols
    stay what they are.

    Raises
    ------
    DTypeError
        If converting would lose something: a mask, a matrix' own product, the graph of another
        library; or if there are no numbers inside.
    """
    if x.__class__ in AS_IS:
        return x
    if isinstance(x, (np.ma.MaskedArray, np.matrix)):
        raise _own_rules(type(x))
    if isinstance(x, np.ndarray):
        return np.asarray(x)
    if isinstance(x, numbers.Number) and not isinstance(x, (int, float, complex)):
        raise _not_numbers(x, _("float(x) is a number"))
    if hasattr(x, "__array_function__") or isinstance(x, type):
        return x
    if any(hasattr(x, name) for name in ("__array__", "__array_interface__", "__dlpack__")):
        return _from_elsewhere(x)
    if hasattr(x, "toarray"):  # a sparse matrix, which has a product of its own
        raise _not_numbers(x, ".toarray()")
    return x


def _from_elsewhere(x: Any) -> Array:
    """The numbers of an object that gives an array, or shares its memory through DLPack."""
    if getattr(x, "requires_grad", False):
        raise DTypeError(
            "{kind} has a graph of its own library, which would be lost: .detach() it",
            kind=_kind(x),
        )
    try:
        through_dlpack = not hasattr(x, "__array__") and hasattr(x, "__dlpack__")
        array = np.from_dlpack(x) if through_dlpack else np.asarray(x)
    except Exception as error:
        raise _not_numbers(x, error) from error
    if array.dtype.kind not in "fiubc":
        way = ", .to_numpy(float)" if hasattr(x, "to_numpy") else ""
        raise _not_numbers(x, f"dtype {array.dtype}{way}")
    if array.dtype.kind == "f" and _has_gaps(x) and np.isnan(array).any():
        raise DTypeError(
            "{kind} holds missing values or NaN: fill them, or leave them out",
            kind=_kind(x),
        )
    return array


def _has_gaps(x: Any) -> bool:
    """Whether a table or a column can lack values, and not only hold NaN as NumPy does."""
    if _kind(x).partition(".")[0] not in ("pandas", "polars", "pyarrow"):
        return False
    kinds: Any = getattr(x, "dtypes", getattr(x, "dtype", None))
    each = kinds if hasattr(kinds, "__iter__") else [kinds]
    return not all(isinstance(kind, np.dtype) for kind in each)


def as_data(data: Any, dtype: Any, requires_grad: bool) -> Array:
    """A copy of ``data`` as an array of numbers."""
    if isinstance(data, Node):
        if data._requires_grad:
            raise GraphError(
                "a new Tensor from {name} would drop its graph: use it as it is, or .detach() it",
                name=label(data),
            )
        data = data._array
    is_array = isinstance(data, (np.ndarray, np.generic))
    if data.__class__ is not np.ndarray:
        for x in data if isinstance(data, (list, tuple)) else ():
            if isinstance(x, np.ma.MaskedArray):
                raise _own_rules(type(x))
        data = as_operand(data)
        if hasattr(data, "__array_function__") and not is_array:  # such as a CuPy array
            return data.copy() if dtype is None else data.astype(dtype)  # type: ignore[no-any-return]
    if dtype is not None and np.dtype(dtype).kind != "c" and np.iscomplexobj(data):
        raise DTypeError("complex numbers have no {dtype}: give their .real", dtype=dtype)
    try:
        array = np.array(data, dtype=dtype)
    except GraphError:  # of a recorded Tensor inside a list
        raise
    except (ValueError, TypeError, RuntimeError) as error:
        raise _not_numbers(data, error) from error
    if array.dtype.kind not in "fiubc":
        raise _not_numbers(data, f"dtype {array.dtype}")
    if requires_grad and not is_array and dtype is None and array.dtype.kind in "iub":
        array = array.astype(np.float64)
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def _own_rules(kind: type) -> DTypeError:
    return DTypeError(
        "{kind} follows rules of its own: give a plain array, np.asarray(x), or a masked one "
        "without its mask, x.filled(value)",
        kind=kind.__name__,
    )


def _not_numbers(data: Any, error: Any) -> DTypeError:
    return DTypeError(
        "{kind} gives no regular grid of numbers: give an array of them ({error})",
        kind=_kind(data),
        error=error,
    )


def _kind(data: Any) -> str:
    library, name = type(data).__module__.partition(".")[0], type(data).__name__
    return name if library == "builtins" else library + "." + name


def as_upstream(gradient: Any, output: Node) -> Any:
    """The gradient that a backward pass starts with: of the output's shape and dtype."""
    data = output._array
    if gradient is None:
        if data.size != 1:
            raise ShapeError(
                "{name} is not a scalar: reduce it (.sum(), .mean()), or give the "
                "upstream gradient, backward(gradient) of shape {shape}",
                name=label(output),
                shape=data.shape,
            )
        if data.__class__ is np.ndarray:
            return np.ones(data.shape, data.dtype)  # ones_like takes 1 us more
        return np.ones_like(data)
    gradient = as_operand(gradient)
    if not hasattr(gradient, "__array_function__"):
        gradient = as_data(gradient, None, False)
    gradient = np.asarray(gradient, like=data)
    if gradient.shape != data.shape:
        raise ShapeError(
            "the upstream gradient has the shape of {name}, not {got}",
            name=label(output),
            got=gradient.shape,
        )
    if gradient.dtype.kind not in "fiub":
        raise DTypeError(
            "an upstream gradient is made of real numbers, not of {dtype}", dtype=gradient.dtype
        )
    return gradient if gradient.dtype == data.dtype else gradient.astype(data.dtype)
