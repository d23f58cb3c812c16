"""Juge une copie, dans un processus à part : ``python worker.py COPIE PREMIERE_QUESTION INDICES``.

Chaque résultat est une ligne de JSON sur la sortie standard ; ce que la copie imprime est jeté.
``grade.py`` lance ce fichier et surveille le temps qu'il prend.
"""

import ast
import contextlib
import importlib.util
import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any

from questions import FORBIDDEN, ONE_HOT_ONLY, PENALTY, QUESTIONS, WORDS, Question

from tinygrad_fr.verify import Entry, Report

MEMORY, FILES = 4 << 30, 64 << 20  # octets, là où le système sait les limiter


def main() -> None:
    """Charge la copie, puis juge ses questions l'une après l'autre."""
    path, first, hints = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)

    def send(event: str, **content: Any) -> None:
        channel.write(json.dumps({"event": event, **content}) + "\n")
        channel.flush()

    limit_resources()
    send("ready")
    try:
        module = load(path)
    except BaseException as error:  # SystemExit comprise
        send("unreadable", feedback=told(error, path))
    else:
        send("loaded", remarks=imports(path))
        for question in QUESTIONS[first:]:
            send("judged", result=judged(question, module, path, hints))
        send("ended")
    os._exit(0)  # sans attendre les fils d'exécution que la copie aurait lancés


def limit_resources() -> None:
    """Borne la mémoire et la taille des fichiers écrits."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_FSIZE, (FILES, FILES))


def load(path: Path) -> Any:
    """La copie comme module ; elle peut importer les fichiers rendus avec elle."""
    sys.path[0] = str(path.parent)
    spec = importlib.util.spec_from_file_location("copie", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["copie"] = module
    spec.loader.exec_module(module)
    return module


def imports(path: Path) -> list[str]:
    """Les bibliothèques importées qui répondent à la place de l'étudiant."""
    nodes = list(ast.walk(ast.parse(path.read_bytes())))
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
    found = sorted({name.partition(".")[0] for name in names} & FORBIDDEN)
    return [f"importe {name}" for name in found]


# --- une question --------------------------------------------------------------------------------


def judged(question: Question, module: Any, path: Path, hints: str) -> dict[str, Any]:
    """Le résultat d'une question : état, points, verdicts, retour à l'étudiant."""
    student = getattr(module, question.name, None)
    if student is None:
        return {"status": "missing", "feedback": [f"{question.name} n'est pas dans le fichier"]}
    try:
        report, changed = question.judge(student)
    except NotImplementedError:
        return {"status": "untouched", "feedback": ["non traitée"]}
    except BaseException as error:
        return {"status": "error", "feedback": [told(error, path)]}
    return marked(question, report, changed, hints)


def marked(question: Question, report: Report, changed: list[str], hints: str) -> dict[str, Any]:
    """Les points d'un rapport, d'après le barème."""
    points, feedback, verdicts, kinds = 0.0, [], {}, {}
    details, words = report.to_dict(hints)["entries"], report.to_dict("kind")["entries"]
    for name, worth in question.points.items():
        entry = report.entries.get(name)
        what = WORDS.get(name, f"gradient de {name}")
        if entry is None:
            verdicts[name] = "inconclusive"
            feedback.append(f"{what} : non jugé")
        elif entry.verdict == "correct" and name != "output" and entry.hand is None:
            verdicts[name] = "wrong"  # une première couche en aurait le droit, pas ce devoir
            feedback.append(f"{what} : rien n'est renvoyé")
        else:
            verdicts[name] = entry.verdict
            one_hot = "one_hot_upstream_only" in [d.kind for d in entry.diagnoses]
            if entry.verdict in ("correct", "kink"):
                points += worth * (ONE_HOT_ONLY if one_hot else 1)
            kinds |= {d["kind"]: d["explanation"] for d in words[name]["diagnoses"][:1]}
            feedback.append(f"{what} : {remark(entry, details[name], one_hot)}")
    if changed:
        points = max(0.0, points - PENALTY)
        feedback.append(f"le code modifie ce qu'il reçoit ({', '.join(changed)}) : copiez d'abord")
    status = "right" if points == question.out_of else "wrong"
    if "inconclusive" in verdicts.values() and "wrong" not in verdicts.values():
        status = "undecided"
    return {
        "status": status, "points": points, "verdicts": verdicts, "kinds": kinds,
        "feedback": feedback,
    }  # fmt: skip


def remark(entry: Entry, details: dict[str, Any], one_hot: bool) -> str:
    """Le verdict, et ce que le niveau d'indices permet d'en dire."""
    if entry.verdict in ("correct", "kink"):
        return "juste" + ", mais pour un amont à une seule valeur non nulle seulement" * one_hot
    told = [d["explanation"] for d in details["diagnoses"][:1]] + [details["note"]]
    word = "faux" if entry.verdict == "wrong" else "indécidable"
    return " ; ".join([word, *filter(None, told)])


def told(error: BaseException, path: Path) -> str:
    """Une exception en mots, avec la ligne de la copie où elle est née."""
    if isinstance(error, SyntaxError):
        return f"{type(error).__name__}, ligne {error.lineno} : {error.msg}"
    text = f"{type(error).__name__} : {error}"
    lines = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == str(path)]
    return f"{text} (ligne {lines[-1].lineno} : {lines[-1].line})" if lines else text


if __name__ == "__main__":
    main()
