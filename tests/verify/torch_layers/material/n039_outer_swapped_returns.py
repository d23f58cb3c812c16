import torch


class OuterProduct(torch.autograd.Function):
    @staticmethod
    def forward(ctx, u, v):
        ctx.save_for_backward(u, v)
        return u.unsqueeze(1) * v.unsqueeze(0)

    @staticmethod
    def backward(ctx, G):
        u, v = ctx.saved_tensors
        grad_u = G.mv(v)
        grad_v = G.t().mv(u)
        return grad_v, grad_u


CASE = dict(
    make=lambda: OuterProduct,
    inputs=lambda: (torch.tensor([1., -2., .5, 3.]), torch.tensor([.3, 1., -1., 2.])),
    wrong=dict(gradient="u", kinds=["swapped", "wrong_variable"]),
    note="the two gradients are right but returned in the wrong order.",
)
