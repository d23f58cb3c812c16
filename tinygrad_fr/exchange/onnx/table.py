"""Which operation of ONNX an operation of ours is, or which others of ours it is made of."""

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from ... import ops
from ...checks import pair
from ...graph.recorded.expansion import EXPANSIONS
from ...ops.losses import reduced
from ...ops.recurrent import step_by_step
from ...ops.selection import where
from .calls import Call, array

# Gives the name of the result; None where ONNX has not what the arguments ask for.
Rule = Callable[[Call, str], str | None]


def _plain(c: Call, kind: str, **more: Any) -> str:
    """Arrays are inputs, in their order; what else is given is an attribute."""
    arrays, given = c.nodes[0]._op.arrays, c.arguments[0]
    options = {_THEIRS.get(name, name): c[name] for name in given if name not in arrays}
    inputs = [name for name in given if name in arrays]
    dtype = np.result_type(*(array(given[x]) for x in inputs)) if c.dtype == bool else c.dtype
    names = [c.value(name, bool if name == "condition" else dtype) for name in inputs]
    return c.node(kind, *names, **options, **more)


_THEIRS = {"negative_slope": "alpha", "stride": "strides", "dilation": "dilations",
           "groups": "group"}  # fmt: skip


def _mod(c: Call, kind: str) -> str:
    a, b = c.value("a", c.dtype), c.value("b", c.dtype)
    if c.dtype.kind != "f":
        return c.node(kind, a, b)
    y = c.node(kind, a, b, fmod=1)  # has the sign of a
    other_sign = c.node("Less", c.node("Mul", y, b), c.constant(0, c.dtype))
    return c.node("Where", other_sign, c.node("Add", y, b), y)


def _reduction(c: Call, kind: str) -> str:
    x, axis = c.value("x", c.dtype), c["axis"]
    if axis == () or not c.both("x")[0].ndim:
        return x
    axes = None if axis is None else [int(a) for a in np.atleast_1d(axis)]
    if axes and (kind == "ReduceSum" or c.file.opset >= 18):
        return c.node(kind, x, c.constant(axes), keepdims=int(c["keepdims"]))
    return c.node(kind, x, axes=axes, keepdims=int(c["keepdims"]))  # None is left out


def _along_axis(c: Call, kind: str) -> str:
    x, axis = c.value("x", c.dtype if kind == "CumSum" else None), c["axis"]
    if axis is None:
        x, axis = c.node("Reshape", x, c.constant([-1])), 0
    if kind == "CumSum":
        return c.node(kind, x, c.constant(axis))
    if kind == "Gather":
        return c.node(kind, x, c.value("indices", np.int64), axis=axis)
    if kind == "TopK":
        return c.node(kind, x, c.number([[y.shape[axis]] for y in c.ys]), axis=axis, largest=0)
    return c.reshaped(c.node(kind, x, axis=axis))


def _transpose(c: Call, kind: str) -> str:
    # Axes that are numbered by their sizes: the shape of the result is the order.
    others = {name: c[name] for name in c.arguments[0] if name != "x"}
    numbered = np.empty(range(c.y.ndim))
    order = c.nodes[0]._op.function(numbered, *others.pop("axes", ()), **others).shape
    return c.node(kind, c.value("x"), perm=order or None)


def _getitem(c: Call, kind: str) -> str | None:
    """Slices, new axes, and numbers or one array of positions."""
    both = [_by_axis(a["index"], array(a["x"]).ndim) for a in c.arguments]
    picked = [part for part in both[0] if not isinstance(part, slice)]
    kinds = {np.asarray(array(part)).dtype.kind for part in picked}
    if not kinds <= {"i", "u"} or (len(picked) > 1 and any(map(np.ndim, picked))):
        return None
    x, shapes = c.value("x"), [y.shape for y in c.both("x")]
    for axis, parts in reversed([*enumerate(zip(*both, strict=True))]):
        if not isinstance(parts[0], slice):
            x = c.node("Gather", x, c.of(parts, np.int64), axis=axis)
        elif parts[0] != slice(None):
            cuts = [part.indices(shape[axis]) for part, shape in zip(parts, shapes, strict=True)]
            # ONNX counts a negative end from behind.
            ends = [[end if end >= 0 else -(2**31)] for _start, end, _step in cuts]
            start, step = (c.number([[cut[k]] for cut in cuts]) for k in (0, 2))
            x = c.node(kind, x, start, c.number(ends), c.constant([axis]), step)
    left = sum(1 if isinstance(part, slice) else np.ndim(part) for part in both[0])
    return x if left == c.y.ndim else c.reshaped(x)


def _by_axis(index: Any, ndim: int) -> list[Any]:
    """An index of each axis; new axes left out."""
    given = [part for part in (index if isinstance(index, tuple) else [index]) if part is not None]
    dots = next((i for i, part in enumerate(given) if part is ...), len(given))
    rest = given[dots + 1 :]
    return [*given[:dots], *[slice(None)] * (ndim - dots - len(rest)), *rest]


def _windows(c: Call, kind: str) -> str | None:
    """Convolutions and poolings, of several images or of one."""
    given, images = c.arguments[0], c.both("x")
    if given.get("divisor_override"):
        return None
    arrays = [c.value(name, c.dtype) for name in ("weight", "bias") if name in given]
    size = c.both("weight")[0].shape[2:] if arrays else pair(c["kernel_size"], "", 1)
    others = {name: c[name] for name in given.keys() - {"x", "weight", "bias", "kernel_size"}}
    options = {_THEIRS.get(name, name): value for name, value in others.items()}
    for name in options.keys() & {"strides", "dilations", "output_padding"}:
        options[name] = size if options[name] is None else pair(options[name], name, 0)
    padding = options.pop("padding")
    if isinstance(padding, str):
        spread = zip(size, options["dilations"], strict=True)
        padding = tuple((n - 1) * d // 2 if padding == "same" else 0 for n, d in spread)
    options.update(kernel_shape=size, pads=pair(padding, "padding", 0) * 2)
    x = c.value("x", c.dtype)
    if images[0].ndim == 4:
        return c.node(kind, x, *arrays, **options)
    batch = c.reshaped(x, [(1, *image.shape) for image in images])
    return c.reshaped(c.node(kind, batch, *arrays, **options))


def _batch_norm(c: Call, kind: str) -> str | None:
    if c["training"]:
        return None
    n, names = c.both("x")[0].shape[1], ("x", "weight", "bias", "running_mean", "running_var")
    x, weight, bias, *statistics = (c.value(name, c.dtype) for name in names)
    weight = weight or c.constant(np.ones(n), c.dtype)
    bias = bias or c.constant(np.zeros(n), c.dtype)
    return c.node(kind, x, weight, bias, *statistics, epsilon=c["eps"])


def _of_classes(c: Call, kind: str) -> str | None:
    scores, labels = list(c.arguments[0])[:2]
    smoothed = c.arguments[0].get("label_smoothing") or c.both(labels)[0].dtype.kind == "f"
    if smoothed or c.both(scores)[0].ndim < 2:
        return None
    options = {name: c[name] for name in ("reduction", "ignore_index") if c[name] is not None}
    x, weight = c.value(scores, c.dtype), c.value("weight", c.dtype)
    return c.node(kind, x, c.value(labels, np.int64), weight, **options)


# What has one name here and there: ours, theirs where it is not the same word in capitals.
_NAMES: dict[Rule, str] = {
    _plain: """abs add arccos=Acos arccosh=Acosh arcsin=Asin arcsinh=Asinh arctan=Atan
        arctanh=Atanh ceil copy=Identity cos cosh det divide=Div equal erf exp floor greater
        greater_equal=GreaterOrEqual identity isnan=IsNaN less less_equal=LessOrEqual log
        matmul=MatMul maximum=Max minimum=Min multiply=Mul negative=Neg power=Pow reciprocal relu
        sigmoid sign sin sinh sqrt subtract=Sub tan tanh where _alias=Identity
        softmax log_softmax=LogSoftmax elu leaky_relu=LeakyRelu""",
    _reduction: """sum=ReduceSum mean=ReduceMean max=ReduceMax min=ReduceMin prod=ReduceProd
        logsumexp=ReduceLogSumExp""",
    _along_axis: "argmax=ArgMax argmin=ArgMin cumsum=CumSum sort=TopK take=Gather",
    _transpose: "transpose swapaxes=Transpose moveaxis=Transpose",
    _windows: """conv2d=Conv conv_transpose2d=ConvTranspose max_pool2d=MaxPool
        avg_pool2d=AveragePool""",
    _mod: "mod",
    lambda c, kind: c.value("x", c.dtype): "astype=Cast",
    lambda c, kind: None if c["training"] and c["p"] else c.value("x"): "dropout=Identity",
    _getitem: "getitem=Slice",
    _batch_norm: "batch_norm=BatchNormalization",
    lambda c, kind: None if c.both("x")[0].ndim != 2 else _plain(c, kind, transB=1): "linear=Gemm",
    lambda c, kind: None if c.both("weight")[0] is None else c.node(
        kind, *[c.value(name, c.dtype) for name in ("x", "weight", "bias")],
        axis=-np.size(c["normalized_shape"]), epsilon=c["eps"],
    ): "layer_norm=LayerNormalization",
    _of_classes: "cross_entropy=SoftmaxCrossEntropyLoss nll_loss=NegativeLogLikelihoodLoss",
    lambda c, kind: c.reshaped(c.value("x")): """reshape flatten=Reshape ravel=Reshape
        squeeze=Reshape expand_dims=Reshape""",
    lambda c, kind: c.node(kind, *c.values("operands")): "_and=And _not=Not _or=Or _xor=Xor",
    lambda c, kind: None if c["decimals"] else c.node(kind, c.value("x")): "round",
    lambda c, kind: c.node(kind, c.value("x"), c.number([y.shape for y in c.ys])):
        "broadcast_to=Expand",
    lambda c, kind: c.node(
        kind, c.value("x"), c.constant(int(c["k"])), upper=int(c.operation == "triu")
    ): "tril=Trilu triu=Trilu",
    lambda c, kind: None if c["axis"] is None else c.node(
        kind, *c.values("arrays", c.dtype), axis=c["axis"]
    ): "concatenate=Concat",
    lambda c, kind: c.node(
        kind, c.value("x"), c.number([np.transpose(a["width"]).ravel() for a in c.arguments]),
        c.constant(c["value"], c.dtype),
    ): "_pad=Pad",
    lambda c, kind: c.node(
        kind, *c.values("operands", c.dtype), equation=c["subscripts"].replace(" ", "")
    ): "einsum",
}  # fmt: skip

TABLE: dict[str, tuple[str, Rule]] = {
    ours: (theirs or ours.capitalize(), rule)
    for rule, names in _NAMES.items()
    for ours, _sign, theirs in (name.partition("=") for name in names.split())
}


# --- what is made of others of ours ----------------------------------------------------------


def _picked(x: Any, pick: Callable[..., Any], among: Iterable[Any]) -> Any:
    """What a function of NumPy, ``pick(places, n)``, makes along an axis, for each (n, axis)."""
    for n, axis in among:
        if axis is None:
            x = ops.take(ops.ravel(x), pick(np.arange(x.size).reshape(x.shape), n))
        else:
            x = ops.take(x, pick(np.arange(x.shape[axis]), n), axis)
    return x


def _tile(x: Any, reps: Any) -> Any:
    counts = np.atleast_1d(reps)
    x = ops.reshape(x, *[1] * (len(counts) - x.ndim), *x.shape)
    axes = enumerate(counts, x.ndim - len(counts))
    return _picked(x, np.tile, [(n, axis) for axis, n in axes if n != 1])


def _diag(x: Any, k: int = 0) -> Any:
    if x.ndim == 2:
        return _picked(x, np.diag, [(k, None)])
    padded = ops.concatenate([np.zeros(1, x.dtype), x])
    return ops.take(padded, np.diag(np.arange(1, len(padded)), k))


def _arctan2(y: Any, x: Any) -> Any:
    def negative(z: Any) -> Any:  # -0, too
        return (z < 0) | (1 / z < 0)

    high, wide = abs(y), abs(x)
    larger = ops.maximum(ops.maximum(high, wide), np.finfo(y.dtype).tiny)
    angle = ops.arctan(ops.minimum(high, wide) / larger)
    angle = where(high > wide, math.pi / 2 - angle, angle)
    angle = where(negative(x), math.pi - angle, angle)
    return where(negative(y), -angle, angle)


def _vector_norm(x: Any, axis: Any = None, keepdims: bool = False, ord: float = 2) -> Any:
    if abs(ord) == math.inf:
        return (ops.max if ord > 0 else ops.min)(abs(x), axis, keepdims=keepdims)
    if ord == 0:
        return (x != 0).astype(x.dtype).sum(axis, keepdims=keepdims)
    return (abs(x) ** ord).sum(axis, keepdims=keepdims) ** (1 / ord)


WRITTEN_OUT: dict[str, Callable[..., Any]] = {
    "all": lambda x, *args, **kwargs: ops.min(x.astype(bool).astype(int), *args, **kwargs) > 0,
    "any": lambda x, *args, **kwargs: ops.max(x.astype(bool).astype(int), *args, **kwargs) > 0,
    "arctan2": _arctan2,
    "batch_norm": EXPANSIONS["batch_norm"],  # with the statistics of the batch itself
    "clip": lambda x, low=None, high=None: ops.minimum(
        ops.maximum(x, -math.inf if low is None else low), math.inf if high is None else high
    ),
    "concatenate": lambda arrays, axis: ops.concatenate([ops.ravel(x) for x in arrays]),
    "diag": _diag,
    "embedding": lambda indices, weight: ops.take(weight, indices, 0),
    "exp2": lambda x: 2.0**x,
    "expm1": lambda x: ops.where(
        x < -1, ops.exp(x) - 1, 2 * ops.exp(x * 0.5) * ops.sinh(x * 0.5)
    ),
    "floor_divide": lambda a, b: ops.round((a - a % b) / b),
    "flip": lambda x, axis=None: x[tuple(
        slice(None, None, -1 if axis is None or i in np.atleast_1d(axis) % x.ndim else None)
        for i in range(x.ndim)
    )],
    "gelu": lambda x, approximate="none": x * 0.5 * (1 + (
        ops.erf(x * math.sqrt(0.5)) if approximate == "none"
        else ops.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x))
    )),
    "huber_loss": lambda x, y, reduction="mean", delta=1.0: reduced(
        ops.clip(x - y, -delta, delta) * (x - y - 0.5 * ops.clip(x - y, -delta, delta)), reduction
    ),
    "l1_loss": lambda x, y, reduction="mean": reduced(abs(x - y), reduction),
    "layer_norm": EXPANSIONS["layer_norm"],
    "linear": EXPANSIONS["linear"],
    "getitem": lambda x, index: _picked(x, lambda places, i: places[i], [(index, None)]),
    "log10": lambda x: ops.log(x) * (1 / math.log(10)),
    "log1p": lambda x: where(abs(x) < 1, 2 * ops.arctanh(x / (2 + x)), ops.log(1 + x)),
    "log2": lambda x: ops.log(x) * (1 / math.log(2)),
    "logaddexp": lambda a, b: ops.where(  # infinities that are equal have no difference
        a == b, a + math.log(2), ops.maximum(a, b) + ops.log1p(ops.exp(-abs(a - b)))
    ),
    "lstm": step_by_step,
    "mse_loss": EXPANSIONS["mse_loss"],
    "not_equal": lambda a, b: ~(a == b),
    "one_hot": lambda labels, n=-1: ops.take(
        np.eye(int(labels.data.max()) + 1 if n == -1 else n), labels, 0
    ),
    "prelu": lambda x, slope: where(
        x > 0, x, x * slope.reshape((-1, *[1] * (x.ndim - 2)) if slope.size > 1 else ())
    ),
    "repeat": lambda x, n, axis=None: _picked(x, np.repeat, [(n, axis)]),
    "roll": lambda x, n, axis=None: _picked(x, np.roll, np.broadcast(n, axis)),
    "round": lambda x, decimals: ops.round(x * 10.0**decimals) / 10.0**decimals,
    "silu": lambda x: x * ops.sigmoid(x),
    "softplus": lambda x, b=1.0: ops.relu(x) + ops.log1p(ops.exp(-abs(x * b))) / b,
    "square": lambda x: x * x,
    "stack": lambda arrays, axis=0: ops.concatenate(
        [ops.expand_dims(x, axis) for x in arrays], axis
    ),
    "std": lambda *args, **kwargs: ops.sqrt(ops.var(*args, **kwargs)),
    "step": lambda x: (x >= 0).astype(x.dtype),
    "tile": _tile,
    "var": lambda x, axis=None, keepdims=False, ddof=0, *, correction=None: (
        ((x - x.mean(axis, keepdims=True)) ** 2).sum(axis, keepdims=keepdims)
        / (x.size / x.mean(axis).size - (ddof if correction is None else correction))
    ),
    "vector_norm": _vector_norm,
}  # fmt: skip
