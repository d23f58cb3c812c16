"""Small home-made PyTorch clones: Module, Parameter with .data and .grad, zero_grad(),
backward(grad_output) returns grad_input, gradients added with +=, criterion objects."""
import math
import numpy as np


def rng(seed=0):
    return np.random.default_rng(seed)


class Parameter:
    def __init__(self, data):
        self.data = np.asarray(data, dtype=np.float64)
        self.grad = np.zeros_like(self.data)

    @property
    def shape(self):
        return self.data.shape

    def zero_grad(self):
        self.grad = np.zeros_like(self.data)

    def __repr__(self):
        return f"Parameter(shape={self.shape})"


class Module:
    def __init__(self):
        self.training = True

    def __call__(self, *args):
        return self.forward(*args)

    def forward(self, *args):
        raise NotImplementedError

    def backward(self, *args):
        raise NotImplementedError

    def parameters(self):
        out = []
        for v in self.__dict__.values():
            if isinstance(v, Parameter):
                out.append(v)
            elif isinstance(v, Module):
                out += v.parameters()
            elif isinstance(v, (list, tuple)):
                for m in v:
                    if isinstance(m, Module):
                        out += m.parameters()
        return out

    def zero_grad(self):
        for p in self.parameters():
            p.zero_grad()

    def train(self, mode=True):
        self.training = mode
        for v in self.__dict__.values():
            if isinstance(v, Module):
                v.train(mode)

    def eval(self):
        self.train(False)


class SGD:
    def __init__(self, params, lr=1e-2, weight_decay=0.0):
        self.params, self.lr, self.weight_decay = list(params), lr, weight_decay

    def step(self):
        for p in self.params:
            p.data -= self.lr * (p.grad + self.weight_decay * p.data)

    def zero_grad(self):
        for p in self.params:
            p.grad[...] = 0


# ---------------------------------------------------------------- linear ---

class Linear(Module):
    def __init__(self, in_features, out_features, bias=True):
        super().__init__()
        k = 1 / math.sqrt(in_features)
        self.weight = Parameter(np.random.uniform(-k, k, (out_features, in_features)))
        self.bias = Parameter(np.random.uniform(-k, k, out_features)) if bias else None

    def forward(self, input):
        self.input = input
        output = input @ self.weight.data.T
        if self.bias is not None:
            output = output + self.bias.data
        return output

    def backward(self, grad_output):
        # any number of leading dimensions
        go = grad_output.reshape(-1, grad_output.shape[-1])
        x = self.input.reshape(-1, self.input.shape[-1])
        self.weight.grad += go.T @ x
        if self.bias is not None:
            self.bias.grad += go.sum(0)
        return grad_output @ self.weight.data


class SquareLinear(Module):
    """n -> n, y = x W^T"""

    def __init__(self, features):
        super().__init__()
        self.weight = Parameter(np.random.randn(features, features))

    def forward(self, input):
        self.input = input
        return input @ self.weight.data.T

    def backward(self, grad_output):
        self.weight.grad += grad_output.T @ self.input
        return grad_output @ self.weight.data.T


class Bilinear(Module):
    """y[n, o] = x1[n, i] A[o, i, j] x2[n, j] + b[o]"""

    def __init__(self, in1, in2, out):
        super().__init__()
        self.weight = Parameter(np.random.randn(out, in1, in2) * 0.3)
        self.bias = Parameter(np.zeros(out))

    def forward(self, input1, input2):
        self.saved = input1, input2
        return np.einsum("ni,oij,nj->no", input1, self.weight.data, input2) + self.bias.data

    def backward(self, grad_output):
        input1, input2 = self.saved
        self.weight.grad += np.einsum("no,ni,nj->oij", grad_output, input1, input2)
        self.bias.grad += grad_output.sum(axis=0)
        grad_input1 = np.einsum("no,oij,nj->ni", grad_output, self.weight.data, input2)
        grad_input2 = np.einsum("no,oij,ni->nj", grad_output, self.weight.data, input1)
        return grad_input1, grad_input2


# ----------------------------------------------------------- activations ---

class ReLU(Module):
    def forward(self, x):
        self.mask = x > 0
        return x * self.mask

    def backward(self, grad_output):
        return grad_output * self.mask


class ReLU6(Module):
    def forward(self, x):
        self.x = x
        return np.minimum(np.maximum(x, 0), 6)

    def backward(self, grad_output):
        grad_input = grad_output.copy()
        grad_input[self.x <= 0] = 0
        return grad_input


class LeakyReLU(Module):
    def __init__(self, negative_slope=0.01):
        super().__init__()
        self.negative_slope = negative_slope

    def forward(self, x):
        self.x = x
        return np.where(x > 0, x, x * self.negative_slope)

    def backward(self, grad_output):
        grad_input = np.array(grad_output)
        grad_input[self.x < 0] *= self.negative_slope
        return grad_input


class PReLU(Module):
    """One slope for each channel (last axis)"""

    def __init__(self, num_parameters):
        super().__init__()
        self.weight = Parameter(np.full(num_parameters, 0.25))

    def forward(self, x):
        self.x = x
        return np.maximum(x, 0) + self.weight.data * np.minimum(x, 0)

    def backward(self, grad_output):
        neg = self.x < 0
        self.weight.grad += (grad_output * self.x * neg).sum(axis=tuple(range(self.x.ndim - 1)))
        return np.where(neg, self.weight.data * grad_output, grad_output)


class Sigmoid(Module):
    def forward(self, x):
        self.output = 1.0 / (1.0 + np.exp(-x))
        return self.output

    def backward(self, grad_output):
        return self.output * (1 - self.output) * grad_output


class Tanh(Module):
    def forward(self, x):
        self.output = np.tanh(x)
        return self.output

    def backward(self, grad_output):
        return (1 - self.output) ** 2 * grad_output


class SiLU(Module):
    def forward(self, x):
        self.x = x
        self.sig = 1 / (1 + np.exp(-x))
        return x * self.sig

    def backward(self, grad_output):
        return grad_output * (self.sig + self.x * self.sig * (1 - self.sig))


class Softplus(Module):
    def forward(self, x):
        self.x = x
        return np.logaddexp(0, x)

    def backward(self, grad_output):
        grad_input = 1 / (1 + np.exp(-self.x))
        return grad_input


class Softmax(Module):
    def __init__(self, dim=-1):
        super().__init__()
        self.dim = dim

    def forward(self, x):
        e = np.exp(x - x.max(axis=self.dim, keepdims=True))
        self.output = e / e.sum(axis=self.dim, keepdims=True)
        return self.output

    def backward(self, grad_output):
        s = self.output
        return s * (grad_output - (grad_output * s).sum(axis=self.dim, keepdims=True))


class LogSoftmax(Module):
    def forward(self, x):
        m = x.max(-1, keepdims=True)
        self.output = x - m - np.log(np.exp(x - m).sum(-1, keepdims=True))
        return self.output

    def backward(self, grad_output):
        return grad_output - np.exp(self.output) * grad_output.sum(-1, keepdims=True)


# --------------------------------------------------------- normalisation ---

class BatchNorm1d(Module):
    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.weight = Parameter(np.random.uniform(0.5, 1.5, num_features))
        self.bias = Parameter(np.zeros(num_features))
        self.running_mean = np.zeros(num_features)
        self.running_var = np.ones(num_features)

    def forward(self, x):
        if self.training:
            mu, var = x.mean(0), x.var(0)
            n = x.shape[0]
            self.running_mean = (1 - self.momentum) * self.running_mean + self.momentum * mu
            self.running_var = (1 - self.momentum) * self.running_var + self.momentum * var * n / (n - 1)
        else:
            mu, var = self.running_mean, self.running_var
        self.std = np.sqrt(var + self.eps)
        self.x_hat = (x - mu) / self.std
        return self.weight.data * self.x_hat + self.bias.data

    def backward(self, grad_output):
        self.weight.grad += (grad_output * self.x_hat).sum(0)
        self.bias.grad += grad_output.sum(0)
        g = grad_output * self.weight.data
        if not self.training:
            return g / self.std
        return (g - g.mean(0) - self.x_hat * (g * self.x_hat).mean(0)) / self.std


class BatchNormWithoutMean(BatchNorm1d):
    def backward(self, grad_output):
        self.weight.grad += (grad_output * self.x_hat).sum(0)
        self.bias.grad += grad_output.sum(0)
        g = grad_output * self.weight.data
        return (g - self.x_hat * (g * self.x_hat).mean(0)) / self.std


class LayerNorm(Module):
    def __init__(self, dim, eps=1e-5):
        super().__init__()
        self.gamma = Parameter(np.random.uniform(0.5, 1.5, dim))
        self.beta = Parameter(np.zeros(dim))
        self.eps = eps

    def forward(self, x):
        mean = x.mean(-1, keepdims=True)
        self.inv_std = 1 / np.sqrt(((x - mean) ** 2).mean(-1, keepdims=True) + self.eps)
        self.xhat = (x - mean) * self.inv_std
        return self.xhat * self.gamma.data + self.beta.data

    def backward(self, dout):
        axes = tuple(range(dout.ndim - 1))
        self.gamma.grad += np.sum(dout * self.xhat, axis=axes)
        self.beta.grad += np.sum(dout, axis=axes)
        dxhat = dout * self.gamma.data
        D = dout.shape[-1]
        dx = D * dxhat - dxhat.sum(-1, keepdims=True) - self.xhat * (dxhat * self.xhat).sum(-1, keepdims=True)
        return dx * self.inv_std / D


class Dropout(Module):
    def __init__(self, p=0.5):
        super().__init__()
        self.p = p

    def forward(self, x):
        if self.training:
            self.mask = (np.random.rand(*x.shape) > self.p) / (1 - self.p)
            return x * self.mask
        self.mask = None
        return x

    def backward(self, grad_output):
        return grad_output if self.mask is None else grad_output * self.mask


# ------------------------------------------------------------ containers ---

class Sequential(Module):
    def __init__(self, *layers):
        super().__init__()
        self.layers = list(layers)

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x

    def backward(self, grad):
        for layer in reversed(self.layers):
            grad = layer.backward(grad)
        return grad


class ResidualBlock(Module):
    def __init__(self, dim, hidden):
        super().__init__()
        self.fc1 = Linear(dim, hidden)
        self.act = SiLU()
        self.fc2 = Linear(hidden, dim)

    def forward(self, x):
        return x + self.fc2(self.act(self.fc1(x)))

    def backward(self, grad):
        return grad + self.fc1.backward(self.act.backward(self.fc2.backward(grad)))


class TiedAutoencoder(Module):
    """The decoder uses the encoder's weight, transposed"""

    def __init__(self, dim, hidden):
        super().__init__()
        self.weight = Parameter(np.random.randn(hidden, dim) * 0.4)

    def forward(self, x):
        self.x = x
        self.h = np.tanh(x @ self.weight.data.T)
        return self.h @ self.weight.data

    def backward(self, grad_output):
        grad_h = grad_output @ self.weight.data.T
        self.weight.grad = self.h.T @ grad_output           # decoder
        grad_z = grad_h * (1 - self.h ** 2)
        self.weight.grad = grad_z.T @ self.x                # encoder
        return grad_z @ self.weight.data


class Flatten(Module):
    def forward(self, x):
        self.shape = x.shape
        return x.reshape(len(x), -1)

    def backward(self, grad):
        return grad.reshape(self.shape)


class Cat(Module):
    def __init__(self, dim=1):
        super().__init__()
        self.dim = dim

    def forward(self, a, b):
        self.n = a.shape[self.dim]
        return np.concatenate((a, b), axis=self.dim)

    def backward(self, grad):
        ga, gb = np.split(grad, [self.n], axis=self.dim)
        return ga, gb


# ----------------------------------------------------------- convolution ---

class Conv2d(Module):
    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0):
        super().__init__()
        kh, kw = kernel_size
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding
        self.weight = Parameter(np.random.randn(out_channels, in_channels, kh, kw) * 0.3)
        self.bias = Parameter(np.zeros(out_channels))

    def forward(self, x):
        p, s = self.padding, self.stride
        kh, kw = self.kernel_size
        self.xp = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
        N, C, H, W = self.xp.shape
        Ho, Wo = (H - kh) // s + 1, (W - kw) // s + 1
        out = np.empty((N, self.weight.shape[0], Ho, Wo))
        for i in range(Ho):
            for j in range(Wo):
                patch = self.xp[:, :, i * s:i * s + kh, j * s:j * s + kw]
                out[:, :, i, j] = np.tensordot(patch, self.weight.data, axes=([1, 2, 3], [1, 2, 3])) + self.bias.data
        return out

    def backward(self, grad_output):
        p, s = self.padding, self.stride
        kh, kw = self.kernel_size
        gx = np.zeros_like(self.xp)
        for i in range(grad_output.shape[2]):
            for j in range(grad_output.shape[3]):
                g = grad_output[:, :, i, j]
                patch = self.xp[:, :, i * s:i * s + kh, j * s:j * s + kw]
                self.weight.grad += np.tensordot(g, patch, axes=(0, 0))
                gx[:, :, i * s:i * s + kh, j * s:j * s + kw] += np.tensordot(g, self.weight.data, axes=(1, 0))
        self.bias.grad += grad_output.sum(axis=(0, 2, 3))
        H, W = gx.shape[2:]
        return gx[:, :, p:H - p, p:W - p]


class Conv2dShifted(Conv2d):
    def backward(self, grad_output):
        gx = super().backward(grad_output)
        p = self.padding
        # cut the padding off
        full = np.pad(gx, ((0, 0), (0, 0), (p, p), (p, p)))
        return full[:, :, :full.shape[2] - 2 * p, :full.shape[3] - 2 * p]


class Conv1d(Module):
    """im2col with an index matrix"""

    def __init__(self, cin, cout, k):
        super().__init__()
        self.k = k
        self.W = Parameter(np.random.randn(cout, cin * k) * 0.3)
        self.b = Parameter(np.zeros((cout, 1)))

    def forward(self, x):
        self.xshape = N, C, L = x.shape
        self.idx = np.arange(self.k)[:, None] + np.arange(L - self.k + 1)[None]
        self.col = x[:, :, self.idx].reshape(N, C * self.k, -1)
        return self.W.data @ self.col + self.b.data

    def backward(self, g):
        self.W.grad += np.einsum("not,nct->oc", g, self.col)
        self.b.grad += g.sum(axis=(0, 2))[:, None]
        N, C, L = self.xshape
        gcol = (self.W.data.T @ g).reshape(N, C, self.k, -1)
        gx = np.zeros(self.xshape)
        np.add.at(gx, (slice(None), slice(None), self.idx), gcol)
        return gx


class MaxPool2d(Module):
    def __init__(self, kernel_size=2):
        super().__init__()
        self.k = kernel_size

    def forward(self, x):
        N, C, H, W = x.shape
        k = self.k
        self.x = x
        self.xr = x.reshape(N, C, H // k, k, W // k, k)
        self.out = self.xr.max(axis=(3, 5))
        return self.out

    def backward(self, grad_output):
        mask = self.xr == self.out[:, :, :, None, :, None]
        return (mask * grad_output[:, :, :, None, :, None]).reshape(self.x.shape)


class MaxPool1dOverlap(Module):
    def __init__(self, kernel_size, stride):
        super().__init__()
        self.k, self.s = kernel_size, stride

    def forward(self, x):
        self.x = x
        N, C, L = x.shape
        T = (L - self.k) // self.s + 1
        y = np.zeros((N, C, T))
        self.arg = np.zeros((N, C, T), dtype=int)
        for t in range(T):
            w = x[:, :, t * self.s:t * self.s + self.k]
            self.arg[:, :, t] = w.argmax(-1) + t * self.s
            y[:, :, t] = w.max(-1)
        return y

    def backward(self, grad_output):
        gx = np.zeros_like(self.x)
        for t in range(self.arg.shape[2]):
            np.put_along_axis(gx, self.arg[:, :, t:t + 1], grad_output[:, :, t:t + 1], axis=2)
        return gx


class AvgPool2d(Module):
    def __init__(self, kernel_size=2):
        super().__init__()
        self.k = kernel_size

    def forward(self, x):
        N, C, H, W = x.shape
        k = self.k
        return x.reshape(N, C, H // k, k, W // k, k).mean(axis=(3, 5))

    def backward(self, grad_output):
        return np.kron(grad_output, np.ones((self.k, self.k))) / self.k ** 2


class Upsample(Module):
    def __init__(self, scale_factor):
        super().__init__()
        self.f = scale_factor

    def forward(self, x):
        return np.repeat(np.repeat(x, self.f, axis=-2), self.f, axis=-1)

    def backward(self, g):
        *lead, H, W = g.shape
        return g.reshape(*lead, H // self.f, self.f, W // self.f, self.f).sum((-3, -1))


class Embedding(Module):
    def __init__(self, num_embeddings, dim, padding_idx=None):
        super().__init__()
        self.weight = Parameter(np.random.randn(num_embeddings, dim))
        self.padding_idx = padding_idx

    def forward(self, idx):
        self.idx = idx
        return self.weight.data[idx]

    def backward(self, grad_output):
        np.add.at(self.weight.grad, self.idx, grad_output)
        return None


# ------------------------------------------------------------- attention ---

class SelfAttention(Module):
    def __init__(self, dim, head_dim):
        super().__init__()
        self.q = Linear(dim, head_dim, bias=False)
        self.k = Linear(dim, head_dim, bias=False)
        self.v = Linear(dim, head_dim, bias=False)
        self.softmax = Softmax()
        self.scale = head_dim ** -0.5

    def forward(self, x):
        self.Q, self.K, self.V = self.q(x), self.k(x), self.v(x)
        self.A = self.softmax(self.Q @ self.K.transpose(0, 2, 1) * self.scale)
        return self.A @ self.V

    def backward(self, grad):
        gV = self.A.transpose(0, 2, 1) @ grad
        gS = self.softmax.backward(grad @ self.V.transpose(0, 2, 1)) * self.scale
        gQ = gS @ self.K
        gK = gS.transpose(0, 2, 1) @ self.Q
        return self.q.backward(gQ) + self.k.backward(gK) + self.v.backward(gV)


class SelfAttentionB(SelfAttention):
    def backward(self, grad):
        gV = self.A.transpose(0, 2, 1) @ grad
        gS = self.softmax.backward(grad @ self.V.transpose(0, 2, 1)) * self.scale
        gQ = gS @ self.K
        gK = gS @ self.Q
        return self.q.backward(gQ) + self.k.backward(gK) + self.v.backward(gV)


# ------------------------------------------------------------- recurrent ---

class RNNCell(Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.weight_ih = Parameter(np.random.randn(hidden_size, input_size) * 0.4)
        self.weight_hh = Parameter(np.random.randn(hidden_size, hidden_size) * 0.4)
        self.bias_ih = Parameter(np.zeros(hidden_size))
        self.bias_hh = Parameter(np.zeros(hidden_size))

    def forward(self, x, h):
        self.x, self.h = x, h
        self.h_next = np.tanh(x @ self.weight_ih.data.T + self.bias_ih.data + h @ self.weight_hh.data.T + self.bias_hh.data)
        return self.h_next

    def backward(self, delta):
        dz = delta * (1 - self.h_next ** 2)
        self.weight_ih.grad += dz.T @ self.x
        self.weight_hh.grad += dz.T @ self.h
        self.bias_ih.grad += dz.sum(axis=0)
        self.bias_hh.grad += dz.sum(axis=0)
        return dz @ self.weight_ih.data, dz @ self.weight_hh.data


class GRUCell(Module):
    def __init__(self, d, h):
        super().__init__()
        self.d, self.h = d, h
        for n in ("Wrx", "Wzx", "Wnx"):
            setattr(self, n, Parameter(np.random.randn(h, d) * 0.5))
        for n in ("Wrh", "Wzh", "Wnh"):
            setattr(self, n, Parameter(np.random.randn(h, h) * 0.5))

    def forward(self, x, h_prev_t):
        sig = lambda v: 1 / (1 + np.exp(-v))
        self.x, self.hidden = x, h_prev_t
        self.r = sig(x @ self.Wrx.data.T + h_prev_t @ self.Wrh.data.T)
        self.z = sig(x @ self.Wzx.data.T + h_prev_t @ self.Wzh.data.T)
        self.hn = h_prev_t @ self.Wnh.data.T
        self.n = np.tanh(x @ self.Wnx.data.T + self.r * self.hn)
        return (1 - self.z) * self.n + self.z * h_prev_t

    def backward(self, delta):
        dn = delta * (1 - self.z) * (1 - self.n ** 2)
        dz = delta * (self.hidden - self.n) * self.z * (1 - self.z)
        dr = dn * self.hn * self.r * (1 - self.r)
        dhn = dn * self.r

        self.Wnx.grad += dn.T @ self.x
        self.Wnh.grad += dhn.T @ self.hidden
        self.Wzx.grad += dz.T @ self.x
        self.Wzh.grad += dz.T @ self.hidden
        self.Wrx.grad += dr.T @ self.x
        self.Wrh.grad += dr.T @ self.hidden

        dx = dn @ self.Wnx.data + dz @ self.Wzx.data + dr @ self.Wrx.data
        dh = delta * self.z + dhn @ self.Wnh.data + dz @ self.Wzh.data + dr @ self.Wrh.data
        return dx, dh


class GRUCellB(GRUCell):
    def backward(self, delta):
        dx, dh = super().backward(delta)
        return dx, dh - delta * self.z


class RNN(Module):
    """(T, N, D) -> (T, N, H); one pass over time"""

    def __init__(self, D, H):
        super().__init__()
        self.wx = Parameter(np.random.randn(D, H) * 0.5)
        self.wh = Parameter(np.random.randn(H, H) * 0.5)
        self.b = Parameter(np.zeros(H))

    def forward(self, xs):
        T, N, _ = xs.shape
        self.xs = xs
        self.hs = [np.zeros((N, self.b.shape[0]))]
        for t in range(T):
            self.hs.append(np.tanh(xs[t] @ self.wx.data + self.hs[-1] @ self.wh.data + self.b.data))
        return np.stack(self.hs[1:])

    def backward(self, grad):
        dxs = np.zeros_like(self.xs)
        dh = 0.0
        for t in range(len(self.xs) - 1, -1, -1):
            da = (grad[t] + dh) * (1 - self.hs[t + 1] ** 2)
            self.wx.grad += self.xs[t].T @ da
            self.wh.grad += self.hs[t].T @ da
            self.b.grad += da.sum(0)
            dxs[t] = da @ self.wx.data.T
            dh = da @ self.wh.data.T
        return dxs


class RNNSharedState(RNN):
    def forward(self, xs):
        T, N, _ = xs.shape
        self.xs = xs
        h = np.zeros((N, self.b.shape[0]))
        self.hs = [h.copy()]
        out = np.zeros((T, N, h.shape[1]))
        for t in range(T):
            h[:] = np.tanh(xs[t] @ self.wx.data + h @ self.wh.data + self.b.data)
            self.hs.append(h)
            out[t] = h
        return out


# ------------------------------------------------------------- criterions ---

class CrossEntropyLoss(Module):
    def forward(self, pred, target):
        z = pred - pred.max(axis=1, keepdims=True)
        self.p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
        self.target = target
        return -np.log(self.p[np.arange(len(target)), target]).mean()

    def backward(self):
        g = self.p.copy()
        g[np.arange(len(self.target)), self.target] -= 1
        return g / len(self.target)


class CrossEntropyLossWeighted(Module):
    """weight: one number for each class; divided by the weights' sum as PyTorch does"""

    def __init__(self, weight, label_smoothing=0.0):
        super().__init__()
        self.weight = np.asarray(weight, dtype=float)

    def forward(self, pred, target):
        self.logp = pred - pred.max(1, keepdims=True)
        self.logp -= np.log(np.exp(self.logp).sum(1, keepdims=True))
        self.target = target
        w = self.weight[target]
        return -(w * self.logp[range(len(target)), target]).sum() / w.sum()

    def backward(self):
        w = self.weight[self.target]
        onehot = np.eye(self.logp.shape[1])[self.target]
        return (np.exp(self.logp) - onehot) * w[:, None] / w.sum()


class CrossEntropyLossWeightedB(CrossEntropyLossWeighted):
    def backward(self):
        w = self.weight
        onehot = np.eye(self.logp.shape[1])[self.target]
        return (np.exp(self.logp) - onehot) * w / w[self.target].sum()


class NLLLoss(Module):
    def __init__(self, reduction="mean"):
        super().__init__()
        self.reduction = reduction

    def forward(self, log_probs, target):
        self.shape, self.target = log_probs.shape, target
        losses = -np.take_along_axis(log_probs, target[:, None], axis=1)
        return losses.mean() if self.reduction == "mean" else losses.sum()

    def backward(self):
        grad = np.zeros(self.shape)
        np.put_along_axis(grad, self.target[:, None], -1.0, axis=1)
        return grad / self.shape[0] if self.reduction == "mean" else grad


class MSELoss(Module):
    def forward(self, pred, target):
        self.diff = pred - target
        return np.mean(self.diff ** 2)

    def backward(self):
        return 2 * self.diff / self.diff.size


class MSELossB(MSELoss):
    def backward(self):
        return 2 * self.diff / self.diff.shape[0]


class BCEWithLogitsLoss(Module):
    def __init__(self, pos_weight=1.0):
        super().__init__()
        self.pos_weight = pos_weight

    def forward(self, x, y):
        self.x, self.y = x, y
        softplus = lambda v: np.logaddexp(0, v)
        return (self.pos_weight * y * softplus(-x) + (1 - y) * softplus(x)).mean()

    def backward(self):
        s = 1 / (1 + np.exp(-self.x))
        return (self.pos_weight * self.y * (s - 1) + (1 - self.y) * s) / self.x.size


class SmoothL1Loss(Module):
    def __init__(self, beta=1.0):
        super().__init__()
        self.beta = beta

    def forward(self, pred, target):
        self.d = pred - target
        a = np.abs(self.d)
        return np.where(a < self.beta, 0.5 * a ** 2 / self.beta, a - 0.5 * self.beta).mean()

    def backward(self):
        return np.where(np.abs(self.d) < self.beta, self.d / self.beta, np.sign(self.d)) / self.d.size


class MultiMarginLoss(Module):
    def __init__(self, margin=1.0):
        super().__init__()
        self.margin = margin

    def forward(self, scores, y):
        n, c = scores.shape
        self.y = y
        m = self.margin - scores[np.arange(n), y][:, None] + scores
        m[np.arange(n), y] = 0
        self.m = np.maximum(m, 0)
        return self.m.sum() / (n * c)

    def backward(self):
        n, c = self.m.shape
        g = (self.m > 0).astype(float)
        g[np.arange(n), self.y] -= g.sum(axis=1)
        return g / (n * c)


def _labels(n, k, seed=3):
    return rng(seed).integers(0, k, n)


_ACC = "gradients add up until zero_grad()"


CASES = [
    dict(name="linear", layer=lambda: Linear(4, 3), x=lambda: rng().standard_normal((5, 4)), convention=_ACC),
    dict(name="linear_3d_no_bias", layer=lambda: Linear(4, 6, bias=False), x=lambda: rng(1).standard_normal((2, 3, 4)), convention=_ACC),
    dict(name="square_linear", layer=lambda: SquareLinear(4), x=lambda: rng(2).standard_normal((3, 4)),
         wrong={"input": {"transpose"}}),                              # grad @ W^T where grad @ W was needed
    dict(name="bilinear", layer=lambda: Bilinear(3, 4, 2), x=lambda: (rng(3).standard_normal((5, 3)), rng(4).standard_normal((5, 4)))),
    dict(name="relu", layer=lambda: ReLU(), x=lambda: rng(5).standard_normal((4, 5))),
    dict(name="relu6_open_above", layer=lambda: ReLU6(), x=lambda: 5 * rng(6).standard_normal((4, 5)),
         wrong={"input": {"missing_branch", "wrong_local_derivative", "missing_factor"}}),  # the upper clipping is ignored
    dict(name="leaky_relu", layer=lambda: LeakyReLU(0.1), x=lambda: rng(7).standard_normal((4, 5))),
    dict(name="prelu", layer=lambda: PReLU(4), x=lambda: rng(8).standard_normal((2, 3, 4))),
    dict(name="sigmoid", layer=lambda: Sigmoid(), x=lambda: rng(9).standard_normal((4, 5))),
    dict(name="tanh_bracket", layer=lambda: Tanh(), x=lambda: rng(10).standard_normal((4, 5)),
         wrong={"input": {"wrong_local_derivative"}}),                 # (1 - t)^2 for 1 - t^2
    dict(name="silu", layer=lambda: SiLU(), x=lambda: rng(11).standard_normal((4, 5))),
    dict(name="softplus_alone", layer=lambda: Softplus(), x=lambda: rng(54).standard_normal((4, 5)),
         wrong={"input": {"missing_upstream"}}),                       # grad_output is not used
    dict(name="softmax_dim1", layer=lambda: Softmax(1), x=lambda: rng(12).standard_normal((2, 3, 4))),
    dict(name="log_softmax", layer=lambda: LogSoftmax(), x=lambda: rng(13).standard_normal((4, 3))),
    dict(name="batch_norm", layer=lambda: BatchNorm1d(4), x=lambda: rng(14).standard_normal((6, 4)),
         constants={"eps", "momentum", "running_mean", "running_var"}),
    dict(name="batch_norm_without_mean", layer=lambda: BatchNormWithoutMean(4), x=lambda: rng(15).standard_normal((6, 4)),
         constants={"eps", "momentum", "running_mean", "running_var"}, wrong={"input": {"missing_branch"}}),  # no path through the mean
    dict(name="layer_norm_3d", layer=lambda: LayerNorm(5), x=lambda: rng(16).standard_normal((2, 3, 5)), constants={"eps"}),
    dict(name="dropout", layer=lambda: Dropout(0.4), x=lambda: rng(17).standard_normal((5, 4)), constants={"mask", "p"}),
    dict(name="sequential", layer=lambda: Sequential(Linear(4, 6), Sigmoid(), Linear(6, 3), LogSoftmax()),
         x=lambda: rng(18).standard_normal((5, 4)), convention=_ACC),
    dict(name="residual_block", layer=lambda: ResidualBlock(4, 3), x=lambda: rng(19).standard_normal((5, 4)), convention=_ACC),
    dict(name="tied_autoencoder", layer=lambda: TiedAutoencoder(4, 3), x=lambda: rng(20).standard_normal((5, 4)),
         wrong={"weight": {"overwritten", "missing_branch"}}),         # = for += : the decoder's part is lost
    dict(name="flatten", layer=lambda: Flatten(), x=lambda: rng(21).standard_normal((2, 3, 4))),
    dict(name="cat", layer=lambda: Cat(), x=lambda: (rng(22).standard_normal((4, 2)), rng(23).standard_normal((4, 3)))),
    dict(name="conv2d_stride_padding", layer=lambda: Conv2d(3, 4, (3, 2), stride=2, padding=1), x=lambda: rng(24).standard_normal((2, 3, 5, 6)), convention=_ACC),
    dict(name="conv2d_padding_cut_wrong", layer=lambda: Conv2dShifted(3, 2, (3, 3), padding=1), x=lambda: rng(25).standard_normal((2, 3, 4, 5)),
         wrong={"input": {"shifted"}}),                                # cuts the padding off one side only
    dict(name="conv1d_im2col", layer=lambda: Conv1d(3, 4, 2), x=lambda: rng(26).standard_normal((2, 3, 6)), convention=_ACC),
    dict(name="max_pool2d", layer=lambda: MaxPool2d(), x=lambda: rng(27).standard_normal((2, 3, 4, 6))),
    dict(name="max_pool1d_overlap", layer=lambda: MaxPool1dOverlap(3, 1), x=lambda: rng(28).standard_normal((2, 3, 6)),
         wrong={"input": {"overwritten"}}),                            # put for add where windows overlap
    dict(name="avg_pool2d", layer=lambda: AvgPool2d(), x=lambda: rng(29).standard_normal((2, 3, 4, 6))),
    dict(name="upsample", layer=lambda: Upsample(2), x=lambda: rng(30).standard_normal((2, 3, 4, 5))),
    dict(name="embedding", layer=lambda: Embedding(6, 4), x=lambda: np.array([[1, 1, 5], [0, 2, 1]])),
    dict(name="self_attention", layer=lambda: SelfAttention(4, 3), x=lambda: rng(31).standard_normal((2, 5, 4)), convention=_ACC),
    dict(name="self_attention_key", layer=lambda: SelfAttentionB(4, 3), x=lambda: rng(32).standard_normal((2, 5, 4)),
         wrong={"input": {"transpose"}, "k.weight": {"transpose"}}),   # the scores' gradient is not transposed for K
    dict(name="rnn_cell", layer=lambda: RNNCell(4, 3), x=lambda: (rng(33).standard_normal((5, 4)), rng(34).standard_normal((5, 3)))),
    dict(name="gru_cell", layer=lambda: GRUCell(4, 3), x=lambda: (rng(35).standard_normal((5, 4)), rng(36).standard_normal((5, 3)))),
    dict(name="gru_cell_no_carry", layer=lambda: GRUCellB(4, 3), x=lambda: (rng(37).standard_normal((5, 4)), rng(38).standard_normal((5, 3))),
         wrong={"h_prev_t": {"missing_branch"}}),                      # the direct path z * h is forgotten
    dict(name="rnn", layer=lambda: RNN(4, 5), x=lambda: rng(39).standard_normal((3, 2, 4)), convention=_ACC),
    dict(name="rnn_shared_state", layer=lambda: RNNSharedState(4, 5), x=lambda: rng(40).standard_normal((3, 2, 4)),
         wrong={k: {"stale_cache", "overwritten", "wrong_variable"} for k in ("input", "wx", "wh", "b")}),  # every kept state is the same array
    dict(name="cross_entropy", layer=lambda: CrossEntropyLoss(), x=lambda: (rng(41).standard_normal((5, 4)), _labels(5, 4))),
    dict(name="cross_entropy_weighted", layer=lambda: CrossEntropyLossWeighted([0.5, 2, 1, 3]),
         x=lambda: (rng(42).standard_normal((5, 4)), _labels(5, 4)), constants={"weight"}),
    dict(name="cross_entropy_weights_by_column", layer=lambda: CrossEntropyLossWeightedB([0.5, 2, 1, 3]),
         x=lambda: (rng(43).standard_normal((5, 4)), _labels(5, 4)), constants={"weight"},
         wrong={"input": {"wrong_axis", "wrong_variable", "scale"}}),  # the weights of the columns, not of the examples' classes
    dict(name="nll_loss", layer=lambda: NLLLoss(), x=lambda: (np.log(rng(44).uniform(0.1, 0.9, (5, 4))), _labels(5, 4))),
    dict(name="mse_loss", layer=lambda: MSELoss(), x=lambda: (rng(45).standard_normal((5, 4)), rng(46).standard_normal((5, 4)))),
    dict(name="mse_loss_batch", layer=lambda: MSELossB(), x=lambda: (rng(47).standard_normal((5, 4)), rng(48).standard_normal((5, 4))),
         wrong={"input": {"scale", "missing_factor", "extra_factor"}}),                     # mean over all, divided by the batch only
    dict(name="bce_with_logits", layer=lambda: BCEWithLogitsLoss(2.5), x=lambda: (rng(49).standard_normal((5, 3)), 1.0 * (rng(50).random((5, 3)) > 0.5)),
         constants={"pos_weight"}),
    dict(name="smooth_l1", layer=lambda: SmoothL1Loss(0.8), x=lambda: (rng(51).standard_normal((5, 3)), rng(52).standard_normal((5, 3))), constants={"beta"}),
    dict(name="multi_margin", layer=lambda: MultiMarginLoss(), x=lambda: (rng(53).standard_normal((5, 4)), _labels(5, 4)), constants={"margin"}),
]
