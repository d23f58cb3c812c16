import torch


class InverseMatrice(torch.autograd.Function):
    @staticmethod
    def forward(ctx, A):
        Y = torch.linalg.inv(A)
        ctx.save_for_backward(Y)
        return Y

    @staticmethod
    def backward(ctx, G):
        Y, = ctx.saved_tensors
        return -Y @ G @ Y


def matrice():
    torch.manual_seed(47)
    return (torch.randn(4, 4) + 3 * torch.eye(4),)


CASE = dict(
    make=lambda: InverseMatrice,
    inputs=matrice,
    wrong=dict(gradient="A", kinds=["transpose"]),
    note="dY = -Y dA Y, but the gradient is -Y^T G Y^T: both transposes are missing.",
)
