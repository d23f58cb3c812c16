"""DataLoader: batches, orders and threads."""

from __future__ import annotations

import contextlib
import gc
import itertools
import subprocess
import sys
import threading
import time
import traceback
import weakref
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_fr as tg
from tinygrad_fr.data import ArrayDataset, DataLoader, Shard, WeightedSampler, pad_sequences
from tinygrad_fr.errors import ArgumentError, ShapeError


class Slow:
    """A dataset that asks for a thread; example 7 may be broken."""

    slow = True

    def __init__(self, n=20, broken=False):
        self.n, self.broken, self.threads = n, broken, set()

    def __len__(self):
        return self.n

    def __getitem__(self, i):
        self.threads.add(threading.current_thread().name)
        if self.broken and i == 7:
            raise KeyError("example 7")
        return np.full(2, i), i


def threads():
    return [thread for thread in threading.enumerate() if thread.name == "DataLoader"]


def until(condition):
    """Wait for what a thread does soon."""
    last = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < last
        time.sleep(0.01)


def orders(loader, epochs):
    return [[int(i) for (batch,) in loader for i in batch] for _ in range(epochs)]


@given(n=st.integers(1, 40), size=st.integers(1, 50), drop=st.booleans(), shuffle=st.booleans())
def test_an_epoch_holds_every_example_once(n, size, drop, shuffle):
    loader = DataLoader((np.arange(n),), size, shuffle, drop_last=drop)
    batches = [batch for (batch,) in loader]
    assert len(batches) == len(loader)
    assert all(len(batch) == size for batch in batches[: None if drop else -1])
    seen = sorted(int(i) for batch in batches for i in batch)
    assert len(seen) == (n // size * size if drop else n)
    assert len(set(seen)) == len(seen)


def test_without_shuffling_the_order_is_kept():
    assert orders(DataLoader(np.arange(5), 2), 2) == [[0, 1, 2, 3, 4]] * 2


def test_arrays_stay_aligned_and_batches_are_copies():
    x, y = np.arange(10.0), np.arange(10)
    for a, b in DataLoader((x, y), 4, shuffle=True):
        np.testing.assert_array_equal(a, b)
        a += 1
    np.testing.assert_array_equal(x, y)


def test_each_epoch_has_an_order_of_its_own_that_follows_the_seed():
    loader = DataLoader(np.arange(30), 7, shuffle=True, seed=1)
    first = orders(loader, 3)
    assert first[0] != first[1] != first[2]
    assert orders(DataLoader(np.arange(30), 7, shuffle=True, seed=1), 3) == first
    assert orders(DataLoader(np.arange(30), 7, shuffle=True, seed=2), 3) != first
    assert loader.epoch == 3
    loader.epoch = 1
    assert orders(loader, 2) == first[1:]


def test_without_a_seed_manual_seed_decides():
    runs = []
    for _ in range(2):
        tg.manual_seed(0)
        runs.append(orders(DataLoader(np.arange(30), shuffle=True), 2))
    assert runs[0] == runs[1]
    assert runs[0][0] != runs[0][1]


def test_two_iterators_at_once_do_not_disturb_each_other():
    for data in ArrayDataset(np.arange(9), np.arange(9)), Slow(9):
        pairs = list(zip(*[DataLoader(data, 2)] * 2, strict=True))
        assert len(pairs) == 5
        for one, two in pairs:
            np.testing.assert_array_equal(one[1], two[1])
    assert not threads()


def test_a_list_of_examples_is_a_dataset():
    (x, y), _ = DataLoader([(np.zeros(3), 0), (np.ones(3), 1), (np.ones(3), 1)], 2)
    assert x.shape == (2, 3)
    np.testing.assert_array_equal(y, [0, 1])


def test_a_tensor_alone_is_an_array():
    ((x,),) = DataLoader(tg.Tensor([1.0, 2.0]))
    assert isinstance(x, np.ndarray)


def test_a_method_batch_is_preferred_to_single_examples():
    class Batched(Slow):
        def batch(self, indices):
            return [indices * 10]

    np.testing.assert_array_equal(next(iter(DataLoader(Batched(), 3)))[0], [0, 10, 20])


# --- threads ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("prefetch", "name"), [(0, "MainThread"), (1, "DataLoader")])
def test_a_slow_dataset_is_read_in_a_thread_if_prefetch_allows(prefetch, name):
    data = Slow()
    labels = [int(i) for _, y in DataLoader(data, 3, prefetch=prefetch) for i in y]
    assert labels == list(range(20))
    assert data.threads == {name}
    assert not threads()


def test_a_fast_dataset_is_read_without_a_thread():
    data = Slow()
    data.slow = False
    list(DataLoader(data))
    assert data.threads == {"MainThread"}


def test_the_thread_stays_only_so_far_ahead():
    data = Slow(100)
    read = []
    data.batch = lambda indices: (read.append(len(read)), (indices,))[1]
    batches = iter(DataLoader(data, 1, prefetch=3))
    next(batches)
    time.sleep(0.05)
    assert len(read) <= 1 + 3 + 1  # taken, in the queue, in the hand of the thread


@pytest.mark.parametrize("taken", [0, 1, 5])
@pytest.mark.parametrize("prefetch", [1, 4])
def test_leaving_the_loop_leaves_no_thread_behind(taken, prefetch):
    for _ in range(20):
        batches = iter(DataLoader(Slow(), 2, prefetch=prefetch))
        for _ in range(taken):
            next(batches)
        del batches
        assert not threads()


def test_an_iterator_kept_alive_does_not_keep_python_from_ending():
    code = (
        "import numpy as np; from tinygrad_fr.data import DataLoader\n"
        "class Slow(list): slow = True\n"
        "kept = iter(DataLoader(Slow(range(99)), 1)); next(kept)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_a_loop_that_a_traceback_keeps_alive_leaves_no_thread_waiting():
    def interrupted():
        for _ in DataLoader(Slow(100), 1):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as kept:
        interrupted()
    until(lambda: not threads())
    assert kept.tb is not None


def test_an_iterator_kept_alive_goes_on_where_it_was():
    batches = iter(DataLoader(Slow(9), 2, prefetch=1))
    seen = next(batches)[1].tolist()
    until(lambda: not threads())
    assert [*seen, *(int(i) for _, y in batches for i in y)] == list(range(9))


@pytest.mark.parametrize("where", ["waiting", "working"])
def test_ctrl_c_ends_the_loop_and_its_thread(where):
    code = (
        "import sys, threading, time, signal, numpy as np\n"
        "from tinygrad_fr.data import DataLoader\n"
        "class Slow(list):\n"
        "    slow = True\n"
        "    def __getitem__(self, i):\n"
        f"        if {where == 'waiting'} and i == 3: signal.raise_signal(signal.SIGINT)\n"
        "        time.sleep(0.05)\n"
        "        return super().__getitem__(i)\n"
        "try:\n"
        "    for (x,) in DataLoader(Slow(range(99)), 1):\n"
        f"        if {where == 'working'} and x == 3: signal.raise_signal(signal.SIGINT)\n"
        "except KeyboardInterrupt as error:\n"
        "    kept = error; time.sleep(0.5)\n"
        "    print(threading.active_count())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == ["1"]


@pytest.mark.parametrize("prefetch", [0, 2])
def test_an_error_reaches_the_loop_with_its_traceback(prefetch):
    seen = []
    with pytest.raises(KeyError, match="example 7") as caught:
        seen.extend(y.tolist() for _, y in DataLoader(Slow(broken=True), 2, prefetch=prefetch))
    assert seen == [[0, 1], [2, 3], [4, 5]]
    assert "__getitem__" in [frame.name for frame in traceback.extract_tb(caught.tb)]
    assert not threads()


def test_an_error_in_the_thread_leaves_no_cycle_for_the_collector():
    data = Slow(broken=True)
    watched = weakref.ref(data)
    gc.disable()
    try:
        with contextlib.suppress(KeyError):
            list(DataLoader(data, 2))
        del data
        assert watched() is None
    finally:
        gc.enable()


def test_where_threads_cannot_start_it_works_without(monkeypatch):
    def refuse(_thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    data = Slow()
    assert len(list(DataLoader(data, 3))) == 7
    assert data.threads == {"MainThread"}


# --- errors ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"batch_size": 0}, "batch_size is an integer of at least 1, not 0"),
        ({"batch_size": 2.5}, "batch_size is an integer"),
        ({"prefetch": -1}, "prefetch is an integer of at least 0"),
        ({"seed": -1}, "whole number from 0 on"),
    ],
)
def test_numbers_out_of_range_are_refused(arguments, words):
    with pytest.raises(ArgumentError, match=words):
        DataLoader(np.ones(3), **arguments)


def test_an_empty_dataset_is_refused():
    with pytest.raises(ArgumentError, match="the dataset is empty"):
        DataLoader((np.ones((0, 3)),))


def test_a_generator_is_not_a_dataset():
    with pytest.raises(ArgumentError, match="generator lacks them: give arrays"):
        DataLoader(i for i in range(3))


@pytest.mark.parametrize("items", [[np.ones(2), np.ones(3)], [(1, 2), (1,)], [[np.ones(2), 1]] * 2])
def test_examples_that_do_not_stack_are_refused(items):
    with pytest.raises(ShapeError, match=r"make no batch .*resize or pad"):
        list(DataLoader(items))


def test_a_sampler_gives_the_order_and_the_number_of_examples():
    x = np.arange(5)
    loader = DataLoader(x, 2, sampler=[4, 4, 0])
    assert [b.tolist() for (b,) in loader] == [[4, 4], [0]]
    assert [b.tolist() for (b,) in loader] == [[4, 4], [0]]  # again in the next epoch
    assert len(loader) == 2
    assert len(DataLoader(x, 2, sampler=range(3), drop_last=True)) == 1
    loader = DataLoader(x, batch_sampler=[[0], [3, 1]])
    assert [b.tolist() for (b,) in loader] == [[0], [3, 1]]
    assert len(loader) == 2


def test_draws_by_weight_follow_the_seed_and_the_epoch():
    labels = np.array([0] * 90 + [1] * 10)
    sampler = WeightedSampler(1 / np.bincount(labels)[labels], 1000, seed=3)
    drawn = labels[sampler.for_epoch(0)]
    assert 0.4 < drawn.mean() < 0.6
    loaders = [DataLoader(labels, 100, sampler=sampler) for _ in range(2)]
    first = [np.concatenate([b for (b,) in loaders[0]]) for _epoch in range(2)]
    loaders[1].epoch = 1  # resumed
    np.testing.assert_array_equal(np.concatenate([b for (b,) in loaders[1]]), first[1])
    assert (first[0] != first[1]).any()
    once = WeightedSampler([1, 2, 0, 3], 3, replacement=False).for_epoch(0)
    assert sorted(once.tolist()) == [0, 1, 3]


class Lying(list):
    """A sampler whose length is not the number of what it gives."""

    def __init__(self, n, given):
        super().__init__(given)
        self.n = n

    def __len__(self):
        return self.n


@pytest.mark.parametrize(("make", "words"), [
    (lambda: DataLoader(np.ones(3), sampler=[0], shuffle=True), "one of shuffle, sampler"),
    (lambda: DataLoader(np.ones(3), sampler=[0], batch_sampler=[[0]]), "one of shuffle, sampler"),
    (lambda: DataLoader(np.ones(3), sampler=iter([0])), "list_iterator cannot"),
    (lambda: list(DataLoader(np.ones(3), sampler=[7])), "no examples"),
    (lambda: list(DataLoader(np.ones(3), sampler=np.ones(3) > 0)), "of a mask take"),
    (lambda: list(DataLoader(np.ones(3), batch_sampler=[[0.5]])), "integers, not float64"),
    (lambda: list(DataLoader(np.ones(3), 2, sampler=Lying(4, [0, 1, 2]))), "4.*gives 3"),
    (lambda: list(DataLoader(np.ones(3), batch_sampler=Lying(3, [[0], [1]]))), "3.*gives 2"),
    (lambda: list(DataLoader(np.ones(3), batch_sampler=Lying(1, [[0], [1]]))), "1.*gives 2"),
    (lambda: list(DataLoader(np.ones(3), sampler=[[0, 1], [1, 2]])), "indices in a row"),
    (lambda: list(DataLoader(np.ones(3), sampler=[[0, 1], [1]])), "indices in a row"),
    (lambda: list(DataLoader(np.ones(3), batch_sampler=[1, 2])), "indices in a row"),
    (lambda: list(DataLoader(np.ones(3), batch_sampler=[[[0]]])), "indices in a row"),
    (lambda: WeightedSampler([0.0, 0.0]), "not all 0"),
    (lambda: WeightedSampler([1.0, np.nan]), "a finite number for each"),
    (lambda: WeightedSampler([1.0, 0.0], 2, replacement=False), "from 1 to 1"),
    (lambda: pad_sequences([([1, 2], 0)], (0, 1, 2)), "3 values to fill with.*2 parts"),
    (lambda: pad_sequences([[1, 2], [3]], np.nan), "int64 cannot be filled with nan"),
    (lambda: pad_sequences([[1, 2], [3]], 0.5), "int64 cannot be filled with 0.5"),
])  # fmt: skip
def test_samplers_that_make_no_sense_are_refused(make, words):
    with pytest.raises((ArgumentError, IndexError), match=words):
        make()


def test_collate_makes_the_batch():
    items = [(np.ones(n), n) for n in (2, 3, 1)]
    with pytest.raises(ShapeError, match=r"\(\(2,\), \(3,\), \(1,\)\).*collate=, such as pad_seq"):
        list(DataLoader(items))
    ((x, n),) = DataLoader(items, collate=pad_sequences)
    assert x.tolist() == [[1, 1, 0], [1, 1, 1], [1, 0, 0]]
    assert n.tolist() == [2, 3, 1]
    tokens = [(np.arange(n), np.arange(n)) for n in (1, 2)]
    ((x, y),) = DataLoader(tokens, collate=partial(pad_sequences, value=(0, -100)))
    assert y.tolist() == [[0, -100], [0, 1]]
    assert [*DataLoader([1, 2], collate=sum)] == [3]
    ((x,),) = DataLoader([np.ones((n, 2)) for n in (1, 3)], collate=pad_sequences)
    assert x.shape == (2, 3, 2)


def test_what_fills_up_is_never_wrapped():
    def filled(dtype, value, lengths=(2, 1)):
        return pad_sequences([np.ones(n, dtype) for n in lengths], value)[0]

    for dtype, value, expected in [
        (np.uint8, -100, np.int16), (np.uint8, 7, np.uint8), (np.int8, 300, np.int32),
        (bool, 0, bool), (bool, False, bool), (bool, -1, np.int8), (np.int64, -100.0, np.int64),
        (np.float32, -100, np.float32), (np.float32, np.nan, np.float32),
        (np.float16, np.inf, np.float16),
    ]:  # fmt: skip
        for lengths in (2, 1), (2, 2):  # whether there is something to fill, or not
            x = filled(dtype, value, lengths)
            assert x.dtype == expected
        np.testing.assert_array_equal(filled(dtype, value)[1], np.array([1, value], expected))
    mixed = pad_sequences([np.array([1, 2], np.uint8), np.array([300])], -100)[0]
    assert mixed.tolist() == [[1, 2], [300, -100]]


def test_examples_whose_keys_differ_make_no_batch():
    for items in [{"x": 1, "y": 2}, {"x": 1}], [{"x": 1}, {"x": 1, "y": 2}], [{"x": 1}, 3]:
        with pytest.raises(ShapeError, match="the keys of the first example: x"):
            list(DataLoader(items))


def test_examples_in_tuples_and_dicts_are_stacked_part_by_part():
    items = [({"a": np.ones(2) * i, "b": i}, (i, np.zeros(1))) for i in range(3)]
    ((inputs, (number, zeros)),) = DataLoader(items)
    assert inputs["a"].shape == (3, 2)
    assert inputs["b"].tolist() == number.tolist() == [0, 1, 2]
    assert zeros.shape == (3, 1)
    data = ArrayDataset({"a": np.ones((3, 2)), "b": (np.arange(3), np.arange(3.0))}, np.arange(3))
    assert len(data) == 3
    assert data[1][0]["b"] == (1, 1.0)
    assert data.split(0.67, seed=0)[0].arrays[0]["a"].shape == (2, 2)
    with pytest.raises(ShapeError, match="not 3, 2"):
        ArrayDataset((np.ones(3), np.ones(2)))


# --- parts for several processes -----------------------------------------------------------------


@pytest.mark.parametrize("order", [{"seed": 3, "shuffle": True}, {}])
def test_shards_are_together_the_batches_of_the_loader(order):
    data, shards = np.arange(23), []
    for part in range(3):
        loader = DataLoader((data,), 7, **order)
        shard = Shard(loader, part, 3)
        shards.append([x.tolist() for _epoch in range(2) for (x,) in shard])
        assert shard.epoch == loader.epoch == 2
        assert shard.counts == [(n, 7) for n in [[3, 2, 2][part]] * 3] + [([1, 1, 0][part], 2)]
    loader = DataLoader((data,), 7, **order)
    whole = [x.tolist() for _epoch in range(2) for (x,) in loader]
    for batch, *parts in zip(whole, *shards):
        assert [*itertools.chain(*parts)][: len(batch)] == batch
    assert shards[2][3] == whole[3][:1]  # none is left: the first one stands in
    with pytest.raises(ArgumentError, match="part is an integer"):
        Shard(loader, 3, 3)


def test_shards_take_the_order_that_is_agreed_on():
    shard = Shard(DataLoader((np.arange(9),), 4), 0, 2, agreed=lambda batches: batches[::-1])
    assert [x.tolist() for (x,) in shard] == [[8], [4, 5], [0, 1]]
    with pytest.raises(ArgumentError, match="not list"):
        Shard([np.arange(9)], 0, 2)
