"""Texts for people: each has its French, with the same fields and French typography."""

from __future__ import annotations

import ast
import gettext
import io
import os
import re
import string
import subprocess
import sys

import pytest

import tinygrad_fr as tg
from tinygrad_fr import errors, messages

from . import catalogue

PAIRS = [
    (original, french)
    for message in catalogue.translations()
    if message.id
    for original, french in (
        [(message.id, message.string)]
        if isinstance(message.id, str)
        else [(message.id[min(i, 1)], form) for i, form in enumerate(message.string)]
    )
    if french  # the missing ones fail once, below
]
EACH_PAIR = pytest.mark.parametrize(
    ("original", "french"), PAIRS, ids=[original[:40].strip() for original, _french in PAIRS]
)


# --- the catalogue ---------------------------------------------------------------------------


def test_every_text_has_its_french():
    known = catalogue.translations()
    assert not catalogue.missing(known), "translate them after `python tests/catalogue.py`"


def test_a_new_text_is_missed(tmp_path, monkeypatch):
    (tmp_path / "new.py").write_text(
        '_("a text without French")\n_("loss")\nngettext("{n} new text", "{n} new texts", 2)\n'
    )
    monkeypatch.setattr(catalogue, "PACKAGE", tmp_path)
    known = catalogue.translations()
    assert catalogue.missing(known) == [
        "a text without French", "('{n} new text', '{n} new texts')",
    ]  # fmt: skip
    known.add(("{n} new text", "{n} new texts"), ("", ""))
    known.add("a text without French", "un texte en français", flags=["fuzzy"])
    assert len(catalogue.missing(known)) == 2


def test_no_text_is_left_over():
    known = catalogue.translations()
    assert not known.obsolete
    used = catalogue.texts()
    assert [message.id for message in known if message.id and used.get(message.id) is None] == []


def test_the_compiled_catalogue_is_fresh():
    def texts(file):
        found = dict(gettext.GNUTranslations(file)._catalog)
        found.pop("")  # the header
        return found

    with catalogue.MO.open("rb") as file:
        shipped = texts(file)
    fresh = texts(io.BytesIO(catalogue.compiled(catalogue.translations())))
    assert shipped == fresh, "run `python tests/catalogue.py`"


def _calls():
    for path in sorted(catalogue.PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and node.args:
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                yield f"{path.name}:{node.lineno}", name, node.args[0]


def test_errors_and_warnings_are_translated():
    # Our own errors look their text up themselves; those of Python and of students do not.
    others = {"ValueError", "TypeError", "OSError", "StudentError", "warn", "add_note"}
    bare = [
        place
        for place, name, first in _calls()
        if name in others and isinstance(first, (ast.Constant, ast.JoinedStr))
    ]
    assert not bare, "wrap the text in _()"


def test_texts_are_plain_strings():
    def literal(text):
        return isinstance(text, ast.Constant) and isinstance(text.value, str)

    other = [
        place
        for place, name, first in _calls()
        if (name == "_" and not literal(first) and not place.startswith("errors.py"))
        or (name in catalogue.ERRORS and isinstance(first, ast.JoinedStr | ast.BinOp))
    ]
    assert not other, "a text is a literal with {fields}: nothing else can be collected"


# --- each text -------------------------------------------------------------------------------


def fields(text):
    braces = [
        (name, conversion, spec)
        for _text, name, spec, conversion in string.Formatter().parse(text)
        if name is not None
    ]
    return sorted(braces, key=str), sorted(re.findall(r"%(?:\(\w+\))?[rsd]", text))


@EACH_PAIR
def test_french_has_the_same_fields(original, french):
    assert fields(french) == fields(original)


@EACH_PAIR
def test_french_has_the_same_code(original, french):
    def code(text):
        return sorted(
            re.findall(r"`[^`\n]+`|\.\w+\(|\b(?:tg|np|nn)\.\w+|\w+=(?:True|False|float)?", text)
        )

    assert code(french) == code(original)


@EACH_PAIR
def test_french_begins_and_ends_alike(original, french):
    assert french[-1:].isspace() == original[-1:].isspace()
    assert french.endswith("\n") == original.endswith("\n")
    assert french.endswith(".") == original.endswith(".")
    assert original[0].isupper() or not french[0].isupper()


# Where a colon or a question mark is no punctuation.
CODE = re.compile(
    r"```.*?```|`[^`]*`"  # `code`
    r"|\{[^{}]*\}"  # {field:.3f}
    r"|\[[^\]]*\]"  # x[:, 0]
    r"|!=|(?<=\w)://|(?<=\d):(?=\d)",
    re.DOTALL,
)
FAULTS = {
    "an ordinary space": re.compile(r"[ \t\n](?=[:;?!»])|«[ \t\n]"),
    "no space": re.compile(r"(?<![\s:;?!])[:;?!]|(?<!\s)»|«(?!\s)"),  # \s takes no-break spaces
}


def faults(text):
    """What is wrong with the spaces of a French text."""
    prose = CODE.sub("x", text)
    return [fault for fault, pattern in FAULTS.items() if pattern.search(prose)]


@EACH_PAIR
def test_french_typography(original, french):
    assert faults(french) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("forme : (2,)", ["an ordinary space"]),
        ("forme: (2,)", ["no space"]),
        ("{x:.3f}: trop", ["no space"]),
        ("`axis=0`; puis", ["no space"]),
        ("vide ?", ["an ordinary space"]),
        ("« mot\u00a0»", ["an ordinary space"]),
        ("«mot»", ["no space"]),
        ("forme\u00a0: {x:.3f} != `axis=0:`\u202f; x[1:]", []),
        ("«\u00a0mot\u00a0»\u202f?!", []),
    ],
)
def test_faults_of_typography_are_seen(text, expected):
    assert faults(text) == expected


def test_there_is_one_straight_apostrophe():
    # Consoles that lack the curly one would print a question mark.
    assert [french for _original, french in PAIRS if "\u2019" in french] == []


# --- the language ----------------------------------------------------------------------------


def printed(**environment):
    """What a new Python says of a wrong use."""
    code = (
        "import tinygrad_fr as tg\n"
        "try:\n    tg.Tensor([1.0]).reshape(2)\n"
        "except ValueError as error:\n    print(error)\n"
    )
    known = {key: value for key, value in os.environ.items() if key != "TINYGRAD_FR_LANG"}
    paths = [str(catalogue.PACKAGE.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    known |= {"PYTHONPATH": os.pathsep.join(paths), "PYTHONIOENCODING": "utf-8"}
    return subprocess.run(
        [sys.executable, "-c", code],
        env=known | environment,
        capture_output=True,
        check=True,
        encoding="utf-8",
    ).stdout


@pytest.mark.parametrize(
    ("environment", "start"),
    [
        ({}, "reshape\u00a0: "),
        ({"LANG": "en_GB.UTF-8", "LANGUAGE": "en"}, "reshape\u00a0: "),
        ({"TINYGRAD_FR_LANG": ""}, "reshape\u00a0: "),
        ({"TINYGRAD_FR_LANG": "de"}, "reshape\u00a0: "),
        ({"TINYGRAD_FR_LANG": "fr"}, "reshape\u00a0: "),
        ({"TINYGRAD_FR_LANG": "en"}, "reshape: "),
        ({"TINYGRAD_FR_LANG": "EN_us.UTF-8"}, "reshape: "),
    ],
)
def test_language_of_a_new_process(environment, start):
    assert printed(**environment).startswith(start)


def test_language_changes_at_run_time():
    def said():
        with pytest.raises(errors.ShapeError) as error:
            tg.softmax(tg.Tensor([1.0]), axis=2)
        return str(error.value)

    tg.set_language("fr")
    french = said()
    tg.set_language("en")
    english = said()
    tg.set_language("fr")
    assert said() == french
    assert "n'a pas d'axe 2" in french
    assert "has no axis 2" in english


def test_texts_without_french_stay_as_they_are():
    tg.set_language("fr")
    assert messages._("no such text") == "no such text"
    assert messages.ngettext("{n} thing", "{n} things", 2) == "{n} things"


# --- who reads them --------------------------------------------------------------------------


def test_a_notebook_that_nobody_watches_shows_no_progress_bar(monkeypatch):
    class Kernel:
        _allow_stdin = True

    class Shell:
        kernel = Kernel()

    class IPython:
        get_ipython = Shell

    monkeypatch.setattr(sys.stderr, "isatty", lambda: False, raising=False)
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    assert not messages.watched()
    monkeypatch.setitem(sys.modules, "IPython", IPython)
    assert messages.watched()
    monkeypatch.setattr(Kernel, "_allow_stdin", False)
    assert not messages.watched()
