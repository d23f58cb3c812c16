"""Checks of arguments: what is accepted comes back, what is not is told in one sentence."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tinygrad_fr import checks
from tinygrad_fr.errors import ArgumentError, ShapeError

ACCEPTED = [
    (lambda: checks.one_of(None, "split", ("train", None)), None),
    (lambda: checks.whole(np.int64(3), "n", 1), 3),
    (lambda: checks.whole(3, "n", 1, 3), 3),
    (lambda: checks.pair([2, np.int32(3)], "size", 1), (2, 3)),
    (lambda: checks.share(np.float32(1), "p"), 1),
    (lambda: checks.share(np.array(0.5), "p"), 0.5),
    (lambda: checks.positive(math.inf, "norm_type"), math.inf),
    (lambda: checks.positive(0, "lr", zero=True), 0),
    (lambda: checks.seed(np.int64(7)), 7),
    (lambda: checks.same_shape(np.ones((2, 3)), (2, 3), "w"), None),
    (lambda: checks.kind(ArgumentError), "ArgumentError"),
]
REFUSED = [
    (lambda: checks.one_of("x", "mode", ("a", "b")), "mode is one of a, b, not 'x'"),
    (lambda: checks.one_of(["a"], "mode", {"a": 1}), r"mode is one of a, not \['a'\]"),
    (lambda: checks.whole(0, "n", 1), "n is an integer of at least 1, not 0"),
    (lambda: checks.whole(4, "n", 1, 3), "n is an integer from 1 to 3, not 4"),
    (lambda: checks.whole(True, "n", 1), "not True"),
    (lambda: checks.whole("3", "n", 1), "not '3'"),
    (lambda: checks.pair((1, 2, 3), "size", 1), "size is an integer of at least 1, or two"),
    (lambda: checks.pair((1, 0), "size", 1), r"not \(1, 0\)"),
    (lambda: checks.share(math.nan, "p"), "p lies between 0 and 1, not nan"),
    (lambda: checks.share("half", "p"), "not 'half'"),
    (lambda: checks.positive(0, "norm_type"), "norm_type is a number above 0, not 0"),
    (lambda: checks.positive(math.nan, "lr", zero=True), "lr is a number that is not negative"),
    (lambda: checks.seed(-1), "a seed is None or a whole number from 0 on, not -1"),
    (lambda: checks.seed(0.5), "not 0.5"),
]


@pytest.mark.parametrize(("check", "value"), ACCEPTED)
def test_what_is_accepted_comes_back(check, value):
    assert check() == value


@pytest.mark.parametrize(("check", "sentence"), REFUSED)
def test_what_is_refused_is_told_with_its_name_and_value(check, sentence):
    with pytest.raises(ArgumentError, match=sentence):
        check()


def test_a_state_of_another_shape_is_told_with_both():
    with pytest.raises(ShapeError, match=r"w has the shape \(2,\) here and \(3,\) in the state"):
        checks.same_shape(np.ones(3), (2,), "w")
