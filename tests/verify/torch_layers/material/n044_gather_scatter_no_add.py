import torch
from torch.autograd import Function


class Gather(Function):
    @staticmethod
    def forward(ctx, x, index):
        ctx.save_for_backward(index)
        ctx.x_size = x.size()
        return x.gather(1, index)

    @staticmethod
    def backward(ctx, grad_output):
        index, = ctx.saved_tensors
        grad_x = torch.zeros(ctx.x_size, dtype=grad_output.dtype)
        grad_x.scatter_(1, index, grad_output)
        return grad_x, None


def data():
    x = torch.randn(3, 4, generator=torch.Generator().manual_seed(44))
    return x, torch.tensor([[0, 0, 2], [1, 3, 1], [2, 2, 2]])


CASE = dict(
    make=lambda: Gather,
    inputs=data,
    wrong=dict(gradient="x", kinds=["overwritten"]),
    note="scatter_ instead of scatter_add_: repeated indices overwrite each other.",
)
