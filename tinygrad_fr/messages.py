"""Every text for people, in French (the default) or in English, through gettext.

Texts are written in English where they are used, as ``_("...")`` or as the text of an error; their
French stands in ``locale/fr/LC_MESSAGES/tinygrad_fr.po``. A test fails on a text without one.
"""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import gettext

LANGUAGES = ("fr", "en")
DOMAIN = "tinygrad_fr"
LOCALE = os.path.join(os.path.dirname(__file__), "locale")  # noqa: PTH118, PTH120 - see below


def _from_environment() -> str:
    wanted = os.environ.get("TINYGRAD_FR_LANG", "").lower()[:2]
    return wanted if wanted in LANGUAGES else LANGUAGES[0]


_UNSEEN = re.compile(
    "[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"
    "\ud800-\udfff\ufeff\ufffe\uffff]"
)

language = _from_environment()
_catalogues: dict[str, gettext.NullTranslations] = {}


def catalogue() -> gettext.NullTranslations:
    """The catalogue of the language in use, read from disk at its first text.

    Neither gettext nor pathlib is imported before there is something to say: together they
    would add a tenth to the time that importing the library takes.
    """
    if language not in _catalogues:
        import gettext

        languages = [language] if language != "en" else []
        _catalogues[language] = gettext.translation(
            DOMAIN, LOCALE, languages, fallback=language == "en"
        )
    return _catalogues[language]


class Shown:
    """What notebooks show in HTML; the top of the house, which knows how, puts it here."""

    __slots__ = ()
    _repr_html_: Any


def say(text: str) -> None:
    """Print a line. A console that lacks a character, or that is gone, stops no work."""
    if sys.stdout is None:  # a program without a console
        return
    try:
        print(text, flush=True)
    except UnicodeEncodeError:
        print(text.encode(sys.stdout.encoding, "replace").decode(sys.stdout.encoding), flush=True)
    except (BrokenPipeError, ValueError):  # the reader, such as head, has seen enough
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123


def watched() -> bool:
    """Whether somebody sees a progress bar: a notebook that is executed unseen cannot be asked."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    asked = getattr(getattr(shell, "kernel", None), "_allow_stdin", False)
    at_a_terminal = sys.stderr and not sys.stderr.closed and sys.stderr.isatty()
    return bool(asked or at_a_terminal)


def spelled(text: str) -> str:
    r"""A text in which what no file, page or terminal can show is spelled out: ``\x1b``.

    These are controls, lone surrogates, line separators and the marks that reverse a line.
    """
    return _UNSEEN.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def _(message: str, /, **values: object) -> str:
    """The text in the language in use, the values in their places: ``_("{n} axes", n=2)``."""
    text = catalogue().gettext(message)
    return text.format(**values) if values else text


def ngettext(singular: str, plural: str, n: int, /, **values: object) -> str:
    """The same, in the form that the number ``n`` asks for."""
    text = catalogue().ngettext(singular, plural, n)
    return text.format(**values) if values else text
