import torch


class FocalLoss(torch.autograd.Function):
    # FL(pt) = -(1 - pt)^gamma log(pt)
    @staticmethod
    def forward(ctx, logits, targets, gamma):
        p = torch.sigmoid(logits)
        pt = torch.where(targets == 1, p, 1 - p)
        ctx.save_for_backward(pt, targets)
        ctx.gamma = gamma
        return (-(1 - pt) ** gamma * torch.log(pt)).mean()

    @staticmethod
    def backward(ctx, g):
        pt, targets = ctx.saved_tensors
        dpt = -(1 - pt) ** ctx.gamma / pt
        sens = torch.where(targets == 1, torch.ones_like(pt), -torch.ones_like(pt))
        return g * dpt * sens * pt * (1 - pt) / pt.numel(), None, None


def data():
    torch.manual_seed(43)
    return torch.randn(10), torch.tensor([1, 0, 0, 1, 1, 0, 1, 0, 0, 0]), 2.0


CASE = dict(
    make=lambda: FocalLoss,
    inputs=data,
    wrong=dict(gradient="logits", kinds=["missing_term"]),
    note="product rule: the derivative of the modulating factor (1-pt)^gamma is missing.",
)
