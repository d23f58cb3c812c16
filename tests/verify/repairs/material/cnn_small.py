"""Small CNN with everything in one class: conv - relu - max pool - dense - softmax cross entropy."""
import numpy as np


class SmallCNN:
    def __init__(self, rng, size=6, channels=2, filters=3, k=3, classes=4):
        self.k = k
        pooled = (size - k + 1) // 2
        self.Wc = 0.5 * rng.standard_normal((filters, channels, k, k))
        self.bc = 0.5 * rng.standard_normal(filters) - 0.8
        self.Wd = 0.5 * rng.standard_normal((filters * pooled * pooled, classes))
        self.bd = rng.standard_normal(classes)

    def forward(self, X, y):
        k = self.k
        self.X, self.y = X, y
        N, C, H, W = X.shape
        F = len(self.Wc)
        oh, ow = H - k + 1, W - k + 1

        # convolution
        self.conv = np.zeros((N, F, oh, ow))
        for i in range(oh):
            for j in range(ow):
                patch = X[:, :, i:i + k, j:j + k].reshape(N, -1)
                self.conv[:, :, i, j] = patch @ self.Wc.reshape(F, -1).T + self.bc

        self.act = np.maximum(self.conv, 0)

        # max pooling 2 x 2
        self.pool = np.zeros((N, F, oh // 2, ow // 2))
        for i in range(oh // 2):
            for j in range(ow // 2):
                self.pool[:, :, i, j] = self.act[:, :, 2 * i:2 * i + 2, 2 * j:2 * j + 2].max(axis=(2, 3))

        # dense, softmax, loss
        self.flat = self.pool.reshape(N, -1)
        scores = self.flat @ self.Wd + self.bd
        e = np.exp(scores - scores.max(axis=1, keepdims=True))
        self.probs = e / e.sum(axis=1, keepdims=True)
        return -np.mean(np.log(self.probs[np.arange(N), y]))

    def backward(self):
        k = self.k
        N = len(self.X)

        dscores = self.probs.copy()
        dscores[np.arange(N), self.y] -= 1
        dscores /= N
        self.dWd = self.flat.T @ dscores
        self.dbd = dscores.sum(axis=0)
        dpool = (dscores @ self.Wd.T).reshape(self.pool.shape)

        # the gradient goes to the maximum of each window
        dact = np.zeros_like(self.act)
        for i in range(dpool.shape[2]):
            for j in range(dpool.shape[3]):
                win = self.act[:, :, 2 * i:2 * i + 2, 2 * j:2 * j + 2]
                mask = win == win.max(axis=(2, 3), keepdims=True)
                g = dpool[:, :, i, j][:, :, None, None]
                dact[:, :, 2 * i:2 * i + 2, 2 * j:2 * j + 2] += mask * g

        dconv = dact * (self.conv > 0)

        self.dWc = np.zeros_like(self.Wc)
        self.dbc = dconv.sum(axis=(0, 2, 3))
        dX = np.zeros_like(self.X)
        for i in range(dconv.shape[2]):
            for j in range(dconv.shape[3]):
                d = dconv[:, :, i, j]
                win = self.X[:, :, i:i + k, j:j + k]
                self.dWc += np.tensordot(d, win, axes=(0, 0))
                dX[:, :, i:i + k, j:j + k] += np.tensordot(d, self.Wc, axes=(1, 0))
        return dX


def example(rng):
    return SmallCNN(rng), (rng.standard_normal((2, 2, 6, 6)), np.array([1, 3]))


def sized(rng):
    return SmallCNN(rng, size=8), (rng.standard_normal((3, 2, 8, 8)), np.array([0, 3, 2]))


MISTAKES = [
    ("        dscores[np.arange(N), self.y] -= 1\n", "",
     "label forgotten", "The gradient of the scores is p instead of p - y."),
    ("        dscores /= N\n", "",
     "factor forgotten (1/N)", "The loss is a mean over the batch."),
    ("self.dWc += np.tensordot(d, win, axes=(0, 0))", "self.dWc = np.tensordot(d, win, axes=(0, 0))",
     "= for +=", "Only the last position counts for the filter."),
    ("dX[:, :, i:i + k, j:j + k] += np", "dX[:, :, i:i + k, j:j + k] = np",
     "= for += where windows overlap", "A later window overwrites the overlap."),
    ("dX[:, :, i:i + k, j:j + k] += np.tensordot(d, self.Wc, axes=(1, 0))",
     "dX[:, :, i:i + k, j:j + k] += np.tensordot(d, self.Wc[:, :, ::-1, ::-1], axes=(1, 0))",
     "filter rotated once too often", "The rotation of the full convolution is applied in the scatter form."),
    ("dX[:, :, i:i + k, j:j + k] += np", "dX[:, :, j:j + k, i:i + k] += np",
     "indices exchanged", "i and j are exchanged in the window of dX."),
    ("dact[:, :, 2 * i:2 * i + 2, 2 * j:2 * j + 2] += mask * g",
     "dact[:, :, i:i + 2, j:j + 2] += mask * g",
     "stride forgotten", "The pool's stride is missing in the window of the gradient."),
    ("mask = win == win.max(axis=(2, 3), keepdims=True)", "mask = win == win.max()",
     "axis forgotten", "The maximum over the batch and the filters too."),
    ("mask = win == win.max(axis=(2, 3), keepdims=True)", "mask = np.ones_like(win) / 4",
     "average pooling's gradient", "The gradient is spread over the window."),
    ("dconv = dact * (self.conv > 0)", "dconv = dact",
     "relu' forgotten", "Matters where the maximum of a window is a dead unit (four zeros)."),
    ("dconv = dact * (self.conv > 0)", "dconv = dact * (dact > 0)",
     "mask from the upstream", "The gradient's sign decides."),
    ("d = dconv[:, :, i, j]\n                win = self.X[:, :, i:i + k, j:j + k]",
     "d = dact[:, :, i, j]\n                win = self.X[:, :, j:j + k, i:i + k]",
     "two: gradient before the mask, window transposed", "The wrong gradient and exchanged indices in the window."),
]
