"""nanoGPT's causal multi-head attention as a pair of functions (stacked qkv weights): attention_forward(x, w_qkv, b_qkv, w_proj, b_proj, n_head) -> out, cache; attention_backward(dout, cache) -> dict."""
import numpy as np


def split_heads(u, n_head):
    B, T, C = u.shape
    return u.reshape(B, T, n_head, C // n_head).transpose(0, 2, 1, 3)


def merge_heads(u):
    B, nh, T, hs = u.shape
    return u.transpose(0, 2, 1, 3).reshape(B, T, nh * hs)


def attention_forward(x, w_qkv, b_qkv, w_proj, b_proj, n_head=2):
    B, T, C = x.shape
    qkv = x @ w_qkv + b_qkv
    q, k, v = [split_heads(u, n_head) for u in np.split(qkv, 3, axis=-1)]
    hs = C // n_head
    att = q @ k.swapaxes(-1, -2) / np.sqrt(hs)
    causal = np.tril(np.ones((T, T), dtype=bool))
    att = np.where(causal, att, -1e30)
    att = np.exp(att - att.max(axis=-1, keepdims=True))
    att = att / att.sum(axis=-1, keepdims=True)
    y = merge_heads(att @ v)
    out = y @ w_proj + b_proj
    return out, (x, w_qkv, w_proj, q, k, v, att, y, hs, n_head)


def attention_backward(dout, cache):
    x, w_qkv, w_proj, q, k, v, att, y, hs, n_head = cache
    grads = {}

    # output projection
    grads["b_proj"] = dout.sum(axis=(0, 1))
    grads["w_proj"] = np.einsum("btc,btd->cd", y, dout)
    dy = split_heads(dout @ w_proj.T, n_head)

    # y = att @ v
    datt = dy @ v.swapaxes(-1, -2)
    dv = att.swapaxes(-1, -2) @ dy

    # softmax
    dpre = att * (datt - np.sum(datt * att, axis=-1, keepdims=True))
    dpre = dpre / np.sqrt(hs)

    dq = dpre @ k
    dk = dpre.swapaxes(-1, -2) @ q
    dqkv = np.concatenate([merge_heads(dq), merge_heads(dk), merge_heads(dv)], axis=-1)

    grads["b_qkv"] = dqkv.sum(axis=(0, 1))
    grads["w_qkv"] = np.einsum("btc,btd->cd", x, dqkv)
    grads["x"] = dqkv @ w_qkv.T
    return grads


def _inputs(rng, B, T, C):
    return (rng.standard_normal((B, T, C)),
            rng.standard_normal((C, 3 * C)) / np.sqrt(C), 0.3 * rng.standard_normal(3 * C),
            rng.standard_normal((C, C)) / np.sqrt(C), 0.3 * rng.standard_normal(C))


def example(rng):
    """(object or (forward, backward) pair of functions, x or tuple of inputs)"""
    return (attention_forward, attention_backward), _inputs(rng, 2, 3, 4)


def sized(rng):
    """The same with other sizes (N, and T / H / W where there are such)."""
    return (attention_forward, attention_backward), _inputs(rng, 1, 4, 6)


MISTAKES = [
    ("    dpre = dpre / np.sqrt(hs)\n", "",
     "scale forgotten", "The division by sqrt(d) of the forward has no counterpart."),
    ("    dpre = dpre / np.sqrt(hs)\n", "    dpre = dpre * np.sqrt(hs)\n",
     "factor inverted", "Multiplied by sqrt(d) in place of divided."),
    ("dpre = att * (datt - np.sum(datt * att, axis=-1, keepdims=True))", "dpre = att * (1 - att) * datt",
     "softmax Jacobian's diagonal only", "Treated as a sigmoid."),
    ("dpre = att * (datt - np.sum(datt * att, axis=-1, keepdims=True))",
     "dpre = att * (datt - np.sum(datt * att, axis=-2, keepdims=True))",
     "wrong axis", "The sum of the softmax Jacobian runs over the queries."),
    ("dpre = att * (datt - np.sum(datt * att, axis=-1, keepdims=True))",
     "dpre = att * (datt - np.sum(datt, axis=-1, keepdims=True))",
     "factor forgotten inside the sum", "The upstream is summed without the weights."),
    ("dk = dpre.swapaxes(-1, -2) @ q", "dk = dpre @ q",
     "transpose forgotten, square matrix", "T x T: nothing complains."),
    ("dv = att.swapaxes(-1, -2) @ dy", "dv = att @ dy",
     "transpose forgotten, square matrix", "The gradient of v is mixed with the untransposed weights."),
    ("dy = split_heads(dout @ w_proj.T, n_head)", "dy = split_heads(dout @ w_proj, n_head)",
     "transpose forgotten, square matrix", "w_proj is square."),
    ("dy = split_heads(dout @ w_proj.T, n_head)", "dy = (dout @ w_proj.T).reshape(q.shape)",
     "reshape without transpose", "The heads are mixed up with the time steps."),
    ("dqkv = np.concatenate([merge_heads(dq), merge_heads(dk), merge_heads(dv)], axis=-1)",
     "dqkv = np.concatenate([merge_heads(dv), merge_heads(dk), merge_heads(dq)], axis=-1)",
     "slices exchanged", "v, k, q for q, k, v."),
    ("    dq = dpre @ k\n    dk = dpre.swapaxes(-1, -2) @ q\n", "    dq = dpre @ q\n    dk = dpre.swapaxes(-1, -2) @ k\n",
     "two: operands exchanged", "dq takes q and dk takes k."),
]
