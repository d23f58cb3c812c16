import torch


class BilinearFn(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x1, x2, W, b):
        ctx.save_for_backward(x1, x2, W)
        return torch.nn.functional.bilinear(x1, x2, W, b)

    @staticmethod
    def backward(ctx, gy):
        x1, x2, W = ctx.saved_tensors
        O, I, J = W.shape
        t = (gy[:, :, None] * x1[:, None, :])                  # B, O, I
        gW = torch.tensordot(t, x2, dims=([0], [0]))           # O, I, J
        g2 = t.reshape(len(gy), -1) @ W.reshape(O * I, J)
        g1 = torch.matmul(gy, (W @ x2.t()).permute(2, 0, 1)).diagonal(dim1=0, dim2=1).t()
        return g1, g2, gW, gy.sum(0)


def data():
    torch.manual_seed(115)
    return torch.randn(3, 4), torch.randn(3, 2), torch.randn(5, 4, 2), torch.randn(5)


CASE = dict(make=lambda: BilinearFn, inputs=data, wrong=None,
            note="Right, in a convoluted way: g1 by a batched product and its diagonal.")
