"""What ranks run: ``mpiexec -n N python -m tests.exchange.programs NAME FOLDER``.

Each rank leaves what its program returns, arrays by name, in ``FOLDER/RANK.npz``.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import numpy as np

import tinygrad_fr as tg
from tinygrad_fr import nn, optim


class Stop:
    """Ends the training after a batch, or an epoch, on the ranks that are to."""

    def __init__(self, stops, batch=0, epoch=0):
        self.stops, self.batch, self.epoch, self.losses = stops, batch, epoch, []

    def __call__(self, history):
        return self.stops and len(history) == self.epoch

    def on_batch_end(self, history, batch):
        self.losses.append(batch["loss"])
        return self.stops and batch["batch"] == self.batch


class Branching(nn.Module):
    """A layer for some examples, of which a rank may have none, and one that nobody uses."""

    def __init__(self):
        self.layer, self.other, self.unused = nn.Linear(8, 3), nn.Linear(8, 3), nn.Linear(8, 3)

    def forward(self, x):
        chosen = (x.data[:, :1] > 1).astype(float)
        return self.layer(x) + self.other(x) * chosen if chosen.any() else self.layer(x)


def frozen():
    model = nn.models.mlp((8, 6, 6, 3), nn.Tanh)
    for p in list(model.parameters())[2:4]:
        p.requires_grad = False
    return model


def convolutional():
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(4, 3)
    )


def rows(n=37):
    rng = np.random.default_rng(0)
    return rng.normal(size=(n, 8)), rng.integers(0, 3, n)


def images(n=26):
    rng = np.random.default_rng(1)
    return rng.normal(size=(n, 1, 4, 4)), rng.integers(0, 3, n)


def case(train, make, data, optimizer, scheduler=lambda _optimizer: None, **options):
    """Train from rank 0's weights in float64; the weights, and all that was measured."""
    tg.set_default_dtype("float64")
    model, given, seen = make(), data(), Stop(False)
    made = optimizer(model.parameters())
    history = train(
        model, given, loss=tg.cross_entropy, optimizer=made, scheduler=scheduler(made), epochs=3,
        callbacks=seen, progress=False, metrics=["accuracy"], **options,
    )  # fmt: skip
    tg.set_default_dtype("float32")
    measured = {key: np.array(history[key]) for key in history if key != "seconds"}
    return {
        **model.state_dict(),
        **measured,
        "losses": np.array(seen.losses),
        "next epoch": getattr(given, "epoch", 0),
    }


# The last batch has a single example, and one whose rank would have none.
CASES = {
    "momentum": lambda train: case(
        train, lambda: nn.models.mlp((8, 16, 3)), lambda: tg.data.DataLoader(rows(), 9, True, 5),
        lambda p: optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True), clip=0.3,
        scheduler=lambda o: optim.OneCycleLR(o, max_lr=0.2, total_steps=15),
    ),
    "Adam": lambda train: case(
        train, lambda: nn.models.mlp((8, 16, 3)), lambda: rows(66),
        lambda p: optim.Adam(p, lr=0.01, weight_decay=0.1), valid=rows(5), accumulate=2, seed=3,
        scheduler=lambda o: optim.StepLR(o, 1, 0.5),
    ),
    "convolution": lambda train: case(  # whose order is drawn from the generator
        train, convolutional, lambda: tg.data.DataLoader(images(), 8, shuffle=True),
        lambda p: optim.Adam(p, lr=0.01), valid=tg.data.DataLoader(images(1), 2),
    ),
    "sampler": lambda train: case(
        train, lambda: nn.Linear(8, 3), lambda: tg.data.DataLoader(
            rows(), 9, sampler=tg.data.WeightedSampler(np.arange(37.0), seed=2)),
        lambda p: optim.SGD(p, lr=0.1),
    ),
    "branches": lambda train: case(
        train, Branching, lambda: tg.data.DataLoader(rows(), 4),
        lambda p: optim.AdamW(p, lr=0.01, weight_decay=0.1),
    ),
    "frozen": lambda train: case(
        train, frozen, lambda: tg.data.DataLoader(rows(), 9, drop_last=True),
        lambda p: optim.SGD(p, lr=0.1),
    ),
}  # fmt: skip


def cases(train, rank=0, size=1, folder=None):
    """All of them, the ranks with other weights and orders than rank 0 has."""
    found = {}
    for name, run in CASES.items():
        tg.manual_seed(rank)
        found |= {f"{name}: {key}": value for key, value in run(train).items()}
    return found


def overlapping(train, rank, size, folder):
    """The same in small messages, and how many of them left before the pass was over."""
    from tinygrad_fr.exchange import mpi

    mpi.BUCKET, early = 64, []
    leaves = mpi._Descent.leaves

    def noted(self, found):
        early.append(len(self.sent))
        leaves(self, found)

    mpi._Descent.leaves = noted
    return {**cases(train, rank), "early": np.array(early)}


def noisy():
    """A model that draws numbers, and keeps statistics."""
    return nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.Dropout(0.5), nn.Linear(16, 3))


def training(train, epochs, callbacks=(), data=lambda: rows(48), **options):
    model = noisy()
    history = train(
        model, tg.data.DataLoader(data(), 12, shuffle=True), rows(7), loss=tg.cross_entropy,
        optimizer=optim.Adam(model.parameters(), lr=0.01), epochs=epochs, callbacks=callbacks,
        progress=False, **options,
    )  # fmt: skip
    return history, model.state_dict()


def resumed(train, rank, size, folder):
    tg.manual_seed(1)
    whole = training(train, 4, seed=0)[1]
    tg.manual_seed(1)
    training(train, 2, seed=0, checkpoint=folder / "state.npz")
    tg.manual_seed(77)
    history, parts = training(train, 4, seed=0, checkpoint=folder / "state.npz", resume=True)
    draws = np.random.default_rng(0)
    draws.bit_generator.state = tg.settings.generator().bit_generator.state
    return {
        **{f"whole {name}": x for name, x in whole.items()},
        **{f"parts {name}": x for name, x in parts.items()},
        "loss": np.array(history["loss"]), "draw": draws.random(),
    }  # fmt: skip


def stopped(train, rank, size, folder):
    """How many epochs there are when only one rank wants to stop."""
    stops = [Stop(rank == 0, epoch=2), Stop(rank == 1, epoch=2), Stop(rank == 0, batch=2)]
    lengths = [len(training(train, 3, callbacks=stop)[0]) for stop in stops]
    return {"epochs": np.array(lengths), "batches": np.array([len(s.losses) for s in stops])}


def failing(act):
    """A program in the third epoch of which rank 1 does something."""

    def program(train, rank, size, folder):
        def callback(history):
            if rank == 1 and len(history) == 3:
                act()

        history, state = training(train, 5, callback, checkpoint=folder / "state.npz")
        return {**state, "epochs": len(history), "interrupted": history.interrupted}

    return program


def fail():
    raise RuntimeError("the disk of rank 1 is full")


def stuck(train, rank, size, folder):
    """Rank 0 fails, and rank 1 does not listen."""
    from tinygrad_fr.exchange import mpi

    mpi.PATIENCE = 0.5
    training(train, 2, (lambda history: time.sleep(100)) if rank else (lambda history: fail()))


def infinite(train, rank, size, folder):
    x, y = rows(48)
    x[7] = np.nan
    try:
        training(train, 2, data=lambda: (x, y))
    except tg.errors.NonFiniteError as error:
        return {"text": str(error)}


def logged(train, rank, size, folder):
    """Only rank 0 is told of each batch, and ends the epoch of all; the others hear of it."""
    callbacks = [Stop(True, batch=3)] if rank == 0 else []
    return {"epochs": len(training(train, 3, callbacks)[0])}


def half(train, rank=0, size=1, folder=None):
    """In float16, where the sum over a batch's losses would be infinite, but not their mean."""
    tg.manual_seed(0)
    model = nn.models.mlp((8, 6, 3))
    for p in model.parameters():
        p.data = p.data.astype(np.float16)
    x, y = rows(48)
    history = train(
        model, tg.data.DataLoader((x.astype(np.float16), y), 24), epochs=3, progress=False,
        optimizer=optim.SGD(model.parameters(), lr=1e-5),
        loss=lambda p, t: tg.cross_entropy(p, t) * 8192.0,
    )  # fmt: skip
    return {**model.state_dict(), "loss": np.array(history["loss"])}


def fussy(train, rank, size, folder):
    """A metric that is no number on a rank without an example, which does not count."""
    model = nn.Linear(8, 3)
    history = train(
        model, rows(2), rows(1), epochs=1, loss=tg.cross_entropy, progress=False,
        optimizer=optim.SGD(model.parameters(), lr=0.1),
        metrics=[lambda _y, _target: np.nan if rank else 0.5],
    )  # fmt: skip
    return {"measured": history["valid_<lambda>"][-1]}


def diverging(train, rank, size, folder):
    model = nn.Linear(8, 3)

    def callback(history):
        model.bias.data[0] += rank

    train(
        model, rows(), loss=tg.cross_entropy, epochs=2, callbacks=callback,
        optimizer=optim.SGD(model.parameters(), lr=0.1),
    )  # fmt: skip


def unequal(train, rank, size, folder):
    training(train, 1, data=lambda: rows(48 + rank))


def batches(train, rank, size, folder):
    model = nn.Linear(8, 3)
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    train(model, [rows()], loss=tg.cross_entropy, epochs=1, optimizer=optimizer)


def threaded(train, rank, size, folder):
    from tinygrad_fr.kernels.fast import blas, threads

    training(train, 1)
    return {"threads": blas.wanted(), "cores": threads.limit()}


PROGRAMS = {
    "cases": cases, "overlapping": overlapping, "resumed": resumed, "stopped": stopped,
    "raising": failing(fail), "killed": failing(lambda: os.kill(os.getpid(), signal.SIGKILL)),
    "interrupted": failing(lambda: os.kill(os.getpid(), signal.SIGINT)), "stuck": stuck,
    "infinite": infinite, "diverging": diverging, "unequal": unequal, "batches": batches,
    "threaded": threaded, "logged": logged, "half": half, "fussy": fussy,
}  # fmt: skip

if __name__ == "__main__":
    from mpi4py import MPI

    name, folder = sys.argv[1], Path(sys.argv[2])
    rank, size = MPI.COMM_WORLD.rank, MPI.COMM_WORLD.size
    found = PROGRAMS[name](tg.exchange.distributed, rank, size, folder)
    np.savez(folder / f"{rank}.npz", **found)
