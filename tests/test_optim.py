"""Optimizers: their steps are PyTorch's."""

from __future__ import annotations

import copy
import json
import math
import pickle

import numpy as np
import pytest

import tinygrad_fr as tg
from tinygrad_fr import optim
from tinygrad_fr.errors import ArgumentError

OPTIONS = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9}),
    ("SGD", {"lr": 0.01, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.5}),
    ("Adam", {"lr": 0.05, "amsgrad": True}),
    ("AdamW", {"lr": 0.05}),
    ("AdamW", {"lr": 0.05, "weight_decay": 0.3, "amsgrad": True}),
    ("RMSprop", {"lr": 0.01}),
    ("RMSprop", {"lr": 0.01, "momentum": 0.9, "weight_decay": 0.1}),
    ("RMSprop", {"lr": 0.01, "alpha": 0.9, "eps": 1e-4, "centered": True}),
    ("Adagrad", {"lr": 0.1}),
    (
        "Adagrad",
        {"lr": 0.1, "lr_decay": 0.1, "weight_decay": 0.1, "initial_accumulator_value": 1.0},
    ),
    ("Adam", {"lr": 0.05}),
    ("Adam", {"lr": 0.05, "betas": (0.5, 0.9), "eps": 1e-4, "weight_decay": 0.1}),
]  # fmt: skip
A = np.random.default_rng(0).standard_normal((3, 3))


def loss(w, sin):
    return (sin(w @ A) ** 2).sum()


@pytest.mark.parametrize(("dtype", "rtol"), [(np.float64, 1e-10), (np.float32, 1e-5)])
@pytest.mark.parametrize(("name", "options"), OPTIONS)
def test_fifty_steps_are_pytorchs(name, options, dtype, rtol):
    torch = pytest.importorskip("torch")
    start = [np.ones((2, 3), dtype), np.array(0.5, dtype), np.ones(3, dtype)]
    w, u, unused = (tg.Tensor(x, requires_grad=True) for x in start)
    v, s, idle = (torch.from_numpy(np.asarray(x)).clone().requires_grad_() for x in start)
    ours = getattr(optim, name)([w, u, unused], **options)
    theirs = getattr(torch.optim, name)([v, s, idle], **options)
    matrix = A.astype(dtype)
    for _ in range(50):
        ours.zero_grad()
        ((tg.sin(w @ matrix) ** 2).sum() * u + u * u).backward()
        ours.step()
        theirs.zero_grad()
        ((torch.sin(v @ torch.from_numpy(matrix)) ** 2).sum() * s + s * s).backward()
        theirs.step()
        assert w.dtype == dtype
        for x, y in zip((w, u, unused), (v, s, idle), strict=True):
            np.testing.assert_allclose(x.data, y.detach().numpy(), rtol=rtol, atol=rtol)


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


SCHEDULES = [
    ("CosineAnnealingLR", {"T_max": 50, "eta_min": 0.01}),
    ("StepLR", {"step_size": 7}),
    ("StepLR", {"step_size": 1, "gamma": 0.9}),
    ("LambdaLR", {"lr_lambda": lambda step: 0.95**step}),
    ("LambdaLR", {"lr_lambda": [lambda step: 1 / (1 + step), lambda step: step % 3]}),
    ("LinearLR", {}), ("LinearLR", {"start_factor": 0.9, "end_factor": 0.0, "total_iters": 30}),
    ("warm_up", {}), ("three", {}), ("chained", {}), ("nested", {}),
    ("OneCycleLR", {"max_lr": 0.5, "total_steps": 60}),
    ("OneCycleLR", {"max_lr": 0.5, "epochs": 5, "steps_per_epoch": 11, "pct_start": 0.2}),
    ("OneCycleLR", {"max_lr": [0.5, 0.1], "total_steps": 60, "anneal_strategy": "linear"}),
    ("OneCycleLR", {"max_lr": 0.5, "total_steps": 55, "three_phase": True, "div_factor": 10.0}),
    ("OneCycleLR", {"max_lr": 0.5, "total_steps": 55, "final_div_factor": 10.0,
                    "base_momentum": 0.5, "max_momentum": 0.7}),
    ("OneCycleLR", {"max_lr": 0.5, "total_steps": 50, "cycle_momentum": False}),
]  # fmt: skip


def schedule_of(room, name, optimizer, options):
    """A schedule of ours or of PyTorch's, by its name, or some of them together."""

    def of(name, *args):
        return getattr(room, name)(optimizer, *args)

    if name == "warm_up":
        parts = [of("LinearLR", 0.1, 1.0, 5), of("CosineAnnealingLR", 45, 0.01)]
        return of("SequentialLR", parts, [5])
    if name == "three":
        parts = [of("StepLR", 2), of("LinearLR", 0.5), of("LambdaLR", lambda step: 0.9**step)]
        return of("SequentialLR", parts, [6, 20])
    if name in ("chained", "nested"):
        parts = [of("LinearLR", 0.2), of("StepLR", 7, 0.5), of("CosineAnnealingLR", 60)]
        chain = room.ChainedScheduler(parts)
        if name == "chained" or room is not optim:
            return chain
        return of("SequentialLR", [chain, of("StepLR", 1)], [60])
    return getattr(room, name)(optimizer, **options)


@pytest.mark.filterwarnings("ignore:The epoch parameter")  # PyTorch's own, at a milestone
@pytest.mark.parametrize("optimizer", ["SGD", "AdamW"])
@pytest.mark.parametrize(("name", "options"), SCHEDULES)
def test_schedules_are_pytorchs(name, options, optimizer):
    torch = pytest.importorskip("torch")
    extra = {"momentum": 0.9} if optimizer == "SGD" else {}
    w, u = (tg.Tensor([1.0], requires_grad=True) for _ in range(2))
    v, s = (torch.ones(1, requires_grad=True) for _ in range(2))
    groups = [{"params": [w]}, {"params": [u], "lr": 0.02}]
    ours = getattr(optim, optimizer)(groups, lr=0.3, **extra)
    groups = [{"params": [v]}, {"params": [s], "lr": 0.02}]
    theirs = getattr(torch.optim, optimizer)(groups, lr=0.3, **extra)
    a = schedule_of(optim, name, ours, options)
    b = schedule_of(torch.optim.lr_scheduler, name, theirs, options)
    for _ in range(50):
        assert a.get_last_lr() == pytest.approx(b.get_last_lr(), rel=1e-10)
        for x, y in zip(ours.param_groups, theirs.param_groups, strict=True):
            for key in {"lr", "momentum", "betas"} & x.keys():
                assert x[key] == pytest.approx(y[key], rel=1e-10)
        theirs.step()
        a.step()
        b.step()


@pytest.mark.parametrize(("name", "options"), SCHEDULES)
def test_a_restored_schedule_continues_as_if_never_stopped(name, options):
    def made():
        groups = [{"params": [tg.Tensor([1.0], requires_grad=True)]} for _ in range(2)]
        optimizer = optim.SGD(groups, lr=0.3, momentum=0.9)
        return optimizer, schedule_of(optim, name, optimizer, options)

    (first, schedule), (second, restored) = made(), made()
    for _ in range(20):
        schedule.step()
    restored.load_state_dict(json.loads(json.dumps(schedule.state_dict())))
    second.load_state_dict(first.state_dict())
    for _ in range(20):
        schedule.step()
        restored.step()
        for x, y in zip(first.param_groups, second.param_groups, strict=True):
            assert (x["lr"], x["momentum"]) == (y["lr"], y["momentum"])


PLATEAUS = [
    {}, {"patience": 0, "factor": 0.5}, {"mode": "max", "patience": 1, "cooldown": 3},
    {"patience": 2, "threshold": 0.3, "threshold_mode": "abs", "min_lr": [0.01, 0.02]},
    {"mode": "max", "threshold": 0.2, "threshold_mode": "abs", "patience": 3, "eps": 1e-3},
]  # fmt: skip


@pytest.mark.parametrize("options", PLATEAUS)
def test_plateaus_are_pytorchs_and_are_restored(options):
    torch = pytest.importorskip("torch")
    groups = [{"params": [tg.Tensor([1.0], requires_grad=True)], "lr": lr} for lr in (0.3, 0.05)]
    ours = optim.SGD(groups, lr=0.3)
    theirs = torch.optim.SGD(
        [{"params": [torch.ones(1, requires_grad=True)], "lr": lr} for lr in (0.3, 0.05)], lr=0.3
    )
    a = optim.ReduceLROnPlateau(ours, **options)
    b = torch.optim.lr_scheduler.ReduceLROnPlateau(theirs, **options)
    measures = np.exp(-np.arange(60) / 9).clip(0.2) + np.random.default_rng(0).random(60) / 9
    measures[[13, 29]] = np.nan, -0.5
    for measure in measures:
        a.step(measure)
        b.step(measure)
        assert a.get_last_lr() == pytest.approx(b.get_last_lr(), rel=1e-12)
        restored = optim.ReduceLROnPlateau(ours, **options)
        restored.load_state_dict(json.loads(json.dumps(a.state_dict())))
        a = restored
    assert a.get_last_lr() != [0.3, 0.05]


def test_a_schedule_made_after_a_warm_up_starts_from_the_first_rates():
    optimizer = optim.SGD([tg.Tensor([1.0], requires_grad=True)], lr=1.0)
    warm_up = optim.LinearLR(optimizer, 0.1, total_iters=2)
    decay = optim.StepLR(optimizer, 1)  # which sees a rate of 0.1
    schedule = optim.SequentialLR(optimizer, [warm_up, decay], [2])
    for _ in range(2):
        schedule.step()
    assert optimizer.lr == 1.0


def drawn(rng, room, optimizer, depth=0):
    """A random schedule of a library; the same for both from equal generators."""

    def of(name, *args):
        return getattr(room, name)(optimizer, *args)

    kind = rng.integers(5 if depth < 2 else 4)
    if kind == 0:
        return of("StepLR", int(rng.integers(1, 6)), float(rng.choice([0.5, 0.9, 2.0])))
    if kind == 1:
        return of("LinearLR", float(rng.choice([0.1, 0.5, 1.0])), float(rng.choice([0.3, 1.0])),
                  int(rng.integers(1, 8)))  # fmt: skip
    if kind == 2:
        return of("CosineAnnealingLR", int(rng.integers(2, 12)), float(rng.choice([0.0, 0.01])))
    if kind == 3:
        factor = float(rng.choice([0.9, 1.1]))
        return of("LambdaLR", lambda step: factor**step)
    # A ChainedScheduler within a SequentialLR makes no sense in PyTorch: it cannot be begun again.
    n = int(rng.integers(2, 4))
    parts = [drawn(rng, room, optimizer, 2) for _ in range(n)]
    ends = np.cumsum(rng.integers(1, 8, n - 1)).tolist()
    return of("SequentialLR", parts, ends)


@pytest.mark.filterwarnings("ignore:The epoch parameter")
@pytest.mark.parametrize("seed", range(150))
def test_schedules_together_are_pytorchs(seed):
    torch = pytest.importorskip("torch")
    runs = []
    for room, w in (optim, tg.Tensor([1.0])), (torch.optim.lr_scheduler, torch.ones(1)):
        rng = np.random.default_rng(seed)
        w.requires_grad = True
        optimizer = (optim if room is optim else torch.optim).SGD([w], lr=0.3)
        schedules = [drawn(rng, room, optimizer) for _ in range(rng.integers(1, 4))]
        if seed % 3 == 0:
            schedules = [room.ChainedScheduler(schedules)]
        rates = []
        optimizer.step()
        for step in range(30):
            rates.append(optimizer.param_groups[0]["lr"])
            if seed % 5 == 0 and step == 12:
                optimizer.param_groups[0]["lr"] = 0.07  # by hand
            for schedule in schedules:
                schedule.step()
        runs.append(rates)
    np.testing.assert_allclose(*runs, rtol=1e-12, atol=1e-17)


@pytest.mark.parametrize("seed", range(30))
def test_schedules_together_are_restored(seed):
    def made():
        rng = np.random.default_rng(seed)
        optimizer = optim.SGD([tg.Tensor([1.0], requires_grad=True)], lr=0.3)
        parts = [drawn(rng, optim, optimizer) for _ in range(3)]
        chain = optim.ChainedScheduler(parts[:2])
        return optimizer, optim.SequentialLR(optimizer, [chain, parts[2]], [20])

    (first, schedule), (second, restored) = made(), made()
    for step in range(40):
        if step == 5 + seed:
            restored.load_state_dict(json.loads(json.dumps(schedule.state_dict())))
            second.load_state_dict(first.state_dict())
        schedule.step()
        if step >= 5 + seed:
            restored.step()
            assert second.lr == first.lr


def test_schedules_one_after_the_other_multiply_and_respect_what_is_set_by_hand():
    optimizer = optim.SGD([tg.Tensor([1.0], requires_grad=True)], lr=1.0)
    both = [optim.LinearLR(optimizer, 0.5, total_iters=2), optim.StepLR(optimizer, 2, 0.1)]
    rates = []
    for _ in range(3):
        for schedule in both:
            schedule.step()
        rates.append(optimizer.lr)
    assert rates == pytest.approx([0.75, 0.1, 0.1])
    optimizer.lr = 7.0
    both[1].step()
    assert optimizer.lr == pytest.approx(0.7)


def test_a_chain_in_a_sequence_begins_from_the_first_rates():
    optimizer = optim.SGD([tg.Tensor([1.0], requires_grad=True)], lr=1.0)
    warm_up = optim.LinearLR(optimizer, 0.1, total_iters=2)
    chain = optim.ChainedScheduler(
        [optim.StepLR(optimizer, 1, 0.5), optim.LinearLR(optimizer, 0.5, total_iters=2)]
    )
    schedule = optim.SequentialLR(optimizer, [warm_up, chain], [2])
    rates = [optimizer.lr]
    for _ in range(4):
        schedule.step()
        rates.append(optimizer.lr)
    assert rates == pytest.approx([0.1, 0.55, 0.5, 0.375, 0.25])


def test_schedules_that_make_no_sense_are_refused():
    optimizer, other = (optim.SGD([tg.Tensor([1.0], requires_grad=True)], lr=1) for _ in range(2))
    a, b = optim.StepLR(optimizer, 1), optim.StepLR(other, 1)
    for make, words in [
        (lambda: optim.SequentialLR(optimizer, [a, a], [3, 4]), "2 schedules need 1 milestones"),
        (lambda: optim.SequentialLR(optimizer, [a, a, a], [3, 3]), "rising"),
        (lambda: optim.SequentialLR(optimizer, [a, b], [3]), "the same optimizer"),
        (lambda: optim.ChainedScheduler([]), "no schedule"),
        (lambda: optim.ChainedScheduler([a, optim.ReduceLROnPlateau(optimizer)]), "cannot be part"),
        (lambda: optim.LambdaLR(optimizer, [min, max]), "for each of the 1 groups"),
        (lambda: optim.LambdaLR(optimizer, 0.5), "a function of the step"),
        (lambda: optim.SequentialLR(optimizer, [a, a], [2.5]), r"milestones\[0\] is an integer"),
        (lambda: optim.SequentialLR(optimizer, optim.StepLR, []), "a list of schedules"),
        (lambda: optim.SequentialLR(optimizer, [a, a], None), r"milestones\[0\] is an integer"),
        (lambda: optim.SequentialLR(optimizer, [], []), "no schedule"),
        (lambda: optim.ChainedScheduler(a), "a list of schedules"),
        (lambda: optim.ChainedScheduler(optim.StepLR), "a list of schedules"),
        (lambda: optim.ChainedScheduler([1]), "1 cannot be part"),
        (lambda: optim.LambdaLR(optimizer, lambda step: None), r"lr_lambda\(0\) is a number"),
        (lambda: optim.LambdaLR(optimizer, lambda step: np.nan), r"lr_lambda\(0\) is a number"),
        (lambda: optim.LinearLR(optimizer, 0.0), "start_factor is above 0"),
        (lambda: optim.LinearLR(optimizer, 1.5), "between 0 and 1"),
        (lambda: optim.ReduceLROnPlateau(optimizer, factor=1.0), "factor is below 1"),
        (lambda: optim.ReduceLROnPlateau(optimizer, "lowest"), "mode is one of min, max"),
        (lambda: optim.ReduceLROnPlateau(optimizer, min_lr=[0, 0]), "min_lr has 2 rates for 1"),
    ]:
        with pytest.raises((ValueError, TypeError), match=words):
            make()


def test_the_state_of_other_schedules_is_refused():
    optimizer = optim.SGD([tg.Tensor([1.0], requires_grad=True)], lr=1.0)

    def chain(*parts):
        return optim.ChainedScheduler([part(optimizer, 3) for part in parts])

    state = json.loads(json.dumps(chain(optim.StepLR, optim.CosineAnnealingLR).state_dict()))
    for other in chain(optim.StepLR), chain(optim.StepLR, optim.StepLR), optim.StepLR(optimizer, 3):
        other.step()
        before = other.state_dict()
        with pytest.raises(ArgumentError, match="of another schedule"):
            other.load_state_dict(state)
        assert other.state_dict() == before


def test_an_exhausted_cycle_says_so():
    optimizer = optim.AdamW([tg.Tensor([1.0], requires_grad=True)])
    schedule = optim.OneCycleLR(optimizer, 0.1, total_steps=2)
    schedule.step()
    schedule.step()
    with pytest.raises(ValueError, match="the cycle has 2 steps"):
        schedule.step()


@pytest.mark.parametrize("norm_type", [1.0, 2.0, 3.0, np.inf])
@pytest.mark.parametrize("max_norm", [0.5, 1e6])
def test_clipping_is_pytorchs(norm_type, max_norm):
    torch = pytest.importorskip("torch")
    values = [np.arange(6.0).reshape(2, 3), np.array(-2.0)]
    ours = [tg.Tensor(x, requires_grad=True) for x in values] + [tg.Tensor(1.0, requires_grad=True)]
    theirs = [torch.tensor(x, requires_grad=True) for x in values]
    ((ours[0] ** 2).sum() + ours[1] ** 2).backward()
    ((theirs[0] ** 2).sum() + theirs[1] ** 2).backward()
    total = optim.clip_grad_norm(ours, max_norm, norm_type)
    assert total == pytest.approx(
        float(torch.nn.utils.clip_grad_norm_(theirs, max_norm, norm_type)), rel=1e-10
    )
    for x, y in zip(ours[:2], theirs, strict=True):
        np.testing.assert_allclose(x.grad.data, y.grad.numpy(), rtol=1e-10)
    assert ours[2].grad is None


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


def test_lengths_of_schedules_may_be_fractions_as_pytorchs():
    optimizer = tg.optim.SGD([tg.Tensor([1.0], requires_grad=True)], lr=1.0)
    schedule = tg.optim.CosineAnnealingLR(optimizer, T_max=2.5)
    schedule.step()
    assert math.isclose(optimizer.lr, (1 + math.cos(math.pi / 2.5)) / 2)
    assert tg.optim.StepLR(optimizer, 2.5).step_size == 2.5


def test_amsgrad_may_be_switched_on_and_off():
    w = tg.Tensor([1.0, 2.0], requires_grad=True)
    options = {"lr": 0.1, "betas": (0.9, 0.5)}
    optimizer = tg.optim.Adam([w], **options)
    plain = tg.optim.Adam([tg.Tensor([1.0, 2.0], requires_grad=True)], **options)
    for step, on in enumerate((False, True, True, False)):
        optimizer.param_groups[0]["amsgrad"] = on
        for o in (optimizer, plain):
            p = o.param_groups[0]["params"][0]
            p.grad = tg.Tensor(np.array([1.0, 0.1]) / (1 + step))
            o.step()
        assert ("max_exp_avg_sq" in optimizer._state[w]) == (step > 0)
    other = plain.param_groups[0]["params"][0]
    assert not np.array_equal(w.data, other.data)  # the steps with it were others
    np.testing.assert_array_equal(
        optimizer._state[w]["exp_avg_sq"], plain._state[other]["exp_avg_sq"]
    )
