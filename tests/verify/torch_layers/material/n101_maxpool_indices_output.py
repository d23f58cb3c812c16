import torch


class MaxWithIndices(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        values, idx = x.max(dim=1)
        ctx.mark_non_differentiable(idx)
        ctx.save_for_backward(idx)
        ctx.d = x.shape[1]
        return values, idx

    @staticmethod
    def backward(ctx, gv, gidx):
        idx, = ctx.saved_tensors
        gx = torch.zeros(gv.shape[0], ctx.d, dtype=gv.dtype)
        gx[torch.arange(len(idx)), idx] = gv
        return gx


CASE = dict(make=lambda: MaxWithIndices,
            inputs=lambda: (torch.randn(4, 5, generator=torch.Generator().manual_seed(101)),),
            wrong=None, note="Right: two outputs, the integer one is not differentiable and its gradient is ignored.")
