import torch
import torch.nn as nn


class ReseauDeuxCouches(nn.Module):
    def __init__(self, d, h, c):
        super().__init__()
        self.W1 = nn.Parameter(torch.randn(d, h) / d ** 0.5)
        self.b1 = nn.Parameter(torch.zeros(h))
        self.W2 = nn.Parameter(torch.randn(h, c) / h ** 0.5)
        self.b2 = nn.Parameter(torch.zeros(c))
        self.grads = {}

    def forward(self, X, y):
        self.X, self.y = X, y
        self.z1 = X @ self.W1 + self.b1
        self.a1 = self.z1.clamp(min=0)
        scores = self.a1 @ self.W2 + self.b2
        self.probas = torch.softmax(scores, dim=1)
        return -self.probas[torch.arange(len(y)), y].log().mean()

    def backward(self):
        n = len(self.y)
        dz2 = self.probas.clone()
        dz2[torch.arange(n), self.y] -= 1
        dz2 /= n
        self.grads['W2'] = self.a1.t() @ dz2
        self.grads['b2'] = dz2.mean(0)
        dz1 = dz2 @ self.W2.t()
        self.grads['W1'] = self.X.t() @ dz1
        self.grads['b1'] = dz1.sum(0)
        return self.grads


def make():
    torch.manual_seed(62)
    return ReseauDeuxCouches(4, 5, 3)


def donnees():
    torch.manual_seed(63)
    return torch.randn(6, 4), torch.tensor([0, 2, 1, 1, 0, 2])


CASE = dict(
    make=make,
    inputs=donnees,
    wrong=dict(gradient="b2", kinds=["scale"]),
    note="deux erreurs : db2 est une moyenne au lieu d'une somme, et le masque de relu manque dans dz1 (W1 et b1).",
)
