import torch
from torch import nn


class ProjectionFn(torch.autograd.Function):
    """(B, T, D) x (D, E)"""

    @staticmethod
    def forward(ctx, x, W, b):
        ctx.save_for_backward(x, W)
        return torch.einsum('btd,de->bte', x, W) + b

    @staticmethod
    def backward(ctx, dy):
        x, W = ctx.saved_tensors
        dx = torch.einsum('bte,de->btd', dy, W)
        dW = torch.einsum('bte,btd->de', dy, x)
        db = dy.sum((0, 1))
        return dx, dW, db


class Projection(nn.Module):
    def __init__(self, d, e):
        super().__init__()
        self.W = nn.Parameter(torch.randn(d, e))
        self.b = nn.Parameter(torch.randn(e))

    def forward(self, x):
        return ProjectionFn.apply(x, self.W, self.b)


def make():
    torch.manual_seed(73)
    return Projection(4, 5)


CASE = dict(make=make, inputs=lambda: (torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(73)),),
            wrong=None, note="Right: linear layer on sequences by einsum, summed over batch and time.")
