"""The workloads, written for each contender.

W1 and W2 (the course's CNN), W4 (MLP), W5 (chain), convolutions (3x3, padding 1) with all their
gradients: A and B, and the four of ``small_vgg`` at batch 64.

Each builder returns a function that does one training step and returns the loss. Parameters and
data come from the same generator, so that losses can be compared between contenders.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

Step = Callable[[], float]
RATE = 0.01


def course_arrays(batch: int) -> list[Any]:
    rng = np.random.default_rng(0)
    draw = lambda *shape, scale: (rng.standard_normal(shape) * scale).astype(np.float32)
    return [
        draw(batch, 1, 50, 50, scale=1.0), rng.integers(0, 5, batch),
        draw(8, 1, 3, 3, scale=0.3), draw(8, scale=0.1),
        draw(5, 4608, scale=0.01), draw(5, scale=0.1),
    ]  # fmt: skip


def mlp_arrays(batch: int) -> list[Any]:
    rng = np.random.default_rng(0)
    sizes = (784, 256, 128, 10)
    arrays: list[Any] = [
        rng.standard_normal((batch, 784)).astype(np.float32), rng.integers(0, 10, batch)
    ]  # fmt: skip
    for n, m in itertools.pairwise(sizes):
        arrays.append((rng.standard_normal((m, n)) / np.sqrt(n)).astype(np.float32))
        arrays.append(np.zeros(m, np.float32))
    return arrays


def convolution_arrays(n: int, c: int, f: int, size: int) -> list[Any]:
    """Images, filters, bias and the upstream gradient."""
    rng = np.random.default_rng(0)
    shapes = (n, c, size, size), (f, c, 3, 3), (f,), (n, f, size, size)
    return [rng.standard_normal(shape).astype(np.float32) for shape in shapes]


# --- tinygrad_fr -----------------------------------------------------------------------------


def ours_course(batch: int, modules: bool = False) -> Step:
    import tinygrad_fr as tg

    x, labels, *arrays = course_arrays(batch)
    if modules:
        model = tg.nn.models.course_cnn()
        for p, array in zip(model.parameters(), arrays, strict=True):
            p.data[...] = array
        return _ours_modules(model, tg.Tensor(x), labels)
    parameters = [tg.Tensor(array, requires_grad=True) for array in arrays]
    kernel, bias, weight, offset = parameters
    images = tg.Tensor(x)

    def step() -> float:
        h = tg.max_pool2d(tg.conv2d(images, kernel, bias), 2)
        z = h.reshape(len(x), 4608) @ weight.T + offset
        return _ours_update(tg.cross_entropy(z, labels), parameters)

    return step


def ours_mlp(batch: int, modules: bool = False) -> Step:
    import tinygrad_fr as tg

    x, labels, *arrays = mlp_arrays(batch)
    if modules:
        model = tg.nn.models.mlp((784, 256, 128, 10))
        for p, array in zip(model.parameters(), arrays, strict=True):
            p.data[...] = array
        return _ours_modules(model, tg.Tensor(x), labels)
    parameters = [tg.Tensor(array, requires_grad=True) for array in arrays]
    w1, b1, w2, b2, w3, b3 = parameters
    images = tg.Tensor(x)

    def step() -> float:
        h = tg.relu(images @ w1.T + b1)
        h = tg.relu(h @ w2.T + b2)
        return _ours_update(tg.cross_entropy(h @ w3.T + b3, labels), parameters)

    return step


def _ours_update(loss: Any, parameters: list[Any]) -> float:
    loss.backward()
    for p in parameters:
        p.data -= RATE * p.grad.data
        p.grad = None
    return float(loss)


def _ours_modules(model: Any, x: Any, labels: Any) -> Step:
    import tinygrad_fr as tg

    optimizer = tg.optim.SGD(model.parameters(), lr=RATE)

    def step() -> float:
        loss = tg.cross_entropy(model(x), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return float(loss)

    return step


def ours_chain(n: int, modules: bool = False) -> Step:
    import tinygrad_fr as tg

    x0, a, b = (tg.Tensor(array, requires_grad=True) for array in chain_arrays())

    def step() -> float:
        x = x0
        for _ in range(n // 2):
            x = x * a + b
        loss = x.sum()
        loss.backward()
        for p in (x0, a, b):
            p.grad = None
        return float(loss)

    return step


def ours_convolution(shape: list[int], modules: bool = False) -> Step:
    import tinygrad_fr as tg

    *arrays, upstream = convolution_arrays(*shape)
    inputs = x, weight, bias = [tg.Tensor(array, requires_grad=True) for array in arrays]
    g = tg.Tensor(upstream)

    def step() -> float:
        y = tg.conv2d(x, weight, bias, padding=1)
        y.backward(g)
        return _summary(y.data, [_taken(p).data for p in inputs])

    return step


def _taken(p: Any) -> Any:
    """A parameter's gradient, which is cleared."""
    g, p.grad = p.grad, None
    return g


def _summary(y: Any, gradients: list[Any]) -> float:
    """One number to compare contenders by, from a part of everything: it takes no time."""
    return sum(float(abs(a[0]).sum()) for a in (y, *gradients))


def chain_arrays() -> tuple[Any, ...]:
    return np.ones(4), np.full(4, 0.999), np.full(4, 0.001)


# --- PyTorch ---------------------------------------------------------------------------------


def torch_course(batch: int, modules: bool = False) -> Step:
    import torch
    import torch.nn.functional as F

    x, labels, *arrays = course_arrays(batch)
    images, target = torch.from_numpy(x), torch.from_numpy(labels)
    if modules:
        model = torch.nn.Sequential(
            torch.nn.Conv2d(1, 8, 3), torch.nn.MaxPool2d(2), torch.nn.Flatten(),
            torch.nn.Linear(4608, 5),
        )  # fmt: skip
        return _torch_modules(model, arrays, images, target)
    parameters = [torch.from_numpy(array).requires_grad_() for array in arrays]
    kernel, bias, weight, offset = parameters

    def step() -> float:
        h = F.max_pool2d(F.conv2d(images, kernel, bias), 2)
        z = h.reshape(batch, 4608) @ weight.T + offset
        return _torch_update(F.cross_entropy(z, target), parameters)

    return step


def torch_mlp(batch: int, modules: bool = False) -> Step:
    import torch
    import torch.nn.functional as F

    x, labels, *arrays = mlp_arrays(batch)
    images, target = torch.from_numpy(x), torch.from_numpy(labels)
    if modules:
        model = torch.nn.Sequential(
            torch.nn.Linear(784, 256), torch.nn.ReLU(), torch.nn.Linear(256, 128),
            torch.nn.ReLU(), torch.nn.Linear(128, 10),
        )  # fmt: skip
        return _torch_modules(model, arrays, images, target)
    parameters = [torch.from_numpy(array).requires_grad_() for array in arrays]
    w1, b1, w2, b2, w3, b3 = parameters

    def step() -> float:
        h = torch.relu(images @ w1.T + b1)
        h = torch.relu(h @ w2.T + b2)
        return _torch_update(F.cross_entropy(h @ w3.T + b3, target), parameters)

    return step


def _torch_update(loss: Any, parameters: list[Any]) -> float:
    import torch

    loss.backward()
    with torch.no_grad():
        for p in parameters:
            p -= RATE * p.grad
            p.grad = None
    return float(loss.detach())


def _torch_modules(model: Any, arrays: list[Any], x: Any, target: Any) -> Step:
    import torch

    with torch.no_grad():
        for p, array in zip(model.parameters(), arrays, strict=True):
            p.copy_(torch.from_numpy(array))
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)

    def step() -> float:
        loss = torch.nn.functional.cross_entropy(model(x), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return float(loss)

    return step


def torch_chain(n: int, modules: bool = False) -> Step:
    import torch

    x0, a, b = (torch.from_numpy(array).requires_grad_() for array in chain_arrays())

    def step() -> float:
        x = x0
        for _ in range(n // 2):
            x = x * a + b
        loss = x.sum()
        loss.backward()
        for p in (x0, a, b):
            p.grad = None
        return float(loss)

    return step


def torch_convolution(shape: list[int], modules: bool = False) -> Step:
    import torch

    *arrays, upstream = convolution_arrays(*shape)
    inputs = x, weight, bias = [torch.from_numpy(a).requires_grad_() for a in arrays]
    g = torch.from_numpy(upstream)

    def step() -> float:
        y = torch.nn.functional.conv2d(x, weight, bias, padding=1)
        y.backward(g)
        return _summary(y.detach(), [_taken(p) for p in inputs])

    return step


BUILDERS: dict[str, dict[str, Callable[..., Step]]] = {
    "tinygrad_fr": {
        "course": ours_course, "mlp": ours_mlp, "chain": ours_chain,
        "convolution": ours_convolution,
    },
    "torch": {
        "course": torch_course, "mlp": torch_mlp, "chain": torch_chain,
        "convolution": torch_convolution,
    },
}  # fmt: skip

# name: (family, size, must on one thread as a ratio to PyTorch); a convolution's size is
# (images, channels, filters, height and width)
WORKLOADS: dict[str, tuple[str, Any, float]] = {
    "W1": ("course", 1, 0.5),
    "W2 b32": ("course", 32, 0.5),
    "W2 b128": ("course", 128, 0.5),
    "W4 b64": ("mlp", 64, 1.05),
    "W4 b1": ("mlp", 1, 1.0),
    "W5 1k": ("chain", 1_000, 0.6),
    "W5 100k": ("chain", 100_000, 0.6),
    "conv A": ("convolution", (32, 16, 32, 28), 1.6),
    "conv B": ("convolution", (16, 64, 64, 32), 1.6),
    "vgg 1": ("convolution", (64, 3, 24, 64), 1.6),
    "vgg 2": ("convolution", (64, 24, 48, 32), 1.6),
    "vgg 3": ("convolution", (64, 48, 96, 16), 1.6),
    "vgg 4": ("convolution", (64, 96, 128, 8), 1.6),
}
