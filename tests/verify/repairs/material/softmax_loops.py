"""CS231n's softmax_loss_naive with explicit loops and a bias: softmax_loss_naive(W, b, X, y, reg) -> loss, dW, db (one function)."""
import numpy as np


def softmax_loss_naive(W, b, X, y, reg):
    """
    Softmax loss function, naive implementation (with loops)

    - W: (D, C) weights, b: (C,) biases
    - X: (N, D) minibatch, y: (N,) labels, 0 <= y[i] < C
    - reg: (float) regularization strength
    """
    loss = 0.0
    dW = np.zeros_like(W)
    db = np.zeros_like(b)
    num_train = X.shape[0]
    num_classes = W.shape[1]

    for i in range(num_train):
        scores = X[i].dot(W) + b
        scores -= np.max(scores)
        sum_exp = np.sum(np.exp(scores))
        loss += np.log(sum_exp) - scores[y[i]]

        for j in range(num_classes):
            p = np.exp(scores[j]) / sum_exp
            dW[:, j] += p * X[i]
            db[j] += p
        dW[:, y[i]] -= X[i]
        db[y[i]] -= 1.0

    loss /= num_train
    dW /= num_train
    db /= num_train

    loss += reg * np.sum(W ** 2)
    dW += 2 * reg * W
    return loss, dW, db


def example(rng):
    """(object or (forward, backward) pair of functions, x or tuple of inputs)"""
    return softmax_loss_naive, (rng.standard_normal((4, 3)), rng.standard_normal(3), rng.standard_normal((5, 4)),
                                np.array([2, 0, 1, 1, 2]), 0.1)


def sized(rng):
    """The same with other sizes (N, and T / H / W where there are such)."""
    return softmax_loss_naive, (rng.standard_normal((3, 5)), rng.standard_normal(5), rng.standard_normal((6, 3)),
                                np.array([4, 0, 1, 3, 2, 2]), 0.2)


MISTAKES = [
    ("            db[j] += p\n        dW[:, y[i]] -= X[i]\n", "            db[j] += p\n            dW[:, y[i]] -= X[i]\n",
     "indentation", "The label's term is subtracted once per class."),
    ("dW[:, j] += p * X[i]", "dW[:, j] = p * X[i]",
     "= for += in the loop", "Only the last example is left."),
    ("        dW[:, y[i]] -= X[i]\n        db[y[i]] -= 1.0\n", "        db[y[i]] -= 1.0\n",
     "label forgotten", "dW lacks the -1 of the right class."),
    ("dW[:, y[i]] -= X[i]", "dW[:, y[i]] -= p * X[i]",
     "stale loop variable", "p of the last class multiplies the label's term."),
    ("p = np.exp(scores[j]) / sum_exp", "p = np.exp(scores[j] - scores[y[i]])",
     "wrong normaliser", "The ratio to the right class and not the probability."),
    ("    dW /= num_train\n    db /= num_train\n", "    dW /= num_train\n",
     "1/N forgotten", "The bias gradient is a sum."),
    ("dW += 2 * reg * W", "dW += reg * W",
     "factor 2 forgotten", "The penalty has no 1/2."),
    ("        dW[:, y[i]] -= X[i]\n", "        dW[:, y[i]] -= X[y[i]]\n",
     "wrong index", "The label indexes the examples."),
    ("    dW /= num_train\n    db /= num_train\n\n    loss += reg * np.sum(W ** 2)\n    dW += 2 * reg * W\n",
     "    db /= num_train\n\n    loss += reg * np.sum(W ** 2)\n    dW += 2 * reg * W\n    dW /= num_train\n",
     "order of statements", "The penalty's gradient is divided by N as well."),
    ("            dW[:, j] += p * X[i]\n            db[j] += p\n", "            if j != y[i]:\n                dW[:, j] += p * X[i]\n                db[j] += p\n",
     "wrong condition", "The probability of the right class is left out: -1 for p - 1."),
    ("        dW[:, y[i]] -= X[i]\n        db[y[i]] -= 1.0\n", "        dW[:, y[i]] += X[i]\n        db[y[i]] += 1.0\n",
     "two: sign of the label's terms", "Added for subtracted, in dW and db."),
    ("return loss, dW, db", "return loss, dW",
     "missing return value", "db is computed and not returned."),
]
