import torch


class SoftplusBeta(torch.autograd.Function):
    """softplus(x) = log(1 + exp(beta x)) / beta"""

    @staticmethod
    def forward(ctx, x, beta):
        ctx.beta = beta
        ctx.save_for_backward(x)
        return torch.log1p(torch.exp(beta * x)) / beta

    @staticmethod
    def backward(ctx, g):
        x, = ctx.saved_tensors
        return g * ctx.beta * torch.sigmoid(ctx.beta * x), None


CASE = dict(
    make=lambda: SoftplusBeta,
    inputs=lambda: (torch.randn(10, generator=torch.Generator().manual_seed(3)), 2.5),
    wrong=dict(gradient="x", kinds=["scale", "extra_factor"]),
    note="the inner derivative beta is cancelled by the division by beta, yet it was kept.",
)
