"""Somebody's functions and classes as bytes."""

import collections
import dataclasses
import enum
import functools
import importlib
import math
import typing

import numpy as np
import pytest

from tinygrad_fr.worker.byvalue import carried, key_of, revived

SCALE = 3.0
COUNTS = {"calls": 0}


def scaled(x):
    return np.tanh(x) * SCALE


def counted(x):
    COUNTS["calls"] += 1
    return COUNTS["calls"] * x


class Base:
    def doubled(self, x):
        return 2 * x


class Layer(Base):
    rate = 0.1

    def __init__(self):
        self.W = np.ones(3)

    def doubled(self, x):
        return super().doubled(x) + scaled(self.W).sum()

    @property
    def total(self):
        return self.W.sum() * self.rate

    @staticmethod
    def kind():
        return Layer

    def __secret(self):
        return 7

    def told(self):
        return self.__secret()


class Slotted:
    __slots__ = ("W",)

    def __init__(self):
        self.W = np.ones(3)


def test_slots_are_kept():
    other = revived(carried(Slotted()))
    assert other.W.tolist() == [1.0, 1.0, 1.0]
    assert not hasattr(other, "__dict__")


class Mode(enum.Enum):
    ONCE, TWICE = 1, 2

    def times(self, x):
        return self.value * x


Cache = collections.namedtuple("Cache", "x z")


@dataclasses.dataclass(slots=True)
class Held:
    x: float
    z: float = 2.0


Number = typing.TypeVar("Number")


class Generic(typing.Generic[Number]):
    z = 2.0


class Cached:
    @functools.cached_property
    def z(self):
        return 2.0


@pytest.mark.parametrize(
    "thing", [Cache(1.0, 2.0), Held(1.0), Generic(), Cached()], ids=lambda x: type(x).__name__
)
def test_whatever_a_class_is_made_with_it_is_carried(thing):
    other = revived(carried(thing))
    assert type(other) is not type(thing)
    assert type(other).__name__ == type(thing).__name__
    assert other.z == thing.z


def test_an_enumeration_is_carried():
    once, twice = revived(carried([Mode.ONCE, Mode.TWICE]))
    assert once.times(3) == 3
    assert twice is type(once)(2)
    assert twice.name == "TWICE"


def test_a_module_of_somebody_keeps_its_tables(tmp_path, monkeypatch):
    (tmp_path / "somebody_s.py").write_text("import numpy as np\nX, NAMES = np.ones(3), {'a': 1}\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    module = importlib.import_module("somebody_s")
    other = revived(carried(module))
    assert other is not module
    assert (other.X.tolist(), other.NAMES) == ([1.0, 1.0, 1.0], {"a": 1})


def made():
    seen = []

    def inner(x):
        seen.append(x)
        return len(seen), (inner if x < 0 else None)

    return inner


def test_a_class_of_somebody_is_made_anew():
    layer = Layer()
    other = revived(carried(layer))
    assert type(other) is not Layer
    assert isinstance(other, type(other).__mro__[1])
    assert other.doubled(1.0) == layer.doubled(1.0)
    assert other.total == layer.total
    assert other.kind() is type(other)
    assert other.told() == 7


def test_global_state_is_fresh_each_time():
    data = carried(counted)
    assert [revived(data)(1) for _again in range(3)] == [1, 1, 1]
    assert COUNTS["calls"] == 0


def test_a_closure_keeps_its_cells_and_itself():
    count, again = revived(carried(made()))(-1)
    assert (count, again(2)[0]) == (1, 2)


def test_two_functions_share_their_module():
    both = revived(carried((scaled, Layer())))
    both[0].__globals__["SCALE"] = 0.0
    assert both[1].doubled(1.0) == 2.0


def test_what_belongs_to_a_library_travels_by_its_name():
    assert revived(carried((np, math.sin, np.linalg.norm))) == (np, math.sin, np.linalg.norm)


def test_other_code_takes_the_place_of_a_function():
    other = (lambda x: -x).__code__
    found = revived(carried((scaled, counted)), {key_of(scaled.__code__): other})
    assert (found[0](2), found[1](2)) == (-2, 2)


def test_lambdas_of_one_line_are_told_apart():
    one, two = lambda x: x + 1, lambda x: x + 2
    assert key_of(one.__code__) != key_of(two.__code__)


def test_what_cannot_be_carried_raises():
    with pytest.raises(TypeError, match="generator"):
        carried(x for x in range(3))
