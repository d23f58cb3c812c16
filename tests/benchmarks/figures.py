"""Put measured figures into the README and the docs: ``python -m tests.benchmarks.figures``.

From ``docs/benchmark.json`` (written by ``python -m tests.benchmarks --full --json``) and
``docs/benchmark-haswell.json`` (tinygrad_fr and PyTorch, with OpenBLAS held to older kernels; the
commands are in ``docs/performance.md``). A figure stands between ``<!-- figures: NAME -->`` and
``<!-- end -->``; a test fails where one differs from its file.
"""

from __future__ import annotations

import json
import re
import statistics
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from .contenders import ALONE, CONTENDERS, OURS, ROOT
from .measuring import REFERENCE
from .report import BUSIER, MEAN_MOONSHOT, MEAN_MUST, SLOWER
from .workloads import COUNTED, WORKLOADS

__all__ = ["PAGES", "written"]

PAGES = ROOT / "README.md", ROOT / "docs" / "performance.md"

Data = dict[str, Any]


def written(page: str) -> str:
    """A page with its figures made anew."""
    data = {
        name: json.loads((ROOT / "docs" / f"{name}.json").read_text(encoding="utf-8"))
        for name in ("benchmark", "benchmark-haswell")
    }

    def figure(match: re.Match[str]) -> str:
        name = match.group(1)
        return f"<!-- figures: {name} -->\n{FIGURES[name](data)}\n<!-- end -->"

    return re.sub(r"<!-- figures: ([\w ]+) -->\n.*?<!-- end -->", figure, page, flags=re.DOTALL)


# --- speed -----------------------------------------------------------------------------------


def waiting(data: dict[str, Data]) -> str:
    """For the README: what a user waits for, with the defaults of a fresh machine."""
    found = _raw(data["benchmark"], 0)
    shown = [*OURS, REFERENCE, "sklearn", "loops"]
    rows = [["", "tinygrad_fr", "with numba", "PyTorch", "scikit-learn", "plain NumPy loops"]]
    for name in ("W10", "W9", "W3", "W7"):
        times = (found[name]["contenders"].get(c, {}).get("median_ms") for c in shown)
        rows.append([WORKLOADS[name].title, *(_time(t) for t in times)])
    return _table(rows)


def summary(data: dict[str, Data]) -> str:
    """For the README: our two contenders on one thread and on two."""
    found = [_raw(data["benchmark"], threads) for threads in (1, 2)]
    rows = [["", "tinygrad_fr", "with numba", "2 threads", "with numba", "target"]]
    for name, workload in WORKLOADS.items():
        if workload.must is not None and workload.reference == REFERENCE:
            cells = [cell for entries in found for cell in _ratios(entries[name], OURS)]
            rows.append([workload.title, *cells, f"{workload.must:g}"])
    means = [cell for entries in found for cell in _means(entries, OURS)]
    rows.append(["geometric mean of W1 to W6", *means, f"{MEAN_MUST:g}"])
    held = _means(_raw(data["benchmark-haswell"], 1), OURS)
    return (
        f"{_table(rows)}\n\nWhere NumPy's OpenBLAS is held to older kernels "
        f"(`OPENBLAS_CORETYPE=Haswell`, as on some virtual machines), the mean is {held[0]}, with "
        f"numba {held[1]}."
    )


def speeds(name: str, threads: int) -> Callable[[dict[str, Data]], str]:
    """For the documentation: all contenders, and the targets."""

    def figure(data: dict[str, Data]) -> str:
        found = _raw(data[name], threads)
        present = [c for c in CONTENDERS if any(_ratio(entry, c) for entry in found.values())]
        aside = (*OURS, *ALONE.values(), REFERENCE, "sklearn", "loops")
        shown = [c for c in OURS if c in present] + [c for c in present if c not in aside]
        labels = ["avec numba" if c == OURS[1] else CONTENDERS[c].label for c in shown]
        rows = [["", "PyTorch, ms", *labels, "exigé", "rêvé"]]
        for workload, entry in found.items():
            time = f"{entry['contenders'][REFERENCE]['median_ms']:.3g}"
            targets = [_number(entry["must"]), _number(entry["moonshot"])]
            rows.append([workload, time, *_ratios(entry, shown), *targets])
        mean = [f"{MEAN_MUST:g}", f"{MEAN_MOONSHOT:g}"]
        rows.append(["moyenne géométrique", "", *_means(found, shown), *mean])
        return _table(rows)

    return figure


def whole(data: dict[str, Data]) -> str:
    """Whole steps and runs with all defaults, and the time of the processors."""
    found = _raw(data["benchmark"], 0)
    shown = [*OURS, REFERENCE, "sklearn", "loops"]
    french = {OURS[1]: "avec numba", "loops": "boucles NumPy"}
    labels = [french.get(c, CONTENDERS[c].label) for c in shown]
    rows = [["durée (temps de processeur), ms", *labels]]
    for name, entry in found.items():
        cells = []
        for c in shown:
            timing = entry["contenders"].get(c)
            cpu = timing and timing["processors_ms"]
            cells.append("-" if not timing else f"{timing['median_ms']:.3g}")
            cells[-1] += f" ({cpu:.3g})" if cpu else ""
        rows.append([name, *cells])
    return _table(rows)


def cores(data: dict[str, Data]) -> str:
    """What a second thread changes: time, and time of the processors."""
    rows = [["deux fils / un fil", "durée", "processeurs", "numba : durée", "processeurs"]]
    sums: list[list[float]] = [[], [], [], []]
    for name, entry in _raw(data["benchmark"], 2).items():
        both = (entry["more_threads"][c] for c in OURS)
        figures = [x for found in both for x in (found["time"], found["processors"])]
        rows.append([name, *map(_number, figures)])
        for column, x in zip(sums, figures, strict=True):
            column += [x] if x else []
    means = (statistics.geometric_mean(column) if column else None for column in sums)
    rows.append(["moyenne géométrique", *map(_number, means)])
    rows.append(["exigé", f"{SLOWER:g}", f"{BUSIER:g}", f"{SLOWER:g}", f"{BUSIER:g}"])
    return _table(rows)


def _raw(data: Data, threads: int) -> dict[str, Data]:
    """The results with raw Tensors, by workload."""
    return {
        entry["workload"]: entry
        for entry in data["results"]
        if entry["threads"] == threads and not entry["modules"]
    }


def _ratio(entry: Data, contender: str) -> float | None:
    ratio = entry["contenders"].get(contender, {}).get("ratio")
    return ratio and ratio["median"]


def _ratios(entry: Data, contenders: Iterable[str]) -> list[str]:
    return [_number(_ratio(entry, c)) for c in contenders]


def _means(found: dict[str, Data], contenders: Iterable[str]) -> list[str]:
    means = []
    for c in contenders:
        ratios = [r for name in COUNTED if name in found and (r := _ratio(found[name], c))]
        means.append(_number(statistics.geometric_mean(ratios) if ratios else None))
    return means


# --- memory and growth -----------------------------------------------------------------------


def memory(data: dict[str, Data]) -> str:
    """The peak of a training step."""
    rows = [["", "tinygrad_fr, Mo", "avec numba, Mo", "PyTorch, Mo"]]
    for workload, peaks in data["benchmark"]["memory"]["peak"].items():
        rows.append([workload, *(f"{peaks[c] / 1e6:.1f}" for c in (*OURS, REFERENCE))])
    return _table(rows)


def growth(data: dict[str, Data]) -> str:
    """How time and memory grow, in words."""
    kept, scaling = data["benchmark"]["memory"], data["benchmark"]["scaling"]
    lines = []
    for name, words in {"batch": "le lot", "depth": "la profondeur", "width": "la largeur"}.items():
        fits = scaling[name]["exponents"].values()
        exponents = (f"{f['exponent']:.2f} ± {f['standard_error']:.2f}" for f in fits)
        ours, theirs = exponents
        lines.append(f"- Le temps croît comme {words} à la puissance {ours} (PyTorch : {theirs}).")
    parts = {
        "stack": "`stack` de n Tensors", "concatenate": "`concatenate` de n Tensors",
        "index": "`x[i]` pour chaque i", "draw": "`draw(y).text`", "derive": "`derive(y, x).text`",
    }  # fmt: skip
    for name, words in parts.items():
        fits = scaling.get(name, {"exponents": {}})["exponents"].values()
        if fits:
            ours, *theirs = (f"{f['exponent']:.2f} ± {f['standard_error']:.2f}" for f in fits)
            beside = f" (PyTorch : {theirs[0]})" if theirs else ""
            lines.append(f"- {words} : n à la puissance {ours}{beside}.")
    depth = scaling["depth"]
    per_operation = {
        name: {n: t * 1e3 / n for n, t in zip(depth["sizes"], times, strict=True)}
        for name, times in depth["milliseconds"].items()
    }
    small, large = (per_operation["tinygrad_fr"][n] for n in (10_000, 1_000_000))
    theirs = per_operation[REFERENCE]
    imports = scaling["import_seconds"]
    traced = [found["tinygrad_fr"]["traced"] / 10_000 for found in kept["growth"].values()]
    lines += [
        f"- Une opération d'une chaîne prend {small:.2f} µs (PyTorch : {theirs[10_000]:.2f}) quand "
        f"il y en a 10 000, {large:.2f} µs ({theirs[1_000_000]:.2f}) quand il y en a 1 000 000 : "
        f"{large / small:.2f} fois plus.",
        f"- Elle occupe {kept['per_operation']:.0f} octets en plus de son tableau.",
        f"- Il reste {max(traced):.1f} octet par étape après 10 000 étapes.",
        "- `import tinygrad_fr` prend "
        f"{imports['tinygrad_fr'] / imports['numpy']:.2f} fois le temps de `import numpy`.",
    ]
    return "\n".join(lines)


FIGURES: dict[str, Callable[[dict[str, Data]], str]] = {
    "waiting": waiting,
    "summary": summary,
    "whole": whole,
    "cores": cores,
    "one thread": speeds("benchmark", 1),
    "two threads": speeds("benchmark", 2),
    "haswell": speeds("benchmark-haswell", 1),
    "memory": memory,
    "growth": growth,
}


def _time(milliseconds: float | None) -> str:
    """Three digits, with the unit that suits."""
    if milliseconds is None:
        return ""
    small = milliseconds < 1000
    return f"{milliseconds:.3g} ms" if small else f"{milliseconds / 1000:.3g} s"


def _number(x: float | None) -> str:
    if x is None:
        return "-"
    return f"{x:.2f}" if x < 10 else f"{x:.0f}"


def _table(rows: Sequence[Sequence[str]]) -> str:
    head, *body = rows
    lines = [head, ["---", *["--:"] * (len(head) - 1)], *body]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


if __name__ == "__main__":
    for path in PAGES:
        path.write_text(written(path.read_text(encoding="utf-8")), encoding="utf-8")
        print(f"{Path(path).name}: figures written")
