"""Skip-gram with negative sampling (CS224n's notation v_c, u_o, u_k), a loop over the pairs of a small batch."""
import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


class SkipGramNegativeSampling:
    def __init__(self, rng, vocab=8, dim=3):
        self.V = rng.standard_normal((vocab, dim))     # center words
        self.U = rng.standard_normal((vocab, dim))     # outside words

    def forward(self, center, outside, negatives):
        self.saved = []
        loss = 0.0
        for c, o, ks in zip(center, outside, negatives):
            pos = sigmoid(np.dot(self.U[o], self.V[c]))
            neg = sigmoid(-np.dot(self.U[ks], self.V[c]))
            loss -= np.log(pos) + np.sum(np.log(neg))
            self.saved.append((c, o, ks, pos, neg))
        return loss / len(center)

    def backward(self):
        n = len(self.saved)
        dV = np.zeros_like(self.V)
        dU = np.zeros_like(self.U)
        for c, o, ks, pos, neg in self.saved:
            v_c = self.V[c]
            u_o = self.U[o]
            # the true pair
            dv = (pos - 1) * u_o
            dU[o] += (pos - 1) * v_c
            # the sampled words
            for k, s in zip(ks, neg):
                dv += (1 - s) * self.U[k]
                dU[k] += (1 - s) * v_c
            dV[c] += dv
        self.dV = dV / n
        self.dU = dU / n
        return self.dV, self.dU


def example(rng):
    center = np.array([2, 5, 2, 7])
    outside = np.array([1, 3, 4, 1])
    negatives = np.array([[0, 6, 6], [2, 1, 0], [7, 3, 5], [4, 4, 6]])
    return SkipGramNegativeSampling(rng), (center, outside, negatives)


def sized(rng):
    center = np.array([2, 5, 2, 7, 0, 5])
    outside = np.array([1, 3, 4, 1, 6, 3])
    negatives = np.array([[0, 6, 6, 5], [2, 1, 0, 0], [7, 3, 5, 1], [4, 4, 6, 2], [1, 7, 3, 5], [6, 0, 2, 4]])
    return SkipGramNegativeSampling(rng), (center, outside, negatives)


MISTAKES = [
    ("dU[k] += (1 - s) * v_c", "dU[k] = (1 - s) * v_c",
     "= for +=", "A word sampled twice, or also an outside word, is overwritten."),
    ("for k, s in zip(ks, neg):", "for k, s in dict(zip(ks, neg)).items():",
     "duplicates dropped", "A negative that was drawn twice counts once."),
    ("dV[c] += dv", "dV[c] = dv",
     "= for += (repeated index)", "A center word that comes twice keeps its last gradient."),
    ("                dU[k] += (1 - s) * v_c\n            dV[c] += dv\n",
     "                dU[k] += (1 - s) * v_c\n                dV[c] += dv\n",
     "indentation (accumulated inside the loop)", "The partial sums of dv are added at every negative word."),
    ("dv += (1 - s) * self.U[k]", "dv += s * self.U[k]",
     "s for 1 - s", "neg is sigma(-u.v) already; its complement is needed."),
    ("dv += (1 - s) * self.U[k]", "dv -= (1 - s) * self.U[k]",
     "sign", "The negatives pull instead of pushing."),
    ("dv += (1 - s) * self.U[k]", "dv += (1 - s) * u_o",
     "wrong variable of the same shape", "The outside word's vector for the negative's."),
    ("dU[o] += (pos - 1) * v_c", "dU[o] += (pos - 1) * u_o",
     "wrong variable of the same shape", "u_o's gradient is along v_c, not along itself."),
    ("self.dV = dV / n\n        self.dU = dU / n", "self.dV = dV\n        self.dU = dU",
     "two: 1/N forgotten in both", "The loss is a mean over the pairs."),
    ("dU[k] += (1 - s) * v_c", "dU[k] += s * (1 - s) * v_c",
     "extra sigmoid'", "The sigmoid's derivative is applied although log's 1/s has cancelled it."),
    ("dv = (pos - 1) * u_o\n            dU[o] += (pos - 1) * v_c", "dv = (1 - pos) * u_o\n            dU[o] += (1 - pos) * v_c",
     "two: sign of the positive pair", "1 - pos for pos - 1 in both gradients."),
    ("            # the true pair\n", "            self.U[o] -= 0.3 * (pos - 1) * v_c\n",
     "update before use", "U is stepped inside the loop (u_o is a view) before it is used."),
]
