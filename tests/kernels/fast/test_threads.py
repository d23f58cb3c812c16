"""Work shared among threads."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pytest

import tinygrad_fr as tg
from tinygrad_fr.kernels import convolution, normalisation, pooling
from tinygrad_fr.kernels.fast import blas, products, threads
from tinygrad_fr.kernels.fast.elementwise import elementwise
from tinygrad_fr.kernels.fast.threads import each, limit, parts, share

CONTROLLED = blas._found() is not None


@pytest.fixture(autouse=True)
def several(monkeypatch):
    """As many threads as a test asks for, however many BLAS would take."""
    monkeypatch.setattr(threads, "wanted", lambda: 0)
    monkeypatch.setattr(threads, "_pool", threads._Pool())


@pytest.mark.parametrize(("asked", "expected"), [("3", 3), ("4,2", 4), ("0", 1)])
def test_the_limit_is_the_one_that_blas_obeys(asked, expected, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", asked)
    assert limit() == expected


@pytest.mark.parametrize("asked", ["", "many", None])
def test_without_a_number_every_core_of_the_process_may_work(asked, monkeypatch):
    if asked is None:
        monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    else:
        monkeypatch.setenv("OMP_NUM_THREADS", asked)
    mine = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count())
    assert limit() == len(mine)


@pytest.mark.parametrize("length", [0, 1, 2, 7, 12])
@pytest.mark.parametrize("n", [0, 1, 2, 5, 20])
def test_parts_cover_an_axis_once_and_differ_little(length, n):
    cuts = parts(length, n)
    assert [i for cut in cuts for i in range(cut.start, cut.stop)] == list(range(length))
    assert len(cuts) <= max(1, n)


@pytest.mark.parametrize("asked", ["1", "2", "3"])
@pytest.mark.parametrize("n", [0, 1, 2, 7, 100])
def test_every_piece_is_worked_on_once_and_results_are_in_order(asked, n, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", asked)
    done = []
    assert share(lambda i: done.append(i) or i * i, range(n)) == [i * i for i in range(n)]
    assert sorted(done) == list(range(n))


def test_pieces_run_on_as_many_threads_at_once_which_are_kept(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    before = threading.active_count()
    for _ in range(3):
        together = threading.Barrier(3, timeout=10)
        share(lambda _, b=together: b.wait(), range(3))  # breaks unless three are there at once
    assert threading.active_count() == before + 2


def test_an_error_reaches_the_caller_from_any_piece(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    for bad in range(4):
        with pytest.raises(ZeroDivisionError):
            share(lambda p, bad=bad: 1 // (p - bad), range(4))
    with pytest.raises(IndexError):  # also the one by which pieces run out
        share(lambda p: [][p], range(4))


def test_threads_keep_the_callers_error_state(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    with np.errstate(over="raise"), pytest.raises(FloatingPointError):
        share(lambda p: np.float32(1e38) * np.float32(10 * p + 1), range(4))


def test_pieces_may_be_shared_in_turn(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    inner = lambda i: sum(share(lambda j: i * j, range(5)))
    assert share(inner, range(6)) == [10 * i for i in range(6)]


def test_a_pool_that_is_busy_elsewhere_holds_nobody_up(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    gate, entered = threading.Event(), threading.Barrier(3, timeout=10)

    def wait(_: int) -> None:
        entered.wait()
        gate.wait(10)

    other = threading.Thread(target=each, args=[wait, range(2), 2])
    other.start()
    entered.wait()  # both it and the pool's only thread are inside
    assert share(lambda i: i, range(8)) == list(range(8))
    gate.set()
    other.join()


def test_users_may_compute_on_threads_of_their_own(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    rng = np.random.default_rng(0)
    xs, w = rng.standard_normal((6, 8, 16, 24, 24)), rng.standard_normal((16, 16, 3, 3))
    ask = lambda x: convolution.conv(x, w, (1, 1), (1, 1), (1, 1), 1)[0]
    expected = [ask(x) for x in xs]
    for _ in range(3):
        got = each(ask, xs, 6)
        assert all(np.array_equal(a, b) for a, b in zip(got, expected, strict=True))


def test_where_no_thread_can_be_had_the_caller_does_it_all(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    monkeypatch.setattr(threading.Thread, "start", _refused)
    assert share(lambda i: i, range(9)) == list(range(9))


def _refused(self):
    raise RuntimeError("can't start new thread")


def test_ctrl_c_waits_for_those_who_still_write(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    written = []

    def work(i: int) -> None:
        if threading.current_thread() is threading.main_thread():
            time.sleep(0.1)
            raise KeyboardInterrupt
        time.sleep(0.3)
        written.append(i)

    with pytest.raises(KeyboardInterrupt):
        share(work, range(2))
    assert len(written) <= 1
    before = list(written)
    time.sleep(0.4)
    assert written == before


# --- results do not depend on the number of threads -----------------------------------------------


def _results() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    draw = lambda *shape: rng.standard_normal(shape).astype(np.float32)
    how = (1, 1), (1, 1), (1, 1), 1
    x, few, w = draw(16, 24, 32, 32), draw(40, 3, 32, 32), draw(32, 24, 3, 3)
    narrow, g = draw(8, 3, 3, 3), draw(40, 8, 32, 32)
    y, windows = convolution.conv(few, narrow, *how)
    mean, variance = normalisation.moments(x)
    pooled, _, spread = pooling.max_pool(x, (2, 2), (2, 2), (0, 0))
    return [
        convolution.conv(x, w, *how)[0], y,
        convolution.conv_weight(windows, g, narrow.shape, 1),
        convolution.conv_input(g, narrow, (32, 32), *how), convolution.conv_bias(g),
        mean, variance, *normalisation.sums(x, x, mean), pooled, spread(pooled),
        normalisation.combine(x, x, mean, variance, mean),
        products.matmul(draw(300, 700), draw(700, 200)),
        products.matmul(draw(70, 90, 60), draw(70, 60, 90)),
        elementwise(np.exp, draw(700, 600)), tg.softmax(draw(900, 500)),
    ]  # fmt: skip


def test_results_are_those_of_one_thread_to_the_last_bit(monkeypatch):
    results = []
    for asked in ("1", "2", "5"):
        monkeypatch.setenv("OMP_NUM_THREADS", asked)
        results.append(_results())
    for other in results[1:]:
        for one, many in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(one, many)


# --- BLAS -----------------------------------------------------------------------------------------


@pytest.fixture
def two(monkeypatch):
    """A BLAS of two threads: what tells their number, and what sets it."""
    if not CONTROLLED:
        pytest.skip("the threads of this BLAS cannot be set")
    get, put = blas._found()
    before = get()
    monkeypatch.setattr(blas, "controls", lambda: (get, put))
    monkeypatch.setattr(blas, "_state", blas._State())
    put(2)
    yield get, put
    put(before)


def test_blas_has_one_thread_inside_and_its_own_number_again_outside(two):
    get, put = two
    assert blas.wanted() == 2
    assert blas.alone(lambda: (get(), blas.wanted())) == (1, 2)
    assert blas.alone(blas.alone, get) == 1
    assert get() == 2
    with pytest.raises(ZeroDivisionError):
        blas.alone(lambda: 1 // 0)
    assert get() == 2
    blas.alone(put, 3)  # by somebody else, meanwhile
    assert get() == 3


def test_what_an_interrupt_left_is_made_good_by_the_next_call(two, monkeypatch):
    get, _ = two

    def interrupted(*_):
        raise KeyboardInterrupt

    for method in ("enter", "settle"):
        with monkeypatch.context() as patch:
            patch.setattr(blas._State, method, interrupted)
            with pytest.raises(KeyboardInterrupt):
                blas.alone(int)
        assert blas.alone(get) == 1
        assert get() == 2
        assert not blas._state.inside


def test_a_limit_of_the_moment_is_obeyed_and_forgotten(two, monkeypatch):
    get, put = two
    monkeypatch.setattr(threads, "wanted", blas.wanted)
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    who = lambda: set(share(lambda i: (time.sleep(0.01), threading.get_ident())[1], range(8)))
    put(1)
    assert who() == {threading.get_ident()}
    assert get() == 1
    put(2)
    assert len(who()) == 2


def _python(code: str, **environment: str) -> str:
    environment = {**os.environ, **environment}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_switch_leaves_blas_alone():
    code = "from tinygrad_fr.kernels.fast import blas; print(blas.controls())"
    assert _python(code, TINYGRAD_FR_KEEP_BLAS="1") == "0"


@pytest.mark.skipif(not CONTROLLED, reason="the threads of this BLAS cannot be set")
def test_a_blas_that_is_held_to_one_thread_is_obeyed():
    code = """
        import threading
        from tinygrad_fr.kernels.fast import blas, threads
        print(blas.controls(), set(threads.share(lambda i: threading.get_ident(), range(50)))
              == {threading.get_ident()})
    """
    assert _python(code, OMP_NUM_THREADS="", OPENBLAS_NUM_THREADS="1") == "1 True"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_has_threads_of_its_own():
    code = """
        import os, threading, warnings
        warnings.simplefilter("ignore")
        from tinygrad_fr.kernels.fast import blas, threads
        threads.wanted = lambda: 0
        def ask():
            together = threading.Barrier(3, timeout=10)
            return threads.share(lambda i: (together.wait(), i)[1], range(3))
        assert ask() == [0, 1, 2]
        child = os.fork()
        if not child:
            os._exit(0 if ask() == [0, 1, 2] else 1)
        print(os.waitpid(child, 0)[1], ask())
    """
    assert _python(code, OMP_NUM_THREADS="3") == "0 [0, 1, 2]"


@pytest.mark.skipif(not CONTROLLED or not hasattr(os, "fork"), reason="nothing to put back")
def test_a_child_forked_in_the_middle_has_all_threads_of_blas():
    code = """
        import os, warnings
        warnings.simplefilter("ignore")
        from tinygrad_fr.kernels.fast import blas, threads
        get, put = blas._found()
        put(2)
        def fork(_):
            if not blas.controls() == 1 and not os.fork():
                os._exit(0 if get() == 2 and not blas._state.inside else 1)
            return os.wait()[1], get()
        print(blas.alone(fork, 0), get())
    """
    assert _python(code, OMP_NUM_THREADS="2", OPENBLAS_NUM_THREADS="2") == "(0, 1) 2"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_child_forked_in_a_piece_goes_on():
    code = """
        import os, threading, time, warnings
        warnings.simplefilter("ignore")
        from tinygrad_fr.kernels.fast import threads
        threads.wanted = lambda: 0
        main, children = threading.get_ident(), []
        def work(i):
            if threading.get_ident() == main and not children:
                time.sleep(0.05)
                children.append(os.fork())
            time.sleep(0.1)
        threads.share(work, range(2))
        if not children[0]:
            os._exit(0)
        print(os.waitpid(children[0], 0)[1])
    """
    assert _python(code, OMP_NUM_THREADS="2") == "0"


@pytest.mark.skipif(not hasattr(signal, "SIGALRM"), reason="there is no alarm here")
def test_the_handler_of_a_signal_may_compute():
    code = """
        import signal, numpy as np, tinygrad_fr as tg
        rng = np.random.default_rng(0)
        x, w = rng.standard_normal((8, 24, 16, 16)), rng.standard_normal((32, 24, 3, 3))
        a = rng.standard_normal((300, 300))
        expected, product, done = tg.conv2d(x, w), tg.matmul(a, a), []
        def compute(*_):
            done.append(np.array_equal(tg.conv2d(x, w), expected))
            done.append(np.array_equal(tg.matmul(a, a), product))
        signal.signal(signal.SIGALRM, compute)
        signal.setitimer(signal.ITIMER_REAL, 0.002, 0.011)
        while len(done) < 100:
            done += [np.array_equal(tg.conv2d(x, w), expected)]
            done += [np.array_equal(tg.matmul(a, a), product) for _ in range(20)]
        signal.setitimer(signal.ITIMER_REAL, 0)
        print(all(done))
    """
    assert _python(code, OMP_NUM_THREADS="2") == "True"


@pytest.mark.skipif(not hasattr(signal, "SIGALRM"), reason="there is no alarm here")
def test_ctrl_c_in_the_middle_of_training_leaves_everything_usable():
    code = """
        import signal, numpy as np, tinygrad_fr as tg
        def ring(*_): raise KeyboardInterrupt
        signal.signal(signal.SIGALRM, ring)
        rng = np.random.default_rng(0)
        x, w = rng.standard_normal((32, 24, 32, 32)), rng.standard_normal((32, 24, 3, 3))
        expected = tg.conv2d(x, w)
        stopped = 0
        for i in range(40):
            signal.setitimer(signal.ITIMER_REAL, 0.0005 * (1 + i % 20))
            try:
                for _ in range(3): tg.conv2d(x, w)
                signal.setitimer(signal.ITIMER_REAL, 0)
            except KeyboardInterrupt:
                stopped += 1
        assert stopped > 10, stopped
        assert np.array_equal(tg.conv2d(x, w), expected)
        print("right")
    """
    assert _python(code, OMP_NUM_THREADS="2") == "right"
