"""Where we differ from PyTorch on purpose: one test for each row of ``docs/conventions.md``."""

from __future__ import annotations

import math
import re
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pytest

import tinygrad_fr as tg
from tinygrad_fr import nn
from tinygrad_fr.errors import GraphError

torch = pytest.importorskip("torch")

PAGE = Path(__file__).parent.parent / "docs" / "conventions.md"


def both(values):
    return tg.Tensor(values, requires_grad=True), torch.tensor(values, requires_grad=True)


def names():
    x, t = both([[1.0, 2.0]])
    assert x.sum(axis=1, keepdims=True).shape == t.sum(dim=1, keepdim=True).shape
    assert x.repeat(2, 1).shape == t.repeat_interleave(2, 1).shape
    assert not hasattr(tg.optim, "clip_grad_norm_")
    np.testing.assert_allclose(tg.softmax(x).data, torch.softmax(t, -1).detach().numpy())


def promotion():
    small, whole = np.ones(2, np.float32), np.ones(2, np.int64)
    assert (torch.from_numpy(small) + torch.from_numpy(whole)).dtype == torch.float32
    assert (tg.Tensor(small) + tg.Tensor(whole)).dtype == np.float64
    assert (tg.Tensor(small) + 1.5).dtype == np.float32
    assert (tg.Tensor(small) / np.sqrt(2)).dtype == np.float64


def numpy_order():
    x, t = both(np.arange(6.0).tolist())
    assert [len(part) for part in tg.split(x, 2)] == [3, 3]
    assert [len(part) for part in torch.split(t, 2)] == [2, 2, 2]
    y, u = both(np.ones((2, 3)).tolist())
    assert y.pad(((0, 0), (1, 2))).shape == torch.nn.functional.pad(u, (1, 2)).shape == (2, 6)


def transpose_axes():
    x, t = both(np.ones((2, 3)).tolist())
    with pytest.warns(UserWarning, match="keeps its axes"):
        assert x.transpose(0, 1).shape == (2, 3)
    assert x.swapaxes(0, 1).shape == tuple(t.transpose(0, 1).shape) == (3, 2)


def divisor():
    x, t = both([1.0, 3.0])
    assert (x.var().item(), t.var().item()) == (1.0, 2.0)
    assert x.var(ddof=1).item() == 2.0


def maximum_of_axis():
    x, t = both([[1.0, 1.0]])
    x.max(1).sum().backward()
    t.max(1).values.sum().backward()
    assert x.grad.data.tolist() == [[0.5, 0.5]]
    assert sorted(t.grad[0].tolist()) == [0.0, 1.0]


def zero_upstream():
    for ours, theirs in [
        (tg.log, torch.log), (tg.sqrt, torch.sqrt), (tg.reciprocal, torch.reciprocal),
        (lambda x: 1 / x, lambda x: 1 / x), (lambda x: x**0.5, lambda x: x**0.5),
    ]:  # fmt: skip
        x, t = both([0.0])
        with np.errstate(all="ignore"):
            ours(x).backward([0.0])
        theirs(t).backward(torch.zeros(1))
        assert x.grad.data.tolist() == [0.0]
        assert np.isnan(t.grad.numpy()).all()


def symmetric_part():
    lower = [[4.0, 0.0], [2.0, 5.0]]
    ours, theirs = tg.cholesky(lower), torch.linalg.cholesky(torch.tensor(lower)).numpy()
    np.testing.assert_allclose(theirs @ theirs.T, [[4.0, 2.0], [2.0, 5.0]], rtol=1e-6)
    np.testing.assert_allclose(ours @ ours.T, [[4.0, 1.0], [1.0, 5.0]])


def exact_softplus():
    x = np.array([21.0])
    assert tg.softplus(x) == np.log1p(np.exp(x))
    assert torch.nn.functional.softplus(torch.from_numpy(x)).item() == 21.0


def one_hot_dtype():
    assert torch.nn.functional.one_hot(torch.tensor([0, 1])).dtype == torch.int64
    assert tg.one_hot([0, 1]).dtype == np.float32


def refused_targets():
    x, t = both([0.3])
    assert torch.nn.functional.binary_cross_entropy_with_logits(t, torch.tensor([2.0])).isfinite()
    with pytest.raises(ValueError, match="between 0 and 1"):
        tg.binary_cross_entropy_with_logits(x, [2.0])
    assert torch.nn.functional.mse_loss(torch.ones(0), torch.ones(0)).isnan()
    with pytest.raises(ValueError, match="the batch is empty"):
        tg.mse_loss(np.ones(0), np.ones(0))
    z, ignored = torch.ones(1, 2), torch.tensor([-100])
    assert torch.nn.functional.cross_entropy(z, ignored).isnan()
    with pytest.raises(ValueError, match="no example has a weight"):
        tg.cross_entropy(z, ignored)


def named_weights():
    z, y, weight = np.zeros((1, 2)), np.array([1]), np.array([0.0, 2.0])
    torch.nn.functional.cross_entropy(*map(torch.from_numpy, (z, y, weight)))
    with pytest.raises(ValueError, match="weights go by their name"):
        tg.cross_entropy(z, y, weight)
    with pytest.raises(ValueError, match="not negative"):
        tg.cross_entropy(z, y, weight=-weight)


def in_place():
    x, t = both([1.0])
    u = t * 2
    u += 1
    y = x * 2
    with pytest.raises(RuntimeError, match="in-place"):
        y += 1


def strict_shapes():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert torch.nn.functional.mse_loss(torch.ones(3), torch.ones(3, 1)) == 0
    with pytest.raises(ValueError, match="every pair"):
        tg.mse_loss(np.ones(3), np.ones((3, 1)))


def global_pooling():
    x = np.ones((2, 3, 4, 4))
    assert torch.nn.AdaptiveAvgPool2d(1)(torch.from_numpy(x)).shape == (2, 3, 1, 1)
    assert nn.GlobalAvgPool2d()(x).shape == (2, 3)


def leaving():
    x, t = both(2.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # recent versions warn
        assert math.exp(t) == math.exp(2.0)
    with pytest.raises(GraphError, match="test_differences"):
        math.exp(x)
    assert (x.item(), x.detach().numpy()) == (2.0, 2.0)
    assert "%.1f" % x == f"{x:.1f}" == "2.0"  # noqa: UP031


def random_numbers():
    tg.manual_seed(0)
    torch.manual_seed(0)
    ours, theirs = nn.Linear(3, 3).weight.data, torch.nn.Linear(3, 3).weight.detach().numpy()
    assert not np.allclose(ours, theirs)
    tg.manual_seed(0)
    np.testing.assert_array_equal(nn.Linear(3, 3).weight.data, ours)


def damaged_files():
    safetensors = pytest.importorskip("safetensors.torch")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "w.safetensors"
        tg.save({"w": np.ones(2, np.float32)}, path)
        path.write_bytes(path.read_bytes()[:-1] + b"\xc0")
        assert safetensors.load_file(path)["w"].tolist() == [1.0, -4.0]
        with pytest.raises(ValueError, match="its checksum does not fit"):
            tg.load(path)


TESTS = {
    function.__name__.replace("_", "-"): function
    for function in (
        names, promotion, numpy_order, transpose_axes, divisor, maximum_of_axis, zero_upstream,
        symmetric_part, exact_softplus, one_hot_dtype, refused_targets, named_weights,
        in_place, strict_shapes, global_pooling, leaving, random_numbers, damaged_files,
    )
}  # fmt: skip


def test_every_listed_difference_has_its_test():
    section = PAGE.read_text(encoding="utf-8").partition("## Différences")[2]
    assert set(re.findall(r"^\| `([a-z-]+)` \|", section, re.MULTILINE)) == set(TESTS)


@pytest.mark.parametrize("name", TESTS)
def test_the_difference_is_real(name):
    TESTS[name]()
