"""A strict duck array: what CuPy's arrays do and do not do, on this machine's memory.

It follows NumPy's protocols and refuses every silent conversion to NumPy, as CuPy does. What CuPy
14.2 lacks, in functions, in their keywords and in methods, is missing here, too; so an operation
that runs on a duck asks nothing of CuPy that is not there.
"""

from __future__ import annotations

import numpy as np

# Functions that NumPy hands to an array's ``__array_function__`` and that CuPy does not have.
LACKING = {
    np.block, np.einsum_path, np.insert, np.nanpercentile, np.nanquantile, np.unstack,
    np.linalg.diagonal, np.linalg.matrix_norm, np.linalg.multi_dot, np.linalg.outer,
    np.linalg.svdvals, np.linalg.tensordot, np.linalg.trace, np.linalg.vecdot,
    np.linalg.vector_norm,
}  # fmt: skip
UFUNCS_LACKING = {np.vecdot, np.matvec, np.vecmat, np.spacing, np.isnat}
# Of ufuncs' methods it has these; ``minimum.reduce``, say, it has not.
UFUNC_METHODS = {
    "at": {np.add, np.subtract, np.maximum, np.minimum, np.bitwise_and, np.bitwise_or},
    "reduce": {np.add, np.multiply},
    "accumulate": {np.add},
    "outer": {u for u in vars(np).values() if isinstance(u, np.ufunc)},
}

_REDUCED = {"axis", "dtype", "out", "keepdims"}
KEYWORDS = {
    "max": {"axis", "out", "keepdims"}, "min": {"axis", "out", "keepdims"},
    "amax": {"axis", "out", "keepdims"}, "amin": {"axis", "out", "keepdims"},
    "any": {"axis", "out", "keepdims"}, "all": {"axis", "out", "keepdims"},
    "sum": _REDUCED, "prod": _REDUCED, "mean": _REDUCED, "argmax": _REDUCED, "argmin": _REDUCED,
    "std": {*_REDUCED, "ddof"}, "var": {*_REDUCED, "ddof"},
    "sort": {"axis", "kind"}, "argsort": {"axis", "kind"},
    "concatenate": {"axis", "out", "dtype", "casting"}, "take": {"axis", "out"},
    "cumsum": {"axis", "dtype", "out"}, "cumprod": {"axis", "dtype", "out"},
}  # fmt: skip

SCALARS = (int, float, complex, bool, np.generic)


class Duck:
    """An array of another library, such as ``cupy.ndarray``."""

    __array_priority__ = 100
    __hash__ = None
    __slots__ = ("__weakref__", "_a", "base")

    def __init__(self, a, base=None):
        self._a, self.base = np.asarray(a), base

    # --- what it is ----------------------------------------------------------------------------

    dtype = property(lambda self: self._a.dtype)
    shape = property(lambda self: self._a.shape)
    ndim = property(lambda self: self._a.ndim)
    size = property(lambda self: self._a.size)
    nbytes = property(lambda self: self._a.nbytes)
    itemsize = property(lambda self: self._a.itemsize)
    strides = property(lambda self: self._a.strides)
    T = property(lambda self: self._view(self._a.T))
    data = property(lambda self: object())  # CuPy's is a pointer into the card's memory

    def get(self):
        """The numbers as a NumPy array: the one way out."""
        return self._a.copy()

    def __array__(self, dtype=None, copy=None):
        raise TypeError("Implicit conversion to a NumPy array is not allowed. Use `.get()`.")

    def __repr__(self):
        return f"Duck({self._a!r})"

    def __reduce__(self):
        return Duck, (self._a,)

    def __deepcopy__(self, memo):
        return self.copy()

    __float__ = lambda self: float(self._a)
    __int__ = lambda self: int(self._a)
    __bool__ = lambda self: bool(self._a)
    __len__ = lambda self: len(self._a)

    def __iter__(self):
        if not self.ndim:
            raise TypeError("iteration over a 0-d array")
        return (self[i] for i in range(len(self)))

    def item(self):
        return self._a.item()

    def tolist(self):
        return self._a.tolist()

    # --- parts of it ---------------------------------------------------------------------------

    def _view(self, a):
        a = np.asarray(a)
        shared = np.may_share_memory(a, self._a)
        return Duck(a, (self if self.base is None else self.base) if shared else None)

    def __getitem__(self, index):
        return self._view(self._a[_index(index)])

    def __setitem__(self, index, value):
        self._a[_index(index)] = _given(value)

    # --- NumPy's protocols ---------------------------------------------------------------------

    def __array_ufunc__(self, ufunc, method, *inputs, out=(), **options):
        if ufunc in UFUNCS_LACKING or len(out) > 1:
            return NotImplemented
        if method != "__call__" and ufunc not in UFUNC_METHODS.get(method, ()):
            return NotImplemented
        for x in (*inputs[:1], *inputs[2:]) if method == "at" else inputs:
            if isinstance(x, np.ndarray):
                raise TypeError("Unsupported type <class 'numpy.ndarray'>")
            if not isinstance(x, (Duck, *SCALARS)):
                return NotImplemented
        if method == "at":  # the indices may be NumPy's
            return getattr(ufunc, method)(
                inputs[0]._a, _index(inputs[1]), *(_given(x) for x in inputs[2:])
            )
        if out:
            if not isinstance(out[0], Duck):
                raise TypeError("out must be of the same library")
            options["out"] = out[0]._a
        y = getattr(ufunc, method)(*map(_given, inputs), **options)
        return out[0] if out else _taken(y)

    def __array_function__(self, function, types, args, options):
        name, like = function.__name__, function in _MAKING
        if (
            "device" in options
            or function in LACKING
            or (name in KEYWORDS and not set(options) <= KEYWORDS[name])
        ):
            return NotImplemented
        if name == "repeat" and any(isinstance(x, (Duck, np.ndarray)) for x in args[1:]):
            raise ValueError("arrays cannot be specified as `repeats` argument")
        if like:  # np.zeros(shape, like=x), and np.asarray(a, like=x), which converts
            return Duck(function(*(x._a if isinstance(x, Duck) else x for x in args), **options))
        mixed = name not in ("take", "pad", "result_type", "can_cast", "einsum")
        if mixed and any(isinstance(x, np.ndarray) for x in _flat(args)):
            raise TypeError("Unsupported type <class 'numpy.ndarray'>")
        if name == "where" and not isinstance(args[0], Duck):
            raise AttributeError("the condition is no array")
        y = function(*map(_deep, args), **{key: _deep(x) for key, x in options.items()})
        if isinstance(y, np.ndarray):
            return self._view(y)
        return _taken(y)


# With ``like=``. NumPy's ones, full, eye and tri hand on a ``device`` that CuPy's do not take.
_MAKING = {np.asarray, np.array, np.zeros, np.empty, np.arange}


def _index(index):
    return tuple(map(_deep, index)) if isinstance(index, tuple) else _deep(index)


def _given(x):
    """What an operation takes beside a duck: ducks and numbers, and no array of NumPy's."""
    if isinstance(x, np.ndarray):
        raise TypeError("Unsupported type <class 'numpy.ndarray'>")
    return x._a if isinstance(x, Duck) else x


def _deep(x):
    if isinstance(x, (list, tuple)):
        return type(x)(map(_deep, x))
    return x._a if isinstance(x, Duck) else x


def _flat(args):
    for x in args:
        if isinstance(x, (list, tuple)):
            yield from _flat(x)
        else:
            yield x


def _taken(y):
    """A result of NumPy's as that of a duck: numbers become arrays without axes."""
    if isinstance(y, (np.ndarray, np.generic)):
        return Duck(y)
    if isinstance(y, (list, tuple)):
        return tuple(map(_taken, y)) if isinstance(y, tuple) else list(map(_taken, y))
    return y


def _method(name, keywords=None):
    def method(self, *args, **options):
        if keywords is not None and not set(options) <= keywords:
            raise TypeError(f"{name}() got an unexpected keyword among {set(options)}")
        if name == "repeat" and any(isinstance(x, (Duck, np.ndarray)) for x in args[:1]):
            raise ValueError("arrays cannot be specified as `repeats` argument")
        into = options.pop("out", None)
        if into is not None:
            into[...] = _taken(getattr(self._a, name)(*map(_deep, args), **options))
            return into
        y = getattr(self._a, name)(*map(_deep, args), **options)
        return self._view(y) if isinstance(y, np.ndarray) else _taken(y)

    method.__name__ = name
    return method


_METHODS = [
    "max", "min", "sum", "prod", "mean", "std", "var", "any", "all", "argmax", "argmin", "sort",
    "argsort", "cumsum", "cumprod", "take", "clip", "round", "trace", "diagonal", "repeat",
    "nonzero", "fill", "dot", "conj", "reshape", "transpose", "swapaxes", "squeeze", "ravel",
    "flatten", "copy", "view",
]  # fmt: skip
for _name in _METHODS:
    setattr(Duck, _name, _method(_name, KEYWORDS.get(_name)))
Duck.astype = _method("astype", {"dtype", "order", "casting", "subok", "copy"})


def _operator(name, ufunc, swapped=False, inplace=False):
    def method(self, other):
        if not isinstance(other, (Duck, np.ndarray, *SCALARS)):
            return NotImplemented
        if inplace:
            return ufunc(self, other, out=(self,))
        return ufunc(other, self) if swapped else ufunc(self, other)

    method.__name__ = name
    setattr(Duck, name, method)


_BINARY = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "truediv": np.true_divide,
    "floordiv": np.floor_divide, "mod": np.remainder, "pow": np.power, "matmul": np.matmul,
    "and": np.bitwise_and, "or": np.bitwise_or, "xor": np.bitwise_xor, "lshift": np.left_shift,
    "rshift": np.right_shift,
}  # fmt: skip
for _name, _ufunc in _BINARY.items():
    _operator(f"__{_name}__", _ufunc)
    _operator(f"__r{_name}__", _ufunc, swapped=True)
    if _name != "matmul":
        _operator(f"__i{_name}__", _ufunc, inplace=True)
for _name in ("eq", "ne", "lt", "le", "gt", "ge"):
    _names = {"eq": "equal", "ne": "not_equal", "lt": "less", "le": "less_equal",
              "gt": "greater", "ge": "greater_equal"}  # fmt: skip
    _operator(f"__{_name}__", getattr(np, _names[_name]))
for _name in ("neg", "abs", "invert", "pos"):
    _ufunc = {"neg": np.negative, "abs": np.absolute, "invert": np.invert, "pos": np.positive}
    setattr(Duck, f"__{_name}__", lambda self, ufunc=_ufunc[_name]: ufunc(self))


def asarray(a):
    """``cupy.asarray``."""
    return a if isinstance(a, Duck) else Duck(np.array(a))


def asnumpy(x):
    """``cupy.asnumpy``."""
    return x.get() if isinstance(x, Duck) else np.asarray(x)
