"""A tagger in one class: embeddings, a GRU with its biases, a softmax at each step, a mean loss."""

import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


class Tagger:
    def __init__(self, rng, V, D, H, C):
        self.E = rng.standard_normal((V, D))
        self.Wz, self.Wr, self.Wn = (0.6 * rng.standard_normal((D + H, H)) for _k in range(3))
        self.bz, self.br, self.bn = (0.5 * rng.standard_normal(H) for _k in range(3))
        self.Wy, self.by = rng.standard_normal((H, C)), rng.standard_normal(C)

    def forward(self, words, tags):
        self.words, self.tags, self.steps = words, tags, []
        h, loss = np.zeros((1, len(self.bz))), 0.0
        for w, y in zip(words, tags):
            x, before = self.E[w : w + 1], h
            both = np.concatenate([x, before], axis=1)
            z, r = sigmoid(both @ self.Wz + self.bz), sigmoid(both @ self.Wr + self.br)
            inner = np.concatenate([x, r * before], axis=1)
            n = np.tanh(inner @ self.Wn + self.bn)
            h = (1 - z) * before + z * n
            s = h @ self.Wy + self.by
            p = np.exp(s) / np.exp(s).sum(axis=1, keepdims=True)
            loss = loss - np.log(p[0, y])
            self.steps.append((x, before, both, z, r, inner, n, h, p))
        return loss / len(words)

    def backward(self):
        g = {
            name: np.zeros_like(value)
            for name, value in vars(self).items()
            if name in ("E", "Wz", "Wr", "Wn", "bz", "br", "bn", "Wy", "by")
        }
        D, T = self.E.shape[1], len(self.words)
        dnext = np.zeros((1, len(self.bz)))
        for t in range(T - 1, -1, -1):
            x, before, both, z, r, inner, n, h, p = self.steps[t]
            ds = p.copy()
            ds[0, self.tags[t]] -= 1
            ds = ds / T
            g["Wy"] += h.T @ ds
            g["by"] += ds[0]
            dh = ds @ self.Wy.T + dnext
            dz, dn = dh * (n - before), dh * z
            dbefore = dh * (1 - z)
            dn = dn * (1 - n**2)
            g["Wn"] += inner.T @ dn
            g["bn"] += dn[0]
            dinner = dn @ self.Wn.T
            dr = dinner[:, D:] * before
            dbefore = dbefore + dinner[:, D:] * r
            dz, dr = dz * z * (1 - z), dr * r * (1 - r)
            g["Wz"] += both.T @ dz
            g["bz"] += dz[0]
            g["Wr"] += both.T @ dr
            g["br"] += dr[0]
            dboth = dz @ self.Wz.T + dr @ self.Wr.T
            dx = dinner[:, :D] + dboth[:, :D]
            dnext = dbefore + dboth[:, D:]
            g["E"][self.words[t]] += dx[0]
        return g


def example(verify, T=4, V=4, D=3, H=3, C=3, seed=1, **options):
    rng = np.random.default_rng(seed)
    words, tags = ([int(k) for k in rng.integers(0, n, T)] for n in (V, C))
    return verify.layer(Tagger(rng, V, D, H, C), (words, tags), **options)


RIGHT = [
    {"T": 2}, {"T": 3}, {"T": 5}, {"V": 2}, {"V": 6}, {"D": 2}, {"D": 1}, {"H": 2}, {"H": 4},
    {"C": 2}, {"C": 5}, {"seed": 0}, {"seed": 2}, {"seed": 3}, {"seed": 4},
]  # fmt: skip
DEEP = "E Wz Wr Wn bz br bn"
MISTAKES = [
    ("dh = ds @ self.Wy.T + dnext", "dh = ds @ self.Wy.T", "missing_branch", DEEP,
     "nothing is carried"),
    ("dbefore = dh * (1 - z)\n", "dbefore = dh * z\n", "wrong_variable wrong_local_derivative",
     DEEP, "z for 1 - z"),
    ("dbefore = dbefore + dinner[:, D:] * r", "dbefore = dbefore + dinner[:, D:]", "missing_factor",
     DEEP, "the reset gate is missing"),
    ("dx = dinner[:, :D] + dboth[:, :D]", "dx = dboth[:, :D]", "missing_branch", "E",
     "the candidate's path is missing"),
    ("dnext = dbefore + dboth[:, D:]", "dnext = dbefore", "missing_branch", DEEP,
     "the paths through the gates are missing"),
    ("g[\"E\"][self.words[t]] += dx[0]", "g[\"E\"][self.words[t]] = dx[0]",
     "overwritten missing_branch", "E", "repeated words overwrite"),
    ("            ds = ds / T\n", "", "scale", "Wy by " + DEEP, "the mean over the steps"),
    ("g[\"Wn\"] += inner.T @ dn", "g[\"Wn\"] += both.T @ dn",
     "missing_factor wrong_variable", "Wn", "h for r h"),
    ("dz, dn = dh * (n - before), dh * z", "dz, dn = dh * (before - n), dh * z", "sign",
     "Wz bz E", "the sign of dz"),
    ("g[\"by\"] += ds[0]", "g[\"by\"] = ds[0]", "overwritten missing_branch", "by", "= for +="),
    ("dn = dn * (1 - n**2)", "dn = dn * n * (1 - n)", "wrong_local_derivative", DEEP,
     "the derivative of a sigmoid"),
    ("ds[0, self.tags[t]] -= 1", "ds[0, self.tags[t - 1]] -= 1",
     "wrong_variable permuted off_by_one_class shifted", "Wy by " + DEEP,
     "the tag of the step before"),
]  # fmt: skip
