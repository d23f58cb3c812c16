import torch


class LinearFunction(torch.autograd.Function):
    """y = x W^T, as in the PyTorch docs but without bias."""

    @staticmethod
    def forward(ctx, input, weight):
        ctx.save_for_backward(input, weight)
        return input.mm(weight.t())

    @staticmethod
    def backward(ctx, grad_output):
        input, weight = ctx.saved_tensors
        grad_input = grad_weight = None
        if ctx.needs_input_grad[0]:
            grad_input = grad_output.mm(weight.t())
        if ctx.needs_input_grad[1]:
            grad_weight = grad_output.t().mm(input)
        return grad_input, grad_weight


def data():
    g = torch.Generator().manual_seed(0)
    return torch.randn(3, 5, generator=g), torch.randn(5, 5, generator=g)


CASE = dict(
    make=lambda: LinearFunction,
    inputs=data,
    wrong=dict(gradient="input", kinds=["transpose"]),
    note="grad_input multiplies by weight.t() where weight itself is needed; the square weight hides the shape error.",
)
