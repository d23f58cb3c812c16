"""Layers, activations, losses and models."""

from . import models
from .layers import Conv2d, Flatten, Linear, MaxPool2d
from .module import Module, Parameter, Sequential
from .wrappers import (
    BCELoss,
    CrossEntropyLoss,
    LogSoftmax,
    MSELoss,
    ReLU,
    Sigmoid,
    Softmax,
    Tanh,
)

__all__ = [
    "BCELoss", "Conv2d", "CrossEntropyLoss", "Flatten", "Linear", "LogSoftmax", "MSELoss",
    "MaxPool2d", "Module", "Parameter", "ReLU", "Sequential", "Sigmoid", "Softmax", "Tanh",
    "models",
]  # fmt: skip
