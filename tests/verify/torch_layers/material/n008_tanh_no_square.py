import torch


class Tanh(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        y = torch.tanh(x)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, grad_y):
        y = ctx.saved_tensors[0]
        return grad_y * (1 - y)


CASE = dict(
    make=lambda: Tanh,
    inputs=lambda: (torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(9)),),
    wrong=dict(gradient="x", kinds=["wrong_derivative", "missing_factor"]),
    note="the derivative of tanh is 1 - y**2, the square was forgotten.",
)
