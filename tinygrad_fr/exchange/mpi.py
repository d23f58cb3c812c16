"""Training on many machines: ``fit`` by processes that share out each batch, under MPI."""

import math
import os
import time
import traceback
import zlib
from functools import partial
from itertools import accumulate, groupby
from pathlib import Path
from typing import Any

import numpy as np

from .. import settings
from ..autograd.engine import differentiated
from ..autograd.guards import observers
from ..data import Shard
from ..errors import ArgumentError, TinygradError, need
from ..graph.recorded.walk import ordered
from ..kernels.fast.threads import share_cores
from ..training import History, fit
from ..training.descent import Descent
from ..training.fitting import batches_of
from ..training.metrics import Means

# Bytes of a message: long beside what a network carries in its delay (6 KB at 1 Gb/s in 50 us),
# and short enough that most of small_vgg's 0.7 MB is under way before the pass ends.
BUCKET = 2**18
PATIENCE = 10.0  # seconds in which all ranks are to hear that one leaves
_pause = getattr(os, "sched_yield", lambda: None)  # time.sleep(0) takes 70 us


def distributed(
    model: Any, train: Any, valid: Any = None, *, comm: Any = None, **options: Any
) -> History:
    """Train a model by all processes that ``mpiexec -n N`` has started; alone without it.

    Each runs the same program. They share out each batch and take the same step, with the gradient
    over all its examples: that of one process with the whole batch where the loss is a mean over
    the examples and the model takes each for itself. Dropout and augmentation draw other numbers;
    BatchNorm sees each rank's part, and its running statistics are averaged.

    Parameters
    ----------
    model
        Rank 0's weights, and its optimizer's state, are taken over by all.
    train, valid
        Arrays, a dataset or a DataLoader, the same on each rank; ``batch_size`` is that of all
        together, the order rank 0's.
    comm
        The processes, an mpi4py communicator; by default all. Those of one machine share its cores,
        unless ``OMP_NUM_THREADS`` says how many threads each has.
    **options
        As for ``fit``. Each rank calls its own callbacks; True on one ends all. Rank 0 shows the
        progress and writes the checkpoint, where all can read it. All get the same History.

    Raises
    ------
    TinygradError
        If another rank has failed; one that does not hear of it in 10 s is ended.

    References
    ----------
    Li et al., "PyTorch Distributed", VLDB 13 (2020), section 3.2: buckets and overlap.

    Examples
    --------
    >>> import tinygrad_fr as tg
    >>> class Alone:  # as MPI.COMM_WORLD is without mpiexec
    ...     size = 1
    >>> x, model = np.ones((4, 1)), tg.nn.Linear(1, 1)
    >>> distributed(model, (x, x), comm=Alone, loss=tg.mse_loss, epochs=1, progress=False,
    ...             optimizer=tg.optim.SGD(model.parameters(), lr=0.1)).keys()
    ['epoch', 'loss', 'seconds']
    """
    if comm is None:
        need(mpi="mpi4py")
        from mpi4py import MPI

        comm = MPI.COMM_WORLD
    if comm.size == 1:
        return fit(model, train, valid, **options)
    ranks = _Ranks(comm, options.get("checkpoint"))
    options["progress"] = options.get("progress", True) and not ranks.rank
    try:
        loaders = [batches_of(train, shuffle=True, seed=options.get("seed"))]
        loaders += [] if valid is None else [batches_of(valid)]
        shards = [Shard(loader, ranks.rank, ranks.size, ranks.order) for loader in loaders]
        ranks.alike("examples", [len(shard.data) for shard in shards])
        ranks.alike("epochs", options.get("epochs"))
        ranks.alike("checkpoint", bool(options.get("resume")) and ranks.written())
        history = fit(model, *shards, **options, steps=partial(_Descent, ranks, model))
        if history.interrupted:
            ranks.leave(None)
        else:
            ranks.everyone(None)  # rank 0 has written the last checkpoint
            ranks.comm.Free()
            ranks.exit.Free()
    except BaseException as error:
        ranks.leave(error)
        raise
    return history


distributed.fit = distributed  # type: ignore[attr-defined]  # for those who look for a module


class _Ranks:
    """The processes of a run. Who waits for the others hears their interrupts and last words."""

    def __init__(self, comm: Any, checkpoint: Any) -> None:
        from mpi4py import MPI

        self.comm, self.exit = comm.Dup(), comm.Dup()
        self.rank, self.size, self.checkpoint = comm.rank, comm.size, checkpoint
        self.heard: Any = None  # the error of another one
        self.add = partial(self.comm.Iallreduce, MPI.IN_PLACE)  # begins to add up what all have
        self.arrived = MPI.Request.Testall
        machines = comm.allgather(MPI.Get_processor_name())
        share_cores(machines.count(machines[self.rank]))

    def everyone(self, thing: Any) -> list[Any]:
        """What each rank has."""
        self.wait([self.comm.Ibarrier()])
        return list(self.comm.allgather(thing))

    def first(self, thing: Any) -> Any:
        """What rank 0 has."""
        return self.everyone(None if self.rank else thing)[0]

    def order(self, batches: Any) -> Any:
        """Rank 0's batches of an epoch; from there each rank has random numbers of its own."""
        numbers: Any = settings.generator().bit_generator
        batches, numbers.state = self.first((batches, numbers.state))
        if self.rank:
            numbers.state = numbers.jumped(self.rank).state
        return batches

    def alike(self, name: str, value: Any) -> None:
        """Refuse what differs from rank to rank."""
        values = self.everyone(value)
        if values != values[:1] * self.size:
            raise ArgumentError(
                "{name} must be the same on each rank: from the first to the last, {values}",
                name=name, values=", ".join(map(str, values)),
            )  # fmt: skip

    def wait(self, requests: list[Any]) -> None:
        """Until messages have arrived."""
        while not self.arrived(requests):
            if self.exit.iprobe():
                self.heard = self.exit.recv()
                raise self.heard or KeyboardInterrupt
            _pause()

    def written(self) -> bool:
        """Whether there is a checkpoint."""
        return self.checkpoint is not None and Path(self.checkpoint).exists()

    def leave(self, error: BaseException | None) -> None:
        """Tell the others of an error here, or of an interrupt, and leave with them."""
        said = None
        if error is not None and error is not self.heard:
            said = TinygradError(
                "rank {rank} has ended the run of all ranks: {error}. Last checkpoint: {path}",
                rank=self.rank, error=traceback.format_exception_only(error)[-1].strip(),
                path=self.checkpoint if self.written() else "-",
            )  # fmt: skip
            error.add_note(str(said))
        _sent = [self.exit.isend(said, other) for other in range(self.size)]  # kept alive
        together, end = self.exit.Ibarrier(), time.monotonic() + PATIENCE
        while not together.Test():
            if time.monotonic() > end:
                traceback.print_exception(error)
                self.comm.Abort(1)
            time.sleep(0.01)


class _Means(Means):
    """Loss and metrics over the examples of all ranks."""

    def __init__(self, ranks: _Ranks, model: Any, shard: Shard) -> None:
        super().__init__()
        self.ranks, self.model, self.shard = ranks, model, shard

    def examples(self, _y: Any, _target: Any, number: int) -> int:
        """How many examples of a batch are this rank's."""
        return self.shard.counts[number - 1][0]

    def result(self) -> dict[str, float]:
        """The means over all ranks, also of the statistics that layers have kept in training."""
        counts, sums = zip(*self.ranks.everyone((self.n, self.sums)), strict=True)
        self.n = sum(counts)
        self.sums = {name: sum(own.get(name, 0.0) for own in sums) for name in sums[0]}
        for _name, x in self.model.named_buffers() if self.model.training else ():
            if x.dtype.kind == "f":
                x[...] = sum(self.ranks.everyone(x)) / self.ranks.size
        return super().result()


class _Descent(Descent):
    """Steps from the gradients of all ranks, which are under way while the pass goes on.

    All ranks send the same messages in the same order, from the last parameter to the first.
    """

    sums: list[Any]  # the buckets' gradients: at first this rank's, then of all
    sent: list[Any]  # their messages

    def __init__(self, ranks: _Ranks, model: Any, *options: Any) -> None:
        super().__init__(*options)
        self.ranks, self.model, self.writes = ranks, model, not ranks.rank
        for owner in model, self.optimizer:
            owner.load_state_dict(ranks.first(owner.state_dict()))
        if self.agreed(bool(self.hooks)):  # one rank's may end the epoch of all: each asks
            self.hooks.append(lambda _history, _batch: False)

    def agreed(self, thing: Any) -> Any:
        """The largest of what the ranks have: True where one says it, the slowest one's seconds."""
        return max(self.ranks.everyone(thing))

    def means(self, batches: Any) -> Means:
        """At the start of an epoch, and of each look at the others: all have the same weights."""
        state = self.model.state_dict().values()
        self.ranks.alike("weights", hash(tuple(zlib.crc32(x.tobytes()) for x in state)))
        self.shard = batches
        return _Means(self.ranks, self.model, batches)

    def backward(self, loss: Any, n: int, number: int) -> float:
        """Give all ranks the gradient over the examples of all, of which ``n`` are here."""
        _n, whole = self.shard.counts[number - 1]
        mean = np.array([n / whole * loss.item()])
        arriving = self.ranks.add(mean)
        loss = loss * (n / whole * self.share(whole))
        self.buckets = _buckets([p for p in self.parameters[::-1] if p.requires_grad])
        # Who uses a leaf last in the pass ranks lowest: thereafter its gradient is complete.
        last = {x._rank: y._rank for y in reversed(ordered([loss])) for x in differentiated(y)}
        ends = [min(last.get(p._rank, math.inf) for p in bucket) for bucket in self.buckets]
        self.ends, self.sums, self.sent = [*ends, 0], [], []
        observers.add(self)
        try:
            loss.backward()
        finally:
            observers.discard(self)
        self.ranks.wait([arriving])
        return self.finite(mean.item())

    def node(self, node: Any, _gradient: Any, waiting: dict[int, Any]) -> None:
        """Send what is complete."""
        while node._rank < self.ends[len(self.sent)]:
            self.send(waiting)
        self.ranks.arrived(self.sent)  # messages move while MPI is called

    def send(self, gradients: dict[int, Any]) -> None:
        """Begin to add up the next bucket, and how many ranks have a gradient for each of it."""
        bucket = self.buckets[len(self.sent)]
        mine = [gradients.get(p._rank) for p in bucket]
        flat = [np.zeros(p.size) if g is None else g.ravel() for p, g in zip(bucket, mine)]
        flat.append([g is not None for g in mine])
        kind = np.result_type(bucket[0].dtype, np.float32)  # MPI has no float16
        self.sums.append(np.concatenate(flat, dtype=kind))
        self.sent.append(self.ranks.add(self.sums[-1]))

    def leaves(self, found: list[tuple[Any, Any]]) -> None:
        """Send the rest, and put the sums in the place of what this rank has found."""
        while len(self.sent) < len(self.buckets):
            self.send({leaf._rank: g for leaf, g in found})
        self.ranks.wait(self.sent)
        total = dict(found)
        for bucket, sums in zip(self.buckets, self.sums):
            *flat, having = np.split(sums, np.cumsum([p.size for p in bucket]))
            for p, g, some in zip(bucket, flat, having):
                if some:
                    total[p] = g.reshape(p.shape).astype(p.dtype, copy=False)
        found[:] = total.items()


def _buckets(parameters: list[Any]) -> list[list[Any]]:
    """Consecutive parameters of one dtype, whose gradients go in a message."""
    ends = accumulate(p.data.nbytes for p in parameters)
    groups = groupby(zip(parameters, ends), lambda pair: (pair[0].dtype, pair[1] // BUCKET))
    return [[p for p, _end in group] for _key, group in groups]
