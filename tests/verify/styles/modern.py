"""Style: typed Python of today: dataclasses, protocols, `ctx.save(...)`, einsum.

Names in `wrong`: the argument's own name for functions, the field's for
objects, "input" for what an object is called with.
"""
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable, NamedTuple, Protocol

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

Array = np.ndarray


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


class Module(Protocol):
    def __call__(self, x: Array) -> Array: ...

    def backward(self, grad: Array) -> Array: ...


@dataclass
class Context:
    saved: tuple[Any, ...] = ()

    def save(self, *values: Any) -> None:
        self.saved = values


# --------------------------------------------------------------- ops with ctx
class MatMulBias:
    @staticmethod
    def forward(ctx: Context, x: Array, weight: Array, bias: Array) -> Array:
        ctx.save(x, weight)
        return np.einsum("...i,oi->...o", x, weight) + bias

    @staticmethod
    def backward(ctx: Context, grad: Array) -> tuple[Array, Array, Array]:
        x, weight = ctx.saved
        return (
            np.einsum("...o,oi->...i", grad, weight),
            np.einsum("bti,bto->oi", x, grad),
            np.einsum("bto->o", grad),
        )


class SiLU:
    @staticmethod
    def forward(ctx: Context, x: Array) -> Array:
        s = 1 / (1 + np.exp(-x))
        ctx.save(x, s)
        return x * s

    @staticmethod
    def backward(ctx: Context, grad: Array) -> Array:
        x, s = ctx.saved
        return grad * s * (1 + x * (1 - s))


class Mish:
    @staticmethod
    def forward(ctx: Context, x: Array) -> Array:
        t = np.tanh(np.log1p(np.exp(x)))
        ctx.save(x, t)
        return x * t

    @staticmethod
    def backward(ctx: Context, grad: Array) -> Array:
        x, t = ctx.saved
        # MISTAKE: the inner derivative, sigmoid(x), is not multiplied in
        return grad * (t + x * (1 - t * t))


class LogSoftmax:
    @staticmethod
    def forward(ctx: Context, logits: Array) -> Array:
        z = logits - logits.max(-1, keepdims=True)
        out = z - np.log(np.exp(z).sum(-1, keepdims=True))
        ctx.save(out)
        return out

    @staticmethod
    def backward(ctx: Context, grad: Array) -> Array:
        (out,) = ctx.saved
        return grad - np.exp(out) * grad.sum(-1, keepdims=True)


# ------------------------------------------------------------------ modules
@dataclass
class Param:
    value: Array
    grad: Array | None = None

    def accumulate(self, g: Array) -> None:
        self.grad = g if self.grad is None else self.grad + g


@dataclass
class Linear:
    d_in: int
    d_out: int
    weight: Param = field(init=False)
    bias: Param = field(init=False)
    _x: Array | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        g = rng(self.d_in + self.d_out)
        self.weight = Param(g.normal(0, self.d_in ** -0.5, (self.d_out, self.d_in)))
        self.bias = Param(np.zeros(self.d_out))

    def __call__(self, x: Array) -> Array:
        self._x = x
        return x @ self.weight.value.T + self.bias.value

    def backward(self, grad: Array) -> Array:
        self.weight.accumulate(grad.T @ self._x)
        self.bias.accumulate(grad.sum(0))
        return grad @ self.weight.value


@dataclass
class RMSNorm:
    gain: Array
    eps: float = 1e-6
    grads: dict[str, Array] = field(default_factory=dict)

    def __call__(self, x: Array) -> Array:
        self.x = x
        self.r = 1 / np.sqrt(np.square(x).mean(-1, keepdims=True) + self.eps)
        return x * self.r * self.gain

    def backward(self, grad: Array) -> Array:
        n = self.x * self.r
        self.grads["gain"] = np.einsum("btd,btd->d", grad, n)
        gg = grad * self.gain
        return self.r * (gg - n * (gg * n).mean(-1, keepdims=True))


@dataclass
class RMSNormFast(RMSNorm):
    def backward(self, grad: Array) -> Array:
        self.grads["gain"] = (grad * self.x * self.r).sum((0, 1))
        return grad * self.gain * self.r      # MISTAKE: r is a function of x as well


@dataclass
class GroupNorm:
    groups: int
    channels: int
    eps: float = 1e-5

    def __post_init__(self) -> None:
        self.weight = 1 + 0.3 * rng(2).standard_normal(self.channels)
        self.bias = np.zeros(self.channels)

    def __call__(self, x: Array) -> Array:
        n, c, *rest = x.shape
        g = x.reshape(n, self.groups, -1)
        self.inv = 1 / np.sqrt(g.var(-1, keepdims=True) + self.eps)
        self.xhat = (g - g.mean(-1, keepdims=True)) * self.inv
        self.shape = x.shape
        return self.xhat.reshape(x.shape) * self.weight[:, None, None] + self.bias[:, None, None]

    def backward(self, grad: Array) -> Array:
        self.weight_grad = np.einsum("nchw,nchw->c", grad, self.xhat.reshape(self.shape))
        self.bias_grad = np.einsum("nchw->c", grad)
        d = (grad * self.weight[:, None, None]).reshape(self.xhat.shape)
        dx = self.inv * (d - d.mean(-1, keepdims=True) - self.xhat * (d * self.xhat).mean(-1, keepdims=True))
        return dx.reshape(self.shape)


@dataclass
class SwiGLU:
    w_gate: Array
    w_up: Array
    w_down: Array

    def __call__(self, x: Array) -> Array:
        gate, up = x @ self.w_gate, x @ self.w_up
        sig = 1 / (1 + np.exp(-gate))
        self._ctx = (x, gate, up, sig)
        return (gate * sig * up) @ self.w_down

    def backward(self, grad: Array) -> tuple[Array, dict[str, Array]]:
        x, gate, up, sig = self._ctx
        act = gate * sig
        dh = np.einsum("btd,hd->bth", grad, self.w_down)
        dup = dh * act
        dgate = dh * up * (sig + act * (1 - sig))
        return (
            dgate @ self.w_gate.T + dup @ self.w_up.T,
            {
                "w_gate": np.einsum("bti,bth->ih", x, dgate),
                "w_up": np.einsum("bti,bth->ih", x, dup),
                "w_down": np.einsum("bth,btd->hd", act * up, grad),
            },
        )


@dataclass
class GEGLULike:
    """Value times sigmoid gate (GLU), one projection split in two."""

    w: Array

    def __call__(self, x: Array) -> Array:
        a, b = np.split(x @ self.w, 2, axis=-1)
        self._ctx = (x, a, 1 / (1 + np.exp(-b)))
        return a * self._ctx[2]

    def backward(self, grad: Array) -> tuple[Array, dict[str, Array]]:
        x, a, s = self._ctx
        # MISTAKE: the gate's derivative comes without the value it multiplies
        d = np.concatenate([grad * s, grad * s * (1 - s)], axis=-1)
        return d @ self.w.T, {"w": x.T @ d}


@dataclass
class LoRALinear:
    frozen: Array
    a: Array
    b: Array
    alpha: float = 2.0

    def __call__(self, x: Array) -> Array:
        self.x, self.z = x, x @ self.a
        return x @ self.frozen + self.alpha / self.a.shape[1] * self.z @ self.b

    def backward(self, grad: Array) -> Array:
        s = self.alpha / self.a.shape[1]
        self.b_grad = s * self.z.T @ grad
        dz = s * grad @ self.b.T
        self.a_grad = self.x.T @ dz
        return grad @ self.frozen.T + dz @ self.a.T


@dataclass
class Dropout:
    p: float = 0.25
    training: bool = True
    scale: Array = field(init=False, default=None)

    def __call__(self, x: Array) -> Array:
        if not self.training:
            return x
        self.scale = np.where(np.random.uniform(size=x.shape) < self.p, 0.0, 1 / (1 - self.p))
        return x * self.scale

    def backward(self, grad: Array) -> Array:
        return grad * self.scale if self.training else grad


@dataclass
class LayerScaleResidual:
    """x + scale * f(x)"""

    inner: Module
    scale: Array

    def __call__(self, x: Array) -> Array:
        self.y = self.inner(x)
        return x + self.scale * self.y

    def backward(self, grad: Array) -> Array:
        self.scale_grad = (grad * self.y).sum(axis=tuple(range(grad.ndim - 1)))
        return grad + self.inner.backward(grad * self.scale)


@dataclass
class PixelShuffle:
    r: int

    def __call__(self, x: Array) -> Array:
        n, c, h, w = x.shape
        r = self.r
        return x.reshape(n, c // r**2, r, r, h, w).transpose(0, 1, 4, 2, 5, 3).reshape(n, c // r**2, h * r, w * r)

    def backward(self, grad: Array) -> Array:
        n, c, h, w = grad.shape
        r = self.r
        g = grad.reshape(n, c, h // r, r, w // r, r)
        # MISTAKE: should be (0, 1, 3, 5, 2, 4), the two factors r change places
        return g.transpose(0, 1, 5, 3, 2, 4).reshape(n, c * r**2, h // r, w // r)


# -------------------------------------------------------------- convolutions
class ConvCache(NamedTuple):
    windows: Array
    weight: Array
    length: int


def conv1d(x: Array, weight: Array, bias: Array) -> tuple[Array, ConvCache]:
    """x (n, c, t), weight (o, c, k)"""
    win = sliding_window_view(x, weight.shape[-1], axis=-1)
    return np.einsum("nctk,ock->not", win, weight) + bias[:, None], ConvCache(win, weight, x.shape[-1])


def conv1d_grad(grad: Array, cache: ConvCache) -> tuple[Array, Array, Array]:
    win, weight, length = cache
    k = weight.shape[-1]
    padded = np.pad(grad, ((0, 0), (0, 0), (k - 1, k - 1)))
    dx = np.einsum("notk,ock->nct", sliding_window_view(padded, k, axis=-1), weight[..., ::-1])
    return dx, np.einsum("not,nctk->ock", grad, win), grad.sum((0, 2))


@dataclass
class DepthwiseConv2d:
    kernel: Array           # (c, k, l)

    def __call__(self, x: Array) -> Array:
        self.win = sliding_window_view(x, self.kernel.shape[1:], axis=(2, 3))
        return np.einsum("nchwkl,ckl->nchw", self.win, self.kernel)

    def backward(self, grad: Array) -> tuple[Array, Array]:
        _, k, l = self.kernel.shape
        g = np.pad(grad, ((0, 0), (0, 0), (k - 1, k - 1), (l - 1, l - 1)))
        # MISTAKE: the full correlation wants the kernel reversed
        dx = np.einsum("nchwkl,ckl->nchw", sliding_window_view(g, (k, l), axis=(2, 3)), self.kernel)
        return dx, np.einsum("nchwkl,nchw->ckl", self.win, grad)


# ------------------------------------------------------------------ attention
class Attention:
    """Multi-head cross attention core, (batch, head, time, dim)."""

    @staticmethod
    def forward(ctx: Context, q: Array, k: Array, v: Array) -> Array:
        scores = np.einsum("bhtd,bhsd->bhts", q, k) * q.shape[-1] ** -0.5
        p = np.exp(scores - scores.max(-1, keepdims=True))
        p /= p.sum(-1, keepdims=True)
        ctx.save(q, k, v, p)
        return np.einsum("bhts,bhsd->bhtd", p, v)

    @staticmethod
    def backward(ctx: Context, grad: Array) -> tuple[Array, Array, Array]:
        q, k, v, p = ctx.saved
        dv = np.einsum("bhts,bhtd->bhsd", p, grad)
        dp = np.einsum("bhtd,bhsd->bhts", grad, v)
        ds = p * (dp - np.einsum("bhts,bhts->bht", p, dp)[..., None]) * q.shape[-1] ** -0.5
        return np.einsum("bhts,bhsd->bhtd", ds, k), np.einsum("bhts,bhtd->bhsd", ds, q), dv


# --------------------------------------------------------------------- losses
@dataclass
class LabelSmoothingCE:
    smoothing: float = 0.1
    _state: tuple | None = None

    def __call__(self, logits: Array, target: Array) -> float:
        n, k = logits.shape
        z = logits - logits.max(1, keepdims=True)
        logp = z - np.log(np.exp(z).sum(1, keepdims=True))
        q = np.full((n, k), self.smoothing / k)
        q[np.arange(n), target] += 1 - self.smoothing
        self._state = (logp, q)
        return float(-(q * logp).sum() / n)

    def backward(self, grad: float = 1.0) -> Array:
        logp, q = self._state
        return grad * (np.exp(logp) - q) / len(q)


def focal_loss(logits: Array, target: Array, *, gamma: float = 2.0, alpha: float = 0.25) -> tuple[float, Array]:
    """Binary focal loss, sum over everything."""
    p = 1 / (1 + np.exp(-logits))
    pt = np.where(target == 1, p, 1 - p)
    at = np.where(target == 1, alpha, 1 - alpha)
    loss = -(at * (1 - pt) ** gamma * np.log(pt)).sum()
    dpt = at * (gamma * (1 - pt) ** (gamma - 1) * np.log(pt) - (1 - pt) ** gamma / pt)
    sign = np.where(target == 1, 1, -1)
    return float(loss), dpt * sign * p * (1 - p)


def info_nce(a: Array, b: Array, temperature: float = 0.5) -> tuple[float, tuple[Array, Array]]:
    """Symmetric contrastive loss of two batches of embeddings."""
    n = len(a)
    logits = a @ b.T / temperature

    def softmax(z: Array, axis: int) -> Array:
        e = np.exp(z - z.max(axis, keepdims=True))
        return e / e.sum(axis, keepdims=True)

    p, q = softmax(logits, 1), softmax(logits, 0)
    loss = -0.5 * (np.log(np.diag(p)).mean() + np.log(np.diag(q)).mean())
    d = 0.5 * (p + q - 2 * np.eye(n)) / n / temperature
    return float(loss), (d @ b, d.T @ a)


@dataclass
class ContrastiveMargin:
    """Pairs: same -> d^2, different -> max(0, margin - d)^2, halved and averaged."""

    margin: float = 3.0

    def forward(self, left: Array, right: Array, same: Array) -> float:
        diff = left - right
        d = np.sqrt((diff ** 2).sum(1))
        self.cache = diff, d, same
        return float(np.mean(same * d ** 2 + (1 - same) * np.maximum(0, self.margin - d) ** 2) / 2)

    def backward(self) -> tuple[Array, Array]:
        diff, d, same = self.cache
        coef = (same - (1 - same) * np.maximum(0, self.margin - d) / d) / len(d)
        g = coef[:, None] * diff
        return g, g                  # MISTAKE: the right-hand side moves the other way


def weighted_ce(logits: Array, target: Array, class_weight: Array) -> tuple[Array, Callable[[], Array]]:
    """One loss per example; the closure gives the gradient of their weighted mean."""
    e = np.exp(logits - logits.max(1, keepdims=True))
    p = e / e.sum(1, keepdims=True)
    rows = np.arange(len(target))
    w = class_weight[target]
    losses = -w * np.log(p[rows, target])

    def pullback() -> Array:
        g = p.copy()
        g[rows, target] -= 1
        return g * w[:, None] / w.sum()

    return losses, pullback


CASES = [
    dict(name="matmul_bias", layer=lambda: (MatMulBias.forward, MatMulBias.backward),
         x=lambda: (Context(), rng(1).normal(size=(2, 3, 4)), rng(2).normal(size=(5, 4)), rng(3).normal(size=5))),
    dict(name="silu", layer=lambda: (SiLU.forward, SiLU.backward), x=lambda: (Context(), rng(1).normal(size=(2, 3)))),
    # sigmoid(x), the derivative of softplus, is missing
    dict(name="mish", layer=lambda: (Mish.forward, Mish.backward), x=lambda: (Context(), rng(1).normal(size=(2, 3))),
         wrong={"x": {"missing_factor", "wrong_local_derivative"}}),
    dict(name="log_softmax", layer=lambda: (LogSoftmax.forward, LogSoftmax.backward),
         x=lambda: (Context(), rng(1).normal(size=(2, 3, 4)))),
    dict(name="linear_params", layer=lambda: Linear(4, 3), x=lambda: rng(1).normal(size=(5, 4)),
         convention="Param.grad accumulates until set to None"),
    dict(name="rms_norm", layer=lambda: RMSNorm(rng(2).normal(size=4)), x=lambda: rng(1).normal(size=(2, 3, 4)), constants={"eps"}),
    # the root mean square is treated as a constant
    dict(name="rms_norm_fast", layer=lambda: RMSNormFast(rng(2).normal(size=4)), x=lambda: rng(1).normal(size=(2, 3, 4)),
         constants={"eps"}, wrong={"input": {"missing_branch"}}),
    dict(name="group_norm", layer=lambda: GroupNorm(2, 4), x=lambda: rng(1).normal(size=(2, 4, 3, 5)), constants={"eps"}),
    dict(name="swiglu", layer=lambda: SwiGLU(rng(2).normal(size=(4, 5)), rng(3).normal(size=(4, 5)), rng(5).normal(size=(5, 4))),
         x=lambda: rng(1).normal(size=(2, 3, 4))),
    # the gate's gradient lacks the value
    dict(name="glu", layer=lambda: GEGLULike(rng(2).normal(size=(4, 6))), x=lambda: rng(1).normal(size=(5, 4)),
         wrong={"input": {"missing_factor"}, "w": {"missing_factor"}}),
    dict(name="lora", layer=lambda: LoRALinear(rng(2).normal(size=(5, 4)), rng(3).normal(size=(5, 2)), rng(4).normal(size=(2, 4))),
         x=lambda: rng(1).normal(size=(3, 5)), constants={"frozen", "alpha"}),
    dict(name="dropout", layer=lambda: Dropout(), x=lambda: rng(1).normal(size=(4, 6)), constants={"p", "scale", "training"}),
    dict(name="layer_scale_residual", layer=lambda: LayerScaleResidual(RMSNorm(rng(2).normal(size=4)), np.array([.1, .2, .3, .4])),
         x=lambda: rng(1).normal(size=(2, 3, 4))),
    # the two upscaling axes are exchanged on the way back
    dict(name="pixel_shuffle", layer=lambda: PixelShuffle(2), x=lambda: rng(1).normal(size=(2, 4, 3, 5)),
         wrong={"input": {"permuted", "transpose"}}),
    dict(name="conv1d", layer=lambda: (conv1d, conv1d_grad),
         x=lambda: (rng(1).normal(size=(2, 3, 6)), rng(2).normal(size=(4, 3, 2)), rng(3).normal(size=4))),
    # kernel not reversed
    dict(name="depthwise", layer=lambda: DepthwiseConv2d(rng(2).normal(size=(3, 2, 3))), x=lambda: rng(1).normal(size=(2, 3, 4, 5)),
         wrong={"input": {"flipped_kernel"}}),
    dict(name="attention", layer=lambda: (Attention.forward, Attention.backward),
         x=lambda: (Context(), rng(1).normal(size=(2, 3, 4, 5)), rng(2).normal(size=(2, 3, 6, 5)), rng(3).normal(size=(2, 3, 6, 5)))),
    dict(name="label_smoothing", layer=lambda: LabelSmoothingCE(), x=lambda: (rng(1).normal(size=(4, 3)), np.array([0, 2, 1, 1])),
         constants={"smoothing"}),
    dict(name="focal", layer=lambda: focal_loss, x=lambda: (rng(1).normal(size=(4, 3)), rng(2).integers(0, 2, (4, 3)))),
    dict(name="info_nce", layer=lambda: info_nce, x=lambda: (rng(1).normal(size=(4, 3)), rng(2).normal(size=(4, 3)))),
    # the second of the pair has the opposite sign
    dict(name="contrastive_margin", layer=lambda: ContrastiveMargin(),
         x=lambda: (rng(1).normal(size=(4, 3)), rng(2).normal(size=(4, 3)), np.array([1., 0, 0, 1])),
         constants={"margin"}, wrong={"right": {"sign"}}),
    dict(name="weighted_ce", layer=lambda: weighted_ce,
         x=lambda: (rng(1).normal(size=(4, 3)), np.array([0, 2, 1, 1]), np.array([.5, 2., 1.])),
         convention="one (weighted) loss per example; the gradient is that of their sum over the sum of the weights"),
]
