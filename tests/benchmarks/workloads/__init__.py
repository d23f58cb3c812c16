"""The table of workloads, and what a framework's way of doing one looks like.

A file ``in_<framework>.py`` has one function per *builder* named in the table, called with the
workload's sizes; what a framework cannot do is missing there. ``<builder>_modules`` does the same
with Modules and an optimizer. A builder returns a Trial.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from .arrays import Array

__all__ = ["COUNTED", "WHOLE", "WORKLOADS", "Trial", "Workload"]


class Trial(Protocol):
    """Something that can be checked once and timed many times."""

    trains: bool
    """Whether a step updates parameters (a network) or only computes gradients (an operation)."""

    def outcome(self) -> list[Array]:
        """The loss or output, then all gradients, in PyTorch's layouts; changes nothing."""

    def step(self) -> float | None:
        """Do what is timed: forward, backward, update. The loss, if it trains."""


@dataclass(frozen=True)
class Workload:
    """What is timed, and the ratio to the reference that tinygrad_fr is to reach."""

    name: str
    title: str
    builder: str
    sizes: tuple[int, ...]
    must: float | None = None
    """On one thread and on any number of them."""
    moonshot: float | None = None
    must_with_numba: float | None = None
    """Where it is to be faster still."""
    extra: bool = False
    """Not part of the geometric mean, and for few contenders."""
    whole: bool = False
    """What a user waits for: measured with all defaults, too."""
    reference: str = "torch"
    """Whose time is 1."""
    slow_for: tuple[str, ...] = ()
    """Contenders that take seconds, for a step or to compile: the short mode leaves them out."""

    @property
    def has_modules(self) -> bool:
        return self.builder in ("course", "lenet", "mlp")


_MLP = (784, 256, 128, 10)
_TABLE = [
    Workload("W1", "course CNN, 1 image", "course", (1,), 0.5, 0.33),
    Workload("W2 b32", "course CNN, 32 images", "course", (32,), 0.5, 0.2,
             slow_for=("tinygrad",)),
    Workload("W2 b128", "course CNN, 128 images", "course", (128,), 0.5, 0.2,
             slow_for=("tinygrad",)),
    Workload("W3", "LeNet, 64 images", "lenet", (64,), 1.0, 0.7, whole=True,
             slow_for=("tinygrad",)),
    Workload("W4 b64", "MLP 784-256-128-10, 64 rows", "mlp", (64, *_MLP), 1.05, 0.85),
    Workload("W4 b1", "MLP 784-256-128-10, 1 row", "mlp", (1, *_MLP), 1.0, 0.5),
    Workload("W5 1k", "chain of 1,000 operations", "chain", (1_000,)),
    Workload("W5 100k", "chain of 100,000 operations", "chain", (100_000,), 0.6, 0.3,
             slow_for=("autograd", "mygrad")),
    # images, channels, filters, height and width; 3x3, padding 1
    Workload("conv A", "convolution, 16 to 32 channels", "convolution", (32, 16, 32, 28), 1.6, 1.2,
             slow_for=("tinygrad",)),
    Workload("conv B", "convolution, 64 channels", "convolution", (16, 64, 64, 32), 1.6, 1.2,
             slow_for=("autograd", "tinygrad")),
    Workload("pool", "max-pooling 2x2", "max_pool", (32, 16, 28), 0.4, 0.1),
    Workload("CE", "cross entropy", "cross_entropy", (128, 1000), 1.0, 0.7),
    Workload("CE composed", "softmax, log, pick", "composed_cross_entropy", (128, 1000), 1.0, 0.7,
             slow_for=("tinygrad",)),
    Workload("LN", "layer norm", "layer_norm", (128, 768), 1.0, 0.35),
    Workload("LN composed", "means and square root", "composed_layer_norm", (128, 768), 1.0, 0.35),
    # whole training steps and runs, and what they are made of
    Workload("W7", "small_vgg with Adam, 32 photographs", "small_vgg", (32, 64), 1.0, 0.6, 0.85,
             extra=True, whole=True),
    Workload("W8", "Adam, 1,000,000 parameters", "adam", (1_000_000,), 1.0, 0.3, 0.5, extra=True),
    Workload("W9", "MLP 64-128-10, 1,792 digits, three epochs", "digits", (1792, 64, 3), 0.7, 0.4,
             extra=True, whole=True, reference="sklearn"),
    Workload("W10", "course CNN, 100 images one by one, three epochs", "course_run", (100, 3),
             extra=True, whole=True, slow_for=("loops",)),
    Workload("W11", "attention, 64 tokens, 4 heads, 16 texts", "attention", (16, 64, 128, 4), 1.0,
             0.6, extra=True),
    Workload("W12", "LSTM cell, 50 steps, 32 texts", "lstm", (50, 32, 32, 64), 1.0, 0.6,
             extra=True),
    Workload("W13", "batch norm and ReLU", "norm_relu", (32, 48, 32), 1.0, 0.4, 0.6, extra=True),
    # the convolutions of small_vgg
    Workload("vgg 1", "convolution, 3 to 24 channels", "convolution", (64, 3, 24, 64), extra=True),
    Workload("vgg 2", "24 to 48 channels", "convolution", (64, 24, 48, 32), extra=True),
    Workload("vgg 3", "48 to 96 channels", "convolution", (64, 48, 96, 16), extra=True),
    Workload("vgg 4", "96 to 128 channels", "convolution", (64, 96, 128, 8), extra=True),
]  # fmt: skip

WORKLOADS = {workload.name: workload for workload in _TABLE}
COUNTED = [workload.name for workload in _TABLE if not workload.extra]
"""What the geometric mean is over: all but the extra ones."""
WHOLE = [workload.name for workload in _TABLE if workload.whole]
