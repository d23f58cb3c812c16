"""Somebody's functions and classes as bytes, by what they are, and not by where they are defined.

A class of a notebook or of a script cannot be imported in another process without running that
script again. So its functions travel as code, with the global names that they use; what belongs
to Python, to an installed package or to this library travels by its name. Each :func:`revived`
makes all of it anew: whatever earlier calls have done to global state is forgotten.
"""

import builtins
import functools
import importlib
import io
import marshal
import pickle
import sys
import sysconfig
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import EnumMeta
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np

_LIBRARIES = [
    str(Path(sysconfig.get_paths()[name]))
    for name in ("stdlib", "platstdlib", "purelib", "platlib")
] + [str(Path(__file__).parents[1]), str(Path(np.__file__).parents[1])]  # fmt: skip

# A function is known by its file, its qualified name, its first line, and a lambda by its column.
Key = tuple[str, str, int, int]


def key_of(code: types.CodeType) -> Key:
    """What a piece of code is known by."""
    column = 0
    if code.co_name == "<lambda>":
        places = (p[2] for p in code.co_positions() if p[2] is not None and p[3])
        column = min(places, default=0)
    return code.co_filename, code.co_qualname, code.co_firstlineno, column


def is_of_a_library(module: str | None) -> bool:
    """Whether a module can be imported anywhere without running somebody's script."""
    if module is None or module == "__main__":
        return False
    file = getattr(sys.modules.get(module), "__file__", None)
    if file is None:
        return module.partition(".")[0] in sys.stdlib_module_names
    return str(Path(file)).startswith(tuple(_LIBRARIES))


def carried(thing: Any) -> bytes:
    """Anything as bytes, to be revived here or in another process of the same Python."""
    stream = io.BytesIO()
    _Pickler(stream, protocol=5).dump(thing)
    return stream.getvalue()


@dataclass
class _Revival:
    """What is shared by all that one :func:`revived` makes."""

    changed: Mapping[Key, types.CodeType]
    names: Mapping[str, Any]
    spaces: dict[int, dict[str, Any]] = field(default_factory=dict)
    made: dict[Key, types.FunctionType] = field(default_factory=dict)


_now: list[_Revival] = []


def revived(
    data: bytes, changed: Mapping[Key, types.CodeType] | None = None,
    names: Mapping[str, Any] | None = None, made: dict[Key, types.FunctionType] | None = None,
) -> Any:  # fmt: skip
    """What was carried, made anew.

    Parameters
    ----------
    changed
        Other code for some functions.
    names
        Global names that all functions get besides their own.
    made
        Receives the functions that were made, by their keys.
    """
    _now.append(_Revival(changed or {}, names or {}))
    try:
        thing = pickle.loads(data)
        if made is not None:
            made.update(_now[-1].made)
        return thing
    finally:
        _now.pop()


def _has_a_name(thing: Any) -> bool:
    """Whether a library has this very function or class under its name."""
    if not is_of_a_library(thing.__module__):
        return False
    found = sys.modules.get(thing.__module__)
    for name in thing.__qualname__.split("."):
        found = getattr(found, name, None)
    return found is thing


# Types that Python knows under another name than their own.
_TYPES = {getattr(types, name): name for name in types.__all__ if name.endswith("Type")}


class _Pickler(pickle.Pickler):
    """Functions, classes, cells and modules of somebody's own by what they are."""

    def reducer_override(self, thing: Any) -> Any:
        if isinstance(thing, type) and thing in _TYPES:
            return getattr, (types, _TYPES[thing])
        if isinstance(thing, (types.FunctionType, type)) and _has_a_name(thing):
            return NotImplemented
        if isinstance(thing, types.FunctionType):
            return _reduced_function(thing)
        if isinstance(thing, type):
            return _reduced_class(thing)
        if isinstance(thing, types.CellType):
            try:
                return _cell, (), (thing.cell_contents,), None, None, _fill_cell
            except ValueError:  # it is empty
                return _cell, ()
        if isinstance(thing, types.ModuleType):
            return _reduced_module(thing)
        if isinstance(thing, property):
            return property, (thing.fget, thing.fset, thing.fdel, thing.__doc__)
        if isinstance(thing, (staticmethod, classmethod)):
            return type(thing), (thing.__func__,)
        if isinstance(thing, functools._lru_cache_wrapper):
            return _cached, (thing.__wrapped__, thing.cache_parameters())
        if isinstance(thing, functools.cached_property):
            return _property, (thing.func, thing.attrname)
        if isinstance(thing, types.MappingProxyType):
            return types.MappingProxyType, (dict(thing),)
        if isinstance(thing, TypeVar):
            return TypeVar, (thing.__name__,)
        return NotImplemented


# --- functions ---------------------------------------------------------------------------------


def names_in(code: types.CodeType) -> Iterator[str]:
    """The global names and attributes in a piece of code, those of functions inside it included."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from names_in(constant)


def _reduced_function(f: types.FunctionType) -> Any:
    space = f.__globals__
    used = {n: space[n] for n in dict.fromkeys(names_in(f.__code__)) if n in space}
    used |= {n: x for n, x in space.items() if x is np}  # code that takes its place may need it
    own = {"__defaults__": f.__defaults__, "__kwdefaults__": f.__kwdefaults__,
           "__qualname__": f.__qualname__, "__doc__": f.__doc__}  # fmt: skip
    state = used, own, f.__dict__
    made = marshal.dumps(f.__code__), id(space), f.__module__, f.__name__, f.__closure__
    return _function, made, state, None, None, _fill_function


def _function(
    code: bytes, space: int, module: str, name: str, closure: Any
) -> types.FunctionType:  # fmt: skip
    now, loaded = _now[-1], marshal.loads(code)
    key = key_of(loaded)
    names = now.spaces.setdefault(
        space, {"__name__": module, "__builtins__": builtins, **now.names}
    )
    made = types.FunctionType(now.changed.get(key, loaded), names, name, None, closure)
    made.__module__ = module
    now.made[key] = made
    return made


def _fill_function(f: types.FunctionType, state: Any) -> None:
    used, own, attributes = state
    for name, value in used.items():
        f.__globals__.setdefault(name, value)
    for name, value in own.items():
        setattr(f, name, value)
    f.__dict__.update(attributes)


def _cached(f: Any, how: Mapping[str, Any]) -> Any:
    return functools.lru_cache(**how)(f)


def _property(f: Any, name: str) -> Any:
    made = functools.cached_property(f)
    made.__set_name__(object, name)
    return made


def _cell() -> types.CellType:
    return types.CellType()


def _fill_cell(cell: types.CellType, state: Any) -> None:
    cell.cell_contents = state[0]


# --- classes and modules -----------------------------------------------------------------------

_NOT_CARRIED = {"__dict__", "__weakref__", "_abc_impl", "__abstractmethods__", "__slots__"}


def _reduced_class(kind: type) -> Any:
    own, inside = vars(kind), {"__module__": kind.__module__}
    if "__slots__" in own:
        inside["__slots__"] = own["__slots__"]
    left_out, bases = _NOT_CARRIED, kind.__bases__
    if isinstance(kind, EnumMeta):  # its members make all its tables
        inside |= {name: kind.__members__[name].value for name in kind.__members__}
        tables = {n for n in own if n[0] == n[-1] == "_" != n[1]}
        left_out = left_out | inside.keys() | tables | {"__new__"}
    if Generic in bases:
        bases = own["__orig_bases__"]
    members = {
        name: x for name, x in own.items()
        if name not in left_out and not isinstance(x, types.MemberDescriptorType)
    }  # fmt: skip
    made = type(kind), kind.__name__, bases, inside
    return _class, made, members, None, None, _fill_class


def _class(
    metaclass: Any, name: str, bases: tuple[type, ...], inside: Mapping[str, Any]
) -> type:  # fmt: skip
    def fill(space: Any) -> None:
        for key, value in inside.items():  # an enumeration looks at each
            space[key] = value

    return types.new_class(name, bases, {"metaclass": metaclass}, fill)


def _fill_class(kind: type, members: Mapping[str, Any]) -> None:
    for name, value in members.items():
        setattr(kind, name, value)


def _reduced_module(module: types.ModuleType) -> Any:
    if is_of_a_library(module.__name__):
        return importlib.import_module, (module.__name__,)
    kept = (types.FunctionType, type, types.ModuleType, int, float, str, tuple, list, dict, set,
            np.ndarray, np.generic, np.random.Generator)  # fmt: skip
    inside = {
        name: x for name, x in vars(module).items()
        if isinstance(x, kept) and name[:2] != "__" and x is not module
    }  # fmt: skip
    return types.ModuleType, (module.__name__,), inside, None, None, _fill_module


def _fill_module(module: types.ModuleType, inside: Mapping[str, Any]) -> None:
    vars(module).update(inside)
