import torch


class SquaredHinge(torch.autograd.Function):
    """mean(max(0, 1 - y s)^2), y in {-1, +1}"""

    @staticmethod
    def forward(ctx, scores, y):
        marge = torch.relu(1 - y * scores)
        ctx.save_for_backward(marge, y)
        return marge.pow(2).mean()

    @staticmethod
    def backward(ctx, grad_output):
        marge, y = ctx.saved_tensors
        return -2 * marge / marge.numel() * grad_output, None


def data():
    torch.manual_seed(42)
    return torch.randn(9), torch.tensor([1., -1, 1, -1, -1, 1, 1, -1, 1])


CASE = dict(
    make=lambda: SquaredHinge,
    inputs=data,
    wrong=dict(gradient="scores", kinds=["missing_factor", "sign"]),
    note="the inner derivative is -y, the label y was lost, so that the negative examples have the wrong sign.",
)
