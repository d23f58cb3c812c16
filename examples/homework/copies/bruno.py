"""Copie d'exemple : les erreurs les plus fréquentes dans la couche softmax et la couche dense."""

import numpy as np


class Softmax:
    def forward(self, z):
        e = np.exp(z)  # déborde pour de grands scores
        self.p = e / e.sum(axis=1, keepdims=True)
        return self.p

    def backward(self, d_p):
        return d_p * self.p * (1 - self.p)  # la diagonale de la jacobienne seulement


class EntropieCroisee:
    def forward(self, p, y):
        self.p, self.y = p, y
        return -np.mean(np.sum(y * np.log(p), axis=1))

    def backward(self):
        return -self.y / self.p  # la moyenne est oubliée


def gradient_logits(z, y):
    return y - Softmax().forward(z)  # le signe, et la moyenne


class Dense:
    def __init__(self, W, b):
        self.W = W
        self.b = b

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, d_z):
        self.dW = self.x.T @ d_z
        self.db = d_z  # la somme sur le lot est oubliée
        return d_z @ self.W.T


class MaxPooling:
    def forward(self, x):
        raise NotImplementedError("à compléter")

    def backward(self, d_out):
        raise NotImplementedError("à compléter")


class Convolution:
    def __init__(self, filtres):
        self.filtres = filtres

    def forward(self, images):
        raise NotImplementedError("à compléter")

    def backward(self, d_out):
        raise NotImplementedError("à compléter")
