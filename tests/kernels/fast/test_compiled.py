"""Kernels compiled by numba compute what the plain ones compute; skipped where numba is absent."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_fr as tg
from tinygrad_fr.kernels import convolution, fast, normalisation, pooling, stable

needs_numba = pytest.mark.skipif(
    fast.kernels(np.ones(1)) is None, reason="numba is absent or switched off"
)

FLOATS = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def both(function):
    """What a function returns with compiled kernels and without."""
    assert fast.kernels(np.ones(1)) is not None
    compiled = function()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fast, "kernels", lambda *_: None)
        plain = function()
    return compiled, plain


def assert_equal(function, dtype=np.float64):
    rounding = 2e-5 if dtype == np.float32 else 1e-12
    for a, b in zip(*both(function), strict=True):
        assert a.dtype == b.dtype
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, rtol=rounding, atol=rounding)


def draw(*shape, dtype=np.float64, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


@needs_numba
@FLOATS
@settings(deadline=None)  # the first call compiles
@given(st.integers(0, 3), st.integers(1, 3), st.integers(2, 9), st.integers(2, 9), st.booleans())
def test_pooling(dtype, n, c, h, w, ties):
    x = draw(n, c, h, w, dtype=dtype)
    x = x.round() if ties else x
    size = (2, 2), (2, 2), (0, 0)

    def everything():
        y, places, spread = pooling.max_pool(x, *size)
        return y, places(), spread(draw(*y.shape, dtype=dtype, seed=1))

    compiled, plain = both(everything)
    for a, b in zip(compiled, plain, strict=True):
        np.testing.assert_array_equal(a, b)
        assert a.dtype == b.dtype


@needs_numba
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, -0.0])
def test_pooling_of_special_values(value):
    x = draw(2, 1, 4, 6)
    x[0, 0, 1, 1] = x[1, 0, 2, 3] = x[1, 0, 2, 2] = value

    def everything():
        y, places, spread = pooling.max_pool(x, (2, 2), (2, 2), (0, 0))
        return y, places(), spread(draw(2, 1, 2, 3))

    for a, b in zip(*both(everything), strict=True):
        np.testing.assert_array_equal(a, b)


@needs_numba
@FLOATS
@settings(deadline=None)  # the first call compiles
@given(st.integers(0, 5), st.integers(1, 70), st.booleans(), st.booleans())
def test_layer_normalisation(dtype, rows, n, weighted, moved):
    x, g = draw(rows, n, dtype=dtype) * 3 + 5, draw(rows, n, dtype=dtype, seed=1)
    weight = draw(n, dtype=dtype, seed=2) if weighted else None
    bias = draw(n, dtype=dtype, seed=3) if moved else None

    def everything():
        y, d, scale = normalisation.layer_norm(x, weight, bias, 1e-1)
        return y, d, scale, *normalisation.layer_norm_gradients(g, d, scale, weight)

    assert_equal(everything, dtype)


@needs_numba
@FLOATS
@settings(deadline=None)  # the first call compiles
@given(st.integers(1, 5), st.integers(1, 4), st.integers(1, 6), st.sampled_from("CF"))
def test_batch_normalisation(dtype, n, channels, side, order):
    shape = (n, channels, side, side)
    x = np.asarray(draw(*shape, dtype=dtype) * 3 + 5, order=order)
    g = draw(*shape, dtype=dtype, seed=1)

    def everything():
        mean, variance = normalisation.moments(x)
        first, second = normalisation.sums(g, x, mean)
        moved = normalisation.scale_and_shift(x, mean, variance)
        return mean, variance, first, second, moved, normalisation.combine(g, x, mean, first, mean)

    rounding = 1e-4 if dtype == np.float32 else 1e-11
    for a, b in zip(*both(everything), strict=True):
        assert (a.dtype, a.shape) == (b.dtype, b.shape)
        np.testing.assert_allclose(a, b, rtol=rounding, atol=rounding)


@needs_numba
def test_batch_normalisation_of_a_large_mean_and_of_what_is_infinite():
    x = (1e6 + draw(4, 2, 32, 32)).astype(np.float32)
    exact = x.astype(np.float64).var((0, 2, 3))
    np.testing.assert_allclose(normalisation.moments(x)[1].ravel(), exact, rtol=0.02)
    x[0, 0, 0, 0] = np.inf
    with np.errstate(all="ignore"):
        (_, compiled), (_, plain) = both(lambda: normalisation.moments(x))
    np.testing.assert_allclose(compiled, plain, rtol=0.02)
    assert normalisation.scale_and_shift(x, *np.ones((2, 1, 2, 1, 1), np.float32)).max() == np.inf


@needs_numba
@FLOATS
@settings(deadline=None)  # the first call compiles
@given(st.integers(1, 6), st.integers(1, 9), st.sampled_from(["mean", "sum", "none"]))
def test_cross_entropy(dtype, n, classes, reduction):
    z = draw(n, classes, dtype=dtype) * 20
    labels = np.random.default_rng(1).integers(0, classes, n)

    def everything():
        t = tg.Tensor(z, requires_grad=True)
        loss = tg.cross_entropy(t, labels, reduction)
        loss.backward(draw(*loss.shape, dtype=dtype))
        return loss.data, t.grad.data

    assert_equal(everything, dtype)


@needs_numba
def test_cross_entropy_of_special_values():
    z = np.array([[1e4, 0.0, -1e4], [np.nan, 0.0, 1.0], [-np.inf, 0.0, 1.0]])
    with np.errstate(all="ignore"):
        compiled, plain = both(lambda: stable.cross_entropy(z, (np.arange(3), np.ones(3, int)), 1))
        np.testing.assert_allclose(compiled[0], plain[0])
        g = np.ones(3)
        np.testing.assert_allclose(compiled[1](g), plain[1](g))


@needs_numba
@FLOATS
@settings(deadline=None)  # the first call compiles
@given(
    st.integers(0, 3), st.integers(1, 9), st.integers(3, 7), st.integers(42, 60), st.integers(0, 2),
    st.booleans(),
)  # fmt: skip
def test_convolution_of_one_channel(dtype, n, f, h, w, padding, moved):
    x, weight = draw(n, 1, h, w, dtype=dtype), draw(f, 1, 3, 3, dtype=dtype, seed=1)
    bias = draw(f, dtype=dtype, seed=2) if moved else None
    cut = (1, 1), (padding, padding), (1, 1), 1

    def everything():
        y, windows = convolution.conv(x, weight, *cut, bias)
        g = draw(*y.shape, dtype=dtype, seed=3)
        return y, convolution.conv_weight(windows, g, weight.shape, 1)

    rounding = 1e-4 if dtype == np.float32 else 1e-11
    for a, b in zip(*both(everything), strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=rounding, atol=rounding)


@needs_numba
def test_read_only_and_strided_arrays_are_taken():
    x = draw(2, 6, 8, 1).transpose(0, 3, 1, 2)
    x.flags.writeable = False
    y, _, spread = pooling.max_pool(x, (2, 2), (2, 2), (0, 0))
    np.testing.assert_array_equal(y, x.reshape(2, 1, 3, 2, 4, 2).max((3, 5)))
    g = np.broadcast_to(np.float64(1), y.shape)
    assert spread(g).sum() == y.size


def test_arrays_of_other_kinds_are_left_to_numpy():
    for x in (np.ones(2, ">f4"), np.ones(2, np.float16), np.ones(2, int), np.ma.array([1.0])):
        assert fast.kernels(x) is None
    assert fast.kernels(np.ones(2, np.float32), np.ones(2)) is None


@pytest.mark.parametrize("kind", ["i1", "u1", "i4", ">i8", "u8"])
def test_class_indices_of_any_kind_are_taken(kind):
    z = draw(4, 3)
    labels = np.array([0, 2, 1, 2])
    np.testing.assert_array_equal(
        tg.cross_entropy(z, labels.astype(kind)), tg.cross_entropy(z, labels)
    )


def test_the_switch_leaves_numba_alone():
    program = (
        "import sys, numpy as np, tinygrad_fr as tg; "
        "tg.max_pool2d(np.ones((1, 1, 4, 4)), 2); print('numba' in sys.modules)"
    )
    environment = {**os.environ, fast.SWITCH: "0"}
    answer = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "False"


@needs_numba
@pytest.mark.parametrize("moment", ["import", "compilation"])
def test_ctrl_c_while_numba_compiles_does_not_break_the_next_fit(moment, tmp_path):
    program = tmp_path / "interrupted.py"
    program.write_text(f"""
import signal, sys
import numpy as np, tinygrad_fr as tg

signal.signal(signal.SIGINT, signal.default_int_handler)  # where a job in the background ignores it

class Import:
    def find_spec(self, name, *_):
        if name == "numba.core.typing":
            sys.meta_path.remove(self)
            signal.raise_signal(signal.SIGINT)

if {moment == "import"}:
    sys.meta_path.insert(0, Import())
else:
    from numba.core.codegen import JITCodeLibrary
    whole, due = JITCodeLibrary._object_compiled_hook, [signal.SIGINT]
    def hook(_library, *code):
        if due:
            signal.raise_signal(due.pop())
        whole(*code)
    JITCodeLibrary._object_compiled_hook = classmethod(hook)

x, y = np.random.default_rng(0).standard_normal((8, 4)), np.arange(8) % 4
model = tg.nn.LayerNorm(4)
def fit(epochs):
    return tg.fit(model, (x, y), loss=tg.cross_entropy, epochs=epochs, progress=False,
                  optimizer=tg.optim.SGD(model.parameters(), lr=0.1))
print(fit(1).interrupted, len(fit(2)), "numba" in sys.modules)
""")
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    answer = subprocess.run(
        [sys.executable, program], env=environment, capture_output=True, text=True, check=False
    )
    assert answer.stdout.split() == ["True", "2", "True"], answer.stderr


@needs_numba
@pytest.mark.parametrize("spread", [0.1, 10.0, 1e3])
def test_exponentials_of_rows(spread):
    z = draw(70, 100, dtype=np.float32) * np.float32(spread)
    z[3], z[4, ::2], z[5] = 300 * z[3], -np.inf, -1e4  # one that is far below the others
    for function in (lambda: stable.exponentials(z, 1), lambda: [stable.softmax(z, 1)]):
        compiled, plain = both(function)
        for a, b in zip(compiled, plain, strict=True):
            np.testing.assert_allclose(a / a.max(1, keepdims=True), b / b.max(1, keepdims=True),
                                       rtol=5e-7, atol=1e-37)  # fmt: skip
    exact = np.exp(z.astype(float) - z.astype(float).max())
    sums = exact.sum(1, keepdims=True)
    kept = sums[:, 0] >= 1e-2
    np.testing.assert_allclose(stable.exponentials(z, 1)[1][kept], sums[kept], rtol=1e-6)


@needs_numba
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_exponentials_of_special_values(value):
    z = draw(70, 100, dtype=np.float32)
    z[3, 5] = value
    with np.errstate(all="ignore"):
        compiled, plain = both(lambda: stable.softmax(z, 1))
    np.testing.assert_allclose(compiled, plain, rtol=1e-6)
    assert np.isnan(compiled[3]).any()
    assert np.isfinite(np.delete(compiled, 3, 0)).all()
