"""Functions and Modules of PyTorch with a backward by hand, right, in the ways people write them.

``RIGHT`` are thunks of what ``verify.layer`` takes; ``WRONG`` are edits of one of them, with the
entry that is wrong and the kinds that name it.
"""

import inspect
import math
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

rng = np.random.default_rng(7)


def draw(*shape: int) -> Any:
    return rng.standard_normal(shape)


class LinearFunction(Function):
    """The tutorial's: arguments that may be missing, needs_input_grad."""

    @staticmethod
    def forward(ctx, input, weight, bias=None):
        ctx.save_for_backward(input, weight, bias)
        output = input.mm(weight.t())
        if bias is not None:
            output += bias.unsqueeze(0).expand_as(output)
        return output

    @staticmethod
    def backward(ctx, grad_output):
        input, weight, bias = ctx.saved_tensors
        grad_input = grad_weight = grad_bias = None
        if ctx.needs_input_grad[0]:
            grad_input = grad_output.mm(weight)
        if ctx.needs_input_grad[1]:
            grad_weight = grad_output.t().mm(input)
        if bias is not None and ctx.needs_input_grad[2]:
            grad_bias = grad_output.sum(0)
        return grad_input, grad_weight, grad_bias


class LinearApart(Function):
    """With the context set up beside the forward."""

    @staticmethod
    def forward(x, w, b):
        return x @ w + b

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, w, _b = inputs
        ctx.save_for_backward(x, w)

    @staticmethod
    def backward(ctx, grad):
        x, w = ctx.saved_tensors
        return grad @ w.T, x.T @ grad, grad.sum(dim=0)


class MyReLU(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        grad_input = grad_output.clone()
        grad_input[x < 0] = 0
        return grad_input


class Sigmoid(Function):
    @staticmethod
    def forward(ctx, x):
        s = 1 / (1 + torch.exp(-x))
        ctx.s = s
        return s

    @staticmethod
    def backward(ctx, g):
        return g * ctx.s * (1 - ctx.s)


class Tanh(Function):
    @staticmethod
    def forward(ctx, x):
        y = torch.tanh(x)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, g):
        (y,) = ctx.saved_tensors
        return g * (1 - y**2)


class Exp(Function):
    @staticmethod
    def forward(ctx, i):
        result = i.exp()
        ctx.save_for_backward(result)
        return result

    @staticmethod
    def backward(ctx, grad_output):
        (result,) = ctx.saved_tensors
        return grad_output * result


class LegendrePolynomial3(Function):
    @staticmethod
    def forward(ctx, input):
        ctx.save_for_backward(input)
        return 0.5 * (5 * input**3 - 3 * input)

    @staticmethod
    def backward(ctx, grad_output):
        (input,) = ctx.saved_tensors
        return grad_output * 1.5 * (5 * input**2 - 1)


class Softmax(Function):
    @staticmethod
    def forward(ctx, z):
        z = z - z.max(dim=1, keepdim=True).values
        e = z.exp()
        p = e / e.sum(dim=1, keepdim=True)
        ctx.save_for_backward(p)
        return p

    @staticmethod
    def backward(ctx, g):
        (p,) = ctx.saved_tensors
        return p * (g - (g * p).sum(dim=1, keepdim=True))


class CrossEntropy(Function):
    """A loss with labels."""

    @staticmethod
    def forward(ctx, logits, labels):
        p = F.softmax(logits, dim=1)
        ctx.save_for_backward(p, labels)
        n = logits.shape[0]
        return -torch.log(p[torch.arange(n), labels]).mean()

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        p, labels = ctx.saved_tensors
        d = p.clone()
        d[torch.arange(len(d)), labels] -= 1
        return grad_output * d / len(d), None


class MSE(Function):
    @staticmethod
    def forward(ctx, y_pred, y):
        ctx.save_for_backward(y_pred, y)
        return ((y_pred - y) ** 2).mean()

    @staticmethod
    def backward(ctx, grad_output):
        y_pred, y = ctx.saved_tensors
        grad = 2 * (y_pred - y) / y_pred.numel()
        return grad_output * grad, None


class L1Both(Function):
    """A loss that gives both gradients."""

    @staticmethod
    def forward(ctx, pred, target):
        d = pred - target
        ctx.sign = torch.sign(d)
        return d.abs().sum()

    @staticmethod
    def backward(ctx, g):
        return g * ctx.sign, -g * ctx.sign


class LeakyReLU(Function):
    """With a number."""

    @staticmethod
    def forward(ctx, x, slope=0.01):
        ctx.save_for_backward(x)
        ctx.slope = slope
        return torch.where(x > 0, x, slope * x)

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * torch.where(x > 0, 1.0, ctx.slope), None


class PReLU(Function):
    @staticmethod
    def forward(ctx, x, a):
        ctx.save_for_backward(x, a)
        return torch.where(x > 0, x, a * x)

    @staticmethod
    def backward(ctx, g):
        x, a = ctx.saved_tensors
        return g * torch.where(x > 0, torch.ones_like(x), a), (g * x * (x <= 0)).sum()


class MyMul(Function):
    @staticmethod
    def forward(ctx, a, b):
        ctx.save_for_backward(a, b)
        return a * a * b

    @staticmethod
    def backward(ctx, grad_output):
        a, b = ctx.saved_tensors
        return grad_output * 2 * a * b, grad_output * a * a


class ISRLU(Function):
    @staticmethod
    def forward(ctx, tensor, alpha=1):
        negatives = torch.min(tensor, torch.zeros_like(tensor))
        ctx.nisr = torch.rsqrt(1.0 + alpha * negatives**2)
        return tensor * ctx.nisr

    @staticmethod
    def backward(ctx, grad_out):
        return grad_out * ctx.nisr**3, None


class Conv2d(Function):
    @staticmethod
    def forward(ctx, x, w, b, stride, padding):
        ctx.save_for_backward(x, w)
        ctx.conf = stride, padding
        return F.conv2d(x, w, b, stride, padding)

    @staticmethod
    def backward(ctx, g):
        x, w = ctx.saved_tensors
        stride, padding = ctx.conf
        dx = torch.nn.grad.conv2d_input(x.shape, w, g, stride=stride, padding=padding)
        dw = torch.nn.grad.conv2d_weight(x, w.shape, g, stride=stride, padding=padding)
        return dx, dw, g.sum(dim=(0, 2, 3)), None, None


class MaxPool(Function):
    """Two outputs, one of them no real number."""

    @staticmethod
    def forward(ctx, x):
        y, where = F.max_pool2d(x, 2, return_indices=True)
        ctx.save_for_backward(where)
        ctx.mark_non_differentiable(where)
        ctx.shape = x.shape
        return y, where

    @staticmethod
    def backward(ctx, g, _g_where):
        (where,) = ctx.saved_tensors
        n, c = ctx.shape[:2]
        dx = torch.zeros(n, c, ctx.shape[2] * ctx.shape[3], dtype=g.dtype)
        dx.scatter_(2, where.view(n, c, -1), g.view(n, c, -1))
        return dx.view(ctx.shape)


class BatchNorm(Function):
    @staticmethod
    def forward(ctx, x, gamma, beta, eps=1e-5):
        mu = x.mean(dim=0)
        var = x.var(dim=0, unbiased=False)
        inv = 1 / torch.sqrt(var + eps)
        xhat = (x - mu) * inv
        ctx.save_for_backward(xhat, gamma, inv)
        return gamma * xhat + beta

    @staticmethod
    def backward(ctx, dout):
        xhat, gamma, inv = ctx.saved_tensors
        n = dout.size(0)
        dgamma = (dout * xhat).sum(0)
        dbeta = dout.sum(0)
        dx = gamma * inv / n * (n * dout - dbeta - xhat * dgamma)
        return dx, dgamma, dbeta, None


class LayerNorm(Function):
    @staticmethod
    def forward(ctx, x, weight, bias, eps):
        mean = x.mean(-1, keepdim=True)
        rstd = (x.var(-1, unbiased=False, keepdim=True) + eps).rsqrt()
        norm = (x - mean) * rstd
        ctx.save_for_backward(norm, weight, rstd)
        return norm * weight + bias

    @staticmethod
    def backward(ctx, g):
        norm, weight, rstd = ctx.saved_tensors
        h = g * weight
        dx = (h - h.mean(-1, keepdim=True) - norm * (h * norm).mean(-1, keepdim=True)) * rstd
        return dx, (g * norm).sum(0), g.sum(0), None


class Attention(Function):
    """Two outputs at which gradients arrive."""

    @staticmethod
    def forward(ctx, q, k, v):
        a = torch.tanh(q @ k.T)
        ctx.save_for_backward(q, k, v, a)
        return a, a @ v

    @staticmethod
    def backward(ctx, ga, go):
        q, k, v, a = ctx.saved_tensors
        ga = ga + go @ v.T
        gz = ga * (1 - a * a)
        return gz @ k, gz.T @ q, a.T @ go


class Embedding(Function):
    @staticmethod
    def forward(ctx, weight, idx):
        ctx.save_for_backward(idx)
        ctx.n = weight.shape[0]
        return weight[idx]

    @staticmethod
    def backward(ctx, g):
        (idx,) = ctx.saved_tensors
        dw = g.new_zeros(ctx.n, g.shape[-1])
        dw.index_add_(0, idx, g)
        return dw, None


class SumRows(Function):
    """Its upstream gradient is handed on without a sum over the batch: PyTorch sums it."""

    @staticmethod
    def forward(ctx, x, b):
        return x + b

    @staticmethod
    def backward(ctx, g):
        return g, g


class Swish(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * torch.sigmoid(x)

    @staticmethod
    def backward(ctx, g):
        x = ctx.saved_tensors[0]
        s = torch.sigmoid(x)
        return g * (s + x * s * (1 - s))


class GELU(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return 0.5 * x * (1 + torch.erf(x / math.sqrt(2)))

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        cdf = 0.5 * (1 + torch.erf(x / math.sqrt(2)))
        pdf = torch.exp(-0.5 * x**2) / math.sqrt(2 * math.pi)
        return g * (cdf + x * pdf)


class Norm(Function):
    @staticmethod
    def forward(ctx, x):
        n = torch.sqrt((x * x).sum(dim=1, keepdim=True))
        ctx.save_for_backward(x, n)
        return x / n

    @staticmethod
    def backward(ctx, g):
        x, n = ctx.saved_tensors
        return g / n - x * (g * x).sum(dim=1, keepdim=True) / n**3


class Checkpointed(Function):
    """Goes through its own graph again."""

    @staticmethod
    def forward(ctx, x, w):
        ctx.save_for_backward(x, w)
        return torch.sin(x @ w)

    @staticmethod
    def backward(ctx, g):
        x, w = (t.detach().requires_grad_() for t in ctx.saved_tensors)
        with torch.enable_grad():
            y = torch.sin(x @ w)
        return torch.autograd.grad(y, (x, w), g)


class Dense(nn.Module):
    """A Module around a Function."""

    def __init__(self, n_in=3, n_out=2):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(n_out, n_in))
        self.bias = nn.Parameter(torch.zeros(n_out))

    def forward(self, x):
        return MyReLU.apply(LinearFunction.apply(x, self.weight, self.bias))


class TwoLayers(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2 = Dense(3, 4), nn.Linear(4, 2)
        self.drop = nn.Dropout(0.5)

    def forward(self, x):
        return self.fc2(self.drop(self.fc1(x)))


class HandLinear(nn.Module):
    """A Module with a backward that nobody but its author calls."""

    def __init__(self):
        super().__init__()
        self.W = torch.randn(3, 2)
        self.b = torch.zeros(2)

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, grad):
        self.dW = self.x.t() @ grad
        self.db = grad.sum(0)
        return grad @ self.W.t()


class HandParameters(nn.Module):
    """As above, with Parameters whose .grad it fills."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(2, 3))
        self.bias = nn.Parameter(torch.randn(2))

    def forward(self, x):
        self.input = x
        self.z = x @ self.weight.T + self.bias
        return torch.sigmoid(self.z)

    def backward(self, grad_output):
        a = torch.sigmoid(self.z)
        dz = grad_output * a * (1 - a)
        self.weight.grad = dz.T @ self.input
        self.bias.grad = dz.sum(dim=0)
        return dz @ self.weight


class HandSoftmax(nn.Module):
    def forward(self, x):
        e = torch.exp(x - x.max(1, keepdim=True)[0])
        self.out = e / e.sum(1, keepdim=True)
        return self.out

    def backward(self, grad):
        dot = (grad * self.out).sum(1, keepdim=True)
        return self.out * (grad - dot)


LABELS = np.array([0, 2, 1, 2, 0])
DENSE = draw(4, 3), draw(2, 3), draw(2)
NORMED = draw(6, 3), draw(3), draw(3)

RIGHT: dict[str, tuple[Any, Any]] = {
    "LinearFunction": (LinearFunction, DENSE),
    "LinearFunction without a bias": (LinearFunction, DENSE[:2]),
    "LinearApart": (LinearApart, (draw(4, 3), draw(3, 2), draw(2))),
    "MyReLU": (MyReLU.apply, draw(4, 3)),
    "Sigmoid": (Sigmoid, torch.tensor(draw(4, 3))),
    "Tanh": (Tanh, torch.randn(4, 3, requires_grad=True)),
    "Exp": (Exp, draw(5)),
    "LegendrePolynomial3": (LegendrePolynomial3, draw(5, 2)),
    "Softmax": (Softmax, draw(4, 5)),
    "CrossEntropy": (CrossEntropy, (draw(5, 3), LABELS)),
    "MSE": (MSE, (draw(4, 3), draw(4, 3))),
    "L1Both": (L1Both, (draw(4, 3), draw(4, 3))),
    "LeakyReLU": (LeakyReLU, (draw(4, 3), 0.1)),
    "PReLU": (PReLU, (draw(4, 3), np.array(0.25))),
    "MyMul": (MyMul, (draw(3), draw(3))),
    "ISRLU": (ISRLU, draw(4, 4)),
    "Conv2d": (Conv2d, (draw(2, 3, 5, 5), draw(2, 3, 3, 3), draw(2), 2, 1)),
    "MaxPool": (MaxPool, draw(2, 2, 4, 4)),
    "BatchNorm": (BatchNorm, NORMED),
    "LayerNorm": (LayerNorm, (*NORMED, 1e-5)),
    "Attention": (Attention, (draw(3, 4), draw(5, 4), draw(5, 2))),
    "Embedding": (Embedding, (draw(4, 3), np.array([0, 2, 2, 1, 0]))),
    "SumRows": (SumRows, (draw(4, 3), draw(3))),
    "Swish": (Swish, draw(4, 3)),
    "GELU": (GELU, draw(4, 3)),
    "Norm": (Norm, draw(4, 3)),
    "Checkpointed": (Checkpointed, (draw(4, 3), draw(3, 2))),
    "Dense": (Dense(), draw(4, 3)),
    "Dense, the class": (Dense, draw(4, 3)),
    "TwoLayers": (TwoLayers(), draw(4, 3)),
    "HandLinear": (HandLinear(), draw(4, 3)),
    "HandParameters": (HandParameters(), draw(4, 3)),
    "HandSoftmax": (HandSoftmax(), draw(4, 3)),
    "nn.Linear": (nn.Linear(3, 2), torch.randn(4, 3)),
    "nn.BCELoss": (nn.BCELoss(), (torch.rand(4, 3), torch.rand(4, 3))),
    "nn.LSTM": (nn.LSTM(3, 2), torch.randn(4, 2, 3)),
    "nn.BatchNorm1d in evaluation": (nn.BatchNorm1d(3).eval(), torch.randn(4, 3)),
}

# what, its text, the mistake, the entry that is wrong, the kinds that name it
WRONG: list[tuple[str, str, str, str, tuple[str, ...]]] = [
    ("LinearFunction", "grad_output.t().mm(input)", "input.t().mm(grad_output)", "weight",
     ("transpose",)),
    ("LinearFunction", "grad_output.sum(0)", "grad_output.mean(0)", "bias", ("scale",)),
    ("LinearFunction", "grad_output.mm(weight)", "-grad_output.mm(weight)", "input", ("sign",)),
    ("LinearFunction", "mm(input)", "mm(input) / input.size(0)", "weight", ("scale",)),
    ("LinearFunction", "grad_output.sum(0)", "grad_output[0]", "bias", ("overwritten",)),
    ("LinearFunction", "grad_output.sum(0)", "torch.ones_like(bias)", "bias",
     ("missing_upstream", "constant_offset")),
    ("LinearApart", "grad.sum(dim=0)", "grad.sum(dim=1)[:2]", "b", ("wrong_axis", "wrong_shape")),
    ("MyReLU", "x < 0", "grad_output < 0", "input", ("wrong_variable", "wrong_local_derivative")),
    ("MyReLU", "grad_input[x < 0] = 0", "pass", "input", ("missing_factor",)),
    ("Sigmoid", "g * ctx.s * (1 - ctx.s)", "ctx.s * (1 - ctx.s)", "input", ("missing_upstream",)),
    ("Sigmoid", "(1 - ctx.s)", "(1 - torch.sigmoid(ctx.s))", "input",
     ("double_activation", "wrong_local_derivative", "wrong_variable")),
    ("Sigmoid", "ctx.s = s", "ctx.s = x", "input", ("wrong_variable", "wrong_local_derivative")),
    ("Tanh", "1 - y**2", "1 - y", "input", ("wrong_local_derivative",)),
    ("Tanh", "ctx.save_for_backward(y)", "ctx.save_for_backward(x)", "input",
     ("wrong_variable", "wrong_local_derivative")),
    ("Exp", "save_for_backward(result)", "save_for_backward(i)", "input",
     ("wrong_variable", "wrong_local_derivative")),
    ("LegendrePolynomial3", "* 1.5", "* 3", "input", ("scale",)),
    ("Softmax", "p * (g - (g * p).sum(dim=1, keepdim=True))", "g * p * (1 - p)", "input",
     ("diagonal_only",)),
    ("Softmax", "(g * p).sum(dim=1", "(g * p).sum(dim=0", "input", ("wrong_axis",)),
    ("CrossEntropy", " / len(d)", "", "input", ("scale",)),
    ("CrossEntropy", "grad_output * d", "d", "input", ("missing_upstream",)),
    ("CrossEntropy", "labels] -= 1", "labels] += 1", "input", ("sign", "missing_branch")),
    ("CrossEntropy", "labels] -= 1", "(labels + 1) % 3] -= 1", "input", ("off_by_one_class",)),
    ("MSE", "2 * (y_pred - y)", "(y_pred - y)", "input", ("scale",)),
    ("MSE", "y_pred - y) /", "y - y_pred) /", "input", ("sign",)),
    ("MSE", "y_pred.numel()", "len(y)", "input", ("scale",)),
    ("PReLU", "(x <= 0)).sum()", "(x <= 0)).mean()", "a", ("scale",)),
    ("MyMul", "grad_output * 2 * a * b, grad_output * a * a",
     "grad_output * a * a, grad_output * 2 * a * b", "input", ("wrong_variable",)),
    ("MyMul", "grad_output * 2 * a * b", "grad_output * a * b", "input",
     ("scale", "missing_branch")),
    ("ISRLU", "grad_out * ctx.nisr**3", "ctx.nisr**3", "input", ("missing_upstream",)),
    ("Conv2d", "w, g, stride", "w.flip(2, 3), g, stride", "input", ("flipped_kernel",)),
    ("Conv2d", "g.sum(dim=(0, 2, 3))", "g.mean(dim=(0, 2, 3))", "b", ("scale",)),
    ("BatchNorm", "n * dout - dbeta - xhat * dgamma", "n * dout - dbeta", "input",
     ("missing_branch",)),
    ("BatchNorm", "n * dout - dbeta - xhat * dgamma", "n * dout", "input", ("missing_branch",)),
    ("LayerNorm", "(g * norm).sum(0)", "(g * norm).sum(-1)[:3]", "weight",
     ("wrong_axis", "wrong_shape")),
    ("Attention", "ga = ga + go @ v.T", "ga = go @ v.T", "input", ("missing_branch",)),
    ("Attention", "gz = ga * (1 - a * a)", "gz = ga", "input", ("missing_factor",)),
    ("Embedding", "dw.index_add_(0, idx, g)", "dw[idx] = g", "input", ("overwritten",)),
    ("Swish", "s + x * s * (1 - s)", "x * s * (1 - s)", "input", ("wrong_local_derivative",)),
    ("Swish", "s + x * s * (1 - s)", "s", "input", ("wrong_local_derivative",)),
    ("Norm", "- x * (g * x).sum(dim=1, keepdim=True) / n**3", "", "input", ("missing_branch",)),
    ("LeakyReLU", "1.0, ctx.slope", "1.0, 0.0", "input",
     ("wrong_local_derivative", "missing_branch", "zero")),
    ("HandLinear", "self.x.t() @ grad", "self.x.t() @ grad / len(grad)", "W", ("scale",)),
    ("HandLinear", "grad.sum(0)", "grad", "b", ("not_summed",)),
    ("HandLinear", "self.W.t()", "self.W.t() * 2", "input", ("scale",)),
    ("HandParameters", " * a * (1 - a)", "", "weight", ("missing_factor",)),
    ("HandParameters", "dz.sum(dim=0)", "dz.mean(dim=0)", "bias", ("scale",)),
    ("Dense", "self.weight, self.bias", "self.weight, self.bias.detach()", "bias", ("zero",)),
    ("TwoLayers", "self.fc1(x)", "self.fc1(x).detach()", "fc1.weight", ("zero",)),
    ("HandSoftmax", "self.out * (grad - dot)", "self.out * grad", "input", ("missing_branch",)),
]  # fmt: skip


def edited(name: str, before: str, after: str) -> Any:
    """The wrong one; the class alone."""
    thing = RIGHT[name][0]
    kind = getattr(thing, "__self__", thing)
    kind = kind if isinstance(kind, type) else type(kind)
    text = inspect.getsource(kind)
    assert text.count(before) == 1 or after, (name, before)
    assert before in text
    space = dict(globals())
    exec(text.replace(before, after), space)
    return space[kind.__name__]
