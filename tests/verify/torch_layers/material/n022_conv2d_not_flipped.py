import torch
import torch.nn.functional as F


class Conv2dFn(torch.autograd.Function):
    """Valid cross-correlation, stride 1."""

    @staticmethod
    def forward(ctx, x, w):
        ctx.save_for_backward(x, w)
        return F.conv2d(x, w)

    @staticmethod
    def backward(ctx, dy):
        x, w = ctx.saved_tensors
        kh, kw = w.shape[2:]
        # full convolution of dy with the kernel
        dx = F.conv2d(dy, w.transpose(0, 1), padding=(kh - 1, kw - 1))
        dw = F.conv2d(x.transpose(0, 1), dy.transpose(0, 1)).transpose(0, 1)
        return dx, dw


def data():
    torch.manual_seed(22)
    return torch.randn(2, 3, 6, 5), torch.randn(4, 3, 3, 2)


CASE = dict(
    make=lambda: Conv2dFn,
    inputs=data,
    wrong=dict(gradient="x", kinds=["not_flipped"]),
    note="the kernel must be rotated by 180 degrees in the full convolution that gives dx.",
)
