"""Put the course documents' formulas into the index, which the search looks through as well."""

from __future__ import annotations

from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform

PREFIX = "f-"  # of the targets: (f-000-7b)=


class Entries(SphinxTransform):
    """Write an entry of the index before what each target stands on."""

    default_priority = 800  # before Sphinx collects the index

    def apply(self) -> None:
        """Go through the targets of one page."""
        for name, anchor in self.document.nameids.items():
            if anchor and name.startswith(PREFIX):
                document, rank = name.removeprefix(PREFIX).split("-", 1)
                shown = f"{document}-{rank if rank[0] in '0123456789i' else rank.upper()}"
                entry = addnodes.index(entries=[("single", shown, anchor, "main", None)])
                place = self.document.ids[anchor]
                place.parent.insert(place.parent.index(place), entry)


def setup(app: Sphinx) -> dict[str, bool]:
    """Have each page go through it."""
    app.add_transform(Entries)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
