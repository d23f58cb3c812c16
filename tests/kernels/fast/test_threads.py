"""Work shared among threads."""

from __future__ import annotations

import os
import threading

import numpy as np
import pytest

from tinygrad_fr.kernels.fast import winograd
from tinygrad_fr.kernels.fast.threads import limit, share


@pytest.mark.parametrize(("asked", "expected"), [("3", 3), ("4,2", 4), ("0", 1)])
def test_the_limit_is_the_one_that_blas_obeys(asked, expected, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", asked)
    assert limit() == expected


@pytest.mark.parametrize("asked", ["", "many", None])
def test_without_a_number_every_core_may_work(asked, monkeypatch):
    if asked is None:
        monkeypatch.delenv("OMP_NUM_THREADS")
    else:
        monkeypatch.setenv("OMP_NUM_THREADS", asked)
    assert limit() == os.cpu_count()


@pytest.mark.parametrize("threads", ["1", "2", "3"])
@pytest.mark.parametrize("n", [0, 1, 2, 7, 12])
def test_every_piece_is_worked_on_once(threads, n, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", threads)
    shares = share(list, range(n))
    assert sorted(piece for part in shares for piece in part) == list(range(n))
    assert len(shares) == max(1, min(int(threads), n // 2))


def test_shares_run_on_as_many_threads_which_end_with_the_call(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    before = threading.active_count()
    together = threading.Barrier(3, timeout=10)
    share(lambda pieces: together.wait(), range(6))  # breaks unless three are there at once
    assert threading.active_count() == before


def test_an_error_reaches_the_caller_from_any_share(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    for bad in (0, 1):
        with pytest.raises(ZeroDivisionError):
            share(lambda pieces, bad=bad: [1 // (p - bad) for p in pieces], range(4))


def test_threads_keep_the_callers_error_state(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    with np.errstate(over="raise"), pytest.raises(FloatingPointError):
        share(lambda pieces: np.float32(1e38) * np.float32(10 * pieces[0] + 1), range(4))


def test_convolution_on_several_threads_is_that_on_one(monkeypatch):
    monkeypatch.setattr(winograd, "_PIECE", 2000)
    rng = np.random.default_rng(0)
    x, w, g = (rng.standard_normal(s) for s in ((5, 6, 13, 9), (7, 6, 3, 3), (5, 7, 13, 9)))
    results = []
    for threads in ("1", "3"):
        monkeypatch.setenv("OMP_NUM_THREADS", threads)
        results.append([winograd.conv(x, w, (1, 1)), winograd.conv_weight(x, g, (1, 1))])
    np.testing.assert_array_equal(results[0][0], results[1][0])
    np.testing.assert_allclose(results[0][1], results[1][1], rtol=1e-12, atol=1e-12)
