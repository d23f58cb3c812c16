"""CS224n's word2vec: skip-gram with negative sampling in functions; skipgram(center, outside, negatives, V, U) -> loss, grad_V, grad_U (U: outside vectors)."""
import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def neg_sampling_loss_and_gradient(center_vec, outside_idx, outside_vectors, neg_indices):
    """One (center, outside) pair. neg_indices may hold an index several times."""
    u_o = outside_vectors[outside_idx]
    s_o = sigmoid(u_o @ center_vec)
    loss = -np.log(s_o)

    grad_center = (s_o - 1) * u_o
    grad_outside = np.zeros_like(outside_vectors)
    grad_outside[outside_idx] += (s_o - 1) * center_vec

    for k in neg_indices:
        u_k = outside_vectors[k]
        s_k = sigmoid(-u_k @ center_vec)
        loss -= np.log(s_k)
        grad_center += (1 - s_k) * u_k
        grad_outside[k] += (1 - s_k) * center_vec

    return loss, grad_center, grad_outside


def skipgram(center, outside, negatives, V, U):
    """center: index; outside: list of indices; negatives: one list for each outside word"""
    loss = 0.0
    grad_V = np.zeros_like(V)
    grad_U = np.zeros_like(U)
    for word, neg in zip(outside, negatives):
        l, gc, go = neg_sampling_loss_and_gradient(V[center], word, U, neg)
        loss += l
        grad_V[center] += gc
        grad_U += go
    return loss, grad_V, grad_U


def example(rng):
    """(object or (forward, backward) pair of functions, x or tuple of inputs)"""
    return skipgram, (2, [1, 4, 3], [[0, 5, 5], [3, 0, 2], [1, 5, 0]], rng.standard_normal((6, 4)), rng.standard_normal((6, 4)))


def sized(rng):
    """The same with other sizes (N, and T / H / W where there are such)."""
    return skipgram, (0, [3, 1], [[2, 4, 4, 4], [0, 2, 3, 2]], rng.standard_normal((5, 3)), rng.standard_normal((5, 3)))


MISTAKES = [
    ("grad_center = (s_o - 1) * u_o", "grad_center = (s_o - 1) * center_vec",
     "wrong variable of the same shape", "The center vector for the outside vector."),
    ("grad_center = (s_o - 1) * u_o", "grad_center = s_o * (1 - s_o) * u_o",
     "derivative of the sigmoid for that of its log", "The log is forgotten."),
    ("grad_center += (1 - s_k) * u_k", "grad_center -= (1 - s_k) * u_k",
     "sign", "The minus inside the negative sigmoid is forgotten."),
    ("grad_center += (1 - s_k) * u_k", "grad_center = (1 - s_k) * u_k",
     "= for += in the loop", "Only the last negative sample counts."),
    ("grad_outside[k] += (1 - s_k) * center_vec", "grad_outside[k] = (1 - s_k) * center_vec",
     "= for += with repeated indices", "A negative word that is drawn twice counts once."),
    ("grad_outside[k] += (1 - s_k) * center_vec", "grad_outside[k] += s_k * center_vec",
     "sigma(-x) for sigma(x)", "s_k is the sigmoid of -x already: 1 - s_k is needed."),
    ("        grad_center += (1 - s_k) * u_k\n        grad_outside[k] += (1 - s_k) * center_vec\n",
     "        grad_center += (1 - s_k) * u_k\n    grad_outside[k] += (1 - s_k) * center_vec\n",
     "indentation", "The outside gradient of the negatives is taken once, after the loop."),
    ("grad_V[center] += gc", "grad_V[word] += gc",
     "wrong index", "The center vector's gradient goes to the row of the outside word."),
    ("        grad_V[center] += gc\n        grad_U += go\n", "        grad_V[center] += gc\n    grad_U += go\n",
     "indentation", "Only the last pair of the window gives its outside gradient."),
    ("grad_outside[outside_idx] += (s_o - 1) * center_vec", "grad_outside[outside_idx] += (s_o - 1) * u_o",
     "wrong variable of the same shape", "The outside vector's gradient is made from itself."),
    ("        grad_V[center] += gc\n        grad_U += go\n", "        grad_V[center] += gc / len(outside)\n        grad_U += go / len(outside)\n",
     "two: mean for sum", "The loss is a sum over the window."),
]
