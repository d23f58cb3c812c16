"""Layers in the manner of "numpy-ml": parameters / gradients / derived_variables dicts,
forward(X, retain_derived=True), backward(dLdy, retain_grads=True), _fwd and _bwd helpers,
lists of inputs, gradients accumulated until flush_gradients()."""
from abc import ABC, abstractmethod
import numpy as np


def rng(seed=0):
    return np.random.default_rng(seed)


#######################################################################
#                             Activations                             #
#######################################################################


class ActivationBase(ABC):
    def __init__(self, **kwargs):
        super().__init__()

    def __call__(self, z):
        if z.ndim == 1:
            z = z.reshape(1, -1)
        return self.fn(z)

    @abstractmethod
    def fn(self, z):
        raise NotImplementedError

    @abstractmethod
    def grad(self, x, **kwargs):
        raise NotImplementedError


class Identity(ActivationBase):
    def fn(self, z):
        return z

    def grad(self, x):
        return np.ones_like(x)


class Sigmoid(ActivationBase):
    def fn(self, z):
        return 1 / (1 + np.exp(-z))

    def grad(self, x):
        fn_x = self.fn(x)
        return fn_x * (1 - fn_x)

    def grad2(self, x):
        fn_x = self.fn(x)
        return fn_x * (1 - fn_x) * (1 - 2 * fn_x)


class Tanh(ActivationBase):
    def fn(self, z):
        return np.tanh(z)

    def grad(self, x):
        return 1 - np.tanh(x) ** 2


class ReLU(ActivationBase):
    def fn(self, z):
        return np.clip(z, 0, np.inf)

    def grad(self, x):
        return (x > 0).astype(int)


class Exponential(ActivationBase):
    def fn(self, z):
        return np.exp(z)

    def grad(self, x):
        return np.exp(x)


class HardSigmoid(ActivationBase):
    """max(0, min(1, 0.2 z + 0.5))"""

    def fn(self, z):
        return np.clip((0.2 * z) + 0.5, 0.0, 1.0)

    def grad(self, x):
        return np.where((x >= -2.5) & (x <= 2.5), 0.2, 0)


class HardTanh(ActivationBase):
    def fn(self, z):
        return np.clip(z, -1.0, 1.0)

    def grad(self, x):
        # d clip(z) / dz
        return np.ones_like(x)


class GELU(ActivationBase):
    """The approximate form"""

    def fn(self, z):
        return 0.5 * z * (1 + np.tanh(np.sqrt(2 / np.pi) * (z + 0.044715 * z ** 3)))

    def grad(self, x):
        c = np.sqrt(2 / np.pi)
        t = np.tanh(c * (x + 0.044715 * x ** 3))
        return 0.5 * (1 + t) + 0.5 * x * (1 - t ** 2) * c * (1 + 3 * 0.044715 * x ** 2)


def act_by_name(name):
    if isinstance(name, ActivationBase):
        return name
    return {None: Identity, "relu": ReLU, "tanh": Tanh, "sigmoid": Sigmoid, "gelu": GELU}[name]()


#######################################################################
#                               Losses                                #
#######################################################################


class ObjectiveBase(ABC):
    @abstractmethod
    def loss(self, y_true, y_pred):
        pass

    @abstractmethod
    def grad(self, y_true, y_pred, **kwargs):
        pass


class SquaredError(ObjectiveBase):
    def __call__(self, y, y_pred):
        return self.loss(y, y_pred)

    @staticmethod
    def loss(y, y_pred):
        """0.5 * ||y_pred - y||^2"""
        return 0.5 * np.linalg.norm(y_pred - y) ** 2

    @staticmethod
    def grad(y, y_pred, z, act_fn):
        """Gradient with respect to the pre-activation z, y_pred = act_fn(z)"""
        return (y_pred - y) * act_fn.grad(z)


class CrossEntropy(ObjectiveBase):
    def __call__(self, y, y_pred):
        return self.loss(y, y_pred)

    @staticmethod
    def loss(y, y_pred):
        eps = np.finfo(float).eps
        # each example is a row, y is one-hot
        return -np.sum(y * np.log(y_pred + eps))

    @staticmethod
    def grad(y, y_pred):
        """With respect to the inputs of the softmax that made y_pred"""
        return y_pred - y


class VAELoss(ObjectiveBase):
    """Binary reconstruction error and KL divergence, mean over the batch"""

    def __call__(self, y, y_pred, t_mean, t_log_var):
        return self.loss(y, y_pred, t_mean, t_log_var)

    @staticmethod
    def loss(y, y_pred, t_mean, t_log_var):
        eps = np.finfo(float).eps
        y_pred = np.clip(y_pred, eps, 1 - eps)
        rec_loss = -np.sum(y * np.log(y_pred) + (1 - y) * np.log(1 - y_pred), axis=1)
        kl_loss = -0.5 * np.sum(1 + t_log_var - t_mean ** 2 - np.exp(t_log_var), axis=1)
        return np.mean(kl_loss + rec_loss)

    @staticmethod
    def grad(y, y_pred, t_mean, t_log_var):
        N = y.shape[0]
        eps = np.finfo(float).eps
        y_pred = np.clip(y_pred, eps, 1 - eps)
        dY_pred = -y / (N * y_pred) - (y - 1) / (N - N * y_pred)
        dLogVar = (np.exp(t_log_var) - 1) / (2 * N)
        dMean = t_mean / N
        return dY_pred, dLogVar, dMean


class VAELossB(VAELoss):
    @staticmethod
    def grad(y, y_pred, t_mean, t_log_var):
        N = y.shape[0]
        dY_pred = (y_pred - y) / (y_pred * (1 - y_pred)) / N
        # 0.5 * (exp(s) - 1)
        dLogVar = (np.exp(0.5 * t_log_var) - 1) / (2 * N)
        dMean = t_mean / N
        return dY_pred, dLogVar, dMean


#######################################################################
#                               Layers                                #
#######################################################################


class LayerBase(ABC):
    def __init__(self, optimizer=None):
        self.X = []
        self.act_fn = None
        self.trainable = True
        self.is_initialized = False

        self.gradients = {}
        self.parameters = {}
        self.derived_variables = {}
        super().__init__()

    @abstractmethod
    def forward(self, z, **kwargs):
        raise NotImplementedError

    @abstractmethod
    def backward(self, out, **kwargs):
        raise NotImplementedError

    def freeze(self):
        self.trainable = False

    def flush_gradients(self):
        assert self.trainable, "Layer is frozen"
        self.X = []
        for k, v in self.derived_variables.items():
            self.derived_variables[k] = []
        for k, v in self.gradients.items():
            self.gradients[k] = np.zeros_like(v)


class FullyConnected(LayerBase):
    def __init__(self, n_out, act_fn=None, optimizer=None):
        super().__init__(optimizer)
        self.n_in = None
        self.n_out = n_out
        self.act_fn = act_by_name(act_fn)
        self.parameters = {"W": None, "b": None}
        self.is_initialized = False

    def _init_params(self):
        b = np.zeros((1, self.n_out))
        W = np.random.uniform(-0.7, 0.7, (self.n_in, self.n_out))

        self.parameters = {"W": W, "b": b}
        self.derived_variables = {"Z": []}
        self.gradients = {"W": np.zeros_like(W), "b": np.zeros_like(b)}
        self.is_initialized = True

    @property
    def hyperparameters(self):
        return {"layer": "FullyConnected", "n_in": self.n_in, "n_out": self.n_out}

    def forward(self, X, retain_derived=True):
        if not self.is_initialized:
            self.n_in = X.shape[1]
            self._init_params()

        Y, Z = self._fwd(X)

        if retain_derived:
            self.X.append(X)
            self.derived_variables["Z"].append(Z)
        return Y

    def _fwd(self, X):
        W = self.parameters["W"]
        b = self.parameters["b"]
        Z = X @ W + b
        Y = self.act_fn(Z)
        return Y, Z

    def backward(self, dLdy, retain_grads=True):
        assert self.trainable, "Layer is frozen"
        if not isinstance(dLdy, list):
            dLdy = [dLdy]

        dX = []
        X = self.X
        for dy, x in zip(dLdy, X):
            dx, dw, db = self._bwd(dy, x)
            dX.append(dx)

            if retain_grads:
                self.gradients["W"] += dw
                self.gradients["b"] += db

        return dX[0] if len(X) == 1 else dX

    def _bwd(self, dLdy, X):
        W = self.parameters["W"]
        b = self.parameters["b"]

        Z = X @ W + b
        dZ = dLdy * self.act_fn.grad(Z)

        dX = dZ @ W.T
        dW = X.T @ dZ
        dB = dZ.sum(axis=0, keepdims=True)
        return dX, dW, dB


class FullyConnectedA(FullyConnected):
    """Takes the derivative from the retained output"""

    def forward(self, X, retain_derived=True):
        Y = super().forward(X, retain_derived)
        if retain_derived:
            self.derived_variables.setdefault("Y", []).append(Y)
        return Y

    def _bwd(self, dLdy, X):
        W = self.parameters["W"]
        Y = self.derived_variables["Y"][-1]
        dZ = dLdy * self.act_fn.grad(Y)
        return dZ @ W.T, X.T @ dZ, dZ.sum(axis=0, keepdims=True)


class FullyConnectedB(FullyConnected):
    def _bwd(self, dLdy, X):
        W = self.parameters["W"]
        Z = X @ W + self.parameters["b"]
        dZ = dLdy * self.act_fn.grad(Z)
        dW = X.T @ dZ
        dB = dLdy.sum(axis=0, keepdims=True)
        return dZ @ W.T, dW, dB


class Softmax(LayerBase):
    def __init__(self, dim=-1, optimizer=None):
        super().__init__(optimizer)
        self.dim = dim
        self.is_initialized = True

    def forward(self, X, retain_derived=True):
        Y = self._fwd(X)
        if retain_derived:
            self.X.append(X)
        return Y

    def _fwd(self, X):
        # center data to avoid overflow
        e_X = np.exp(X - np.max(X, axis=self.dim, keepdims=True))
        return e_X / e_X.sum(axis=self.dim, keepdims=True)

    def backward(self, dLdy, retain_grads=True):
        if not isinstance(dLdy, list):
            dLdy = [dLdy]
        dX = []
        for dy, x in zip(dLdy, self.X):
            dx = self._bwd(dy, x)
            dX.append(dx)
        return dX[0] if len(self.X) == 1 else dX

    def _bwd(self, dLdy, X):
        dX = []
        for dy, x in zip(dLdy, X):
            dxi = []
            for dyi, xi in zip(*np.atleast_2d(dy, x)):
                yi = self._fwd(xi.reshape(1, -1)).reshape(-1, 1)
                dyidxi = np.diagflat(yi) - yi @ yi.T  # jacobian wrt. input sample xi
                dxi.append(dyi @ dyidxi)
            dX.append(dxi)
        return np.array(dX).reshape(*X.shape)


class BatchNorm1D(LayerBase):
    def __init__(self, momentum=0.9, epsilon=1e-5, optimizer=None):
        super().__init__(optimizer)
        self.n_in = None
        self.epsilon = epsilon
        self.momentum = momentum
        self.parameters = {"scaler": None, "intercept": None, "running_var": None, "running_mean": None}

    def _init_params(self):
        scaler = np.random.uniform(0.5, 1.5, self.n_in)
        intercept = np.zeros(self.n_in)
        self.parameters = {
            "scaler": scaler,
            "intercept": intercept,
            "running_var": np.ones(self.n_in),
            "running_mean": np.zeros(self.n_in),
        }
        self.gradients = {"scaler": np.zeros_like(scaler), "intercept": np.zeros_like(intercept)}
        self.is_initialized = True

    def forward(self, X, retain_derived=True):
        if not self.is_initialized:
            self.n_in = X.shape[1]
            self._init_params()

        ep = self.momentum
        rm, rv = self.parameters["running_mean"], self.parameters["running_var"]
        scaler, intercept = self.parameters["scaler"], self.parameters["intercept"]

        X_mean, X_var = rm, rv
        if self.trainable and retain_derived:
            X_mean, X_var = X.mean(axis=0), X.var(axis=0)
            self.parameters["running_mean"] = ep * rm + (1.0 - ep) * X_mean
            self.parameters["running_var"] = ep * rv + (1.0 - ep) * X_var

        if retain_derived:
            self.X.append(X)

        N = (X - X_mean) / np.sqrt(X_var + self.epsilon)
        return scaler * N + intercept

    def backward(self, dLdy, retain_grads=True):
        if not isinstance(dLdy, list):
            dLdy = [dLdy]
        dX = []
        for dy, x in zip(dLdy, self.X):
            dx, dScaler, dIntercept = self._bwd(dy, x)
            dX.append(dx)
            if retain_grads:
                self.gradients["scaler"] += dScaler
                self.gradients["intercept"] += dIntercept
        return dX[0] if len(self.X) == 1 else dX

    def _bwd(self, dLdy, X):
        scaler = self.parameters["scaler"]
        n_ex, n_in = X.shape
        X_mean, X_var = X.mean(axis=0), X.var(axis=0)

        N = (X - X_mean) / np.sqrt(X_var + self.epsilon)
        dIntercept = dLdy.sum(axis=0)
        dScaler = np.sum(dLdy * N, axis=0)

        dN = dLdy * scaler
        dX = (n_ex * dN - dN.sum(axis=0) - N * (dN * N).sum(axis=0)) / (
            n_ex * np.sqrt(X_var + self.epsilon)
        )
        return dX, dScaler, dIntercept


class LayerNorm1D(LayerBase):
    def __init__(self, epsilon=1e-5, optimizer=None):
        super().__init__(optimizer)
        self.n_in = None
        self.epsilon = epsilon
        self.parameters = {"scaler": None, "intercept": None}

    def _init_params(self):
        scaler = np.random.uniform(0.5, 1.5, self.n_in)
        intercept = np.zeros(self.n_in)
        self.parameters = {"scaler": scaler, "intercept": intercept}
        self.gradients = {"scaler": np.zeros_like(scaler), "intercept": np.zeros_like(intercept)}
        self.is_initialized = True

    def forward(self, X, retain_derived=True):
        if not self.is_initialized:
            self.n_in = X.shape[1]
            self._init_params()
        scaler, intercept = self.parameters["scaler"], self.parameters["intercept"]
        X_mean, X_var = X.mean(axis=-1, keepdims=True), X.var(axis=-1, keepdims=True)
        lnorm = (X - X_mean) / np.sqrt(X_var + self.epsilon)
        if retain_derived:
            self.X.append(X)
        return scaler * lnorm + intercept

    def backward(self, dLdy, retain_grads=True):
        if not isinstance(dLdy, list):
            dLdy = [dLdy]
        dX = []
        for dy, x in zip(dLdy, self.X):
            dx, dScaler, dIntercept = self._bwd(dy, x)
            dX.append(dx)
            if retain_grads:
                self.gradients["scaler"] += dScaler
                self.gradients["intercept"] += dIntercept
        return dX[0] if len(self.X) == 1 else dX

    def _bwd(self, dLdy, X):
        scaler = self.parameters["scaler"]
        n_ex, n_in = X.shape
        X_mean, X_var = X.mean(axis=1, keepdims=True), X.var(axis=1, keepdims=True)

        lnorm = (X - X_mean) / np.sqrt(X_var + self.epsilon)
        dIntercept = dLdy.sum(axis=0)
        dScaler = np.sum(dLdy * lnorm, axis=0)

        dN = dLdy * scaler
        dX = (n_in * dN - dN.sum(axis=1, keepdims=True) - lnorm * (dN * lnorm).sum(axis=1, keepdims=True)) / (
            n_in * np.sqrt(X_var + self.epsilon)
        )
        return dX, dScaler, dIntercept


class LayerNorm1DB(LayerNorm1D):
    def _bwd(self, dLdy, X):
        scaler = self.parameters["scaler"]
        X_mean, X_var = X.mean(axis=1, keepdims=True), X.var(axis=1, keepdims=True)
        lnorm = (X - X_mean) / np.sqrt(X_var + self.epsilon)
        dN = dLdy * scaler
        # the mean depends on X, too
        dX = (dN - dN.mean(axis=1, keepdims=True)) / np.sqrt(X_var + self.epsilon)
        return dX, np.sum(dLdy * lnorm, axis=0), dLdy.sum(axis=0)


class Embedding(LayerBase):
    def __init__(self, n_out, vocab_size, pool=None, optimizer=None):
        super().__init__(optimizer)
        self.n_out = n_out
        self.vocab_size = vocab_size
        self.pool = pool
        self.parameters = {"W": None}
        self._init_params()

    def _init_params(self):
        W = np.random.uniform(-1, 1, (self.vocab_size, self.n_out))
        self.parameters = {"W": W}
        self.gradients = {"W": np.zeros_like(W)}
        self.is_initialized = True

    def lookup(self, ids):
        return self.parameters["W"][ids]

    def forward(self, X, retain_derived=True):
        assert issubclass(X.dtype.type, np.integer), "Input to Embedding layer must be an array of integers"
        Y = self._fwd(X)
        if retain_derived:
            self.X.append(X)
        return Y

    def _fwd(self, X):
        emb = self.parameters["W"][X]
        if self.pool == "sum":
            return emb.sum(axis=1)
        if self.pool == "mean":
            return emb.mean(axis=1)
        return emb

    def backward(self, dLdy, retain_grads=True):
        if not isinstance(dLdy, list):
            dLdy = [dLdy]
        for dy, x in zip(dLdy, self.X):
            dw = self._bwd(dy, x)
            if retain_grads:
                self.gradients["W"] += dw

    def _bwd(self, dLdy, X):
        dW = np.zeros_like(self.parameters["W"])
        if self.pool is None:
            dLdy = dLdy.reshape(-1, self.n_out)
            for ix, v_id in enumerate(X.flatten()):
                dW[v_id] += dLdy[ix]
        else:
            n = 1 if self.pool == "sum" else X.shape[1]
            for ix, ids in enumerate(X):
                for v_id in ids:
                    dW[v_id] += dLdy[ix] / n
        return dW


class EmbeddingB(Embedding):
    def _bwd(self, dLdy, X):
        dW = np.zeros_like(self.parameters["W"])
        dW[X.flatten()] += dLdy.reshape(-1, self.n_out)
        return dW


class Flatten(LayerBase):
    def __init__(self, keep_dim="first", optimizer=None):
        super().__init__(optimizer)
        self.keep_dim = keep_dim
        self.derived_variables = {"in_dims": []}

    def forward(self, X, retain_derived=True):
        if retain_derived:
            self.derived_variables["in_dims"].append(X.shape)
        if self.keep_dim == -1:
            return X.flatten().reshape(1, -1)
        rs = (X.shape[0], -1) if self.keep_dim == "first" else (-1, X.shape[-1])
        return X.reshape(*rs)

    def backward(self, dLdy, retain_grads=True):
        if not isinstance(dLdy, list):
            dLdy = [dLdy]
        in_dims = self.derived_variables["in_dims"]
        out = [dy.reshape(*dims) for dy, dims in zip(dLdy, in_dims)]
        return out[0] if len(dLdy) == 1 else out


class Add(LayerBase):
    """Sum of a list of inputs"""

    def __init__(self, act_fn=None, optimizer=None):
        super().__init__(optimizer)
        self.act_fn = act_by_name(act_fn)
        self.derived_variables = {"sum": []}

    def forward(self, X, retain_derived=True):
        out = X[0].copy()
        for i in range(1, len(X)):
            out += X[i]
        if retain_derived:
            self.X.append(X)
            self.derived_variables["sum"].append(out)
        return self.act_fn(out)

    def backward(self, dLdY, retain_grads=True):
        if not isinstance(dLdY, list):
            dLdY = [dLdY]
        grads = [self._bwd(dy, x, ss) for dy, x, ss in zip(dLdY, self.X, self.derived_variables["sum"])]
        return grads[0] if len(self.X) == 1 else grads

    def _bwd(self, dLdY, X, _sum):
        return [dLdY * self.act_fn.grad(_sum) for _ in X]


class Multiply(LayerBase):
    """Product of a list of inputs"""

    def __init__(self, act_fn=None, optimizer=None):
        super().__init__(optimizer)
        self.act_fn = act_by_name(act_fn)
        self.derived_variables = {"product": []}

    def forward(self, X, retain_derived=True):
        out = X[0].copy()
        for i in range(1, len(X)):
            out *= X[i]
        if retain_derived:
            self.X.append(X)
            self.derived_variables["product"].append(out)
        return self.act_fn(out)

    def backward(self, dLdY, retain_grads=True):
        if not isinstance(dLdY, list):
            dLdY = [dLdY]
        grads = [self._bwd(dy, x, prod) for dy, x, prod in zip(dLdY, self.X, self.derived_variables["product"])]
        return grads[0] if len(self.X) == 1 else grads

    def _bwd(self, dLdY, X, prod):
        dLdY = dLdY * self.act_fn.grad(prod)
        return [dLdY * prod / x for x in X]


class Concat(LayerBase):
    """Joins the inputs along one axis"""

    def __init__(self, axis=1, optimizer=None):
        super().__init__(optimizer)
        self.axis = axis

    def forward(self, X, retain_derived=True):
        if retain_derived:
            self.X.append(X)
        return np.concatenate(X, axis=self.axis)

    def backward(self, dLdY, retain_grads=True):
        X = self.X[-1]
        stops = np.cumsum([x.shape[self.axis] for x in X])
        return np.split(dLdY, stops[:-1], axis=self.axis)


class Dropout(ABC):
    """Wraps another layer"""

    def __init__(self, wrapped_layer, p):
        self.p = p
        self._base_layer = wrapped_layer
        self._wrapper_derived_variables = {"dropout_mask": []}
        self.trainable = True

    def forward(self, X, retain_derived=True):
        scaler, mask = 1.0, np.ones(X.shape).astype(bool)
        if self.trainable:
            scaler = 1.0 / (1.0 - self.p)
            mask = np.random.rand(*X.shape) >= self.p
            X = mask * X
        if retain_derived:
            self._wrapper_derived_variables["dropout_mask"].append(mask)
        return scaler * self._base_layer.forward(X, retain_derived)

    def backward(self, dLdy, retain_grads=True):
        assert self.trainable, "Layer is frozen"
        scaler = 1.0 / (1.0 - self.p)
        mask = self._wrapper_derived_variables["dropout_mask"][-1]
        return mask * self._base_layer.backward(dLdy * scaler, retain_grads)


class DropoutB(Dropout):
    def backward(self, dLdy, retain_grads=True):
        assert self.trainable, "Layer is frozen"
        dLdy = dLdy * (1.0 / (1.0 - self.p))
        return self._base_layer.backward(dLdy, retain_grads)


def pad2D(X, p):
    return np.pad(X, ((0, 0), (p[0], p[1]), (p[2], p[3]), (0, 0)), mode="constant")


class Conv2D(LayerBase):
    """Images are (n_ex, in_rows, in_cols, in_ch), filters (fr, fc, in_ch, out_ch)"""

    def __init__(self, out_ch, kernel_shape, pad=0, stride=1, act_fn=None, optimizer=None):
        super().__init__(optimizer)
        self.pad = pad
        self.in_ch = None
        self.out_ch = out_ch
        self.stride = stride
        self.kernel_shape = kernel_shape
        self.act_fn = act_by_name(act_fn)
        self.parameters = {"W": None, "b": None}

    def _init_params(self):
        fr, fc = self.kernel_shape
        W = np.random.uniform(-0.5, 0.5, (fr, fc, self.in_ch, self.out_ch))
        b = np.zeros((1, 1, 1, self.out_ch))
        self.parameters = {"W": W, "b": b}
        self.gradients = {"W": np.zeros_like(W), "b": np.zeros_like(b)}
        self.derived_variables = {"Z": [], "out_rows": [], "out_cols": []}
        self.is_initialized = True

    def forward(self, X, retain_derived=True):
        if not self.is_initialized:
            self.in_ch = X.shape[3]
            self._init_params()

        W, b = self.parameters["W"], self.parameters["b"]
        n_ex, in_rows, in_cols, in_ch = X.shape
        fr, fc = self.kernel_shape
        s = self.stride
        X_pad = pad2D(X, (self.pad,) * 4)
        out_rows = (X_pad.shape[1] - fr) // s + 1
        out_cols = (X_pad.shape[2] - fc) // s + 1

        Z = np.zeros((n_ex, out_rows, out_cols, self.out_ch))
        for m in range(n_ex):
            for c in range(self.out_ch):
                for i in range(out_rows):
                    for j in range(out_cols):
                        window = X_pad[m, i * s:i * s + fr, j * s:j * s + fc, :]
                        Z[m, i, j, c] = np.sum(window * W[:, :, :, c]) + b[0, 0, 0, c]
        Y = self.act_fn(Z)
        if retain_derived:
            self.X.append(X)
            self.derived_variables["Z"].append(Z)
            self.derived_variables["out_rows"].append(out_rows)
            self.derived_variables["out_cols"].append(out_cols)
        return Y

    def backward(self, dLdy, retain_grads=True):
        if not isinstance(dLdy, list):
            dLdy = [dLdy]
        dX = []
        for dy, x, z in zip(dLdy, self.X, self.derived_variables["Z"]):
            dx, dw, db = self._bwd(dy, x, z)
            dX.append(dx)
            if retain_grads:
                self.gradients["W"] += dw
                self.gradients["b"] += db
        return dX[0] if len(self.X) == 1 else dX

    def _bwd(self, dLdy, X, Z):
        """naive"""
        W = self.parameters["W"]
        fr, fc = self.kernel_shape
        s, p = self.stride, self.pad
        dZ = dLdy * self.act_fn.grad(Z)
        X_pad = pad2D(X, (p,) * 4)
        dX, dW, dB = np.zeros_like(X_pad), np.zeros_like(W), np.zeros_like(self.parameters["b"])
        n_ex, out_rows, out_cols, out_ch = dZ.shape
        for m in range(n_ex):
            for i in range(out_rows):
                for j in range(out_cols):
                    i0, i1 = i * s, i * s + fr
                    j0, j1 = j * s, j * s + fc
                    for c in range(out_ch):
                        kernel = dZ[m, i, j, c]
                        dB[..., c] += kernel
                        dW[:, :, :, c] += X_pad[m, i0:i1, j0:j1, :] * kernel
                        dX[m, i0:i1, j0:j1, :] += W[:, :, :, c] * kernel
        return dX[:, p:dX.shape[1] - p, p:dX.shape[2] - p, :], dW, dB


class Conv2DVec(Conv2D):
    """dX as a full convolution with the kernel, stride 1 and pad 0"""

    def _bwd(self, dLdy, X, Z):
        W = self.parameters["W"]
        fr, fc = self.kernel_shape
        dZ = dLdy * self.act_fn.grad(Z)
        win = np.lib.stride_tricks.sliding_window_view(X, (fr, fc), axis=(1, 2))
        dW = np.einsum("nijcab,nijo->abco", win, dZ)
        dB = dZ.sum(axis=(0, 1, 2)).reshape(1, 1, 1, -1)
        dZ_pad = pad2D(dZ, (fr - 1, fr - 1, fc - 1, fc - 1))
        dwin = np.lib.stride_tricks.sliding_window_view(dZ_pad, (fr, fc), axis=(1, 2))
        dX = np.einsum("nijoab,abco->nijc", dwin, self._kernel(W))
        return dX, dW, dB

    def _kernel(self, W):
        return np.rot90(W, 2, axes=(0, 1))


class Conv2DVecB(Conv2DVec):
    def _kernel(self, W):
        return W


class Pool2D(LayerBase):
    def __init__(self, kernel_shape, stride=1, mode="max", optimizer=None):
        super().__init__(optimizer)
        self.mode = mode
        self.stride = stride
        self.kernel_shape = kernel_shape

    def forward(self, X, retain_derived=True):
        n_ex, in_rows, in_cols, nc_in = X.shape
        fr, fc = self.kernel_shape
        s = self.stride
        out_rows, out_cols = (in_rows - fr) // s + 1, (in_cols - fc) // s + 1
        pool_fn = np.max if self.mode == "max" else np.mean
        Y = np.zeros((n_ex, out_rows, out_cols, nc_in))
        for m in range(n_ex):
            for i in range(out_rows):
                for j in range(out_cols):
                    for c in range(nc_in):
                        Y[m, i, j, c] = pool_fn(X[m, i * s:i * s + fr, j * s:j * s + fc, c])
        if retain_derived:
            self.X.append(X)
        return Y

    def backward(self, dLdY, retain_grads=True):
        if not isinstance(dLdY, list):
            dLdY = [dLdY]
        dX = [self._bwd(dy, x) for dy, x in zip(dLdY, self.X)]
        return dX[0] if len(self.X) == 1 else dX

    def _bwd(self, dy, X):
        fr, fc = self.kernel_shape
        s = self.stride
        n_ex, out_rows, out_cols, nc = dy.shape
        dX = np.zeros_like(X)
        for m in range(n_ex):
            for i in range(out_rows):
                for j in range(out_cols):
                    for c in range(nc):
                        i0, j0 = i * s, j * s
                        if self.mode == "max":
                            xi = X[m, i0:i0 + fr, j0:j0 + fc, c]
                            # enforce that the mask can only consist of one entry
                            mask = np.zeros_like(xi).astype(bool)
                            x, y = np.argwhere(xi == np.max(xi))[0]
                            mask[x, y] = True
                            dX[m, i0:i0 + fr, j0:j0 + fc, c] += mask * dy[m, i, j, c]
                        elif self.mode == "average":
                            dX[m, i0:i0 + fr, j0:j0 + fc, c] += np.ones((fr, fc)) * dy[m, i, j, c] / np.prod((fr, fc))
        return dX


class DotProductAttention(LayerBase):
    def __init__(self, scale=True, optimizer=None):
        super().__init__(optimizer)
        self.scale = scale
        self.softmax = Softmax()
        self.derived_variables = {"attention_weights": []}

    def forward(self, Q, K, V, retain_derived=True):
        Y, weights = self._fwd(Q, K, V)
        if retain_derived:
            self.X.append((Q, K, V))
            self.derived_variables["attention_weights"].append(weights)
        return Y

    def _fwd(self, Q, K, V):
        scale = 1 / np.sqrt(Q.shape[-1]) if self.scale else 1
        scores = Q @ K.swapaxes(-2, -1) * scale
        weights = self.softmax.forward(scores)
        return weights @ V, weights

    def backward(self, dLdy, retain_grads=True):
        if not isinstance(dLdy, list):
            dLdy = [dLdy]
        dQ, dK, dV = [], [], []
        for dy, (q, k, v), w in zip(dLdy, self.X, self.derived_variables["attention_weights"]):
            dq, dk, dv = self._bwd(dy, q, k, v, w)
            dQ.append(dq)
            dK.append(dk)
            dV.append(dv)
        if len(self.X) == 1:
            dQ, dK, dV = dQ[0], dK[0], dV[0]
        return dQ, dK, dV

    def _bwd(self, dy, q, k, v, weights):
        d_k = k.shape[-1]
        scale = 1 / np.sqrt(d_k) if self.scale else 1
        dV = weights.swapaxes(-2, -1) @ dy
        dWeights = dy @ v.swapaxes(-2, -1)
        dScores = self.softmax.backward(dWeights)
        dQ = dScores @ k * scale
        dK = dScores.swapaxes(-2, -1) @ q * scale
        return dQ, dK, dV


class DotProductAttentionB(DotProductAttention):
    def _bwd(self, dy, q, k, v, weights):
        dV = weights.swapaxes(-2, -1) @ dy
        dWeights = dy @ v.swapaxes(-2, -1)
        dScores = self.softmax.backward(dWeights)
        dQ = dScores @ k
        dK = dScores.swapaxes(-2, -1) @ q
        return dQ, dK, dV


class RNNCell(LayerBase):
    """One time step: At = f(Xt Wax + bx + At-1 Waa + ba)"""

    def __init__(self, n_out, act_fn="tanh", optimizer=None):
        super().__init__(optimizer)
        self.n_in = None
        self.n_out = n_out
        self.n_timesteps = None
        self.act_fn = act_by_name(act_fn)
        self.parameters = {"Waa": None, "Wax": None, "ba": None, "bx": None}

    def _init_params(self):
        self.X = []
        Wax = np.random.uniform(-0.6, 0.6, (self.n_in, self.n_out))
        Waa = np.random.uniform(-0.6, 0.6, (self.n_out, self.n_out))
        ba = np.zeros((self.n_out, 1))
        bx = np.zeros((self.n_out, 1))
        self.parameters = {"Waa": Waa, "ba": ba, "Wax": Wax, "bx": bx}
        self.gradients = {k: np.zeros_like(v) for k, v in self.parameters.items()}
        self.derived_variables = {"A": [], "Z": [], "n_timesteps": 0, "current_step": 0, "dLdA_accumulator": None}
        self.is_initialized = True

    def forward(self, Xt):
        if not self.is_initialized:
            self.n_in = Xt.shape[1]
            self._init_params()

        self.derived_variables["n_timesteps"] += 1
        self.derived_variables["current_step"] += 1

        ba, bx = self.parameters["ba"], self.parameters["bx"]
        Wax, Waa = self.parameters["Wax"], self.parameters["Waa"]

        As = self.derived_variables["A"]
        if len(As) == 0:
            n_ex, n_in = Xt.shape
            As.append(np.zeros((n_ex, self.n_out)))

        Zt = As[-1] @ Waa + ba.T + Xt @ Wax + bx.T
        At = self.act_fn(Zt)

        self.derived_variables["Z"].append(Zt)
        self.derived_variables["A"].append(At)
        self.X.append(Xt)
        return At

    def backward(self, dLdAt):
        Zs = self.derived_variables["Z"]
        As = self.derived_variables["A"]
        t = self.derived_variables["current_step"]
        dA_acc = self.derived_variables["dLdA_accumulator"]
        if dA_acc is None:
            dA_acc = np.zeros_like(As[0])

        Wax, Waa = self.parameters["Wax"], self.parameters["Waa"]
        dA = dLdAt + dA_acc
        dZ = self.act_fn.grad(Zs[t - 1]) * dA
        dXt = dZ @ Wax.T

        self.gradients["Waa"] += As[t - 1].T @ dZ
        self.gradients["Wax"] += self.X[t - 1].T @ dZ
        self.gradients["ba"] += dZ.sum(axis=0, keepdims=True).T
        self.gradients["bx"] += dZ.sum(axis=0, keepdims=True).T

        self.derived_variables["dLdA_accumulator"] = dZ @ Waa.T
        self.derived_variables["current_step"] -= 1
        return dXt


class RNN(LayerBase):
    """X: (n_ex, n_in, n_t)"""

    def __init__(self, n_out, act_fn="tanh", cell=RNNCell, optimizer=None):
        super().__init__(optimizer)
        self.cell = cell(n_out, act_fn)

    @property
    def parameters_(self):
        return self.cell.parameters

    def forward(self, X):
        Y = []
        n_ex, n_in, n_t = X.shape
        for t in range(n_t):
            Y.append(self.cell.forward(X[:, :, t]))
        return np.dstack(Y)

    def backward(self, dLdA):
        dLdX = []
        n_ex, n_out, n_t = dLdA.shape
        for t in reversed(range(n_t)):
            dLdX.insert(0, self.cell.backward(dLdA[:, :, t]))
        return np.dstack(dLdX)


class RNNCellB(RNNCell):
    def backward(self, dLdAt):
        Zs = self.derived_variables["Z"]
        As = self.derived_variables["A"]
        t = self.derived_variables["current_step"]
        Wax, Waa = self.parameters["Wax"], self.parameters["Waa"]
        dZ = self.act_fn.grad(Zs[t - 1]) * dLdAt
        self.gradients["Waa"] += As[t - 1].T @ dZ
        self.gradients["Wax"] += self.X[t - 1].T @ dZ
        self.gradients["ba"] += dZ.sum(axis=0, keepdims=True).T
        self.gradients["bx"] += dZ.sum(axis=0, keepdims=True).T
        self.derived_variables["current_step"] -= 1
        return dZ @ Wax.T


class LSTMCell(LayerBase):
    """One step, Zt = [A_{t-1}, Xt]; forward(Xt) -> (At, Ct)"""

    def __init__(self, n_out, act_fn="tanh", gate_fn="sigmoid", optimizer=None):
        super().__init__(optimizer)
        self.n_in = None
        self.n_out = n_out
        self.act_fn = act_by_name(act_fn)
        self.gate_fn = act_by_name(gate_fn)

    def _init_params(self):
        self.X = []
        for k in "fuco":
            self.parameters["W" + k] = np.random.uniform(-0.6, 0.6, (self.n_in + self.n_out, self.n_out))
            self.parameters["b" + k] = np.zeros((1, self.n_out))
        self.gradients = {k: np.zeros_like(v) for k, v in self.parameters.items()}
        self.derived_variables = {"C": [], "A": [], "gates": [], "dLdA_accumulator": None, "dLdC_accumulator": None}
        self.is_initialized = True

    def forward(self, Xt):
        if not self.is_initialized:
            self.n_in = Xt.shape[1]
            self._init_params()
        p, d = self.parameters, self.derived_variables
        if len(d["A"]) == 0:
            d["A"].append(np.zeros((Xt.shape[0], self.n_out)))
            d["C"].append(np.zeros((Xt.shape[0], self.n_out)))
        A_prev, C_prev = d["A"][-1], d["C"][-1]
        Zt = np.hstack([A_prev, Xt])

        Gft = self.gate_fn(Zt @ p["Wf"] + p["bf"])
        Gut = self.gate_fn(Zt @ p["Wu"] + p["bu"])
        Got = self.gate_fn(Zt @ p["Wo"] + p["bo"])
        Cct = self.act_fn(Zt @ p["Wc"] + p["bc"])
        Ct = Gft * C_prev + Gut * Cct
        At = Got * self.act_fn(Ct)

        self.X.append(Xt)
        d["A"].append(At)
        d["C"].append(Ct)
        d["gates"].append((Zt, Gft, Gut, Got, Cct))
        return At, Ct

    def backward(self, dLdAt):
        p, d, g = self.parameters, self.derived_variables, self.gradients
        Zt, Gft, Gut, Got, Cct = d["gates"].pop()
        Ct = d["C"].pop()
        C_prev = d["C"][-1]
        dA = dLdAt if d["dLdA_accumulator"] is None else dLdAt + d["dLdA_accumulator"]
        dC = 0 if d["dLdC_accumulator"] is None else d["dLdC_accumulator"]

        tanhC = self.act_fn(Ct)
        dC = dC + dA * Got * self.act_fn.grad(Ct)
        d_o = dA * tanhC * Got * (1 - Got)
        d_cc = dC * Gut * (1 - Cct ** 2)
        d_u = dC * Cct * Gut * (1 - Gut)
        d_f = dC * C_prev * Gft * (1 - Gft)

        dZ = d_f @ p["Wf"].T + d_u @ p["Wu"].T + d_cc @ p["Wc"].T + d_o @ p["Wo"].T
        for k, dk in zip("fuco", (d_f, d_u, d_cc, d_o)):
            g["W" + k] += Zt.T @ dk
            g["b" + k] += dk.sum(axis=0, keepdims=True)

        d["dLdA_accumulator"] = dZ[:, :self.n_out]
        d["dLdC_accumulator"] = dC * Gft
        return dZ[:, self.n_out:]


class SkipConnectionModule(LayerBase):
    """Y = relu(X + F2(F1(X)))"""

    def __init__(self, n_hid, n_out, optimizer=None):
        super().__init__(optimizer)
        self.fc1 = FullyConnected(n_hid, "tanh")
        self.fc2 = FullyConnected(n_out, None)
        self.add = Add("relu")

    @property
    def components(self):
        return {"fc1": self.fc1.parameters, "fc2": self.fc2.parameters}

    def forward(self, X, retain_derived=True):
        h = self.fc1.forward(X, retain_derived)
        r = self.fc2.forward(h, retain_derived)
        return self.add.forward([r, X], retain_derived)

    def backward(self, dLdY, retain_grads=True):
        dr, dX_skip = self.add.backward(dLdY)
        dh = self.fc2.backward(dr, retain_grads)
        return self.fc1.backward(dh, retain_grads) + dX_skip


class SkipConnectionModuleB(SkipConnectionModule):
    def backward(self, dLdY, retain_grads=True):
        dr, _ = self.add.backward(dLdY)
        dh = self.fc2.backward(dr, retain_grads)
        return self.fc1.backward(dh, retain_grads)


def _probs(shape, seed=5):
    p = rng(seed).uniform(0.2, 1, shape)
    return p / p.sum(axis=1, keepdims=True)


def _onehot(n, k, seed=6):
    return np.eye(k)[rng(seed).integers(0, k, n)]


_ids = lambda: np.array([[1, 4, 1], [0, 4, 2]])
_ACC = "gradients add up until flush_gradients()"


CASES = [
    dict(name="fully_connected_tanh", layer=lambda: FullyConnected(3, "tanh"), x=lambda: rng().standard_normal((5, 4)),
         convention=_ACC + "; parameters come at the first forward"),
    dict(name="fully_connected_linear", layer=lambda: FullyConnected(2), x=lambda: rng(1).standard_normal((6, 4)),
         convention=_ACC + "; parameters come at the first forward"),
    dict(name="fully_connected_retained_output", layer=lambda: FullyConnectedA(3, "sigmoid"),
         x=lambda: rng(2).standard_normal((5, 4)),                     # act_fn.grad at the output
         wrong={k: {"double_activation", "wrong_variable"} for k in ("input", "W", "b")}),
    dict(name="fully_connected_bias", layer=lambda: FullyConnectedB(3, "relu"), x=lambda: rng(3).standard_normal((5, 4)),
         wrong={"b": {"wrong_variable", "missing_factor", "wrong_local_derivative"}}),      # dLdy for dZ: relu's mask forgotten
    dict(name="act_hard_sigmoid", layer=lambda: HardSigmoid(), x=lambda: 3 * rng(4).standard_normal((4, 5)),
         convention="grad(x) is the elementwise derivative"),
    dict(name="act_gelu", layer=lambda: GELU(), x=lambda: rng(5).standard_normal((4, 5)),
         convention="grad(x) is the elementwise derivative"),
    dict(name="act_exponential", layer=lambda: Exponential(), x=lambda: rng(6).standard_normal((4, 5)),
         convention="grad(x) is the elementwise derivative"),
    dict(name="act_hard_tanh", layer=lambda: HardTanh(), x=lambda: 1.5 * rng(7).standard_normal((4, 5)),
         wrong={"input": {"wrong_local_derivative", "missing_factor", "missing_branch"}}),  # the clipping is ignored
    dict(name="squared_error", layer=lambda: SquaredError(),
         x=lambda: (rng(8).standard_normal((5, 3)), np.tanh(rng(9).standard_normal((5, 3))),
                    rng(9).standard_normal((5, 3)), Tanh()),
         convention="loss(y, y_pred) but grad(y, y_pred, z, act_fn) with respect to z, y_pred = act_fn(z)"),
    dict(name="cross_entropy", layer=lambda: CrossEntropy(), x=lambda: (_onehot(5, 3), _probs((5, 3))),
         convention="grad() is with respect to the logits of the softmax that made y_pred; sum over the batch"),
    dict(name="vae_loss", layer=lambda: VAELoss(),
         x=lambda: (rng(10).uniform(0.1, 0.9, (5, 4)), rng(11).uniform(0.1, 0.9, (5, 4)),
                    rng(12).standard_normal((5, 3)), rng(13).standard_normal((5, 3))),
         convention="grad() returns dY_pred, dLogVar, dMean, in this order"),
    dict(name="vae_loss_log_var", layer=lambda: VAELossB(),
         x=lambda: (rng(14).uniform(0.1, 0.9, (5, 4)), rng(15).uniform(0.1, 0.9, (5, 4)),
                    rng(16).standard_normal((5, 3)), rng(17).standard_normal((5, 3))),
         convention="grad() returns dY_pred, dLogVar, dMean, in this order",
         wrong={"t_log_var": {"wrong_local_derivative", "wrong_variable"}}),                # exp(s / 2) for exp(s)
    dict(name="softmax", layer=lambda: Softmax(), x=lambda: rng(18).standard_normal((4, 5))),
    dict(name="softmax_3d", layer=lambda: Softmax(), x=lambda: rng(19).standard_normal((2, 3, 5))),
    dict(name="batch_norm_1d", layer=lambda: BatchNorm1D(), x=lambda: rng(20).standard_normal((6, 4)),
         constants={"epsilon", "momentum", "running_mean", "running_var"}),
    dict(name="layer_norm_1d", layer=lambda: LayerNorm1D(), x=lambda: rng(21).standard_normal((3, 5)), constants={"epsilon"}),
    dict(name="layer_norm_1d_no_variance", layer=lambda: LayerNorm1DB(), x=lambda: rng(22).standard_normal((3, 5)),
         constants={"epsilon"}, wrong={"input": {"missing_branch"}}),  # the variance is taken for a constant
    dict(name="embedding", layer=lambda: Embedding(4, 6), x=_ids),
    dict(name="embedding_mean_pool", layer=lambda: Embedding(4, 6, pool="mean"), x=_ids),
    dict(name="embedding_repeated", layer=lambda: EmbeddingB(4, 6), x=_ids,
         wrong={"W": {"overwritten", "not_summed"}}),                  # fancy += counts repeated ids once
    dict(name="flatten_first", layer=lambda: Flatten(), x=lambda: rng(23).standard_normal((2, 3, 4))),
    dict(name="flatten_last", layer=lambda: Flatten("last"), x=lambda: rng(24).standard_normal((2, 3, 4))),
    dict(name="add_list", layer=lambda: Add("tanh"), x=lambda: [rng(s).standard_normal((4, 5)) for s in (1, 2, 3)]),
    dict(name="multiply_list", layer=lambda: Multiply("sigmoid"), x=lambda: [rng(s).standard_normal((4, 5)) for s in (4, 5, 6)]),
    dict(name="concat_list", layer=lambda: Concat(), x=lambda: [rng(s).standard_normal((4, s)) for s in (2, 3, 5)]),
    dict(name="dropout_wrapper", layer=lambda: Dropout(FullyConnected(3), 0.3), x=lambda: rng(25).standard_normal((5, 4))),
    dict(name="dropout_wrapper_no_mask", layer=lambda: DropoutB(FullyConnected(3), 0.4), x=lambda: rng(26).standard_normal((5, 4)),
         wrong={"input": {"missing_factor"}}),                         # the mask is forgotten
    dict(name="conv2d_naive", layer=lambda: Conv2D(4, (3, 2), pad=1, stride=2, act_fn="tanh"), x=lambda: rng(27).standard_normal((2, 5, 6, 3))),
    dict(name="conv2d_full", layer=lambda: Conv2DVec(2, (2, 3)), x=lambda: rng(28).standard_normal((2, 4, 5, 3))),
    dict(name="conv2d_full_unflipped", layer=lambda: Conv2DVecB(2, (2, 3)), x=lambda: rng(29).standard_normal((2, 4, 5, 3)),
         wrong={"input": {"flipped_kernel"}}),
    dict(name="pool2d_max_overlapping", layer=lambda: Pool2D((2, 3), 1), x=lambda: rng(30).standard_normal((2, 4, 5, 3))),
    dict(name="pool2d_average", layer=lambda: Pool2D((2, 2), 2, "average"), x=lambda: rng(31).standard_normal((2, 4, 6, 3))),
    dict(name="attention", layer=lambda: DotProductAttention(),
         x=lambda: (rng(32).standard_normal((2, 3, 5)), rng(33).standard_normal((2, 4, 5)), rng(34).standard_normal((2, 4, 6)))),
    dict(name="attention_unscaled_backward", layer=lambda: DotProductAttentionB(),
         x=lambda: (rng(35).standard_normal((2, 3, 5)), rng(36).standard_normal((2, 4, 5)), rng(37).standard_normal((2, 4, 6))),
         wrong={"Q": {"scale", "missing_factor"}, "K": {"scale", "missing_factor"}}),       # 1 / sqrt(d_k) forgotten
    dict(name="rnn_cell", layer=lambda: RNNCell(3), x=lambda: rng(38).standard_normal((5, 4))),
    dict(name="rnn", layer=lambda: RNN(5), x=lambda: rng(39).standard_normal((2, 3, 4))),
    dict(name="rnn_no_accumulator", layer=lambda: RNN(5, cell=RNNCellB), x=lambda: rng(40).standard_normal((2, 3, 4)),
         wrong={k: {"missing_branch"} for k in ("input", "Waa", "Wax", "ba", "bx")}),       # nothing comes from the next step
    dict(name="lstm_cell", layer=lambda: LSTMCell(3), x=lambda: rng(41).standard_normal((5, 4)),
         convention="backward takes the gradient of At only"),
    dict(name="skip_connection", layer=lambda: SkipConnectionModule(3, 4), x=lambda: rng(42).standard_normal((5, 4))),
    dict(name="skip_connection_forgotten", layer=lambda: SkipConnectionModuleB(3, 4), x=lambda: rng(43).standard_normal((5, 4)),
         wrong={"input": {"missing_branch"}}),
]
