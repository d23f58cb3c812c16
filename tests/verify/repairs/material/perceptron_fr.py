"""TP en français : perceptron multicouche, listes de matrices avec une colonne de biais, exemple par exemple ; propagation(X, C) rend l'erreur, retropropagation() fait le pas de descente (self.lr) sur self.poids."""
import numpy as np


def sigmoide(v):
    return 1 / (1 + np.exp(-v))


class PerceptronMulticouche:
    def __init__(self, rng, tailles, lr=0.05):
        # poids[l] : (n_sortie, n_entree + 1), la dernière colonne est le biais
        self.poids = [rng.standard_normal((s, e + 1)) for e, s in zip(tailles[:-1], tailles[1:])]
        self.lr = lr

    def propager_exemple(self, x):
        sorties = [x]
        for M in self.poids:
            entree = np.append(sorties[-1], 1.0)
            sorties.append(sigmoide(M @ entree))
        return sorties

    def propagation(self, X, C):
        """erreur quadratique moyenne sur les exemples (lignes de X), C : les cibles"""
        self.C = C
        self.activations = [self.propager_exemple(x) for x in X]
        erreur = 0
        for sorties, cible in zip(self.activations, C):
            erreur += 0.5 * np.sum((sorties[-1] - cible) ** 2)
        return erreur / len(X)

    def retropropagation(self):
        n = len(self.C)
        gradients = [np.zeros_like(M) for M in self.poids]

        for sorties, cible in zip(self.activations, self.C):
            # couche de sortie
            s = sorties[-1]
            delta = (s - cible) * s * (1 - s)
            # des couches hautes vers les couches basses
            for l in range(len(self.poids) - 1, -1, -1):
                gradients[l] += np.outer(delta, np.append(sorties[l], 1.0))
                if l > 0:
                    o = sorties[l]
                    propage = self.poids[l][:, :-1].T @ delta
                    delta = propage * o * (1 - o)

        # mise à jour des poids
        for l in range(len(self.poids)):
            self.poids[l] -= self.lr * gradients[l] / n


def example(rng):
    """(object or (forward, backward) pair of functions, x or tuple of inputs)"""
    return PerceptronMulticouche(rng, [4, 5, 2, 3]), (rng.standard_normal((6, 4)), rng.uniform(0, 1, (6, 3)))


def sized(rng):
    """The same with other sizes (N, and T / H / W where there are such)."""
    return PerceptronMulticouche(rng, [3, 6, 4, 2]), (rng.standard_normal((5, 3)), rng.uniform(0, 1, (5, 2)))


MISTAKES = [
    ("delta = (s - cible) * s * (1 - s)", "delta = s - cible",
     "derivative of the output activation forgotten", "s - c is the gradient of the cross-entropy, not of the squared error."),
    ("delta = (s - cible) * s * (1 - s)", "delta = (cible - s) * s * (1 - s)",
     "sign", "The error is taken as target minus output although the update subtracts."),
    ("delta = (s - cible) * s * (1 - s)", "delta = (s - cible) * sigmoide(s) * (1 - sigmoide(s))",
     "derivative at a for z", "The sigmoid is applied to its own output."),
    ("delta = propage * o * (1 - o)", "delta = propage * (1 - o ** 2)",
     "derivative of another function", "tanh' for a sigmoid."),
    ("delta = propage * o * (1 - o)", "delta = propage * o * 1 - o",
     "brackets forgotten", "Precedence: propage*o - o."),
    ("gradients[l] += np.outer(delta, np.append(sorties[l], 1.0))", "gradients[l] = np.outer(delta, np.append(sorties[l], 1.0))",
     "= for +=", "Only the last example is learnt."),
    ("gradients[l] += np.outer(delta, np.append(sorties[l], 1.0))", "gradients[l] += np.outer(delta, np.append(sorties[l], 0.0))",
     "wrong constant", "The bias entry is 0: the biases never learn."),
    ("propage = self.poids[l][:, :-1].T @ delta", "propage = self.poids[l][:, 1:].T @ delta",
     "wrong column cut off", "The bias is the last column and not the first."),
    ("self.poids[l] -= self.lr * gradients[l] / n", "self.poids[l] -= self.lr * gradients[l]",
     "1/n forgotten", "The error is averaged over the examples."),
    ("self.poids[l] -= self.lr * gradients[l] / n", "self.poids[l] += self.lr * gradients[l] / n",
     "sign of the update", "The step goes uphill."),
    ("n = len(self.C)", "n = self.C.size",
     "wrong normaliser", "The number of target values and not of examples."),
    ("            s = sorties[-1]\n            delta = (s - cible) * s * (1 - s)\n",
     "            s = sorties[-1]\n            delta = 2 * (s - cible) * s * s\n",
     "two: factor 2 and wrong derivative", "The 1/2 of the error is forgotten and 1 - s became s."),
]
