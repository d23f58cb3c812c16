import torch


class Clamp(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, lo, hi):
        ctx.save_for_backward(x)
        ctx.lo, ctx.hi = lo, hi
        return x.clamp(lo, hi)

    @staticmethod
    def backward(ctx, g):
        x, = ctx.saved_tensors
        g = g.clone()
        g[x < ctx.lo] = 0
        return g, None, None


CASE = dict(
    make=lambda: Clamp,
    inputs=lambda: (torch.tensor([-2., -.5, .3, .9, 1.4, 3.]), -1.0, 1.0),
    wrong=dict(gradient="x", kinds=["wrong_mask", "missing_mask", "missing_factor"]),
    note="the gradient is stopped below lo but not above hi.",
)
