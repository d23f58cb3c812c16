"""The course's network in plain NumPy, as it is written the first time: a loop for each pixel."""

from __future__ import annotations

import numpy as np

from . import arrays
from .arrays import RATE, Array


def forward(image: Array, kernels: Array, biases: Array) -> tuple[Array, Array, Array]:
    """The maps of an image, their pooled maxima, and which pixel of its window each one is."""
    filters, (height, width) = len(kernels), image.shape
    maps = np.zeros((filters, height - 2, width - 2), image.dtype)
    for f in range(filters):
        for i in range(height - 2):
            for j in range(width - 2):
                maps[f, i, j] = np.sum(image[i : i + 3, j : j + 3] * kernels[f]) + biases[f]
    pooled = np.zeros((filters, (height - 2) // 2, (width - 2) // 2), image.dtype)
    where = np.zeros(pooled.shape, int)
    for f in range(filters):
        for i in range(pooled.shape[1]):
            for j in range(pooled.shape[2]):
                window = maps[f, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2]
                pooled[f, i, j] = np.max(window)
                where[f, i, j] = np.argmax(window)
    return maps, pooled, where


def backward(
    image: Array, maps: Array, where: Array, g: Array, kernels: Array
) -> tuple[Array, Array]:
    """The gradients for the kernels and the biases."""
    spread = np.zeros_like(maps)
    for f in range(len(g)):
        for i in range(g.shape[1]):
            for j in range(g.shape[2]):
                di, dj = divmod(where[f, i, j], 2)
                spread[f, 2 * i + di, 2 * j + dj] = g[f, i, j]
    to_kernels, to_biases = np.zeros_like(kernels), np.zeros(len(kernels), kernels.dtype)
    for f in range(len(kernels)):
        for i in range(maps.shape[1]):
            for j in range(maps.shape[2]):
                to_kernels[f] += spread[f, i, j] * image[i : i + 3, j : j + 3]
        to_biases[f] = np.sum(spread[f])
    return to_kernels, to_biases


class Run:
    """A whole training from the same start each time, and what it has learned."""

    trains = False

    def __init__(self, data: list[Array], epochs: int) -> None:
        self.images, self.labels, *self.values = data
        self.epochs = epochs

    def step(self) -> None:
        self.learned = kernels, biases, weights, offsets = [v.copy() for v in self.values]
        for _ in range(self.epochs):
            for image, label in zip(self.images[:, 0], self.labels, strict=True):
                maps, pooled, where = forward(image, kernels[:, 0], biases)
                flat = pooled.reshape(-1)
                scores = weights @ flat + offsets
                e = np.exp(scores - np.max(scores))
                delta = e / np.sum(e)
                delta[label] -= 1
                g = (weights.T @ delta).reshape(pooled.shape)
                to_kernels, to_biases = backward(image, maps, where, g, kernels[:, 0])
                weights -= RATE * np.outer(delta, flat)
                offsets -= RATE * delta
                kernels[:, 0] -= RATE * to_kernels
                biases -= RATE * to_biases

    def outcome(self) -> list[Array]:
        self.step()
        return self.learned


def course_run(images: int, epochs: int) -> Run:
    return Run(arrays.course(images), epochs)
