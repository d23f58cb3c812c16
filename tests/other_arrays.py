"""The whole registry on arrays of another library: for the tests on ducks, and for CuPy itself."""

from __future__ import annotations

import numpy as np

import tinygrad_fr as tg
from tinygrad_fr import nn
from tinygrad_fr.autograd.operation import registry

from .ops.test_every_operation import differentiable, split

# What no other library is asked for, with the reason.
EXCEPTIONS: dict[str, str] = {}


def cases():
    """Each example call of each operation: a name, the operation, its arguments."""
    for operation in list(registry.values()):
        if operation.body.__module__.startswith("tinygrad_fr") and operation.name not in EXCEPTIONS:
            for i, (args, kwargs) in enumerate(operation.samples(seed=1)):
                yield f"{operation.name}-{i}", operation, args, kwargs


def converted(x, asarray):
    """Arguments, with their NumPy arrays turned into another library's."""
    if isinstance(x, (list, tuple)) and not hasattr(x, "_fields"):
        return type(x)(converted(part, asarray) for part in x)
    if isinstance(x, dict):
        return {name: converted(part, asarray) for name, part in x.items()}
    return asarray(x) if isinstance(x, np.ndarray) else x


def results(operation, args, kwargs, asarray):
    """What a call gives: values, gradients at order 1 (raw and recorded) and at order 2."""
    wanted = differentiable(operation, args, kwargs)
    flat, _, refill = split(list(converted(args, asarray)))
    kwargs = converted(kwargs, asarray)
    tensors = [tg.Tensor(flat[i], requires_grad=True) for i in wanted]
    values = list(flat)
    for i, x in zip(wanted, tensors, strict=True):
        values[i] = x
    plain = operation.function(*refill(flat), **kwargs)
    y = operation.function(*refill(values), **kwargs)
    found = {"plain": plain if isinstance(plain, (list, tuple)) else [plain]}
    found["value"] = list(y) if isinstance(y, (list, tuple)) else [y]
    y = found["value"][-1]
    if not tensors:
        return found
    draw = np.random.default_rng(3)
    g = asarray(draw.standard_normal(y.shape))
    found["raw"] = tg.gradients(y, tensors, g, retain_graph=True)
    found["recorded"] = tg.gradients(y, tensors, g, create_graph=True)
    y.backward(g, retain_graph=True)
    found["leaves"] = [x.grad for x in tensors]
    total = 0.0
    for d in found["recorded"]:
        if d is not None and d.requires_grad:
            total = total + (d * asarray(draw.standard_normal(d.shape))).sum()
    if isinstance(total, tg.Tensor):
        found["second"] = tg.gradients(total, tensors)
    return found


def compare(operation, args, kwargs, asarray, asnumpy, kind, tolerance=1e-12):
    """Raise where another library's arrays give other numbers than NumPy's, or other arrays."""
    right = results(operation, args, kwargs, np.asarray)
    got = results(operation, args, kwargs, asarray)
    assert got.keys() == right.keys()
    for name, expected in right.items():
        for a, b in zip(got[name], expected, strict=True):
            if b is None:
                assert a is None, name
                continue
            a, b = getattr(a, "_array", a), getattr(b, "_array", b)
            assert isinstance(a, kind), f"{name} is {type(a)}"
            assert a.dtype == b.dtype, name
            np.testing.assert_allclose(asnumpy(a), b, rtol=tolerance, atol=tolerance, err_msg=name)


# --- models, losses, optimizers: each as a function of a library's ``asarray`` ------------------


def _inputs(*shape, classes=None, seed=0):
    rng = np.random.default_rng(seed)
    if classes is not None:
        return rng.integers(0, classes, shape)
    return rng.standard_normal(shape)


class Sequences(nn.Module):
    """What reads sequences: an embedding, recurrent layers, attention."""

    def __init__(self):
        self.table, self.lstm, self.gru = nn.Embedding(7, 8), nn.LSTM(8, 6), nn.GRU(6, 8)
        self.rnn = nn.RNN(8, 8, nonlinearity="relu")
        self.encoder = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.25, batch_first=True)
        self.out = nn.Linear(8, 5)

    def forward(self, x):
        y = self.rnn(self.gru(self.lstm(self.table(x))[0])[0])[0]
        return self.out(self.encoder(y)[:, -1])


class Mixed(nn.Module):
    """The other layers, one after another."""

    def __init__(self):
        self.body = nn.Sequential(
            nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), nn.PReLU(), nn.GroupNorm(2, 4),
            nn.AvgPool2d(2), nn.ConvTranspose2d(4, 2, 2, stride=2), nn.Upsample(scale_factor=2),
            nn.AdaptiveAvgPool2d(3), nn.Dropout(0.3), nn.Flatten(), nn.Linear(18, 6),
            nn.BatchNorm1d(6), nn.LayerNorm(6), nn.GELU(), nn.Linear(6, 5),
        )  # fmt: skip

    def forward(self, x):
        return self.body(x)


MODELS = {
    "course_cnn": (lambda: nn.models.course_cnn(5, 10), (4, 1, 10, 10)),
    "lenet": (lambda: nn.models.lenet(5, 16), (4, 1, 16, 16)),
    "mlp": (lambda: nn.models.mlp((6, 8, 5)), (4, 6)),
    "small_vgg": (lambda: nn.models.small_vgg(5, 16, 1), (4, 1, 16, 16)),
    "mixed": (Mixed, (4, 2, 6, 6)),
    "sequences": (Sequences, None),
}


def trained(name, asarray, optimizer, steps=3, double=True):
    """Losses, outputs in evaluation and the state of a model after some steps."""
    make, shape = MODELS[name]
    tg.manual_seed(0)
    model = make()
    if double:
        model.to(lambda x: x.astype(np.float64) if x.dtype.kind == "f" else x)
    model.to(asarray)
    x = _inputs(4, 3, classes=7) if shape is None else _inputs(*shape)
    x, labels = asarray(x), asarray(_inputs(4, classes=5))
    optimizer = optimizer(model.parameters())
    schedule = tg.optim.CosineAnnealingLR(optimizer, steps)
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = tg.cross_entropy(model(x), labels, label_smoothing=0.1)
        loss.backward()
        tg.optim.clip_grad_norm(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        losses.append(loss)
    model.eval()
    with tg.no_grad():
        y = model(x)
    return [*losses, y, *model.state_dict().values(), *optimizer.state_dict().values()], model


OPTIMIZERS = {
    "SGD": lambda p: tg.optim.SGD(p, 0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
    "Adam": lambda p: tg.optim.Adam(p, 0.01, amsgrad=True),
    "AdamW": lambda p: tg.optim.AdamW(p, 0.01),
    "RMSprop": lambda p: tg.optim.RMSprop(p, 0.01, momentum=0.5, centered=True),
    "Adagrad": lambda p: tg.optim.Adagrad(p, 0.1, weight_decay=0.01),
}

# Losses as modules, of outputs (4, 5): what each is called with.
LOSSES = {
    "CrossEntropyLoss": "labels", "NLLLoss": "labels", "MultiMarginLoss": "labels",
    "MSELoss": "values", "L1Loss": "values", "SmoothL1Loss": "values", "HuberLoss": "values",
    "BCEWithLogitsLoss": "shares", "BCELoss": "shares of shares", "KLDivLoss": "shares",
    "HingeLoss": "signs", "KLDivergenceLoss": "shares of shares", "TripletMarginLoss": "two values",
}  # fmt: skip


def loss_and_gradient(name, asarray):
    """A loss from ``nn`` and its gradient."""
    z, kind = _inputs(4, 5), LOSSES[name]
    shares = np.exp(_inputs(4, 5, seed=1)) / np.exp(_inputs(4, 5, seed=1)).sum(1, keepdims=True)
    targets = {
        "labels": _inputs(4, classes=5), "values": _inputs(4, 5, seed=2), "shares": shares,
        "shares of shares": shares, "signs": np.sign(_inputs(4, 5, seed=2)),
    }  # fmt: skip
    x = tg.Tensor(asarray(shares if kind == "shares of shares" else z), requires_grad=True)
    beside = np.split(_inputs(8, 5), 2) if kind == "two values" else [targets[kind]]
    loss = getattr(nn, name)()(x, *map(asarray, beside))
    loss.backward()
    return [loss, x.grad]


def alike(got, right, asnumpy, kind, tolerance=1e-12):
    """Raise where arrays differ, or are of another kind: counters of steps stay NumPy's."""
    for a, b in zip(got, right, strict=True):
        a, b = getattr(a, "_array", a), getattr(b, "_array", b)
        assert isinstance(a, kind) or b.ndim < 2, type(a)
        np.testing.assert_allclose(asnumpy(a), b, rtol=tolerance, atol=tolerance)
