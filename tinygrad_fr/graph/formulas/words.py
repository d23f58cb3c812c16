"""The words within formulas, which the registry has in English, in the language in use."""

import re

from ...messages import _

WORDS = re.compile(r"(\\text|\\operatorname)\{( ?)([^{}]*?)( ?)\}")


def worded(latex: str) -> str:
    r"""A formula of the registry, in the language in use.

    >>> worded(r"y = \max(0, x)")
    'y = \\max(0, x)'
    """
    if not WORDS.search(latex):
        return latex
    known = {
        "window": _("window"),
        "windows": _("windows"),
        "at the window's first maximum,": _("at the window's first maximum,"),
        "elsewhere": _("elsewhere"),
        "if": _("if"),
        "otherwise": _("otherwise"),
        "is not a number": _("is not a number"),
        "added axes": _("added axes"),
        "copies": _("copies"),
        "copy of": _("copy of"),
        "inside": _("inside"),
        "turned by": _("turned by"),
        "reshape": _("reshape"),
        "flatten": _("flatten"),
        "broadcast": _("broadcast"),
        "pad": _("pad"),
    }
    return WORDS.sub(lambda m: f"{m[1]}{{{m[2]}{known.get(m[3], m[3])}{m[4]}}}", latex)
