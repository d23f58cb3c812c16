"""Right gradients, on random shapes (1s and 0s among them), magnitudes, precisions and kinks.

``python -m tests.verify.correct [CASES]`` counts the verdicts: none may be ``wrong``.
"""

from __future__ import annotations

import sys
from collections import Counter

import numpy as np

import tinygrad_fr as tg
from tinygrad_fr import verify

from . import networks as nets


def extent(rng, least=0):
    """A size, often 1, sometimes 0."""
    return int(rng.choice([max(least, 0), 1, 1, 2, 3, 5, 8]))


def magnitude(rng):
    return 10.0 ** int(rng.integers(-8, 9))


def linear(rng):
    n, d, c = extent(rng), extent(rng), extent(rng)
    x, w = (
        rng.standard_normal((n, d)) * magnitude(rng),
        rng.standard_normal((d, c)) * magnitude(rng),
    )
    b, u = rng.standard_normal(c), rng.standard_normal((n, c))
    truth = {"x": u @ w.T, "W": x.T @ u, "b": u.sum(0)}
    return lambda x, W, b: x @ W + b, {"x": x, "W": w, "b": b}, truth, u


def saturated_softmax(rng):
    n, c = extent(rng, 1), extent(rng, 1)
    z = rng.standard_normal((n, c)) * 10.0 ** rng.uniform(-8, 3)
    y = rng.integers(0, c, n)
    dz = (nets.softmax(z) - np.eye(c)[y]) / n
    return lambda z, y: tg.cross_entropy(z, y), {"z": z, "y": y}, {"z": dz}, None


def softmax_alone(rng):
    shape = (extent(rng), extent(rng, 1))
    z, u = rng.standard_normal(shape) * 10.0 ** rng.uniform(-3, 2), rng.standard_normal(shape)
    p = nets.softmax(z) if z.size else z
    dz = p * (u - (u * p).sum(-1, keepdims=True))
    return tg.softmax, {"x": z}, {"x": dz}, u


def elementwise(rng):
    x = np.abs(rng.standard_normal(extent(rng))) * magnitude(rng) + 1e-9
    u = rng.standard_normal(x.shape)
    f, slope = [
        (tg.log, 1 / x), (tg.sqrt, 0.5 / np.sqrt(x)), (lambda x: x * x, 2 * x),
        (lambda x: 1.0 / x, -1 / x**2), (tg.tanh, 1 - np.tanh(x) ** 2),
        (lambda x: tg.exp(-x), -np.exp(-x)), (lambda x: x**3, 3 * x**2),
    ][int(rng.integers(7))]  # fmt: skip
    return (lambda x: f(x)), {"x": x}, {"x": u * slope}, u


def rectified(rng):
    shape = (extent(rng), extent(rng))
    z = np.round(rng.standard_normal(shape)) if rng.random() < 0.5 else rng.standard_normal(shape)
    u = rng.standard_normal(shape)
    at_zero = float(rng.choice([0.0, 0.5, 1.0]))
    return tg.relu, {"x": z}, {"x": u * ((z > 0) + at_zero * (z == 0))}, u


def shapes_against_each_other(rng):
    n, d = extent(rng), extent(rng)
    shape = [(n, d), (1, d), (n, 1), (d,), ()][int(rng.integers(5))]
    a, b = rng.standard_normal((n, d)) * magnitude(rng), rng.standard_normal(shape)
    u = rng.standard_normal((n, d))
    g = u * a
    added = g.ndim - len(shape)
    axes = tuple(range(added)) + tuple(added + i for i, m in enumerate(shape) if m == 1)
    db = g.sum(axes, keepdims=True).reshape(shape)
    return lambda a, b: a * b, {"a": a, "b": b}, {"a": u * b, "b": db}, u


def of_a_network(rng):
    net = nets.NETWORKS[int(rng.integers(len(nets.NETWORKS)))](rng)
    return net.f, net.inputs, net.truth, None


def mean_squares(rng):
    shape = (extent(rng, 1), extent(rng, 1))
    s = magnitude(rng)
    x, t = s * rng.standard_normal(shape), s * rng.standard_normal(shape)
    return lambda x, t: tg.mse_loss(x, t), {"x": x, "t": t}, {"x": 2 * (x - t) / x.size}, None


MAKERS = (linear, saturated_softmax, softmax_alone, elementwise, rectified,
          shapes_against_each_other, of_a_network, mean_squares)  # fmt: skip


def verdicts(cases):
    """The verdict of each entry of random right cases, with where it came from."""
    for seed in cases:
        rng = np.random.default_rng([7, seed])
        make = MAKERS[seed % len(MAKERS)]
        f, inputs, truth, upstream = make(rng)
        if rng.random() < 0.3:  # computed in float32 by someone
            truth = {k: np.asarray(v, np.float32) for k, v in truth.items()}
        with np.errstate(all="ignore"):
            report = verify.hand(f, inputs, truth, upstream=upstream, seed=seed)
        for entry in report:
            yield entry.verdict, make.__name__, seed, entry


def main(cases=2000):
    counts = Counter()
    for verdict, maker, seed, entry in verdicts(range(cases)):
        counts[verdict] += 1
        if verdict in ("wrong", "inconclusive"):
            print(verdict, maker, seed, entry.name, entry.max_rel_error, entry.note)
    total = sum(counts.values())
    print(f"{cases} cases, {total} gradients: {dict(counts)}; inconclusive "
          f"{counts['inconclusive'] / total:.2%}")  # fmt: skip


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000)
