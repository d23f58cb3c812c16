"""float16: results keep the dtype, and sums, counts and means are as good as float32's.

Among halves 70,000 ones add up to 2,048, 256 squares of 150 to infinity, and 1 / 70,000 loses its
digits. Here every operation that sums, counts or averages is compared with float64.
"""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_fr as tg
from tinygrad_fr import optim
from tinygrad_fr.autograd.operation import registry

N = 70_000
RNG = np.random.default_rng(0)
V, P, Z = RNG.uniform(1, 150, N), RNG.uniform(0.1, 0.9, N), RNG.uniform(-3, 3, N)
ROWS, ONES = RNG.uniform(0, 1, (N, 3)), np.ones(N)
LABELS = RNG.integers(0, 3, N)
SIGNS = np.where(RNG.random(N) > 0.5, 1, -1)
W, B = np.array([1.0, 2.0, 3.0]), np.array([0.0, 1.0, 2.0])
SQUARE = V[:62500].reshape(1, 1, 250, 250)
IMAGES, FILTERS = RNG.uniform(0, 1, (3000, 1, 5, 5)), RNG.standard_normal((2, 1, 3, 3))
FIRST = np.zeros(N, int)


def statistics(x, value):
    return np.full(3, value, np.float32 if x.dtype == np.float16 else x.dtype)


# name of the operation: (function, inputs), (function, inputs), ...
CASES = {
    "sum": [(lambda x: x.sum(0), (ROWS,)), (lambda x: (x / 200).sum(), (V,))],
    "mean": [(tg.mean, (V,)), (tg.mean, (ONES,)), (lambda x: x.mean(0), (ROWS,))],
    "max": [(tg.max, (ONES,)), (tg.max, (V,)), (lambda x: x.max(0), (np.ones((N, 3)),))],
    "min": [(tg.min, (ONES,)), (tg.min, (V,)), (lambda x: x.min(0), (np.ones((N, 3)),))],
    "var": [(tg.var, (V,)), (lambda x: x.var(0, ddof=1), (ROWS * 150,))],
    "std": [(tg.std, (V,)), (lambda x: x.std(0), (ROWS * 1500,))],
    "norm": [(tg.norm, (V,)), (lambda x: tg.norm(x, 2, 0), (ROWS,)),
             (lambda x: tg.norm(x, 1, 0), (ROWS / 2,)), (lambda x: tg.norm(x, 3, 0), (V,)),
             (lambda x: tg.norm(x, np.inf, 0), (ONES,))],
    "logsumexp": [(tg.logsumexp, (V,)), (tg.logsumexp, (ONES,))],
    "softmax": [(lambda x: tg.softmax(x, 0), (ROWS,))],
    "log_softmax": [(lambda x: tg.log_softmax(x, 0), (ROWS,))],
    "cumsum": [(lambda x: (x / 200).cumsum()[-1], (V,))],
    "cumprod": [(lambda x: x.cumprod()[-1], (1 + RNG.standard_normal(N) / 100,))],
    "vector_norm": [(tg.vector_norm, (V,))],
    "matrix_norm": [(tg.matrix_norm, (ROWS,)), (lambda x: tg.matrix_norm(x, ord=1), (ROWS / 2,))],
    "prod": [(tg.prod, (1 + RNG.standard_normal(N) / 100,))],
    "mse_loss": [(tg.mse_loss, (V, 0 * V)), (tg.mse_loss, (np.full(256, 150.0), np.zeros(256)))],
    "l1_loss": [(tg.l1_loss, (V, 0 * V))],
    "huber_loss": [(tg.huber_loss, (V, 0 * V))],
    "smooth_l1_loss": [(lambda x, y: tg.smooth_l1_loss(x, y, "mean", 0.5), (V / 20, 0 * V))],
    "hinge_loss": [(lambda x: tg.hinge_loss(x, SIGNS), (V / 20,))],
    "multi_margin_loss": [(lambda x: tg.multi_margin_loss(x, LABELS), (5 * ROWS,))],
    "triplet_margin_loss": [(tg.triplet_margin_loss, (ROWS, ROWS[::-1], ROWS[:, ::-1]))],
    "binary_cross_entropy": [(tg.binary_cross_entropy, (P, P[::-1]))],
    "binary_cross_entropy_with_logits": [(tg.binary_cross_entropy_with_logits, (Z, P))],
    "kl_div": [(tg.kl_div, (np.log(P), P))],
    "kl_divergence": [(tg.kl_divergence, (np.full((N, 3), 0.25), np.full((N, 3), 0.3)))],
    "cross_entropy": [
        (lambda z: tg.cross_entropy(z, LABELS), (5 * ROWS,)),
        (lambda z: tg.cross_entropy(z, LABELS, label_smoothing=0.1), (5 * ROWS,)),
        (lambda z: tg.cross_entropy(z, np.eye(3)[LABELS].astype(z.dtype)), (5 * ROWS,)),
        (lambda z: tg.cross_entropy(z, np.array([5])), (V[None] / 20,)),
    ],
    "nll_loss": [(lambda z: tg.nll_loss(z, LABELS), (-5 * ROWS,))],
    "batch_norm": [
        (lambda x, w, b, train=train: tg.batch_norm(
            x, statistics(x, 50), statistics(x, 900), w, b, train), (150 * ROWS, W, B))
        for train in (True, False)
    ],
    "group_norm": [(lambda x, w, b: tg.group_norm(x, 1, w, b), (150 * ROWS[:, :, None], W, B))],
    "adaptive_avg_pool2d": [(lambda x: tg.adaptive_avg_pool2d(x, 3), (SQUARE / 150,))],
    "scaled_dot_product_attention": [
        (lambda q: tg.scaled_dot_product_attention(q, q, q, is_causal=True), (ROWS[:50] / 100,))
    ],
    "lstm": [(tg.lstm, (RNG.standard_normal((9, 2, 8)), *RNG.standard_normal((2, 2, 2)),
                        RNG.standard_normal((8, 2)) / 2))],
    "layer_norm": [(lambda x, w, b: tg.layer_norm(x, (N,), w, b), (V[None], ONES, 0 * ONES)),
                   (lambda x, w, b: tg.layer_norm(x, (3,), w, b), (150 * ROWS, W, B))],
    "avg_pool2d": [(lambda x: tg.avg_pool2d(x, 250), (SQUARE,)),
                   (lambda x: tg.avg_pool2d(x, 3, 1, 1), (SQUARE,))],
    "max_pool2d": [(lambda x: tg.max_pool2d(x, 3, 1), (SQUARE,))],
    "add": [(tg.add, (ROWS, B))],
    "multiply": [(tg.multiply, (ROWS, np.array(2.0)))],
    "divide": [(tg.divide, (ROWS, np.array(3.0)))],
    "broadcast_to": [(lambda x: tg.broadcast_to(x, (N, 3)), (B,))],
    "repeat": [(lambda x: x.repeat(N), (B,))],
    "tile": [(lambda x: x.tile(N), (B,))],
    "where": [(lambda a, b: tg.where(V > 50, a, b), (np.array(1.0), np.array(2.0)))],
    "prelu": [(tg.prelu, (-ROWS, np.array([0.25])))],
    "matmul": [(lambda a, b: a.T @ b, (ROWS / 100, ROWS))],
    "dot": [(tg.dot, (V / 1000, V / 1000))],
    "linear": [(tg.linear, (ROWS, RNG.standard_normal((2, 3)), B[:2]))],
    "einsum": [(lambda a: tg.einsum("ij->j", a), (ROWS,)),
               (lambda a, b: tg.einsum("ij,i->j", a, b), (ROWS, P)),
               (lambda a, b: tg.einsum("ij,ij->j", a, b), (ROWS, ROWS))],
    "tensordot": [(lambda a, b: tg.tensordot(a.T, b, 1), (ROWS / 10, ROWS / 10))],
    "trace": [(tg.trace, (np.diag(V[:1000] / 100),))],
    "conv2d": [(tg.conv2d, (IMAGES, FILTERS, B[:2])), (tg.conv2d, (SQUARE / 150, FILTERS, B[:2]))],
    "conv_transpose2d": [(tg.conv_transpose2d, (IMAGES, FILTERS.reshape(1, 2, 3, 3), B[:2]))],
    "conv1d": [(tg.conv1d, (P.reshape(1, 1, N), FILTERS[:, :, 0])),
               (tg.conv1d, (ROWS[:, None], FILTERS[:, :, 0], B[:2]))],
    "getitem": [(lambda x: x[FIRST], (B,))],
    "take": [(lambda x: x.take(FIRST), (B,))],
    "embedding": [(lambda w: tg.embedding(FIRST, w), (np.ones((2, 3)),))],
}  # fmt: skip
EPSILON = 2.0**-10
# Sums of 70,000 numbers of both signs, of which float32 leaves so much.
LEFT = {"batch_norm": 0.3}


def results(f, inputs, dtype, upstream):
    """The value, its gradients from the raw pass and from the recorded one."""
    tensors = [tg.Tensor(x.astype(np.float16).astype(dtype), requires_grad=True) for x in inputs]
    y = f(*tensors)
    g = upstream(y.shape).astype(dtype)
    raw = tg.gradients(y, tensors, g, retain_graph=True)
    recorded = tg.gradients(y, tensors, g, create_graph=True)
    return [("value", y.data), *((f"gradient {i % len(tensors)}", d.data)
                                 for i, d in enumerate([*raw, *recorded]))]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "case"), [(n, i) for n, c in CASES.items() for i in range(len(c))]
)
@pytest.mark.parametrize("upstream", ["ones", "small"])
def test_results_are_those_of_float64_to_the_precision_of_halves(name, case, upstream):
    f, inputs = CASES[name][case]
    draw = {
        "ones": lambda shape: np.full(shape, np.float16(0.5)),
        "small": lambda shape: np.random.default_rng(1).uniform(0, 0.25, shape).astype(np.float16),
    }[upstream]
    with np.errstate(over="ignore"):
        halves, exact = results(f, inputs, np.float16, draw), results(f, inputs, float, draw)
    for (what, ours), (_, expected) in zip(halves, exact, strict=True):
        assert ours.dtype == np.float16, what
        with np.errstate(over="ignore"):  # 70,000 itself is infinite
            expected = expected.astype(np.float16).astype(float)
        terms = np.abs(expected[np.isfinite(expected)]).max(initial=0)
        np.testing.assert_allclose(
            ours.astype(float),
            expected,
            rtol=2 * EPSILON,
            atol=EPSILON * terms + LEFT.get(name, 1e-6),
            err_msg=what,
        )


ELEMENTWISE_OR_MOVED = {
    "interpolate",
    "identity", "negative", "subtract", "power", "exp", "log", "log2", "log10", "log1p", "expm1",
    "sqrt", "square", "reciprocal", "abs", "sign", "round", "sin", "cos", "tan", "arcsin", "arccos",
    "arctan", "sinh", "cosh", "tanh", "erf", "isnan", "equal", "not_equal", "less", "less_equal",
    "greater", "greater_equal", "maximum", "minimum", "clip", "sigmoid", "relu", "leaky_relu",
    "elu", "softplus", "gelu", "silu", "step", "astype", "dropout", "reshape", "ravel", "flatten",
    "transpose", "swapaxes", "moveaxis", "expand_dims", "squeeze", "concatenate", "stack", "split",
    "pad", "flip", "roll", "diag", "tril", "triu", "sort", "outer", "argmax", "argmin", "any",
    "all", "one_hot", "arcsinh", "arccosh", "arctanh", "exp2", "hypot", "arctan2", "logaddexp",
    "mod", "floor_divide", "divmod", "floor", "ceil", "copy", "diff", "vstack", "hstack",
    "column_stack", "append", "array_split", "atleast_1d", "atleast_2d", "atleast_3d",
}  # fmt: skip
NOT_IN_HALVES = {"inv", "det", "slogdet", "solve", "cholesky"}  # LAPACK has none


def test_every_operation_that_sums_is_compared():
    public = {name for name in registry if not name.startswith("_")}
    known = CASES.keys() | ELEMENTWISE_OR_MOVED | NOT_IN_HALVES
    assert set(tg.ops.__all__) & public <= known


def test_ties_share_one_gradient():
    x = tg.Tensor(ONES.astype(np.float16), requires_grad=True)
    x.max().backward()
    assert x.grad.data.astype(float).sum() == pytest.approx(1, rel=2e-2)


def test_a_mean_over_wider_targets_is_wider():
    x = tg.Tensor(np.ones(3, np.float16), requires_grad=True)
    loss = tg.mse_loss(x, np.zeros(3, np.float32))
    assert loss.dtype == np.float32
    loss.backward()
    assert x.grad.dtype == np.float16
    assert tg.mse_loss(x, np.zeros(3, int)).dtype == np.float16


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_running_statistics_are_moved_in_place_and_do_not_overflow(dtype):
    x = (150 * ROWS).astype(np.float16)
    mean, variance = np.zeros(3, dtype), np.ones(3, dtype)
    y = tg.batch_norm(tg.Tensor(x), mean, variance, training=True, momentum=1.0)
    assert y.dtype == np.float16
    np.testing.assert_allclose(mean, x.astype(float).mean(0), rtol=1e-3)
    np.testing.assert_allclose(variance, x.astype(float).var(0, ddof=1), rtol=1e-3)


def test_the_norm_of_gradients_does_not_overflow():
    w = tg.Tensor(np.ones(N, np.float16), requires_grad=True)
    (w * V.astype(np.float16)).backward(np.ones(N, np.float16))
    exact = w.grad.data.astype(float)
    assert optim.clip_grad_norm([w], 10.0) == pytest.approx(np.linalg.norm(exact), rel=1e-5)
    assert w.grad.dtype == np.float16
    np.testing.assert_allclose(w.grad.data, exact * 10 / np.linalg.norm(exact), rtol=2e-3)
