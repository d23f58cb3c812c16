"""Optimizers, schedules of learning rates, clipping of gradients."""

from .base import Optimizer
from .clipping import clip_grad_norm
from .optimizers import SGD, Adagrad, Adam, AdamW, RMSprop
from .schedules import CosineAnnealingLR, OneCycleLR, Schedule, StepLR

__all__ = [
    "SGD", "Adagrad", "Adam", "AdamW", "CosineAnnealingLR", "OneCycleLR", "Optimizer", "RMSprop",
    "Schedule", "StepLR", "clip_grad_norm",
]  # fmt: skip
