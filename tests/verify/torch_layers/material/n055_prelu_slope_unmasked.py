import torch
from torch import nn


class PReLUFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, a):
        ctx.save_for_backward(x, a)
        return torch.where(x > 0, x, a * x)

    @staticmethod
    def backward(ctx, grad_output):
        x, a = ctx.saved_tensors
        grad_x = torch.where(x > 0, grad_output, a * grad_output)
        grad_a = (grad_output * x).sum().reshape(a.shape)
        return grad_x, grad_a


class PReLU(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Parameter(torch.tensor([0.25]))

    def forward(self, x):
        return PReLUFunction.apply(x, self.a)


CASE = dict(
    make=PReLU,
    inputs=lambda: (torch.randn(4, 5, generator=torch.Generator().manual_seed(55)),),
    wrong=dict(gradient="a", kinds=["missing_mask", "missing_factor", "wrong_mask"]),
    note="only the negative x depend on the slope; the mask x <= 0 is missing in grad_a.",
)
