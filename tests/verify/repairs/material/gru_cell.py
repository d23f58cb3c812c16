"""GRU over time, one class, parameters and gradients in dicts (Wz, Uz, bz, ...), blog manner."""
import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


class GRU:
    def __init__(self, rng, n_in, n_hid):
        self.params = {}
        for k in "zrh":
            self.params["W" + k] = 0.6 * rng.standard_normal((n_in, n_hid))
            self.params["U" + k] = 0.6 * rng.standard_normal((n_hid, n_hid))
            self.params["b" + k] = 0.4 * rng.standard_normal(n_hid)
        self.n_hid = n_hid

    def forward(self, X):
        """X (T, N, n_in) -> all states (T, N, n_hid)"""
        P = self.params
        T, N, _ = X.shape
        h = np.zeros((N, self.n_hid))
        self.steps, out = [], []
        for t in range(T):
            z = sigmoid(X[t] @ P["Wz"] + h @ P["Uz"] + P["bz"])
            r = sigmoid(X[t] @ P["Wr"] + h @ P["Ur"] + P["br"])
            hh = np.tanh(X[t] @ P["Wh"] + (r * h) @ P["Uh"] + P["bh"])
            h_new = z * h + (1 - z) * hh
            self.steps.append((X[t], h, z, r, hh))
            h = h_new
            out.append(h)
        return np.array(out)

    def backward(self, dH):
        P = self.params
        self.grads = {k: np.zeros_like(v) for k, v in P.items()}
        G = self.grads
        T, N, _ = dH.shape
        dX = np.zeros((T, N, P["Wz"].shape[0]))
        dh_next = np.zeros((N, self.n_hid))
        for t in reversed(range(T)):
            x, h_prev, z, r, hh = self.steps[t]
            dh = dH[t] + dh_next

            dhh = dh * (1 - z)
            dhh_raw = dhh * (1 - hh ** 2)
            dz = dh * (h_prev - hh)
            dz_raw = dz * z * (1 - z)
            drh = dhh_raw @ P["Uh"].T
            dr = drh * h_prev
            dr_raw = dr * r * (1 - r)

            G["Wh"] += x.T @ dhh_raw
            G["Uh"] += (r * h_prev).T @ dhh_raw
            G["bh"] += dhh_raw.sum(axis=0)
            G["Wz"] += x.T @ dz_raw
            G["Uz"] += h_prev.T @ dz_raw
            G["bz"] += dz_raw.sum(axis=0)
            G["Wr"] += x.T @ dr_raw
            G["Ur"] += h_prev.T @ dr_raw
            G["br"] += dr_raw.sum(axis=0)

            dX[t] = dhh_raw @ P["Wh"].T + dz_raw @ P["Wz"].T + dr_raw @ P["Wr"].T
            dh_next = dh * z
            dh_next = dh_next + drh * r
            dh_next = dh_next + dz_raw @ P["Uz"].T + dr_raw @ P["Ur"].T
        return dX


def example(rng):
    return GRU(rng, 3, 4), rng.standard_normal((5, 2, 3))


def sized(rng):
    return GRU(rng, 2, 3), rng.standard_normal((4, 5, 2))


MISTAKES = [
    ("dz = dh * (h_prev - hh)", "dz = dh * (hh - h_prev)", "sign",
     "The convention of the other GRU: z and 1 - z exchanged."),
    ("dhh = dh * (1 - z)", "dhh = dh * z", "z / 1 - z", "z for 1 - z in the candidate."),
    ("dh_next = dh * z\n", "dh_next = dh * (1 - z)\n", "z / 1 - z",
     "1 - z for z in the direct path."),
    ("            dh_next = dh_next + drh * r\n", "", "forgotten path",
     "The path through the reset state is missing."),
    ("dh_next = dh_next + drh * r", "dh_next = dh_next + drh", "forgotten factor",
     "The reset gate is missing in the path through r * h."),
    (" + dr_raw @ P[\"Ur\"].T", "", "forgotten path", "The path through the reset gate is missing."),
    ("dr = drh * h_prev", "dr = drh * hh", "wrong variable of the same shape",
     "The candidate for the old state."),
    ("G[\"Uh\"] += (r * h_prev).T @ dhh_raw", "G[\"Uh\"] += h_prev.T @ dhh_raw", "forgotten factor",
     "The reset gate is missing in Uh's gradient."),
    ("drh = dhh_raw @ P[\"Uh\"].T", "drh = dhh_raw @ P[\"Uh\"]", "transposed",
     "Uh without its transpose."),
    ("drh = dhh_raw @ P[\"Uh\"].T", "drh = dhh @ P[\"Uh\"].T", "wrong variable of the same shape",
     "The candidate's tanh' is skipped on the way to r * h."),
    ("""            dz_raw = dz * z * (1 - z)
            drh = dhh_raw @ P["Uh"].T
            dr = drh * h_prev
            dr_raw = dr * r * (1 - r)
""", """            dz_raw = dz * (1 - z ** 2)
            drh = dhh_raw @ P["Uh"].T
            dr = drh * h_prev
            dr_raw = dr * (1 - r ** 2)
""", "derivative of another function, two", "tanh's derivative for both sigmoid gates."),
    ("dh = dH[t] + dh_next", "dh = dH[t] if t == T - 1 else dh_next", "forgotten term",
     "The upstream gradient is used at the last step only."),
]
