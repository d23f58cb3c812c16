"""An engineers' mini-Keras: build(input_shape) makes the parameters at the first call,
call(inputs), get_gradients(upstream), trainable_weights, params dict of dicts, initializers,
config numbers; sometimes float32 inside."""
import numpy as np

_BACKEND = {"floatx": "float32", "epsilon": 1e-7, "uids": {}}


def rng(seed=0):
    return np.random.default_rng(seed)


def floatx():
    return _BACKEND["floatx"]


def set_floatx(name):
    _BACKEND["floatx"] = name


def epsilon():
    return _BACKEND["epsilon"]


def get_uid(prefix):
    _BACKEND["uids"][prefix] = _BACKEND["uids"].get(prefix, 0) + 1
    return _BACKEND["uids"][prefix]


# ----------------------------------------------------------- initializers --

class Zeros:
    def __call__(self, shape):
        return np.zeros(shape)


class Ones:
    def __call__(self, shape):
        return np.ones(shape)


class GlorotUniform:
    def __init__(self, seed=None):
        self.seed = seed

    def __call__(self, shape):
        fan_in, fan_out = int(np.prod(shape[:-1])), shape[-1]
        limit = np.sqrt(6.0 / (fan_in + fan_out))
        return np.random.RandomState(self.seed).uniform(-limit, limit, size=shape)


class RandomNormal:
    def __init__(self, mean=0.0, stddev=0.5, seed=None):
        self.mean, self.stddev, self.seed = mean, stddev, seed

    def __call__(self, shape):
        return np.random.RandomState(self.seed).normal(self.mean, self.stddev, size=shape)


_INITIALIZERS = {"zeros": Zeros(), "ones": Ones(), "glorot_uniform": GlorotUniform(11), "random_normal": RandomNormal(seed=12)}


def get_initializer(identifier):
    return _INITIALIZERS[identifier] if isinstance(identifier, str) else identifier


# ------------------------------------------------------------- base layer --

class Layer:
    def __init__(self, name=None, trainable=True, dtype="float64"):
        prefix = self.__class__.__name__.lower()
        self.name = name or "%s_%d" % (prefix, get_uid(prefix))
        self.trainable = trainable
        self.dtype = dtype
        self.built = False
        self.params = {}
        self.grads = {}

    def add_weight(self, name, shape, initializer="glorot_uniform"):
        self.params[name] = get_initializer(initializer)(shape).astype(self.dtype)
        return self.params[name]

    @property
    def trainable_weights(self):
        return list(self.params.values()) if self.trainable else []

    def build(self, input_shape):
        self.built = True

    def __call__(self, inputs, **kwargs):
        if not self.built:
            self.build(np.shape(inputs) if not isinstance(inputs, list) else [np.shape(i) for i in inputs])
            self.built = True
        return self.call(inputs, **kwargs)

    def call(self, inputs):
        raise NotImplementedError

    def get_gradients(self, upstream):
        """Returns the gradient of the inputs, keeps those of the parameters in self.grads."""
        raise NotImplementedError

    def get_config(self):
        return {"name": self.name, "trainable": self.trainable, "dtype": self.dtype}


ACTIVATIONS = {
    "linear": (lambda x: x, lambda x, y: np.ones_like(x)),
    "relu": (lambda x: np.maximum(x, 0.0), lambda x, y: (x > 0).astype(x.dtype)),
    "tanh": (np.tanh, lambda x, y: 1.0 - y * y),
    "sigmoid": (lambda x: 1.0 / (1.0 + np.exp(-x)), lambda x, y: y * (1.0 - y)),
    "softsign": (lambda x: x / (1 + np.abs(x)), lambda x, y: 1.0 / (1.0 + np.abs(x)) ** 2),
}


class Dense(Layer):
    def __init__(self, units, activation="linear", use_bias=True, kernel_initializer="glorot_uniform",
                 bias_initializer="zeros", **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.activation, self.activation_grad = ACTIVATIONS[activation]
        self.use_bias = use_bias
        self.kernel_initializer = kernel_initializer
        self.bias_initializer = bias_initializer

    def build(self, input_shape):
        self.add_weight("kernel", (input_shape[-1], self.units), self.kernel_initializer)
        if self.use_bias:
            self.add_weight("bias", (self.units,), self.bias_initializer)
        self.built = True

    def call(self, inputs):
        self._inputs = inputs
        self._z = np.matmul(inputs, self.params["kernel"])
        if self.use_bias:
            self._z = self._z + self.params["bias"]
        self._outputs = self.activation(self._z)
        return self._outputs

    def get_gradients(self, upstream):
        dz = upstream * self.activation_grad(self._z, self._outputs)
        axes = list(range(dz.ndim - 1))
        self.grads["kernel"] = np.tensordot(self._inputs, dz, axes=(axes, axes))
        if self.use_bias:
            self.grads["bias"] = dz.sum(axis=tuple(axes))
        return np.matmul(dz, self.params["kernel"].T)


class DenseBiasUpstream(Dense):
    def get_gradients(self, upstream):
        dx = super().get_gradients(upstream)
        self.grads["bias"] = np.sum(upstream, axis=0)
        return dx


class CastDense(Layer):
    """all in floatx(), whatever comes in"""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        self.dtype = floatx()
        self.W = self.add_weight("W", (input_shape[-1], self.units), "random_normal")
        self.b = self.add_weight("b", (1, self.units), "zeros")

    def call(self, inputs):
        self.inputs = np.asarray(inputs, dtype=floatx())
        self.outputs = np.tanh(self.inputs @ self.params["W"] + self.params["b"])
        return self.outputs

    def get_gradients(self, upstream):
        delta = np.asarray(upstream, dtype=floatx()) * (1 - self.outputs ** 2)
        self.grads = {"W": self.inputs.T @ delta, "b": delta.sum(0, keepdims=True)}
        return delta @ self.params["W"].T


# ------------------------------------------------------ activation layers --

class ELU(Layer):
    def __init__(self, alpha=1.0, **kwargs):
        super().__init__(**kwargs)
        self.alpha = alpha

    def call(self, inputs):
        self.inputs = inputs
        return np.where(inputs > 0, inputs, self.alpha * np.expm1(inputs))

    def get_gradients(self, upstream):
        return upstream * np.where(self.inputs > 0, 1.0, np.exp(self.inputs))


class ThresholdedReLU(Layer):
    def __init__(self, theta=0.5, **kwargs):
        super().__init__(**kwargs)
        self.theta = theta

    def call(self, inputs):
        self._on = inputs > self.theta
        return inputs * self._on

    def get_gradients(self, upstream):
        return np.where(self._on, upstream, 0.0)


class PReLU(Layer):
    """alpha is shared along the axes of shared_axes"""

    def __init__(self, shared_axes=(1,), **kwargs):
        super().__init__(**kwargs)
        self.shared_axes = shared_axes

    def build(self, input_shape):
        shape = [1 if i + 1 in self.shared_axes else n for i, n in enumerate(input_shape[1:])]
        self.add_weight("alpha", tuple(shape), RandomNormal(0.25, 0.1, 3))

    def call(self, inputs):
        self.inputs = inputs
        return np.maximum(inputs, 0) - self.params["alpha"] * np.maximum(-inputs, 0)

    def get_gradients(self, upstream):
        neg = (self.inputs < 0) * 1.0
        g = (upstream * neg * self.inputs).sum(axis=0)
        for a in self.shared_axes:
            g = g.sum(axis=a - 1, keepdims=True)
        self.grads["alpha"] = g
        return upstream * (1 - neg) + upstream * neg * self.params["alpha"]


class Softmax(Layer):
    def call(self, inputs):
        e = np.exp(inputs - inputs.max(-1, keepdims=True))
        self.probs = e / e.sum(-1, keepdims=True)
        return self.probs

    def get_gradients(self, upstream):
        eye = np.eye(self.probs.shape[-1])
        jac = np.einsum("bi,ij->bij", self.probs, eye) - np.einsum("bi,bj->bij", self.probs, self.probs)
        return np.einsum("bi,bij->bj", upstream, jac)


# ---------------------------------------------------------- normalisation --

class BatchNormalization(Layer):
    def __init__(self, momentum=0.99, epsilon=1e-3, **kwargs):
        super().__init__(**kwargs)
        self.momentum = momentum
        self.epsilon = epsilon

    def build(self, input_shape):
        dim = input_shape[-1]
        self.add_weight("gamma", (dim,), RandomNormal(1.0, 0.2, 5))
        self.add_weight("beta", (dim,), "zeros")
        self.moving_mean = np.zeros(dim)
        self.moving_variance = np.ones(dim)

    def call(self, inputs, training=True):
        self._axes = tuple(range(inputs.ndim - 1))
        if training:
            mean, var = inputs.mean(self._axes), inputs.var(self._axes)
            self.moving_mean = self.momentum * self.moving_mean + (1 - self.momentum) * mean
            self.moving_variance = self.momentum * self.moving_variance + (1 - self.momentum) * var
        else:
            mean, var = self.moving_mean, self.moving_variance
        self.inputs = inputs
        self._inv = 1.0 / np.sqrt(var + self.epsilon)
        self._xhat = (inputs - mean) * self._inv
        return self.params["gamma"] * self._xhat + self.params["beta"]

    def get_gradients(self, upstream):
        m = upstream.size / upstream.shape[-1]
        self.grads["gamma"] = (upstream * self._xhat).sum(self._axes)
        self.grads["beta"] = upstream.sum(self._axes)
        return self.params["gamma"] * self._inv / m * (
            m * upstream - self.grads["beta"] - self._xhat * self.grads["gamma"])


class BatchNormalizationGamma(BatchNormalization):
    def get_gradients(self, upstream):
        dx = super().get_gradients(upstream)
        self.grads["gamma"] = (upstream * self.inputs).sum(self._axes)
        return dx


class LayerNormalization(Layer):
    def __init__(self, epsilon=1e-3, **kwargs):
        super().__init__(**kwargs)
        self.epsilon = epsilon
        self._mean_axis = -1

    def build(self, input_shape):
        self.add_weight("gamma", (input_shape[-1],), RandomNormal(1.0, 0.2, 6))
        self.add_weight("beta", (input_shape[-1],), "zeros")

    def call(self, inputs):
        mu = np.mean(inputs, axis=-1, keepdims=True)
        self.std = np.sqrt(np.var(inputs, axis=-1, keepdims=True) + self.epsilon)
        self.norm = (inputs - mu) / self.std
        return self.norm * self.params["gamma"] + self.params["beta"]

    def get_gradients(self, upstream):
        lead = tuple(range(upstream.ndim - 1))
        self.grads["gamma"] = np.sum(upstream * self.norm, axis=lead)
        self.grads["beta"] = np.sum(upstream, axis=lead)
        d = upstream * self.params["gamma"]
        ax = self._mean_axis
        return (d - d.mean(axis=ax, keepdims=True) - self.norm * (d * self.norm).mean(axis=ax, keepdims=True)) / self.std


class LayerNormalizationAxis(LayerNormalization):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self._mean_axis = 0


class Dropout(Layer):
    def __init__(self, rate, **kwargs):
        super().__init__(**kwargs)
        self.rate = rate

    def call(self, inputs, training=True):
        if not training or self.rate == 0:
            self._mask = 1.0
            return inputs
        keep = 1.0 - self.rate
        self._mask = np.random.binomial(1, keep, size=inputs.shape) / keep
        return inputs * self._mask

    def get_gradients(self, upstream):
        return upstream * self._mask


# -------------------------------------------------------------- convolution --

class Conv2D(Layer):
    """channels last; padding 'same' or 'valid'; im2col"""

    def __init__(self, filters, kernel_size, strides=(1, 1), padding="valid", **kwargs):
        super().__init__(**kwargs)
        self.filters, self.kernel_size, self.strides, self.padding = filters, kernel_size, strides, padding

    def build(self, input_shape):
        self.add_weight("kernel", tuple(self.kernel_size) + (input_shape[-1], self.filters))
        self.add_weight("bias", (self.filters,), "zeros")

    def _pads(self, shape):
        out = []
        for n, k, s in zip(shape[1:3], self.kernel_size, self.strides):
            total = max((-(-n // s) - 1) * s + k - n, 0) if self.padding == "same" else 0
            out.append((total // 2, total - total // 2))
        return out

    def call(self, inputs):
        kh, kw = self.kernel_size
        sh, sw = self.strides
        self._pad = self._pads(inputs.shape)
        x = np.pad(inputs, [(0, 0)] + self._pad + [(0, 0)])
        self._padded_shape = x.shape
        b, h, w, c = x.shape
        oh, ow = (h - kh) // sh + 1, (w - kw) // sw + 1
        cols = np.zeros((b, oh, ow, kh, kw, c))
        for i in range(kh):
            for j in range(kw):
                cols[:, :, :, i, j] = x[:, i:i + sh * oh:sh, j:j + sw * ow:sw]
        self._cols = cols.reshape(b * oh * ow, -1)
        self._out_shape = (b, oh, ow, self.filters)
        return (self._cols @ self.params["kernel"].reshape(-1, self.filters) + self.params["bias"]).reshape(self._out_shape)

    def get_gradients(self, upstream):
        kh, kw = self.kernel_size
        sh, sw = self.strides
        b, oh, ow, f = self._out_shape
        g = upstream.reshape(-1, f)
        self.grads["kernel"] = (self._cols.T @ g).reshape(self.params["kernel"].shape)
        self.grads["bias"] = g.sum(0)
        dcols = (g @ self.params["kernel"].reshape(-1, f).T).reshape(b, oh, ow, kh, kw, -1)
        dx = np.zeros(self._padded_shape)
        for i in range(kh):
            for j in range(kw):
                dx[:, i:i + sh * oh:sh, j:j + sw * ow:sw] += dcols[:, :, :, i, j]
        (t, bo), (l, r) = self._pad
        return dx[:, t:dx.shape[1] - bo, l:dx.shape[2] - r]


class Conv2DChannelsFirstColumns(Layer):
    """columns in the order channel, row, column"""

    def __init__(self, filters, kernel_size, **kwargs):
        super().__init__(**kwargs)
        self.filters, self.kernel_size = filters, kernel_size

    def build(self, input_shape):
        self.add_weight("kernel", tuple(self.kernel_size) + (input_shape[-1], self.filters))

    def call(self, inputs):
        self.inputs = inputs
        win = np.lib.stride_tricks.sliding_window_view(inputs, self.kernel_size, axis=(1, 2))  # b oh ow c kh kw
        self._lead = win.shape[:3]
        self._cols = win.reshape(int(np.prod(self._lead)), -1)
        k = self.params["kernel"].transpose(2, 0, 1, 3).reshape(-1, self.filters)
        return (self._cols @ k).reshape(self._lead + (self.filters,))

    def get_gradients(self, upstream):
        g = upstream.reshape(-1, self.filters)
        self.grads["kernel"] = (self._cols.T @ g).reshape(self.params["kernel"].shape)
        kh, kw = self.kernel_size
        dx = np.zeros_like(self.inputs)
        b, oh, ow = self._lead
        for i in range(kh):
            for j in range(kw):
                dx[:, i:i + oh, j:j + ow] += upstream @ self.params["kernel"][i, j].T
        return dx


class DepthwiseConv2D(Layer):
    def __init__(self, kernel_size, depth_multiplier=2, **kwargs):
        super().__init__(**kwargs)
        self.kernel_size, self.depth_multiplier = kernel_size, depth_multiplier

    def build(self, input_shape):
        self.add_weight("depthwise_kernel", tuple(self.kernel_size) + (input_shape[-1], self.depth_multiplier))

    def call(self, inputs):
        self.inputs = inputs
        kh, kw = self.kernel_size
        b, h, w, c = inputs.shape
        out = 0
        for i in range(kh):
            for j in range(kw):
                part = inputs[:, i:h - kh + 1 + i, j:w - kw + 1 + j, :, None]
                out = out + part * self.params["depthwise_kernel"][i, j]
        return out.reshape(out.shape[:3] + (-1,))

    def get_gradients(self, upstream):
        kh, kw = self.kernel_size
        b, oh, ow, _ = upstream.shape
        g = upstream.reshape(b, oh, ow, self.inputs.shape[-1], self.depth_multiplier)
        dk, dx = np.zeros_like(self.params["depthwise_kernel"]), np.zeros_like(self.inputs)
        for i in range(kh):
            for j in range(kw):
                dk[i, j] = np.einsum("bhwc,bhwcm->cm", self.inputs[:, i:i + oh, j:j + ow], g)
                dx[:, i:i + oh, j:j + ow] += (g * self.params["depthwise_kernel"][i, j]).sum(-1)
        self.grads["depthwise_kernel"] = dk
        return dx


class CausalConv1D(Layer):
    """(batch, steps, channels), zeros on the left"""

    def __init__(self, filters, kernel_size, dilation_rate=1, **kwargs):
        super().__init__(**kwargs)
        self.filters, self.k, self.rate = filters, kernel_size, dilation_rate

    def build(self, input_shape):
        self.add_weight("kernel", (self.k, input_shape[-1], self.filters))
        self.add_weight("bias", (self.filters,), "zeros")

    def call(self, inputs):
        pad = (self.k - 1) * self.rate
        self._x = np.concatenate([np.zeros((inputs.shape[0], pad, inputs.shape[2])), inputs], axis=1)
        T = inputs.shape[1]
        y = np.zeros((inputs.shape[0], T, self.filters)) + self.params["bias"]
        for i in range(self.k):
            y += self._x[:, i * self.rate:i * self.rate + T] @ self.params["kernel"][i]
        return y

    def get_gradients(self, upstream):
        T, pad = upstream.shape[1], (self.k - 1) * self.rate
        dx = np.zeros_like(self._x)
        dk = np.zeros_like(self.params["kernel"])
        for i in range(self.k):
            sl = slice(i * self.rate, i * self.rate + T)
            dk[i] = np.einsum("btc,btf->cf", self._x[:, sl], upstream)
            dx[:, sl] += upstream @ self.params["kernel"][i].T
        self.grads = {"kernel": dk, "bias": upstream.sum((0, 1))}
        return dx[:, pad:]


# ------------------------------------------------------------------ pooling --

class MaxPooling2D(Layer):
    def __init__(self, pool_size=(2, 2), **kwargs):
        super().__init__(**kwargs)
        self.pool_size = pool_size

    def call(self, inputs):
        ph, pw = self.pool_size
        b, h, w, c = inputs.shape
        self._shape = inputs.shape
        blocks = inputs.reshape(b, h // ph, ph, w // pw, pw, c).transpose(0, 1, 3, 5, 2, 4)
        self._flat = blocks.reshape(b, h // ph, w // pw, c, ph * pw)
        self._argmax = self._flat.argmax(-1)
        return self._flat.max(-1)

    def get_gradients(self, upstream):
        ph, pw = self.pool_size
        b, h, w, c = self._shape
        g = np.zeros_like(self._flat)
        np.put_along_axis(g, self._argmax[..., None], upstream[..., None], axis=-1)
        g = g.reshape(b, h // ph, w // pw, c, ph, pw).transpose(0, 1, 4, 2, 5, 3)
        return g.reshape(self._shape)


class GlobalMaxPooling1D(Layer):
    def call(self, inputs):
        self.inputs = inputs
        self.idx = np.argmax(inputs, axis=1)
        return np.max(inputs, axis=1)

    def get_gradients(self, upstream):
        onehot = self.idx[:, None, :] == np.arange(self.inputs.shape[1])[None, :, None]
        return onehot * upstream[:, None, :]


class GlobalAveragePooling2D(Layer):
    def call(self, inputs):
        self.input_shape = inputs.shape
        return inputs.mean(axis=(1, 2))

    def get_gradients(self, upstream):
        b, h, w, c = self.input_shape
        return np.broadcast_to(upstream[:, None, None, :], self.input_shape).copy()


class GlobalAveragePooling1D(Layer):
    def call(self, inputs):
        self.steps = inputs.shape[1]
        return inputs.mean(axis=1)

    def get_gradients(self, upstream):
        return np.repeat(upstream[:, np.newaxis, :], self.steps, axis=1) / self.steps


class UpSampling2D(Layer):
    def __init__(self, size=(2, 2), **kwargs):
        super().__init__(**kwargs)
        self.size = size

    def call(self, inputs):
        return np.kron(inputs, np.ones((1,) + tuple(self.size) + (1,)))

    def get_gradients(self, upstream):
        return sum(upstream[:, i::self.size[0], j::self.size[1]]
                   for i in range(self.size[0]) for j in range(self.size[1]))


class ZeroPadding1D(Layer):
    def __init__(self, padding=(1, 2), **kwargs):
        super().__init__(**kwargs)
        self.padding = padding

    def call(self, inputs):
        return np.pad(inputs, ((0, 0), self.padding, (0, 0)))

    def get_gradients(self, upstream):
        l, r = self.padding
        return upstream[:, r:upstream.shape[1] - l]


# ------------------------------------------------------- shapes, merging --

class Flatten(Layer):
    def call(self, inputs):
        self.input_shape = inputs.shape
        return np.reshape(inputs, (inputs.shape[0], -1))

    def get_gradients(self, upstream):
        return np.reshape(upstream, self.input_shape)


class Permute(Layer):
    def __init__(self, dims, **kwargs):
        super().__init__(**kwargs)
        self.dims = dims

    def call(self, inputs):
        return np.transpose(inputs, (0,) + tuple(self.dims))

    def get_gradients(self, upstream):
        return np.transpose(upstream, (0,) + tuple(self.dims))


class Concatenate(Layer):
    def __init__(self, axis=-1, **kwargs):
        super().__init__(**kwargs)
        self.axis = axis

    def call(self, inputs):
        self._sizes = [i.shape[self.axis] for i in inputs]
        return np.concatenate(inputs, axis=self.axis)

    def get_gradients(self, upstream):
        return np.split(upstream, np.cumsum(self._sizes)[:-1], axis=self.axis)


class Multiply(Layer):
    def call(self, inputs):
        self.a, self.b = inputs
        return self.a * self.b

    def get_gradients(self, upstream):
        return [upstream * self.b, upstream * self.a]


class Embedding(Layer):
    def __init__(self, input_dim, output_dim, mask_zero=False, **kwargs):
        super().__init__(**kwargs)
        self.input_dim, self.output_dim, self.mask_zero = input_dim, output_dim, mask_zero

    def build(self, input_shape):
        self.add_weight("embeddings", (self.input_dim, self.output_dim), "random_normal")

    def call(self, inputs):
        self._ids = inputs
        out = self.params["embeddings"][inputs]
        if self.mask_zero:
            out = out * (inputs != 0)[..., None]
        return out

    def get_gradients(self, upstream):
        g = np.zeros_like(self.params["embeddings"])
        onehot = np.eye(self.input_dim)[self._ids.ravel()]
        if self.mask_zero:
            onehot[:, 0] = 0
        g += onehot.T @ upstream.reshape(-1, self.output_dim)
        self.grads["embeddings"] = g


class Attention(Layer):
    """inputs = [query, value]; the keys are the values"""

    def call(self, inputs):
        self.q, self.v = inputs
        scores = np.einsum("bqd,bkd->bqk", self.q, self.v)
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        self.w = scores / scores.sum(-1, keepdims=True)
        return np.einsum("bqk,bkd->bqd", self.w, self.v)

    def get_gradients(self, upstream):
        dw = np.einsum("bqd,bkd->bqk", upstream, self.v)
        ds = self.w * (dw - (dw * self.w).sum(-1, keepdims=True))
        dq = np.einsum("bqk,bkd->bqd", ds, self.v)
        dv = np.einsum("bqk,bqd->bkd", self.w, upstream) + np.einsum("bqk,bqd->bkd", ds, self.q)
        return [dq, dv]


class AttentionKeysConstant(Attention):
    def get_gradients(self, upstream):
        dq, _ = super().get_gradients(upstream)
        return [dq, np.einsum("bqk,bqd->bkd", self.w, upstream)]


class Highway(Layer):
    """y = t * h + (1 - t) * x"""

    def build(self, input_shape):
        d = input_shape[-1]
        self.add_weight("Wh", (d, d), "random_normal")
        self.add_weight("Wt", (d, d), "random_normal")
        self.add_weight("bt", (d,), RandomNormal(-1.0, 0.1, 4))

    def call(self, x):
        p = self.params
        self.x = x
        self.h = np.tanh(x @ p["Wh"])
        self.t = 1 / (1 + np.exp(-(x @ p["Wt"] + p["bt"])))
        return self.t * self.h + (1 - self.t) * x

    def get_gradients(self, upstream):
        p = self.params
        dzh = upstream * self.t * (1 - self.h ** 2)
        dzt = upstream * (self.h - self.x) * self.t * (1 - self.t)
        self.grads = {"Wh": self.x.T @ dzh, "Wt": self.x.T @ dzt, "bt": dzt.sum(0)}
        return dzh @ p["Wh"].T + dzt @ p["Wt"].T + upstream * (1 - self.t)


# ---------------------------------------------------------------- recurrent --

class SimpleRNN(Layer):
    """(batch, steps, features) -> last state, or all the states"""

    def __init__(self, units, return_sequences=False, **kwargs):
        super().__init__(**kwargs)
        self.units, self.return_sequences = units, return_sequences

    def build(self, input_shape):
        self.add_weight("kernel", (input_shape[-1], self.units), "random_normal")
        self.add_weight("recurrent_kernel", (self.units, self.units), "glorot_uniform")
        self.add_weight("bias", (self.units,), "zeros")

    def call(self, inputs):
        b, steps, _ = inputs.shape
        self.inputs = inputs
        self.states = np.zeros((b, steps + 1, self.units))
        for t in range(steps):
            self.states[:, t + 1] = np.tanh(inputs[:, t] @ self.params["kernel"]
                                            + self.states[:, t] @ self.params["recurrent_kernel"] + self.params["bias"])
        return self.states[:, 1:] if self.return_sequences else self.states[:, -1]

    def get_gradients(self, upstream):
        steps = self.inputs.shape[1]
        self.grads = {k: np.zeros_like(v) for k, v in self.params.items()}
        dx = np.zeros_like(self.inputs)
        dh = np.zeros((self.inputs.shape[0], self.units)) if self.return_sequences else upstream
        for t in reversed(range(steps)):
            if self.return_sequences:
                dh = dh + upstream[:, t]
            dz = dh * (1 - self.states[:, t + 1] ** 2)
            self.grads["kernel"] += self.inputs[:, t].T @ dz
            self.grads["recurrent_kernel"] += self.states[:, t].T @ dz
            self.grads["bias"] += dz.sum(0)
            dx[:, t] = dz @ self.params["kernel"].T
            dh = dz @ self.params["recurrent_kernel"].T
        return dx


class LSTM(Layer):
    """gates in the order i, f, c, o; last state"""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self._carry = True

    def build(self, input_shape):
        self.add_weight("kernel", (input_shape[-1], 4 * self.units), "random_normal")
        self.add_weight("recurrent_kernel", (self.units, 4 * self.units), "random_normal")
        self.add_weight("bias", (4 * self.units,), "zeros")

    def call(self, inputs):
        sig = lambda v: 1 / (1 + np.exp(-v))
        b, steps, _ = inputs.shape
        h, c = np.zeros((b, self.units)), np.zeros((b, self.units))
        self.cache = []
        for t in range(steps):
            z = inputs[:, t] @ self.params["kernel"] + h @ self.params["recurrent_kernel"] + self.params["bias"]
            zi, zf, zc, zo = np.split(z, 4, axis=1)
            i, f, g, o = sig(zi), sig(zf), np.tanh(zc), sig(zo)
            c_new = f * c + i * g
            self.cache.append((inputs[:, t], h, c, i, f, g, o, c_new))
            h, c = o * np.tanh(c_new), c_new
        return h

    def get_gradients(self, upstream):
        self.grads = {k: np.zeros_like(v) for k, v in self.params.items()}
        dh, dc, dxs = upstream, np.zeros_like(upstream), []
        for x, h, c, i, f, g, o, c_new in reversed(self.cache):
            tc = np.tanh(c_new)
            dct = dh * o * (1 - tc ** 2) + (dc if self._carry else 0)
            dz = np.concatenate([dct * g * i * (1 - i), dct * c * f * (1 - f), dct * i * (1 - g ** 2),
                                 dh * tc * o * (1 - o)], axis=1)
            self.grads["kernel"] += x.T @ dz
            self.grads["recurrent_kernel"] += h.T @ dz
            self.grads["bias"] += dz.sum(0)
            dxs.insert(0, dz @ self.params["kernel"].T)
            dh, dc = dz @ self.params["recurrent_kernel"].T, dct * f
        return np.stack(dxs, axis=1)


class LSTMWithoutCellPath(LSTM):
    def __init__(self, units, **kwargs):
        super().__init__(units, **kwargs)
        self._carry = False


# ------------------------------------------------------------------- models --

class Sequential:
    def __init__(self, layers):
        self.layers = layers
        self.params = {}
        self.gradients = {}

    def __call__(self, x):
        for layer in self.layers:
            x = layer(x)
            if layer.params:
                self.params[layer.name] = layer.params
        return x

    def backward(self, upstream):
        for layer in reversed(self.layers):
            upstream = layer.get_gradients(upstream)
            if layer.params:
                self.gradients[layer.name] = dict(layer.grads)
        return upstream


class RegularizedRegression:
    """train_on_batch's inner part: loss with the L2 penalty of the kernel, gradients in a dict"""

    def __init__(self, units, l2=0.1, penalty_gradient=True):
        self.dense = Dense(units, kernel_initializer="random_normal")
        self.l2 = l2
        self.penalty_gradient = penalty_gradient

    def compute_loss(self, x, y):
        y_pred = self.dense(x)
        self._delta = 2 * (y_pred - y) / y.size
        return np.mean((y_pred - y) ** 2) + self.l2 * np.sum(self.dense.params["kernel"] ** 2)

    def compute_gradients(self):
        self.dense.get_gradients(self._delta)
        grads = dict(self.dense.grads)
        if self.penalty_gradient:
            grads["kernel"] = grads["kernel"] + 2 * self.l2 * self.dense.params["kernel"]
        return grads


# ------------------------------------------------------------------- losses --

class Loss:
    def __init__(self, name=None):
        self.name = name

    def __call__(self, y_true, y_pred):
        return self.call(y_true, y_pred)


class MeanSquaredError(Loss):
    """one loss for each example, like the functions in keras.losses"""

    def call(self, y_true, y_pred):
        return np.mean(np.square(y_pred - y_true), axis=-1)

    def get_gradients(self, y_true, y_pred):
        return 2.0 * (y_pred - y_true) / y_pred.size


class BinaryCrossentropy(Loss):
    def __init__(self, eps=0.02, respect_clip=True):
        super().__init__("binary_crossentropy")
        self.eps = eps
        self.respect_clip = respect_clip

    def call(self, y_true, y_pred):
        p = np.clip(y_pred, self.eps, 1 - self.eps)
        return -np.mean(y_true * np.log(p) + (1 - y_true) * np.log(1 - p))

    def get_gradients(self, y_true, y_pred):
        p = np.clip(y_pred, self.eps, 1 - self.eps)
        g = (p - y_true) / (p * (1 - p)) / y_pred.size
        if self.respect_clip:
            g = g * ((y_pred > self.eps) & (y_pred < 1 - self.eps))
        return g


class CategoricalCrossentropy(Loss):
    def __init__(self, from_logits=True, label_smoothing=0.1):
        super().__init__("categorical_crossentropy")
        self.from_logits, self.label_smoothing = from_logits, label_smoothing

    def call(self, y_true, y_pred):
        k = y_true.shape[-1]
        self.t = y_true * (1 - self.label_smoothing) + self.label_smoothing / k
        if self.from_logits:
            logp = y_pred - np.log(np.sum(np.exp(y_pred), axis=-1, keepdims=True))
        else:
            logp = np.log(np.maximum(y_pred, epsilon()))
        self.logp = logp
        return np.mean(-np.sum(self.t * logp, axis=-1))

    def get_gradients(self, y_true, y_pred):
        n = y_true.shape[0]
        if self.from_logits:
            return (np.exp(self.logp) - self.t) / n
        return -self.t / np.maximum(y_pred, epsilon()) / n


class SparseCategoricalCrossentropy(Loss):
    def call(self, y_true, logits):
        z = logits - logits.max(-1, keepdims=True)
        self.p = np.exp(z) / np.exp(z).sum(-1, keepdims=True)
        return -np.log(self.p[np.arange(len(y_true)), y_true]).mean()

    def get_gradients(self, y_true, logits):
        g = self.p.copy()
        g[np.arange(len(y_true)), y_true - 1] -= 1
        return g / len(y_true)


class Huber(Loss):
    def __init__(self, delta=1.0):
        super().__init__("huber")
        self.delta = delta

    def call(self, y_true, y_pred):
        e = y_pred - y_true
        a = np.abs(e)
        return np.mean(np.where(a <= self.delta, 0.5 * e * e, self.delta * a - 0.5 * self.delta ** 2))

    def get_gradients(self, y_true, y_pred):
        return np.clip(y_pred - y_true, -self.delta, self.delta) / y_true.size


class CosineSimilarity(Loss):
    def call(self, y_true, y_pred):
        self.nt = np.linalg.norm(y_true, axis=-1, keepdims=True)
        self.np_ = np.linalg.norm(y_pred, axis=-1, keepdims=True)
        self.cos = np.sum(y_true * y_pred, -1, keepdims=True) / (self.nt * self.np_)
        return -self.cos.mean()

    def get_gradients(self, y_true, y_pred):
        return -(y_true / (self.nt * self.np_) - self.cos * y_pred / self.np_ ** 2) / len(y_true)


class WeightedLogCosh(Loss):
    """sample_weight in the call"""

    def __call__(self, y_true, y_pred, sample_weight):
        self.w = sample_weight[:, None] / sample_weight.sum()
        return np.sum(self.w * np.log(np.cosh(y_pred - y_true)))

    def get_gradients(self, y_true, y_pred, sample_weight):
        return self.w * np.tanh(y_pred - y_true)


def _onehot(n, k, seed=6):
    return np.eye(k)[rng(seed).integers(0, k, n)]


_LAZY = "parameters come at the first call"


CASES = [
    dict(name="dense_tanh", layer=lambda: Dense(3, "tanh"), x=lambda: rng().standard_normal((5, 4)), convention=_LAZY),
    dict(name="dense_relu_3d", layer=lambda: Dense(6, "relu"), x=lambda: rng(1).standard_normal((2, 3, 4)), convention=_LAZY),
    dict(name="dense_float32_weights", layer=lambda: Dense(2, "softsign", dtype="float32"), x=lambda: rng(2).standard_normal((5, 4)),
         convention=_LAZY + "; the weights are float32, the arithmetic is float64 with float64 inputs"),
    dict(name="dense_cast_float32", layer=lambda: CastDense(3), x=lambda: rng(3).standard_normal((5, 4)),
         convention=_LAZY + "; everything is cast to floatx() = float32: right to float32's precision"),
    dict(name="dense_bias_upstream", layer=lambda: DenseBiasUpstream(3, "sigmoid"), x=lambda: rng(4).standard_normal((5, 4)),
         convention=_LAZY, wrong={"bias": {"wrong_variable", "missing_factor", "wrong_local_derivative"}}),  # activation's derivative forgotten
    dict(name="elu_forgets_alpha", layer=lambda: ELU(0.4), x=lambda: rng(5).standard_normal((4, 5)), constants={"alpha"},
         wrong={"input": {"missing_factor", "wrong_local_derivative"}}),
    dict(name="thresholded_relu", layer=lambda: ThresholdedReLU(), x=lambda: rng(6).standard_normal((4, 5)), constants={"theta"}),
    dict(name="prelu_shared", layer=lambda: PReLU(), x=lambda: rng(7).standard_normal((2, 3, 5)), convention=_LAZY),
    dict(name="softmax_jacobian", layer=lambda: Softmax(), x=lambda: rng(8).standard_normal((4, 5))),
    dict(name="batch_norm", layer=lambda: BatchNormalization(), x=lambda: rng(9).standard_normal((5, 4)), convention=_LAZY,
         constants={"epsilon", "momentum", "moving_mean", "moving_variance"}),
    dict(name="batch_norm_images", layer=lambda: BatchNormalization(0.9, 1e-5), x=lambda: rng(10).standard_normal((2, 3, 4, 5)), convention=_LAZY,
         constants={"epsilon", "momentum", "moving_mean", "moving_variance"}),
    dict(name="batch_norm_gamma", layer=lambda: BatchNormalizationGamma(), x=lambda: 1 + rng(11).standard_normal((5, 4)), convention=_LAZY,
         constants={"epsilon", "momentum", "moving_mean", "moving_variance"}, wrong={"gamma": {"wrong_variable"}}),  # inputs for x_hat
    dict(name="layer_norm", layer=lambda: LayerNormalization(), x=lambda: rng(12).standard_normal((2, 3, 5)), convention=_LAZY, constants={"epsilon"}),
    dict(name="layer_norm_axis", layer=lambda: LayerNormalizationAxis(), x=lambda: rng(13).standard_normal((5, 4)), convention=_LAZY,
         constants={"epsilon"}, wrong={"input": {"wrong_axis"}}),      # backward's means run over the batch
    dict(name="dropout", layer=lambda: Dropout(0.3), x=lambda: rng(14).standard_normal((5, 4)), constants={"rate", "_mask"}),
    dict(name="conv2d_same_strides", layer=lambda: Conv2D(4, (3, 2), (2, 1), "same"), x=lambda: rng(15).standard_normal((2, 5, 6, 3)), convention=_LAZY),
    dict(name="conv2d_valid", layer=lambda: Conv2D(2, (2, 3)), x=lambda: rng(16).standard_normal((2, 4, 5, 3)), convention=_LAZY),
    dict(name="conv2d_columns_order", layer=lambda: Conv2DChannelsFirstColumns(4, (2, 2)), x=lambda: rng(17).standard_normal((2, 4, 5, 3)),
         convention=_LAZY, wrong={"kernel": {"permuted"}}),            # reshaped without moving the channel axis back
    dict(name="depthwise_conv2d", layer=lambda: DepthwiseConv2D((2, 3)), x=lambda: rng(18).standard_normal((2, 4, 5, 3)), convention=_LAZY),
    dict(name="causal_conv1d_dilated", layer=lambda: CausalConv1D(4, 2, dilation_rate=2), x=lambda: rng(19).standard_normal((2, 6, 3)), convention=_LAZY),
    dict(name="max_pooling2d", layer=lambda: MaxPooling2D(), x=lambda: rng(20).standard_normal((2, 4, 6, 3))),
    dict(name="global_max_pooling1d", layer=lambda: GlobalMaxPooling1D(), x=lambda: rng(21).standard_normal((2, 5, 3))),
    dict(name="global_average_pooling2d_unscaled", layer=lambda: GlobalAveragePooling2D(), x=lambda: rng(22).standard_normal((2, 4, 5, 3)),
         wrong={"input": {"scale", "missing_factor"}}),                # / (h * w) forgotten
    dict(name="global_average_pooling1d", layer=lambda: GlobalAveragePooling1D(), x=lambda: rng(23).standard_normal((2, 5, 3))),
    dict(name="upsampling2d", layer=lambda: UpSampling2D((3, 2)), x=lambda: rng(24).standard_normal((2, 4, 5, 3))),
    dict(name="zero_padding1d_sides", layer=lambda: ZeroPadding1D(), x=lambda: rng(25).standard_normal((2, 5, 3)),
         wrong={"input": {"shifted"}}),                                # left and right swapped
    dict(name="flatten", layer=lambda: Flatten(), x=lambda: rng(26).standard_normal((2, 3, 4))),
    dict(name="permute_again", layer=lambda: Permute((2, 3, 1)), x=lambda: rng(27).standard_normal((2, 3, 4, 5)),
         wrong={"input": {"permuted", "wrong_shape"}}),                # the same permutation, not its inverse
    dict(name="concatenate", layer=lambda: Concatenate(), x=lambda: [rng(28).standard_normal((4, 2)), rng(29).standard_normal((4, 5)), rng(30).standard_normal((4, 3))]),
    dict(name="multiply", layer=lambda: Multiply(), x=lambda: [rng(31).standard_normal((4, 3)), rng(32).standard_normal((4, 3))]),
    dict(name="embedding_mask_zero", layer=lambda: Embedding(6, 4, mask_zero=True), x=lambda: np.array([[0, 2, 2], [5, 0, 2]]), convention=_LAZY),
    dict(name="attention", layer=lambda: Attention(), x=lambda: [rng(33).standard_normal((2, 3, 5)), rng(34).standard_normal((2, 4, 5))]),
    dict(name="attention_keys_constant", layer=lambda: AttentionKeysConstant(), x=lambda: [rng(35).standard_normal((2, 3, 5)), rng(36).standard_normal((2, 4, 5))],
         wrong={"v": {"missing_branch"}}),                             # values are keys, too: second path forgotten (x is [q, v])
    dict(name="highway", layer=lambda: Highway(), x=lambda: rng(37).standard_normal((5, 4)), convention=_LAZY),
    dict(name="simple_rnn", layer=lambda: SimpleRNN(5), x=lambda: rng(38).standard_normal((2, 4, 3)), convention=_LAZY),
    dict(name="simple_rnn_sequences", layer=lambda: SimpleRNN(5, return_sequences=True), x=lambda: rng(39).standard_normal((2, 4, 3)), convention=_LAZY),
    dict(name="lstm", layer=lambda: LSTM(5), x=lambda: rng(40).standard_normal((2, 4, 3)), convention=_LAZY),
    dict(name="lstm_without_cell_path", layer=lambda: LSTMWithoutCellPath(5), x=lambda: rng(41).standard_normal((2, 4, 3)), convention=_LAZY,
         wrong={k: {"missing_branch"} for k in ("input", "kernel", "recurrent_kernel", "bias")}),            # nothing flows back along c
    dict(name="sequential", layer=lambda: Sequential([Dense(5, "tanh", name="hidden"), BatchNormalization(name="bn"), Dense(3, name="out")]),
         x=lambda: rng(42).standard_normal((6, 4)), convention=_LAZY + "; params and gradients are dicts of dicts"),
    dict(name="regularized_regression", layer=lambda: RegularizedRegression(3), x=lambda: (rng(43).standard_normal((5, 4)), rng(44).standard_normal((5, 3))),
         convention="compute_loss(x, y), then compute_gradients() -> dict", constants={"l2"}),
    dict(name="regularized_regression_no_penalty", layer=lambda: RegularizedRegression(3, penalty_gradient=False),
         x=lambda: (rng(45).standard_normal((5, 4)), rng(46).standard_normal((5, 3))), constants={"l2"},
         wrong={"kernel": {"missing_branch"}}),                        # the penalty's gradient is forgotten
    dict(name="mean_squared_error", layer=lambda: MeanSquaredError(), x=lambda: (rng(47).standard_normal((5, 3)), rng(48).standard_normal((5, 3))),
         convention="one loss for each example; the gradient is that of their mean"),
    dict(name="binary_crossentropy_clip", layer=lambda: BinaryCrossentropy(), constants={"eps"},
         x=lambda: (1.0 * (rng(49).random((5, 3)) > 0.5), np.clip(rng(50).uniform(-0.2, 1.2, (5, 3)), 0.001, 0.999))),
    dict(name="binary_crossentropy_ignores_clip", layer=lambda: BinaryCrossentropy(respect_clip=False), constants={"eps"},
         x=lambda: (1.0 * (rng(51).random((5, 3)) > 0.5), np.clip(rng(52).uniform(-0.2, 1.2, (5, 3)), 0.001, 0.999)),
         wrong={"input": {"missing_factor", "wrong_local_derivative", "missing_branch"}}),                   # clip's derivative is 0 outside
    dict(name="categorical_crossentropy_logits", layer=lambda: CategoricalCrossentropy(), x=lambda: (_onehot(5, 4), rng(53).standard_normal((5, 4))),
         constants={"label_smoothing"}),
    dict(name="categorical_crossentropy_probs", layer=lambda: CategoricalCrossentropy(from_logits=False), constants={"label_smoothing"},
         x=lambda: (_onehot(5, 4), rng(54).uniform(0.1, 0.5, (5, 4)))),
    dict(name="sparse_crossentropy_off_by_one", layer=lambda: SparseCategoricalCrossentropy(), x=lambda: (rng(55).integers(0, 4, 5), rng(56).standard_normal((5, 4))),
         wrong={"input": {"off_by_one_class"}}),
    dict(name="huber", layer=lambda: Huber(0.7), x=lambda: (rng(57).standard_normal((5, 3)), rng(58).standard_normal((5, 3))), constants={"delta"}),
    dict(name="cosine_similarity", layer=lambda: CosineSimilarity(), x=lambda: (rng(59).standard_normal((5, 3)), rng(60).standard_normal((5, 3)))),
    dict(name="weighted_log_cosh", layer=lambda: WeightedLogCosh(),
         x=lambda: (rng(61).standard_normal((5, 3)), rng(62).standard_normal((5, 3)), rng(63).uniform(0.5, 2, 5)), constants={"sample_weight"}),
]
