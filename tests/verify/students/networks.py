"""Typical mistakes of students who derive backpropagation by hand, on small networks.

Who wrote them had not seen this library but its documentation. ``NETWORKS[name]`` has the function
``f``, its ``inputs``, the ``right`` gradients, and ``mistakes``: (name, function, kinds, words). Only
``max_ties`` was added to their kinds, where a whole window gets the gradient: our word for it.
"""
import math

import numpy as np
import tinygrad_fr as tg

NETWORKS = {}


def onehot(y, c):
    return np.eye(c)[y]


def softmax(z, axis=-1):
    e = np.exp(z - z.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def sig(z):
    return 1 / (1 + np.exp(-z))


def normal(rng, *shape, scale=1.0):
    return scale * rng.standard_normal(shape)


def T(a):
    return np.swapaxes(a, -1, -2)


# --- 1. softmax written out -------------------------------------------------------------------


def f(x, W, b, y):
    z = (x @ W + b).named("z")
    e = tg.exp(z).named("e")
    s = e.sum(axis=1, keepdims=True).named("s")
    p = (e / s).named("p")
    l = tg.log(p).named("l")
    return -(np.eye(3)[y] * l).sum() / 6


NETWORKS["softmax written out"] = dict(
    f=f,
    inputs=lambda rng: dict(
        x=normal(rng, 6, 4), W=normal(rng, 4, 3), b=normal(rng, 3), y=rng.permutation([0, 1, 2, 0, 1, 1])
    ),
    right=dict(
        l=lambda y: -onehot(y, 3) / len(y),
        p=lambda dl, p: dl / p,
        s=lambda dp, e, s: -(dp * e / s**2).sum(1, keepdims=True),
        e=lambda dp, s, ds: dp / s + ds,
        z=lambda de, e: de * e,
        W=lambda x, dz: x.T @ dz,
        b=lambda dz: dz.sum(0),
        x=lambda dz, W: dz @ W.T,
    ),
    mistakes=[
        ("l", lambda y: -onehot(y, 3), {"scale"}, "the mean over the batch is forgotten"),
        ("l", lambda y: onehot(y, 3) / len(y), {"sign"}, "the minus of the cross entropy is forgotten"),
        ("l", lambda y: -onehot((y + 1) % 3, 3) / len(y), {"off_by_one_class"}, "labels counted from one"),
        ("l", lambda y: -np.ones((len(y), 3)) / len(y), {"missing_factor"}, "the labels are forgotten"),
        ("p", lambda dl: dl, {"missing_factor"}, "the derivative of log is forgotten"),
        ("p", lambda dl, p: dl * p, {"wrong_local_derivative"}, "times p where log's derivative divides by p"),
        ("p", lambda dl, p: dl / p**2, {"wrong_local_derivative", "extra_factor"}, "divided by p twice"),
        ("p", lambda p: 1 / p, {"missing_upstream"}, "log's derivative alone"),
        ("s", lambda dp, e, s: -(dp * e / s**2), {"not_summed"}, "s is broadcast over the classes: sum missing"),
        ("s", lambda dp, e, s: -(dp * e / s).sum(1, keepdims=True), {"wrong_local_derivative"}, "1/s for 1/s**2"),
        ("s", lambda dp, e, s: (dp * e / s**2).sum(1, keepdims=True), {"sign"}, "the quotient rule's minus"),
        ("e", lambda dp, s: dp / s, {"missing_branch"}, "e also acts through the sum s"),
        ("e", lambda ds, e: ds * np.ones_like(e), {"missing_branch"}, "only the path through s"),
        ("e", lambda dp, s, ds: dp / s - ds, {"missing_branch", "sign"}, "the second path with the wrong sign"),
        ("z", lambda de: de, {"missing_factor"}, "the derivative of exp is forgotten"),
        ("z", lambda e: e, {"missing_upstream"}, "exp's derivative alone"),
        ("z", lambda de, z: de * z, {"wrong_variable", "wrong_local_derivative"}, "times z for exp(z)"),
        ("z", lambda dp, p: dp * p * (1 - p), {"diagonal_only"}, "only the diagonal of softmax's Jacobian"),
        ("z", lambda dp, p: dp * p, {"missing_branch", "diagonal_only"}, "softmax without the sum's term"),
        ("z", lambda p, y: p - onehot(y, 3), {"scale"}, "(p - y) without 1/N"),
        ("z", lambda z, y: (softmax(z, 0) - onehot(y, 3)) / len(y), {"wrong_axis"}, "softmax along the batch"),
        ("W", lambda x, dz: dz.T @ x, {"transpose"}, "dW transposed"),
        ("W", lambda x, dz: x.T @ dz / len(x), {"scale"}, "1/N twice"),
        ("b", lambda dz: dz, {"not_summed"}, "the sum over the batch is forgotten"),
        ("b", lambda dz: dz.sum(1), {"wrong_axis"}, "summed over the classes"),
        ("b", lambda dz: dz.mean(0), {"scale"}, "mean for sum"),
        ("x", lambda dz, W, dW: dz @ (W - 0.5 * dW).T, {"updated_too_early"}, "W is updated before it is used"),
        ("x", lambda W, p: p @ W.T, {"wrong_variable"}, "p in place of dz"),
    ],
)


# --- 2. fused cross entropy with weight decay ----------------------------------------------------


def f(x, W, b, y):
    z = (x @ W + b).named("z")
    return tg.cross_entropy(z, y) + 0.1 * (W**2).sum() + 0.3 * tg.abs(b).sum()


NETWORKS["fused cross entropy, L2 and L1"] = dict(
    f=f,
    inputs=lambda rng: dict(
        x=normal(rng, 7, 5), W=normal(rng, 5, 4), b=normal(rng, 4) + 0.05, y=rng.permutation([0, 1, 2, 3, 0, 1, 1])
    ),
    right=dict(
        z=lambda z, y: (softmax(z) - onehot(y, 4)) / len(y),
        W=lambda x, dz, W: x.T @ dz + 0.2 * W,
        b=lambda dz, b: dz.sum(0) + 0.3 * np.sign(b),
        x=lambda dz, W: dz @ W.T,
    ),
    mistakes=[
        ("z", lambda z, y: softmax(z) - onehot(y, 4), {"scale"}, "the mean is forgotten"),
        ("z", lambda z, y: (softmax(z) - onehot(y, 4)) / z.size, {"scale"}, "divided by N C"),
        ("z", lambda z, y: (onehot(y, 4) - softmax(z)) / len(y), {"sign"}, "y - p"),
        ("z", lambda z, y: (softmax(z) - onehot((y - 1) % 4, 4)) / len(y), {"off_by_one_class"}, "labels shifted by one"),
        ("z", lambda z, y: (softmax(softmax(z)) - onehot(y, 4)) / len(y), {"double_activation"}, "softmax twice"),
        ("z", lambda z, y: (z - onehot(y, 4)) / len(y), {"wrong_variable", "missing_factor"}, "scores for probabilities"),
        ("z", lambda z, y: (sig(z) - onehot(y, 4)) / len(y), {"wrong_local_derivative"}, "sigmoid for softmax"),
        ("z", lambda z: softmax(z) / len(z), {"missing_branch"}, "the label's term is forgotten"),
        ("z", lambda y: -onehot(y, 4) / len(y), {"missing_branch"}, "the softmax term is forgotten"),
        ("z", lambda z, y: (softmax(z) - onehot(y, 4)) * softmax(z) * (1 - softmax(z)) / len(y), {"extra_factor"}, "p (1 - p) once more"),
        ("z", lambda z, y: -onehot(y, 4) * (1 - softmax(z)) / len(y), {"diagonal_only"}, "only the right class"),
        ("z", lambda z, y: (softmax(z, 0) - onehot(y, 4)) / len(y), {"wrong_axis"}, "softmax along the batch"),
        ("z", lambda z, y: (softmax(z) - onehot(y, 4) / 2) / len(y), {"missing_branch"}, "half the label's term"),
        ("W", lambda x, dz: x.T @ dz, {"missing_branch"}, "the L2 term is forgotten"),
        ("W", lambda x, dz, W: x.T @ dz + 0.1 * W, {"missing_branch"}, "the L2 term without its 2"),
        ("W", lambda x, dz, W: x.T @ dz - 0.2 * W, {"missing_branch", "sign"}, "the L2 term subtracted"),
        ("W", lambda x, dz, W: x.T @ dz + 0.2 * W / len(x), {"missing_branch"}, "the L2 term divided by N"),
        ("W", lambda x, dz, W: (dz.T @ x + 0.2 * W.T), {"transpose"}, "transposed"),
        ("W", lambda x, dz, W: x.T @ dz + 0.2 * np.sign(W), {"missing_branch", "wrong_local_derivative"}, "L1's derivative in L2's place"),
        ("W", lambda W: 0.2 * W, {"missing_branch"}, "only the L2 term"),
        ("W", lambda x, dz, W: (x.T @ dz + 0.2 * W) / len(x), {"scale"}, "all divided by N again"),
        ("b", lambda dz: dz.sum(0), {"missing_branch"}, "the L1 term is forgotten"),
        ("b", lambda dz, b: dz.sum(0) + 0.3 * b, {"missing_branch", "wrong_local_derivative"}, "b for sign(b)"),
        ("b", lambda dz, b: dz.sum(0) + 0.3, {"missing_branch", "wrong_local_derivative", "missing_factor"}, "the derivative of |b| taken for 1"),
        ("b", lambda dz, b: dz + 0.3 * np.sign(b), {"not_summed"}, "no sum over the batch"),
        ("x", lambda dz, W: dz @ W.T + 0.2 * W.sum(1), {"missing_branch"}, "an L2 term in dx too"),
        ("x", lambda dz, W: (dz @ W.T).T, {"transpose"}, "dx transposed"),
        ("x", lambda dz, W, dW: dz @ (W - 0.3 * dW).T, {"updated_too_early"}, "W is updated before it is used"),
    ],
)


# --- 3. two-layer tanh ------------------------------------------------------------------------------


def f(x, W1, b1, W2, b2, y):
    z1 = (x @ W1 + b1).named("z1")
    a1 = tg.tanh(z1).named("a1")
    z2 = (a1 @ W2 + b2).named("z2")
    return tg.cross_entropy(z2, y)


NETWORKS["two layers, tanh"] = dict(
    f=f,
    inputs=lambda rng: dict(
        x=normal(rng, 6, 4), W1=normal(rng, 4, 5, scale=0.7), b1=normal(rng, 5, scale=0.5),
        W2=normal(rng, 5, 3), b2=normal(rng, 3), y=rng.permutation([0, 1, 2, 0, 1, 1]),
    ),
    right=dict(
        z2=lambda z2, y: (softmax(z2) - onehot(y, 3)) / len(y),
        W2=lambda a1, dz2: a1.T @ dz2,
        b2=lambda dz2: dz2.sum(0),
        a1=lambda dz2, W2: dz2 @ W2.T,
        z1=lambda da1, a1: da1 * (1 - a1**2),
        W1=lambda x, dz1: x.T @ dz1,
        b1=lambda dz1: dz1.sum(0),
        x=lambda dz1, W1: dz1 @ W1.T,
    ),
    mistakes=[
        ("z2", lambda z2, y: (softmax(z2) - onehot(y, 3)) / 3, {"scale"}, "divided by the number of classes"),
        ("W2", lambda z1, dz2: z1.T @ dz2, {"wrong_variable"}, "z1 for a1"),
        ("W2", lambda a1, dz2: dz2.T @ a1, {"transpose"}, "transposed"),
        ("W2", lambda a1, dz2: np.tanh(a1).T @ dz2, {"double_activation", "wrong_variable"}, "tanh applied again to a1"),
        ("W2", lambda a1, dz2: (1 - a1**2).T @ dz2, {"wrong_variable"}, "tanh's derivative for tanh"),
        ("W2", lambda a1, dz2: np.outer(a1[-1], dz2[-1]), {"overwritten"}, "the last example of the loop only"),
        ("b2", lambda dz2: dz2.mean(0), {"scale"}, "mean for sum"),
        ("a1", lambda dz2, W2, a1: dz2 @ W2.T * (1 - a1**2), {"extra_factor"}, "tanh's derivative already in da1"),
        ("a1", lambda dz2, W2, dW2: dz2 @ (W2 - dW2).T, {"updated_too_early"}, "W2 is updated first"),
        ("a1", lambda W2: np.ones((6, 1)) * W2.sum(1), {"missing_upstream"}, "the weights alone"),
        ("a1", lambda z2, W2: softmax(z2) @ W2.T / len(z2), {"wrong_variable", "missing_branch"}, "p / N in place of (p - y) / N"),
        ("z1", lambda da1: da1, {"missing_factor"}, "tanh's derivative forgotten"),
        ("z1", lambda da1, a1: da1 * (1 - a1), {"wrong_local_derivative"}, "1 - a"),
        ("z1", lambda da1, z1: da1 * (1 - z1**2), {"wrong_variable", "wrong_local_derivative"}, "1 - z**2"),
        ("z1", lambda da1, a1: da1 * (1 - np.tanh(a1) ** 2), {"double_activation", "wrong_variable"}, "derivative at a, not z"),
        ("z1", lambda da1, a1: da1 * a1 * (1 - a1), {"wrong_local_derivative"}, "sigmoid's derivative"),
        ("z1", lambda da1, a1: da1 * (1 + a1**2), {"wrong_local_derivative"}, "1 + a**2"),
        ("z1", lambda a1: 1 - a1**2, {"missing_upstream"}, "the upstream gradient forgotten"),
        ("z1", lambda da1, a1: da1 * (a1**2 - 1), {"sign"}, "a**2 - 1"),
        ("z1", lambda da1, a1: da1 * (1 - a1**2) ** 2, {"extra_factor"}, "tanh's derivative twice"),
        ("z1", lambda da1, z1: da1 * (z1 > 0), {"wrong_local_derivative"}, "ReLU's derivative"),
        ("z1", lambda da1, z1: da1 * (np.tanh(z1 + 0.05) - np.tanh(z1)) / 0.05, {"precision", "wrong_local_derivative"}, "differences with the step 0.05"),
        ("z1", lambda da1, a1: da1 * a1, {"wrong_local_derivative"}, "tanh itself for its derivative"),
        ("W1", lambda x, da1: x.T @ da1, {"missing_factor", "wrong_variable"}, "da1 for dz1"),
        ("W1", lambda x, dz1: x.T @ dz1 / len(x), {"scale"}, "1/N twice"),
        ("b1", lambda dz1: dz1, {"not_summed"}, "no sum"),
        ("b1", lambda dz1: dz1.sum(1), {"wrong_axis"}, "sum over units"),
        ("b1", lambda dz1: dz1[-1], {"overwritten"}, "the last example only"),
        ("b1", lambda da1: da1.sum(0), {"missing_factor", "wrong_variable"}, "da1 for dz1"),
        ("x", lambda da1, W1: da1 @ W1.T, {"missing_factor", "wrong_variable"}, "da1 for dz1"),
        ("x", lambda dz1, W1: -dz1 @ W1.T, {"sign"}, "a minus too many"),
        ("x", lambda dz1: np.zeros((len(dz1), 4)), {"zero"}, "x gets no gradient"),
    ],
)


# --- 4. three sigmoid layers, half mean squared error -------------------------------------------------


def f(x, W1, W2, W3, c, t):
    z1 = (x @ W1).named("z1")
    a1 = tg.sigmoid(z1).named("a1")
    z2 = (a1 @ W2 + c).named("z2")
    a2 = tg.sigmoid(z2).named("a2")
    o = (a2 @ W3).named("o")
    return ((o - t) ** 2).sum() / (2 * 7)


NETWORKS["three layers, sigmoid, squares"] = dict(
    f=f,
    inputs=lambda rng: dict(
        x=normal(rng, 7, 3), W1=normal(rng, 3, 4), W2=normal(rng, 4, 4), W3=normal(rng, 4, 2),
        c=normal(rng, 4), t=normal(rng, 7, 2),
    ),
    right=dict(
        o=lambda o, t: (o - t) / len(t),
        W3=lambda a2, do: a2.T @ do,
        a2=lambda do, W3: do @ W3.T,
        z2=lambda da2, a2: da2 * a2 * (1 - a2),
        W2=lambda a1, dz2: a1.T @ dz2,
        c=lambda dz2: dz2.sum(0),
        a1=lambda dz2, W2: dz2 @ W2.T,
        z1=lambda da1, a1: da1 * a1 * (1 - a1),
        W1=lambda x, dz1: x.T @ dz1,
    ),
    mistakes=[
        ("o", lambda o, t: o - t, {"scale"}, "1/N forgotten"),
        ("o", lambda o, t: 2 * (o - t) / len(t), {"scale"}, "the 1/2 is forgotten"),
        ("o", lambda o, t: (t - o) / len(t), {"sign"}, "t - o"),
        ("o", lambda o, t: (o - t) ** 2 / len(t), {"wrong_local_derivative"}, "the square was not derived"),
        ("o", lambda o: o / len(o), {"missing_branch"}, "the target forgotten"),
        ("o", lambda o, t: (o - t[::-1]) / len(t), {"permuted", "wrong_variable"}, "targets in reversed order"),
        ("o", lambda o, t: np.abs(o - t) / len(t), {"sign"}, "the absolute error"),
        ("W3", lambda a1, do: a1.T @ do, {"wrong_variable"}, "a1 for a2"),
        ("W3", lambda z2, do: z2.T @ do, {"wrong_variable"}, "z2 for a2"),
        ("a2", lambda do, W3, a2: do @ W3.T * a2 * (1 - a2), {"extra_factor"}, "the activation's derivative already here"),
        ("z2", lambda da2: da2, {"missing_factor"}, "sigmoid's derivative forgotten"),
        ("z2", lambda da2, a2: da2 * (1 - a2), {"wrong_local_derivative"}, "1 - a for a (1 - a)"),
        ("z2", lambda da2, a2: da2 * a2, {"wrong_local_derivative"}, "a for a (1 - a)"),
        ("z2", lambda da2, a1: da2 * a1 * (1 - a1), {"wrong_variable"}, "the activation of the other layer"),
        ("z2", lambda da2, z2: da2 * z2 * (1 - z2), {"wrong_variable"}, "a (1 - a) at z"),
        ("z2", lambda da2, a2: da2 * sig(a2) * (1 - sig(a2)), {"double_activation", "wrong_variable"}, "derivative at a"),
        ("z2", lambda da2, a2: da2 * (1 - a2**2), {"wrong_local_derivative"}, "tanh's derivative"),
        ("z2", lambda da2, a2: da2 * a2 * (1 + a2), {"wrong_local_derivative"}, "a (1 + a)"),
        ("W2", lambda a1, da2: a1.T @ da2, {"missing_factor", "wrong_variable"}, "da2 for dz2"),
        ("W2", lambda a1, dz2: (a1.T @ dz2).T, {"transpose"}, "transposed, and square"),
        ("W2", lambda a1, dz2: dz2.T @ a1, {"transpose"}, "dz.T @ a"),
        ("W2", lambda a2, dz2: a2.T @ dz2, {"wrong_variable"}, "the layer's output for its input"),
        ("W2", lambda a1, dz1: a1.T @ dz1, {"wrong_variable"}, "dz1 for dz2"),
        ("c", lambda dz2: dz2.sum(0) / 7, {"scale"}, "mean for sum"),
        ("c", lambda dz2: np.full(4, dz2.sum()), {"wrong_axis"}, "summed over everything"),
        ("a1", lambda dz2, W2: dz2 @ W2, {"transpose"}, "W2 not transposed"),
        ("a1", lambda da2, W2: da2 @ W2.T, {"missing_factor", "wrong_variable"}, "da2 for dz2"),
        ("a1", lambda dz2, W2, dW2: dz2 @ (W2 - 2 * dW2).T, {"updated_too_early"}, "W2 is updated first"),
        ("z1", lambda da1, a2: da1 * a2 * (1 - a2), {"wrong_variable"}, "a2 for a1"),
        ("z1", lambda a1: a1 * (1 - a1), {"missing_upstream"}, "the upstream gradient forgotten"),
        ("W1", lambda x, dz1: x.T @ dz1 * len(x), {"scale"}, "multiplied by N"),
        ("W1", lambda x, dz1: x[::-1].T @ dz1, {"permuted", "wrong_variable"}, "examples in reversed order"),
    ],
)


# --- 5. leaky ReLU and ELU, weighted classes ---------------------------------------------------------

CLASS_WEIGHTS = np.array([1.0, 2.0, 0.5])


def f(x, W1, b1, W2, b2, W3, y):
    z1 = (x @ W1 + b1).named("z1")
    a1 = tg.leaky_relu(z1, 0.1).named("a1")
    z2 = (a1 @ W2 + b2).named("z2")
    a2 = tg.elu(z2).named("a2")
    z3 = (a2 @ W3).named("z3")
    return (CLASS_WEIGHTS[y] * tg.cross_entropy(z3, y, "none")).sum() / 8


def leaky(z, slope=0.1):
    return np.where(z > 0, z, slope * z)


def elu(z):
    return np.where(z > 0, z, np.expm1(z))


NETWORKS["leaky ReLU, ELU, weighted classes"] = dict(
    f=f,
    inputs=lambda rng: dict(
        x=normal(rng, 8, 4), W1=normal(rng, 4, 5), b1=normal(rng, 5), W2=normal(rng, 5, 6, scale=0.6),
        b2=normal(rng, 6), W3=normal(rng, 6, 3), y=rng.permutation([0, 1, 2, 0, 1, 1, 2, 0]),
    ),
    right=dict(
        z3=lambda z3, y: CLASS_WEIGHTS[y][:, None] * (softmax(z3) - onehot(y, 3)) / len(y),
        W3=lambda a2, dz3: a2.T @ dz3,
        a2=lambda dz3, W3: dz3 @ W3.T,
        z2=lambda da2, z2: da2 * np.where(z2 > 0, 1, np.exp(z2)),
        W2=lambda a1, dz2: a1.T @ dz2,
        b2=lambda dz2: dz2.sum(0),
        a1=lambda dz2, W2: dz2 @ W2.T,
        z1=lambda da1, z1: da1 * np.where(z1 > 0, 1, 0.1),
        W1=lambda x, dz1: x.T @ dz1,
        b1=lambda dz1: dz1.sum(0),
    ),
    mistakes=[
        ("z3", lambda z3, y: (softmax(z3) - onehot(y, 3)) / len(y), {"missing_factor"}, "class weights forgotten"),
        ("z3", lambda z3, y: CLASS_WEIGHTS * (softmax(z3) - onehot(y, 3)) / len(y), {"wrong_axis", "wrong_variable"}, "weights along the columns instead of the labels"),
        ("z3", lambda z3, y: CLASS_WEIGHTS[y][:, None] * (softmax(z3) - onehot(y, 3)) / CLASS_WEIGHTS[y].sum(), {"scale"}, "divided by the sum of the weights"),
        ("z3", lambda z3, y: CLASS_WEIGHTS[y][:, None] * (softmax(z3) - onehot(y, 3)), {"scale"}, "1/N forgotten"),
        ("z3", lambda z3, y: CLASS_WEIGHTS[y][:, None] ** 2 * (softmax(z3) - onehot(y, 3)) / len(y), {"extra_factor"}, "weights twice"),
        ("z3", lambda z3, y: (softmax(z3) - CLASS_WEIGHTS[y][:, None] * onehot(y, 3)) / len(y), {"missing_branch", "missing_factor"}, "weight on the label's term only"),
        ("z3", lambda z3, y: CLASS_WEIGHTS[(y + 1) % 3][:, None] * (softmax(z3) - onehot((y + 1) % 3, 3)) / len(y), {"off_by_one_class"}, "labels shifted"),
        ("W3", lambda z2, dz3: z2.T @ dz3, {"wrong_variable"}, "z2 for a2"),
        ("W3", lambda a2, dz3: elu(a2).T @ dz3, {"double_activation"}, "ELU applied again"),
        ("a2", lambda dz3, W3: (dz3 @ W3.T).T, {"transpose"}, "transposed"),
        ("z2", lambda da2: da2, {"missing_factor"}, "ELU's derivative forgotten"),
        ("z2", lambda da2, z2: da2 * (z2 > 0), {"wrong_local_derivative"}, "ReLU's derivative"),
        ("z2", lambda da2, z2: da2 * np.exp(z2), {"wrong_local_derivative"}, "exp on the positive side too"),
        ("z2", lambda da2, z2, a2: da2 * np.where(z2 > 0, 1, a2), {"wrong_local_derivative"}, "a for a + 1"),
        ("z2", lambda da2, z2, a2: da2 * np.where(z2 > 0, 1, np.exp(a2)), {"wrong_variable", "double_activation"}, "derivative at a"),
        ("z2", lambda da2, z2, a2: da2 * np.where(z2 > 0, z2, np.exp(z2)), {"wrong_local_derivative"}, "z itself on the positive side"),
        ("z2", lambda da2, z2: da2 * np.where(z2 > 0, 1, -np.exp(z2)), {"sign"}, "minus on the negative side"),
        ("z2", lambda da2, z2: da2 * np.where(z2 > 0, np.exp(z2), 1), {"wrong_local_derivative"}, "branches exchanged"),
        ("z2", lambda da2, z2: da2 * np.where(da2 > 0, 1, np.exp(z2)), {"wrong_variable"}, "mask taken on the gradient"),
        ("b2", lambda dz2: dz2.sum(), {"wrong_axis", "wrong_shape"}, "summed over everything"),
        ("a1", lambda dz2, W2, z1: dz2 @ W2.T * np.where(z1 > 0, 1, 0.1), {"extra_factor"}, "leaky's derivative already in da1"),
        ("z1", lambda da1, z1: da1 * (z1 > 0), {"wrong_local_derivative"}, "ReLU's derivative"),
        ("z1", lambda da1: da1, {"missing_factor"}, "leaky's derivative forgotten"),
        ("z1", lambda da1, z1: da1 * np.where(z1 > 0, 1, -0.1), {"sign"}, "the slope with a minus"),
        ("z1", lambda da1, z1: da1 * np.where(z1 > 0, 1, 0.1 * z1), {"wrong_local_derivative"}, "the slope was not derived"),
        ("z1", lambda da1, z1: da1 * np.where(z1 > 0, 0.1, 1), {"wrong_local_derivative"}, "branches exchanged"),
        ("z1", lambda da1, z1: da1 * np.where(z1 > 0, 1, 0.01), {"wrong_local_derivative"}, "0.01, the usual slope"),
        ("z1", lambda z1: np.where(z1 > 0, 1, 0.1), {"missing_upstream"}, "the upstream gradient forgotten"),
        ("z1", lambda da1, z1: da1 * np.where(da1 > 0, 1, 0.1), {"wrong_variable"}, "mask taken on the gradient"),
        ("W1", lambda x, dz1: dz1.T @ x, {"transpose"}, "transposed"),
        ("b1", lambda dz1: dz1, {"not_summed"}, "no sum"),
    ],
)


# --- 6. GELU and SiLU ---------------------------------------------------------------------------------

erf = np.vectorize(math.erf)


def Phi(z):
    return (1 + erf(z / math.sqrt(2))) / 2


def phi(z):
    return np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)


def f(x, W1, b1, W2, W3, t):
    z1 = (x @ W1 + b1).named("z1")
    a1 = tg.gelu(z1).named("a1")
    z2 = (a1 @ W2).named("z2")
    a2 = tg.silu(z2).named("a2")
    o = (a2 @ W3).named("o")
    return tg.mse_loss(o, t)


NETWORKS["GELU and SiLU, mean squares"] = dict(
    f=f,
    inputs=lambda rng: dict(
        x=normal(rng, 6, 3), W1=normal(rng, 3, 5), b1=normal(rng, 5), W2=normal(rng, 5, 4),
        W3=normal(rng, 4, 2), t=normal(rng, 6, 2),
    ),
    right=dict(
        o=lambda o, t: 2 * (o - t) / o.size,
        W3=lambda a2, do: a2.T @ do,
        a2=lambda do, W3: do @ W3.T,
        z2=lambda da2, z2: da2 * (sig(z2) + z2 * sig(z2) * (1 - sig(z2))),
        W2=lambda a1, dz2: a1.T @ dz2,
        a1=lambda dz2, W2: dz2 @ W2.T,
        z1=lambda da1, z1: da1 * (Phi(z1) + z1 * phi(z1)),
        W1=lambda x, dz1: x.T @ dz1,
        b1=lambda dz1: dz1.sum(0),
        t=lambda do: -do,
    ),
    mistakes=[
        ("o", lambda o, t: 2 * (o - t) / len(o), {"scale"}, "divided by N, not by N K"),
        ("o", lambda o, t: (o - t) / o.size, {"scale"}, "factor 2 forgotten"),
        ("o", lambda o, t: 2 * (o - t), {"scale"}, "the mean is forgotten"),
        ("o", lambda o, t: -2 * (o - t) / o.size, {"sign"}, "minus"),
        ("o", lambda o, t: 2 * (o - t.mean(0)) / o.size, {"wrong_variable"}, "the mean target for the target"),
        ("t", lambda do: do, {"sign"}, "the target's gradient has the other sign"),
        ("W3", lambda a2, do: (a2.T @ do) / 6, {"scale"}, "1/N again"),
        ("a2", lambda do, W3, dW3: do @ (W3 - dW3).T, {"updated_too_early"}, "W3 updated first"),
        ("z2", lambda da2, z2: da2 * sig(z2), {"missing_branch", "wrong_local_derivative"}, "the product rule's second term is forgotten"),
        ("z2", lambda da2, z2: da2 * z2 * sig(z2) * (1 - sig(z2)), {"missing_branch", "wrong_local_derivative"}, "the product rule's first term is forgotten"),
        ("z2", lambda da2, z2: da2 * sig(z2) * (1 - sig(z2)), {"wrong_local_derivative"}, "sigmoid's derivative"),
        ("z2", lambda da2, z2: da2 * (sig(z2) + z2 * sig(z2)), {"wrong_local_derivative", "missing_factor"}, "sigmoid for its derivative in the second term"),
        ("z2", lambda da2, z2: da2 * (sig(z2) - z2 * sig(z2) * (1 - sig(z2))), {"missing_branch", "sign", "wrong_local_derivative"}, "minus before the second term"),
        ("z2", lambda da2, a2: da2 * (sig(a2) + a2 * sig(a2) * (1 - sig(a2))), {"wrong_variable", "double_activation"}, "derivative at a2"),
        ("z2", lambda da2: da2, {"missing_factor"}, "SiLU's derivative forgotten"),
        ("z2", lambda da2, z2: da2 * (z2 > 0), {"wrong_local_derivative"}, "ReLU's derivative"),
        ("z2", lambda da2, z2: da2 * (Phi(z2) + z2 * phi(z2)), {"wrong_local_derivative"}, "GELU's derivative"),
        ("W2", lambda z1, dz2: z1.T @ dz2, {"wrong_variable"}, "z1 for a1"),
        ("W2", lambda a1, dz2: dz2.T @ a1, {"transpose"}, "transposed"),
        ("z1", lambda da1, z1: da1 * Phi(z1), {"missing_branch", "wrong_local_derivative"}, "the product rule's second term is forgotten"),
        ("z1", lambda da1, z1: da1 * z1 * phi(z1), {"missing_branch", "wrong_local_derivative"}, "the product rule's first term is forgotten"),
        ("z1", lambda da1, z1: da1 * phi(z1), {"wrong_local_derivative"}, "the density alone"),
        ("z1", lambda da1, z1: da1 * (Phi(z1) + phi(z1)), {"wrong_local_derivative", "missing_factor"}, "the z of the second term is forgotten"),
        ("z1", lambda da1, a1: da1 * (Phi(a1) + a1 * phi(a1)), {"wrong_variable", "double_activation"}, "derivative at a1"),
        ("z1", lambda z1: Phi(z1) + z1 * phi(z1), {"missing_upstream"}, "the upstream gradient forgotten"),
        ("z1", lambda da1, z1: da1 * (sig(1.702 * z1) + 1.702 * z1 * sig(1.702 * z1) * sig(-1.702 * z1)), {"wrong_local_derivative"}, "the sigmoid approximation's derivative"),
        ("W1", lambda x, da1: x.T @ da1, {"missing_factor", "wrong_variable"}, "da1 for dz1"),
        ("b1", lambda dz1: dz1.sum(1), {"wrong_axis"}, "sum over the units"),
    ],
)


# --- 7. Poisson regression with softplus ------------------------------------------------------------------


def f(x, W, b, k):
    z = (x @ W + b).named("z")
    mu = (tg.softplus(z) + 0.1).named("mu")
    return (mu - k * tg.log(mu)).mean() + 0.5 * 0.2 * (W**2).sum()


NETWORKS["Poisson regression, softplus"] = dict(
    f=f,
    inputs=lambda rng: dict(x=normal(rng, 6, 4), W=normal(rng, 4, 3), b=normal(rng, 3), k=rng.poisson(2.0, (6, 3)) + 0.0),
    right=dict(
        mu=lambda mu, k: (1 - k / mu) / mu.size,
        z=lambda dmu, z: dmu * sig(z),
        W=lambda x, dz, W: x.T @ dz + 0.2 * W,
        b=lambda dz: dz.sum(0),
        x=lambda dz, W: dz @ W.T,
    ),
    mistakes=[
        ("mu", lambda mu, k: 1 - k / mu, {"scale"}, "the mean is forgotten"),
        ("mu", lambda mu, k: (1 - k / mu) / len(mu), {"scale"}, "divided by N only"),
        ("mu", lambda mu, k: -k / mu / mu.size, {"missing_branch", "constant_offset"}, "the term mu is forgotten"),
        ("mu", lambda mu, k: (1 + k / mu) / mu.size, {"missing_branch", "sign"}, "plus for minus"),
        ("mu", lambda mu, k: (mu - k) / mu.size, {"missing_factor", "extra_factor"}, "mu - k, as for log-rates"),
        ("mu", lambda mu, k: (1 - k) / mu.size, {"missing_factor"}, "log's derivative is forgotten"),
        ("mu", lambda mu, k: (1 - 1 / mu) / mu.size, {"missing_factor"}, "the counts are forgotten"),
        ("mu", lambda mu, k: (1 - k / (mu - 0.1)) / mu.size, {"wrong_variable"}, "log's derivative without the 0.1"),
        ("z", lambda dmu: dmu, {"missing_factor"}, "softplus' derivative forgotten"),
        ("z", lambda dmu, z: dmu * sig(z) * (1 - sig(z)), {"wrong_local_derivative"}, "sigmoid's derivative for sigmoid"),
        ("z", lambda dmu, mu: dmu * sig(mu), {"wrong_variable", "double_activation"}, "derivative at mu"),
        ("z", lambda dmu, z: dmu * np.exp(z), {"wrong_local_derivative"}, "exp's derivative"),
        ("z", lambda dmu, z: dmu * (z > 0), {"wrong_local_derivative"}, "ReLU's derivative"),
        ("z", lambda dmu, z: dmu * sig(-z), {"wrong_local_derivative", "wrong_variable"}, "sigmoid of -z"),
        ("z", lambda dmu, z: dmu / (1 + np.exp(z)) ** 2, {"wrong_local_derivative"}, "a slip of the chain rule"),
        ("z", lambda z: sig(z), {"missing_upstream"}, "the upstream gradient forgotten"),
        ("z", lambda dmu, z: dmu * (np.logaddexp(0, z + 0.02) - np.logaddexp(0, z)) / 0.02, {"precision", "wrong_local_derivative"}, "differences with the step 0.02"),
        ("z", lambda dmu, z: dmu * sig(z) ** 2, {"extra_factor"}, "sigmoid twice"),
        ("W", lambda x, dz: x.T @ dz, {"missing_branch"}, "the penalty is forgotten"),
        ("W", lambda x, dz, W: x.T @ dz + 0.1 * W, {"missing_branch"}, "the penalty has half its weight"),
        ("W", lambda x, dz, W: x.T @ dz + 0.4 * W, {"missing_branch"}, "the penalty has twice its weight"),
        ("W", lambda x, dmu, W: x.T @ dmu + 0.2 * W, {"missing_factor", "wrong_variable"}, "dmu for dz"),
        ("W", lambda x, dz, W: x.T @ dz - 0.2 * W, {"missing_branch", "sign"}, "the penalty subtracted"),
        ("b", lambda dz, b: dz.sum(0) + 0.2 * b, {"missing_branch"}, "the bias is penalised too"),
        ("b", lambda dmu: dmu.sum(0), {"missing_factor", "wrong_variable"}, "dmu for dz"),
        ("b", lambda dz: dz, {"not_summed"}, "no sum"),
        ("x", lambda dz, W, dW: dz @ (W - 0.2 * dW).T, {"updated_too_early"}, "W updated first"),
    ],
)


# --- 8. several labels: sigmoid and binary cross entropy ------------------------------------------------------


def f(x, W1, b1, W2, b2, t):
    z1 = (x @ W1 + b1).named("z1")
    a1 = z1.relu().named("a1")
    z2 = (a1 @ W2 + b2).named("z2")
    p = tg.sigmoid(z2).named("p")
    return -(t * tg.log(p) + (1 - t) * tg.log(1 - p)).mean()


NETWORKS["several labels, sigmoid"] = dict(
    f=f,
    inputs=lambda rng: dict(
        x=normal(rng, 7, 3), W1=normal(rng, 3, 5), b1=normal(rng, 5), W2=normal(rng, 5, 4, scale=0.5),
        b2=normal(rng, 4), t=rng.permutation([0.0, 1] * 14).reshape(7, 4),
    ),
    right=dict(
        p=lambda p, t: (-t / p + (1 - t) / (1 - p)) / p.size,
        z2=lambda dp, p: dp * p * (1 - p),
        W2=lambda a1, dz2: a1.T @ dz2,
        b2=lambda dz2: dz2.sum(0),
        a1=lambda dz2, W2: dz2 @ W2.T,
        z1=lambda da1, z1: da1 * (z1 > 0),
        W1=lambda x, dz1: x.T @ dz1,
        b1=lambda dz1: dz1.sum(0),
    ),
    mistakes=[
        ("p", lambda p, t: -t / p / p.size, {"missing_branch"}, "half of the loss"),
        ("p", lambda p, t: (-t / p - (1 - t) / (1 - p)) / p.size, {"sign", "missing_branch"}, "minus on the negative examples"),
        ("p", lambda p, t: (-t / p + (1 - t) / (1 - p)) / len(p), {"scale"}, "divided by N only"),
        ("p", lambda p, t: (t / p - (1 - t) / (1 - p)) / p.size, {"sign"}, "the loss' minus is forgotten"),
        ("p", lambda p, t: (-t / p + (1 - t) / p) / p.size, {"wrong_variable"}, "p for 1 - p in the second term"),
        ("p", lambda p, t: (p - t) / p.size, {"missing_factor", "extra_factor"}, "that is dz, not dp"),
        ("p", lambda p, t: (-(1 - t) / p + t / (1 - p)) / p.size, {"wrong_variable"}, "labels exchanged"),
        ("z2", lambda dp: dp, {"missing_factor"}, "sigmoid's derivative is forgotten"),
        ("z2", lambda p: p * (1 - p), {"missing_upstream"}, "sigmoid's derivative alone"),
        ("z2", lambda p, t: p - t, {"scale"}, "the mean is forgotten"),
        ("z2", lambda p, t: (p - t) * p * (1 - p) / p.size, {"extra_factor"}, "p (1 - p) twice"),
        ("z2", lambda dp, p: dp * sig(p) * (1 - sig(p)), {"double_activation", "wrong_variable"}, "derivative at p"),
        ("z2", lambda dp, p: dp * (1 - p), {"wrong_local_derivative"}, "1 - p"),
        ("z2", lambda dp, p: dp * p * (p - 1), {"sign"}, "p (p - 1)"),
        ("z2", lambda z2, t: (softmax(z2) - t) / z2.size, {"wrong_local_derivative"}, "softmax for sigmoid"),
        ("z2", lambda p, t: (p - t[:, ::-1]) / p.size, {"permuted", "wrong_variable"}, "labels in reversed order"),
        ("W2", lambda z1, dz2: z1.T @ dz2, {"wrong_variable"}, "z1 for a1"),
        ("W2", lambda a1, dp: a1.T @ dp, {"missing_factor", "wrong_variable"}, "dp for dz2"),
        ("b2", lambda dz2: dz2.sum(0)[::-1], {"permuted"}, "reversed"),
        ("b2", lambda dz2: dz2.mean(0), {"scale"}, "mean for sum"),
        ("a1", lambda dz2, W2, z1: dz2 @ W2.T * (z1 > 0), {"extra_factor"}, "ReLU's mask already in da1"),
        ("z1", lambda da1: da1, {"missing_factor"}, "ReLU's mask forgotten"),
        ("z1", lambda da1: da1 * (da1 > 0), {"wrong_variable"}, "mask taken on the gradient"),
        ("z1", lambda da1, z1: da1 * z1 * (z1 > 0), {"wrong_local_derivative"}, "ReLU itself for its derivative"),
        ("z1", lambda da1, z1: da1 * (z1 < 0), {"wrong_local_derivative"}, "mask inverted"),
        ("z1", lambda da1, z1: da1 * np.sign(z1), {"wrong_local_derivative"}, "sign for step"),
        ("z1", lambda z1: (z1 > 0) * 1.0, {"missing_upstream"}, "the mask alone"),
        ("W1", lambda x, da1: x.T @ da1, {"missing_factor", "wrong_variable"}, "da1 for dz1"),
        ("W1", lambda x, dz1: np.outer(x[-1], dz1[-1]), {"overwritten"}, "the last example only"),
        ("b1", lambda dz1: dz1.sum(1), {"wrong_axis"}, "sum over the units"),
    ],
)


# --- 9. several labels with logits, some of them far out ----------------------------------------------------------


def f(x, W, b, t):
    z = (x @ W + b).named("z")
    return (3 * t * tg.softplus(-z) + (1 - t) * tg.softplus(z)).sum() / 6


def far(rng):
    x = normal(rng, 6, 4)
    x[2] *= 900 / np.abs(x[2]).max()
    W = normal(rng, 4, 3)
    W[np.abs(x[2]).argmax()] = [1.1, -1.2, 0.9]
    W[np.arange(4) != np.abs(x[2]).argmax()] *= 0.05
    return dict(x=x, W=W, b=normal(rng, 3), t=rng.permutation([0.0, 1] * 9).reshape(6, 3))


NETWORKS["several labels, logits far out"] = dict(
    f=f,
    inputs=far,
    right=dict(
        z=lambda z, t: (-3 * t * np.exp(-np.logaddexp(0, z)) + (1 - t) * np.exp(-np.logaddexp(0, -z))) / len(z),
        W=lambda x, dz: x.T @ dz,
        b=lambda dz: dz.sum(0),
        x=lambda dz, W: dz @ W.T,
    ),
    mistakes=[
        ("z", lambda z, t: (-3 * t / (1 + np.exp(z)) + (1 - t) * np.exp(z) / (1 + np.exp(z))) / len(z), {"non_finite"}, "exp(z) overflows"),
        ("z", lambda z, t: (-3 * t * np.exp(-z) / (1 + np.exp(-z)) + (1 - t) / (1 + np.exp(-z))) / len(z), {"non_finite"}, "exp(-z) overflows"),
        ("z", lambda z, t: (-3 * t / sig(z) + (1 - t) / (1 - sig(z))) * sig(z) * (1 - sig(z)) / len(z), {"non_finite"}, "1/0 times 0"),
        ("z", lambda z, t: (-3 * t * sig(-z) + (1 - t) * (1 / (1 + np.exp(z))) * np.exp(z)) / len(z), {"non_finite"}, "0 times inf: exp(z) times 1 / (1 + exp(z))"),
        ("z", lambda z, t: -3 * t * sig(-z) + (1 - t) * sig(z), {"scale"}, "1/N forgotten"),
        ("z", lambda z, t: (sig(z) - t) / len(z), {"missing_factor", "missing_branch"}, "the positive weight is forgotten"),
        ("z", lambda z, t: 3 * (sig(z) - t) / len(z), {"missing_branch", "extra_factor"}, "the weight on the negative labels too"),
        ("z", lambda z, t: (3 * t * sig(-z) + (1 - t) * sig(z)) / len(z), {"sign"}, "the minus of -z forgotten"),
        ("z", lambda z, t: (-3 * t * sig(z) + (1 - t) * sig(z)) / len(z), {"wrong_variable"}, "z for -z"),
        ("z", lambda z, t: -3 * t * sig(-z) / len(z), {"missing_branch"}, "only the positive labels"),
        ("z", lambda z, t: (1 - t) * sig(z) / len(z), {"missing_branch"}, "only the negative labels"),
        ("z", lambda z, t: (-3 * t * sig(-z) + (1 - t) * sig(z)).T / len(z), {"transpose"}, "transposed"),
        ("z", lambda z, t: (-3 * t * sig(-z) + (1 - t) * sig(z)) * sig(z) * (1 - sig(z)) / len(z), {"extra_factor"}, "sigmoid's derivative once more"),
        ("z", lambda z, t: (-3 * t * sig(-sig(z)) + (1 - t) * sig(sig(z))) / len(z), {"double_activation"}, "sigmoid twice"),
        ("z", lambda z, t: (-3 * t * sig(-z) + (1 - t) * sig(z)).astype(int) / len(z), {"truncated"}, "an array of integers"),
        ("W", lambda x, dz: dz.T @ x, {"transpose"}, "transposed"),
        ("b", lambda dz: dz.sum(0).astype(int), {"truncated", "zero"}, "an array of integers"),
        ("W", lambda x, dz: x.T @ dz / 6, {"scale"}, "1/N twice"),
        ("b", lambda dz: dz, {"not_summed"}, "no sum"),
        ("b", lambda dz: dz.sum(1), {"wrong_axis"}, "sum over the labels"),
        ("b", lambda dz: dz[-1], {"overwritten"}, "the last example only"),
        ("x", lambda dz, W: (dz @ W.T).T, {"transpose"}, "transposed"),
        ("x", lambda W: np.tile(W.sum(1), (6, 1)), {"missing_upstream"}, "the weights alone"),
    ],
)


# --- 10. multi-class hinge ----------------------------------------------------------------------------------------


def f(x, W, b, y):
    s = (x @ W + b).named("s")
    c = s[np.arange(7), y].named("c")
    m = (s - c[:, None] + 1).named("m")
    h = (tg.maximum(m, 0.0) * (1 - np.eye(4)[y])).named("h")
    return h.sum() / 7 + 0.05 * (W**2).sum()


def scatter(y, c):
    out = np.zeros((len(y), 4))
    out[np.arange(len(y)), y] = c
    return out


NETWORKS["multi-class hinge"] = dict(
    f=f,
    inputs=lambda rng: dict(x=normal(rng, 7, 3), W=normal(rng, 3, 4), b=normal(rng, 4), y=rng.permutation([0, 1, 2, 3, 0, 1, 1])),
    right=dict(
        h=lambda h: np.ones_like(h) / len(h),
        m=lambda dh, m, y: dh * (m > 0) * (1 - onehot(y, 4)),
        c=lambda dm: -dm.sum(1),
        s=lambda dm, dc, y: dm + scatter(y, dc),
        W=lambda x, ds, W: x.T @ ds + 0.1 * W,
        b=lambda ds: ds.sum(0),
        x=lambda ds, W: ds @ W.T,
    ),
    mistakes=[
        ("h", lambda h: np.ones_like(h), {"scale"}, "the mean is forgotten"),
        ("h", lambda h: np.ones_like(h) / h.size, {"scale"}, "mean over all entries"),
        ("m", lambda dh, y: dh * (1 - onehot(y, 4)), {"missing_factor"}, "the margin's mask is forgotten"),
        ("m", lambda dh, m: dh * (m > 0), {"missing_factor"}, "the right class is not left out"),
        ("m", lambda dh, m, y: dh * (m > 1) * (1 - onehot(y, 4)), {"wrong_local_derivative"}, "mask at the wrong threshold"),
        ("m", lambda dh, m, y: dh * m * (m > 0) * (1 - onehot(y, 4)), {"wrong_local_derivative"}, "the hinge itself for its derivative"),
        ("m", lambda dh, m, y: dh * (m < 0) * (1 - onehot(y, 4)), {"wrong_local_derivative"}, "mask inverted"),
        ("m", lambda dh, s, y: dh * (s > 0) * (1 - onehot(y, 4)), {"wrong_variable"}, "mask on the scores"),
        ("m", lambda m, y: (m > 0) * (1 - onehot(y, 4)), {"missing_upstream", "scale"}, "the mask alone"),
        ("m", lambda dh, m, y: dh * (m > 0) * onehot(y, 4), {"wrong_variable"}, "the right class instead of the others"),
        ("m", lambda dh, m, y: dh * (m > 0) * (1 - onehot((y + 1) % 4, 4)), {"off_by_one_class"}, "labels shifted"),
        ("c", lambda dm: dm.sum(1), {"sign"}, "the minus is forgotten"),
        ("c", lambda dm: -dm, {"not_summed"}, "c is broadcast over the classes: sum missing"),
        ("c", lambda dm: -dm.sum(0), {"wrong_axis"}, "sum over the examples"),
        ("c", lambda dm: -dm.mean(1), {"scale"}, "mean over the classes"),
        ("c", lambda dm: -np.ones(7) / 7, {"missing_factor", "missing_upstream"}, "-1 per example instead of counting violations"),
        ("s", lambda dm: dm, {"missing_branch"}, "the right class' score is forgotten"),
        ("s", lambda dc, y: scatter(y, dc), {"missing_branch"}, "only the right class' score"),
        ("s", lambda dm, dc, y: dm - scatter(y, dc), {"missing_branch", "sign"}, "wrong sign for the right class"),
        ("s", lambda dm, y: dm - scatter(y, 1 / 7), {"missing_branch"}, "-1/N instead of -count/N"),
        ("s", lambda dm, dc, y: dm + scatter((y + 1) % 4, dc), {"off_by_one_class"}, "labels shifted"),
        ("W", lambda x, ds: x.T @ ds, {"missing_branch"}, "the penalty is forgotten"),
        ("W", lambda x, ds, W: x.T @ ds + 0.05 * W, {"missing_branch"}, "the penalty without its 2"),
        ("W", lambda x, dm, W: x.T @ dm + 0.1 * W, {"wrong_variable", "missing_branch"}, "dm for ds"),
        ("W", lambda x, ds, W: (x.T @ ds + 0.1 * W).T, {"transpose"}, "transposed"),
        ("b", lambda dm: dm.sum(0), {"wrong_variable", "missing_branch"}, "dm for ds"),
        ("b", lambda ds: ds.sum(1), {"wrong_axis"}, "sum over the classes"),
        ("x", lambda ds, W: ds @ W.T / 7, {"scale"}, "1/N twice"),
        ("x", lambda ds, W, dW: ds @ (W - 0.2 * dW).T, {"updated_too_early"}, "W updated first"),
    ],
)


# --- 11. polynomial features, Huber ----------------------------------------------------------------------------------


def f(x, w, b, t):
    P = tg.stack([x, x**2, x**3], axis=1).named("P")
    o = (P @ w + b).named("o")
    r = (o - t).named("r")
    return tg.where(tg.abs(r) < 1, r**2 / 2, tg.abs(r) - 0.5).mean()


def polynomial_inputs(rng):
    x, w, b = normal(rng, 9), np.array([0.5, 0.7, -0.4]) + normal(rng, 3, scale=0.1), normal(rng)
    r = rng.permutation([-2.5, -1.3, -0.8, -0.4, 0.3, 0.55, 0.9, 1.4, 3.0]) + rng.uniform(-0.05, 0.05, 9)
    return dict(x=x, w=w, b=b, t=np.stack([x, x**2, x**3], 1) @ w + b - r)


NETWORKS["polynomial, Huber"] = dict(
    f=f,
    inputs=polynomial_inputs,
    right=dict(
        r=lambda r: np.clip(r, -1, 1) / len(r),
        o=lambda dr: dr,
        w=lambda P, do: P.T @ do,
        b=lambda do: do.sum(),
        t=lambda dr: -dr,
        P=lambda do, w: np.outer(do, w),
        x=lambda dP, x: dP[:, 0] + 2 * x * dP[:, 1] + 3 * x**2 * dP[:, 2],
    ),
    mistakes=[
        ("r", lambda r: np.clip(r, -1, 1), {"scale"}, "1/N forgotten"),
        ("r", lambda r: r / len(r), {"wrong_local_derivative"}, "squares everywhere"),
        ("r", lambda r: np.sign(r) / len(r), {"wrong_local_derivative"}, "absolute value everywhere"),
        ("r", lambda r: np.where(np.abs(r) < 1, r, 1) / len(r), {"sign"}, "the sign of r is forgotten in the linear part"),
        ("r", lambda r: np.where(np.abs(r) < 1, r, 0) / len(r), {"missing_branch", "wrong_local_derivative"}, "no gradient in the linear part"),
        ("r", lambda r: np.where(np.abs(r) < 1, 2 * r, np.sign(r)) / len(r), {"wrong_local_derivative", "missing_branch"}, "2 r: the 1/2 is forgotten in the quadratic part"),
        ("r", lambda r: np.where(np.abs(r) < 1, r, np.sign(r) - 0.5) / len(r), {"wrong_local_derivative"}, "the constant was kept"),
        ("r", lambda r: np.where(np.abs(r) < 1, np.sign(r), r) / len(r), {"wrong_local_derivative"}, "branches exchanged"),
        ("o", lambda dr: -dr, {"sign"}, "t - o"),
        ("o", lambda r: r, {"wrong_variable"}, "r for dr"),
        ("t", lambda dr: dr, {"sign"}, "the minus is forgotten"),
        ("w", lambda P, do: P.T @ do / 9, {"scale"}, "1/N twice"),
        ("w", lambda P, do: P[:, ::-1].T @ do, {"permuted"}, "columns in falling powers"),
        ("w", lambda P, r: P.T @ r / 9, {"wrong_variable", "missing_factor"}, "the residuals for their gradient"),
        ("w", lambda x, do: np.full(3, x @ do), {"wrong_variable"}, "x for each of its powers"),
        ("w", lambda P, do: P * do[:, None], {"not_summed"}, "no sum over the examples"),
        ("w", lambda P, do: P[-1] * do[-1], {"overwritten"}, "the last example only"),
        ("b", lambda do: do, {"not_summed"}, "no sum"),
        ("b", lambda do: do.mean(), {"scale"}, "mean for sum"),
        ("P", lambda do, w: np.outer(w, do), {"transpose"}, "transposed"),
        ("P", lambda w: np.tile(w, (9, 1)), {"missing_upstream"}, "the weights alone"),
        ("P", lambda do: np.tile(do[:, None], 3), {"missing_factor"}, "the weights are forgotten"),
        ("x", lambda dP: dP[:, 0], {"missing_branch"}, "only the first power"),
        ("x", lambda dP, x: dP[:, 0] + 2 * x * dP[:, 1], {"missing_branch"}, "the cube's path is forgotten"),
        ("x", lambda dP, x: dP[:, 1] * 2 * x + 3 * x**2 * dP[:, 2], {"missing_branch"}, "the first power's path is forgotten"),
        ("x", lambda dP, x: dP[:, 0] + x * dP[:, 1] + x**2 * dP[:, 2], {"missing_branch", "wrong_local_derivative"}, "the exponents are not brought down"),
        ("x", lambda dP: dP.sum(1), {"missing_factor"}, "the powers' derivatives are forgotten"),
        ("x", lambda dP, x: dP[:, 0] + 2 * dP[:, 1] + 3 * dP[:, 2], {"missing_factor", "wrong_local_derivative"}, "only the exponents"),
        ("x", lambda dP, x: dP[:, 0] + 2 * x * dP[:, 1] + 3 * x * dP[:, 2], {"wrong_local_derivative", "missing_branch"}, "3 x for 3 x**2"),
        ("x", lambda dP, x: dP[:, 0] + 2 * x * dP[:, 1] + 2 * x**2 * dP[:, 2], {"wrong_local_derivative", "missing_branch"}, "2 x**2 for 3 x**2"),
        ("x", lambda dP, P: (dP * P).sum(1), {"wrong_local_derivative"}, "the powers for their derivatives"),
    ],
)


# --- 12. label smoothing and temperature ---------------------------------------------------------------------------------


def smooth(y):
    return 0.8 * onehot(y, 4) + 0.05


def f(x, W, b, y):
    z = (x @ W + b).named("z")
    u = (z / 2.5).named("u")
    return 6.25 * tg.cross_entropy(u, y, label_smoothing=0.2)


NETWORKS["label smoothing, temperature"] = dict(
    f=f,
    inputs=lambda rng: dict(x=normal(rng, 6, 5), W=normal(rng, 5, 4), b=normal(rng, 4), y=rng.permutation([0, 1, 2, 3, 0, 1])),
    right=dict(
        u=lambda u, y: 6.25 * (softmax(u) - smooth(y)) / len(y),
        z=lambda du: du / 2.5,
        W=lambda x, dz: x.T @ dz,
        b=lambda dz: dz.sum(0),
        x=lambda dz, W: dz @ W.T,
    ),
    mistakes=[
        ("u", lambda u, y: 6.25 * (softmax(u) - onehot(y, 4)) / len(y), {"wrong_variable", "missing_branch"}, "hard labels for smooth ones"),
        ("u", lambda u, y: 6.25 * (softmax(u) - 0.8 * onehot(y, 4)) / len(y), {"constant_offset", "missing_branch"}, "the uniform part is forgotten"),
        ("u", lambda u, y: 6.25 * (softmax(u) - 0.8 * onehot(y, 4) - 0.2) / len(y), {"constant_offset", "missing_branch"}, "epsilon is not divided by C"),
        ("u", lambda u, y: 6.25 * (softmax(u) - onehot(y, 4) - 0.05) / len(y), {"missing_branch"}, "the label keeps weight 1"),
        ("u", lambda u, y: (softmax(u) - smooth(y)) / len(y), {"scale"}, "T**2 is forgotten"),
        ("u", lambda u, y: 6.25 * (softmax(u) - smooth(y)), {"scale"}, "1/N forgotten"),
        ("u", lambda u, y: 6.25 * (smooth(y) - softmax(u)) / len(y), {"sign"}, "q - p"),
        ("u", lambda z, y: 6.25 * (softmax(z) - smooth(y)) / len(y), {"wrong_variable"}, "softmax without the temperature"),
        ("u", lambda u, y: 6.25 * (softmax(u / 2.5) - smooth(y)) / len(y), {"wrong_variable"}, "the temperature twice in softmax"),
        ("u", lambda u, y: 6.25 * (softmax(u, 0) - smooth(y)) / len(y), {"wrong_axis"}, "softmax along the batch"),
        ("u", lambda u, y: 6.25 * (softmax(u) - smooth((y - 1) % 4)) / len(y), {"off_by_one_class"}, "labels shifted"),
        ("u", lambda u, y: 6.25 * (softmax(softmax(u)) - smooth(y)) / len(y), {"double_activation"}, "softmax twice"),
        ("u", lambda u, y: 6.25 * (softmax(u) / 4 - smooth(y)) / len(y), {"missing_branch"}, "the probabilities are divided by C"),
        ("u", lambda u, y: 6.25 * (1 - smooth(y)) / len(y), {"wrong_variable", "missing_factor"}, "1 for p"),
        ("z", lambda du: du, {"missing_factor", "scale"}, "1/T forgotten"),
        ("z", lambda du: du * 2.5, {"scale"}, "T for 1/T"),
        ("z", lambda du: du / 6.25, {"scale", "extra_factor"}, "1/T twice"),
        ("z", lambda u, y: (softmax(u) - smooth(y)) / 2.5 / len(y), {"scale"}, "T**2 forgotten"),
        ("W", lambda x, du: x.T @ du, {"wrong_variable", "missing_factor", "scale"}, "du for dz"),
        ("W", lambda x, dz: dz.T @ x, {"transpose"}, "transposed"),
        ("b", lambda dz: dz.sum(0) / 2.5, {"scale", "extra_factor"}, "1/T twice"),
        ("b", lambda dz: dz.sum(-1), {"wrong_axis"}, "sum over the classes"),
        ("x", lambda dz, W: dz @ W.T / 2.5, {"scale", "extra_factor"}, "1/T twice"),
        ("x", lambda du, W: du @ W.T, {"wrong_variable", "missing_factor", "scale"}, "du for dz"),
        ("x", lambda W: np.ones((6, 4)) @ W.T, {"missing_upstream"}, "the weights alone"),
    ],
)


# --- 13. convolution, pooling, ReLU, dense --------------------------------------------------------------------------


def windows(x, k):
    return np.lib.stride_tricks.sliding_window_view(x, (k, k), axis=(2, 3))


def pad(x, before, after=None):
    return np.pad(x, ((0, 0), (0, 0)) + ((before, before if after is None else after),) * 2)


def kernel_gradient(x, dz):
    return np.einsum("nfij,ncijab->fcab", dz, windows(x, 3))


def image_gradient(dz, K, before=2, after=2):
    return np.einsum("nfijab,fcab->ncij", windows(pad(dz, before, after), 3), K[..., ::-1, ::-1])


def blocks(x):
    n, c, h, w = x.shape
    return x.reshape(n, c, h // 2, 2, w // 2, 2)


def up2(d):
    return d.repeat(2, 2).repeat(2, 3)


def f(x, K, k, W, b, y):
    z = tg.conv2d(x, K, k).named("z")
    q = tg.max_pool2d(z, 2).named("q")
    a = q.relu().named("a")
    v = a.reshape(3, 16).named("v")
    o = (v @ W + b).named("o")
    return tg.cross_entropy(o, y)


NETWORKS["convolution, max-pooling, dense"] = dict(
    f=f,
    inputs=lambda rng: dict(
        x=normal(rng, 3, 2, 6, 6), K=normal(rng, 4, 2, 3, 3, scale=0.5), k=normal(rng, 4),
        W=normal(rng, 16, 3), b=normal(rng, 3), y=rng.permutation([0, 1, 2]),
    ),
    right=dict(
        o=lambda o, y: (softmax(o) - onehot(y, 3)) / len(y),
        W=lambda v, do: v.T @ do,
        b=lambda do: do.sum(0),
        v=lambda do, W: do @ W.T,
        a=lambda dv: dv.reshape(3, 4, 2, 2),
        q=lambda da, q: da * (q > 0),
        z=lambda dq, z, q: up2(dq) * (z == up2(q)),
        K=lambda x, dz: kernel_gradient(x, dz),
        k=lambda dz: dz.sum((0, 2, 3)),
        x=lambda dz, K: image_gradient(dz, K),
    ),
    mistakes=[
        ("v", lambda do, W, dW: do @ (W - dW).T, {"updated_too_early"}, "W updated first"),
        ("a", lambda dv: dv.reshape(3, 2, 2, 4).transpose(0, 3, 1, 2), {"permuted"}, "flattened as HWC"),
        ("a", lambda dv: dv.reshape(3, 4, 2, 2).swapaxes(2, 3), {"transpose", "permuted"}, "rows and columns exchanged"),
        ("a", lambda dv: dv.reshape(4, 3, 2, 2).swapaxes(0, 1), {"permuted"}, "flattened channels first"),
        ("q", lambda da: da, {"missing_factor"}, "ReLU's mask forgotten"),
        ("q", lambda da: da * (da > 0), {"wrong_variable"}, "mask taken on the gradient"),
        ("q", lambda q: (q > 0) * 1.0, {"missing_upstream"}, "the mask alone"),
        ("z", lambda dq: up2(dq), {"max_ties", "missing_factor", "wrong_local_derivative"}, "the whole window gets the gradient"),
        ("z", lambda dq: up2(dq) / 4, {"max_ties", "wrong_local_derivative"}, "shared as for average pooling"),
        ("z", lambda dq, z, q: up2(dq) * (z == up2(q)) / 4, {"scale"}, "divided by the window's size"),
        ("z", lambda dq, z: up2(dq) * (-blocks(z) == (-blocks(z)).max((3, 5), keepdims=True)).reshape(z.shape), {"wrong_local_derivative"}, "to the minimum"),
        ("z", lambda dq, z: up2(dq) * np.tile([[1, 0], [0, 0]], (3, 4, 2, 2)), {"wrong_local_derivative", "permuted"}, "to the first pixel of each window"),
        ("z", lambda dq, z, q: (up2(dq) * (z == up2(q))).swapaxes(2, 3), {"transpose"}, "position written as (column, row)"),
        ("z", lambda da, z, q: up2(da) * (z == up2(q)), {"missing_factor", "wrong_variable"}, "da for dq: no ReLU mask"),
        ("z", lambda dq, z, q: up2(dq) * (z == up2(q)) * z, {"extra_factor", "wrong_local_derivative"}, "times the maximum itself"),
        ("K", lambda x, dz: kernel_gradient(x, dz)[..., ::-1, ::-1], {"flipped_kernel"}, "kernel gradient turned"),
        ("K", lambda x, dz: kernel_gradient(x, dz).swapaxes(2, 3), {"transpose"}, "rows and columns exchanged"),
        ("K", lambda x, dz: kernel_gradient(x[-1:], dz[-1:]), {"overwritten"}, "the last image only"),
        ("K", lambda x, dz: kernel_gradient(x, dz) / 3, {"scale"}, "1/N twice"),
        ("K", lambda x, dz: kernel_gradient(x, dz) / 16, {"scale"}, "mean over the positions"),
        ("K", lambda x, dq, z, q: kernel_gradient(x, up2(dq)), {"max_ties", "missing_factor", "wrong_variable"}, "pooling's mask forgotten on the way to K"),
        ("K", lambda x, dz: np.einsum("nfij,ncijab->nfcab", dz, windows(x, 3)), {"not_summed"}, "one gradient per image"),
        ("k", lambda dz: dz.sum(0), {"not_summed"}, "summed over the images only"),
        ("k", lambda dz: dz.sum((2, 3)), {"not_summed"}, "summed over the positions only"),
        ("k", lambda dz: dz.mean((0, 2, 3)), {"scale"}, "mean for sum"),
        ("k", lambda dz: dz[:, :, -1, -1].sum(0), {"overwritten"}, "the last window only"),
        ("x", lambda dz, K: image_gradient(dz, K[..., ::-1, ::-1]), {"flipped_kernel"}, "kernel not turned"),
        ("x", lambda dz, K: image_gradient(dz, K.swapaxes(2, 3)), {"transpose"}, "kernel transposed"),
        ("x", lambda dz, K: image_gradient(dz, K, 1, 3), {"shifted"}, "padded on one side too much"),
        ("x", lambda dz, K: image_gradient(dz, K[:, ::-1]), {"permuted"}, "input channels in reversed order"),
        ("x", lambda dz, K: image_gradient(dz, K[::-1]), {"permuted", "wrong_variable"}, "filters in reversed order"),
        ("x", lambda dz, K: image_gradient(dz[:, -1:], K[-1:]), {"overwritten"}, "= for += in the loop over filters"),
        ("x", lambda dz, K: image_gradient(dz.swapaxes(2, 3), K), {"transpose", "wrong_variable"}, "dz transposed"),
        ("x", lambda dz, K: image_gradient(dz, K, 3, 1), {"shifted"}, "cropped on the wrong side"),
        ("x", lambda dz, K, dK: image_gradient(dz, K - 0.5 * dK), {"updated_too_early"}, "K updated first"),
    ],
)


# --- 14. strided and padded convolution, average pooling ---------------------------------------------------------------


def strided(x, K, dz, stride=2, padding=1):
    """(dx, dK) of a convolution, by the loop over the windows."""
    xp = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    dxp, dK = np.zeros_like(xp), np.zeros_like(K)
    for i in range(dz.shape[2]):
        for j in range(dz.shape[3]):
            at = np.s_[:, :, stride * i : stride * i + 3, stride * j : stride * j + 3]
            dxp[at] += np.einsum("nf,fcab->ncab", dz[:, :, i, j], K)
            dK += np.einsum("nf,ncab->fcab", dz[:, :, i, j], xp[at])
    return dxp, dK


def crop(d, top=1, left=1):
    return d[:, :, top : top + 7, left : left + 8]


def overwritten_image(x, K, dz):
    dxp = np.pad(np.zeros_like(x), ((0, 0), (0, 0), (1, 1), (1, 1)))
    for i in range(4):
        for j in range(4):
            dxp[:, :, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3] = np.einsum("nf,fcab->ncab", dz[:, :, i, j], K)
    return crop(dxp)


def f(x, K, k, t):
    z = tg.conv2d(x, K, k, stride=2, padding=1).named("z")
    a = tg.tanh(z).named("a")
    q = tg.avg_pool2d(a, 2).named("q")
    return ((q - t) ** 2).sum() / 2


NETWORKS["strided padded convolution, average pooling"] = dict(
    f=f,
    inputs=lambda rng: dict(
        x=normal(rng, 2, 2, 7, 8), K=normal(rng, 3, 2, 3, 3, scale=0.4), k=normal(rng, 3), t=normal(rng, 2, 3, 2, 2)
    ),
    right=dict(
        q=lambda q, t: q - t,
        a=lambda dq: up2(dq) / 4,
        z=lambda da, a: da * (1 - a**2),
        K=lambda x, K, dz: strided(x, K, dz)[1],
        k=lambda dz: dz.sum((0, 2, 3)),
        x=lambda x, K, dz: crop(strided(x, K, dz)[0]),
    ),
    mistakes=[
        ("q", lambda q, t: 2 * (q - t), {"scale"}, "the 1/2 is forgotten"),
        ("q", lambda q, t: (q - t) / 2, {"scale"}, "divided by N, which the loss does not do"),
        ("q", lambda q, t: t - q, {"sign"}, "t - q"),
        ("a", lambda dq: up2(dq), {"scale"}, "1/4 forgotten"),
        ("a", lambda dq: up2(dq) / 2, {"scale"}, "divided by 2, the window's side"),
        ("a", lambda dq, a: up2(dq) * (blocks(a) == blocks(a).max((3, 5), keepdims=True)).reshape(a.shape), {"wrong_local_derivative"}, "as for max-pooling"),
        ("a", lambda dq: np.tile(dq, (1, 1, 2, 2)) / 4, {"permuted"}, "tile for repeat"),
        ("a", lambda dq: up2(dq) * np.tile([[1, 0], [0, 0]], (2, 3, 2, 2)) / 4, {"missing_branch", "wrong_local_derivative"}, "only the first pixel of each window"),
        ("a", lambda dq: up2(dq.swapaxes(2, 3)) / 4, {"transpose"}, "rows and columns exchanged"),
        ("z", lambda da, z: da * (1 - z**2), {"wrong_variable", "wrong_local_derivative"}, "1 - z**2"),
        ("z", lambda da: da, {"missing_factor"}, "tanh's derivative forgotten"),
        ("z", lambda da, a: da * (1 - a), {"wrong_local_derivative"}, "1 - a"),
        ("z", lambda da, q: da * (1 - up2(q) ** 2), {"wrong_variable"}, "1 - q**2: after the pooling"),
        ("z", lambda a: (1 - a**2) / 4, {"missing_upstream"}, "without dq"),
        ("K", lambda x, K, dz: strided(x, K, dz)[1][..., ::-1, ::-1], {"flipped_kernel"}, "turned"),
        ("K", lambda x, K, dz: strided(x, K, dz, stride=1)[1], {"wrong_local_derivative", "wrong_variable"}, "stride forgotten"),
        ("K", lambda x, K, dz: strided(np.pad(x, ((0, 0), (0, 0), (0, 2), (0, 2))), K, dz, padding=0)[1], {"shifted", "wrong_variable"}, "padding forgotten: the windows are one pixel off"),
        ("K", lambda x, K, dz: strided(x, K, dz)[1] / 2, {"scale"}, "1/N"),
        ("K", lambda x, K, dz: strided(x[1:], K, dz[1:])[1], {"overwritten"}, "the last image only"),
        ("K", lambda x, K, da: strided(x, K, da)[1], {"missing_factor", "wrong_variable"}, "da for dz"),
        ("K", lambda x, K, dz: np.trunc(strided(x, K, dz)[1]), {"truncated"}, "written into an array of integers"),
        ("k", lambda dz: dz.sum((0, 1, 2)), {"wrong_axis"}, "summed over the channels, not the columns"),
        ("k", lambda dz: dz.mean((0, 2, 3)), {"scale"}, "mean for sum"),
        ("k", lambda dz: dz.sum(0), {"not_summed"}, "summed over the images only"),
        ("k", lambda da: da.sum((0, 2, 3)), {"missing_factor", "wrong_variable"}, "da for dz"),
        ("x", lambda x, K, dz: crop(strided(x, K, dz)[0], 0, 0), {"shifted"}, "padding not cropped at the start"),
        ("x", lambda x, K, dz: crop(strided(x, K, dz)[0], 2, 1), {"shifted"}, "cropped by two rows"),
        ("x", lambda x, K, dz: strided(x, K, dz)[0], {"wrong_shape"}, "the padding is kept"),
        ("x", lambda x, K, dz: crop(strided(x, K, dz, stride=1)[0]), {"shifted", "permuted", "wrong_local_derivative"}, "stride forgotten"),
        ("x", lambda x, K, dz: crop(strided(x, K[..., ::-1, ::-1], dz)[0]), {"flipped_kernel"}, "kernel turned"),
        ("x", lambda x, K, dz: overwritten_image(x, K, dz), {"overwritten"}, "= for += where windows overlap"),
        ("x", lambda x, K, dz: crop(strided(x, K.swapaxes(2, 3), dz)[0]), {"transpose"}, "kernel transposed"),
        ("x", lambda x, K, da: crop(strided(x, K, da)[0]), {"missing_factor", "wrong_variable"}, "da for dz"),
    ],
)


# --- 15. batch normalisation written out ------------------------------------------------------------------------------------


def f(x, W, g, h, t):
    u = (x @ W).named("u")
    m = u.mean(axis=0).named("m")
    c = (u - m).named("c")
    v = (c**2).mean(axis=0).named("v")
    s = tg.sqrt(v + 0.01).named("s")
    n = (c / s).named("n")
    o = (g * n + h).named("o")
    return ((o - t) ** 2).sum() / 16


NETWORKS["batch normalisation"] = dict(
    f=f,
    inputs=lambda rng: dict(x=normal(rng, 8, 3), W=normal(rng, 3, 4), g=1 + normal(rng, 4, scale=0.5), h=normal(rng, 4), t=normal(rng, 8, 4)),
    right=dict(
        o=lambda o, t: (o - t) / len(o),
        g=lambda do, n: (do * n).sum(0),
        h=lambda do: do.sum(0),
        n=lambda do, g: do * g,
        s=lambda dn, c, s: -(dn * c).sum(0) / s**2,
        v=lambda ds, s: ds / (2 * s),
        c=lambda dn, s, dv, c: dn / s + dv * 2 * c / len(c),
        m=lambda dc: -dc.sum(0),
        u=lambda dc, dm: dc + dm / len(dc),
        W=lambda x, du: x.T @ du,
        x=lambda du, W: du @ W.T,
    ),
    mistakes=[
        ("o", lambda o, t: o - t, {"scale"}, "1/N forgotten"),
        ("g", lambda do: do.sum(0), {"missing_factor"}, "the normalised values are forgotten"),
        ("g", lambda do, n: do * n, {"not_summed"}, "no sum"),
        ("g", lambda do, c: (do * c).sum(0), {"wrong_variable"}, "c for n"),
        ("g", lambda do, o: (do * o).sum(0), {"wrong_variable"}, "o for n"),
        ("g", lambda do, n: (do * n).mean(0), {"scale"}, "mean for sum"),
        ("h", lambda do: do.sum(1), {"wrong_axis"}, "sum over the units"),
        ("n", lambda do: do, {"missing_factor"}, "gamma is forgotten"),
        ("n", lambda do, g: do / g, {"wrong_local_derivative"}, "divided by gamma"),
        ("s", lambda dn, c, s: -(dn * c).sum(0) / s, {"wrong_local_derivative"}, "1/s for 1/s**2"),
        ("s", lambda dn, c, s: (dn * c).sum(0) / s**2, {"sign"}, "the minus of the quotient"),
        ("s", lambda dn, c, s: -(dn * c) / s**2, {"not_summed"}, "no sum over the batch"),
        ("s", lambda dn, u, s: -(dn * u).sum(0) / s**2, {"wrong_variable"}, "u for c"),
        ("v", lambda ds, s: ds / s, {"scale"}, "sqrt's 1/2 forgotten"),
        ("v", lambda ds, v: ds / (2 * v), {"wrong_variable", "wrong_local_derivative"}, "1/(2 v) for 1/(2 sqrt(v))"),
        ("v", lambda ds, s: ds * 2 * s, {"wrong_local_derivative"}, "times for divided by"),
        ("v", lambda s: 1 / (2 * s), {"missing_upstream"}, "sqrt's derivative alone"),
        ("c", lambda dn, s: dn / s, {"missing_branch"}, "the variance's path is forgotten"),
        ("c", lambda dv, c: dv * 2 * c / len(c), {"missing_branch"}, "only the variance's path"),
        ("c", lambda dn, s, dv, c: dn / s + dv * 2 * c, {"missing_branch"}, "1/N forgotten in the variance's path"),
        ("c", lambda dn, s, dv, c: dn / s + dv * c / len(c), {"missing_branch"}, "the 2 is forgotten in the variance's path"),
        ("c", lambda dn, s, dv, c: dn / s - dv * 2 * c / len(c), {"missing_branch", "sign"}, "wrong sign of the variance's path"),
        ("c", lambda dn, s, dv, u: dn / s + dv * 2 * u / len(u), {"wrong_variable", "missing_branch"}, "u for c in the variance's path"),
        ("m", lambda dc: dc.sum(0), {"sign"}, "the minus is forgotten"),
        ("m", lambda dc: -dc, {"not_summed"}, "no sum"),
        ("m", lambda dc: -dc.mean(0), {"scale"}, "mean for sum"),
        ("u", lambda dc: dc, {"missing_branch"}, "the mean's path is forgotten"),
        ("u", lambda dc, dm: dc + dm, {"missing_branch"}, "1/N forgotten in the mean's path"),
        ("u", lambda dc, dm: dc - dm / len(dc), {"missing_branch", "sign"}, "wrong sign of the mean's path"),
        ("u", lambda dn, s: dn / s, {"missing_branch"}, "mean and variance taken for constants"),
        ("u", lambda dn, n, s: (dn - n * (dn * n).mean(0)) / s, {"missing_branch"}, "the mean taken for a constant"),
        ("u", lambda dn, s: (dn - dn.mean(0)) / s, {"missing_branch"}, "the variance taken for a constant"),
        ("u", lambda dn, n, s: (dn - dn.mean(1, keepdims=True) - n * (dn * n).mean(1, keepdims=True)) / s, {"wrong_axis"}, "means over the units"),
        ("u", lambda dm: np.tile(dm / 8, (8, 1)), {"missing_branch"}, "only the mean's path"),
        ("W", lambda x, dc: x.T @ dc, {"wrong_variable", "missing_branch"}, "dc for du"),
        ("x", lambda du, W, dW: du @ (W - 2 * dW).T, {"updated_too_early"}, "W updated first"),
    ],
)


# --- 16. layer normalisation -----------------------------------------------------------------------------------------------


def row(d):
    return d.mean(1, keepdims=True)


def f(x, W, b, g, h, V, y):
    u = (x @ W + b).named("u")
    m = u.mean(axis=1, keepdims=True)
    v = ((u - m) ** 2).mean(axis=1, keepdims=True)
    r = (1 / tg.sqrt(v + 1e-3)).named("r")
    n = ((u - m) * r).named("n")
    o = (n * g + h).named("o")
    a = tg.silu(o).named("a")
    z = (a @ V).named("z")
    return tg.cross_entropy(z, y)


NETWORKS["layer normalisation"] = dict(
    f=f,
    inputs=lambda rng: dict(
        x=normal(rng, 6, 4), W=normal(rng, 4, 5), b=normal(rng, 5), g=1 + normal(rng, 5, scale=0.4), h=normal(rng, 5, scale=0.4),
        V=normal(rng, 5, 3), y=rng.permutation([0, 1, 2, 0, 1, 1]),
    ),
    right=dict(
        z=lambda z, y: (softmax(z) - onehot(y, 3)) / len(y),
        V=lambda a, dz: a.T @ dz,
        a=lambda dz, V: dz @ V.T,
        o=lambda da, o: da * sig(o) * (1 + o * sig(-o)),
        g=lambda do, n: (do * n).sum(0),
        h=lambda do: do.sum(0),
        n=lambda do, g: do * g,
        u=lambda dn, n, r: r * (dn - row(dn) - n * row(dn * n)),
        W=lambda x, du: x.T @ du,
        b=lambda du: du.sum(0),
        x=lambda du, W: du @ W.T,
    ),
    mistakes=[
        ("o", lambda da, o: da * sig(o), {"missing_branch", "wrong_local_derivative"}, "the product rule's second term is forgotten"),
        ("o", lambda da, o: da * (1 + o * sig(-o)), {"missing_factor", "wrong_local_derivative"}, "the sigmoid before the parenthesis is forgotten"),
        ("o", lambda da, n: da * sig(n) * (1 + n * sig(-n)), {"wrong_variable"}, "SiLU's derivative before scale and shift"),
        ("g", lambda do, n: (do * n).sum(1), {"wrong_axis"}, "sum over the units"),
        ("g", lambda do, n: do * n, {"not_summed"}, "no sum"),
        ("g", lambda do, u: (do * u).sum(0), {"wrong_variable"}, "u for n"),
        ("g", lambda do, o: (do * o).sum(0), {"wrong_variable"}, "o for n"),
        ("g", lambda do, n, g: (do * n * g).sum(0), {"extra_factor"}, "gamma in its own gradient"),
        ("h", lambda do, g: (do * g).sum(0), {"extra_factor"}, "gamma in beta's gradient"),
        ("h", lambda do: do.mean(0), {"scale"}, "mean for sum"),
        ("n", lambda do: do, {"missing_factor"}, "gamma is forgotten"),
        ("n", lambda do, h: do * h, {"wrong_variable"}, "beta for gamma"),
        ("n", lambda do, g, h: do * (g + h), {"wrong_local_derivative", "missing_branch"}, "beta added to gamma"),
        ("u", lambda dn, r: r * dn, {"missing_branch"}, "mean and variance taken for constants"),
        ("u", lambda dn, n, r: r * (dn - n * row(dn * n)), {"missing_branch"}, "the mean taken for a constant"),
        ("u", lambda dn, r: r * (dn - row(dn)), {"missing_branch"}, "the variance taken for a constant"),
        ("u", lambda dn, n, r: r * (dn - row(dn) + n * row(dn * n)), {"missing_branch", "sign"}, "wrong sign of the variance's term"),
        ("u", lambda dn, n, r: r * (dn + row(dn) - n * row(dn * n)), {"missing_branch", "sign"}, "wrong sign of the mean's term"),
        ("u", lambda dn, n, r: dn - row(dn) - n * row(dn * n), {"missing_factor"}, "1/s forgotten"),
        ("u", lambda dn, n, r: (dn - row(dn) - n * row(dn * n)) / r, {"wrong_local_derivative"}, "times s for divided by s"),
        ("u", lambda dn, n, r: r**2 * (dn - row(dn) - n * row(dn * n)), {"extra_factor"}, "1/s twice"),
        ("u", lambda dn, n, r: r * (dn - dn.mean(0) - n * (dn * n).mean(0)), {"wrong_axis"}, "means over the batch"),
        ("u", lambda dn, n, r: r * (dn - row(dn) - n * (dn * n).sum(1, keepdims=True)), {"missing_branch"}, "sum for mean in the variance's term"),
        ("u", lambda dn, n, r: r * (dn - row(dn) - row(dn * n)), {"missing_branch", "missing_factor"}, "n forgotten in the variance's term"),
        ("u", lambda dn, u, r: r * (dn - row(dn) - u * row(dn * u)), {"wrong_variable"}, "u for n"),
        ("u", lambda do, n, r: r * (do - row(do) - n * row(do * n)), {"wrong_variable", "missing_factor"}, "do for dn: gamma forgotten"),
        ("u", lambda dn, n, r: r * dn * (1 - 1 / 5 - n**2 / 5), {"diagonal_only"}, "only the diagonal of the normalisation's Jacobian"),
        ("u", lambda n, r: r * (1 - n**2), {"missing_upstream", "diagonal_only"}, "without dn"),
        ("W", lambda x, dn: x.T @ dn, {"wrong_variable", "missing_factor"}, "dn for du"),
        ("W", lambda x, du: du.T @ x, {"transpose"}, "transposed"),
        ("b", lambda dn: dn.sum(0), {"wrong_variable", "missing_factor"}, "dn for du"),
        ("u", lambda dn, n, r: np.round(r * (dn - row(dn) - n * row(dn * n)), 2), {"precision", "truncated"}, "rounded to two decimals"),
        ("b", lambda du: np.zeros(5), {"zero"}, "the normalisation is thought to cancel b entirely"),
        ("x", lambda dn, W: dn @ W.T, {"wrong_variable", "missing_factor"}, "dn for du"),
        ("x", lambda du, r, W: du * r @ W.T, {"extra_factor"}, "1/s once more"),
    ],
)


# --- 17. residual blocks -----------------------------------------------------------------------------------------------------


def f(x, A, B, C, V, y):
    z1 = (x @ A).named("z1")
    a1 = z1.relu().named("a1")
    h1 = (x + a1 @ B).named("h1")
    z2 = (h1 @ C).named("z2")
    a2 = tg.tanh(z2).named("a2")
    h2 = (0.5 * h1 + a2).named("h2")
    o = (h2 @ V).named("o")
    return tg.cross_entropy(o, y)


NETWORKS["residual blocks"] = dict(
    f=f,
    inputs=lambda rng: dict(
        x=normal(rng, 6, 4), A=normal(rng, 4, 5), B=normal(rng, 5, 4, scale=0.6), C=normal(rng, 4, 4, scale=0.6), V=normal(rng, 4, 3),
        y=rng.permutation([0, 1, 2, 0, 1, 1]),
    ),
    right=dict(
        o=lambda o, y: (softmax(o) - onehot(y, 3)) / len(y),
        V=lambda h2, do: h2.T @ do,
        h2=lambda do, V: do @ V.T,
        a2=lambda dh2: dh2,
        z2=lambda da2, a2: da2 * (1 - a2**2),
        C=lambda h1, dz2: h1.T @ dz2,
        h1=lambda dh2, dz2, C: 0.5 * dh2 + dz2 @ C.T,
        B=lambda a1, dh1: a1.T @ dh1,
        a1=lambda dh1, B: dh1 @ B.T,
        z1=lambda da1, z1: da1 * (z1 > 0),
        A=lambda x, dz1: x.T @ dz1,
        x=lambda dh1, dz1, A: dh1 + dz1 @ A.T,
    ),
    mistakes=[
        ("V", lambda a2, do: a2.T @ do, {"wrong_variable", "missing_branch"}, "a2 for h2: the skip is not in V's input"),
        ("V", lambda h1, do: h1.T @ do, {"wrong_variable"}, "h1 for h2"),
        ("a2", lambda dh2: dh2 / 2, {"scale"}, "shared between the two summands"),
        ("z2", lambda da2, h2: da2 * (1 - h2**2), {"wrong_variable"}, "derivative at h2"),
        ("z2", lambda dh2: dh2, {"missing_factor"}, "tanh's derivative forgotten"),
        ("z2", lambda da2, z2: da2 * (z2 > 0), {"wrong_local_derivative"}, "ReLU's derivative"),
        ("z2", lambda da2, h1: da2 * (1 - np.tanh(h1) ** 2), {"wrong_variable"}, "derivative at h1"),
        ("C", lambda h1, dh2: h1.T @ dh2, {"missing_factor", "wrong_variable"}, "dh2 for dz2"),
        ("C", lambda h2, dz2: h2.T @ dz2, {"wrong_variable"}, "h2 for h1"),
        ("C", lambda h1, dz2: dz2.T @ h1, {"transpose"}, "transposed"),
        ("C", lambda x, dz2: x.T @ dz2, {"wrong_variable", "missing_branch"}, "x for h1"),
        ("h1", lambda dz2, C: dz2 @ C.T, {"missing_branch"}, "the skip is forgotten"),
        ("h1", lambda dh2: 0.5 * dh2, {"missing_branch"}, "only the skip"),
        ("h1", lambda dh2, dz2, C: dh2 + dz2 @ C.T, {"missing_branch"}, "the skip without its 1/2"),
        ("h1", lambda dh2, dz2, C: 0.5 * dh2 + dz2 @ C, {"transpose"}, "C not transposed"),
        ("h1", lambda dh2, dz2, C: 0.5 * dh2 - dz2 @ C.T, {"missing_branch", "sign"}, "wrong sign of one path"),
        ("h1", lambda dh2, dz2, C: 0.5 * dh2 * (dz2 @ C.T), {"wrong_local_derivative", "missing_branch"}, "the paths are multiplied"),
        ("h1", lambda dh2, C: 0.5 * dh2 + dh2 @ C.T, {"missing_factor", "wrong_variable"}, "tanh's derivative forgotten in one path"),
        ("h1", lambda dh2, dz2, C, dC: 0.5 * dh2 + dz2 @ (C - dC).T, {"updated_too_early"}, "C updated first"),
        ("h1", lambda dh2, dz2, C: 0.25 * dh2 + 0.5 * dz2 @ C.T, {"scale"}, "the mean of the paths"),
        ("B", lambda z1, dh1: z1.T @ dh1, {"wrong_variable"}, "z1 for a1"),
        ("B", lambda a1, dh2: a1.T @ dh2, {"wrong_variable"}, "dh2 for dh1"),
        ("a1", lambda dh1, B, z1: dh1 @ B.T * (z1 > 0), {"extra_factor"}, "mask already here"),
        ("a1", lambda dh2, B: dh2 @ B.T, {"wrong_variable"}, "dh2 for dh1"),
        ("z1", lambda da1: da1, {"missing_factor"}, "mask forgotten"),
        ("z1", lambda da1: da1 * (da1 > 0), {"wrong_variable"}, "mask taken on the gradient"),
        ("z1", lambda da1, z1: da1 * (1 - np.tanh(z1) ** 2), {"wrong_local_derivative"}, "tanh's derivative for ReLU's"),
        ("A", lambda x, da1: x.T @ da1, {"missing_factor", "wrong_variable"}, "da1 for dz1"),
        ("A", lambda h1, dz1: h1.T @ dz1, {"wrong_variable"}, "h1 for x"),
        ("x", lambda dz1, A: dz1 @ A.T, {"missing_branch"}, "the skip is forgotten"),
        ("x", lambda dh1: dh1, {"missing_branch"}, "only the skip"),
        ("x", lambda dz1, A: 1 + dz1 @ A.T, {"missing_upstream", "missing_branch"}, "1 for dh1 on the skip"),
        ("x", lambda dh2, dz1, A: dh2 + dz1 @ A.T, {"wrong_variable"}, "dh2 for dh1 on the skip"),
        ("x", lambda dh1, dz1, A: dh1 - dz1 @ A.T, {"missing_branch", "sign"}, "wrong sign of one path"),
        ("x", lambda dh1, da1, A: dh1 + da1 @ A.T, {"missing_factor", "wrong_variable"}, "mask forgotten in one path"),
    ],
)


# --- 18. recurrent network over four steps -----------------------------------------------------------------------------------


def f(x, h0, W, U, b, V, t):
    z1 = (x[0] @ W + h0 @ U + b).named("z1")
    h1 = tg.tanh(z1).named("h1")
    o1 = (h1 @ V).named("o1")
    z2 = (x[1] @ W + h1 @ U + b).named("z2")
    h2 = tg.tanh(z2).named("h2")
    o2 = (h2 @ V).named("o2")
    z3 = (x[2] @ W + h2 @ U + b).named("z3")
    h3 = tg.tanh(z3).named("h3")
    o3 = (h3 @ V).named("o3")
    z4 = (x[3] @ W + h3 @ U + b).named("z4")
    h4 = tg.tanh(z4).named("h4")
    o4 = (h4 @ V).named("o4")
    return (((o1 - t[0]) ** 2).sum() + ((o2 - t[1]) ** 2).sum() + ((o3 - t[2]) ** 2).sum() + ((o4 - t[3]) ** 2).sum()) / 10


NETWORKS["recurrent network, four steps"] = dict(
    f=f,
    inputs=lambda rng: dict(
        x=normal(rng, 4, 5, 3), h0=normal(rng, 5, 4, scale=0.5), W=normal(rng, 3, 4, scale=0.7), U=normal(rng, 4, 4, scale=0.5),
        b=normal(rng, 4, scale=0.3), V=normal(rng, 4, 2), t=normal(rng, 4, 5, 2),
    ),
    right=dict(
        o4=lambda o4, t: (o4 - t[3]) / 5,
        o3=lambda o3, t: (o3 - t[2]) / 5,
        o2=lambda o2, t: (o2 - t[1]) / 5,
        o1=lambda o1, t: (o1 - t[0]) / 5,
        V=lambda h1, h2, h3, h4, do1, do2, do3, do4: h1.T @ do1 + h2.T @ do2 + h3.T @ do3 + h4.T @ do4,
        h4=lambda do4, V: do4 @ V.T,
        z4=lambda dh4, h4: dh4 * (1 - h4**2),
        h3=lambda do3, V, dz4, U: do3 @ V.T + dz4 @ U.T,
        z3=lambda dh3, h3: dh3 * (1 - h3**2),
        h2=lambda do2, V, dz3, U: do2 @ V.T + dz3 @ U.T,
        z2=lambda dh2, h2: dh2 * (1 - h2**2),
        h1=lambda do1, V, dz2, U: do1 @ V.T + dz2 @ U.T,
        z1=lambda dh1, h1: dh1 * (1 - h1**2),
        W=lambda x, dz1, dz2, dz3, dz4: x[0].T @ dz1 + x[1].T @ dz2 + x[2].T @ dz3 + x[3].T @ dz4,
        U=lambda h0, h1, h2, h3, dz1, dz2, dz3, dz4: h0.T @ dz1 + h1.T @ dz2 + h2.T @ dz3 + h3.T @ dz4,
        b=lambda dz1, dz2, dz3, dz4: (dz1 + dz2 + dz3 + dz4).sum(0),
        h0=lambda dz1, U: dz1 @ U.T,
        x=lambda dz1, dz2, dz3, dz4, W: np.stack([dz1, dz2, dz3, dz4]) @ W.T,
    ),
    mistakes=[
        ("o4", lambda o4, t: (o4 - t[2]) / 5, {"wrong_variable"}, "the target of the step before"),
        ("o3", lambda o3, t: 2 * (o3 - t[2]) / 5, {"scale"}, "factor 2 too many"),
        ("o2", lambda o3, t: (o3 - t[1]) / 5, {"wrong_variable"}, "the output of the next step"),
        ("V", lambda h4, do4: h4.T @ do4, {"missing_branch", "overwritten"}, "only the last step"),
        ("V", lambda h1, do1: h1.T @ do1, {"missing_branch", "overwritten"}, "= for += in the loop back through time"),
        ("V", lambda h0, h1, h2, h3, do1, do2, do3, do4: h0.T @ do1 + h1.T @ do2 + h2.T @ do3 + h3.T @ do4, {"wrong_variable"}, "h of the step before"),
        ("V", lambda h1, h2, h3, h4, do1, do2, do3, do4: (h1.T @ do1 + h2.T @ do2 + h3.T @ do3 + h4.T @ do4) / 4, {"scale"}, "mean over the steps"),
        ("V", lambda h4, do1, do2, do3, do4: h4.T @ (do1 + do2 + do3 + do4), {"wrong_variable"}, "the last state for each step's"),
        ("z4", lambda dh4, h3: dh4 * (1 - h3**2), {"wrong_variable"}, "h3 for h4"),
        ("z4", lambda dh4, z4: dh4 * (1 - z4**2), {"wrong_variable", "wrong_local_derivative"}, "1 - z**2"),
        ("h3", lambda dz4, U: dz4 @ U.T, {"missing_branch"}, "the output's path is forgotten"),
        ("h3", lambda do3, V: do3 @ V.T, {"missing_branch"}, "the next step's path is forgotten"),
        ("h3", lambda do3, V, dz4, U: do3 @ V.T + dz4 @ U, {"transpose"}, "U not transposed"),
        ("h3", lambda do3, V, dh4, U: do3 @ V.T + dh4 @ U.T, {"missing_factor", "wrong_variable"}, "dh4 for dz4"),
        ("h3", lambda do4, V, dz4, U: do4 @ V.T + dz4 @ U.T, {"wrong_variable"}, "do4 for do3"),
        ("z3", lambda dh3: dh3, {"missing_factor"}, "tanh's derivative forgotten"),
        ("z3", lambda dh3, h3: dh3 * (1 - h3), {"wrong_local_derivative"}, "1 - h"),
        ("z3", lambda dh4, h3: dh4 * (1 - h3**2), {"wrong_variable"}, "dh4 for dh3"),
        ("h2", lambda do2, V: do2 @ V.T, {"missing_branch"}, "truncated in time"),
        ("h2", lambda do2, V, dz3, U, dU: do2 @ V.T + dz3 @ (U - dU).T, {"updated_too_early"}, "U updated at each step"),
        ("h2", lambda do2, V, dz3, U, dz4: do2 @ V.T + dz3 @ U.T + dz4 @ U.T, {"missing_branch"}, "a path too many: z4 does not see h2"),
        ("h1", lambda do1, V, dz2, U: do1 @ V.T - dz2 @ U.T, {"missing_branch", "sign"}, "wrong sign of one path"),
        ("h1", lambda do1, V, dz2, U: (do1 @ V.T + dz2 @ U.T) / 2, {"scale"}, "mean of the paths"),
        ("z1", lambda dh1, h0: dh1 * (1 - h0**2), {"wrong_variable"}, "h0 for h1"),
        ("z1", lambda h1: 1 - h1**2, {"missing_upstream"}, "the upstream gradient forgotten"),
        ("W", lambda x, dz4: x[3].T @ dz4, {"missing_branch", "overwritten"}, "only the last step"),
        ("W", lambda x, dz1: x[0].T @ dz1, {"missing_branch", "overwritten"}, "= for += in the loop back through time"),
        ("W", lambda x, dz1, dz2, dz3, dz4: x[1].T @ dz2 + x[2].T @ dz3 + x[3].T @ dz4, {"missing_branch"}, "the first step is forgotten"),
        ("W", lambda x, dz1, dz2, dz3, dz4: x[3].T @ (dz1 + dz2 + dz3 + dz4), {"wrong_variable"}, "the last input for each step's"),
        ("W", lambda x, dz1, dz2, dz3, dz4: x[0].T @ dz4 + x[1].T @ dz3 + x[2].T @ dz2 + x[3].T @ dz1, {"permuted", "wrong_variable"}, "inputs in the wrong order of time"),
        ("W", lambda x, dh1, dh2, dh3, dh4: x[0].T @ dh1 + x[1].T @ dh2 + x[2].T @ dh3 + x[3].T @ dh4, {"missing_factor", "wrong_variable"}, "dh for dz"),
        ("U", lambda h1, h2, h3, h4, dz1, dz2, dz3, dz4: h1.T @ dz1 + h2.T @ dz2 + h3.T @ dz3 + h4.T @ dz4, {"wrong_variable"}, "h_t for h_(t-1)"),
        ("U", lambda h0, dz1: h0.T @ dz1, {"missing_branch", "overwritten"}, "= for += in the loop back through time"),
        ("U", lambda h1, h2, h3, dz2, dz3, dz4: h1.T @ dz2 + h2.T @ dz3 + h3.T @ dz4, {"missing_branch"}, "h0 taken for zero"),
        ("U", lambda h0, h1, h2, h3, dz1, dz2, dz3, dz4: (h0.T @ dz1 + h1.T @ dz2 + h2.T @ dz3 + h3.T @ dz4).T, {"transpose"}, "transposed, and square"),
        ("b", lambda dz4: dz4.sum(0), {"missing_branch", "overwritten"}, "only the last step"),
        ("b", lambda dz1, dz2, dz3, dz4: dz1 + dz2 + dz3 + dz4, {"not_summed"}, "no sum over the batch"),
        ("b", lambda dz1, dz2, dz3, dz4: (dz1 + dz2 + dz3 + dz4).mean(0), {"scale"}, "mean over the batch"),
        ("h0", lambda dz1, U: dz1 @ U, {"transpose"}, "U not transposed"),
        ("h0", lambda dh1, U: dh1 @ U.T, {"missing_factor", "wrong_variable"}, "dh1 for dz1"),
        ("x", lambda dz1, dz2, dz3, dz4, W: np.stack([dz4, dz3, dz2, dz1]) @ W.T, {"permuted"}, "left in the order of the loop back"),
        ("x", lambda dz1, dz2, dz3, dz4, W: np.stack([dz2, dz3, dz4, 0 * dz4]) @ W.T, {"shifted"}, "one step off"),
    ],
)


# --- 19. GRU cell -----------------------------------------------------------------------------------------------------------------


def f(x, h, A, P, B, Q, C, R, t):
    s = (x @ A + h @ P).named("s")
    r = tg.sigmoid(s).named("r")
    v = (x @ B + h @ Q).named("v")
    u = tg.sigmoid(v).named("u")
    k = (r * h).named("k")
    z = (x @ C + k @ R).named("z")
    c = tg.tanh(z).named("c")
    n = ((1 - u) * h + u * c).named("n")
    return ((n - t) ** 2).sum() / 12


NETWORKS["GRU cell"] = dict(
    f=f,
    inputs=lambda rng: dict(
        x=normal(rng, 6, 3), h=normal(rng, 6, 4), A=normal(rng, 3, 4), P=normal(rng, 4, 4), B=normal(rng, 3, 4), Q=normal(rng, 4, 4),
        C=normal(rng, 3, 4), R=normal(rng, 4, 4), t=normal(rng, 6, 4),
    ),
    right=dict(
        n=lambda n, t: (n - t) / len(t),
        u=lambda dn, c, h: dn * (c - h),
        c=lambda dn, u: dn * u,
        z=lambda dc, c: dc * (1 - c**2),
        k=lambda dz, R: dz @ R.T,
        r=lambda dk, h: dk * h,
        s=lambda dr, r: dr * r * (1 - r),
        v=lambda du, u: du * u * (1 - u),
        A=lambda x, ds: x.T @ ds,
        P=lambda h, ds: h.T @ ds,
        B=lambda x, dv: x.T @ dv,
        Q=lambda h, dv: h.T @ dv,
        C=lambda x, dz: x.T @ dz,
        R=lambda k, dz: k.T @ dz,
        h=lambda dn, u, dk, r, ds, P, dv, Q: dn * (1 - u) + dk * r + ds @ P.T + dv @ Q.T,
        x=lambda ds, A, dv, B, dz, C: ds @ A.T + dv @ B.T + dz @ C.T,
    ),
    mistakes=[
        ("n", lambda n, t: n - t, {"scale"}, "1/N forgotten"),
        ("u", lambda dn, c: dn * c, {"missing_branch"}, "the term 1 - u is forgotten"),
        ("u", lambda dn, h: -dn * h, {"missing_branch"}, "only the term 1 - u"),
        ("u", lambda dn, c, h: dn * (h - c), {"sign"}, "h - c"),
        ("u", lambda dn, c, h: dn * (c + h), {"missing_branch", "sign"}, "plus for minus"),
        ("u", lambda c, h: c - h, {"missing_upstream"}, "without dn"),
        ("c", lambda dn, u: dn * (1 - u), {"wrong_variable", "wrong_local_derivative"}, "1 - u for u"),
        ("c", lambda dn: dn, {"missing_factor"}, "the gate is forgotten"),
        ("c", lambda dn, r: dn * r, {"wrong_variable"}, "the other gate"),
        ("z", lambda dc: dc, {"missing_factor"}, "tanh's derivative forgotten"),
        ("z", lambda dc, c: dc * c * (1 - c), {"wrong_local_derivative"}, "sigmoid's derivative for tanh's"),
        ("z", lambda dc, z: dc * (1 - z**2), {"wrong_variable", "wrong_local_derivative"}, "1 - z**2"),
        ("k", lambda dz, R: dz @ R, {"transpose"}, "R not transposed"),
        ("k", lambda dc, R: dc @ R.T, {"missing_factor", "wrong_variable"}, "dc for dz"),
        ("r", lambda dk: dk, {"missing_factor"}, "h is forgotten"),
        ("r", lambda dk, r: dk * r, {"wrong_variable"}, "r for h: the wrong factor of the product"),
        ("r", lambda dz, R, h, x: dz @ R * h, {"transpose"}, "R not transposed"),
        ("s", lambda dr: dr, {"missing_factor"}, "the gate's derivative is forgotten"),
        ("s", lambda dr, r: dr * (1 - r**2), {"wrong_local_derivative"}, "tanh's derivative for sigmoid's"),
        ("s", lambda dr, u: dr * u * (1 - u), {"wrong_variable"}, "the other gate's derivative"),
        ("v", lambda du: du, {"missing_factor"}, "the gate's derivative is forgotten"),
        ("v", lambda du, r: du * r * (1 - r), {"wrong_variable"}, "the other gate's derivative"),
        ("v", lambda du, u: du * (1 - u), {"wrong_local_derivative"}, "1 - u for u (1 - u)"),
        ("v", lambda du, v: du * v * (1 - v), {"wrong_variable"}, "derivative at v"),
        ("A", lambda x, dv: x.T @ dv, {"wrong_variable"}, "the other gate's gradient"),
        ("A", lambda x, dr: x.T @ dr, {"missing_factor", "wrong_variable"}, "dr for ds"),
        ("P", lambda h, ds: (h.T @ ds).T, {"transpose"}, "transposed, and square"),
        ("P", lambda k, ds: k.T @ ds, {"wrong_variable", "extra_factor"}, "r * h for h"),
        ("Q", lambda n, dv: n.T @ dv, {"wrong_variable"}, "the new state for the old one"),
        ("Q", lambda h, du: h.T @ du, {"missing_factor", "wrong_variable"}, "du for dv"),
        ("R", lambda h, dz: h.T @ dz, {"wrong_variable", "missing_factor"}, "h for r * h"),
        ("R", lambda r, dz: r.T @ dz, {"wrong_variable", "missing_factor"}, "r for r * h"),
        ("C", lambda x, dc: x.T @ dc, {"missing_factor", "wrong_variable"}, "dc for dz"),
        ("h", lambda dn, u: dn * (1 - u), {"missing_branch"}, "only the direct path"),
        ("h", lambda dn, u, ds, P, dv, Q: dn * (1 - u) + ds @ P.T + dv @ Q.T, {"missing_branch"}, "the path through r * h is forgotten"),
        ("h", lambda dn, u, dk, r: dn * (1 - u) + dk * r, {"missing_branch"}, "the gates' paths are forgotten"),
        ("h", lambda dk, r, ds, P, dv, Q: dk * r + ds @ P.T + dv @ Q.T, {"missing_branch"}, "the direct path is forgotten"),
        ("h", lambda dn, u, dk, r, ds, P, dv, Q: dn * (1 - u) + dk + ds @ P.T + dv @ Q.T, {"missing_factor"}, "r is forgotten in one path"),
        ("h", lambda dn, u, dk, r, ds, P, dv, Q: dn * u + dk * r + ds @ P.T + dv @ Q.T, {"wrong_variable", "missing_branch"}, "u for 1 - u in the direct path"),
        ("x", lambda ds, A, dv, B: ds @ A.T + dv @ B.T, {"missing_branch"}, "the candidate's path is forgotten"),
        ("x", lambda dz, C: dz @ C.T, {"missing_branch"}, "the gates' paths are forgotten"),
        ("x", lambda ds, A, dv, B, dz, C: ds @ B.T + dv @ A.T + dz @ C.T, {"wrong_variable", "permuted"}, "the gates' weights exchanged"),
    ],
)


# --- 20. LSTM cell --------------------------------------------------------------------------------------------------------------


def f(x, h, c, W, U, b, t):
    z = (x @ W + h @ U + b).named("z")
    i = tg.sigmoid(z[:, 0:3]).named("i")
    j = tg.sigmoid(z[:, 3:6]).named("j")  # the forget gate
    o = tg.sigmoid(z[:, 6:9]).named("o")
    g = tg.tanh(z[:, 9:12]).named("g")
    k = (j * c + i * g).named("k")  # the new cell
    q = tg.tanh(k).named("q")
    n = (o * q).named("n")
    return ((n - t) ** 2).sum() / 10 + 0.1 * (k**2).sum()


NETWORKS["LSTM cell"] = dict(
    f=f,
    inputs=lambda rng: dict(
        x=normal(rng, 5, 4), h=normal(rng, 5, 3), c=normal(rng, 5, 3), W=normal(rng, 4, 12, scale=0.6), U=normal(rng, 3, 12, scale=0.6),
        b=normal(rng, 12, scale=0.5), t=normal(rng, 5, 3),
    ),
    right=dict(
        n=lambda n, t: (n - t) / len(t),
        o=lambda dn, q: dn * q,
        q=lambda dn, o: dn * o,
        k=lambda dq, q, k: dq * (1 - q**2) + 0.2 * k,
        i=lambda dk, g: dk * g,
        j=lambda dk, c: dk * c,
        g=lambda dk, i: dk * i,
        c=lambda dk, j: dk * j,
        z=lambda di, i, dj, j, do, o, dg, g: np.concatenate([di * i * (1 - i), dj * j * (1 - j), do * o * (1 - o), dg * (1 - g**2)], 1),
        W=lambda x, dz: x.T @ dz,
        U=lambda h, dz: h.T @ dz,
        b=lambda dz: dz.sum(0),
        h=lambda dz, U: dz @ U.T,
        x=lambda dz, W: dz @ W.T,
    ),
    mistakes=[
        ("n", lambda n, t: 2 * (n - t) / len(t), {"scale"}, "factor 2 too many"),
        ("o", lambda dn, k: dn * k, {"wrong_variable"}, "the cell for its tanh"),
        ("o", lambda dn, o: dn * o, {"wrong_variable"}, "the wrong factor of the product"),
        ("o", lambda q: q, {"missing_upstream"}, "without dn"),
        ("q", lambda dn: dn, {"missing_factor"}, "the output gate is forgotten"),
        ("q", lambda dn, j: dn * j, {"wrong_variable"}, "the forget gate for the output gate"),
        ("k", lambda dq, q: dq * (1 - q**2), {"missing_branch"}, "the penalty on the cell is forgotten"),
        ("k", lambda dq, q, k: dq * (1 - q**2) + 0.1 * k, {"missing_branch"}, "the penalty without its 2"),
        ("k", lambda dq, k: dq + 0.2 * k, {"missing_factor"}, "tanh's derivative is forgotten"),
        ("k", lambda dq, k: dq * (1 - k**2) + 0.2 * k, {"wrong_variable", "wrong_local_derivative"}, "1 - k**2"),
        ("k", lambda dq, q, k: dq * (1 - q) + 0.2 * k, {"wrong_local_derivative"}, "1 - q"),
        ("k", lambda dq, q, k: dq * (1 - q**2) - 0.2 * k, {"missing_branch", "sign"}, "the penalty subtracted"),
        ("k", lambda k: 0.2 * k, {"missing_branch"}, "only the penalty"),
        ("i", lambda dk: dk, {"missing_factor"}, "the candidate is forgotten"),
        ("i", lambda dk, c: dk * c, {"wrong_variable"}, "the old cell for the candidate"),
        ("j", lambda dk, g: dk * g, {"wrong_variable"}, "the candidate for the old cell"),
        ("j", lambda dk, k: dk * k, {"wrong_variable"}, "the new cell for the old one"),
        ("j", lambda dk, j: dk * j, {"wrong_variable"}, "the wrong factor of the product"),
        ("g", lambda dk, j: dk * j, {"wrong_variable"}, "the forget gate for the input gate"),
        ("g", lambda dk: dk, {"missing_factor"}, "the gate is forgotten"),
        ("c", lambda dk, i: dk * i, {"wrong_variable"}, "the input gate for the forget gate"),
        ("c", lambda dk: dk, {"missing_factor"}, "the gate is forgotten"),
        ("c", lambda dq, q, j: dq * (1 - q**2) * j, {"missing_branch"}, "the penalty's path is forgotten"),
        ("z", lambda di, dj, do, dg: np.concatenate([di, dj, do, dg], 1), {"missing_factor"}, "the gates' derivatives are forgotten"),
        ("z", lambda di, i, dj, j, do, o, dg, g: np.concatenate([di * i * (1 - i), dj * j * (1 - j), do * o * (1 - o), dg * g * (1 - g)], 1), {"wrong_local_derivative"}, "sigmoid's derivative for the candidate too"),
        ("z", lambda di, i, dj, j, do, o, dg, g: np.concatenate([di * (1 - i**2), dj * (1 - j**2), do * (1 - o**2), dg * (1 - g**2)], 1), {"wrong_local_derivative"}, "tanh's derivative for the gates too"),
        ("z", lambda di, i, dj, j, do, o, dg, g: np.concatenate([di * i * (1 - i), dj * j * (1 - j), dg * (1 - g**2), do * o * (1 - o)], 1), {"permuted"}, "gates in another order"),
        ("z", lambda di, i, dj, j, do, o, dg, g: np.concatenate([dj * j * (1 - j), di * i * (1 - i), do * o * (1 - o), dg * (1 - g**2)], 1), {"permuted"}, "input and forget gates exchanged"),
        ("z", lambda di, i, dj, j, do, o, dg, g: np.concatenate([di * i * (1 - i), dj * j * (1 - j), do * o * (1 - o), dg], 1), {"missing_factor"}, "tanh's derivative is forgotten for the candidate"),
        ("z", lambda di, i, dj, j, do, o, dg, g: np.concatenate([di * i * (1 - i), 0 * dj, do * o * (1 - o), dg * (1 - g**2)], 1), {"missing_branch", "zero"}, "the forget gate gets nothing"),
        ("W", lambda x, dz: dz.T @ x, {"transpose"}, "transposed"),
        ("U", lambda n, dz: n.T @ dz, {"wrong_variable"}, "the new state for the old one"),
        ("U", lambda c, dz: c.T @ dz, {"wrong_variable"}, "the cell for the state"),
        ("b", lambda dz: dz, {"not_summed"}, "no sum"),
        ("b", lambda dz: dz.mean(0), {"scale"}, "mean for sum"),
        ("h", lambda dz, U: dz[:, :9] @ U[:, :9].T, {"missing_branch"}, "the candidate's path is forgotten"),
        ("h", lambda dz, U: dz[:, 9:] @ U[:, 9:].T, {"missing_branch"}, "the gates' paths are forgotten"),
        ("x", lambda dz, W, dW: dz @ (W - 0.5 * dW).T, {"updated_too_early"}, "W updated first"),
    ],
)


# --- 21. attention -------------------------------------------------------------------------------------------------------------------

ROOT = math.sqrt(3)


def f(X, A, B, C, t):
    q = (X @ A).named("q")
    k = (X @ B).named("k")
    v = (X @ C).named("v")
    S = (q @ k.T / ROOT).named("S")
    P = tg.softmax(S).named("P")
    O = (P @ v).named("O")
    return ((O - t) ** 2).sum() / 10


NETWORKS["attention"] = dict(
    f=f,
    inputs=lambda rng: dict(X=normal(rng, 5, 4), A=normal(rng, 4, 3, scale=0.7), B=normal(rng, 4, 3, scale=0.7), C=normal(rng, 4, 2), t=normal(rng, 5, 2)),
    right=dict(
        O=lambda O, t: (O - t) / len(t),
        v=lambda P, dO: P.T @ dO,
        P=lambda dO, v: dO @ v.T,
        S=lambda dP, P: P * (dP - (dP * P).sum(1, keepdims=True)),
        q=lambda dS, k: dS @ k / ROOT,
        k=lambda dS, q: dS.T @ q / ROOT,
        A=lambda X, dq: X.T @ dq,
        B=lambda X, dk: X.T @ dk,
        C=lambda X, dv: X.T @ dv,
        X=lambda dq, A, dk, B, dv, C: dq @ A.T + dk @ B.T + dv @ C.T,
    ),
    mistakes=[
        ("O", lambda O, t: O - t, {"scale"}, "1/N forgotten"),
        ("v", lambda P, dO: P @ dO, {"transpose"}, "P not transposed"),
        ("v", lambda S, dO: S.T @ dO, {"wrong_variable"}, "scores for weights"),
        ("v", lambda dO: dO, {"missing_factor"}, "the weights are forgotten"),
        ("P", lambda dO, v: (dO @ v.T).T, {"transpose"}, "transposed, and square"),
        ("P", lambda O, v: O @ v.T, {"wrong_variable"}, "O for dO"),
        ("P", lambda v: np.ones((5, 2)) @ v.T, {"missing_upstream"}, "without dO"),
        ("S", lambda dP, P: P * (1 - P) * dP, {"diagonal_only"}, "only the diagonal of softmax's Jacobian"),
        ("S", lambda dP, P: P * dP, {"missing_branch"}, "the sum's term is forgotten"),
        ("S", lambda dP, P: P * (dP - (dP * P).sum(0, keepdims=True)), {"wrong_axis"}, "sum along the queries"),
        ("S", lambda dP, P: P * (dP - dP.sum(1, keepdims=True)), {"missing_branch", "missing_factor"}, "the sum without its weights"),
        ("S", lambda dP, P: P * (dP + (dP * P).sum(1, keepdims=True)), {"missing_branch", "sign"}, "plus for minus"),
        ("S", lambda dP, P: dP - (dP * P).sum(1, keepdims=True), {"missing_factor"}, "P before the parenthesis is forgotten"),
        ("S", lambda dP: dP, {"missing_factor"}, "softmax is forgotten"),
        ("S", lambda P: P * (1 - P), {"missing_upstream", "diagonal_only"}, "the diagonal alone"),
        ("S", lambda dP, P: softmax(P) * (dP - (dP * softmax(P)).sum(1, keepdims=True)), {"double_activation", "wrong_variable"}, "softmax twice"),
        ("S", lambda dP, P: P * (dP - (dP * P).sum(1, keepdims=True)) / ROOT, {"scale", "extra_factor"}, "the root twice: it belongs to dq and dk"),
        ("q", lambda dS, k: dS @ k, {"scale", "missing_factor"}, "the root is forgotten"),
        ("q", lambda dS, k: dS @ k / 3, {"scale"}, "divided by d for its root"),
        ("q", lambda dS, k: dS.T @ k / ROOT, {"transpose"}, "dS transposed"),
        ("q", lambda dS, q: dS @ q / ROOT, {"wrong_variable"}, "q for k"),
        ("q", lambda dP, k: dP @ k / ROOT, {"missing_factor", "wrong_variable"}, "dP for dS"),
        ("k", lambda dS, q: dS @ q / ROOT, {"transpose"}, "dS not transposed"),
        ("k", lambda dS, k: dS.T @ k / ROOT, {"wrong_variable"}, "k for q"),
        ("k", lambda dS, q: dS.T @ q, {"scale", "missing_factor"}, "the root is forgotten"),
        ("k", lambda dS, v, q: dS.T @ q[::-1] / ROOT, {"permuted", "wrong_variable"}, "queries in reversed order"),
        ("S", lambda dP, P: np.round(P, 1) * (dP - (dP * np.round(P, 1)).sum(1, keepdims=True)), {"precision", "wrong_variable"}, "the weights rounded to one decimal, as printed"),
        ("A", lambda X, dk: X.T @ dk, {"wrong_variable"}, "the keys' gradient for the queries'"),
        ("A", lambda q, dq: q.T @ dq, {"wrong_variable", "wrong_shape"}, "q for X"),
        ("B", lambda X, dq: X.T @ dq, {"wrong_variable"}, "the queries' gradient for the keys'"),
        ("B", lambda X, dk: dk.T @ X, {"transpose"}, "transposed"),
        ("C", lambda X, dO: X.T @ dO, {"wrong_variable", "missing_factor"}, "dO for dv"),
        ("C", lambda X, dv: X.T @ dv / 5, {"scale"}, "1/N twice"),
        ("X", lambda dq, A: dq @ A.T, {"missing_branch"}, "only the queries' path"),
        ("X", lambda dv, C: dv @ C.T, {"missing_branch"}, "only the values' path"),
        ("X", lambda dq, A, dk, B: dq @ A.T + dk @ B.T, {"missing_branch"}, "the values' path is forgotten"),
        ("X", lambda dq, A, dk, B, dv, C: (dq @ A.T + dk @ B.T + dv @ C.T) / 3, {"scale"}, "mean of the paths"),
        ("X", lambda dq, A, dk, B, dv, C: dq @ B.T + dk @ A.T + dv @ C.T, {"wrong_variable", "permuted"}, "weights exchanged"),
    ],
)


# --- 22. embeddings with repeated words ------------------------------------------------------------------------------------------------


def add_at(rows, index, values):
    out = np.zeros((rows, values.shape[-1]))
    np.add.at(out, index, values)
    return out


def put_at(rows, index, values):
    out = np.zeros((rows, values.shape[-1]))
    out[index] = values
    return out


def f(E, words, W, b, y):
    e = E[words].named("e")
    m = e.mean(axis=1).named("m")
    a = tg.softplus(m).named("a")
    z = (a @ W + b).named("z")
    return tg.cross_entropy(z, y)


WORDS = np.array([[0, 1, 1, 4], [2, 0, 0, 0], [5, 2, 1, 5], [4, 4, 5, 2], [6, 1, 0, 2]])

NETWORKS["embeddings, mean of words"] = dict(
    f=f,
    inputs=lambda rng: dict(E=normal(rng, 8, 4), words=rng.permutation(WORDS), W=normal(rng, 4, 3), b=normal(rng, 3), y=rng.permutation([0, 1, 2, 0, 1])),
    right=dict(
        z=lambda z, y: (softmax(z) - onehot(y, 3)) / len(y),
        W=lambda a, dz: a.T @ dz,
        b=lambda dz: dz.sum(0),
        a=lambda dz, W: dz @ W.T,
        m=lambda da, m: da * sig(m),
        e=lambda dm: np.repeat(dm[:, None] / 4, 4, 1),
        E=lambda de, words: add_at(8, words, de),
    ),
    mistakes=[
        ("z", lambda z, y: softmax(z) - onehot(y, 3), {"scale"}, "1/N forgotten"),
        ("z", lambda z, y: (softmax(z) - onehot((y + 1) % 3, 3)) / len(y), {"off_by_one_class"}, "labels shifted"),
        ("W", lambda m, dz: m.T @ dz, {"wrong_variable"}, "m for a"),
        ("W", lambda a, dz: (a.T @ dz) / 4, {"scale"}, "divided by the number of words"),
        ("b", lambda dz: dz.mean(0), {"scale"}, "mean for sum"),
        ("a", lambda dz, W: (dz @ W.T).T, {"transpose"}, "transposed"),
        ("m", lambda da: da, {"missing_factor"}, "softplus' derivative is forgotten"),
        ("m", lambda da, m: da * (m > 0), {"wrong_local_derivative"}, "ReLU's derivative"),
        ("m", lambda da, a: da * sig(a), {"wrong_variable", "double_activation"}, "derivative at a"),
        ("e", lambda dm: np.repeat(dm[:, None], 4, 1), {"scale"}, "the mean's 1/4 is forgotten"),
        ("e", lambda dm: np.repeat(dm[:, None] / 5, 4, 1), {"scale"}, "divided by the batch, not the words"),
        ("e", lambda dm: dm[:, None] / 4 * np.array([0, 0, 0, 1.0])[:, None], {"overwritten", "missing_branch"}, "only the last word"),
        ("e", lambda da: np.repeat(da[:, None] / 4, 4, 1), {"missing_factor", "wrong_variable"}, "da for dm"),
        ("e", lambda dm: np.repeat(dm[::-1, None] / 4, 4, 1), {"permuted"}, "sentences in reversed order"),
        ("E", lambda de, words: put_at(8, words, de), {"overwritten"}, "= for +=: repeated words keep the last"),
        ("E", lambda de, words: add_at(8, words, de) / np.maximum(np.bincount(words.ravel(), minlength=8), 1)[:, None], {"wrong_local_derivative", "extra_factor"}, "mean over the occurrences"),
        ("E", lambda de, words: add_at(8, words[:, -1], de[:, -1]), {"missing_branch", "overwritten"}, "only the last word of each sentence"),
        ("E", lambda de, words: add_at(8, (words + 1) % 8, de), {"shifted", "permuted", "off_by_one_class"}, "words counted from one"),
        ("E", lambda de, words: np.array([(de * (words == w)[..., None]).sum() for w in range(8)])[:, None] * np.ones(4), {"wrong_axis"}, "summed over the coordinates too"),
        ("E", lambda de, words: add_at(8, words, de) * 4, {"scale"}, "multiplied by the number of words"),
        ("E", lambda de, words: add_at(8, words.T.reshape(5, 4), de), {"permuted", "transpose"}, "words read by columns"),
        ("E", lambda de: de, {"wrong_shape", "missing_factor", "not_summed"}, "not gathered by word"),
        ("E", lambda de, words: np.zeros((8, 4)), {"zero"}, "the indexing is thought to stop the gradient"),
        ("E", lambda de, words: (np.bincount(words.ravel(), minlength=8) > 0)[:, None] * de.sum((0, 1)), {"missing_factor", "wrong_local_derivative"}, "every word used gets the whole sum"),
    ],
)


# --- 23. embeddings, maximum over the words (ties: a word that is repeated) ---------------------------------------------------------------


def f(E, words, w, t):
    e = E[words]
    m = e.max(axis=1).named("m")
    o = (m @ w).named("o")
    p = tg.sigmoid(o).named("p")
    return ((p - t) ** 2).sum() / 2


def at_max(E, words):
    e = E[words]
    return e == e.max(1, keepdims=True)


def first_max(E, words):
    mask = at_max(E, words)
    return mask & (mask.cumsum(1) == 1)


NETWORKS["embeddings, maximum of words"] = dict(
    f=f,
    inputs=lambda rng: dict(E=normal(rng, 8, 4), words=rng.permutation(WORDS), w=normal(rng, 4), t=rng.permutation([0.0, 1, 0, 1, 1])),
    right=dict(
        p=lambda p, t: p - t,
        o=lambda dp, p: dp * p * (1 - p),
        w=lambda m, do: m.T @ do,
        m=lambda do, w: np.outer(do, w),
        E=lambda dm, E, words: add_at(8, words, first_max(E, words) * dm[:, None]),
    ),
    mistakes=[
        ("p", lambda p, t: 2 * (p - t), {"scale"}, "the 1/2 is forgotten"),
        ("p", lambda p, t: -t / p + (1 - t) / (1 - p), {"wrong_local_derivative"}, "cross entropy's derivative for the square's"),
        ("o", lambda p, t: p - t, {"missing_factor"}, "sigmoid's derivative is forgotten, as if for cross entropy"),
        ("o", lambda dp, o: dp * o * (1 - o), {"wrong_variable"}, "derivative at o"),
        ("o", lambda dp, p: dp * p * (1 - p) ** 2, {"extra_factor", "wrong_local_derivative"}, "1 - p twice"),
        ("o", lambda p: p * (1 - p), {"missing_upstream"}, "without dp"),
        ("w", lambda m, do: m * do[:, None], {"not_summed"}, "no sum"),
        ("w", lambda m, do: m.T @ do / 5, {"scale"}, "mean"),
        ("w", lambda m, dp: m.T @ dp, {"missing_factor", "wrong_variable"}, "dp for do"),
        ("w", lambda E, words, do: E[words].mean(1).T @ do, {"wrong_variable", "wrong_local_derivative"}, "the mean of the words for their maximum"),
        ("m", lambda do, w: np.outer(w, do), {"transpose"}, "transposed"),
        ("m", lambda w: np.tile(w, (5, 1)), {"missing_upstream"}, "the weights alone"),
        ("E", lambda dm, E, words: add_at(8, words, at_max(E, words) * dm[:, None]), {"max_ties"}, "a repeated word gets the gradient several times"),
        ("E", lambda dm, E, words: put_at(8, words, first_max(E, words) * dm[:, None]), {"overwritten"}, "= for +="),
        ("E", lambda dm, E, words: add_at(8, words, np.repeat(dm[:, None], 4, 1)), {"max_ties", "missing_factor", "wrong_local_derivative"}, "every word gets the gradient"),
        ("E", lambda dm, E, words: add_at(8, words, np.repeat(dm[:, None] / 4, 4, 1)), {"max_ties", "wrong_local_derivative"}, "as for the mean"),
        ("E", lambda dm, E, words: add_at(8, words, first_max(-E, words) * dm[:, None]), {"wrong_local_derivative"}, "to the minimum"),
        ("E", lambda dm, E, words: add_at(8, words, (E[words] == E[words].max(2, keepdims=True)) * dm[:, None]), {"wrong_axis"}, "maximum over the coordinates"),
        ("E", lambda dm, E, words: add_at(8, (words - 1) % 8, first_max(E, words) * dm[:, None]), {"shifted", "off_by_one_class", "permuted"}, "words counted from one"),
        ("E", lambda E, words: add_at(8, words, first_max(E, words) * 1.0), {"missing_upstream"}, "counts the maxima, without dm"),
        ("E", lambda dm, E, words: add_at(8, words[:, :1], dm[:, None]), {"wrong_local_derivative"}, "to the first word"),
    ],
)


# --- 24. triplet loss on cosine similarities ------------------------------------------------------------------------------------------


def norms(a):
    return np.sqrt((a**2).sum(1))


def f(A, P, N, W):
    a = (A @ W).named("a")
    p = (P @ W).named("p")
    n = (N @ W).named("n")
    s = ((a * p).sum(axis=1) / (tg.norm(a, axis=1) * tg.norm(p, axis=1))).named("s")
    r = ((a * n).sum(axis=1) / (tg.norm(a, axis=1) * tg.norm(n, axis=1))).named("r")
    m = (0.3 - s + r).named("m")
    return tg.relu(m).mean()


def to_left(a, b, c):
    """The derivative of the cosine of a and b with respect to a; c is the cosine."""
    na, nb = norms(a)[:, None], norms(b)[:, None]
    return b / (na * nb) - c[:, None] * a / na**2


def triplet_inputs(rng):
    """Both signs of the margin occur."""
    A, W = normal(rng, 6, 4), normal(rng, 4, 3)
    P = A + normal(rng, 6, 4, scale=1.0)
    N = np.concatenate([A[:3] + normal(rng, 3, 4, scale=0.7), -A[3:4] + normal(rng, 1, 4, scale=0.3), normal(rng, 2, 4)])
    P[3] = A[3] + normal(rng, 4, scale=0.3)
    return dict(A=A, P=P, N=N, W=W)


NETWORKS["cosine triplet loss"] = dict(
    f=f,
    inputs=triplet_inputs,
    right=dict(
        m=lambda m: (m > 0) / len(m),
        s=lambda dm: -dm,
        r=lambda dm: dm,
        a=lambda ds, dr, a, p, n, s, r: ds[:, None] * to_left(a, p, s) + dr[:, None] * to_left(a, n, r),
        p=lambda ds, a, p, s: ds[:, None] * to_left(p, a, s),
        n=lambda dr, a, n, r: dr[:, None] * to_left(n, a, r),
        W=lambda A, P, N, da, dp, dn: A.T @ da + P.T @ dp + N.T @ dn,
        A=lambda da, W: da @ W.T,
        P=lambda dp, W: dp @ W.T,
        N=lambda dn, W: dn @ W.T,
    ),
    mistakes=[
        ("m", lambda m: (m > 0) * 1.0, {"scale"}, "1/N forgotten"),
        ("m", lambda m: np.ones_like(m) / len(m), {"missing_factor", "missing_upstream"}, "the margin's mask is forgotten"),
        ("m", lambda m: m * (m > 0) / len(m), {"wrong_local_derivative", "extra_factor"}, "ReLU itself for its derivative"),
        ("m", lambda m: (m < 0) / len(m), {"wrong_local_derivative"}, "mask inverted"),
        ("m", lambda m: (m > 0) / max((m > 0).sum(), 1), {"scale"}, "divided by the number of active triplets"),
        ("s", lambda dm: dm, {"sign"}, "the minus is forgotten"),
        ("s", lambda m: -np.ones_like(m), {"missing_upstream"}, "without dm"),
        ("r", lambda dm: -dm, {"sign"}, "a minus too many"),
        ("a", lambda ds, a, p, s: ds[:, None] * to_left(a, p, s), {"missing_branch"}, "the negative's path is forgotten"),
        ("a", lambda dr, a, n, r: dr[:, None] * to_left(a, n, r), {"missing_branch"}, "the positive's path is forgotten"),
        ("a", lambda ds, dr, a, p, n: ds[:, None] * p / (norms(a) * norms(p))[:, None] + dr[:, None] * n / (norms(a) * norms(n))[:, None], {"missing_branch"}, "the norms taken for constants"),
        ("a", lambda ds, dr, p, n: ds[:, None] * p + dr[:, None] * n, {"missing_factor", "missing_branch"}, "as for a scalar product"),
        ("a", lambda ds, dr, a, p, n, s, r: ds[:, None] * to_left(a, p, s) - dr[:, None] * to_left(a, n, r), {"missing_branch", "sign"}, "wrong sign of the negative's path"),
        ("a", lambda ds, dr, a, p, n, s, r: ds[:, None] * to_left(p, a, s) + dr[:, None] * to_left(n, a, r), {"wrong_variable"}, "the derivatives with respect to p and n"),
        ("p", lambda ds, a, p: ds[:, None] * a / (norms(a) * norms(p))[:, None], {"missing_branch"}, "the norm taken for a constant"),
        ("p", lambda ds, a, p, s: ds[:, None] * (a / (norms(a) * norms(p))[:, None] + s[:, None] * p / norms(p)[:, None] ** 2), {"missing_branch", "sign"}, "plus for minus"),
        ("p", lambda ds, a, p, s: ds[:, None] * (a / (norms(a) * norms(p))[:, None] - s[:, None] * p / norms(p)[:, None]), {"missing_branch", "wrong_local_derivative", "missing_factor"}, "the norm is not squared"),
        ("p", lambda ds, a, p, s: ds[:, None] * (a / (norms(a) * norms(p))[:, None] - s[:, None] * p / norms(a)[:, None] ** 2), {"wrong_variable"}, "a's norm for p's"),
        ("p", lambda ds, a, p, s: ds[:, None] * to_left(a, p, s), {"wrong_variable"}, "the derivative with respect to a"),
        ("p", lambda a, p, s: to_left(p, a, s), {"missing_upstream"}, "without ds"),
        ("n", lambda ds, a, n, r: ds[:, None] * to_left(n, a, r), {"wrong_variable", "sign"}, "ds for dr"),
        ("n", lambda dr, a, n: dr[:, None] * a / (norms(a) * norms(n))[:, None], {"missing_branch"}, "the norm taken for a constant"),
        ("n", lambda dr, a, n, r: dr[:, None] * n / (norms(a) * norms(n))[:, None], {"wrong_variable"}, "n for a, and the norm taken for a constant"),
        ("W", lambda A, da: A.T @ da, {"missing_branch", "overwritten"}, "only the anchor"),
        ("W", lambda A, P, da, dp: A.T @ da + P.T @ dp, {"missing_branch"}, "the negative is forgotten"),
        ("W", lambda N, dn: N.T @ dn, {"missing_branch", "overwritten"}, "= for +=: the last use of W"),
        ("W", lambda A, P, N, da, dp, dn: A.T @ da + P.T @ dp - N.T @ dn, {"missing_branch", "sign"}, "wrong sign of the negative's term"),
        ("W", lambda A, da, dp, dn: A.T @ (da + dp + dn), {"wrong_variable"}, "the anchor's input for all three"),
        ("W", lambda A, P, N, da, dp, dn: (A.T @ da + P.T @ dp + N.T @ dn) / 3, {"scale"}, "mean of the three uses"),
        ("A", lambda da, dp, dn, W: (da + dp + dn) @ W.T, {"missing_branch"}, "all three in the anchor's gradient"),
        ("A", lambda da, W, dW: da @ (W - dW).T, {"updated_too_early"}, "W updated first"),
        ("P", lambda da, W: da @ W.T, {"wrong_variable"}, "da for dp"),
        ("N", lambda dn, W: -dn @ W.T, {"sign"}, "a minus too many"),
    ],
)


# --- 25. mixture of experts ---------------------------------------------------------------------------------------------------------------


def f(x, G, E, t):
    s = (x @ G).named("s")
    w = tg.softmax(s).named("w")
    o = tg.einsum("nd,dkc->nkc", x, E).named("o")
    a = tg.tanh(o).named("a")
    m = (w[:, :, None] * a).sum(axis=1).named("m")
    return ((m - t) ** 2).sum() / 12


NETWORKS["mixture of experts"] = dict(
    f=f,
    inputs=lambda rng: dict(x=normal(rng, 6, 4), G=normal(rng, 4, 3), E=normal(rng, 4, 3, 2), t=normal(rng, 6, 2)),
    right=dict(
        m=lambda m, t: (m - t) / len(t),
        w=lambda dm, a: (dm[:, None] * a).sum(2),
        a=lambda dm, w: w[:, :, None] * dm[:, None],
        o=lambda da, a: da * (1 - a**2),
        s=lambda dw, w: w * (dw - (dw * w).sum(1, keepdims=True)),
        G=lambda x, ds: x.T @ ds,
        E=lambda x, do: np.einsum("nd,nkc->dkc", x, do),
        x=lambda ds, G, do, E: ds @ G.T + np.einsum("nkc,dkc->nd", do, E),
    ),
    mistakes=[
        ("m", lambda m, t: m - t, {"scale"}, "1/N forgotten"),
        ("m", lambda m, t: 2 * (m - t) / len(t), {"scale"}, "the 1/2 is forgotten"),
        ("w", lambda dm, a: dm[:, None] * a, {"not_summed"}, "w is broadcast over the outputs: sum missing"),
        ("w", lambda dm, a: (dm[:, None] * a).mean(2), {"scale"}, "mean for sum"),
        ("w", lambda dm, o: (dm[:, None] * o).sum(2), {"wrong_variable"}, "o for a"),
        ("w", lambda a: a.sum(2), {"missing_upstream"}, "without dm"),
        ("w", lambda dm: np.tile(dm.sum(1)[:, None], 3), {"missing_factor"}, "the experts' outputs are forgotten"),
        ("w", lambda dm, a, m: (dm[:, None] * (a - m[:, None])).sum(2), {"missing_branch", "extra_factor"}, "softmax' sum term is already in dw"),
        ("a", lambda dm: np.repeat(dm[:, None], 3, 1), {"missing_factor"}, "the gates are forgotten"),
        ("a", lambda dm: np.repeat(dm[:, None], 3, 1) / 3, {"wrong_variable", "wrong_local_derivative"}, "equal gates"),
        ("a", lambda dm, w: w[:, :, None] * np.ones((6, 3, 2)), {"missing_upstream"}, "without dm"),
        ("a", lambda dm, w: (w == w.max(1, keepdims=True))[:, :, None] * dm[:, None], {"wrong_variable", "wrong_local_derivative"}, "only the best expert, with weight 1"),
        ("a", lambda dm, s: s[:, :, None] * dm[:, None], {"wrong_variable"}, "scores for gates"),
        ("a", lambda dm, w: w[:, ::-1, None] * dm[:, None], {"permuted", "wrong_variable"}, "the gates in reversed order"),
        ("o", lambda da: da, {"missing_factor"}, "tanh's derivative is forgotten"),
        ("o", lambda da, a: da * (1 - a), {"wrong_local_derivative"}, "1 - a"),
        ("o", lambda da, m: da * (1 - m[:, None] ** 2), {"wrong_variable"}, "derivative at the mixture"),
        ("s", lambda dw, w: w * (1 - w) * dw, {"diagonal_only"}, "only the diagonal of softmax's Jacobian"),
        ("s", lambda dw, w: w * dw, {"missing_branch"}, "the sum's term is forgotten"),
        ("s", lambda dw: dw, {"missing_factor"}, "softmax is forgotten"),
        ("s", lambda dw, w: w * (dw - (dw * w).sum(0)), {"wrong_axis"}, "sum over the batch"),
        ("s", lambda dw, w: w * (dw - dw.mean(1, keepdims=True)), {"missing_branch", "wrong_variable", "wrong_local_derivative"}, "mean with equal weights"),
        ("s", lambda dw, w: w * ((dw * w).sum(1, keepdims=True) - dw), {"sign"}, "minus"),
        ("G", lambda x, dw: x.T @ dw, {"missing_factor", "wrong_variable"}, "dw for ds"),
        ("G", lambda x, ds: ds.T @ x, {"transpose"}, "transposed"),
        ("E", lambda x, da: np.einsum("nd,nkc->dkc", x, da), {"missing_factor", "wrong_variable"}, "da for do"),
        ("E", lambda x, do: np.einsum("nd,nkc->dck", x, do), {"transpose"}, "experts and outputs exchanged"),
        ("E", lambda x, do: np.einsum("nd,nkc->ndkc", x, do), {"not_summed"}, "no sum over the batch"),
        ("E", lambda x, do: np.einsum("d,kc->dkc", x[-1], do[-1]), {"overwritten"}, "the last example only"),
        ("E", lambda x, do: np.einsum("nd,nkc->dkc", x, do)[:, ::-1], {"permuted"}, "experts in reversed order"),
        ("x", lambda do, E: np.einsum("nkc,dkc->nd", do, E), {"missing_branch"}, "the gate's path is forgotten"),
        ("x", lambda ds, G: ds @ G.T, {"missing_branch"}, "the experts' paths are forgotten"),
        ("x", lambda ds, G, do, E: ds @ G.T + np.einsum("nc,dc->nd", do[:, 0], E[:, 0]), {"missing_branch"}, "only the first expert"),
        ("x", lambda ds, G, dm, E: ds @ G.T + np.einsum("nc,dkc->nd", dm, E), {"missing_factor", "wrong_variable"}, "gates and tanh forgotten on the experts' paths"),
    ],
)


# --- 26. autoencoder with tied weights -------------------------------------------------------------------------------------------------------


def f(x, W, b, c):
    z = (x @ W + b).named("z")
    h = tg.sigmoid(z).named("h")
    r = (h @ W.T + c).named("r")
    return ((r - x) ** 2).sum() / 14 + 0.2 * tg.abs(h).mean()


NETWORKS["autoencoder, tied weights"] = dict(
    f=f,
    inputs=lambda rng: dict(x=normal(rng, 7, 4), W=normal(rng, 4, 3, scale=0.7), b=normal(rng, 3, scale=0.5), c=normal(rng, 4, scale=0.5)),
    right=dict(
        r=lambda r, x: (r - x) / len(x),
        c=lambda dr: dr.sum(0),
        h=lambda dr, W, h: dr @ W + 0.2 / h.size,
        z=lambda dh, h: dh * h * (1 - h),
        W=lambda x, dz, dr, h: x.T @ dz + dr.T @ h,
        b=lambda dz: dz.sum(0),
        x=lambda dr, dz, W: dz @ W.T - dr,
    ),
    mistakes=[
        ("r", lambda r, x: r - x, {"scale"}, "1/N forgotten"),
        ("r", lambda r, x: (x - r) / len(x), {"sign"}, "x - r"),
        ("r", lambda r, x: (r - x) / x.size, {"scale"}, "divided by N D"),
        ("c", lambda dr: dr, {"not_summed"}, "no sum"),
        ("c", lambda dr: dr.mean(0), {"scale"}, "mean for sum"),
        ("c", lambda dr: dr.sum(1), {"wrong_axis"}, "sum over the coordinates"),
        ("h", lambda dr, W: dr @ W, {"missing_branch", "constant_offset"}, "the sparsity penalty is forgotten"),
        ("h", lambda dr, W: dr @ W + 0.2, {"missing_branch", "constant_offset"}, "the penalty is not divided"),
        ("h", lambda dr, W, h: dr @ W - 0.2 / h.size, {"missing_branch", "constant_offset", "sign"}, "the penalty subtracted"),
        ("h", lambda h: np.full_like(h, 0.2 / h.size), {"missing_branch"}, "only the penalty"),
        ("h", lambda dr, W, h: dr @ W + 0.2 * h / h.size, {"missing_branch", "wrong_local_derivative"}, "the penalty's derivative as for h**2 / 2"),
        ("h", lambda dr, W, h, dW: dr @ (W - 0.2 * dW) + 0.2 / h.size, {"updated_too_early"}, "W updated first"),
        ("z", lambda dh: dh, {"missing_factor"}, "sigmoid's derivative is forgotten"),
        ("z", lambda dh, h: dh * (1 - h), {"wrong_local_derivative"}, "1 - h"),
        ("z", lambda dh, h: dh * (1 - h**2), {"wrong_local_derivative"}, "tanh's derivative"),
        ("z", lambda dh, h: dh * sig(h) * (1 - sig(h)), {"double_activation", "wrong_variable"}, "derivative at h"),
        ("z", lambda dr, W, h: dr @ W * h * (1 - h), {"missing_branch"}, "the penalty's path is forgotten"),
        ("z", lambda h: h * (1 - h), {"missing_upstream"}, "without dh"),
        ("W", lambda x, dz: x.T @ dz, {"missing_branch", "overwritten"}, "only the encoder"),
        ("W", lambda dr, h: dr.T @ h, {"missing_branch"}, "only the decoder"),
        ("W", lambda x, dz, dr, h: x.T @ dz - dr.T @ h, {"missing_branch", "sign"}, "wrong sign of the decoder's term"),
        ("W", lambda x, dz, dr, h: (x.T @ dz + dr.T @ h) / 2, {"scale"}, "mean of the two uses"),
        ("W", lambda x, dz, dr, h: (x.T @ dz).T + h.T @ dr, {"transpose"}, "transposed"),
        ("W", lambda x, dh, dr, h: x.T @ dh + dr.T @ h, {"missing_factor", "wrong_variable"}, "dh for dz in the encoder's term"),
        ("W", lambda x, dz, dr, z: x.T @ dz + dr.T @ z, {"wrong_variable"}, "z for h in the decoder's term"),
        ("W", lambda r, dz, dr, h: r.T @ dz + dr.T @ h, {"wrong_variable"}, "r for x in the encoder's term"),
        ("W", lambda x, dz, dr, h: 2 * x.T @ dz, {"missing_branch"}, "twice the encoder's term"),
        ("b", lambda dh: dh.sum(0), {"missing_factor", "wrong_variable"}, "dh for dz"),
        ("b", lambda dz: dz.sum(1), {"wrong_axis"}, "sum over the units"),
        ("x", lambda dz, W: dz @ W.T, {"missing_branch"}, "x as the target is forgotten"),
        ("x", lambda dr: -dr, {"missing_branch"}, "only x as the target"),
        ("x", lambda dr, dz, W: dz @ W.T + dr, {"missing_branch", "sign"}, "plus for minus"),
        ("x", lambda dr, dh, W: dh @ W.T - dr, {"missing_factor", "wrong_variable"}, "dh for dz"),
    ],
)


# --- 27. decoder with upsampling -----------------------------------------------------------------------------------------------------------


def f(x, W, K, k, t):
    g = (x @ W).named("g")
    h = tg.leaky_relu(g.reshape(2, 3, 2, 3), 0.2).named("h")
    u = h.repeat(2, axis=2).repeat(2, axis=3).named("u")
    o = tg.conv2d(u, K, k, padding=1).named("o")
    p = tg.sigmoid(o).named("p")
    return -(t * tg.log(p) + (1 - t) * tg.log(1 - p)).sum() / 2


NETWORKS["decoder with upsampling"] = dict(
    f=f,
    inputs=lambda rng: dict(
        x=normal(rng, 2, 5), W=normal(rng, 5, 18, scale=0.6), K=normal(rng, 3, 3, 3, 3, scale=0.3), k=normal(rng, 3, scale=0.3),
        t=rng.permutation([0.0, 1.0] * 72).reshape(2, 3, 4, 6),
    ),
    right=dict(
        p=lambda p, t: (-t / p + (1 - t) / (1 - p)) / 2,
        o=lambda dp, p: dp * p * (1 - p),
        K=lambda u, do: kernel_gradient(pad(u, 1), do),
        k=lambda do: do.sum((0, 2, 3)),
        u=lambda do, K: image_gradient(do, K, 1, 1),
        h=lambda du: blocks(du).sum((3, 5)),
        g=lambda dh, g: dh.reshape(2, 18) * np.where(g > 0, 1, 0.2),
        W=lambda x, dg: x.T @ dg,
        x=lambda dg, W: dg @ W.T,
    ),
    mistakes=[
        ("p", lambda p, t: (-t / p + (1 - t) / (1 - p)) / p.size, {"scale"}, "divided by all pixels"),
        ("p", lambda p, t: -t / p / 2, {"missing_branch"}, "half of the loss"),
        ("o", lambda dp: dp, {"missing_factor"}, "sigmoid's derivative is forgotten"),
        ("o", lambda p, t: p - t, {"scale"}, "1/N forgotten"),
        ("o", lambda p, t: (p - t) * p * (1 - p) / 2, {"extra_factor"}, "p (1 - p) once more"),
        ("K", lambda u, do: kernel_gradient(pad(u, 1), do)[..., ::-1, ::-1], {"flipped_kernel"}, "turned"),
        ("K", lambda u, do: kernel_gradient(pad(u, 1), do).swapaxes(0, 1), {"transpose"}, "input and output channels exchanged"),
        ("K", lambda u, do: kernel_gradient(pad(u, 1), do).swapaxes(2, 3), {"transpose"}, "rows and columns exchanged"),
        ("K", lambda u, do: kernel_gradient(pad(u, 0, 2), do), {"shifted"}, "padded at the end only"),
        ("K", lambda u, do: kernel_gradient(pad(u, 1)[:1], do[:1]), {"missing_branch", "overwritten"}, "one image only"),
        ("K", lambda u, dp: kernel_gradient(pad(u, 1), dp), {"missing_factor", "wrong_variable"}, "dp for do"),
        ("K", lambda u, do: kernel_gradient(np.pad(u, ((0, 0), (0, 0), (1, 1), (1, 1)), "edge"), do), {"wrong_variable"}, "padded with the edge instead of zeros"),
        ("k", lambda do: do.sum((1, 2, 3)), {"wrong_axis", "wrong_shape"}, "sum over the channels, not the images"),
        ("k", lambda do: do.mean((0, 2, 3)), {"scale"}, "mean for sum"),
        ("u", lambda do, K: image_gradient(do, K[..., ::-1, ::-1], 1, 1), {"flipped_kernel"}, "kernel not turned"),
        ("u", lambda do, K: image_gradient(do, K, 0, 2), {"shifted"}, "cropped on one side"),
        ("u", lambda do, K: image_gradient(do, K.swapaxes(0, 1), 1, 1), {"transpose"}, "input and output channels exchanged"),
        ("u", lambda do, K: image_gradient(do, K.swapaxes(2, 3), 1, 1), {"transpose"}, "kernel transposed"),
        ("u", lambda dp, K: image_gradient(dp, K, 1, 1), {"missing_factor", "wrong_variable"}, "dp for do"),
        ("u", lambda do, K: image_gradient(do, K, 1, 1)[:, ::-1], {"permuted"}, "channels in reversed order"),
        ("h", lambda du: du[:, :, ::2, ::2], {"not_summed", "missing_branch"}, "only the first copy of each pixel"),
        ("h", lambda du: du[:, :, 1::2, 1::2], {"overwritten", "missing_branch"}, "only the last copy of each pixel"),
        ("h", lambda du: blocks(du).mean((3, 5)), {"scale"}, "mean of the copies"),
        ("h", lambda du: blocks(du).max((3, 5)), {"wrong_local_derivative"}, "maximum of the copies"),
        ("h", lambda du: blocks(du).sum(5)[:, :, :, 0], {"missing_branch", "not_summed"}, "the sum over the rows' copies is forgotten"),
        ("h", lambda du: du[:, :, :2, :3] + du[:, :, 2:, :3] + du[:, :, :2, 3:] + du[:, :, 2:, 3:], {"permuted", "wrong_local_derivative"}, "as for tile instead of repeat"),
        ("h", lambda du: du, {"not_summed", "wrong_shape"}, "the copies are not added up"),
        ("g", lambda dh: dh.reshape(2, 18), {"missing_factor"}, "leaky's derivative is forgotten"),
        ("g", lambda dh, g: dh.reshape(2, 18) * (g > 0), {"wrong_local_derivative"}, "ReLU's derivative"),
        ("g", lambda dh, g: dh.transpose(0, 2, 3, 1).reshape(2, 18) * np.where(g > 0, 1, 0.2), {"permuted"}, "flattened as HWC"),
        ("g", lambda dh, g: dh.reshape(2, 18) * np.where(dh.reshape(2, 18) > 0, 1, 0.2), {"wrong_variable"}, "mask taken on the gradient"),
        ("W", lambda x, dg: dg.T @ x, {"transpose"}, "transposed"),
        ("W", lambda x, dh: x.T @ dh.reshape(2, 18), {"missing_factor", "wrong_variable"}, "dh for dg"),
        ("x", lambda dg, W, dW: dg @ (W - 0.1 * dW).T, {"updated_too_early"}, "W updated first"),
    ],
)


# --- 28. low-rank factors with norms --------------------------------------------------------------------------------------------------------

SEEN = (np.add.outer(2 * np.arange(6), np.arange(5)) % 3 > 0).astype(float)


def f(U, V, b, c, Y):
    R = (U @ V.T + b[:, None] + c).named("R")
    e = (SEEN * (R - Y)).named("e")
    return (e**2).sum() / 2 + 0.5 * tg.norm(U) + 0.1 * (V**2).sum()


NETWORKS["low-rank factors with norms"] = dict(
    f=f,
    inputs=lambda rng: dict(U=normal(rng, 6, 2), V=normal(rng, 5, 2), b=normal(rng, 6), c=normal(rng, 5), Y=normal(rng, 6, 5)),
    right=dict(
        e=lambda e: e,
        R=lambda de: SEEN * de,
        U=lambda dR, V, U: dR @ V + 0.5 * U / np.sqrt((U**2).sum()),
        V=lambda dR, U, V: dR.T @ U + 0.2 * V,
        b=lambda dR: dR.sum(1),
        c=lambda dR: dR.sum(0),
        Y=lambda dR: -dR,
    ),
    mistakes=[
        ("e", lambda e: 2 * e, {"scale"}, "the 1/2 is forgotten"),
        ("e", lambda e: e**2, {"wrong_local_derivative", "extra_factor"}, "the square was not derived"),
        ("e", lambda e: e.astype(int), {"truncated"}, "an array of integers"),
        ("e", lambda e: e / 30, {"scale"}, "a mean that the loss does not take"),
        ("R", lambda R, Y: R - Y, {"missing_factor"}, "the mask is forgotten"),
        ("R", lambda R, Y: (1 - SEEN) * (R - Y), {"wrong_variable"}, "the mask inverted"),
        ("R", lambda R: SEEN * R, {"missing_branch"}, "Y is forgotten"),
        ("R", lambda de: -SEEN * de, {"sign"}, "Y - R"),
        ("R", lambda e: SEEN * 1.0, {"missing_upstream"}, "the mask alone"),
        ("U", lambda dR, V: dR @ V, {"missing_branch"}, "the norm is forgotten"),
        ("U", lambda dR, V, U: dR @ V + 0.5 * U, {"missing_branch", "missing_factor"}, "the norm's denominator is forgotten"),
        ("U", lambda dR, V, U: dR @ V + U, {"missing_branch", "wrong_local_derivative"}, "as for the squared norm"),
        ("U", lambda dR, V, U: dR @ V + 0.5 * U / (U**2).sum(), {"missing_branch", "wrong_local_derivative"}, "divided by the squared norm"),
        ("U", lambda dR, V, U: dR @ V + 0.5 * U / np.sqrt((U**2).sum(1, keepdims=True)), {"wrong_axis"}, "each row's norm for the whole"),
        ("U", lambda dR, V, U: dR @ V + 0.25 * U / np.sqrt((U**2).sum()), {"missing_branch"}, "half the norm's derivative"),
        ("U", lambda dR, V, U: dR @ V - 0.5 * U / np.sqrt((U**2).sum()), {"missing_branch", "sign"}, "the norm subtracted"),
        ("U", lambda dR, V, U: dR @ V + 0.5 * np.sign(U), {"missing_branch", "wrong_local_derivative"}, "as for the L1 norm"),
        ("U", lambda dR, V, U: (dR @ V + 0.5 * U / np.sqrt((U**2).sum())).T, {"transpose"}, "transposed"),
        ("U", lambda dR, V, dV, U: dR @ (V - 0.1 * dV) + 0.5 * U / np.sqrt((U**2).sum()), {"updated_too_early"}, "V updated first, as in alternating descent"),
        ("U", lambda U: 0.5 * U / np.sqrt((U**2).sum()), {"missing_branch"}, "only the norm"),
        ("V", lambda dR, U: dR.T @ U, {"missing_branch"}, "the penalty is forgotten"),
        ("V", lambda dR, U, V: dR.T @ U + 0.1 * V, {"missing_branch"}, "the penalty without its 2"),
        ("V", lambda dR, U, V: dR.T @ U + 0.1 * V / np.sqrt((V**2).sum()), {"missing_branch", "wrong_local_derivative"}, "as for the norm, not squared"),
        ("V", lambda dR, U, V: U.T @ dR + 0.2 * V.T, {"transpose"}, "transposed"),
        ("V", lambda dR, U, V: dR.T @ U - 0.2 * V, {"missing_branch", "sign"}, "the penalty subtracted"),
        ("V", lambda R, Y, U, V: (R - Y).T @ U + 0.2 * V, {"missing_factor", "wrong_variable"}, "the mask is forgotten"),
        ("U", lambda dR, V, U: (dR @ V + 0.5 * U / np.sqrt((U**2).sum())).astype(int), {"truncated"}, "an array of integers"),
        ("V", lambda dR, U, V: np.trunc(dR.T @ U + 0.2 * V), {"truncated"}, "written into an array of integers"),
        ("b", lambda dR: dR, {"not_summed"}, "no sum"),
        ("b", lambda dR: dR.sum(0), {"wrong_axis"}, "sum along the wrong axis"),
        ("b", lambda dR: dR.mean(1), {"scale"}, "mean for sum"),
        ("c", lambda dR: dR.sum(1), {"wrong_axis"}, "sum along the wrong axis"),
        ("c", lambda dR: dR[-1], {"overwritten"}, "the last row only"),
        ("c", lambda R, Y: (R - Y).sum(0), {"missing_factor", "wrong_variable"}, "the mask is forgotten"),
        ("Y", lambda dR: dR, {"sign"}, "the minus is forgotten"),
    ],
)


# --- 29. radial basis functions --------------------------------------------------------------------------------------------------------------


def f(x, C, l, w, b, t):
    q = ((x[:, None, :] - C) ** 2).sum(axis=2).named("q")
    g = tg.exp(l).named("g")
    k = tg.exp(-g * q).named("k")
    o = (k @ w + b).named("o")
    return ((o - t) ** 2).mean()


NETWORKS["radial basis functions"] = dict(
    f=f,
    inputs=lambda rng: dict(
        x=normal(rng, 8, 2), C=normal(rng, 3, 2), l=normal(rng, 3, scale=0.3) - 0.7, w=normal(rng, 3), b=normal(rng), t=normal(rng, 8)
    ),
    right=dict(
        o=lambda o, t: 2 * (o - t) / len(t),
        b=lambda do: do.sum(),
        w=lambda k, do: k.T @ do,
        k=lambda do, w: np.outer(do, w),
        q=lambda dk, k, g: -dk * k * g,
        g=lambda dk, k, q: -(dk * k * q).sum(0),
        l=lambda dg, g: dg * g,
        C=lambda dq, x, C: -2 * (dq[:, :, None] * (x[:, None] - C)).sum(0),
        x=lambda dq, x, C: 2 * (dq[:, :, None] * (x[:, None] - C)).sum(1),
    ),
    mistakes=[
        ("o", lambda o, t: (o - t) / len(t), {"scale"}, "the 2 is forgotten"),
        ("o", lambda o, t: 2 * (o - t), {"scale"}, "the mean is forgotten"),
        ("o", lambda o, t: 2 * (t - o) / len(t), {"sign"}, "t - o"),
        ("b", lambda do: do, {"not_summed"}, "no sum"),
        ("w", lambda q, do: q.T @ do, {"wrong_variable"}, "distances for kernel values"),
        ("w", lambda k, do: k * do[:, None], {"not_summed"}, "no sum"),
        ("w", lambda k, o: k.T @ o, {"wrong_variable"}, "o for do"),
        ("k", lambda do, w: np.outer(w, do), {"transpose"}, "transposed"),
        ("k", lambda w: np.tile(w, (8, 1)), {"missing_upstream"}, "the weights alone"),
        ("q", lambda dk, k, g: dk * k * g, {"sign"}, "the minus is forgotten"),
        ("q", lambda dk, k: -dk * k, {"missing_factor"}, "the width is forgotten"),
        ("q", lambda dk, g: -dk * g, {"missing_factor"}, "exp's derivative is forgotten"),
        ("q", lambda dk, q, k, g: -dk * q * k * g, {"extra_factor"}, "as for the power q**2 / 2"),
        ("q", lambda k, g: -k * g, {"missing_upstream"}, "without dk"),
        ("q", lambda dk, k, g: -dk * k / g, {"wrong_local_derivative"}, "divided by the width"),
        ("q", lambda dk, k, l: -dk * k * l, {"wrong_variable"}, "the width's logarithm for the width"),
        ("g", lambda dk, k, q: -(dk * k * q), {"not_summed"}, "no sum over the examples"),
        ("g", lambda dk, k: -(dk * k).sum(0), {"missing_factor"}, "the distance is forgotten"),
        ("g", lambda dk, k, q: -(dk * k * q).sum(1), {"wrong_axis"}, "sum over the centres"),
        ("g", lambda dk, k, q: (dk * k * q).sum(0), {"sign"}, "the minus is forgotten"),
        ("g", lambda dk, k, q: -(dk * k * np.sqrt(q)).sum(0), {"wrong_variable", "wrong_local_derivative"}, "the distance for its square"),
        ("l", lambda dg: dg, {"missing_factor"}, "exp's derivative is forgotten"),
        ("l", lambda dg, l: dg * l, {"wrong_variable", "wrong_local_derivative"}, "l for exp(l)"),
        ("l", lambda dg, g: dg / g, {"wrong_local_derivative"}, "log's derivative"),
        ("C", lambda dq, x, C: 2 * (dq[:, :, None] * (x[:, None] - C)).sum(0), {"sign"}, "the minus of -C is forgotten"),
        ("C", lambda dq, x, C: -(dq[:, :, None] * (x[:, None] - C)).sum(0), {"scale"}, "the 2 is forgotten"),
        ("C", lambda dq, x, C: -2 * (dq[:, :, None] * (x[:, None] - C)), {"not_summed"}, "no sum over the examples"),
        ("C", lambda dq, C, x: 2 * dq.sum(0)[:, None] * C, {"missing_branch"}, "x is forgotten in x - C"),
        ("C", lambda dk, x, C: -2 * (dk[:, :, None] * (x[:, None] - C)).sum(0), {"missing_factor", "wrong_variable"}, "dk for dq"),
        ("C", lambda dq, x, C: -2 * (dq[:, :, None] * np.ones(2)).sum(0), {"missing_factor"}, "the difference is forgotten"),
        ("C", lambda dq, x, C: -2 * (dq[:, :, None] * (x[:, None] - C))[-1], {"overwritten"}, "the last example only"),
        ("x", lambda dq, x, C: 2 * dq[:, -1:] * (x - C[-1]), {"overwritten", "missing_branch"}, "the last centre only"),
        ("x", lambda dq, x, C: -2 * (dq[:, :, None] * (x[:, None] - C)).sum(1), {"sign"}, "C's sign"),
        ("x", lambda dq, x, C: 2 * dq.sum(1)[:, None] * x, {"missing_branch"}, "C is forgotten in x - C"),
        ("x", lambda dq, x, C: 2 * (dq[:, :, None] * (x[:, None] - C)).mean(1), {"scale"}, "mean over the centres"),
        ("x", lambda dq, x, C: 2 * (dq[:, :, None] * np.abs(x[:, None] - C)).sum(1), {"wrong_local_derivative", "sign"}, "the distances without their sign"),
    ],
)


# --- 30. clipping and cumulative sums ------------------------------------------------------------------------------------------------------------


def after(d):
    return d[:, ::-1].cumsum(1)[:, ::-1]


def f(x, w, b, t):
    r = (x @ w + b).named("r")
    c = tg.clip(r, -1.0, 1.0).named("c")
    s = tg.cumsum(c, axis=1).named("s")
    return 3 * ((s - t) ** 2).mean()


def clip_inputs(rng):
    x, w, b = normal(rng, 4, 6, 3), normal(rng, 3), normal(rng, 6, scale=0.4)
    return dict(x=x, w=w, b=b, t=np.clip(x @ w + b, -1, 1).cumsum(1) + normal(rng, 4, 6))


NETWORKS["clipping, cumulative sum"] = dict(
    f=f,
    inputs=clip_inputs,
    right=dict(
        s=lambda s, t: 6 * (s - t) / s.size,
        c=lambda ds: after(ds),
        r=lambda dc, r: dc * (np.abs(r) < 1),
        w=lambda x, dr: np.einsum("ntd,nt->d", x, dr),
        b=lambda dr: dr.sum(0),
        x=lambda dr, w: dr[:, :, None] * w,
    ),
    mistakes=[
        ("s", lambda s, t: 2 * (s - t) / s.size, {"scale"}, "the 3 is forgotten"),
        ("s", lambda s, t: 6 * (s - t) / len(s), {"scale"}, "divided by N only"),
        ("s", lambda s, t: 6 * s / s.size, {"missing_branch"}, "the target is forgotten"),
        ("s", lambda s, t: 6 * (t - s) / s.size, {"sign"}, "t - s"),
        ("s", lambda c, t: 6 * (c - t) / c.size, {"wrong_variable"}, "c for s"),
        ("c", lambda ds: ds, {"missing_factor", "diagonal_only", "missing_branch"}, "each c only acts on its own sum"),
        ("c", lambda ds: ds.cumsum(1), {"transpose", "wrong_local_derivative"}, "summed forward in time"),
        ("c", lambda ds: after(ds) - ds, {"shifted", "missing_branch"}, "its own step is left out"),
        ("c", lambda ds: ds[:, ::-1].cumsum(1), {"permuted"}, "not turned back"),
        ("c", lambda ds: ds[::-1].cumsum(0)[::-1], {"wrong_axis"}, "summed over the batch"),
        ("c", lambda ds: np.tile(ds.sum(1, keepdims=True), 6), {"wrong_local_derivative", "missing_branch"}, "as for a sum: all steps, earlier ones too"),
        ("c", lambda ds: after(ds) / (6 - np.arange(6)), {"wrong_local_derivative", "extra_factor"}, "mean of the later steps"),
        ("c", lambda ds: np.tile(ds[:, -1:], 6), {"missing_branch", "overwritten"}, "only the last sum"),
        ("c", lambda ds: ds + np.pad(ds[:, 1:], ((0, 0), (0, 1))), {"missing_branch"}, "only the next step"),
        ("r", lambda dc: dc, {"missing_factor"}, "the clipping's mask is forgotten"),
        ("r", lambda dc, r: dc * (np.abs(r) > 1), {"wrong_local_derivative"}, "the mask inverted"),
        ("r", lambda dc, r: dc * (r < 1), {"wrong_local_derivative", "missing_branch"}, "only the upper bound"),
        ("r", lambda dc, r: dc * (r > 0), {"wrong_local_derivative"}, "ReLU's mask"),
        ("r", lambda dc, c: dc * c, {"wrong_local_derivative", "wrong_variable"}, "the clipped value for its derivative"),
        ("r", lambda dc: np.clip(dc, -0.2, 0.2), {"missing_factor", "wrong_local_derivative"}, "the gradient is clipped instead of masked"),
        ("r", lambda dc, s: dc * (np.abs(s) < 1), {"wrong_variable"}, "mask taken on the sums"),
        ("r", lambda dc, r: dc * (1 - np.tanh(r) ** 2), {"wrong_local_derivative"}, "a smooth clipping's derivative"),
        ("r", lambda r: (np.abs(r) < 1) * 1.0, {"missing_upstream"}, "the mask alone"),
        ("r", lambda ds, r: ds * (np.abs(r) < 1), {"missing_factor", "wrong_variable", "diagonal_only", "missing_branch"}, "ds for dc: the cumulative sum is forgotten"),
        ("w", lambda x, dr: np.einsum("ntd,nt->nd", x, dr), {"not_summed"}, "no sum over the batch"),
        ("w", lambda x, dr: np.einsum("ntd,nt->td", x, dr), {"not_summed"}, "no sum over the steps"),
        ("w", lambda x, dc: np.einsum("ntd,nt->d", x, dc), {"missing_factor", "wrong_variable"}, "dc for dr"),
        ("w", lambda x, dr: x[:, -1].T @ dr[:, -1], {"missing_branch", "overwritten"}, "only the last step"),
        ("w", lambda x, dr: np.einsum("ntd,nt->d", x[:, 1:], dr[:, :-1]), {"shifted", "wrong_variable"}, "the next step's input"),
        ("b", lambda dr: dr.sum(1), {"wrong_axis"}, "sum over the steps"),
        ("b", lambda dr: dr.sum(0)[::-1], {"permuted"}, "reversed in time"),
        ("b", lambda dr: dr.mean(0), {"scale"}, "mean for sum"),
        ("x", lambda dr: np.repeat(dr[:, :, None], 3, 2), {"missing_factor"}, "the weights are forgotten"),
        ("x", lambda dr, w: np.roll(dr, 1, 1)[:, :, None] * w, {"shifted"}, "one step off"),
        ("x", lambda w: np.tile(w, (4, 6, 1)), {"missing_upstream"}, "the weights alone"),
    ],
)


# --- 31. maxout and log-sum-exp ---------------------------------------------------------------------------------------------------------------------


def f(x, W, b, t):
    z = (x @ W + b).named("z")
    m = z.reshape(6, 4, 2).max(axis=2).named("m")
    l = tg.logsumexp(m, axis=1).named("l")
    return ((l - t) ** 2).sum() / 12


def pairs(z):
    return z.reshape(6, 4, 2)


NETWORKS["maxout, log-sum-exp"] = dict(
    f=f,
    inputs=lambda rng: dict(x=normal(rng, 6, 3), W=normal(rng, 3, 8), b=normal(rng, 8), t=normal(rng, 6)),
    right=dict(
        l=lambda l, t: (l - t) / len(t),
        m=lambda dl, m, l: dl[:, None] * np.exp(m - l[:, None]),
        z=lambda dm, z, m: ((pairs(z) == m[:, :, None]) * dm[:, :, None]).reshape(6, 8),
        W=lambda x, dz: x.T @ dz,
        b=lambda dz: dz.sum(0),
        x=lambda dz, W: dz @ W.T,
    ),
    mistakes=[
        ("l", lambda l, t: l - t, {"scale"}, "1/N forgotten"),
        ("l", lambda l, t: 2 * (l - t) / len(t), {"scale"}, "the 1/2 is forgotten"),
        ("l", lambda l, t: np.sign(l - t) / len(t), {"wrong_local_derivative"}, "the absolute value's derivative"),
        ("l", lambda m, t: (m.max(1) - t) / len(t), {"wrong_variable"}, "the maximum for the log-sum-exp"),
        ("m", lambda dl, m: dl[:, None] * np.exp(m), {"missing_factor"}, "the normalisation is forgotten"),
        ("m", lambda dl, m: np.repeat(dl[:, None], 4, 1), {"missing_factor", "wrong_local_derivative"}, "as for a sum"),
        ("m", lambda dl, m: dl[:, None] * (m == m.max(1, keepdims=True)), {"wrong_local_derivative"}, "the maximum's derivative"),
        ("m", lambda dl, m: dl[:, None] * softmax(m, 0), {"wrong_axis"}, "softmax along the batch"),
        ("m", lambda dl, m: dl[:, None] / np.exp(m).sum(1, keepdims=True) * np.ones((6, 4)), {"missing_factor"}, "exp's derivative is forgotten"),
        ("m", lambda dl, m: dl[:, None] * softmax(m) * (1 - softmax(m)), {"extra_factor", "wrong_local_derivative"}, "softmax's derivative for softmax"),
        ("m", lambda dl, m: dl[:, None] * softmax(softmax(m)), {"double_activation"}, "softmax twice"),
        ("m", lambda m: softmax(m), {"missing_upstream"}, "softmax alone"),
        ("m", lambda dl, m: dl[:, None] * m / m.sum(1, keepdims=True), {"wrong_variable", "wrong_local_derivative"}, "shares of m, not of exp(m)"),
        ("m", lambda dl, m, l: dl[:, None] * np.exp(l[:, None] - m), {"sign", "wrong_local_derivative"}, "the quotient turned over"),
        ("m", lambda dl, m: dl[:, None] / 4 * np.ones((6, 4)), {"wrong_local_derivative"}, "as for a mean"),
        ("z", lambda dm: np.repeat(dm, 2, 1), {"max_ties", "missing_factor", "wrong_local_derivative"}, "both of the pair get the gradient"),
        ("z", lambda dm: np.repeat(dm, 2, 1) / 2, {"max_ties", "wrong_local_derivative"}, "as for a mean"),
        ("z", lambda dm, z, m: ((pairs(z) != m[:, :, None]) * dm[:, :, None]).reshape(6, 8), {"wrong_local_derivative"}, "to the smaller one"),
        ("z", lambda dm, z, m: ((pairs(z) == m[:, :, None]) * dm[:, :, None]).swapaxes(1, 2).reshape(6, 8), {"permuted", "transpose"}, "laid out as 2 x 4"),
        ("z", lambda dm, z: np.repeat(dm, 2, 1) * (z > 0), {"wrong_local_derivative"}, "ReLU's mask"),
        ("z", lambda dm, z: np.tile(dm, 2) * (z == np.tile(z.reshape(6, 2, 4).max(1), 2)), {"wrong_axis", "permuted"}, "pairs (i, i + 4) instead of neighbours"),
        ("z", lambda dm, z, m: ((pairs(z) == m[:, :, None]) * pairs(z) * dm[:, :, None]).reshape(6, 8), {"extra_factor", "wrong_local_derivative"}, "the maximum itself for its derivative"),
        ("z", lambda z, m: (pairs(z) == m[:, :, None]).reshape(6, 8) * 1.0, {"missing_upstream"}, "the mask alone"),
        ("W", lambda x, dz: dz.T @ x, {"transpose"}, "transposed"),
        ("W", lambda x, dm: x.T @ np.repeat(dm, 2, 1), {"max_ties", "missing_factor", "wrong_variable"}, "the maximum's mask is forgotten on the way"),
        ("W", lambda x, dz: x.T @ dz / 6, {"scale"}, "1/N twice"),
        ("b", lambda dz: dz, {"not_summed"}, "no sum"),
        ("b", lambda dz: dz.sum(1), {"wrong_axis"}, "sum over the units"),
        ("W", lambda x, dz: np.round(x.T @ dz, 2), {"precision", "truncated"}, "rounded to two decimals"),
        ("b", lambda dz: dz.max(0), {"wrong_local_derivative"}, "maximum for sum"),
        ("x", lambda dz, W: -dz @ W.T, {"sign"}, "a minus too many"),
        ("x", lambda dz, W, dW: dz @ (W - 0.5 * dW).T, {"updated_too_early"}, "W updated first"),
    ],
)


# --- 32. Gaussian likelihood with two heads -----------------------------------------------------------------------------------------------------------


def f(x, W, b, A, B, t):
    z = (x @ W + b).named("z")
    h = tg.tanh(z).named("h")
    m = (h @ A).named("m")
    s = (h @ B).named("s")
    v = tg.exp(s).named("v")
    return (s + (m - t) ** 2 / v).mean() / 2


NETWORKS["Gaussian likelihood, two heads"] = dict(
    f=f,
    inputs=lambda rng: dict(
        x=normal(rng, 6, 4), W=normal(rng, 4, 5, scale=0.7), b=normal(rng, 5, scale=0.4), A=normal(rng, 5, 2), B=normal(rng, 5, 2, scale=0.5), t=normal(rng, 6, 2)
    ),
    right=dict(
        m=lambda m, t, v: (m - t) / v / m.size,
        v=lambda m, t, v: -((m - t) ** 2) / (2 * v**2) / v.size,
        s=lambda dv, v: 1 / (2 * v.size) + dv * v,
        A=lambda h, dm: h.T @ dm,
        B=lambda h, ds: h.T @ ds,
        h=lambda dm, A, ds, B: dm @ A.T + ds @ B.T,
        z=lambda dh, h: dh * (1 - h**2),
        W=lambda x, dz: x.T @ dz,
        b=lambda dz: dz.sum(0),
        x=lambda dz, W: dz @ W.T,
    ),
    mistakes=[
        ("m", lambda m, t: (m - t) / m.size, {"missing_factor"}, "the variance is forgotten"),
        ("m", lambda m, t, v: (m - t) / v / len(m), {"scale"}, "divided by N only"),
        ("m", lambda m, t, v: 2 * (m - t) / v / m.size, {"scale"}, "the 1/2 is forgotten"),
        ("m", lambda m, t, v: (t - m) / v / m.size, {"sign"}, "t - m"),
        ("m", lambda m, t, s: (m - t) / s / m.size, {"wrong_variable"}, "log-variance for variance"),
        ("m", lambda m, t, v: (m - t) / v**2 / m.size, {"extra_factor", "wrong_local_derivative"}, "variance squared"),
        ("m", lambda m, t, v: (m - t) * v / m.size, {"wrong_local_derivative"}, "times the variance"),
        ("m", lambda m, t, v: (m - t) ** 2 / v / m.size, {"wrong_local_derivative", "extra_factor"}, "the square was not derived"),
        ("v", lambda m, t, v: (m - t) ** 2 / (2 * v**2) / v.size, {"sign"}, "the minus of 1/v is forgotten"),
        ("v", lambda m, t, v: -((m - t) ** 2) / (2 * v) / v.size, {"wrong_local_derivative"}, "1/v for 1/v**2"),
        ("v", lambda m, t, v: -(m - t) / (2 * v**2) / v.size, {"missing_factor", "wrong_local_derivative"}, "the error is not squared"),
        ("v", lambda m, t, v: -((m - t) ** 2) / v**2 / v.size, {"scale"}, "the 1/2 is forgotten"),
        ("s", lambda dv, v: dv * v, {"missing_branch", "constant_offset"}, "the term s is forgotten"),
        ("s", lambda v: np.full_like(v, 1 / (2 * v.size)), {"missing_branch"}, "the path through v is forgotten"),
        ("s", lambda dv, v: 1 / 2 + dv * v, {"missing_branch", "constant_offset"}, "the mean is forgotten in the term s"),
        ("s", lambda dv, v: 1 / v.size + dv * v, {"missing_branch", "constant_offset"}, "the 1/2 is forgotten in the term s"),
        ("s", lambda dv, v: 1 / (2 * v.size) - dv * v, {"missing_branch", "sign"}, "wrong sign of one path"),
        ("s", lambda dv, v: 1 / (2 * v.size) + dv, {"missing_factor"}, "exp's derivative is forgotten"),
        ("s", lambda dv, s, v: 1 / (2 * v.size) + dv * s, {"wrong_variable", "wrong_local_derivative"}, "s for exp(s)"),
        ("A", lambda h, ds: h.T @ ds, {"wrong_variable"}, "the other head's gradient"),
        ("A", lambda h, dm: dm.T @ h, {"transpose"}, "transposed"),
        ("A", lambda z, dm: z.T @ dm, {"wrong_variable"}, "z for h"),
        ("B", lambda h, dm: h.T @ dm, {"wrong_variable"}, "the other head's gradient"),
        ("B", lambda h, dv: h.T @ dv, {"missing_branch", "wrong_variable", "missing_factor"}, "dv for ds"),
        ("h", lambda dm, A: dm @ A.T, {"missing_branch"}, "the variance's head is forgotten"),
        ("h", lambda ds, B: ds @ B.T, {"missing_branch"}, "the mean's head is forgotten"),
        ("h", lambda dm, A, ds, B: dm @ A.T - ds @ B.T, {"missing_branch", "sign"}, "wrong sign of one path"),
        ("h", lambda dm, A, ds, B: dm @ B.T + ds @ A.T, {"wrong_variable", "permuted"}, "weights exchanged"),
        ("h", lambda dm, A, ds, B: (dm @ A.T + ds @ B.T) / 2, {"scale"}, "mean of the paths"),
        ("z", lambda dh: dh, {"missing_factor"}, "tanh's derivative is forgotten"),
        ("z", lambda dh, h: dh * (1 - h), {"wrong_local_derivative"}, "1 - h"),
        ("z", lambda dh, h: dh / (1 - h**2), {"wrong_local_derivative"}, "divided by the derivative"),
        ("W", lambda x, dh: x.T @ dh, {"missing_factor", "wrong_variable"}, "dh for dz"),
        ("W", lambda x, dz: dz.T @ x, {"transpose"}, "transposed"),
        ("b", lambda dz: dz.sum(), {"wrong_axis", "wrong_shape"}, "summed over everything"),
        ("x", lambda dz, W: dz @ W.T / 6, {"scale"}, "1/N twice"),
    ],
)


# --- 33. maximum over a sliding window with the border repeated (ties), L1 -----------------------------------------------------------------------------


def f(x, W, b, t):
    z = (x @ W + b).named("z")
    e = tg.concatenate([z[:, :1], z, z[:, -1:]], axis=1)
    m = tg.stack([e[:, 0:6], e[:, 1:7], e[:, 2:8]], axis=2).max(axis=2).named("m")
    q = tg.log1p(m**2).named("q")
    return tg.abs(q - t).mean()


def slide(z):
    e = np.pad(z, ((0, 0), (1, 1)), "edge")
    return np.stack([e[:, 0:6], e[:, 1:7], e[:, 2:8]], 2)


def fold(g, border=True, add=True):
    """The gradient of slide: every copy of z is added up."""
    e = np.zeros((len(g), 8))
    for k in range(3):
        for i in range(6):
            e[:, i + k] = g[:, i, k] + (e[:, i + k] if add else 0)
    if border:
        e[:, 1] += e[:, 0]
        e[:, 6] += e[:, 7]
    return e[:, 1:7]


def winners(z, first=True):
    w = slide(z)
    mask = w == w.max(2, keepdims=True)
    return mask & (mask.cumsum(2) == 1) if first else mask


NETWORKS["sliding maximum, L1"] = dict(
    f=f,
    inputs=lambda rng: dict(x=normal(rng, 5, 4), W=normal(rng, 4, 6, scale=0.8), b=normal(rng, 6) - 0.9, t=normal(rng, 5, 6) ** 2),
    right=dict(
        q=lambda q, t: np.sign(q - t) / q.size,
        m=lambda dq, m: dq * 2 * m / (1 + m**2),
        z=lambda dm, z: fold(winners(z) * dm[:, :, None]),
        W=lambda x, dz: x.T @ dz,
        b=lambda dz: dz.sum(0),
        x=lambda dz, W: dz @ W.T,
    ),
    mistakes=[
        ("q", lambda q, t: np.sign(q - t), {"scale"}, "the mean is forgotten"),
        ("q", lambda q, t: (q - t) / q.size, {"wrong_local_derivative"}, "as for squares"),
        ("q", lambda q, t: np.ones_like(q) / q.size, {"sign", "wrong_local_derivative", "missing_factor"}, "the derivative of |u| taken for 1"),
        ("q", lambda q, t: np.sign(t - q) / q.size, {"sign"}, "t - q"),
        ("q", lambda q, t: (q > t) / q.size, {"wrong_local_derivative"}, "step for sign"),
        ("m", lambda dq, m: dq / (1 + m**2), {"missing_factor"}, "the square's derivative is forgotten"),
        ("m", lambda dq, m: dq * 2 * m, {"missing_factor"}, "the logarithm's derivative is forgotten"),
        ("m", lambda dq, m: dq * m / (1 + m**2), {"scale"}, "the 2 is forgotten"),
        ("m", lambda dq, m: dq * 2 / m, {"wrong_local_derivative", "wrong_variable"}, "log for log1p"),
        ("m", lambda dq, m: dq * 2 * m / (1 + m), {"wrong_variable"}, "m for m**2 in the logarithm"),
        ("m", lambda dq, q: dq * 2 * q / (1 + q**2), {"wrong_variable", "double_activation"}, "derivative at q"),
        ("m", lambda m: 2 * m / (1 + m**2), {"missing_upstream"}, "without dq"),
        ("m", lambda dq, m: dq * 2 * np.abs(m) / (1 + m**2), {"sign"}, "the sign of m is lost"),
        ("z", lambda dm, z: fold(winners(z, False) * dm[:, :, None]), {"max_ties"}, "both copies at the border get the gradient"),
        ("z", lambda dm, z: fold(np.repeat(dm[:, :, None], 3, 2)), {"max_ties", "missing_factor", "wrong_local_derivative"}, "the whole window gets the gradient"),
        ("z", lambda dm, z: fold(np.repeat(dm[:, :, None], 3, 2) / 3), {"max_ties", "wrong_local_derivative"}, "as for a mean"),
        ("z", lambda dm, z: fold(winners(z) * dm[:, :, None], border=False), {"missing_branch"}, "the border's copies are cut off"),
        ("z", lambda dm, z: fold(winners(z) * dm[:, :, None], add=False), {"overwritten"}, "= for += in the loop"),
        ("z", lambda dm, z: fold(winners(-z) * dm[:, :, None]), {"wrong_local_derivative"}, "to the minimum"),
        ("z", lambda dm, z: (winners(z) * dm[:, :, None]).sum(2), {"wrong_local_derivative", "missing_factor", "permuted"}, "left at the window's centre"),
        ("z", lambda dm, z, m: dm * (z == m), {"missing_branch", "diagonal_only"}, "only where the centre is the maximum"),
        ("z", lambda dm, z: np.roll(fold(winners(z) * dm[:, :, None]), 1, 1), {"shifted"}, "the padding is cropped on the wrong side"),
        ("z", lambda dq, z: fold(winners(z) * dq[:, :, None]), {"missing_factor", "wrong_variable"}, "dq for dm"),
        ("W", lambda x, dm: x.T @ dm, {"missing_factor", "wrong_variable"}, "dm for dz"),
        ("W", lambda x, dz: dz.T @ x, {"transpose"}, "transposed"),
        ("W", lambda x, dm, z: x.T @ fold(winners(z, False) * dm[:, :, None]), {"max_ties"}, "both copies at the border get the gradient"),
        ("b", lambda dz: dz.sum(1), {"wrong_axis"}, "sum over the units"),
        ("b", lambda dz: dz.mean(0), {"scale"}, "mean for sum"),
        ("b", lambda dm, z: fold(winners(z, False) * dm[:, :, None]).sum(0), {"max_ties"}, "both copies at the border get the gradient"),
        ("x", lambda dz, W: W @ dz.T, {"transpose"}, "transposed"),
        ("x", lambda dz, W, dW: dz @ (W - dW).T, {"updated_too_early"}, "W updated first"),
    ],
)
