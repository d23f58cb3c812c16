"""Convolution + ReLU with sliding_window_view and einsum (stride 2, padding 1), a callable class; layer(x), layer.backprop(dout) -> dx, attributes dw, db."""
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


class ConvRelu:
    def __init__(self, rng, in_ch, out_ch, ksize=3, stride=2, pad=1):
        self.w = rng.standard_normal((out_ch, in_ch, ksize, ksize)) / np.sqrt(in_ch * ksize * ksize)
        self.b = 0.4 * rng.standard_normal(out_ch)
        self.ksize, self.stride, self.pad = ksize, stride, pad

    def __call__(self, x):
        s, p, k = self.stride, self.pad, self.ksize
        self.xp = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
        win = sliding_window_view(self.xp, (k, k), axis=(2, 3))
        self.win = win[:, :, ::s, ::s]                       # n c h w i j
        self.z = np.einsum("nchwij,fcij->nfhw", self.win, self.w) + self.b[:, None, None]
        return np.maximum(self.z, 0)

    def backprop(self, dout):
        s, p, k = self.stride, self.pad, self.ksize
        dz = dout * (self.z > 0)
        n, f, oh, ow = dz.shape

        self.db = np.einsum("nfhw->f", dz)
        self.dw = np.einsum("nchwij,nfhw->fcij", self.win, dz)

        dwin = np.einsum("nfhw,fcij->nchwij", dz, self.w)
        dxp = np.zeros_like(self.xp)
        for i in range(k):
            for j in range(k):
                dxp[:, :, i:i + s * oh:s, j:j + s * ow:s] += dwin[..., i, j]
        return dxp[:, :, p:-p, p:-p]


def example(rng):
    """(object or (forward, backward) pair of functions, x or tuple of inputs)"""
    return ConvRelu(rng, 2, 3), rng.standard_normal((2, 2, 5, 6))


def sized(rng):
    """The same with other sizes (N, and T / H / W where there are such)."""
    return ConvRelu(rng, 3, 4), rng.standard_normal((3, 3, 6, 4))


MISTAKES = [
    ("dz = dout * (self.z > 0)", "dz = dout",
     "relu' forgotten", "The activation's derivative is left out."),
    ("dz = dout * (self.z > 0)", "dz = np.maximum(dout, 0)",
     "relu of the gradient", "ReLU is applied to the upstream in place of its mask."),
    ("dxp[:, :, i:i + s * oh:s, j:j + s * ow:s] += dwin[..., i, j]", "dxp[:, :, i:i + s * oh:s, j:j + s * ow:s] = dwin[..., i, j]",
     "= for +=", "Overlapping windows overwrite one another."),
    ("dxp[:, :, i:i + s * oh:s, j:j + s * ow:s] += dwin[..., i, j]", "dxp[:, :, i:i + oh, j:j + ow] += dwin[..., i, j]",
     "stride forgotten", "The windows are put back as though they were one pixel apart."),
    ("dxp[:, :, i:i + s * oh:s, j:j + s * ow:s] += dwin[..., i, j]", "dxp[:, :, i:i + s * oh:s, j:j + s * ow:s] += dwin[..., k - 1 - i, k - 1 - j]",
     "kernel flipped", "Turned by 180 degrees although this scatter needs no flip."),
    ("return dxp[:, :, p:-p, p:-p]", "return dxp[:, :, :-2 * p, :-2 * p]",
     "crop shifted", "The padding is cut off at one side only."),
    ("return dxp[:, :, p:-p, p:-p]", "return dxp",
     "padding not cropped", "The gradient has the shape of the padded input."),
    ("self.dw = np.einsum(\"nchwij,nfhw->fcij\", self.win, dz)", "self.dw = np.einsum(\"nchwij,nfhw->fcji\", self.win, dz)",
     "letters exchanged", "The kernel gradient is transposed."),
    ("self.db = np.einsum(\"nfhw->f\", dz)", "self.db = dz.mean(axis=(0, 2, 3))",
     "mean for sum", "The bias gradient is averaged over batch and pixels."),
    ("self.db = np.einsum(\"nfhw->f\", dz)", "self.db = dz[-1].sum(axis=(1, 2))",
     "last image only", "The batch is not summed."),
    ("dwin = np.einsum(\"nfhw,fcij->nchwij\", dz, self.w)", "dwin = np.einsum(\"nfhw,fcij->nchwij\", dout, self.w)",
     "wrong variable of the same shape", "The gradient before the ReLU's mask goes to the input."),
    ("        self.dw = np.einsum(\"nchwij,nfhw->fcij\", self.win, dz)\n\n        dwin = np.einsum(\"nfhw,fcij->nchwij\", dz, self.w)\n",
     "        self.dw = np.einsum(\"nchwij,nfhw->fcij\", self.win, dz) / n\n\n        dwin = np.einsum(\"nfhw,fcji->nchwij\", dz, self.w)\n",
     "two: extra 1/n and letters exchanged", "dw is averaged over the batch, and the kernel is transposed for dx."),
]
