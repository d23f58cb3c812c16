"""The register of the five documents' formulas, and the pages made of it.

``python tests/course/identifiers.py`` writes ``docs/course/formulas.md``, a table with the verdict
on every identifier of ``identifiers.toml``, and ``docs/reference/course_tests.md``, which shows the
test behind each verdict. A test fails when they are not fresh.
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

HERE = Path(__file__).parent
DOCS = HERE.parents[1] / "docs"
FORMULAS, TESTS = DOCS / "course" / "formulas.md", DOCS / "reference" / "course_tests.md"

DOCUMENTS = {
    "000": "« Couche softmax »",
    "001": "« Rétropropagation du gradient dans le cadre d'une ultime couche Softmax »",
    "002": "« Les réseaux de neurones », diapositives",
    "003": "« Backpropagation (Rétropropagation) »",
    "004": "« Couche Softmax dans un réseau de neurones », questions et réponses",
}
# Verdict: (sign, meaning).
STATUSES = {
    "juste": ("✓", "la formule imprimée est celle que la bibliothèque trouve"),
    "juste sauf en 0": ("✓", "point anguleux : la dérivée n'existe pas en 0"),
    "juste sous condition": ("◐", "une condition n'est pas dite"),
    "abus de notation": ("≈", "juste une fois lue comme une jacobienne, dans le bon ordre"),
    "coquille": ("✎", "faute d'impression sans conséquence sur la suite"),
    "symboles perdus": ("□", "signes effacés à la conversion ; la formule voulue est donnée"),
    "incomplète": ("…", "annoncée, non donnée"),
    "trompeuse": ("⚠", "juste à la lettre, induit en erreur"),
    "fausse": ("✗", "les valeurs la réfutent"),
    "texte": ("¶", "vocabulaire, renvoi : rien à calculer"),
}


@dataclass(frozen=True)
class Identifier:
    """A row of the register."""

    name: str
    chapter: str
    status: str
    test: str
    printed: str
    remark: str

    @property
    def document(self) -> str:
        return self.name[:3]

    @property
    def target(self) -> str:
        """Where its chapter treats it: ``(f-000-7b)=``."""
        return f"f-{self.name.lower()}"

    @property
    def key(self) -> tuple[str, int, int, str]:
        """In the order of the document: table, formulas, code, text."""
        kind, number, part = re.fullmatch(r"\d{3}-(\D?)(\d+)(\D?)", self.name).groups()
        return self.document, ("A", "", "C", "i", "T").index(kind), int(number), part


def read() -> list[Identifier]:
    """All identifiers, in order."""
    tables = tomllib.loads((HERE / "identifiers.toml").read_text(encoding="utf-8"))
    rows = [
        Identifier(name, chapter, *row) for chapter, rows in tables.items()
        for name, row in rows.items()
    ]  # fmt: skip
    return sorted(rows, key=lambda row: row.key)


def sources() -> list[tuple[Path, list[ast.stmt]]]:
    """The files of tests that verify formulas, and what stands in them below the imports."""
    return [
        (path, [node for node in ast.parse(path.read_text(encoding="utf-8")).body
                if not isinstance(node, (ast.Expr, ast.Import, ast.ImportFrom))])
        for path in sorted(HERE.glob("test_00*.py"))
    ]  # fmt: skip


# --- the table of formulas ---------------------------------------------------------------------

HEAD = """# Toutes les formules des documents

Vous lisez l'un des cinq documents du cours et vous voulez savoir ce que vaut une de ses formules ?
Cherchez-la ici. L'identifiant mène au chapitre qui l'établit, la calcule et la vérifie ; le verdict
mène au test qui le fonde.

Un identifiant se compose du numéro du document et du rang de la formule : `000-7` est la septième
formule affichée du document 000. Le document 003 numérote ses équations : ce sont ces numéros. `A`
désigne la table des activations de 002, `C` un exemple de code, `i` une formule dans une ligne de
texte, `T` une phrase. Les fautes importantes sont expliquées dans [l'errata](errata.md).
"""


def formulas() -> str:
    """The page with the verdict on every identifier."""
    rows = read()
    parts = [
        "<!-- Written by tests/course/identifiers.py; change identifiers.toml instead. -->\n",
        HEAD, "\n## Le compte\n\n", summary(rows),
    ]  # fmt: skip
    for document, group in groupby(rows, lambda row: row.document):
        parts.append(
            f"\n## Document {document}\n\n{DOCUMENTS[document]}\n\n"
            "| identifiant | imprimé | verdict |\n|---|---|---|\n"
        )
        parts += [line(row) for row in group]
    return "".join(parts)


def summary(rows: list[Identifier]) -> str:
    """How many there are of each verdict."""
    counts = Counter((row.status, row.document) for row in rows)
    lines = [f"| verdict | sens | {' | '.join(DOCUMENTS)} | total |\n|---|---|{'---:|' * 6}\n"]
    for status, (sign, meaning) in STATUSES.items():
        each = [counts[status, document] for document in DOCUMENTS]
        cells = " | ".join(str(n or "") for n in each)
        lines.append(f"| {sign} {status} | {meaning} | {cells} | {sum(each)} |\n")
    each = [sum(row.document == document for row in rows) for document in DOCUMENTS]
    lines.append(f"| total | | {' | '.join(map(str, each))} | {len(rows)} |\n")
    claims = sum(bool(row.test) for row in rows)
    lines.append(
        f"\n{claims} de ces {len(rows)} énoncés affirment quelque chose que l'on peut calculer : "
        "chacun a son test.\n"
    )
    return "".join(lines)


def line(row: Identifier) -> str:
    """One identifier in the table; the verdict leads to the test behind it."""
    sign, _ = STATUSES[row.status]
    verdict = row.status
    if row.test:
        verdict = f'[{row.status}](#t-{row.name.lower()} "test de {row.name}")'
    linked = re.sub(r"00\d-\w+", lambda found: f"[{found[0]}](#f-{found[0].lower()})", row.remark)
    remark = f". {linked}" if linked else ""
    return f"| [{row.name}](#{row.target}) | {row.printed} | {sign} **{verdict}**{remark} |\n"


# --- the page of tests -------------------------------------------------------------------------

TESTS_HEAD = """# Les tests du cours

Chaque formule des documents qui affirme quelque chose a ici son test, tel qu'il est exécuté à
chaque modification de la bibliothèque. Une formule juste y est comparée à ce que la bibliothèque
calcule ; une formule fausse y est réfutée telle qu'elle est imprimée, puis confirmée une fois
corrigée. Le verdict de chacune est dans la [table des formules](../course/formulas.md).

## Ce que les tests partagent

```{literalinclude} ../../tests/course/setting.py
:language: python
```
"""


def tests() -> str:
    """The page with every test under the identifiers that it verifies."""
    named: dict[str, list[Identifier]] = {}
    for row in read():
        named.setdefault(row.test, []).append(row)
    parts = [
        "---\norphan: true\n---\n\n"
        "<!-- Written by tests/course/identifiers.py; change the tests instead. -->\n\n",
        TESTS_HEAD,
    ]
    for path, nodes in sources():
        parts.append(f"\n## {title(path)}\n")
        parts += [block(path, node, named) for node in nodes]
    return "".join(parts)


def title(path: Path) -> str:
    """The heading of a file."""
    words = {"activations": " : activations", "network": " : réseau binaire",
             "softmax": " : softmax", "": ""}  # fmt: skip
    document, _, part = path.stem.removeprefix("test_").partition("_")
    return f"Document {document}{words[part]}"


def block(path: Path, node: ast.stmt, named: dict[str, list[Identifier]]) -> str:
    """A test, or what stands between tests."""
    head = f"\n```{{literalinclude}} ../../tests/course/{path.name}\n:language: python\n"
    if not isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        first = path.read_text(encoding="utf-8").splitlines()[node.lineno - 1].split("  #")[0]
        length = node.end_lineno - node.lineno + 1
        return f"{head}:start-at: {first}\n:lines: 1-{length}\n```\n"
    targets = "".join(f"\n(t-{row.name.lower()})=\n" for row in named.get(node.name, ()))
    links = ", ".join(f"[{row.name}](#{row.target})" for row in named.get(node.name, ()))
    above = f"{targets}\n**{links}**\n" if links else ""
    return f"{above}{head}:pyobject: {node.name}\n```\n"


def pages() -> Iterator[tuple[Path, str]]:
    """The pages and what is to stand in them."""
    yield FORMULAS, typeset(formulas())
    yield TESTS, typeset(tests())


def typeset(text: str) -> str:
    """Put the spaces that do not break of French, outside formulas and code."""
    parts = re.split(r"(```.*?```|`[^`]*`|\$[^$]*\$)", text, flags=re.DOTALL)
    parts[::2] = [re.sub(" (?=[:;?!»])|(?<=«) ", "\u00a0", part) for part in parts[::2]]
    return "".join(parts)


if __name__ == "__main__":
    for page, text in pages():
        page.parent.mkdir(exist_ok=True)
        page.write_text(text, encoding="utf-8")
        print(f"{page.name}: written")
