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


def in_torch(x, h, c, w):
    """An LSTM whose inputs are what they give to the gates."""
    steps, eye = [], torch.eye(8, dtype=x.dtype)
    for row in x:
        h, c = torch.lstm_cell(row, (h, c), eye, w)
        steps.append(torch.cat([h, c], -1))
    return torch.stack(steps)


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

M = X[:, :3] + 4 * np.eye(3)
S = M @ M.T
V = RNG.standard_normal(4)
SEQUENCES = RNG.standard_normal((2, 4, 9))
A3, B3 = RNG.standard_normal((2, 3, 4)), RNG.standard_normal((2, 4, 5))
TABLE = np.array([[0, 2, 2], [3, 1, 0]])
UNIT = RNG.uniform(-0.9, 0.9, (3, 4))


def same(name, *options):
    """A function of the same name and arguments in both."""
    return lambda *xs: getattr(tg, name)(*xs, *options), lambda *xs: getattr(torch, name)(
        *xs, *options
    )


def both(name, *options, **keywords):
    """A function that PyTorch has in ``torch.nn.functional``."""
    return (
        lambda *xs: getattr(tg, name)(*xs, *options, **keywords),
        lambda *xs: getattr(F, name)(*xs, *options, **keywords),
    )


CASES |= {
    **{name: (*same(name), (P,)) for name in (
        "expm1", "log1p", "log2", "log10", "square", "reciprocal", "sin", "cos", "tan", "sinh",
        "cosh", "erf", "negative",
    )},
    **{name: (*same(name), (UNIT,)) for name in ("arcsin", "arccos", "arctan")},
    **{name: (*same(name), (X, Y)) for name in ("add", "subtract", "multiply", "minimum")},
    **{f"{name} {i}": (*both(name, *options), (X,)) for name, i, options in [
        ("leaky_relu", 0, ()), ("leaky_relu", 1, (0.2,)), ("elu", 0, ()), ("elu", 1, (0.5,)),
        ("softplus", 0, ()), ("softplus", 1, (2.0,)), ("gelu", 0, ()), ("silu", 0, ()),
    ]},
    "gelu tanh": (*both("gelu", approximate="tanh"), (X,)),
    "prelu": (*both("prelu"), (IMAGES, V[:3])),
    "prelu one": (*both("prelu"), (X, V[:1])),
    "identity": (tg.identity, lambda x: x.clone(), (X,)),
    "astype": (lambda x: x.astype(x.dtype), lambda x: x.clone(), (X,)),
    "sum": (lambda x: x.sum((0, 2), keepdims=True), lambda x: x.sum((0, 2), keepdim=True), (A3,)),
    "mean": (lambda x: x.mean(-1), lambda x: x.mean(-1), (A3,)),
    "var": (lambda x: x.var((0, 1), ddof=1), lambda x: x.var((0, 1)), (A3,)),
    "std": (lambda x: x.std(1), lambda x: x.std(1, correction=0), (A3,)),
    "min": (lambda x: x.min(1), lambda x: x.amin(1), (X,)),
    "prod": (lambda x: x.prod(1), lambda x: x.prod(1), (X * (np.abs(X) > 0.3),)),
    "cumsum": (lambda x: x.cumsum(1), lambda x: x.cumsum(1), (X,)),
    "dot": (tg.dot, torch.dot, (V, V + 1)),
    "outer": (tg.outer, torch.outer, (V, V + 1)),
    "tensordot": (*same("tensordot", ([2, 0], [1, 0])), (A3, B3)),
    "einsum": (lambda a, b: tg.einsum("bij,bjk->ik", a, b),
               lambda a, b: torch.einsum("bij,bjk->ik", a, b), (A3, B3)),
    "einsum diagonal": (lambda a, b: tg.einsum("ii,i", a, b),
                        lambda a, b: torch.einsum("ii,i", a, b), (M, V[:3])),
    "einsum ellipsis": (lambda a, b: tg.einsum("...ij,...jk->...ik", a, b),
                        lambda a, b: torch.einsum("...ij,...jk->...ik", a, b), (A3[:1], B3)),
    "trace": (*same("trace"), (M,)),
    **{name: (getattr(tg, name), getattr(torch.linalg, name), (matrix,)) for name, matrix in [
        ("det", M), ("inv", M), ("cholesky", S),
    ]},
    "det singular": (tg.det, torch.linalg.det, (X[:, :2] @ Y[:, :2].T,)),
    "slogdet": (lambda x: tg.slogdet(x)[1], lambda x: torch.linalg.slogdet(x)[1], (M,)),
    "solve": (tg.solve, torch.linalg.solve, (M, X)),
    "norm": (tg.norm, torch.linalg.norm, (X,)),
    "norm 1": (lambda x: tg.norm(x, 1, 1), lambda x: torch.linalg.vector_norm(x, 1, 1), (X,)),
    "norm inf": (lambda x: tg.norm(x, np.inf, 0),
                 lambda x: torch.linalg.vector_norm(x, np.inf, 0), (X,)),
    "reshape": (lambda x: x.reshape(2, 6), lambda x: x.reshape(2, 6), (X,)),
    "transpose": (lambda x: x.transpose(1, 2, 0), lambda x: x.permute(1, 2, 0), (A3,)),
    "swapaxes": (lambda x: x.swapaxes(0, 2), lambda x: x.swapaxes(0, 2), (A3,)),
    "moveaxis": (lambda x: x.moveaxis(0, 2), lambda x: x.moveaxis(0, 2), (A3,)),
    "expand_dims": (lambda x: x.expand_dims(1), lambda x: x.unsqueeze(1), (X,)),
    "squeeze": (lambda x: x.squeeze(0), lambda x: x.squeeze(0), (X[:1],)),
    "ravel": (*same("ravel"), (X,)),
    "flatten": (lambda x: x.flatten(1), lambda x: x.flatten(1), (A3,)),
    "broadcast_to": (*same("broadcast_to", (2, 3, 4)), (X,)),
    "concatenate": (lambda a, b: tg.concatenate([a, b], 1),
                    lambda a, b: torch.concatenate([a, b], 1), (X, Y)),
    "stack": (lambda a, b: tg.stack([a, b], 1), lambda a, b: torch.stack([a, b], 1), (X, Y)),
    "split": (lambda x: x.split([1, 3], 1)[1], lambda x: torch.tensor_split(x, [1, 3], 1)[1], (X,)),
    "pad": (lambda x: x.pad(((0, 0), (1, 2)), constant_values=0.5),
            lambda x: F.pad(x, (1, 2), value=0.5), (X,)),
    "pad reflect": (lambda x: x.pad(((0, 0), (0, 0), (1, 2)), "reflect"),
                    lambda x: F.pad(x, (1, 2), "reflect"), (A3,)),
    "pad edge": (lambda x: x.pad(((0, 0), (0, 0), (1, 2)), "edge"),
                 lambda x: F.pad(x, (1, 2), "replicate"), (A3,)),
    "flip": (lambda x: x.flip(1), lambda x: x.flip(1), (X,)),
    "roll": (*same("roll", 2, 1), (X,)),
    "repeat": (lambda x: x.repeat(2, 1), lambda x: x.repeat_interleave(2, 1), (X,)),
    "repeat each": (lambda x: x.repeat([1, 0, 2], 0),
                    lambda x: x.repeat_interleave(torch.tensor([1, 0, 2]), 0), (X,)),
    "tile": (*same("tile", (2, 1)), (X,)),
    "diag": (*same("diag", 1), (X,)),
    "tril": (*same("tril", 1), (X,)),
    "triu": (*same("triu", -1), (X,)),
    "take": (lambda x: x.take(LABELS, 1), lambda x: torch.index_select(x, 1, T(LABELS)), (X,)),
    "sort": (lambda x: x.sort(1), lambda x: x.sort(1).values, (X,)),
    "getitem": (lambda x: x[[0, 0, 2], 1:], lambda x: x[[0, 0, 2], 1:], (X,)),
    "conv1d": (*both("conv1d", None, 2, 1), (SEQUENCES, RNG.standard_normal((3, 4, 3)))),
    "conv1d groups": (*both("conv1d", None, 1, 2, 2, 2),
                      (SEQUENCES, RNG.standard_normal((4, 2, 3)))),
    "conv2d dilation": (*both("conv2d", None, 1, 2, (2, 3)), (IMAGES, FILTERS)),
    "conv2d groups": (*both("conv2d", None, (2, 1), 1, 1, 3),
                      (IMAGES, RNG.standard_normal((6, 1, 3, 2)))),
    "conv2d same": (*both("conv2d", None, 1, "same"), (IMAGES, RNG.standard_normal((2, 3, 3, 5)))),
    "conv_transpose2d": (*both("conv_transpose2d"),
                         (IMAGES, RNG.standard_normal((3, 2, 3, 2)), V[:2])),
    "conv_transpose2d all": (
        *both("conv_transpose2d", None, (2, 3), 1, (1, 0), 3, (2, 1)),
        (IMAGES, RNG.standard_normal((3, 2, 3, 3))),
    ),
    "conv_transpose2d beyond": (
        *both("conv_transpose2d", None, 1, 0, (1, 2), 1, (2, 3)),
        (IMAGES, RNG.standard_normal((3, 2, 2, 3))),
    ),
    "avg_pool2d": (*both("avg_pool2d", 2), (IMAGES,)),
    "avg_pool2d overlapping": (*both("avg_pool2d", 3, 2, 1), (IMAGES,)),
    "avg_pool2d inside": (*both("avg_pool2d", 3, 2, 1, count_include_pad=False), (IMAGES,)),
    "batch_norm": (
        lambda x, w, b: tg.batch_norm(x, None, None, w, b, True),
        lambda x, w, b: F.batch_norm(x, None, None, w, b, True), (IMAGES, V[:3], V[1:]),
    ),
    "batch_norm evaluation": (
        lambda x, w, b: tg.batch_norm(x, V[:3], V[1:] ** 2, w, b),
        lambda x, w, b: F.batch_norm(x, T(V[:3]).to(x), T(V[1:] ** 2).to(x), w, b),
        (IMAGES, V[:3], V[1:]),
    ),
    "group_norm": (
        lambda x, w, b: tg.group_norm(x, 3, w, b), lambda x, w, b: F.group_norm(x, 3, w, b),
        (IMAGES, V[:3], V[1:]),
    ),
    "interpolate": (
        lambda x: tg.interpolate(x, (5, 19)), lambda x: F.interpolate(x, (5, 19)), (IMAGES,),
    ),
    "interpolate factor": (
        lambda x: tg.interpolate(x, scale_factor=2.3), lambda x: F.interpolate(x, scale_factor=2.3),
        (IMAGES,),
    ),
    "adaptive_avg_pool2d": (
        lambda x: tg.adaptive_avg_pool2d(x, (3, 5)), lambda x: F.adaptive_avg_pool2d(x, (3, 5)),
        (IMAGES,),
    ),
    "lstm": (
        lambda x, h, c, w: tg.lstm(x, h, c, w),
        lambda x, h, c, w: in_torch(x, h, c, w),
        (RNG.standard_normal((4, 3, 8)), X[:, :2], Y[:, :2], RNG.standard_normal((8, 2))),
    ),
    "scaled_dot_product_attention": (
        lambda q, k, v: tg.scaled_dot_product_attention(q, k, v, X[:, :3] > 0),
        lambda q, k, v: F.scaled_dot_product_attention(q, k, v, T(X[:, :3] > 0)), (X, Y, P),
    ),
    "layer_norm": (
        lambda x, w, b: tg.layer_norm(x, (3, 4), w, b),
        lambda x, w, b: F.layer_norm(x, (3, 4), w, b), (A3, X, Y),
    ),
    "embedding": (lambda w: tg.embedding(TABLE, w), lambda w: F.embedding(T(TABLE), w), (X.T,)),
    "dropout": (lambda x: tg.dropout(x, 0.5, False), lambda x: F.dropout(x, 0.5, False), (X,)),
    "nll_loss": (lambda z: tg.nll_loss(z, LABELS), lambda z: F.nll_loss(z, T(LABELS)), (X,)),
    "nll_loss images": (
        lambda z: tg.nll_loss(z, np.ones((2, 7, 8), int), "sum"),
        lambda z: F.nll_loss(z, torch.ones((2, 7, 8), dtype=torch.int64), reduction="sum"),
        (IMAGES,),
    ),
    "nll_loss none": (lambda z: tg.nll_loss(z, LABELS, "none"),
                      lambda z: F.nll_loss(z, T(LABELS), reduction="none"), (X,)),
    "binary_cross_entropy_with_logits": (*both("binary_cross_entropy_with_logits"), (X, SOFT)),
    "l1_loss": (*both("l1_loss"), (X, Y)),
    **{f"kl_div {r}": (*both("kl_div", reduction=r), (X, SOFT))
       for r in ("mean", "batchmean", "sum", "none")},
    "kl_div log": (*both("kl_div", reduction="sum", log_target=True), (X, Y)),
    "kl_divergence": (
        lambda p, q: tg.kl_divergence(p, q),
        lambda p, q: F.kl_div(q.log(), p, reduction="batchmean"), (SOFT, SOFT[::-1].copy()),
    ),
}  # fmt: skip
# Losses with weights: of the classes, of the entries, of what is positive.
W, STEPS = RNG.uniform(0.1, 2, 4), np.array([[0, 2, -100, 1, 3], [3, 3, 1, -100, -100]])
LONG, SIGNS = RNG.standard_normal((2, 4, 5)), np.where(X > 0.3, 1, -1)


def weighted(name, target, **options):
    """The same with a target and options that hold arrays."""
    theirs = {key: T(x) if isinstance(x, np.ndarray) else x for key, x in options.items()}

    def of_pytorch(z):
        cast = {key: x.to(z) if hasattr(x, "to") else x for key, x in theirs.items()}
        goal = T(target)
        return getattr(F, name)(z, goal.to(z) if goal.is_floating_point() else goal, **cast)

    return lambda z: getattr(tg, name)(z, target.astype(z.dtype) if target.dtype.kind == "f"
                                       else target, **options), of_pytorch  # fmt: skip


CASES |= {
    **{f"{name} {'weighted ' * (w is not None)}{r} {s} {i}": (
        *weighted(name, STEPS, weight=w, reduction=r, **({"label_smoothing": s} if s else {})),
        (LONG,),
    ) for name, smoothing in (("cross_entropy", (0, 0.2)), ("nll_loss", (0,)))
      for i, w in enumerate((None, W)) for r in ("mean", "sum", "none") for s in smoothing},
    "cross_entropy ignored class": (
        *weighted("cross_entropy", LABELS, weight=W, ignore_index=3), (X,),
    ),
    "cross_entropy alone": (*weighted("cross_entropy", np.array(2), weight=W), (V,)),
    "cross_entropy weighted soft": (
        *weighted("cross_entropy", SOFT, weight=W, label_smoothing=0.1), (X,),
    ),
    "binary_cross_entropy weighted": (*weighted("binary_cross_entropy", SOFT, weight=W), (P,)),
    **{f"binary_cross_entropy_with_logits {r}": (
        *weighted("binary_cross_entropy_with_logits", SOFT, weight=W[:3, None], pos_weight=W,
                  reduction=r), (X,),
    ) for r in ("mean", "none")},
    **{f"huber_loss {d}": (*both("huber_loss", delta=d), (2 * X, Y)) for d in (0.3, 1.0, 9.0)},
    **{f"smooth_l1_loss {d}": (*both("smooth_l1_loss", beta=d), (2 * X, Y)) for d in (0, 0.3, 1.0)},
    "hinge_loss": (lambda x: tg.hinge_loss(x, SIGNS),
                   lambda x: torch.clamp(1 - T(SIGNS) * x, min=0).mean(), (X,)),
    **{f"multi_margin_loss {p} {r}": (
        *weighted("multi_margin_loss", LABELS, p=p, margin=0.7, weight=W, reduction=r), (X,),
    ) for p in (1, 2) for r in ("mean", "none")},
    **{f"triplet_margin_loss {p} {swap}": (
        *both("triplet_margin_loss", 2.0, p, 1e-6, swap), (X, Y, 2 * P),
    ) for p in (1.0, 2.0, 3.0) for swap in (False, True)},
}  # fmt: skip
D = X * (np.abs(X) > 0.4)  # with zeros
LOW, HIGH = RNG.standard_normal((1, 4)) - 1, RNG.standard_normal((3, 1)) + 0.3
STACKS = RNG.standard_normal((2, 3, 4))


def joined(name):
    return lambda *xs: getattr(tg, name)(xs), lambda *xs: getattr(torch, name)(xs)


CASES |= {
    "exp2": (*same("exp2"), (X,)),
    **{name: (*same(name), (UNIT,)) for name in ("arcsinh", "arctanh")},
    "arccosh": (*same("arccosh"), (P + 1.1,)),
    **{name: (*same(name), (X, Y)) for name in ("hypot", "arctan2", "logaddexp")},
    **{f"{name} broadcast": (*same(name), (X, Y[:1])) for name in ("hypot", "arctan2")},
    **{f"mod {i}": (tg.mod, torch.remainder, (3 * X, sign * P)) for i, sign in enumerate((1, -1))},
    "divmod": (lambda a, b: divmod(a, b)[1], torch.remainder, (X, P)),
    "copy": (lambda x: x.copy(), lambda x: x.clone(), (X,)),
    "clip bounds": (*same("clip"), (X, LOW, HIGH)),
    "clip crossed": (lambda x, low, high: x.clip(low, high), torch.clip, (X, HIGH, LOW)),
    "clip low": (lambda x, a: np.clip(x, a, None), lambda x, a: torch.clip(x, a), (X, LOW)),
    "clip high": (lambda x, h: x.clip(a_max=h), lambda x, h: torch.clip(x, max=h), (X, HIGH)),
    **{f"cumprod {axis}": (*same("cumprod", axis), (D,)) for axis in (0, 1, -1)},
    **{name: (*same(name), (V,)) for name in ("atleast_1d", "atleast_2d", "atleast_3d")},
    **{name: (*joined(name), (X, Y)) for name in ("vstack", "hstack", "column_stack")},
    **{f"{name} vectors": (*joined(name), (V, V[::-1].copy()))
       for name in ("vstack", "hstack", "column_stack")},
    "append": (np.append, lambda a, b: torch.cat([a.ravel(), b.ravel()]), (X, V)),
    "array_split": (
        lambda x: x.array_split(3, 1)[0], lambda x: torch.tensor_split(x, 3, 1)[0], (X,),
    ),
    "diff": (*same("diff", 2, 0), (X,)),
    "diff between": (lambda x, a, b: np.diff(x, prepend=a, append=b),
                     lambda x, a, b: torch.diff(x, prepend=a, append=b), (X, Y[:, :1], Y[:, :2])),
    **{f"matrix_norm {p} {i}": (
        lambda x, p=p: tg.matrix_norm(x, ord=p),
        lambda x, p=p: torch.linalg.matrix_norm(x, p), (x,),
    ) for p in ("fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf)
        for i, x in enumerate((X, X.T.copy(), STACKS))},
    **{f"vector_norm {p}": (
        lambda x, p=p: tg.vector_norm(x, (0, 2), ord=p),
        lambda x, p=p: torch.linalg.vector_norm(x, p, (0, 2)), (STACKS,),
    ) for p in (1, 2, 3, 0.5, -1, np.inf, -np.inf)},
    "norm axes": (lambda x: np.linalg.norm(x, 2, (2, 0), keepdims=True),
                  lambda x: torch.linalg.norm(x, 2, (2, 0), keepdim=True), (STACKS,)),
}  # fmt: skip
# Constant between jumps, so without a gradient: values only, below.
UNTRACKED = {
    "argmax", "argmin", "any", "all", "sign", "round", "isnan", "one_hot", "equal", "not_equal",
    "less", "less_equal", "greater", "greater_equal", "step", "floor", "ceil", "floor_divide",
}  # fmt: skip


def test_every_operation_is_compared():
    compared = {name.split()[0] for name in CASES} | UNTRACKED
    assert compared >= set(tg.ops.__all__)


def test_untracked_results_are_pytorchs():
    x, t = X.round(1), T(X.round(1))
    pairs = [
        (tg.argmax(x, 1), t.argmax(1)), (tg.argmin(x, 1), t.argmin(1)), (tg.sign(x), t.sign()),
        (tg.floor(X), T(X).floor()), (tg.ceil(X), T(X).ceil()),
        (tg.floor_divide(X, P), T(X) // T(P)),
        (tg.round(X, 1), T(X).round(decimals=1)), (tg.isnan(x), t.isnan()),
        (tg.any(x > 1, 1), (t > 1).any(1)), (tg.all(x > -1, 1), (t > -1).all(1)),
        (tg.one_hot(LABELS, 5), F.one_hot(T(LABELS), 5)),
        (tg.step(x), torch.heaviside(t, T(np.ones(1)))),
    ]  # fmt: skip
    for ours, theirs in pairs:
        np.testing.assert_array_equal(ours, theirs.numpy())
    for name, other in [("equal", "eq"), ("not_equal", "ne"), ("less", "lt"), ("less_equal", "le"),
                        ("greater", "gt"), ("greater_equal", "ge")]:  # fmt: skip
        np.testing.assert_array_equal(getattr(tg, name)(x, 0.5), getattr(t, other)(0.5).numpy())


@pytest.mark.filterwarnings("ignore:reduction. 'mean'")  # PyTorch's, for kl_div
@pytest.mark.parametrize(("dtype", "rtol"), [(np.float64, 1e-10), (np.float32, 1e-5)])
@pytest.mark.parametrize("name", CASES)
def test_values_and_gradients_are_pytorchs(name, dtype, rtol):
    ours, theirs, inputs = CASES[name]
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


@pytest.mark.parametrize(
    "name", [n for n in CASES if "entropy" in n or "huber" in n or "trip" in n]
)
def test_second_derivatives_of_losses_are_pytorchs(name):
    ours, theirs, inputs = CASES[name]
    xs = [tg.Tensor(x, requires_grad=True) for x in inputs]
    ts = [torch.tensor(x, requires_grad=True) for x in inputs]
    g = tg.gradients(ours(*xs).sum(), xs, create_graph=True)
    h = torch.autograd.grad(theirs(*ts).sum(), ts, create_graph=True)
    ours_again = tg.gradients(sum((d * d).sum() for d in g), xs)
    again = torch.autograd.grad(sum((d * d).sum() for d in h), ts)
    for x, t in zip(ours_again, again, strict=True):
        np.testing.assert_allclose(x.data, t.numpy(force=True), rtol=1e-9, atol=1e-11)
