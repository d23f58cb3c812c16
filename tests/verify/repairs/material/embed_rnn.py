"""Functions with a cache: sentiment RNN with embedding, padding mask and mean pooling; rnn_forward(params, tokens, y), rnn_backward(cache)."""
import numpy as np


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def init(rng, vocab, emb, hidden):
    return {
        "E": rng.standard_normal((vocab, emb)),
        "Wx": rng.standard_normal((emb, hidden)) / np.sqrt(emb),
        "Wh": rng.standard_normal((hidden, hidden)) / np.sqrt(hidden),
        "b": 0.3 * rng.standard_normal(hidden),
        "Wy": rng.standard_normal((hidden, 1)),
        "by": 0.3 * rng.standard_normal(1),
    }


def rnn_forward(params, tokens, y):
    """tokens (N, T) ints, 0 is padding; y (N,) in {0, 1}"""
    N, T = tokens.shape
    H = params["Wh"].shape[0]
    mask = tokens != 0
    lengths = mask.sum(axis=1, keepdims=True)
    x = params["E"][tokens]
    h = np.zeros((N, T + 1, H))            # h[:, -1] is the initial state
    for t in range(T):
        h[:, t] = np.tanh(x[:, t] @ params["Wx"] + h[:, t - 1] @ params["Wh"] + params["b"])
    pooled = (h[:, :T] * mask[:, :, None]).sum(axis=1) / lengths
    p = sigmoid(pooled @ params["Wy"] + params["by"])[:, 0]
    loss = -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))
    return loss, (params, tokens, y, mask, lengths, x, h, pooled, p)


def rnn_backward(cache):
    params, tokens, y, mask, lengths, x, h, pooled, p = cache
    N, T = tokens.shape
    grads = {k: np.zeros_like(v) for k, v in params.items()}

    dlogit = (p - y)[:, None] / N
    grads["Wy"] = pooled.T @ dlogit
    grads["by"] = dlogit.sum(axis=0)
    dpooled = dlogit @ params["Wy"].T
    dh_pool = (dpooled / lengths)[:, None, :] * mask[:, :, None]

    dh_next = np.zeros_like(h[:, 0])
    for t in reversed(range(T)):
        dh = dh_pool[:, t] + dh_next
        da = dh * (1 - h[:, t] ** 2)
        grads["Wx"] += x[:, t].T @ da
        grads["Wh"] += h[:, t - 1].T @ da
        grads["b"] += da.sum(axis=0)
        np.add.at(grads["E"], tokens[:, t], da @ params["Wx"].T)
        dh_next = da @ params["Wh"].T
    return grads


def example(rng):
    """(object or (forward, backward) pair of functions, x or tuple of inputs)"""
    tokens = np.array([[3, 1, 4, 2, 0], [3, 5, 1, 0, 0], [2, 5, 5, 1, 6], [6, 5, 4, 2, 1]])
    return (rnn_forward, rnn_backward), (init(rng, 7, 2, 3), tokens, np.array([1., 0., 1., 0.]))


def sized(rng):
    """The same with other sizes (N, and T / H / W where there are such)."""
    tokens = np.array([[1, 4, 0], [1, 3, 3], [2, 0, 0], [5, 3, 4], [1, 4, 2]])
    return (rnn_forward, rnn_backward), (init(rng, 6, 3, 4), tokens, np.array([0., 1., 1., 1., 0.]))


MISTAKES = [
    ('np.add.at(grads["E"], tokens[:, t], da @ params["Wx"].T)', 'grads["E"][tokens[:, t]] += da @ params["Wx"].T',
     "duplicates lost by fancy indexing", "+= with repeated indices keeps one of the contributions of the batch."),
    ('np.add.at(grads["E"], tokens[:, t], da @ params["Wx"].T)', 'grads["E"][tokens[:, t]] = da @ params["Wx"].T',
     "= for +=", "A word that comes several times keeps its last gradient."),
    ('dh_next = da @ params["Wh"].T', 'dh_next = dh @ params["Wh"].T',
     "activation's derivative left out of the recurrence", "The gradient before tanh' is handed to the previous step."),
    ("dh = dh_pool[:, t] + dh_next", "dh = dh_pool[:, t]",
     "path through time forgotten", "No backpropagation through time at all."),
    ("dh = dh_pool[:, t] + dh_next", "dh = dh_next\n        dh_next = dh_pool[:, t]",
     "path forgotten, order", "The pooled gradient is put into dh_next and overwritten below before it counts."),
    ('grads["Wh"] += h[:, t - 1].T @ da', 'grads["Wh"] += h[:, t].T @ da',
     "index t for t-1", "The new state and not the old one goes with the recurrent weights."),
    ('grads["b"] += da.sum(axis=0)', 'grads["b"] = da.sum(axis=0)',
     "= for += in the loop", "Only the first time step is kept for the bias."),
    ("dh_pool = (dpooled / lengths)[:, None, :] * mask[:, :, None]",
     "dh_pool = np.repeat((dpooled / lengths)[:, None, :], T, axis=1)",
     "mask forgotten", "Padding positions get gradient."),
    ("dh_pool = (dpooled / lengths)[:, None, :] * mask[:, :, None]",
     "dh_pool = (dpooled / T)[:, None, :] * mask[:, :, None]",
     "wrong normaliser", "Divided by T and not by the true length of the sentence."),
    ("dlogit = (p - y)[:, None] / N", "dlogit = (p - y)[:, None] * (p * (1 - p))[:, None] / N",
     "sigmoid's derivative a second time", "p - y is the gradient at the logit already."),
    ('        dh_next = da @ params["Wh"].T\n    return grads', '        dh_next = da @ params["Wh"]\n    return grads',
     "transpose forgotten, square matrix", "Wh is square, nothing complains."),
    ('        da = dh * (1 - h[:, t] ** 2)\n        grads["Wx"] += x[:, t].T @ da\n',
     '        da = dh * (1 - h[:, t - 1] ** 2)\n        grads["Wx"] += x[:, t - 1].T @ da\n',
     "two: index t-1 for t", "The state and the input of the previous step are used."),
]
