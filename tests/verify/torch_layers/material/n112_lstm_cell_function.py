import torch


class LSTMCellFn(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, h, c, W, b):
        X = torch.cat([h, x], dim=1)
        gates = torch.addmm(b, X, W.transpose(0, 1))
        i, f, g, o = gates.chunk(4, dim=1)
        i, f, o = torch.sigmoid(i), torch.sigmoid(f), torch.sigmoid(o)
        g = torch.tanh(g)
        new_c = f * c + i * g
        tc = torch.tanh(new_c)
        new_h = o * tc
        ctx.save_for_backward(X, W, c, i, f, g, o, tc)
        return new_h, new_c

    @staticmethod
    def backward(ctx, grad_h, grad_c):
        X, W, c, i, f, g, o, tc = ctx.saved_tensors
        d_o = tc * grad_h
        d_tc = o * grad_h
        d_new_c = d_tc * (1 - tc ** 2) + grad_c
        d_gates = torch.cat([
            g * d_new_c * i * (1 - i),
            c * d_new_c * f * (1 - f),
            i * d_new_c * (1 - g ** 2),
            d_o * o * (1 - o),
        ], dim=1)
        d_W = d_gates.t().mm(X)
        d_b = d_gates.sum(dim=0, keepdim=True)
        d_X = d_gates.mm(W)
        n = c.size(1)
        return d_X[:, n:], d_X[:, :n], f * d_new_c, d_W, d_b


def data():
    torch.manual_seed(112)
    return (torch.randn(2, 3), torch.randn(2, 4), torch.randn(2, 4), torch.randn(16, 7) / 3,
            torch.randn(1, 16))


CASE = dict(make=lambda: LSTMCellFn, inputs=data, wrong=None,
            note="Right: LSTM cell with two outputs; the bias is (1, 4H) and its sum keeps the axis.")
