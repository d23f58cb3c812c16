import torch
from torch import nn


class BatchNorm1d(nn.Module):
    def __init__(self, d, eps=1e-5):
        super().__init__()
        self.gamma = nn.Parameter(torch.rand(d) + 0.5)
        self.beta = nn.Parameter(torch.randn(d))
        self.eps = eps

    def forward(self, x):
        mu = x.mean(0)
        var = x.var(0, unbiased=False)
        self.inv_std = 1 / torch.sqrt(var + self.eps)
        self.x_hat = (x - mu) * self.inv_std
        return self.gamma * self.x_hat + self.beta

    def backward(self, dout):
        self.grad_gamma = (dout * self.x_hat).sum(0)
        self.grad_beta = dout.sum(0)
        return dout * self.gamma * self.inv_std


def make():
    torch.manual_seed(27)
    return BatchNorm1d(3)


CASE = dict(
    make=make,
    inputs=lambda: (2 * torch.randn(7, 3, generator=torch.Generator().manual_seed(1)) + 1,),
    wrong=dict(gradient="x", kinds=["treated_constant", "missing_term"]),
    note="mean and variance depend on x too; here they are taken as constants.",
)
