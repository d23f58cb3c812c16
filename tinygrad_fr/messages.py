"""Every text for people, in French (the default) or in English, through gettext.

Texts are written in English where they are used, as ``_("...")``; their French stands in
``locale/fr/LC_MESSAGES/tinygrad_fr.po``. A test fails on a text without a translation.
"""

from __future__ import annotations

import gettext as _gettext
import os
from pathlib import Path

LANGUAGES = ("fr", "en")
DOMAIN = "tinygrad_fr"
LOCALE = Path(__file__).parent / "locale"


def _from_environment() -> str:
    wanted = os.environ.get("TINYGRAD_FR_LANG", "").lower()[:2]
    return wanted if wanted in LANGUAGES else LANGUAGES[0]


language = _from_environment()
_catalogues: dict[str, _gettext.NullTranslations] = {"en": _gettext.NullTranslations()}


def catalogue() -> _gettext.NullTranslations:
    """The catalogue of the language in use, read from disk at its first text."""
    if language not in _catalogues:
        _catalogues[language] = _gettext.translation(DOMAIN, LOCALE, [language])
    return _catalogues[language]


def _(message: str) -> str:
    """The text in the language in use."""
    return catalogue().gettext(message)


def ngettext(singular: str, plural: str, n: int) -> str:
    """The text in the language in use, in the form that the number ``n`` asks for."""
    return catalogue().ngettext(singular, plural, n)
