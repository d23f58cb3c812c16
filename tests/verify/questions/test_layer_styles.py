"""Layers of students in all their styles: what is wrong is found, what is right is not accused."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from tinygrad_fr import verify
from tinygrad_fr.errors import ArgumentError, ShapeError

RNG = np.random.default_rng(11)
X = RNG.standard_normal((4, 3))


def kinds(entry):
    return [d.kind for d in entry.diagnoses]


class Dense:
    """Right; what others do differently is overridden."""

    def __init__(self):
        self.W, self.b = RNG.standard_normal((3, 5)), RNG.standard_normal(5)

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, d):
        self.dW, self.db = self.x.T @ d, d.sum(0)
        return d @ self.W.T


# --- linear mistakes are not excused as right for one-hot upstreams ------------------------------


class LastRowForgotten:
    def forward(self, x):
        self.x = x
        return np.maximum(x, 0)

    def backward(self, d):
        g = d * (self.x > 0)
        g[-1] = 0
        return g


class DropoutWithoutScale:
    def forward(self, x):
        self.mask = np.random.rand(*x.shape) < 0.5
        return x * self.mask / 0.5

    def backward(self, d):
        return d * self.mask


class WrongAboveTwo:
    def forward(self, x):
        self.x = x
        return np.where(x > 0, x, 0.1 * x)

    def backward(self, d):
        return d * np.where(self.x > 2, -1, np.where(self.x > 0, 1, 0.1))


class OverlappingPool:
    def forward(self, x):
        self.x = x
        return np.stack([x[:, i : i + 3].max(1) for i in range(x.shape[1] - 2)], 1)

    def backward(self, d):
        g = np.zeros_like(self.x)
        for i in range(d.shape[1]):
            k = self.x[:, i : i + 3].argmax(1)
            g[np.arange(len(g)), i + k] = d[:, i]
        return g


class ClippedGradient(Dense):
    def backward(self, d):
        g = super().backward(d)
        self.dW = np.clip(self.dW, -0.5, 0.5)
        return g


class LargeUpstreamsDropped:
    def forward(self, x):
        self.x = x
        return np.maximum(x, 0)

    def backward(self, d):
        return d * (self.x > 0) * (d < 1.4)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (LastRowForgotten, (32, 10)), (DropoutWithoutScale, (4, 6)), (WrongAboveTwo, (10, 10)),
        (OverlappingPool, (3, 8)), (ClippedGradient, (4, 3)), (LargeUpstreamsDropped, (8, 5)),
    ],
)  # fmt: skip
def test_ordinary_mistakes_are_not_excused_for_one_hot_upstreams(make, shape, seed):
    x = np.random.default_rng(seed).standard_normal(shape)
    x.flat[0] = 2.5
    report = verify.layer(make(), x, seed=seed)
    assert any(entry.verdict == "wrong" for entry in report)


# --- parameters wherever they are ----------------------------------------------------------------


class Lists:
    def __init__(self, factor):
        self.weights, self.biases = [RNG.standard_normal((3, 5))], [RNG.standard_normal(5)]
        self.factor = factor

    def forward(self, x):
        self.x = x
        return x @ self.weights[0] + self.biases[0]

    def backward(self, d):
        self.dweights, self.dbiases = [self.factor * self.x.T @ d], [d.sum(0)]
        return d @ self.weights[0].T


class ParamsAndGrads:
    """As in Deep Learning from Scratch 2."""

    def __init__(self, factor):
        W, b = RNG.standard_normal((3, 5)), RNG.standard_normal(5)
        self.params, self.grads = [W, b], [np.zeros_like(W), np.zeros_like(b)]
        self.factor = factor

    def forward(self, x):
        W, b = self.params
        self.x = x
        return x @ W + b

    def backward(self, d):
        self.grads[0][...] = self.factor * self.x.T @ d
        self.grads[1][...] = d.sum(0)
        return d @ self.params[0].T


class Network:
    def __init__(self, factor):
        self.layers = [Dense(), Dense()]
        self.layers[1].W = RNG.standard_normal((5, 5))
        self.factor = factor

    def forward(self, x):
        for part in self.layers:
            x = part.forward(x)
        return x

    def backward(self, d):
        for part in reversed(self.layers):
            d = part.backward(d)
        self.layers[0].dW *= self.factor
        return d


class Parameter:
    def __init__(self, value):
        self.value, self.grad = value, np.zeros_like(value)


class WithParameters:
    def __init__(self, factor):
        self.W, self.factor = Parameter(RNG.standard_normal((3, 5))), factor

    def forward(self, x):
        self.x = x
        return x @ self.W.value

    def backward(self, d):
        self.W.grad = self.factor * self.x.T @ d
        return d @ self.W.value.T


class KeysAreNumbers:
    def __init__(self, factor):
        self.W, self.dW, self.factor = {1: RNG.standard_normal((3, 5))}, {}, factor

    def forward(self, x):
        self.x = x
        return x @ self.W[1]

    def backward(self, d):
        self.dW[1] = self.factor * self.x.T @ d
        return d @ self.W[1].T


class OneNeuron:
    def __init__(self, factor):
        self.w, self.b, self.factor = 0.5, 0.1, factor

    def forward(self, x):
        self.x = x
        return self.w * x + self.b

    def backward(self, d):
        self.dw, self.db = self.factor * float((d * self.x).sum()), float(d.sum())
        return d * self.w


class OfTheClass:
    W = RNG.standard_normal((3, 5))

    def __init__(self, factor):
        self.factor = factor

    def forward(self, x):
        self.x = x
        return x @ self.W

    def backward(self, d):
        self.dW = self.factor * self.x.T @ d
        return d @ self.W.T


class WithSlots:
    __slots__ = ("W", "dW", "factor", "x")

    def __init__(self, factor):
        self.W, self.factor = RNG.standard_normal((3, 5)), factor

    forward, backward = OfTheClass.forward, OfTheClass.backward


class Depthwise:
    """A weight called like a gradient."""

    def __init__(self, factor):
        self.dw, self.factor = RNG.standard_normal(3), factor

    def forward(self, x):
        self.x = x
        return x * self.dw

    def backward(self, d):
        self.ddw = self.factor * (d * self.x).sum(0)
        return d * self.dw


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (Lists, "weights[0]"), (ParamsAndGrads, "params[0]"), (Network, "layers[0].W"),
        (WithParameters, "W.value"), (KeysAreNumbers, "W[1]"), (OneNeuron, "w"),
        (OfTheClass, "W"), (WithSlots, "W"), (Depthwise, "dw"),
    ],
)  # fmt: skip
def test_parameters_are_found_wherever_an_object_keeps_them(make, name):
    assert verify.layer(make(1), X)
    entry = verify.layer(make(7), X)[name]
    assert entry.verdict == "wrong"
    assert "scale" in kinds(entry)


def test_a_parameter_may_be_named_by_its_list():
    assert verify.layer(Lists(7), X, parameters=["weights"])["weights[0]"].verdict == "wrong"


def test_weights_that_the_forward_reaches_in_a_closure_only_are_not_called_right():
    class Closure(Dense):
        def __init__(self):
            super().__init__()
            self.function = lambda x: x @ self.W + self.b

        def forward(self, x):
            self.x = x
            return self.function(x)

    report = verify.layer(Closure(), X)
    assert report["W"].verdict == "inconclusive"
    assert not report


# --- nothing compared is nothing proved ----------------------------------------------------------


def test_a_gradient_stored_and_not_returned_is_compared():
    class Stored:
        def forward(self, x):
            self.x = x
            return np.tanh(x)

        def backward(self, d):
            self.dx = 99 * d * self.x

    assert verify.layer(Stored(), X)["input"].verdict == "wrong"


# --- caches of earlier calls ---------------------------------------------------------------------


class KeptInput(Dense):
    def forward(self, x):
        if not hasattr(self, "x"):
            self.x = x
        return x @ self.W + self.b


class KeptMask:
    mask = None

    def forward(self, x):
        if self.mask is None:
            self.mask = x > 0
        return np.maximum(x, 0)

    def backward(self, d):
        return d * self.mask


class FirstOfTheCache(Dense):
    def __init__(self):
        super().__init__()
        self.cache = []

    def forward(self, x):
        self.cache.append(x)
        return x @ self.W + self.b

    def backward(self, d):
        self.dW, self.db = self.cache[0].T @ d, d.sum(0)
        return d @ self.W.T


class CopiedTranspose(Dense):
    def __init__(self):
        super().__init__()
        self.transposed = self.W.T.copy()

    def backward(self, d):
        super().backward(d)
        return d @ self.transposed


@pytest.mark.parametrize(
    ("make", "name"),
    [(KeptInput, "W"), (KeptMask, "input"), (FirstOfTheCache, "W"), (CopiedTranspose, "input")],
)
def test_what_was_kept_from_an_earlier_call_is_found(make, name):
    entry = verify.layer(make(), X)[name]
    assert entry.verdict == "wrong"
    assert "stale_cache" in kinds(entry)


def test_a_mask_from_a_generator_of_its_own_is_not_stale():
    class Dropout:
        def __init__(self):
            self.rng = np.random.default_rng(0)

        def forward(self, x):
            self.mask = (self.rng.random(x.shape) < 0.5) / 0.5
            return x * self.mask

        def backward(self, d):
            return d * self.mask

    assert verify.layer(Dropout(), X)


# --- what a backward may return ------------------------------------------------------------------


@pytest.mark.parametrize(
    "arrange",
    [
        lambda dx, dW, db: [dx, dW, db],
        lambda dx, dW, db: (dx, (dW, db)),
        lambda dx, dW, db: (dx, {"W": dW, "b": db}),
        lambda dx, dW, db: (dx, db, dW),
        lambda dx, dW, db: (db, dW, dx),
    ],
)
def test_gradients_are_returned_in_any_arrangement(arrange):
    class Returning(Dense):
        def backward(self, d):
            return arrange(d @ self.W.T, self.x.T @ d, d.sum(0))

    class Wrong(Returning):
        def backward(self, d):
            return arrange(d @ self.W.T, 2 * self.x.T @ d, d.sum(0))

    report = verify.layer(Returning(), X)
    assert report
    assert set(report.entries) == {"input", "W", "b"}
    assert verify.layer(Wrong(), X)["W"].verdict == "wrong"


def test_functions_may_return_fewer_gradients_than_they_have_arguments():
    pair = (lambda x, w: (x * w, (x, w)), lambda dout, cache: dout * cache[1])
    report = verify.layer(pair, (X, X + 1))
    assert report["input"].verdict == "correct"
    assert report["w"].verdict == "inconclusive"


def softmax_loss(x, y):
    p = np.exp(x) / np.exp(x).sum(1, keepdims=True)
    return -np.log(p[np.arange(len(x)), y]).mean(), (p, y)


def test_a_loss_of_functions_with_a_cache():
    def gradient(cache):
        p, y = cache
        return (p - np.eye(3)[y]) / len(y)

    given = (X, np.array([0, 2, 1, 1]))
    assert verify.layer((softmax_loss, gradient), given)
    assert verify.layer((softmax_loss, lambda dout, cache: dout * gradient(cache)), given)


def test_of_several_outputs_all_are_checked_or_the_first_alone():
    class Two:
        sign = -1

        def forward(self, x):
            self.x = x
            return np.sin(x), np.cos(x)

        def backward(self, d1, d2):
            return d1 * np.cos(self.x) + self.sign * d2 * np.sin(self.x)

    assert verify.layer(Two(), X)
    other = Two()
    other.sign = 1
    assert verify.layer(other, X)["input"].verdict == "wrong"
    report = verify.layer(other, X, upstream=np.ones(X.shape))
    assert report
    assert any("outputs" in text for text in report.hidden)


# --- what is given stays as it was ---------------------------------------------------------------


class UpdatingItself(Dense):
    lr = 0.1

    def backward(self, d):
        g = d @ self.W.T
        self.W -= self.lr * self.x.T @ d
        self.b -= self.lr * d.sum(0)
        return g


def test_bound_methods_leave_their_object_as_it_was():
    o = UpdatingItself()
    before = o.W.copy()
    assert verify.layer((o.forward, o.backward), X)
    assert verify.layer(o, X, forward=o.forward, backward=o.backward)
    np.testing.assert_array_equal(o.W, before)


def test_arrays_of_a_class_and_in_dicts_stay_as_they_were():
    class Shared:
        W, lr = np.ones((3, 2)), 0.1

        def forward(self, x):
            self.x = x
            return x @ self.W

        def backward(self, d):
            g = d @ self.W.T
            self.W -= self.lr * self.x.T @ d
            return g

    assert verify.layer(Shared(), X)
    assert (Shared.W == 1).all()

    def forward(x, bn_param):
        bn_param["mean"] *= 0.9
        return x - x.mean(0), None

    settings = {"mean": np.ones(3)}
    assert verify.layer((forward, lambda dout, cache: dout - dout.mean(0)), (X, settings))
    assert (settings["mean"] == 1).all()


# --- right layers in other styles ----------------------------------------------------------------


class Embedding:
    def __init__(self):
        self.W = RNG.standard_normal((6, 4))

    def forward(self, indices):
        self.indices = indices
        return self.W[indices]

    def backward(self, d):
        self.dW = np.zeros_like(self.W)
        np.add.at(self.dW, self.indices, d)


class WrongEmbedding(Embedding):
    def backward(self, d):
        self.dW = np.zeros_like(self.W)
        self.dW[self.indices] += d


@pytest.mark.parametrize("indices", [np.array([1, 2, 1, 5]), [1, 2, 1, 5]])
def test_the_indices_of_an_embedding_stay_integers(indices):
    report = verify.layer(Embedding(), indices)
    assert report
    assert set(report.entries) == {"W"}
    assert verify.layer(WrongEmbedding(), indices)["W"].verdict == "wrong"


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def of_z(z):
    return sigmoid(z) * (1 - sigmoid(z))


def of_a(a):
    return a * (1 - a)


def d_sigmoid(x):
    return of_z(x)


def sigmoid_derivative(z):
    return of_z(z)


@pytest.mark.parametrize("derivative", [of_z, of_a, d_sigmoid, sigmoid_derivative])
def test_derivatives_at_a_point(derivative):
    assert verify.layer((sigmoid, derivative), X)


def test_arguments_with_a_default_and_arguments_of_other_names():
    def elu(x, alpha=0.5):
        return np.where(x > 0, x, alpha * np.expm1(x)), x

    def elu_backward(dout, cache, alpha=0.5):
        return dout * np.where(cache > 0, 1, alpha * np.exp(cache))

    assert verify.layer((elu, elu_backward), X)
    assert verify.layer((elu, elu_backward), (X, 0.2))

    def bce(output, y):
        return -np.mean(y * np.log(output) + (1 - y) * np.log(1 - output))

    def bce_prime(output, y):
        return (output - y) / (output * (1 - output)) / y.size

    assert verify.layer((bce, bce_prime), (sigmoid(X), np.eye(3)[[0, 1, 2, 0]]))

    class OfTheOutput:
        def forward(self, x):
            return np.tanh(x)

        def backward(self, a, da):
            return da * (1 - a**2)

    assert verify.layer(OfTheOutput(), X)


def test_a_gate_of_x_and_y_is_no_loss():
    class Multiply:
        def forward(self, x, y):
            self.x, self.y = x, y
            return x * y

        def backward(self, d):
            return d * self.y, d * self.x

    report = verify.layer(Multiply(), (X, X + 1))
    assert report
    assert set(report.entries) == {"input", "y"}


def test_a_bias_takes_the_gradient_of_its_own_name():
    class TwoLayers:
        def __init__(self):
            self.W0, self.W1 = RNG.standard_normal((3, 4)), RNG.standard_normal((4, 2))
            self.b = RNG.standard_normal(4)

        def forward(self, x):
            self.x, self.h = x, np.tanh(x @ self.W0 + self.b)
            return self.h @ self.W1

        def backward(self, d):
            dz = d @ self.W1.T * (1 - self.h**2)
            self.dW1, self.dW0, self.db = self.h.T @ d, self.x.T @ dz, dz.sum(0)
            return dz @ self.W0.T

    assert verify.layer(TwoLayers(), X)


RATE = 0.05


def test_updates_with_a_rate_that_is_found_or_not():
    class Slope(UpdatingItself):
        def __init__(self):
            super().__init__()
            self.alpha, self._lr = 0.2, 0.01

        @property
        def lr(self):
            return self._lr

    assert verify.layer(Slope(), X)
    assert verify.layer(UpdatingItself(), X)  # an attribute of the class

    class Global(Dense):
        def backward(self, d):
            g = d @ self.W.T
            self.W -= RATE * self.x.T @ d
            self.b -= RATE * d.sum(0)
            return g

    entry = verify.layer(Global(), X)["W"]
    assert entry.verdict == "inconclusive"
    assert "learning rate" in entry.note

    class Upwards(Global):
        def backward(self, d):
            self.W += RATE * self.x.T @ d
            return d @ self.W.T

    assert verify.layer(Upwards(), X)["W"].verdict == "wrong"

    class Sign(Global):
        def backward(self, d):
            g = d @ self.W.T
            self.W -= RATE * np.sign(self.x.T @ d)
            self.b -= RATE * np.sign(d.sum(0))
            return g

    assert verify.layer(Sign(), X)["W"].verdict == "inconclusive"


def test_a_known_rate_still_shows_a_wrong_factor():
    class Mean(UpdatingItself):
        def backward(self, d):
            g = d @ self.W.T
            self.W -= self.lr * self.x.T @ d / len(d)
            self.b -= self.lr * d.sum(0)
            return g

    assert verify.layer(Mean(), X)["W"].diagnoses[0].detail["equals"] == "1/N"


def test_momentum_excuses_a_factor_and_a_stored_gradient_does_not():
    class Momentum(UpdatingItself):
        def __init__(self):
            super().__init__()
            self.v = np.zeros_like(self.W)

        def backward(self, d):
            g = d @ self.W.T
            self.v = 0.9 * self.v + 0.1 * self.x.T @ d
            self.W -= self.lr * self.v
            self.db = d.sum(0)
            return g

    assert verify.layer(Momentum(), X)["W"].verdict == "inconclusive"

    class Half(UpdatingItself):
        def backward(self, d):
            g = d @ self.W.T
            self.W -= self.lr * 0.5 * self.x.T @ d
            self.db = d.sum(0)
            return g

    assert verify.layer(Half(), X)["W"].verdict == "wrong"


def test_a_gradient_that_is_stored_and_used_with_momentum_is_not_stale():
    class Stored(UpdatingItself):
        def __init__(self):
            super().__init__()
            self.v = np.zeros_like(self.W)

        def backward(self, d):
            g = d @ self.W.T
            self.dW, self.db = self.x.T @ d, d.sum(0)
            self.v = 0.9 * self.v + self.dW
            self.W -= self.lr * self.v
            return g

    assert verify.layer(Stored(), X)


def test_arguments_that_have_no_names_are_refused():
    class Anything(Dense):
        def backward(self, *gradients):
            return gradients[0] @ self.W.T

    with pytest.raises(ArgumentError, match="write its arguments out"):
        verify.layer(Anything(), X)


def test_numbers_in_a_history_are_no_parameters():
    class Logged(Dense):
        def __init__(self):
            super().__init__()
            self.losses = [0.5] * 150

        def forward(self, x):
            return super().forward(x) + 0 * sum(self.losses)

    assert set(verify.layer(Logged(), X).entries) == {"input", "W", "b"}


def test_float32_inside_the_forward_is_not_called_wrong():
    class Single:
        def __init__(self):
            self.W = RNG.standard_normal((3, 5)).astype(np.float32)

        def forward(self, x):
            self.x = x.astype(np.float32)
            return np.sin(self.x @ self.W) * np.float32(3)

        def backward(self, d):
            dz = 3 * d * np.cos(self.x @ self.W)
            self.dW = self.x.T @ dz
            return dz @ self.W.T * self.factor

        factor = 1

    class Wrong(Single):
        factor = -1

    assert verify.layer(Single(), X)["input"].verdict in ("correct", "inconclusive")
    assert verify.layer(Wrong(), X)["input"].verdict == "wrong"


def test_kinks_of_large_arrays():
    class Block:
        def __init__(self, wrong):
            self.W, self.wrong = RNG.standard_normal((300, 40)), wrong

        def forward(self, x):
            self.x, self.z = x, np.maximum(x, 0) @ self.W
            return np.abs(self.z)

        def backward(self, d):
            dz = d * np.sign(self.z)
            self.dW = np.maximum(self.x, 0).T @ dz
            g = (dz @ self.W.T) * (self.x > 0)
            return g * np.where(self.x > 1, 1.5, 1) if self.wrong else g

    x = np.maximum(RNG.standard_normal((64, 300)), 0)
    assert verify.layer(Block(False), x)["input"].verdict == "kink"
    assert verify.layer(Block(True), x)["input"].verdict == "wrong"


def test_what_cannot_be_copied_is_shared():
    class Locked(Dense):
        def __init__(self):
            super().__init__()
            self.lock = threading.Lock()

    assert verify.layer(Locked(), X)


def test_what_is_asked_wrongly_is_refused():
    class Sized(Dense):
        def __init__(self, size):
            super().__init__()

    with pytest.raises(ArgumentError, match="not the class"):
        verify.layer(Sized, X)
    with pytest.raises(ShapeError, match="upstream has the shape"):
        verify.layer(Dense(), X, upstream=np.ones(3))
    with pytest.raises(ArgumentError, match="NaN"):
        verify.layer(Dense(), X, upstream=np.full((4, 5), np.nan))


class Recurrent:
    """Its hidden state is kept from call to call."""

    def __init__(self):
        self.W, self.U = RNG.standard_normal((3, 5)), RNG.standard_normal((5, 5)) / 2
        self.h = np.zeros((4, 5))

    def forward(self, x):
        self.x, self.before = x, self.h
        self.h = np.tanh(x @ self.W + self.h @ self.U)
        return self.h

    def backward(self, d):
        da = d * (1 - self.h**2)
        self.dW, self.dU = self.x.T @ da, self.before.T @ da
        return da @ self.W.T


class Evaluating:
    def __init__(self):
        self.gamma, self.running_mean = RNG.uniform(1, 2, 3), RNG.standard_normal(3)

    def forward(self, x):
        self.hat = x - self.running_mean
        return self.gamma * self.hat

    def backward(self, d):
        self.dgamma = (d * self.hat).sum(0)
        return d * self.gamma


@pytest.mark.parametrize("make", [Recurrent, Evaluating])
def test_state_that_is_no_parameter_needs_no_gradient(make):
    report = verify.layer(make(), X)
    assert report
    assert any("constants" in note for note in report.notes)


def test_a_slow_wrong_layer_is_told_in_time():
    class Slow:
        def __init__(self):
            self.W = RNG.standard_normal((3, 3))

        def forward(self, x):
            time.sleep(0.004)
            self.x = x
            return np.tanh(x * np.abs(x).sum()) @ self.W

        def backward(self, d):
            self.dW = self.x.T @ d
            return d @ self.W.T * self.x

    start = time.perf_counter()
    report = verify.layer(Slow(), RNG.standard_normal((20, 3)))
    assert time.perf_counter() - start < 40
    assert report["input"].verdict == "wrong"


class Gain:
    """The upstream gradient has the name of a parameter."""

    def __init__(self, factor=1.0):
        self.g, self.factor = RNG.standard_normal(4), factor

    def forward(self, x):
        self.x = x
        return self.g * x

    def backward(self, g):
        self.dg = self.factor * (g * self.x).sum(0)
        return g * self.g


def test_the_upstream_gradient_may_be_called_like_a_parameter():
    x = RNG.standard_normal((5, 4))
    assert verify.layer(Gain(), x)
    assert verify.layer(Gain(factor=2.0), x).first_wrong == "g"

    def backward(g, cache):
        x, gain = cache
        return g * gain, (g * x).sum(0)

    pair = (lambda x, g: (x * g, (x, g)), backward)
    assert verify.layer(pair, (x, RNG.standard_normal(4)))
