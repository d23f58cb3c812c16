"""Modules against PyTorch's of the same name: outputs, gradients, buffers, initialisation."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_fr as tg
from tinygrad_fr import nn

torch = pytest.importorskip("torch")

RNG = np.random.default_rng(0)
IMAGES = RNG.standard_normal((4, 6, 7, 8))
SIGNALS, ROWS = RNG.standard_normal((4, 6, 9)), RNG.standard_normal((5, 6))
STEPS = RNG.standard_normal((5, 3, 6))  # 5 of 3 sequences, or 3 of 5
SOFT = RNG.dirichlet(np.ones(6), 5)
LABELS = np.array([0, 5, 2, 1, 1])

# (name, arguments, keywords, input)
LAYERS = [
    ("Linear", (6, 4), {}, ROWS), ("Linear", (6, 4), {"bias": False}, SOFT),
    ("Conv1d", (6, 4, 3), {"padding": 1, "stride": 2}, SIGNALS),
    ("Conv1d", (6, 4, 3), {"groups": 2, "dilation": 2, "bias": False}, SIGNALS),
    ("Conv2d", (6, 4, 3), {}, IMAGES), ("Conv2d", (6, 4, (3, 1)), {"padding": "same"}, IMAGES),
    ("Conv2d", (6, 6, 3, (2, 1), 1, 2, 3), {}, IMAGES),
    ("ConvTranspose2d", (6, 4, 3), {"stride": 2, "padding": 1, "output_padding": 1}, IMAGES),
    ("ConvTranspose2d", (6, 4, 2, 2, 0, 0, 2, False), {}, IMAGES),
    ("MaxPool2d", (2,), {}, IMAGES), ("MaxPool2d", (3, 2, 1), {}, IMAGES),
    ("AvgPool2d", (2,), {}, IMAGES), ("AvgPool2d", (3, 2, 1), {"count_include_pad": False}, IMAGES),
    ("Flatten", (), {}, IMAGES), ("Flatten", (2,), {}, IMAGES), ("Identity", (), {}, ROWS),
    ("BatchNorm1d", (6,), {}, ROWS), ("BatchNorm1d", (6,), {"momentum": None}, SIGNALS),
    ("BatchNorm1d", (6,), {"affine": False, "track_running_stats": False}, ROWS),
    ("BatchNorm2d", (6,), {"eps": 1e-3, "momentum": 0.3}, IMAGES),
    ("LayerNorm", (8,), {}, IMAGES), ("LayerNorm", ((7, 8),), {"eps": 1e-3}, IMAGES),
    ("LayerNorm", (6,), {"elementwise_affine": False}, ROWS),
    ("LayerNorm", (6,), {"bias": False}, ROWS),
    ("Sigmoid", (), {}, ROWS), ("Tanh", (), {}, ROWS), ("ReLU", (), {}, ROWS),
    ("LeakyReLU", (0.2,), {}, ROWS), ("ELU", (0.5,), {}, ROWS), ("Softplus", (2.0,), {}, ROWS),
    ("GELU", (), {}, ROWS), ("GELU", ("tanh",), {}, ROWS), ("SiLU", (), {}, ROWS),
    ("PReLU", (), {}, IMAGES), ("PReLU", (6,), {}, IMAGES),
    ("Softmax", (1,), {}, IMAGES), ("LogSoftmax", (-1,), {}, ROWS),
    ("GroupNorm", (3, 6), {}, IMAGES), ("GroupNorm", (2, 6), {"eps": 1e-3, "affine": False}, ROWS),
    ("AdaptiveAvgPool2d", (1,), {}, IMAGES), ("AdaptiveAvgPool2d", ((3, 5),), {}, IMAGES),
    ("AdaptiveAvgPool2d", ((None, 11),), {}, IMAGES[0]), ("AdaptiveAvgPool2d", (9,), {}, IMAGES),
    ("Unflatten", (1, (2, 3)), {}, IMAGES), ("Unflatten", (-1, (2, -1, 2)), {}, IMAGES),
    ("Upsample", (), {"scale_factor": 2}, IMAGES), ("Upsample", ((3, 17),), {}, IMAGES),
    ("Upsample", (), {"scale_factor": 1.7}, SIGNALS), ("Upsample", (5,), {}, SIGNALS),
    ("Upsample", (), {"scale_factor": (0.6, 2.5)}, IMAGES),
    ("RNNCell", (6, 4), {}, ROWS), ("RNNCell", (6, 4, False, "relu"), {}, ROWS),
    ("LSTMCell", (6, 4), {}, ROWS), ("LSTMCell", (6, 4), {"bias": False}, ROWS[0]),
    ("GRUCell", (6, 4), {}, ROWS), ("GRUCell", (6, 4, False), {}, ROWS[0]),
    ("RNN", (6, 4), {}, STEPS), ("RNN", (6, 4, 2, "relu"), {"bidirectional": True}, STEPS),
    ("LSTM", (6, 4), {"batch_first": True}, STEPS), ("LSTM", (6, 4, 3, False), {}, STEPS[:, 0]),
    ("LSTM", (6, 3), {"num_layers": 2, "bidirectional": True, "batch_first": True}, STEPS),
    ("GRU", (6, 4), {"num_layers": 2}, STEPS), ("GRU", (6, 4), {"bidirectional": True}, STEPS),
    ("TransformerEncoderLayer", (6, 2, 5, 0.0), {}, STEPS),
    ("TransformerEncoderLayer", (6, 3, 5, 0.0, "gelu"),
     {"norm_first": True, "batch_first": True}, STEPS),
    ("TransformerEncoderLayer", (6, 1, 5, 0.0), {"bias": False}, STEPS[:, 0]),
]  # fmt: skip
LOSSES = [
    ("CrossEntropyLoss", {}, ROWS, LABELS),
    ("CrossEntropyLoss", {"label_smoothing": 0.1}, ROWS, SOFT),
    ("NLLLoss", {"reduction": "sum"}, ROWS, LABELS), ("BCELoss", {}, SOFT, SOFT[::-1].copy()),
    ("BCEWithLogitsLoss", {"reduction": "none"}, ROWS, SOFT), ("MSELoss", {}, ROWS, SOFT),
    ("L1Loss", {}, ROWS, SOFT), ("HuberLoss", {"delta": 0.3}, ROWS, SOFT),
    ("SmoothL1Loss", {"beta": 0.3, "reduction": "sum"}, ROWS, SOFT),
    ("CrossEntropyLoss", {"weight": SOFT[0], "ignore_index": 1}, ROWS, LABELS),
    ("NLLLoss", {"weight": SOFT[0], "ignore_index": 1}, ROWS, LABELS),
    ("BCELoss", {"weight": SOFT[0]}, SOFT, SOFT[::-1].copy()),
    ("BCEWithLogitsLoss", {"weight": SOFT[0], "pos_weight": SOFT[1]}, ROWS, SOFT),
    ("MultiMarginLoss", {"p": 2, "margin": 0.5, "weight": SOFT[0]}, ROWS, LABELS),
    ("KLDivLoss", {"reduction": "batchmean"}, ROWS, SOFT),
    ("KLDivLoss", {"reduction": "sum", "log_target": True}, ROWS, SOFT),
]  # fmt: skip
# Ours alone: what they stand for is compared elsewhere.
OWN = {"MultiheadAttention", "ModuleDict", "ModuleList", "HingeLoss", "TripletMarginLoss",
       "GlobalAvgPool2d", "Step", "KLDivergenceLoss", "Embedding", "Dropout", "Module", "Parameter",
       "Sequential"}  # fmt: skip
PRECISIONS = [("float64", 1e-10), ("float32", 1e-5)]


def pair(name, args, keywords, dtype):
    """The Module and PyTorch's, with the same weights."""
    before = tg.settings.get_default_dtype()
    tg.set_default_dtype(dtype)
    try:
        ours = getattr(nn, name)(*args, **keywords)
    finally:
        tg.set_default_dtype(before)
    theirs = getattr(torch.nn, name)(*args, **keywords).to(getattr(torch, dtype))
    for i, (p, q) in enumerate(zip(ours.parameters(), theirs.parameters(), strict=True)):
        with torch.no_grad():  # not what both start with: ones and zeros would hide mistakes
            values = np.random.default_rng(i).uniform(0.5, 1.5, p.shape).astype(dtype)
            q.copy_(torch.from_numpy(values))
    ours.load_state_dict(theirs.state_dict())
    return ours, theirs


def flat(output):
    """The outputs of a layer one by one: a recurrent one gives its state, too."""
    if not isinstance(output, tuple):
        return [output]
    return [y for part in output for y in flat(part)]


def test_every_module_is_compared():
    compared = {case[0] for case in LAYERS} | {case[0] for case in LOSSES} | OWN
    assert compared >= {name for name in nn.__all__ if name[0].isupper()}


@pytest.mark.parametrize(("dtype", "rtol"), PRECISIONS)
@pytest.mark.parametrize(("name", "args", "keywords", "x"), LAYERS)
def test_layers_are_pytorchs(name, args, keywords, x, dtype, rtol):
    ours, theirs = pair(name, args, keywords, dtype)
    if dtype == "float32" and name == "TransformerEncoderLayer":
        rtol *= 10  # a softmax of large products
    for training in (True, True, False):  # the second step starts from moved statistics
        ours.train(training)
        theirs.train(training)
        ours.zero_grad()
        theirs.zero_grad()
        a = tg.Tensor(x.astype(dtype), requires_grad=True)
        b = torch.from_numpy(x.astype(dtype)).requires_grad_()
        results = flat(ours(a)), flat(theirs(b))
        total = 0.0, 0.0
        for y, z in zip(*results, strict=True):
            assert y.dtype == dtype
            np.testing.assert_allclose(y.data, z.detach().numpy(), rtol=rtol, atol=rtol)
            g = np.random.default_rng(1).standard_normal(y.shape).astype(dtype)
            total = total[0] + (y * g).sum(), total[1] + (z * torch.from_numpy(g)).sum()
        for scalar in total:
            scalar.backward()
        np.testing.assert_allclose(a.grad.data, b.grad.numpy(), rtol=rtol, atol=rtol)
        for (path, p), q in zip(ours.named_parameters(), theirs.parameters(), strict=True):
            tolerance = rtol * max(1.0, float(q.grad.abs().max()))
            np.testing.assert_allclose(
                p.grad.data, q.grad.numpy(), rtol=rtol, atol=tolerance, err_msg=path
            )
        state, other = ours.state_dict(), theirs.state_dict()
        assert list(state) == list(other)
        for key, value in state.items():
            assert value.shape == tuple(other[key].shape)
            np.testing.assert_allclose(value, other[key].numpy(), rtol=rtol, atol=rtol)


@pytest.mark.parametrize(("dtype", "rtol"), PRECISIONS)
@pytest.mark.parametrize(("name", "keywords", "x", "target"), LOSSES)
def test_losses_are_pytorchs(name, keywords, x, target, dtype, rtol):
    ours = getattr(nn, name)(**keywords)
    weights = {"weight", "pos_weight"} & keywords.keys()
    given = {key: torch.from_numpy(keywords[key].astype(dtype)) for key in weights}
    theirs = getattr(torch.nn, name)(**{**keywords, **given})
    target = target.astype(dtype) if target.dtype.kind == "f" else target
    a = tg.Tensor(x.astype(dtype), requires_grad=True)
    b = torch.from_numpy(x.astype(dtype)).requires_grad_()
    y, z = ours(a, target), theirs(b, torch.from_numpy(target))
    np.testing.assert_allclose(y.data, z.detach().numpy(), rtol=rtol, atol=rtol)
    y.sum().backward()
    z.sum().backward()
    np.testing.assert_allclose(a.grad.data, b.grad.numpy(), rtol=rtol, atol=rtol)


@pytest.mark.parametrize("keywords", [{}, {"margin": 3.0, "p": 1.0, "swap": True}])
def test_triplets_are_pytorchs(keywords):
    xs = [RNG.standard_normal((5, 6)) for _ in range(3)]
    ours, theirs = nn.TripletMarginLoss(**keywords), torch.nn.TripletMarginLoss(**keywords)
    y, z = ours(*map(tg.Tensor, xs)), theirs(*map(torch.from_numpy, xs))
    np.testing.assert_allclose(y.data, z.numpy(), rtol=1e-10)


def test_global_pooling_and_embedding_are_pytorchs():
    y = torch.nn.AdaptiveAvgPool2d(1)(torch.from_numpy(IMAGES))[:, :, 0, 0]
    np.testing.assert_allclose(nn.GlobalAvgPool2d()(tg.Tensor(IMAGES)).data, y.numpy(), rtol=1e-10)
    ours, theirs = nn.Embedding(7, 3), torch.nn.Embedding(7, 3)
    ours.load_state_dict(theirs.state_dict())
    index = np.array([[1, 6], [1, 0]])
    y, z = ours(index), theirs(torch.from_numpy(index))
    (y * y).sum().backward()
    (z * z).sum().backward()
    np.testing.assert_allclose(ours.weight.grad.data, theirs.weight.grad.numpy(), rtol=1e-5)


def test_dropout_keeps_the_share_and_the_mean_of_pytorchs():
    x = np.ones((200, 200))
    tg.manual_seed(0)
    y = nn.Dropout(0.3)(x).data
    assert set(np.unique(y).round(6)) == {0.0, round(1 / 0.7, 6)}
    assert (y == 0).mean() == pytest.approx(0.3, abs=0.02)
    np.testing.assert_array_equal(nn.Dropout(0.3).eval()(x).data, x)
    assert not nn.Dropout(1.0)(x).data.any()


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("Linear", (300, 400)), ("Conv1d", (30, 40, 5)), ("Conv2d", (30, 40, (3, 5))),
        ("Conv2d", (30, 40, 3, 1, 1, 1, 5)), ("ConvTranspose2d", (30, 40, 3)),
        ("RNN", (200, 200)), ("LSTM", (200, 100)), ("GRU", (200, 100)), ("GRUCell", (200, 100)),
        ("MultiheadAttention", (200, 2)), ("TransformerEncoderLayer", (200, 2, 300)),
        ("Embedding", (300, 100)), ("BatchNorm2d", (6,)), ("LayerNorm", (8,)), ("PReLU", (3,)),
    ],
)  # fmt: skip
def test_initial_weights_have_the_distribution_of_pytorchs(name, args):
    tg.manual_seed(0)
    torch.manual_seed(0)
    ours = [dict(getattr(nn, name)(*args).named_parameters()) for _ in range(20)]
    theirs = [dict(getattr(torch.nn, name)(*args).named_parameters()) for _ in range(20)]
    assert list(ours[0]) == list(theirs[0])
    for path in ours[0]:
        a = np.concatenate([p[path].data.ravel() for p in ours])
        b = np.concatenate([p[path].detach().numpy().ravel() for p in theirs])
        levels = np.linspace(0.05, 0.95, 19)
        spread = max(float(np.abs(b).max()), 1e-12)
        distance = np.abs(np.quantile(a, levels) - np.quantile(b, levels)).max()
        assert distance < (0.01 if a.size > 10_000 else 0.2) * spread, path


@pytest.mark.parametrize(
    "name", ["uniform_", "normal_", "xavier_uniform_", "xavier_normal_", "kaiming_uniform_",
             "kaiming_normal_", "ones_", "zeros_"],
)  # fmt: skip
def test_initialisations_have_the_spread_of_pytorchs(name):
    p, q = nn.Parameter(np.zeros((60, 40, 3, 3))), torch.zeros(60, 40, 3, 3, dtype=torch.float64)
    assert getattr(nn.init, name)(p) is p
    getattr(torch.nn.init, name)(q)
    assert p.data.std() == pytest.approx(float(q.std()), rel=0.02, abs=1e-12)
    assert p.data.mean() == pytest.approx(float(q.mean()), abs=0.02)


def test_gains_and_fans_are_pytorchs():
    for name in ("linear", "sigmoid", "tanh", "relu", "leaky_relu", "selu"):
        assert nn.init.calculate_gain(name) == torch.nn.init.calculate_gain(name)
    p, q = nn.Parameter(np.zeros((60, 40))), torch.zeros(60, 40)
    nn.init.kaiming_uniform_(p, a=0.5, mode="fan_out")
    torch.nn.init.kaiming_uniform_(q, a=0.5, mode="fan_out")
    assert abs(p.data).max() == pytest.approx(float(q.abs().max()), rel=0.01)


def in_pytorch(module):
    """The same layers in PyTorch."""
    layers = []
    for layer in module:
        kind = type(layer).__name__
        if kind == "Linear":
            layers.append(torch.nn.Linear(layer.in_features, layer.out_features))
        elif kind == "Conv2d":
            sizes = layer.in_channels, layer.out_channels, layer.kernel_size
            bias = layer.bias is not None
            layers.append(torch.nn.Conv2d(*sizes, padding=layer.padding, bias=bias))
        elif kind == "BatchNorm2d":
            layers.append(torch.nn.BatchNorm2d(layer.num_features))
        elif kind == "GlobalAvgPool2d":
            pool = torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())
            layers.append(pool)
        elif kind == "Dropout":
            layers.append(torch.nn.Dropout(layer.p))
        else:
            options = {"kernel_size": 2} if kind == "MaxPool2d" else {}
            layers.append(getattr(torch.nn, kind)(**options))
    return torch.nn.Sequential(*layers)


@pytest.mark.parametrize("suffix", ["safetensors", "npz"])
@pytest.mark.parametrize("name", ["course_cnn", "lenet", "small_vgg", "mlp"])
def test_models_travel_to_pytorch_and_back(name, suffix, tmp_path):
    if suffix == "safetensors":
        pytest.importorskip("safetensors")
    make = getattr(nn.models, name)
    model, again = (make((6, 5, 3)) if name == "mlp" else make() for _ in range(2))
    x = RNG.random((2, *model.input_shape)).astype(np.float32)
    for layer in model:  # statistics that differ from those at start
        if hasattr(layer, "running_mean"):
            layer.running_mean += 0.1
            layer.running_var *= 1.5
    path = tmp_path / f"there.{suffix}"
    tg.save(model.state_dict(), path)
    theirs = in_pytorch(model).eval()
    if suffix == "safetensors":
        from safetensors.torch import load_file, save_file

        theirs.load_state_dict(load_file(path))
    else:
        with np.load(path) as file:
            state = {key: torch.from_numpy(file[key]) for key in file.files if key[0] != "_"}
        theirs.load_state_dict(state)
    y = theirs(torch.from_numpy(x)).detach().numpy()
    np.testing.assert_allclose(model.eval()(x).data, y, rtol=1e-4, atol=1e-5)
    back = tmp_path / f"back.{suffix}"
    if suffix == "safetensors":
        save_file(theirs.state_dict(), back)
    else:
        np.savez(back, **{key: value.numpy() for key, value in theirs.state_dict().items()})
    again.load_state_dict(tg.load(back))
    np.testing.assert_array_equal(again.eval()(x).data, model(x).data)
