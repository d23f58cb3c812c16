"""Where one number comes from."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import tinygrad_fr as tg
from tinygrad_fr.autograd.operation import registry
from tinygrad_fr.errors import GraphError, TinygradError

OPERATIONS = [o for o in registry.values() if o.body.__module__.startswith("tinygrad_fr")]
CASES = [
    pytest.param(operation, args, kwargs, id=f"{operation.name}-{i}")
    for operation in OPERATIONS
    for i, (args, kwargs) in enumerate(operation.samples(seed=1))
]


def tracked(x):
    """Floating arrays as Tensors that require a gradient, in lists too."""
    if isinstance(x, (list, tuple)) and any(isinstance(y, np.ndarray) for y in x):
        return type(x)(map(tracked, x))
    floating = isinstance(x, np.ndarray) and x.dtype.kind == "f"
    return tg.Tensor(x, requires_grad=True) if floating else x


def computed(operation, args, kwargs):
    """The result with its graph; None where it has none."""
    try:
        y = operation.function(*map(tracked, args), **kwargs)
    except TinygradError:  # no gradient by this argument
        return None
    y = y[-1] if isinstance(y, (list, tuple)) else y
    has_graph = isinstance(y, tg.Tensor) and y.requires_grad and y._op is not None
    return y if has_graph and y.size else None


def places(x):
    """The first entry, the last, and one between."""
    return {np.unravel_index(n, x.shape) for n in (0, x.size // 2, x.size - 1)}


def hold(explanation):
    report = explanation.check()
    assert report, f"{explanation}\n{report}"
    assert "nan" in str(explanation) or explanation.latex
    assert explanation.html


@pytest.mark.parametrize(("operation", "args", "kwargs"), CASES)
def test_every_operation_tells_where_its_entries_come_from(operation, args, kwargs):
    y = computed(operation, args, kwargs)
    if y is None:
        pytest.skip("no gradient")
    for index in places(y):
        hold(tg.explain(y, index))
    weights = np.random.default_rng(0).uniform(0.5, 2, y.shape)
    loss = (y * weights).sum()
    for x in y._inputs:
        if isinstance(x, tg.Tensor) and x.requires_grad and x.size:
            for index in places(x):
                hold(tg.explain(x, index, gradient=True, of=loss))


@pytest.mark.parametrize(("operation", "args", "kwargs"), CASES)
def test_the_recorded_backward_pass_of_every_operation_does_too(operation, args, kwargs):
    y = computed(operation, args, kwargs)
    if y is None:
        pytest.skip("no gradient")
    weights = np.random.default_rng(0).uniform(0.5, 2, y.shape)
    inputs = [x for x in y._inputs if isinstance(x, tg.Tensor) and x.requires_grad]
    with warnings.catch_warnings(action="ignore"):
        slopes = tg.gradients((y * y * weights).sum(), inputs, create_graph=True)
    for slope in slopes:
        if slope is None or slope._op is None or not slope.size:
            continue
        for index in places(slope):
            hold(tg.explain(slope, index))
        total = (slope * slope).sum()
        for x in inputs:
            if x.size and total.requires_grad:
                try:
                    hold(tg.explain(x, next(iter(places(x))), gradient=True, of=total))
                except GraphError:
                    pass
