"""Optimizers: their steps are PyTorch's."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import tinygrad_fr as tg
from tinygrad_fr import optim

OPTIONS = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01}),
    ("Adam", {"lr": 0.05}),
    ("Adam", {"lr": 0.05, "betas": (0.5, 0.9), "eps": 1e-4, "weight_decay": 0.1}),
]
A = np.random.default_rng(0).standard_normal((3, 3))


def loss(w, sin):
    return (sin(w @ A) ** 2).sum()


@pytest.mark.parametrize(("name", "options"), OPTIONS)
def test_fifty_steps_are_pytorchs(name, options):
    torch = pytest.importorskip("torch")
    w = tg.Tensor(np.ones((2, 3)), requires_grad=True)
    v = torch.ones((2, 3), dtype=torch.float64, requires_grad=True)
    ours, theirs = getattr(optim, name)([w], **options), getattr(torch.optim, name)([v], **options)
    for _ in range(50):
        ours.zero_grad()
        loss(w, tg.sin).backward()
        ours.step()
        theirs.zero_grad()
        (torch.sin(v @ torch.from_numpy(A)) ** 2).sum().backward()
        theirs.step()
    np.testing.assert_allclose(w.data, v.detach().numpy(), rtol=1e-10)


@pytest.mark.parametrize(("name", "options"), OPTIONS)
def test_a_restored_optimizer_continues_as_if_never_stopped(name, options):
    def run(steps, w, optimizer):
        for _ in range(steps):
            optimizer.zero_grad()
            loss(w, tg.sin).backward()
            optimizer.step()

    w = tg.Tensor(np.ones((2, 3)), requires_grad=True)
    optimizer = getattr(optim, name)([w], **options)
    run(5, w, optimizer)
    state, value = optimizer.state_dict(), w.data.copy()
    run(5, w, optimizer)
    v = tg.Tensor(value, requires_grad=True)
    other = getattr(optim, name)([v], lr=9.0)
    other.load_state_dict(state)
    run(5, v, other)
    np.testing.assert_array_equal(v.data, w.data)


def test_groups_have_options_of_their_own():
    a, b = (tg.Tensor([1.0], requires_grad=True) for _ in range(2))
    optimizer = optim.SGD([{"params": [a]}, {"params": [b], "lr": 0.5}], lr=0.1)
    (a + b).sum().backward()
    optimizer.step()
    assert (a.item(), b.item()) == (0.9, 0.5)
    optimizer.lr = 0.2
    assert [group["lr"] for group in optimizer.param_groups] == [0.2, 0.2]


def test_parameters_without_a_gradient_stay():
    a = tg.Tensor([1.0], requires_grad=True)
    optim.Adam([a]).step()
    assert a.item() == 1.0


def test_cosine_schedule_is_pytorchs():
    torch = pytest.importorskip("torch")
    w, v = tg.Tensor([1.0], requires_grad=True), torch.ones(1, requires_grad=True)
    ours, theirs = optim.SGD([w], lr=0.3), torch.optim.SGD([v], lr=0.3)
    a = optim.CosineAnnealingLR(ours, T_max=50, eta_min=0.01)
    b = torch.optim.lr_scheduler.CosineAnnealingLR(theirs, T_max=50, eta_min=0.01)
    for _ in range(50):
        theirs.step()
        a.step()
        b.step()
        assert ours.lr == pytest.approx(theirs.param_groups[0]["lr"], rel=1e-10)


def test_copies_of_an_optimizer_keep_its_state():
    w = tg.Tensor(np.ones((2, 3)), requires_grad=True)
    optimizer = optim.SGD([w], lr=0.1, momentum=0.9)
    loss(w, tg.sin).backward()
    optimizer.step()
    for v, other in (
        copy.deepcopy((w, optimizer)),
        pickle.loads(pickle.dumps((w, optimizer))),
    ):
        assert other.param_groups[0]["params"][0] is v
        np.testing.assert_array_equal(
            other.state_dict()["0.momentum_buffer"], optimizer.state_dict()["0.momentum_buffer"]
        )


def test_frozen_parameters_are_left_alone():
    model = tg.nn.Sequential(tg.nn.Linear(2, 2), tg.nn.Linear(2, 1))
    model[0].weight.requires_grad = False
    before = model[0].weight.data.copy()
    optimizer = optim.Adam(model.parameters(), lr=0.1)
    model(np.ones((3, 2))).sum().backward()
    optimizer.step()
    np.testing.assert_array_equal(model[0].weight.data, before)


def test_options_are_checked_and_become_python_numbers():
    w = tg.Tensor(np.ones(2, np.float32), requires_grad=True)
    with pytest.raises(ValueError, match="no option learning_rate"):
        optim.SGD([{"params": w, "learning_rate": 9}])
    with pytest.raises(ValueError, match="momentum is a number that is not negative"):
        optim.SGD([w], momentum=-1)
    with pytest.raises(TypeError, match=r"pass model\.parameters"):
        optim.SGD(tg.nn.Linear(2, 1))
    optimizer = optim.SGD({"params": w}["params"], lr=np.float64(0.1), momentum=0.9)
    assert type(optimizer.lr) is float
    w.grad = np.ones(2)
    optimizer.step()
    assert optimizer.state_dict()["0.momentum_buffer"].dtype == np.float32
