"""Highway layer y = t * h + (1 - t) * x, functional, dict of parameters, one fused matrix for candidate and gate."""
import numpy as np


def sigmoid(a):
    return 1.0 / (1.0 + np.exp(-a))


def highway_forward(x, params):
    D = x.shape[1]
    z = x @ params["W"] + params["b"]
    h = np.tanh(z[:, :D])
    t = sigmoid(z[:, D:])
    y = t * h + (1 - t) * x
    cache = {"x": x, "h": h, "t": t, "W": params["W"]}
    return y, cache


def highway_backward(dy, cache):
    x, h, t = cache["x"], cache["h"], cache["t"]
    D = x.shape[1]

    dh = dy * t
    dt = dy * (h - x)
    dx = dy * (1 - t)

    dz = np.zeros((len(x), 2 * D))
    dz[:, :D] = dh * (1 - h ** 2)
    dz[:, D:] = dt * t * (1 - t)

    grads = {}
    grads["W"] = x.T @ dz
    grads["b"] = dz.sum(axis=0)
    dx = dx + dz @ cache["W"].T
    return dx, grads


def _params(rng, D):
    return {"W": rng.standard_normal((D, 2 * D)), "b": rng.standard_normal(2 * D)}


def example(rng):
    return (highway_forward, highway_backward), (rng.standard_normal((5, 3)), _params(rng, 3))


def sized(rng):
    return (highway_forward, highway_backward), (rng.standard_normal((7, 4)), _params(rng, 4))


MISTAKES = [
    ("dt = dy * (h - x)", "dt = dy * h",
     "path forgotten", "The gate's second use, 1 - t, is left out."),
    ("dt = dy * (h - x)", "dt = dy * (x - h)",
     "sign", "The two branches of the gate are subtracted the wrong way."),
    ("dx = dx + dz @ cache[\"W\"].T", "dx = dz @ cache[\"W\"].T",
     "= for +=", "The carry path to x is lost."),
    ("dx = dy * (1 - t)", "dx = dy",
     "factor forgotten (carry gate)", "Treated like a plain residual connection."),
    ("dx = dy * (1 - t)", "dx = dy * t",
     "wrong gate", "The transform gate for the carry gate."),
    ("dh = dy * t", "dh = dy * (1 - t)",
     "wrong gate", "The carry gate for the transform gate."),
    ("dz[:, :D] = dh * (1 - h ** 2)", "dz[:, :D] = dh * h * (1 - h)",
     "derivative of another function", "The sigmoid's derivative for tanh."),
    ("dz[:, D:] = dt * t * (1 - t)", "dz[:, D:] = dt * sigmoid(t) * (1 - sigmoid(t))",
     "derivative at a for z", "The sigmoid is applied again to the gate."),
    ("dz[:, :D] = dh * (1 - h ** 2)\n    dz[:, D:] = dt * t * (1 - t)",
     "dz[:, D:] = dh * (1 - h ** 2)\n    dz[:, :D] = dt * t * (1 - t)",
     "two: slices exchanged", "Candidate and gate change places in the fused matrix."),
    ("dz[:, D:] = dt * t * (1 - t)", "dz[:, D:] = dt",
     "sigmoid' forgotten", "The gate's pre-activation takes the gate's gradient."),
    ("return dx, grads", "return grads",
     "missing return value", "The input's gradient is not returned."),
    ("dz[:, :D] = dh * (1 - h ** 2)\n    dz[:, D:] = dt * t * (1 - t)",
     "dz[:, :D] = dh * (1 - h)\n    dz[:, D:] = dt * (1 - t)",
     "two: both local derivatives wrong", "1 - h without the square, 1 - t without t."),
]
