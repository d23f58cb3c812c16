import torch


class GRUCellFn(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, h, Wz, Wr, Wn):
        xh = torch.cat([x, h], 1)
        z = torch.sigmoid(xh @ Wz)
        r = torch.sigmoid(xh @ Wr)
        xrh = torch.cat([x, r * h], 1)
        n = torch.tanh(xrh @ Wn)
        ctx.save_for_backward(xh, xrh, z, r, n, h, Wz, Wr, Wn)
        ctx.d = x.shape[1]
        return z * h + (1 - z) * n

    @staticmethod
    def backward(ctx, dh_next):
        xh, xrh, z, r, n, h, Wz, Wr, Wn = ctx.saved_tensors
        d = ctx.d
        dn = dh_next * (1 - z) * (1 - n * n)
        dz = dh_next * (h - n) * z * (1 - z)
        dxrh = dn @ Wn.t()
        dr = dxrh[:, d:] * h * r * (1 - r)
        dxh = dz @ Wz.t() + dr @ Wr.t()
        dx = dxh[:, :d] + dxrh[:, :d]
        dh = dxh[:, d:] + dxrh[:, d:] * r
        return dx, dh, xh.t() @ dz, xh.t() @ dr, xrh.t() @ dn


def data():
    torch.manual_seed(37)
    return (torch.randn(3, 2), torch.randn(3, 4), torch.randn(6, 4) / 2, torch.randn(6, 4) / 2,
            torch.randn(6, 4) / 2)


CASE = dict(
    make=lambda: GRUCellFn,
    inputs=data,
    wrong=dict(gradient="h", kinds=["missing_term"]),
    note="the direct path z * h is forgotten in the gradient of the previous state.",
)
