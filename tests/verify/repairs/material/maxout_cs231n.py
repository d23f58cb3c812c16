"""Maxout layer (k affine pieces) followed by an affine score layer, CS231n functions with out, cache."""
import numpy as np


def maxout_forward(x, W, b):
    """x (N, D), W (K, D, M), b (K, M) -> out (N, M), the max over the K pieces."""
    K = W.shape[0]
    N = x.shape[0]
    M = W.shape[2]
    z = np.zeros((K, N, M))
    for k in range(K):
        z[k] = x.dot(W[k]) + b[k]
    winner = np.argmax(z, axis=0)
    out = np.max(z, axis=0)
    return out, (x, W, b, winner)


def maxout_backward(dout, cache):
    x, W, b, winner = cache
    K = W.shape[0]
    dx = np.zeros_like(x)
    dW = np.zeros_like(W)
    db = np.zeros_like(b)
    for k in range(K):
        dz = dout * (winner == k)
        dx += dz.dot(W[k].T)
        dW[k] = x.T.dot(dz)
        db[k] = dz.sum(axis=0)
    return dx, dW, db


def affine_forward(x, V, c):
    return x.dot(V) + c, (x, V, c)


def affine_backward(dout, cache):
    x, V, c = cache
    return dout.dot(V.T), x.T.dot(dout), np.sum(dout, axis=0)


def net_forward(x, W, b, V, c, reg=0.2, p=2.0):
    h, cache_h = maxout_forward(x, W, b)
    h3 = h ** 3 / 3 + h * p
    scores, cache_s = affine_forward(h3, V, c)
    return scores, (cache_h, h, p, cache_s)


def net_backward(dscores, cache):
    cache_h, h, p, cache_s = cache
    dh3, dV, dc = affine_backward(dscores, cache_s)
    dh = dh3 * (h ** 2 + p)
    dx, dW, db = maxout_backward(dh, cache_h)
    return dx, dW, db, dV, dc


def _inputs(rng, N, M):
    return (rng.standard_normal((N, 4)), rng.standard_normal((3, 4, M)) * 0.7, rng.standard_normal((3, M)),
            rng.standard_normal((M, 2)), rng.standard_normal(2))


def example(rng):
    return (net_forward, net_backward), _inputs(rng, 6, 5)


def sized(rng):
    return (net_forward, net_backward), _inputs(rng, 9, 7)


MISTAKES = [
    ("dz = dout * (winner == k)", "dz = dout", "mask forgotten", "Every piece gets the gradient, not only the winner."),
    ("dz = dout * (winner == k)", "dz = dout / K", "average in place of max", "The gradient is shared out as for a mean."),
    ("dz = dout * (winner == k)", "dz = dout * (winner == k - 1)", "index off by one", "Piece counted from 1."),
    ("dz = dout * (winner == k)", "dz = dout * winner", "index taken for a mask", "winner holds indices, not 0/1."),
    ("dx += dz.dot(W[k].T)", "dx = dz.dot(W[k].T)", "= for +=", "Only the last piece reaches x."),
    ("dx += dz.dot(W[k].T)", "dx += dz.dot(W[0].T)", "constant index", "Always the first piece's weights."),
    ("dW[k] = x.T.dot(dz)", "dW[k] = x.T.dot(dout)", "wrong variable of the same shape", "dW uses the unmasked upstream."),
    ("        db[k] = dz.sum(axis=0)\n", "    db[k] = dz.sum(axis=0)\n", "indentation", "The bias line is outside of the loop."),
    ("db[k] = dz.sum(axis=0)", "db[k] = dz.sum()", "axis forgotten", "One number for all units of a piece."),
    ("dh = dh3 * (h ** 2 + p)", "dh = dh3 * h ** 2", "forgotten term", "The derivative of h*p is left out."),
    ("dh = dh3 * (h ** 2 + p)", "dh = dh3 * (3 * h ** 2 + p)", "doubled factor", "The /3 is forgotten in the derivative."),
    ("        dx += dz.dot(W[k].T)\n        dW[k] = x.T.dot(dz)",
     "        dx += dout.dot(W[k].T)\n        dW[k] = x.T.dot(dout)",
     "two: wrong variable twice", "dz is computed but used for the bias only."),
]
