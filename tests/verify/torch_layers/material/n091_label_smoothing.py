import torch
from torch import nn


class LabelSmoothingCE(nn.Module):
    def __init__(self, smoothing=0.1):
        super().__init__()
        self.smoothing = smoothing

    def forward(self, logits, labels):
        n, c = logits.shape
        self.logp = logits.log_softmax(1)
        self.q = torch.full_like(self.logp, self.smoothing / c)
        self.q[torch.arange(n), labels] += 1 - self.smoothing
        return -(self.q * self.logp).sum(1).mean()

    def backward(self, grad_output=1.0):
        n = self.q.shape[0]
        return grad_output * (self.logp.exp() - self.q) / n


def data():
    torch.manual_seed(91)
    return torch.randn(4, 5), torch.tensor([0, 4, 2, 2])


CASE = dict(make=lambda: LabelSmoothingCE(0.2), inputs=data, wrong=None,
            note="Right: p - q with smoothed targets q, whose sum over the classes is 1.")
