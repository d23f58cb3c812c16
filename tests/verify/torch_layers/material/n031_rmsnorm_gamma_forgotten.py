import torch
from torch import nn


class _RMS(torch.autograd.Function):
    @staticmethod
    def forward(x, gamma):
        r = (x * x).mean(-1, keepdim=True).add(1e-6).sqrt()
        return x / r * gamma

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, g):
        x, gamma = ctx.saved_tensors
        r = (x * x).mean(-1, keepdim=True).add(1e-6).sqrt()
        n = x / r
        dx = (g - n * (g * n).mean(-1, keepdim=True)) / r
        dgamma = (g * n).sum(0)
        return dx, dgamma


class RMSNorm(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.gamma = nn.Parameter(torch.linspace(0.5, 1.5, d))

    def forward(self, x):
        return _RMS.apply(x, self.gamma)


CASE = dict(
    make=lambda: RMSNorm(4),
    inputs=lambda: (torch.randn(5, 4, generator=torch.Generator().manual_seed(31)),),
    wrong=dict(gradient="x", kinds=["missing_factor"]),
    note="g must first be multiplied by gamma before it goes through the normalisation.",
)
