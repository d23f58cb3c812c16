import torch


class TopK(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, k):
        values, indices = torch.topk(x, k, dim=1)
        ctx.save_for_backward(indices)
        ctx.n = x.shape[1]
        return values

    @staticmethod
    def backward(ctx, grad_values):
        indices, = ctx.saved_tensors
        grad = grad_values.new_zeros(grad_values.shape[0], ctx.n)
        grad[:, :grad_values.shape[1]] = grad_values
        return grad, None


CASE = dict(
    make=lambda: TopK,
    inputs=lambda: (torch.randn(3, 7, generator=torch.Generator().manual_seed(46)), 3),
    wrong=dict(gradient="x", kinds=["wrong_index", "permuted"]),
    note="the gradients are put in the first k places and not where the k largest values were (indices is unused).",
)
