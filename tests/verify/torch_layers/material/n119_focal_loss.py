import torch


class SigmoidFocal(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, y, alpha, gamma):
        p = torch.sigmoid(x)
        ctx.save_for_backward(p, y)
        ctx.alpha, ctx.gamma = alpha, gamma
        pos = -alpha * (1 - p) ** gamma * torch.log(p)
        neg = -(1 - alpha) * p ** gamma * torch.log(1 - p)
        return torch.where(y == 1, pos, neg).sum()

    @staticmethod
    def backward(ctx, g):
        p, y = ctx.saved_tensors
        a, c = ctx.alpha, ctx.gamma
        pos = a * (1 - p) ** c * (c * p * torch.log(p) - (1 - p))
        neg = -(1 - a) * p ** c * (c * (1 - p) * torch.log(1 - p) - p)
        return g * torch.where(y == 1, pos, neg), None, None, None


def data():
    torch.manual_seed(120)
    return torch.randn(6), torch.tensor([1, 0, 1, 1, 0, 0]), 0.25, 2


CASE = dict(make=lambda: SigmoidFocal, inputs=data, wrong=None,
            note="Right: the simplified gradient of RetinaNet's focal loss.")
