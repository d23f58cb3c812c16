import torch


class CumSum(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, dim):
        ctx.dim = dim
        return torch.cumsum(x, dim)

    @staticmethod
    def backward(ctx, grad):
        return torch.cumsum(grad, ctx.dim), None


CASE = dict(
    make=lambda: CumSum,
    inputs=lambda: (torch.randn(3, 5, generator=torch.Generator().manual_seed(45)), 1),
    wrong=dict(gradient="x", kinds=["not_flipped", "transpose"]),
    note="x_i influences the sums from i onwards: the gradient is a cumulated sum from the right.",
)
