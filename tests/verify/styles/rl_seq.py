"""Style: sequence models by hand (attention, recurrent cells over time, char
models, a little policy gradient).

Names in `wrong`: the argument's own name for functions, its attribute's (or
key's) for objects, "input" for what an object's forward takes.
"""
import numpy as np


def rng(s=0):
    return np.random.default_rng(s)


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


def softmax(x, axis=-1):
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


# ------------------------------------------------------------ normalisation
class LayerNorm:
    def __init__(self, d_model, eps=1e-5):
        self.gamma = np.ones(d_model) + 0.2 * np.arange(d_model)
        self.beta = np.zeros(d_model)
        self.eps = eps

    def forward(self, x):
        mu = x.mean(-1, keepdims=True)
        var = x.var(-1, keepdims=True)
        self.inv = 1 / np.sqrt(var + self.eps)
        self.xn = (x - mu) * self.inv
        return self.gamma * self.xn + self.beta

    def backward(self, dy):
        axes = tuple(range(dy.ndim - 1))
        self.dgamma = (dy * self.xn).sum(axes)
        self.dbeta = dy.sum(axes)
        d = dy.shape[-1]
        dxn = dy * self.gamma
        return self.inv / d * (d * dxn - dxn.sum(-1, keepdims=True)
                               - self.xn * (dxn * self.xn).sum(-1, keepdims=True))


# ------------------------------------------------------------------ attention
class SelfAttention:
    """One head, no biases; weights and their gradients in two dictionaries."""

    def __init__(self, d_model, d_k):
        self.params = {n: rng(i).normal(0, d_model ** -0.5, (d_model, d_k))
                       for i, n in enumerate(["W_q", "W_k", "W_v"])}
        self.grads = {}
        self.scale = 1 / np.sqrt(d_k)

    def forward(self, X):
        self.X = X
        self.Q = X @ self.params["W_q"]
        self.K = X @ self.params["W_k"]
        self.V = X @ self.params["W_v"]
        self.A = softmax(self.Q @ self.K.transpose(0, 2, 1) * self.scale)
        return self.A @ self.V

    def backward(self, d_out):
        dA = d_out @ self.V.transpose(0, 2, 1)
        dV = self.A.transpose(0, 2, 1) @ d_out
        dS = self.A * (dA - (dA * self.A).sum(-1, keepdims=True))
        dS = dS * self.scale
        dQ = dS @ self.K
        dK = dS.transpose(0, 2, 1) @ self.Q
        dX = 0
        for name, d in (("W_q", dQ), ("W_k", dK), ("W_v", dV)):
            self.grads[name] = np.einsum("btd,btk->dk", self.X, d)
            dX = dX + d @ self.params[name].T
        return dX


class UnscaledSelfAttention(SelfAttention):
    """From another student: backward rewritten."""

    def backward(self, d_out):
        B, T, _ = d_out.shape
        dX = np.zeros_like(self.X)
        for p in ("W_q", "W_k", "W_v"):
            self.grads[p] = np.zeros_like(self.params[p])
        for b in range(B):
            A = self.A[b]
            dV = A.T @ d_out[b]
            dA = d_out[b] @ self.V[b].T
            dS = np.zeros((T, T))
            for t in range(T):
                dS[t] = (np.diag(A[t]) - np.outer(A[t], A[t])) @ dA[t]
            # MISTAKE: the 1/sqrt(d_k) of the forward is not applied again
            dQ, dK = dS @ self.K[b], dS.T @ self.Q[b]
            self.grads["W_q"] += self.X[b].T @ dQ
            self.grads["W_k"] += self.X[b].T @ dK
            self.grads["W_v"] += self.X[b].T @ dV
            dX[b] = dQ @ self.params["W_q"].T + dK @ self.params["W_k"].T + dV @ self.params["W_v"].T
        return dX


def mha_forward(x, Wqkv, Wo, n_heads):
    """Causal multi-head attention. x (B, T, D), Wqkv (D, 3D), Wo (D, D)."""
    B, T, D = x.shape
    dh = D // n_heads
    qkv = x @ Wqkv
    q, k, v = [u.reshape(B, T, n_heads, dh).transpose(0, 2, 1, 3) for u in np.split(qkv, 3, axis=-1)]
    att = q @ k.swapaxes(-1, -2) / np.sqrt(dh)
    mask = np.triu(np.ones((T, T), bool), 1)
    att = np.where(mask, -1e9, att)
    p = softmax(att)
    y = (p @ v).transpose(0, 2, 1, 3).reshape(B, T, D)
    return y @ Wo, (x, Wqkv, Wo, q, k, v, p, y, n_heads)


def mha_backward(dout, cache):
    x, Wqkv, Wo, q, k, v, p, y, n_heads = cache
    B, T, D = x.shape
    dh = D // n_heads
    dWo = y.reshape(-1, D).T @ dout.reshape(-1, D)
    dy = (dout @ Wo.T).reshape(B, T, n_heads, dh).transpose(0, 2, 1, 3)
    dp = dy @ v.swapaxes(-1, -2)
    dv = p.swapaxes(-1, -2) @ dy
    datt = p * (dp - np.sum(dp * p, axis=-1, keepdims=True)) / np.sqrt(dh)
    dq = datt @ k
    dk = datt.swapaxes(-1, -2) @ q
    dqkv = np.concatenate([u.transpose(0, 2, 1, 3).reshape(B, T, D) for u in (dq, dk, dv)], axis=-1)
    dWqkv = x.reshape(-1, D).T @ dqkv.reshape(-1, 3 * D)
    return dqkv @ Wqkv.T, dWqkv, dWo


# -------------------------------------------------------------------- pieces
class GELU:
    c = np.sqrt(2 / np.pi)

    def forward(self, x):
        self.x = x
        self.t = np.tanh(self.c * (x + 0.044715 * x ** 3))
        return 0.5 * x * (1 + self.t)

    def backward(self, dy):
        x, t = self.x, self.t
        return dy * (0.5 * (1 + t) + 0.5 * x * (1 - t ** 2) * self.c * (1 + 3 * 0.044715 * x ** 2))


class Linear:
    def __init__(self, i, o, seed=0):
        self.W = rng(seed).normal(0, i ** -0.5, (i, o))
        self.b = rng(seed + 1).normal(0, 0.1, o)

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dy):
        self.dW = self.x.reshape(-1, self.x.shape[-1]).T @ dy.reshape(-1, dy.shape[-1])
        self.db = dy.reshape(-1, dy.shape[-1]).sum(0)
        return dy @ self.W.T


class FeedForwardBlock:
    """x + W2 gelu(W1 ln(x)): pre-norm."""

    def __init__(self, d, hidden):
        self.ln = LayerNorm(d)
        self.fc1, self.fc2 = Linear(d, hidden, 2), Linear(hidden, d, 4)
        self.act = GELU()

    def forward(self, x):
        return x + self.fc2.forward(self.act.forward(self.fc1.forward(self.ln.forward(x))))

    def backward(self, dy):
        return dy + self.ln.backward(self.fc1.backward(self.act.backward(self.fc2.backward(dy))))


class TransformerBlock:
    def __init__(self, d, hidden):
        self.ln1 = LayerNorm(d)
        self.attn = SelfAttention(d, d)
        self.ffn = FeedForwardBlock(d, hidden)

    def forward(self, x):
        h = x + self.attn.forward(self.ln1.forward(x))
        return self.ffn.forward(h)

    def backward(self, dout):
        dh = self.ffn.backward(dout)
        return self.ln1.backward(self.attn.backward(dh)) + dh


class PostNormBlock:
    def __init__(self, d, hidden):
        self.fc1, self.fc2 = Linear(d, hidden, 2), Linear(hidden, d, 4)
        self.ln = LayerNorm(d)

    def forward(self, x):
        self.h = np.maximum(self.fc1.forward(x), 0)
        return self.ln.forward(x + self.fc2.forward(self.h))

    def backward(self, dout):
        ds = self.ln.backward(dout)
        dh = self.fc2.backward(ds) * (self.h > 0)
        return self.fc1.backward(dh)           # MISTAKE: the shortcut's ds is lost


class PositionalEmbedding:
    """Learned positions added to token embeddings."""

    def __init__(self, vocab, max_len, d):
        self.tok = rng(1).normal(size=(vocab, d))
        self.pos = rng(2).normal(size=(max_len, d))

    def forward(self, ids):
        self.ids = ids
        return self.tok[ids] + self.pos[:ids.shape[1]]

    def backward(self, dout):
        self.d_tok, self.d_pos = np.zeros_like(self.tok), np.zeros_like(self.pos)
        np.add.at(self.d_tok, self.ids, dout)
        self.d_pos[:self.ids.shape[1]] = dout.sum(0)


class Embedding:
    def __init__(self, W):
        self.params, self.grads = [W], [np.zeros_like(W)]
        self.W = W

    def forward(self, idx):
        self.idx = idx
        return self.W[idx]

    def backward(self, dout):
        dW = self.grads[0]
        dW[...] = 0
        dW[self.idx] = dout                    # MISTAKE: repeated words overwrite each other
        self.dW = dW


class SinusoidalEncoding:
    def __init__(self, max_len, d):
        pos = np.arange(max_len)[:, None]
        div = 10000 ** (np.arange(d) // 2 * 2 / d)
        self.pe = np.where(np.arange(d) % 2 == 0, np.sin(pos / div), np.cos(pos / div))
        self.emb_scale = np.sqrt(d)

    def forward(self, x):
        return x * self.emb_scale + self.pe[:x.shape[1]]

    def backward(self, dout):
        return dout * self.emb_scale


# --------------------------------------------------------------- recurrences
class RNN:
    """h_t = tanh(x_t Wx + h_{t-1} Wh + b), the whole sequence at once."""

    def __init__(self, D, Hd):
        self.Wx, self.Wh, self.b = rng(1).normal(0, .5, (D, Hd)), rng(2).normal(0, .5, (Hd, Hd)), np.zeros(Hd)

    def forward(self, xs):
        N, T, _ = xs.shape
        self.xs = xs
        self.hs = np.zeros((N, T + 1, self.b.size))
        for t in range(T):
            self.hs[:, t + 1] = np.tanh(xs[:, t] @ self.Wx + self.hs[:, t] @ self.Wh + self.b)
        return self.hs[:, 1:]

    def backward(self, dhs):
        self.dWx, self.dWh, self.db = np.zeros_like(self.Wx), np.zeros_like(self.Wh), np.zeros_like(self.b)
        dxs = np.zeros_like(self.xs)
        for t in reversed(range(self.xs.shape[1])):
            # MISTAKE: what comes from step t+1 through Wh is not added
            dz = dhs[:, t] * (1 - self.hs[:, t + 1] ** 2)
            self.dWx += self.xs[:, t].T @ dz
            self.dWh += self.hs[:, t].T @ dz
            self.db += dz.sum(0)
            dxs[:, t] = dz @ self.Wx.T
        return dxs


def lstm_step_forward(x, prev_h, prev_c, Wx, Wh, b):
    a = x @ Wx + prev_h @ Wh + b
    ai, af, ao, ag = np.split(a, 4, axis=1)
    i, f, o, g = sigmoid(ai), sigmoid(af), sigmoid(ao), np.tanh(ag)
    next_c = f * prev_c + i * g
    next_h = o * np.tanh(next_c)
    return next_h, next_c, (x, prev_h, prev_c, Wx, Wh, i, f, o, g, next_c)


def lstm_step_backward(dnext_h, dnext_c, cache):
    x, prev_h, prev_c, Wx, Wh, i, f, o, g, next_c = cache
    tc = np.tanh(next_c)
    dc = dnext_c + dnext_h * o * (1 - tc ** 2)
    da = np.hstack((dc * g * i * (1 - i), dc * prev_c * f * (1 - f),
                    dnext_h * tc * o * (1 - o), dc * i * (1 - g ** 2)))
    return da @ Wx.T, da @ Wh.T, dc * f, x.T @ da, prev_h.T @ da, da.sum(axis=0)


class LSTM:
    def __init__(self, D, H):
        self.Wx, self.Wh, self.b = rng(1).normal(0, .5, (D, 4 * H)), rng(2).normal(0, .5, (H, 4 * H)), rng(3).normal(0, .1, 4 * H)
        self.H = H

    def forward(self, x):
        N, T, D = x.shape
        h, c = np.zeros((N, self.H)), np.zeros((N, self.H))
        self.caches, out = [], []
        for t in range(T):
            h, c, cache = lstm_step_forward(x[:, t], h, c, self.Wx, self.Wh, self.b)
            self.caches.append(cache)
            out.append(h)
        return np.stack(out, axis=1)

    def backward(self, dhs):
        dx = []
        dh, dc = 0, 0
        self.grads = {"Wx": 0, "Wh": 0, "b": 0}
        for t in reversed(range(dhs.shape[1])):
            dxt, dh, dc, dWx, dWh, db = lstm_step_backward(dhs[:, t] + dh, dc, self.caches[t])
            dx.insert(0, dxt)
            for k, v in zip(("Wx", "Wh", "b"), (dWx, dWh, db)):
                self.grads[k] = self.grads[k] + v
        return np.stack(dx, axis=1)


class GRU:
    """Time first: (T, N, D)."""

    def __init__(self, D, H):
        r = rng(4)
        self.Wz, self.Wr, self.Wn = (r.normal(0, .5, (D, H)) for _ in range(3))
        self.Uz, self.Ur, self.Un = (r.normal(0, .5, (H, H)) for _ in range(3))
        self.bz, self.br, self.bn = (r.normal(0, .1, H) for _ in range(3))

    def forward(self, X):
        h = np.zeros((X.shape[1], self.bz.size))
        self.steps, hs = [], []
        for x in X:
            z = sigmoid(x @ self.Wz + h @ self.Uz + self.bz)
            r = sigmoid(x @ self.Wr + h @ self.Ur + self.br)
            n = np.tanh(x @ self.Wn + (r * h) @ self.Un + self.bn)
            self.steps.append((x, h, z, r, n))
            h = (1 - z) * n + z * h
            hs.append(h)
        return np.array(hs)

    def backward(self, dhs):
        for n in ("Wz", "Wr", "Wn", "Uz", "Ur", "Un", "bz", "br", "bn"):
            setattr(self, "d" + n, np.zeros_like(getattr(self, n)))
        dX, dh = np.zeros((len(dhs),) + self.steps[0][0].shape), 0
        for t in range(len(dhs))[::-1]:
            x, h, z, r, n = self.steps[t]
            dh = dh + dhs[t]
            dzp = dh * (h - n) * z * (1 - z)
            dnp = dh * (1 - z) * (1 - n * n)
            drh = dnp @ self.Un.T
            drp = drh * h * r * (1 - r)
            self.dWz += x.T @ dzp; self.dUz += h.T @ dzp; self.dbz += dzp.sum(0)
            self.dWr += x.T @ drp; self.dUr += h.T @ drp; self.dbr += drp.sum(0)
            self.dWn += x.T @ dnp; self.dUn += (r * h).T @ dnp; self.dbn += dnp.sum(0)
            dX[t] = dzp @ self.Wz.T + drp @ self.Wr.T + dnp @ self.Wn.T
            dh = dh * z + drh * r + dzp @ self.Uz.T + drp @ self.Ur.T
        return dX


class CharRNN:
    """Character model: loss(inputs, targets) -> loss, dictionary of gradients."""

    def __init__(self, vocab_size, hidden_size):
        self.V, self.H = vocab_size, hidden_size
        self.Wxh = rng(1).normal(0, .5, (hidden_size, vocab_size))
        self.Whh = rng(2).normal(0, .5, (hidden_size, hidden_size))
        self.Why = rng(3).normal(0, .5, (vocab_size, hidden_size))
        self.bh, self.by = np.zeros((hidden_size, 1)), np.zeros((vocab_size, 1))

    def loss(self, inputs, targets):
        xs, hs, ps = {}, {-1: np.zeros((self.H, 1))}, {}
        loss = 0
        for t in range(len(inputs)):
            xs[t] = np.zeros((self.V, 1))
            xs[t][inputs[t]] = 1
            hs[t] = np.tanh(self.Wxh @ xs[t] + self.Whh @ hs[t - 1] + self.bh)
            ps[t] = softmax(self.Why @ hs[t] + self.by, axis=0)
            loss += -np.log(ps[t][targets[t], 0])
        grads = {n: np.zeros_like(getattr(self, n)) for n in ("Wxh", "Whh", "Why", "bh", "by")}
        dhnext = np.zeros((self.H, 1))
        for t in reversed(range(len(inputs))):
            dy = ps[t].copy()
            dy[targets[t]] -= 1
            grads["Why"] += dy @ hs[t].T
            grads["by"] += dy
            draw = (1 - hs[t] ** 2) * (self.Why.T @ dy + dhnext)
            grads["bh"] += draw
            grads["Wxh"] += draw @ xs[t].T
            grads["Whh"] += draw @ hs[t - 1].T
            dhnext = self.Whh.T @ draw
        return loss, grads


class RepeatEncoderState:
    """Seq2seq with a peek: encoder's last state joined to each decoder input."""

    def forward(self, hs_enc, xs_dec):
        self.T_enc = hs_enc.shape[1]
        N, T, D = xs_dec.shape
        self.H = hs_enc.shape[2]
        h = hs_enc[:, -1]
        return np.concatenate((np.repeat(h, T, axis=0).reshape(N, T, self.H), xs_dec), axis=2)

    def backward(self, dout):
        dh = dout[:, :, :self.H].sum(axis=1)
        dhs = np.zeros((dout.shape[0], self.T_enc, self.H))
        dhs[:, -1] = dh
        return dhs, dout[:, :, self.H:]


class TimeSoftmaxWithLoss:
    def __init__(self):
        self.ignore_label = -1

    def forward(self, xs, ts):
        N, T, V = xs.shape
        mask = (ts != self.ignore_label).reshape(N * T)
        ts = ts.reshape(N * T)
        ys = softmax(xs.reshape(N * T, V))
        ls = np.log(ys[np.arange(N * T), ts]) * mask
        self.cache = (ts, ys, mask, (N, T, V))
        return -np.sum(ls) / mask.sum()

    def backward(self, dout=1):
        ts, ys, mask, shape = self.cache
        dx = ys.copy()
        dx[np.arange(len(ts)), ts] -= 1
        dx *= dout / mask.sum()
        dx *= mask[:, None]
        return dx.reshape(shape)


# ------------------------------------------------------------ policy gradient
def reinforce_loss(logits, actions, returns, beta=0.05):
    """-mean(G log pi(a)) - beta * entropy"""
    n = len(actions)
    p = softmax(logits)
    logp = np.log(p)
    H = -(p * logp).sum(axis=1, keepdims=True)
    loss = -np.mean(returns * logp[np.arange(n), actions]) - beta * H.mean()
    d = p.copy()
    d[np.arange(n), actions] -= 1
    d = d * returns[:, None] / n + beta * p * (logp + H) / n
    return loss, d


def ppo_loss(logp, old_logp, adv, clip=0.2):
    ratio = np.exp(logp - old_logp)
    loss = -np.minimum(ratio * adv, np.clip(ratio, 1 - clip, 1 + clip) * adv).mean()
    dlogp = -ratio * adv / len(adv)            # MISTAKE: also where the clipped branch won
    return loss, dlogp


def _lstm():
    return (rng(1).normal(size=(2, 3)), rng(2).normal(size=(2, 4)), rng(3).normal(size=(2, 4)),
            rng(4).normal(size=(3, 16)), rng(5).normal(size=(4, 16)), rng(6).normal(size=16))


CASES = [
    dict(name="layer_norm", layer=lambda: LayerNorm(4), x=lambda: rng(1).normal(size=(2, 3, 4)), constants={"eps"}),
    dict(name="self_attention", layer=lambda: SelfAttention(4, 5), x=lambda: rng(9).normal(size=(2, 3, 4)), constants={"scale"}),
    # 1/sqrt(d_k) is missing in the backward
    dict(name="attention_unscaled", layer=lambda: UnscaledSelfAttention(4, 5), x=lambda: rng(9).normal(size=(2, 3, 4)),
         constants={"scale"}, wrong={"input": {"missing_factor", "scale"}, "W_q": {"missing_factor", "scale"}, "W_k": {"missing_factor", "scale"}}),
    dict(name="multi_head_causal", layer=lambda: (mha_forward, mha_backward),
         x=lambda: (rng(1).normal(size=(2, 3, 4)), rng(2).normal(size=(4, 12)), rng(3).normal(size=(4, 4)), 2)),
    dict(name="gelu", layer=lambda: GELU(), x=lambda: rng(1).normal(size=(2, 3, 4)), constants={"c"}),
    dict(name="feed_forward_block", layer=lambda: FeedForwardBlock(4, 5), x=lambda: rng(7).normal(size=(2, 3, 4))),
    dict(name="transformer_block", layer=lambda: TransformerBlock(4, 5), x=lambda: rng(7).normal(size=(2, 3, 4))),
    # the shortcut around the feed-forward part is forgotten
    dict(name="post_norm_block", layer=lambda: PostNormBlock(4, 5), x=lambda: rng(7).normal(size=(2, 3, 4)),
         wrong={"input": {"missing_branch"}}),
    dict(name="positional_embedding", layer=lambda: PositionalEmbedding(6, 5, 3),
         x=lambda: np.array([[0, 2, 2, 5], [1, 2, 3, 0]])),
    # = where repeated words must add up
    dict(name="embedding_overwrites", layer=lambda: Embedding(rng(1).normal(size=(6, 3))),
         x=lambda: np.array([[0, 2, 2, 5], [1, 2, 3, 0]]), wrong={"W": {"overwritten"}}),
    dict(name="sinusoidal", layer=lambda: SinusoidalEncoding(6, 4), x=lambda: rng(1).normal(size=(2, 3, 4)),
         constants={"pe", "emb_scale"}),
    # the gradient does not flow from step to step
    dict(name="rnn_truncated", layer=lambda: RNN(3, 5), x=lambda: rng(6).normal(size=(2, 4, 3)),
         wrong={"input": {"missing_branch"}, "Wx": {"missing_branch"}, "Wh": {"missing_branch"}, "b": {"missing_branch"}}),
    dict(name="lstm_step", layer=lambda: (lstm_step_forward, lstm_step_backward), x=_lstm),
    dict(name="lstm", layer=lambda: LSTM(3, 5), x=lambda: rng(6).normal(size=(2, 4, 3))),
    dict(name="gru_time_first", layer=lambda: GRU(3, 5), x=lambda: rng(6).normal(size=(4, 2, 3))),
    dict(name="char_rnn", layer=lambda: CharRNN(4, 5), x=lambda: ([0, 2, 3, 1, 2, 0], [2, 3, 1, 2, 0, 1])),
    dict(name="repeat_encoder_state", layer=lambda: RepeatEncoderState(),
         x=lambda: (rng(1).normal(size=(2, 4, 5)), rng(2).normal(size=(2, 3, 6)))),
    dict(name="time_softmax_loss", layer=lambda: TimeSoftmaxWithLoss(),
         x=lambda: (rng(1).normal(size=(2, 3, 4)), np.array([[0, 3, -1], [2, 1, 1]])), constants={"ignore_label"}),
    dict(name="reinforce", layer=lambda: reinforce_loss,
         x=lambda: (rng(1).normal(size=(4, 3)), np.array([0, 2, 1, 1]), rng(2).normal(size=4))),
    # the clipping is ignored
    dict(name="ppo", layer=lambda: ppo_loss,
         x=lambda: (np.array([-.5, -1., -1.5, -.3, -2.]), np.array([-1., -1.1, -.8, -1.2, -2.05]), np.array([1., -.5, -1., -2., .7])),
         wrong={"logp": {"wrong_local_derivative", "missing_branch", "missing_factor"}}),
]
