"""Every registered operation, on the examples that it declares.

This is the first file to read after ``tinygrad_fr/ops/``: what holds here holds for all operations.
"""

from __future__ import annotations

import gc
import warnings

import numpy as np
import pytest

import tinygrad_fr as tg
from tinygrad_fr import verify
from tinygrad_fr.autograd.operation import registry
from tinygrad_fr.errors import GraphError

OPERATIONS = [o for o in registry.values() if o.body.__module__.startswith("tinygrad_fr")]
CASES = [
    pytest.param(operation, args, kwargs, id=f"{operation.name}-{i}")
    for operation in OPERATIONS
    for i, (args, kwargs) in enumerate(operation.samples(seed=1))
]
MASKS = {
    "_and",
    "_or",
    "_xor",
    "_left",
    "_right",
    "_not",
    "_alias",
}  # tested in test_selection and test_transforms


def split(args):
    """The positions of the floating arrays of a call, sequences laid out, and a way to refill."""
    flat, layout = [], []
    for x in args:
        if isinstance(x, list):
            layout.append(len(x))
            flat.extend(x)
        else:
            layout.append(None)
            flat.append(x)

    def refill(values):
        values = iter(values)
        return [next(values) if n is None else [next(values) for _ in range(n)] for n in layout]

    floating = [i for i, x in enumerate(flat) if isinstance(x, np.ndarray) and x.dtype.kind == "f"]
    return flat, floating, refill


def differentiable(operation, args, kwargs):
    """The floating arguments for which the operation has a closure."""
    _flat, floating, _ = split(args)
    if operation.composed:
        if operation.body.__annotations__.get(operation.parameter(0)) == "Sequence[Array]":
            return floating
        return [i for i in floating if operation.parameter(i) in operation.arrays]
    out = operation.body(*args, **kwargs)
    closures = out[1:] if isinstance(out, tuple) else ()
    return [i for i in floating if i < len(closures) and closures[i] is not None]


def call(operation, args, kwargs):
    """The operation as a function of its differentiable arguments, and these."""
    flat, _, refill = split(args)
    wanted = differentiable(operation, args, kwargs)

    def f(*xs):
        values = list(flat)
        for i, x in zip(wanted, xs, strict=True):
            values[i] = x
        y = operation.function(*refill(values), **kwargs)
        return y[-1] if isinstance(y, (list, tuple)) else y  # split and slogdet give several

    return f, [flat[i] for i in wanted]


def test_every_operation_declares_examples_and_a_formula():
    for operation in OPERATIONS:
        assert operation.latex
        if operation.name not in MASKS:
            assert operation.examples is not None, operation.name


@pytest.mark.parametrize(("operation", "args", "kwargs"), CASES)
def test_gradient_agrees_with_finite_differences(operation, args, kwargs):
    f, xs = call(operation, args, kwargs)
    if xs:
        report = verify.check(f, *xs)
        assert report, report


@pytest.mark.parametrize(("operation", "args", "kwargs"), CASES)
def test_second_order_gradient_agrees_with_finite_differences(operation, args, kwargs):
    f, xs = call(operation, args, kwargs)
    if xs:
        report = verify.check(f, *xs, order=2)
        assert report, report


@pytest.mark.parametrize(("operation", "args", "kwargs"), CASES)
def test_raw_pass_and_recorded_pass_give_the_same_gradient(operation, args, kwargs):
    f, xs = call(operation, args, kwargs)
    if not xs:
        return
    tensors = [tg.Tensor(x, requires_grad=True) for x in xs]
    y = f(*tensors)
    g = np.random.default_rng(3).standard_normal(y.shape)
    raw = tg.gradients(y, tensors, g, retain_graph=True)
    recorded = tg.gradients(y, tensors, g, create_graph=True)
    for x, a, b in zip(tensors, raw, recorded, strict=True):
        assert a.shape == b.shape == x.shape
        np.testing.assert_allclose(a.data, b.data, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("operation", "args", "kwargs"), CASES)
def test_given_plain_arrays_it_returns_a_plain_array(operation, args, kwargs):
    y = operation.function(*args, **kwargs)
    flat, _, refill = split(args)
    wrapped = [tg.Tensor(x) if isinstance(x, np.ndarray) else x for x in flat]
    tensors = operation.function(*refill(wrapped), **kwargs)
    several = isinstance(y, (list, tuple))
    for array, tensor in zip(y, tensors, strict=True) if several else [(y, tensors)]:
        assert isinstance(array, (np.ndarray, np.generic))
        assert isinstance(tensor, tg.Tensor)
        assert not tensor.requires_grad
        np.testing.assert_array_equal(tensor.data, array)


@pytest.mark.parametrize(("operation", "args", "kwargs"), CASES)
def test_forward_agrees_with_numpy(operation, args, kwargs):
    for function in operation.numpy:
        if operation.name in {"logsumexp", "clip"} or not callable(function):
            continue
        got = operation.function(*args, **kwargs)
        arguments = args
        if operation.name in {"reshape", "transpose"} and len(args) > 2:
            arguments = (args[0], args[1:])  # NumPy takes a tuple there
        expected = function(*arguments, **kwargs)
        several = isinstance(got, (list, tuple))
        for a, b in zip(got, expected, strict=True) if several else [(got, expected)]:
            np.testing.assert_allclose(a, b, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize(("operation", "args", "kwargs"), CASES)
def test_numpy_function_is_dispatched(operation, args, kwargs):
    _f, xs = call(operation, args, kwargs)
    if not operation.numpy or not xs or operation.name in {"logsumexp"}:
        return
    flat, _, refill = split(args)
    tensors = [
        tg.Tensor(x, requires_grad=True) if isinstance(x, np.ndarray) and x.dtype.kind == "f" else x
        for x in flat
    ]
    arguments = refill(tensors)
    if operation.name in {"reshape", "transpose"} and len(args) > 2:
        arguments = [arguments[0], tuple(arguments[1:])]
    if operation.name == "clip" and kwargs:  # np.clip wants both before NumPy 2.1
        arguments, kwargs = [*arguments, *kwargs.values(), None], {}
    y = operation.numpy[0](*arguments, **kwargs)
    y = y[-1] if isinstance(y, (list, tuple)) else y
    assert isinstance(y, tg.Tensor)
    assert y.requires_grad
    assert operation.composed or y._op.name == operation.name


@pytest.mark.parametrize(("operation", "args", "kwargs"), CASES)
def test_inputs_are_left_alone_and_nothing_is_aliased(operation, args, kwargs):
    f, xs = call(operation, args, kwargs)
    if not xs:
        return
    frozen = [x.copy() for x in xs]
    tensors = [tg.Tensor(x, requires_grad=True) for x in xs]
    y = f(*tensors)
    value = y.data.copy()
    g = np.random.default_rng(3).standard_normal(y.shape)
    g.flags.writeable = False
    y.backward(g, retain_graph=True)
    first = [None if x.grad is None else x.grad.data.copy() for x in tensors]
    memory = [x.grad.data for x in tensors if x.grad is not None]
    for i, a in enumerate(memory):
        assert not np.shares_memory(a, g)
        assert not any(np.shares_memory(a, b) for b in memory[i + 1 :])
        assert not any(np.shares_memory(a, x.data) for x in tensors)
    for x in tensors:  # writing into a gradient must not reach the graph
        if x.grad is not None and x.grad.size:
            x.grad.data[...] = 7.0
            x.grad = None
    y.backward(g)
    for x, before in zip(tensors, first, strict=True):
        if before is not None:
            np.testing.assert_array_equal(x.grad.data, before)
    np.testing.assert_array_equal(y.data, value)
    for x, before in zip(xs, frozen, strict=True):
        np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
@pytest.mark.parametrize(("operation", "args", "kwargs"), CASES)
def test_dtype_is_kept(operation, args, kwargs, dtype):
    if operation.name == "astype" or operation.name.startswith("_"):
        return
    if dtype == np.float16 and operation.room == "matrices":
        pytest.skip("NumPy's linear algebra has no float16")
    flat, _, refill = split(args)
    cast = [
        x.astype(dtype) if isinstance(x, np.ndarray) and x.dtype.kind == "f" else x for x in flat
    ]
    f, xs = call(operation, refill(cast), kwargs)
    if not xs:
        return
    tensors = [tg.Tensor(x, requires_grad=True) for x in xs]
    y = f(*tensors)
    assert y.dtype == dtype
    values = [getattr(x, "_array", x) for x in y._inputs]
    alike = all(getattr(x, "dtype", None) in (dtype, None) for x in values if x is not None)
    for closure in filter(None, y._closures if alike and operation.name != "power" else ()):
        assert closure(np.ones(y.shape, dtype), y._array, *values).dtype == dtype
    y.backward(np.ones(y.shape))
    for x in tensors:
        assert x.grad is None or x.grad.dtype == dtype


@pytest.mark.parametrize(("operation", "args", "kwargs"), CASES)
def test_memory_layout_does_not_matter(operation, args, kwargs):
    f, xs = call(operation, args, kwargs)
    if not xs:
        return

    def strided(x):
        wide = np.zeros(tuple(2 * n for n in x.shape), x.dtype)
        view = wide[(..., *(slice(None, None, 2) for _ in x.shape))]
        view[...] = x
        return view

    reference = [tg.Tensor(x, requires_grad=True) for x in xs]
    layouts = [
        strided,
        lambda x: np.array(x, order="F"),
        lambda x: x[::-1].copy()[::-1] if x.ndim else x,
    ]
    y = f(*reference)
    g = np.random.default_rng(3).standard_normal(y.shape)
    y.backward(g)
    for layout in layouts:
        tensors = [tg.Tensor(0.0, requires_grad=True) for x in xs]
        for tensor, x in zip(tensors, xs, strict=True):
            tensor._array = layout(x)  # past the constructor, which would copy
        z = f(*tensors)
        np.testing.assert_allclose(z.data, y.data, rtol=1e-12, atol=1e-14)
        z.backward(np.array(g, order="F"))
        for tensor, x in zip(tensors, reference, strict=True):
            if x.grad is not None:
                np.testing.assert_allclose(tensor.grad.data, x.grad.data, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(("operation", "args", "kwargs"), CASES)
def test_only_what_needs_a_gradient_gets_a_closure(operation, args, kwargs):
    f, xs = call(operation, args, kwargs)
    for alone in range(len(xs)):
        values = [tg.Tensor(x, requires_grad=i == alone) for i, x in enumerate(xs)]
        y = f(*values)
        assert operation.composed or sum(c is not None for c in y._closures) == 1
        y.backward(np.ones(y.shape))
        assert all((v.grad is None) == (i != alone) for i, v in enumerate(values))


@pytest.mark.parametrize(("operation", "args", "kwargs"), CASES)
def test_a_graph_is_freed_without_the_garbage_collector(operation, args, kwargs):
    f, xs = call(operation, args, kwargs)
    if not xs:
        return

    def run():
        y = f(*[tg.Tensor(x, requires_grad=True) for x in xs])
        y.backward(np.ones(y.shape))

    run()  # what is remembered between calls is there now
    gc.disable()
    gc.freeze()  # only what comes from now on is looked at: 100 times faster
    try:
        run()
        assert gc.collect() == 0
    finally:
        gc.unfreeze()
        gc.enable()


ELEMENTWISE = [
    o for o in OPERATIONS
    if o.room in {"arithmetic", "elementwise", "trigonometry", "activations"}
    and not o.name.startswith("_")
    and o.name not in {"sign", "round", "floor", "ceil", "floor_divide", "isnan", "divmod", "prelu"}
]  # fmt: skip


@pytest.mark.parametrize("operation", ELEMENTWISE, ids=lambda o: o.name)
def test_empty_arrays_pass(operation):
    n = min(len(operation.parameters) - len(operation.defaults), 2)
    xs = [tg.Tensor(np.empty((0, 3)), requires_grad=True) for _ in range(n)]
    y = operation.function(*xs)
    assert y.shape == (0, 3)
    y.sum().backward()
    assert all(x.grad.shape == (0, 3) for x in xs)


@pytest.mark.parametrize("name", ["divide", "log", "sqrt", "power"])
def test_zero_upstream_times_infinite_slope_is_zero(name):
    operation = registry[name]
    x = tg.Tensor([0.0, 1.0], requires_grad=True)
    arguments = {"divide": (1.0, x), "power": (x, 0.5)}.get(name, (x,))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        y = operation.function(*arguments)
        chosen = tg.where(x.data > 0, y, 0.0).sum()
        chosen.backward()
    assert x.grad.data[0] == 0.0
    assert np.isfinite(x.grad.data).all()


def gives_gradients(loss):
    """Go backward; False if the change in place is reported instead."""
    try:
        loss.backward()
    except GraphError as error:
        if "in place" not in str(error):
            raise
        return False
    return True


@pytest.mark.parametrize(("operation", "args", "kwargs"), CASES)
@pytest.mark.parametrize("recorded", [False, True], ids=["untracked", "tracked"])
def test_an_input_changed_in_place_is_noticed_or_does_no_harm(operation, args, kwargs, recorded):
    flat, floating, refill = split(args)
    wanted = differentiable(operation, args, kwargs) if recorded else floating
    for changed in wanted:
        tensors = {i: tg.Tensor(flat[i], requires_grad=recorded) for i in wanted}
        y = operation.function(*refill([tensors.get(i, x) for i, x in enumerate(flat)]), **kwargs)
        y = y[-1] if isinstance(y, (list, tuple)) else y
        if y.dtype.kind != "f":
            continue
        w, x, before = tg.Tensor(3.0, requires_grad=True), tensors[changed], y.data.copy()
        loss = (w * y).sum()
        right = tg.gradients(loss, x, retain_graph=True) if recorded and y.requires_grad else None
        with tg.no_grad():
            x += 10.0
        if gives_gradients(loss):
            np.testing.assert_allclose(w.grad.data, before.sum(), rtol=1e-9, atol=1e-9)
            if right is not None:
                np.testing.assert_allclose(x.grad.data, right.data, rtol=1e-9)


VIEWS = {
    "squeeze": lambda x: x.squeeze(), "x[...]": lambda x: x[...], "x[:]": lambda x: x[:],
    "x[0]": lambda x: x[0], "x[None]": lambda x: x[None], "x[::-1]": lambda x: x[::-1],
    "transpose": lambda x: x.T, "swapaxes": lambda x: x.swapaxes(0, 1),
    "moveaxis": lambda x: tg.moveaxis(x, 0, 1), "reshape": lambda x: x.reshape(-1),
    "ravel": lambda x: x.ravel(), "flatten": lambda x: x.flatten(), "diag": lambda x: tg.diag(x),
    "einsum turned": lambda x: tg.einsum("ij->ji", x),
    "einsum diagonal": lambda x: tg.einsum("ii->i", x),
    "einsum same": lambda x: tg.einsum("ij->ij", x), "np.einsum": lambda x: np.einsum("ij", x),
    "expand_dims": lambda x: tg.expand_dims(x, 0), "astype": lambda x: x.astype(float),
    "broadcast_to": lambda x: tg.broadcast_to(x, (3, 2, 2)),
    "broadcast_to its own shape": lambda x: tg.broadcast_to(x, (2, 2)),
    "split": lambda x: tg.split(x, 2)[1], "iteration": lambda x: next(iter(x)),
    "dropout of nothing": lambda x: tg.dropout(x, 0.0),
    "dropout when evaluated": lambda x: tg.dropout(x, 0.5, training=False),
    "pad by nothing": lambda x: tg.pad(x, 0), "clip without bounds": lambda x: tg.clip(x, 0, None),
    "identity": lambda x: tg.identity(x), "roll by nothing": lambda x: tg.roll(x, 0),
    "flip nothing": lambda x: tg.flip(x, ()), "repeat once": lambda x: tg.repeat(x, 1, 0),
    "tile once": lambda x: tg.tile(x, 1), "concatenate one": lambda x: tg.concatenate([x]),
    "stack one": lambda x: tg.stack([x]), "take": lambda x: tg.take(x, [0, 1], 0),
    "sum over nothing": lambda x: tg.sum(x, axis=()), "max over nothing": lambda x: x.max(()),
    "mean over nothing": lambda x: x.mean(()), "tril": lambda x: tg.tril(x, 5),
    "round": lambda x: tg.round(x, 3), "a view of a view": lambda x: x.T[0].reshape(1, 2),
    "detached": lambda x: x.detach(), "relu": lambda x: tg.relu(x), "abs": lambda x: abs(x),
    "a difference of nothing": lambda x: np.positive(x),
    "flip and squeeze": lambda x: tg.flip(x[None], 0).squeeze(0), "sort": lambda x: tg.sort(x),
    "linear algebra": lambda x: tg.dot(x, np.eye(2)), "outer": lambda x: tg.outer(x, [1.0]),
}  # fmt: skip


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
def test_views_are_known_however_they_are_made(view):
    x = tg.Tensor([[1.0, 2.0], [3.0, 4.0]])
    w = tg.Tensor(3.0, requires_grad=True)
    v = view(x)
    if not isinstance(v, tg.Tensor):
        pytest.skip("a plain array")
    before = v.data.copy()
    loss = (w * v).sum()
    x += 10
    if gives_gradients(loss):
        np.testing.assert_allclose(w.grad.data, before.sum())
