"""Vanilla RNN many to one with BPTT and SGD update, Victor Zhou's manner (Whh, Wxh, Why, last_hs), columns."""
import numpy as np


class RNN:
    def __init__(self, rng, input_size, hidden_size, output_size, lr=2e-2):
        self.Whh = rng.standard_normal((hidden_size, hidden_size)) * 0.5
        self.Wxh = rng.standard_normal((hidden_size, input_size)) * 0.5
        self.Why = rng.standard_normal((output_size, hidden_size)) * 0.8
        self.bh = rng.standard_normal((hidden_size, 1)) * 0.3
        self.by = rng.standard_normal((output_size, 1)) * 0.3
        self.lr = lr

    def forward(self, inputs):
        """inputs: (T, input_size, 1), one sequence."""
        h = np.zeros((self.Whh.shape[0], 1))
        self.last_inputs = inputs
        self.last_hs = {0: h}
        for i, x in enumerate(inputs):
            h = np.tanh(self.Wxh @ x + self.Whh @ h + self.bh)
            self.last_hs[i + 1] = h
        return self.Why @ h + self.by

    def backprop(self, d_y):
        """d_y: (output_size, 1), gradient of the loss with respect to the output."""
        n = len(self.last_inputs)
        d_Why = d_y @ self.last_hs[n].T
        d_by = d_y

        d_Whh = np.zeros(self.Whh.shape)
        d_Wxh = np.zeros(self.Wxh.shape)
        d_bh = np.zeros(self.bh.shape)
        d_x = np.zeros(self.last_inputs.shape)

        # dL/dh for the last h
        d_h = self.Why.T @ d_y
        # backpropagate through time
        for t in reversed(range(n)):
            # dL/dh * (1 - h^2)
            temp = (1 - self.last_hs[t + 1] ** 2) * d_h
            d_bh += temp
            d_Whh += temp @ self.last_hs[t].T
            d_Wxh += temp @ self.last_inputs[t].T
            d_x[t] = self.Wxh.T @ temp
            # next dL/dh
            d_h = self.Whh.T @ temp

        # gradient descent
        self.Whh -= self.lr * d_Whh
        self.Wxh -= self.lr * d_Wxh
        self.Why -= self.lr * d_Why
        self.bh -= self.lr * d_bh
        self.by -= self.lr * d_by
        return d_x


def example(rng):
    return RNN(rng, 2, 4, 3), rng.standard_normal((5, 2, 1))


def sized(rng):
    return RNN(rng, 3, 5, 2), rng.standard_normal((4, 3, 1))


MISTAKES = [
    ("d_h = self.Whh.T @ temp", "d_h = self.Whh @ temp", "transposed",
     "Whh is not transposed on the way back in time."),
    ("temp = (1 - self.last_hs[t + 1] ** 2) * d_h", "temp = (1 - self.last_hs[t] ** 2) * d_h",
     "index t / t+1", "The tanh's derivative at the state before."),
    ("d_Whh += temp @ self.last_hs[t].T", "d_Whh += temp @ self.last_hs[t + 1].T", "index t / t+1",
     "The state of the same step instead of the one before."),
    ("            d_h = self.Whh.T @ temp\n", "", "forgotten line",
     "The gradient is not sent back in time: d_h stays that of the end."),
    ("d_h = self.Whh.T @ temp", "d_h += self.Whh.T @ temp", "+= for =",
     "The gradient of the later step is added again, there is only one output."),
    ("d_h = self.Whh.T @ temp", "d_h = self.Whh.T @ d_h", "wrong variable of the same shape",
     "The gradient goes back without the tanh's derivative."),
    ("for t in reversed(range(n)):", "for t in range(n):", "order of time",
     "The loop runs forwards in time."),
    ("for t in reversed(range(n)):", "for t in reversed(range(1, n)):", "off by one",
     "The first step is left out."),
    ("d_bh += temp", "d_bh += d_h", "wrong variable of the same shape",
     "The bias takes the gradient after the tanh."),
    ("""            d_Whh += temp @ self.last_hs[t].T
            d_Wxh += temp @ self.last_inputs[t].T
""", """            d_Whh = temp @ self.last_hs[t].T
            d_Wxh = temp @ self.last_inputs[t].T
""", "= for +=, two", "Both weight gradients keep the first time step only."),
    ("self.by -= self.lr * d_by", "self.by -= d_by", "lr forgotten", "One update without the learning rate."),
    ("""        d_Why = d_y @ self.last_hs[n].T
""", """        d_Why = d_y @ self.last_hs[n - 1].T
""", "off by one", "The last but one state for the output weights."),
]
