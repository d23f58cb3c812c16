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


# --- hard cases ------------------------------------------------------------------------------


def test_checking_leaves_running_statistics_alone():
    norm = tg.nn.BatchNorm1d(3)
    y = norm(tg.Tensor(np.random.default_rng(0).normal(size=(4, 3)), requires_grad=True))
    before = norm.running_mean.copy()
    assert tg.explain(y, (0, 1)).check()
    np.testing.assert_array_equal(norm.running_mean, before)


@pytest.mark.parametrize("make", [
    lambda x: x + np.array([-np.inf, 0.0]), lambda x: (x * 0.0).log(), lambda x: 1.0 / (x * 0.0),
    lambda x: tg.where(np.array([False, True]), x, -np.inf), lambda x: (x * 1e200) * (x * 1e200),
    lambda x: tg.softmax(x * 800.0), lambda x: tg.log_softmax(x - np.array([np.inf, 0.0])),
    lambda x: tg.minimum(x, np.inf),
])  # fmt: skip
def test_infinities_are_no_rounding(make):
    x = tg.Tensor([1.0, 2.0], requires_grad=True, name="x")
    with np.errstate(all="ignore"):
        y = make(x)
        for index in (0, 1):
            found = tg.explain(y, index)
            assert found.check(), f"{found}\n{found.check()}"
            total = sum(part.products.sum() for part in found.parts)
            assert found.kind != "sum" or total == y.data[index] or np.isclose(total, y.data[index])


def test_all_of_a_softmax_row_is_told_where_it_underflows():
    p = tg.softmax(tg.Tensor([800.0, 0.0, 1.0], requires_grad=True, name="x"))
    assert len(tg.explain(p, 1).parts[0]) == 3


@pytest.mark.parametrize("make", [
    lambda: tg.Tensor([1.0], requires_grad=True).exp(),
    lambda: tg.Tensor([0.0, 1.0], requires_grad=True) ** 2,
    lambda: tg.Tensor(np.float32([0.01]), requires_grad=True).tanh(),
    lambda: tg.Tensor([0.0], requires_grad=True).sqrt(),
])  # fmt: skip
def test_what_is_a_sum_by_accident_only_is_a_function(make):
    with np.errstate(all="ignore"):
        assert tg.explain(make(), 0).kind == "function"


@pytest.mark.parametrize(("make", "entries"), [
    (lambda x: x.prod(), 3), (lambda x: tg.norm(x * 0.0), 3), (lambda x: (x * 0.0).var(), 3),
])  # fmt: skip
def test_entries_without_a_slope_are_told_all_the_same(make, entries):
    x = tg.Tensor([0.0, 0.0, 1.0], requires_grad=True, name="x")
    assert sum(map(len, tg.explain(make(x), ()).parts)) == entries


def test_a_value_whose_weights_have_changed_is_not_explained():
    x = tg.Tensor(np.array([[1.0, 2.0]]))
    W = tg.Tensor(np.array([[1.0], [2.0]]), requires_grad=True)
    z = x @ W
    loss = (z * z).sum()
    loss.backward(retain_graph=True)
    tg.optim.SGD([W], lr=0.1).step()
    with pytest.raises(GraphError):
        tg.explain(z, (0, 0))


def test_a_check_looks_at_what_was_recorded(layer):
    from dataclasses import replace

    _x, W, _b, z, p, loss = layer
    product, softmax = tg.explain(z._inputs[0], (0, 2)), tg.explain(p, (0, 1))
    gradient = tg.explain(W, (0, 2), gradient=True, of=loss)
    for found in (product, softmax, gradient):
        assert found.check()
        assert not replace(found, value=123.0).check()
        assert not replace(found, kind="given").check()
        part = found.parts[0]
        moved = replace(part, values=part.values + 1)
        assert not replace(found, parts=(moved, *found.parts[1:])).check()
    assert not replace(softmax, parts=()).check()
    assert str(replace(softmax, parts=()))
    one = softmax.parts[0]
    few = replace(one, indices=one.indices[:1], values=one.values[:1], weights=one.weights[:1])
    assert not replace(softmax, parts=(few,)).check()


def test_closures_that_take_arrays_only_are_explained_too():
    @tg.op("y = 2 x", method=False)
    def doubled(x):
        def to_x(g, y, x):
            out = np.zeros_like(g)
            out[:] = 2 * g
            return out

        return 2 * x, to_x

    x = tg.Tensor([1.0, 2.0], requires_grad=True, name="x")
    loss = doubled(x).sum()
    assert tg.explain(x, 1, gradient=True, of=loss).value == 2
    assert tg.replay(loss).html


def test_of_is_a_tensor(layer):
    from tinygrad_fr.errors import DTypeError

    with pytest.raises(DTypeError):
        tg.explain(layer[1], (0, 0), gradient=True, of=5)


def test_a_loss_in_a_dict_is_found():
    x = tg.Tensor([1.0, 2.0], requires_grad=True, name="x")
    losses = {"first": (x * x).sum()}
    assert tg.explain(x, 1, gradient=True).value == 4
    del losses
