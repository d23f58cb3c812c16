import torch


class Affine(torch.autograd.Function):
    """y = gamma * x + beta, one gamma per feature"""

    @staticmethod
    def forward(ctx, x, gamma, beta):
        ctx.save_for_backward(x, gamma)
        return x * gamma + beta

    @staticmethod
    def backward(ctx, grad_output):
        x, gamma = ctx.saved_tensors
        grad_x = grad_output.mul_(gamma)     # saves memory
        grad_gamma = (grad_output * x).sum(0)
        grad_beta = grad_output.sum(0)
        return grad_x, grad_gamma, grad_beta


def data():
    g = torch.Generator().manual_seed(26)
    return torch.randn(5, 3, generator=g), torch.rand(3, generator=g) + 0.5, torch.randn(3, generator=g)


CASE = dict(
    make=lambda: Affine,
    inputs=data,
    wrong=dict(gradient="beta", kinds=["modified_in_place", "extra_factor", "scale"]),
    note="mul_ overwrites grad_output, so that the gradients of gamma and beta computed afterwards contain gamma once too often.",
)
