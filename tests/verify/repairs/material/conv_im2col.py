"""Convolution by im2col / col2im, class with W, b, stride, pad (deep-learning-from-scratch style)."""
import numpy as np


def im2col(x, fh, fw, stride, pad):
    N, C, H, W = x.shape
    out_h = (H + 2 * pad - fh) // stride + 1
    out_w = (W + 2 * pad - fw) // stride + 1
    img = np.pad(x, [(0, 0), (0, 0), (pad, pad), (pad, pad)])
    col = np.zeros((N, C, fh, fw, out_h, out_w))
    for y in range(fh):
        y_max = y + stride * out_h
        for x_ in range(fw):
            x_max = x_ + stride * out_w
            col[:, :, y, x_, :, :] = img[:, :, y:y_max:stride, x_:x_max:stride]
    return col.transpose(0, 4, 5, 1, 2, 3).reshape(N * out_h * out_w, -1)


def col2im(dcol, shape, fh, fw, stride, pad):
    N, C, H, W = shape
    out_h = (H + 2 * pad - fh) // stride + 1
    out_w = (W + 2 * pad - fw) // stride + 1
    dcol = dcol.reshape(N, out_h, out_w, C, fh, fw).transpose(0, 3, 4, 5, 1, 2)
    dimg = np.zeros((N, C, H + 2 * pad + stride - 1, W + 2 * pad + stride - 1))
    for a in range(fh):
        a_end = a + stride * out_h
        for b in range(fw):
            b_end = b + stride * out_w
            dimg[:, :, a:a_end:stride, b:b_end:stride] += dcol[:, :, a, b, :, :]
    return dimg[:, :, pad:H + pad, pad:W + pad]


class Convolution:
    def __init__(self, W, b, stride=2, pad=1):
        self.W = W
        self.b = b
        self.stride = stride
        self.pad = pad

    def forward(self, x):
        FN, C, FH, FW = self.W.shape
        N, C, H, W = x.shape
        out_h = (H + 2 * self.pad - FH) // self.stride + 1
        out_w = (W + 2 * self.pad - FW) // self.stride + 1
        col = im2col(x, FH, FW, self.stride, self.pad)
        col_W = self.W.reshape(FN, -1).T
        out = np.dot(col, col_W) + self.b
        self.x, self.col, self.col_W = x, col, col_W
        return out.reshape(N, out_h, out_w, -1).transpose(0, 3, 1, 2)

    def backward(self, dout):
        FN, C, FH, FW = self.W.shape
        dout = dout.transpose(0, 2, 3, 1).reshape(-1, FN)

        self.db = np.sum(dout, axis=0)
        self.dW = np.dot(self.col.T, dout)
        self.dW = self.dW.transpose(1, 0).reshape(FN, C, FH, FW)

        dcol = np.dot(dout, self.col_W.T)
        dx = col2im(dcol, self.x.shape, FH, FW, self.stride, self.pad)
        return dx


def example(rng):
    return Convolution(rng.standard_normal((4, 2, 3, 3)), rng.standard_normal(4)), rng.standard_normal((2, 2, 5, 7))


def sized(rng):
    return Convolution(rng.standard_normal((4, 2, 3, 3)), rng.standard_normal(4)), rng.standard_normal((3, 2, 7, 9))


MISTAKES = [
    ("dout = dout.transpose(0, 2, 3, 1).reshape(-1, FN)", "dout = dout.reshape(-1, FN)",
     "transpose forgotten before a reshape", "The filters are not brought to the last axis; only the shape fits."),
    ("dout = dout.transpose(0, 2, 3, 1).reshape(-1, FN)", "dout = dout.transpose(0, 3, 2, 1).reshape(-1, FN)",
     "axes exchanged", "Height and width change places in the rows."),
    ("self.dW = self.dW.transpose(1, 0).reshape(FN, C, FH, FW)", "self.dW = self.dW.reshape(FN, C, FH, FW)",
     "transpose forgotten before a reshape", "(C FH FW, FN) is reshaped without transposing first."),
    ("dimg[:, :, a:a_end:stride, b:b_end:stride] += dcol", "dimg[:, :, a:a_end:stride, b:b_end:stride] = dcol",
     "= for += where windows overlap", "col2im must add the overlapping windows."),
    ("return dimg[:, :, pad:H + pad, pad:W + pad]", "return dimg[:, :, :H, :W]",
     "padding not cut off", "The result is shifted by the padding."),
    ("dcol = dcol.reshape(N, out_h, out_w, C, fh, fw).transpose(0, 3, 4, 5, 1, 2)",
     "dcol = dcol.reshape(N, out_h, out_w, C, fh, fw).transpose(0, 3, 5, 4, 1, 2)",
     "axes exchanged", "Filter height and width change places (square filters hide it)."),
    ("dcol = dcol.reshape(N, out_h, out_w, C, fh, fw).transpose(0, 3, 4, 5, 1, 2)",
     "dcol = dcol.reshape(N, C, fh, fw, out_h, out_w)",
     "reshape for transpose", "Reshaped directly to the wanted shape; the numbers land elsewhere."),
    ("self.db = np.sum(dout, axis=0)", "self.db = np.sum(dout, axis=0) / self.x.shape[0]",
     "extra factor 1/N", "The bias is divided by the batch size."),
    ("self.db = np.sum(dout, axis=0)", "self.db = np.mean(dout, axis=0)",
     "mean for sum", "Mean over batch and positions."),
    ("dcol = np.dot(dout, self.col_W.T)\n        dx = col2im(dcol, self.x.shape, FH, FW, self.stride, self.pad)",
     "dcol = np.dot(dout, self.W.reshape(-1, FN).T)\n        dx = col2im(dcol, self.x.shape, FH, FW, self.stride, self.pad)",
     "reshape for transpose", "W is reshaped to (C FH FW, FN) directly instead of reshape and transpose."),
    ("dcol = np.dot(dout, self.col_W.T)", "dcol = np.dot(dout, self.col_W.T[:, ::-1])",
     "filter rotated", "The filter is turned round although col2im needs it as it is."),
    ("self.db = np.sum(dout, axis=0)\n        self.dW = np.dot(self.col.T, dout)\n",
     "self.db = np.mean(dout, axis=0)\n        self.dW = np.dot(self.col.T, dout) / len(dout)\n",
     "two: averaged over the rows of col", "Both parameters are divided by N * out_h * out_w."),
]
