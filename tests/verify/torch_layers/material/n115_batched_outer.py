import torch


class Outer(torch.autograd.Function):
    @staticmethod
    def forward(a, b):
        return torch.bmm(a.unsqueeze(2), b.unsqueeze(1)).flatten(1)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, g):
        a, b = ctx.saved_tensors
        g = g.view(a.size(0), a.size(1), b.size(1))
        return torch.bmm(g, b.unsqueeze(2)).squeeze(2), torch.bmm(a.unsqueeze(1), g).squeeze(1)


def data():
    torch.manual_seed(116)
    return torch.randn(4, 3), torch.randn(4, 2)


CASE = dict(make=lambda: Outer, inputs=data, wrong=None, note="Right: flattened outer products per example.")
