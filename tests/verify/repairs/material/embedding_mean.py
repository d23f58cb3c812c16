"""fastText-like classifier: embedding, mean over the (not padded) words, dense; parameters and gradients in dicts."""
import numpy as np


class BagOfWords:
    def __init__(self, rng, vocab=9, dim=3, classes=4):
        self.params = {
            "E": rng.standard_normal((vocab, dim)),
            "W": rng.standard_normal((dim, classes)),
            "b": rng.standard_normal(classes),
        }
        self.grads = {}

    def forward(self, ids):
        # ids: (N, T) of integers, 0 is the padding
        self.ids = ids
        self.mask = (ids != 0).astype(float)
        self.lengths = self.mask.sum(axis=1, keepdims=True)
        vecs = self.params["E"][ids] * self.mask[:, :, None]
        self.mean = vecs.sum(axis=1) / self.lengths
        return self.mean @ self.params["W"] + self.params["b"]

    def backward(self, dlogits):
        self.grads["W"] = self.mean.T @ dlogits
        self.grads["b"] = dlogits.sum(axis=0)

        dmean = dlogits @ self.params["W"].T
        dsum = dmean / self.lengths
        dvecs = np.repeat(dsum[:, None, :], self.ids.shape[1], axis=1)
        dvecs = dvecs * self.mask[:, :, None]

        dE = np.zeros_like(self.params["E"])
        np.add.at(dE, self.ids, dvecs)
        self.grads["E"] = dE
        return self.grads


def example(rng):
    ids = np.array([[3, 1, 3, 0, 0],
                    [2, 8, 5, 1, 4],
                    [7, 7, 2, 6, 0],
                    [5, 0, 0, 0, 0],
                    [1, 4, 3, 7, 0],
                    [6, 2, 0, 0, 0]])
    return BagOfWords(rng), ids


def sized(rng):
    ids = np.array([[3, 1, 3, 8, 0, 0, 0],
                    [2, 8, 5, 1, 4, 4, 6],
                    [7, 7, 2, 6, 1, 0, 0]])
    return BagOfWords(rng), ids


MISTAKES = [
    ("np.add.at(dE, self.ids, dvecs)", "dE[self.ids] += dvecs",
     "repeated indices counted once", "Fancy indexing with += is buffered; a word that comes twice is added once."),
    ("np.add.at(dE, self.ids, dvecs)", "dE[self.ids] = dvecs",
     "= for +=", "The last occurrence of a word overwrites the others."),
    ("dsum = dmean / self.lengths", "dsum = dmean",
     "factor forgotten (mean)", "The mean's 1/length is not in the backward."),
    ("dsum = dmean / self.lengths", "dsum = dmean / self.ids.shape[1]",
     "wrong constant", "Divides by T although the mean is over the words that are no padding."),
    ("dsum = dmean / self.lengths", "dsum = dmean * self.lengths",
     "multiplied for divided", "The length is on the wrong side of the fraction."),
    ("        dvecs = dvecs * self.mask[:, :, None]\n", "",
     "mask forgotten", "The padding row gets a gradient too."),
    ("dvecs = dvecs * self.mask[:, :, None]", "dvecs = dvecs * (1 - self.mask[:, :, None])",
     "mask wrong way", "Only the padding gets a gradient."),
    ("dsum = dmean / self.lengths\n        dvecs = np.repeat(dsum[:, None, :], self.ids.shape[1], axis=1)\n"
     "        dvecs = dvecs * self.mask[:, :, None]\n",
     "dvecs = np.repeat(dmean[:, None, :], self.ids.shape[1], axis=1)\n"
     "        dvecs = dvecs / self.ids.shape[1]\n",
     "two: wrong length and no mask", "Written for a mean without padding: T for the length, and no mask."),
    ("self.grads[\"b\"] = dlogits.sum(axis=0)", "self.grads[\"b\"] = dlogits.mean(axis=0)",
     "mean for sum", "The bias's gradient is averaged over the batch."),
    ("self.grads[\"b\"] = dlogits.sum(axis=0)", "self.grads[\"b\"] = dlogits",
     "not summed", "The bias was broadcast over the batch; its gradient is not summed back."),
    ("self.grads[\"W\"] = self.mean.T @ dlogits",
     "self.grads[\"W\"] = self.params[\"E\"][self.ids].sum(axis=1).T @ dlogits",
     "sum of the words for their mean", "The dense layer's input is recomputed as a sum (padding included)."),
    ("np.add.at(dE, self.ids, dvecs)", "np.add.at(dE, self.ids - 1, dvecs)",
     "index off by one", "As if the words were numbered from 1 (-1 wraps round silently)."),
]
