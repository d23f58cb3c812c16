"""Make the picture of the README: ``python tests/pictures.py``."""

from __future__ import annotations

from pathlib import Path

import tinygrad_fr as tg

PICTURE = Path(tg.__file__).parent.parent / "docs" / "graph.svg"


def drawing() -> tg.graph.Drawing:
    """The graph of ``x y + x``: the smallest one with a fan-out."""
    x = tg.Tensor(3.0, requires_grad=True, name="x")
    y = tg.Tensor(-2.0, requires_grad=True, name="y")
    tg.set_language("en")
    return tg.draw((x * y + x).named("L"), names="tensors")


if __name__ == "__main__":
    drawing().save(PICTURE)
    print(f"{PICTURE.name}: written")
