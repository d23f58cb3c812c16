"""Programs of n parts cost n: no test is timed, each counts what the passes do."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import tinygrad_fr as tg
from tinygrad_fr import nn, optim
from tinygrad_fr.autograd.engine import differentiated
from tinygrad_fr.kernels import scatter


def leaves(n, shape=(2,)):
    rng = np.random.default_rng(0)
    return [tg.Tensor(rng.normal(size=shape), requires_grad=True) for _ in range(n)]


def calls(program, *args):
    """How many functions a program calls, Python's own and those in C."""
    count = 0

    def note(_frame, event, _argument):
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(note)
    try:
        program(*args)
    finally:
        sys.setprofile(None)
    return count


def handed(y):
    """How many arguments the closures of a node are called with, all together, going backward."""
    count = 0

    def counted(closure):
        def call(*args):
            nonlocal count
            count += len(args)
            return closure(*args)

        return call

    y._closures = tuple(map(counted, y._closures))
    y.sum().backward()
    return count


JOINS = {
    "stack": tg.stack,
    "stack on axis 1": lambda xs: tg.stack(xs, axis=1),
    "concatenate": tg.concatenate,
    "concatenate flattened": lambda xs: tg.concatenate(xs, axis=None),
}


@pytest.mark.parametrize("name", JOINS)
def test_closures_of_joined_arrays_do_not_get_them_all(name):
    xs = leaves(50)
    assert handed(JOINS[name](xs)) == 100
    assert all(x.grad.tolist() == [1.0, 1.0] for x in xs)


def test_an_operation_of_a_users_own_may_leave_the_inputs_out_too():
    @tg.op(r"y = \sum_i x_i", method=False, needs_inputs=False)
    def added(xs):
        def to_x(g, y):
            return 2.0 * g

        return sum(xs), *[to_x for _ in xs]

    xs = leaves(3)
    assert handed(added(xs)) == 6
    assert xs[1].grad.tolist() == [2.0, 2.0]


@pytest.mark.parametrize("name", JOINS)
def test_joined_arrays_have_the_right_gradients_at_both_orders(name):
    torch = pytest.importorskip("torch")
    xs = leaves(4, (2, 3))
    there = [torch.tensor(x.data, requires_grad=True) for x in xs]
    theirs = {
        "stack": torch.stack,
        "stack on axis 1": lambda xs: torch.stack(xs, 1),
        "concatenate": torch.cat,
        "concatenate flattened": lambda xs: torch.cat([x.flatten() for x in xs]),
    }[name](there)
    weights = np.arange(1.0, 1.0 + theirs.numel()).reshape(theirs.shape)
    firsts = tg.gradients((JOINS[name](xs) ** 3 * weights).sum(), xs, create_graph=True)
    their_firsts = torch.autograd.grad(
        (theirs**3 * torch.tensor(weights)).sum(), there, create_graph=True
    )
    seconds = tg.gradients(sum((g * g).sum() for g in firsts), xs)
    their_seconds = torch.autograd.grad(sum((g * g).sum() for g in their_firsts), there)
    for ours, other in zip((*firsts, *seconds), (*their_firsts, *their_seconds), strict=True):
        np.testing.assert_allclose(ours.data, other.detach().numpy(), rtol=1e-12)


# --- indexing in a loop -----------------------------------------------------------------------

PICKS = {
    "x[i]": lambda x: [x[i] for i in range(len(x))],
    "for row in x": list,
    "x[:, j]": lambda x: [x[:, j] for j in range(x.shape[1])],
    "x[i - 1, [0, 0]]": lambda x: [x[i - 1, [0, 0]] for i in range(len(x))],
    "x[mask]": lambda x: [x[np.arange(len(x)) == i] for i in range(len(x))],
    "split": lambda x: tg.split(x, len(x)),
    "take": lambda x: [x.take([i, i], 0) for i in range(len(x))],
    "embedding": lambda x: [tg.embedding(np.array([i, i, 0]), x) for i in range(len(x))],
}


@pytest.mark.parametrize("of", ["a leaf", "a result"])
@pytest.mark.parametrize("name", PICKS)
def test_indexing_in_a_loop_writes_one_whole_array(name, of, monkeypatch):
    written = []
    plain = scatter.scatter
    monkeypatch.setattr(scatter, "scatter", lambda *a: written.append(a) or plain(*a))
    x = tg.Tensor(np.random.default_rng(0).normal(size=(6, 4)), requires_grad=True)
    parts = PICKS[name](x if of == "a leaf" else x * 1.0)
    loss = sum((part * part).sum() * (i + 1.0) for i, part in enumerate(parts))
    loss.backward()
    assert len(written) == 1
    weights = np.zeros(x.shape)
    for i, part in enumerate(PICKS[name](tg.Tensor(np.arange(24.0).reshape(6, 4)))):
        np.add.at(weights.reshape(-1), part.data.astype(int).ravel(), i + 1.0)
    np.testing.assert_allclose(x.grad.data, 2 * x.data * weights, rtol=1e-12)


def test_the_gradient_of_a_part_meets_those_of_the_whole_in_any_order():
    x = tg.Tensor(np.arange(3.0), requires_grad=True)
    for loss in (
        lambda: x.sum() + x[0] + x[1:].sum(),
        lambda: x[0] + x.sum() + x[1:].sum(),
        lambda: x[0] + x[1:].sum() + x.sum(),
        lambda: x[[0, 0]].sum() + (x * [0.0, 2.0, 2.0]).sum(),
    ):
        x.grad = None
        loss().backward()
        assert x.grad.tolist() == [2.0, 2.0, 2.0]


def test_gradients_of_parts_keep_their_dtype_and_are_nobody_elses():
    x = tg.Tensor(np.ones(4, np.float32), requires_grad=True)
    h = x * 2.0
    loss = h[0] + h[1] * np.float64(3) + h[0]
    (g,) = tg.gradients(loss, [h], retain_graph=True)
    loss.backward(retain_grads=True)
    assert g.dtype == h.grad.dtype == x.grad.dtype == np.float32
    assert g.tolist() == h.grad.tolist() == [2.0, 3.0, 0.0, 0.0]
    assert x.grad.tolist() == [4.0, 6.0, 0.0, 0.0]
    for a, b in ((g, h.grad), (h.grad, x.grad)):
        assert not np.shares_memory(a.data, b.data)


def test_a_number_indexed_by_nothing_keeps_its_gradient():
    x = tg.Tensor(2.0, requires_grad=True)
    (x[()] + x[()] * x[None].sum() + x[...]).backward()
    assert x.grad.tolist() == 6.0


def test_the_same_input_asked_for_twice_gets_two_arrays():
    x = tg.Tensor([1.0, 2.0], requires_grad=True)
    a, b = tg.gradients((x * x).sum(), [x, x])
    assert a.tolist() == b.tolist() == [2.0, 4.0]
    assert not np.shares_memory(a.data, b.data)


# --- whole programs ---------------------------------------------------------------------------


def _joined(n):
    xs = leaves(n)
    tg.stack(xs).sum().backward()
    tg.concatenate([x[0].reshape(1) for x in xs]).sum().backward(retain_grads=True)


def _second_order(n):
    xs = leaves(n)
    firsts = tg.gradients((tg.stack(xs) ** 3).sum(), xs, create_graph=True)
    tg.gradients(tg.stack(firsts).sum(), xs)


def _many_parameters(n):
    model = nn.Sequential(*[nn.Linear(1, 1) for _ in range(n // 10)])
    model(np.ones((1, 1), np.float32)).sum().backward()
    optim.clip_grad_norm(model.parameters(), 1.0)
    for optimizer in (optim.SGD(model.parameters(), 0.1), optim.Adam(model.parameters(), 0.1)):
        optimizer.step()
        optimizer.load_state_dict(optimizer.state_dict())
    model.load_state_dict(model.state_dict())
    assert len(dict(model.named_parameters())) == 2 * (n // 10)


def _used_often(n):
    x = tg.Tensor(np.ones(n), requires_grad=True)
    sum(x[i] for i in range(n)).backward()
    y = tg.Tensor(1.0, requires_grad=True)
    tg.stack([y] * n).sum().backward()
    assert len(differentiated(tg.stack([y] * n))) == n


@pytest.mark.parametrize(
    "program", [_joined, _second_order, _many_parameters, _used_often], ids=lambda f: f.__name__
)
def test_twice_the_parts_are_twice_the_calls(program):
    program(20)
    assert calls(program, 400) < 2.3 * calls(program, 200)
