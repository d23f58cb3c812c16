import torch


class SegmentSum(torch.autograd.Function):
    """Message passing: gather the sources, weight, add to the targets."""

    @staticmethod
    def forward(ctx, h, w, src, dst):
        ctx.save_for_backward(h, w, src, dst)
        out = torch.zeros_like(h)
        out.index_add_(0, dst, w[:, None] * h[src])
        return out

    @staticmethod
    def backward(ctx, g):
        h, w, src, dst = ctx.saved_tensors
        gm = g[dst]
        gh = torch.zeros_like(h).index_add_(0, src, gm * w[:, None])
        gw = (gm * h[src]).sum(1)
        return gh, gw, None, None


def data():
    torch.manual_seed(121)
    return (torch.randn(4, 3), torch.rand(6), torch.tensor([0, 1, 1, 2, 3, 0]),
            torch.tensor([1, 1, 2, 0, 0, 3]))


CASE = dict(make=lambda: SegmentSum, inputs=data, wrong=None,
            note="Right: the adjoint of index_add is a gather and vice versa.")
