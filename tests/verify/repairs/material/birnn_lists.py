"""Bidirectional vanilla RNN, lists of hidden states, Karpathy-like names, learned initial states."""
import numpy as np


class BiRNN:
    def __init__(self, rng, n_in=3, n_h=4, n_out=2):
        # left-to-right
        self.Wxf = rng.standard_normal((n_h, n_in)) * 0.6
        self.Whf = rng.standard_normal((n_h, n_h)) * 0.5
        self.bf = rng.standard_normal(n_h) * 0.3
        self.h0f = rng.standard_normal(n_h) * 0.5
        # right-to-left
        self.Wxb = rng.standard_normal((n_h, n_in)) * 0.6
        self.Whb = rng.standard_normal((n_h, n_h)) * 0.5
        self.bb = rng.standard_normal(n_h) * 0.3
        self.h0b = rng.standard_normal(n_h) * 0.5
        # output
        self.Wyf = rng.standard_normal((n_out, n_h))
        self.Wyb = rng.standard_normal((n_out, n_h))
        self.by = rng.standard_normal(n_out)

    def forward(self, xs):
        T = len(xs)
        self.xs = xs
        hf = [self.h0f]                 # hf[t+1] is the state after xs[t]
        for t in range(T):
            hf.append(np.tanh(self.Wxf @ xs[t] + self.Whf @ hf[t] + self.bf))
        hb = [None] * (T + 1)
        hb[T] = self.h0b                # hb[t] is the state after reading xs[T-1] .. xs[t]
        for t in reversed(range(T)):
            hb[t] = np.tanh(self.Wxb @ xs[t] + self.Whb @ hb[t + 1] + self.bb)
        self.hf, self.hb = hf, hb
        ys = [self.Wyf @ hf[t + 1] + self.Wyb @ hb[t] + self.by for t in range(T)]
        return np.array(ys)

    def backward(self, dys):
        xs, hf, hb = self.xs, self.hf, self.hb
        T = len(xs)
        for name in ("Wxf", "Whf", "bf", "Wxb", "Whb", "bb", "Wyf", "Wyb", "by"):
            setattr(self, "d" + name, np.zeros_like(getattr(self, name)))
        dxs = np.zeros_like(xs)

        # output layer
        for t in range(T):
            self.dWyf += np.outer(dys[t], hf[t + 1])
            self.dWyb += np.outer(dys[t], hb[t])
            self.dby += dys[t]

        # through time, left-to-right cell
        dhnext = np.zeros_like(self.bf)
        for t in reversed(range(T)):
            dh = self.Wyf.T @ dys[t] + dhnext
            draw = (1 - hf[t + 1] ** 2) * dh
            self.dWxf += np.outer(draw, xs[t])
            self.dWhf += np.outer(draw, hf[t])
            self.dbf += draw
            dxs[t] += self.Wxf.T @ draw
            dhnext = self.Whf.T @ draw
        self.dh0f = dhnext

        # through time, right-to-left cell
        dhnext = np.zeros_like(self.bb)
        for t in range(T):
            dh = self.Wyb.T @ dys[t] + dhnext
            draw = (1 - hb[t] ** 2) * dh
            self.dWxb += np.outer(draw, xs[t])
            self.dWhb += np.outer(draw, hb[t + 1])
            self.dbb += draw
            dxs[t] += self.Wxb.T @ draw
            dhnext = self.Whb.T @ draw
        self.dh0b = dhnext
        return dxs


def example(rng):
    return BiRNN(rng), rng.standard_normal((5, 3))


def sized(rng):
    return BiRNN(rng, n_h=5), rng.standard_normal((7, 3))


MISTAKES = [
    ("for t in range(T):\n            dh = self.Wyb.T @ dys[t] + dhnext",
     "for t in reversed(range(T)):\n            dh = self.Wyb.T @ dys[t] + dhnext",
     "time order of the second cell",
     "The right-to-left cell must be unrolled from t=0 up; the loop is copied from the first cell."),
    ("        dhnext = np.zeros_like(self.bb)\n", "",
     "accumulator not reset", "The carried gradient of the first cell leaks into the second one."),
    ("self.dWhf += np.outer(draw, hf[t])", "self.dWhf += np.outer(draw, hf[t + 1])",
     "index t / t-1", "The recurrent weights multiply the previous state, not the new one."),
    ("draw = (1 - hf[t + 1] ** 2) * dh", "draw = (1 - hf[t] ** 2) * dh",
     "index t / t-1 in tanh'", "tanh' is taken at the previous state."),
    ("dxs[t] += self.Wxb.T @ draw", "dxs[t] = self.Wxb.T @ draw",
     "= for +=", "The second direction overwrites the first one's gradient of the input."),
    ("dhnext = self.Whf.T @ draw", "dhnext = self.Whf @ draw",
     "transpose", "Square matrix, so nothing complains."),
    ("dhnext = self.Whb.T @ draw", "dhnext = self.Whf.T @ draw",
     "wrong variable of the same shape", "The weights of the other direction (copy-paste)."),
    ("dh = self.Wyb.T @ dys[t] + dhnext", "dh = self.Wyb.T @ dys[t]",
     "forgotten path through time", "Nothing comes back from the following state."),
    ("self.dWhb += np.outer(draw, hb[t + 1])", "self.dWhb += np.outer(draw, hb[t - 1])",
     "index t+1 / t-1", "In the right-to-left cell the preceding state is t+1."),
    ("self.dWyb += np.outer(dys[t], hb[t])", "self.dWyb += np.outer(dys[t], hb[t + 1])",
     "index shifted in the output layer", "Copied from the left-to-right line, where t+1 is right."),
    ("self.dbf += draw", "self.dbf += dh",
     "wrong variable of the same shape", "The gradient before tanh' goes to the bias."),
    ("            dhnext = self.Whf.T @ draw\n        self.dh0f = dhnext",
     "            dhnext = draw\n        self.dh0f = self.Whf.T @ dhnext",
     "two: recurrent matrix forgotten, then applied once at the end",
     "The matrix must be applied at each step, not only for h0."),
]
