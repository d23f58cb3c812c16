"""Steps of optimizers: in parts, compiled or as written down, all the same."""

from __future__ import annotations

import numpy as np
import pytest

from tinygrad_fr.kernels import fast, updates

SHAPES = [(), (7,), (300, 500), (3, 70_000), (600_000,)]
SGD = [
    (0.0, 1.0, 0.0, False),
    (0.9, 1.0, 0.0, False),
    (0.9, 0.7, 0.1, False),
    (0.9, 1.0, 0.1, True),
]
ADAM = [(1.0, 0.0, False), (0.99, 0.0, False), (1.0, 0.1, False), (1.0, 0.1, True)]


def arrays(shape, dtype, n, order="C"):
    rng = np.random.default_rng(0)
    return [
        np.asarray(abs(rng.standard_normal(shape)), dtype, order=order).copy(order)
        for _ in range(n)
    ]


def ways(monkeypatch):
    """In parts, compiled and among threads; then at once, which is the plain form."""
    yield
    monkeypatch.setattr(updates, "_SHARED", 50_000)
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    yield
    monkeypatch.setattr(fast, "kernels", lambda *_: None)
    yield
    monkeypatch.setattr(updates, "_PART", 10**9)
    yield


def same(results):
    *others, plain = results
    for other in others:
        for a, b in zip(other, plain, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("options", SGD)
def test_sgd(shape, options, dtype, monkeypatch):
    results = []
    momentum, fresh, decay, nesterov = options
    for _ in ways(monkeypatch):
        p, g, v = arrays(shape, dtype, 3)
        kept = v if momentum else None
        for _ in range(2):
            updates.sgd(p, g, kept, 0.1, momentum, fresh, decay, nesterov)
        results.append([p, v])
    same(results)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("shrink", "decay", "amsgrad"), ADAM)
def test_adam(shape, shrink, decay, amsgrad, dtype, monkeypatch):
    results = []
    for _ in ways(monkeypatch):
        p, g, mean, square, most = arrays(shape, dtype, 5)
        for t in (1, 2):
            updates.adam(
                p, g, mean, square, most if amsgrad else None, t, 0.1, (0.9, 0.99), 1e-8,
                shrink, decay,
            )  # fmt: skip
        results.append([p, mean, square, most])
    same(results)


@pytest.mark.parametrize("layout", ["transposed", "strided", "half"])
def test_arrays_in_another_layout_are_changed_in_place(layout):
    p, g, mean, square = arrays((300, 400), np.float16 if layout == "half" else np.float32, 4)
    if layout == "transposed":
        g = np.asfortranarray(g)
    if layout == "strided":
        wide = np.repeat(p, 2, 1)
        p = wide[:, ::2]
    before = p.copy()
    updates.adam(p, g, mean, square, None, 1, 0.1, (0.9, 0.99), 1e-8, 1.0, 0.0)
    updates.sgd(p, g, mean, 0.1, 0.9, 1.0, 0.0, False)
    assert (p != before).mean() > 0.9


def test_what_is_infinite_stays_so_without_decay(monkeypatch):
    for _ in ways(monkeypatch):
        p, g, mean, square = arrays((5,), np.float32, 4)
        p[0] = np.inf
        updates.adam(p, g, mean, square, None, 1, 0.1, (0.9, 0.99), 1e-8, 1.0, 0.0)
        updates.sgd(p, g, None, 0.1, 0.0, 1.0, 0.0, False)
        assert p[0] == np.inf


def test_a_tiny_eps_is_not_lost_in_half_precision(monkeypatch):
    for _ in ways(monkeypatch):
        p, g, mean, square = arrays((4,), np.float16, 4)
        for a in (g, mean, square):
            a[...] = 0
        before = p.copy()
        updates.adam(p, g, mean, square, None, 1, 0.1, (0.9, 0.999), 1e-7, 1.0, 0.0)
        np.testing.assert_array_equal(p, before)


def test_what_overflows_warns_and_what_is_read_only_is_refused(monkeypatch):
    for _ in ways(monkeypatch):
        p, g, mean, square = arrays((5,), np.float32, 4)
        with np.errstate(all="raise"), pytest.raises(FloatingPointError):
            updates.sgd(p, g * np.float32(1e30), None, 1e10, 0.0, 1.0, 0.0, False)
        huge = g * np.float32(1e25)
        with np.errstate(all="raise"), pytest.raises(FloatingPointError):
            updates.adam(p, huge, mean, square, None, 1, 0.1, (0.9, 0.99), 1e-8, 1.0, 0.0)
        fixed = np.ones(5, np.float32)
        fixed.flags.writeable = False
        updates.sgd(np.ones(5, np.float32), fixed, None, 0.1, 0.0, 1.0, 0.0, False)
        with pytest.raises(ValueError, match="read-only"):
            updates.sgd(fixed, g, None, 0.1, 0.0, 1.0, 0.0, False)
