"""Cells, recurrent layers and attention: right ones are not accused, mistakes are named, dated."""

from __future__ import annotations

import numpy as np
import pytest

from tinygrad_fr import verify
from tinygrad_fr.errors import ArgumentError, ShapeError

from . import through_time

MISTAKES = [
    (n, k) for n in through_time.NAMES for k in range(len(through_time.code_of(n).MISTAKES))
]
RIGHT = [(n, k) for n in through_time.NAMES for k in range(len(through_time.code_of(n).RIGHT))]


@pytest.mark.parametrize(("name", "k"), [m for m in MISTAKES if m not in through_time.SHORT][::9])
def test_mistakes_are_found_and_named_where_one_has_to_begin(name, k):
    report = through_time.wrong(name, k)
    assert all(through_time.judged(name, k, report).values()), report


@pytest.mark.parametrize(("name", "k"), RIGHT[::9])
def test_right_code_is_right(name, k):
    assert through_time.right(name, k)


# --- cells ---------------------------------------------------------------------------------------


def step(x, prev_h, Wx, Wh, b):
    next_h = np.tanh(x @ Wx + prev_h @ Wh + b)
    return next_h, (x, prev_h, Wx, Wh, next_h)


def step_backward(dnext_h, cache):
    x, prev_h, Wx, Wh, next_h = cache
    dz = dnext_h * (1 - next_h**2)
    return dz @ Wx.T, dz @ Wh.T, x.T @ dz, prev_h.T @ dz, dz.sum(axis=0)


def data(T=4, N=2, D=3, H=5, seed=0):
    draw = np.random.default_rng(seed).standard_normal
    return draw((T, N, D)), draw((N, H)), draw((D, H)), draw((H, H)), draw(H)


def test_the_gradients_of_a_driven_cell_are_those_of_torch():
    torch = pytest.importorskip("torch")
    x, h, Wx, Wh, b = (torch.tensor(a, requires_grad=True) for a in data())
    u = np.random.default_rng(1).standard_normal((4, 2, 5))
    state, outputs = h, []
    for t in range(4):
        state = torch.tanh(x[t] @ Wx + state @ Wh + b)
        outputs.append(state)
    torch.stack(outputs).backward(torch.tensor(u))
    report = verify.layer((step, step_backward), data(), steps=4, upstream=u)
    assert report
    for name, tensor in {"input": x, "prev_h": h, "Wx": Wx, "Wh": Wh, "b": b}.items():
        np.testing.assert_allclose(report[name].hand, tensor.grad.numpy(), rtol=1e-10)


def test_a_list_of_inputs_needs_no_steps_and_one_input_is_drawn_anew():
    x, *rest = data()
    assert verify.layer((step, step_backward), (list(x), *rest))["input"].shape == (4, 2, 3)
    assert verify.layer((step, step_backward), (x[0], *rest), steps=3)["input"].shape == (3, 2, 3)


def test_the_first_wrong_step_from_the_loss_is_told_and_what_follows_from_it():
    def cell(x, prev_c, f):
        c = f * prev_c + x
        return np.tanh(c), c, (f, prev_c, c)

    def backward(dh, dnext_c, cache):  # dnext_c is lost: at the last step it is zero
        f, prev_c, c = cache
        dc = dh * (1 - np.tanh(c) ** 2)
        return dc, dc * f, dc * prev_c

    draw = np.random.default_rng(0).standard_normal
    report = verify.layer(
        (cell, backward), (draw((4, 2, 3)), draw((2, 3)), draw((2, 3))), steps=4, repair=False
    )
    d = report["prev_c"].diagnoses[0]
    assert (d.kind, d.detail["step"]) == ("missing_branch", 3)


class Cell:
    """An object that overwrites its cache, adds up its gradients, and returns its state alone."""

    def __init__(self):
        self.U = np.random.default_rng(2).standard_normal((3, 3))
        self.dU = np.zeros((3, 3))

    def forward(self, x, h):
        self.before, self.now = h, np.tanh(x + h @ self.U)
        return self.now

    def backward(self, dh):
        dz = dh * (1 - self.now**2)
        self.dU += self.before.T @ dz
        return dz, dz @ self.U.T


def test_an_object_that_keeps_one_cache_is_driven_over_steps():
    draw = np.random.default_rng(0).standard_normal
    cell = Cell()
    assert verify.layer(cell, (draw((5, 2, 3)), draw((2, 3))), steps=5)
    assert not cell.dU.any()


def test_what_is_no_cell_is_undecided_and_told_how_it_was_called():
    x, _h, Wx, *_rest = data()
    report = verify.layer((lambda x, W: (x @ W, x), lambda dy, cache: (dy, dy)), (x, Wx), steps=4)
    assert [e.verdict for e in report] == ["inconclusive"]
    assert "(x, W)" in report["input"].note

    def keeps_it(dh, cache):
        return step_backward(dh, cache)[0]

    report = verify.layer((step, keeps_it), data(), steps=4)
    assert [e.verdict for e in report] == ["inconclusive"]
    assert 'returns=("dx", "dprev_h", ...)' in report["input"].note


def test_wrong_numbers_of_steps_are_refused():
    x, *rest = data()
    with pytest.raises(ShapeError, match="steps=3"):
        verify.layer((step, step_backward), (x, *rest), steps=3)
    with pytest.raises(ShapeError, match=r"formes|shapes|forme"):
        verify.layer((step, step_backward), ([x[0], x[0, :1]], *rest), steps=2)
    with pytest.raises(ArgumentError, match="steps="):
        verify.layer((step, step_backward), (x[:0], *rest), steps=0)


def test_a_cell_is_repaired():
    def transposed(dnext_h, cache):
        x, prev_h, Wx, Wh, next_h = cache
        dz = dnext_h * (1 - next_h**2)
        return dz @ Wx.T, dz @ Wh, x.T @ dz, prev_h.T @ dz, dz.sum(axis=0)

    report = verify.layer((step, transposed), data(T=2), steps=2, repair=10)
    assert any("dz @ Wh.T, x.T" in repair.after for repair in report.repairs)


# --- layers that go through time themselves ------------------------------------------------------


def test_the_shortest_sequence_that_shows_a_mistake_is_told():
    module = through_time.code_of("time_layers")
    k = next(k for k, m in enumerate(module.MISTAKES) if "nothing is carried" in m[-1])
    report = through_time.wrong("time_layers", k)
    assert "T = 1" in report["b"].note
    assert "T = 2" in report["b"].note
    d = report["input"].diagnoses[0]
    assert (d.kind, d.detail["step"]) == ("missing_branch", 3)


# --- lists of steps, and masks -------------------------------------------------------------------


class Steps:
    """A layer that takes an array, or a list, and gives a list: one array for each step."""

    def __init__(self, of_the_next=True):
        self.U = np.random.default_rng(2).standard_normal((3, 3))
        self.of_the_next = of_the_next

    def forward(self, xs):
        self.hs = [np.zeros((2, 3))]
        for x in xs:
            self.hs.append(np.tanh(x + self.hs[-1] @ self.U))
        return self.hs[1:]

    def backward(self, dhs):
        self.dU, later, dxs = np.zeros((3, 3)), 0.0, []
        for t in reversed(range(len(dhs))):
            dz = (dhs[t] + later) * (1 - self.hs[t + 1] ** 2)
            self.dU += self.hs[t].T @ dz
            later = dz @ self.U.T if self.of_the_next else 0.0
            dxs.insert(0, dz)
        return dxs


@pytest.mark.parametrize("kind", [list, np.array])
def test_a_list_of_one_array_for_each_step_is_an_array(kind):
    x = np.random.default_rng(0).standard_normal((4, 2, 3))
    report = verify.layer(Steps(), kind(list(x)))
    assert {e.verdict for e in report} == {"correct"}, report
    report = verify.layer(Steps(of_the_next=False), kind(list(x)), repair=False)
    assert report[report.first_wrong].diagnoses[0].kind == "missing_branch", report


@pytest.mark.parametrize("T", [1, 3])  # of one step alone, q and k are without influence
def test_a_mask_that_the_backward_gives_no_gradient_of_is_a_constant(T):
    def forward(q, k, v, real):
        s = q @ k.T + (1 - real) * -1e4
        e = np.exp(s - s.max(1, keepdims=True))
        p = e / e.sum(1, keepdims=True)
        return (p * real) @ v, (q, k, v, real, p)

    def backward(dy, cache):
        q, k, v, real, p = cache
        dp = dy @ v.T * real
        ds = p * (dp - (p * dp).sum(1, keepdims=True))
        dq, dk, dv = ds @ k, ds.T @ q, (p * real).T @ dy
        return dq, dk, dv

    draw = np.random.default_rng(0).standard_normal
    given = draw((T, 4)), draw((T, 4)), draw((T, 5)), np.tri(T)
    report = verify.layer((forward, backward), given)
    assert report, report
    assert {"v", "real"} & set(report.entries) == {"v"}, report
    assert any("real" in note for note in report.notes)


# --- one step with several outputs ---------------------------------------------------------------


def cell(x, c, f):
    c2 = f * c + x
    return np.tanh(c2), c2, (f, c, c2)


def cell_backward(dh, dc, cache, given=1.0):
    f, c, c2 = cache
    dc2 = given * dc + dh * (1 - np.tanh(c2) ** 2)
    return dc2, dc2 * f, dc2 * c


def test_gradients_arrive_at_all_outputs_of_one_step():
    draw = np.random.default_rng(0).standard_normal
    given = draw((2, 3)), draw((2, 3)), draw((2, 3))
    assert verify.layer((cell, cell_backward), given)

    def forgotten(dh, dc, cache):
        return cell_backward(dh, dc, cache, 0.0)

    report = verify.layer((cell, forgotten), given, repair=False)
    assert {e.verdict for e in report} == {"wrong"}, report
    assert report["c"].diagnoses[0].kind == "missing_branch"
    report = verify.layer((cell, forgotten), given, upstream=draw((2, 3)))
    assert report, report  # the gradient of the first output alone, as was asked
    assert report.hidden

    u = draw((2, 3)), draw((2, 3))
    report = verify.layer((cell, cell_backward), given, upstream=u)
    assert report
    dx = cell_backward(*u, cell(*given)[-1])[0]
    np.testing.assert_allclose(report["input"].hand, dx)
    for wrong in ((*u, u[0]), (u[0], u[1][:1])):
        with pytest.raises(ShapeError):
            verify.layer((cell, cell_backward), given, upstream=wrong)


# --- what is exchanged, and what is made at every step -------------------------------------------


def gated(x, h, W):
    v = np.concatenate([x, h], axis=1)
    h2 = np.tanh(v @ W)
    return h2, (v, W, h2, x.shape[1])


@pytest.mark.parametrize("steps", [None, 3])
def test_a_concatenation_taken_apart_in_another_order(steps):
    def backward(dh, cache):
        v, W, h2, n = cache
        dz = dh * (1 - h2**2)
        dv = dz @ W.T
        return dv[:, -n:], dv[:, :-n], v.T @ dz

    draw = np.random.default_rng(0).standard_normal
    x = draw((2, 3)) if steps is None else draw((steps, 2, 3))
    given = x, draw((2, 4)), draw((7, 4))
    report = verify.layer((gated, backward), given, steps=steps, repair=False)
    assert report["h"].diagnoses[0].kind == "permuted", report
    assert "[0:4]" in report["h"].diagnoses[0].explanation


class Heads:
    """Two heads of which each adds up its values over time."""

    def forward(self, x):
        self.shape = B, T, C = x.shape
        self.x = x
        heads = np.tanh(x).reshape(B, T, 2, C // 2).transpose(0, 2, 1, 3)
        self.p = np.tri(T) / np.arange(1, T + 1)[:, None]
        return np.einsum("ij,bhjd->bhid", self.p, heads)

    def backward(self, dy):
        B, T, C = self.shape
        d = np.einsum("ij,bhid->bhjd", self.p, dy)
        return d.reshape(B, T, C) * (1 - np.tanh(self.x) ** 2)


class Scores:
    """Products of two arrays, taken with a matrix that is not symmetric."""

    def __init__(self, transposed):
        self.transposed = transposed

    def forward(self, a, v):
        self.a, self.v = a, v
        return np.einsum("bij,bjd->bid", a, v)

    def backward(self, dy):
        da = np.einsum("bid,bjd->bij", dy, self.v)
        return da, np.einsum("bij,bjd->bid" if self.transposed else "bij,bid->bjd", self.a, dy)


def test_heads_merged_by_a_reshape_and_einsum_with_an_untransposed_operand():
    draw = np.random.default_rng(0).standard_normal
    report = verify.layer(Heads(), draw((2, 3, 4)), repair=False)
    assert report["input"].diagnoses[0].kind == "permuted", report
    assert "transpose" in report["input"].diagnoses[0].explanation
    given = draw((2, 3, 3)), draw((2, 3, 4))
    assert verify.layer(Scores(False), given)
    report = verify.layer(Scores(True), given, repair=False)
    assert report["v"].diagnoses[0].kind == "transpose", report


class Looking:
    """At each step the scores of all keys, and their weighted sum: each key is used twice."""

    def __init__(self, mistake=""):
        self.mistake = mistake

    def forward(self, keys, queries):
        self.keys, self.queries, self.ps, out = keys, queries, [], []
        for t in range(queries.shape[1]):
            s = (keys * queries[:, t][:, None, :]).sum(2)
            e = np.exp(s - s.max(1, keepdims=True))
            p = e / e.sum(1, keepdims=True)
            self.ps.append(p)
            out.append((keys * p[:, :, None]).sum(1))
        return np.stack(out, axis=1)

    def backward(self, dout):
        dkeys, dqueries = np.zeros_like(self.keys), np.zeros_like(self.queries)
        for t, p in enumerate(self.ps):
            dc = dout[:, t][:, None, :]
            dp = (dc * self.keys).sum(2)
            total = (p * dp).sum(1, keepdims=True)
            ds = p * dp - (1.0 if self.mistake == "sum" else p) * total
            q = self.queries[:, t][:, None, :]
            scores = ds[:, :, None] * (self.keys if self.mistake == "own" else q)
            mine = dc * p[:, :, None] + (0.0 if self.mistake == "scores" else scores)
            dkeys = mine if self.mistake == "assigned" else dkeys + mine
            dqueries[:, t] = (ds[:, :, None] * self.keys).sum(1)
        return dkeys, dqueries


@pytest.mark.parametrize(
    ("mistake", "kind"),
    [("", None), ("scores", "missing_branch"), ("assigned", "overwritten"),
     ("sum", "missing_factor"), ("own", "wrong_variable")],
)  # fmt: skip
def test_what_is_wrong_at_every_step_of_attention(mistake, kind):
    draw = np.random.default_rng(0).standard_normal
    report = verify.layer(Looking(mistake), (draw((2, 3, 4)), draw((2, 3, 4))), repair=False)
    if kind is None:
        assert report, report
    else:
        assert report["input"].diagnoses[0].kind == kind, report


class Reversed(Steps):
    """The states are read from the wrong end."""

    def backward(self, dhs):
        read = [np.zeros((2, 3)), *self.hs[:0:-1]]
        before = [self.hs[len(dhs) - 1 - t] for t in range(len(dhs))]
        self.dU, later, dxs = np.zeros((3, 3)), 0.0, []
        for t in reversed(range(len(dhs))):
            dz = (dhs[t] + later) * (1 - read[t + 1] ** 2)
            self.dU += before[t].T @ dz
            later = dz @ self.U.T
            dxs.insert(0, dz)
        return dxs


def test_what_the_steps_have_cached_read_in_reversed_order():
    report = verify.layer(Reversed(), np.random.default_rng(0).standard_normal((4, 2, 3)))
    first = report[report.first_wrong].diagnoses[0]
    assert (first.kind, first.detail["order"]) == ("permuted", (1, 0)), report


def test_the_gradient_of_the_cell_at_the_output_gate():
    def forward(c, f, o):
        c2 = f * c
        return o * np.tanh(c2), c2, (c, f, o, c2)

    def backward(dh, dc, cache):
        c, f, o, c2 = cache
        ds = dc + dh * o * (1 - np.tanh(c2) ** 2)
        return ds * f, ds * c, ds * np.tanh(c2)

    draw = np.random.default_rng(0).standard_normal
    given = draw((2, 3)), draw((2, 3)), draw((2, 3))
    report = verify.layer((forward, backward), given, repair=False)
    assert report["input"].verdict == "correct"
    assert "wrong_variable" in [d.kind for d in report["o"].diagnoses], report


def test_classes_n_by_t_go_through_time_and_a_loop_that_ends_too_soon():
    class Words:
        def __init__(self):
            draw = np.random.default_rng(0).standard_normal
            self.E, self.U = draw((5, 3)), draw((3, 3))

        def forward(self, ids):
            self.ids, self.hs = ids, [np.zeros((len(ids), 3))]
            for t in range(ids.shape[1]):
                self.hs.append(np.tanh(self.E[ids[:, t]] + self.hs[-1] @ self.U))
            return self.hs[-1]

        def backward(self, dh):
            self.dE, self.dU = np.zeros_like(self.E), np.zeros_like(self.U)
            for t in range(self.ids.shape[1] - 1, 0, -1):
                dz = dh * (1 - self.hs[t + 1] ** 2)
                np.add.at(self.dE, self.ids[:, t], dz)
                self.dU += self.hs[t].T @ dz
                dh = dz @ self.U.T

    ids = np.random.default_rng(1).integers(0, 5, (2, 4))
    report = verify.layer(Words(), ids, repair=False)
    d = report[report.first_wrong].diagnoses[0]
    assert (d.kind, d.detail["step"]) == ("missing_branch", 1), report


OUTSIDE = np.random.default_rng(4).standard_normal((3, 3))


def global_loss(xs, h0):
    hs = [h0]
    for x in xs:
        hs.append(np.tanh(OUTSIDE @ hs[-1] + x))
    dh, dOUTSIDE = np.ones_like(h0), np.zeros((3, 3))
    for t in reversed(range(len(xs))):
        dz = dh * (1 - hs[t + 1] ** 2)
        dOUTSIDE += dz @ hs[t].T
        dh = OUTSIDE.T @ dz
    return hs[-1].sum(), dOUTSIDE, hs[-1]


def test_gradients_of_global_parameters_are_nobody_elses_and_it_is_told_how_they_are_judged():
    report = verify.layer(global_loss, ([0, 1, 2], np.ones((3, 1))))
    assert {e.verdict for e in report} == {"inconclusive"}, report
    assert "arguments" in report["dOUTSIDE"].note
