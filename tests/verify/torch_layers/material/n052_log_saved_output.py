import torch


class Log(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        y = x.log()
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, gy):
        y, = ctx.saved_tensors
        return gy / y


CASE = dict(
    make=lambda: Log,
    inputs=lambda: (torch.rand(3, 4, generator=torch.Generator().manual_seed(52)) + 0.2,),
    wrong=dict(gradient="x", kinds=["wrong_variable"]),
    note="divides by the output log(x), which was saved, instead of the input x.",
)
