import torch


class RMSNormFn(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight, eps):
        rms = torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + eps)
        ctx.save_for_backward(x, weight, rms)
        return x * rms * weight

    @staticmethod
    def backward(ctx, grad_out):
        x, weight, rms = ctx.saved_tensors
        grad_x = grad_out * weight * rms
        grad_w = (grad_out * x * rms).sum(dim=tuple(range(x.dim() - 1)))
        return grad_x, grad_w, None


def data():
    torch.manual_seed(30)
    return torch.randn(2, 3, 6), torch.rand(6) + .5, 1e-6


CASE = dict(
    make=lambda: RMSNormFn,
    inputs=data,
    wrong=dict(gradient="x", kinds=["treated_constant", "missing_term"]),
    note="the root mean square depends on x: its own derivative is missing.",
)
