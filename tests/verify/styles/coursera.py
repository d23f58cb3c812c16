"""Deep learning specialisation manner: columns are examples, caches as tuples and dicts."""
import numpy as np


def rng(seed=0):
    return np.random.default_rng(seed)


# ----------------------------------------------------------------- dense pieces

def sigmoid(Z):
    """Returns A and the cache (Z) for backprop."""
    A = 1 / (1 + np.exp(-Z))
    cache = Z
    return A, cache


def relu(Z):
    A = np.maximum(0, Z)
    assert A.shape == Z.shape
    cache = Z
    return A, cache


def relu_backward(dA, cache):
    Z = cache
    dZ = np.array(dA, copy=True)
    dZ[Z <= 0] = 0
    assert dZ.shape == Z.shape
    return dZ


def sigmoid_backward(dA, cache):
    Z = cache
    s = 1 / (1 + np.exp(-Z))
    dZ = dA * s * (1 - s)
    return dZ


def sigmoid_backward_v0(dA, cache):
    # my first try
    Z = cache
    dZ = dA * Z * (1 - Z)
    return dZ


def linear_forward(A, W, b):
    Z = np.dot(W, A) + b
    cache = (A, W, b)
    return Z, cache


def linear_backward(dZ, cache):
    A_prev, W, b = cache
    m = A_prev.shape[1]

    dW = 1. / m * np.dot(dZ, A_prev.T)
    db = 1. / m * np.sum(dZ, axis=1, keepdims=True)
    dA_prev = np.dot(W.T, dZ)

    assert dA_prev.shape == A_prev.shape
    assert dW.shape == W.shape
    assert db.shape == b.shape
    return dA_prev, dW, db


def linear_backward_nomean(dZ, cache):
    """same thing, the 1/m is already inside dZ"""
    A_prev, W, b = cache
    dW = dZ @ A_prev.T
    db = np.sum(dZ, axis=1, keepdims=True)
    dA_prev = W.T @ dZ
    return dA_prev, dW, db


def linear_backward_db(dZ, cache):
    A_prev, W, b = cache
    dW = dZ @ A_prev.T
    db = np.sum(dZ, keepdims=True) * np.ones(b.shape)
    dA_prev = W.T @ dZ
    return dA_prev, dW, db


def linear_activation_forward(A_prev, W, b, activation):
    if activation == "sigmoid":
        Z, linear_cache = linear_forward(A_prev, W, b)
        A, activation_cache = sigmoid(Z)
    elif activation == "relu":
        Z, linear_cache = linear_forward(A_prev, W, b)
        A, activation_cache = relu(Z)
    cache = (linear_cache, activation_cache)
    return A, cache


def linear_activation_backward(dA, cache, activation):
    linear_cache, activation_cache = cache
    if activation == "relu":
        dZ = relu_backward(dA, activation_cache)
        dA_prev, dW, db = linear_backward(dZ, linear_cache)
    elif activation == "sigmoid":
        dZ = sigmoid_backward(dA, activation_cache)
        dA_prev, dW, db = linear_backward(dZ, linear_cache)
    return dA_prev, dW, db


def linear_relu_forward(A_prev, W, b):
    return linear_activation_forward(A_prev, W, b, "relu")


def linear_relu_backward(dA, cache):
    linear_cache, activation_cache = cache
    return linear_backward_nomean(relu_backward(dA, activation_cache), linear_cache)


# -------------------------------------------------------- logistic regression

def propagate(w, b, X, Y):
    """w (n, 1), b a number, X (n, m), Y (1, m) -> grads, cost"""
    m = X.shape[1]
    A = sigmoid(np.dot(w.T, X) + b)[0]
    cost = -1 / m * np.sum(Y * np.log(A) + (1 - Y) * np.log(1 - A))

    dw = 1 / m * np.dot(X, (A - Y).T)
    db = 1 / m * np.sum(A - Y)
    cost = np.squeeze(np.array(cost))
    grads = {"dw": dw, "db": db}
    return grads, cost


# --------------------------------------------------------- planar data network

def forward_propagation(X, parameters):
    W1 = parameters["W1"]
    b1 = parameters["b1"]
    W2 = parameters["W2"]
    b2 = parameters["b2"]
    Z1 = np.dot(W1, X) + b1
    A1 = np.tanh(Z1)
    Z2 = np.dot(W2, A1) + b2
    A2 = sigmoid(Z2)[0]
    cache = {"Z1": Z1, "A1": A1, "Z2": Z2, "A2": A2}
    return A2, cache


def compute_cost(A2, Y):
    m = Y.shape[1]
    logprobs = np.multiply(np.log(A2), Y) + np.multiply(np.log(1 - A2), 1 - Y)
    return float(-np.sum(logprobs) / m)


def backward_propagation(parameters, cache, X, Y):
    m = X.shape[1]
    W2 = parameters["W2"]
    A1, A2 = cache["A1"], cache["A2"]
    dZ2 = A2 - Y
    dW2 = np.dot(dZ2, A1.T) / m
    db2 = np.sum(dZ2, axis=1, keepdims=True) / m
    dZ1 = np.dot(W2.T, dZ2) * (1 - np.power(A1, 2))
    dW1 = np.dot(dZ1, X.T) / m
    db1 = np.sum(dZ1, axis=1, keepdims=True) / m
    return {"dW1": dW1, "db1": db1, "dW2": dW2, "db2": db2}


def backward_propagation_bad(parameters, cache, X, Y):
    m = X.shape[1]
    W2 = parameters["W2"]
    A1, A2 = cache["A1"], cache["A2"]
    dZ2 = A2 - Y
    dW2 = np.dot(dZ2, A1.T) / m
    db2 = np.sum(dZ2, axis=1, keepdims=True) / m
    dZ1 = np.dot(W2.T, dZ2) * A1 * (1 - A1)
    dW1 = np.dot(dZ1, X.T) / m
    db1 = np.sum(dZ1, axis=1, keepdims=True) / m
    return {"dW1": dW1, "db1": db1, "dW2": dW2, "db2": db2}


def nn_cost_and_grads(X, Y, parameters):
    A2, cache = forward_propagation(X, parameters)
    return compute_cost(A2, Y), backward_propagation(parameters, cache, X, Y)


def nn_cost_and_grads_bad(X, Y, parameters):
    A2, cache = forward_propagation(X, parameters)
    return compute_cost(A2, Y), backward_propagation_bad(parameters, cache, X, Y)


def planar_parameters():
    r = rng(3)
    return {"W1": r.standard_normal((4, 3)), "b1": r.standard_normal((4, 1)),
            "W2": r.standard_normal((2, 4)), "b2": r.standard_normal((2, 1))}


# ------------------------------------------------------------- regularisation

def cost_and_grads_with_regularization(X, Y, parameters, lambd):
    m = X.shape[1]
    W1, W2 = parameters["W1"], parameters["W2"]
    b1, b2 = parameters["b1"], parameters["b2"]
    Z1 = np.dot(W1, X) + b1
    A1 = np.maximum(Z1, 0)
    Z2 = np.dot(W2, A1) + b2
    A2 = sigmoid(Z2)[0]

    cross_entropy_cost = compute_cost(A2, Y)
    L2_cost = lambd / (2 * m) * (np.sum(np.square(W1)) + np.sum(np.square(W2)))
    cost = cross_entropy_cost + L2_cost

    dZ2 = A2 - Y
    dW2 = 1. / m * np.dot(dZ2, A1.T) + lambd / m * W2
    db2 = 1. / m * np.sum(dZ2, axis=1, keepdims=True)
    dA1 = np.dot(W2.T, dZ2)
    dZ1 = np.multiply(dA1, np.int64(A1 > 0))
    dW1 = 1. / m * np.dot(dZ1, X.T) + lambd / m * W1
    db1 = 1. / m * np.sum(dZ1, axis=1, keepdims=True)
    gradients = {"dZ2": dZ2, "dW2": dW2, "db2": db2, "dA1": dA1,
                 "dZ1": dZ1, "dW1": dW1, "db1": db1}
    return cost, gradients


def cost_and_grads_with_regularization_2(X, Y, parameters, lambd):
    m = X.shape[1]
    W1, W2 = parameters["W1"], parameters["W2"]
    b1, b2 = parameters["b1"], parameters["b2"]
    A1 = np.maximum(np.dot(W1, X) + b1, 0)
    A2 = sigmoid(np.dot(W2, A1) + b2)[0]
    cost = compute_cost(A2, Y) + lambd / (2 * m) * (np.sum(W1 ** 2) + np.sum(W2 ** 2))
    dZ2 = A2 - Y
    gradients = {}
    gradients["dW2"] = 1. / m * (np.dot(dZ2, A1.T) + lambd * W2)
    gradients["db2"] = np.sum(dZ2, axis=1, keepdims=True) / m
    dZ1 = np.dot(W2.T, dZ2) * (A1 > 0)
    gradients["dW1"] = 1. / m * np.dot(dZ1, X.T)
    gradients["db1"] = np.sum(dZ1, axis=1, keepdims=True) / m
    return cost, gradients


# --------------------------------------------------------------------- dropout

def forward_dropout(A, keep_prob):
    D = np.random.rand(A.shape[0], A.shape[1])
    D = (D < keep_prob).astype(int)
    A = A * D
    A = A / keep_prob
    return A, (D, keep_prob)


def backward_dropout(dA, cache):
    D, keep_prob = cache
    dA = dA * D
    dA = dA / keep_prob
    return dA


# ------------------------------------------------------------------ batch norm

def batchnorm_forward(Z, gamma, beta, epsilon=1e-8):
    """Z (n, m); gamma, beta (n, 1); statistics over the m columns."""
    mu = np.mean(Z, axis=1, keepdims=True)
    sigma2 = np.var(Z, axis=1, keepdims=True)
    Z_norm = (Z - mu) / np.sqrt(sigma2 + epsilon)
    Z_tilde = gamma * Z_norm + beta
    cache = {"Z": Z, "mu": mu, "sigma2": sigma2, "Z_norm": Z_norm, "gamma": gamma, "epsilon": epsilon}
    return Z_tilde, cache


def batchnorm_backward(dZ_tilde, cache):
    Z, mu, sigma2 = cache["Z"], cache["mu"], cache["sigma2"]
    m = Z.shape[1]
    dgamma = np.sum(dZ_tilde * cache["Z_norm"], axis=1, keepdims=True)
    dbeta = np.sum(dZ_tilde, axis=1, keepdims=True)
    dZ_norm = dZ_tilde * cache["gamma"]
    ivar = 1 / np.sqrt(sigma2 + cache["epsilon"])
    dsigma2 = np.sum(dZ_norm * (Z - mu) * -0.5 * ivar ** 3, axis=1, keepdims=True)
    dmu = np.sum(-dZ_norm * ivar, axis=1, keepdims=True) + dsigma2 * np.mean(-2 * (Z - mu), axis=1, keepdims=True)
    dZ = dZ_norm * ivar + dsigma2 * 2 * (Z - mu) / m + dmu / m
    grads = {"dZ": dZ, "dgamma": dgamma, "dbeta": dbeta}
    return grads


def batchnorm_backward_simple(dZ_tilde, cache):
    """treats mu and sigma2 as if they were constants"""
    dgamma = np.sum(dZ_tilde * cache["Z_norm"], axis=1, keepdims=True)
    dbeta = np.sum(dZ_tilde, axis=1, keepdims=True)
    dZ = dZ_tilde * cache["gamma"] / np.sqrt(cache["sigma2"] + cache["epsilon"])
    return {"dZ": dZ, "dgamma": dgamma, "dbeta": dbeta}


# ----------------------------------------------------------------- convolution

def zero_pad(X, pad):
    return np.pad(X, ((0, 0), (pad, pad), (pad, pad), (0, 0)), mode="constant", constant_values=0)


def conv_single_step(a_slice_prev, W, b):
    s = np.multiply(a_slice_prev, W)
    return np.sum(s) + float(np.squeeze(b))


def conv_forward(A_prev, W, b, hparameters):
    (m, n_H_prev, n_W_prev, n_C_prev) = A_prev.shape
    (f, f, n_C_prev, n_C) = W.shape
    stride = hparameters["stride"]
    pad = hparameters["pad"]
    n_H = int((n_H_prev - f + 2 * pad) / stride) + 1
    n_W = int((n_W_prev - f + 2 * pad) / stride) + 1
    Z = np.zeros((m, n_H, n_W, n_C))
    A_prev_pad = zero_pad(A_prev, pad)
    for i in range(m):
        a_prev_pad = A_prev_pad[i]
        for h in range(n_H):
            vert_start = h * stride
            vert_end = vert_start + f
            for w in range(n_W):
                horiz_start = w * stride
                horiz_end = horiz_start + f
                for c in range(n_C):
                    a_slice_prev = a_prev_pad[vert_start:vert_end, horiz_start:horiz_end, :]
                    Z[i, h, w, c] = conv_single_step(a_slice_prev, W[:, :, :, c], b[:, :, :, c])
    cache = (A_prev, W, b, hparameters)
    return Z, cache


def conv_backward(dZ, cache):
    (A_prev, W, b, hparameters) = cache
    (m, n_H_prev, n_W_prev, n_C_prev) = A_prev.shape
    (f, f, n_C_prev, n_C) = W.shape
    stride = hparameters["stride"]
    pad = hparameters["pad"]
    (m, n_H, n_W, n_C) = dZ.shape
    dA_prev = np.zeros(A_prev.shape)
    dW = np.zeros(W.shape)
    db = np.zeros(b.shape)
    A_prev_pad = zero_pad(A_prev, pad)
    dA_prev_pad = zero_pad(dA_prev, pad)
    for i in range(m):
        a_prev_pad = A_prev_pad[i]
        da_prev_pad = dA_prev_pad[i]
        for h in range(n_H):
            for w in range(n_W):
                for c in range(n_C):
                    vert_start = h * stride
                    vert_end = vert_start + f
                    horiz_start = w * stride
                    horiz_end = horiz_start + f
                    a_slice = a_prev_pad[vert_start:vert_end, horiz_start:horiz_end, :]
                    da_prev_pad[vert_start:vert_end, horiz_start:horiz_end, :] += W[:, :, :, c] * dZ[i, h, w, c]
                    dW[:, :, :, c] += a_slice * dZ[i, h, w, c]
                    db[:, :, :, c] += dZ[i, h, w, c]
        dA_prev[i, :, :, :] = da_prev_pad[pad:-pad, pad:-pad, :] if pad else da_prev_pad
    return dA_prev, dW, db


def conv_backward_bug(dZ, cache):
    (A_prev, W, b, hparameters) = cache
    f, n_C = W.shape[0], W.shape[3]
    stride, pad = hparameters["stride"], hparameters["pad"]
    m, n_H, n_W, _ = dZ.shape
    dW, db = np.zeros_like(W), np.zeros_like(b)
    A_prev_pad = zero_pad(A_prev, pad)
    dA_prev_pad = np.zeros_like(A_prev_pad)
    for i in range(m):
        for h in range(n_H):
            for w in range(n_W):
                vs, hs = h * stride, w * stride
                a_slice = A_prev_pad[i, vs:vs + f, hs:hs + f, :]
                for c in range(n_C):
                    dA_prev_pad[i, vs:vs + f, hs:hs + f, :] = W[:, :, :, c] * dZ[i, h, w, c]
                    dW[:, :, :, c] += a_slice * dZ[i, h, w, c]
                    db[:, :, :, c] += dZ[i, h, w, c]
    dA_prev = dA_prev_pad[:, pad:-pad, pad:-pad, :]
    return dA_prev, dW, db


def pool_forward(A_prev, hparameters, mode="max"):
    (m, n_H_prev, n_W_prev, n_C_prev) = A_prev.shape
    f = hparameters["f"]
    stride = hparameters["stride"]
    n_H = int(1 + (n_H_prev - f) / stride)
    n_W = int(1 + (n_W_prev - f) / stride)
    A = np.zeros((m, n_H, n_W, n_C_prev))
    for i in range(m):
        for h in range(n_H):
            for w in range(n_W):
                for c in range(n_C_prev):
                    a_slice = A_prev[i, h * stride:h * stride + f, w * stride:w * stride + f, c]
                    if mode == "max":
                        A[i, h, w, c] = np.max(a_slice)
                    elif mode == "average":
                        A[i, h, w, c] = np.mean(a_slice)
    cache = (A_prev, hparameters)
    return A, cache


def create_mask_from_window(x):
    return x == np.max(x)


def distribute_value(dz, shape):
    (n_H, n_W) = shape
    average = dz / (n_H * n_W)
    return np.ones(shape) * average


def pool_backward(dA, cache, mode="max"):
    (A_prev, hparameters) = cache
    stride = hparameters["stride"]
    f = hparameters["f"]
    m, n_H, n_W, n_C = dA.shape
    dA_prev = np.zeros(A_prev.shape)
    for i in range(m):
        a_prev = A_prev[i]
        for h in range(n_H):
            for w in range(n_W):
                for c in range(n_C):
                    vert_start, vert_end = h * stride, h * stride + f
                    horiz_start, horiz_end = w * stride, w * stride + f
                    if mode == "max":
                        a_prev_slice = a_prev[vert_start:vert_end, horiz_start:horiz_end, c]
                        mask = create_mask_from_window(a_prev_slice)
                        dA_prev[i, vert_start:vert_end, horiz_start:horiz_end, c] += mask * dA[i, h, w, c]
                    elif mode == "average":
                        da = dA[i, h, w, c]
                        dA_prev[i, vert_start:vert_end, horiz_start:horiz_end, c] += distribute_value(da, (f, f))
    return dA_prev


def average_pool_forward(A_prev, hparameters):
    return pool_forward(A_prev, hparameters, mode="average")


def average_pool_backward(dA, cache):
    return pool_backward(dA, cache, mode="average")


# ------------------------------------------------------------------- recurrent

def softmax(x):
    e_x = np.exp(x - np.max(x, axis=0))
    return e_x / e_x.sum(axis=0)


def rnn_cell_forward(xt, a_prev, parameters):
    Wax = parameters["Wax"]
    Waa = parameters["Waa"]
    Wya = parameters["Wya"]
    ba = parameters["ba"]
    by = parameters["by"]
    a_next = np.tanh(np.dot(Wax, xt) + np.dot(Waa, a_prev) + ba)
    yt_pred = softmax(np.dot(Wya, a_next) + by)
    cache = (a_next, a_prev, xt, parameters)
    return a_next, yt_pred, cache


def rnn_cell_backward(da_next, cache):
    (a_next, a_prev, xt, parameters) = cache
    Wax = parameters["Wax"]
    Waa = parameters["Waa"]
    dtanh = (1 - a_next ** 2) * da_next
    dxt = np.dot(Wax.T, dtanh)
    dWax = np.dot(dtanh, xt.T)
    da_prev = np.dot(Waa.T, dtanh)
    dWaa = np.dot(dtanh, a_prev.T)
    dba = np.sum(dtanh, axis=1, keepdims=True)
    gradients = {"dxt": dxt, "da_prev": da_prev, "dWax": dWax, "dWaa": dWaa, "dba": dba}
    return gradients


def rnn_forward(x, a0, parameters):
    caches = []
    n_x, m, T_x = x.shape
    n_y, n_a = parameters["Wya"].shape
    a = np.zeros((n_a, m, T_x))
    y_pred = np.zeros((n_y, m, T_x))
    a_next = a0
    for t in range(T_x):
        a_next, yt_pred, cache = rnn_cell_forward(x[:, :, t], a_next, parameters)
        a[:, :, t] = a_next
        y_pred[:, :, t] = yt_pred
        caches.append(cache)
    caches = (caches, x)
    return a, y_pred, caches


def rnn_backward(da, caches):
    (caches, x) = caches
    (a1, a0, x1, parameters) = caches[0]
    n_a, m, T_x = da.shape
    n_x, m = x1.shape
    dx = np.zeros((n_x, m, T_x))
    dWax = np.zeros((n_a, n_x))
    dWaa = np.zeros((n_a, n_a))
    dba = np.zeros((n_a, 1))
    da_prevt = np.zeros((n_a, m))
    for t in reversed(range(T_x)):
        gradients = rnn_cell_backward(da[:, :, t] + da_prevt, caches[t])
        dxt, da_prevt, dWaxt, dWaat, dbat = (gradients["dxt"], gradients["da_prev"], gradients["dWax"],
                                             gradients["dWaa"], gradients["dba"])
        dx[:, :, t] = dxt
        dWax += dWaxt
        dWaa += dWaat
        dba += dbat
    da0 = da_prevt
    return {"dx": dx, "da0": da0, "dWax": dWax, "dWaa": dWaa, "dba": dba}


def rnn_backward_truncated(da, caches):
    (caches, x) = caches
    n_a, m, T_x = da.shape
    gradients_sum = {"dx": np.zeros(x.shape)}
    for t in reversed(range(T_x)):
        g = rnn_cell_backward(da[:, :, t], caches[t])
        gradients_sum["dx"][:, :, t] = g["dxt"]
        for k in ("dWax", "dWaa", "dba"):
            gradients_sum[k] = gradients_sum.get(k, 0) + g[k]
        gradients_sum["da0"] = g["da_prev"]
    return gradients_sum


def lstm_cell_forward(xt, a_prev, c_prev, parameters):
    Wf, bf = parameters["Wf"], parameters["bf"]
    Wi, bi = parameters["Wi"], parameters["bi"]
    Wc, bc = parameters["Wc"], parameters["bc"]
    Wo, bo = parameters["Wo"], parameters["bo"]
    concat = np.concatenate((a_prev, xt), axis=0)
    ft = sigmoid(np.dot(Wf, concat) + bf)[0]
    it = sigmoid(np.dot(Wi, concat) + bi)[0]
    cct = np.tanh(np.dot(Wc, concat) + bc)
    c_next = ft * c_prev + it * cct
    ot = sigmoid(np.dot(Wo, concat) + bo)[0]
    a_next = ot * np.tanh(c_next)
    cache = (a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, parameters)
    return a_next, c_next, cache


def lstm_cell_backward(da_next, dc_next, cache):
    (a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, parameters) = cache
    n_a, m = a_next.shape

    dot = da_next * np.tanh(c_next) * ot * (1 - ot)
    dc = dc_next + ot * (1 - np.square(np.tanh(c_next))) * da_next
    dcct = dc * it * (1 - np.square(cct))
    dit = dc * cct * it * (1 - it)
    dft = dc * c_prev * ft * (1 - ft)

    concat = np.concatenate((a_prev, xt), axis=0)
    dWf = np.dot(dft, concat.T)
    dWi = np.dot(dit, concat.T)
    dWc = np.dot(dcct, concat.T)
    dWo = np.dot(dot, concat.T)
    dbf = np.sum(dft, axis=1, keepdims=True)
    dbi = np.sum(dit, axis=1, keepdims=True)
    dbc = np.sum(dcct, axis=1, keepdims=True)
    dbo = np.sum(dot, axis=1, keepdims=True)

    dconcat = (np.dot(parameters["Wf"].T, dft) + np.dot(parameters["Wi"].T, dit)
               + np.dot(parameters["Wc"].T, dcct) + np.dot(parameters["Wo"].T, dot))
    da_prev = dconcat[:n_a, :]
    dxt = dconcat[n_a:, :]
    dc_prev = dc * ft
    gradients = {"dxt": dxt, "da_prev": da_prev, "dc_prev": dc_prev, "dWf": dWf, "dbf": dbf, "dWi": dWi,
                 "dbi": dbi, "dWc": dWc, "dbc": dbc, "dWo": dWo, "dbo": dbo}
    return gradients


def rnn_parameters():
    r = rng(5)
    return {"Wax": r.standard_normal((4, 3)) * 0.5, "Waa": r.standard_normal((4, 4)) * 0.5,
            "Wya": r.standard_normal((2, 4)), "ba": r.standard_normal((4, 1)), "by": r.standard_normal((2, 1))}


def lstm_parameters():
    r = rng(6)
    p = {}
    for g in "fico":
        p["W" + g] = r.standard_normal((4, 4 + 3)) * 0.5
        p["b" + g] = r.standard_normal((4, 1))
    return p


# --------------------------------------------------------- softmax output layer

def softmax_cost(Z, Y):
    """Z (C, m), Y one-hot (C, m). Returns the cost and dZ."""
    m = Y.shape[1]
    A = softmax(Z)
    cost = -np.sum(Y * np.log(A)) / m
    dZ = (A - Y) / m
    return cost, dZ


def softmax_cost_sum(Z, Y):
    m = Y.shape[1]
    A = softmax(Z)
    cost = -1 / m * np.sum(np.multiply(Y, np.log(A)))
    dZ = A - Y
    return cost, dZ


def _r(*s, seed=0):
    return rng(seed).standard_normal(s)


def _binary(*s):
    return (rng(9).random(s) > 0.5).astype(float)


CASES = [
    dict(name="linear", layer=lambda: (linear_forward, linear_backward),
         x=lambda: (_r(3, 5), _r(4, 3, seed=1), _r(4, 1, seed=2)),
         convention="dW and db are those of the mean over the m columns, dA_prev that of the sum (dZ is per example)"),
    dict(name="linear_nomean", layer=lambda: (linear_forward, linear_backward_nomean),
         x=lambda: (_r(3, 5), _r(4, 3, seed=1), _r(4, 1, seed=2))),
    # the bias gradient sums over the units too
    dict(name="linear_db_everything", layer=lambda: (linear_forward, linear_backward_db),
         x=lambda: (_r(3, 5), _r(4, 3, seed=1), _r(4, 1, seed=2)), wrong={"b": {"wrong_axis"}}),
    dict(name="relu", layer=lambda: (relu, relu_backward), x=lambda: _r(4, 6)),
    dict(name="sigmoid", layer=lambda: (sigmoid, sigmoid_backward), x=lambda: _r(4, 6)),
    # s(1-s) taken at Z, the cache, instead of at A
    dict(name="sigmoid_of_z", layer=lambda: (sigmoid, sigmoid_backward_v0), x=lambda: _r(4, 6),
         wrong={"input": {"wrong_variable", "wrong_local_derivative"}}),
    dict(name="linear_activation", layer=lambda: (linear_activation_forward, linear_activation_backward),
         x=lambda: (_r(3, 5), _r(4, 3, seed=1), _r(4, 1, seed=2), "sigmoid"),
         convention="dW and db are those of the mean over the m columns, dA_prev that of the sum; "
                    "the backward takes the activation's name as its third argument"),
    dict(name="linear_relu", layer=lambda: (linear_relu_forward, linear_relu_backward),
         x=lambda: (_r(3, 5), _r(4, 3, seed=1), _r(4, 1, seed=2))),
    dict(name="logistic_propagate", layer=lambda: propagate,
         x=lambda: (_r(3, 1), 0.3, _r(3, 5, seed=1), _binary(1, 5))),  # returns grads, cost in that order
    dict(name="planar_network", layer=lambda: nn_cost_and_grads,
         x=lambda: (_r(3, 5), _binary(2, 5), planar_parameters())),
    # sigmoid's derivative on tanh's output
    dict(name="planar_network_tanh", layer=lambda: nn_cost_and_grads_bad,
         x=lambda: (_r(3, 5), _binary(2, 5), planar_parameters()),
         wrong={"W1": {"wrong_local_derivative"}, "b1": {"wrong_local_derivative"}}),
    dict(name="regularized_network", layer=lambda: cost_and_grads_with_regularization,
         x=lambda: (_r(3, 5), _binary(2, 5), planar_parameters(), 0.7)),
    # the first layer's lambd/m*W1 is forgotten
    dict(name="regularized_network_forgets_W1", layer=lambda: cost_and_grads_with_regularization_2,
         x=lambda: (_r(3, 5), _binary(2, 5), planar_parameters(), 0.7), wrong={"W1": {"missing_branch"}}),
    dict(name="dropout", layer=lambda: (forward_dropout, backward_dropout), x=lambda: (_r(4, 6), 0.6)),
    dict(name="batchnorm", layer=lambda: (batchnorm_forward, batchnorm_backward),
         x=lambda: (_r(4, 6), _r(4, 1, seed=1), _r(4, 1, seed=2)), constants={"epsilon"}),
    # mean and variance treated as constants
    dict(name="batchnorm_constant_stats", layer=lambda: (batchnorm_forward, batchnorm_backward_simple),
         x=lambda: (_r(4, 6), _r(4, 1, seed=1), _r(4, 1, seed=2)), constants={"epsilon"},
         wrong={"input": {"missing_branch"}}),
    dict(name="conv", layer=lambda: (conv_forward, conv_backward),
         x=lambda: (_r(2, 6, 5, 3), _r(2, 2, 3, 4, seed=1), _r(1, 1, 1, 4, seed=2), {"stride": 2, "pad": 1})),
    # = for += in the overlapping windows of dA_prev
    dict(name="conv_overwrites", layer=lambda: (conv_forward, conv_backward_bug),
         x=lambda: (_r(2, 6, 5, 3), _r(2, 2, 3, 4, seed=1), _r(1, 1, 1, 4, seed=2), {"stride": 1, "pad": 1}),
         wrong={"input": {"overwritten"}}),
    dict(name="max_pool", layer=lambda: (pool_forward, pool_backward),
         x=lambda: (_r(2, 6, 5, 3), {"f": 2, "stride": 1})),
    dict(name="average_pool", layer=lambda: (average_pool_forward, average_pool_backward),
         x=lambda: (_r(2, 6, 5, 3), {"f": 3, "stride": 2})),
    dict(name="rnn_cell", layer=lambda: (rnn_cell_forward, rnn_cell_backward),
         x=lambda: (_r(3, 5), _r(4, 5, seed=1), rnn_parameters()),
         convention="the upstream gradient is that of a_next only; Wya and by get no gradient here"),
    dict(name="rnn_over_time", layer=lambda: (rnn_forward, rnn_backward),
         x=lambda: (_r(3, 5, 6), _r(4, 5, seed=1), rnn_parameters()),
         convention="the upstream gradient is that of a only; Wya and by get no gradient here"),
    # nothing flows from step t to step t-1
    dict(name="rnn_over_time_truncated", layer=lambda: (rnn_forward, rnn_backward_truncated),
         x=lambda: (_r(3, 5, 6), _r(4, 5, seed=1), rnn_parameters()),
         convention="the upstream gradient is that of a only; Wya and by get no gradient here",
         wrong={k: {"missing_branch"} for k in ("input", "a0", "Wax", "Waa", "ba")}),
    dict(name="lstm_cell", layer=lambda: (lstm_cell_forward, lstm_cell_backward),
         x=lambda: (_r(3, 5), _r(4, 5, seed=1), _r(4, 5, seed=2), lstm_parameters())),
    dict(name="softmax_cost", layer=lambda: softmax_cost, x=lambda: (_r(3, 5), np.eye(3)[:, [0, 2, 1, 1, 0]])),
    # mean in the cost, sum in the gradient
    dict(name="softmax_cost_forgets_m", layer=lambda: softmax_cost_sum,
         x=lambda: (_r(3, 5), np.eye(3)[:, [0, 2, 1, 1, 0]]), wrong={"input": {"scale", "missing_factor"}}),
]
