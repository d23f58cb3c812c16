"""Two heads that look from one sequence at another, with a mask of padding: a pair of functions."""

import numpy as np


def softmax(s):
    e = np.exp(s - s.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def heads(u, n):
    N, T, C = u.shape
    return u.reshape(N, T, n, C // n).swapaxes(1, 2)


def joined(u):
    N, n, T, d = u.shape
    return u.swapaxes(1, 2).reshape(N, T, n * d)


def forward(x, memory, Wq, Wk, Wv, Wo, mask, n=2):
    q, k, v = heads(x @ Wq, n), heads(memory @ Wk, n), heads(memory @ Wv, n)
    scale = 1 / np.sqrt(q.shape[-1])
    scores = np.einsum("nhtd,nhsd->nhts", q, k) * scale
    scores = scores * mask[:, None, None, :] - 1e9 * (1 - mask[:, None, None, :])
    p = softmax(scores)
    context = joined(p @ v)
    return context @ Wo, (x, memory, Wq, Wk, Wv, Wo, mask, q, k, v, scale, p, context, n)


def backward(dout, cache):
    x, memory, Wq, Wk, Wv, Wo, mask, q, k, v, scale, p, context, n = cache
    dWo = np.einsum("ntc,ntd->cd", context, dout)
    dcontext = heads(dout @ Wo.T, n)
    dp = dcontext @ v.swapaxes(-1, -2)
    dv = p.swapaxes(-1, -2) @ dcontext
    dscores = p * (dp - (dp * p).sum(-1, keepdims=True))
    dscores = dscores * mask[:, None, None, :]
    dq = np.einsum("nhts,nhsd->nhtd", dscores, k) * scale
    dk = np.einsum("nhts,nhtd->nhsd", dscores, q) * scale
    dq, dk, dv = joined(dq), joined(dk), joined(dv)
    dWq = np.einsum("ntc,ntd->cd", x, dq)
    dWk = np.einsum("nsc,nsd->cd", memory, dk)
    dWv = np.einsum("nsc,nsd->cd", memory, dv)
    dx = dq @ Wq.T
    dmemory = dk @ Wk.T + dv @ Wv.T
    return dx, dmemory, dWq, dWk, dWv, dWo


def example(verify, T=4, S=4, N=2, D=4, C=4, n=2, seed=0, dtype=float, **options):
    rng = np.random.default_rng(seed)
    draw = lambda *shape: rng.standard_normal(shape).astype(dtype)
    mask = np.ones((N, S), int)
    mask[:, -1:] = S == 1
    x = (draw(N, T, D), draw(N, S, D), draw(D, C), draw(D, C), draw(D, C), draw(C, D), mask, n)
    return verify.layer((forward, backward), x, **options)


RIGHT = [
    {"T": 2}, {"T": 1}, {"S": 2}, {"S": 3}, {"N": 1}, {"N": 3}, {"D": 3}, {"D": 5}, {"C": 6, "n": 3},
    {"C": 2}, {"seed": 1}, {"seed": 2}, {"seed": 3}, {"dtype": np.float32}, {"C": 4, "n": 1},
]  # fmt: skip
BOTH = "input memory Wq Wk"
MISTAKES = [
    ("dq = np.einsum(\"nhts,nhsd->nhtd\", dscores, k) * scale",
     "dq = np.einsum(\"nhts,nhsd->nhtd\", dscores, k)", "missing_factor scale", "input Wq",
     "1/sqrt(d) is forgotten for the queries"),
    ("dscores = p * (dp - (dp * p).sum(-1, keepdims=True))",
     "dscores = p * (dp - (dp * p).sum(-1, keepdims=True)) / scale", "missing_factor scale", BOTH,
     "1/sqrt(d) is forgotten"),
    ("(dp * p).sum(-1, keepdims=True)", "(dp * p).sum(-2, keepdims=True)", "wrong_axis", BOTH,
     "the sum of the softmax goes over the queries"),
    ("dscores = p * (dp - (dp * p).sum(-1, keepdims=True))", "dscores = dp * p * (1 - p)",
     "diagonal_only", BOTH, "the diagonal of the softmax's Jacobian"),
    ("dscores = p * (dp - (dp * p).sum(-1, keepdims=True))", "dscores = dp", "missing_factor", BOTH,
     "the softmax is skipped"),
    ("dscores = p * (dp - (dp * p).sum(-1, keepdims=True))", "dscores = p * dp", "missing_branch",
     BOTH, "the sum is missing"),
    ("dv = p.swapaxes(-1, -2) @ dcontext", "dv = p @ dcontext", "transpose", "memory Wv",
     "P for its transpose"),
    ("\"nhts,nhtd->nhsd\", dscores, q", "\"nhst,nhtd->nhsd\", dscores, q", "transpose",
     "memory Wk", "dS for its transpose"),
    ("dp = dcontext @ v.swapaxes(-1, -2)", "dp = dcontext @ k.swapaxes(-1, -2)", "wrong_variable",
     BOTH, "K for V"),
    ("dk = np.einsum(\"nhts,nhtd->nhsd\", dscores, q)", "dk = np.einsum(\"nhts,nhtd->nhsd\", dscores, k)",
     "wrong_variable", "memory Wk", "K for Q"),
    ("dmemory = dk @ Wk.T + dv @ Wv.T", "dmemory = dk @ Wk.T", "missing_branch", "memory",
     "the values' path is missing"),
    ("dmemory = dk @ Wk.T + dv @ Wv.T", "dmemory = dk @ Wv.T + dv @ Wk.T", "wrong_variable",
     "memory", "Wk and Wv are exchanged"),
    ("dcontext = heads(dout @ Wo.T, n)", "dcontext = heads(dout @ Wo, n)", "transpose",
     BOTH + " Wv", "Wo for its transpose"),
    ("dWk = np.einsum(\"nsc,nsd->cd\", memory, dk)", "dWk = np.einsum(\"nsc,nsd->cd\", x, dk)",
     "wrong_variable", "Wk", "x for the memory"),
]  # fmt: skip
