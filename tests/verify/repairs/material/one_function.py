"""One function loss_and_grads(params, X, y) -> (loss, grads) with dicts: a small residual net with leaky ReLU, tanh and L2."""
import numpy as np


def init_params(rng, n_in, n_hid, n_out):
    p = {}
    p["W1"] = rng.standard_normal((n_in, n_hid)) / np.sqrt(n_in)
    p["b1"] = 0.3 * rng.standard_normal(n_hid)
    p["W2"] = rng.standard_normal((n_hid, n_hid)) / np.sqrt(n_hid)
    p["b2"] = 0.3 * rng.standard_normal(n_hid)
    p["W3"] = rng.standard_normal((n_hid, n_out)) / np.sqrt(n_hid)
    p["b3"] = 0.3 * rng.standard_normal(n_out)
    return p


def loss_and_grads(params, X, y, reg=0.1):
    W1, W2, W3 = params["W1"], params["W2"], params["W3"]
    N = X.shape[0]
    rows = np.arange(N)

    # forward
    z1 = X @ W1 + params["b1"]
    h1 = np.where(z1 > 0, z1, 0.1 * z1)
    z2 = h1 @ W2 + params["b2"]
    h2 = h1 + np.tanh(z2)                      # skip connection
    scores = h2 @ W3 + params["b3"]
    shifted = scores - scores.max(axis=1, keepdims=True)
    logp = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    loss = -logp[rows, y].mean()
    for W in (W1, W2, W3):
        loss += 0.5 * reg * np.sum(W * W)

    # backward
    grads = {}
    dscores = np.exp(logp)
    dscores[rows, y] -= 1
    dscores /= N
    grads["W3"] = h2.T @ dscores + reg * W3
    grads["b3"] = dscores.sum(axis=0)

    dh2 = dscores @ W3.T
    dz2 = dh2 * (1 - np.tanh(z2) ** 2)
    grads["W2"] = h1.T @ dz2 + reg * W2
    grads["b2"] = dz2.sum(axis=0)

    dh1 = dh2 + dz2 @ W2.T
    dz1 = dh1 * np.where(z1 > 0, 1.0, 0.1)
    grads["W1"] = X.T @ dz1 + reg * W1
    grads["b1"] = dz1.sum(axis=0)
    return loss, grads


def example(rng):
    """(object or (forward, backward) pair of functions, x or tuple of inputs)"""
    return loss_and_grads, (init_params(rng, 4, 6, 3), rng.standard_normal((5, 4)), np.array([1, 0, 2, 2, 1]))


def sized(rng):
    """The same with other sizes (N, and T / H / W where there are such)."""
    return loss_and_grads, (init_params(rng, 3, 5, 4), rng.standard_normal((7, 3)), np.array([1, 0, 3, 2, 1, 3, 0]))


MISTAKES = [
    ("dh1 = dh2 + dz2 @ W2.T", "dh1 = dz2 @ W2.T",
     "skip path forgotten", "The identity branch of the residual block gets no gradient."),
    ("dh1 = dh2 + dz2 @ W2.T", "dh1 = dh2 + dz2 @ W2",
     "transpose forgotten, square matrix", "W2 is square, so nothing complains."),
    ("dz2 = dh2 * (1 - np.tanh(z2) ** 2)", "dz2 = dh2 * (1 - h2 ** 2)",
     "derivative at the wrong variable", "1 - a^2 is taken with the output of the residual sum and not with tanh(z2)."),
    ("dz2 = dh2 * (1 - np.tanh(z2) ** 2)", "dz2 = dh2 * (1 - np.tanh(z2)) ** 2",
     "bracket misplaced", "(1 - t)^2 is not 1 - t^2."),
    ("dz1 = dh1 * np.where(z1 > 0, 1.0, 0.1)", "dz1 = dh1 * (z1 > 0)",
     "derivative of another function", "ReLU's derivative for leaky ReLU."),
    ("dz1 = dh1 * np.where(z1 > 0, 1.0, 0.1)", "dz1 = np.where(z1 > 0, dh1, 0.1)",
     "upstream lost in one branch", "On the negative side the slope is returned and not slope times gradient."),
    ("dscores = np.exp(logp)", "dscores = np.exp(shifted)",
     "wrong variable of the same shape", "Unnormalised exponentials are used as the probabilities."),
    ("    dscores[rows, y] -= 1\n    dscores /= N\n", "    dscores /= N\n    dscores[rows, y] -= 1\n",
     "order of statements", "The 1 of the label is subtracted after the division by N."),
    ('grads["W3"] = h2.T @ dscores + reg * W3', 'grads["W3"] = h1.T @ dscores + reg * W3',
     "wrong activation in dW", "The activation before the skip sum is taken."),
    ('grads["W1"] = X.T @ dz1 + reg * W1', 'grads["W1"] = X.T @ dz1 + reg * W1 / N',
     "penalty divided by N", "The penalty in the loss is not averaged over the batch."),
    ('grads["b1"] = dz1.sum(axis=0)', 'grads["b1"] = dh1.sum(axis=0)',
     "gradient before the activation's derivative", "The bias takes the gradient of the activation and not of z1."),
    ('    grads["W2"] = h1.T @ dz2 + reg * W2\n    grads["b2"] = dz2.sum(axis=0)\n',
     '    grads["W2"] = h1.T @ dz2\n    grads["b2"] = dz2.sum(axis=0) + reg * params["b2"]\n',
     "two: penalty on the bias for the weights", "The regulariser's gradient went to b2 and W2 has none."),
]
