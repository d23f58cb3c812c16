import torch


class LinearFn(torch.autograd.Function):
    @staticmethod
    def forward(ctx, input, weight, bias=None):
        ctx.save_for_backward(input, weight, bias)
        output = input.mm(weight.t())
        if bias is not None:
            output = output + bias
        return output

    @staticmethod
    def backward(ctx, grad_output):
        input, weight, bias = ctx.saved_tensors
        grad_bias = None
        if bias is not None:
            grad_bias = grad_output.sum(0).squeeze(0)
        return grad_output.mm(weight), grad_output.t().mm(input), grad_bias


def data():
    torch.manual_seed(72)
    return torch.randn(2, 3), torch.randn(4, 3), None


CASE = dict(make=lambda: LinearFn, inputs=data, wrong=None,
            note="Right: called with bias=None, whose gradient is None.")
