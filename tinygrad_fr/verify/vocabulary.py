"""What people call things: methods, arguments, parameters and their gradients."""

import functools
import re
from contextlib import suppress
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
# How arrays are called that are learnt, and want a gradient.
WEIGHT = re.compile(
    r"_?(w|b|u|v|e|weights?|bias(es)?|kernels?|filters?|gamma|beta|theta|coefs?|emb(edding)?s?"
    r"|intercept|poids|biais|noyaux?|filtres?|params?)(_?[a-z]{0,2}\d*)",
    re.I,
)
NUMBER = re.compile(r"_?(w|b|weight|bias|poids|biais|intercept)\d*", re.I)  # a weight, alone
# These are called so, too, where they are no learning rates: slopes, parts that are dropped.
UNSURE_RATE = {"alpha", "rate", "pas"}
CACHE = re.compile(
    r"_?(caches?|ctx|memo(ire|ry)?|saved?|contexte?|tape|souvenirs?|stored?|res(iduals?)?)", re.I
)
# What sets accumulated gradients back to zero, here or in a parameter.
RESET = re.compile(
    r"[^_]*\.(?!.*(init|state|etat|weight|poids|cache|param))_?(zero|reset|flush|clear|remise|remet"
    r"|efface|vide|annule)|.*zero.*grad|.*grad.*zero",
    re.I,
)
# Names under which a batch of data goes in courses, as against parameters.
DATA = re.compile(r"(x|a|h|z|p|y|images?|inputs?|data|batch)\d*", re.I)
INPUT = {"entree", "entrees", "x", "z", "input", "inputs", "inp", "X", "Z", "last_input", "data"}
OUTPUT = {
    "sortie", "a", "A", "o", "P", "probs", "proba", "out", "output", "outputs", "activated",
    "activation", "s", "p",
}  # fmt: skip
# Targets: sure ones, and the ``y`` that is a prediction beside a ``t``.
_SURE_TARGET = re.compile(
    r"(true|actual|expected|gold|desired|one_?hot|ground_?truth|t|attendus?|reels?)"
    r"|[yt](_?(true|one_?hot|train|target|batch|real|vraie?|test|obs|oh|gt|desired|actual|label"
    r"|cible|idx|ids|data|attendu|reel))s?|(.*_)?(target|label|cible|etiquette|class)e?s?",
    re.I,
)
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


def is_target(name: str, surely: bool = False) -> bool:
    """Whether an argument is called like what a loss compares a prediction with."""
    return bool(_SURE_TARGET.fullmatch(name)) or (not surely and name in ("y", "Y"))


def is_prediction(name: str) -> bool:
    """Whether an argument is called like the prediction that a loss judges."""
    return name in PREDICTION or bool(re.search("pred|hat|prob|logit|score|softmax|sortie", name))


@functools.lru_cache(1 << 12)
def aliases(name: str) -> frozenset[str]:
    """How else a parameter may be called in the name of its gradient, without underscores."""
    stem, digits = re.fullmatch(r"(.*?)(\d*)", name.lower().replace("_", ""), re.S).groups()  # type: ignore[union-attr]
    whole = stem + digits
    found = {whole}
    for group in GROUPS:
        if whole in group:
            found |= group
        elif stem in group:
            found |= {other + digits for other in group}
    return frozenset(found)


def of_the_input(name: str) -> bool:
    """Whether a gradient is called like that of an input: dx, grad_input, da_prev."""
    return bool(re.fullmatch(
        r"(d|grad|gradient|delta|g)_?(x|inputs?|in|a|h|z|entrees?|data|images?|prev|precedent)"
        r"(_?(prev|in|0))?|(back|input)_?(grad|error|delta)",
        name.lower(),
    ))  # fmt: skip


@functools.lru_cache(1 << 14)
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
        re.match(r"(d|grad|delta|up|acc|err|g)(_|[A-Z]|l|out|rad|elta|um|or|ient|$)|amont", name)
        or re.fullmatch(r"d[a-z]{1,2}\d?(_(next|out|t|suivante?|amont|\d))?|dvalues", name)
        or re.search(r"_(erreur|error|grad|gradient|amont|delta)$|upstream", name)
    )


def named_like_a_gradient(slot: tuple[str, ...]) -> bool:
    """Whether an array is called like some gradient."""
    word = "".join(slot).lower()
    return bool(re.match(r"_?(d_|dl|grad|delta|d[wbk]\d*$)", word) or re.search("grad", word))


def attribute(layer: Any, name: str) -> Any:
    """An attribute; None where there is none, or where looking at it raises."""
    try:
        return getattr(layer, name, None)
    except Exception:
        return None


def members(layer: Any, names: tuple[str, ...]) -> list[str]:
    """The methods of a layer that have one of the usual names, then those that sound so."""
    sounds = re.compile(
        r"forward|propag|avan[ct]|calcul|perte|cout|loss|cost|objecti" if names is FORWARD
        else r"backward|backprop|retro|recul|arriere|gradient"
    )  # fmt: skip
    with suppress(Exception):
        free = [n for n in dir(layer) if not n.startswith("__") and sounds.search(n)]
        names = (*names, *free)
    own = attribute(layer, "__dict__") or {}
    known = [n for n in dict.fromkeys(names) if callable(attribute(layer, n))]
    known.sort(key=lambda n: n in own)  # self.activation = np.tanh
    return [n for n in known if not (n == "__call__" and isinstance(layer, type))]


def member(layer: Any, names: tuple[str, ...], what: str) -> str:
    """The first method of a layer that has one of the usual names."""
    found = members(layer, names)
    if not found:
        text = _('{kind} has no {what} method under a usual name: name it, {what}="..."')
        raise ArgumentError(text, kind=type(layer).__name__, what=what)
    return found[0]
