"""Convolution with four loops, CS231n naive (out, cache), stride and padding, bias."""
import numpy as np

STRIDE = 2
PAD = 1


def conv_forward_naive(x, w, b):
    N, C, H, W = x.shape
    F, _, HH, WW = w.shape
    H_out = 1 + (H + 2 * PAD - HH) // STRIDE
    W_out = 1 + (W + 2 * PAD - WW) // STRIDE
    x_pad = np.pad(x, ((0, 0), (0, 0), (PAD, PAD), (PAD, PAD)), mode="constant")
    out = np.zeros((N, F, H_out, W_out))
    for n in range(N):
        for f in range(F):
            for i in range(H_out):
                for j in range(W_out):
                    h, v = i * STRIDE, j * STRIDE
                    out[n, f, i, j] = np.sum(x_pad[n, :, h:h + HH, v:v + WW] * w[f]) + b[f]
    cache = (x, x_pad, w, b)
    return out, cache


def conv_backward_naive(dout, cache):
    x, x_pad, w, b = cache
    N, F, H_out, W_out = dout.shape
    HH, WW = w.shape[2:]
    H, W = x.shape[2:]
    dx_pad = np.zeros_like(x_pad)
    dw = np.zeros_like(w)
    db = np.zeros_like(b)
    for n in range(N):
        for f in range(F):
            db[f] += np.sum(dout[n, f])
            for i in range(H_out):
                for j in range(W_out):
                    hs = i * STRIDE
                    ws = j * STRIDE
                    dw[f] += x_pad[n, :, hs:hs + HH, ws:ws + WW] * dout[n, f, i, j]
                    dx_pad[n, :, hs:hs + HH, ws:ws + WW] += w[f] * dout[n, f, i, j]
    # remove the padding
    dx = dx_pad[:, :, PAD:PAD + H, PAD:PAD + W]
    return dx, dw, db


def example(rng):
    x = rng.standard_normal((2, 3, 5, 6))
    w = rng.standard_normal((5, 3, 3, 2))
    b = rng.standard_normal(5)
    return (conv_forward_naive, conv_backward_naive), (x, w, b)


def sized(rng):
    x = rng.standard_normal((3, 2, 4, 6))
    w = rng.standard_normal((1, 2, 2, 4))
    b = rng.standard_normal(1)
    return (conv_forward_naive, conv_backward_naive), (x, w, b)


MISTAKES = [
    ("dw[f] += x_pad", "dw[f] = x_pad", "= for +=", "dw keeps the last window only."),
    ("WW] += w[f] * dout", "WW] = w[f] * dout", "= for +=",
     "Overlapping windows overwrite one another in dx."),
    ("+= w[f] * dout[n, f, i, j]", "+= w[f][:, ::-1, ::-1] * dout[n, f, i, j]", "kernel flipped",
     "The kernel is flipped although the loop scatters it directly."),
    ("""                    hs = i * STRIDE
                    ws = j * STRIDE
""", """                    hs = i
                    ws = j
""", "stride forgotten, two", "The windows are placed without the stride."),
    ("dx = dx_pad[:, :, PAD:PAD + H, PAD:PAD + W]", "dx = dx_pad[:, :, :H, :W]", "crop",
     "The padding is cut at the end only: everything is shifted by one."),
    ("dx = dx_pad[:, :, PAD:PAD + H, PAD:PAD + W]", "dx = dx_pad", "crop forgotten",
     "The padding stays in dx (wrong shape)."),
    ("db[f] += np.sum(dout[n, f])", "db[f] = np.sum(dout[n, f])", "= for +=",
     "Only the last image counts for the bias."),
    ("db[f] += np.sum(dout[n, f])", "db[f] += np.mean(dout[n, f])", "mean for sum",
     "Mean over the positions instead of the sum."),
    ("* dout[n, f, i, j]\n                    dx_pad", "* dout[n, f, H_out - 1 - i, j]\n                    dx_pad",
     "index reversed", "The rows of dout are read from the bottom in dw."),
    ("ws = j * STRIDE", "ws = j", "stride forgotten", "The stride is missing in one direction."),
    ("            db[f] += np.sum(dout[n, f])\n            for i in range(H_out):",
     "            for i in range(H_out):\n                db[f] += np.sum(dout[n, f])",
     "statement in the wrong loop", "The bias is accumulated once per row."),
    ("+= w[f] * dout[n, f, i, j]", "+= w[f] * dout[n, f, i, j] / (HH * WW)", "extra factor",
     "Divided by the kernel's area, as in an average pooling."),
]
