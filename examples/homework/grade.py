"""Corrige un dossier de copies : ``python grade.py DOSSIER --hints kind --csv notes.csv``.

Une copie est un fichier ``.py`` du dossier, ou un sous-dossier qui en contient un. Chacune est
jugée dans un processus à part, en temps limité : une copie qui boucle, s'arrête ou ne se lit pas
n'empêche pas de juger les autres, ni ses propres autres questions.
"""

import argparse
import contextlib
import csv
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from questions import QUESTIONS

import tinygrad_fr as tg

OUT_OF = sum(question.out_of for question in QUESTIONS)
START_LIMIT = 60.0  # secondes pour que Python démarre et charge la bibliothèque
STATUS = {
    "right": "juste", "wrong": "faux", "undecided": "indécidable", "untouched": "non traitée",
    "missing": "absente", "error": "erreur", "timeout": "temps dépassé",
    "stopped": "arrêt brutal", "unreadable": "illisible",
}  # fmt: skip


def main(arguments: list[str] | None = None) -> int:
    """Lit la ligne de commande, corrige, écrit les résultats."""
    options = parsed(arguments)
    found = submissions(options.folder)
    if not found:
        print(f"Aucune copie dans {options.folder}", file=sys.stderr)
        return 2
    with ThreadPoolExecutor(options.jobs) as pool:
        running = [
            pool.submit(graded, name, path, options.hints, options.limit)
            for name, path in found.items()
        ]
        results = [future.result() for future in running]
    print("\n".join([*table(results), *overview(results)]))
    if options.json:
        text = json.dumps(as_data(results, options.hints), indent=2, ensure_ascii=False)
        options.json.write_text(text + "\n", encoding="utf-8")
    if options.csv:
        write_csv(results, options.csv)
    if options.feedback:
        options.feedback.mkdir(parents=True, exist_ok=True)
        for result in results:
            path = options.feedback / f"{result['name']}.txt"
            path.write_text("\n".join(feedback(result)) + "\n", encoding="utf-8")
    return 0


def parsed(arguments: list[str] | None) -> argparse.Namespace:
    """Les options de la ligne de commande."""
    parser = argparse.ArgumentParser(description="Corrige un dossier de copies.")
    parser.add_argument("folder", metavar="DOSSIER", type=Path, help="les copies")
    parser.add_argument(
        "--hints", choices=("where", "kind", "full"), default="where",
        help="ce que le retour révèle : où est l'erreur, aussi sa nature, ou toute l'explication",
    )  # fmt: skip
    parser.add_argument("--json", metavar="FICHIER", type=Path, help="les résultats complets")
    parser.add_argument("--csv", metavar="FICHIER", type=Path, help="les notes, pour un tableur")
    parser.add_argument(
        "--feedback", metavar="DOSSIER", type=Path, help="où écrire un retour par copie"
    )
    parser.add_argument(
        "--limit", metavar="SECONDES", type=float, default=10.0, help="par question (10)"
    )
    parser.add_argument(
        "--jobs", metavar="N", type=int, default=1, help="copies jugées en même temps (1)"
    )
    return parser.parse_args(arguments)


def submissions(folder: Path) -> dict[str, Path | None]:
    """Le fichier de chaque copie ; None pour un sous-dossier dont on ne sait lequel lire."""
    if folder.is_file():
        return {folder.stem: folder}
    by_name = lambda path: path.name.casefold()
    found: dict[str, Path | None] = {}
    for entry in sorted(folder.iterdir(), key=by_name) if folder.is_dir() else ():
        if entry.name.startswith((".", "__")):
            continue
        if entry.is_dir():
            files = sorted(entry.glob("*.py"))
            named = [file for file in files if file.name == "devoir.py"] or files
            found[entry.name] = named[0] if len(named) == 1 else None
        elif entry.suffix == ".py":
            found[entry.stem] = entry
        elif entry.suffix == ".ipynb":  # à signaler, plutôt qu'à oublier
            found.setdefault(entry.stem, None)
    return found


# --- une copie -----------------------------------------------------------------------------------


def graded(name: str, path: Path | None, hints: str, limit: float) -> dict[str, Any]:
    """Le résultat d'une copie : une entrée par question, et la note."""
    answers: list[dict[str, Any]] = []
    remarks: list[str] = []
    problem = (
        "" if path else "il faut un fichier devoir.py, ou un seul fichier .py (un carnet s'exporte)"
    )
    while path and not problem and len(answers) < len(QUESTIONS):
        loaded = False
        for event in events(path, len(answers), hints, limit):
            kind = event["event"]
            if kind == "loaded":
                loaded, remarks = True, event["remarks"]
            elif kind == "judged":
                answers.append(event["result"])
            elif kind == "unreadable":
                problem = event["feedback"]
            elif kind in ("timeout", "stopped") and loaded:
                text = f"plus de {limit:g} s" if kind == "timeout" else "le programme s'est arrêté"
                answers.append({"status": kind, "feedback": [text]})
            elif kind in ("timeout", "stopped"):
                problem = f"{STATUS[kind]} au chargement du fichier"
    if problem:
        answers = [{"status": "unreadable", "feedback": []} for _question in QUESTIONS]
    questions = [
        {
            "title": question.title, "name": question.name, "points": 0.0,
            "out_of": question.out_of, "verdicts": {}, "kinds": {}, **answer,
        }
        for question, answer in zip(QUESTIONS, answers, strict=True)
    ]  # fmt: skip
    return {
        "name": name,
        "mark": sum(question["points"] for question in questions),
        "out_of": OUT_OF,
        "status": "unreadable" if problem else "graded",
        "problem": problem,
        "remarks": remarks,
        "review": bool(problem) or any(q["status"] == "undecided" for q in questions),
        "questions": questions,
    }


def events(path: Path, first: int, hints: str, limit: float) -> Iterator[dict[str, Any]]:
    """Ce que dit le processus qui juge la copie, jusqu'à sa fin ou au temps dépassé."""
    worker = Path(__file__).resolve().with_name("worker.py")
    package = str(Path(tg.__file__).resolve().parents[1])
    search = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        process = subprocess.Popen(
            [sys.executable, str(worker), str(path.resolve()), str(first), hints],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            cwd=folder, env={**os.environ, "PYTHONPATH": search}, start_new_session=True,
        )  # fmt: skip
        lines: queue.Queue[bytes] = queue.Queue()
        threading.Thread(target=read, args=(process, lines), daemon=True).start()
        seconds = START_LIMIT
        try:
            while True:
                line = lines.get(timeout=seconds)
                event = json.loads(line) if line else {"event": "stopped"}
                yield event
                if event["event"] in ("ended", "stopped", "unreadable"):
                    return
                seconds = limit
        except queue.Empty:
            yield {"event": "timeout"}
        finally:
            stop(process)


def read(process: subprocess.Popen[bytes], lines: queue.Queue[bytes]) -> None:
    """Met les lignes du processus dans la file, puis une ligne vide quand il a fini."""
    assert process.stdout is not None
    with process.stdout as stream:
        for line in stream:
            lines.put(line)
    lines.put(b"")


def stop(process: subprocess.Popen[bytes]) -> None:
    """Arrête le processus, et ceux qu'il a lancés là où le système le permet."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()


# --- les résultats -------------------------------------------------------------------------------


def table(results: list[dict[str, Any]]) -> list[str]:
    """Les notes, une copie par ligne, une question par colonne."""
    header = ["copie", f"note/{OUT_OF:g}", *(f"Q{i}" for i in range(1, len(QUESTIONS) + 1))]
    rows = [header]
    for result in results:
        cells = [
            f"{q['points']:g}" if q["status"] in ("right", "wrong") else STATUS[q["status"]]
            for q in result["questions"]
        ]
        if result["problem"]:
            cells = [STATUS["unreadable"]]
        rows.append([result["name"], f"{result['mark']:g}", *cells])
    widths = [max(len(row[i]) for row in rows if i < len(row)) for i in range(len(header))]
    return ["  ".join(c.ljust(w) for c, w in zip(row, widths)).rstrip() for row in rows]


def overview(results: list[dict[str, Any]]) -> list[str]:
    """La moyenne, la part des points obtenus à chaque question, les erreurs fréquentes."""
    n = len(results)
    lines = ["", f"Moyenne : {sum(r['mark'] for r in results) / n:.2f}/{OUT_OF:g}"]
    for i, question in enumerate(QUESTIONS):
        share = sum(r["questions"][i]["points"] for r in results) / n / question.out_of
        title = f"{question.title} (sur {question.out_of:g})"
        lines.append(f"Q{i + 1}  {title} : {100 * share:.0f} % des points")
    counts = Counter(
        word
        for r in results
        for word in sorted({word for q in r["questions"] for word in q["kinds"].values()})
    )
    if counts:
        lines += ["Erreurs les plus fréquentes, en nombre de copies :"]
        lines += [f"    {count}  {word}" for word, count in counts.most_common(5)]
    lines += [f"À relire : {r['name']}" for r in results if r["review"]]
    for r in results:
        lines += [f"{r['name']} : {text}" for text in (r["problem"], *r["remarks"]) if text]
    return lines


def as_data(results: list[dict[str, Any]], hints: str) -> dict[str, Any]:
    """Tous les résultats ; sans la nature des erreurs si les indices ne la révèlent pas."""
    if hints == "where":
        results = [
            {**r, "questions": [{**q, "kinds": {}} for q in r["questions"]]} for r in results
        ]
    mean = sum(result["mark"] for result in results) / len(results)
    return {"hints": hints, "out_of": OUT_OF, "mean": mean, "submissions": results}


def write_csv(results: list[dict[str, Any]], path: Path) -> None:
    """Un tableau qu'ouvrent les tableurs en français : points-virgules, virgules décimales."""
    titles = [f"{question.title} /{decimal(question.out_of)}" for question in QUESTIONS]
    header = ["copie", f"note /{decimal(OUT_OF)}", "à relire", *titles, "retour"]
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(header)
        for result in results:
            name = result["name"]
            safe = f"'{name}" if name.startswith(("=", "+", "-", "@")) else name  # pas de formule
            points = [decimal(question["points"]) for question in result["questions"]]
            review = "oui" if result["review"] else ""
            told = " | ".join(line.strip() for line in feedback(result, only_wrong=True)[1:])
            writer.writerow([safe, decimal(result["mark"]), review, *points, told])


def decimal(number: float) -> str:
    """Un nombre avec une virgule."""
    return f"{number:g}".replace(".", ",")


def feedback(result: dict[str, Any], only_wrong: bool = False) -> list[str]:
    """Le retour à l'étudiant : la note, puis une ligne par question et par chose jugée."""
    lines = [f"{result['name']} : {result['mark']:g}/{OUT_OF:g}"]
    if result["problem"]:
        return [*lines, result["problem"]]
    for question in result["questions"]:
        if only_wrong and question["status"] == "right":
            continue
        lines.append(f"{question['title']} : {question['points']:g}/{question['out_of']:g}")
        lines += [f"    {text}" for text in question["feedback"]]
    return lines


if __name__ == "__main__":
    sys.exit(main())
