"""Training on many machines: ``fit`` by processes that share out each batch, under MPI."""

import itertools
import math
import os
import sys
import time
import traceback
import zlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from .. import settings
from ..autograd.engine import differentiated
from ..autograd.guards import observers
from ..data import DataLoader
from ..errors import ArgumentError, TinygradError, need
from ..kernels.fast import blas, threads
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
        As for ``fit``. Callbacks are called on each rank; True on one ends all. Rank 0 shows
        the progress and writes the checkpoint, where all ranks can read it. The History is the same
        on each rank.

    Raises
    ------
    TinygradError
        If another rank has failed; one that does not hear of it in 10 s is ended.

    References
    ----------
    S. Li et al., "PyTorch Distributed", VLDB 13 (2020), section 3.2: buckets and overlap.

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
    ranks = _Ranks(comm, options)
    try:
        loaders = [batches_of(train, shuffle=True, seed=options.get("seed"))]
        loaders += [] if valid is None else [batches_of(valid)]
        shards = [_Shard(ranks, loader) for loader in loaders]
        ranks.alike(
            examples=[len(shard.data) for shard in shards], epochs=options.get("epochs"),
            checkpoint=bool(options.get("resume")) and Path(str(ranks.checkpoint)).exists(),
        )  # fmt: skip
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

    def __init__(self, comm: Any, options: dict[str, Any]) -> None:
        from mpi4py import MPI

        self.comm, self.exit = comm.Dup(), comm.Dup()
        self.rank, self.size = comm.rank, comm.size
        self.add = partial(self.comm.Iallreduce, MPI.IN_PLACE)  # begins to add up what all have
        self.checkpoint = options.get("checkpoint")
        self.heard: Any = None  # the error of another one
        options["progress"] = options.get("progress", True) and not self.rank
        machines, known = comm.allgather(MPI.Get_processor_name()), blas.controls()
        if not isinstance(known, int) and "OMP_NUM_THREADS" not in os.environ:
            mine = threads.limit() // machines.count(machines[self.rank])
            known[1](max(1, min(known[0](), mine)))  # our own threads follow BLAS's

    def everyone(self, thing: Any) -> list[Any]:
        """What each rank has."""
        self.wait([self.comm.Ibarrier()])
        return list(self.comm.allgather(thing))

    def agreed(self, thing: Any) -> Any:
        """What rank 0 has."""
        return self.everyone(None if self.rank else thing)[0]

    def alike(self, **facts: Any) -> None:
        """Refuse what differs from rank to rank."""
        found = self.everyone(facts)
        for name in facts:
            values = [other[name] for other in found]
            if values != values[:1] * self.size:
                raise ArgumentError(
                    "{name} must be the same on each rank: from the first to the last, {values}",
                    name=name, values=", ".join(map(str, values)),
                )  # fmt: skip

    def wait(self, requests: list[Any]) -> None:
        """Until messages have arrived."""
        while not requests[0].Testall(requests):
            if self.exit.iprobe():
                self.heard = self.exit.recv()
                raise self.heard or KeyboardInterrupt
            _pause()

    def leave(self, error: BaseException | None) -> None:
        """Tell the others of an error here, or of an interrupt, and leave with them."""
        said = None
        if error is not None and error is not self.heard:
            written = self.checkpoint is not None and Path(self.checkpoint).exists()
            said = TinygradError(
                "rank {rank} has ended the run of all ranks: {error}. Last checkpoint: {path}",
                rank=self.rank, error=traceback.format_exception_only(error)[-1].strip(),
                path=self.checkpoint if written else "-",
            )  # fmt: skip
            error.add_note(str(said))
        sent = [self.exit.isend(said, other) for other in range(self.size) if other != self.rank]
        sent, end = [*sent, self.exit.Ibarrier()], time.monotonic() + PATIENCE
        while not sent[-1].Test():
            if time.monotonic() > end:
                traceback.print_exception(error)
                sys.stderr.flush()
                self.comm.Abort(1)
            time.sleep(0.01)


class _Shard(DataLoader):
    """A loader of which each rank takes its part of each batch."""

    def __init__(self, ranks: _Ranks, loader: Any) -> None:
        if type(loader).__iter__ is not DataLoader.__iter__:
            raise ArgumentError(
                "ranks share out the examples of arrays, a dataset or a DataLoader: give one of "
                "these, not {kind}", kind=type(loader).__name__,
            )  # fmt: skip
        vars(self).update(vars(loader))
        self.ranks, self.whole, self.counts = ranks, loader, [0]

    def _chosen(self) -> Iterator[Any]:
        chosen = None if self.ranks.rank else [*super()._chosen()]
        mine: Any = settings.generator().bit_generator
        chosen, mine.state = self.ranks.agreed((chosen, mine.state))
        if self.ranks.rank:
            mine.state = mine.jumped(self.ranks.rank).state  # its own numbers, of no other rank
        parts = [np.array_split(batch, self.ranks.size)[self.ranks.rank] for batch in chosen]
        self.counts, self.whole.epoch = [*map(len, parts)], self.epoch + 1
        # A rank without an example computes the first one, which does not count.
        return (part if len(part) else batch[:1] for part, batch in zip(parts, chosen, strict=True))


class _Means(Means):
    """Loss and metrics over the examples of all ranks."""

    def __init__(self, ranks: _Ranks, model: Any, loader: _Shard) -> None:
        super().__init__()
        self.ranks, self.model, self.loader = ranks, model, loader

    def examples(self, _y: Any, _target: Any, number: int) -> int:
        """How many examples of a batch are this rank's."""
        return self.loader.counts[number - 1]

    def result(self) -> dict[str, float]:
        """The means over all ranks, also of the statistics that layers have kept in training."""
        buffers = [x for _name, x in self.model.named_buffers() if x.dtype.kind == "f"]
        counts, sums, others = zip(*self.ranks.everyone((self.n, self.sums, buffers)), strict=True)
        self.n = sum(counts)
        self.sums = {name: sum(own[name] for own in sums) for name in self.sums}
        if self.model.training:
            for mine, *each in zip(buffers, *others, strict=True):
                mine[...] = sum(each) / self.ranks.size
        return super().result()


class _Descent(Descent):
    """Steps from the gradients of all ranks, which are under way while the pass goes on.

    All ranks send the same messages in the same order, from the last parameter to the first.
    """

    def __init__(self, ranks: _Ranks, model: Any, *options: Any) -> None:
        super().__init__(*options)
        self.ranks, self.model, self.writes = ranks, model, not ranks.rank
        model.load_state_dict(ranks.agreed(model.state_dict()))
        self.optimizer.load_state_dict(ranks.agreed(self.optimizer.state_dict()))
        self.learned: list[Any] = []

    def agreed(self, thing: Any) -> Any:
        """The largest of what the ranks have: True where one says it, the slowest one's seconds."""
        return max(self.ranks.everyone(thing))

    def means(self, batches: Any) -> Means:
        """At the start of an epoch, and of each look at the others: all have the same weights."""
        state = self.model.state_dict().values()
        self.ranks.alike(weights=[zlib.crc32(x.tobytes()) for x in state])
        return _Means(self.ranks, self.model, batches)

    def backward(self, loss: Any, n: int) -> float:
        """Give all ranks the gradient over the examples of all."""
        learned = [p for p in self.parameters[::-1] if p.requires_grad]
        if [*map(id, learned)] != [*map(id, self.learned)]:
            self.learned, self.buckets = learned, _buckets(learned)
        self.sent: list[Any] = []
        self.ready: list[float] = []
        # The examples, the sum of their losses; who has a gradient: then the others get one, too.
        self.head = np.array([n, n * loss.item(), *[0] * len(learned)])
        observers.add(self)
        try:
            (loss * n).backward()
        finally:
            observers.discard(self)
        return self.finite(float(self.head[1] / self.head[0]))

    def node(self, node: Any, _gradient: Any, waiting: dict[int, Any]) -> None:
        """Send what is complete: to a leaf that only higher ranks use, nothing more will come."""
        if not self.ready:
            last = _last_uses(node)
            each = (min(last.get(p._rank, math.inf) for p, _ in views) for _, views in self.buckets)
            self.ready = [*itertools.accumulate(each, min), -1]
        while node._rank < self.ready[len(self.sent)]:
            self.send(waiting)
        if self.sent:
            self.sent[0].Testall(self.sent)  # messages move while MPI is called

    def send(self, gradients: dict[int, Any]) -> None:
        """Begin to add up the next bucket."""
        buffer, views = self.buckets[len(self.sent)]
        for p, view in views:
            view[...] = gradients.get(p._rank, 0)
        self.sent.append(self.ranks.add(buffer))

    def leaves(self, found: list[tuple[Any, Any]]) -> None:
        """Send the rest, and put the sums in the place of what this rank has found."""
        gradients = {leaf._rank: g for leaf, g in found}
        while len(self.sent) < len(self.buckets):
            self.send(gradients)
        self.head[2:] = [p._rank in gradients for p in self.learned]
        self.ranks.wait([*self.sent, self.ranks.add(self.head)])
        self.share(int(self.head[0]))
        views = itertools.chain(*(views for _buffer, views in self.buckets))
        for (p, view), somewhere in zip(views, self.head[2:], strict=True):
            if somewhere and p._rank not in gradients:
                gradients[p._rank] = np.empty_like(p._array)
                found.append((p, gradients[p._rank]))
            if somewhere:
                np.divide(view, self.first, out=gradients[p._rank], casting="same_kind")


def _buckets(parameters: list[Any]) -> list[tuple[Any, list[tuple[Any, Any]]]]:
    """Buffers for the gradients of consecutive parameters, each beside its place in them."""
    buckets: list[tuple[Any, list[tuple[Any, Any]]]] = []
    ends = itertools.accumulate(p._array.nbytes for p in parameters)

    def kind(pair: tuple[Any, int]) -> tuple[Any, int]:
        return np.result_type(pair[0].dtype, np.float32), pair[1] // BUCKET  # MPI has no float16

    for (dtype, _), group in itertools.groupby(zip(parameters, ends, strict=True), kind):
        own = [p for p, _end in group]
        buffer = np.empty(sum(p.size for p in own), dtype)
        places = np.split(buffer, np.cumsum([p.size for p in own])[:-1])
        views = [(p, place.reshape(p.shape)) for p, place in zip(own, places, strict=True)]
        buckets.append((buffer, views))
    return buckets


def _last_uses(output: Any) -> dict[int, int]:
    """For each leaf, by rank, the lowest rank of those that use it: its gradient ends there."""
    last: dict[int, int] = {}
    seen, nodes = {output._rank}, [output]
    for node in nodes:  # which grow
        for x in differentiated(node):
            if x._op is None:
                last[x._rank] = min(node._rank, last.get(x._rank, node._rank))
            elif x._rank not in seen:
                seen.add(x._rank)
                nodes.append(x)
    return last
