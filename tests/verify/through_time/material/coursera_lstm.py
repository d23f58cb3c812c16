"""Coursera's LSTM cell: parameters in a dict, examples in columns, gradients in a dict."""

import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def lstm_cell_forward(xt, a_prev, c_prev, parameters):
    p = parameters
    concat = np.concatenate((a_prev, xt), axis=0)
    ft = sigmoid(np.dot(p["Wf"], concat) + p["bf"])
    it = sigmoid(np.dot(p["Wi"], concat) + p["bi"])
    cct = np.tanh(np.dot(p["Wc"], concat) + p["bc"])
    c_next = ft * c_prev + it * cct
    ot = sigmoid(np.dot(p["Wo"], concat) + p["bo"])
    a_next = ot * np.tanh(c_next)
    z = np.dot(p["Wy"], a_next) + p["by"]
    yt_pred = np.exp(z) / np.exp(z).sum(axis=0, keepdims=True)
    cache = (a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, parameters)
    return a_next, c_next, yt_pred, cache


def lstm_cell_backward(da_next, dc_next, cache):
    (a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, parameters) = cache
    n_a, m = a_next.shape
    dc = dc_next + da_next * ot * (1 - np.tanh(c_next) ** 2)
    dot = da_next * np.tanh(c_next) * ot * (1 - ot)
    dcct = dc * it * (1 - cct**2)
    dit = dc * cct * it * (1 - it)
    dft = dc * c_prev * ft * (1 - ft)
    concat = np.concatenate((a_prev, xt), axis=0)
    dWf, dWi = np.dot(dft, concat.T), np.dot(dit, concat.T)
    dWc, dWo = np.dot(dcct, concat.T), np.dot(dot, concat.T)
    dbf, dbi = dft.sum(axis=1, keepdims=True), dit.sum(axis=1, keepdims=True)
    dbc, dbo = dcct.sum(axis=1, keepdims=True), dot.sum(axis=1, keepdims=True)
    dconcat = (
        parameters["Wf"].T @ dft + parameters["Wi"].T @ dit
        + parameters["Wc"].T @ dcct + parameters["Wo"].T @ dot
    )
    da_prev, dxt = dconcat[:n_a], dconcat[n_a:]
    dc_prev = dc * ft
    return {"dxt": dxt, "da_prev": da_prev, "dc_prev": dc_prev, "dWf": dWf, "dbf": dbf,
            "dWi": dWi, "dbi": dbi, "dWc": dWc, "dbc": dbc, "dWo": dWo, "dbo": dbo}


def example(verify, T=3, m=4, n_x=3, n_a=5, n_y=2, seed=0, dtype=float, **options):
    rng = np.random.default_rng(seed)
    draw = lambda *shape: rng.standard_normal(shape).astype(dtype)
    p = {f"W{g}": 0.6 * draw(n_a, n_a + n_x) for g in "fico"}
    p |= {f"b{g}": draw(n_a, 1) for g in "fico"} | {"Wy": draw(n_y, n_a), "by": draw(n_y, 1)}
    x = (draw(T, n_x, m), draw(n_a, m), draw(n_a, m), p)
    return verify.layer((lstm_cell_forward, lstm_cell_backward), x, steps=T, **options)


RIGHT = [
    {"T": 1}, {"T": 2}, {"T": 4}, {"m": 1}, {"m": 5}, {"n_x": 1}, {"n_a": 1}, {"n_a": 3},
    {"seed": 1}, {"seed": 2}, {"seed": 3}, {"dtype": np.float32}, {"n_y": 5}, {"n_y": 4},
]  # fmt: skip
GATED = "input a_prev xt"
MISTAKES = [
    ("dc = dc_next + da_next", "dc = da_next", "missing_branch",
     "c_prev input a_prev Wf bf Wi bi Wc bc", "the gradient of the next cell is forgotten"),
    ("dft = dc * c_prev * ft", "dft = dc * c_next * ft", "wrong_variable",
     GATED + " Wf bf", "c_t for c_(t-1)"),
    ("dit = dc * cct * it * (1 - it)", "dit = dc * cct * (1 - it ** 2)", "wrong_local_derivative",
     GATED + " Wi bi", "the derivative of tanh at a sigmoid"),
    ("dcct = dc * it * (1 - cct**2)", "dcct = dc * it * cct * (1 - cct)", "wrong_local_derivative",
     GATED + " Wc bc", "the derivative of a sigmoid at tanh"),
    ("dc_prev = dc * ft", "dc_prev = dc * it", "wrong_variable", "c_prev", "the wrong gate"),
    ("dc_prev = dc * ft", "dc_prev = dc_next * ft", "missing_branch", "c_prev",
     "only what comes from the next cell"),
    ("dc_prev = dc * ft", "dc_prev = dc", "missing_factor", "c_prev", "the forget gate is missing"),
    ("da_prev, dxt = dconcat[:n_a], dconcat[n_a:]", "dxt, da_prev = dconcat[: len(xt)], dconcat[len(xt) :]",
     "wrong_shape permuted shifted wrong_variable", "input a_prev", "the parts are exchanged"),
    ("parameters[\"Wf\"].T @ dft + parameters[\"Wi\"].T", "parameters[\"Wi\"].T", "missing_branch",
     "input a_prev", "the path through the forget gate is missing"),
    ("dot = da_next * np.tanh(c_next) * ot", "dot = da_next * c_next * ot",
     "wrong_variable wrong_local_derivative missing_factor", GATED + " Wo bo", "c for tanh(c)"),
    ("(1 - np.tanh(c_next) ** 2)", "(1 - c_next ** 2)",
     "wrong_variable wrong_local_derivative missing_factor",
     GATED + " c_prev Wf bf Wi bi Wc bc", "c for tanh(c) in the derivative"),
    ("\"dWi\": dWi, \"dbi\": dbi, \"dWc\": dWc", "\"dWi\": dWc, \"dbi\": dbi, \"dWc\": dWi",
     "wrong_variable", "Wi Wc", "two gradients are exchanged"),
    ("dbo = dcct.sum(axis=1, keepdims=True), dot.sum(axis=1, keepdims=True)",
     "dbo = dcct.sum(axis=1, keepdims=True), dot.sum(axis=0, keepdims=True)",
     "wrong_axis wrong_shape", "bo", "summed over the units"),
]  # fmt: skip
