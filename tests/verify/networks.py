"""Small networks with their backward passes in plain NumPy, and a mistake made on request.

The gradients here are written by hand and know nothing of the library's hypotheses: what the
catalogue feeds to ``verify`` is what a student would write.
"""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

import tinygrad_fr as tg


def softmax(z, axis=-1):
    e = np.exp(z - z.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def sizes(rng, count, low=3, high=9):
    """Different sizes, so that nothing hides behind an equality."""
    return [int(n) for n in rng.permutation(np.arange(low, high))[:count]]


def dense(rng):
    """Document 001 with a bias: mean cross entropy of a dense softmax layer."""
    n, d, c = sizes(rng, 3)
    x, w, b = rng.standard_normal((n, d)), rng.standard_normal((d, c)), rng.standard_normal(c)
    y = rng.integers(0, c, n)
    one_hot = np.eye(c)[y]
    fused = rng.random() < 0.5

    def f(x, W, b, y):
        z = (x @ W + b).named("z")
        if fused:
            return tg.cross_entropy(z, y)
        return -(one_hot * tg.log(tg.softmax(z).named("p"))).sum() / n

    z = x @ w + b
    p = softmax(z)
    dz = (p - one_hot) / n
    return SimpleNamespace(
        f=f, inputs={"x": x, "W": w, "b": b, "y": y}, x=x, W=w, b=b, y=y, Y=one_hot, z=z, p=p,
        dz=dz, N=n, C=c, D=d, truth={"z": dz, "W": x.T @ dz, "b": dz.sum(0), "x": dz @ w.T},
    )  # fmt: skip


def network(rng, activation=None):
    """Two layers, tanh or sigmoid, then a sigmoid with binary cross entropy or a squared error."""
    n, d, h = sizes(rng, 3)
    activation = activation or ("tanh" if rng.random() < 0.5 else "sigmoid")
    x, w1, b1 = rng.standard_normal((n, d)), rng.standard_normal((d, h)), rng.standard_normal(h)
    w2, b2 = rng.standard_normal((h, 1)), rng.standard_normal(1)
    y = np.concatenate([[0.0, 1.0], rng.integers(0, 2, n - 2)])[:, None]

    def f(x, W1, b1, W2, b2, y):
        z1 = (x @ W1 + b1).named("z1")
        a1 = getattr(tg, activation)(z1).named("a1")
        z2 = (a1 @ W2 + b2).named("z2")
        a2 = tg.sigmoid(z2).named("a2")
        return (-y * tg.log(a2) - (1.0 - y) * tg.log(1.0 - a2)).sum() / n

    z1 = x @ w1 + b1
    a1 = np.tanh(z1) if activation == "tanh" else sigmoid(z1)
    slope = 1 - a1**2 if activation == "tanh" else a1 * (1 - a1)
    z2 = a1 @ w2 + b2
    a2 = sigmoid(z2)
    dz2 = (a2 - y) / n
    da1 = dz2 @ w2.T
    dz1 = da1 * slope
    return SimpleNamespace(
        f=f, inputs={"x": x, "W1": w1, "b1": b1, "W2": w2, "b2": b2, "y": y}, activation=activation,
        x=x, W1=w1, W2=w2, y=y, z1=z1, a1=a1, z2=z2, a2=a2, dz2=dz2, da1=da1, slope=slope, N=n,
        back=lambda dz1: {"W1": x.T @ dz1, "b1": dz1.sum(0), "x": dz1 @ w1.T, "z1": dz1},
        truth={"z2": dz2, "W2": a1.T @ dz2, "b2": dz2.sum(0), "a1": da1, "z1": dz1,
               "a2": (-y / a2 + (1 - y) / (1 - a2)) / n,
               "W1": x.T @ dz1, "b1": dz1.sum(0), "x": dz1 @ w1.T},
    )  # fmt: skip


def conv(rng, stride=1, pad=None):
    """A convolution with a bias under a random upstream gradient, patch by patch."""
    n, c, f_, k = *(int(v) for v in rng.permutation([2, 3, 4])[:3]), 3
    h, w = (int(v) for v in rng.permutation([6, 7, 8])[:2])
    pad = int(rng.integers(0, 2)) if pad is None else pad
    x, kernel = rng.standard_normal((n, c, h, w)), rng.standard_normal((f_, c, k, k))
    b = rng.standard_normal(f_)
    padded = np.pad(x, [(0, 0), (0, 0), (pad, pad), (pad, pad)])
    oh, ow = (h + 2 * pad - k) // stride + 1, (w + 2 * pad - k) // stride + 1
    u = rng.standard_normal((n, f_, oh, ow))

    def f(x, K, b):
        return (tg.conv2d(x, K, b, stride=stride, padding=pad) * u).sum()

    def patches(assign=False, flipped=False, packed=False):
        """The gradients of the padded input and of the kernel."""
        dx, dk = np.zeros_like(padded), np.zeros_like(kernel)
        turned = kernel[..., ::-1, ::-1] if flipped else kernel
        for i in range(oh):
            for j in range(ow):
                s = 1 if packed else stride
                at = np.s_[..., i * s : i * s + k, j * s : j * s + k]
                source = np.s_[..., i * stride : i * stride + k, j * stride : j * stride + k]
                here = np.einsum("nf,fchw->nchw", u[:, :, i, j], turned)
                if assign:
                    dx[at] = here
                else:
                    dx[at] += here
                dk += np.einsum("nf,nchw->fchw", u[:, :, i, j], padded[source])
        return dx, dk

    def crop(dx, dy=0, dc=0):
        return dx[..., pad + dy : pad + dy + h, pad + dc : pad + dc + w]

    dx, dk = patches()
    return SimpleNamespace(
        f=f, inputs={"x": x, "K": kernel, "b": b}, x=x, K=kernel, u=u, pad=pad, k=k, N=n, C=c, F=f_,
        patches=patches, crop=crop, padded=padded, dx=dx, dk=dk, stride=stride,
        truth={"x": crop(dx), "K": dk, "b": u.sum((0, 2, 3))},
    )  # fmt: skip


def pool(rng, ties=True):
    """Max-pooling of an image with a uniform background, as real images have."""
    n, c = sizes(rng, 2, 2, 5)
    h, w = 4, 6
    x = rng.standard_normal((n, c, h, w))
    if ties:
        x = np.maximum(np.round(x), 0.0)
    u = rng.standard_normal((n, c, h // 2, w // 2))

    def f(x):
        return (tg.max_pool2d(x, 2) * u).sum()

    windows = x.reshape(n, c, h // 2, 2, w // 2, 2).transpose(0, 1, 2, 4, 3, 5)
    top = windows.max((4, 5), keepdims=True)
    mask = windows == top
    wide = u[..., None, None]

    def back(d):
        return d.transpose(0, 1, 2, 4, 3, 5).reshape(x.shape)

    first = np.zeros_like(windows).reshape(*windows.shape[:4], 4)
    np.put_along_axis(first, windows.reshape(*windows.shape[:4], 4).argmax(-1)[..., None], 1, -1)
    right = back(first.reshape(windows.shape) * wide)
    return SimpleNamespace(
        f=f, inputs={"x": x}, x=x, u=u, mask=mask, wide=wide, back=back, truth={"x": right}
    )


def batch_norm(rng):
    """Batch normalisation with its compact gradient."""
    n, d = sizes(rng, 2, 4, 9)
    x, gamma, beta = rng.standard_normal((n, d)), rng.uniform(0.5, 2, d), rng.standard_normal(d)
    u, eps = rng.standard_normal((n, d)), 1e-5

    def f(x, gamma, beta):
        y = tg.batch_norm(x, None, None, gamma, beta, training=True, eps=eps)
        return (y * u).sum()

    mean, inverse = x.mean(0), 1 / np.sqrt(x.var(0) + eps)
    hat = (x - mean) * inverse
    dhat = u * gamma
    dx = inverse / n * (n * dhat - dhat.sum(0) - hat * (dhat * hat).sum(0))
    return SimpleNamespace(
        f=f, inputs={"x": x, "gamma": gamma, "beta": beta}, x=x, u=u, hat=hat, inverse=inverse,
        dhat=dhat, N=n, gamma=gamma, truth={"x": dx, "gamma": (u * hat).sum(0), "beta": u.sum(0)},
    )  # fmt: skip


def broadcast(rng):
    """Scales and shifts that broadcast along one axis or the other."""
    n, d = sizes(rng, 2)
    x, s, t = rng.standard_normal((n, d)), rng.standard_normal(d), rng.standard_normal((n, 1))
    u = rng.standard_normal((n, d))

    def f(x, s, t):
        return (tg.tanh(x * s + t).named("a") * u).sum()

    a = np.tanh(x * s + t)
    dv = u * (1 - a**2)
    return SimpleNamespace(
        f=f, inputs={"x": x, "s": s, "t": t}, x=x, s=s, t=t, u=u, a=a, dv=dv, N=n,
        truth={"a": u, "x": dv * s, "s": (dv * x).sum(0), "t": dv.sum(1, keepdims=True)},
    )  # fmt: skip


def residual(rng):
    """A value used by two paths: h = tanh(x W), out = (h V + h)^2 summed."""
    n, d, h = sizes(rng, 3)
    x, w, v = rng.standard_normal((n, d)), rng.standard_normal((d, h)), rng.standard_normal((h, h))
    u = rng.standard_normal((n, h))

    def f(x, W, V):
        a = tg.tanh(x @ W).named("h")
        return ((a @ V + a).named("o") * u).sum()

    a = np.tanh(x @ w)
    dh = u @ v.T + u
    dz = dh * (1 - a**2)
    return SimpleNamespace(
        f=f, inputs={"x": x, "W": w, "V": v}, x=x, W=w, V=v, u=u, h=a, N=n,
        back=lambda dh: {"h": dh, "W": x.T @ (dh * (1 - a**2)), "x": (dh * (1 - a**2)) @ w.T},
        truth={"o": u, "h": dh, "V": a.T @ u, "W": x.T @ dz, "x": dz @ w.T},
    )  # fmt: skip


NETWORKS = (dense, network, conv, pool, batch_norm, broadcast, residual)
