import torch
import torch.nn.functional as F


class Conv2dFn(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, w, b):
        ctx.save_for_backward(x, w)
        return F.conv2d(x, w, b)

    @staticmethod
    def backward(ctx, dy):
        x, w = ctx.saved_tensors
        dx = dw = db = None
        if ctx.needs_input_grad[0]:
            rot = w.flip([2, 3]).transpose(0, 1)
            dx = F.conv2d(dy, rot, padding=(w.size(2) - 1, w.size(3) - 1))
        if ctx.needs_input_grad[1]:
            dw = F.conv2d(x.transpose(0, 1), dy.transpose(0, 1)).transpose(0, 1)
        if ctx.needs_input_grad[2]:
            db = dy.sum((0, 2, 3))
        return dx, dw, db


def data():
    torch.manual_seed(98)
    return torch.randn(2, 2, 5, 5), torch.randn(3, 2, 3, 3), torch.randn(3)


CASE = dict(make=lambda: Conv2dFn, inputs=data, wrong=None,
            note="Right: full convolution with the kernel rotated by 180 degrees.")
