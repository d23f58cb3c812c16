"""Modules: what they own, how they are called, what they say."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import tinygrad_fr as tg
from tinygrad_fr import nn
from tinygrad_fr.errors import GraphError


class Block(nn.Module):
    def __init__(self):
        self.layers = [nn.Linear(3, 3), nn.Linear(3, 3)]
        self.heads = {"a": nn.Linear(3, 1)}
        self.scale = nn.Parameter([1.0])
        self.register_buffer("mean", np.zeros(3))
        self.alias = self.layers[0]

    def forward(self, x):
        for layer in self.layers:
            x = tg.relu(layer(x))
        return self.heads["a"](x) * self.scale


def test_parameters_are_found_in_attributes_lists_and_dicts_each_once():
    names = [name for name, _ in Block().named_parameters()]
    assert names == [
        "scale", "layers.0.weight", "layers.0.bias", "layers.1.weight", "layers.1.bias",
        "heads.a.weight", "heads.a.bias",
    ]  # fmt: skip


def test_state_travels_with_buffers_and_is_a_copy():
    block, other = Block(), Block()
    block.mean[:] = 5.0
    state = block.state_dict()
    other.load_state_dict(state)
    np.testing.assert_array_equal(other.mean, 5.0)
    for p, q in zip(block.parameters(), other.parameters(), strict=True):
        np.testing.assert_array_equal(p.data, q.data)
    state["scale"][:] = 9.0
    assert block.scale.item() == 1.0


def test_a_state_that_does_not_fit_changes_nothing():
    block = Block()
    state = {name: x + 1.0 for name, x in block.state_dict().items()}
    state["heads.a.bias"] = np.ones(7)
    before = block.state_dict()
    with pytest.raises(ValueError, match=r"heads.a.bias has the shape \(1,\) here"):
        block.load_state_dict(state)
    for name, x in block.state_dict().items():
        np.testing.assert_array_equal(x, before[name])


def test_floating_arrays_are_cast_and_tensors_left_alone():
    layer = nn.Linear(2, 1)
    assert layer(np.ones((3, 2))).dtype == np.float32
    assert layer(tg.Tensor(np.ones((3, 2)))).dtype == np.float64


def test_layers_are_named_in_nodes_by_their_path():
    block = Block()
    graph = tg.graph.extract(block(np.ones((2, 3), np.float32)))
    modules = [v.module for v in graph.vertices if v.kind == "operation"]
    assert modules == [
        "layers.0 (Linear)", "Block", "layers.1 (Linear)", "Block", "heads.a (Linear)", "Block",
    ]  # fmt: skip


def test_nested_sequentials_are_named_by_dotted_paths():
    model = nn.Sequential({"features": nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU())})
    graph = tg.graph.extract(model(np.zeros((1, 1, 4, 4))))
    assert [v.module for v in graph.vertices if v.operation] == [
        "features.0 (Conv2d)", "features.1 (ReLU)",
    ]  # fmt: skip


def test_hooks_see_and_may_replace_the_output():
    layer, seen = nn.Linear(2, 1), []
    undo = layer.register_forward_hook(lambda module, inputs, output: seen.append(output.shape))
    replace = layer.register_forward_hook(lambda module, inputs, output: output * 0.0)
    assert layer(np.ones((3, 2))).tolist() == [[0.0]] * 3
    undo()
    replace.remove()
    layer(np.ones((3, 2)))
    assert seen == [(3, 1)]


def test_train_eval_and_apply_reach_every_module():
    model = nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.ReLU()))
    assert not any(module.training for _, module in model.eval().named_modules())
    kinds = []
    model.apply(lambda module: kinds.append(type(module).__name__))
    assert kinds == ["Linear", "ReLU", "Sequential", "Sequential"]


def test_summary_of_the_course_network_shows_its_numbers():
    text = str(nn.models.course_cnn().summary())
    assert "(N, 8, 48, 48)" in text
    assert "(N, 8, 24, 24)" in text
    assert "24x24x8 = 4608" in text
    assert "23125 parameters" in text
    assert nn.models.course_cnn().summary((1, 50, 50)) == text


def test_summary_leaves_modes_and_hooks_as_they_were():
    model = nn.models.course_cnn(size=8)
    model[3].eval()
    model.summary()
    assert model.training
    assert not model[3].training
    assert not model._hooks


def test_zero_grad_forgets():
    model = nn.Linear(2, 1)
    model(np.ones((1, 2))).sum().backward()
    model.zero_grad()
    assert all(p.grad is None for p in model.parameters())


def test_initialisation_is_uniform_in_the_bounds_of_pytorch():
    tg.manual_seed(0)
    layer = nn.Conv2d(4, 64, 5)
    bound = 1 / np.sqrt(4 * 25)
    for p in layer.parameters():
        assert abs(p.data).max() <= bound
        assert abs(p.data).max() > 0.9 * bound
    assert abs(layer.weight.data.mean()) < 0.01
    assert layer.weight.data.std() == pytest.approx(bound / np.sqrt(3), rel=0.05)


def test_weights_travel_to_pytorch_and_back():
    torch = pytest.importorskip("torch")
    model = nn.models.lenet()
    theirs = torch.nn.Sequential(
        torch.nn.Conv2d(1, 16, 3, padding=1), torch.nn.ReLU(), torch.nn.MaxPool2d(2),
        torch.nn.Conv2d(16, 32, 3, padding=1), torch.nn.ReLU(), torch.nn.MaxPool2d(2),
        torch.nn.Flatten(), torch.nn.Linear(1568, 128), torch.nn.ReLU(), torch.nn.Linear(128, 10),
    )  # fmt: skip
    theirs.load_state_dict({k: torch.from_numpy(v) for k, v in model.state_dict().items()})
    x, labels = np.random.default_rng(0).standard_normal((4, 1, 28, 28)), np.array([1, 2, 3, 4])
    loss = tg.cross_entropy(model(x), labels)
    other = torch.nn.functional.cross_entropy(
        theirs(torch.from_numpy(x).float()), torch.from_numpy(labels)
    )
    assert loss.item() == pytest.approx(other.item(), rel=1e-5)
    loss.backward()
    other.backward()
    for (name, p), q in zip(model.named_parameters(), theirs.parameters(), strict=True):
        np.testing.assert_allclose(p.grad.data, q.grad.numpy(), atol=1e-5, err_msg=name)
    model.load_state_dict(theirs.state_dict())


def labels(y):
    return [v.module for v in tg.graph.extract(y).vertices if v.operation]


def test_layers_are_named_however_they_are_reached():
    class Net(nn.Module):
        def __init__(self):
            self.features = nn.Sequential(nn.Linear(3, 3), nn.Tanh(), nn.Linear(3, 3))

        def forward(self, x):
            for layer in self.features:
                x = layer(x)
            return x

    assert labels(Net()(np.ones((1, 3)))) == [
        "features.0 (Linear)", "features.1 (Tanh)", "features.2 (Linear)",
    ]  # fmt: skip


def test_labels_follow_a_layer_to_its_new_place():
    class Stack(nn.Module):
        def __init__(self, *layers):
            self.layers = list(layers)

        def forward(self, x):
            for layer in self.layers:
                x = layer(x)
            return x

    layer = nn.Linear(3, 3)
    first = Stack(layer)
    assert labels(first(np.ones((1, 3)))) == ["layers.0 (Linear)"]
    first.layers.insert(0, nn.Tanh())
    assert labels(first(np.ones((1, 3), np.float32)))[-1] == "layers.1 (Linear)"
    second = Stack(nn.Tanh(), nn.Tanh(), layer)
    assert labels(second(np.ones((1, 3), np.float32)))[-1] == "layers.2 (Linear)"


def test_a_shared_layer_is_saved_under_each_of_its_names_and_learned_once():
    layer = nn.Linear(2, 2)
    model = nn.Sequential(layer, nn.ReLU(), layer)
    assert list(model.state_dict()) == ["0.weight", "0.bias", "2.weight", "2.bias"]
    assert len(list(model.parameters())) == 2
    model.load_state_dict(model.state_dict())


def test_sequential_can_be_sliced_and_protects_its_methods():
    model = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 1))
    assert len(model[:2]) == 2
    assert model[:2][0] is model[0]
    with pytest.raises(ValueError, match="method of every Module"):
        nn.Sequential({"train": nn.ReLU()})


def test_sizes_may_be_numpy_integers():
    assert nn.Linear(np.prod((2, 3)), 5).weight.shape == (5, 6)


def test_loading_without_strictness_says_what_did_not_match():
    missing, unknown = nn.Linear(2, 1).load_state_dict({"weights": np.ones((1, 2))}, strict=False)
    assert (missing, unknown) == (["bias", "weight"], ["weights"])


def test_a_summary_may_begin_with_an_embedding():
    model = nn.Sequential(nn.Embedding(10, 4), nn.Flatten(), nn.Linear(12, 2))
    assert "66 parameters" in model.summary((3,))
    assert model.summary((3,)).count("Embedding") == 1


class Attention(nn.Module):
    """Two inputs, products of its own, a layer that is called again and again."""

    def __init__(self):
        self.q, self.cell = nn.Linear(4, 4), nn.Linear(4, 4, bias=False)

    def forward(self, a, b):
        q, k = self.q(a), self.q(b)
        w = tg.softmax(q @ k.swapaxes(-1, -2))
        v = tg.einsum("...ij,...jk->...ik", w, k)
        for _ in range(3):
            v = self.cell(v)
        return v, w


def test_a_summary_counts_the_multiply_adds_that_were_recorded():
    assert nn.models.course_cnn().summary().multiply_adds == 48 * 48 * 8 * 9 + 4608 * 5
    summary = Attention().summary(((5, 4), (6, 4)))
    adds = {row[0]: int(row[4]) for row in summary.rows[3:] if row[4] != "0"}
    assert adds == {"q": (5 + 6) * 16, "cell": 3 * 5 * 16, "": 2 * 5 * 6 * 4}
    assert summary.multiply_adds == sum(adds.values())
    assert f"{summary.multiply_adds} multiply-adds" in summary
    assert str(summary).count("cell") == 1  # called three times
    for layer, shape, n in [
        (nn.Conv1d(4, 6, 3, groups=2), (4, 9), 7 * 6 * 2 * 3),
        (nn.Conv2d(4, 6, 3, padding=1), (4, 9, 9), 81 * 6 * 4 * 9),
        (nn.ConvTranspose2d(4, 6, 3, stride=2), (4, 5, 5), 25 * 4 * 6 * 9),
        (nn.ReLU(), (3,), 0),
        (nn.LSTM(3, 4, batch_first=True), (5, 3), 5 * 16 * (3 + 4)),
        (nn.LSTM(3, 4, batch_first=True, fused=True), (5, 3), 5 * 16 * (3 + 4)),
        (nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), (5, 8),
         5 * 8 * 8 * 4 + 2 * 5 * 5 * 8 + 2 * 5 * 8 * 16),
    ]:  # fmt: skip
        assert layer.summary(shape).multiply_adds == n


def test_a_summary_takes_data_and_dtypes_and_frozen_models():
    model = nn.Sequential(nn.Embedding(10, 4), nn.Flatten(), nn.Linear(12, 2))
    for p in model.parameters():
        p.requires_grad = False
    assert model.summary((3,), dtypes=int).multiply_adds == 24
    assert model.summary(data=np.zeros((7, 3), int)).multiply_adds == 7 * 24
    assert not any(p.requires_grad for p in model.parameters())
    data = {"b": np.ones((2, 6, 4)), "a": np.ones((2, 5, 4))}
    by_name = Attention().summary(data=data)
    assert by_name.multiply_adds == 2 * Attention().summary(((5, 4), (6, 4))).multiply_adds
    assert Attention().summary(data=(data["a"], data["b"])).rows[3:] == by_name.rows[3:]
    with pytest.raises(ValueError, match="3 dtypes for 2 inputs"):
        Attention().summary(((5, 4), (6, 4)), dtypes=(int, int, int))
    with pytest.raises(TypeError):
        model.summary((3,), dtypes=float)


def test_arrays_given_by_name_are_cast_too():
    y = Attention()(a=np.ones((5, 4)), b=np.ones((6, 4)))[0]
    assert y.dtype == np.float32


def test_children_and_modules_are_pytorchs():
    model = nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.ReLU()))
    assert list(model.children()) == [model[0], model[1]]
    assert list(model.modules()) == [model, model[0], model[1], model[1][0]]


def test_what_is_unusual_stands_in_the_repr():
    assert "affine=False" in repr(nn.BatchNorm2d(3, affine=False))
    assert "groups=3, bias=False" in repr(nn.Conv2d(3, 3, 3, groups=3, bias=False))
    loader = tg.data.DataLoader((np.ones((5, 2)), np.ones(5)), batch_size=2)
    assert repr(loader) == "DataLoader(ArrayDataset((5, 2), (5,)), batch_size=2, shuffle=False)"
    optimizer = tg.optim.SGD(nn.Linear(1, 1).parameters(), lr=0.1)
    assert repr(tg.optim.StepLR(optimizer, 3)) == "StepLR(step 0, lr=0.1)"


# --- nested deeply ---------------------------------------------------------------------------


class Around(nn.Module):
    """A layer around a layer, in an attribute or in containers."""

    def __init__(self, inner, contained):
        self.weight = nn.Parameter([1.0])
        self.inner = [{"it": inner}] if contained else inner

    def forward(self, x):
        inner = self.inner
        return (inner if isinstance(inner, nn.Module) else inner[0]["it"])(x) * self.weight


AROUND = {
    "sequential": nn.Sequential,
    "attribute": lambda inner: Around(inner, False),
    "containers": lambda inner: Around(inner, True),
}


def nested(kind, depth):
    model = nn.Linear(2, 2)
    for _ in range(depth):
        model = AROUND[kind](model)
    return model


@pytest.mark.parametrize("kind", AROUND)
def test_modules_nested_a_thousand_deep_are_walked_and_saved(kind):
    model = nested(kind, 1000)
    n = 2 if kind == "sequential" else 1002
    assert len(list(model.parameters())) == len(model.state_dict()) == n
    assert len(list(model.modules())) == 1001
    assert not list(model.train().eval().modules())[-1].training
    order = []
    model.apply(order.append)
    assert order == list(model.modules())[::-1]
    other = nested(kind, 1000)
    assert other.load_state_dict(model.state_dict()) == ([], [])
    for a, b in zip(other.parameters(), model.parameters(), strict=True):
        np.testing.assert_array_equal(a.data, b.data)
    assert repr(model).count("(") > 100


@pytest.mark.parametrize("kind", AROUND)
def test_calling_modules_nested_too_deeply_says_so(kind):
    model = nested(kind, 1000)
    for use in lambda: model(np.ones((1, 2))), lambda: model.summary((2,)):
        with pytest.raises(GraphError, match=r"nest them less, or raise sys\.setrecursionlimit"):
            use()


@pytest.mark.parametrize("kind", AROUND)
def test_modules_nested_deeply_are_pickled_and_copied(kind):
    model = nested(kind, 400)
    model.alias = list(model.modules())[-1]
    for copied in pickle.loads(pickle.dumps(model)), copy.deepcopy(model):
        assert [name for name, _ in copied.named_parameters()] == [
            name for name, _ in model.named_parameters()
        ]
        assert copied.alias is list(copied.modules())[-1]
        assert not set(map(id, copied.modules())) & set(map(id, model.modules()))
        assert vars(copied).keys() == vars(model).keys()


def test_a_copy_of_a_module_that_knows_its_owner_stays_one_whole():
    model = nn.Sequential(nn.Linear(2, 2))
    model[0].owner = [model]
    for copied in pickle.loads(pickle.dumps(model)), copy.deepcopy(model):
        assert copied[0].owner[0] is copied


def test_modules_with_slots_are_copied():
    class Slotted(nn.Linear):
        __slots__ = ("mark",)

    model = Slotted(2, 2)
    model.mark = 3
    assert copy.deepcopy(model).mark == 3


def test_a_copy_names_its_own_layers():
    model = nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.Linear(2, 2)))
    model(np.ones((1, 2)))
    copied = copy.deepcopy(model)
    assert str(copied(np.ones((1, 2)))._where) == "1.0 (Linear)"
