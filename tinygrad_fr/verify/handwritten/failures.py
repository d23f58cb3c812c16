"""What there is to say of a backward that raises, or gives nothing, and where gradients were."""

import ast
import re

import numpy as np

from ...messages import _
from ...report import Diagnosis, Entry, Report, joined
from ..vocabulary import is_target
from .arguments import UPSTREAM
from .calls import StudentError
from .gradients import Call
from .parts import Handwritten
from .reading import blamed


def failed(layer: Handwritten, error: StudentError) -> Report:
    """The report on a layer whose backward raises."""
    if doubt := blamed(layer):
        note = joined(str(error), about_labels(layer), doubt)
        return Report({"input": Entry("input", "inconclusive", note=note)})
    name = _updated(layer, error.line)
    if name is None:
        labels = "arrays used as indices" in error.cause
        note = joined(str(error), about_labels(layer, labels))
        return Report({"input": Entry("input", "wrong", note=note, max_rel_error=np.inf)},
                      (), "input")  # fmt: skip
    later = _("the backward fails in the update of {name}: mend this first", name=name)
    entries = {n: Entry(n, "inconclusive", note=later) for n in layer.values}
    expected = layer.values[name].shape
    hand = _shape_of_the_step(error.cause, expected)
    note = _("the update of {name} fails: {error}", name=name, error=error)
    diagnoses: tuple[Diagnosis, ...] = ()
    if hand is not None:
        text = _("the shape is {hand} instead of {expected}")
        if len(hand) > 1 and hand == expected[::-1]:
            text = _("the shape is {hand} instead of {expected}: it wants to be transposed")
        shapes = {"hand": hand, "expected": expected}
        diagnoses = (Diagnosis("wrong_shape", text.format(**shapes), shapes),)
    entries[name] = Entry(name, "wrong", diagnoses=diagnoses, note=note, max_rel_error=np.inf)
    return Report(entries, (), name)


def about_labels(layer: Handwritten, sure: bool = False) -> str:
    """What a backward receives, where it is made to take a label; empty where it is not."""
    called = [name for name, role in layer.roles.items() if role == UPSTREAM]
    if layer.is_loss or not (sure or any(map(is_target, called))):
        return ""
    return _(
        "the backward receives the gradient of the loss with respect to the output, and not a "
        "label: for a softmax fused with its cross entropy, let the forward take the label and "
        "return the loss"
    )


def _updated(layer: Handwritten, line: str) -> str | None:
    """The parameter that a line assigns to: ``self.w -= ...``, ``self.params["w"] = ...``."""
    try:
        statement = ast.parse(line.strip()).body[0]
    except (SyntaxError, IndexError):
        return None
    if isinstance(statement, ast.AugAssign):
        target: ast.expr = statement.target
    elif isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target = statement.targets[0]
    else:
        return None
    words = re.findall(r"\w+", ast.unparse(target))[1:]
    slots = {name: [str(key) for key in slot] for name, slot in layer.slots.items()}
    return next((name for name, keys in slots.items() if keys == words), None)


def _shape_of_the_step(message: str, shape: tuple[int, ...]) -> tuple[int, ...] | None:
    """The shape of what NumPy could not subtract from weights, as its message tells it."""
    if "broadcast" not in message:
        return None
    found = [
        tuple(int(n) for n in text.split(",") if n) for text in re.findall(r"\(([\d,]*)\)", message)
    ]
    return found[1] if len(found) > 1 and found[0] == shape != found[1] else None


def missing(name: str, call: Call) -> Entry:
    """What there is to say where no gradient was found."""
    if call.failed is not None:
        if call.failed.result is not None:  # another gradient is what is wrong
            return Entry(name, "inconclusive", note=str(call.failed))
        return Entry(name, "wrong", note=str(call.failed), max_rel_error=np.inf)
    if name == "input" and call.gradients:
        note = _("not judged: the layer returns no gradient for its input, as a first layer may")
        return Entry(name, "correct", note=note)
    note = _("no gradient was found: returned, stored or seen in an update")
    if name == "input" and not call.orphans:
        note = _("the backward returns nothing and stores nothing: is a return missing?")
    return Entry(name, "inconclusive", note=note)


def found_in(source: str) -> str:
    """Where a gradient was found, in words."""
    words = {
        "stored": _("found as a stored array"),
        "update": _("recovered from the update of the weights"),
        "optimizer": _("as handed to the optimizer"),
    }
    return words.get(source, "")


def spoilt(call: Call) -> str:
    """What there is to say where the backward changes what is not its own."""
    return _(
        "the backward changes {names} in place: whoever uses it afterwards finds other numbers; "
        "work on a copy",
        names=", ".join(dict.fromkeys(call.spoilt)),
    )


def not_judged(subject: Handwritten, call: Call) -> dict[str, Entry]:
    """What has a gradient, or should, and cannot be judged."""
    lost = _("not judged: no weight of that name is on the object; keep it there")
    if not subject.template.has_object:
        lost = _("not judged: it belongs to no argument; pass the parameters as arguments")
    notes = {
        **dict.fromkeys(call.idle, _(
            "it has a gradient, but the forward does not depend on it in this place"
        )),
        **dict.fromkeys(call.orphans, lost),
    }  # fmt: skip
    if not subject.values:
        text = _("there is nothing to judge: no input and no parameter with real numbers")
        notes["input"] = text
    if subject.template.automatic and call.spoilt:  # a graph hands it on
        notes["backward"] = spoilt(call)
    return {
        name: Entry(name, "inconclusive", hand=call.idle.get(name), note=note)
        for name, note in notes.items()
    }
