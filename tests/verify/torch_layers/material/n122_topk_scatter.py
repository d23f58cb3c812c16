import torch


class TopKMask(torch.autograd.Function):
    """k-winners-take-all: keeps the k largest, zeros the rest"""

    @staticmethod
    def forward(ctx, x, k):
        threshold = x.topk(k, dim=1).values[:, -1:]
        mask = x >= threshold
        ctx.save_for_backward(mask)
        return x * mask

    @staticmethod
    def backward(ctx, grad_output):
        mask, = ctx.saved_tensors
        return grad_output * mask, None


CASE = dict(make=lambda: TopKMask, inputs=lambda: (torch.randn(3, 6, generator=torch.Generator().manual_seed(123)), 2),
            wrong=None, note="Right: the mask is locally constant.")
