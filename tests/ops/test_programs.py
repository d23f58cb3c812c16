"""Random programs of up to 20 operations over random shapes and dtypes.

Each step either raises one of our errors, or its value is a number like any other; the gradient of
the whole then agrees with numeric derivatives, in both passes, and float32 with float64. To search
for longer: ``PROGRAMS=5000 python -m pytest tests/ops/test_programs.py -n 0``.
"""

from __future__ import annotations

import os
import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import tinygrad_fr as tg
from tinygrad_fr import verify
from tinygrad_fr.errors import TinygradError

SHAPES = [
    (),
    (1,),
    (3,),
    (4,),
    (2, 3),
    (3, 3),
    (3, 1),
    (1, 4),
    (2, 3, 4),
    (2, 2, 4, 4),
    (0,),
    (2, 0),
]
LIMIT = 50.0  # what grows beyond it is scaled down: numeric derivatives need moderate numbers


def axis(r):
    return r.choice([None, 0, -1, 1, (0, 1), (-1, 0), 2])


def index(r):
    return r.choice([
        0, -1, slice(None, None, -1), slice(1, None), (slice(None), 0), (..., None), None,
        np.array([0, 0, -1]), ([0, 1], [1, 0]), (slice(None), [1, 1]), (..., slice(0, 2)),
        (0, 1, 5),
    ])  # fmt: skip


def subscripts(r):
    return r.choice(
        ["ij,jk", "ij,ij->i", "i,i", "...i,...i->...", "ij,kj->ik", "ii,i", "i,j->ji", "ij,jk->"]
    )


# Each draws an operation, given a source of chance and a way to pick an earlier value.
UNARY = [
    "exp", "expm1", "log", "log1p", "log2", "log10", "sqrt", "square", "abs", "sin", "cos", "tan",
    "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh", "reciprocal", "sigmoid", "relu",
    "leaky_relu", "elu", "softplus", "step", "identity", "gelu", "silu", "softmax", "log_softmax",
    "erf", "negative", "transpose", "ravel", "flatten", "squeeze", "det", "inv", "trace", "diag",
    "tril", "triu", "norm", "cholesky", "exp2", "arcsinh", "arccosh", "arctanh", "floor", "copy",
    "atleast_1d", "atleast_2d", "atleast_3d", "vector_norm", "matrix_norm",
]  # fmt: skip
BINARY = [
    "add", "subtract", "multiply", "divide", "maximum", "minimum", "power", "matmul", "dot",
    "outer", "solve", "hypot", "arctan2", "logaddexp", "mse_loss", "l1_loss",
    "binary_cross_entropy_with_logits", "kl_divergence",
]  # fmt: skip


def plain(name, count):
    return lambda r, v: (name, [v() for _ in range(count)], [])


def reduction(name):
    return lambda r, v: (name, [v()], [axis(r), r.choice([False, True])])


DRAWS = {
    **{name: plain(name, 1) for name in UNARY},
    **{name: plain(name, 2) for name in BINARY},
    **{
        name: reduction(name)
        for name in ("sum", "mean", "var", "std", "max", "min", "prod", "logsumexp")
    },
    "cumprod": lambda r, v: ("cumprod", [v()], [r.choice([None, 0, -1])]),
    "mod": lambda r, v: ("mod", [v(), v()], []),
    "clip between": lambda r, v: ("clip", [v(), v(), v()], []),
    "norm of matrices": lambda r, v: (
        "norm", [v()], [r.choice(["nuc", 1, -1, 2, np.inf]), r.choice([None, (0, 1), (-1, 0)])]
    ),
    "diff": lambda r, v: ("diff", [v()], [r.choice([0, 1, 2]), r.choice([0, -1])]),
    "append": lambda r, v: ("append", [v(), v()], [r.choice([None, 0, -1])]),
    "vstack": lambda r, v: ("vstack", [v(), v()], []),
    "hstack": lambda r, v: ("hstack", [v(), v()], []),
    "column_stack": lambda r, v: ("column_stack", [v(), v()], []),
    "array_split": lambda r, v: ("array_split", [v()], [r.choice([1, 2, 3]), r.choice([0, -1])]),
    "cumsum": lambda r, v: ("cumsum", [v()], [r.choice([None, 0, -1])]),
    "sort": lambda r, v: ("sort", [v()], [r.choice([None, 0, -1])]),
    "flip": lambda r, v: ("flip", [v()], [axis(r)]),
    "roll": lambda r, v: ("roll", [v()], [r.choice([1, -2]), r.choice([None, 0, -1])]),
    "repeat": lambda r, v: ("repeat", [v()], [r.choice([2, [1, 0, 2]]), r.choice([None, 0, -1])]),
    "tile": lambda r, v: ("tile", [v()], [r.choice([2, (2, 1), (1, 2, 1)])]),
    "take": lambda r, v: ("take", [v()], [r.choice([0, [1, 1], [[0], [-1]]]), r.choice([None, 1])]),
    "getitem": lambda r, v: ("getitem", [v()], [index(r)]),
    "reshape": lambda r, v: ("reshape", [v()], [r.choice([-1, (2, -1), (-1, 3), (1, 1, -1)])]),
    "swapaxes": lambda r, v: ("swapaxes", [v()], [0, r.choice([1, -1])]),
    "moveaxis": lambda r, v: ("moveaxis", [v()], [0, -1]),
    "expand_dims": lambda r, v: ("expand_dims", [v()], [r.choice([0, 1, -1])]),
    "broadcast_to": lambda r, v: ("broadcast_to", [v()], [r.choice([(2, 3), (3, 3), (2, 3, 4)])]),
    "pad": lambda r, v: ("pad", [v()], [1, r.choice(["constant", "edge", "reflect", "wrap"])]),
    "clip": lambda r, v: ("clip", [v()], [-0.7, 0.9]),
    "power 3": lambda r, v: ("power", [v()], [r.choice([2, 3, -1, 0.5, 0])]),
    "concatenate": lambda r, v: ("concatenate", [v(), v()], [r.choice([0, -1, None])]),
    "stack": lambda r, v: ("stack", [v(), v()], [r.choice([0, -1])]),
    "einsum": lambda r, v: ("einsum", [v(), v()], [subscripts(r)]),
    "tensordot": lambda r, v: ("tensordot", [v(), v()], [r.choice([0, 1, 2])]),
    "conv2d": lambda r, v: ("conv2d", [v(), v()], [None, r.choice([1, 2]), r.choice([0, 1])]),
    "conv1d": lambda r, v: ("conv1d", [v(), v()], [None, 1, r.choice([0, 1, 2])]),
    "max_pool2d": lambda r, v: ("max_pool2d", [v()], [2, r.choice([1, 2])]),
    "avg_pool2d": lambda r, v: ("avg_pool2d", [v()], [2, r.choice([1, 2])]),
    "layer_norm": lambda r, v: ("layer_norm", [v()], [r.choice([3, 4, (3, 4)])]),
    "batch_norm": lambda r, v: ("batch_norm", [v()], [None, None, None, None, True]),
    "embedding": lambda r, v: ("embedding", [v()], [r.choice([0, [1, 0, 1]])]),
    "cross_entropy": lambda r, v: ("cross_entropy", [v()], [r.choice([[0, 1], [2, 0, 1], 0])]),
    "where": lambda r, v: ("where", [v(), v(), v()], []),
    "split": lambda r, v: ("split", [v()], [r.choice([1, 2, [1]]), r.choice([0, -1])]),
    "slogdet": lambda r, v: ("slogdet", [v()], []),
}  # fmt: skip


def apply(name, xs, static):
    """One step of a program."""
    if name in ("concatenate", "stack", "vstack", "hstack", "column_stack"):
        y = getattr(tg, name)(xs, *static)
    elif name == "einsum":
        y = tg.einsum(*static, *xs)
    elif name == "embedding":
        y = tg.embedding(*static, *xs)
    elif name == "where":
        y = tg.where(np.asarray(getattr(xs[0], "data", xs[0])) > 0, *xs[1:])
    elif name == "divide":
        y = tg.divide(xs[0], tg.square(xs[1]) + 1.0)
    elif name == "mod":
        y = tg.mod(xs[0] + 0.3717, tg.square(xs[1]) + 0.7)  # away from the jumps at 0
    elif name == "kl_divergence":
        y = tg.kl_divergence(*(tg.softmax(x) for x in xs))
    elif name in ("inv", "solve", "cholesky", "slogdet"):  # away from singular matrices
        a = xs[0]
        if a.ndim >= 2 and a.shape[-1] == a.shape[-2]:
            a = tg.tanh(a) @ tg.tanh(a).swapaxes(-1, -2) + 2 * np.eye(a.shape[-1], dtype=a.dtype)
        y = getattr(tg, name)(a, *xs[1:])
    else:
        y = getattr(tg, name)(*xs, *static)
    return y[-1] if isinstance(y, (list, tuple)) else y


def run(program, leaves):
    """All values of a program, the leaves first."""
    values = list(leaves)
    for name, operands, static, scale in program:
        y = apply(name, [values[i] for i in operands], static)
        values.append(y if scale == 1.0 else y * scale)
    return values


def picker(r, n):
    return lambda: r.choice(range(n))


def draw_program(r, leaves):
    """Steps that work on these leaves; those that raise one of our errors are left out."""
    program, values = [], list(leaves)
    for _ in range(r.randint(1, 20)):
        name, operands, static = DRAWS[r.choice(sorted(DRAWS))](r, picker(r, len(values)))
        try:
            y = apply(name, [values[i] for i in operands], static)
        except TinygradError:
            continue
        assert isinstance(y, (np.ndarray, np.generic)), name
        y = np.asarray(y)
        if y.dtype.kind != "f" or y.size > 400 or not np.isfinite(y).all():
            continue
        scale = 1.0 if not y.size or abs(y).max() <= LIMIT else float(1 / abs(y).max())
        program.append((name, operands, static, scale))
        values.append(y * scale if scale != 1.0 else y)
    return program


@settings(
    max_examples=int(os.environ.get("PROGRAMS", "120")), deadline=None, print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip
@given(st.randoms(use_true_random=False), st.integers(0, 2**16))
def test_random_programs_raise_our_errors_or_have_the_right_gradient(r, seed):
    rng = np.random.default_rng(seed)
    dtypes = [r.choice([np.float64, np.float64, np.float32]) for _ in range(r.randint(1, 3))]
    leaves = [np.asarray(rng.uniform(-1.5, 1.5, r.choice(SHAPES)), dtype) for dtype in dtypes]
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        program = draw_program(r, leaves)

        def f(*xs):
            parts = [tg.sum(y * 0.7) for y in run(program, xs)[len(xs) :]]
            return sum(parts, start=sum(x.sum() for x in xs))

        tensors = [tg.Tensor(x, requires_grad=True) for x in leaves]
        y = f(*tensors)
        raw = tg.gradients(y, tensors, retain_graph=True)
        recorded = tg.gradients(y, tensors, create_graph=True)
        for x, a, b in zip(tensors, raw, recorded, strict=True):
            assert a.shape == x.shape
            assert a.dtype == x.dtype
            if np.isfinite(a.data).all():
                tolerance = 1e-9 if all(d == np.float64 for d in dtypes) else 1e-3
                size = 1 + abs(a.data).max(initial=0)
                np.testing.assert_allclose(a.data, b.data, rtol=tolerance, atol=tolerance * size)
        if all(np.isfinite(d.data).all() for d in raw):
            report = verify.check(f, *leaves, rtol=1e-5, atol=1e-6)
            for entry in report.entries.values():
                assert entry.verdict in ("correct", "kink", "inconclusive"), (
                    leaves,
                    program,
                    report,
                )


@pytest.mark.parametrize("name", sorted(DRAWS))
def test_every_step_works_somewhere(name):
    """The pool is no sham: each of its operations succeeds on some of the shapes."""
    import random

    r = random.Random(0)
    for _ in range(3000):
        rng = np.random.default_rng(r.randint(0, 99))
        values = [rng.uniform(0.1, 1.5, r.choice(SHAPES)) for _ in range(3)]
        name_, operands, static = DRAWS[name](r, lambda: r.randint(0, 2))
        try:
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                apply(name_, [values[i] for i in operands], static)
        except TinygradError:
            continue
        return
    pytest.fail("it always raises")


@pytest.mark.parametrize("width", [0, 3])
def test_a_kernel_without_entries_gives_zeros_and_a_gradient_of_zeros(width):
    x = tg.Tensor(np.ones((2, 2, 1, width)), requires_grad=True)
    weight = tg.Tensor(np.ones((2, 2, 1, 0)), requires_grad=True)
    y = tg.conv2d(x, weight)
    found = tg.gradients(y.sum(), [x, weight])
    assert not y.data.any()
    assert [g.shape for g in found] == [x.shape, weight.shape]
    assert not found[0].data.any()
