import torch


class MSELoss(torch.nn.Module):
    def forward(self, y_pred, y_true):
        self.diff = y_pred - y_true
        return (self.diff ** 2).sum() / (2 * len(y_pred))

    def backward(self):
        return self.diff / len(self.diff)


def data():
    torch.manual_seed(93)
    return torch.randn(4, 3), torch.randn(4, 3)


CASE = dict(make=lambda: MSELoss(), inputs=data, wrong=None,
            note="Right though there is no 2: the loss has 1/(2N).")
