import math
import torch


class GELU(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return 0.5 * x * (1 + torch.erf(x / math.sqrt(2)))

    @staticmethod
    def backward(ctx, grad):
        x, = ctx.saved_tensors
        cdf = 0.5 * (1 + torch.erf(x / math.sqrt(2)))
        pdf = torch.exp(-0.5 * x ** 2) / math.sqrt(2 * math.pi)
        return grad * (cdf + x * pdf)


CASE = dict(make=lambda: GELU, inputs=lambda: (torch.randn(3, 3, generator=torch.Generator().manual_seed(85)),),
            wrong=None, note="Right: exact GELU, cdf + x pdf.")
