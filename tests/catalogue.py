"""Bring the French catalogue up to date with the texts in the code: ``python tests/catalogue.py``.

Collects every ``_("...")`` of the package and every text of its errors into ``tinygrad_fr.po``,
keeps the translations that it has, and compiles it. What is left to translate is listed; a test
fails until nothing is.
"""

from __future__ import annotations

import io
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

import tinygrad_fr
from tinygrad_fr import errors
from tinygrad_fr.messages import DOMAIN, LOCALE

PACKAGE = Path(tinygrad_fr.__file__).parent
ERRORS = [name for name in vars(errors) if name.endswith("Error")]
# Where texts stand: first in these calls, or first and second.
KEYWORDS = {"ngettext": (1, 2), **dict.fromkeys(["_", "about", *ERRORS], (1,))}
PO = Path(LOCALE) / "fr" / "LC_MESSAGES" / f"{DOMAIN}.po"
MO = PO.with_suffix(".mo")
# Two forms, whichever Babel makes the file: later ones know a third, for millions.
PLURALS = "nplurals=2; plural=(n > 1);"
# Words of argparse that the command line shows.
ARGPARSE = (
    "usage: ", "positional arguments", "options", "show this help message and exit",
    "the following arguments are required: %s", "unrecognized arguments: %s",
    "argument %(argument_name)s: %(message)s", "%(prog)s: error: %(message)s\n",
    "invalid choice: %(value)r (choose from %(choices)s)", "invalid %(type)s value: %(value)r",
    "expected one argument", "expected at least one argument", "ignored explicit argument %r",
    "ambiguous option: %(option)s could match %(matches)s",
)  # fmt: skip


def texts() -> Catalog:
    """Every text in the code."""
    catalogue = Catalog(domain=DOMAIN)
    found = extract_from_dir(PACKAGE, [("**.py", "python")], keywords=KEYWORDS)
    for name, _line, message, comments, context in found:
        catalogue.add(message, locations=[(f"tinygrad_fr/{name}", None)], auto_comments=comments,
                      context=context)  # fmt: skip
    for message in ARGPARSE:
        catalogue.add(message, locations=[("argparse", None)])
    return catalogue


def translations() -> Catalog:
    """The French catalogue as it stands."""
    if not PO.exists():
        return Catalog(locale="fr", domain=DOMAIN)
    with PO.open("rb") as file:
        return read_po(file, locale="fr", domain=DOMAIN)


def compiled(catalogue: Catalog) -> bytes:
    """The catalogue in the form that gettext reads."""
    buffer = io.BytesIO()
    write_mo(buffer, catalogue)
    return buffer.getvalue()


def missing(catalogue: Catalog) -> list[str]:
    """The texts of the code that have no translation."""
    return [
        str(message.id)
        for message in texts()
        if message.id and not _is_translated(catalogue.get(message.id))
    ]


def _is_translated(message: Message | None) -> bool:
    """Whether gettext will find it: each plural form counts, and a fuzzy one is left out."""
    if message is None or message.fuzzy:
        return False
    return all([message.string] if isinstance(message.string, str) else message.string)


def main() -> None:
    """Collect, merge, write, compile."""
    known = translations()
    catalogue = Catalog(
        locale="fr", domain=DOMAIN, fuzzy=False, header_comment="# French texts of tinygrad_fr.",
        project=DOMAIN, version=tinygrad_fr.__version__, msgid_bugs_address="-",
        last_translator="-", language_team="fr", creation_date=known.creation_date,
        revision_date=known.creation_date,
    )  # fmt: skip
    catalogue.mime_headers = [("Plural-Forms", PLURALS)]
    for message in sorted((m for m in texts() if m.id), key=lambda m: str(m.locations[0])):
        before = known.get(message.id)
        catalogue.add(message.id, before.string if before else "", locations=message.locations,
                      flags=message.flags)  # fmt: skip
    PO.parent.mkdir(parents=True, exist_ok=True)
    with PO.open("wb") as file:
        write_po(file, catalogue, width=98, omit_header=False, include_lineno=False)
    MO.write_bytes(compiled(catalogue))
    print(f"{len(catalogue)} texts")
    for text in missing(catalogue):
        print("to translate:", repr(text))


if __name__ == "__main__":
    main()
