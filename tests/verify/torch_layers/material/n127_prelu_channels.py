import torch
from torch import nn


class PReLUFn(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, alpha):
        a = alpha.view(1, -1, 1, 1)
        ctx.save_for_backward(x, alpha)
        return x.clamp(min=0) + a * x.clamp(max=0)

    @staticmethod
    def backward(ctx, g):
        x, alpha = ctx.saved_tensors
        neg = (x < 0).to(x.dtype)
        gx = g * (1 - neg + alpha.view(1, -1, 1, 1) * neg)
        galpha = (g * x * neg).sum(dim=(0, 2, 3))
        return gx, galpha


class PReLU(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.alpha = nn.Parameter(torch.linspace(0.1, 0.4, c))

    def forward(self, x):
        return PReLUFn.apply(x, self.alpha)


CASE = dict(make=lambda: PReLU(3), inputs=lambda: (torch.randn(2, 3, 2, 4, generator=torch.Generator().manual_seed(128)),),
            wrong=None, note="Right: one slope per channel.")
