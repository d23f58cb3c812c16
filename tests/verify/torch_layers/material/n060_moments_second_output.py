import torch


class Moments(torch.autograd.Function):
    """Returns mean and variance of each column."""

    @staticmethod
    def forward(ctx, x):
        m = x.mean(0)
        v = ((x - m) ** 2).mean(0)
        ctx.save_for_backward(x, m)
        return m, v

    @staticmethod
    def backward(ctx, gm, gv):
        x, m = ctx.saved_tensors
        n = x.shape[0]
        return (gm / n).expand_as(x)


CASE = dict(
    make=lambda: Moments,
    inputs=lambda: (torch.randn(6, 3, generator=torch.Generator().manual_seed(60)),),
    wrong=dict(gradient="x", kinds=["missing_term"]),
    note="the gradient that comes from the second output (the variance) is ignored.",
)
