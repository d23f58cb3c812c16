"""The manner of "Deep learning from scratch" 1 and 2: Affine, Relu, SoftmaxWithLoss, params/grads lists, dout."""
import numpy as np


def rng(seed=0):
    return np.random.default_rng(seed)


# ------------------------------------------------------------------- functions

def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x):
    if x.ndim == 2:
        x = x - x.max(axis=1, keepdims=True)
        x = np.exp(x)
        x /= x.sum(axis=1, keepdims=True)
    elif x.ndim == 1:
        x = x - np.max(x)
        x = np.exp(x) / np.sum(np.exp(x))
    return x


def cross_entropy_error(y, t):
    if y.ndim == 1:
        t = t.reshape(1, t.size)
        y = y.reshape(1, y.size)
    if t.size == y.size:
        t = t.argmax(axis=1)
    batch_size = y.shape[0]
    return -np.sum(np.log(y[np.arange(batch_size), t])) / batch_size


def im2col(input_data, filter_h, filter_w, stride=1, pad=0):
    N, C, H, W = input_data.shape
    out_h = (H + 2 * pad - filter_h) // stride + 1
    out_w = (W + 2 * pad - filter_w) // stride + 1
    img = np.pad(input_data, [(0, 0), (0, 0), (pad, pad), (pad, pad)], "constant")
    col = np.zeros((N, C, filter_h, filter_w, out_h, out_w))
    for y in range(filter_h):
        y_max = y + stride * out_h
        for x in range(filter_w):
            x_max = x + stride * out_w
            col[:, :, y, x, :, :] = img[:, :, y:y_max:stride, x:x_max:stride]
    return col.transpose(0, 4, 5, 1, 2, 3).reshape(N * out_h * out_w, -1)


def col2im(col, input_shape, filter_h, filter_w, stride=1, pad=0):
    N, C, H, W = input_shape
    out_h = (H + 2 * pad - filter_h) // stride + 1
    out_w = (W + 2 * pad - filter_w) // stride + 1
    col = col.reshape(N, out_h, out_w, C, filter_h, filter_w).transpose(0, 3, 4, 5, 1, 2)
    img = np.zeros((N, C, H + 2 * pad + stride - 1, W + 2 * pad + stride - 1))
    for y in range(filter_h):
        y_max = y + stride * out_h
        for x in range(filter_w):
            x_max = x + stride * out_w
            img[:, :, y:y_max:stride, x:x_max:stride] += col[:, :, y, x, :, :]
    return img[:, :, pad:H + pad, pad:W + pad]


# -------------------------------------------------------------- layers, book 1

class MulLayer:
    def __init__(self):
        self.x = None
        self.y = None

    def forward(self, x, y):
        self.x = x
        self.y = y
        return x * y

    def backward(self, dout):
        dx = dout * self.y
        dy = dout * self.x
        return dx, dy


class MulLayerOops:
    def forward(self, x, y):
        self.x = x
        self.y = y
        return x * y

    def backward(self, dout):
        dx = dout * self.x
        dy = dout * self.y
        return dx, dy


class AddLayer:
    def __init__(self):
        pass

    def forward(self, x, y):
        return x + y

    def backward(self, dout):
        return dout * 1, dout * 1


class Relu:
    def __init__(self):
        self.mask = None

    def forward(self, x):
        self.mask = (x <= 0)
        out = x.copy()
        out[self.mask] = 0
        return out

    def backward(self, dout):
        dout[self.mask] = 0
        dx = dout
        return dx


class Sigmoid:
    def __init__(self):
        self.out = None

    def forward(self, x):
        out = sigmoid(x)
        self.out = out
        return out

    def backward(self, dout):
        return dout * (1.0 - self.out) * self.out


class SigmoidTwice:
    def forward(self, x):
        self.out = sigmoid(x)
        return self.out

    def backward(self, dout):
        y = sigmoid(self.out)
        dx = dout * y * (1.0 - y)
        return dx


class Affine:
    def __init__(self, W, b):
        self.W = W
        self.b = b
        self.x = None
        self.original_x_shape = None
        self.dW = None
        self.db = None

    def forward(self, x):
        self.original_x_shape = x.shape
        x = x.reshape(x.shape[0], -1)
        self.x = x
        out = np.dot(self.x, self.W) + self.b
        return out

    def backward(self, dout):
        dx = np.dot(dout, self.W.T)
        self.dW = np.dot(self.x.T, dout)
        self.db = np.sum(dout, axis=0)
        dx = dx.reshape(*self.original_x_shape)
        return dx


class SoftmaxWithLoss:
    def __init__(self):
        self.loss = None
        self.y = None
        self.t = None

    def forward(self, x, t):
        self.t = t
        self.y = softmax(x)
        self.loss = cross_entropy_error(self.y, self.t)
        return self.loss

    def backward(self, dout=1):
        batch_size = self.t.shape[0]
        if self.t.size == self.y.size:
            dx = (self.y - self.t) / batch_size
        else:
            dx = self.y.copy()
            dx[np.arange(batch_size), self.t] -= 1
            dx = dx / batch_size
        return dx * dout


class SoftmaxWithLossSum(SoftmaxWithLoss):
    def backward(self, dout=1):
        dx = self.y.copy()
        dx[np.arange(self.t.shape[0]), self.t] -= 1
        return dx * dout


class Dropout:
    def __init__(self, dropout_ratio=0.5):
        self.dropout_ratio = dropout_ratio
        self.mask = None

    def forward(self, x, train_flg=True):
        if train_flg:
            self.mask = np.random.rand(*x.shape) > self.dropout_ratio
            return x * self.mask
        else:
            return x * (1.0 - self.dropout_ratio)

    def backward(self, dout):
        return dout * self.mask


class BatchNormalization:
    def __init__(self, gamma, beta, momentum=0.9, running_mean=None, running_var=None):
        self.gamma = gamma
        self.beta = beta
        self.momentum = momentum
        self.input_shape = None
        self.running_mean = running_mean
        self.running_var = running_var
        self.batch_size = None
        self.xc = None
        self.std = None
        self.dgamma = None
        self.dbeta = None

    def forward(self, x, train_flg=True):
        self.input_shape = x.shape
        if x.ndim != 2:
            N, C, H, W = x.shape
            x = x.reshape(N, -1)
        out = self.__forward(x, train_flg)
        return out.reshape(*self.input_shape)

    def __forward(self, x, train_flg):
        if self.running_mean is None:
            N, D = x.shape
            self.running_mean = np.zeros(D)
            self.running_var = np.zeros(D)
        if train_flg:
            mu = x.mean(axis=0)
            xc = x - mu
            var = np.mean(xc ** 2, axis=0)
            std = np.sqrt(var + 10e-7)
            xn = xc / std
            self.batch_size = x.shape[0]
            self.xc = xc
            self.xn = xn
            self.std = std
            self.running_mean = self.momentum * self.running_mean + (1 - self.momentum) * mu
            self.running_var = self.momentum * self.running_var + (1 - self.momentum) * var
        else:
            xc = x - self.running_mean
            xn = xc / (np.sqrt(self.running_var + 10e-7))
        return self.gamma * xn + self.beta

    def backward(self, dout):
        if dout.ndim != 2:
            N, C, H, W = dout.shape
            dout = dout.reshape(N, -1)
        dx = self.__backward(dout)
        return dx.reshape(*self.input_shape)

    def __backward(self, dout):
        dbeta = dout.sum(axis=0)
        dgamma = np.sum(self.xn * dout, axis=0)
        dxn = self.gamma * dout
        dxc = dxn / self.std
        dstd = -np.sum((dxn * self.xc) / (self.std * self.std), axis=0)
        dvar = 0.5 * dstd / self.std
        dxc += (2.0 / self.batch_size) * self.xc * dvar
        dmu = np.sum(dxc, axis=0)
        dx = dxc - dmu / self.batch_size
        self.dgamma = dgamma
        self.dbeta = dbeta
        return dx


class Convolution:
    def __init__(self, W, b, stride=1, pad=0):
        self.W = W
        self.b = b
        self.stride = stride
        self.pad = pad
        self.x = None
        self.col = None
        self.col_W = None
        self.dW = None
        self.db = None

    def forward(self, x):
        FN, C, FH, FW = self.W.shape
        N, C, H, W = x.shape
        out_h = 1 + int((H + 2 * self.pad - FH) / self.stride)
        out_w = 1 + int((W + 2 * self.pad - FW) / self.stride)
        col = im2col(x, FH, FW, self.stride, self.pad)
        col_W = self.W.reshape(FN, -1).T
        out = np.dot(col, col_W) + self.b
        out = out.reshape(N, out_h, out_w, -1).transpose(0, 3, 1, 2)
        self.x = x
        self.col = col
        self.col_W = col_W
        return out

    def backward(self, dout):
        FN, C, FH, FW = self.W.shape
        dout = dout.transpose(0, 2, 3, 1).reshape(-1, FN)
        self.db = np.sum(dout, axis=0)
        self.dW = np.dot(self.col.T, dout)
        self.dW = self.dW.transpose(1, 0).reshape(FN, C, FH, FW)
        dcol = np.dot(dout, self.col_W.T)
        dx = col2im(dcol, self.x.shape, FH, FW, self.stride, self.pad)
        return dx


class ConvolutionNoTranspose(Convolution):
    """dout is reshaped without moving the channel axis to the end"""

    def backward(self, dout):
        FN, C, FH, FW = self.W.shape
        dout = dout.reshape(-1, FN)
        self.db = np.sum(dout, axis=0)
        self.dW = np.dot(self.col.T, dout).T.reshape(FN, C, FH, FW)
        dcol = np.dot(dout, self.col_W.T)
        return col2im(dcol, self.x.shape, FH, FW, self.stride, self.pad)


class Pooling:
    def __init__(self, pool_h, pool_w, stride=1, pad=0):
        self.pool_h = pool_h
        self.pool_w = pool_w
        self.stride = stride
        self.pad = pad
        self.x = None
        self.arg_max = None

    def forward(self, x):
        N, C, H, W = x.shape
        out_h = int(1 + (H - self.pool_h) / self.stride)
        out_w = int(1 + (W - self.pool_w) / self.stride)
        col = im2col(x, self.pool_h, self.pool_w, self.stride, self.pad)
        col = col.reshape(-1, self.pool_h * self.pool_w)
        arg_max = np.argmax(col, axis=1)
        out = np.max(col, axis=1)
        out = out.reshape(N, out_h, out_w, C).transpose(0, 3, 1, 2)
        self.x = x
        self.arg_max = arg_max
        return out

    def backward(self, dout):
        dout = dout.transpose(0, 2, 3, 1)
        pool_size = self.pool_h * self.pool_w
        dmax = np.zeros((dout.size, pool_size))
        dmax[np.arange(self.arg_max.size), self.arg_max.flatten()] = dout.flatten()
        dmax = dmax.reshape(dout.shape + (pool_size,))
        dcol = dmax.reshape(dmax.shape[0] * dmax.shape[1] * dmax.shape[2], -1)
        dx = col2im(dcol, self.x.shape, self.pool_h, self.pool_w, self.stride, self.pad)
        return dx


class TwoLayerNet:
    def __init__(self, input_size, hidden_size, output_size, weight_init_std=0.5, weight_decay_lambda=0):
        r = rng(2)
        self.params = {}
        self.params["W1"] = weight_init_std * r.standard_normal((input_size, hidden_size))
        self.params["b1"] = np.zeros(hidden_size)
        self.params["W2"] = weight_init_std * r.standard_normal((hidden_size, output_size))
        self.params["b2"] = np.zeros(output_size)
        self.weight_decay_lambda = weight_decay_lambda
        self.layers = {}
        self.layers["Affine1"] = Affine(self.params["W1"], self.params["b1"])
        self.layers["Relu1"] = Relu()
        self.layers["Affine2"] = Affine(self.params["W2"], self.params["b2"])
        self.lastLayer = SoftmaxWithLoss()

    def predict(self, x):
        for layer in self.layers.values():
            x = layer.forward(x)
        return x

    def loss(self, x, t):
        y = self.predict(x)
        weight_decay = 0
        for idx in (1, 2):
            W = self.params["W" + str(idx)]
            weight_decay += 0.5 * self.weight_decay_lambda * np.sum(W ** 2)
        return self.lastLayer.forward(y, t) + weight_decay

    def gradient(self, x, t):
        # forward
        self.loss(x, t)
        # backward
        dout = 1
        dout = self.lastLayer.backward(dout)
        layers = list(self.layers.values())
        layers.reverse()
        for layer in layers:
            dout = layer.backward(dout)
        grads = {}
        grads["W1"] = self.layers["Affine1"].dW + self.weight_decay_lambda * self.layers["Affine1"].W
        grads["b1"] = self.layers["Affine1"].db
        grads["W2"] = self.layers["Affine2"].dW + self.weight_decay_lambda * self.layers["Affine2"].W
        grads["b2"] = self.layers["Affine2"].db
        return grads


class TwoLayerNetChapter4:
    """no layer objects: everything by hand in gradient()"""

    def __init__(self, input_size=4, hidden_size=6, output_size=3):
        r = rng(3)
        self.params = {"W1": r.standard_normal((input_size, hidden_size)), "b1": r.standard_normal(hidden_size),
                       "W2": r.standard_normal((hidden_size, output_size)), "b2": r.standard_normal(output_size)}

    def predict(self, x):
        a1 = np.dot(x, self.params["W1"]) + self.params["b1"]
        z1 = sigmoid(a1)
        return softmax(np.dot(z1, self.params["W2"]) + self.params["b2"])

    def loss(self, x, t):
        return cross_entropy_error(self.predict(x), t)

    def gradient(self, x, t):
        W1, W2 = self.params["W1"], self.params["W2"]
        b1, b2 = self.params["b1"], self.params["b2"]
        grads = {}
        batch_num = x.shape[0]
        a1 = np.dot(x, W1) + b1
        z1 = sigmoid(a1)
        a2 = np.dot(z1, W2) + b2
        y = softmax(a2)
        dy = (y - t) / batch_num
        grads["W2"] = np.dot(z1.T, dy)
        grads["b2"] = np.sum(dy, axis=0)
        dz1 = np.dot(dy, W2.T)
        da1 = (1.0 - sigmoid(a1)) * sigmoid(a1) * dz1
        grads["W1"] = np.dot(x.T, da1)
        grads["b1"] = np.sum(da1, axis=0)
        return grads


class TwoLayerNetChapter4Twice(TwoLayerNetChapter4):
    def gradient(self, x, t):
        p, grads = self.params, {}
        z1 = sigmoid(np.dot(x, p["W1"]) + p["b1"])
        y = softmax(np.dot(z1, p["W2"]) + p["b2"])
        dy = (y - t) / x.shape[0]
        dy = dy * y * (1 - y)
        grads["W2"] = np.dot(z1.T, dy)
        grads["b2"] = np.sum(dy, axis=0)
        da1 = np.dot(dy, p["W2"].T) * z1 * (1 - z1)
        grads["W1"] = np.dot(x.T, da1)
        grads["b1"] = np.sum(da1, axis=0)
        return grads


# -------------------------------------------------------------- layers, book 2

class MatMul:
    def __init__(self, W):
        self.params = [W]
        self.grads = [np.zeros_like(W)]
        self.x = None

    def forward(self, x):
        W, = self.params
        out = np.dot(x, W)
        self.x = x
        return out

    def backward(self, dout):
        W, = self.params
        dx = np.dot(dout, W.T)
        dW = np.dot(self.x.T, dout)
        self.grads[0][...] = dW
        return dx


class Embedding:
    def __init__(self, W):
        self.params = [W]
        self.grads = [np.zeros_like(W)]
        self.idx = None

    def forward(self, idx):
        W, = self.params
        self.idx = idx
        out = W[idx]
        return out

    def backward(self, dout):
        dW, = self.grads
        dW[...] = 0
        np.add.at(dW, self.idx, dout)
        return None


class EmbeddingBad(Embedding):
    def backward(self, dout):
        dW, = self.grads
        dW[...] = 0
        dW[self.idx] = dout  # the bad example
        return None


class EmbeddingDot:
    def __init__(self, W):
        self.embed = Embedding(W)
        self.params = self.embed.params
        self.grads = self.embed.grads
        self.cache = None

    def forward(self, h, idx):
        target_W = self.embed.forward(idx)
        out = np.sum(target_W * h, axis=1)
        self.cache = (h, target_W)
        return out

    def backward(self, dout):
        h, target_W = self.cache
        dout = dout.reshape(dout.shape[0], 1)
        dtarget_W = dout * h
        self.embed.backward(dtarget_W)
        dh = dout * target_W
        return dh


class SigmoidWithLoss:
    def __init__(self):
        self.params, self.grads = [], []
        self.loss = None
        self.y = None
        self.t = None

    def forward(self, x, t):
        self.t = t
        self.y = 1 / (1 + np.exp(-x))
        self.loss = cross_entropy_error(np.c_[1 - self.y, self.y], self.t)
        return self.loss

    def backward(self, dout=1):
        batch_size = self.t.shape[0]
        dx = (self.y - self.t) * dout / batch_size
        return dx


class RNN:
    def __init__(self, Wx, Wh, b):
        self.params = [Wx, Wh, b]
        self.grads = [np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(b)]
        self.cache = None

    def forward(self, x, h_prev):
        Wx, Wh, b = self.params
        t = np.dot(h_prev, Wh) + np.dot(x, Wx) + b
        h_next = np.tanh(t)
        self.cache = (x, h_prev, h_next)
        return h_next

    def backward(self, dh_next):
        Wx, Wh, b = self.params
        x, h_prev, h_next = self.cache
        dt = dh_next * (1 - h_next ** 2)
        db = np.sum(dt, axis=0)
        dWh = np.dot(h_prev.T, dt)
        dh_prev = np.dot(dt, Wh.T)
        dWx = np.dot(x.T, dt)
        dx = np.dot(dt, Wx.T)
        self.grads[0][...] = dWx
        self.grads[1][...] = dWh
        self.grads[2][...] = db
        return dx, dh_prev


class TimeRNN:
    def __init__(self, Wx, Wh, b, stateful=False):
        self.params = [Wx, Wh, b]
        self.grads = [np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(b)]
        self.layers = None
        self.h, self.dh = None, None
        self.stateful = stateful

    def forward(self, xs):
        Wx, Wh, b = self.params
        N, T, D = xs.shape
        D, H = Wx.shape
        self.layers = []
        hs = np.empty((N, T, H))
        if not self.stateful or self.h is None:
            self.h = np.zeros((N, H))
        for t in range(T):
            layer = RNN(*self.params)
            self.h = layer.forward(xs[:, t, :], self.h)
            hs[:, t, :] = self.h
            self.layers.append(layer)
        return hs

    def backward(self, dhs):
        Wx, Wh, b = self.params
        N, T, H = dhs.shape
        D, H = Wx.shape
        dxs = np.empty((N, T, D))
        dh = 0
        grads = [0, 0, 0]
        for t in reversed(range(T)):
            layer = self.layers[t]
            dx, dh = layer.backward(dhs[:, t, :] + dh)
            dxs[:, t, :] = dx
            for i, grad in enumerate(layer.grads):
                grads[i] += grad
        for i, grad in enumerate(grads):
            self.grads[i][...] = grad
        self.dh = dh
        return dxs

    def set_state(self, h):
        self.h = h

    def reset_state(self):
        self.h = None


class TimeRNNForgets(TimeRNN):
    def backward(self, dhs):
        N, T, H = dhs.shape
        D = self.params[0].shape[0]
        dxs = np.empty((N, T, D))
        grads = [0, 0, 0]
        for t in reversed(range(T)):
            layer = self.layers[t]
            dx, dh = layer.backward(dhs[:, t, :])
            dxs[:, t, :] = dx
            for i, grad in enumerate(layer.grads):
                grads[i] += grad
        for i, grad in enumerate(grads):
            self.grads[i][...] = grad
        return dxs


class LSTM:
    def __init__(self, Wx, Wh, b):
        self.params = [Wx, Wh, b]
        self.grads = [np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(b)]
        self.cache = None

    def forward(self, x, h_prev, c_prev):
        Wx, Wh, b = self.params
        N, H = h_prev.shape
        A = np.dot(x, Wx) + np.dot(h_prev, Wh) + b
        f = sigmoid(A[:, :H])
        g = np.tanh(A[:, H:2 * H])
        i = sigmoid(A[:, 2 * H:3 * H])
        o = sigmoid(A[:, 3 * H:])
        c_next = f * c_prev + g * i
        h_next = o * np.tanh(c_next)
        self.cache = (x, h_prev, c_prev, i, f, g, o, c_next)
        return h_next, c_next

    def backward(self, dh_next, dc_next):
        Wx, Wh, b = self.params
        x, h_prev, c_prev, i, f, g, o, c_next = self.cache
        tanh_c_next = np.tanh(c_next)
        ds = dc_next + (dh_next * o) * (1 - tanh_c_next ** 2)
        dc_prev = ds * f
        di = ds * g
        df = ds * c_prev
        do = dh_next * tanh_c_next
        dg = ds * i
        di *= i * (1 - i)
        df *= f * (1 - f)
        do *= o * (1 - o)
        dg *= (1 - g ** 2)
        dA = np.hstack((df, dg, di, do))
        self.grads[0][...] = np.dot(x.T, dA)
        self.grads[1][...] = np.dot(h_prev.T, dA)
        self.grads[2][...] = dA.sum(axis=0)
        dx = np.dot(dA, Wx.T)
        dh_prev = np.dot(dA, Wh.T)
        return dx, dh_prev, dc_prev


class LSTMSwapped(LSTM):
    """the gates are stacked in another order than they were cut"""

    def backward(self, dh_next, dc_next):
        Wx, Wh, b = self.params
        x, h_prev, c_prev, i, f, g, o, c_next = self.cache
        tc = np.tanh(c_next)
        ds = dc_next + dh_next * o * (1 - tc ** 2)
        do = dh_next * tc * o * (1 - o)
        di, df, dg = ds * g * i * (1 - i), ds * c_prev * f * (1 - f), ds * i * (1 - g ** 2)
        dA = np.hstack((di, df, dg, do))
        self.grads[0][...] = x.T.dot(dA)
        self.grads[1][...] = h_prev.T.dot(dA)
        self.grads[2][...] = dA.sum(axis=0)
        return dA.dot(Wx.T), dA.dot(Wh.T), ds * f


class TimeAffine:
    def __init__(self, W, b):
        self.params = [W, b]
        self.grads = [np.zeros_like(W), np.zeros_like(b)]
        self.x = None

    def forward(self, x):
        N, T, D = x.shape
        W, b = self.params
        rx = x.reshape(N * T, -1)
        out = np.dot(rx, W) + b
        self.x = x
        return out.reshape(N, T, -1)

    def backward(self, dout):
        x = self.x
        N, T, D = x.shape
        W, b = self.params
        dout = dout.reshape(N * T, -1)
        rx = x.reshape(N * T, -1)
        db = np.sum(dout, axis=0)
        dW = np.dot(rx.T, dout)
        dx = np.dot(dout, W.T)
        dx = dx.reshape(*x.shape)
        self.grads[0][...] = dW
        self.grads[1][...] = db
        return dx


class TimeSoftmaxWithLoss:
    def __init__(self):
        self.params, self.grads = [], []
        self.cache = None
        self.ignore_label = -1

    def forward(self, xs, ts):
        N, T, V = xs.shape
        if ts.ndim == 3:
            ts = ts.argmax(axis=2)
        mask = (ts != self.ignore_label)
        xs = xs.reshape(N * T, V)
        ts = ts.reshape(N * T)
        mask = mask.reshape(N * T)
        ys = softmax(xs)
        ls = np.log(ys[np.arange(N * T), ts])
        ls *= mask
        loss = -np.sum(ls)
        loss /= mask.sum()
        self.cache = (ts, ys, mask, (N, T, V))
        return loss

    def backward(self, dout=1):
        ts, ys, mask, (N, T, V) = self.cache
        dx = ys
        dx[np.arange(N * T), ts] -= 1
        dx *= dout
        dx /= mask.sum()
        dx *= mask[:, np.newaxis]
        return dx.reshape((N, T, V))


class WeightSum:
    def __init__(self):
        self.params, self.grads = [], []
        self.cache = None

    def forward(self, hs, a):
        N, T, H = hs.shape
        ar = a.reshape(N, T, 1).repeat(H, axis=2)
        t = hs * ar
        c = np.sum(t, axis=1)
        self.cache = (hs, ar)
        return c

    def backward(self, dc):
        hs, ar = self.cache
        N, T, H = hs.shape
        dt = dc.reshape(N, 1, H).repeat(T, axis=1)
        dar = dt * hs
        dhs = dt * ar
        da = np.sum(dar, axis=2)
        return dhs, da


class SoftmaxLayer:
    def __init__(self):
        self.params, self.grads = [], []
        self.out = None

    def forward(self, x):
        self.out = softmax(x)
        return self.out

    def backward(self, dout):
        dx = self.out * dout
        sumdx = np.sum(dx, axis=1, keepdims=True)
        dx -= self.out * sumdx
        return dx


class AttentionWeight:
    def __init__(self):
        self.params, self.grads = [], []
        self.softmax = SoftmaxLayer()
        self.cache = None

    def forward(self, hs, h):
        N, T, H = hs.shape
        hr = h.reshape(N, 1, H).repeat(T, axis=1)
        t = hs * hr
        s = np.sum(t, axis=2)
        a = self.softmax.forward(s)
        self.cache = (hs, hr)
        return a

    def backward(self, da):
        hs, hr = self.cache
        N, T, H = hs.shape
        ds = self.softmax.backward(da)
        dt = ds.reshape(N, T, 1).repeat(H, axis=2)
        dhs = dt * hr
        dhr = dt * hs
        dh = np.sum(dhr, axis=1)
        return dhs, dh


class Attention:
    def __init__(self):
        self.params, self.grads = [], []
        self.attention_weight_layer = AttentionWeight()
        self.weight_sum_layer = WeightSum()
        self.attention_weight = None

    def forward(self, hs, h):
        a = self.attention_weight_layer.forward(hs, h)
        out = self.weight_sum_layer.forward(hs, a)
        self.attention_weight = a
        return out

    def backward(self, dout):
        dhs0, da = self.weight_sum_layer.backward(dout)
        dhs1, dh = self.attention_weight_layer.backward(da)
        dhs = dhs0 + dhs1
        return dhs, dh


class AttentionOneWay(Attention):
    def backward(self, dout):
        _, da = self.weight_sum_layer.backward(dout)
        dhs, dh = self.attention_weight_layer.backward(da)
        return dhs, dh


def _r(*s, seed=0):
    return rng(seed).standard_normal(s)


def _rnn(cls, gates=1):
    return lambda: cls(_r(3, gates * 4, seed=1) * .5, _r(4, gates * 4, seed=2) * .5, _r(gates * 4, seed=3))


_t = np.array([0, 2, 1, 1, 0])
PG = "params/grads: the gradient of params[i] lies in grads[i]"

CASES = [
    dict(name="mul", layer=lambda: MulLayer(), x=lambda: (_r(5, 4), _r(5, 4, seed=1))),
    # forgot to swap x and y
    dict(name="mul_not_swapped", layer=lambda: MulLayerOops(), x=lambda: (_r(5, 4), _r(5, 4, seed=1)),
         wrong={"input": {"wrong_variable", "wrong_local_derivative"},
                "y": {"wrong_variable", "wrong_local_derivative"}}),
    dict(name="add", layer=lambda: AddLayer(), x=lambda: (_r(5, 4), _r(5, 4, seed=1))),
    dict(name="relu", layer=lambda: Relu(), x=lambda: _r(5, 4)),
    dict(name="sigmoid", layer=lambda: Sigmoid(), x=lambda: _r(5, 4)),
    # sigmoid of the output again
    dict(name="sigmoid_twice", layer=lambda: SigmoidTwice(), x=lambda: _r(5, 4),
         wrong={"input": {"double_activation", "wrong_local_derivative"}}),
    dict(name="affine", layer=lambda: Affine(_r(6, 4, seed=1), _r(4, seed=2)), x=lambda: _r(5, 2, 3)),
    dict(name="softmax_with_loss", layer=lambda: SoftmaxWithLoss(), x=lambda: (_r(5, 3), _t)),
    dict(name="softmax_with_loss_onehot", layer=lambda: SoftmaxWithLoss(), x=lambda: (_r(5, 3), np.eye(3)[_t])),
    # batch_size forgotten behind, not in front
    dict(name="softmax_with_loss_sum", layer=lambda: SoftmaxWithLossSum(), x=lambda: (_r(5, 3), _t),
         wrong={"input": {"scale", "missing_factor"}}),
    dict(name="dropout", layer=lambda: Dropout(0.4), x=lambda: _r(5, 4), constants={"mask", "dropout_ratio"}),
    dict(name="batch_normalization", layer=lambda: BatchNormalization(_r(4, seed=1), _r(4, seed=2)),
         x=lambda: _r(6, 4), constants={"running_mean", "running_var", "momentum"}),
    dict(name="batch_normalization_4d", layer=lambda: BatchNormalization(_r(24, seed=1), _r(24, seed=2)),
         x=lambda: _r(5, 2, 3, 4), constants={"running_mean", "running_var", "momentum"}),
    dict(name="convolution", layer=lambda: Convolution(_r(4, 3, 2, 5, seed=1), _r(4, seed=2), stride=2, pad=1),
         x=lambda: _r(2, 3, 5, 6)),
    # the channel axis is not moved back behind before the reshape
    dict(name="convolution_no_transpose",
         layer=lambda: ConvolutionNoTranspose(_r(4, 3, 2, 3, seed=1), _r(4, seed=2)), x=lambda: _r(2, 3, 5, 6),
         wrong={"W": {"permuted", "transpose"}, "b": {"permuted", "transpose", "wrong_axis"},
                "input": {"permuted", "transpose"}}),
    dict(name="pooling", layer=lambda: Pooling(2, 3, stride=2), x=lambda: _r(2, 4, 6, 5)),
    dict(name="two_layer_net", layer=lambda: TwoLayerNet(4, 6, 3, weight_decay_lambda=0.1), x=lambda: (_r(5, 4), _t),
         convention="loss(x, t) then gradient(x, t) -> dict"),
    dict(name="two_layer_net_chapter4", layer=lambda: TwoLayerNetChapter4(), x=lambda: (_r(5, 4), np.eye(3)[_t]),
         convention="loss(x, t) then gradient(x, t) -> dict"),
    # softmax's derivative once more after y - t
    dict(name="two_layer_net_softmax_twice", layer=lambda: TwoLayerNetChapter4Twice(),
         x=lambda: (_r(5, 4), np.eye(3)[_t]), convention="loss(x, t) then gradient(x, t) -> dict",
         wrong={k: {"extra_factor", "double_activation"} for k in ("W1", "b1", "W2", "b2")}),
    dict(name="matmul", layer=lambda: MatMul(_r(4, 3, seed=1)), x=lambda: _r(5, 4), convention=PG),
    dict(name="embedding", layer=lambda: Embedding(_r(5, 4, seed=1)), x=lambda: np.array([[0, 3, 1], [3, 2, 3]]),
         convention=PG),
    # a repeated index keeps its last row only
    dict(name="embedding_bad", layer=lambda: EmbeddingBad(_r(5, 4, seed=1)), x=lambda: np.array([0, 3, 1, 3, 2, 3]),
         convention=PG, wrong={"params[0]": {"overwritten", "not_summed"}}),
    dict(name="embedding_dot", layer=lambda: EmbeddingDot(_r(6, 4, seed=1)),
         x=lambda: (_r(5, 4), np.array([1, 0, 4, 1, 3])), convention=PG),
    dict(name="sigmoid_with_loss", layer=lambda: SigmoidWithLoss(), x=lambda: (_r(5), np.array([1, 0, 0, 1, 1]))),
    dict(name="rnn", layer=_rnn(RNN), x=lambda: (_r(5, 3), _r(5, 4, seed=4)), convention=PG),
    dict(name="time_rnn", layer=_rnn(TimeRNN), x=lambda: _r(2, 5, 3), convention=PG),
    # dh of the following step is thrown away
    dict(name="time_rnn_forgets_dh", layer=_rnn(TimeRNNForgets), x=lambda: _r(2, 5, 3), convention=PG,
         wrong={k: {"missing_branch"} for k in ("input", "params[0]", "params[1]", "params[2]")}),
    dict(name="lstm", layer=_rnn(LSTM, 4), x=lambda: (_r(5, 3), _r(5, 4, seed=4), _r(5, 4, seed=5)), convention=PG),
    # i, f, g, o stacked where f, g, i, o were cut
    dict(name="lstm_gates_permuted", layer=_rnn(LSTMSwapped, 4),
         x=lambda: (_r(5, 3), _r(5, 4, seed=4), _r(5, 4, seed=5)), convention=PG,
         wrong={k: {"permuted"} for k in ("input", "h_prev", "params[0]", "params[1]", "params[2]")}),
    dict(name="time_affine", layer=lambda: TimeAffine(_r(3, 4, seed=1), _r(4, seed=2)), x=lambda: _r(2, 5, 3),
         convention=PG),
    dict(name="time_softmax_with_loss", layer=lambda: TimeSoftmaxWithLoss(),
         x=lambda: (_r(2, 3, 4), np.array([[0, 3, -1], [2, 1, 3]])), constants={"ignore_label"}),
    dict(name="weight_sum", layer=lambda: WeightSum(), x=lambda: (_r(2, 5, 3), _r(2, 5, seed=1))),
    dict(name="attention_weight", layer=lambda: AttentionWeight(), x=lambda: (_r(2, 5, 3), _r(2, 3, seed=1))),
    dict(name="attention", layer=lambda: Attention(), x=lambda: (_r(2, 5, 3), _r(2, 3, seed=1))),
    # hs feeds the weights and the sum; only one way comes back
    dict(name="attention_one_way", layer=lambda: AttentionOneWay(), x=lambda: (_r(2, 5, 3), _r(2, 3, seed=1)),
         wrong={"input": {"missing_branch"}}),
]
