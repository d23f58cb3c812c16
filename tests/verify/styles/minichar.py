"""min-char-rnn, "N lines of NumPy" and blog manner: one function with everything, closures, dWxh, dhnext, clipping."""
import numpy as np


def rng(seed=0):
    return np.random.default_rng(seed)


# ---------------------------------------------------------------- min-char-rnn

class MinCharRNN:
    def __init__(self, vocab_size=5, hidden_size=4):
        r = rng(1)
        self.vocab_size, self.hidden_size = vocab_size, hidden_size
        self.Wxh = r.standard_normal((hidden_size, vocab_size)) * 0.5  # input to hidden
        self.Whh = r.standard_normal((hidden_size, hidden_size)) * 0.5  # hidden to hidden
        self.Why = r.standard_normal((vocab_size, hidden_size)) * 0.5  # hidden to output
        self.bh = np.zeros((hidden_size, 1))
        self.by = np.zeros((vocab_size, 1))

    def lossFun(self, inputs, targets, hprev):
        """inputs, targets: lists of integers; hprev: H x 1. Returns loss, gradients, last hidden state"""
        Wxh, Whh, Why, bh, by = self.Wxh, self.Whh, self.Why, self.bh, self.by
        xs, hs, ys, ps = {}, {}, {}, {}
        hs[-1] = np.copy(hprev)
        loss = 0
        for t in range(len(inputs)):
            xs[t] = np.zeros((self.vocab_size, 1))
            xs[t][inputs[t]] = 1
            hs[t] = np.tanh(np.dot(Wxh, xs[t]) + np.dot(Whh, hs[t - 1]) + bh)
            ys[t] = np.dot(Why, hs[t]) + by
            ps[t] = np.exp(ys[t]) / np.sum(np.exp(ys[t]))
            loss += -np.log(ps[t][targets[t], 0])
        dWxh, dWhh, dWhy = np.zeros_like(Wxh), np.zeros_like(Whh), np.zeros_like(Why)
        dbh, dby = np.zeros_like(bh), np.zeros_like(by)
        dhnext = np.zeros_like(hs[0])
        for t in reversed(range(len(inputs))):
            dy = np.copy(ps[t])
            dy[targets[t]] -= 1
            dWhy += np.dot(dy, hs[t].T)
            dby += dy
            dh = np.dot(Why.T, dy) + dhnext
            dhraw = (1 - hs[t] * hs[t]) * dh
            dbh += dhraw
            dWxh += np.dot(dhraw, xs[t].T)
            dWhh += np.dot(dhraw, hs[t - 1].T)
            dhnext = np.dot(Whh.T, dhraw)
        for dparam in [dWxh, dWhh, dWhy, dbh, dby]:
            np.clip(dparam, -5, 5, out=dparam)  # exploding gradients
        return loss, dWxh, dWhh, dWhy, dbh, dby, hs[len(inputs) - 1]


def lossFun(inputs, targets, hprev, Wxh, Whh, Why, bh, by):
    """all parameters come as arguments, the gradient of hprev goes out too; rows, no clipping"""
    T, H = len(inputs), Whh.shape[0]
    h = np.zeros((T + 1, H))
    h[-1] = hprev
    p = np.zeros((T, by.shape[0]))
    loss = 0.0
    for t in range(T):
        h[t] = np.tanh(Wxh[:, inputs[t]] + Whh @ h[t - 1] + bh)
        y = Why @ h[t] + by
        e = np.exp(y - y.max())
        p[t] = e / e.sum()
        loss -= np.log(p[t, targets[t]])
    dWxh, dWhh, dWhy = [np.zeros_like(W) for W in (Wxh, Whh, Why)]
    dbh, dby = np.zeros_like(bh), np.zeros_like(by)
    dhnext = np.zeros(H)
    for t in range(T - 1, -1, -1):
        dy = p[t].copy()
        dy[targets[t]] -= 1
        dWhy += np.outer(dy, h[t])
        dby += dy
        draw = (Why.T @ dy + dhnext) * (1 - h[t] ** 2)
        dWxh[:, inputs[t]] += draw
        dWhh += np.outer(draw, h[t - 1])
        dbh += draw
        dhnext = Whh.T @ draw
    return loss / T, dict(dWxh=dWxh / T, dWhh=dWhh / T, dWhy=dWhy / T, dbh=dbh / T, dby=dby / T, dhprev=dhnext / T)


def make_lossFun(clip=None, carry=True, vocab=5, hidden=4):
    """the closure keeps its parameters in a dict, lossFun.params"""
    r = rng(2)
    P = dict(Wxh=r.standard_normal((hidden, vocab)) * 0.7, Whh=r.standard_normal((hidden, hidden)) * 0.7,
             Why=r.standard_normal((vocab, hidden)) * 0.7, bh=r.standard_normal((hidden, 1)) * 0.1,
             by=r.standard_normal((vocab, 1)) * 0.1)

    def lossFun(inputs, targets, hprev):
        xs, hs, ps, loss = {}, {-1: hprev}, {}, 0
        for t, (i, j) in enumerate(zip(inputs, targets)):
            xs[t] = np.eye(vocab)[:, [i]]
            hs[t] = np.tanh(P["Wxh"] @ xs[t] + P["Whh"] @ hs[t - 1] + P["bh"])
            y = P["Why"] @ hs[t] + P["by"]
            ps[t] = np.exp(y) / np.exp(y).sum()
            loss += -np.log(ps[t][j, 0])
        grads = {"d" + k: np.zeros_like(v) for k, v in P.items()}
        dhnext = np.zeros_like(hprev)
        for t in reversed(range(len(inputs))):
            dy = ps[t].copy()
            dy[targets[t]] -= 1
            grads["dWhy"] += dy @ hs[t].T
            grads["dby"] += dy
            dh = P["Why"].T @ dy
            if carry:
                dh = dh + dhnext
            dhraw = (1 - hs[t] ** 2) * dh
            grads["dbh"] += dhraw
            grads["dWxh"] += dhraw @ xs[t].T
            grads["dWhh"] += dhraw @ hs[t - 1].T
            dhnext = P["Whh"].T @ dhraw
        if clip:
            for g in grads.values():
                np.clip(g, -clip, clip, out=g)
        return loss, grads

    lossFun.params = P
    return lossFun


def make_lossFun_one_back():
    """dWhh is fed with h[t] where h[t-1] went in"""
    r = rng(2)
    P = dict(Wxh=r.standard_normal((4, 5)) * 0.7, Whh=r.standard_normal((4, 4)) * 0.7,
             Why=r.standard_normal((5, 4)) * 0.7, bh=np.zeros((4, 1)), by=np.zeros((5, 1)))

    def lossFun(inputs, targets, hprev):
        hs, ps, loss = {-1: hprev}, {}, 0
        for t in range(len(inputs)):
            hs[t] = np.tanh(P["Wxh"][:, [inputs[t]]] + P["Whh"] @ hs[t - 1] + P["bh"])
            y = P["Why"] @ hs[t] + P["by"]
            ps[t] = np.exp(y) / np.exp(y).sum()
            loss += -np.log(ps[t][targets[t], 0])
        grads = {"d" + k: np.zeros_like(v) for k, v in P.items()}
        dhnext = np.zeros_like(hprev)
        for t in reversed(range(len(inputs))):
            dy = ps[t].copy()
            dy[targets[t]] -= 1
            grads["dWhy"] += dy @ hs[t].T
            grads["dby"] += dy
            dhraw = (1 - hs[t] ** 2) * (P["Why"].T @ dy + dhnext)
            grads["dbh"] += dhraw
            grads["dWxh"][:, [inputs[t]]] += dhraw
            grads["dWhh"] += dhraw @ hs[t].T
            dhnext = P["Whh"].T @ dhraw
        return loss, grads

    lossFun.params = P
    return lossFun


# ------------------------------------------------------------------ small cells

def sigm(x):
    return 1.0 / (1.0 + np.exp(-x))


def gru_forward(x, h, W, U, b):
    """x (B, D), h (B, H); W (D, 3H), U (H, 3H), b (3H,): update, reset, candidate"""
    H = h.shape[1]
    xa = x @ W + b
    z = sigm(xa[:, :H] + h @ U[:, :H])
    r = sigm(xa[:, H:2 * H] + h @ U[:, H:2 * H])
    n = np.tanh(xa[:, 2 * H:] + (r * h) @ U[:, 2 * H:])
    hnew = (1 - z) * n + z * h
    return hnew, (x, h, W, U, z, r, n)


def gru_backward(dhnew, cache):
    x, h, W, U, z, r, n = cache
    H = h.shape[1]
    dz = dhnew * (h - n) * z * (1 - z)
    dn = dhnew * (1 - z) * (1 - n * n)
    drh = dn @ U[:, 2 * H:].T
    dr = drh * h * r * (1 - r)
    da = np.concatenate([dz, dr, dn], axis=1)
    dx = da @ W.T
    dW = x.T @ da
    db = da.sum(0)
    dU = np.concatenate([h.T @ dz, h.T @ dr, (r * h).T @ dn], axis=1)
    dh = dhnew * z + drh * r + dz @ U[:, :H].T + dr @ U[:, H:2 * H].T
    return dx, dh, dW, dU, db


def gru_backward_short(dhnew, cache):
    x, h, W, U, z, r, n = cache
    H = h.shape[1]
    dz = dhnew * (h - n) * z * (1 - z)
    dn = dhnew * (1 - z) * (1 - n * n)
    drh = dn @ U[:, 2 * H:].T
    dr = drh * h * r * (1 - r)
    da = np.concatenate([dz, dr, dn], axis=1)
    dU = np.concatenate([h.T @ dz, h.T @ dr, (r * h).T @ dn], axis=1)
    dh = drh * r + dz @ U[:, :H].T + dr @ U[:, H:2 * H].T
    return da @ W.T, dh, x.T @ da, dU, da.sum(0)


def lstm_net(D=3, H=4):
    """closure: forward(X, h0, c0) over time, backward(dHout); X is T x B x D, the bias is row 0 of WLSTM"""
    WLSTM = rng(3).standard_normal((1 + D + H, 4 * H)) * 0.5

    def forward(X, h0, c0):
        T, B, _ = X.shape
        Hin = np.zeros((T, B, WLSTM.shape[0]))
        Hout, C, Ct, F = (np.zeros((T, B, H)) for _ in range(4))
        G = np.zeros((T, B, 4 * H))
        for t in range(T):
            hprev = Hout[t - 1] if t > 0 else h0
            cprev = C[t - 1] if t > 0 else c0
            Hin[t, :, 0] = 1
            Hin[t, :, 1:1 + D] = X[t]
            Hin[t, :, 1 + D:] = hprev
            raw = Hin[t] @ WLSTM
            G[t, :, :3 * H] = sigm(raw[:, :3 * H])  # i, f, o
            G[t, :, 3 * H:] = np.tanh(raw[:, 3 * H:])
            C[t] = G[t, :, :H] * G[t, :, 3 * H:] + G[t, :, H:2 * H] * cprev
            Ct[t] = np.tanh(C[t])
            Hout[t] = G[t, :, 2 * H:3 * H] * Ct[t]
        return Hout, (Hin, C, Ct, G, c0)

    def backward(dHout_in, cache):
        Hin, C, Ct, G, c0 = cache
        T, B, _ = G.shape
        dHout = dHout_in.copy()
        dC = np.zeros_like(C)
        dW = np.zeros_like(WLSTM)
        dX = np.zeros((T, B, D))
        dh0, dc0 = np.zeros((B, H)), np.zeros((B, H))
        for t in reversed(range(T)):
            i, f, o, g = np.split(G[t], 4, axis=1)
            dG = np.zeros_like(G[t])
            dG[:, 2 * H:3 * H] = Ct[t] * dHout[t] * o * (1 - o)
            dC[t] += (1 - Ct[t] ** 2) * o * dHout[t]
            cprev = C[t - 1] if t > 0 else c0
            dG[:, H:2 * H] = cprev * dC[t] * f * (1 - f)
            dG[:, :H] = g * dC[t] * i * (1 - i)
            dG[:, 3 * H:] = i * dC[t] * (1 - g ** 2)
            dW += Hin[t].T @ dG
            dHin = dG @ WLSTM.T
            dX[t] = dHin[:, 1:1 + D]
            if t > 0:
                dC[t - 1] += f * dC[t]
                dHout[t - 1] += dHin[:, 1 + D:]
            else:
                dc0 += f * dC[t]
                dh0 += dHin[:, 1 + D:]
        return dX, dW, dh0, dc0

    forward.WLSTM = WLSTM
    return forward, backward


# ----------------------------------------------------- policy gradient, 100 lines

class Policy:
    def __init__(self, D=4, H=6):
        r = rng(4)
        self.model = {"W1": r.standard_normal((H, D)) / np.sqrt(D), "W2": r.standard_normal(H) / np.sqrt(H)}

    def policy_forward(self, x):
        h = np.dot(x, self.model["W1"].T)
        h[h < 0] = 0
        logp = np.dot(h, self.model["W2"])
        self.epx, self.eph = x, h
        return logp

    def policy_backward(self, epdlogp):
        """epdlogp: the gradient of the logit, one per step of the episode"""
        dW2 = np.dot(self.eph.T, epdlogp).ravel()
        dh = np.outer(epdlogp, self.model["W2"])
        dh[self.eph <= 0] = 0
        dW1 = np.dot(dh.T, self.epx)
        return {"W1": dW1, "W2": dW2}


# ------------------------------------------------------- "a network in 11 lines"

class ElevenLines:
    def __init__(self, alpha=0.5):
        r = rng(5)
        self.alpha = alpha
        self.syn0 = 2 * r.random((3, 4)) - 1
        self.syn1 = 2 * r.random((4, 2)) - 1

    def forward(self, X):
        self.l0 = X
        self.l1 = 1 / (1 + np.exp(-np.dot(X, self.syn0)))
        self.l2 = 1 / (1 + np.exp(-np.dot(self.l1, self.syn1)))
        return self.l2

    def loss(self, X, y):
        return 0.5 * np.sum((y - self.forward(X)) ** 2)

    def backward(self, X, y, out):
        l2_error = y - out
        l2_delta = l2_error * (out * (1 - out))
        l1_error = l2_delta.dot(self.syn1.T)
        l1_delta = l1_error * (self.l1 * (1 - self.l1))
        self.syn1 += self.alpha * self.l1.T.dot(l2_delta)
        self.syn0 += self.alpha * self.l0.T.dot(l1_delta)


class ElevenLinesUphill(ElevenLines):
    def backward(self, X, y, out):
        l2_error = out - y
        l2_delta = l2_error * (out * (1 - out))
        l1_delta = l2_delta.dot(self.syn1.T) * (self.l1 * (1 - self.l1))
        self.syn1 += self.alpha * self.l1.T.dot(l2_delta)
        self.syn0 += self.alpha * self.l0.T.dot(l1_delta)


class ElevenLinesHasty(ElevenLines):
    def backward(self, X, y, out):
        l2_delta = (y - out) * (out * (1 - out))
        self.syn1 += self.alpha * self.l1.T.dot(l2_delta)
        l1_delta = l2_delta.dot(self.syn1.T) * (self.l1 * (1 - self.l1))
        self.syn0 += self.alpha * self.l0.T.dot(l1_delta)


# --------------------------------------------------------------------- attention

def softmax(s):
    e = np.exp(s - s.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def attention_forward(x, Wq, Wk, Wv):
    """one head, causal; x (T, D)"""
    T = x.shape[0]
    q, k, v = x @ Wq, x @ Wk, x @ Wv
    s = q @ k.T / np.sqrt(q.shape[1])
    s = np.where(np.tril(np.ones((T, T))) == 1, s, -1e9)
    a = softmax(s)
    return a @ v, (x, Wq, Wk, Wv, q, k, v, a)


def attention_backward(dout, cache):
    x, Wq, Wk, Wv, q, k, v, a = cache
    da = dout @ v.T
    dv = a.T @ dout
    ds = a * (da - (da * a).sum(-1, keepdims=True))
    ds /= np.sqrt(q.shape[1])
    dq, dk = ds @ k, ds.T @ q
    dx = dq @ Wq.T + dk @ Wk.T + dv @ Wv.T
    return dx, x.T @ dq, x.T @ dk, x.T @ dv


def attention_backward_noscale(dout, cache):
    x, Wq, Wk, Wv, q, k, v, a = cache
    da, dv = dout @ v.T, a.T @ dout
    ds = a * (da - (da * a).sum(-1, keepdims=True))
    dq, dk = ds @ k, ds.T @ q
    return dq @ Wq.T + dk @ Wk.T + dv @ Wv.T, x.T @ dq, x.T @ dk, x.T @ dv


def attention_backward_diag(dout, cache):
    x, Wq, Wk, Wv, q, k, v, a = cache
    da, dv = dout @ v.T, a.T @ dout
    ds = da * a * (1 - a) / np.sqrt(q.shape[1])
    dq, dk = ds @ k, ds.T @ q
    return dq @ Wq.T + dk @ Wk.T + dv @ Wv.T, x.T @ dq, x.T @ dk, x.T @ dv


class MultiHead:
    """B x T x C, weights in self.W, gradients in self.dW, both dicts"""

    def __init__(self, C=6, n_head=2):
        r = rng(6)
        self.n = n_head
        self.W = {k: r.standard_normal((C, C)) * 0.4 for k in "qkvo"}

    def split(self, t):
        B, T, C = t.shape
        return t.reshape(B, T, self.n, C // self.n).transpose(0, 2, 1, 3)

    def merge(self, t):
        B, h, T, d = t.shape
        return t.transpose(0, 2, 1, 3).reshape(B, T, h * d)

    def __call__(self, x):
        self.x = x
        self.q, self.k, self.v = (self.split(x @ self.W[n]) for n in "qkv")
        self.att = softmax(self.q @ self.k.swapaxes(-1, -2) / self.q.shape[-1] ** 0.5)
        self.y = self.merge(self.att @ self.v)
        return self.y @ self.W["o"]

    def backward(self, dout):
        self.dW = {}
        self.dW["o"] = np.einsum("btc,btd->cd", self.y, dout)
        dy = self.split(dout @ self.W["o"].T)
        datt = dy @ self.v.swapaxes(-1, -2)
        d = {"v": self.att.swapaxes(-1, -2) @ dy}
        ds = self.att * (datt - (datt * self.att).sum(-1, keepdims=True)) / self.q.shape[-1] ** 0.5
        d["q"], d["k"] = ds @ self.k, ds.swapaxes(-1, -2) @ self.q
        dx = 0
        for n in "qkv":
            m = self.merge(d[n])
            self.dW[n] = np.einsum("btc,btd->cd", self.x, m)
            dx = dx + m @ self.W[n].T
        return dx


# ------------------------------------------------------- norms and activations

def layernorm_forward(x, w, b):
    B, T, C = x.shape
    mean = x.sum(-1, keepdims=True) / C
    xshift = x - mean
    var = (xshift ** 2).sum(-1, keepdims=True) / C
    rstd = (var + 1e-5) ** -0.5
    out = xshift * rstd * w + b
    return out, (x, w, mean, rstd)


def layernorm_backward(dout, cache):
    x, w, mean, rstd = cache
    norm = (x - mean) * rstd
    db = dout.sum((0, 1))
    dw = (dout * norm).sum((0, 1))
    dnorm = dout * w
    dx = dnorm - dnorm.mean(-1, keepdims=True) - norm * (dnorm * norm).mean(-1, keepdims=True)
    dx *= rstd
    return dx, dw, db


def rmsnorm_forward(x, g, eps=1e-6):
    r = 1 / np.sqrt((x * x).mean(-1, keepdims=True) + eps)
    return x * r * g, (x, r, g)


def rmsnorm_backward(dout, cache):
    x, r, g = cache
    dxn = dout * g
    dg = (dout * x * r).sum(0)
    dx = r * dxn - x * r ** 3 * (dxn * x).mean(-1, keepdims=True)
    return dx, dg


def gelu_forward(x):
    c = np.sqrt(2 / np.pi)
    t = np.tanh(c * (x + 0.044715 * x ** 3))
    return 0.5 * x * (1 + t), (x, t)


def gelu_backward(dout, cache):
    x, t = cache
    c = np.sqrt(2 / np.pi)
    dt = (1 - t ** 2) * c * (1 + 3 * 0.044715 * x ** 2)
    return dout * (0.5 * (1 + t) + 0.5 * x * dt)


def gelu_backward_half(dout, cache):
    x, t = cache
    return dout * 0.5 * (1 + t)


def hardtanh_forward(x):
    return np.clip(x, -0.8, 0.8), x


def hardtanh_backward(dout, cache):
    return dout * (np.abs(cache) < 0.8)


def hardtanh_backward_all(dout, cache):
    return dout.copy()


def swiglu_forward(x, W, V):
    a, b = x @ W, x @ V
    s = sigm(a)
    return a * s * b, (x, W, V, a, b, s)


def swiglu_backward(dout, cache):
    x, W, V, a, b, s = cache
    da = dout * b * (s + a * s * (1 - s))
    db = dout * a * s
    return da @ W.T + db @ V.T, x.T @ da, x.T @ db


# ------------------------------------------------------- losses in one function

def squared_loss_linreg(w, b, X, y):
    """d2l: y_hat = Xw + b, loss (y_hat - y)^2 / 2, mean over the minibatch"""
    y_hat = X @ w + b
    err = y_hat - y.reshape(y_hat.shape)
    loss = (err ** 2 / 2).mean()
    dw = X.T @ err / len(X)
    db = err.mean()
    return loss, (dw, db)


def skipgram(v, u_o, U_neg):
    """negative sampling: v (N, D) centres, u_o (N, D) contexts, U_neg (N, K, D)"""
    pos = sigm((v * u_o).sum(1))
    neg = sigm(-np.einsum("nkd,nd->nk", U_neg, v))
    loss = -np.log(pos).sum() - np.log(neg).sum()
    gp = (pos - 1)[:, None]
    gn = (1 - neg)[:, :, None]
    dv = gp * u_o + (gn * U_neg).sum(1)
    du_o = gp * v
    dU_neg = gn * v[:, None, :]
    return loss, (dv, du_o, dU_neg)


def kl_loss(mu, logvar):
    """VAE: KL to the unit Gaussian, mean over the batch"""
    N = mu.shape[0]
    loss = -0.5 * np.sum(1 + logvar - mu ** 2 - np.exp(logvar)) / N
    dmu = mu / N
    dlogvar = -0.5 * (1 - np.exp(logvar)) / N
    return loss, (dmu, dlogvar)


def weighted_xent(logits, labels, weights):
    N = len(labels)
    p = softmax(logits)
    w = weights[labels]
    loss = -(w * np.log(p[np.arange(N), labels])).sum() / w.sum()
    d = p.copy()
    d[np.arange(N), labels] -= 1
    return loss, d * w[:, None] / w.sum()


def weighted_xent_plain(logits, labels, weights):
    N = len(labels)
    p = softmax(logits)
    w = weights[labels]
    loss = -(w * np.log(p[np.arange(N), labels])).mean()
    d = p
    d[np.arange(N), labels] -= 1
    return loss, d / N


# ------------------------------------------------------- names by an MLP, by hand

class NamesMLP:
    """embedding C, hidden layer with batch norm and tanh; manual backprop"""

    def __init__(self, vocab=6, emb=2, block=3, hidden=5):
        r = rng(8)
        self.C = r.standard_normal((vocab, emb))
        self.W1 = r.standard_normal((emb * block, hidden)) * 0.5
        self.bngain = 1 + 0.1 * r.standard_normal((1, hidden))
        self.bnbias = 0.1 * r.standard_normal((1, hidden))
        self.W2 = r.standard_normal((hidden, vocab)) * 0.5
        self.b2 = 0.1 * r.standard_normal(vocab)

    def loss(self, Xb, Yb):
        n = Xb.shape[0]
        # forward
        emb = self.C[Xb]
        embcat = emb.reshape(n, -1)
        hprebn = embcat @ self.W1
        bnmeani = 1 / n * hprebn.sum(0, keepdims=True)
        bndiff = hprebn - bnmeani
        bnvar = 1 / (n - 1) * (bndiff ** 2).sum(0, keepdims=True)
        bnvar_inv = (bnvar + 1e-5) ** -0.5
        bnraw = bndiff * bnvar_inv
        hpreact = self.bngain * bnraw + self.bnbias
        h = np.tanh(hpreact)
        logits = h @ self.W2 + self.b2
        probs = softmax(logits)
        loss = -np.log(probs[range(n), Yb]).mean()
        # backward
        dlogits = probs.copy()
        dlogits[range(n), Yb] -= 1
        dlogits /= n
        dh = dlogits @ self.W2.T
        dW2 = h.T @ dlogits
        db2 = dlogits.sum(0)
        dhpreact = (1.0 - h ** 2) * dh
        dbngain = (bnraw * dhpreact).sum(0, keepdims=True)
        dbnbias = dhpreact.sum(0, keepdims=True)
        dhprebn = self.bngain * bnvar_inv / n * (n * dhpreact - dhpreact.sum(0)
                                                 - n / (n - 1) * bnraw * (dhpreact * bnraw).sum(0))
        dembcat = dhprebn @ self.W1.T
        dW1 = embcat.T @ dhprebn
        demb = dembcat.reshape(emb.shape)
        dC = np.zeros_like(self.C)
        self.scatter(dC, Xb, demb)
        return loss, dict(C=dC, W1=dW1, bngain=dbngain, bnbias=dbnbias, W2=dW2, b2=db2)

    def scatter(self, dC, Xb, demb):
        for k in range(Xb.shape[0]):
            for j in range(Xb.shape[1]):
                dC[Xb[k, j]] += demb[k, j]


class NamesMLPOverwrites(NamesMLP):
    def scatter(self, dC, Xb, demb):
        for k in range(Xb.shape[0]):
            for j in range(Xb.shape[1]):
                dC[Xb[k, j]] = demb[k, j]


def _r(*s, seed=0):
    return rng(seed).standard_normal(s)


_in, _out = [0, 3, 1, 4, 1, 2], [3, 1, 4, 1, 2, 0]
_Xb = np.array([[0, 0, 5], [0, 5, 1], [5, 1, 3], [1, 3, 4]])


def _gru():
    return _r(5, 3), _r(5, 4, seed=1), _r(3, 12, seed=2) * .6, _r(4, 12, seed=3) * .6, _r(12, seed=4)


def _att():
    return _r(5, 4), _r(4, 3, seed=1), _r(4, 3, seed=2), _r(4, 6, seed=3)


CASES = [
    dict(name="min_char_rnn", layer=lambda: MinCharRNN(), x=lambda: (_in, _out, _r(4, 1, seed=9)),
         convention="lossFun returns the loss, five gradients and the last state; clipped at 5, which nothing reaches"),
    dict(name="lossfun_all_arguments", layer=lambda: lossFun,
         x=lambda: (_in, _out, _r(4, seed=9), _r(4, 5, seed=1), _r(4, 4, seed=2) * .5, _r(5, 4, seed=3), _r(4, seed=4),
                    _r(5, seed=5))),
    dict(name="lossfun_closure", layer=lambda: make_lossFun(), x=lambda: (_in, _out, _r(4, 1, seed=9))),
    dict(name="lossfun_clipped", layer=lambda: make_lossFun(clip=0.2), x=lambda: (_in, _out, _r(4, 1, seed=9)),
         convention="the gradients are clipped to [-0.2, 0.2] for the optimizer"),
    # dhnext is computed and never added
    dict(name="lossfun_forgets_dhnext", layer=lambda: make_lossFun(carry=False),
         x=lambda: (_in, _out, _r(4, 1, seed=9)),
         wrong={k: {"missing_branch"} for k in ("Wxh", "Whh", "bh")}),
    # h[t] for h[t-1] in dWhh
    dict(name="lossfun_wrong_step", layer=lambda: make_lossFun_one_back(), x=lambda: (_in, _out, _r(4, 1, seed=9)),
         wrong={"Whh": {"wrong_variable", "shifted"}}),
    dict(name="gru", layer=lambda: (gru_forward, gru_backward), x=_gru),
    # the direct way z*h is missing
    dict(name="gru_forgets_direct_way", layer=lambda: (gru_forward, gru_backward_short), x=_gru,
         wrong={"h": {"missing_branch"}}),
    dict(name="lstm_closure", layer=lambda: lstm_net(), x=lambda: (_r(5, 2, 3), _r(2, 4, seed=1), _r(2, 4, seed=2))),
    dict(name="policy", layer=lambda: Policy(), x=lambda: _r(5, 4),
         convention="policy_forward / policy_backward; the latter returns a dict, no gradient of x"),
    dict(name="eleven_lines", layer=lambda: ElevenLines(), x=lambda: (_r(5, 3), rng(1).random((5, 2))),
         convention="loss(X, y) is half the sum of squares; backward(X, y, out) makes the step, syn += alpha * ...",
         constants={"alpha"}),
    # out - y, and still +=
    dict(name="eleven_lines_uphill", layer=lambda: ElevenLinesUphill(), x=lambda: (_r(5, 3), rng(1).random((5, 2))),
         constants={"alpha"}, convention="loss(X, y) is half the sum of squares; backward(X, y, out) makes the step",
         wrong={"syn0": {"ascent", "sign"}, "syn1": {"ascent", "sign"}}),
    # syn1 has moved before the error is sent through it
    dict(name="eleven_lines_hasty", layer=lambda: ElevenLinesHasty(), x=lambda: (_r(5, 3), rng(1).random((5, 2))),
         constants={"alpha"}, convention="loss(X, y) is half the sum of squares; backward(X, y, out) makes the step",
         wrong={"syn0": {"updated_too_early"}}),
    dict(name="attention", layer=lambda: (attention_forward, attention_backward), x=_att),
    # 1/sqrt(d) is missing on the way back
    dict(name="attention_forgets_sqrt", layer=lambda: (attention_forward, attention_backward_noscale), x=_att,
         wrong={"Wq": {"scale", "missing_factor"}, "Wk": {"scale", "missing_factor"}, "input": {"missing_factor"}}),
    # the softmax's cross terms are missing
    dict(name="attention_softmax_diagonal", layer=lambda: (attention_forward, attention_backward_diag), x=_att,
         wrong={k: {"diagonal_only"} for k in ("input", "Wq", "Wk")}),
    dict(name="multi_head", layer=lambda: MultiHead(), x=lambda: _r(2, 5, 6)),
    dict(name="layernorm", layer=lambda: (layernorm_forward, layernorm_backward),
         x=lambda: (_r(2, 5, 4), _r(4, seed=1), _r(4, seed=2))),
    dict(name="rmsnorm", layer=lambda: (rmsnorm_forward, rmsnorm_backward), x=lambda: (_r(5, 4), _r(4, seed=1))),
    dict(name="gelu", layer=lambda: (gelu_forward, gelu_backward), x=lambda: _r(5, 4)),
    # product rule: only the half with x's derivative
    dict(name="gelu_half", layer=lambda: (gelu_forward, gelu_backward_half), x=lambda: _r(5, 4),
         wrong={"input": {"missing_branch", "wrong_local_derivative"}}),
    dict(name="hardtanh", layer=lambda: (hardtanh_forward, hardtanh_backward), x=lambda: _r(5, 4)),
    # the clipping is ignored
    dict(name="hardtanh_ignored", layer=lambda: (hardtanh_forward, hardtanh_backward_all), x=lambda: _r(5, 4),
         wrong={"input": {"missing_factor", "wrong_local_derivative"}}),
    dict(name="swiglu", layer=lambda: (swiglu_forward, swiglu_backward),
         x=lambda: (_r(5, 4), _r(4, 3, seed=1), _r(4, 3, seed=2))),
    dict(name="linreg", layer=lambda: squared_loss_linreg, x=lambda: (_r(4, 1), 0.2, _r(6, 4, seed=1), _r(6, seed=2))),
    dict(name="skipgram", layer=lambda: skipgram, x=lambda: (_r(5, 4), _r(5, 4, seed=1), _r(5, 3, 4, seed=2))),
    dict(name="kl_loss", layer=lambda: kl_loss, x=lambda: (_r(5, 4), _r(5, 4, seed=1))),
    dict(name="weighted_xent", layer=lambda: weighted_xent,
         x=lambda: (_r(5, 3), np.array([0, 2, 1, 1, 0]), np.array([0.5, 1.0, 2.5])), constants={"weights"}),
    # the weights are in the loss only
    dict(name="weighted_xent_forgets_weights", layer=lambda: weighted_xent_plain,
         x=lambda: (_r(5, 3), np.array([0, 2, 1, 1, 0]), np.array([0.5, 1.5, 2.5])), constants={"weights"},
         wrong={"input": {"missing_factor"}}),
    dict(name="names_mlp", layer=lambda: NamesMLP(), x=lambda: (_Xb, np.array([1, 3, 4, 0]))),
    # = for += in the embedding
    dict(name="names_mlp_overwrites", layer=lambda: NamesMLPOverwrites(), x=lambda: (_Xb, np.array([1, 3, 4, 0])),
         wrong={"C": {"overwritten", "not_summed"}}),
]
