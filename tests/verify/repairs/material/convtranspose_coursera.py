"""Transposed convolution (learned upsampling) with tanh, Coursera style: A_prev, W, b, cache, dA."""
import numpy as np


def conv_transpose_forward(A_prev, W, b, stride=2, pad=1):
    """A_prev (m, n_H, n_W, n_C_prev), W (f, f, n_C_prev, n_C), b (1, 1, 1, n_C)."""
    m, n_H_prev, n_W_prev, n_C_prev = A_prev.shape
    f, f, n_C_prev, n_C = W.shape
    full_H = (n_H_prev - 1) * stride + f
    full_W = (n_W_prev - 1) * stride + f
    Z_full = np.zeros((m, full_H, full_W, n_C))
    for i in range(m):
        for h in range(n_H_prev):
            for w in range(n_W_prev):
                vs, hs = h * stride, w * stride
                # each pixel stamps a whole patch
                Z_full[i, vs:vs + f, hs:hs + f, :] += np.dot(A_prev[i, h, w, :], W)
    Z = Z_full[:, pad:full_H - pad, pad:full_W - pad, :] + b
    A = np.tanh(Z)
    cache = (A_prev, W, b, A, stride, pad)
    return A, cache


def conv_transpose_backward(dA, cache):
    (A_prev, W, b, A, stride, pad) = cache
    m, n_H_prev, n_W_prev, n_C_prev = A_prev.shape
    f, f, n_C_prev, n_C = W.shape

    dZ = dA * (1 - np.power(A, 2))
    db = np.sum(dZ, axis=(0, 1, 2), keepdims=True)
    dZ_full = np.pad(dZ, ((0, 0), (pad, pad), (pad, pad), (0, 0)))

    dA_prev = np.zeros(A_prev.shape)
    dW = np.zeros(W.shape)
    for i in range(m):
        for h in range(n_H_prev):
            for w in range(n_W_prev):
                vert_start = h * stride
                horiz_start = w * stride
                patch = dZ_full[i, vert_start:vert_start + f, horiz_start:horiz_start + f, :]
                for c in range(n_C_prev):
                    dA_prev[i, h, w, c] += np.sum(W[:, :, c, :] * patch)
                    dW[:, :, c, :] += A_prev[i, h, w, c] * patch
    return dA_prev, dW, db


def example(rng):
    args = rng.standard_normal((2, 2, 3, 2)), 0.5 * rng.standard_normal((3, 3, 2, 3)), rng.standard_normal((1, 1, 1, 3))
    return (conv_transpose_forward, conv_transpose_backward), args


def sized(rng):
    args = rng.standard_normal((3, 3, 2, 2)), 0.5 * rng.standard_normal((4, 4, 2, 3)), rng.standard_normal((1, 1, 1, 3))
    return (conv_transpose_forward, conv_transpose_backward), args


MISTAKES = [
    ("dZ = dA * (1 - np.power(A, 2))", "dZ = dA * (1 - A)", "power forgotten", "tanh' is 1 - A^2."),
    ("dZ = dA * (1 - np.power(A, 2))", "dZ = dA * (1 - np.power(np.tanh(A), 2))", "derivative at a for z", "tanh is applied twice."),
    ("dZ = dA * (1 - np.power(A, 2))", "dZ = dA * A * (1 - A)", "derivative of another function", "The sigmoid's derivative."),
    ("db = np.sum(dZ, axis=(0, 1, 2), keepdims=True)", "db = np.sum(dA, axis=(0, 1, 2), keepdims=True)", "wrong variable", "Before tanh'."),
    ("db = np.sum(dZ, axis=(0, 1, 2), keepdims=True)", "db = np.sum(dZ, axis=(0, 1, 2), keepdims=True) / m", "extra 1/m", "No mean in the forward."),
    ("vert_start = h * stride\n", "vert_start = h\n", "stride forgotten in one direction", "Vertical windows overlap too much."),
    ("                vert_start = h * stride\n                horiz_start = w * stride",
     "                vert_start = h\n                horiz_start = w", "two: stride forgotten in both", "As for a convolution with stride one."),
    ("np.sum(W[:, :, c, :] * patch)", "np.sum(W[::-1, ::-1, c, :] * patch)", "kernel flipped", "The backward of a transposed convolution is a plain correlation."),
    ("dW[:, :, c, :] += A_prev[i, h, w, c] * patch", "dW[:, :, c, :] = A_prev[i, h, w, c] * patch", "= for +=", "Only the last pixel counts."),
    ("dA_prev[i, h, w, c] += np.sum(W[:, :, c, :] * patch)", "dA_prev[i, h, w, c] += np.sum(W[:, :, c, :]) * np.sum(patch)", "product of sums", "Sum of the product taken apart."),
    ("((0, 0), (pad, pad), (pad, pad), (0, 0))", "((0, 0), (2 * pad, 0), (2 * pad, 0), (0, 0))", "padding on one side", "The gradient is shifted by one pixel."),
    ("dW[:, :, c, :] += A_prev[i, h, w, c] * patch", "dW[:, :, c, :] += A_prev[0, h, w, c] * patch", "constant index", "Always the first example."),
]
