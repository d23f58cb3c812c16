import torch


class BCELogits(torch.autograd.Function):
    @staticmethod
    def forward(ctx, z, t, pos_weight):
        ctx.save_for_backward(z, t)
        ctx.w = pos_weight
        return -(pos_weight * t * torch.nn.functional.logsigmoid(z)
                 + (1 - t) * torch.nn.functional.logsigmoid(-z)).mean()

    @staticmethod
    def backward(ctx, g):
        z, t = ctx.saved_tensors
        s = torch.sigmoid(z)
        gz = g / z.numel() * ((1 - t) * s - ctx.w * t * (1 - s))
        gt = None
        if ctx.needs_input_grad[1]:
            gt = -g / z.numel() * (ctx.w * torch.log(s) - torch.log1p(-s))
        return gz, gt, None


def data():
    torch.manual_seed(92)
    return torch.randn(5, 2), torch.rand(5, 2), 2.5


CASE = dict(make=lambda: BCELogits, inputs=data, wrong=None,
            note="Right: soft targets have a gradient, too, computed only if asked for.")
