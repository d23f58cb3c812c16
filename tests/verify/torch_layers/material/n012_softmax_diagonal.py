import torch


class SoftmaxFn(torch.autograd.Function):
    @staticmethod
    def forward(ctx, scores, dim):
        e = torch.exp(scores - scores.max(dim=dim, keepdim=True).values)
        p = e / e.sum(dim=dim, keepdim=True)
        ctx.save_for_backward(p)
        ctx.dim = dim
        return p

    @staticmethod
    def backward(ctx, dp):
        p, = ctx.saved_tensors
        return dp * p * (1 - p), None


CASE = dict(
    make=lambda: SoftmaxFn,
    inputs=lambda: (torch.randn(3, 5, generator=torch.Generator().manual_seed(12)), -1),
    wrong=dict(gradient="scores", kinds=["diagonal_only"]),
    note="only the diagonal p(1-p) of the Jacobian of softmax is used.",
)
