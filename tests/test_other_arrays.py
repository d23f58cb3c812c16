"""Arrays of other libraries: a strict duck through all that computes; what is converted."""

from __future__ import annotations

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


def test_libraries_do_not_mix_and_the_message_says_so():
    x = tg.Tensor(asarray(np.arange(3.0)), requires_grad=True)
    for mix in (lambda: x * np.ones(3), lambda: tg.concatenate([x, np.ones(3)])):
        with pytest.raises(DTypeError, match="arrays of numpy, tests do not mix"):
            mix()
    with pytest.raises(TypeError, match="not allowed"):
        np.asarray(x.detach())
