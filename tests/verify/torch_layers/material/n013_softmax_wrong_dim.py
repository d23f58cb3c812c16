import torch
from torch.autograd import Function


class MySoftmax(Function):

    @staticmethod
    def forward(ctx, x):
        # softmax over classes (last dim)
        y = torch.softmax(x, dim=1)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, grad_output):
        y, = ctx.saved_tensors
        s = (grad_output * y).sum(dim=0, keepdim=True)
        return y * (grad_output - s)


CASE = dict(
    make=lambda: MySoftmax,
    inputs=lambda: (torch.randn(4, 6, generator=torch.Generator().manual_seed(13)),),
    wrong=dict(gradient="x", kinds=["wrong_axis"]),
    note="forward normalises along dim 1, backward sums along dim 0.",
)
