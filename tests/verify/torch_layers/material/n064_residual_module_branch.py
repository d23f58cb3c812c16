import torch
from torch import nn


class ResidualBlock(nn.Module):
    """y = x + tanh(x W) V"""

    def __init__(self, d, h):
        super().__init__()
        self.W = nn.Parameter(torch.randn(d, h) / 2)
        self.V = nn.Parameter(torch.randn(h, d) / 2)

    def forward(self, x):
        self.x = x
        self.a = torch.tanh(x @ self.W)
        return x + self.a @ self.V

    def backward(self, grad_y):
        self.grad_V = self.a.T @ grad_y
        da = grad_y @ self.V.T
        dz = da * (1 - self.a ** 2)
        self.grad_W = self.x.T @ dz
        return dz @ self.W.T


def make():
    torch.manual_seed(64)
    return ResidualBlock(4, 6)


CASE = dict(
    make=make,
    inputs=lambda: (torch.randn(3, 4, generator=torch.Generator().manual_seed(64)),),
    wrong=dict(gradient="x", kinds=["missing_term"]),
    note="the gradient of the skip connection is forgotten: + grad_y.",
)
