"""The 46 typical mistakes of the course (mistakes.md), each made and named."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

import tinygrad_fr as tg
from tinygrad_fr import verify

from .. import networks as nets

RNG = np.random.default_rng(46)
D = nets.dense(np.random.default_rng(1))
TANH = nets.network(np.random.default_rng(2), "tanh")
SIG = nets.network(np.random.default_rng(3), "sigmoid")
CONV = nets.conv(np.random.default_rng(4), pad=1)
STRIDED = nets.conv(np.random.default_rng(5), stride=2)
POOL = nets.pool(np.random.default_rng(6))
BN = nets.batch_norm(np.random.default_rng(7))
RES = nets.residual(np.random.default_rng(8))


def hand(net, **wrong):
    return verify.hand(net.f, net.inputs, wrong)


def with_loss(loss, **wrong):
    """A gradient of the logits against another loss than the network's."""
    return verify.hand(loss, {"z": D.z, "y": D.y}, wrong)


def mean_over_all_entries(z, y):
    return -(D.Y * tg.log(tg.softmax(z))).mean()


def in_decimal_logarithms(z, y):
    return -(D.Y * tg.log10(tg.softmax(z))).sum() / D.N


def clipped(p):
    return -tg.log(p + 1e-8).sum()


def regularised(W):
    return tg.cross_entropy(D.x @ W + D.b, D.y) + 0.1 * (W**2).sum()


TINY = np.array([1e-6, 1e-8, 1e-3])
DZ = D.dz
SOFT = nets.softmax
QUARTER = POOL.back(np.ones_like(POOL.mask) * POOL.wide / 4)

# (row, gradient, the kind expected first, what its detail must contain, report)
ROWS = [
    ("1", "z", "scale", {"equals": "N"}, lambda: hand(D, z=D.p - D.Y)),
    ("2", "W", "scale", {"equals": "1/N"}, lambda: hand(D, z=DZ, W=D.truth["W"] / D.N)),
    ("3", "z", "scale", {"equals": "C"}, lambda: with_loss(mean_over_all_entries, z=DZ)),
    ("4", "z", "sign", {}, lambda: hand(D, z=(D.Y - D.p) / D.N)),
    ("5", "z", "diagonal_only", {}, lambda: hand(D, z=-D.Y / D.N * (1 - D.p))),
    ("6", "z", "missing_factor", {"operation": "log"},
     lambda: hand(D, z=D.p * (-D.Y / D.N + (D.Y / D.N * D.p).sum(1, keepdims=True)))),
    ("7", "z", "missing_factor", {"operation": "softmax"}, lambda: hand(D, z=-D.Y / D.p / D.N)),
    ("8", "z", "extra_factor", {"operation": "softmax"}, lambda: hand(D, z=DZ * D.p * (1 - D.p))),
    ("9", "z", "double_activation", {"operation": "softmax"},
     lambda: hand(D, z=(SOFT(D.p) - D.Y) / D.N)),
    ("10", "z", "wrong_axis", {"operation": "softmax"}, lambda: hand(D, z=(SOFT(D.z, 0) - D.Y) / D.N)),
    ("11", "z", "non_finite", {}, lambda: hand(D, z=np.where(D.Y == 1, np.nan, DZ))),
    ("12", "W", "transpose", {}, lambda: hand(D, W=DZ.T @ D.x)),
    ("13 not summed", "b", "not_summed", {}, lambda: hand(D, b=DZ)),
    ("13 other axis", "b", "wrong_axis", {}, lambda: hand(D, b=DZ.sum(1))),
    ("13 one number", "b", "zero", {}, lambda: hand(D, b=DZ.sum())),
    ("14", "z", "off_by_one_class", {}, lambda: hand(D, z=(D.p - np.eye(D.C)[D.y - 1]) / D.N)),
    ("15", "z", "scale", {"equals": "ln 10"}, lambda: with_loss(in_decimal_logarithms, z=DZ)),
    ("17", "x", "updated_too_early", {"parameter": "W"},
     lambda: hand(D, x=DZ @ (D.W - 0.005 * D.truth["W"]).T)),
    ("18", "a2", "wrong_shape", {}, lambda: hand(SIG, a2=SIG.a2 - SIG.y[:, 0])),
    ("19", "z1", "double_activation", {"operation": "sigmoid"},
     lambda: hand(SIG, z1=SIG.da1 * nets.sigmoid(SIG.a1) * (1 - nets.sigmoid(SIG.a1)))),
    ("20 1-a", "z1", "wrong_local_derivative", {"operation": "tanh"},
     lambda: hand(TANH, z1=TANH.da1 * (1 - TANH.a1))),
    ("20 a(1-a)", "z1", "wrong_local_derivative", {"operation": "tanh"},
     lambda: hand(TANH, z1=TANH.da1 * TANH.a1 * (1 - TANH.a1))),
    ("20 1-z^2", "z1", "wrong_variable", {"operation": "tanh"},
     lambda: hand(TANH, z1=TANH.da1 * (1 - TANH.z1**2))),
    ("21 left out", "z1", "missing_factor", {"operation": "tanh"}, lambda: hand(TANH, z1=TANH.da1)),
    ("21 alone", "z1", "missing_upstream", {}, lambda: hand(TANH, z1=1 - TANH.a1**2)),
    ("22 half", "a2", "missing_branch", {}, lambda: hand(SIG, a2=-SIG.y / SIG.a2 / SIG.N)),
    ("22 minus", "a2", "sign", {}, lambda: hand(SIG, a2=(-SIG.y / SIG.a2 - (1 - SIG.y) / (1 - SIG.a2)) / SIG.N)),
    ("24", "z1", "wrong_local_derivative", {}, lambda: hand(TANH, z1=TANH.da1 * (TANH.da1 > 0))),
    ("25 dX", "x", "flipped_kernel", {}, lambda: hand(CONV, x=CONV.crop(CONV.patches(flipped=True)[0]))),
    ("25 dK", "K", "flipped_kernel", {}, lambda: hand(CONV, K=CONV.dk[..., ::-1, ::-1])),
    ("26 patches", "x", "overwritten", {}, lambda: hand(CONV, x=CONV.crop(CONV.patches(assign=True)[0]))),
    ("26 last image", "K", "overwritten", {},
     lambda: hand(CONV, K=verify_last_image(CONV))),
    ("27 cropped", "x", "shifted", {}, lambda: hand(CONV, x=CONV.crop(CONV.dx, 1, 1))),
    ("27 stride", "x", "shifted", {}, lambda: hand(STRIDED, x=STRIDED.crop(STRIDED.patches(packed=True)[0]))),
    ("28 not summed", "b", "not_summed", {}, lambda: hand(CONV, b=CONV.u.sum(0))),
    ("28 mean", "b", "scale", {"equals": "1/(N*H*W)"}, lambda: hand(CONV, b=CONV.u.mean((0, 2, 3)))),
    ("29", "K", "permuted", {}, lambda: hand(CONV, K=CONV.dk.ravel("F").reshape(CONV.dk.shape))),
    ("30 every tie", "x", "max_ties", {}, lambda: hand(POOL, x=POOL.back(POOL.mask * POOL.wide))),
    ("30 whole window", "x", "max_ties", {},
     lambda: hand(POOL, x=POOL.back(np.ones_like(POOL.mask) * POOL.wide))),
    ("30 average", "x", "max_ties", {}, lambda: hand(POOL, x=QUARTER)),
    ("32", "W", "overwritten", {}, lambda: hand(D, W=np.outer(D.x[-1], DZ[-1]))),
    ("34", "s", "truncated", {}, lambda: verify.hand(
        lambda s: (s * np.array([1.9, -2.6, 3.2])).sum(), {"s": np.ones(3)},
        {"s": np.array([1, -2, 3])})),
    ("37", "W", "scale", {"equals": "lr"}, lambda: verify.hand(
        lambda W, lr: tg.cross_entropy(D.x @ W, D.y), {"W": D.W, "lr": 0.013},
        {"W": 0.013 * D.x.T @ (SOFT(D.x @ D.W) - D.Y) / D.N})),
    ("38 half", "W", "missing_branch", {}, lambda: verify.hand(
        regularised, {"W": D.W}, {"W": D.truth["W"] + 0.1 * D.W})),
    ("38 forgotten", "W", "missing_branch", {}, lambda: verify.hand(
        regularised, {"W": D.W}, {"W": D.truth["W"]})),
    ("39", "p", "wrong_variable", {"operation": "log"}, lambda: verify.hand(
        clipped, {"p": TINY}, {"p": -1 / TINY})),
    ("42", "h", "missing_branch", {}, lambda: hand(RES, h=RES.u @ RES.V.T)),
    ("43", "x", "scale", {"equals": "1/2"}, lambda: verify.hand(
        lambda x: (x**2).sum(), {"x": np.array([1.0, 2.5, -3.0])}, {"x": np.array([1.0, 2.5, -3.0])})),
    ("45 constant", "x", "missing_branch", {}, lambda: hand(BN, x=BN.dhat * BN.inverse)),
    ("45 ddof", "x", "scale", {"equals": "sqrt((N-1)/N)"}, lambda: verify.hand(
        lambda x: (tg.batch_norm(x, None, None, training=True, eps=0.0) * BN.u).sum(), {"x": BN.x},
        {"x": without_eps(BN) * np.sqrt((BN.N - 1) / BN.N)})),
]  # fmt: skip


def verify_last_image(net):
    """The gradient of a kernel from the last image alone."""
    k, (oh, ow) = net.k, net.u.shape[2:]
    return sum(
        np.einsum("f,chw->fchw", net.u[-1, :, i, j], net.padded[-1, :, i : i + k, j : j + k])
        for i in range(oh) for j in range(ow)
    )  # fmt: skip


def without_eps(net):
    inverse = 1 / net.x.std(0)
    hat = (net.x - net.x.mean(0)) * inverse
    return inverse / net.N * (net.N * net.u - net.u.sum(0) - hat * (net.u * hat).sum(0))


@pytest.mark.parametrize(("row", "name", "kind", "detail", "run"), ROWS, ids=[r[0] for r in ROWS])
def test_mistake(row, name, kind, detail, run):
    report = run()
    entry = report[name]
    assert entry.verdict == "wrong"
    first = entry.diagnoses[0]
    assert first.kind == kind, [(d.kind, d.explanation) for d in entry.diagnoses]
    found = [d.detail for d in entry.diagnoses if d.kind == kind]
    for key, value in detail.items():
        assert value in [d.get(key) for d in found], found


def test_mistake_2_leaves_dz_right():
    report = hand(D, z=DZ, W=D.truth["W"] / D.N, b=DZ.mean(0))
    assert report["z"].verdict == "correct"
    assert report.first_wrong == "b"


def test_mistake_16_a_missing_transposition_in_dx():
    x, w, u = (RNG.standard_normal((4, 4)) for _ in range(3))
    report = verify.hand(lambda x, W: x @ W, {"x": x, "W": w}, {"x": u @ w}, upstream=u)
    assert report["x"].diagnoses[0].kind == "transpose"
    assert any("square" in text for text in report.hidden)


def test_mistake_23_saturation_gives_nan():
    z, y = np.array([50.0, -3.0]), np.array([0.0, 1.0])
    a = nets.sigmoid(z)
    with np.errstate(all="ignore"):
        composed = (-y / a + (1 - y) / (1 - a)) * a * (1 - a)
    report = verify.hand(
        lambda z, y: tg.binary_cross_entropy_with_logits(z, y, reduction="sum"),
        {"z": z, "y": y}, {"z": composed},
    )  # fmt: skip
    assert report["z"].diagnoses[0].kind == "non_finite"
    assert verify.hand(
        lambda z, y: tg.binary_cross_entropy_with_logits(z, y, reduction="sum"),
        {"z": z, "y": y}, {"z": a - y},
    )  # fmt: skip


def test_mistake_31_ascent_is_seen_by_descent_only():
    f = lambda x, W, y: tg.cross_entropy(x @ W, y)
    inputs = {"x": D.x, "W": D.W, "y": D.y}
    up = verify.descent(f, inputs, {"W": lambda W, dW: W + 0.1 * dW})
    assert up["W"].diagnoses[0].kind == "ascent"
    assert verify.descent(f, inputs, {"W": lambda W, dW: W - 0.1 * dW})


class Dense:
    def __init__(self):
        self.W, self.b = RNG.standard_normal((4, 3)), RNG.standard_normal(3)
        self.dW = np.zeros((4, 3))

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, d_out):
        self.dW = self.x.T @ d_out
        self.db = d_out.sum(0)
        return d_out @ self.W.T


X = RNG.standard_normal((6, 4))


def test_mistake_31_recovered_from_an_update_names_both():
    class Ascending(Dense):
        def backward(self, d_out, learn_rate):
            dx = d_out @ self.W.T
            self.W += learn_rate * self.x.T @ d_out
            return dx

    report = verify.layer(Ascending(), X, parameters=["W"])
    assert {d.kind for d in report["W"].diagnoses} >= {"sign", "ascent"}


def test_mistake_33_gradients_never_reset():
    class Accumulating(Dense):
        def backward(self, d_out):
            self.dW += self.x.T @ d_out
            self.db = d_out.sum(0)
            return d_out @ self.W.T

    report = verify.layer(Accumulating(), X)
    assert report["W"].diagnoses[0].kind == "stale_cache"
    assert report["W"].diagnoses[0].detail["factor"] == pytest.approx(2)
    assert report["b"].verdict == report["input"].verdict == "correct"


def test_mistake_35_cached_input_changed_in_place():
    class InPlace(Dense):
        def forward(self, x):
            y = x @ self.W + self.b
            self.x = x
            x[x < 0] = 0
            return y

    x = X.copy()
    report = verify.layer(InPlace(), x)
    assert report["W"].diagnoses[0].kind == "stale_cache"
    assert any("modifies its input" in note for note in report.notes)
    np.testing.assert_array_equal(x, X)


def test_mistake_36_a_second_forward_is_a_note():
    report = verify.layer(Dense(), X)
    assert report
    assert not any("second forward" in text for text in report.hidden)  # dx needs no cache

    class Relu:
        def forward(self, x):
            self.mask = x > 0
            return x * self.mask

        def backward(self, d):
            return d * self.mask

    for seed in range(10):  # whichever the signs: another batch has others
        x = np.random.default_rng(seed).standard_normal((6, 4))
        assert any("second forward" in text for text in verify.layer(Relu(), x).hidden)


@pytest.mark.parametrize(("sided", "step"), [(0.0, 1e-2), (0.0, 1e-12), (-1.0, 1e-13)])
def test_mistake_40_the_students_own_check_is_too_coarse(sided, step):
    f = lambda w: float(tg.cross_entropy(D.x @ w, D.y))
    g = np.zeros_like(D.W)
    for index in np.ndindex(D.W.shape):
        up, down = D.W.copy(), D.W.copy()
        up[index] += step
        down[index] += sided * step
        g[index] = (f(up) - f(down)) / ((1 - sided) * step)
    report = verify.hand(lambda W: tg.cross_entropy(D.x @ W, D.y), {"W": D.W}, {"W": g})
    assert report["W"].verdict == "wrong"
    assert report["W"].diagnoses[0].kind == "precision"


def test_mistake_40_float32_is_right_within_its_rounding():
    report = hand(D, z=((D.p - D.Y) / D.N).astype(np.float32) * np.float32(1 + 2e-6))
    assert report["z"].verdict == "correct"
    assert report["z"].diagnoses[0].kind == "precision"


def test_mistake_41_special_points_are_said():
    one = verify.hand(lambda x, y: tg.cross_entropy(x, y), {"x": D.z[:1], "y": D.y[:1]},
                      {"x": SOFT(D.z[:1]) - D.Y[:1]})  # fmt: skip
    assert one
    assert any(text.startswith("N = 1") for text in one.hidden)
    for m in (1, 6):  # document 002: one column per example, and one output
        columns = verify.hand(lambda w, X, y: tg.binary_cross_entropy_with_logits(w @ X, y),
                              {"w": D.W.T[:1], "X": D.x.T[:, :m], "y": np.ones((1, m))},
                              {"w": lambda w, X, y: (1 / (1 + np.exp(-w @ X)) - y) @ X.T / y.size})  # fmt: skip
        assert columns
        assert any(text.startswith("N = 1") for text in columns.hidden) == (m == 1)
    zero = verify.hand(lambda z: tg.tanh(z), {"z": np.zeros(3)},
                       {"z": lambda z, upstream: upstream * (1 - np.tanh(z))})  # fmt: skip
    assert zero  # right at 0
    assert any("zeros" in text for text in zero.hidden)
    assert any("wrong on random ones" in text for text in zero.hidden)
    ones = verify.hand(lambda z: tg.softmax(z), {"z": D.z}, {"z": np.zeros_like(D.z)},
                       upstream=np.ones_like(D.z))  # fmt: skip
    assert ones
    assert any("all ones" in text for text in ones.hidden)


def test_mistake_44_a_new_mask_in_the_backward_is_inconclusive():
    class Dropout:
        def forward(self, x):
            self.mask = (np.random.rand(*x.shape) < 0.5) / 0.5
            return x * self.mask

        def backward(self, d):
            return d * ((np.random.rand(*d.shape) < 0.5) / 0.5)

    report = verify.layer(Dropout(), X)
    assert report["input"].verdict == "inconclusive"
    assert "random" in report["input"].note


def test_mistake_46_none_and_swapped_gradients():
    class First(Dense):
        def backward(self, d_out):
            super().backward(d_out)

    report = verify.layer(First(), X)
    assert report
    assert "no gradient for its input" in report["input"].note

    class Swapped(Dense):
        def backward(self, d_out):
            super().backward(d_out)
            return self.dW

    report = verify.layer(Swapped(), X)
    assert report["input"].diagnoses[0].kind == "wrong_shape"
    assert "W" in report["input"].note


# --- dtypes, objects and small errors ---------------------------------------------------------


def _objects(g, kind):
    made = np.empty(g.shape, object)
    for index in np.ndindex(g.shape):
        made[index] = kind(g[index])
    return made


def _tracked(x):
    return tg.Tensor(x, requires_grad=True)


WRITTEN = {
    "float32": lambda g: g.astype(np.float32),
    "float16": lambda g: g.astype(np.float16),
    "numbers": lambda g: _objects(g, float),
    "fractions": lambda g: _objects(g, Fraction),
    "decimals in lists": lambda g: _objects(g, Decimal).tolist(),
    "tensors": lambda g: _objects(g, tg.Tensor),
    "recorded tensors in lists": lambda g: _objects(g, _tracked).tolist(),
    "rows": lambda g: [_tracked(row) for row in g],
}


@pytest.mark.parametrize("kind", WRITTEN)
def test_a_right_gradient_is_right_however_its_numbers_are_written(kind):
    write = WRITTEN[kind]
    right = (D.p - D.Y) / D.N
    reports = [
        hand(D, z=write(right)),
        hand(D, z=lambda z: write(right)),
        verify.jacobian(lambda x: x * x, D.z[0], lambda x: write(np.diag(2 * x))),
        verify.layer(_Dense(write), D.x),
    ]
    for report in reports:
        assert {entry.verdict for entry in report} == {"correct"}
        kinds = {d.kind for entry in report for d in entry.diagnoses}
        assert kinds == ({"precision"} if kind == "float16" else set())
    assert not hand(D, z=write(1.1 * right))


class _Dense:
    """A layer that hands out its gradients in some way of writing numbers."""

    def __init__(self, write):
        self.write = write

    def forward(self, x):
        return x**2

    def backward(self, upstream, x):
        return self.write(2 * x * upstream)


@pytest.mark.parametrize(
    "strange", [np.array(["1.5"], object), "1.5", [None], np.array([1j], object)]
)
def test_what_is_no_number_is_no_gradient(strange):
    assert (
        "array of numbers" in verify.hand(lambda x: x * x, {"x": [1.0]}, {"x": strange})["x"].note
    )


@pytest.mark.parametrize("error", [1e-4, 1e-5, 3e-3])
@pytest.mark.parametrize("shape", [(), (1,), (2,)])
def test_a_small_error_is_not_excused_by_precision(error, shape):
    for seed in range(12):
        rng = np.random.default_rng(seed)
        x = rng.standard_normal(shape) * 10.0 ** rng.integers(-1, 2)
        g = tg.grad(lambda x: (tg.tanh(x) ** 2).sum())(x)
        g = g * (1 + error * rng.uniform(0.5, 2, shape))
        entry = verify.hand(lambda x: (tg.tanh(x) ** 2).sum(), {"x": x}, {"x": g})["x"]
        assert entry.verdict != "correct" or np.abs(g).max() < 1e-9
        assert not {"precision", "truncated"} & {d.kind for d in entry.diagnoses}


def test_only_whole_numbers_that_are_the_right_ones_cut_are_truncated():
    x = np.array([1.3, -1.7, 0.4, 2.6])

    def kinds(g):
        report = verify.hand(lambda x: (x * x).sum(), {"x": x}, {"x": g})
        return {d.kind for d in report["x"].diagnoses}

    assert "truncated" in kinds(np.trunc(2 * x))
    assert "truncated" in kinds((2 * x).astype(int))
    for g in (np.floor(2 * x), np.rint(2 * x), np.trunc(2 * x) + 1e-5, np.trunc(2 * x) + 0.25):
        assert "truncated" not in kinds(g)
