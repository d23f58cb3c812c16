"""Causal dilated 1-D convolution over time, a callable layer with backprop(); loops over t and the taps k."""
import numpy as np


class CausalConv1D:
    def __init__(self, rng, c_in=2, c_out=4, taps=3, dilation=2, stride=2):
        self.W = rng.standard_normal((c_out, c_in, taps))
        self.b = rng.standard_normal(c_out)
        self.taps = taps
        self.dilation = dilation
        self.stride = stride

    def __call__(self, x):
        # x: (N, c_in, T), padded on the left only
        N, C, T = x.shape
        self.pad = (self.taps - 1) * self.dilation
        self.xp = np.concatenate([np.zeros((N, C, self.pad)), x], axis=2)
        t_out = (T - 1) // self.stride + 1
        y = np.zeros((N, len(self.W), t_out))
        for t in range(t_out):
            y[:, :, t] = self.b
            for k in range(self.taps):
                pos = t * self.stride + k * self.dilation
                y[:, :, t] += self.xp[:, :, pos] @ self.W[:, :, k].T
        return y

    def backprop(self, dy):
        self.dW = np.zeros_like(self.W)
        self.db = dy.sum(axis=(0, 2))
        dxp = np.zeros_like(self.xp)
        for t in range(dy.shape[2]):
            g = dy[:, :, t]
            for k in range(self.taps):
                tau = t * self.stride + k * self.dilation
                self.dW[:, :, k] += g.T @ self.xp[:, :, tau]
                dxp[:, :, tau] += g @ self.W[:, :, k]
        return dxp[:, :, self.pad:]


def example(rng):
    return CausalConv1D(rng), rng.standard_normal((3, 2, 7))


def sized(rng):
    return CausalConv1D(rng), rng.standard_normal((4, 2, 10))


MISTAKES = [
    ("tau = t * self.stride + k * self.dilation", "tau = t * self.stride + k",
     "dilation forgotten", "The taps are next to each other in the backward."),
    ("tau = t * self.stride + k * self.dilation", "tau = t + k * self.dilation",
     "stride forgotten", "The output's time index is used for the input's."),
    ("tau = t * self.stride + k * self.dilation", "tau = t * self.stride + (self.taps - 1 - k) * self.dilation",
     "kernel flipped", "True convolution's order of the taps in the backward only."),
    ("dxp[:, :, tau] += g @ self.W[:, :, k]", "dxp[:, :, tau] = g @ self.W[:, :, k]",
     "= for +=", "Overlapping taps overwrite each other."),
    ("self.dW[:, :, k] += g.T @ self.xp[:, :, tau]", "self.dW[:, :, k] = g.T @ self.xp[:, :, tau]",
     "= for += over time", "Only the last time step counts for the weights."),
    ("dxp[:, :, tau] += g @ self.W[:, :, k]", "dxp[:, :, tau] += g @ self.W[:, :, -k]",
     "wrong index", "W[-k] runs the taps in another order (tap 0 stays)."),
    ("return dxp[:, :, self.pad:]", "return dxp[:, :, :-self.pad]",
     "padding cut off at the wrong end", "The padding is on the left."),
    ("return dxp[:, :, self.pad:]", "return dxp",
     "padding not cut off", "The gradient has T + pad steps."),
    ("g = dy[:, :, t]", "g = dy[:, :, t - 1]",
     "index t - 1 for t", "At t = 0 it wraps round to the last step."),
    ("self.db = dy.sum(axis=(0, 2))", "self.db = dy.sum(axis=0).mean(axis=1)",
     "mean for sum over time", "The bias's gradient is averaged over time."),
    ("        self.dW = np.zeros_like(self.W)\n        self.db = dy.sum(axis=(0, 2))",
     "        self.dW = self.W.copy()\n        self.db = self.b + dy.sum(axis=(0, 2))",
     "two: accumulators begin with the parameters", "The accumulators are initialised with W and b instead of zeros."),
    ("for t in range(dy.shape[2]):", "for t in range(1, dy.shape[2]):",
     "loop's limits", "The first time step is left out."),
]
