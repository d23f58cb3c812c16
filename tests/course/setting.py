"""What the tests of the five documents share: a point without symmetries, and a network in columns.

All sizes differ, so that no transposition can hide; values are random and signed.
"""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

import tinygrad_fr as tg
from tinygrad_fr import verify

RNG = np.random.default_rng(2)
N, D, H, C = 6, 7, 4, 5  # examples, inputs, hidden neurons, classes

# Documents 000, 001 and 003: a dense softmax layer, in rows (inputs, weights, biases, labels).
X, W, B = RNG.standard_normal((N, D)), RNG.standard_normal((D, C)) / 2, RNG.standard_normal(C)
LABELS = RNG.integers(0, C, N)
Y = np.eye(C)[LABELS]  # one-hot

# One image: its logits t, its probabilities p, the class c and its one-hot target.
X0 = X[0]
T = X0 @ W + B
S = np.exp(T).sum()
P = np.exp(T) / S
K = 3
TARGET = np.eye(C)[K]
OTHERS = [k for k in range(C) if k != K]
U = RNG.standard_normal(C)  # an upstream gradient without zeros
SQUARE = RNG.standard_normal((C, C))  # where a shape cannot tell a matrix from its transpose


def softmax(z, axis=-1):
    """In NumPy, as a student writes it."""
    e = np.exp(z - z.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def jacobian(t):
    """What the tape makes of softmax: entry [i, j] is that of output i by input j."""
    return tg.jacobian(tg.softmax)(t)


def loss(t, c):
    """Softmax, then cross entropy, of one image."""
    return -tg.log(tg.softmax(t))[c]


def same(printed, recorded):
    """A formula holds: shape and values."""
    recorded = np.asarray(getattr(recorded, "data", recorded))
    assert np.shape(printed) == recorded.shape
    np.testing.assert_allclose(printed, recorded, rtol=1e-9, atol=1e-12)


def differ(printed, truth):
    """A formula is refuted, and not by rounding."""
    assert np.abs(np.asarray(printed) - np.asarray(truth)).max() > 0.01


def derivative(f, hand, points):
    """The report on f' of an activation: the diagonal of a diagonal Jacobian."""
    return verify.jacobian(f, points, lambda x: np.diag(hand(x)))


def kinds(report, name):
    """The diagnoses of an entry, the likeliest first."""
    return [diagnosis.kind for diagnosis in report[name].diagnoses]


def network(*widths, m=N):
    """Document 002: one example per column, ReLU, a sigmoid at the end, the cost summed.

    ``W[k]``, ``b[k]``, ``Z[k]`` and ``A[k]`` of layer k, from 1 to L, with their recorded
    gradients ``dW[k]``, ... and the slope ``s[k]`` of the activation.
    """
    rng = np.random.default_rng(widths)
    layers = range(1, len(widths))
    leaf = lambda *shape: tg.Tensor(rng.standard_normal(shape), requires_grad=True)
    W = [None, *(leaf(widths[k], widths[k - 1]) for k in layers)]
    b = [None, *(leaf(widths[k], 1) for k in layers)]
    Z, A, y = [None], [leaf(widths[0], m)], rng.integers(0, 2, (1, m)) * 1.0
    for k in layers:
        Z.append(W[k] @ A[k - 1] + b[k])
        A.append(tg.sigmoid(Z[k]) if k == layers[-1] else tg.relu(Z[k]))
    cost(A[-1], y).sum().backward(retain_grads=True)
    net = SimpleNamespace(L=layers[-1], layers=layers, hidden=layers[:-1], m=m, y=y)
    for name, tensors in {"W": W, "b": b, "Z": Z, "A": A}.items():
        setattr(net, name, [t if t is None else t.data for t in tensors])
        setattr(net, "d" + name, [t if t is None else t.grad.data for t in tensors])
    net.s = [None, *((a > 0) * 1.0 for a in net.A[1:-1]), net.A[-1] * (1 - net.A[-1])]
    return net


def cost(a, y):
    """002-11: the binary cross entropy of each example."""
    return -y * tg.log(a) - (1 - y) * tg.log(1 - a)
