import torch


class MSE(torch.autograd.Function):
    @staticmethod
    def forward(ctx, y_pred, y):
        ctx.save_for_backward(y_pred, y)
        return ((y_pred - y) ** 2).mean()

    @staticmethod
    def backward(ctx, grad_output):
        y_pred, y = ctx.saved_tensors
        d = (y_pred - y) / y_pred.numel() * grad_output
        return d, -d


CASE = dict(
    make=lambda: MSE,
    inputs=lambda: (torch.linspace(-1, 2, 12).reshape(4, 3), torch.linspace(1, 0, 12).reshape(4, 3) ** 2),
    wrong=dict(gradient="y_pred", kinds=["scale", "missing_factor"]),
    note="the 2 of the derivative of the square is missing (in both gradients).",
)
