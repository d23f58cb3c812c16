"""Code as users write it: read by type-checkers, and run by a test."""

from typing import assert_type

import numpy as np
import numpy.typing as npt

import tinygrad_fr as tg
from tinygrad_fr import Tensor, nn, optim

Array = npt.NDArray[np.float64]


class Net(nn.Module):
    def __init__(self) -> None:
        self.fc1 = nn.Linear(4, 8)
        self.fc2 = nn.Linear(8, 2)

    def forward(self, x: Tensor) -> Tensor:
        h = self.fc1(x)
        assert_type(h, Tensor)
        return self.fc2(tg.relu(h))


class Pair(nn.Module):
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x, x + 1


x: Array = np.ones((3, 4))
t = Tensor(x, requires_grad=True)
model = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
assert_type(model(x), Tensor)
assert_type(Net()(t), Tensor)
assert_type(Net()(x), Tensor)
assert_type(Pair()(t), tuple[Tensor, Tensor])
assert_type(nn.ReLU()(t), Tensor)
y, (h, c) = nn.LSTM(4, 3)(np.ones((5, 2, 4)))
assert_type(y, Tensor)

assert_type(t + 1, Tensor)
assert_type(1 - t, Tensor)
assert_type(t @ t.T, Tensor)
assert_type(t @ np.ones((4, 2)), Tensor)
assert_type(-t / 2, Tensor)
assert_type(t**2, Tensor)
assert_type(t[0], Tensor)
assert_type(t > 0, Tensor)
assert_type(t.sum(), Tensor)
assert_type(t.sum(axis=0, keepdims=True), Tensor)
assert_type(t.reshape(2, 6), Tensor)
assert_type(t.T, Tensor)
assert_type(t.detach(), Tensor)
assert_type(t.grad, Tensor | None)
assert_type(t.shape, tuple[int, ...])
assert_type(t.requires_grad, bool)
assert_type(tg.exp(t), Tensor)
assert_type(tg.softmax(t, axis=1), Tensor)
assert_type(tg.concatenate([t, t]), Tensor)
loss = tg.cross_entropy(model(x), np.array([0, 1, 1]))
assert_type(loss, Tensor)
assert_type(nn.CrossEntropyLoss()(model(x), np.array([0, 1, 1])), Tensor)
assert_type(loss.backward(), None)
for p in model.parameters():
    assert_type(p, Tensor)

optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
optimizer.zero_grad()
optimizer.step()
history = tg.fit(
    model, (x, np.array([0, 1, 1])), loss=tg.cross_entropy, optimizer=optimizer, epochs=1,
    progress=False,
)  # fmt: skip
assert_type(history["loss"], list[float])


def f(x: Tensor) -> Tensor:
    return (x * x).sum()


assert_type(tg.grad(f)(t), Tensor)
value, gradient = tg.value_and_grad(f)(t)
assert_type(value, Tensor)
assert_type(gradient, Tensor)

report = tg.verify.check(f, x)
assert_type(bool(report), bool)
