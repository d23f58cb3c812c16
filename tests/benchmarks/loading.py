"""Does training wait for its images? ``python -m tests.benchmarks.loading FOLDER``.

Images of 64x64 in colour, flipped and shifted, in batches of 64. Milliseconds per batch that a
loop waits in ``next()``, beside a step of 50 ms of matrix products: the first epoch decodes the
files, later ones find them in the cache. Then images per second of each transform alone.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tinygrad_fr.data import (
    AugmentedDataset,
    DataLoader,
    ImageFolder,
    RandomCrop,
    RandomHorizontalFlip,
    RandomRotation,
    RandomShift,
)

SIZE, BATCH = 64, 64


def best(action: Callable[[], Any], times: int = 10) -> float:
    """Seconds."""
    found = float("inf")
    for _ in range(times):
        start = time.perf_counter()
        action()
        found = min(found, time.perf_counter() - start)
    return found


def waits(loader: Any, step: Callable[[], Any]) -> Iterator[tuple[float, float]]:
    """Per batch, the milliseconds in ``next()`` and those of the step after it."""
    batches = iter(loader)
    for _ in range(len(loader)):
        start = time.perf_counter()
        next(batches)
        loaded = time.perf_counter()
        step()
        yield (loaded - start) * 1e3, (time.perf_counter() - loaded) * 1e3


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", help="one sub-folder of images per class")
    parser.add_argument("--step", type=float, default=50.0, help="milliseconds (50)")
    options = parser.parse_args()

    start = time.perf_counter()
    folder = ImageFolder(options.folder, SIZE)
    print(f"{len(folder)} images looked through in {time.perf_counter() - start:.2f} s")

    a = np.ones((400, 400), np.float32)
    products = max(1, round(options.step / 1e3 / best(lambda: a @ a, 50)))

    def step() -> None:
        for _ in range(products):
            a @ a

    alone = [best(step, 1) for _ in range(20)]
    print(f"a step alone: {np.median(alone) * 1e3:.1f} ms")
    print("prefetch  epoch   epoch s   waits s   median ms    95 % ms   first ms   step ms")
    for prefetch in (0, 2):
        fresh = ImageFolder(options.folder, SIZE)
        data = AugmentedDataset(fresh, [RandomHorizontalFlip(), RandomShift(4)], seed=0)
        loader = DataLoader(data, BATCH, shuffle=True, seed=0, prefetch=prefetch)
        for epoch in (1, 2):
            wait, work = np.array(list(waits(loader, step))).T
            print(
                f"{prefetch:8}  {epoch:5}  {(wait + work).sum() / 1e3:8.2f}  "
                f"{wait.sum() / 1e3:8.2f}  {np.median(wait):10.2f}  "
                f"{np.percentile(wait, 95):9.1f}  {wait[0]:9.1f}  {np.median(work):8.1f}"
            )

    rng = np.random.default_rng(0)
    images = rng.random((BATCH, 3, SIZE, SIZE)).astype(np.float32)
    flip, shift = RandomHorizontalFlip(), RandomShift(4)
    transforms: dict[str, Callable[[Any, Any], Any]] = {
        "flip and shift": lambda images, rng: shift(flip(images, rng), rng)
    }
    several = (flip, shift, RandomCrop(56), RandomRotation(15))
    transforms |= {str(transform): transform for transform in several}
    for name, transform in transforms.items():
        print(f"{BATCH / best(lambda t=transform: t(images, rng)):9,.0f} images/s  {name}")


if __name__ == "__main__":
    main()
