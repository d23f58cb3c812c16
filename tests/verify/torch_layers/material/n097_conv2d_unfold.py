import torch
import torch.nn.functional as F
from torch import nn


class Conv2dUnfold(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight, bias, stride, padding):
        n, c, h, w = x.shape
        o, _, kh, kw = weight.shape
        oh = (h + 2 * padding - kh) // stride + 1
        ow = (w + 2 * padding - kw) // stride + 1
        cols = F.unfold(x, (kh, kw), padding=padding, stride=stride)     # n, c*kh*kw, L
        out = weight.view(o, -1) @ cols + bias.view(1, -1, 1)
        ctx.save_for_backward(cols, weight)
        ctx.geom = (h, w), (kh, kw), stride, padding
        return out.view(n, o, oh, ow)

    @staticmethod
    def backward(ctx, grad):
        cols, weight = ctx.saved_tensors
        (h, w), k, stride, padding = ctx.geom
        g = grad.flatten(2)                                             # n, o, L
        d_weight = torch.einsum('nol,nkl->ok', g, cols).view_as(weight)
        d_bias = g.sum(dim=[0, 2])
        d_cols = weight.view(weight.size(0), -1).t() @ g
        d_x = F.fold(d_cols, (h, w), k, padding=padding, stride=stride)
        return d_x, d_weight, d_bias, None, None


class Conv2d(nn.Module):
    def __init__(self, c, o, k, stride=1, padding=0):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(o, c, k, k) / k)
        self.bias = nn.Parameter(torch.randn(o))
        self.stride, self.padding = stride, padding

    def forward(self, x):
        return Conv2dUnfold.apply(x, self.weight, self.bias, self.stride, self.padding)


def make():
    torch.manual_seed(97)
    return Conv2d(2, 3, 3, stride=2, padding=1)


CASE = dict(make=make, inputs=lambda: (torch.randn(2, 2, 5, 6, generator=torch.Generator().manual_seed(97)),),
            wrong=None, note="Right: im2col convolution with stride and padding; fold adds the overlaps.")
