import torch


class LogSoftmax(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        out = x - torch.logsumexp(x, dim=-1, keepdim=True)
        ctx.save_for_backward(out)
        return out

    @staticmethod
    def backward(ctx, grad_output):
        (out,) = ctx.saved_tensors
        return grad_output - out.exp() * grad_output


CASE = dict(
    make=lambda: LogSoftmax,
    inputs=lambda: (torch.randn(2, 3, 5, generator=torch.Generator().manual_seed(14)),),
    wrong=dict(gradient="x", kinds=["not_summed", "diagonal_only"]),
    note="softmax must be multiplied by the sum of grad_output over the classes, not by grad_output itself.",
)
