"""Where one number comes from."""

from __future__ import annotations

import contextlib
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
                with contextlib.suppress(GraphError):  # it does not depend on it
                    hold(tg.explain(x, next(iter(places(x))), gradient=True, of=total))


# --- what it says ----------------------------------------------------------------------------


@pytest.fixture
def layer():
    """The course's softmax layer on three examples."""
    rng = np.random.default_rng(0)
    x = tg.Tensor(rng.normal(size=(3, 4)), name="x")
    W = tg.Tensor(rng.normal(size=(4, 3)), requires_grad=True, name="W")
    b = tg.Tensor(rng.normal(size=3), requires_grad=True, name="b")
    z = (x @ W + b).named("z")
    p = tg.softmax(z, 1).named("p")
    loss = (-(np.eye(3)[[0, 2, 1]] * tg.log(p)).sum() / 3).named("L")
    return x, W, b, z, p, loss


def test_a_product_is_a_sum_over_k(layer):
    x, W, _b, z, _p, _loss = layer
    found = tg.explain(z._inputs[0], (0, 2))
    assert found.kind == "sum"
    assert "∑ₖ x[0, k] W[k, 2],  k = 0 … 3" in found.text
    assert found.parts[0].values == pytest.approx(x.data[0])
    assert found.parts[0].weights == pytest.approx(W.data[:, 2])
    assert r"\sum_{k} x[0, k] \, W[k, 2]" in found.latex


def test_a_gradient_adds_up_over_the_examples(layer):
    x, W, _b, _z, _p, loss = layer
    found = tg.explain(W, (0, 2), gradient=True)
    loss.backward(retain_graph=True)
    assert found.value == pytest.approx(float(W.grad.data[0, 2]))
    assert found.parts[0].weights == pytest.approx(x.data[:, 0])
    assert "sum: " in found.text


def test_of_a_softmax_the_powers_are_told(layer):
    *_others, p, _loss = layer
    found = tg.explain(p, (0, 1))
    assert found.kind == "function"
    assert "/(e^" in found.text
    row = np.diag(p.data[0]) - np.outer(p.data[0], p.data[0])
    assert found.parts[0].weights == pytest.approx(row[1])


def test_the_turned_kernel_gathers():
    rng = np.random.default_rng(0)
    x = tg.Tensor(rng.normal(size=(1, 1, 6, 6)), requires_grad=True, name="x")
    K = tg.Tensor(rng.normal(size=(1, 1, 3, 3)), requires_grad=True, name="K")
    loss = (tg.conv2d(x, K) ** 2).sum()
    found = tg.explain(x, (0, 0, 3, 3), gradient=True, of=loss)
    window = found.parts[0].weights.reshape(3, 3)
    assert window == pytest.approx(K.data[0, 0, ::-1, ::-1])


def test_a_maximum_names_its_winner():
    h = tg.Tensor([[[[1.0, 5.0], [2.0, 3.0]]]], requires_grad=True, name="h")
    found = tg.explain(tg.max_pool2d(h, 2), (0, 0, 0, 0))
    assert "h[0, 0, 0, 1] = 5" in found.text
    assert len(found.parts[0]) == 4
    assert found.check()


def test_a_fan_out_tells_each_use():
    x = tg.Tensor([2.0, 3.0], requires_grad=True, name="x")
    loss = (x * x + x.exp()).sum()
    found = tg.explain(x, 1, gradient=True, of=loss)
    assert len(found.parts) == 3
    assert found.value == pytest.approx(6 + np.exp(3))


def test_what_nothing_made_says_so():
    x = tg.Tensor([1.0], name="x")
    assert "no recorded operation" in tg.explain(x, 0).text
    assert tg.explain(x, 0).check()


@pytest.mark.parametrize("index", [(0,), (0, 3), (0, -4), slice(None), (True, 0), "0", (0.0, 1)])
def test_an_index_that_is_no_entry_is_refused(layer, index):
    with pytest.raises(IndexError, match="W"):
        tg.explain(layer[1], index)


def test_negative_indices_count_from_the_end(layer):
    assert tg.explain(layer[3], (-1, -1)).index == (2, 2)


def test_a_gradient_of_nothing_known_is_refused():
    def alone():
        w = tg.Tensor([1.0], requires_grad=True, name="w")
        return tg.explain(w, 0, gradient=True)

    with pytest.raises(GraphError, match="of=loss"):
        alone()


def test_a_wrong_sum_is_found(layer):
    import dataclasses

    found = tg.explain(layer[1], (0, 2), gradient=True, of=layer[-1])
    assert not dataclasses.replace(found, value=found.value * 1.01).check()
    assert not dataclasses.replace(found, parts=()).check()


def test_nothing_is_changed_by_looking():
    rng = np.random.default_rng(0)
    x = tg.Tensor(rng.normal(size=(4, 3)).astype(np.float32))
    norm = tg.nn.BatchNorm1d(3)
    y = norm(x)
    before = {name: np.array(value) for name, value in norm.state_dict().items()}
    tg.explain(y, (0, 1)).check()
    for name, value in norm.state_dict().items():
        np.testing.assert_array_equal(value, before[name])


def test_it_is_readable_without_styles_and_scripts(layer):
    html = tg.explain(layer[3]._inputs[0], (0, 2)).html
    assert "<style" not in html
    assert "style=" not in html
    assert "<script" not in html
