import torch


class HuberFn(torch.autograd.Function):
    @staticmethod
    def forward(ctx, y_pred, y, delta=1.0):
        r = y_pred - y
        ctx.save_for_backward(r)
        ctx.delta = delta
        a = r.abs()
        return torch.where(a < delta, 0.5 * r * r, delta * (a - delta / 2)).mean()

    @staticmethod
    def backward(ctx, grad_output):
        r, = ctx.saved_tensors
        grad = r.clamp(-ctx.delta, ctx.delta) * grad_output / r.numel()
        return grad, -grad, None


def data():
    torch.manual_seed(94)
    return 3 * torch.randn(3, 4), torch.randn(3, 4), 1.5


CASE = dict(make=lambda: HuberFn, inputs=data, wrong=None,
            note="Right: the derivative of Huber is the residual clamped to [-delta, delta].")
