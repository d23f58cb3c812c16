"""The same numbers as PyTorch (where it is installed), values and gradients."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_fr as tg

torch = pytest.importorskip("torch")
F = torch.nn.functional if torch else None

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((3, 4)), RNG.standard_normal((3, 4))
P = RNG.uniform(0.1, 0.9, (3, 4))
IMAGES, FILTERS = RNG.standard_normal((2, 3, 7, 8)), RNG.standard_normal((4, 3, 3, 2))
LABELS = np.array([0, 3, 1])
SOFT = RNG.dirichlet(np.ones(4), 3)
T = torch.from_numpy

# name: (ours, PyTorch's, inputs)
CASES = {
    "matmul": (lambda a, b: a @ b, lambda a, b: a @ b, (X, Y.T)),
    "divide": (lambda a, b: a / b, lambda a, b: a / b, (X, P)),
    "power": (lambda a, b: a**b, lambda a, b: a**b, (P, Y)),
    "exp": (tg.exp, torch.exp, (X,)),
    "log": (tg.log, torch.log, (P,)),
    "sqrt": (tg.sqrt, torch.sqrt, (P,)),
    "tanh": (tg.tanh, torch.tanh, (X,)),
    "abs": (tg.abs, torch.abs, (X,)),
    "maximum": (tg.maximum, torch.maximum, (X, Y)),
    "where": (lambda a, b: tg.where(X > 0, a, b), lambda a, b: torch.where(T(X) > 0, a, b), (X, Y)),
    "clip": (lambda a: tg.clip(a, -0.5, 0.5), lambda a: torch.clip(a, -0.5, 0.5), (X,)),
    "max": (lambda a: a.max(1), lambda a: a.amax(1), (X,)),
    "logsumexp": (lambda a: tg.logsumexp(a, 1), lambda a: torch.logsumexp(a, 1), (X,)),
    "sigmoid": (tg.sigmoid, torch.sigmoid, (X,)),
    "relu": (tg.relu, torch.relu, (X,)),
    "softmax": (lambda a: tg.softmax(a, 1), lambda a: torch.softmax(a, 1), (X,)),
    "log_softmax": (lambda a: tg.log_softmax(a, 1), lambda a: torch.log_softmax(a, 1), (X,)),
    "linear": (tg.linear, F.linear, (X, Y, np.arange(3.0))),
    "conv2d": (tg.conv2d, F.conv2d, (IMAGES, FILTERS, np.arange(4.0))),
    "conv2d stride, padding": (
        lambda x, w: tg.conv2d(x, w, None, (2, 1), (1, 2)),
        lambda x, w: F.conv2d(x, w, None, (2, 1), (1, 2)),
        (IMAGES, FILTERS),
    ),
    "max_pool2d": (lambda x: tg.max_pool2d(x, 2), lambda x: F.max_pool2d(x, 2), (IMAGES,)),
    "max_pool2d overlapping": (
        lambda x: tg.max_pool2d(x, 3, 2, 1), lambda x: F.max_pool2d(x, 3, 2, 1), (IMAGES,),
    ),
    "cross_entropy": (
        lambda z: tg.cross_entropy(z, LABELS), lambda z: F.cross_entropy(z, T(LABELS)), (X,),
    ),
    "cross_entropy sum": (
        lambda z: tg.cross_entropy(z, LABELS, "sum"),
        lambda z: F.cross_entropy(z, T(LABELS), reduction="sum"), (X,),
    ),
    "cross_entropy smoothing": (
        lambda z: tg.cross_entropy(z, LABELS, label_smoothing=0.1),
        lambda z: F.cross_entropy(z, T(LABELS), label_smoothing=0.1), (X,),
    ),
    "cross_entropy soft": (tg.cross_entropy, F.cross_entropy, (X, SOFT)),
    "cross_entropy soft smoothing": (
        lambda z, t: tg.cross_entropy(z, t, label_smoothing=0.2),
        lambda z, t: F.cross_entropy(z, t, label_smoothing=0.2), (X, SOFT),
    ),
    "cross_entropy images": (
        lambda z: tg.cross_entropy(z, np.ones((2, 7, 8), int)),
        lambda z: F.cross_entropy(z, torch.ones((2, 7, 8), dtype=torch.int64)), (IMAGES,),
    ),
    "binary_cross_entropy": (tg.binary_cross_entropy, F.binary_cross_entropy, (P, SOFT)),
    "mse_loss": (tg.mse_loss, F.mse_loss, (X, Y)),
}  # fmt: skip


@pytest.mark.parametrize(("dtype", "rtol"), [(np.float64, 1e-10), (np.float32, 1e-5)])
@pytest.mark.parametrize("name", CASES)
def test_values_and_gradients_are_pytorchs(name, dtype, rtol):
    ours, theirs, inputs = CASES[name]
    if dtype == np.float32 and name in {"where"}:
        ours, theirs = (lambda a, b: tg.where(X > 0, a, b)), theirs
    xs = [tg.Tensor(x.astype(dtype), requires_grad=True) for x in inputs]
    ts = [torch.from_numpy(x.astype(dtype)).requires_grad_() for x in inputs]
    y, t = ours(*xs), theirs(*ts)
    np.testing.assert_allclose(y.data, t.detach().numpy(), rtol=rtol, atol=rtol)
    assert y.dtype == dtype
    g = np.random.default_rng(1).standard_normal(y.shape).astype(dtype)
    y.backward(g)
    t.backward(torch.from_numpy(np.asarray(g)))
    for x, u in zip(xs, ts, strict=True):
        np.testing.assert_allclose(x.grad.data, u.grad.numpy(), rtol=rtol, atol=rtol)
