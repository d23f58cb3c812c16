"""Multi-class SVM (hinge loss), vectorised, pair of functions with a cache as in CS231n."""
import numpy as np


def svm_forward(X, W, b, y, delta=1.0, reg=0.4):
    N = X.shape[0]
    scores = X.dot(W) + b
    correct = scores[np.arange(N), y][:, np.newaxis]
    margins = np.maximum(0, scores - correct + delta)
    margins[np.arange(N), y] = 0
    loss = margins.sum() / N + 0.5 * reg * np.sum(W * W)
    cache = (X, W, y, margins, reg)
    return loss, cache


def svm_backward(cache):
    X, W, y, margins, reg = cache
    N = X.shape[0]
    dscores = (margins > 0).astype(float)
    violated = dscores.sum(axis=1)
    dscores[np.arange(N), y] -= violated
    dscores /= N
    dW = X.T.dot(dscores)
    dW += reg * W
    db = dscores.sum(axis=0)
    dX = dscores.dot(W.T)
    return dX, dW, db


def example(rng):
    X = rng.standard_normal((6, 4))
    W = rng.standard_normal((4, 5))
    b = rng.standard_normal(5)
    return (svm_forward, svm_backward), (X, W, b, np.array([0, 3, 1, 4, 2, 3]))


def sized(rng):
    X = rng.standard_normal((9, 4))
    W = rng.standard_normal((4, 5))
    b = rng.standard_normal(5)
    return (svm_forward, svm_backward), (X, W, b, np.array([0, 3, 1, 4, 2, 3, 1, 1, 0]))


MISTAKES = [
    ("dscores = (margins > 0).astype(float)", "dscores = margins.copy()",
     "value for indicator", "The margins themselves instead of ones where they are positive."),
    ("dscores[np.arange(N), y] -= violated", "dscores[np.arange(N), y] -= 1",
     "constant for a count", "The right class gets -1 and not minus the number of violated margins."),
    ("dscores[np.arange(N), y] -= violated", "dscores[np.arange(N), y] += violated",
     "sign", "The right class's gradient has the wrong sign."),
    ("    dscores[np.arange(N), y] -= violated\n", "",
     "term forgotten", "The right class's score is treated as a constant."),
    ("violated = dscores.sum(axis=1)", "violated = dscores.sum()",
     "axis forgotten", "The count is over the whole batch."),
    ("dscores /= N", "dscores /= margins.size",
     "wrong constant", "Divides by N times the number of classes."),
    ("dW += reg * W", "dW += 0.5 * reg * np.sum(W * W)",
     "the function for its derivative", "The penalty itself (a number) is added to the gradient."),
    ("    dW += reg * W\n", "",
     "term forgotten (L2)", "No regularisation in the gradient."),
    ("dW += reg * W\n    db = dscores.sum(axis=0)\n    dX = dscores.dot(W.T)",
     "W -= 0.1 * (dW + reg * W)\n    dW += reg * W\n    db = dscores.sum(axis=0)\n    dX = dscores.dot(W.T)",
     "update before use", "The weights are stepped (in place) before they are used for dW's penalty and dX."),
    ("dscores /= N\n    dW = X.T.dot(dscores)", "dW = X.T.dot(dscores) / N",
     "two: 1/N in dW only", "The division is moved to dW, so that db and dX lack it."),
    ("dscores = (margins > 0).astype(float)", "dscores = (margins > 1).astype(float)",
     "wrong comparison", "delta is in the margins already; they are compared with 1."),
    ("return dX, dW, db", "return dX, dW, dscores.mean(axis=0)",
     "mean for sum", "The bias is averaged once more."),
]
