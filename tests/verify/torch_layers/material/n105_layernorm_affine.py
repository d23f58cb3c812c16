import torch


class LayerNormFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight, bias, eps=1e-5):
        mu = x.mean(-1, keepdim=True)
        var = x.var(-1, keepdim=True, unbiased=False)
        y = (x - mu) / (var + eps).sqrt()
        ctx.eps = eps
        ctx.save_for_backward(y, var, weight)
        return weight * y + bias

    @staticmethod
    def backward(ctx, grad_output):
        y, var, weight = ctx.saved_tensors
        g = grad_output * weight
        mean_g = g.mean(dim=-1, keepdim=True)
        mean_gy = (g * y).mean(dim=-1, keepdim=True)
        gx = 1. / torch.sqrt(var + ctx.eps) * (g - y * mean_gy - mean_g)
        axes = tuple(range(grad_output.ndim - 1))
        return gx, (grad_output * y).sum(axes), grad_output.sum(axes), None


def data():
    torch.manual_seed(105)
    return torch.randn(2, 3, 5), torch.rand(5) + 0.5, torch.randn(5)


CASE = dict(make=lambda: LayerNormFunction, inputs=data, wrong=None,
            note="Right: eps has a default and isn't given, so backward returns one None more.")
