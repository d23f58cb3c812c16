"""The verdict on one gradient, the mistakes that explain it, and the words for both."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..kernels import Array
from ..messages import _


@dataclass(frozen=True)
class Diagnosis:
    """A tested hypothesis about what went wrong: its correction makes the gradient right.

    Attributes
    ----------
    kind : str
        A word of the contract, such as ``"missing_factor"``.
    explanation : str
        A sentence, in the language in use.
    detail : dict
        The factor and what it equals, the axis, the operation, the subset; ``equivalent`` lists
        other kinds that explain these data as well, ``with`` the second of two mistakes.
    confidence : float
        1, less when others explain it as well.
    """

    kind: str
    explanation: str
    detail: Mapping[str, Any] = field(default_factory=dict)
    confidence: float = 1.0


@dataclass(frozen=True, repr=False)
class Entry:
    """The verdict on one gradient.

    Attributes
    ----------
    name : str
    autograd, numeric, hand : array or None
        The gradient by reverse mode, by finite differences (NaN where a large one was only
        sampled), and derived by hand.
    verdict : str
        ``"correct"``, ``"wrong"``, ``"kink"`` or ``"inconclusive"``.
    max_abs_error, max_rel_error : float
        The largest difference to the truth, alone and divided by the largest true value.
    worst_index : tuple of int
        Where it is.
    diagnoses : tuple of Diagnosis
        The mistakes that explain it, the likeliest first.
    note : str
        What else there is to say.
    follows : bool
        Whether it is wrong only because a later gradient is: the right function of that.
    """

    name: str
    verdict: str
    autograd: Array | None = None
    numeric: Array | None = None
    hand: Array | None = None
    max_abs_error: float = 0.0
    max_rel_error: float = 0.0
    worst_index: tuple[int, ...] = ()
    diagnoses: tuple[Diagnosis, ...] = ()
    note: str = ""
    follows: bool = False

    def __repr__(self) -> str:
        verdict = _("{name}: {value}", name=self.name, value=verdict_word(self.verdict))
        return joined(verdict, self.sentence)

    @property
    def sentence(self) -> str:
        """What there is to say of it."""
        parts = [d.explanation for d in self.diagnoses[:1]]
        others = [d for d in self.diagnoses[1:] if "with" not in d.detail]
        if others:
            names = ", ".join(dict.fromkeys(kind_word(d) for d in others[:3]))
            parts.append(_("these data allow other explanations, too: {names}", names=names))
        return joined(*parts, self.note)

    @property
    def where(self) -> str:
        """Where the largest error is, without a reason; or why there was nothing to judge."""
        if self.hand is None and not self.worst_index:
            return self.note
        true = self.numeric if self.autograd is None else self.autograd
        if self.verdict != "wrong" or true is None:
            return ""
        if self.shape != np.shape(true):
            return _(
                "the shape is {hand} instead of {expected}",
                hand=self.shape,
                expected=np.shape(true),
            )
        if not self.worst_index:
            return ""
        return _("the largest error is at {index}", index=self.worst_index)

    @property
    def shape(self) -> tuple[int, ...] | None:
        """The shape of the gradient (the student's where there is one)."""
        arrays = (self.hand, self.numeric, self.autograd)
        return next((tuple(np.shape(array)) for array in arrays if array is not None), None)


def joined(*parts: str) -> str:
    """Sentences one after the other; empty ones are left out."""
    text = ""
    for part in filter(None, parts):
        text = _("{a}; {b}", a=text, b=part) if text else part
    return text


def verdict_word(verdict: str) -> str:
    """The verdict in the language in use."""
    return {
        "correct": _("correct"), "wrong": _("wrong"), "kink": _("kink"),
        "inconclusive": _("inconclusive"),
    }[verdict]  # fmt: skip


def kind_word(diagnosis: Diagnosis) -> str:
    """The kind of a mistake in the language in use, with the factor or operation that it names."""
    words = {
        "transpose": _("transposition"), "not_summed": _("missing sum"),
        "wrong_axis": _("wrong axis"), "flipped_kernel": _("flipped kernel"),
        "shifted": _("shifted entries"), "permuted": _("permuted entries"),
        "off_by_one_class": _("classes off by one"), "sign": _("sign"), "scale": _("factor"),
        "zero": _("zero"), "constant_offset": _("constant offset"), "truncated": _("truncation"),
        "diagonal_only": _("diagonal only"), "double_activation": _("activation applied twice"),
        "missing_upstream": _("missing upstream gradient"),
        "missing_factor": _("missing factor"), "extra_factor": _("extra factor"),
        "wrong_variable": _("wrong variable"),
        "wrong_local_derivative": _("wrong local derivative"),
        "missing_branch": _("missing branch"), "max_ties": _("ties of a maximum"),
        "overwritten": _("overwritten contributions"),
        "updated_too_early": _("parameters updated too early"), "stale_cache": _("stale cache"),
        "one_hot_upstream_only": _("right for one-hot upstream gradients only"),
        "precision": _("precision"), "non_finite": _("NaN or infinity"),
        "forward_differs": _("another forward computation"), "ascent": _("gradient ascent"),
        "wrong_shape": _("wrong shape"),
    }  # fmt: skip
    word = words.get(diagnosis.kind, diagnosis.kind)
    named = diagnosis.detail.get("equals") or diagnosis.detail.get("operation")
    return f"{word} ({named})" if named else word
