"""Depthwise-separable convolution (depthwise with stride and padding, leaky ReLU, 1x1 pointwise), nnfs style."""
import numpy as np


class Layer_DepthwiseSeparable:

    def __init__(self, rng, n_channels=2, n_out=3, kernel=3, stride=2, padding=1):
        self.weights = 0.5 * rng.standard_normal((n_channels, kernel, kernel))
        self.biases = rng.standard_normal((1, n_channels))
        self.point_weights = rng.standard_normal((n_out, n_channels))
        self.point_biases = rng.standard_normal((1, n_out))
        self.kernel, self.stride, self.padding = kernel, stride, padding
        self.slope = 0.2

    def forward(self, inputs):
        self.inputs = inputs
        N, C, H, W = inputs.shape
        k, s, p = self.kernel, self.stride, self.padding
        out_h = (H + 2 * p - k) // s + 1
        out_w = (W + 2 * p - k) // s + 1
        self.padded = np.pad(inputs, ((0, 0), (0, 0), (p, p), (p, p)))
        self.depth = np.empty((N, C, out_h, out_w))
        for c in range(C):
            for i in range(out_h):
                for j in range(out_w):
                    window = self.padded[:, c, i * s:i * s + k, j * s:j * s + k]
                    self.depth[:, c, i, j] = np.sum(window * self.weights[c], axis=(1, 2)) + self.biases[0, c]
        self.active = np.where(self.depth > 0, self.depth, self.slope * self.depth)
        self.output = np.einsum("oc,nchw->nohw", self.point_weights, self.active)
        self.output = self.output + self.point_biases[0][None, :, None, None]
        return self.output

    def backward(self, dvalues):
        # pointwise part
        self.dpoint_weights = np.einsum("nohw,nchw->oc", dvalues, self.active)
        self.dpoint_biases = np.sum(dvalues, axis=(0, 2, 3)).reshape(1, -1)
        dactive = np.einsum("oc,nohw->nchw", self.point_weights, dvalues)
        # leaky ReLU
        ddepth = dactive.copy()
        ddepth[self.depth <= 0] *= self.slope
        # depthwise part
        k, s, p = self.kernel, self.stride, self.padding
        N, C, out_h, out_w = ddepth.shape
        self.dweights = np.zeros_like(self.weights)
        self.dbiases = np.zeros_like(self.biases)
        dpadded = np.zeros_like(self.padded)
        for c in range(C):
            for i in range(out_h):
                for j in range(out_w):
                    d = ddepth[:, c, i, j][:, None, None]
                    win = self.padded[:, c, i * s:i * s + k, j * s:j * s + k]
                    self.dweights[c] += np.sum(d * win, axis=0)
                    self.dbiases[0, c] += np.sum(d)
                    dpadded[:, c, i * s:i * s + k, j * s:j * s + k] += d * self.weights[c]
        self.dinputs = dpadded[:, :, p:-p, p:-p]


def example(rng):
    return Layer_DepthwiseSeparable(rng), rng.standard_normal((2, 2, 5, 7))


def sized(rng):
    return Layer_DepthwiseSeparable(rng), rng.standard_normal((3, 2, 7, 5))


MISTAKES = [
    ("ddepth[self.depth <= 0] *= self.slope", "ddepth[self.depth <= 0] = 0", "derivative of another function", "ReLU in place of leaky ReLU."),
    ("ddepth[self.depth <= 0] *= self.slope", "ddepth[dactive <= 0] *= self.slope", "mask of the upstream", "The sign of the gradient decides."),
    ("        ddepth[self.depth <= 0] *= self.slope\n", "", "activation's derivative forgotten", "The leaky ReLU is skipped."),
    ("dpadded[:, c, i * s:i * s + k, j * s:j * s + k] += d * self.weights[c]",
     "dpadded[:, c, i * s:i * s + k, j * s:j * s + k] = d * self.weights[c]", "= for +=", "Overlapping windows overwrite one another."),
    ("dpadded[:, c, i * s:i * s + k, j * s:j * s + k] += d * self.weights[c]",
     "dpadded[:, c, i:i + k, j:j + k] += d * self.weights[c]", "stride forgotten", "The windows advance by one pixel."),
    ("dpadded[:, c, i * s:i * s + k, j * s:j * s + k] += d * self.weights[c]",
     "dpadded[:, c, i * s:i * s + k, j * s:j * s + k] += d * self.weights[c, ::-1, ::-1]", "kernel flipped", "Flipped although the loop scatters already."),
    ("self.dweights[c] += np.sum(d * win, axis=0)", "self.dweights[c] += np.mean(d * win, axis=0)", "mean for sum", "Divided by N."),
    ("self.dweights[c] += np.sum(d * win, axis=0)", "self.dweights[c] += np.sum(d) * np.sum(win, axis=0)", "sum of a product taken apart", "The sum over the batch of d*win is not the product of sums."),
    ("self.dinputs = dpadded[:, :, p:-p, p:-p]", "self.dinputs = dpadded[:, :, :-2 * p, :-2 * p]", "crop on one side", "Padding is taken off at one side only: shifted."),
    ("dvalues, self.active)", "dvalues, self.depth)", "cached value before the activation", "The pointwise weights saw the activated values."),
    ("axis=(0, 2, 3)).reshape(1, -1)", "axis=0).mean(axis=(1, 2)).reshape(1, -1)", "mean over positions", "1/(H W) too small."),
    ("                    d = ddepth[:, c, i, j][:, None, None]\n                    win = self.padded[:, c, i * s:i * s + k, j * s:j * s + k]",
     "                    d = dactive[:, c, i, j][:, None, None]\n                    win = self.padded[:, c, i:i + k, j:j + k]",
     "two: wrong variable, stride forgotten", "Gradient before leaky ReLU' and window without stride."),
]
