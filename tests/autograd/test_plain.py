"""The idea in sixty lines and the real engine: the same programs, the same gradients."""

from __future__ import annotations

import inspect

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_fr as tg
from tinygrad_fr.autograd import plain

SHAPES = [(3, 4), (4,), (3, 1), (1, 1), ()]
# Each keeps its values small, so that twenty in a row stay within what float64 can compare.
STEPS = {
    "add": lambda a, b: a - 0.5 * b,
    "multiply": lambda a, b: 0.3 * a * b,
    "divide": lambda a, b: a / (b * b + 1.0),
    "log": lambda a, b: (a * a + 1.0).log(),
    "sigmoid": lambda a, b: 1.0 / (1.0 + (-a).exp()),
    "root": lambda a, b: (a * a + 0.5) ** 0.5,
    "sum": lambda a, b: 0.1 * a.sum(),
    "column sums": lambda a, b: 0.2 * (a + np.zeros((3, 4))).sum(0),
    "row sums": lambda a, b: b - 0.2 * (a + np.zeros((3, 4))).sum(axis=1, keepdims=True),
    "product": lambda a, b: 0.1 * (a + np.zeros((3, 4))) @ np.ones((4, 2)) @ np.eye(2, 4),
}
programs = st.lists(
    st.tuples(st.sampled_from(sorted(STEPS)), st.integers(0, 99), st.integers(0, 99)),
    min_size=1,
    max_size=20,
)


def run(program, leaves):
    """The sum of all that a program computes, each step from two values made before it."""
    values = list(leaves)
    for step, i, j in program:
        values.append(STEPS[step](values[i % len(values)], values[j % len(values)]))
    total = values[0].sum()
    for value in values[1:]:
        total = total + value.sum()
    return total


@settings(max_examples=150, deadline=None)
@given(programs, st.integers(0, 2**32 - 1))
def test_both_engines_give_the_same_value_and_the_same_gradients(program, seed):
    rng = np.random.default_rng(seed)
    arrays = [rng.standard_normal(shape) for shape in SHAPES]
    idea = [plain.Tensor(array) for array in arrays]
    real = [tg.Tensor(array, requires_grad=True) for array in arrays]
    first, second = run(program, idea), run(program, real)
    first.backward()
    second.backward()
    np.testing.assert_allclose(first.data, second.data, rtol=1e-12)
    for a, b in zip(idea, real, strict=True):
        assert a.grad.shape == b.grad.shape
        scale = 1 + np.abs(b.grad.data).max()
        np.testing.assert_allclose(a.grad, b.grad.data, rtol=0, atol=1e-11 * scale)


def test_values_used_twice_and_chains_of_thousands_are_walked_once():
    x = value = plain.Tensor(1.0)
    for k in range(5000):
        value = value + value if k < 16 else value + x
    value.backward()
    assert x.grad == 2**16 + 4984


def test_the_gradient_of_softmax_and_cross_entropy_falls_out():
    rng = np.random.default_rng(0)
    targets = np.eye(3)[[0, 1, 2, 0]]
    z = plain.Tensor(rng.standard_normal((4, 3)))
    y_hat = z.exp() / z.exp().sum(axis=1, keepdims=True)
    (-(targets * y_hat.log()).sum()).backward()
    np.testing.assert_allclose(z.grad, y_hat.data - targets, atol=1e-12)


def test_it_is_sixty_lines():
    lines = inspect.getsource(plain).splitlines()
    assert sum(bool(line.strip()) for line in lines) <= 60
