import torch
from torch import nn


class CustomizedLinearFunction(torch.autograd.Function):
    """
    autograd function which masks its weights by 'mask'.
    """

    @staticmethod
    def forward(ctx, input, weight, bias=None, mask=None):
        if mask is not None:
            # change weight to 0 where mask == 0
            weight = weight * mask
        output = input.mm(weight.t())
        if bias is not None:
            output += bias.unsqueeze(0).expand_as(output)
        ctx.save_for_backward(input, weight, bias, mask)
        return output

    @staticmethod
    def backward(ctx, grad_output):
        input, weight, bias, mask = ctx.saved_tensors
        grad_input = grad_weight = grad_bias = grad_mask = None
        if ctx.needs_input_grad[0]:
            grad_input = grad_output.mm(weight)
        if ctx.needs_input_grad[1]:
            grad_weight = grad_output.t().mm(input)
            if mask is not None:
                # change grad_weight to 0 where mask == 0
                grad_weight = grad_weight * mask
        if ctx.needs_input_grad[2]:
            grad_bias = grad_output.sum(0).squeeze(0)
        return grad_input, grad_weight, grad_bias, grad_mask


class CustomizedLinear(nn.Module):
    def __init__(self, mask):
        super().__init__()
        self.mask = nn.Parameter(mask.t().contiguous().float(), requires_grad=False)
        self.weight = nn.Parameter(torch.randn(mask.shape[1], mask.shape[0]))
        self.bias = nn.Parameter(torch.randn(mask.shape[1]))

    def forward(self, input):
        return CustomizedLinearFunction.apply(input, self.weight, self.bias, self.mask)


def make():
    torch.manual_seed(117)
    return CustomizedLinear(torch.tensor([[1, 0, 1], [0, 1, 0], [1, 1, 0], [0, 0, 1]]))


CASE = dict(make=make, inputs=lambda: (torch.randn(2, 4, generator=torch.Generator().manual_seed(117)),),
            wrong=None, note="Right: the mask is a Parameter with requires_grad=False; the well-known forum code.")
