"""Layers written by hand, unchanged, in the styles of courses and public repositories."""

from __future__ import annotations

import copy
import time

import numpy as np
import pytest

import tinygrad_fr as tg
from tinygrad_fr import verify
from tinygrad_fr.errors import ArgumentError

RNG = np.random.default_rng(5)
X = RNG.standard_normal((6, 4))


class Conv3x3:
    """Loops over patches, one image (H, W), weights updated in the backward: the course's style."""

    def __init__(self, n):
        self.num_filters = n
        self.filters = RNG.standard_normal((n, 3, 3)) / 9

    def patches(self, image):
        for i in range(image.shape[0] - 2):
            for j in range(image.shape[1] - 2):
                yield image[i : i + 3, j : j + 3], i, j

    def forward(self, image):
        self.last_input = image
        out = np.zeros((image.shape[0] - 2, image.shape[1] - 2, self.num_filters))
        for patch, i, j in self.patches(image):
            out[i, j] = np.sum(patch * self.filters, axis=(1, 2))
        return out

    def backprop(self, d_L_d_out, learn_rate):
        d_filters = np.zeros(self.filters.shape)
        for patch, i, j in self.patches(self.last_input):
            for f in range(self.num_filters):
                d_filters[f] += d_L_d_out[i, j, f] * patch
        self.filters -= learn_rate * d_filters


class MaxPool2:
    def regions(self, image):
        for i in range(image.shape[0] // 2):
            for j in range(image.shape[1] // 2):
                yield image[i * 2 : i * 2 + 2, j * 2 : j * 2 + 2], i, j

    def forward(self, image):
        self.last_input = image
        out = np.zeros((image.shape[0] // 2, image.shape[1] // 2, image.shape[2]))
        for region, i, j in self.regions(image):
            out[i, j] = np.amax(region, axis=(0, 1))
        return out

    def backprop(self, d_L_d_out):
        d = np.zeros(self.last_input.shape)
        for region, i, j in self.regions(self.last_input):
            top = np.amax(region, axis=(0, 1))
            for a in range(2):
                for b in range(2):
                    for c in range(region.shape[2]):
                        if region[a, b, c] == top[c]:
                            d[i * 2 + a, j * 2 + b, c] = d_L_d_out[i, j, c]
        return d


class SoftmaxLayer:
    """000's softmax layer: right for an upstream gradient with one non-zero entry only."""

    def __init__(self, inputs, nodes):
        self.weights = RNG.standard_normal((inputs, nodes)) / inputs
        self.biases = np.zeros(nodes)

    def forward(self, image):
        self.last_shape, self.last_input = image.shape, image.flatten()
        self.last_totals = self.last_input @ self.weights + self.biases
        exp = np.exp(self.last_totals)
        return exp / exp.sum()

    def backprop(self, d_L_d_out, learn_rate):
        for i, gradient in enumerate(d_L_d_out):
            if gradient == 0:
                continue
            e, s = np.exp(self.last_totals), np.exp(self.last_totals).sum()
            d_t = -e[i] * e / s**2
            d_t[i] = e[i] * (s - e[i]) / s**2
            d_t = d_t * gradient
            d_inputs = self.weights @ d_t
            self.weights -= learn_rate * np.outer(self.last_input, d_t)
            self.biases -= learn_rate * d_t
            return d_inputs.reshape(self.last_shape)
        return None


def test_the_courses_layers_in_loops_at_the_courses_sizes():
    start = time.perf_counter()
    conv = verify.layer(Conv3x3(8), RNG.standard_normal((50, 50)))
    pool = verify.layer(MaxPool2(), RNG.standard_normal((48, 48, 8)))
    dense = verify.layer(SoftmaxLayer(4608, 5), RNG.standard_normal((24, 24, 8)))
    assert time.perf_counter() - start < 60  # each is asked to take less than 30 s
    assert conv["filters"].verdict == "correct"
    assert "update" in conv["filters"].note
    assert "no gradient for its input" in conv["input"].note
    assert pool["input"].verdict == "correct"
    for name in ("input", "weights", "biases"):
        assert dense[name].verdict == "correct"
        assert dense[name].diagnoses[0].kind == "one_hot_upstream_only"


def test_ties_in_a_hand_written_pooling_are_found():
    image = np.maximum(RNG.integers(-2, 3, (8, 8, 2)), 0) * 1.0
    report = verify.layer(MaxPool2(), image)
    assert report["input"].diagnoses[0].kind == "max_ties"


def test_a_mistake_of_000_and_an_update_before_use():
    class Wrong(SoftmaxLayer):
        def forward(self, image):
            self.p = super().forward(image)
            return self.p

        def backprop(self, d_L_d_out, learn_rate):
            d_t = self.p * (1 - self.p) * d_L_d_out
            self.weights -= learn_rate * np.outer(self.last_input, d_t)
            self.biases -= learn_rate * d_t
            return (self.weights @ d_t).reshape(self.last_shape)

    report = verify.layer(Wrong(48, 5), RNG.standard_normal((4, 4, 3)))
    assert report["biases"].diagnoses[0].kind == "diagonal_only"
    assert {d.kind for d in report["input"].diagnoses} == {"diagonal_only", "updated_too_early"}
    assert report.first_wrong == "biases"


class Adam:
    """An optimizer of its own, as in ML-From-Scratch."""

    def __init__(self):
        self.m = None

    def update(self, w, grad):
        self.m = 0.1 * grad if self.m is None else 0.9 * self.m + 0.1 * grad
        return w - 0.01 * np.sign(self.m)


class WithOptimizer:
    def __init__(self):
        self.W, self.w0 = RNG.standard_normal((4, 3)), np.zeros((1, 3))
        self.W_opt, self.w0_opt = Adam(), Adam()
        self.layer_input = None

    def forward_pass(self, X, training=True):
        self.layer_input = X
        return X @ self.W + self.w0

    def backward_pass(self, accum_grad):
        W = self.W
        self.W = self.W_opt.update(self.W, self.layer_input.T @ accum_grad)
        self.w0 = self.w0_opt.update(self.w0, accum_grad.sum(0, keepdims=True))
        return accum_grad @ W.T


def test_an_optimizer_inside_the_layer():
    report = verify.layer(WithOptimizer(), X)
    assert report
    assert "optimizer" in report["W"].note
    assert set(report.entries) == {"input", "W", "w0"}


class InDicts:
    def __init__(self):
        self.params = {"W": RNG.standard_normal((4, 3)), "b": RNG.standard_normal(3)}
        self.grads = {}

    def forward(self, x):
        self.x = x
        return x @ self.params["W"] + self.params["b"]

    def backward(self, dout):
        self.grads["W"] = self.x.T @ dout
        self.grads["b"] = dout.sum(axis=0)
        return dout @ self.params["W"].T


def test_gradients_in_a_dict():
    report = verify.layer(InDicts(), X)
    assert report
    assert set(report.entries) == {"input", "W", "b"}


class Nnfs:
    """Everything stored, nothing returned."""

    def __init__(self):
        self.weights, self.biases = RNG.standard_normal((4, 3)), np.zeros((1, 3))

    def forward(self, inputs):
        self.inputs = inputs
        self.output = inputs @ self.weights + self.biases
        return self.output

    def backward(self, dvalues):
        self.dweights = self.inputs.T @ dvalues
        self.dbiases = np.sum(dvalues, axis=0, keepdims=True)
        return dvalues @ self.weights.T


def test_gradients_in_attributes_and_the_object_untouched():
    subject = Nnfs()
    before = copy.deepcopy(vars(subject))
    x = X.copy()
    assert verify.layer(subject, x)
    assert vars(subject).keys() == before.keys()
    for name, value in before.items():
        np.testing.assert_array_equal(getattr(subject, name), value)
    np.testing.assert_array_equal(x, X)


def affine_forward(x, w, b):
    return x.reshape(len(x), -1) @ w + b, (x, w, b)


def affine_backward(dout, cache):
    x, w, _b = cache
    return (dout @ w.T).reshape(x.shape), x.reshape(len(x), -1).T @ dout, dout.sum(axis=0)


def test_a_pair_of_functions_with_a_cache():
    given = (RNG.standard_normal((4, 2, 3)), RNG.standard_normal((6, 5)), RNG.standard_normal(5))
    report = verify.layer((affine_forward, affine_backward), given)
    assert report
    assert set(report.entries) == {"input", "w", "b"}

    def wrong(dout, cache):
        dx, dw, _db = affine_backward(dout, cache)
        return dx, dw / len(dout), dout

    report = verify.layer(None, given, forward=affine_forward, backward=wrong)
    assert report["w"].diagnoses[0].detail["equals"] == "1/N"
    assert report["b"].diagnoses[0].kind == "not_summed"


class Sigmoid:
    def __call__(self, x):
        return 1 / (1 + np.exp(-x))

    def gradient(self, x):
        return self(x) * (1 - self(x))


class Tanh:
    def forward(self, z):
        return np.tanh(z)

    def prime(self, z):
        return 1 - np.tanh(z) ** 2


class WrongTanh(Tanh):
    def prime(self, z):
        return 1 - np.tanh(z)


def test_activations_with_a_pointwise_derivative():
    assert verify.layer(Sigmoid(), X)
    assert verify.layer(Sigmoid, X)  # the class will do
    assert verify.layer(Tanh(), X)
    entry = verify.layer(WrongTanh(), X)["input"]
    assert entry.diagnoses[0].kind == "wrong_local_derivative"
    assert entry.diagnoses[0].detail["operation"] == "tanh"


class CrossEntropy:
    def loss(self, y, p):
        return -y * np.log(p) - (1 - y) * np.log(1 - p)

    def gradient(self, y, p):
        return -(y / p) + (1 - y) / (1 - p)


class MeanSquares:
    def loss(self, y_true, y_pred):
        return np.mean((y_true - y_pred) ** 2)

    def gradient(self, y_pred, y_true):
        return y_pred - y_true


def test_losses_in_either_order():
    y, p = np.eye(3)[[0, 1, 2, 1]], RNG.uniform(0.1, 0.9, (4, 3))
    assert verify.layer(CrossEntropy(), (y, p))
    entry = verify.layer(MeanSquares(), (y, p))["input"]
    assert entry.verdict == "wrong"
    assert entry.diagnoses[0].kind == "scale"
    assert entry.diagnoses[0].detail["factor"] == pytest.approx(6)


@pytest.mark.parametrize("shape", [(5, 6), (5, 6, 2), (3, 5, 6, 2), (3, 2, 5, 6)])
def test_convolutions_in_all_layouts(shape):
    rows, columns = (2, 3) if shape[-1] == 6 and len(shape) == 4 else (
        (1, 2) if len(shape) == 4 else (0, 1))  # fmt: skip
    kernel = RNG.standard_normal((3, 3))

    class Blur:
        """One 3x3 kernel over every plane of an image, the wrong way round in the backward."""

        def __init__(self):
            self.kernel = kernel

        def _slide(self, x, k):
            moved = np.moveaxis(x, (rows, columns), (-2, -1))
            h, w = moved.shape[-2] - 2, moved.shape[-1] - 2
            y = sum(moved[..., i : i + h, j : j + w] * k[i, j] for i in range(3) for j in range(3))
            return np.moveaxis(y, (-2, -1), (rows, columns))

        def forward(self, x):
            self.x = x
            return self._slide(x, self.kernel)

        def backward(self, d):
            pad = [(2, 2) if a in (rows, columns) else (0, 0) for a in range(d.ndim)]
            self.dkernel = np.zeros((3, 3))
            m = np.moveaxis(self.x, (rows, columns), (-2, -1))
            g = np.moveaxis(d, (rows, columns), (-2, -1))
            for i in range(3):
                for j in range(3):
                    self.dkernel[i, j] = (
                        m[..., i : i + g.shape[-2], j : j + g.shape[-1]] * g
                    ).sum()
            return self._slide(np.pad(d, pad), self.kernel[::-1, ::-1])

    assert verify.layer(Blur(), RNG.standard_normal(shape))


class BatchNorm:
    def __init__(self):
        self.gamma, self.beta = RNG.uniform(0.5, 2, 4), RNG.standard_normal(4)
        self.running_mean = np.zeros(4)

    def forward(self, x):
        self.mean, self.var = x.mean(0), x.var(0)
        self.running_mean = 0.9 * self.running_mean + 0.1 * self.mean
        self.hat = (x - self.mean) / np.sqrt(self.var + 1e-5)
        return self.gamma * self.hat + self.beta

    def backward(self, d):
        n = len(d)
        self.dgamma, self.dbeta = (d * self.hat).sum(0), d.sum(0)
        h = d * self.gamma
        return (n * h - h.sum(0) - self.hat * (h * self.hat).sum(0)) / n / np.sqrt(self.var + 1e-5)


def test_batch_norm_right_and_with_constant_statistics():
    assert verify.layer(BatchNorm(), X)

    class Constant(BatchNorm):
        def backward(self, d):
            super().backward(d)
            return d * self.gamma / np.sqrt(self.var + 1e-5)

    assert verify.layer(Constant(), X)["input"].diagnoses[0].kind == "missing_branch"


def test_dropout_with_the_mask_of_its_forward_is_right():
    class Dropout:
        def forward(self, x):
            self.mask = (np.random.rand(*x.shape) < 0.5) / 0.5
            return x * self.mask

        def backward(self, d):
            return d * self.mask

    state = np.random.get_state()[1].copy()
    assert verify.layer(Dropout(), X)
    np.testing.assert_array_equal(np.random.get_state()[1], state)


def test_a_reference_checks_the_forward():
    class Relu:
        def forward(self, x):
            self.mask = x > 0
            return np.where(self.mask, x, 0.1 * x)

        def backward(self, d):
            return np.where(self.mask, d, 0.1 * d)

    report = verify.layer(Relu(), X, reference=tg.relu)
    assert report["input"].verdict == "correct"
    assert report["output"].diagnoses[0].kind == "forward_differs"
    assert report.first_wrong == "output"
    assert verify.layer(Relu(), X, reference=lambda x: tg.leaky_relu(x, 0.1))
    linear = tg.nn.Linear(4, 3)
    assert verify.layer(Nnfs(), X, reference=linear)["output"].verdict == "correct"


def test_state_that_leaks_and_calls_in_the_wrong_order_are_told():
    class Counting:
        def __init__(self):
            self.calls = 0

        def forward(self, x):
            self.calls += 1
            self.x = x
            return x * self.calls

        def backward(self, d):
            return d * self.calls

    notes = " ".join(verify.layer(Counting(), X).notes)
    assert "state leaks" in notes
    notes = " ".join(verify.layer(Nnfs(), X).notes)
    assert "before any forward raises AttributeError" in notes


def test_an_exception_is_told_with_the_students_line():
    class Broken(Nnfs):
        def backward(self, dvalues):
            return dvalues @ self.weights  # a transposition is missing

    report = verify.layer(Broken(), X)
    assert not report
    note = report["input"].note
    assert "ValueError" in note
    assert "return dvalues @ self.weights" in note


def test_names_can_be_given_and_what_is_missing_is_said():
    class Odd:
        def __init__(self):
            self.matrix = RNG.standard_normal((4, 3))

        def hin(self, x):
            self.x = x
            return x @ self.matrix

        def zurueck(self, g):
            self.gradient_of_matrix = self.x.T @ g
            return g @ self.matrix.T

    assert verify.layer(Odd(), X, forward="hin", backward="zurueck")
    with pytest.raises(ArgumentError, match="no forward method"):
        verify.layer(Odd(), X)
    with pytest.raises(ArgumentError, match="no parameter V"):
        verify.layer(Odd(), X, forward="hin", backward="zurueck", parameters=["V"])


def test_a_forgotten_return_is_not_called_correct():
    class Relu:
        def forward(self, x):
            self.x = x
            return np.maximum(x, 0)

        def backward(self, g):
            g * (self.x > 0)

    report = verify.layer(Relu(), X)
    assert not report
    assert "is a return missing" in report["input"].note


def test_french_names_and_a_reference_by_its_name():
    class Couche:
        def __init__(self):
            self.poids, self.biais = RNG.standard_normal((4, 3)), np.zeros(3)

        def avant(self, entree):
            self.entree = entree
            return entree @ self.poids + self.biais

        def arriere(self, amont):
            self.d_poids = self.entree.T @ amont
            self.d_biais = amont.sum(0)
            return amont @ self.poids.T

    report = verify.layer(Couche(), X)
    assert report
    assert set(report.entries) == {"input", "poids", "biais"}
    assert verify.layer(Tanh(), X, reference="tanh")
    with pytest.raises(ArgumentError, match="no operation tahn"):
        verify.layer(Tanh(), X, reference="tahn")


def test_a_forward_that_fails_is_not_the_students_gradient():
    report = verify.layer(Nnfs(), np.ones((6, 5)))
    assert report["input"].verdict == "inconclusive"
    assert "forward fails on this input" in report["input"].note


class NothingReturned:
    """nnfs's style: the output and all gradients are attributes."""

    def __init__(self):
        self.weights, self.biases = RNG.standard_normal((4, 3)), np.zeros((1, 3))

    def forward(self, inputs):
        self.inputs = inputs
        self.output = inputs @ self.weights + self.biases

    def backward(self, dvalues):
        self.dweights = self.inputs.T @ dvalues
        self.dbiases = dvalues.sum(axis=0, keepdims=True)
        self.dinputs = dvalues @ self.weights.T


def test_outputs_and_gradients_that_are_only_stored():
    report = verify.layer(NothingReturned(), X)
    assert report
    assert all("stored" in entry.note for entry in report)

    class Wrong(NothingReturned):
        def backward(self, dvalues):
            super().backward(dvalues)
            self.dinputs = -self.dinputs

    assert verify.layer(Wrong(), X)["input"].diagnoses[0].kind == "sign"


class As000PrintsIt(SoftmaxLayer):
    """000-7b: the wrong sign in the case k = c, in the recipe for one-hot upstream gradients."""

    def backprop(self, d_L_d_out, learn_rate):
        for i, gradient in enumerate(d_L_d_out):
            if gradient == 0:
                continue
            e, s = np.exp(self.last_totals), np.exp(self.last_totals).sum()
            d_t = -e[i] * e / s**2
            d_t[i] = -e[i] * (s - e[i]) / s**2
            d_t = d_t * gradient
            d_inputs = self.weights @ d_t
            self.weights -= learn_rate * np.outer(self.last_input, d_t)
            self.biases -= learn_rate * d_t
            return d_inputs.reshape(self.last_shape)
        return None


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("upstream", [None, np.array([0, 0, 0, -5.0, 0])])
def test_the_layer_of_000_as_printed_has_its_mistake_named(upstream, seed):
    x = np.random.default_rng(seed).standard_normal((2, 3, 4))
    report = verify.layer(As000PrintsIt(24, 5), x, upstream=upstream, seed=seed)
    for name in ("input", "weights", "biases"):
        assert report[name].verdict == "wrong"
        first = report[name].diagnoses[0]
        assert (first.kind, first.detail["subset"]) == ("sign", "the case k = c")
        assert first.detail.get("with") == ("one_hot_upstream_only" if upstream is None else None)
        assert "ascent" not in {d.kind for d in report[name].diagnoses}


def test_the_sign_of_000_7b_is_named_in_the_layer_itself():
    image = RNG.standard_normal((4, 4, 3))
    d_out = np.array([0, 0, -1.7, 0, 0])
    for upstream in (None, d_out):
        report = verify.layer(As000PrintsIt(48, 5), image, upstream=upstream)
        assert report.first_wrong == "biases"
        [sign] = report["biases"].diagnoses
        assert (sign.kind, sign.detail["subset"]) == ("sign", "the case k = c")
        assert [d.kind for d in report["weights"].diagnoses] == ["sign"]


def test_the_sign_of_the_whole_diagonal_of_softmax_is_named():
    class Wrong(SoftmaxLayer):
        def backprop(self, d_L_d_out, learn_rate):
            p = self.forward(self.last_input.reshape(self.last_shape))
            d_t = (-np.outer(p, p) * (1 - np.eye(5)) - np.diag(p * (1 - p))) @ d_L_d_out
            self.weights -= learn_rate * np.outer(self.last_input, d_t)
            self.biases -= learn_rate * d_t

    report = verify.layer(Wrong(24, 5), RNG.standard_normal((2, 3, 4)))
    for name in ("weights", "biases"):
        first = report[name].diagnoses[0]
        assert (first.kind, first.detail["subset"]) == ("sign", "the case k = c")
        assert "with" not in first.detail


def test_a_gradient_given_to_all_ties_is_not_taken_for_finite_differences():
    class EveryMaximum(MaxPool2):
        def backprop(self, d_L_d_out):
            d = np.zeros(self.last_input.shape)
            for region, i, j in self.regions(self.last_input):
                mask = region == region.max((0, 1))
                d[i * 2 : i * 2 + 2, j * 2 : j * 2 + 2] = mask * d_L_d_out[i, j]
            return d

    image = np.maximum(RNG.integers(-2, 3, (6, 8, 2)), 0) * 1.0
    report = verify.layer(EveryMaximum(), image)
    assert [d.kind for d in report["input"].diagnoses] == ["max_ties"]


# --- what cannot be judged is not right ---------------------------------------------------------

ELSEWHERE = np.random.default_rng(1).standard_normal((3, 5))


class WeightElsewhere:
    def forward(self, x):
        self.x = x
        return x @ ELSEWHERE

    def backward(self, dz):
        self.dW = 7 * self.x.T @ dz
        return dz @ ELSEWHERE.T


def test_a_gradient_of_a_weight_that_is_not_on_the_object_is_not_right_in_silence():
    report = tg.verify.layer(WeightElsewhere(), np.random.default_rng(0).standard_normal((4, 3)))
    assert report["input"].verdict == "correct"
    assert report["dW"].verdict == "inconclusive"
    assert "not judged" in report["dW"].note
    assert not report


class Nothing:
    def forward(self, x):
        return x[:0]

    def backward(self, dz):
        return np.zeros((4, 3))


def test_an_empty_output_judges_nothing():
    report = tg.verify.layer(Nothing(), np.ones((4, 3)))
    assert report["input"].verdict == "inconclusive"
    assert "empty" in report["input"].note
