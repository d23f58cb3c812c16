"""Recurrent layers and attention: what PyTorch's do, at second order, and with bad input."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_fr as tg
from tinygrad_fr import nn
from tinygrad_fr.errors import ArgumentError, ShapeError

RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def double():
    before = tg.settings.get_default_dtype()
    tg.set_default_dtype("float64")
    yield
    tg.set_default_dtype(before)


# --- recurrent layers -------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_a_layer_makes_the_steps_of_its_cell_one_after_another(kind, bidirectional):
    layer = getattr(nn, kind)(3, 4, bidirectional=bidirectional)
    x = RNG.standard_normal((5, 2, 3))
    outputs, last = layer(x)
    for suffix, order in (("", 1), ("_reverse", -1))[: 1 + bidirectional]:
        cell = getattr(nn, kind + "Cell")(3, 4)
        parts = {n: getattr(layer, f"{n}_l0{suffix}").data for n in cell.state_dict()}
        cell.load_state_dict(parts)
        state, k = None, int(order < 0)
        for t in range(5)[::order]:
            state = cell(x[t], state)
            h = state[0] if kind == "LSTM" else state
            part = slice(4 * k, 4 * k + 4)
            np.testing.assert_allclose(outputs.data[t, :, part], h.data, rtol=1e-13)
        ends = zip(last, state, strict=True) if kind == "LSTM" else [(last, state)]
        for mine, other in ends:
            np.testing.assert_allclose(mine.data[k], other.data, rtol=1e-13)


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_a_state_that_is_given_is_pytorchs_and_gets_its_gradient(kind):
    torch = pytest.importorskip("torch")
    ours = getattr(nn, kind)(3, 4, num_layers=2, bidirectional=True)
    theirs = getattr(torch.nn, kind)(3, 4, num_layers=2, bidirectional=True).double()
    theirs.load_state_dict({n: torch.from_numpy(v) for n, v in ours.state_dict().items()})
    x = RNG.standard_normal((5, 2, 3))
    states = [RNG.standard_normal((4, 2, 4)) for _ in range(1 + (kind == "LSTM"))]
    mine = [tg.Tensor(s, requires_grad=True) for s in states]
    other = [torch.from_numpy(s).requires_grad_() for s in states]
    y, _last = ours(x, tuple(mine) if kind == "LSTM" else mine[0])
    z, _last = theirs(torch.from_numpy(x), tuple(other) if kind == "LSTM" else other[0])
    np.testing.assert_allclose(y.data, z.detach().numpy(), rtol=1e-10)
    (y * y).sum().backward()
    (z * z).sum().backward()
    for a, b in zip(mine, other, strict=True):
        np.testing.assert_allclose(a.grad.data, b.grad.numpy(), rtol=1e-10)


@pytest.mark.parametrize("kind", ["RNNCell", "LSTMCell", "GRUCell", "RNN", "LSTM", "GRU"])
def test_second_derivatives_of_recurrent_layers_are_right(kind):
    layer = getattr(nn, kind)(2, 3)
    shape = (2, 2) if kind.endswith("Cell") else (3, 2, 2)

    def loss(x):
        y = layer(x)
        while isinstance(y, tuple):
            y = y[0]
        return (y**3).sum()

    assert tg.verify.check(loss, RNG.standard_normal(shape), order=2)


@pytest.mark.parametrize("options", [{}, {"bias": False, "batch_first": True},
                                     {"num_layers": 2, "bidirectional": True}])  # fmt: skip
def test_a_fused_lstm_is_the_one_of_single_steps(options):
    plain, fused = nn.LSTM(3, 4, **options), nn.LSTM(3, 4, **options, fused=True)
    fused.load_state_dict(plain.state_dict())
    rows = 4 if "num_layers" in options else 1
    state = tuple(RNG.standard_normal((rows, 2, 4)) for _ in "hc")
    shape = (2, 5, 3) if "batch_first" in options else (5, 2, 3)
    x, results = RNG.standard_normal(shape), []
    for layer in (plain, fused):
        given = [tg.Tensor(a, requires_grad=True) for a in (x, *state)]
        y, (h, c) = layer(given[0], tuple(given[1:]))
        loss = (y**2).sum() + (3 * h).sum() + (c**3).sum()
        d = tg.gradients(loss, [*given, *layer.parameters()], create_graph=True)
        second = tg.gradients((d[0] ** 2).sum() + (d[-1] * d[-1]).sum(), [*given])
        results.append([y, h, c, *d, *second])
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a.data, b.data, rtol=1e-10, atol=1e-12)


def test_a_fused_lstm_takes_a_state_that_depends_on_its_weights():
    layer = nn.LSTM(3, 3, fused=True)
    u = layer.weight_hh_l0

    def loss(x):
        h = (x[0] @ u[:3]).reshape(1, 2, 3)
        return (layer(x, (h, h * 2))[0] ** 3).sum()

    assert tg.verify.check(loss, RNG.standard_normal((4, 2, 3)), order=2)


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_second_derivatives_of_recurrent_layers_are_pytorchs(kind):
    torch = pytest.importorskip("torch")
    ours, theirs = getattr(nn, kind)(3, 4), getattr(torch.nn, kind)(3, 4).double()
    theirs.load_state_dict({n: torch.from_numpy(v) for n, v in ours.state_dict().items()})
    a = tg.Tensor(RNG.standard_normal((4, 2, 3)), requires_grad=True)
    b = torch.from_numpy(a.data.copy()).requires_grad_()
    (d,) = tg.gradients((ours(a)[0] ** 2).sum(), [a], create_graph=True)
    (e,) = torch.autograd.grad((theirs(b)[0] ** 2).sum(), [b], create_graph=True)
    (d**2).sum().backward()
    (e**2).sum().backward()
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        np.testing.assert_allclose(p.grad.data, q.grad.numpy(), rtol=1e-9, atol=1e-10)


def test_a_list_of_steps_is_a_sequence():
    layer, x = nn.GRU(3, 4), RNG.standard_normal((5, 2, 3))
    np.testing.assert_array_equal(layer(list(x))[0].data, layer(x)[0].data)
    assert layer([tg.Tensor(row) for row in x])[0].shape == (5, 2, 4)


def test_dropout_acts_between_layers_and_in_training_only():
    layer = nn.LSTM(3, 4, num_layers=2, dropout=0.5)
    x = RNG.standard_normal((5, 2, 3))
    tg.manual_seed(0)
    first, second = layer(x)[0].data, layer(x)[0].data
    assert not np.allclose(first, second)
    layer.eval()
    np.testing.assert_array_equal(layer(x)[0].data, layer(x)[0].data)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: nn.RNN(3, 4)(np.ones((5, 2, 7))), r"\(T, N, input_size\).*3 features"),
        (lambda: nn.GRU(3, 4, batch_first=True)(np.ones(3)), r"\(N, T, input_size\)"),
        (lambda: nn.LSTM(3, 4)(np.ones((0, 2, 3))), "no step"),
        (lambda: nn.LSTM(3, 4)(np.ones((5, 2, 3)), np.ones((1, 2, 4))), r"pair, \(h, c\)"),
        (lambda: nn.RNN(3, 4)(np.ones((5, 2, 3)), np.ones((2, 4))), r"state h.*\(1, 2, 4\)"),
        (lambda: nn.LSTMCell(3, 4)(np.ones((2, 3)), (np.ones((2, 4)), np.ones(4))), "state c"),
        (lambda: nn.RNN(3, 4, nonlinearity="sin"), "nonlinearity"),
        (lambda: nn.GRU(3, 0), "hidden_size"),
        (lambda: tg.lstm(np.ones((3, 2, 7)), *[np.ones((2, 2))] * 2, np.ones((8, 2))), "4 H"),
        (lambda: tg.lstm(np.ones((3, 2, 8)), *[np.ones((3, 2))] * 2, np.ones((8, 2))), "T, N, 4 H"),
    ],
)  # fmt: skip
def test_bad_input_of_recurrent_layers_is_refused_in_words(call, text):
    tg.set_language("en")
    with pytest.raises((ShapeError, ArgumentError), match=text):
        call()


# --- attention --------------------------------------------------------------------------------

CAUSAL = ~np.tri(5, dtype=bool)
PADDED = np.array([[False] * 5, [False, False, False, True, True], [False] * 4 + [True]])
MASKS = [
    {}, {"attn_mask": CAUSAL}, {"key_padding_mask": PADDED},
    {"attn_mask": CAUSAL, "key_padding_mask": PADDED},
    {"attn_mask": np.where(CAUSAL, -np.inf, 0.0)}, {"attn_mask": RNG.standard_normal((5, 5))},
    {"attn_mask": RNG.standard_normal((6, 5, 5)) > 1}, {"need_weights": False},
    {"average_attn_weights": False, "attn_mask": CAUSAL},
]  # fmt: skip


@pytest.mark.parametrize("options", [{}, {"batch_first": True}, {"bias": False}])
@pytest.mark.parametrize("masks", MASKS)
def test_multihead_attention_is_pytorchs(options, masks):
    torch = pytest.importorskip("torch")
    ours = nn.MultiheadAttention(6, 2, **options)
    theirs = torch.nn.MultiheadAttention(6, 2, **options).double()
    rng = np.random.default_rng(1)
    ours.load_state_dict({n: rng.standard_normal(v.shape) for n, v in ours.state_dict().items()})
    theirs.load_state_dict({n: torch.from_numpy(v) for n, v in ours.state_dict().items()})
    assert list(ours.state_dict()) == list(theirs.state_dict())
    x = rng.standard_normal((3, 5, 6) if options.get("batch_first") else (5, 3, 6))
    a, b = tg.Tensor(x, requires_grad=True), torch.from_numpy(x).requires_grad_()
    given = {n: torch.from_numpy(m) if isinstance(m, np.ndarray) else m for n, m in masks.items()}
    (y, weights), (z, others) = ours(a, a, a, **masks), theirs(b, b, b, **given)
    np.testing.assert_allclose(y.data, z.detach().numpy(), rtol=1e-10, atol=1e-12)
    assert (weights is None) == (others is None)
    if weights is not None:
        np.testing.assert_allclose(weights.data, others.detach().numpy(), rtol=1e-10, atol=1e-12)
    (y * y).sum().backward()
    (z * z).sum().backward()
    np.testing.assert_allclose(a.grad.data, b.grad.numpy(), rtol=1e-9, atol=1e-10)
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        np.testing.assert_allclose(p.grad.data, q.grad.numpy(), rtol=1e-9, atol=1e-10)


def test_attention_looks_at_other_sequences_of_other_sizes_as_pytorchs_does():
    torch = pytest.importorskip("torch")
    ours = nn.MultiheadAttention(6, 3, kdim=4, vdim=7)
    theirs = torch.nn.MultiheadAttention(6, 3, kdim=4, vdim=7).double()
    theirs.load_state_dict({n: torch.from_numpy(v) for n, v in ours.state_dict().items()})
    q, k, v = (RNG.standard_normal(s) for s in ((5, 2, 6), (8, 2, 4), (8, 2, 7)))
    y, weights = ours(q, k, v)
    z, others = theirs(*map(torch.from_numpy, (q, k, v)))
    np.testing.assert_allclose(y.data, z.detach().numpy(), rtol=1e-10)
    np.testing.assert_allclose(weights.data, others.detach().numpy(), rtol=1e-10)
    y, weights = ours(q[:, 0], k[:, 0], v[:, 0])  # one sequence
    assert y.shape == (5, 6)
    assert weights.shape == (5, 8)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("scale", [None, 0.3])
def test_scaled_dot_product_attention_is_pytorchs(causal, scale):
    torch = pytest.importorskip("torch")
    q, k, v = (RNG.standard_normal((2, 3, 5, 4)) for _ in range(3))
    attend = torch.nn.functional.scaled_dot_product_attention
    z = attend(*map(torch.from_numpy, (q, k, v)), is_causal=causal, scale=scale)
    y = tg.scaled_dot_product_attention(q, k, v, is_causal=causal, scale=scale)
    np.testing.assert_allclose(y, z.numpy(), rtol=1e-12)
    mask = RNG.standard_normal((5, 5)) > 1  # some rows hide all
    z = attend(*map(torch.from_numpy, (q, k, v)), attn_mask=torch.from_numpy(mask))
    y = tg.scaled_dot_product_attention(q, k, v, mask)
    np.testing.assert_allclose(y, z.numpy(), rtol=1e-12)


def test_a_query_that_sees_nothing_gets_zeros_and_sends_no_gradient_back():
    q, k, v = (tg.Tensor(RNG.standard_normal((3, 4)), requires_grad=True) for _ in range(3))
    mask = np.array([[True, True, False], [False] * 3, [True] * 3])
    with tg.debug():
        y = tg.scaled_dot_product_attention(q, k, v, mask)
        (y * y).sum().backward()
    assert not y.data[1].any()
    assert not q.grad.data[1].any()
    assert np.isfinite(k.grad.data).all()


def test_what_comes_later_does_not_change_what_a_causal_query_sees():
    layer = nn.TransformerEncoderLayer(8, 2, 16, 0.0, batch_first=True)
    x = RNG.standard_normal((2, 6, 8))
    before = layer(x, is_causal=True).data
    x[:, 4:] += 1
    after = layer(x, is_causal=True).data
    np.testing.assert_array_equal(after[:, :4], before[:, :4])
    assert not np.allclose(after[:, 4:], before[:, 4:])


@pytest.mark.parametrize("causal", [False, True])
def test_second_derivatives_of_attention_are_right(causal):
    layer = nn.MultiheadAttention(4, 2, batch_first=True)

    def loss(x):
        return (layer(x, x, x, is_causal=causal)[0] ** 3).sum()

    assert tg.verify.check(loss, RNG.standard_normal((2, 3, 4)), order=2)


def test_a_mask_can_be_learned():
    q = RNG.standard_normal((3, 4))
    assert tg.verify.check(
        lambda m: tg.scaled_dot_product_attention(q, q, q, m), RNG.random((3, 3))
    )


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: nn.MultiheadAttention(6, 4), "must divide embed_dim"),
        (lambda: nn.MultiheadAttention(6, 2)(*[np.ones((5, 3, 7))] * 3), "6 features"),
        (lambda: nn.TransformerEncoderLayer(6, 2, activation="step"), "activation"),
        (lambda: nn.MultiheadAttention(6, 2)(np.ones((5, 3, 6)), *[np.ones((5, 2, 6))] * 2),
         "as many sequences"),
        (lambda: nn.MultiheadAttention(6, 2)(np.ones((5, 3, 6)), np.ones((4, 3, 6)),
                                             np.ones((5, 3, 6))), "a value for each key"),
        (lambda: nn.MultiheadAttention(6, 2)(*[np.ones((5, 3, 6))] * 3, np.ones((5, 3)) > 0),
         r"\(3, 5\) here.*not \(5, 3\)"),
        (lambda: tg.scaled_dot_product_attention(np.ones((3, 4)), np.ones((3, 5)), 1.0), "same d"),
        (lambda: tg.scaled_dot_product_attention(*[np.ones((3, 4))] * 3, np.ones((2, 3)) > 0),
         r"mask \(2, 3\)"),
        (lambda: tg.scaled_dot_product_attention(*[np.ones((3, 4))] * 3, [[1, 0, 1]]), "booleans"),
    ],
)  # fmt: skip
def test_bad_input_of_attention_is_refused_in_words(call, text):
    tg.set_language("en")
    with pytest.raises((ValueError, TypeError), match=text):
        call()


# --- containers -------------------------------------------------------------------------------


def test_lists_and_dicts_of_modules_change_as_pythons_do():
    blocks = nn.ModuleList([nn.Linear(2, 2)])
    first, second, third = blocks[0], nn.Linear(2, 3), nn.Tanh()
    blocks.extend([second]).append(third)
    assert list(blocks) == [first, second, third]
    assert blocks[-1] is third
    assert len(blocks) == 3
    blocks.insert(1, third)
    del blocks[0]
    assert list(blocks) == [third, second, third]
    assert list(blocks[1:]) == [second, third]
    blocks[0] = first
    assert blocks.append(third).pop() is third
    assert [n for n, _p in blocks.named_parameters()] == [
        "0.weight",
        "0.bias",
        "1.weight",
        "1.bias",
    ]

    heads = nn.ModuleDict({"a": first})
    heads["b"] = second
    heads.update({"a": third})
    assert list(heads) == ["a", "b"]
    assert heads["a"] is third
    assert "b" in heads
    assert list(heads.items()) == [("a", third), ("b", second)]
    del heads["a"]
    assert list(heads.values()) == [second]
    assert [n for n, _m in heads.named_children()] == ["b"]
    with pytest.raises(KeyError):
        heads["a"]


@pytest.mark.parametrize("make", [nn.ModuleList, lambda m: nn.ModuleDict({"x": m[0]})])
def test_what_is_no_module_is_refused_by_containers(make):
    tg.set_language("en")
    with pytest.raises(TypeError, match="holds Modules, not builtin_function"):
        make([len])


# --- what an attacker found -------------------------------------------------------------------


@pytest.mark.parametrize(
    "bias", [np.zeros((3, 3)), np.array([[0, -np.inf, 0], [-np.inf] * 3, [1, 2, 3]])]
)
@pytest.mark.parametrize("shape", [(3, 3), (4, 3, 3)])
def test_a_mask_that_is_learned_gets_its_gradient_through_the_layer(bias, shape):
    layer, x = nn.MultiheadAttention(4, 2), RNG.standard_normal((3, 2, 4))
    mask = tg.Tensor(np.broadcast_to(bias, shape).copy(), requires_grad=True)
    y, _weights = layer(x, x, x, attn_mask=mask)
    (y * y).sum().backward()
    assert np.isfinite(mask.grad.data).all()
    assert np.isfinite(y.data).all()
    moved = mask.data.copy()
    at = (..., 2, 1)
    moved[at] += 1e-6
    other = layer(x, x, x, attn_mask=moved)[0].data
    rise = ((other**2).sum() - (y.data**2).sum()) / 1e-6
    assert mask.grad.data[at].sum() == pytest.approx(rise, rel=1e-3, abs=1e-4)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_what_is_hidden_stays_hidden_however_large_the_products_are(dtype):
    large = {"float16": 50.0, "float32": 1e17, "float64": 1e17}[dtype]
    q = np.full((1, 4), large, dtype)
    k = np.stack([np.full(4, large), np.full(4, -large)]).astype(dtype)
    v = np.array([[1.0], [0.0]], dtype)
    assert tg.scaled_dot_product_attention(q, k, v, np.array([[False, True]])).item() == 0.0
    x = np.array([[1.0] * 4, [2] * 4, [3] * 4], dtype) * dtype_scale(dtype)
    y = tg.scaled_dot_product_attention(x, x, np.eye(3, dtype=dtype), is_causal=True)
    np.testing.assert_array_equal(y, np.eye(3))


def dtype_scale(dtype):
    return 50.0 if dtype == "float16" else 1e10


def test_a_row_of_very_small_numbers_hides_nothing():
    q, k = RNG.standard_normal((2, 3, 4))
    mask = np.full((3, 3), np.finfo(float).min)  # as some write it
    y = tg.scaled_dot_product_attention(q, k, np.eye(3), mask)
    np.testing.assert_allclose(y.sum(-1), 1.0)


def test_a_mask_that_is_added_opens_no_way_to_what_comes_later():
    x = RNG.standard_normal((3, 2, 4))
    layer, bias = nn.MultiheadAttention(4, 2), RNG.standard_normal((3, 3))
    _y, weights = layer(x, x, x, attn_mask=bias, is_causal=True)
    assert not np.triu(weights.data, 1).any()
    _y, expected = layer(x, x, x, attn_mask=np.where(np.tri(3), bias, -np.inf))
    np.testing.assert_allclose(weights.data, expected.data, rtol=1e-12)


@pytest.mark.parametrize("shape", [(2, 5, 3), (3,), (1, 3), (3, 1)])
def test_masks_of_other_shapes_are_refused(shape):
    tg.set_language("en")
    x = np.ones((3, 2, 4))
    with pytest.raises(ShapeError, match=r"attn_mask is \(queries, keys\), \(3, 3\)"):
        nn.MultiheadAttention(4, 2)(x, x, x, attn_mask=np.zeros(shape))


def test_states_and_weights_of_several_dtypes_meet_in_the_widest():
    layer = nn.LSTM(3, 4, fused=True)
    x, zeros = RNG.standard_normal((5, 2, 3)), np.zeros((1, 2, 4), int)
    y, _state = layer(x, (zeros, zeros))
    np.testing.assert_allclose(y.data, layer(x)[0].data)
    y.sum().backward()
    assert np.isfinite(layer.weight_hh_l0.grad.data).all()
    w = tg.Tensor(RNG.standard_normal((8, 2)), requires_grad=True)
    h = tg.Tensor(np.zeros((3, 2), "float32"), requires_grad=True)
    y = tg.lstm(np.ones((2, 3, 8), "float32"), h, np.zeros((3, 2)), w)
    assert y.dtype == np.float64
    y.sum().backward()
    assert h.grad.dtype == np.float32
    with pytest.raises(ShapeError):
        tg.lstm(np.ones((0, 3, 8)), np.zeros((3, 2)), np.zeros((3, 2)), w)


@pytest.mark.parametrize("name", ["a.b", "", "_order", "forward", "training", 1])
def test_names_that_would_lose_parameters_are_refused(name):
    with pytest.raises(ArgumentError):
        nn.ModuleDict({name: nn.Linear(1, 1)})
