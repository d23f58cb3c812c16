import torch
from torch import nn


class SwishFn(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, beta):
        ctx.save_for_backward(x, beta)
        return x * torch.sigmoid(beta * x)

    @staticmethod
    def backward(ctx, grad_output):
        x, beta = ctx.saved_tensors
        s = torch.sigmoid(beta * x)
        y = x * s
        grad_x = grad_output * (beta * y + s * (1 - beta * y))
        grad_beta = (grad_output * x * y * (1 - s)).sum()
        return grad_x, grad_beta


class Swish(nn.Module):
    def __init__(self):
        super().__init__()
        self.beta = nn.Parameter(torch.tensor(1.3))

    def forward(self, x):
        return SwishFn.apply(x, self.beta)


CASE = dict(make=Swish, inputs=lambda: (torch.randn(3, 4, generator=torch.Generator().manual_seed(82)),),
            wrong=None, note="Right: beta*y + s*(1 - beta*y), the form of the paper, with a trainable scalar beta.")
