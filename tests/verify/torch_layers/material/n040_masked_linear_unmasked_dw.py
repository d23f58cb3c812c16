import torch
from torch import nn


class MaskedLinearFn(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight, bias, mask):
        w = weight * mask
        ctx.save_for_backward(x, w, mask)
        return nn.functional.linear(x, w, bias)

    @staticmethod
    def backward(ctx, grad_output):
        x, w, mask = ctx.saved_tensors
        grad_x = grad_output @ w
        grad_w = grad_output.t() @ x
        return grad_x, grad_w, grad_output.sum(0), None


class MaskedLinear(nn.Module):
    """Pruned layer: connections where mask == 0 are dead."""

    def __init__(self, n_in, n_out):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(n_out, n_in))
        self.bias = nn.Parameter(torch.zeros(n_out))
        self.register_buffer('mask', (torch.rand(n_out, n_in) > 0.5).float())

    def forward(self, x):
        return MaskedLinearFn.apply(x, self.weight, self.bias, self.mask)


def make():
    torch.manual_seed(40)
    return MaskedLinear(6, 4)


CASE = dict(
    make=make,
    inputs=lambda: (torch.randn(3, 6, generator=torch.Generator().manual_seed(40)),),
    wrong=dict(gradient="weight", kinds=["missing_factor", "missing_mask"]),
    note="the gradient of the weight must be multiplied by the mask.",
)
