"""Class in the Kaggle manner: 2x2 max-pool by reshape (CS231n's fast way) next to global average pooling, then a dense layer; forward(x), backward(dout) -> dx, self.grads."""
import numpy as np


class PoolHead:
    def __init__(self, rng, shape, n_out, p=2):
        C, H, W = shape
        self.p = p
        n_feat = C * (H // p) * (W // p) + C
        self.params = {"W": rng.standard_normal((n_feat, n_out)) / np.sqrt(n_feat), "b": rng.standard_normal(n_out)}
        self.grads = {}

    def forward(self, x):
        N, C, H, W = x.shape
        p = self.p
        xr = x.reshape(N, C, H // p, p, W // p, p)
        pooled = xr.max(axis=3).max(axis=4)
        gap = x.mean(axis=(2, 3))
        feat = np.concatenate([pooled.reshape(N, -1), gap], axis=1)
        self.cache = (x.shape, xr, pooled, feat)
        return feat @ self.params["W"] + self.params["b"]

    def backward(self, dout):
        shape, xr, pooled, feat = self.cache
        N, C, H, W = shape
        k = feat.shape[1] - C

        self.grads["W"] = feat.T @ dout
        self.grads["b"] = dout.sum(axis=0)
        dfeat = dout @ self.params["W"].T
        dpool = dfeat[:, :k].reshape(pooled.shape)
        dgap = dfeat[:, k:]

        # max-pool
        mask = xr == pooled[:, :, :, None, :, None]
        dxr = np.zeros_like(xr)
        spread = np.broadcast_to(dpool[:, :, :, None, :, None], xr.shape)
        dxr[mask] = spread[mask]
        dxr /= mask.sum(axis=(3, 5), keepdims=True)
        dx = dxr.reshape(shape)

        # global average
        dx += dgap[:, :, None, None] / (H * W)
        return dx


def example(rng):
    """(object or (forward, backward) pair of functions, x or tuple of inputs)"""
    return PoolHead(rng, (3, 4, 6), 5), rng.standard_normal((2, 3, 4, 6))


def sized(rng):
    """The same with other sizes (N, and T / H / W where there are such)."""
    return PoolHead(rng, (2, 6, 2), 3), rng.standard_normal((4, 2, 6, 2))


MISTAKES = [
    ("dxr[mask] = spread[mask]", "dxr[~mask] = spread[~mask]",
     "mask the wrong way round", "All entries but the maximum get the gradient."),
    ("dxr /= mask.sum(axis=(3, 5), keepdims=True)", "dxr /= self.p * self.p",
     "average pooling's factor", "Divided by the size of the window and not by the number of maxima."),
    ("        dxr[mask] = spread[mask]\n        dxr /= mask.sum(axis=(3, 5), keepdims=True)\n",
     "        dxr += spread\n        dxr /= self.p ** 2\n",
     "two: average pooling's backward for max-pool", "The gradient is spread evenly over the window."),
    ("dx += dgap[:, :, None, None] / (H * W)", "dx += dgap[:, :, None, None]",
     "1/(H*W) forgotten", "The mean's factor is missing."),
    ("dx += dgap[:, :, None, None] / (H * W)", "dx += dgap[:, :, None, None] / (pooled.shape[2] * pooled.shape[3])",
     "wrong normaliser", "The size after the max-pool is used."),
    ("        # global average\n        dx += dgap[:, :, None, None] / (H * W)\n", "",
     "branch forgotten", "The global average has no gradient."),
    ("        dpool = dfeat[:, :k].reshape(pooled.shape)\n        dgap = dfeat[:, k:]\n",
     "        dpool = dfeat[:, C:].reshape(pooled.shape)\n        dgap = dfeat[:, :C]\n",
     "two: slices of the concatenation exchanged", "Split as [gap, pooled]."),
    ("dx = dxr.reshape(shape)", "dx = dxr.transpose(0, 1, 2, 4, 3, 5).reshape(shape)",
     "permuted", "A transpose that would belong to windows listed one after the other."),
    ("dpool = dfeat[:, :k].reshape(pooled.shape)", "dpool = dfeat[:, :k].reshape(pooled.shape[::-1]).T",
     "reshape in the wrong order", "Flattened in C order in the forward and folded in F order."),
    ("mask = xr == pooled[:, :, :, None, :, None]", "mask = xr == xr.max(axis=5, keepdims=True)",
     "maximum over one axis only", "The maximum of each row of the window counts, two entries a window."),
    ("self.grads[\"W\"] = feat.T @ dout", "self.grads[\"W\"] = feat.T @ dout / N",
     "extra 1/N", "There is no mean in this layer."),
    ("spread = np.broadcast_to(dpool[:, :, :, None, :, None], xr.shape)", "spread = np.broadcast_to(pooled[:, :, :, None, :, None], xr.shape)",
     "value for gradient", "The pooled values are routed back in place of their gradient."),
]
