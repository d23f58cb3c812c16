import torch


class Std(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        s = x.std(dim=1, keepdim=True)
        ctx.save_for_backward(x, s)
        return s

    @staticmethod
    def backward(ctx, grad):
        x, s = ctx.saved_tensors
        N = x.shape[1]
        return grad * (x - x.mean(dim=1, keepdim=True)) / (N * s)


CASE = dict(
    make=lambda: Std,
    inputs=lambda: (torch.randn(3, 5, generator=torch.Generator().manual_seed(61)),),
    wrong=dict(gradient="x", kinds=["scale"]),
    note="torch.std divides by N-1 by default, the gradient by N.",
)
