import torch


class L2Norm(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, dim):
        n = torch.linalg.vector_norm(x, dim=dim, keepdim=True)
        y = x / n
        ctx.save_for_backward(y, n)
        ctx.dim = dim
        return y

    @staticmethod
    def backward(ctx, gy):
        y, n = ctx.saved_tensors
        proj = (gy * y).sum(ctx.dim, keepdim=True)
        return (gy - y * proj) / n, None


CASE = dict(make=lambda: L2Norm, inputs=lambda: (torch.randn(4, 3, generator=torch.Generator().manual_seed(111)), 0),
            wrong=None, note="Right: projection orthogonal to y, along dim 0.")
