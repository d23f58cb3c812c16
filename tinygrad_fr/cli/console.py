"""The console: help in the user's language, output that survives any encoding and any text."""

import argparse
import codecs
import contextlib
import sys
import unicodedata
from collections.abc import Mapping
from typing import Any, NoReturn

from .. import messages
from ..messages import _

# The longest line, and the most lines of one text, that a reader wants to see.
WIDTH, LINES = 2000, 400


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


def say(text: str) -> None:
    """Print a line that may hold somebody else's words."""
    messages.say(visible(text))


def complain(text: str, end: str = "\n") -> None:
    """Print it to standard error, if anybody listens there."""
    if sys.stderr is not None:
        with contextlib.suppress(OSError, ValueError):
            print(visible(text), file=sys.stderr, end=end, flush=True)


def visible(text: Any) -> Any:
    r"""A text, or all texts in dicts and lists, without commands to the terminal, and not endless.

    Escapes, controls, bidirectional marks and lone surrogates are spelled out: ``\x1b``.
    """
    if isinstance(text, Mapping):
        return {visible(key): visible(value) for key, value in text.items()}
    if isinstance(text, list):
        return [visible(item) for item in text]
    if not isinstance(text, str):
        return text
    lines = messages.spelled(text.replace("\r\n", "\n")).split("\n")
    return "\n".join(_ends(line, WIDTH, " [...] ") for line in _ends(lines, LINES, ["[...]"]))


def _ends(whole: Any, most: int, between: Any) -> Any:
    """The beginning and the end of a line, or of a list of lines, that is too long."""
    half = most // 2 - len(between)
    return whole if len(whole) <= most else whole[:half] + between + whole[-half:]


class Parser(argparse.ArgumentParser):
    """A parser whose complaints are visible, too."""

    def error(self, message: str) -> NoReturn:  # noqa: D102
        super().error(visible(message))


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
        raise argparse.ArgumentTypeError(_("a whole number of at least 1, not {text}", text=text))
    return int(text)


def share(text: str) -> float:
    """A number between 0 and 1."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(
            _("a number between 0 and 1, both excluded, not {text}", text=text)
        )
    return value
