"""Max pooling with loops and a mask, Coursera (m, H, W, C), overlapping windows, as a class."""
import numpy as np


def create_mask_from_window(x):
    return x == np.max(x)


class MaxPool:
    def __init__(self, f=3, stride=2):
        self.f = f
        self.stride = stride

    def forward(self, A_prev):
        m, n_H_prev, n_W_prev, n_C = A_prev.shape
        f, stride = self.f, self.stride
        n_H = 1 + (n_H_prev - f) // stride
        n_W = 1 + (n_W_prev - f) // stride
        A = np.zeros((m, n_H, n_W, n_C))
        for i in range(m):
            for h in range(n_H):
                for w in range(n_W):
                    for c in range(n_C):
                        A[i, h, w, c] = np.max(A_prev[i, h * stride:h * stride + f,
                                                      w * stride:w * stride + f, c])
        self.cache = A_prev
        return A

    def backward(self, dA):
        A_prev = self.cache
        f, stride = self.f, self.stride
        m, n_H, n_W, n_C = dA.shape
        dA_prev = np.zeros(A_prev.shape)
        for i in range(m):
            # select training example
            a_prev = A_prev[i]
            for h in range(n_H):
                for w in range(n_W):
                    for c in range(n_C):
                        vert_start = h * stride
                        vert_end = vert_start + f
                        horiz_start = w * stride
                        horiz_end = horiz_start + f
                        a_prev_slice = a_prev[vert_start:vert_end, horiz_start:horiz_end, c]
                        mask = create_mask_from_window(a_prev_slice)
                        dA_prev[i, vert_start:vert_end, horiz_start:horiz_end, c] += mask * dA[i, h, w, c]
        return dA_prev


def example(rng):
    return MaxPool(), rng.standard_normal((2, 5, 7, 2))


def sized(rng):
    return MaxPool(2, 1), rng.standard_normal((3, 5, 4, 2))


MISTAKES = [
    ("horiz_start:horiz_end, c] += mask * dA[i, h, w, c]", "horiz_start:horiz_end, c] = mask * dA[i, h, w, c]",
     "= for +=", "Overlapping windows overwrite one another."),
    ("+= mask * dA[i, h, w, c]", "+= dA[i, h, w, c]", "mask forgotten",
     "The whole window receives the gradient."),
    ("+= mask * dA[i, h, w, c]", "+= mask * a_prev_slice * dA[i, h, w, c]", "extra factor",
     "Multiplied by the value of the maximum."),
    ("+= mask * dA[i, h, w, c]", "+= mask * dA[i, h, w, c] / (f * f)", "average of the window",
     "Divided by the window's size, mixing max and average pooling."),
    ("mask = create_mask_from_window(a_prev_slice)", "mask = a_prev_slice == np.min(a_prev_slice)",
     "min for max", "The mask picks the minimum."),
    ("mask = create_mask_from_window(a_prev_slice)", "mask = create_mask_from_window(a_prev)",
     "mask of the wrong array", "The whole image (all channels): shapes do not fit, it raises."),
    ("mask = create_mask_from_window(a_prev_slice)", "mask = a_prev_slice > 0", "wrong comparison",
     "A ReLU mask in the place of the max mask."),
    ("""                        vert_start = h * stride
                        vert_end = vert_start + f
                        horiz_start = w * stride
""", """                        vert_start = h
                        vert_end = vert_start + f
                        horiz_start = w
""", "stride forgotten, two", "The windows are placed without the stride."),
    ("horiz_start = w * stride", "horiz_start = h * stride", "index",
     "h instead of w for the columns."),
    ("a_prev_slice = a_prev[vert_start", "a_prev_slice = A_prev[0][vert_start", "index of the example",
     "The mask is always that of the first image."),
    ("            a_prev = A_prev[i]\n", "            a_prev = A_prev[i - 1]\n", "index i - 1",
     "The mask of the example before."),
    ("horiz_start:horiz_end, c] += mask * dA[i, h, w, c]", "horiz_start:horiz_end, c] += mask * dA[i, h, w, 0]",
     "index of the channel", "All channels receive the gradient of the first."),
]
