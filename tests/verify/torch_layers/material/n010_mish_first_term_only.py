import torch
import torch.nn.functional as F


class MishAutoFn(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.mul(torch.tanh(F.softplus(x)))

    @staticmethod
    def backward(ctx, grad_output):
        x, = ctx.saved_tensors
        x_tanh_sp = F.softplus(x).tanh()
        return grad_output.mul(x_tanh_sp)


CASE = dict(
    make=lambda: MishAutoFn,
    inputs=lambda: (torch.randn(3, 7, generator=torch.Generator().manual_seed(0)),),
    wrong=dict(gradient="x", kinds=["missing_term"]),
    note="product rule: only the derivative of the first factor is there, x * sigmoid(x) * (1 - tanh(softplus(x))**2) is missing.",
)
