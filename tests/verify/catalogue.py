"""Every kind of mistake, made in plain NumPy on several networks; the table of confusions.

``python -m tests.verify.catalogue [SEEDS]`` prints, for each kind, how often it was named first.
A name counts as right if it is the intended one, or an equivalent one on those data that comes
first in the table of kinds and is listed for the mistake below.
"""

from __future__ import annotations

import sys
from collections import Counter, defaultdict

import numpy as np

import tinygrad_fr as tg
from tinygrad_fr import verify

from . import networks as nets

CASES: list[tuple[str, object, object, str]] = []


def made(kind, *builders):
    """Enter a mistake: a function of a network that gives {name: wrong gradient}."""

    def declare(make):
        CASES.extend((kind, builder, make, make.__name__) for builder in builders)
        return make

    return declare


ALL = nets.NETWORKS
AXES = (nets.dense, nets.network, nets.residual)


def one(net, rng, least=2):
    """Some gradient of the network, of at least so many entries."""
    names = [n for n, g in net.truth.items() if g.size >= least and np.ptp(g) > 0]
    name = names[int(rng.integers(len(names)))]
    return name, net.truth[name]


@made("sign", *ALL)
def reversed_sign(net, rng):
    name, g = one(net, rng)
    return {name: -g}


@made("sign", nets.dense)
def sign_of_the_right_class(net, rng):
    return {"z": np.where(net.Y == 1, -net.dz, net.dz)}


@made("sign", nets.network)
def sign_of_the_negatives(net, rng):
    return {"a2": np.where(net.y == 0, -1, 1) * net.truth["a2"]}


@made("scale", *ALL)
def times_n(net, rng):
    n = net.N if hasattr(net, "N") else 2.0
    name, g = one(net, rng)
    return {name: g * n}


@made("scale", nets.dense, nets.network, nets.conv, nets.residual)
def times_the_square_rule(net, rng):
    name, g = one(net, rng)
    return {name: g / 2}


@made("scale", nets.dense)
def decimal_logarithm(net, rng):
    return {"W": net.truth["W"] / np.log(10)}


@made("scale", nets.conv)
def mean_over_pixels(net, rng):
    return {"b": net.u.mean((0, 2, 3))}


@made("zero", nets.dense, nets.network, nets.conv, nets.broadcast, nets.residual)
def nothing(net, rng):
    name, g = one(net, rng)
    return {name: np.zeros_like(g)}


@made("constant_offset", *ALL)
def offset(net, rng):
    name, g = one(net, rng, 4)
    return {name: g + 0.37 * np.abs(g).max()}


@made("truncated", nets.dense, nets.conv, nets.batch_norm, nets.broadcast, nets.residual)
def integers(net, rng):
    name, g = max(net.truth.items(), key=lambda item: np.abs(item[1]).max())
    return {name: g.astype(int)} if np.abs(g).max() > 1 else None


@made("transpose", nets.dense, nets.network, nets.residual, nets.conv)
def transposed(net, rng):
    names = [n for n, g in net.truth.items() if g.ndim == 2 and min(g.shape) > 1]
    if not names:
        return {"K": net.truth["K"].swapaxes(2, 3)}
    name = names[int(rng.integers(len(names)))]
    return {name: net.truth[name].T}


@made("transpose", nets.residual)
def operand_not_transposed(net, rng):
    return {"h": net.u @ net.V + net.u}


@made("not_summed", nets.dense)
def bias_of_every_example(net, rng):
    return {"b": net.dz}


@made("not_summed", nets.network)
def bias_of_the_hidden_layer(net, rng):
    return {"b1": net.truth["z1"]}


@made("not_summed", nets.conv)
def bias_of_every_pixel(net, rng):
    return {"b": net.u.sum(0) if rng.random() < 0.5 else net.u}


@made("not_summed", nets.broadcast)
def scale_of_every_example(net, rng):
    return {"s": net.dv * net.x}


@made("not_summed", nets.batch_norm)
def gamma_of_every_example(net, rng):
    return {"gamma": net.u * net.hat}


@made("wrong_axis", nets.dense)
def softmax_over_examples(net, rng):
    dz = nets.softmax(net.z, 0) - net.Y
    return {"z": dz / net.N}


@made("wrong_axis", nets.network)
def bias_summed_over_units(net, rng):
    return {"b1": net.truth["z1"].sum(1)}


@made("wrong_axis", nets.broadcast)
def shift_summed_over_examples(net, rng):
    return {"t": net.dv.sum(0)} if rng.random() < 0.5 else {"s": (net.dv * net.x).sum(1)}


@made("wrong_axis", nets.batch_norm)
def gamma_over_features(net, rng):
    return {"gamma": (net.u * net.hat).sum(1)}


@made("wrong_axis", nets.conv)
def bias_over_channels(net, rng):
    return {"b": net.u.sum((1, 2, 3))}


@made("flipped_kernel", nets.conv)
def kernel_not_turned(net, rng):
    return {"x": net.crop(net.patches(flipped=True)[0])}


@made("flipped_kernel", nets.conv)
def kernel_gradient_turned(net, rng):
    return {"K": net.dk[..., ::-1, ::-1]}


def padded(rng):
    return nets.conv(rng, pad=1)


def strided(rng):
    return nets.conv(rng, stride=2)


@made("flipped_kernel", padded, strided)
def kernel_not_turned_with_geometry(net, rng):
    if rng.random() < 0.5:
        return {"K": net.dk[..., ::-1, ::-1]}
    return {"x": net.crop(net.patches(flipped=True)[0])}


@made("shifted", padded)
def cropped_on_one_side(net, rng):
    return {"x": net.crop(net.dx, *((1, 1) if rng.random() < 0.5 else (-1, 0)))}


@made("shifted", nets.conv, nets.pool)
def moved_by_a_pixel(net, rng):
    g = np.roll(net.truth["x"], 1, -1)
    g[..., 0] = 0
    return {"x": g}


@made("shifted", strided)
def stride_forgotten(net, rng):
    return {"x": net.crop(net.patches(packed=True)[0])}


@made("permuted", nets.conv)
def other_layout(net, rng):
    k = net.truth["K"]
    return {"K": k.transpose(0, 2, 3, 1).reshape(k.shape)}


@made("permuted", nets.dense, nets.network, nets.residual)
def column_by_column(net, rng):
    name = "W" if "W" in net.truth else "W1"
    return {name: net.truth[name].ravel("F").reshape(net.truth[name].shape)}


@made("permuted", nets.dense)
def shuffled_classes(net, rng):
    order = np.roll(np.arange(net.C), 1)
    order[:2] = order[1::-1]
    return {"W": net.truth["W"][:, order]}


@made("permuted", nets.pool)
def image_reshaped(net, rng):
    x = net.truth["x"]
    return {"x": x.transpose(0, 2, 3, 1).reshape(x.shape)}


@made("off_by_one_class", nets.dense)
def next_label(net, rng):
    y = np.eye(net.C)[(net.y + 1) % net.C]
    dz = (net.p - y) / net.N
    return {"z": dz} if rng.random() < 0.5 else {"W": net.x.T @ dz}


@made("off_by_one_class", nets.dense)
def previous_label(net, rng):
    dz = (net.p - np.eye(net.C)[net.y - 1]) / net.N
    return {"b": dz.sum(0)} if rng.random() < 0.5 else {"x": dz @ net.W.T}


@made("diagonal_only", nets.dense)
def diagonal(net, rng):
    dz = -net.Y / net.p / net.N * net.p * (1 - net.p)
    return {"z": dz} if rng.random() < 0.5 else {"W": net.x.T @ dz}


@made("diagonal_only", nets.dense)
def diagonal_further_down(net, rng):
    dz = -net.Y / net.p / net.N * net.p * (1 - net.p)
    return {"x": dz @ net.W.T} if rng.random() < 0.5 else {"b": dz.sum(0)}


@made("double_activation", nets.dense)
def softmax_of_softmax(net, rng):
    q = nets.softmax(net.p)
    dz = (q - net.Y) / net.N
    return {"z": dz} if rng.random() < 0.5 else {"W": net.x.T @ dz}


@made("double_activation", nets.dense)
def gradient_through_two_softmaxes(net, rng):
    g = (nets.softmax(net.p) - net.Y) / net.N
    return {"z": net.p * (g - (g * net.p).sum(1, keepdims=True))}


@made("double_activation", nets.network)
def derivative_at_the_activation(net, rng):
    s = nets.sigmoid(net.a1) if net.activation == "sigmoid" else np.tanh(net.a1)
    slope = s * (1 - s) if net.activation == "sigmoid" else 1 - s**2
    g = net.back(net.da1 * slope)
    return {"z1": g["z1"]} if rng.random() < 0.5 else {"W1": g["W1"]}


@made("double_activation", nets.broadcast)
def tanh_derivative_at_tanh(net, rng):
    dv = net.u * (1 - np.tanh(net.a) ** 2)
    return {"x": dv * net.s}


@made("double_activation", nets.residual)
def tanh_derivative_twice(net, rng):
    dz = net.truth["h"] * (1 - np.tanh(net.h) ** 2)
    return {"W": net.x.T @ dz}


@made("missing_upstream", nets.network)
def slope_alone(net, rng):
    return {"z1": net.slope}


@made("missing_upstream", nets.broadcast)
def slope_of_tanh_alone(net, rng):
    return {"x": (1 - net.a**2) * net.s}


@made("missing_upstream", nets.residual)
def upstream_of_the_last_layer(net, rng):
    return {"V": net.h.T @ np.ones_like(net.u)}


@made("missing_upstream", nets.conv)
def kernel_without_upstream(net, rng):
    total = sum(
        net.padded[..., i : i + net.k, j : j + net.k].sum(0)
        for i in range(net.u.shape[2]) for j in range(net.u.shape[3])
    )  # fmt: skip
    return {"K": np.broadcast_to(total, net.K.shape).copy()}


@made("missing_upstream", nets.broadcast)
def scale_without_upstream(net, rng):
    return {"s": ((1 - net.a**2) * net.x).sum(0)}


@made("missing_factor", nets.dense)
def jacobian_skipped(net, rng):
    dz = -net.Y / net.p / net.N
    return {"z": dz} if rng.random() < 0.5 else {"W": net.x.T @ dz}


@made("missing_factor", nets.dense)
def one_over_p_missing(net, rng):
    g = -net.Y / net.N
    return {"z": net.p * (g - (g * net.p).sum(1, keepdims=True))}


@made("missing_factor", nets.network)
def activation_derivative_missing(net, rng):
    g = net.back(net.da1)
    name = ("z1", "W1", "b1", "x")[int(rng.integers(4))]
    return {name: g[name]}


@made("missing_factor", nets.broadcast)
def tanh_derivative_missing(net, rng):
    return {"x": net.u * net.s}


@made("missing_factor", nets.residual)
def tanh_missing(net, rng):
    return {"W": net.x.T @ net.truth["h"]}


@made("missing_factor", nets.batch_norm)
def gamma_missing(net, rng):
    return {"x": net.truth["x"] / net.gamma}


@made("extra_factor", nets.dense)
def softmax_derivative_again(net, rng):
    dz = net.dz * net.p * (1 - net.p)
    return {"z": dz} if rng.random() < 0.5 else {"W": net.x.T @ dz}


@made("extra_factor", nets.network)
def sigmoid_derivative_again(net, rng):
    return {"z2": net.dz2 * net.a2 * (1 - net.a2)}


@made("extra_factor", nets.network)
def activation_derivative_squared(net, rng):
    g = net.back(net.da1 * net.slope**2)
    name = ("z1", "W1", "b1", "x")[int(rng.integers(4))]
    return {name: g[name]}


@made("extra_factor", nets.broadcast, nets.residual)
def tanh_derivative_squared(net, rng):
    if hasattr(net, "h"):
        return {"W": net.x.T @ (net.truth["h"] * (1 - net.h**2) ** 2)}
    return {"x": net.dv * (1 - net.a**2) * net.s}


@made("wrong_variable", nets.network)
def other_activations(net, rng):
    return {"W2": net.z1.T @ net.dz2}


@made("wrong_variable", nets.residual)
def the_gradient_of_another(net, rng):
    return {"V": np.arctanh(net.h).T @ net.u}


@made("wrong_variable", nets.broadcast)
def activation_for_its_input(net, rng):
    return {"s": (net.dv * net.a).sum(0)}


@made("wrong_variable", nets.batch_norm)
def x_for_x_hat(net, rng):
    return {"gamma": (net.u * net.x).sum(0)}


@made("wrong_local_derivative", nets.network)
def one_minus_a(net, rng):
    g = net.back(net.da1 * (1 - net.a1))
    name = ("z1", "W1", "b1", "x")[int(rng.integers(4))]
    return {name: g[name]}


@made("wrong_local_derivative", nets.network)
def of_the_other_activation(net, rng):
    slope = net.a1 * (1 - net.a1) if net.activation == "tanh" else 1 - net.a1**2
    return {"W1": net.back(net.da1 * slope)["W1"]}


@made("wrong_variable", nets.broadcast, nets.residual)
def one_minus_z_squared(net, rng):
    if hasattr(net, "h"):
        return {"W": net.x.T @ (net.truth["h"] * (1 - (net.x @ net.W) ** 2))}
    return {"x": net.u * (1 - (net.x * net.s + net.t) ** 2) * net.s}


@made("wrong_local_derivative", nets.broadcast, nets.residual)
def one_minus_tanh(net, rng):
    if hasattr(net, "h"):
        return {"W": net.x.T @ (net.truth["h"] * (1 - net.h))}
    return {"x": net.u * (1 - net.a) * net.s}


@made("wrong_local_derivative", nets.network)
def mask_from_the_upstream(net, rng):
    return {"z1": net.da1 * (net.da1 > 0)}


@made("missing_branch", nets.residual)
def residual_forgotten(net, rng):
    dh = net.u @ net.V.T if rng.random() < 0.5 else net.u
    g = net.back(dh)
    name = ("W", "x", "h")[int(rng.integers(3))]
    return {name: g[name]}


@made("missing_branch", nets.network)
def half_of_the_cross_entropy(net, rng):
    half = -net.y / net.a2 if rng.random() < 0.5 else (1 - net.y) / (1 - net.a2)
    return {"a2": half / net.N}


@made("missing_branch", nets.batch_norm)
def statistics_held_constant(net, rng):
    if rng.random() < 0.5:
        return {"x": net.dhat * net.inverse}
    return {"x": (net.dhat - net.dhat.mean(0)) * net.inverse}


@made("missing_branch", nets.dense)
def regularisation_too_much(net, rng):
    return {"W": net.truth["W"] + 0.01 * net.W}


@made("missing_branch", nets.conv)
def regularised_kernel(net, rng):
    return {"K": net.truth["K"] + 0.1 * net.K}


@made("max_ties", nets.pool)
def every_maximum(net, rng):
    return {"x": net.back(net.mask * net.wide)}


@made("max_ties", nets.pool)
def whole_window(net, rng):
    return {"x": net.back(np.ones_like(net.mask) * net.wide)}


@made("max_ties", nets.pool)
def averaged(net, rng):
    return {"x": net.back(np.ones_like(net.mask) * net.wide / 4)}


def untied(rng):
    return nets.pool(rng, ties=False)


@made("max_ties", untied)
def whole_window_untied(net, rng):
    divisor = 1 if rng.random() < 0.5 else 4
    return {"x": net.back(np.ones_like(net.mask) * net.wide / divisor)}


@made("overwritten", nets.dense)
def last_example(net, rng):
    return {"W": np.outer(net.x[-1], net.dz[-1])} if rng.random() < 0.5 else {"b": net.dz[-1]}


@made("overwritten", nets.network)
def last_example_of_the_hidden_layer(net, rng):
    return {"W1": np.outer(net.x[-1], net.truth["z1"][-1])}


@made("overwritten", nets.conv)
def patches_assigned(net, rng):
    return {"x": net.crop(net.patches(assign=True)[0])}


@made("overwritten", nets.conv)
def last_image(net, rng):
    return {"b": net.u[-1].sum((1, 2))}


@made("overwritten", nets.broadcast)
def last_row(net, rng):
    return {"s": (net.dv * net.x)[-1]}


@made("updated_too_early", nets.dense)
def weights_updated(net, rng):
    return {"x": net.dz @ (net.W - 0.1 * net.truth["W"]).T}


@made("updated_too_early", nets.network)
def second_layer_updated(net, rng):
    return {"a1": net.dz2 @ (net.W2 - 0.3 * net.truth["W2"]).T}


@made("updated_too_early", nets.residual)
def residual_updated(net, rng):
    dh = net.u @ (net.V - 0.05 * net.truth["V"]).T + net.u
    return {"h": dh} if rng.random() < 0.5 else {"W": net.back(dh)["W"]}


@made("precision", nets.dense, nets.network, nets.batch_norm, nets.broadcast, nets.residual)
def own_differences(net, rng):
    name = next(n for n in ("b", "b1", "s", "x") if n in net.truth)
    h = 10.0 ** -float(rng.choice([1, 2, 12, 13]))

    def value(moved):
        inputs = {**net.inputs, name: moved}
        return float(
            net.f(**{k: v if v.dtype.kind == "i" else tg.Tensor(v) for k, v in inputs.items()})
        )

    x, g = net.inputs[name], np.zeros(net.inputs[name].shape)
    for index in np.ndindex(x.shape):
        step = np.zeros(x.shape)
        step[index] = h
        g[index] = (value(x + step) - value(x)) / h
    return {name: g}


@made("non_finite", *ALL)
def not_a_number(net, rng):
    name, g = one(net, rng)
    g = g.copy()
    g.flat[int(rng.integers(g.size))] = (np.nan, np.inf)[int(rng.integers(2))]
    return {name: g}


@made("wrong_shape", nets.dense, nets.network, nets.conv, nets.batch_norm, nets.residual)
def random_of_another_shape(net, rng):
    name, g = one(net, rng)
    return {name: rng.standard_normal((*g.shape, 2))}


def confusions(seeds):
    """For each kind, how often which kind was named first."""
    table = defaultdict(Counter)
    misses = []
    for number, (kind, builder, make, label) in enumerate(CASES):
        for seed in seeds:
            rng = np.random.default_rng([seed, number])
            net = builder(rng)
            wrong = {k: v for k, v in (make(net, rng) or {}).items() if v is not None}
            if not wrong:
                continue
            report = verify.hand(net.f, net.inputs, wrong, seed=seed, repair=False)
            for entry in report:
                if entry.verdict != "wrong":
                    named = entry.verdict
                else:
                    named = entry.diagnoses[0].kind if entry.diagnoses else "no cause"
                table[kind][named] += 1
                if named != kind:
                    also = [d.kind for d in entry.diagnoses]
                    misses.append((kind, label, builder.__name__, seed, entry.name, named, also))
    return table, misses


def main(seeds=6):
    table, misses = confusions(range(seeds))
    right = total = 0
    for kind, named in table.items():
        n = sum(named.values())
        right, total = right + named[kind], total + n
        others = ", ".join(f"{k} {v}" for k, v in named.most_common() if k != kind)
        print(f"{kind:24} {named[kind]:4} of {n:4}   {others}")
    print(f"{'all':24} {right:4} of {total:4}   {right / total:.1%}")
    listed = sum(kind in also for kind, *_rest, also in misses)
    print(f"named, but not first, in {listed} of {len(misses)} others")
    return misses


if __name__ == "__main__":
    for miss in main(int(sys.argv[1]) if len(sys.argv) > 1 else 6):
        print(*miss)
