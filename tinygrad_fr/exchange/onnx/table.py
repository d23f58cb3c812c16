"""Which operation of ONNX an operation of ours is, and how its arguments are written there."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ...checks import pair
from .calls import Call, array

# Gives the name of the result; None where ONNX has not what the arguments ask for.
Rule = Callable[[Call, str], str | None]


def _elementwise(c: Call, kind: str) -> str:
    given = c.arguments[0]
    dtype = np.result_type(*map(array, given.values())) if c.dtype == bool else c.dtype
    return c.node(kind, *[c.value(name, bool if name == "condition" else dtype) for name in given])


def _mod(c: Call, kind: str) -> str:
    a, b = c.value("a", c.dtype), c.value("b", c.dtype)
    if c.dtype.kind != "f":
        return c.node(kind, a, b)
    y = c.node(kind, a, b, fmod=1)  # has the sign of a
    other_sign = c.node("Less", c.node("Mul", y, b), c.constant(0, c.dtype))
    return c.node("Where", other_sign, c.node("Add", y, b), y)


def _with_alpha(c: Call, kind: str) -> str:
    x, (name,) = c.value("x", c.dtype), [name for name in c.arguments[0] if name != "x"]
    return c.node(kind, x, alpha=c[name])


def _same(c: Call, _kind: str) -> str | None:
    drawn = c.operation == "dropout" and c["training"] and c["p"]
    return None if drawn else c.value("x", c.dtype)


def _reduction(c: Call, kind: str) -> str:
    axis, x = c["axis"], c.value("x", c.dtype)
    if axis == () or not c.both("x")[0].ndim:
        return x
    axes = None if axis is None else [int(a) for a in np.atleast_1d(axis)]
    options: dict[str, Any] = {"keepdims": int(c["keepdims"])}
    truth = c.operation in ("all", "any")
    inputs = [c.cast(x, np.int32) if truth else x]
    if axes and (kind == "ReduceSum" or c.file.opset >= 18):
        inputs.append(c.constant(axes))
    elif axes:
        options["axes"] = axes
    y = c.node(kind, *inputs, **options)
    return c.cast(y, bool) if truth else y


def _along_axis(c: Call, kind: str) -> str:
    x, axis = c.value("x", c.dtype if kind == "CumSum" else None), c["axis"]
    if axis is None:
        x, axis = c.node("Reshape", x, c.constant([-1])), 0
    if kind == "CumSum":
        return c.node(kind, x, c.constant(axis))
    if kind == "Gather":
        return c.node(kind, x, c.value("indices", np.int64), axis=axis)
    if kind == "TopK":
        return c.node(kind, x, c.sizes([[y.shape[axis]] for y in c.ys]), axis=axis, largest=0)
    return c.reshaped(c.node(kind, x, axis=axis))


def _transpose(c: Call, kind: str) -> str:
    # Axes that are numbered by their sizes: the shape of the result is the order.
    others = {name: c[name] for name in c.arguments[0] if name != "x"}
    numbered = np.empty(range(c.y.ndim))
    order = c.nodes[0]._op.function(numbered, *others.pop("axes", ()), **others).shape
    return c.node(kind, c.value("x"), **({"perm": order} if order else {}))


def _getitem(c: Call, kind: str) -> str | None:
    """Numbers, slices and new axes; or one array of positions beside slices."""
    shapes = [x.shape for x in c.both("x")]
    both = [_parts(a["index"], len(s)) for a, s in zip(c.arguments, shapes, strict=True)]
    arrays = [i for i, part in enumerate(both[0]) if not isinstance(part, (int, slice))]
    numbers = any(isinstance(part, int) for part in both[0])
    if arrays:
        places = array(both[0][arrays[0]])
        plain = places.dtype.kind in "iu" and len(shapes[0]) + places.ndim - 1 == c.y.ndim
        if len(arrays) > 1 or numbers or not plain:
            return None
    cuts = [
        [_cut(slice(None) if i in arrays else part, n)
         for i, (part, n) in enumerate(zip(parts, shape, strict=True))]
        for parts, shape in zip(both, shapes, strict=True)
    ]  # fmt: skip
    whole = [[(0, n, 1) for n in shape] for shape in shapes]
    axes = [i for i in range(len(shapes[0])) if any(a[i] != b[i] for a, b in zip(cuts, whole))]
    x = c.value("x")
    if axes:
        limits = [c.sizes([[cut[i][k] for i in axes] for cut in cuts]) for k in range(3)]
        x = c.node(kind, x, *limits[:2], c.constant(axes), limits[2])
    if arrays:
        positions = c.of([parts[arrays[0]] for parts in both], np.int64)
        return c.node("Gather", x, positions, axis=arrays[0])
    return c.reshaped(x) if numbers or len(shapes[0]) != c.y.ndim else x


def _parts(index: Any, ndim: int) -> list[Any]:
    """An index of each axis; new axes left out."""
    given = [part for part in (index if isinstance(index, tuple) else (index,)) if part is not None]
    parts = [np.asarray(part) if isinstance(part, list) else part for part in given]
    parts = [int(part) if isinstance(part, np.integer) else part for part in parts]
    dots = next((i for i, part in enumerate(parts) if part is ...), len(parts))
    rest = parts[dots + 1 :]
    return [*parts[:dots], *[slice(None)] * (ndim - dots - len(rest)), *rest]


def _cut(part: Any, n: int) -> tuple[int, int, int]:
    """From where, to where and in which steps; ONNX counts a negative end from behind."""
    part = part if isinstance(part, slice) else slice(part, part + 1 or None)
    start, end, step = part.indices(n)
    return start, end if end >= 0 else -(2**31), step


def _linear(c: Call, kind: str) -> str:
    x, weight, bias = (c.value(name, c.dtype) for name in ("x", "weight", "bias"))
    if c.both("x")[0].ndim == 2:
        return c.node(kind, x, weight, bias, transB=1)
    y = c.node("MatMul", x, c.node("Transpose", weight, perm=[1, 0]))
    return c.node("Add", y, bias) if bias else y


def _windows(c: Call, kind: str) -> str | None:
    """Convolutions and poolings, of several images or of one."""
    given = c.arguments[0]
    if given.get("divisor_override"):
        return None
    arrays = [c.value(name, c.dtype) for name in ("weight", "bias") if name in given]
    size = c.both("weight")[0].shape[2:] if arrays else pair(c["kernel_size"], "", 1)
    options: dict[str, Any] = {"kernel_shape": size}
    for name in ("stride", "dilation", "output_padding"):
        if name in given:
            theirs = name if name == "output_padding" else name + "s"
            options[theirs] = size if c[name] is None else pair(c[name], name, 0)
    padding = c["padding"]
    if isinstance(padding, str):
        spread = zip(size, options["dilations"], strict=True)
        padding = tuple((n - 1) * d // 2 if padding == "same" else 0 for n, d in spread)
    options["pads"] = pair(padding, "padding", 0) * 2
    for name in ("groups", "ceil_mode", "count_include_pad"):
        if name in given:
            options[name.removesuffix("s")] = int(c[name])
    x, images = c.value("x", c.dtype), c.both("x")
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


def _layer_norm(c: Call, kind: str) -> str:
    shape = np.atleast_1d(c["normalized_shape"])
    x, weight, bias = (c.value(name, c.dtype) for name in ("x", "weight", "bias"))
    weight = weight or c.constant(np.ones(shape), c.dtype)
    return c.node(kind, x, weight, bias, axis=-len(shape), epsilon=c["eps"])


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
    _elementwise: """abs add arccos=Acos arccosh=Acosh arcsin=Asin arcsinh=Asinh arctan=Atan
        arctanh=Atanh ceil copy=Identity cos cosh det divide=Div equal erf exp floor greater
        greater_equal=GreaterOrEqual identity isnan=IsNaN less less_equal=LessOrEqual log
        matmul=MatMul maximum=Max minimum=Min multiply=Mul negative=Neg power=Pow reciprocal relu
        sigmoid sign sin sinh sqrt subtract=Sub tan tanh where _alias=Identity""",
    _reduction: """sum=ReduceSum mean=ReduceMean max=ReduceMax min=ReduceMin prod=ReduceProd
        logsumexp=ReduceLogSumExp all=ReduceMin any=ReduceMax""",
    _along_axis: "argmax=ArgMax argmin=ArgMin cumsum=CumSum sort=TopK take=Gather",
    _transpose: "transpose swapaxes=Transpose moveaxis=Transpose",
    _windows: """conv2d=Conv conv_transpose2d=ConvTranspose max_pool2d=MaxPool
        avg_pool2d=AveragePool""",
    _mod: "mod",
    _with_alpha: "elu leaky_relu=LeakyRelu",
    _same: "astype=Cast dropout=Identity",
    _getitem: "getitem=Slice",
    _linear: "linear=Gemm",
    _batch_norm: "batch_norm=BatchNormalization",
    _layer_norm: "layer_norm=LayerNormalization",
    _of_classes: "cross_entropy=SoftmaxCrossEntropyLoss nll_loss=NegativeLogLikelihoodLoss",
    lambda c, kind: c.reshaped(c.value("x")): """reshape flatten=Reshape ravel=Reshape
        squeeze=Reshape expand_dims=Reshape""",
    lambda c, kind: c.node(kind, c.value("x", c.dtype), axis=c["axis"]): """softmax
        log_softmax=LogSoftmax""",
    lambda c, kind: c.node(kind, *c.values("operands")): "_and=And _not=Not _or=Or _xor=Xor",
    lambda c, kind: None if c["decimals"] else c.node(kind, c.value("x")): "round",
    lambda c, kind: c.node(kind, c.value("weight"), c.value("indices", np.int64)):
        "embedding=Gather",
    lambda c, kind: c.node(kind, c.value("x"), c.sizes([y.shape for y in c.ys])):
        "broadcast_to=Expand",
    lambda c, kind: c.node(
        kind, c.value("x"), c.constant(int(c["k"])), upper=int(c.operation == "triu")
    ): "tril=Trilu triu=Trilu",
    lambda c, kind: None if c["axis"] is None else c.node(
        kind, *c.values("arrays", c.dtype), axis=c["axis"]
    ): "concatenate=Concat",
    lambda c, kind: c.node(
        kind, c.value("x"), c.sizes([np.transpose(a["width"]).ravel() for a in c.arguments]),
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
