import torch
import torch.nn as nn


class CoucheDense(nn.Module):
    """Couche dense, rétropropagation à la main."""

    def __init__(self, n_entrees, n_sorties):
        super().__init__()
        self.W = nn.Parameter(torch.randn(n_entrees, n_sorties) * 0.3)
        self.b = nn.Parameter(torch.randn(n_sorties) * 0.1)
        self.dW = None
        self.db = None

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dz):
        self.dW = self.x.t() @ dz
        self.db = dz
        return dz @ self.W.t()


def make():
    torch.manual_seed(0)
    return CoucheDense(4, 3)


CASE = dict(
    make=make,
    inputs=lambda: (torch.randn(5, 4, generator=torch.Generator().manual_seed(7)),),
    wrong=dict(gradient="b", kinds=["not_summed"]),
    note="le gradient du biais n'est pas sommé sur les exemples du lot.",
)
