import torch
from torch import nn


class RMSNormF32(torch.autograd.Function):
    """Computes in float32 whatever comes in, as the Llama code does."""

    @staticmethod
    def forward(ctx, x, weight, eps):
        x32 = x.to(torch.float32)
        inv = torch.rsqrt(x32.square().mean(-1, keepdim=True) + eps)
        normed = x32 * inv
        ctx.save_for_backward(normed, inv, weight)
        return (normed * weight).to(x.dtype)

    @staticmethod
    def backward(ctx, grad):
        normed, inv, weight = ctx.saved_tensors
        g = grad.float() * weight.float()
        dx = inv * (g - normed * (g * normed).mean(-1, keepdim=True))
        dw = (grad.float() * normed).flatten(0, -2).sum(0)
        return dx.to(grad.dtype), dw.to(weight.dtype), None


class RMSNorm(nn.Module):
    def __init__(self, d, eps=1e-6):
        super().__init__()
        self.weight = nn.Parameter(torch.linspace(.5, 1.5, d))
        self.eps = eps

    def forward(self, x):
        return RMSNormF32.apply(x, self.weight, self.eps)


def plain(x, weight):
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-6) * weight


CASE = dict(make=lambda: RMSNorm(6), inputs=lambda: (torch.randn(2, 3, 6, generator=torch.Generator().manual_seed(106)),),
            wrong=None, note="Right up to single precision: everything is cast to float32 inside.")
