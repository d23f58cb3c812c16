"""What watching a model found: its layers, the pathologies and their remedies."""

import math
from dataclasses import dataclass
from html import escape

from ..errors import ArgumentError
from ..messages import _, ngettext


def percent(share: float | None) -> str:
    """A share in words; nothing where there is none."""
    return "" if share is None else _("{percent:.0f}%", percent=100 * share)


@dataclass(frozen=True)
class Layer:
    """What was seen of one layer over the last steps.

    Attributes
    ----------
    name : str
        Its path in the model and its class, such as ``0 (Linear)``; for an activation written as
        a function, the operation.
    gradient_norm : float or None
        The norm of the gradient of its parameters, the median over the steps: infinite where it was
        not finite, NaN where none arrived. None without parameters.
    weight_norm : float or None
        The norm of its parameters now.
    neurons : int or None
        The neurons of an activation (its channels after a convolution).
    dead : float or None
        The share of neurons of a ReLU whose output was 0 for each example.
    saturated : float or None
        The share of neurons of a sigmoid, tanh or arctan that stayed on a plateau.
    verdicts : tuple of str
        ``"vanishing"``, ``"exploding"``, ``"dead"``, ``"saturated"``, ``"unreached"``,
        ``"vanishing in time"``, ``"exploding in time"``; empty for a healthy layer.
    """

    name: str
    gradient_norm: float | None = None
    weight_norm: float | None = None
    neurons: int | None = None
    dead: float | None = None
    saturated: float | None = None
    verdicts: tuple[str, ...] = ()

    @property
    def verdict(self) -> str:
        """The verdicts in words."""
        words = {
            "vanishing": _("vanishing gradient"), "exploding": _("exploding gradient"),
            "dead": _("dead neurons"), "saturated": _("saturated neurons"),
            "unreached": _("no gradient"),
            "vanishing in time": _("vanishing through time"),
            "exploding in time": _("exploding through time"),
        }  # fmt: skip
        return ", ".join(words[kind] for kind in self.verdicts) or _("healthy")


@dataclass(frozen=True)
class Finding:
    """A pathology, in words.

    Attributes
    ----------
    kind : str
        One of the verdicts of ``Layer``.
    layers : tuple of str
        Where, the worst first.
    sentence : str
        What was measured.
    consequence : bool
        Whether another finding is its cause: there is nothing else to mend.
    """

    kind: str
    layers: tuple[str, ...]
    sentence: str
    consequence: bool = False

    @property
    def course(self) -> tuple[str, ...]:
        """The remedies that the course document names (002, slides 14 to 17)."""
        return () if self.consequence else {
            "vanishing": (
                _("fewer layers, or another activation than the sigmoid (slide 14)"),
            ),
            "exploding": (
                _("fewer layers, or another activation (slide 16)"),
                _("another kind of gradient descent: batch or mini-batch (slide 16)"),
            ),
            "dead": (_("leaky ReLU (slide 15)"),),
            "saturated": (_("ReLU or leaky ReLU in place of sigmoid and tanh (slide 17)"),),
        }.get(self.kind, ())  # fmt: skip

    @property
    def further(self) -> tuple[str, ...]:
        """The remedies in general use that it does not name."""
        return () if self.consequence else {
            "vanishing": (
                _("ReLU with He's initialisation, tanh with Glorot's (nn.init)"),
                _("batch normalisation or layer normalisation (nn.BatchNorm1d, nn.LayerNorm)"),
                _("residual connections: x + f(x)"),
            ),
            "exploding": (
                _("a smaller learning rate"),
                _("clipping the gradient (optim.clip_grad_norm)"),
                _("smaller initial weights (nn.init), normalised inputs and targets"),
                _("the mean of the loss over the batch rather than the sum"),
            ),
            "dead": (
                _("a smaller learning rate: one large step is enough to kill a ReLU"),
                _("He's initialisation, biases at 0, normalised inputs"),
                _("ELU, GELU or SiLU"),
            ),
            "saturated": (
                _("smaller initial weights: Glorot's initialisation (nn.init)"),
                _("normalised inputs: mean 0, standard deviation 1"),
                _("batch normalisation before the activation"),
            ),
            "vanishing in time": (
                _("an LSTM or a GRU in place of a simple RNN (nn.LSTM, nn.GRU)"),
                _("a bias of 1 at the forget gate of an LSTM, at start"),
                _("attention, whose way back has one step (nn.MultiheadAttention)"),
            ),
            "exploding in time": (
                _("clipping the gradient (optim.clip_grad_norm)"),
                _("shorter sequences: h.detach() between parts of a long one"),
                _("smaller recurrent weights at start, or orthogonal ones"),
            ),
            "unreached": (
                _("check that the loss depends on this layer: no detach(), no .data, no .numpy() "
                  "on the way"),
            ),
        }[self.kind]  # fmt: skip

    def remedies(self) -> list[tuple[str, tuple[str, ...]]]:
        """Both lists that are not empty, with their titles."""
        titled = [(_("remedies of the course:"), self.course), (_("also in use:"), self.further)]
        return [(title, remedies) for title, remedies in titled if remedies]


@dataclass(frozen=True, repr=False)
class HealthReport:
    """The state of each layer, and what is wrong; truthy when nothing is.

    Attributes
    ----------
    layers : tuple of Layer
        From the input to the output.
    findings : tuple of Finding
    steps : int
        How many steps it rests on. Without one nothing is known, and the report is falsy.
    """

    layers: tuple[Layer, ...]
    findings: tuple[Finding, ...]
    steps: int

    def __bool__(self) -> bool:
        return self.steps > 0 and not self.findings

    def __getitem__(self, name: str) -> Layer:
        """A layer by its name, with or without its class."""
        for layer in self.layers:
            if name in (layer.name, layer.name.split(" (")[0]):
                return layer
        known = ", ".join(layer.name for layer in self.layers) or "-"
        raise ArgumentError("no layer {name!r} was seen: {known}", name=name, known=known)

    def __str__(self) -> str:
        lines = []
        if self.layers:
            table = [self._titles(), *map(self._cells, self.layers)]
            widths = [max(map(len, column)) for column in zip(*table, strict=True)]
            lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in table] + [""]
        for finding in self.findings:
            lines.append(finding.sentence)
            for title, remedies in finding.remedies():
                lines += [f"  {title}", *(f"    - {remedy}" for remedy in remedies)]
            lines.append("")
        return "\n".join([*lines, self._conclusion()])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """For notebooks."""
        cell = "text-align:left;vertical-align:top;padding:0.3em 0.8em"
        parts = []
        if self.layers:
            header = "".join(f"<th style='{cell}'>{escape(text)}</th>" for text in self._titles())
            rows = [
                "".join(f"<td style='{cell}'>{escape(text)}</td>" for text in self._cells(layer))
                for layer in self.layers
            ]
            body = "".join(f"<tr style='border-top:1px solid #999'>{row}</tr>" for row in rows)
            parts.append(
                f"<table style='border-collapse:collapse'><thead><tr>{header}</tr></thead>"
                f"<tbody>{body}</tbody></table>"
            )
        for finding in self.findings:
            parts.append(f"<p><b>{escape(finding.sentence)}</b></p>")
            for title, remedies in finding.remedies():
                items = "".join(f"<li>{escape(remedy)}</li>" for remedy in remedies)
                parts.append(f"<p>{escape(title)}</p><ul>{items}</ul>")
        return "".join([*parts, f"<p>{escape(self._conclusion())}</p>"])

    def _conclusion(self) -> str:
        if not self.steps:
            return _("nothing seen yet: call the model, then backward() on its loss")
        seen = ngettext("{n} step seen", "{n} steps seen", self.steps, n=self.steps)
        return seen if self.findings else _("{seen}: nothing wrong", seen=seen)

    def _titles(self) -> tuple[str, ...]:
        return (_("layer"), _("gradient"), _("dead"), _("saturated"), _("verdict"))

    def _cells(self, layer: Layer) -> tuple[str, ...]:
        norm = layer.gradient_norm
        return (
            layer.name,
            "" if norm is None else "-" if math.isnan(norm) else f"{norm:.2g}",
            percent(layer.dead),
            percent(layer.saturated),
            layer.verdict,
        )
