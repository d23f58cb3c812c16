"""What two processes tell each other: it arrives as it was, or it is refused."""

import inspect
import json
import struct
from contextlib import suppress

import hypothesis.extra.numpy as arrays
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_fr.worker import wire
from tinygrad_fr.worker.subject import Answer, Kept

NUMBERS = arrays.arrays(
    st.sampled_from([np.dtype(k) for k in ("?", "u1", "i4", "i8", "f2", "f4", "f8")]),
    arrays.array_shapes(min_dims=0, min_side=0),
)
PLAIN = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**62), 2**62), st.floats(),
    st.text(st.characters(exclude_categories=["Cs"])), NUMBERS,
)  # fmt: skip
VALUES = st.recursive(
    PLAIN, lambda inner: st.lists(inner) | st.dictionaries(st.text("abc"), inner), max_leaves=8
)


def same(x, y):
    if isinstance(x, np.ndarray):
        return x.dtype == y.dtype and np.array_equal(x, y, equal_nan=x.dtype.kind == "f")
    if isinstance(x, list):
        return len(x) == len(y) and all(map(same, x, y))
    if isinstance(x, dict):
        return x.keys() == y.keys() and all(same(x[k], y[k]) for k in x)
    return type(x) is type(y) and (x == y or (x != x and y != y))


@given(VALUES)
def test_values_arrive_as_they_were(value):
    assert same(value, wire.unpacked(wire.packed(value)))


@given(st.binary())
def test_any_bytes_are_a_value_or_refused(body):
    with suppress(wire.WireError):
        wire.unpacked(body)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner)
    | st.dictionaries(
        st.sampled_from(
            ["array", "shape", "str", "float", "list", "tuple", "keys", "values", "kept", "answer",
             "parameter", "default", "odd", "<f8"]
        ), inner,
    ), max_leaves=12,
)  # fmt: skip


@given(JSON, st.binary(max_size=64))
def test_any_header_is_a_value_or_refused(header, entries):
    text = json.dumps(header).encode()
    with suppress(wire.WireError):
        wire.unpacked(struct.pack(">I", len(text)) + text + entries)


@pytest.mark.parametrize(
    "header",
    [
        {"array": "<f8", "shape": [2**70, 0]}, {"array": "<f8", "shape": [10**9]},
        {"array": "|O", "shape": [1]}, {"array": "<f8", "shape": [True]},
        {"array": "<c16", "shape": [1]}, {"array": "<f8", "shape": [-1]}, {"list": [[]]}, {},
        {"keys": [{"list": []}], "values": [1]}, {"parameter": ["1x", 0], "default": []},
    ],
)  # fmt: skip
def test_what_is_no_message_is_refused(header):
    text = json.dumps(header).encode()
    with pytest.raises(wire.WireError):
        wire.unpacked(struct.pack(">I", len(text)) + text + bytes(8))


def test_what_is_no_plain_value_is_told_by_its_name_alone():
    class Lying(np.ndarray):
        def __eq__(self, other):
            return True

    x = np.arange(3.0).view(Lying)
    sent = [x, np.array([1j]), np.array([object()]), lambda: 1, np.longdouble(1.5)]
    back = wire.unpacked(wire.packed(sent))
    assert type(back[0]) is np.ndarray
    assert [isinstance(b, wire.Odd) for b in back] == [False, True, True, True, False]
    assert back[4].dtype == float
    deep = []
    for _k in range(40):
        deep = [deep]
    wire.unpacked(wire.packed(deep))


def test_calls_and_answers_travel():
    parameter = inspect.Parameter("x", inspect.Parameter.KEYWORD_ONLY, default=2.0)
    answer = Answer(np.ones(2), [(np.ones(1), np.zeros(1))], True)
    kept, got, back = wire.unpacked(wire.packed([Kept(1, None), parameter, answer]))
    assert kept == Kept(1, None)
    assert got == parameter
    assert (back.drew, len(back.handed)) == (True, 1)
