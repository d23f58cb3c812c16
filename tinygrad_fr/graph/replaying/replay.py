"""A page that steps forward through a computation and backward through its gradients."""

from pathlib import Path

from ...autograd.tensor import Tensor
from ...errors import DTypeError
from ...messages import _
from ..drawing.describe import describe
from ..drawing.draw import framed, sheet
from ..drawing.page import page
from ..formulas.naming import scope


class Replay:
    """A page that stands alone: notebooks show it, ``save`` writes it.

    Attributes
    ----------
    html : str
        The whole page; it needs no network.
    """

    def __init__(self, html: str, words: str = "") -> None:
        self.html, self._words = html, words

    def save(self, path: str | Path) -> Path:
        """Write the page."""
        path = Path(path)
        path.write_text(self.html, encoding="utf-8")
        return path

    def _repr_html_(self) -> str:
        """For notebooks: in a frame of its own, so that no other output is touched."""
        return framed(self.html, _("Replay of the backward pass"), self._words)

    def __repr__(self) -> str:
        return _("<replay, {n} kB: .save(path), .html>", n=len(self.html.encode()) // 1000)


def replay(tensor: Tensor, path: str | Path | None = None, *, depth: int | None = None) -> Replay:
    """Make a page that replays the computation and its backward pass, step by step.

    The graph, a slider, keys, and for each step the operation, its formula, the numbers, "upstream
    x local = downstream" and the chain rule so far. A click on an entry of a value or a gradient
    tells which entries made it, as :func:`tinygrad_fr.explain` does. In exercise mode a downstream
    gradient stays hidden until it is found.

    Parameters
    ----------
    tensor
        What was computed.
    path
        Where to write the page; not written if None.
    depth
        How many levels of Modules are open at first (0: the model is one node). As many as are
        legible, by default; a click opens and closes.

    Returns
    -------
    Replay

    Examples
    --------
    >>> import tinygrad_fr as tg
    >>> x = tg.Tensor(3.0, requires_grad=True)
    >>> made = tg.replay((x * x).named("y"))
    >>> "Phase arrière" in made.html or "Backward" in made.html
    True
    """
    if not isinstance(tensor, Tensor):
        raise DTypeError("replay takes a Tensor, not {kind}", kind=type(tensor).__name__)
    drawn = sheet(tensor, scope())
    made = Replay(page(drawn, stepping=True, depth=depth), describe(drawn))
    if path is not None:
        made.save(path)
    return made
