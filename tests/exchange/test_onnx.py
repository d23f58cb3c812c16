"""Models as ONNX files: ONNX Runtime computes what they compute."""

from __future__ import annotations

import contextlib
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_fr as tg
from tinygrad_fr import nn
from tinygrad_fr.autograd.operation import registry
from tinygrad_fr.autograd.tensor import Tensor
from tinygrad_fr.errors import ArgumentError, MissingExtraError, TinygradError
from tinygrad_fr.nn.summary import called

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

from tinygrad_fr.exchange.onnx import TABLE, WRITTEN_OUT, operations, to_onnx  # noqa: E402


class Applied(nn.Module):
    """An operation, or any function, as a Module; arrays among its arguments are its inputs."""

    def __init__(self, function, arguments=None, options=None):
        self.function, self.arguments, self.options = function, arguments, options or {}

    def forward(self, *inputs):
        if self.arguments is None:
            return self.function(*inputs)
        rest = iter(inputs)

        def filled(x):
            if isinstance(x, np.ndarray):
                return next(rest)
            return [filled(part) for part in x] if _listed(x) else x

        return self.function(*map(filled, self.arguments), **self.options)


def _listed(x):
    return isinstance(x, list) and any(isinstance(part, np.ndarray) for part in x)


def arrays(arguments):
    """The arrays among arguments, in single precision."""
    found = []
    for x in arguments:
        if isinstance(x, np.ndarray):
            found.append(x.astype(np.float32) if x.dtype.kind == "f" else x)
        elif _listed(x):
            found += arrays(x)
    return found


def flat(y):
    if isinstance(y, (tuple, list, dict)):
        parts = y.values() if isinstance(y, dict) else y
        return [x for part in parts for x in flat(part)]
    return [] if y is None else [y.data]


def assert_equal(path, model, inputs):
    """ONNX Runtime gives what the model gives, to 1e-5 of the largest number."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options)
    given = {x.name: value for x, value in zip(session.get_inputs(), inputs, strict=True)}
    expected = flat(called(model, *map(Tensor, inputs))[0])
    for result, y in zip(session.run(None, given), expected, strict=True):
        assert (result.shape, result.dtype) == (y.shape, y.dtype)
        room = 1e-5 * np.abs(y[np.isfinite(y)]).max(initial=0) if y.dtype.kind == "f" else 0
        np.testing.assert_allclose(result, y, 0, room)


def sized(example, n, axis=0):
    """Random inputs like an example, with n along an axis."""
    rng = np.random.default_rng(n)
    shape = [*example.shape[:axis], n, *example.shape[axis + 1 :]]
    integers = example.dtype.kind in "iu"
    return rng.integers(0, 3, shape) if integers else rng.standard_normal(shape, np.float32)


# --- operations ------------------------------------------------------------------------------

# Calls among the examples that ONNX, or ONNX Runtime, does not take, with what they are.
REFUSED = {
    "conv_transpose2d": (3, 4),  # more output_padding than the stride
    "cross_entropy": (1, 3, 5, 7, 9, 10),  # probabilities, smoothed labels, no batch
    "einsum": (8,),  # ... of unequal numbers of axes
    "getitem": (6,),  # a mask that is computed
    "matrix_norm": (1,),  # singular values
    "multi_margin_loss": (0, 1, 2, 3),  # reads the labels outside of the graph
    "nll_loss": (3,),  # no batch
    "norm": (4, 5, 6),  # singular values
    "repeat": (2,),  # computed numbers of repeats
    "slogdet": (0, 1),  # logarithms of determinants
}
EXCLUDED = {("det", 3), ("cross_entropy", 8)}  # a determinant of 0; labels of no class, drawn


@pytest.mark.parametrize("name", [n for n in registry if operations().get(n, "a composition")])
def test_operations_are_computed_equally_by_onnx_runtime(name, tmp_path):
    for i, (arguments, options) in enumerate(registry[name].samples(seed=1)):
        if (name, i) in EXCLUDED:
            continue
        model, inputs = Applied(registry[name].function, arguments, options), arrays(arguments)
        path = tmp_path / f"{i}.onnx"
        if i in REFUSED.get(name, ()):
            with pytest.raises(ArgumentError):
                to_onnx(model, tuple(inputs), path, batch_axis=None)
            assert not path.exists()
            continue
        to_onnx(model, tuple(inputs), path, batch_axis=None)
        assert_equal(path, model, inputs)


@pytest.mark.parametrize(
    "name", [name for name, how in operations().items() if not how and name != "cholesky"]
)
def test_other_operations_are_refused_by_name_and_layer(name, tmp_path):
    for arguments, options in registry[name].samples(seed=1)[:1]:
        model = nn.Sequential(Applied(registry[name].function, arguments, options))
        model.forward = lambda *inputs, layer=model[0]: layer(*inputs)
        inputs = tuple(arrays(arguments))
        with pytest.raises(ArgumentError, match=rf"{name}: ONNX has no such operation.*\[layer 0"):
            to_onnx(model, inputs, tmp_path / "model.onnx", batch_axis=None)


def test_an_operation_of_the_users_own_is_not_taken_for_ours(tmp_path):
    @tg.op("y = 3 x", name="relu", method=False)
    def thrice(x):
        return 3 * x, lambda g, y, x: 3 * g

    with pytest.raises(ArgumentError, match="relu: ONNX has no such operation"):
        to_onnx(Applied(thrice), np.ones((2, 3)), tmp_path / "model.onnx")


# --- models ----------------------------------------------------------------------------------


class Tokens(nn.Module):
    """Integers, an embedding, a memory, the last state."""

    def __init__(self):
        self.table, self.memory = nn.Embedding(10, 8), nn.LSTM(8, 6, batch_first=True)
        self.out = nn.Linear(6, 4)

    def forward(self, tokens):
        return self.out(self.memory(self.table(tokens))[0][:, -1])


class ByHand(nn.Module):
    """Operations as a student writes them, some of them without a gradient."""

    def __init__(self):
        self.w = nn.Parameter(np.eye(4, dtype=np.float32) - 0.3)

    def forward(self, x):
        z = x @ self.w
        z = tg.where(z > 0, z, 0.1 * z)
        e = tg.exp(z - z.max(1, keepdims=True))
        p = e / e.sum(1, keepdims=True)
        return {"p": p, "class": p.argmax(1), "mean": x.sum(0) / len(x), "last": x[-1]}


ONE = np.float32
MODELS = [
    (nn.models.course_cnn, np.zeros((1, 1, 50, 50), ONE), 0),
    (nn.models.lenet, np.zeros((1, 1, 28, 28), ONE), 0),
    (nn.models.small_vgg, np.zeros((1, 3, 32, 32), ONE), 0),
    (lambda: nn.models.mlp((5, 4, 3), nn.GELU), np.zeros((1, 5), ONE), 0),
    (lambda: nn.RNN(3, 5, num_layers=2), np.zeros((4, 2, 3), ONE), 1),
    (lambda: nn.LSTM(3, 5, bidirectional=True, batch_first=True), np.zeros((2, 4, 3), ONE), 0),
    (lambda: nn.LSTM(3, 5, fused=True), np.zeros((4, 2, 3), ONE), 1),
    (lambda: nn.GRU(3, 5, batch_first=True), np.zeros((2, 4, 3), ONE), 0),
    (lambda: nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), np.zeros((2, 4, 8), ONE), 0),
    (lambda: nn.TransformerEncoderLayer(8, 2, 16, activation="gelu", norm_first=True),
     np.zeros((4, 2, 8), ONE), 1),
    (lambda: nn.GroupNorm(2, 4), np.zeros((2, 4, 3, 3), ONE), 0),
    (lambda: nn.Upsample(scale_factor=2), np.zeros((2, 4, 3, 3), ONE), 0),
    (lambda: nn.AdaptiveAvgPool2d(3), np.zeros((2, 4, 7, 5), ONE), 0),
    (lambda: nn.ConvTranspose2d(4, 2, 3, 2, output_padding=1), np.zeros((2, 4, 7, 5), ONE), 0),
    (lambda: nn.Sequential(nn.Conv1d(2, 3, 3, padding="same"), nn.BatchNorm1d(3), nn.PReLU(3)),
     np.zeros((2, 2, 9), ONE), 0),
    (Tokens, np.zeros((1, 6), int), 0),
    (ByHand, np.zeros((1, 4), ONE), 0),
]  # fmt: skip


@pytest.mark.parametrize(("make", "example", "axis"), MODELS)
def test_models_are_computed_equally_for_batches_of_any_size(make, example, axis, tmp_path):
    path, model = tmp_path / "model.onnx", make()
    to_onnx(model, example, path, batch_axis=axis)
    for n in (1, 3, 8):
        assert_equal(path, model, [sized(example, n, axis)])


def test_several_inputs_come_by_place_or_by_name(tmp_path):
    path, model = tmp_path / "model.onnx", nn.MultiheadAttention(8, 2, batch_first=True)
    made = to_onnx(model, tuple(np.zeros((3, 2, 4, 8), ONE)), path)
    assert [x.name for x in made.graph.input] == ["query", "key", "value"]
    assert_equal(path, model, [sized(np.zeros((1, m, 8)), 5) for m in (4, 7, 7)][:1] * 3)
    named = dict(zip(("value", "query", "key"), np.zeros((3, 2, 4, 8), ONE), strict=True))
    made = to_onnx(model, named, path)
    assert [x.name for x in made.graph.input] == ["value", "query", "key"]


def test_a_function_is_written_with_what_it_closes_over_as_constants(tmp_path):
    w = Tensor(np.eye(3, 2, dtype=ONE), requires_grad=True)
    made = to_onnx(lambda x: np.maximum(x @ w, 0), np.zeros((1, 3), ONE), tmp_path / "model.onnx")
    assert [x.name for x in made.graph.input] == ["x"]
    assert_equal(tmp_path / "model.onnx", Applied(lambda x: tg.relu(x @ w)), [np.ones((4, 3), ONE)])


def test_integers_are_drawn_from_those_that_other_examples_have_in_that_place(tmp_path):
    columns = Applied(lambda x: tg.concatenate([tg.one_hot(x[:, 0], 5), tg.one_hot(x[:, 1], 2)], 1))
    example = np.array([[4, 1], [0, 0], [3, 1]])
    to_onnx(columns, example, tmp_path / "model.onnx")
    assert_equal(tmp_path / "model.onnx", columns, [example])


def test_a_model_that_takes_no_single_example_is_written_for_several(tmp_path):
    model = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3, track_running_stats=False))
    to_onnx(model, np.ones((6, 4), ONE), tmp_path / "model.onnx")
    assert_equal(tmp_path / "model.onnx", model, [sized(np.zeros((1, 4)), 7)])


def test_pieces_beside_the_batch_are_moved_repeated_and_picked_for_any_size(tmp_path):
    def moved(x):
        parts = [x[:, :, ::2, ::2], x[..., 1::2, 1::2], x[:, [2, 0]][..., ::2, ::-2]]
        y = tg.roll(tg.concatenate(parts, 1), (1, -2), (2, 1))
        return tg.tile(tg.repeat(y, [1, 0, 2], 2), (1, 1, 3)), tg.tile(y[0], (len(x), 1, 1, 1))

    example = np.zeros((2, 3, 6, 4), ONE)
    to_onnx(Applied(moved), example, tmp_path / "model.onnx")
    for n in (1, 4):
        assert_equal(tmp_path / "model.onnx", Applied(moved), [sized(example, n)])


def test_angles_are_right_in_all_quadrants_and_at_zeros(tmp_path):
    model, numbers = Applied(lambda x: tg.arctan2(x[:, 0], x[:, 1])), [0.0, -0.0, 1, -1, 7, -1e-3]
    to_onnx(model, np.zeros((1, 2), ONE), tmp_path / "model.onnx")
    pairs = np.stack(np.meshgrid(numbers, numbers), -1).reshape(-1, 2).astype(ONE)
    assert_equal(tmp_path / "model.onnx", model, [pairs])


def test_any_number_but_zero_is_true(tmp_path):
    model = Applied(lambda x: (tg.all(x, 1), tg.any(x, 1, keepdims=True)))
    to_onnx(model, np.zeros((1, 2), ONE), tmp_path / "model.onnx")
    assert_equal(tmp_path / "model.onnx", model, [np.array([[0.5, -0.5], [0, -1], [0, 0]], ONE)])


def test_remainders_have_the_sign_of_the_divisor(tmp_path):
    model = Applied(lambda x, y: (x % y, x // y))
    for dtype in (ONE, int):
        x, y = np.meshgrid(np.arange(-9, 10), [-4, -3, 3, 5])
        x, y = (z.ravel().astype(dtype) for z in (x, y))
        to_onnx(model, (x, y), tmp_path / "model.onnx", batch_axis=None)
        assert_equal(tmp_path / "model.onnx", model, [x, y])


@pytest.mark.parametrize("kind", ["hides", "adds"])
def test_masks_of_attention_are_inputs(kind, tmp_path):
    path, rng = tmp_path / "model.onnx", np.random.default_rng(0)
    layer = nn.MultiheadAttention(8, 2, batch_first=True)
    model = Applied(lambda x, mask: layer(x, x, x, key_padding_mask=mask))
    for hidden in (0, 1, 5):
        x, mask = rng.standard_normal((3, 5, 8), ONE), np.zeros((3, 5), bool)
        mask[1, 5 - hidden :] = True  # the query of five sees nothing, and gets weights of 0
        mask = mask if kind == "hides" else np.where(mask, -np.inf, 0.5).astype(ONE)
        if hidden == 0:
            to_onnx(model, (x, mask), path)
        assert_equal(path, model, [x, mask])


def test_names_lead_back_to_the_layers(tmp_path):
    made = to_onnx(nn.models.lenet(), np.zeros((1, 1, 28, 28)), tmp_path / "lenet.onnx")
    assert [node.name for node in made.graph.node][:4] == [
        "0/conv2d", "1/relu", "2/max_pool2d", "3/conv2d",
    ]  # fmt: skip
    assert {"0.weight", "0.bias", "9.bias"} <= {x.name for x in made.graph.initializer}
    shapes = [x.type.tensor_type.shape.dim for x in (*made.graph.input, *made.graph.output)]
    assert [[n.dim_param or n.dim_value for n in shape] for shape in shapes] == [
        ["batch", 1, 28, 28], ["batch", 10],
    ]  # fmt: skip


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("opset", [17, 18, 20])
def test_all_precisions_and_versions_are_written(dtype, opset, tmp_path):
    model = nn.Sequential(nn.Linear(4, 6), nn.LayerNorm(6), nn.Softplus(), nn.Linear(6, 2))
    for p in model.parameters():
        p.data = p.data.astype(dtype)
    lacks = pytest.warns(UserWarning, match="ONNX Runtime does not run this file")
    with lacks if dtype == "float64" else contextlib.nullcontext():
        made = to_onnx(model, np.zeros((1, 4)), tmp_path / "model.onnx", opset=opset)
    assert made.opset_import[0].version == opset
    kind = made.graph.input[0].type.tensor_type.elem_type
    assert onnx.helper.tensor_dtype_to_np_dtype(kind) == dtype
    if dtype == "float32":
        assert_equal(tmp_path / "model.onnx", model, [sized(np.zeros((1, 4)), 5)])


def test_the_model_stays_as_it_was(tmp_path):
    model = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3), nn.Dropout(0.5))
    model[1].eval()
    before, random = model.state_dict(), tg.settings.generator().bit_generator.state
    to_onnx(model, np.zeros((1, 3)), tmp_path / "model.onnx", metadata={"classes": "a, b, c"})
    assert [m.training for m in model.modules()] == [True, True, False, True]
    assert tg.settings.generator().bit_generator.state == random
    assert all((before[name] == x).all() for name, x in model.state_dict().items())
    assert all(p.requires_grad and p.grad is None for p in model.parameters())
    props = onnx.load(tmp_path / "model.onnx").metadata_props
    assert {prop.key: prop.value for prop in props} == {"classes": "a, b, c"}


def test_what_needs_no_gradient_is_written_all_the_same(tmp_path):
    model = nn.Sequential(nn.Linear(3, 4), Applied(lambda x: x.argmax(1)))
    model[0].weight.requires_grad = False

    class Quiet(nn.Module):
        def __init__(self):
            self.inner = model

        def forward(self, x):
            with tg.no_grad():
                return self.inner(x)

    with tg.debug():
        to_onnx(Quiet(), np.zeros((1, 3)), tmp_path / "model.onnx")
    assert_equal(tmp_path / "model.onnx", Quiet(), [sized(np.zeros((1, 3)), 6)])
    assert not model[0].weight.requires_grad
    y = model[0](np.ones((1, 3))) > 0
    assert y._op is None  # outside of an export such calls leave no trace


def test_without_onnx_runtime_the_evaluator_of_onnx_compares(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    to_onnx(nn.models.course_cnn(size=8), np.zeros((1, 1, 8, 8)), tmp_path / "model.onnx")
    baked = Applied(lambda x: x[:10])
    with pytest.raises(ArgumentError, match="other numbers"):
        to_onnx(baked, np.zeros((2, 3)), tmp_path / "other.onnx")
    assert not (tmp_path / "other.onnx").exists()


def test_without_onnx_the_extra_is_named(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.delitem(sys.modules, "tinygrad_fr.exchange.onnx")
    with pytest.raises(MissingExtraError, match=r"tinygrad_fr\[onnx\]"):
        tg.exchange.__getattr__("to_onnx")


# --- programs at random ----------------------------------------------------------------------

UNARY = [
    tg.sigmoid, tg.tanh, tg.silu, tg.gelu, tg.softplus, abs, tg.softmax,
    lambda x: tg.expm1(tg.tanh(x)), lambda x: tg.square(tg.tanh(x)),
    lambda x: tg.log1p(abs(x)), lambda x: x.mean(-1, keepdims=True), lambda x: x - x.max(0),
    lambda x: x[:, ::-1], lambda x: x.reshape(len(x), 2, -1).swapaxes(1, 2).flatten(1),
    lambda x: tg.pad(x[:, 1:], ((0, 0), (1, 0))), lambda x: tg.where(x > 0, x, -0.5 * x),
    lambda x: tg.flip(x, 1), lambda x: x.cumsum(1), lambda x: tg.layer_norm(x, 4),
    lambda x: tg.broadcast_to(x.sum(1, keepdims=True), x.shape) / len(x), lambda x: x.clip(-1, 2),
]  # fmt: skip
BINARY = [
    tg.add, lambda a, b: a * tg.sigmoid(b), tg.subtract, tg.maximum, tg.minimum, tg.logaddexp,
    lambda a, b: tg.concatenate([a, b], 1)[:, 2:6], lambda a, b: a / (1 + b * b),
    lambda a, b: tg.einsum("ni,nj->nij", tg.tanh(a), b).sum(2),
    lambda a, b: tg.stack([a, b], 1).mean(1),
]  # fmt: skip


@settings(max_examples=150)
@given(st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99), st.integers(0, 99)),
                min_size=1, max_size=8))  # fmt: skip
def test_programs_at_random_are_computed_equally(tmp_path_factory, steps):
    def program(x, y):
        known = [x, y]
        for which, i, j in steps:
            function = (UNARY + BINARY)[which % (len(UNARY) + len(BINARY))]
            chosen = [known[k % len(known)] for k in (i, j)]
            z = function(*chosen[: 2 if function in BINARY else 1])
            known.append(z if z.shape[-1] == 4 else z + x)
        return sum(known[2:]) * 1.0

    path = tmp_path_factory.mktemp("program") / "model.onnx"
    model = Applied(program)
    to_onnx(model, (np.zeros((1, 4), ONE),) * 2, path)
    assert_equal(path, model, [sized(np.zeros((1, 4)), n)[:3] for n in (3, 4)])


# --- what is refused -------------------------------------------------------------------------


def _overwriting(x):
    x.data[:, 0] = 0
    return x * 2


def test_numbers_taken_out_of_the_graph_are_found(tmp_path):
    baked = [
        lambda x: x * float(x.data.mean()),  # depends on the numbers
        lambda x: x + np.tanh(x.data),
        lambda x: tg.relu(x) if x.data.sum() > 0 else -x,  # decides by them
        lambda x: x / x.data.max(),
        lambda x: x[:, x.data[0].argsort()],
        lambda x: tg.dropout(x, 0.5),  # drawn, whatever the mode
        lambda x: x * len(x) ** 2,  # neither fixed nor of the form a n + c
        _overwriting,
    ]
    for function in baked:
        with pytest.raises(
            ArgumentError, match=r"other numbers|chance|no such oper|where ONNX has|not take"
        ):
            to_onnx(Applied(function), np.zeros((2, 3)), tmp_path / "model.onnx")
    assert not (tmp_path / "model.onnx").exists()
    layers = nn.Sequential(nn.Linear(3, 3), Applied(lambda x: x * float(x.data.mean())))
    with pytest.raises(ArgumentError, match=r"multiply: a constant depends on.*\[layer 1"):
        to_onnx(layers, np.zeros((2, 3)), tmp_path / "model.onnx", batch_axis=None)


def _settled(x):
    z = tg.tanh(x)
    while tg.abs(z - tg.tanh(x + 0.3 * z)).max().item() > 1e-4:
        z = tg.tanh(x + 0.3 * z)
    return z


def test_steps_that_follow_the_numbers_are_found_with_larger_and_smaller_ones(tmp_path):
    for function, match in (
        (_settled, "other steps|other numbers"),
        (lambda x: x / 2 if x.data.max() > 20 else x * 1, "other steps for other numbers"),
        (lambda x: x / 2 if x.data.max() < 0.5 else x * 1, "other steps for other numbers"),
        (lambda x: x * (2.0 if x.data.max() > 20 else 1.0), "another output .* other numbers"),
    ):
        with pytest.raises(ArgumentError, match=match):
            to_onnx(Applied(function), np.ones((3, 4), ONE), tmp_path / "model.onnx")
    with pytest.raises(ArgumentError, match="other steps for other numbers"):
        to_onnx(Applied(_settled), np.eye(4, dtype=ONE), tmp_path / "model.onnx", batch_axis=None)
    large = Applied(lambda x: tg.exp(x * x * x))  # has no finite numbers for the largest
    to_onnx(large, np.ones((3, 4), ONE), tmp_path / "model.onnx")


def test_a_number_of_steps_that_follows_the_batch_is_refused_with_the_way_out(tmp_path):
    model, example = nn.RNN(3, 5), np.zeros((4, 2, 3))
    with pytest.raises(ArgumentError, match=r"other steps for 2 examples than for 3.*batch_axis=1"):
        to_onnx(model, example, tmp_path / "model.onnx")
    to_onnx(model, example, tmp_path / "model.onnx", batch_axis=None)
    assert_equal(tmp_path / "model.onnx", model, [sized(example, 4)])


def test_what_is_fixed_in_onnx_and_follows_the_batch_is_refused_with_its_layer(tmp_path):
    rows = nn.Sequential(nn.Linear(3, 3), Applied(lambda x: x.sum(len(x) - 2)))
    with pytest.raises(ArgumentError, match=r"axis = 0 for 2 .* 1 for 3.*axis=None.*\[layer 1"):
        to_onnx(rows, np.zeros((2, 3)), tmp_path / "model.onnx")
    chosen = Applied(lambda x: x * np.arange(1.0, len(x) + 1, dtype=ONE)[:, None])
    with pytest.raises(ArgumentError, match=r"an array \(2, 1\) for 2 .* \(3, 1\) for 3"):
        to_onnx(chosen, np.zeros((2, 3)), tmp_path / "model.onnx")


def test_bad_arguments_are_refused(tmp_path):
    model, path = nn.Linear(3, 2), tmp_path / "model.onnx"
    with pytest.raises(ArgumentError, match="17 to"):
        to_onnx(model, np.zeros((1, 3)), path, opset=9)
    with pytest.raises(ArgumentError, match="no input has an example along the axis 0"):
        to_onnx(model, np.zeros((0, 3)), path)
    with pytest.raises(ArgumentError, match="return Tensors, not float"):
        to_onnx(Applied(lambda x: float(x.data.sum())), np.zeros((1, 3)), path)
    with pytest.raises(TinygradError, match="takes a Module or a function, not str"):
        to_onnx("model.npz", np.zeros((1, 3)), path)
    with pytest.raises(TinygradError, match="nowhere"):
        to_onnx(model, np.zeros((1, 3)), tmp_path / "nowhere" / "model.onnx")


def test_every_operation_that_is_recorded_is_listed():
    assert set(operations()) == {name for name, op in registry.items() if not op.composed}
    assert {*TABLE, *WRITTEN_OUT} <= set(operations())


def test_outputs_of_one_name_are_both_written(tmp_path):
    made = to_onnx(lambda x: {"a": {"b": 2 * x}, "a_b": 3 * x}, X_2, tmp_path / "two.onnx")
    assert len({output.name for output in made.graph.output}) == 2
    model = lambda x: {"a": {"b": {"c": 2 * x}, "b_c": 3 * x}, "a_b_c": 4 * x}
    made = to_onnx(model, X_2, tmp_path / "three.onnx")
    assert len({output.name for output in made.graph.output}) == 3


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x[-10:].sum(0),  # of few rows all
        lambda x: x[:10],
        lambda x: tg.pad(x, ((0, max(0, 8 - len(x))), (0, 0))),
        lambda x: tg.where(LAST, -1e9, (x - float(x.data.mean())) @ np.eye(4, dtype="f4")),
        lambda x: tg.concatenate([x * 1e6, x * float(x.data.mean())], 1),
        lambda x: tg.log(x) - float(tg.log(x).data.mean()),  # NaN for what is drawn
    ],
)
def test_what_only_other_numbers_or_many_examples_show_is_refused(function, tmp_path):
    with np.errstate(all="ignore"), pytest.raises(ArgumentError):
        to_onnx(function, X_2, tmp_path / "no.onnx")
    assert not list(tmp_path.iterdir())


def test_special_numbers_of_compositions(tmp_path):
    ends = np.array([[-1000.0, -180, -np.inf, np.inf, -1e-6, 0]], np.float32)
    for function in (tg.expm1, lambda x: tg.logaddexp(x, x), lambda x: tg.logaddexp(x, -np.inf)):
        path = tmp_path / "ends.onnx"
        to_onnx(Applied(function), np.ones((1, 6), np.float32), path)
        assert_equal(path, Applied(function), [ends])


X_2 = np.zeros((2, 4), np.float32)
LAST = np.array([False, False, False, True])
