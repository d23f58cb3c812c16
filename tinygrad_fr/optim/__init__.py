"""Optimizers, schedules of learning rates, clipping of gradients."""

from .base import Optimizer
from .clipping import clip_grad_norm
from .combined import ChainedScheduler, SequentialLR
from .optimizers import SGD, Adagrad, Adam, AdamW, RMSprop
from .plateau import ReduceLROnPlateau
from .schedules import CosineAnnealingLR, LambdaLR, LinearLR, OneCycleLR, Schedule, StepLR

__all__ = [
    "SGD", "Adagrad", "Adam", "AdamW", "ChainedScheduler", "CosineAnnealingLR", "LambdaLR",
    "LinearLR", "OneCycleLR", "Optimizer", "RMSprop", "ReduceLROnPlateau", "Schedule",
    "SequentialLR", "StepLR", "clip_grad_norm",
]  # fmt: skip
