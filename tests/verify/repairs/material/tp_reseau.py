"""TP français : réseau à deux couches, sigmoïde, erreur quadratique, exemples en colonnes, mise à jour dans backward."""
import numpy as np


def sigmoide(x):
    return 1.0 / (1.0 + np.exp(-x))


class ReseauDeuxCouches:
    def __init__(self, rng, n_entree=3, n_cachee=5, n_sortie=2, lr=0.5):
        # poids et biais tirés au hasard
        self.W1 = rng.standard_normal((n_cachee, n_entree))
        self.b1 = rng.standard_normal((n_cachee, 1))
        self.W2 = rng.standard_normal((n_sortie, n_cachee))
        self.b2 = rng.standard_normal((n_sortie, 1))
        self.lr = lr

    def forward(self, X, y):
        # X : (n_entree, m), une colonne par exemple
        self.X = X
        self.y = y
        self.m = X.shape[1]
        # couche cachée
        self.a1 = sigmoide(self.W1.dot(X) + self.b1)
        # couche de sortie
        self.a2 = sigmoide(self.W2.dot(self.a1) + self.b2)
        return np.sum((self.a2 - y) ** 2) / (2 * self.m)

    def backward(self):
        # erreur de la couche de sortie
        erreur = self.a2 - self.y
        delta2 = erreur * self.a2 * (1 - self.a2) / self.m
        dW2 = delta2.dot(self.a1.T)
        db2 = np.sum(delta2, axis=1, keepdims=True)
        # erreur rétropropagée vers la couche cachée
        delta1 = self.W2.T.dot(delta2) * self.a1 * (1 - self.a1)
        # descente de gradient, couche de sortie
        self.W2 = self.W2 - self.lr * dW2
        self.b2 = self.b2 - self.lr * db2
        # gradients de la couche cachée, puis descente
        dW1 = delta1.dot(self.X.T)
        db1 = np.sum(delta1, axis=1, keepdims=True)
        self.W1 = self.W1 - self.lr * dW1
        self.b1 = self.b1 - self.lr * db1


def example(rng):
    return ReseauDeuxCouches(rng), (rng.standard_normal((3, 4)), rng.random((2, 4)))


def sized(rng):
    return ReseauDeuxCouches(rng, n_cachee=6), (rng.standard_normal((3, 7)), rng.random((2, 7)))


MISTAKES = [
    ("delta2 = erreur * self.a2 * (1 - self.a2) / self.m", "delta2 = erreur / self.m",
     "sigmoid' forgotten at the output", "a - y as for the cross entropy, though the loss is the squared error."),
    ("delta2 = erreur * self.a2 * (1 - self.a2) / self.m",
     "delta2 = erreur * sigmoide(self.a2) * (1 - sigmoide(self.a2)) / self.m",
     "derivative at a for z", "The sigmoid is applied again to the activation."),
    ("delta2 = erreur * self.a2 * (1 - self.a2) / self.m", "delta2 = erreur * self.a2 * (1 - self.a2)",
     "factor forgotten (1/m)", "The mean over the examples is missing."),
    ("delta2 = erreur * self.a2 * (1 - self.a2) / self.m", "delta2 = 2 * erreur * self.a2 * (1 - self.a2) / self.m",
     "doubled factor", "The 2 of the square is cancelled by the loss's 1/2."),
    ("erreur = self.a2 - self.y", "erreur = self.y - self.a2",
     "sign", "Target minus output, and the update subtracts it."),
    ("self.W1 = self.W1 - self.lr * dW1", "self.W1 = self.W1 + self.lr * dW1",
     "sign of the update", "Climbs instead of descending, for W1 only."),
    ("delta1 = self.W2.T.dot(delta2) * self.a1 * (1 - self.a1)\n        # descente de gradient, couche de sortie\n"
     "        self.W2 = self.W2 - self.lr * dW2",
     "self.W2 = self.W2 - self.lr * dW2\n        # couche suivante\n"
     "        delta1 = self.W2.T.dot(delta2) * self.a1 * (1 - self.a1)",
     "update before use", "W2 is updated before it carries the error back."),
    ("delta1 = self.W2.T.dot(delta2) * self.a1 * (1 - self.a1)", "delta1 = self.W2.T.dot(erreur) * self.a1 * (1 - self.a1)",
     "wrong variable of the same shape", "The raw error instead of delta2 goes back."),
    ("delta1 = self.W2.T.dot(delta2) * self.a1 * (1 - self.a1)", "delta1 = self.W2.T.dot(delta2) * (1 - self.a1 ** 2)",
     "derivative of another function", "tanh's derivative for the sigmoid's."),
    ("db2 = np.sum(delta2, axis=1, keepdims=True)", "db2 = np.mean(delta2, axis=1, keepdims=True)",
     "mean for sum", "1/m is in delta2 already."),
    ("db1 = np.sum(delta1, axis=1, keepdims=True)", "db1 = np.sum(delta1, axis=0, keepdims=True).mean()",
     "one number for all the biases", "Summed over the neurons instead of the examples, then averaged."),
    ("dW1 = delta1.dot(self.X.T)\n        db1 = np.sum(delta1, axis=1, keepdims=True)",
     "dW1 = delta1.dot(self.X.T) / self.m\n        db1 = np.sum(delta1, axis=1, keepdims=True) / self.m",
     "two: 1/m twice in the first layer", "Both gradients of the hidden layer are divided again."),
]
