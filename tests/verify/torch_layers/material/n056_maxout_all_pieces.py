import torch


class Maxout(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, pieces):
        n, d = x.shape
        ctx.pieces = pieces
        return x.view(n, d // pieces, pieces).max(-1)[0]

    @staticmethod
    def backward(ctx, grad_output):
        # every piece of the unit gets the gradient of the unit
        n, units = grad_output.shape
        g = grad_output.unsqueeze(-1).expand(n, units, ctx.pieces)
        return g.reshape(n, units * ctx.pieces), None


CASE = dict(
    make=lambda: Maxout,
    inputs=lambda: (torch.randn(3, 6, generator=torch.Generator().manual_seed(56)), 2),
    wrong=dict(gradient="x", kinds=["missing_mask", "wrong_mask"]),
    note="all the pieces receive the gradient, not only the one that was the maximum.",
)
