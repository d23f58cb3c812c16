"""What a search is asked, and what it answers."""

from collections.abc import Mapping
from dataclasses import dataclass

from ...kernels import Array
from .text import Edited
from .trials import Draw, Trial


@dataclass(frozen=True)
class Order:
    """What is looked for.

    Attributes
    ----------
    trial : Trial
    draw : Draw
        The values on which something is wrong.
    wrong : tuple of str
        The gradients that are.
    kinds : tuple of str
        What the hypotheses say of them.
    inner : dict of str to array
        The gradients of named intermediate values.
    texts : dict of str to str
        The files of the code.
    evaluations : int
    seconds : float
    """

    trial: Trial
    draw: Draw
    wrong: tuple[str, ...]
    kinds: tuple[str, ...]
    inner: Mapping[str, Array]
    texts: Mapping[str, str]
    evaluations: int
    seconds: float


@dataclass(frozen=True)
class Found:
    """An edit that mends something.

    Attributes
    ----------
    edited : Edited
        Its text.
    row, kinds : str, tuple of str
        The row of the table, and what it mends.
    mends : tuple of str
    whole : bool
        Whether nothing is wrong any more.
    cost : float
    """

    edited: Edited
    row: str
    kinds: tuple[str, ...]
    mends: tuple[str, ...]
    whole: bool
    cost: float


@dataclass(frozen=True)
class Where:
    """The lines that may be to blame.

    Attributes
    ----------
    lines : tuple of (str, int)
        Path and line of each, the surest only.
    readable : bool
        Whether the text of the code that runs was found.
    """

    lines: tuple[tuple[str, int], ...]
    readable: bool = True
