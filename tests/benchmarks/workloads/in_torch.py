"""The workloads in PyTorch, eager, with raw tensors and with modules."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from . import arrays
from .arrays import EPSILON, RATE, Array

device = "cpu"
"""Where the arrays of modules go: ``tests.benchmarks.card`` puts them on a card."""


class Training:
    """Steps of SGD, written out by hand."""

    trains = True

    def __init__(self, loss: Callable[[], Any], parameters: list[Any]) -> None:
        self.loss = loss
        self.parameters = parameters

    def outcome(self) -> list[Array]:
        loss = self.loss()
        loss.backward()
        return [loss.detach().cpu().numpy(), *_taken_gradients(self.parameters)]

    def step(self) -> float:
        loss = self.loss()
        loss.backward()
        with torch.no_grad():
            for p in self.parameters:
                p -= RATE * p.grad
                p.grad = None
        return float(loss.detach())


class OptimizerTraining(Training):
    """The same with a model and an optimizer."""

    def __init__(self, model: Any, data: list[Array], optimizer: Any = torch.optim.SGD) -> None:
        images, labels, *values = data
        x, target = (torch.from_numpy(a).to(device) for a in (images, labels))
        model.to(device)
        super().__init__(lambda: F.cross_entropy(model(x), target), list(model.parameters()))
        with torch.no_grad():
            for p, value in zip(self.parameters, values, strict=True):
                p.copy_(torch.from_numpy(value))
        self.optimizer = optimizer(self.parameters, lr=RATE)

    def step(self) -> float:
        loss = self.loss()
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return float(loss.detach())


class Operation:
    """Forward and backward of an expression of all its inputs."""

    trains = False

    def __init__(
        self, forward: Callable[..., Any], inputs: list[Array], upstream: Array | None = None
    ) -> None:
        self.forward = forward
        self.inputs = _leaves(inputs)
        self.upstream = None if upstream is None else torch.from_numpy(upstream)

    def outcome(self) -> list[Array]:
        y = self.forward(*self.inputs)
        y.backward(self.upstream)
        return [y.detach().numpy(), *_taken_gradients(self.inputs)]

    def step(self) -> None:
        self.forward(*self.inputs).backward(self.upstream)
        for x in self.inputs:
            x.grad = None


def _leaves(values: list[Array]) -> list[Any]:
    return [torch.from_numpy(value).requires_grad_() for value in values]


def _taken_gradients(leaves: list[Any]) -> list[Array]:
    taken = [leaf.grad.cpu().numpy() for leaf in leaves]
    for leaf in leaves:
        leaf.grad = None
    return taken


# --- networks --------------------------------------------------------------------------------


def course(batch: int) -> Training:
    images, labels, *values = arrays.course(batch)
    x, target = torch.from_numpy(images), torch.from_numpy(labels)
    kernel, bias, weight, offset = parameters = _leaves(values)

    def loss() -> Any:
        h = F.max_pool2d(F.conv2d(x, kernel, bias), 2).reshape(batch, 4608)
        return F.cross_entropy(h @ weight.T + offset, target)

    return Training(loss, parameters)


def course_modules(batch: int) -> Training:
    model = nn.Sequential(nn.Conv2d(1, 8, 3), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(4608, 5))
    return OptimizerTraining(model, arrays.course(batch))


def lenet(batch: int) -> Training:
    images, labels, *values = arrays.lenet(batch)
    x, target = torch.from_numpy(images), torch.from_numpy(labels)
    k1, c1, k2, c2, w1, b1, w2, b2 = parameters = _leaves(values)

    def loss() -> Any:
        h = F.max_pool2d(torch.relu(F.conv2d(x, k1, c1, padding=1)), 2)
        h = F.max_pool2d(torch.relu(F.conv2d(h, k2, c2, padding=1)), 2).reshape(batch, 1568)
        return F.cross_entropy(torch.relu(h @ w1.T + b1) @ w2.T + b2, target)

    return Training(loss, parameters)


def lenet_modules(batch: int) -> Training:
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(1568, 128), nn.ReLU(), nn.Linear(128, 10),
    )  # fmt: skip
    return OptimizerTraining(model, arrays.lenet(batch))


def mlp(batch: int, *sizes: int) -> Training:
    rows, labels, *values = arrays.mlp(batch, *sizes)
    x, target = torch.from_numpy(rows), torch.from_numpy(labels)
    parameters = _leaves(values)
    *hidden, weight, bias = parameters

    def loss() -> Any:
        h = x
        for w, b in zip(hidden[::2], hidden[1::2]):
            h = torch.relu(h @ w.T + b)
        return F.cross_entropy(h @ weight.T + bias, target)

    return Training(loss, parameters)


def mlp_modules(batch: int, *sizes: int) -> Training:
    layers: list[nn.Module] = []
    for n, m in itertools.pairwise(sizes):
        layers += [nn.Linear(n, m), nn.ReLU()]
    return OptimizerTraining(nn.Sequential(*layers[:-1]), arrays.mlp(batch, *sizes))


def small_vgg(batch: int, size: int) -> Training:
    layers: list[nn.Module] = []
    for n, m in itertools.pairwise((3, 24, 48, 96, 128)):
        layers += [nn.Conv2d(n, m, 3, padding=1, bias=False), nn.BatchNorm2d(m)]
        layers += [nn.ReLU(), nn.MaxPool2d(2)]
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, 5)]
    return OptimizerTraining(
        nn.Sequential(*layers), arrays.small_vgg(batch, size), torch.optim.Adam
    )


class Run:
    """A whole training from the same start each time, and what it has learned."""

    trains = False

    def __init__(
        self, model: Any, data: list[Array], batch: int, epochs: int, optimizer: Any
    ) -> None:
        self.x, self.labels, *self.values = map(torch.from_numpy, data)
        self.model, self.batch, self.epochs = model, batch, epochs
        self.optimizer = optimizer

    def step(self) -> None:
        model = self.model
        with torch.no_grad():
            for p, value in zip(model.parameters(), self.values, strict=True):
                p.copy_(value)
        optimizer = self.optimizer(model.parameters())
        for _ in range(self.epochs):
            for i in range(0, len(self.x), self.batch):
                rows, labels = self.x[i : i + self.batch], self.labels[i : i + self.batch]
                loss = F.cross_entropy(model(rows), labels)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()

    def outcome(self) -> list[Array]:
        self.step()
        return [p.detach().numpy().copy() for p in self.model.parameters()]


def digits(rows: int, batch: int, epochs: int) -> Run:
    model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))
    optimizer = functools.partial(torch.optim.Adam, lr=RATE, eps=EPSILON)
    return Run(model, arrays.digits(rows), batch, epochs, optimizer)


def course_run(images: int, epochs: int) -> Run:
    model = nn.Sequential(nn.Conv2d(1, 8, 3), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(4608, 5))
    optimizer = functools.partial(torch.optim.SGD, lr=RATE)
    return Run(model, arrays.course(images), 1, epochs, optimizer)


# --- operations ------------------------------------------------------------------------------


def chain(n: int) -> Operation:
    def forward(x: Any, a: Any, b: Any) -> Any:
        for _ in range(n // 2):
            x = x * a + b
        return x.sum()

    return Operation(forward, arrays.chain())


def stacked(n: int) -> Operation:
    return Operation(lambda *xs: torch.stack(xs).sum(), list(arrays.entries(n)[:, None]))


def concatenated(n: int) -> Operation:
    return Operation(lambda *xs: torch.cat(xs).sum(), list(arrays.entries(n)[:, None]))


def indexed(n: int) -> Operation:
    return Operation(lambda x: sum(x[i] for i in range(n)), [arrays.entries(n)])


def convolution(*shape: int) -> Operation:
    *inputs, upstream = arrays.convolution(*shape)
    return Operation(lambda x, w, b: F.conv2d(x, w, b, padding=1), inputs, upstream)


def max_pool(*shape: int) -> Operation:
    x, upstream = arrays.max_pool(*shape)
    return Operation(lambda x: F.max_pool2d(x, 2), [x], upstream)


def cross_entropy(n: int, classes: int) -> Operation:
    logits, labels = arrays.cross_entropy(n, classes)
    target = torch.from_numpy(labels)
    return Operation(lambda z: F.cross_entropy(z, target), [logits])


def composed_cross_entropy(n: int, classes: int) -> Operation:
    logits, labels = arrays.cross_entropy(n, classes)
    rows, target = torch.arange(n), torch.from_numpy(labels)
    return Operation(lambda z: -torch.softmax(z, 1).log()[rows, target].mean(), [logits])


class Update:
    """Steps of Adam alone."""

    trains = False

    def __init__(self, value: Array, gradient: Array) -> None:
        self.p = torch.from_numpy(value.copy()).requires_grad_()
        self.p.grad = torch.from_numpy(gradient)
        self.optimizer = torch.optim.Adam([self.p], lr=RATE)

    def step(self) -> None:
        self.optimizer.step()

    def outcome(self) -> list[Array]:
        for _ in range(3):
            self.step()
        return [self.p.detach().numpy().copy()]


def adam(n: int) -> Update:
    return Update(*arrays.adam(n))


def attention(n: int, tokens: int, width: int, heads: int) -> Operation:
    *inputs, upstream = arrays.attention(n, tokens, width)

    def forward(x: Any, *weights: Any) -> Any:
        *projections, out = weights
        split = (n, tokens, heads, width // heads)
        q, k, v = (F.linear(x, w).reshape(split).transpose(1, 2) for w in projections)
        y = F.scaled_dot_product_attention(q, k, v)
        return F.linear(y.transpose(1, 2).reshape(n, tokens, width), out)

    return Operation(forward, inputs, upstream)


def lstm(steps: int, n: int, inputs: int, hidden: int) -> Operation:
    *leaves, upstream = arrays.lstm(steps, n, inputs, hidden)
    zeros = torch.zeros(n, hidden)

    def forward(x: Any, w: Any, u: Any, b: Any, c: Any) -> Any:
        h = s = zeros
        for t in range(steps):  # as nn.LSTMCell does it
            h, s = torch.lstm_cell(x[t], (h, s), w, u, b, c)
        return h

    return Operation(forward, leaves, upstream)


def norm_relu(*shape: int) -> Operation:
    *inputs, upstream = arrays.norm_relu(*shape)

    def forward(x: Any, w: Any, b: Any) -> Any:
        return F.relu(F.batch_norm(x, None, None, w, b, training=True))

    return Operation(forward, inputs, upstream)


def layer_norm(n: int, features: int) -> Operation:
    *inputs, upstream = arrays.layer_norm(n, features)
    return Operation(lambda x, w, b: F.layer_norm(x, (features,), w, b), inputs, upstream)


def composed_layer_norm(n: int, features: int) -> Operation:
    *inputs, upstream = arrays.layer_norm(n, features)

    def forward(x: Any, w: Any, b: Any) -> Any:
        centred = x - x.mean(1, keepdim=True)
        variance = (centred * centred).mean(1, keepdim=True)
        return centred / torch.sqrt(variance + 1e-5) * w + b

    return Operation(forward, inputs, upstream)
