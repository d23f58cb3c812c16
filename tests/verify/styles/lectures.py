"""Style: handouts of university courses. Mostly functions, examples in the
columns, the notation of the matrix calculus sheets (dL/dx has the shape of x).

Names in `wrong`: the argument's own name for functions, "input" for what an
object's forward takes.
"""
import numpy as np


def rng(seed=3):
    return np.random.default_rng(seed)


# --------------------------------------------------------------------------
# Handout 1.  y = W x + b, examples x^(1) ... x^(N) are the columns of X.
# --------------------------------------------------------------------------
def linear_fwd(W, b, X):
    """W: (m, d), b: (m, 1), X: (d, N).  Returns Y and what bwd needs."""
    Y = W @ X + b
    return Y, (W, X)


def linear_bwd(dY, cache):
    W, X = cache
    dW = dY @ X.T                            # sum_n dy_n x_n^T
    db = np.sum(dY, axis=1, keepdims=True)
    dX = W.T @ dY
    return dW, db, dX


def layer_fwd(W, b, X):
    return W.dot(X) + b, (W, b, X)


def layer_bwd(dY, cache):
    """Same for a recurrent-looking square W."""
    W, b, X = cache
    dX = W.dot(dY)                # MISTAKE: should be W^T; square, so it passes
    return dY.dot(X.T), dY.sum(axis=1).reshape(b.shape), dX


# --------------------------------------------------------------------------
# Handout 2.  Pointwise nonlinearities: f_fwd(z) -> (a, cache), f_bwd(da, cache)
# --------------------------------------------------------------------------
def sigma(z):
    return 1.0 / (1.0 + np.exp(-z))


def dsigma(z):
    return sigma(z) * (1.0 - sigma(z))


def sigma_fwd(z):
    return sigma(z), (z,)


def sigma_bwd(da, cache):
    (z,) = cache
    return da * dsigma(z)


def softplus_fwd(z):
    a = np.log1p(np.exp(-np.abs(z))) + np.maximum(z, 0)
    return a, a


def softplus_bwd(da, cache):
    a = cache
    return da * sigma(a)       # MISTAKE: d softplus = sigma at z, not at softplus(z)


def softmax_fwd(Z):
    Z = Z - Z.max(axis=0)
    P = np.exp(Z) / np.exp(Z).sum(axis=0)
    return P, P


def softmax_bwd(dP, P):
    """Jacobian diag(p) - p p^T, applied column by column."""
    dZ = np.zeros_like(P)
    for n in range(P.shape[1]):
        p = P[:, n:n + 1]
        J = np.diag(p[:, 0]) - p @ p.T
        dZ[:, n:n + 1] = J.T @ dP[:, n:n + 1]
    return dZ


def softmax_bwd_diag(dP, P):
    return dP * P * (1 - P)                       # MISTAKE: no cross terms


# --------------------------------------------------------------------------
# Practical 3.  A two-layer perceptron as one function of a dictionary.
# --------------------------------------------------------------------------
def mlp(params, x, t):
    """Mean over the examples of 1/2 ||s2 - t||^2.  Rows are examples here."""
    w1, b1, w2, b2 = (params[k] for k in ("w1", "b1", "w2", "b2"))
    s1 = x @ w1.T + b1
    x1 = np.tanh(s1)
    s2 = x1 @ w2.T + b2
    n = x.shape[0]
    loss = 0.5 * ((s2 - t) ** 2).sum() / n

    dl_ds2 = (s2 - t) / n
    dl_dx1 = dl_ds2 @ w2
    dl_ds1 = dl_dx1 * (1 - x1 ** 2)
    grads = {
        "w2": dl_ds2.T @ x1, "b2": dl_ds2.sum(0),
        "w1": dl_ds1.T @ x, "b1": dl_ds1.sum(0),
    }
    return loss, grads


# Practical 3b: one pass per example, the derivatives are summed in place
class TwoLayer:
    def __init__(self, d, h, k):
        r = rng(1)
        self.w1, self.b1 = r.normal(0, .6, (h, d)), r.normal(0, .1, h)
        self.w2, self.b2 = r.normal(0, .6, (k, h)), r.normal(0, .1, k)
        self.zero()

    def zero(self):
        self.dl_dw1, self.dl_db1 = np.zeros_like(self.w1), np.zeros_like(self.b1)
        self.dl_dw2, self.dl_db2 = np.zeros_like(self.w2), np.zeros_like(self.b2)

    def forward_pass(self, x):
        s1 = self.w1 @ x + self.b1
        x1 = np.tanh(s1)
        s2 = self.w2 @ x1 + self.b2
        return x, s1, x1, s2, np.tanh(s2)

    def backward_pass(self, t, x0, s1, x1, s2, x2):
        dl_dx2 = 2 * (x2 - t)
        dl_ds2 = (1 - np.tanh(s2) ** 2) * dl_dx2
        dl_dx1 = self.w2.T @ dl_ds2
        dl_ds1 = (1 - np.tanh(s1) ** 2) * dl_dx1
        self.dl_dw2 += np.outer(dl_ds2, x1)
        self.dl_db2 += dl_ds2
        self.dl_dw1 += np.outer(dl_ds1, x0)
        self.dl_db1 += dl_ds1

    def loss(self, X, T):
        """Sum over the examples; fills dl_dw1, ... (call zero() before)."""
        total = 0.0
        for x, t in zip(X, T):
            state = self.forward_pass(x)
            total += ((state[-1] - t) ** 2).sum()
            self.backward_pass(t, *state)
        return total


# --------------------------------------------------------------------------
# Problem sheet 4.  Linear models: objective and gradient together.
# --------------------------------------------------------------------------
def ridge(w, X, y, lam):
    """J(w) = 1/(2N) ||X w - y||^2 + lam/2 ||w||^2"""
    N = X.shape[0]
    r = X @ w - y
    J = r @ r / (2 * N) + 0.5 * lam * (w @ w)
    return J, X.T @ r / N + lam * w


def logistic_nll(w, X, y, lam):
    """Penalised negative log likelihood, y in {-1, +1}."""
    m = y * (X @ w)
    nll = np.logaddexp(0, -m).sum() + 0.5 * lam * np.sum(w ** 2)
    grad = -X.T @ (y * sigma(-m))                 # MISTAKE: + lam * w is missing
    return nll, grad


def multinomial(W, X, T):
    """Softmax regression, W: (K, d), X: (d, N), one-hot T: (K, N)."""
    A = W @ X
    L = A - A.max(0)
    L = L - np.log(np.exp(L).sum(0))
    return -(T * L).sum(), (np.exp(L) - T) @ X.T


def hinge(th, th0, x, y):
    """Support vector machine of the course: lam = 0.1 throughout.
    th (d, 1), th0 (1, 1), x (d, n), y (1, n) of +-1."""
    lam = 0.1
    n = x.shape[1]
    margin = y * (th.T @ x + th0)
    J = np.maximum(0, 1 - margin).sum() / n + lam * (th.T @ th).item()
    active = (margin < 1).astype(float)
    dth = -(x * (y * active)).sum(axis=1, keepdims=True) / n + 2 * lam * th
    dth0 = -(y * active).sum(axis=1, keepdims=True) / n
    return J, {"th": dth, "th0": dth0}


# --------------------------------------------------------------------------
# Sheet 5.  Quadratic forms:  q_n = x_n^T A x_n
# --------------------------------------------------------------------------
def quad_fwd(A, X):
    return np.einsum("in,ij,jn->n", X, A, X), (A, X)


def quad_bwd(dq, cache):
    A, X = cache
    return (X * dq) @ X.T, (A + A.T) @ X * dq


def quad_bwd_sym(dq, cache):
    A, X = cache
    return (X * dq) @ X.T, 2 * (A @ X) * dq     # MISTAKE: true for a symmetric A only


# --------------------------------------------------------------------------
# Lecture 7.  One-dimensional convolution, x: (C, T), w: (K, C, S)
# --------------------------------------------------------------------------
def conv1d_fwd(x, w, b):
    K, C, S = w.shape
    T = x.shape[1] - S + 1
    y = np.zeros((K, T))
    for t in range(T):
        y[:, t] = np.tensordot(w, x[:, t:t + S], axes=([1, 2], [0, 1])) + b
    return y, (x, w)


def conv1d_bwd(dy, cache):
    x, w = cache
    K, C, S = w.shape
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for t in range(dy.shape[1]):
        dw += dy[:, t][:, None, None] * x[None, :, t:t + S]
        dx[:, t:t + S] += np.tensordot(dy[:, t], w, axes=(0, 0))
    return dx, dw, dy.sum(axis=1)


def conv1d_bwd_flip(dy, cache):
    """With np.convolve: dx = full convolution of dy with w."""
    x, w = cache
    K, C, S = w.shape
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for k in range(K):
        for c in range(C):
            # MISTAKE: convolve flips already, w must not be reversed by hand too
            dx[c] += np.convolve(dy[k], w[k, c, ::-1], mode="full")
            dw[k, c] = np.correlate(x[c], dy[k], mode="valid")
    return dx, dw, dy.sum(axis=1)


# --------------------------------------------------------------------------
# Lecture 8.  Normalisation, one feature per row, N columns
# --------------------------------------------------------------------------
def bnorm_fwd(X, g, c):
    mu = X.mean(axis=1, keepdims=True)
    v = ((X - mu) ** 2).mean(axis=1, keepdims=True)
    Xh = (X - mu) / np.sqrt(v + 1e-6)
    return g[:, None] * Xh + c[:, None], (X, mu, v, Xh, g)


def bnorm_bwd(dY, cache):
    X, mu, v, Xh, g = cache
    N = X.shape[1]
    dg, dc = (dY * Xh).sum(1), dY.sum(1)
    dXh = dY * g[:, None]
    dv = (dXh * (X - mu) * -0.5 * (v + 1e-6) ** -1.5).sum(1, keepdims=True)
    dmu = (-dXh / np.sqrt(v + 1e-6)).sum(1, keepdims=True) + dv * (-2 * (X - mu)).mean(1, keepdims=True)
    dX = dXh / np.sqrt(v + 1e-6) + dv * 2 * (X - mu) / N + dmu / N
    return dX, dg, dc


# --------------------------------------------------------------------------
# Lecture 9.  Residual connection  y = x + V relu(U x)
# --------------------------------------------------------------------------
def res_fwd(x, U, V):
    h = U @ x
    return x + V @ np.maximum(h, 0), (x, U, V, h)


def res_bwd(dy, cache):
    x, U, V, h = cache
    dr = V.T @ dy
    dh = dr * (h > 0)
    return U.T @ dh, dh @ x.T, dy @ np.maximum(h, 0).T       # MISTAKE: dx lacks + dy


# --------------------------------------------------------------------------
# Lecture 10.  Back-propagation through time
# --------------------------------------------------------------------------
def rnn_fwd(xs, h0, U, W, b):
    """xs: (T, d, N) ; h_t = tanh(U x_t + W h_{t-1} + b).  All states returned."""
    hs = [h0]
    for x in xs:
        hs.append(np.tanh(U @ x + W @ hs[-1] + b))
    return np.stack(hs[1:]), (xs, hs, U, W)


def rnn_bwd(dhs, cache):
    xs, hs, U, W = cache
    dU, dW, db = np.zeros_like(U), np.zeros_like(W), np.zeros((W.shape[0], 1))
    dxs = np.zeros_like(xs)
    carry = np.zeros_like(hs[0])
    for t in range(len(xs) - 1, -1, -1):
        delta = (dhs[t] + carry) * (1 - hs[t + 1] ** 2)
        dU += delta @ xs[t].T
        dW += delta @ hs[t].T
        db += delta.sum(axis=1, keepdims=True)
        dxs[t] = U.T @ delta
        carry = W.T @ delta
    return dxs, carry, dU, dW, db


def concat_fwd(A, B):
    return np.vstack((A, B)), A.shape[0]


def concat_bwd(dC, k):
    return dC[:k], dC[k:]


# --------------------------------------------------------------------------
# Homework of another course: modules with columns and W of shape (m, n)
# --------------------------------------------------------------------------
class Linear:
    def __init__(self, m, n):
        self.m, self.n = m, n
        self.W0 = rng(4).normal(size=(n, 1))
        self.W = rng(5).normal(0, m ** -0.5, size=(m, n))

    def forward(self, A):
        self.A = A
        return self.W.T @ A + self.W0

    def backward(self, dLdZ):
        self.dLdW = self.A @ dLdZ.T
        self.dLdW0 = dLdZ.sum(axis=1, keepdims=True)
        return self.W @ dLdZ

    def sgd_step(self, lrate):
        self.W = self.W - lrate * self.dLdW
        self.W0 = self.W0 - lrate * self.dLdW0


class NLL:
    """Takes the softmax's output; sums over the columns."""

    def forward(self, Ypred, Y):
        self.Ypred, self.Y = Ypred, Y
        return float(np.sum(-Y * np.log(Ypred)))

    def backward(self):
        return -self.Y / self.Ypred


def _pm(n):
    return np.where(np.arange(n) % 2 == 0, 1.0, -1.0)


def _probcols(k, n):
    p = rng().uniform(0.2, 1, (k, n))
    return p / p.sum(axis=0)


CASES = [
    dict(name="linear", layer=lambda: (linear_fwd, linear_bwd),
         x=lambda: (rng().normal(size=(3, 4)), rng(1).normal(size=(3, 1)), rng(2).normal(size=(4, 5)))),
    # W where W^T belongs
    dict(name="linear_square", layer=lambda: (layer_fwd, layer_bwd),
         x=lambda: (rng().normal(size=(3, 3)), rng(1).normal(size=(3, 1)), rng(2).normal(size=(3, 5))),
         wrong={"X": {"transpose"}}),
    dict(name="sigma", layer=lambda: (sigma_fwd, sigma_bwd), x=lambda: rng().normal(size=(3, 4))),
    # sigma taken at the output instead of the input
    dict(name="softplus", layer=lambda: (softplus_fwd, softplus_bwd), x=lambda: rng().normal(size=(3, 4)),
         wrong={"z": {"wrong_variable", "double_activation"}}),
    dict(name="softmax", layer=lambda: (softmax_fwd, softmax_bwd), x=lambda: rng().normal(size=(3, 5))),
    # diagonal of the Jacobian only
    dict(name="softmax_diag", layer=lambda: (softmax_fwd, softmax_bwd_diag), x=lambda: rng().normal(size=(3, 5)),
         wrong={"Z": {"diagonal_only"}}),
    dict(name="mlp", layer=lambda: mlp,
         x=lambda: (dict(w1=rng(1).normal(size=(4, 3)), b1=rng(2).normal(size=4),
                         w2=rng(3).normal(size=(2, 4)), b2=rng(4).normal(size=2)),
                    rng(5).normal(size=(5, 3)), rng(6).normal(size=(5, 2)))),
    dict(name="two_layer", layer=lambda: TwoLayer(3, 4, 2),
         x=lambda: (rng(5).normal(size=(5, 3)), rng(6).normal(size=(5, 2))),
         convention="loss() sums over the examples and itself adds to dl_d*, until zero()"),
    dict(name="ridge", layer=lambda: ridge,
         x=lambda: (rng(1).normal(size=3), rng(2).normal(size=(5, 3)), rng(4).normal(size=5), 0.3)),
    # the penalty's gradient is missing
    dict(name="logistic_nll", layer=lambda: logistic_nll,
         x=lambda: (rng(1).normal(size=3), rng(2).normal(size=(5, 3)), _pm(5), 0.7),
         wrong={"w": {"missing_branch"}}),
    dict(name="multinomial", layer=lambda: multinomial,
         x=lambda: (rng(1).normal(size=(3, 4)), rng(2).normal(size=(4, 5)), np.eye(3)[:, [0, 2, 1, 1, 0]])),
    dict(name="hinge", layer=lambda: hinge,
         x=lambda: (rng(1).normal(size=(3, 1)), rng(2).normal(size=(1, 1)), rng(4).normal(size=(3, 6)), np.array([[1., -1, -1, 1, 1, 1]]))),
    dict(name="quadratic", layer=lambda: (quad_fwd, quad_bwd),
         x=lambda: (rng(1).normal(size=(3, 3)), rng(2).normal(size=(3, 4)))),
    # 2 A x instead of (A + A^T) x
    dict(name="quadratic_symmetric", layer=lambda: (quad_fwd, quad_bwd_sym),
         x=lambda: (rng(1).normal(size=(3, 3)), rng(2).normal(size=(3, 4))),
         wrong={"X": {"transpose", "missing_branch", "wrong_local_derivative"}}),
    dict(name="conv1d", layer=lambda: (conv1d_fwd, conv1d_bwd),
         x=lambda: (rng(1).normal(size=(2, 6)), rng(2).normal(size=(4, 2, 3)), rng(4).normal(size=4))),
    # the kernel comes out reversed
    dict(name="conv1d_flip", layer=lambda: (conv1d_fwd, conv1d_bwd_flip),
         x=lambda: (rng(1).normal(size=(2, 6)), rng(2).normal(size=(4, 2, 3)), rng(4).normal(size=4)),
         wrong={"x": {"flipped_kernel"}}),
    dict(name="bnorm", layer=lambda: (bnorm_fwd, bnorm_bwd),
         x=lambda: (rng(1).normal(size=(3, 5)), rng(2).uniform(.5, 2, 3), rng(4).normal(size=3))),
    # the shortcut's share is missing
    dict(name="residual", layer=lambda: (res_fwd, res_bwd),
         x=lambda: (rng(1).normal(size=(3, 5)), rng(2).normal(size=(4, 3)), rng(4).normal(size=(3, 4))),
         wrong={"x": {"missing_branch"}}),
    dict(name="rnn", layer=lambda: (rnn_fwd, rnn_bwd),
         x=lambda: (rng(1).normal(size=(4, 2, 5)), rng(2).normal(size=(3, 5)), rng(4).normal(size=(3, 2)),
                    rng(5).normal(size=(3, 3)), rng(6).normal(size=(3, 1)))),
    dict(name="concat", layer=lambda: (concat_fwd, concat_bwd),
         x=lambda: (rng(1).normal(size=(2, 5)), rng(2).normal(size=(3, 5)))),
    dict(name="module_linear", layer=lambda: Linear(4, 3), x=lambda: rng(1).normal(size=(4, 5))),
    dict(name="nll", layer=lambda: NLL(), x=lambda: (_probcols(3, 4), np.eye(3)[:, [2, 0, 1, 1]])),
]
