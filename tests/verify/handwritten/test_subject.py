"""Subjects: nothing but arrays, names and answers is exchanged with somebody's object."""

from __future__ import annotations

import inspect
import pickle
import typing

import numpy as np
import pytest

from tinygrad_fr import verify
from tinygrad_fr.verify.handwritten import here
from tinygrad_fr.verify.handwritten.calls import StudentError
from tinygrad_fr.verify.handwritten.gradients import gradients_of
from tinygrad_fr.verify.handwritten.here import subject_of
from tinygrad_fr.verify.handwritten.parts import Handwritten
from tinygrad_fr.verify.questions import layer as question
from tinygrad_fr.worker.subject import Kept, Subject


class Cache:
    """What a layer keeps for its backward, and no pipe would carry."""

    def __init__(self, x):
        self.x, self.lock = x, open  # a function of the interpreter

    def __reduce__(self):
        raise TypeError("a cache stays where it is")


class Dense:
    def __init__(self):
        self.W = np.random.default_rng(0).standard_normal((3, 2))
        self.b = np.zeros(2)
        self.rng = np.random.default_rng(1)
        self.lr = 0.5

    def forward(self, x):
        return x @ self.W + self.b, Cache(x)

    def backward(self, d_out, cache):
        self.dW = cache.x.T @ d_out
        self.db = d_out.mean(0)
        return d_out @ self.W.T


def piped(x):
    return pickle.loads(pickle.dumps(x))


class Elsewhere:
    """A subject as if in another process: all that goes in and out is pickled."""

    def __init__(self, inner):
        self._inner = inner

    def __getattr__(self, name):
        found = getattr(self._inner, name)
        if not callable(found):
            return piped(found)
        return lambda *args, **named: piped(found(*piped(args), **piped(named)))

    def duplicate(self):
        return Elsewhere(self._inner.duplicate())


def test_a_layer_in_another_process_is_judged_like_one_in_this(monkeypatch):
    x = np.random.default_rng(2).standard_normal((4, 3))
    here_ = verify.layer(Dense(), x)
    monkeypatch.setattr(question, "subject_for", lambda *args: Elsewhere(subject_of(*args)))
    there = verify.layer(Dense(), x)
    assert there.to_dict() == here_.to_dict()
    assert there["b"].diagnoses[0].detail["equals"] == "1/N"


def test_everything_of_the_protocol_is_there():
    asked = {name for name in vars(Subject) if not name.startswith("_")}
    assert asked <= set(dir(subject_of(Dense())))
    for name in asked:
        mine, theirs = vars(here.Here).get(name), vars(Subject)[name]
        if inspect.isfunction(theirs):
            assert inspect.signature(mine).parameters.keys() == (
                inspect.signature(theirs).parameters.keys()
            )
    assert (
        typing.get_protocol_members(Subject) == asked
        if hasattr(typing, "get_protocol_members")
        else True
    )


def test_a_subject_tells_its_names_arrays_numbers_and_source():
    subject = subject_of(Dense())
    assert subject.kind == "Dense"
    assert subject.has_object
    assert not subject.functional
    assert [p.name for p in subject.signature("backward")] == ["d_out", "cache"]
    assert subject.label("forward") == "forward"
    assert set(subject.arrays()) == {("W",), ("b",), ("lr",)}
    assert subject.numbers()["lr"] == 0.5
    assert "d_out.mean(0)" in subject.source()
    with pytest.raises(StudentError, match=r"return x @ self\.W"):
        subject.call("forward", np.ones(()))


def test_the_object_itself_is_not_touched_and_copies_share_nothing():
    layer = Dense()
    subject = subject_of(layer)
    other = subject.duplicate()
    other.put(("W",), np.ones((3, 2)))
    assert not np.array_equal(subject.get(("W",)), np.ones((3, 2)))
    subject.put(("W",), np.zeros((3, 2)))
    assert layer.W.any()


def test_a_cache_stays_with_the_subject():
    subject = subject_of(Dense())
    x = np.ones((4, 3))
    subject.call("forward", x)
    assert subject.kept == [()]
    assert subject.given(0) is x
    answer = subject.call("backward", d_out=np.ones((4, 2)), cache=Kept(0))
    assert answer.result.shape == x.shape
    assert not answer.drew


def test_generators_are_set_back():
    subject = subject_of(Dense())
    state = subject.state()
    first = subject._owner.rng.random()
    subject.restore(state)
    assert subject._owner.rng.random() == first


def test_gradients_are_found_by_name():
    layer = Handwritten(subject_of(Dense()), np.ones((4, 3)))
    call = gradients_of(layer, layer.values, np.ones((4, 2)))
    assert call.sources == {"input": "returned", "W": "stored", "b": "stored"}
