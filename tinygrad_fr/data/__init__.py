"""Data: arrays, image folders, embedded data sets, augmentation, and the loader of batches."""

from .augmentation import AugmentedDataset
from .dataset import ArrayDataset, pad_sequences
from .embedded import load_digits, load_mnist
from .folder import ImageFolder
from .images import preprocess
from .loader import DataLoader, Shard, WeightedSampler
from .transforms import RandomCrop, RandomHorizontalFlip, RandomRotation, RandomShift

__all__ = [
    "ArrayDataset",
    "AugmentedDataset",
    "DataLoader",
    "ImageFolder",
    "RandomCrop",
    "RandomHorizontalFlip",
    "RandomRotation",
    "RandomShift",
    "Shard",
    "WeightedSampler",
    "load_digits",
    "load_mnist",
    "pad_sequences",
    "preprocess",
]
