import torch


class MyLinearFn(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight, bias):
        ctx.save_for_backward(x, weight)
        return torch.addmm(bias, x, weight.t())

    @staticmethod
    def backward(ctx, grad_out):
        x, weight = ctx.saved_tensors
        grad_x = grad_out.mm(weight)
        grad_w = x.t().mm(grad_out)
        grad_b = grad_out.sum(dim=0)
        return grad_x, grad_w, grad_b


class MyLinear(torch.nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.randn(n_out, n_in) / n_in ** 0.5)
        self.bias = torch.nn.Parameter(torch.zeros(n_out))

    def forward(self, x):
        return MyLinearFn.apply(x, self.weight, self.bias)


def make():
    torch.manual_seed(3)
    return MyLinear(5, 2)


CASE = dict(
    make=make,
    inputs=lambda: (torch.randn(4, 5, generator=torch.Generator().manual_seed(4)),),
    wrong=dict(gradient="weight", kinds=["transpose"]),
    note="grad_w comes out as (in, out) while weight is (out, in): PyTorch refuses it with 'returned an invalid gradient'.",
)
