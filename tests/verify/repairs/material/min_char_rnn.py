"""Loss of Karpathy's min-char-rnn (xs, hs, ys, ps, dhnext), as a class with the parameters inside."""
import numpy as np


class CharRNN:
    def __init__(self, rng, vocab_size, hidden_size):
        self.vocab_size, self.hidden_size = vocab_size, hidden_size
        self.Wxh = rng.standard_normal((hidden_size, vocab_size)) * 0.6
        self.Whh = rng.standard_normal((hidden_size, hidden_size)) * 0.6
        self.Why = rng.standard_normal((vocab_size, hidden_size)) * 0.8
        self.bh = rng.standard_normal((hidden_size, 1)) * 0.3
        self.by = rng.standard_normal((vocab_size, 1)) * 0.3
        self.hprev = rng.standard_normal((hidden_size, 1)) * 0.5

    def forward(self, inputs, targets):
        """inputs, targets: lists of integers. Returns the loss (sum over the steps)."""
        xs, hs, ps = {}, {}, {}
        hs[-1] = np.copy(self.hprev)
        loss = 0
        for t in range(len(inputs)):
            xs[t] = np.zeros((self.vocab_size, 1))
            xs[t][inputs[t]] = 1
            hs[t] = np.tanh(np.dot(self.Wxh, xs[t]) + np.dot(self.Whh, hs[t - 1]) + self.bh)
            ys = np.dot(self.Why, hs[t]) + self.by
            ps[t] = np.exp(ys) / np.sum(np.exp(ys))
            loss += -np.log(ps[t][targets[t], 0])
        self.cache = xs, hs, ps, targets
        return loss

    def backward(self):
        xs, hs, ps, targets = self.cache
        dWxh, dWhh, dWhy = np.zeros_like(self.Wxh), np.zeros_like(self.Whh), np.zeros_like(self.Why)
        dbh, dby = np.zeros_like(self.bh), np.zeros_like(self.by)
        dhnext = np.zeros_like(hs[0])
        for t in reversed(range(len(targets))):
            dy = np.copy(ps[t])
            dy[targets[t]] -= 1  # backprop into y
            dWhy += np.dot(dy, hs[t].T)
            dby += dy
            dh = np.dot(self.Why.T, dy) + dhnext  # backprop into h
            dhraw = (1 - hs[t] * hs[t]) * dh  # backprop through tanh
            dbh += dhraw
            dWxh += np.dot(dhraw, xs[t].T)
            dWhh += np.dot(dhraw, hs[t - 1].T)
            dhnext = np.dot(self.Whh.T, dhraw)
        return {"Wxh": dWxh, "Whh": dWhh, "Why": dWhy, "bh": dbh, "by": dby, "hprev": dhnext}


def example(rng):
    s = rng.integers(0, 5, 7)
    return CharRNN(rng, 5, 4), (s[:-1], s[1:])


def sized(rng):
    s = rng.integers(0, 4, 6)
    return CharRNN(rng, 4, 3), (s[:-1], s[1:])


MISTAKES = [
    (" + dhnext  # backprop into h", "  # backprop into h", "forgotten path",
     "The gradient of the next step is not added."),
    ("            dhnext = np.dot(self.Whh.T, dhraw)\n", "", "forgotten line", "dhnext stays zero."),
    ("dhnext = np.dot(self.Whh.T, dhraw)", "dhnext = np.dot(self.Whh, dhraw)", "transposed",
     "Whh without its transpose (square, so no error)."),
    ("dhnext = np.dot(self.Whh.T, dhraw)", "dhnext = np.dot(self.Whh.T, dh)", "wrong variable of the same shape",
     "dh for dhraw: one tanh' is missing on the way back."),
    ("dhraw = (1 - hs[t] * hs[t]) * dh", "dhraw = (1 - hs[t]) * dh", "power", "1 - h for 1 - h^2."),
    ("dWhh += np.dot(dhraw, hs[t - 1].T)", "dWhh += np.dot(dhraw, hs[t].T)", "index t / t-1",
     "The state of the same step."),
    ("dWxh += np.dot(dhraw, xs[t].T)", "dWxh = np.dot(dhraw, xs[t].T)", "= for +=",
     "Only the last visited step counts."),
    ("            dy[targets[t]] -= 1  # backprop into y\n", "", "label forgotten",
     "The probabilities alone are sent back."),
    ("dy[targets[t]] -= 1", "dy[targets[t - 1]] -= 1", "index t / t-1",
     "The target of the step before."),
    ("dbh += dhraw", "dbh += dh", "wrong variable of the same shape", "The bias takes dh."),
    ("""            dWhy += np.dot(dy, hs[t].T)
            dby += dy
""", """            dWhy += np.dot(dy, hs[t].T) / len(targets)
            dby += dy / len(targets)
""", "1/T too many, two", "The output layer averages over the steps, the loss sums."),
    ("""        for t in reversed(range(len(targets))):
            dy = np.copy(ps[t])
""", """        for t in reversed(range(len(targets))):
            dhnext = np.zeros_like(hs[0])
            dy = np.copy(ps[t])
""", "accumulator reset in the loop", "dhnext is set to zero in each step."),
]
