import torch


class L1Loss(torch.autograd.Function):
    @staticmethod
    def forward(ctx, y_hat, y):
        ctx.save_for_backward(y_hat, y)
        return (y_hat - y).abs().mean()

    @staticmethod
    def backward(ctx, grad_output):
        y_hat, y = ctx.saved_tensors
        grad = grad_output * torch.ones_like(y_hat) / y_hat.numel()
        return grad, -grad


def data():
    g = torch.Generator().manual_seed(54)
    return torch.randn(5, 2, generator=g), torch.randn(5, 2, generator=g)


CASE = dict(
    make=lambda: L1Loss,
    inputs=data,
    wrong=dict(gradient="y_hat", kinds=["missing_factor", "sign"]),
    note="the derivative of |e| is sign(e), here it is taken to be 1.",
)
