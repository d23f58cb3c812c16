"""Matrix factorisation for ratings: user and item embeddings with biases, L2 on what is used, loss in the class."""
import numpy as np


class MatrixFactorization:
    def __init__(self, rng, n_users=4, n_items=5, k=3, reg=0.15):
        self.P = rng.normal(0, 0.8, (n_users, k))
        self.Q = rng.normal(0, 0.8, (n_items, k))
        self.bu = rng.normal(0, 0.5, n_users)
        self.bi = rng.normal(0, 0.5, n_items)
        self.mu = np.array([0.3])
        self.reg = reg

    def forward(self, pairs, ratings):
        """pairs (n, 2): user, item; ratings (n,)."""
        self.u, self.i = pairs[:, 0], pairs[:, 1]
        self.n = len(ratings)
        self.pu = self.P[self.u]
        self.qi = self.Q[self.i]
        pred = self.mu[0] + self.bu[self.u] + self.bi[self.i] + np.sum(self.pu * self.qi, axis=1)
        self.err = pred - ratings
        data = 0.5 * np.mean(self.err ** 2)
        penalty = 0.5 * self.reg * (np.sum(self.pu ** 2) + np.sum(self.qi ** 2)) / self.n
        penalty += self.reg * (np.sum(self.bu ** 2) + np.sum(self.bi ** 2))
        return data + penalty

    def backward(self):
        self.dP = np.zeros_like(self.P)
        self.dQ = np.zeros_like(self.Q)
        self.dbu = np.zeros_like(self.bu)
        self.dbi = np.zeros_like(self.bi)
        self.dmu = np.zeros_like(self.mu)
        derr = self.err / self.n
        for r in range(self.n):
            u, i = self.u[r], self.i[r]
            self.dP[u] += derr[r] * self.qi[r] + self.reg * self.pu[r] / self.n
            self.dQ[i] += derr[r] * self.pu[r] + self.reg * self.qi[r] / self.n
            self.dbu[u] += derr[r]
            self.dbi[i] += derr[r]
        self.dmu[0] = derr.sum()
        self.dbu += 2 * self.reg * self.bu
        self.dbi += 2 * self.reg * self.bi


def _data(rng, n, n_users, n_items):
    pairs = np.stack([rng.integers(0, n_users, n), rng.integers(0, n_items, n)], axis=1)
    pairs[-1] = pairs[0, 0], pairs[1, 1]        # some user and some item come twice
    return pairs, rng.normal(0, 1, n)


def example(rng):
    return MatrixFactorization(rng), _data(rng, 8, 4, 5)


def sized(rng):
    return MatrixFactorization(rng, n_users=6, k=2), _data(rng, 11, 6, 5)


MISTAKES = [
    ("self.dP[u] += derr[r] * self.qi[r]", "self.dP[u] = derr[r] * self.qi[r]", "= for +=", "A user with two ratings keeps the last one only."),
    ("self.dP[u] += derr[r] * self.qi[r]", "self.dP[u] += derr[r] * self.pu[r]", "wrong variable of the same shape", "The partner's vector belongs here."),
    ("+ self.reg * self.pu[r] / self.n", "- self.reg * self.pu[r] / self.n", "sign of L2", "The penalty pushes outwards."),
    ("+ self.reg * self.qi[r] / self.n", "+ self.reg * self.qi[r]", "1/n forgotten in L2", "The penalty on the used vectors is a mean."),
    ("self.dQ[i] += derr[r] * self.pu[r]", "self.dQ[u] += derr[r] * self.pu[r]", "wrong index", "The item's row, not the user's."),
    ("self.dQ[i] += derr[r] * self.pu[r]", "self.dQ[i] += self.err[r] * self.pu[r]", "raw error for the mean's", "1/n is missing for the items."),
    ("        self.dbu += 2 * self.reg * self.bu\n", "", "forgotten L2 on a bias", "The penalty of the user's biases."),
    ("self.dbi += 2 * self.reg * self.bi", "self.dbi += self.reg * self.bi", "factor 2", "No 1/2 in front of this penalty."),
    ("            self.dbi[i] += derr[r]\n", "        self.dbi[i] += derr[r]\n", "indentation", "Outside of the loop: last rating only."),
    ("self.dmu[0] = derr.sum()", "self.dmu[0] = derr.mean()", "mean for sum", "Divided by n twice."),
    ("derr = self.err / self.n", "derr = -self.err / self.n", "sign", "As if err was rating - pred."),
    ("            self.dP[u] += derr[r] * self.qi[r] + self.reg * self.pu[r] / self.n\n            self.dQ[i] += derr[r] * self.pu[r] + self.reg * self.qi[r] / self.n",
     "            self.dP[u] += derr[r] * self.qi[r] + self.reg * self.qi[r] / self.n\n            self.dQ[i] += derr[r] * self.pu[r] + self.reg * self.pu[r] / self.n",
     "two: penalties exchanged", "Each vector's own penalty is needed."),
]
