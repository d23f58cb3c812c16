"""The console: help in the user's language, and output that survives any encoding."""

from __future__ import annotations

import argparse
import codecs
import sys
import unicodedata

from .. import messages
from ..messages import _


def prepare() -> None:
    """Make argparse speak our language, and the streams print what they lack in ASCII."""
    argparse._ = messages._  # type: ignore[attr-defined] # its own words in our language, too
    codecs.register_error("tinygrad_fr", _nearest)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="tinygrad_fr")


def _nearest(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = unicodedata.normalize("NFKD", error.object[error.start : error.end])
    return text.encode("ascii", "ignore").decode() or "?", error.end


class WithDefaults(argparse.RawDescriptionHelpFormatter):
    """Help that tells the defaults, in the language in use."""

    def _get_help_string(self, action: argparse.Action) -> str:
        text = action.help or ""
        silent = action.default is None or action.default is False
        if silent or action.default == argparse.SUPPRESS or not action.option_strings:
            return text
        return f"{text} " + _("(default: %(default)s)")


def positive(text: str) -> int:
    """A whole number of at least 1."""
    if not text.isdigit() or not int(text):
        raise argparse.ArgumentTypeError(
            _("a whole number of at least 1, not {text}").format(text=text)
        )
    return int(text)


def share(text: str) -> float:
    """A number between 0 and 1."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(
            _("a number between 0 and 1, both excluded, not {text}").format(text=text)
        )
    return value
