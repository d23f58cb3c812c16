"""Arrays of other libraries: a strict duck through all that computes; what is converted."""

from __future__ import annotations

from array import array

import numpy as np
import pytest

import tinygrad_fr as tg
from tinygrad_fr import nn, optim
from tinygrad_fr.errors import DTypeError, GraphError, NonFiniteError
from tinygrad_fr.nn import losses as losses_module

from . import other_arrays
from .duck import Duck, asarray, asnumpy

CASES = [pytest.param(*case[1:], id=case[0]) for case in other_arrays.cases()]


@pytest.mark.parametrize(("operation", "args", "kwargs"), CASES)
def test_every_operation_runs_on_a_duck_at_orders_1_and_2(operation, args, kwargs):
    other_arrays.compare(operation, args, kwargs, asarray, asnumpy, Duck)


@pytest.mark.parametrize("name", other_arrays.MODELS)
def test_every_model_trains_on_a_duck_as_on_numpy(name):
    right, _ = other_arrays.trained(name, np.asarray, other_arrays.OPTIMIZERS["SGD"])
    got, model = other_arrays.trained(name, asarray, other_arrays.OPTIMIZERS["SGD"])
    other_arrays.alike(got, right, asnumpy, Duck)
    assert all(isinstance(p.data, Duck) for p in model.parameters())
    assert all(isinstance(b, Duck) for _name, b in model.named_buffers())


@pytest.mark.parametrize("name", other_arrays.OPTIMIZERS)
def test_every_optimizer_steps_on_a_duck_as_on_numpy(name):
    make = other_arrays.OPTIMIZERS[name]
    right, _ = other_arrays.trained("mlp", np.asarray, make)
    other_arrays.alike(other_arrays.trained("mlp", asarray, make)[0], right, asnumpy, Duck)


@pytest.mark.parametrize("name", other_arrays.LOSSES)
def test_every_loss_runs_on_a_duck(name):
    right = other_arrays.loss_and_gradient(name, np.asarray)
    other_arrays.alike(other_arrays.loss_and_gradient(name, asarray), right, asnumpy, Duck)


def test_all_losses_and_models_are_among_those_tested():
    losses = {name for name in vars(losses_module) if name.endswith("Loss")} - {"Loss"}
    assert set(other_arrays.LOSSES) == losses
    assert {"course_cnn", "lenet", "mlp", "small_vgg"} <= set(other_arrays.MODELS)
    optimizers = {
        name for name, x in vars(optim).items()
        if isinstance(x, type) and issubclass(x, optim.Optimizer)
    } - {"Optimizer"}  # fmt: skip
    assert set(other_arrays.OPTIMIZERS) == optimizers


def fitted(convert, *, data=None, **options):
    tg.manual_seed(0)
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((24, 6)).astype(np.float32), rng.integers(0, 5, 24)
    model = nn.models.mlp((6, 8, 5)).to(convert)
    x, y = map(data or convert, (x, y))
    history = tg.fit(
        model, (x, y), (x, y), loss=tg.cross_entropy, metrics=["accuracy"], epochs=2, clip=1.0,
        optimizer=tg.optim.Adam(model.parameters(), 0.01), seed=1, progress=False, **options,
    )  # fmt: skip
    return history, model


@pytest.mark.parametrize("data", [asarray, np.asarray], ids=["ducks", "numpy"])
def test_fit_on_a_duck_gives_the_history_of_numpy(data, tmp_path):
    right, _ = fitted(np.asarray)
    got, model = fitted(asarray, data=data, checkpoint=tmp_path / "run.npz")
    for name in ("loss", "accuracy", "valid_loss", "valid_accuracy"):
        np.testing.assert_allclose(got[name], right[name], rtol=1e-6)
    assert all(isinstance(p.data, Duck) for p in model.parameters())
    again, _ = fitted(asarray, checkpoint=tmp_path / "run.npz", resume=True)
    assert again["loss"] == got["loss"]


def test_a_model_goes_to_another_library_and_back_and_to_a_file(tmp_path):
    layer = nn.BatchNorm1d(3).to(asarray)
    assert isinstance(layer.weight.data, Duck)
    assert isinstance(layer.running_mean, Duck)
    assert isinstance(layer(np.ones((2, 3))).data, Duck)  # the input follows
    tg.save(layer.state_dict(), tmp_path / "layer.npz")
    layer.load_state_dict(tg.load(tmp_path / "layer.npz"))
    assert isinstance(layer.running_var, Duck)
    assert isinstance(layer.to(asnumpy).weight.data, np.ndarray)
    with pytest.raises(DTypeError, match="to takes a function"):
        layer.to("cuda")


def test_transforms_debug_health_and_text_take_a_duck():
    x = asarray(np.array([1.0, 2.0]))
    np.testing.assert_array_equal(asnumpy(tg.hessian(lambda x: (x**3).sum())(x)), [[6, 0], [0, 12]])
    np.testing.assert_array_equal(asnumpy(tg.jacobian(lambda x: x**3)(x)), [[3, 0], [0, 12]])
    y, dy = tg.jvp(lambda x: x**3, x, asarray(np.ones(2)))
    assert isinstance(y, Duck)
    np.testing.assert_array_equal(asnumpy(dy), [3, 12])
    t = tg.Tensor(x, requires_grad=True)
    assert repr(t) == "Tensor([1., 2.], requires_grad=True)"
    (t * t).backward([1.0, 1.0], retain_grads=True)
    (t * t).backward(np.ones(2))
    np.testing.assert_array_equal(asnumpy(t.grad.data), [4, 8])
    with tg.debug():
        tg.log(t).sum().backward()
        with np.errstate(all="ignore"), pytest.raises(NonFiniteError, match="range over"):
            tg.log(t - 1.0)
    model = nn.models.mlp((2, 3, 2)).to(asarray)
    with tg.health.watch(model) as health:
        tg.cross_entropy(model(np.ones((2, 2))), asarray(np.array([0, 1]))).backward()
    assert health.steps == 1


def test_a_view_of_a_duck_that_was_changed_is_noticed():
    x = tg.Tensor(asarray(np.arange(3.0)))
    w = tg.Tensor(asarray(np.array(3.0)), requires_grad=True)
    loss = (w * x[1:]).sum()
    x += 10.0
    with pytest.raises(GraphError, match="in place"):
        loss.backward()


def test_class_indices_may_be_a_list_or_of_numpy():
    z = tg.Tensor(asarray(np.eye(3) * 2), requires_grad=True)
    for labels in ([0, 1, -100], np.array([0, 1, -100])):
        loss = tg.cross_entropy(z, labels) + tg.nll_loss(tg.log_softmax(z), labels)
        right = 2 * tg.cross_entropy(np.eye(3) * 2, [0, 1, -100])
        np.testing.assert_allclose(loss.item(), right, rtol=1e-12)
        loss.backward()
    assert isinstance(z.grad.data, Duck)


def test_libraries_do_not_mix_and_the_message_says_so():
    x = tg.Tensor(asarray(np.arange(3.0)), requires_grad=True)
    for mix in (lambda: x * np.ones(3), lambda: tg.concatenate([x, np.ones(3)])):
        with pytest.raises(DTypeError, match="arrays of numpy, tests do not mix"):
            mix()
    with pytest.raises(TypeError, match="not allowed"):
        np.asarray(x.detach())


# --- what is converted, what is refused, what goes out through DLPack ----------------------------


class Exported:
    """An object that shares its memory through DLPack, and knows nothing else."""

    def __init__(self, array=None):
        self.array = array

    def __dlpack__(self, **options):
        if self.array is None:
            raise BufferError("its memory is on a card")
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self):
        return (2 if self.array is None else 1, 0)


def given(x):
    """A Tensor of something, and a product with it."""
    return tg.Tensor(x).data, (tg.Tensor(np.ones(3)) * x).data


@pytest.mark.parametrize(
    "x",
    [array("d", [1, 2, 3]), memoryview(array("d", [1, 2, 3])), range(1, 4), bytearray([1, 2, 3]),
     Exported(np.array([1.0, 2, 3])), [tg.Tensor(1.0), tg.Tensor(2.0), tg.Tensor(3.0)]],
    ids=["array", "memoryview", "range", "bytearray", "dlpack", "Tensors"],
)  # fmt: skip
def test_buffers_and_dlpack_are_converted(x):
    for got in given(x):
        assert type(got) is np.ndarray
        np.testing.assert_array_equal(got, [1, 2, 3])


def refused(x, why):
    for use in (tg.Tensor, lambda x: tg.Tensor(np.ones(3)) * x):
        with pytest.raises(DTypeError, match=why):
            use(x)


def test_what_holds_no_plain_numbers_is_refused():
    refused(np.ma.masked_array([1.0, 2, 3], [0, 1, 0]), "rules of its own")
    refused([np.ma.masked_array([1.0, 2, 3], [0, 1, 0])], "rules of its own")
    refused(Exported(), "on a card")
    refused(np.zeros(3, [("a", float)]), "a")
    refused(np.zeros((2, 3)).view(np.matrix), "rules of its own")
    for x in ("123", b"123", {1.0: 2.0}):
        refused(x, type(x).__name__)


class Interface:
    """An object that tells where its numbers are, and nothing else."""

    def __init__(self, x):
        self.x = x
        self.__array_interface__ = x.__array_interface__


def test_the_interface_of_an_array_will_do_everywhere():
    x = Interface(np.arange(6.0).reshape(2, 3))
    np.testing.assert_array_equal(tg.Tensor(x).data, x.x)
    np.testing.assert_array_equal((tg.Tensor(2.0) * x).data, 2 * x.x)
    assert nn.Linear(3, 1)(x).shape == (2, 1)


def test_the_order_of_bytes_is_the_machines():
    x = tg.Tensor(np.arange(3, dtype=">f4"), requires_grad=True)
    (x * 2).sum().backward()
    assert x.dtype.isnative
    assert x.grad.dtype.isnative
    assert x.tolist() == [0, 1, 2]


def test_no_imaginary_part_is_dropped_on_the_way():
    with pytest.raises(DTypeError, match="complex"):
        tg.Tensor(np.array([1 + 2j]), dtype=np.float32)
    with pytest.raises(DTypeError, match="complex"):
        tg.Tensor([1 + 2j], dtype=np.float64)


def test_a_list_of_a_dataset_holds_numbers():
    with pytest.raises(DTypeError, match="no regular grid"):
        tg.data.ArrayDataset([[1, 2], [3]])


def test_tables_are_converted_unless_values_are_missing():
    pd = pytest.importorskip("pandas")
    for column in (pd.Series([1.0, 2, 3], index=[2, 1, 0]), pd.Series([1, 2, 3], dtype="Int64")):
        for got in given(column):
            np.testing.assert_array_equal(got, [1, 2, 3])  # by position, whatever the index
    table = pd.DataFrame({"a": [1.0, 2, 3], "b": [4, 5, 6], "c": [7, 8, 9]})
    np.testing.assert_array_equal(tg.Tensor(table).data, [[1, 4, 7], [2, 5, 8], [3, 6, 9]])
    assert np.isnan(tg.Tensor(pd.Series([1.0, np.nan])).data[1])  # NaN of NumPy's stays
    refused(pd.Series([1, None, 3], dtype="Int64"), "missing values")
    refused(pd.Series([1, None, 3], dtype="Float64"), "missing values")
    for column in (["1", "2", "3"], pd.date_range("2020", periods=3), [True, None, True]):
        refused(pd.Series(column), "pandas.Series gives no regular grid of numbers")
    refused(table.assign(d=["x", "y", "z"]), "pandas.DataFrame gives no regular grid")


def test_polars_tables_are_converted_unless_values_are_missing():
    pl = pytest.importorskip("polars")
    for got in given(pl.Series([1, 2, 3])):
        np.testing.assert_array_equal(got, [1, 2, 3])
    table = pl.DataFrame({"a": [1.0, 2, 3], "b": [4, 5, 6]})
    np.testing.assert_array_equal(tg.Tensor(table).data, [[1, 4], [2, 5], [3, 6]])
    refused(pl.Series([1, None, 3]), "missing values")
    refused(pl.DataFrame({"a": [1, None, 3]}), "missing values")
    refused(pl.Series(["1", "2", "3"]), "polars.Series gives no regular grid of numbers")
    pa = pytest.importorskip("pyarrow")
    np.testing.assert_array_equal(tg.Tensor(pa.array([1, 2])).data, [1, 2])
    refused(pa.array([1, None, 3]), "missing values")


def test_sparse_matrices_are_refused():
    sparse = pytest.importorskip("scipy.sparse")
    refused(sparse.csr_matrix(np.eye(3)), "csr_matrix")  # its * would be a matrix product
    refused(sparse.csr_array(np.eye(3)), "csr_array")
    with pytest.raises(DTypeError, match="toarray"):
        tg.Tensor(sparse.csr_matrix(np.eye(3)))


def test_pytorch_comes_in_without_its_graph_and_takes_memory_out():
    torch = pytest.importorskip("torch")
    for got in given(torch.tensor([1.0, 2.0, 3.0])):
        np.testing.assert_array_equal(got, [1, 2, 3])
    np.testing.assert_array_equal(tg.Tensor([torch.tensor(1.0), torch.tensor(2.0)]).data, [1, 2])
    refused(torch.ones(3, requires_grad=True), "detach")
    refused(torch.ones(3, dtype=torch.bfloat16), "BFloat16")
    refused(torch.ones(3, device="meta"), "meta")
    refused(torch.eye(3).to_sparse(), "[Ss]parse")

    t = tg.Tensor(np.arange(3.0))
    shared = torch.from_dlpack(t)
    shared[0] = 7.0
    assert t.data[0] == 7.0
    again = tg.Tensor(np.arange(3.0), requires_grad=True)
    with pytest.raises(GraphError, match="detach"):
        torch.from_dlpack(again)
    assert torch.from_dlpack(again.detach()).tolist() == [0, 1, 2]


def test_dlpack_hands_its_options_to_the_array():
    t = tg.Tensor(np.arange(3.0))
    shared = np.from_dlpack(t)
    assert np.shares_memory(shared, t.data)
    assert not np.shares_memory(np.from_dlpack(t, copy=True), t.data)
    assert t.__dlpack_device__() == (1, 0)
    with pytest.raises(RuntimeError, match="stream"):
        t.__dlpack__(stream=1)
    fixed = np.arange(3.0)
    fixed.flags.writeable = False
    t.data = fixed
    t.data.flags.writeable = False
    assert not np.from_dlpack(t).flags.writeable  # by version 1 of the protocol


LARGE = {
    "softmax": (tg.softmax, (128, 1000)), "log_softmax": (tg.log_softmax, (128, 1000)),
    "sigmoid": (tg.sigmoid, (300, 1000)), "exp": (tg.exp, (300, 1000)),
    "erf": (tg.erf, (100, 1000)), "layer_norm": (lambda x: tg.layer_norm(x, 1000), (128, 1000)),
    "sum": (lambda x: x.sum(0) * x.mean(1).sum(), (128, 1000)),
    "matmul": (lambda x: x @ x.T, (300, 1000)), "outer": (lambda x: x[:1].T @ x[1:2], (2, 1000)),
    "cross_entropy": (lambda x: tg.cross_entropy(x, [3] * 128), (128, 1000)),
    "batch_norm": (lambda x: tg.batch_norm(x, None, None, training=True), (8, 6, 60, 60)),
    "max_pool2d": (lambda x: tg.max_pool2d(x, 2), (8, 8, 64, 64)),
    "overlapping max_pool2d": (lambda x: tg.max_pool2d(x, 3, 2, 1), (8, 8, 64, 64)),
    "avg_pool2d": (lambda x: tg.avg_pool2d(x, 3, 2, 1), (8, 8, 64, 64)),
    "conv2d": (lambda x: tg.conv2d(x, x[:3, :, :3, :3], padding=1), (8, 16, 64, 64)),
    "grouped conv2d": (
        lambda x: tg.conv2d(x, x[:4, :8, :3, :3], None, 2, 1, 1, 2), (4, 16, 64, 64),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("function", "shape"), LARGE.values(), ids=LARGE)
def test_large_ducks_take_no_way_that_is_made_for_numpy(function, shape):
    data = np.random.default_rng(0).standard_normal(shape)
    outcomes = []
    for convert in (np.asarray, asarray):
        x = tg.Tensor(convert(data), requires_grad=True)
        y = function(x)
        (y * y).sum().backward()
        outcomes.append([y.data, x.grad.data])
    for a, b in zip(*outcomes, strict=True):
        assert isinstance(b, Duck)
        np.testing.assert_allclose(asnumpy(b), a, rtol=1e-9, atol=1e-9 * np.abs(a).max())


@pytest.mark.parametrize("make", other_arrays.OPTIMIZERS.values(), ids=other_arrays.OPTIMIZERS)
def test_optimizers_change_large_ducks(make):
    data = np.random.default_rng(0).standard_normal((300, 1000))
    ends = []
    for convert in (np.asarray, asarray):
        p = tg.Tensor(convert(data), requires_grad=True)
        optimizer = make([p])
        for _ in range(2):
            p.grad = convert(data**2)
            optimizer.step()
        ends.append(asnumpy(p.data))
    np.testing.assert_allclose(ends[1], ends[0], rtol=1e-12)


def test_the_duck_is_strict():
    x = asarray(np.ones((2, 2)))
    attempts = [
        lambda: np.asarray(x), lambda: np.array(x), lambda: x + np.ones(2), lambda: np.ones(2) * x,
        lambda: np.minimum.reduce(x), lambda: np.vecdot(x, x), lambda: x.max(initial=0.0),
        lambda: np.sum(x, where=True), lambda: np.linalg.vector_norm(x),
        lambda: np.concatenate([x, np.ones((2, 2))]), lambda: np.where(np.ones(2) > 0, x, 0),
        lambda: np.exp(x, out=np.ones((2, 2))), lambda: memoryview(x), lambda: x.item(0),
        lambda: np.ones(2, like=x), lambda: np.full(2, 1.0, like=x), lambda: np.eye(2, like=x),
        lambda: x.__setitem__(0, np.ones(2)), lambda: np.zeros(2).__setitem__(0, x),
    ]  # fmt: skip
    for attempt in attempts:
        with pytest.raises((TypeError, AttributeError, ValueError)):
            attempt()
