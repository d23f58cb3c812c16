"""Multi-class SVM (hinge loss) with explicit loops, as in the CS231n exercise, split into loss() and gradient()."""
import numpy as np


class LinearSVM:
    def __init__(self, rng, dim=3, num_classes=5, reg=0.2, delta=1.0):
        self.W = rng.standard_normal((dim, num_classes))
        self.b = rng.standard_normal(num_classes)
        self.reg = reg
        self.delta = delta

    def loss(self, X, y):
        self.X, self.y = X, y
        num_train = X.shape[0]
        num_classes = self.W.shape[1]
        self.margins = np.zeros((num_train, num_classes))
        loss = 0.0
        for i in range(num_train):
            scores = X[i].dot(self.W) + self.b
            for j in range(num_classes):
                if j == y[i]:
                    continue
                self.margins[i, j] = scores[j] - scores[y[i]] + self.delta
                loss += max(0.0, self.margins[i, j])
        loss /= num_train
        loss += self.reg * np.sum(self.W * self.W)
        return loss

    def gradient(self):
        dW = np.zeros(self.W.shape)
        db = np.zeros(self.b.shape)
        num_train, num_classes = self.margins.shape
        for i in range(num_train):
            yi = self.y[i]
            for j in range(num_classes):
                if j == yi:
                    continue
                if self.margins[i, j] > 0:
                    dW[:, j] += self.X[i]
                    dW[:, yi] -= self.X[i]
                    db[j] += 1
                    db[yi] -= 1
        dW /= num_train
        db /= num_train
        dW += 2 * self.reg * self.W
        self.dW, self.db = dW, db
        return dW, db


def example(rng):
    return LinearSVM(rng), (rng.standard_normal((6, 3)), np.array([1, 4, 0, 2, 3, 1]))


def sized(rng):
    return LinearSVM(rng), (rng.standard_normal((9, 3)), np.array([1, 4, 0, 2, 3, 1, 0, 4, 2]))


MISTAKES = [
    ("                    dW[:, yi] -= self.X[i]\n", "",
     "term forgotten", "The right class's column gets no gradient."),
    ("dW[:, yi] -= self.X[i]", "dW[:, yi] += self.X[i]",
     "sign", "The right class is pushed the same way as the wrong ones."),
    ("dW[:, j] += self.X[i]", "dW[:, j] = self.X[i]",
     "= for +=", "Every example overwrites the one before."),
    ("if self.margins[i, j] > 0:", "if self.margins[i, j] > self.delta:",
     "wrong comparison", "The margin already holds delta; it is compared with delta again."),
    ("if self.margins[i, j] > 0:", "if self.margins[i, j] < 0:",
     "comparison wrong way", "The classes that do not violate the margin get the gradient."),
    ("                if j == yi:\n                    continue\n                if self.margins[i, j] > 0:",
     "                if j == yi:\n                    break\n                if self.margins[i, j] > 0:",
     "break for continue", "The classes after the right one are never seen."),
    ("dW += 2 * self.reg * self.W", "dW += self.reg * self.W",
     "factor forgotten (2)", "The penalty is reg * W^2 without a half."),
    ("        dW /= num_train\n        db /= num_train\n        dW += 2 * self.reg * self.W",
     "        dW += 2 * self.reg * self.W\n        dW /= num_train\n        db /= num_train",
     "order of statements", "The penalty is added before the division and is divided by N as well."),
    ("                    db[yi] -= 1\n", "                db[yi] -= 1\n",
     "indentation", "The right class's bias counts the classes that keep the margin too."),
    ("db[j] += 1\n", "db[j] += self.margins[i, j]\n",
     "value for indicator", "The margin itself stands where its derivative 1 should."),
    ("dW[:, j] += self.X[i]\n                    dW[:, yi] -= self.X[i]",
     "dW[:, j] += self.margins[i, j] * self.X[i]\n                    dW[:, yi] -= self.margins[i, j] * self.X[i]",
     "two: squared hinge's gradient", "Both columns are weighted by the margin, as for a squared hinge."),
    ("        db /= num_train\n", "",
     "factor forgotten (1/N)", "The weights are averaged, the bias is not."),
]
