"""What the kernels' tricks give: ``python -m tests.benchmarks.tricks``.

Each against its plain form, which must compute the same, on one thread (set ``OMP_NUM_THREADS=1``);
the two take turns. Medians in microseconds.
"""

from __future__ import annotations

import contextlib
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tinygrad_fr.kernels import convolution, fast, matrix, normalisation, pooling, stable, sums
from tinygrad_fr.kernels.fast import winograd as wino
from tinygrad_fr.ops.selection import where

Array = Any
CUT = (1, 1), (0, 0), (1, 1), 1  # stride, padding, dilation, groups
WINDOW = (2, 2), (2, 2), (0, 0)  # kernel, stride, padding


def tricks() -> Iterator[tuple[str, Callable[[], Array], Callable[[], Array]]]:
    """A name, the kernel, and its plain form."""
    rng = np.random.default_rng(0)
    draw = lambda *shape: rng.standard_normal(shape).astype(np.float32)
    z, g, rows = draw(128, 1000), draw(128, 1000), np.arange(128)
    labels = rows, rng.integers(0, 1000, 128)
    yield "sums of rows (128, 1000)", lambda: sums.total(z, 1), lambda: z.sum(1)

    e = lambda: np.exp(z - z.max(1, keepdims=True))
    yield (
        "softmax (128, 1000)",
        lambda: stable.softmax(z, 1),
        lambda: (lambda x: x / x.sum(1, keepdims=True))(e()),
    )

    def one_hot() -> Array:
        y = np.zeros_like(z)
        y[labels] = 1
        return y

    u = np.float32(1 / 128)
    yield (
        "cross entropy (128, 1000), gradient",
        lambda: stable.cross_entropy(z, labels, 1)[1](u),
        lambda: u * (np.exp(stable.log_softmax(z, 1)) - one_hot()),
    )
    p = stable.softmax(z, 1)

    def careful() -> Array:
        undefined = (g == 0) & ((p == 0) | (p != p))
        return g / where(undefined, 1, p) if undefined.any() else g / p

    yield "quotient (128, 1000)", lambda: stable.finite_quotient(g, p), careful

    w = draw(1000)

    def normalised() -> Array:
        d = z - z.mean(1, keepdims=True)
        xhat = d / np.sqrt((d * d).mean(1, keepdims=True) + np.float32(1e-5))
        h = g * w
        moment = (h * xhat).mean(1, keepdims=True)
        return (h - h.mean(1, keepdims=True) - xhat * moment) / np.sqrt(
            (d * d).mean(1, keepdims=True) + np.float32(1e-5)
        )

    def layer() -> Array:
        _, d, scale = normalisation.layer_norm(z, w, w, 1e-5)
        return normalisation.layer_norm_gradients(g, d, scale, w)[0]

    yield "layer norm (128, 1000), forward and gradient", layer, normalised

    for n in (1, 128):
        x, k, b = draw(n, 1, 50, 50), draw(8, 1, 3, 3), draw(8)
        yield (
            f"bias within the product, W1 with {n} images",
            lambda x=x, k=k, b=b: convolution.conv(x, k, *CUT, b)[0],
            lambda x=x, k=k, b=b: convolution.conv(x, k, *CUT)[0] + b[:, None, None],
        )
        y = draw(n, 8, 48, 48)
        yield (
            f"max-pooling, W1 with {n} images",
            lambda y=y: pooling.max_pool(y, *WINDOW)[0],
            lambda y=y, n=n: y.reshape(n, 8, 24, 2, 24, 2).max((3, 5)),
        )
    x, k, up = draw(32, 16, 28, 28), draw(32, 16, 3, 3), draw(32, 32, 28, 28)

    def kept() -> Array:
        tiles: wino.Tiles = {}
        wino.conv(x, k, (1, 1), None, tiles)
        return wino.conv_weight(x, up, (1, 1), tiles)

    def again() -> Array:
        wino.conv(x, k, (1, 1))
        return wino.conv_weight(x, up, (1, 1))

    yield "tiles kept, conv A, forward and filters", kept, again
    column, row = draw(784, 1), draw(1, 256)
    like = np.empty((784, 256), np.float32)
    yield (
        "outer product (784, 256)",
        lambda: matrix.product(column, row, like),
        lambda: column @ row,
    )


def compare(kernel: Callable[[], Array], plain: Callable[[], Array]) -> tuple[float, float]:
    """Medians in microseconds; raises if the results differ."""
    a, b = kernel(), plain()
    np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4 * float(np.abs(b).max()))
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(200):
        for taken, function in zip(times, (kernel, plain), strict=True):
            start = time.perf_counter()
            function()
            taken.append((time.perf_counter() - start) * 1e6)
    return statistics.median(times[0]), statistics.median(times[1])


@contextlib.contextmanager
def without_numba() -> Iterator[None]:
    """Leave the compiled kernels alone."""
    chosen, fast.kernels = fast.kernels, lambda *_: None  # type: ignore[assignment]
    try:
        yield
    finally:
        fast.kernels = chosen


if __name__ == "__main__":
    print(f"{'':48}{'plain':>10}{'kernel':>10}{'with numba':>12}")
    for name, kernel, plain in tricks():
        with without_numba():
            mine, theirs = compare(kernel, plain)
        compiled, _ = compare(kernel, plain)
        print(f"{name:48}{theirs:10.1f}{mine:10.1f}{compiled:12.1f}", flush=True)
