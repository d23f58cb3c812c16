"""Data: arrays, image folders, embedded data sets, and the loader that makes batches of them."""

from .augmentation import (
    AugmentedDataset,
    RandomCrop,
    RandomHorizontalFlip,
    RandomRotation,
    RandomShift,
)
from .dataset import ArrayDataset
from .embedded import load_digits, load_mnist
from .folder import ImageFolder
from .images import preprocess
from .loader import DataLoader

__all__ = [
    "ArrayDataset", "AugmentedDataset", "DataLoader", "ImageFolder", "RandomCrop",
    "RandomHorizontalFlip", "RandomRotation", "RandomShift", "load_digits", "load_mnist",
    "preprocess",
]  # fmt: skip
