"""Models taken over from PyTorch compute what theirs compute, forwards and backwards."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
import pytest

import tinygrad_fr as tg
from tinygrad_fr.errors import ArgumentError

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")


def draw(*shape):
    return np.random.default_rng(len(shape)).standard_normal(shape)


CLASSES = np.array([0, 1, 2, 1])
LAYERS = [
    (nn.Linear(3, 2), draw(4, 3)),
    (nn.Linear(3, 2, bias=False), draw(4, 3)),
    (nn.Conv2d(2, 4, 3, stride=2, padding=1, groups=2), draw(2, 2, 6, 6)),
    (nn.Conv2d(2, 4, (3, 2), dilation=2, bias=False, padding="same"), draw(2, 2, 6, 6)),
    (nn.Conv1d(2, 3, 3, padding=1), draw(2, 2, 7)),
    (nn.ConvTranspose2d(2, 3, 3, stride=2, output_padding=1, padding=1), draw(2, 2, 4, 4)),
    (nn.MaxPool2d(2), draw(1, 2, 5, 5)),
    (nn.MaxPool2d(3, 2, 1, ceil_mode=True), draw(1, 2, 6, 6)),
    (nn.AvgPool2d(2, ceil_mode=True, count_include_pad=False), draw(1, 2, 5, 5)),
    (nn.AdaptiveAvgPool2d((2, None)), draw(1, 2, 5, 5)),
    (nn.Flatten(), draw(2, 3, 4)),
    (nn.Unflatten(1, (2, 3)), draw(2, 6)),
    (nn.BatchNorm1d(3), draw(5, 3)),
    (nn.BatchNorm2d(3).eval(), draw(2, 3, 4, 4)),
    (nn.BatchNorm1d(3, momentum=None, affine=False), draw(5, 3)),
    (nn.BatchNorm1d(3, track_running_stats=False), draw(5, 3)),
    (nn.LayerNorm(3), draw(4, 3)),
    (nn.LayerNorm((2, 3), eps=1e-3, bias=False), draw(4, 2, 3)),
    (nn.LayerNorm(3, elementwise_affine=False), draw(4, 3)),
    (nn.GroupNorm(2, 4), draw(2, 4, 3, 3)),
    (nn.GroupNorm(2, 4, affine=False), draw(2, 4, 3, 3)),
    *[(f, draw(4, 3)) for f in (
        nn.ReLU(), nn.LeakyReLU(0.2), nn.ELU(0.5), nn.GELU(), nn.GELU("tanh"), nn.SiLU(),
        nn.Sigmoid(), nn.Tanh(), nn.Softmax(dim=0), nn.LogSoftmax(1), nn.Softplus(2.0), nn.PReLU(),
        nn.PReLU(3), nn.Identity(), nn.Dropout(0.3).eval(), nn.LSTMCell(3, 2), nn.GRUCell(3, 2),
        nn.RNNCell(3, 2, nonlinearity="relu"),
    )],
    (nn.Upsample(scale_factor=2), draw(1, 2, 3, 3)),
    (nn.LSTM(3, 2, 2, bidirectional=True), draw(5, 4, 3)),
    (nn.GRU(3, 2, batch_first=True, bias=False), draw(4, 5, 3)),
    (nn.RNN(3, 2, nonlinearity="relu"), draw(5, 4, 3)),
    (nn.TransformerEncoderLayer(4, 2, 8, 0.0, "gelu", batch_first=True, norm_first=True),
     draw(2, 3, 4)),
    (nn.TransformerEncoderLayer(4, 2, 8, bias=False).eval(), draw(3, 2, 4)),
    (nn.MultiheadAttention(4, 2, bias=False, batch_first=True), (draw(2, 3, 4),) * 3),
    (nn.Embedding(5, 3), np.array([[0, 1], [4, 4]])),
    (nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2),
                   nn.Sequential(nn.ReLU(), nn.MaxPool2d(2)), nn.Flatten(), nn.Linear(8, 3)),
     draw(2, 1, 6, 6)),
    (nn.MSELoss(), (draw(4, 3), draw(4, 3, 1)[..., 0])),
    (nn.L1Loss(reduction="sum"), (draw(4, 3), draw(4, 3) + 1)),
    (nn.CrossEntropyLoss(torch.tensor([1.0, 2, 3]), label_smoothing=0.1), (draw(4, 3), CLASSES)),
    (nn.NLLLoss(), (draw(4, 3), CLASSES)),
    (nn.BCEWithLogitsLoss(pos_weight=torch.tensor([2.0, 1, 1])), (draw(4, 3), np.ones((4, 3)))),
    (nn.HuberLoss(delta=0.5), (draw(4, 3), draw(4, 3) + 1)),
    (nn.SmoothL1Loss(beta=0.5), (draw(4, 3), draw(4, 3) + 1)),
    (nn.KLDivLoss(reduction="batchmean"), (draw(4, 3), abs(draw(4, 3)))),
    (nn.TripletMarginLoss(), (draw(4, 3), draw(4, 3) + 1, draw(4, 3) - 1)),
    (nn.MultiMarginLoss(), (draw(4, 3), CLASSES)),
]  # fmt: skip


@pytest.mark.parametrize(("dtype", "tol"), [(np.float32, 1e-5), (np.float64, 3e-12)])
@pytest.mark.parametrize(("module", "x"), LAYERS, ids=[type(m).__name__ for m, _x in LAYERS])
def test_outputs_gradients_and_states_are_theirs(module, x, dtype, tol):
    def near(ours, theirs):
        np.testing.assert_allclose(ours, theirs.detach().numpy(), rtol=tol, atol=tol)

    module = module.to(torch.float64 if dtype == np.float64 else torch.float32)
    arrays = [a.astype(dtype) if a.dtype.kind == "f" else a
              for a in (x if isinstance(x, tuple) else (x,))]  # fmt: skip
    own = tg.exchange.from_torch(module)
    xs = [tg.Tensor(a, requires_grad=a.dtype.kind == "f") for a in arrays]
    theirs = [torch.tensor(a, requires_grad=a.dtype.kind == "f") for a in arrays]
    y, t = own(*xs), module(*theirs)
    while isinstance(y, tuple):
        y, t = y[0], t[0]
    near(y.data, t)
    assert y.dtype == dtype
    upstream = np.asarray(draw(*y.shape), dtype)
    module.zero_grad()
    t.backward(torch.tensor(upstream))
    y.backward(upstream)
    named = dict(module.named_parameters())
    assert [n for n, _p in own.named_parameters()] == list(named)
    pairs = [(p.grad, named[n].grad) for n, p in own.named_parameters()]
    for ours, other in pairs + [(a.grad, b.grad) for a, b in zip(xs, theirs, strict=True)]:
        assert (ours is None) == (other is None)
        if ours is not None:
            near(ours.data, other)
    state = module.state_dict()
    for name, array in own.state_dict().items():  # after the forward: running means, too
        near(array, state[name])
        assert array.dtype == state[name].numpy().dtype


def test_modes_frozen_parameters_and_names_are_kept_and_no_array_is_shared():
    relu = nn.ReLU(inplace=True)
    named = {"first": nn.Linear(3, 3), "a": relu, "drop": nn.Dropout(), "b": relu}
    module = nn.Sequential(OrderedDict(named))
    module.drop.eval()
    module.first.bias.requires_grad_(False)
    own = tg.exchange.from_torch(module)
    assert list(own.state_dict()) == ["first.weight", "first.bias"]
    assert own.training
    assert not own.drop.training
    assert not own.first.bias.requires_grad
    with torch.no_grad():
        module.first.weight.fill_(7)
    assert not (own.first.weight.data == 7).any()


def test_a_layer_that_stands_twice_and_tied_parameters_are_one_here_too():
    layer, square = nn.Linear(3, 3), nn.Linear(3, 3)
    square.weight = layer.weight
    inner = nn.Sequential(layer, nn.Tanh())
    module = nn.Sequential(inner, nn.BatchNorm1d(3), square, nn.Sequential(inner, layer)).double()
    own = tg.exchange.from_torch(module)
    assert own[0] is own[3][0]
    assert own[2].weight is own[0][0].weight
    assert own[2].bias is not own[0][0].bias
    assert [n for n, _p in own.named_parameters()] == [n for n, _p in module.named_parameters()]
    x = draw(4, 3)
    own(x).sum().backward()
    module(torch.tensor(x)).sum().backward()
    for ours, theirs in zip(own.parameters(), module.parameters(), strict=True):
        np.testing.assert_allclose(ours.grad.data, theirs.grad.numpy(), atol=1e-12)
    tied = nn.Sequential(nn.Embedding(6, 4), nn.Linear(4, 6, bias=False))
    tied[1].weight = tied[0].weight
    assert len([*tg.exchange.from_torch(tied).parameters()]) == 1


class Mine(nn.Linear):
    pass


def changed(place, how):
    """A layer that something else than its class acts on."""
    model = nn.Sequential(nn.Linear(2, 2), nn.TransformerEncoderLayer(4, 2, 8))
    how(model.get_parameter(place) if place.endswith("weight") else model.get_submodule(place))
    return model


NOT_KNOWN = [
    (nn.Sequential(nn.ReLU(), nn.Sequential(nn.Hardtanh())), r"1\.0 \(Hardtanh\).*load_state_dict"),
    (nn.Sequential(Mine(2, 3)), r"0 \(Mine\) is no layer"),
    (nn.ModuleList([nn.ReLU()]), "ModuleList is no layer"),
    (nn.Sequential(nn.Conv2d(1, 1, 3, padding_mode="reflect")), r"0 \(Conv2d\): .*'reflect'"),
    (nn.MaxPool2d(2, return_indices=True), "return_indices=True"),
    (nn.LSTM(2, 3, proj_size=1), "proj_size=1"),
    (nn.Embedding(3, 2, padding_idx=0), "padding_idx=0"),
    (nn.Softplus(threshold=1), "threshold=1"),
    (nn.Softmax(), "dim=None"),
    (nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True), "align_corners=True"),
    (nn.Upsample(scale_factor=2, mode="bilinear"), "'bilinear'"),
    (nn.MultiheadAttention(4, 2, add_zero_attn=True), "add_zero_attn=True"),
    (nn.TransformerEncoderLayer(4, 2, activation=torch.tanh), "activation is one of"),
    (nn.BatchNorm1d(3, bias=False), "missing bias"),
    (nn.utils.parametrizations.weight_norm(nn.Linear(2, 3)), "ParametrizedLinear"),
    (changed("0", lambda x: x.register_forward_hook(print)), "0 has hooks"),
    (changed("1.linear1", lambda x: x.register_forward_pre_hook(print)), r"1\.linear1 has hooks"),
    (changed("", lambda x: x.register_full_backward_hook(print)), "Sequential has hooks"),
    (changed("0.weight", lambda x: x.register_hook(abs)), r"0\.weight has hooks"),
    (changed("0", lambda x: setattr(x, "forward", abs)), r"0 \(Linear\) is no layer"),
    (changed("0.weight", lambda x: x.register_post_accumulate_grad_hook(abs)), "weight has hooks"),
    (changed("1.norm2", lambda x: setattr(x, "eps", 1e-3)), r"1\.norm2 .* eps later, 0\.001"),
    (changed("1.dropout1", lambda x: setattr(x, "p", 1)), r"1\.dropout1 .* p later, 1"),
    (changed("1.self_attn", lambda x: setattr(x, "dropout", 0.5)), r"1\.self_attn .* dropout"),
    (changed("1", lambda x: setattr(x, "dropout2", nn.Identity())), r"1\.dropout2 was replaced"),
    (changed("1.linear1", lambda x: setattr(x, "forward", abs)), r"1\.linear1 was replaced"),
    (nn.Sequential(nn.Linear(2, 3, device="meta")), r"0\.weight is on the device meta"),
    (nn.MultiheadAttention(4, 2, add_bias_kv=True), "add_bias_kv=True"),
    (nn.Sequential(nn.Conv2d(1, 1, 4, padding="same")), r"0 \(Conv2d\): padding.*'same'"),
]


@pytest.mark.parametrize(("module", "text"), NOT_KNOWN)
def test_what_is_not_known_here_is_named(module, text):
    with pytest.raises(ArgumentError, match=text):
        tg.exchange.from_torch(module)


def test_bfloat16_which_numpy_has_not_becomes_float32():
    own = tg.exchange.from_torch(nn.Linear(2, 3).bfloat16())
    assert own.weight.dtype == own.bias.dtype == np.float32


class Rows(torch.utils.data.Dataset):
    """Examples as dicts, or with two inputs."""

    def __init__(self, named):
        torch.manual_seed(0)
        self.x, self.named = torch.randn(60, 4), named
        self.y = (self.x.sum(1) > 0).long()

    def __len__(self):
        return 60

    def __getitem__(self, i):
        if self.named:
            return {"x": self.x[i], "y": self.y[i]}
        return (self.x[i, :2], self.x[i, 2:]), self.y[i]


class OfTwo(tg.nn.Module):
    def __init__(self):
        self.left, self.right = tg.nn.Linear(2, 2), tg.nn.Linear(2, 2)

    def forward(self, a, b):
        return self.left(a) + self.right(b)


@pytest.mark.parametrize("kind", ["pairs", "dicts", "two inputs", "a dataset", "pinned"])
def test_loaders_and_datasets_of_pytorch_feed_fit(kind):
    from torch.utils.data import DataLoader, TensorDataset

    data = Rows(named=kind == "dicts")
    if kind in ("pairs", "a dataset", "pinned"):
        data = TensorDataset(data.x, data.y)
    tg.manual_seed(0)
    model = OfTwo() if kind == "two inputs" else tg.nn.Linear(4, 2)
    loader = DataLoader(data, batch_size=16, shuffle=True, pin_memory=kind == "pinned")
    history = tg.fit(
        model, data if kind == "a dataset" else loader, DataLoader(data, 30),
        loss=tg.cross_entropy, optimizer=tg.optim.Adam(model.parameters(), 0.1), epochs=8,
        metrics=["accuracy"], progress=False,
    )  # fmt: skip
    assert history["loss"][-1] < history["loss"][0]
    assert history["valid_accuracy"][-1] > 0.9
