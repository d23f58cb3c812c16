"""Data: arrays, image folders, embedded data sets, and the loader that makes batches of them."""

from .dataset import ArrayDataset
from .embedded import load_digits, load_mnist
from .folder import ImageFolder
from .images import preprocess
from .loader import DataLoader

__all__ = ["ArrayDataset", "DataLoader", "ImageFolder", "load_digits", "load_mnist", "preprocess"]
