"""How somebody's layer is read: which array is whose, how the backward is called, what is said."""

from __future__ import annotations

import threading
from functools import partial

import numpy as np
import pytest

import tinygrad_fr as tg
from tinygrad_fr import nn, verify
from tinygrad_fr.errors import ArgumentError

RNG = np.random.default_rng(5)
X = RNG.standard_normal((5, 4))
N = RNG.standard_normal


def kinds(entry):
    return [d.kind for d in entry.diagnoses]


# --- which array is whose ------------------------------------------------------------------------


class Scaled:
    """Settings stand before the parameters, as they often do."""

    def __init__(self):
        self.momentum, self.eps = 0.9, 1e-3
        self.g, self.b = N(4), N(4)

    def forward(self, x):
        self.r = 1 / np.sqrt((x**2).mean(1, keepdims=True) + self.eps)
        self.x = x
        return x * self.r * self.g + self.b

    def backward(self, d):
        g = d * self.g
        dx = g * self.r - self.x * (g * self.x).mean(1, keepdims=True) * self.r**3
        return dx, (d * self.x * self.r).sum(0), d.sum(0)


def test_settings_never_compete_for_a_gradient():
    report = verify.layer(Scaled(), X)
    assert report
    assert set(report.entries) == {"input", "g", "b"}


def dense(x, W, b):
    return x @ W + b


def test_results_go_by_the_names_in_the_return():
    def backward(g, x, W):
        dx, dW, db = g @ W.T, x.T @ g, g.sum(0)
        return db, dx, dW

    assert verify.layer((dense, backward), (X, N((4, 3)), N(3)))


def test_results_of_one_shape_are_told_apart_by_the_numbers_and_that_is_said():
    pair = (lambda a, b: a * b, lambda g, a, b: (g * a, g * b))
    report = verify.layer(pair, (X, X + 2))
    assert report
    assert any("in the order" in note for note in report.notes)


def test_a_declared_order_is_believed():
    pair = (lambda a, b: a * b, lambda g, a, b: (g * a, g * b))
    assert verify.layer(pair, (X, X + 2), returns=("db", "da"))
    assert not verify.layer(pair, (X, X + 2), returns=("da", "db"))
    with pytest.raises(ArgumentError, match="dW"):
        verify.layer(pair, (X, X + 2), returns=("dW", "db"))


def test_a_wrong_gradient_is_not_excused_by_another_order():
    pair = (lambda a, b: a * b, lambda g, a, b: (g * a, 2 * g * b))
    assert not verify.layer(pair, (X, X + 2))


def test_parameters_in_dicts_lists_and_tuples():
    def loss(params, x, y):
        p, n = x @ params["W"] + params["b"][0], len(x)
        d = 2 * (p - y) / n
        return ((p - y) ** 2).sum() / n, {"W": x.T @ d, "b": [d.sum(0)]}

    given = {"W": N((4, 2)), "b": [N(2)]}
    before = {"W": given["W"].copy(), "b": [given["b"][0].copy()]}
    assert verify.layer(loss, (given, X, N((5, 2))))
    np.testing.assert_equal(given, before)


def test_parameters_that_are_made_at_the_first_call_are_judged():
    class Lazy:
        weight = None

        def forward(self, x):
            if self.weight is None:
                self.scale = np.linspace(1, 2, x.shape[1])
                self.weight = True
            self.x = x
            return x * self.scale

        def backward(self, d):
            self.dscale = d.sum(0)
            return d * self.scale

    report = verify.layer(Lazy(), X)
    assert report["scale"].verdict == "wrong"


def test_one_array_in_two_places_is_one_parameter():
    class Shared:
        def __init__(self):
            self.params = {"W": N((4, 3))}
            self.first = [self.params["W"]]

        def forward(self, x):
            self.x = x
            return x @ self.first[0] + 0.1 * self.params["W"].sum()

        def backward(self, d):
            return d @ self.first[0].T, self.x.T @ d + 0.1 * d.sum()

    assert verify.layer(Shared(), X)


def test_arrays_without_a_gradient_are_constants_but_weights_are_not():
    class Masked:
        def __init__(self, name):
            self.name = name
            setattr(self, name, RNG.uniform(1, 2, 4))

        def forward(self, x):
            return x * getattr(self, self.name)

        def backward(self, d):
            return d * getattr(self, self.name)

    report = verify.layer(Masked("table"), X)
    assert report
    assert any("table" in note for note in report.notes)
    assert verify.layer(Masked("weight"), X)["weight"].verdict == "inconclusive"


# --- how it is called ----------------------------------------------------------------------------


def test_an_upstream_with_a_default_is_given():
    class Cube:
        def forward(self, x):
            self.x = x
            return x**3

        def backward(self, dout=None):
            return 3 * self.x**2 * dout

    assert verify.layer(Cube(), X)


def test_two_upstreams_and_a_cache_behind_them():
    def cell(x, h):
        a = np.tanh(x + h)
        return a, a * 2, {"a": a}

    def backward(da_next, db_next, cache):
        g = (da_next + 2 * db_next) * (1 - cache["a"] ** 2)
        return g, g

    assert verify.layer((cell, backward), (X, X[::-1].copy()))


def test_what_was_guessed_is_not_blamed():
    class Softmax:
        def forward(self, z):
            e = np.exp(z)
            return e / e.sum(1, keepdims=True)

        def backward(self, proba, target):
            return proba - target

    report = verify.layer(Softmax(), X)
    assert report["input"].verdict == "inconclusive"
    assert "called so" in report["input"].sentence


def test_a_default_that_is_no_learning_rate_stays():
    class Leaky:
        def forward(self, x):
            self.x = x
            return np.where(x > 0, x, 0.2 * x)

        def backward(self, d, alpha=0.2):
            return d * np.where(self.x > 0, 1, alpha)

    assert verify.layer(Leaky(), X)


def test_a_function_that_gives_its_way_back():
    def square(x):
        return x**2, lambda g: 2 * x * g

    assert verify.layer(square, X)
    assert not verify.layer(lambda x: (x**2, lambda g: x * g), X)


def test_a_derivative_behind_a_switch():
    def tanh(x, deriv=False):
        return 1 - np.tanh(x) ** 2 if deriv else np.tanh(x)

    assert verify.layer(tanh, X)


# --- losses --------------------------------------------------------------------------------------

P = RNG.uniform(0.1, 1, (5, 3))
Y = np.eye(3)[[0, 2, 1, 1, 0]]


@pytest.mark.parametrize("names", ["y, t", "a, y_onehot", "scores, y_train", "y, y_pred"])
def test_the_target_of_a_loss_is_known_by_its_name_or_its_data(names):
    first, second = names.split(", ")
    p, y = (second, first) if names == "y, y_pred" else (first, second)
    space = {"np": np}
    exec(f"def loss({names}): return -({y} * np.log({p})).sum()\n"
         f"def gradient({names}): return -{y} / {p}", space)  # fmt: skip
    given = (Y, P) if names == "y, y_pred" else (P, Y)
    assert verify.layer((space["loss"], space["gradient"]), given)


def test_the_gradient_of_the_mean_of_losses_is_right_and_said():
    class Squared:
        def forward(self, y_pred, y_true):
            return ((y_pred - y_true) ** 2).sum(1)

        def backward(self, y_pred, y_true):
            return 2 * (y_pred - y_true) / len(y_true)

    report = verify.layer(Squared(), (P, N((5, 3))))
    assert report
    assert "mean of the losses" in report["input"].note


@pytest.mark.parametrize("how", ["forward", "reference"])
def test_a_loss_that_has_only_a_backward(how):
    class Entropy:
        def gradient(self, logits, target):
            e = np.exp(logits)
            return (e / e.sum(1, keepdims=True) - target) / len(logits)

    assert verify.layer(Entropy(), (N((5, 3)), Y), **{how: tg.cross_entropy})


def model(W1, W2, X, y, forget=False):
    h = np.tanh(X @ W1)
    e = h @ W2 - y
    g = 2 * e / e.size
    dW2 = h.T @ g
    dW1 = X.T @ (g @ W2.T * (1 if forget else 1 - h**2))
    return (e**2).mean(), dW1, dW2


def test_a_whole_network_in_one_function():
    given = (N((4, 3)), N((3, 2)), X, N((5, 2)))
    report = verify.layer(model, given)
    assert report
    assert report["W1"].verdict == report["W2"].verdict == "correct"
    assert verify.layer(partial(model, forget=True), given)["W1"].verdict == "wrong"


# --- what is judged besides ----------------------------------------------------------------------


class Updating:
    def __init__(self, step):
        self.W, self.lr, self.step = N((4, 3)), 0.1, step

    def forward(self, x):
        self.x = x
        return x @ self.W

    def backward(self, d):
        self.dW, dx = self.x.T @ d, d @ self.W.T
        self.W = self.W + self.step(self.lr, self.dW)
        return dx


@pytest.mark.parametrize(("step", "kind"), [
    (lambda lr, g: lr * g, "ascent"), (lambda lr, g: -(lr**2) * g, "scale"),
    (lambda lr, g: -g, "scale"),
])  # fmt: skip
def test_a_wrong_update_made_with_a_right_gradient(step, kind):
    report = verify.layer(Updating(step), X)
    assert report["W"].verdict == "wrong"
    assert kinds(report["W"])[0] == kind
    assert verify.layer(Updating(lambda lr, g: -lr * g), X)


def test_a_gradient_that_is_right_at_the_first_weights_only_is_not_stale_without_a_reason():
    class Norm:
        def __init__(self):
            self.gamma = np.ones(4)

        def forward(self, x):
            self.n = x
            return self.gamma * x

        def backward(self, d):
            self.dgamma = (d * self.n).sum(0)
            return d  # gamma is forgotten, and is 1

    entry = verify.layer(Norm(), X)["input"]
    assert entry.verdict == "wrong"
    assert "stale_cache" not in kinds(entry)


def test_accumulated_gradients_are_told_with_what_sets_them_back():
    class Sum:
        def __init__(self):
            self.W, self.dW = N((4, 3)), np.zeros((4, 3))

        def flush(self):
            self.dW[:] = 0

        def forward(self, x):
            self.x = x
            return x @ self.W

        def backward(self, d):
            self.dW += self.x.T @ d
            return d @ self.W.T

    report = verify.layer(Sum(), X)
    assert report
    assert any("flush" in note for note in report.notes)


def test_a_forward_in_float32_gets_a_verdict():
    class Half:
        def __init__(self, slope):
            self.slope = slope

        def forward(self, x):
            self.y = np.tanh(x.astype(np.float32))
            return self.y

        def backward(self, d):
            return self.slope * d * (1 - self.y**2)

    assert verify.layer(Half(1), X)
    wrong = verify.layer(Half(2), X)["input"]
    assert wrong.verdict == "wrong"
    assert kinds(wrong)[0] == "scale"


def test_a_reference_is_compared_on_other_inputs_too():
    memory = {}

    class Remembers:
        def forward(self, x):
            return memory.setdefault(x.shape, np.exp(x)).copy()

        def backward(self, d):
            return 0 * d

    report = verify.layer(Remembers(), X, reference=np.exp)
    assert report["output"].verdict == "wrong"


def test_a_trivial_forward_is_said_to_be_trivial():
    report = verify.layer((lambda x: 1.0 * x, lambda d: d), X)
    assert any("gives its input back" in text for text in report.hidden)


# --- the forward is run on Tensors, so that mistakes have a place --------------------------------


class Loop:
    """A recurrent network that fills an array step by step."""

    def __init__(self):
        self.W, self.U = N((3, 4)), N((4, 4)) / 2

    def forward(self, x):
        self.x, self.h = x, np.zeros((x.shape[0], x.shape[1] + 1, 4))
        for t in range(x.shape[1]):
            self.h[:, t + 1] = np.tanh(x[:, t] @ self.W + self.h[:, t] @ self.U)
        return self.h[:, 1:]

    def backward(self, d):
        dx, dh = np.zeros_like(self.x), 0
        self.dW, self.dU = np.zeros_like(self.W), np.zeros_like(self.U)
        for t in reversed(range(d.shape[1])):
            g = (d[:, t] + dh) * (1 - self.h[:, t + 1] ** 2)
            self.dW += self.x[:, t].T @ g
            self.dU += self.h[:, t].T @ g
            dx[:, t], dh = g @ self.W.T, self.carried(g)
        return dx

    def carried(self, g):
        return g @ self.U.T


class NotTransposed(Loop):
    def carried(self, g):
        return g @ self.U


class Truncated(Loop):
    def carried(self, g):
        return 0


@pytest.mark.parametrize(("make", "kind"), [(NotTransposed, "transpose"),
                                            (Truncated, "missing_branch")])  # fmt: skip
def test_mistakes_in_a_loop_are_named(make, kind):
    x = N((2, 3, 3))
    assert verify.layer(Loop(), x)
    entry = verify.layer(make(), x)["W"]
    assert entry.verdict == "wrong"
    assert kinds(entry)[0] == kind


def test_mistakes_in_a_network_are_named_on_a_reference():
    class Mlp:
        def __init__(self):
            self.W1, self.b1, self.W2, self.b2 = N((4, 6)), N(6), N((6, 3)), N(3)

        def forward(self, x):
            self.x, self.h = x, np.clip(x @ self.W1 + self.b1, 0, None)
            return self.h @ self.W2 + self.b2

        def backward(self, d):
            dh = d @ self.W2.T  # the mask is forgotten
            self.dW2, self.db2, self.dW1, self.db1 = (
                self.h.T @ d,
                d.sum(0),
                self.x.T @ dh,
                dh.sum(0),
            )
            return dh @ self.W1.T

    reference = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3))
    report = verify.layer(Mlp(), X, reference=reference)
    assert report["output"].verdict == "correct"
    assert kinds(report["W1"])[0] == "missing_factor"
    assert report["W2"].verdict == "correct"


def test_numpy_is_itself_again_and_always_was_elsewhere():
    seen = []

    class Slow(Loop):
        def forward(self, x):
            other = threading.Thread(target=lambda: seen.append(type(np.zeros(2))))
            other.start()
            other.join()
            return super().forward(x)

    verify.layer(Slow(), N((2, 3, 3)))
    assert set(seen) == {np.ndarray}
    assert type(np.zeros(2)) is np.ndarray


def test_weights_in_a_list_by_layer():
    class Net:
        def __init__(self):
            self.weights = [N((4, 5)), N((5, 2))]

        def forward(self, x):
            self.a = [x, np.tanh(x @ self.weights[0])]
            return self.a[1] @ self.weights[1]

        def backward(self, d):
            g = d @ self.weights[1].T * (1 - self.a[1] ** 2)
            self.grads = [self.a[0].T @ g, self.a[1].T @ d]
            return g @ self.weights[0].T

    assert verify.layer(Net(), X)


@pytest.mark.parametrize("name", ["dz", "dA", "dh", "dout", "g", "dL_dz"])
@pytest.mark.parametrize("shape", [(3, 4), (3, 3)])
def test_an_upstream_that_is_handed_on_is_called_after_no_value(name, shape):
    def forward(x, W, b):
        return W @ x + b, (x, W)

    scope = {"np": np}
    code = f"def backward({name}, cache):\n    x, W = cache\n"
    exec(code + f"    return W.T @ {name}, np.outer({name}, x), {name}", scope)
    draw = np.random.default_rng(0).standard_normal
    given = (draw(shape[1]), draw(shape), draw(shape[0]))
    report = verify.layer((forward, scope["backward"]), given, repair=False)
    assert [report[n].verdict for n in ("input", "W", "b")] == ["correct"] * 3


class Attribute:
    """What it caches has the name of a global array."""

    def forward(self, x):
        self.X = x
        return x**2

    def backward(self, g):
        dX = 2 * self.X * g
        return dX  # noqa: RET504 - its name is what this is about


class Several(Attribute):
    def __init__(self):
        self.W = N(4)

    def forward(self, x):
        return super().forward(x) * self.W

    def backward(self, g):
        dX, dW = super().backward(g * self.W), (g * self.X**2).sum(0)
        return dX, dW


@pytest.mark.parametrize("layer", [Attribute(), Several()])
def test_an_attribute_is_no_global_array_of_the_same_name(layer):
    report = verify.layer(layer, X)
    assert report["input"].verdict == "correct"
    assert report["input"].max_rel_error is not None
    assert report
