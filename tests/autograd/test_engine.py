"""The tape: order, accumulation, release, in-place rules, switches."""

from __future__ import annotations

import asyncio
import gc
import pickle
import threading
import time
import tracemalloc
import weakref
from copy import deepcopy

import numpy as np
import pytest

import tinygrad_fr as tg
from tinygrad_fr.errors import GraphError, NonFiniteError, ShapeError


def leaf(value, **kwargs):
    return tg.Tensor(value, requires_grad=True, **kwargs)


def test_a_value_used_twice_gets_the_sum_of_both_gradients():
    x = leaf([2.0, 3.0])
    (x * x + x).sum().backward()
    np.testing.assert_array_equal(x.grad.data, [5.0, 7.0])


def test_gradients_accumulate_over_passes_and_leave_earlier_ones_alone():
    x = leaf(3.0)
    (x * x).backward()
    first = x.grad
    (x * x).backward()
    assert x.grad.item() == 12.0
    assert first.item() == 6.0


def test_broadcasting_is_undone():
    x, b = leaf(np.ones((4, 3))), leaf(np.ones((1, 1)))
    (x * b).sum().backward()
    assert b.grad.shape == (1, 1)
    assert b.grad.item() == 12.0


def test_fifty_diamonds_in_a_row_cost_fifty():
    x = leaf(1.0)
    y = x
    for _ in range(50):
        y = y + y
    start = time.perf_counter()
    y.backward()
    assert time.perf_counter() - start < 1.0
    assert x.grad.item() == 2.0**50


def test_a_chain_of_a_million_operations_differentiates():
    x, a = leaf(np.ones(1)), leaf(np.ones(1))
    y = x
    for _ in range(500_000):
        y = y * a + a
    y.sum().backward()
    assert x.grad.item() == 1.0
    assert a.grad.item() == 500_000 * 500_001 / 2 + 500_000


def test_two_leaves_never_share_a_gradient_buffer():
    x, y = leaf(np.ones(3)), leaf(np.ones(3))
    upstream = np.ones(3)
    (x + y).backward(upstream)
    x.grad.data[...] = 5.0
    np.testing.assert_array_equal(y.grad.data, 1.0)
    np.testing.assert_array_equal(upstream, 1.0)


def test_gradient_buffers_are_distinct_under_create_graph_too():
    x, y = leaf(np.ones(3)), leaf(np.ones(3))
    (x + y).sum().backward(create_graph=True)
    assert not np.shares_memory(x.grad.data, y.grad.data)
    assert x.grad is not y.grad


def test_retain_grads_keeps_intermediate_gradients_and_nothing_else_does():
    x = leaf([1.0, 2.0])
    y = x * 3.0
    z = y * y
    z.sum().backward(retain_graph=True)
    assert y.grad is None
    assert z.grad is None
    z.sum().backward(retain_grads=True)
    np.testing.assert_array_equal(y.grad.data, [6.0, 12.0])
    assert not np.shares_memory(y.grad.data, z.grad.data)


def test_third_derivative_of_sin_times_exp():
    f = lambda x: tg.sin(x) * tg.exp(x)
    third = tg.grad(tg.grad(tg.grad(f)))(0.7)
    expected = 2 * np.exp(0.7) * (np.cos(0.7) - np.sin(0.7))
    assert third == pytest.approx(expected, rel=1e-12)


def test_hessian_of_a_two_layer_network_agrees_with_finite_differences():
    rng = np.random.default_rng(0)
    x, w2 = rng.standard_normal((4, 3)), rng.standard_normal((5, 2))
    labels = np.array([0, 1, 1, 0])

    def loss(w1):
        return tg.cross_entropy(tg.tanh(x @ w1) @ w2, labels)

    w = rng.standard_normal((3, 5))
    exact = tg.hessian(loss)(w)
    assert exact.shape == (3, 5, 3, 5)
    np.testing.assert_allclose(exact.reshape(15, 15), exact.reshape(15, 15).T, atol=1e-12)
    slope, h = tg.grad(loss), 1e-5
    for index in np.ndindex(3, 5):
        step = np.zeros((3, 5))
        step[index] = h
        numeric = (slope(w + step) - slope(w - step)) / (2 * h)
        np.testing.assert_allclose(exact[index], numeric, rtol=1e-6, atol=1e-8)


# --- release and memory ----------------------------------------------------------------------


def test_a_graph_is_freed_without_the_garbage_collector():
    gc.disable()
    try:
        x = leaf(np.ones((4, 4)))
        y = tg.softmax(tg.conv2d(x.reshape(1, 1, 4, 4), np.ones((1, 1, 2, 2))).reshape(1, 9))
        watched = weakref.ref(y)
        loss = tg.log(y).sum()
        loss.backward()
        del y, loss
        assert watched() is None
    finally:
        gc.enable()


def test_a_training_loop_does_not_grow_without_the_garbage_collector():
    x, labels = np.ones((2, 3)), [0, 1]
    w = leaf(np.ones((3, 2)))
    gc.collect()
    gc.disable()
    tracemalloc.start()
    try:
        for step in range(10_000):
            tg.cross_entropy(tg.tanh(x @ w), labels).backward()
            w.data -= 0.01 * w.grad.data
            w.grad = None
            if step == 100:
                before = tracemalloc.get_traced_memory()[0]
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
        gc.enable()
    assert grown < 300_000  # one node a step would be 3 MB; free lists of tuples fill up slowly


def test_a_recorded_operation_weighs_at_most_600_bytes_beyond_its_array():
    x, a = leaf(np.ones(4)), leaf(np.ones(4))
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        y = x
        for _ in range(1000):
            y = y * a
        used = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    array = np.ones(4).nbytes + np.ones(4).__sizeof__() - 32  # data and header
    assert used / 1000 - array < 600


def test_a_large_graph_is_released_as_the_pass_goes():
    x = leaf(np.ones(3_000_000))
    y = tg.exp(x)
    z = y * 2.0
    z.sum().backward()
    assert z._inputs == ()
    with pytest.raises(GraphError, match="released"):
        tg.graph.extract(z)


def test_a_small_graph_stays_readable_but_cannot_be_differentiated_twice():
    x = leaf([1.0])
    y = (x * x).sum()
    y.backward()
    assert len(tg.graph.extract(y).vertices) == 3
    with pytest.raises(GraphError, match="retain_graph=True"):
        y.backward()


def test_a_spent_intermediate_used_again_raises():
    x = leaf([1.0])
    h = tg.exp(x)
    (h * 2.0).sum().backward()
    with pytest.raises(GraphError, match="differentiated already"):
        (h * 3.0).sum().backward()


def test_retain_graph_allows_a_second_pass():
    x = leaf([1.0])
    y = (x * x).sum()
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.item() == 4.0


# --- in place --------------------------------------------------------------------------------


def test_an_optimizer_step_between_forward_and_backward_raises_at_the_backward():
    w = leaf([1.0, 2.0], name="w")
    optimizer = tg.optim.SGD([w], lr=0.1)
    loss = (w * w).sum()
    w.grad = np.ones(2)
    optimizer.step()
    with pytest.raises(GraphError, match=r"w \(2,\) was changed in place"):
        loss.backward()


def test_the_classic_update_on_data_works_and_is_noticed():
    w = leaf([1.0, 2.0])
    loss = (w * w).sum()
    loss.backward(retain_graph=True)
    w.data -= 0.1 * w.grad
    np.testing.assert_allclose(w.data, [0.8, 1.6])
    with pytest.raises(GraphError, match="changed in place"):
        loss.backward()


def test_under_no_grad_a_leaf_is_updated_in_place_and_still_learns():
    w = leaf([1.0, 2.0])
    (w * w).sum().backward()
    memory = w.data
    with tg.no_grad():
        w -= 0.1 * w.grad
    assert w.requires_grad
    assert w.data is memory
    np.testing.assert_allclose(w.data, [0.8, 1.6])


def test_adding_a_recorded_value_to_a_plain_total_records_the_sum():
    total, x = tg.Tensor(0.0), leaf(2.0)
    total += x * x
    total.backward()
    assert x.grad.item() == 4.0


def test_an_untracked_tensor_is_changed_in_place_freely():
    t = tg.Tensor([1.0, 2.0])
    t += 1.0
    t[0] = 5.0
    t *= tg.Tensor([1.0, 2.0])
    np.testing.assert_array_equal(t.data, [5.0, 6.0])


# --- switches --------------------------------------------------------------------------------


def test_no_grad_records_nothing_and_ends_with_its_block():
    x = leaf(1.0)
    with tg.no_grad():
        assert not (x * 2.0).requires_grad
        with tg.no_grad():
            pass
        assert not (x * 2.0).requires_grad
    assert (x * 2.0).requires_grad


def test_no_grad_decorates_functions_and_coroutines():
    x = leaf(1.0)

    @tg.no_grad()
    def plain():
        return (x * 2.0).requires_grad

    @tg.no_grad()
    async def later():
        await asyncio.sleep(0)
        return (x * 2.0).requires_grad

    assert plain() is False
    assert asyncio.run(later()) is False


def test_no_grad_in_one_thread_leaves_another_alone():
    x = leaf(1.0)
    inside, seen = threading.Event(), threading.Event()
    result = []

    def other():
        inside.wait()
        result.append((x * 2.0).requires_grad)
        seen.set()

    thread = threading.Thread(target=other)
    thread.start()
    with tg.no_grad():
        inside.set()
        seen.wait()
    thread.join()
    assert result == [True]


def test_no_grad_in_one_task_leaves_another_alone():
    x = leaf(1.0)

    async def off():
        with tg.no_grad():
            await asyncio.sleep(0.01)
            return (x * 2.0).requires_grad

    async def on():
        await asyncio.sleep(0.005)
        return (x * 2.0).requires_grad

    async def both():
        return await asyncio.gather(off(), on())

    assert asyncio.run(both()) == [False, True]


def test_backward_passes_in_two_threads_do_not_disturb_each_other():
    x = leaf(np.arange(4.0))
    shared = tg.exp(x)
    outputs = [(shared * float(k)).sum() for k in range(8)]
    results = {}

    def work(k):
        for _ in range(50):
            results[k] = tg.gradients(outputs[k], x, retain_graph=True).data

    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for k in range(8):
        np.testing.assert_allclose(results[k], k * np.exp(np.arange(4.0)))


def test_debug_names_the_operation_and_the_line_of_the_first_nan():
    x = leaf([0.0, 1.0])
    with tg.debug(), np.errstate(all="ignore"), pytest.raises(NonFiniteError) as caught:
        tg.log(x)
    assert "log gave a NaN or an infinity" in str(caught.value)
    assert "test_engine.py" in str(caught.value)
    assert "[0, 1]" in str(caught.value)


def test_debug_finds_a_non_finite_gradient():
    x = leaf([0.0, 1.0], name="x")
    with tg.debug(), np.errstate(all="ignore"):
        y = tg.sqrt(x).sum()
        with pytest.raises(NonFiniteError, match=r"gradient of sqrt.*test_engine\.py"):
            y.backward()


def test_debug_reports_an_input_changed_behind_the_tape():
    w = leaf([1.0, 2.0], name="w")
    with tg.debug():
        y = (w * w).sum()
        w.data[0] = 7.0
        with pytest.raises(GraphError, match=r"w \(2,\) was changed in place.*test_engine.py"):
            y.backward()


# --- copies and protocols --------------------------------------------------------------------


def test_leaves_can_be_copied_and_pickled_with_their_gradient():
    x = leaf([1.0, 2.0], name="x")
    (x * x).sum().backward()
    for copy in (deepcopy(x), pickle.loads(pickle.dumps(x))):
        assert copy.name == "x"
        assert copy.requires_grad
        np.testing.assert_array_equal(copy.grad.data, x.grad.data)
        assert not np.shares_memory(copy.data, x.data)
    with pytest.raises(GraphError, match="only leaves"):
        deepcopy(x * 2.0)


def test_models_can_be_copied_and_pickled():
    model = tg.nn.models.course_cnn(size=8)
    for copy in (deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert all(
            isinstance(p, tg.nn.Parameter) and not np.shares_memory(p.data, q.data)
            for p, q in zip(copy.parameters(), model.parameters(), strict=True)
        )


def test_numpy_functions_compute_on_untracked_tensors_and_testing_works():
    t = tg.Tensor([3.0, 1.0, 2.0])
    np.testing.assert_allclose(t, [3.0, 1.0, 2.0])
    np.testing.assert_array_equal(np.sort(t), [1.0, 2.0, 3.0])
    assert isinstance(np.fft.fft(t), np.ndarray)
    assert np.asarray(t) is t.data


def test_inspection_functions_give_plain_arrays_for_recorded_tensors():
    x = leaf([3.0, -1.0])
    assert np.shape(x) == (2,)
    assert np.argmax(x) == 0
    assert type(np.sign(x)) is np.ndarray
    assert np.allclose(x, [3.0, -1.0])
    assert np.zeros_like(x).tolist() == [0.0, 0.0]


def test_array_times_tensor_is_recorded():
    x = leaf([1.0, 2.0])
    for y in (np.ones(2) * x, np.float64(2.0) * x, np.ones((2, 2)) @ x, 1.0 - x, np.ones(2) / x):
        assert isinstance(y, tg.Tensor)
        assert y.requires_grad


def test_python_scalars_never_promote():
    x = tg.Tensor(np.ones(2, np.float32))
    for y in (
        x * 2.0,
        2.0 * x,
        x + 1,
        x**2,
        x / 3.0,
        1.0 - x,
        tg.maximum(x, 0.0),
        tg.clip(x, 0.0, 1.0),
    ):
        assert y.dtype == np.float32


def test_the_upstream_gradient_must_fit():
    x = leaf(np.ones((2, 3)))
    with pytest.raises(ShapeError, match="not a scalar"):
        (x * 2.0).backward()
    with pytest.raises(ShapeError, match=r"\(3,\)"):
        (x * 2.0).backward(np.ones(3))
