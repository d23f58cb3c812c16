import torch
from torch import nn


class WeightNormFn(torch.autograd.Function):
    """w = g * v / ||v|| (Salimans & Kingma), one norm per row"""

    @staticmethod
    def forward(ctx, v, g):
        n = v.norm(dim=1, keepdim=True)
        ctx.save_for_backward(v, g, n)
        return g * v / n

    @staticmethod
    def backward(ctx, dw):
        v, g, n = ctx.saved_tensors
        dg = (dw * v / n).sum(1, keepdim=True)
        dv = dw * g / n
        return dv, dg


class WNLinear(nn.Module):
    def __init__(self, i, o):
        super().__init__()
        self.v = nn.Parameter(torch.randn(o, i))
        self.g = nn.Parameter(torch.rand(o, 1) + 0.5)

    def forward(self, x):
        return x @ WeightNormFn.apply(self.v, self.g).t()


def make():
    torch.manual_seed(58)
    return WNLinear(4, 3)


CASE = dict(
    make=make,
    inputs=lambda: (torch.randn(5, 4, generator=torch.Generator().manual_seed(58)),),
    wrong=dict(gradient="v", kinds=["treated_constant", "missing_term"]),
    note="||v|| is taken as a constant in dv: the projection - g dg v / ||v||^2 is missing.",
)
