"""Reference counts decide whether a gradient is copied; here an interpreter shows how it counts.

The engine hands a gradient out without a copy where nothing else refers to its memory
(docs/inside/decisions/reference_counts.md). An interpreter that counts too few references would let
two Tensors share a gradient, one that counts too many would copy them all: both fail here.
"""

from __future__ import annotations

import sys

import numpy as np
import pytest

import tinygrad_fr as tg

SHAPE = (3, 4)
KEPT = np.full(SHAPE, 2.0)  # what a closure keeps for other calls


def address(array):
    return array.__array_interface__["data"][0]


HOLDERS = {
    "another name": lambda array: array,
    "a list": lambda array: [array],
    "a dict": lambda array: {"gradient": array},
    "a closure": lambda array: lambda: array,
    "a view of it": lambda array: array.reshape(-1),
    "a part of it": lambda array: array[1:],
}


@pytest.mark.parametrize("way", HOLDERS)
def test_this_interpreter_counts_one_reference_for_each_that_there_is(way):
    fresh = np.empty(SHAPE)
    alone = sys.getrefcount(fresh)
    holder = HOLDERS[way](fresh)
    assert sys.getrefcount(fresh) == alone + 1, "gradients would be shared"
    del holder
    assert sys.getrefcount(fresh) == alone, "gradients would be copied"


@tg.op(r"y = 2 x", method=False)
def twice(x, way):
    """Its closure notes where the gradient lies that it hands out."""

    def to_x(g, y, x):
        d = WAYS[way](g)
        NOTED.append(address(d))
        return d

    return 2 * x, to_x


def kept_by_a_list(g):
    LIST.append(2 * g)
    return LIST[-1]


NOTED, LIST = [], []
WAYS = {
    "fresh": lambda g: 2 * g,
    "fresh, transposed twice": lambda g: (2 * g).T.copy().T,
    "fresh, of another shape": lambda g: (2 * g).ravel().reshape(SHAPE),
    "the upstream gradient itself": lambda g: g,
    "a view of the upstream gradient": lambda g: g[:],
    "kept by its module": lambda g: KEPT,
    "a view of what its module keeps": lambda g: KEPT[:],
    "kept by a list": kept_by_a_list,
    "a part of something larger": lambda g: np.concatenate([g, g])[:3],
    "one number, broadcast": lambda g: np.broadcast_to(2.0, SHAPE),
    "a view of a buffer that is no array": lambda g: np.frombuffer(bytearray(96)).reshape(SHAPE),
}
HANDED_OUT = [way for way in WAYS if way.startswith("fresh")]


def gradient(way):
    x = tg.Tensor(np.ones(SHAPE), requires_grad=True)
    upstream = np.full(SHAPE, 5.0)
    twice(x, way).backward(upstream)
    return x.grad.data, upstream


@pytest.mark.parametrize("way", HANDED_OUT)
def test_a_gradient_that_nothing_else_reaches_is_handed_out_without_a_copy(way):
    found, _upstream = gradient(way)
    assert address(found) == NOTED[-1], "this interpreter counts references that are not there"


@pytest.mark.parametrize("way", [way for way in WAYS if way not in HANDED_OUT])
def test_a_gradient_that_something_else_reaches_is_copied(way):
    found, upstream = gradient(way)
    before = [array.copy() for array in (upstream, KEPT, *LIST)]
    assert found.flags.writeable
    found[...] = -1.0
    for array, old in zip((upstream, KEPT, *LIST), before, strict=True):
        np.testing.assert_array_equal(array, old)
    again, _upstream = gradient(way)
    assert not np.shares_memory(found, again)
    if way != "one number, broadcast":
        assert found.base is None or found.base.nbytes == found.nbytes


def test_two_inputs_that_get_one_array_do_not_share_it():
    x, w = (tg.Tensor(np.ones(SHAPE), requires_grad=True) for _ in range(2))
    (x + w).backward(np.ones(SHAPE))
    x.grad.data[...] = 7.0
    np.testing.assert_array_equal(w.grad.data, 1.0)


def test_sums_are_made_in_place_only_in_buffers_of_the_engine():
    """A value used three times: the second use makes a buffer, the third adds to it."""
    x = tg.Tensor(np.ones(SHAPE), requires_grad=True)
    first = KEPT.copy()
    (twice(x, "kept by its module") + twice(x, "kept by its module") + twice(x, "fresh")).backward(
        np.ones(SHAPE)
    )
    np.testing.assert_array_equal(KEPT, first)
    np.testing.assert_array_equal(x.grad.data, 6.0)
