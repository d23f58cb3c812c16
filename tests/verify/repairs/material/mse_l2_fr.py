"""Reseau de regression a une couche cachee: MSE + penalite L2, mise a jour dans la retropropagation (TP en francais)."""
import numpy as np


class ReseauRegression:
    def __init__(self, rng, entree=3, cachee=5, sortie=2, lr=0.01, lam=0.3):
        self.W1 = rng.standard_normal((entree, cachee)) * 0.8
        self.b1 = rng.standard_normal(cachee) * 0.4
        self.W2 = rng.standard_normal((cachee, sortie)) * 0.8
        self.b2 = rng.standard_normal(sortie) * 0.4
        self.lr = lr
        self.lam = lam

    def forward(self, X, y):
        self.X, self.y = X, y
        self.z1 = X @ self.W1 + self.b1
        self.a1 = 1 / (1 + np.exp(-self.z1))
        self.y_pred = self.a1 @ self.W2 + self.b2
        # erreur quadratique moyenne (sur toutes les valeurs) + penalite
        erreur = np.mean((self.y_pred - y) ** 2)
        penalite = self.lam * (np.sum(self.W1 ** 2) + np.sum(self.W2 ** 2))
        return erreur + penalite

    def backward(self):
        # derivee de la MSE
        delta2 = 2 * (self.y_pred - self.y) / self.y.size
        dW2 = self.a1.T @ delta2 + 2 * self.lam * self.W2
        db2 = delta2.sum(axis=0)
        # couche cachee
        delta1 = (delta2 @ self.W2.T) * self.a1 * (1 - self.a1)
        dW1 = self.X.T @ delta1 + 2 * self.lam * self.W1
        db1 = delta1.sum(axis=0)
        # mise a jour
        self.W2 -= self.lr * dW2
        self.b2 -= self.lr * db2
        self.W1 -= self.lr * dW1
        self.b1 -= self.lr * db1


def example(rng):
    return ReseauRegression(rng), (rng.standard_normal((6, 3)), rng.standard_normal((6, 2)))


def sized(rng):
    return ReseauRegression(rng, 2, 4, 3), (rng.standard_normal((5, 2)), rng.standard_normal((5, 3)))


MISTAKES = [
    ("delta2 = 2 * (self.y_pred - self.y) / self.y.size",
     "delta2 = 2 * (self.y_pred - self.y) / len(self.y)", "other count",
     "Divided by the number of rows, the loss averages over all the values."),
    ("delta2 = 2 * (self.y_pred - self.y) / self.y.size",
     "delta2 = (self.y_pred - self.y) / self.y.size", "factor 2",
     "The 2 of the square is missing."),
    ("delta2 = 2 * (self.y_pred - self.y) / self.y.size",
     "delta2 = 2 * (self.y_pred - self.y) ** 2 / self.y.size", "power",
     "The square is not differentiated."),
    ("delta1 = (delta2 @ self.W2.T) * self.a1 * (1 - self.a1)",
     "delta1 = (delta2 @ self.W2.T) * self.a1 * (1 + self.a1)", "sign inside the derivative",
     "1 + a for 1 - a."),
    ("delta1 = (delta2 @ self.W2.T) * self.a1 * (1 - self.a1)",
     "delta1 = (delta2 @ self.W2.T) * (self.z1 > 0)", "derivative of another function",
     "The ReLU's derivative for a sigmoid."),
    ("delta1 = (delta2 @ self.W2.T) * self.a1 * (1 - self.a1)",
     "delta1 = (delta2 @ dW2.T) * self.a1 * (1 - self.a1)", "wrong variable of the same shape",
     "dW2 for W2."),
    ("self.X.T @ delta1 + 2 * self.lam * self.W1", "self.X.T @ delta1 + self.lam * self.W1", "factor 2",
     "lambda W for 2 lambda W in one layer."),
    ("""        dW2 = self.a1.T @ delta2 + 2 * self.lam * self.W2
        db2 = delta2.sum(axis=0)
        # couche cachee
        delta1 = (delta2 @ self.W2.T) * self.a1 * (1 - self.a1)
        dW1 = self.X.T @ delta1 + 2 * self.lam * self.W1
""", """        dW2 = self.a1.T @ delta2
        db2 = delta2.sum(axis=0)
        # couche cachee
        delta1 = (delta2 @ self.W2.T) * self.a1 * (1 - self.a1)
        dW1 = self.X.T @ delta1
""", "forgotten term, two", "The penalty is missing in both weight gradients."),
    ("db1 = delta1.sum(axis=0)", "db1 = delta1.sum(axis=0) + 2 * self.lam * self.b1", "extra term",
     "The bias is regularized although the loss does not."),
    ("self.W1 -= self.lr * dW1", "self.W1 = -self.lr * dW1", "= - for -=",
     "The weights are replaced by the step."),
    ("self.b2 -= self.lr * db2", "self.b2 -= self.lr * db2 / len(self.X)", "1/N too many",
     "One update divides by the batch size."),
    ("""        # mise a jour
        self.W2 -= self.lr * dW2
""", """        # mise a jour
        self.W2 *= 1 - self.lr * self.lam
        self.W2 -= self.lr * dW2
""", "weight decay twice", "A weight decay in the update on top of the L2 gradient."),
]
