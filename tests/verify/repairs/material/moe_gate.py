"""Mixture of experts with a softmax gate and squared loss, one minimal class with everything inside (blog)."""
import numpy as np


class MixtureOfExperts:
    def __init__(self, rng, n_features=4, n_experts=3, n_outputs=2):
        self.We = rng.normal(size=(n_experts, n_features, n_outputs))
        self.be = rng.normal(size=(n_experts, n_outputs))
        self.Wg = rng.normal(size=(n_features, n_experts))
        self.bg = rng.normal(size=n_experts)
        self.entropy_weight = 0.4

    def forward(self, X, Y):
        self.X, self.Y = X, Y
        # the experts: (N, E, O)
        self.experts = np.tanh(np.einsum("nd,edo->neo", X, self.We) + self.be)
        # the gate: (N, E)
        s = X @ self.Wg + self.bg
        s = np.exp(s - s.max(axis=1, keepdims=True))
        self.gate = s / s.sum(axis=1, keepdims=True)
        # the mixture: (N, O)
        self.pred = np.einsum("ne,neo->no", self.gate, self.experts)
        mse = np.sum((self.pred - Y) ** 2) / len(X)
        # load balancing: the mean gate should be uniform
        self.usage = self.gate.mean(axis=0)
        balance = self.entropy_weight * np.sum(self.usage ** 2)
        return mse + balance

    def backward(self):
        n = len(self.X)
        dpred = 2 * (self.pred - self.Y) / n

        # into the gate values
        dgate = np.einsum("no,neo->ne", dpred, self.experts)
        dgate = dgate + 2 * self.entropy_weight * self.usage / n
        # softmax Jacobian
        inner = np.sum(dgate * self.gate, axis=1, keepdims=True)
        dscore = self.gate * (dgate - inner)

        # into the experts
        dexperts = self.gate[:, :, None] * dpred[:, None, :]
        dpre = dexperts * (1 - self.experts ** 2)

        self.dWg = self.X.T @ dscore
        self.dbg = dscore.sum(axis=0)
        self.dWe = np.einsum("nd,neo->edo", self.X, dpre)
        self.dbe = dpre.sum(axis=0)
        self.dX = dscore @ self.Wg.T
        self.dX += np.einsum("neo,edo->nd", dpre, self.We)
        return self.dX


def example(rng):
    return MixtureOfExperts(rng), (rng.normal(size=(6, 4)), rng.normal(size=(6, 2)))


def sized(rng):
    return MixtureOfExperts(rng, n_experts=5), (rng.normal(size=(8, 4)), rng.normal(size=(8, 2)))


MISTAKES = [
    ("dscore = self.gate * (dgate - inner)", "dscore = self.gate * (1 - self.gate) * dgate", "softmax Jacobian's diagonal only", "The off-diagonal terms are missing."),
    ("dscore = self.gate * (dgate - inner)", "dscore = self.gate * dgate", "forgotten term", "The inner product is not subtracted."),
    ("dscore = self.gate * (dgate - inner)", "dscore = dgate - inner", "forgotten factor", "The gate factor in front is missing."),
    ("inner = np.sum(dgate * self.gate, axis=1, keepdims=True)", "inner = np.sum(dgate * self.gate, axis=0, keepdims=True)", "wrong axis", "Summed over the batch."),
    ("inner = np.sum(dgate * self.gate, axis=1, keepdims=True)", "inner = np.sum(dgate, axis=1, keepdims=True)", "forgotten weight", "The inner product needs the gate."),
    ("self.entropy_weight * self.usage / n", "self.entropy_weight * self.usage", "1/N forgotten", "usage is a mean over the batch."),
    ("        dgate = dgate + 2 * self.entropy_weight * self.usage / n\n", "", "forgotten term", "The balance term is not differentiated."),
    ("self.entropy_weight * self.usage / n", "self.entropy_weight * self.gate / n", "wrong variable", "The square is of the mean, not a mean of squares."),
    ("dexperts = self.gate[:, :, None] * dpred[:, None, :]", "dexperts = dpred[:, None, :] / self.gate.shape[1] * np.ones_like(self.experts)", "gate replaced by 1/E", "As if the mixture was an average."),
    ("dpre = dexperts * (1 - self.experts ** 2)", "dpre = dexperts * (1 - dexperts ** 2)", "wrong variable in tanh'", "tanh' of the gradient."),
    ("self.dX += np.einsum(", "self.dX = np.einsum(", "= for +=", "The gate's path to X is lost."),
    ("        dgate = np.einsum(\"no,neo->ne\", dpred, self.experts)\n        dgate = dgate + 2 * self.entropy_weight * self.usage / n",
     "        dgate = np.einsum(\"no,neo->ne\", self.pred - self.Y, self.experts)\n        dgate = dgate + self.entropy_weight * self.usage",
     "two: factors 2/N forgotten in both terms", "Raw error in the gate and no 2/N in the balance."),
]
