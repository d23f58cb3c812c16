"""What people call things: methods, arguments, parameters and their gradients."""

import re
from typing import Any

from ..errors import ArgumentError
from ..messages import _

FORWARD = (
    "forward", "forward_pass", "avant", "propagation_avant", "propagation", "propager", "fprop",
    "feedforward", "feed_forward", "forward_propagation", "forward_prop", "propagate",
    "activation", "activate", "loss", "cost", "function", "func", "fn", "f", "compute",
    "calculate", "apply", "predict", "output", "__call__",
)  # fmt: skip
BACKWARD = (
    "backward", "backprop", "arriere", "propagation_arriere", "retropropagation",
    "retropropager", "backward_pass", "bprop", "back_propagation", "backpropagation",
    "backpropagate", "backward_propagation", "backward_prop", "back_prop", "back", "gradient",
    "derivee", "derivative", "prime", "grad", "deriv", "d_activation", "activation_derivative",
    "dloss", "loss_derivative", "loss_prime", "loss_gradient", "derivate", "delta", "df", "d",
)  # fmt: skip
# Derivatives of a function at a point, in contrast to functions that take an upstream gradient.
POINTWISE = set(BACKWARD[BACKWARD.index("gradient") :])
RATE = {
    "taux", "taux_apprentissage", "pas", "learn_rate", "learning_rate", "lr", "eta", "rate",
    "step_size", "alpha", "l_rate",
}  # fmt: skip
# These are called so, too, where they are no learning rates: slopes, parts that are dropped.
UNSURE_RATE = {"alpha", "rate", "pas"}
CACHE = {"cache", "ctx", "memo", "saved", "context", "memory"}
# Names under which a batch of data goes in courses, as against parameters.
DATA = re.compile(r"(x|a|h|z|p|y|images?|inputs?|data|batch)\d*", re.I)
INPUT = {"entree", "entrees", "x", "z", "input", "inputs", "inp", "X", "Z", "last_input", "data"}
OUTPUT = {"sortie", "a", "A", "out", "output", "outputs", "activated", "activation", "s", "p"}
TARGET = {
    "cible", "cibles", "etiquettes", "attendu", "y", "y_true", "t", "target", "targets",
    "label", "labels", "true", "Y", "ytrue", "actual", "expected", "T",
}  # fmt: skip
PREDICTION = {
    "sortie", "proba", "probas", "p", "pred", "y_pred", "y_hat", "yhat", "ypred", "prediction",
    "predictions", "probs", "output", "outputs", "a", "A", "logits", "scores", "z", "out",
    "predicted", "x", "inputs", "input",
}  # fmt: skip
STORED_OUTPUT = ("output", "outputs", "out", "sortie", "y", "a", "z")
TRAINING = {"training", "train", "is_training", "train_mode", "mode"}
GROUPS = (
    {"w", "weight", "weights", "kernel", "kernels", "filter", "filters", "k", "coef", "theta",
     "poids", "noyau", "noyaux", "filtre", "filtres"},
    {"b", "bias", "biases", "w0", "intercept", "biais"},
)  # fmt: skip


def aliases(name: str) -> set[str]:
    """How else a parameter may be called in the name of its gradient, without underscores."""
    stem, digits = re.fullmatch(r"(.*?)(\d*)", name.lower().replace("_", ""), re.S).groups()  # type: ignore[union-attr]
    whole = stem + digits
    found = {whole}
    for group in GROUPS:
        if whole in group:
            found |= group
        elif stem in group:
            found |= {other + digits for other in group}
    return found


def is_gradient_of(attribute: str, name: str, exactly: bool = False) -> bool:
    """Whether an attribute is called like the gradient of a parameter (of that very name)."""
    word = attribute.lower().replace("_", "")
    for known in {name.lower().replace("_", "")} if exactly else aliases(name):
        alias = re.escape(known)
        start = "d|grad|grads|gradient|gradients|dl?d|dlossd|dcd|dcostd|djd|delta|nabla|g"
        before = rf"({start})(of|l)?{alias}"
        after = rf"{alias}(grad|grads|gradient|gradients|delta|g)"
        if re.fullmatch(before, word) or re.fullmatch(after, word):
            return True
    return False


def is_pointwise(method: str) -> bool:
    """Whether a method is called like a derivative at a point, such as ``sigmoid_prime``."""
    return method in POINTWISE or bool(re.search("prime|deriv|grad|^d_", method))


def like_upstream(name: str) -> bool:
    """Whether an argument is called like an upstream gradient."""
    return bool(
        re.match(r"(d|grad|delta|up|acc|err|g)(_|[A-Z]|l|out|rad|elta|um|or|$)|amont", name)
    )


def named_like_a_gradient(slot: tuple[str, ...]) -> bool:
    """Whether an array is called like some gradient."""
    word = "".join(slot).lower()
    return bool(re.match(r"_?(d_|dl|grad|delta|d[wbk]\d*$)", word) or re.search("grad", word))


def member(layer: Any, names: tuple[str, ...], what: str) -> str:
    """The first method of a layer that has one of the usual names."""
    for name in names:
        if callable(getattr(layer, name, None)) and not (
            name == "__call__" and isinstance(layer, type)
        ):
            return name
    text = _('{kind} has no {what} method under a usual name: name it, {what}="..."')
    raise ArgumentError(text, kind=type(layer).__name__, what=what)
