import torch


class GroupNormFn(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight, bias, groups, eps):
        N, C = x.shape[:2]
        xg = x.reshape(N, groups, -1)
        mean = xg.mean(2, keepdim=True)
        rstd = (xg.var(2, unbiased=False, keepdim=True) + eps) ** (-0.5)
        xhat = ((xg - mean) * rstd).reshape(x.shape)
        ctx.save_for_backward(xhat, rstd, weight)
        ctx.groups = groups
        shape = [1, C] + [1] * (x.ndim - 2)
        return xhat * weight.view(shape) + bias.view(shape)

    @staticmethod
    def backward(ctx, dy):
        xhat, rstd, weight = ctx.saved_tensors
        N, C = dy.shape[:2]
        red = [0] + list(range(2, dy.ndim))
        shape = [1, C] + [1] * (dy.ndim - 2)
        dweight = (dy * xhat).sum(red)
        dbias = dy.sum(red)
        dxhat = (dy * weight.view(shape)).reshape(N, ctx.groups, -1)
        xh = xhat.reshape(N, ctx.groups, -1)
        dx = rstd * (dxhat - dxhat.mean(2, keepdim=True) - xh * (dxhat * xh).mean(2, keepdim=True))
        return dx.reshape(dy.shape), dweight, dbias, None, None


def data():
    torch.manual_seed(107)
    return torch.randn(2, 4, 3), torch.rand(4) + .5, torch.randn(4), 2, 1e-5


CASE = dict(make=lambda: GroupNormFn, inputs=data, wrong=None, note="Right: group norm on (N, C, L) with an affine part.")
