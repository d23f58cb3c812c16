"""Copie d'exemple : tout est juste."""

import numpy as np


class Softmax:
    def forward(self, z):
        e = np.exp(z - z.max(axis=1, keepdims=True))
        self.p = e / e.sum(axis=1, keepdims=True)
        return self.p

    def backward(self, d_p):
        return self.p * (d_p - (d_p * self.p).sum(axis=1, keepdims=True))


class EntropieCroisee:
    def forward(self, p, y):
        self.p, self.y = p, y
        return -(y * np.log(p)).sum() / len(y)

    def backward(self):
        return -self.y / self.p / len(self.y)


def gradient_logits(z, y):
    return (Softmax().forward(z) - y) / len(y)


class Dense:
    def __init__(self, W, b):
        self.W = W
        self.b = b

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, d_z):
        self.dW = self.x.T @ d_z
        self.db = d_z.sum(axis=0)
        return d_z @ self.W.T


class MaxPooling:
    def forward(self, x):
        n, f, h, w = x.shape
        fenetres = x.reshape(n, f, h // 2, 2, w // 2, 2).swapaxes(3, 4)
        fenetres = fenetres.reshape(n, f, h // 2, w // 2, 4)
        self.forme = x.shape
        self.gagnant = fenetres.argmax(axis=-1)[..., None]
        return fenetres.max(axis=-1)

    def backward(self, d_out):
        n, f, h, w = self.forme
        fenetres = np.zeros((*d_out.shape, 4))
        np.put_along_axis(fenetres, self.gagnant, d_out[..., None], axis=-1)
        fenetres = fenetres.reshape(n, f, h // 2, w // 2, 2, 2)
        return fenetres.swapaxes(3, 4).reshape(n, f, h, w)


class Convolution:
    def __init__(self, filtres):
        self.filtres = filtres

    def forward(self, images):
        self.images = images
        n, h, w = images.shape
        sortie = np.zeros((n, len(self.filtres), h - 2, w - 2))
        for i in range(h - 2):
            for j in range(w - 2):
                morceau = images[:, i : i + 3, j : j + 3]
                sortie[:, :, i, j] = np.einsum("nkl,fkl->nf", morceau, self.filtres)
        return sortie

    def backward(self, d_out):
        self.d_filtres = np.zeros_like(self.filtres)
        d_images = np.zeros_like(self.images)
        for i in range(d_out.shape[2]):
            for j in range(d_out.shape[3]):
                morceau = self.images[:, i : i + 3, j : j + 3]
                d = d_out[:, :, i, j]
                self.d_filtres += np.einsum("nf,nkl->fkl", d, morceau)
                d_images[:, i : i + 3, j : j + 3] += np.einsum("nf,fkl->nkl", d, self.filtres)
        return d_images
