"""Layers as many people write them, in eighteen styles; who wrote them had not seen this library.

Each file is one manner; ``CASES`` lists what is in it: ``layer`` and ``x`` make a layer and its
input, ``wrong`` maps the values whose gradients are wrong to the kinds that a teacher would name,
``convention`` says what is right under a condition only.

``python -m tests.verify.styles [-v]`` counts what is judged rightly, and what is named.
"""

from __future__ import annotations

import functools
import importlib
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tinygrad_fr import verify
from tinygrad_fr.errors import ArgumentError
from tinygrad_fr.report import Report

STYLES = sorted(path.stem for path in Path(__file__).parent.glob("[a-z]*.py"))

# What somebody else calls otherwise: their name for a value, and ours.
CALLED = {
    ("functional", "chain_tanh_late_binding"): {"Ws": "Ws[0]"},
    ("keras_like", "attention_keys_constant"): {"v": "inputs[1]"},
    ("minitorch", "tied_autoencoder"): {"weight": "weight.data"},
    ("minitorch", "self_attention_key"): {"k.weight": "k.weight.data"},
    ("minitorch", "rnn_shared_state"): {n: n + ".data" for n in ("wx", "wh", "b")},
    ("rl_seq", "embedding_overwrites"): {"W": "params[0]"},
}
# Not judged, or under another convention than theirs: what falls short, and why.
SHORT = {
    ("coursera", "linear"): "dW is that of the mean, dA_prev that of the sum",
    ("coursera", "linear_activation"): "dW is that of the mean, dA_prev that of the sum",
    ("nnfs", "dense_l1_l2"): "the penalty is in dweights, and not in the output",
    ("minichar", "lstm_closure"): "the weights are an attribute of a function",
    ("minichar", "lossfun_closure"): "the weights are an attribute of a function",
    ("minichar", "lossfun_clipped"): "the weights are an attribute of a function",
    ("minichar", "lossfun_forgets_dhnext"): "the weights are an attribute of a function",
    ("minichar", "lossfun_wrong_step"): "the weights are an attribute of a function",
    ("blog", "fc_layer_bias_stays"): "no gradient of the bias: not judged",
    ("blog", "network_train_step"): "the forward does not take the target",
    ("blog", "network_with_its_data"): "the data are given to the constructor",
    ("blog", "network_o_delta"): "no loss: backward(X, y, o) takes labels",
    ("blog", "network_o_delta_at_z"): "no loss: backward(X, y, o) takes labels",
    ("blog", "network_o_delta_order"): "no loss: backward(X, y, o) takes labels",
    ("blog", "nielsen"): "no loss: cost_derivative only",
    ("blog", "nielsen_prime_of_activation"): "no loss: cost_derivative only",
    ("blog", "word2vec"): "backprop(e, h, x) takes values of its own",
    ("functional", "weighted_lsq_namedtuple"): "the weights of the examples are called weights",
    ("mlfromscratch", "multilayer_perceptron"): "it returns the gradient of an inner value",
    ("numpy_ml", "squared_error"): "loss and grad take other arguments",
    ("numpy_ml", "cross_entropy"): "the gradient is that of the logits before the softmax",
    ("numpy_ml", "vae_loss_log_var"): "two gradients of one shape in another order, one wrong",
    ("numpy_ml", "lstm_cell"): "its flush_gradients breaks it",
    ("kaggle", "mnist_scalar_bias"): "a bias that is one number is taken for a setting",
    ("kaggle", "linear_blocks"): "dW is that of the mean, dA_prev that of the sum",
    ("lectures", "two_layer"): "the loss goes back itself",
    ("modern", "linear_params"): "gradients add up, and nothing sets them back",
    ("modern", "weighted_ce"): "one loss per example, divided by the sum of the weights",
    ("tp_fr", "reseau_presse"): "the wrong method has another name, the backward is right",
}


@functools.cache
def cases(style: str) -> dict[str, dict[str, Any]]:
    """The cases of a style by name."""
    module = importlib.import_module(f"{__name__}.{style}")
    return {case["name"]: case for case in module.CASES}


def judged(style: str, name: str) -> tuple[str, Report]:
    """How a case is judged: ``right``, ``alarm``, ``undecided``, ``miss`` or ``elsewhere``."""
    case = cases(style)[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        report = verify.layer(case["layer"](), case["x"](), repair=False, **case.get("options", {}))
    wrong = {entry.name for entry in report if entry.verdict == "wrong"}
    wanted = {ours(style, name, n, report) for n in case.get("wrong", {})}
    if not wanted:
        return ("right" if report else "alarm" if wrong else "undecided"), report
    if not wrong:
        return ("undecided" if not report else "miss"), report
    return ("right" if wanted <= wrong else "elsewhere"), report


def ours(style: str, name: str, value: str, report: Report) -> str:
    """What we call a value: the first argument of a function is the input, whatever its name."""
    called = CALLED.get((style, name), {}).get(value, value)
    return called if called in report.entries else "input"


def named(style: str, name: str, report: Report) -> Iterator[str]:
    """What is said of each wrong gradient: ``first``, ``later``, ``none`` or ``misleading``."""
    for value, kinds in cases(style)[name].get("wrong", {}).items():
        entry = report.entries.get(ours(style, name, value, report))
        if entry is not None and entry.verdict == "wrong":
            told = [d.kind for d in entry.diagnoses]
            first = "first" if told and told[0] in kinds else "misleading" if told else "none"
            yield "later" if first == "misleading" and kinds & set(told) else first


def main(verbose: bool = False) -> None:
    """Print the counts, style by style."""
    verdicts, names = Counter[str](), Counter[str]()
    for style in STYLES:
        here = Counter[str]()
        for name in cases(style):
            try:
                verdict, report = judged(style, name)
            except ArgumentError as error:  # it says what it wants
                verdict, report = "undecided", Report({}, notes=(str(error),))
            here[verdict] += 1
            names.update(named(style, name, report))
            if verbose and verdict != "right":
                print(f"{style}: {name}: {verdict}\n{report}")
        verdicts += here
        print(f"{style:14} {dict(here)}", flush=True)
    total = verdicts.total()
    share = names["first"] / names.total()
    print(f"{total} layers: {dict(verdicts)}, {verdicts['right'] / total:.1%} judged right")
    print(f"{names.total()} wrong gradients: {dict(names)}, first {share:.1%}")
