"""``verify.layer`` takes Functions and Modules of PyTorch as they are."""

from __future__ import annotations

import copy
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import tinygrad_fr as tg
from tinygrad_fr.errors import ArgumentError, DTypeError, ShapeError

torch = pytest.importorskip("torch")

from . import torch_functions as written  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
RNG = np.random.default_rng(3)


def judged(thing, x, **how):
    return tg.verify.layer(thing, x, repair=False, **how)


@pytest.mark.parametrize("name", written.RIGHT)
def test_a_right_one_is_not_accused(name):
    report = judged(*written.RIGHT[name])
    assert report, report
    assert report.first_wrong is None


def test_wrong_ones_are_found_and_nearly_all_are_named_first():
    named = 0
    for name, before, after, entry, kinds in written.WRONG:
        report = judged(written.edited(name, before, after), written.RIGHT[name][1])
        assert report[entry].verdict == "wrong", (name, after, str(report))
        told = [d.kind for d in report[entry].diagnoses]
        named += told[:1] != [] and told[0] in kinds
    assert len(written.WRONG) >= 45
    assert named >= 0.9 * len(written.WRONG), named


def gradcheck(function, name):
    """What PyTorch itself says of a Function."""
    x = written.RIGHT[name][1]
    given = [torch.as_tensor(a) if np.ndim(a) or name == "PReLU" else a
             for a in (x if isinstance(x, tuple) else (x,))]  # fmt: skip
    for k, a in enumerate(given):
        if torch.is_tensor(a) and a.is_floating_point():
            constant = name == "MSE" and k  # its gradient is None
            given[k] = a.detach().double().clone().requires_grad_(not constant)
    try:
        return torch.autograd.gradcheck(function.apply, given, raise_exception=False)
    except RuntimeError:  # a shape
        return False


def test_gradcheck_says_the_same_of_functions():
    functions = {}
    for name, (thing, _x) in written.RIGHT.items():
        function = getattr(thing, "__self__", thing)
        if isinstance(function, type) and issubclass(function, torch.autograd.Function):
            functions[name] = function
            assert gradcheck(function, name), name
    for name, before, after, _entry, _kinds in written.WRONG:
        if name in functions:
            assert not gradcheck(written.edited(name, before, after), name), (name, after)


def test_a_gradient_of_a_broadcast_shape_is_summed_as_pytorch_does():
    x, b = RNG.standard_normal((4, 3)), RNG.standard_normal(3)
    given = [torch.tensor(a, requires_grad=True) for a in (x, b)]
    assert torch.autograd.gradcheck(written.SumRows.apply, given)
    assert judged(written.SumRows, (x, b))


def test_the_module_and_the_settings_stay_as_they_are():
    module = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.Dropout())
    x = torch.randn(5, 3)
    module(x).sum().backward()
    before, given = copy.deepcopy(module.state_dict()), x.clone()
    grads = [p.grad.clone() for p in module.parameters()]
    state = torch.get_rng_state()
    report = judged(module, x)
    assert report
    assert "float32" in str(report)
    after = module.state_dict()
    assert all(
        torch.equal(before[n], after[n]) and before[n].dtype == after[n].dtype for n in after
    )
    assert all(torch.equal(g, p.grad) for g, p in zip(grads, module.parameters(), strict=True))
    assert torch.equal(state, torch.get_rng_state())
    assert torch.equal(given, x)
    assert torch.get_default_dtype() == torch.float32
    assert module.training


def test_what_an_earlier_call_has_left_on_a_module_does_no_harm():
    module = written.HandLinear()
    module(torch.randn(2, 3, requires_grad=True) * 2)
    assert judged(module, RNG.standard_normal((4, 3)))


def test_a_transposed_weight_in_a_module_is_named_though_pytorch_refuses_it():
    wrong = written.edited(
        "LinearFunction", "grad_output.t().mm(input)", "input.t().mm(grad_output)"
    )

    class Around(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.randn(2, 3))
            self.bias = torch.nn.Parameter(torch.randn(2))

        def forward(self, x):
            return torch.relu(wrong.apply(x, self.weight, self.bias))

    report = judged(Around(), RNG.standard_normal((4, 3)))
    assert report.first_wrong == "weight"
    assert report["weight"].diagnoses[0].kind == "transpose"
    assert report["bias"].verdict == "correct"
    assert report["input"].verdict == "inconclusive"
    assert "invalid gradient" in report["input"].note


class Few(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, factor):
        return x * factor

    @staticmethod
    def backward(ctx, grad):
        return grad * 2.0


class Array(Few):
    @staticmethod
    def backward(ctx, grad):
        return (grad * 2).numpy(), None


class Dirty(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.mark_dirty(x)
        x.clamp_(min=0)
        ctx.save_for_backward(x)
        return x

    @staticmethod
    def backward(ctx, grad):
        return grad * (ctx.saved_tensors[0] > 0)


class NoNone(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, w):
        ctx.save_for_backward(w)
        return x @ w

    @staticmethod
    def backward(ctx, grad):
        return grad @ ctx.saved_tensors[0].T, None


class BothWays(torch.autograd.Function):
    @staticmethod
    def forward(ctx, prediction, target):
        ctx.save_for_backward(prediction, target)
        return ((prediction - target) ** 2).sum()

    @staticmethod
    def backward(ctx, grad):
        d = 2 * grad * torch.sub(*ctx.saved_tensors)
        return d, d


class OneWay(BothWays):
    @staticmethod
    def backward(ctx, grad):
        return BothWays.backward(ctx, grad)[0], None


class ElmanCell(torch.nn.Module):
    """With a backward by hand, from what its forward has left in a tuple."""

    def __init__(self):
        super().__init__()
        self.W, self.U = (torch.nn.Parameter(torch.randn(n, 2)) for n in (3, 2))

    def forward(self, x, h):
        y = torch.tanh(x @ self.W + h @ self.U)
        self.left = (x, h, y)
        return y

    def backward(self, g):
        x, h, y = self.left
        dz = g * (1 - y**2)
        self.dW, self.dU = x.T @ dz, h.T @ dz
        return dz @ self.W.T, dz @ self.U.T


class WrongElmanCell(ElmanCell):
    def backward(self, g):
        dx, dh = super().backward(g)
        return dx, dh / 2


class Leaky(torch.nn.Module):
    """A step of two outputs, with the gradients of both arriving."""

    def __init__(self):
        super().__init__()
        self.W = torch.nn.Parameter(torch.randn(3, 2))

    def forward(self, x, c_prev):
        c = 0.5 * c_prev + x @ self.W
        h = torch.tanh(c)
        self.left = x, h
        return h, c

    def backward(self, dh, dc):
        x, _h = self.left
        dc = dc + dh
        self.dW = x.T @ dc
        return dc @ self.W.T, 0.5 * dc


class Rounded(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return torch.round(4 * x) / 4

    @staticmethod
    def backward(ctx, grad):
        return grad


class Inverse(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        y = torch.linalg.inv(x)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, grad):
        (y,) = ctx.saved_tensors
        return -y.T @ grad @ y.T


class WrongInverse(Inverse):
    @staticmethod
    def backward(ctx, grad):
        (y,) = ctx.saved_tensors
        return -y @ grad @ y


class Redrawn(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * (torch.rand(x.shape) > 0.5)

    @staticmethod
    def backward(ctx, grad):
        return grad * (torch.rand(grad.shape) > 0.5)


class AnyNumber(torch.autograd.Function):
    @staticmethod
    def forward(ctx, *args):
        ctx.save_for_backward(*args)
        return args[0] @ args[1]

    @staticmethod
    def backward(ctx, grad):
        x, w = ctx.saved_tensors
        return grad @ w.T, grad.T @ x


def test_what_is_returned_in_another_number_or_kind_is_said():
    x = RNG.standard_normal(3)
    report = judged(Few, (x, 2.0))
    assert report["input"].verdict == "wrong"
    assert "1 gradients, the forward takes x, factor" in report["input"].note
    assert "returns ndarray for a tensor" in judged(Array, (x, 2.0))["input"].note


def test_contexts_are_used_as_pytorch_lets_them():
    assert judged(Dirty, RNG.standard_normal((4, 4)))
    report = judged(NoNone, (RNG.standard_normal((4, 3)), RNG.standard_normal((3, 2))))
    assert report["input"].verdict == "correct"
    assert report["w"].verdict == "inconclusive"
    assert not report
    report = judged(Redrawn, RNG.standard_normal((4, 3)))
    assert "random" in report["input"].note
    report = judged(AnyNumber, (RNG.standard_normal((3, 2)), RNG.standard_normal((2, 4))))
    assert report["input"].verdict == "correct"
    assert report["argument 1"].diagnoses[0].kind == "transpose"


def test_each_argument_of_a_function_with_a_gradient_is_judged_a_target_too():
    pair = RNG.standard_normal((3, 2)), RNG.standard_normal((3, 2))
    report = judged(BothWays, pair)
    assert report["input"].verdict == "correct"
    assert report["target"].verdict == "wrong"
    assert report["target"].diagnoses[0].kind == "sign"
    assert not report
    report = judged(OneWay, pair)
    assert report
    assert any("target" in note and "constant" in note for note in report.notes)


def test_a_cell_that_keeps_a_tuple_is_judged():
    given = RNG.standard_normal((4, 3)), RNG.standard_normal((4, 2))
    assert judged(ElmanCell(), given)
    report = judged(WrongElmanCell(), given)
    assert report.first_wrong == "h"
    assert report["h"].diagnoses[0].kind == "scale"


def test_a_mistake_in_a_step_of_two_outputs_is_named():
    report = judged(Leaky(), (RNG.standard_normal((4, 3)), RNG.standard_normal((4, 2))))
    assert [e.diagnoses[0].kind for e in report.entries.values()] == ["missing_factor"] * 3


def test_of_a_surrogate_gradient_it_is_said_that_derivatives_cannot_judge_it():
    report = judged(Rounded, RNG.standard_normal((3, 4)))
    assert report["input"].verdict == "wrong"
    assert "straight-through" in report["input"].note
    wrong = judged(Few, (RNG.standard_normal(3), 2.0))
    assert "straight-through" not in wrong["input"].note


def test_an_inverse_without_its_transpositions_is_named():
    x = RNG.standard_normal((3, 3)) + 3 * np.eye(3)
    assert judged(Inverse, x)
    assert "-Y G Y" in judged(WrongInverse, x)["input"].diagnoses[0].explanation


def test_upstream_reference_and_steps_are_those_of_any_layer():
    q, k, v = written.RIGHT["Attention"][1]
    upstream = RNG.standard_normal((3, 5)), torch.randn(3, 2)
    assert judged(written.Attention, (q, k, v), upstream=upstream)
    with pytest.raises(ShapeError, match="upstream"):
        judged(written.Tanh, RNG.standard_normal(3), upstream=RNG.standard_normal(2))
    z = RNG.standard_normal((4, 5))
    assert judged(written.Softmax, z, reference=tg.softmax)["output"].verdict == "correct"
    other = judged(written.Softmax, z, reference=lambda z: tg.softmax(z, axis=0))
    assert other.first_wrong == "output"


class Cell(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, h, U):
        y = torch.tanh(x + h @ U)
        ctx.save_for_backward(h, U, y)
        return y

    @staticmethod
    def backward(ctx, g):
        h, U, y = ctx.saved_tensors
        dz = g * (1 - y**2)
        return dz, dz @ U, h.T @ dz


def test_a_cell_is_driven_over_its_steps():
    x, h, U = (RNG.standard_normal(s) for s in ((4, 2, 3), (2, 3), (3, 3)))
    report = tg.verify.layer(Cell, (x, h, U), steps=4)
    assert report.first_wrong == "h"
    assert report["h"].diagnoses[0].kind == "transpose"
    assert report["h"].diagnoses[0].detail["step"] == 4


def test_threads_leave_the_settings_as_they_were():
    def work(_k):
        return all(judged(written.Tanh, RNG.standard_normal((4, 3))) for _again in range(3))

    state, threads = torch.get_rng_state(), torch.get_num_threads()
    try:
        with ThreadPoolExecutor(4) as pool:
            assert all(pool.map(work, range(4)))
        assert torch.get_default_dtype() == torch.float32
        assert torch.equal(state, torch.get_rng_state())
        assert torch.get_num_threads() == threads
    finally:
        torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_what_the_caller_has_switched_off_is_on_in_here(mode):
    outside = torch.nn.Linear(3, 2)
    with mode():
        norm = torch.nn.BatchNorm1d(3)
        for thing in (written.Tanh, written.HandLinear, torch.nn.Linear(3, 2), norm, outside):
            report = judged(thing, torch.randn(4, 3))
            assert report, report
        assert not torch.is_grad_enabled()


def test_an_output_of_which_pytorch_records_nothing_is_said_to_be_one():
    report = judged(Of(lambda x: x.detach() * 2), RNG.standard_normal(3))
    assert report["input"].verdict == "wrong"
    assert "records nothing" in report["input"].note
    report = judged(Of(lambda x: (x.detach() * 2, None)), RNG.standard_normal(3))
    assert "records nothing" in report["input"].note


class TwoWays(torch.nn.Module):
    def forward(self, x):
        return x**2

    def detached(self, x):
        return x.detach() ** 2 + x


def test_other_methods_are_taken_by_their_names_and_functions_refused():
    x = RNG.standard_normal((4, 3))
    assert judged(TwoWays(), x, forward="forward")
    assert judged(TwoWays(), x, forward="detached")["input"].verdict == "wrong"
    for thing in (TwoWays(), TwoWays, written.HandLinear()):
        with pytest.raises(ArgumentError, match="has no method nowhere"):
            judged(thing, x, forward="nowhere")
        with pytest.raises(ArgumentError, match="has no method nowhere"):
            judged(thing, x, backward="nowhere")
        with pytest.raises(ArgumentError, match="backward= takes the name of a method"):
            judged(thing, x, backward=abs)
    for how in ({"forward": "forward"}, {"backward": abs}):
        with pytest.raises(ArgumentError, match="Tanh has a forward and a backward of its own"):
            judged(written.Tanh.apply, x, **how)


def test_what_a_copy_of_a_parameter_would_not_tell_is_refused():
    module = torch.nn.Linear(3, 2)
    handle = module.bias.register_hook(lambda g: 2 * g)
    with pytest.raises(ArgumentError, match="bias has hooks"):
        judged(module, RNG.standard_normal((4, 3)))
    handle.remove()
    assert judged(module, RNG.standard_normal((4, 3)))
    module.weight.register_post_accumulate_grad_hook(lambda p: p.grad.mul_(2))
    with pytest.raises(ArgumentError, match="weight has hooks"):
        judged(module, RNG.standard_normal((4, 3)))
    module = Of(lambda x: torch.fft.ifft(torch.fft.fft(x) * module.filter).real)
    module.filter = torch.nn.Parameter(torch.randn(3, dtype=torch.complex64))
    with pytest.raises(DTypeError, match="filter is complex"):
        judged(module, RNG.standard_normal((4, 3)))
    module.filter.requires_grad_(False)
    assert judged(module, RNG.standard_normal((4, 3)))


class SameNames(torch.nn.Module):
    """Parameters that are called like the arguments of the forward."""

    def __init__(self):
        super().__init__()
        self.x, self.weight, self.input = (torch.nn.Parameter(torch.randn(3)) for _k in range(3))

    def forward(self, x, weight):
        return x * self.x + (weight @ weight.T) @ (self.weight * x * self.input.exp())


def test_a_parameter_may_be_called_like_an_argument():
    given = RNG.standard_normal((4, 3)), RNG.standard_normal((4, 2))
    report = judged(SameNames(), given)
    assert report, report
    assert [*report.entries] == ["input", "weight", "self.x", "self.weight", "self.input"]
    wrong = SameNames()
    wrong.forward = lambda x, weight: SameNames.forward(wrong, x.detach(), weight)
    assert judged(wrong, given).first_wrong == "input"


class WithNone(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**2, None, 3 * x, 5

    @staticmethod
    def backward(ctx, g, _nothing, h, _number):
        assert _nothing is None
        return 2 * ctx.saved_tensors[0] * g + 3 * h


class WithoutItsPlace(WithNone):
    @staticmethod
    def backward(ctx, g, h):
        return WithNone.backward(ctx, g, None, h, None)


def test_what_is_no_tensor_among_the_outputs_has_its_place_in_the_backward():
    x = RNG.standard_normal((4, 3))
    report = judged(WithNone, x)
    assert report, report
    report = judged(WithoutItsPlace, x)
    assert report["input"].verdict == "wrong"
    assert "TypeError" in report["input"].note


class InPlace(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        ctx.twice = 2 * x
        return x**2

    @staticmethod
    def backward(ctx, g):
        return g.mul_(ctx.twice)


class InPlaceOfSaved(InPlace):
    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return x.mul_(2) * g


class InPlaceOfContext(InPlace):
    @staticmethod
    def backward(ctx, g):
        return ctx.twice.mul_(g)


def test_a_backward_that_changes_what_others_need_is_not_plainly_right():
    x = RNG.standard_normal((4, 3))
    kinds = {"g": InPlace, "ctx.saved_tensors[0]": InPlaceOfSaved, "ctx.twice": InPlaceOfContext}
    for name, kind in kinds.items():
        report = judged(kind, x)
        assert report["input"].verdict == "correct"
        assert report["backward"].verdict == "inconclusive"
        assert f"changes {name} in place" in report["backward"].note
    assert "changes g in place" in judged(Of(lambda x: InPlace.apply(2 * x)), x)["backward"].note


def test_arrays_that_a_backward_changes_in_place_are_noted():
    def backward(d_out, x):
        d_out[x < 0] = 0
        return d_out

    x = RNG.standard_normal((4, 3))
    report = judged((lambda x: np.maximum(x, 0), backward), x)
    assert report
    assert any("changes d_out in place" in note for note in report.notes)


@pytest.mark.filterwarnings("ignore::UserWarning")  # quantized ones are deprecated
def test_tensors_of_other_kinds_are_converted_or_refused():
    x = torch.randn(4, 3)
    assert judged(written.Tanh, x.bfloat16())
    assert judged(torch.nn.Linear(3, 2).bfloat16(), x.bfloat16())
    quantized = torch.quantize_per_tensor(x, 0.1, 0, torch.quint8)
    for other, kind in (
        (x.to_sparse(), "sparse"),
        (x.to("meta"), "meta"),
        (quantized, "quantized"),
    ):
        with pytest.raises(DTypeError, match=f"a {kind} tensor"):
            judged(written.Tanh, other)
    with pytest.raises(DTypeError, match="a meta tensor"):
        judged(torch.nn.Linear(3, 2, device="meta"), x)
    assert judged(torch.nn.Embedding(5, 3, sparse=True), torch.tensor([1, 4, 1]))


def test_a_class_that_takes_arguments_is_asked_for_an_object():
    with pytest.raises(ArgumentError, match=r"Linear\(\.\.\.\)"):
        judged(torch.nn.Linear, RNG.standard_normal(3))


def test_the_command_takes_them_from_a_file(capsys):
    from tinygrad_fr.cli import main

    for name, how in (("MyMul", ["--input", "3"]), ("HandLinear", []), ("Dense", ["--one-hot"])):
        first = "3" if name == "MyMul" else "4,3"
        assert main(["check", f"{written.__file__}:{name}", "--input", first, *how]) == 0
        assert "input" in capsys.readouterr().out


class Of(torch.nn.Module):
    def __init__(self, f):
        super().__init__()
        self.f = f

    def forward(self, x):
        return self.f(x)


F, PLACES = torch.nn.functional, torch.tensor([[0, 0, 2, 1], [3, 3, 3, 0]])
RECORDED = [
    lambda x: x.norm(), lambda x: x / x.norm(dim=1, keepdim=True), lambda x: torch.norm(x, 1, 0),
    lambda x: torch.linalg.norm(x, dim=-1), lambda x: torch.linalg.vector_norm(x, 1, 1),
    lambda x: x.clamp_min(0.1), lambda x: x.clamp_max(0.1), lambda x: torch.linalg.inv(x),
    lambda x: x.inverse() @ x.T, lambda x: torch.linalg.solve(x, x.T), torch.linalg.det,
    lambda x: x.cumsum(1), lambda x: torch.zeros(3, 4).index_add_(0, PLACES[0], x),
    lambda x: torch.zeros(4, 4).index_add(1, PLACES[1], x) * x,
    # They move entries only.
    lambda x: x.gather(0, PLACES), lambda x: x.index_select(1, PLACES[0]), torch.tril,
    lambda x: x.take_along_dim(PLACES.T, 1), lambda x: x.unfold(1, 2, 1) ** 2, torch.diagonal,
    lambda x: F.unfold(x[None, None], 2, padding=1), lambda x: F.pad(x, (1, 2)).sigmoid(),
    lambda x: F.pixel_shuffle(x.reshape(1, 4, 2, 2), 2), lambda x: x.narrow(1, 1, 2).movedim(0, 1),
    lambda x: torch.mul(*x.chunk(2, dim=1)), lambda x: x.split([1, 3])[1].exp(),
    lambda x: sum(row * k for k, row in enumerate(x)), lambda x: x.chunk(1)[0] ** 2,
]  # fmt: skip


WITH_NUMPY = [
    (lambda x: torch.from_numpy(np.exp(x.detach().numpy()).sum(0)) * x,
     lambda x: x.exp().sum(0) * x),
    (lambda x: torch.as_tensor(np.tanh(x.detach().cpu().numpy() @ np.eye(4)[:2].T)).sigmoid(),
     lambda x: x[:, :2].tanh().sigmoid()),
    (lambda x: x.new_tensor(np.arctan(x.detach().numpy()) ** 2), lambda x: x.arctan() ** 2),
]  # fmt: skip


@pytest.mark.parametrize(("f", "in_pytorch"), [(f, f) for f in RECORDED] + WITH_NUMPY)
def test_what_is_computed_is_recorded_with_its_gradient(f, in_pytorch):
    from tinygrad_fr.verify.handwritten.parts import Handwritten
    from tinygrad_fr.verify.handwritten.pytorch import subject_for

    x = RNG.standard_normal((4, 4)) + 2 * np.eye(4)
    ours, theirs = tg.Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    y = Handwritten(subject_for(Of(f), x=x), x).recorded({"input": ours})
    torch.set_default_dtype(torch.float64)
    try:
        t = in_pytorch(theirs)
    finally:
        torch.set_default_dtype(torch.float32)
    np.testing.assert_allclose(y.data, t.detach().numpy(), rtol=1e-12)
    upstream = np.asarray(RNG.standard_normal(y.shape))
    y.backward(upstream)
    t.backward(torch.tensor(upstream))
    np.testing.assert_allclose(ours.grad.data, theirs.grad.numpy(), rtol=1e-9, atol=1e-12)


def test_what_is_not_known_under_its_name_is_not_recorded():
    for f in (torch.erfinv, torch.lgamma, lambda x: x.sort(1, descending=True)[0]):
        report = judged(Of(f), RNG.uniform(0.1, 0.9, (3, 4)))
        assert report["input"].verdict == "correct"


def test_the_library_does_not_import_pytorch():
    code = "import sys, tinygrad_fr as tg, numpy as np\n" \
           "tg.verify.layer((np.tanh, lambda g, x: g * (1 - np.tanh(x) ** 2)), np.ones(3))\n" \
           "assert 'torch' not in sys.modules"  # fmt: skip
    subprocess.run([sys.executable, "-c", code], check=True)
