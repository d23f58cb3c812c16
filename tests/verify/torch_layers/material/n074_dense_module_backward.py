import torch
import torch.nn as nn


class CoucheDense(nn.Module):
    def __init__(self, entree, sortie):
        super().__init__()
        self.poids = nn.Parameter(torch.randn(entree, sortie) * 0.2)
        self.biais = nn.Parameter(torch.zeros(sortie))
        self.grad_poids = torch.zeros(entree, sortie)
        self.grad_biais = torch.zeros(sortie)

    def forward(self, x):
        self.x = x
        return torch.addmm(self.biais, x, self.poids)

    def backward(self, grad_sortie):
        self.grad_poids = self.x.t().mm(grad_sortie)
        self.grad_biais = grad_sortie.sum(0)
        return grad_sortie.mm(self.poids.t())


def make():
    torch.manual_seed(74)
    return CoucheDense(4, 3)


CASE = dict(make=make, inputs=lambda: (torch.randn(5, 4, generator=torch.Generator().manual_seed(74)),),
            wrong=None, note="Juste : couche dense qui garde grad_poids et grad_biais.")
