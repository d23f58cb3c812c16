import torch


class Softmax(torch.autograd.Function):
    @staticmethod
    def forward(ctx, z, dim):
        z = z - z.amax(dim, keepdim=True)
        e = z.exp_()
        p = e.div_(e.sum(dim, keepdim=True))
        ctx.save_for_backward(p)
        ctx.dim = dim
        return p

    @staticmethod
    def backward(ctx, dp):
        p, = ctx.saved_tensors
        t = dp * p
        return t - p * t.sum(ctx.dim, keepdim=True), None


CASE = dict(make=lambda: Softmax, inputs=lambda: (torch.randn(2, 4, 3, generator=torch.Generator().manual_seed(87)), 1),
            wrong=None, note="Right: in-place operations on a fresh tensor, the middle axis.")
