"""Copie d'exemple : de bonnes couches denses, des erreurs dans la convolution et le max-pooling."""

import numpy as np


class Softmax:
    def forward(self, z):
        z -= z.max(axis=1, keepdims=True)  # change le tableau reçu
        self.p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
        return self.p

    def backward(self, d_p):
        d_z = np.zeros_like(d_p)
        for n, p in enumerate(self.p):
            d_z[n] = (np.diag(p) - np.outer(p, p)) @ d_p[n]
        return d_z


class EntropieCroisee:
    def forward(self, p, y):
        self.p, self.y = p, y
        return -np.log(p[y == 1]).mean()

    def backward(self):
        return -self.y / self.p / len(self.y)


def gradient_logits(z, y):
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    return (p - y) / len(y)


class Dense:
    def __init__(self, W, b):
        self.W = W
        self.b = b

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, d_z):
        self.dW = np.einsum("nd,nc->dc", self.x, d_z)
        self.db = d_z.sum(axis=0)
        # pas de return : le gradient de l'entrée est perdu


class MaxPooling:
    def forward(self, x):
        self.x = x
        n, f, h, w = x.shape
        self.sortie = x.reshape(n, f, h // 2, 2, w // 2, 2).max(axis=(3, 5))
        return self.sortie

    def backward(self, d_out):
        agrandir = lambda a: a.repeat(2, axis=2).repeat(2, axis=3)
        return agrandir(d_out) * (self.x == agrandir(self.sortie))  # à tous les ex æquo


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
                d = d_out[:, :, i, j]
                self.d_filtres += np.einsum("nf,nkl->fkl", d, self.images[:, i : i + 3, j : j + 3])
                # = au lieu de += : chaque fenêtre efface les précédentes
                d_images[:, i : i + 3, j : j + 3] = np.einsum("nf,fkl->nkl", d, self.filtres)
        return d_images
