"""Possible corrections for the feedback: the copy runs beside the library, behind walls.

What is found here is told to the student, and gives or takes no point: the copy could say anything.
"""

import os
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from .. import messages, verify
from ..messages import spelled
from ..verify.handwritten.files import member_of, module_of
from ..worker import sandbox, wire
from ..worker.child import Child, EndedError

# Seconds for the library to start and for the report without repairs; what is shown of an answer.
_BESIDE, _LINES, _WIDTH = 20.0, 24, 300


def repairs_of(
    folder: str, main: str, name: str, parameters: Sequence[Any], inputs: Sequence[Any],
    hints: str, seconds: float,
) -> list[str]:  # fmt: skip
    """The lines that tell of repairs of a class; none without bubblewrap, or in time.

    Parameters
    ----------
    folder, main
        Where the copy's files are, and which of them has the class.
    parameters, inputs
        What it is made with, and what its forward is given.
    hints
        How much they give away.
    seconds
        For how long they are looked for.
    """
    if not sandbox.can_shut_in():
        return []
    child = Child(*sandbox.beside_the_library(folder, f"{__name__}:serve"))
    until = time.monotonic() + seconds + _BESIDE
    try:
        path = os.path.join(folder, main)  # noqa: PTH118 - a text over there
        order = [path, name, list(parameters), list(inputs), hints, seconds, messages.language]
        child.send(wire.packed(order), _BESIDE)
        found = wire.unpacked(child.receive(until - time.monotonic()))
    except (EndedError, TimeoutError, wire.WireError, ValueError):
        return []
    finally:
        child.end()
    lines = found if isinstance(found, list) else []
    return [spelled(line)[:_WIDTH] for line in lines[:_LINES] if isinstance(line, str)]


def serve() -> None:
    """The other side: one request, one answer."""
    asked, answers = wire.streams()
    order = wire.unpacked(wire.read(asked))
    path, name, parameters, inputs, hints, seconds, messages.language = order
    lines: list[str] = []
    with suppress(Exception), np.errstate(all="ignore"):
        layer = member_of(module_of(path), name, path)(*parameters)
        given = tuple(inputs) if len(inputs) > 1 else inputs[0]
        report = verify.layer(layer, given, repair=seconds)
        lines = [line for repair in report.repairs for line in repair.text(hints)]
    os.write(answers, wire.framed(wire.packed(lines)))
    os._exit(0)
