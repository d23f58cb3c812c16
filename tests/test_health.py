"""Watching a model: each pathology where it occurs, silence where there is none."""

from __future__ import annotations

import copy
import gc
import sys
import threading
import weakref

import numpy as np
import pytest

import tinygrad_fr as tg
from tinygrad_fr import health, nn
from tinygrad_fr.autograd import engine
from tinygrad_fr.autograd.guards import observers
from tinygrad_fr.errors import ArgumentError, DTypeError

RNG = np.random.default_rng(0)


def train(model, x, y, optimizer, steps=60, batch=64, loss=tg.cross_entropy, window=50):
    """Train by hand and give back what was seen."""
    order = np.random.default_rng(1)
    with health.watch(model, window=window) as seen:
        for _step in range(steps):
            rows = order.integers(0, len(x), batch)
            model.zero_grad()
            loss(model(x[rows]), y[rows]).backward()
            optimizer.step()
    return seen


@pytest.fixture(scope="module")
def digits():
    pytest.importorskip("sklearn")
    images, labels = tg.data.load_digits()
    return images, images.reshape(len(images), -1), labels


def mlp(depth, activation, scale=1.0):
    tg.manual_seed(0)
    model = nn.models.mlp([64] + depth * [64] + [10], activation)
    for p in model.parameters():
        p.data *= scale
    return model


def kinds(seen):
    return [finding.kind for finding in seen.report().findings]


# --- through time -----------------------------------------------------------------------------


class Reader(nn.Module):
    """A class for a whole sequence, from the state at its end; or for each step."""

    def __init__(self, rnn, whole=True):
        self.rnn, self.head, self.whole = rnn, nn.Linear(16, 2), whole

    def forward(self, x):
        outputs = self.rnn(x)[0]
        return self.head(outputs[-1] if self.whole else outputs.reshape(-1, 16))


class ByHand(nn.Module):
    """A recurrence of somebody's own."""

    def __init__(self, scale):
        rng = np.random.default_rng(0)
        self.W = nn.Parameter(scale * rng.standard_normal((16, 16)) / 4)
        self.U = nn.Parameter(rng.standard_normal((16, 3)))

    def forward(self, x):
        h = np.zeros((x.shape[1], 16))
        states = []
        for t in range(len(x)):
            h = (x[t] @ self.U.T + h @ self.W.T).named(f"h{t}")
            states.append(h)
        return tg.stack(states), h


def sequence(model, steps=30, calls=1):
    tg.manual_seed(0)
    with health.watch(model) as seen:
        x = RNG.standard_normal((steps, 4, 3))
        out = [model(x) for _call in range(calls)]
        sum((y[1] if isinstance(y, tuple) else y).mean() for y in out).backward()
    return seen


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_the_gradient_vanishes_through_time_in_a_long_sequence(kind):
    tg.manual_seed(0)
    seen = sequence(Reader(getattr(nn, kind)(3, 16)))
    norms = seen.through_time["rnn.weight_hh_l0"]
    assert len(norms) == 30
    assert norms[0] < 1e-3 * norms[-1]
    report = seen.report()
    assert report["rnn"].verdicts == ("vanishing in time",)
    assert report["head"].verdicts == ()
    assert "30 steps" in report.findings[0].sentence
    assert len(report.layers) < 9  # the same activations of each step are one line


def test_the_gradient_at_a_step_is_that_of_its_product():
    model = nn.RNN(3, 4)
    x = RNG.standard_normal((5, 2, 3))
    with health.watch(model) as seen:
        outputs, _last = model(x)
        (outputs**2).sum().backward()
    h = np.zeros((2, 4))
    w, u = model.weight_ih_l0.data, model.weight_hh_l0.data
    states = []
    for t in range(5):
        h = np.tanh(x[t] @ w.T + h @ u.T + model.bias_ih_l0.data + model.bias_hh_l0.data)
        states.append(h)
    carried, expected = 0.0, []
    for h in states[::-1]:
        delta = (2 * h + carried) * (1 - h * h)
        carried = delta @ u
        expected.append(np.linalg.norm(delta))
    assert seen.through_time["weight_hh_l0"] == pytest.approx(expected[::-1], rel=1e-5)


def test_the_gradient_explodes_through_time_in_a_recurrence_of_ones_own():
    seen = sequence(ByHand(3.0))
    assert set(seen.through_time) == {"W"}  # U receives the same
    assert "exploding in time" in kinds(seen)
    assert "exploding in time" not in kinds(sequence(ByHand(1.0), 5))


def test_nothing_is_said_of_time_where_each_step_has_a_loss_of_its_own():
    tg.manual_seed(0)
    seen = sequence(Reader(nn.LSTM(3, 16), whole=False))
    assert "vanishing in time" not in kinds(seen)


def test_calls_before_one_pass_are_no_steps_of_a_sequence():
    assert sequence(nn.Sequential(nn.Linear(3, 2)), 1, calls=9).through_time == {}
    assert len(sequence(ByHand(1.0), 7, calls=3).through_time["W"]) == 7


def test_sequences_of_several_lengths_end_at_the_same_step():
    tg.manual_seed(0)
    model = nn.RNN(3, 4)
    with health.watch(model) as seen:
        for steps in (4, 6):
            model(np.ones((steps, 1, 3)))[1].sum().backward()
    assert len(seen.through_time["weight_hh_l0"]) == 6


# --- where they occur, and where not -----------------------------------------------------------


@pytest.mark.parametrize("activation", [nn.ReLU, nn.Tanh, nn.Sigmoid])
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_nothing_is_said_of_a_healthy_network(digits, activation, depth):
    _images, x, y = digits
    model = mlp(depth, activation)
    for steps in (1, 100):
        seen = train(model, x, y, tg.optim.Adam(model.parameters(), lr=1e-3), steps)
        assert seen.report(), seen


@pytest.mark.parametrize(
    ("make", "lr"),
    [(lambda: nn.models.course_cnn(10, 8), 0.02), (lambda: nn.models.lenet(10, 8), 1e-3)],
    ids=["course_cnn", "lenet"],
)
def test_nothing_is_said_of_the_convolutional_models(digits, make, lr):
    images, _x, y = digits
    tg.manual_seed(0)
    model = make()
    seen = train(model, images, y, tg.optim.Adam(model.parameters(), lr=lr), 100)
    assert seen.report(), seen


def test_nothing_is_said_of_a_network_that_has_converged():
    x = RNG.standard_normal((256, 3))
    model = nn.Linear(3, 1)
    y = x @ np.array([[1.0], [2.0], [3.0]])
    seen = train(model, x, y, tg.optim.SGD(model.parameters(), lr=0.1), 300, loss=tg.mse_loss)
    assert seen.gradients["Linear"][-1] < 1e-5
    assert seen.report()


@pytest.mark.parametrize("scale", [0.0, 0.001, 0.1])
@pytest.mark.parametrize("lr", [0.001, 0.1])
def test_nothing_is_said_of_weights_that_begin_at_zero(digits, scale, lr):
    """Their gradient is many times as large as they are, until they have grown."""
    _images, x, y = digits
    model = nn.Linear(64, 10)
    model.weight.data[:] = scale * RNG.standard_normal((10, 64))
    model.bias.data[:] = 0
    for steps in (1, 20):
        seen = train(model, x, y, tg.optim.SGD(model.parameters(), lr=lr), steps)
        assert seen.report(), seen


@pytest.mark.parametrize("batch", [1, 4, 64])
@pytest.mark.parametrize("activation", [nn.ReLU, nn.Tanh, nn.Sigmoid])
def test_nothing_is_said_of_a_healthy_regression(activation, batch):
    x = np.random.default_rng(2).standard_normal((256, 8))
    y = np.tanh(x @ RNG.standard_normal((8, 1)))
    tg.manual_seed(0)
    model = nn.models.mlp([8, 32, 32, 1], activation)
    for steps in (1, 60):
        optimizer = tg.optim.Adam(model.parameters(), lr=1e-3)
        seen = train(model, x, y, optimizer, steps, batch, loss=tg.mse_loss)
        assert seen.report(), seen


def test_nothing_is_said_of_a_layer_beside_the_way_back(digits):
    """Two heads, one of which counts little: the first layers do have a gradient."""

    class Heads(nn.Module):
        def __init__(self):
            self.body = nn.Linear(64, 16)
            self.a, self.b = nn.Linear(16, 10), nn.Linear(16, 10)

        def forward(self, x):
            h = tg.relu(self.body(x))
            return 1e-5 * self.a(h) + self.b(h)

    _images, x, y = digits
    model = Heads()
    seen = train(model, x, y, tg.optim.Adam(model.parameters()), 3)
    assert seen.sizes["a (Linear)"][-1] < 1e-4 * seen.sizes["b (Linear)"][-1]
    assert seen.report(), seen


def test_nothing_is_said_of_a_large_embedding():
    """The gradient of its table is 0 but for a few rows."""
    tg.manual_seed(0)
    model = nn.Sequential(nn.Embedding(1_000_000, 2), nn.Flatten(), nn.Linear(4, 2))
    seen = once(model, np.array([[3, 4], [5, 6]]), loss=lambda y: tg.cross_entropy(y, [0, 1]))
    assert seen.report(), seen


def test_the_gradient_vanishes_through_many_sigmoids(digits):
    _images, x, y = digits
    model = mlp(8, nn.Sigmoid)
    seen = train(model, x, y, tg.optim.Adam(model.parameters(), lr=1e-3))
    assert kinds(seen) == ["vanishing"]
    report = seen.report()
    assert report["0"].verdicts == ("vanishing",)
    assert report["16"].verdicts == ()
    assert (report["0"].verdict, report["16"].verdict) == ("vanishing gradient", "healthy")
    assert report.findings[0].layers[0] == "0 (Linear)"  # the worst


def test_dead_neurons_after_a_step_that_was_too_large(digits):
    _images, x, y = digits
    model = mlp(2, nn.ReLU)
    seen = train(model, x, y, tg.optim.Adam(model.parameters(), lr=1.0), 120)
    assert "dead" in kinds(seen)
    assert seen.report()["1"].dead > 0.5


def test_the_gradient_explodes_with_large_weights(digits):
    _images, x, y = digits
    model = mlp(8, nn.ReLU, scale=5.0)
    seen = train(model, x, y, tg.optim.SGD(model.parameters(), lr=1e-4))
    assert kinds(seen) == ["exploding"]


def test_the_gradient_explodes_with_a_large_learning_rate_and_ends_as_nan():
    x = 3 * RNG.standard_normal((256, 8))
    model = nn.Linear(8, 1)
    y = x.sum(axis=1, keepdims=True)
    optimizer = tg.optim.SGD(model.parameters(), lr=0.2)
    seen = train(model, x, y, optimizer, 20, loss=tg.mse_loss)
    assert kinds(seen) == ["exploding"]
    assert np.isfinite(seen.gradients["Linear"][-1])
    model.weight.data[:] = np.nan
    seen = train(model, x, y, optimizer, 1, loss=tg.mse_loss)
    assert kinds(seen) == ["exploding"]
    assert seen.gradients["Linear"] == [np.inf]


def test_sigmoids_saturate_on_inputs_that_are_not_normalised(digits):
    _images, x, y = digits
    model = mlp(1, nn.Sigmoid)
    seen = train(model, 255 * x, y, tg.optim.SGD(model.parameters(), lr=0.01))
    assert kinds(seen) == ["saturated"]
    model = mlp(1, nn.Sigmoid)
    assert train(model, x, y, tg.optim.SGD(model.parameters(), lr=0.01)).report()


def test_a_layer_that_no_gradient_reaches(digits):
    class Cut(nn.Module):
        def __init__(self):
            self.first, self.second = nn.Linear(64, 8), nn.Linear(8, 10)

        def forward(self, x):
            return self.second(self.first(x).detach())

    _images, x, y = digits
    model = Cut()
    seen = train(model, x, y, tg.optim.SGD(model.parameters(), lr=0.01), 3)
    assert kinds(seen) == ["unreached"]
    assert list(seen.gradients) == [layer.name for layer in seen.report().layers]  # input first
    assert seen.report()["first"].verdicts == ("unreached",)
    assert seen.gradients["first (Linear)"] == [None] * 3


def test_a_frozen_layer_is_not_called_unreached(digits):
    _images, x, y = digits
    model = mlp(1, nn.ReLU)
    for p in model[0].parameters():
        p.requires_grad = False
    seen = train(model, x, y, tg.optim.SGD(model[2].parameters(), lr=0.01), 3)
    assert "0 (Linear)" not in seen.gradients
    assert seen.report()


# --- what is counted ---------------------------------------------------------------------------


def once(model, x, loss=lambda y: y.sum(), **options):
    with health.watch(model, **options) as seen:
        loss(model(x)).backward()
    return seen


def test_the_norm_is_that_of_the_layers_own_gradient():
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    seen = once(model, RNG.standard_normal((5, 3)))
    for i in (0, 2):
        square = sum(float((p.grad.data**2).sum()) for p in model[i].parameters())
        assert seen.gradients[f"{i} (Linear)"] == pytest.approx([square**0.5])


@pytest.mark.parametrize(
    ("dtype", "scale"),
    [(np.float16, 100.0), (np.float32, 1e-30), (np.float32, 1e30), (np.float64, 1e200),
     (np.float64, 1e-200)],
)  # fmt: skip
def test_norms_whose_square_is_out_of_range(dtype, scale):
    model = nn.Linear(3, 2, bias=False)
    model.weight.data = model.weight.data.astype(dtype)
    x = (scale * RNG.standard_normal((5, 3))).astype(dtype)
    with np.errstate(over="ignore"):
        seen = once(model, x)
    gradient = model.weight.grad.data.astype(np.float64) / scale
    expected = scale * float(np.sqrt((gradient**2).sum()))
    assert seen.gradients["Linear"] == pytest.approx([expected], rel=1e-6, abs=0)
    assert seen.whole == seen.gradients["Linear"]


def test_every_step_has_its_place_where_layers_are_frozen_and_freed():
    model = nn.models.mlp([3, 4, 1])
    with health.watch(model) as seen:
        for free in (False, True, False):
            for p in model[0].parameters():
                p.requires_grad = free
            model(np.ones((2, 3))).sum().backward()
        assert [g is None for g in seen.gradients["0 (Linear)"]] == [True, False, True]
        assert [
            layer.name for layer in seen.report().layers if layer.gradient_norm is not None
        ] == ["2 (Linear)"]


def test_the_norm_is_of_one_step_where_gradients_accumulate():
    model = nn.Linear(3, 1)
    x = RNG.standard_normal((5, 3))
    with health.watch(model) as seen:
        for _step in range(3):
            model(x).sum().backward()  # without zero_grad()
    assert seen.gradients["Linear"] == pytest.approx(3 * seen.gradients["Linear"][:1])


def test_dead_neurons_are_counted_over_all_examples_of_the_window():
    model = nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 1))
    model[0].weight.data[:] = [[1, 0], [0, 1], [1, 0], [1, 1]]
    model[0].bias.data[:] = [0, 0, -9, -9]  # the last two never answer
    with health.watch(model, window=2) as seen:
        for row in ([1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0], [-1.0, -1.0]):
            model(np.tile(row, (60, 1))).mean().backward()
    assert seen.dead["1 (ReLU)"] == [0.75, 0.5, 0.75, 1.0]  # the window forgets
    assert kinds(seen) == ["dead", "vanishing"]  # before them, the gradient is exactly 0
    gone = seen.report().findings[1]
    assert gone.sentence.endswith("is exactly 0, for the dead neurons let nothing through")
    assert gone.consequence
    assert not gone.remedies()
    layer = seen.report()["1"]
    assert (layer.neurons, layer.dead, layer.saturated) == (4, 1.0, None)


def test_few_examples_do_not_show_that_a_neuron_is_dead():
    model = nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 1))
    model[0].bias.data[:] = [-9, -9, -9, 9]
    assert "dead" not in kinds(once(model, RNG.standard_normal((99, 2))))
    assert "dead" in kinds(once(model, RNG.standard_normal((100, 2))))


@pytest.mark.parametrize(
    ("activation", "level"), [(nn.Sigmoid, 4.4), (nn.Tanh, 2.2), (tg.arctan, 4.4)]
)
def test_a_neuron_is_saturated_where_its_slope_is_below_a_twentieth(activation, level):
    class Model(nn.Module):
        def __init__(self):
            self.scale = nn.Parameter(np.ones(4))
            self.act = activation() if isinstance(activation, type) else activation

        def forward(self, x):
            return self.act(x * self.scale).sum(axis=1)

    x = np.full((100, 4), 0.95 * level)
    x[:, 1] = level  # on the plateau
    x[:90, 2] = -level
    x[:89, 3] = level  # one example too few
    (shares,) = once(Model(), x, loss=lambda y: y.sum()).saturated.values()
    assert shares == [0.5]


def test_channels_are_the_neurons_after_a_convolution():
    model = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(3 * 16, 2))
    model[0].bias.data[:] = [-99, 0, 0]
    seen = once(model, RNG.standard_normal((4, 1, 6, 6)))
    assert seen.report()["1"].neurons == 3
    assert seen.dead["1 (ReLU)"] == [pytest.approx(1 / 3)]
    model = nn.Sequential(nn.Conv1d(1, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(12, 2))
    assert once(model, RNG.standard_normal((4, 1, 6))).report()["1"].neurons == 3


def test_the_last_axis_holds_the_neurons_of_a_sequence():
    model = nn.Sequential(nn.Linear(5, 7), nn.ReLU(), nn.Linear(7, 1))
    assert once(model, RNG.standard_normal((4, 6, 5))).report()["1"].neurons == 7
    assert once(model, RNG.standard_normal(5)).report()["1"].neurons == 7


def test_the_outputs_own_activation_is_left_out():
    model = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1), nn.Sigmoid())
    model[2].bias.data[:] = 50.0  # a classifier that is very sure
    seen = once(model, RNG.standard_normal((8, 2)))
    assert list(seen.saturated) == ["1 (Tanh)"]


@pytest.mark.parametrize(
    "after",
    [
        lambda p: p.squeeze(1),
        lambda p: p[:, 0],
        lambda p: tg.clip(p, 1e-6, 1 - 1e-6),
        lambda p: 10.0 * p - 5.0,
        lambda p: (p, p * p.mean()),
    ],
)
def test_what_is_only_reshaped_or_mapped_to_the_output_is_left_out_too(after):
    class Model(nn.Module):
        def __init__(self):
            self.hidden, self.out = nn.Linear(2, 3), nn.Linear(3, 1)

        def forward(self, x):
            return after(tg.sigmoid(self.out(tg.tanh(self.hidden(x)))))

    def loss(output):
        outputs = output if isinstance(output, tuple) else (output,)
        return sum(y.sum() for y in outputs)

    seen = once(Model(), RNG.standard_normal((8, 2)), loss=loss)
    assert list(seen.saturated) == ["tanh"]


def test_activations_are_seen_in_each_pass():
    """Several forwards before the first backward; and a second pass through a graph."""
    model = nn.models.mlp([2, 3, 1])
    x = RNG.standard_normal((8, 2))
    with health.watch(model) as seen:
        first, second = model(x).sum(), model(x).sum()
        first.backward(retain_graph=True)
        second.backward()
        first.backward()
    assert seen.steps == 3
    assert len(seen.dead["1 (ReLU)"]) == 3


def test_calls_are_not_remembered_for_ever(monkeypatch):
    monkeypatch.setattr(health.watching, "CALLS", 10)
    model = nn.models.mlp([2, 3, 1])
    with health.watch(model) as seen:
        for _step in range(50):
            model(np.ones((2, 2))).sum().backward()
    assert len(seen._calls) <= 10
    assert len(seen.dead["1 (ReLU)"]) == 50


def test_functions_in_a_forward_are_seen_and_named():
    class Inner(nn.Module):
        def __init__(self):
            self.dense = nn.Linear(4, 4)

        def forward(self, x):
            return tg.tanh(self.dense(x))

    class Model(nn.Module):
        def __init__(self):
            self.a, self.b, self.inner = nn.Linear(2, 4), nn.Linear(4, 4), Inner()
            self.out = nn.Linear(4, 1)

        def forward(self, x):
            return self.out(self.inner(tg.relu(self.b(tg.relu(self.a(x))))))

    report = once(Model(), RNG.standard_normal((8, 2))).report()
    assert [layer.name for layer in report.layers] == [
        "a (Linear)", "relu", "b (Linear)", "relu 2", "inner.dense (Linear)", "inner.tanh",
        "out (Linear)",
    ]  # fmt: skip


def test_a_module_called_several_times_is_one_layer():
    class Recurrent(nn.Module):
        def __init__(self):
            self.cell, self.act = nn.Linear(3, 3), nn.Tanh()

        def forward(self, x):
            for _step in range(20):
                x = self.act(self.cell(x))
            return x * 1.0

    seen = once(Recurrent(), RNG.standard_normal((8, 3)))
    assert list(seen.saturated) == ["act (Tanh)"]
    assert seen.steps == 1


def test_one_activation_for_layers_of_different_widths_is_not_mixed_up():
    class Model(nn.Module):
        def __init__(self):
            self.a, self.b, self.c = nn.Linear(2, 4), nn.Linear(4, 6), nn.Linear(6, 1)
            self.act = nn.ReLU()

        def forward(self, x):
            return self.c(self.act(self.b(self.act(self.a(x)))))

    seen = once(Model(), RNG.standard_normal((8, 2)))
    assert list(seen.dead) == ["act (ReLU)", "act (ReLU) [6]"]


# --- what is looked at -------------------------------------------------------------------------


def test_a_part_of_a_network_can_be_watched():
    model = nn.Sequential(
        nn.Linear(2, 4), nn.Sequential(nn.Linear(4, 4), nn.ReLU()), nn.Linear(4, 1)
    )
    part = model[1]
    part.extra = nn.Linear(4, 4)
    with health.watch(model[1]) as seen, health.watch(model) as whole:
        model(RNG.standard_normal((8, 2))).sum().backward()
    assert set(seen.gradients) == {"0 (Linear)", "extra (Linear)"}
    assert seen.dead == {}  # it gives the part's output
    assert "1.0 (Linear)" in whole.gradients
    assert "1.1 (ReLU)" in whole.dead


def test_other_models_and_passes_without_gradient_are_not_seen():
    model, other = nn.Linear(2, 1), nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 1))
    x = RNG.standard_normal((4, 2))
    with health.watch(model) as seen:
        other(x).sum().backward()
        with tg.no_grad():
            model(x)
        tg.grad(lambda w: (w * w).sum())(x)
        assert seen.steps == 0
        assert not seen.report()
        model(x).sum().backward()
        copy.deepcopy(model)(x).sum().backward()
    model(x).sum().backward()
    assert seen.steps == 1


def test_nothing_is_changed_by_watching():
    x = RNG.standard_normal((16, 5))

    def gradients(watched):
        tg.manual_seed(3)
        model = nn.models.mlp([5, 8, 8, 2])
        if watched:
            seen = health.watch(model)
        loss = tg.cross_entropy(model(x), [0, 1] * 8)
        loss.backward(retain_grads=True)
        if watched:
            seen.close()
        assert loss.grad is not None
        return [p.grad.data for p in model.parameters()]

    for a, b in zip(gradients(False), gradients(True), strict=True):
        np.testing.assert_array_equal(a, b)


def test_watching_works_with_debug_second_order_and_released_graphs(monkeypatch):
    model = nn.models.mlp([3, 8, 1], nn.Tanh)
    x = RNG.standard_normal((4, 3))
    with health.watch(model) as seen:
        with tg.debug():
            model(x).sum().backward()
        model(x).sum().backward(create_graph=True)
        model.zero_grad()
        monkeypatch.setattr(engine, "RELEASE_ABOVE", 0)
        model(x).sum().backward()
    assert seen.gradients["0 (Linear)"] == pytest.approx(3 * seen.gradients["0 (Linear)"][:1])
    assert len(seen.saturated["1 (Tanh)"]) == 3


def test_a_failed_backward_is_forgotten():
    @tg.op("y = x")
    def broken(x):
        def to_x(g, y, x):
            raise ValueError("no")

        return x * 1.0, to_x

    model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    x = RNG.standard_normal((4, 2))
    with health.watch(model) as seen:
        for _time in range(3):
            with pytest.raises(ValueError, match="no"):
                broken(tg.relu(model(broken(tg.Tensor(x, requires_grad=True))))).sum().backward()
        model(x).sum().backward()
    assert seen.steps == 1
    assert seen.report()["1"].neurons == 3


def test_threads_may_watch_models_of_their_own():
    errors = []

    def work(width):
        try:
            for _time in range(20):
                model = nn.models.mlp([2, width, 1])
                with health.watch(model) as seen:
                    for _step in range(5):
                        model(np.ones((4, 2))).sum().backward()
                assert seen.steps == 5
                assert seen.report()["1"].neurons == width
        except Exception as error:  # pytest does not see what a thread raises
            errors.append(error)

    threads = [threading.Thread(target=work, args=(width,)) for width in range(3, 8)]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # watches come and go while others look on
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    assert not errors


def test_a_watch_keeps_no_model_alive():
    model = nn.Linear(2, 1)
    gone = weakref.ref(model)
    seen = health.watch(model)
    model(np.ones((1, 2))).sum().backward()
    del model, seen
    gc.collect()
    assert gone() is None
    assert not [o for o in observers.looking() if isinstance(o, health.Watch)]


def test_fit_is_watched_like_any_training(digits):
    _images, x, y = digits
    model = mlp(1, nn.ReLU)
    with health.watch(model) as seen:
        tg.fit(model, (x[:256], y[:256]), (x[256:300], y[256:300]), loss=tg.cross_entropy,
               optimizer=tg.optim.Adam(model.parameters()), epochs=2, progress=False)  # fmt: skip
    assert seen.steps == 2 * 256 // 32
    assert seen.report().steps == 16


# --- words -------------------------------------------------------------------------------------


def test_the_report_says_what_was_measured_and_tells_the_remedies_apart(digits):
    _images, x, y = digits
    seen = train(mlp(8, nn.Sigmoid), x, y, tg.optim.SGD(mlp(1, nn.ReLU).parameters(), lr=0), 3)
    text = str(seen.report())
    assert "0 (Linear)" in text
    assert "vanishing gradient" in text
    assert "times smaller than that of 16 (Linear)" in text
    assert text.index("remedies of the course:") < text.index("slide 14")
    assert text.index("slide 14") < text.index("also in use:") < text.index("He's initialisation")
    assert str(seen) == repr(seen) == text
    html = seen._repr_html_()
    for word in ("<table", "vanishing gradient", "also in use:"):
        assert word in html
    tg.set_language("fr")
    try:
        assert "disparition du gradient" in str(seen.report())
        assert "remèdes du cours" in str(seen.report())
        assert "0\u00a0%" in str(seen.report())
    finally:
        tg.set_language("en")


def test_every_kind_of_finding_has_remedies():
    for kind in ("vanishing", "exploding", "dead", "saturated", "unreached"):
        finding = health.Finding(kind, ("0",), "")
        assert finding.further
        assert bool(finding.course) == (kind != "unreached")


def test_a_report_before_the_first_step_is_no_good_news():
    report = health.watch(nn.Linear(2, 1)).report()
    assert not report
    assert str(report) == "nothing seen yet: call the model, then backward() on its loss"
    with pytest.raises(ArgumentError, match="no layer '0' was seen: -"):
        report["0"]


@pytest.mark.parametrize("window", [0, -1, 2.5, True, None])
def test_a_window_that_is_none_is_refused(window):
    with pytest.raises(ArgumentError, match="window is an integer of at least 1"):
        health.watch(nn.Linear(2, 1), window=window)


def test_what_is_no_module_is_refused():
    with pytest.raises(DTypeError, match=r"takes a Module, such as .* not function"):
        health.watch(lambda x: x)
