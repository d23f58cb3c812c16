import torch
import torch.nn.functional as F


class MaxPoolUnfold(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, k, stride):
        N, C, H, W = x.shape
        cols = F.unfold(x.view(N * C, 1, H, W), k, stride=stride)
        val, arg = cols.max(1, keepdim=True)
        ctx.save_for_backward(arg)
        ctx.info = (N, C, H, W, k, stride)
        return val.view(N, C, (H - k) // stride + 1, (W - k) // stride + 1)

    @staticmethod
    def backward(ctx, grad_output):
        arg, = ctx.saved_tensors
        N, C, H, W, k, stride = ctx.info
        dcols = grad_output.new_zeros(N * C, k * k, arg.shape[-1])
        dcols.scatter_(1, arg, grad_output.reshape(N * C, 1, -1))
        dx = F.fold(dcols, (H, W), k, stride=stride)
        return dx.view(N, C, H, W), None, None


CASE = dict(make=lambda: MaxPoolUnfold,
            inputs=lambda: (torch.randn(2, 2, 5, 5, generator=torch.Generator().manual_seed(100)), 3, 2),
            wrong=None, note="Right: overlapping max pooling, scatter_ per window and fold to add the overlaps.")
