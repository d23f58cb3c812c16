import torch
from torch import nn


class SwishImplementation(torch.autograd.Function):
    @staticmethod
    def forward(ctx, i):
        result = i * torch.sigmoid(i)
        ctx.save_for_backward(i)
        return result

    @staticmethod
    def backward(ctx, grad_output):
        i = ctx.saved_tensors[0]
        sigmoid_i = torch.sigmoid(i)
        return grad_output * (sigmoid_i + i * (1 - sigmoid_i))


class MemoryEfficientSwish(nn.Module):
    def forward(self, x):
        return SwishImplementation.apply(x)


CASE = dict(
    make=lambda: MemoryEfficientSwish(),
    inputs=lambda: (torch.randn(4, 5, generator=torch.Generator().manual_seed(10)),),
    wrong=dict(gradient="x", kinds=["missing_factor", "wrong_derivative"]),
    note="s * (1 + x(1-s)) became s + x(1-s): the factor s of the second term is missing.",
)
