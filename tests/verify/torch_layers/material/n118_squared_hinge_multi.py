import torch


class MulticlassHinge(torch.autograd.Function):
    """Crammer-Singer style: sum_{j != y} max(0, 1 + s_j - s_y)^2, mean over batch"""

    @staticmethod
    def forward(ctx, scores, y):
        n = scores.shape[0]
        rows = torch.arange(n)
        margins = (scores - scores[rows, y].unsqueeze(1) + 1).clamp(min=0)
        margins[rows, y] = 0
        ctx.save_for_backward(margins, y)
        return margins.pow(2).sum() / n

    @staticmethod
    def backward(ctx, g):
        margins, y = ctx.saved_tensors
        n = margins.shape[0]
        d = 2 * margins
        d[torch.arange(n), y] -= d.sum(1)
        return d * g / n, None


def data():
    torch.manual_seed(119)
    return torch.randn(5, 4), torch.tensor([3, 1, 0, 0, 2])


CASE = dict(make=lambda: MulticlassHinge, inputs=data, wrong=None,
            note="Right: the right class gets minus the sum of the others.")
