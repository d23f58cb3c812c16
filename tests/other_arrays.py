"""The whole registry on arrays of another library: for the tests on ducks, and for CuPy itself."""

from __future__ import annotations

import numpy as np

import tinygrad_fr as tg
from tinygrad_fr.autograd.operation import registry

from .ops.test_every_operation import differentiable, split

# What no other library is asked for, with the reason.
EXCEPTIONS: dict[str, str] = {}


def cases():
    """Each example call of each operation: a name, the operation, its arguments."""
    for operation in list(registry.values()):
        if operation.body.__module__.startswith("tinygrad_fr") and operation.name not in EXCEPTIONS:
            for i, (args, kwargs) in enumerate(operation.samples(seed=1)):
                yield f"{operation.name}-{i}", operation, args, kwargs


def converted(x, asarray):
    """Arguments, with their NumPy arrays turned into another library's."""
    if isinstance(x, (list, tuple)) and not hasattr(x, "_fields"):
        return type(x)(converted(part, asarray) for part in x)
    if isinstance(x, dict):
        return {name: converted(part, asarray) for name, part in x.items()}
    return asarray(x) if isinstance(x, np.ndarray) else x


def results(operation, args, kwargs, asarray):
    """What a call gives: values, gradients at order 1 (raw and recorded) and at order 2."""
    wanted = differentiable(operation, args, kwargs)
    flat, _, refill = split(list(converted(args, asarray)))
    kwargs = converted(kwargs, asarray)
    tensors = [tg.Tensor(flat[i], requires_grad=True) for i in wanted]
    values = list(flat)
    for i, x in zip(wanted, tensors, strict=True):
        values[i] = x
    plain = operation.function(*refill(flat), **kwargs)
    y = operation.function(*refill(values), **kwargs)
    found = {"plain": plain if isinstance(plain, (list, tuple)) else [plain]}
    found["value"] = list(y) if isinstance(y, (list, tuple)) else [y]
    y = found["value"][-1]
    if not tensors:
        return found
    draw = np.random.default_rng(3)
    g = asarray(draw.standard_normal(y.shape))
    found["raw"] = tg.gradients(y, tensors, g, retain_graph=True)
    found["recorded"] = tg.gradients(y, tensors, g, create_graph=True)
    y.backward(g, retain_graph=True)
    found["leaves"] = [x.grad for x in tensors]
    total = 0.0
    for d in found["recorded"]:
        if d is not None and d.requires_grad:
            total = total + (d * asarray(draw.standard_normal(d.shape))).sum()
    if isinstance(total, tg.Tensor):
        found["second"] = tg.gradients(total, tensors)
    return found


def compare(operation, args, kwargs, asarray, asnumpy, kind, tolerance=1e-12):
    """Raise where another library's arrays give other numbers than NumPy's, or other arrays."""
    right = results(operation, args, kwargs, np.asarray)
    got = results(operation, args, kwargs, asarray)
    assert got.keys() == right.keys()
    for name, expected in right.items():
        for a, b in zip(got[name], expected, strict=True):
            if b is None:
                assert a is None, name
                continue
            a, b = getattr(a, "_array", a), getattr(b, "_array", b)
            assert isinstance(a, kind), f"{name} is {type(a)}"
            assert a.dtype == b.dtype, name
            np.testing.assert_allclose(asnumpy(a), b, rtol=tolerance, atol=tolerance, err_msg=name)
