"""The Figure that the pictures are drawn on. Imported with matplotlib, by :mod:`.canvas` only."""

import base64
import html
import io
from typing import Any

from matplotlib import style
from matplotlib.figure import Figure

SHARPNESS = 2  # pixels in the file for one on the page


class Picture(Figure):
    """A Figure that no pyplot keeps: notebooks show it where it is a cell's last expression."""

    description: str = ""  # what is to be seen, in words: for screen readers and terminals

    def _repr_mimebundle_(self, **_options: Any) -> tuple[dict[str, str], dict[str, Any]]:
        """As PNG; and as HTML, which carries the description."""
        file = io.BytesIO()
        with style.context("default"):  # whatever the notebook has changed
            self.savefig(file, format="png", dpi=SHARPNESS * self.dpi)
        data = base64.b64encode(file.getvalue()).decode("ascii")
        width, height = (round(inches * self.dpi) for inches in self.get_size_inches())
        image = (
            f'<img src="data:image/png;base64,{data}" alt="{html.escape(self.description)}"'
            f' width="{width}" style="max-width: 100%; height: auto; background: #fff">'
        )
        return (
            {"image/png": data, "text/html": image, "text/plain": repr(self)},
            {"image/png": {"width": width, "height": height}},
        )

    def __repr__(self) -> str:
        return self.description or super().__repr__()
