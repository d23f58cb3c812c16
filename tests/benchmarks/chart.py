"""The figures as a chart: ratios to PyTorch on a logarithmic axis, one panel per thread count."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")  # no window

from matplotlib import pyplot as plt
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from .contenders import CONTENDERS, OURS
from .measuring import Result
from .report import MEAN_MOONSHOT, MEAN_MUST, geometric_means, threads

__all__ = ["draw"]

# Colours that remain apart to the colour-blind (Okabe and Ito); shapes differ as well.
STYLES: dict[str, dict[str, Any]] = {
    "tinygrad_fr": {"marker": "o", "color": "#0072B2", "s": 48},
    "tinygrad_fr+numba": {"marker": "D", "color": "#56B4E9", "s": 34},
    "autograd": {"marker": "s", "color": "#E69F00", "s": 26},
    "mygrad": {"marker": "^", "color": "#009E73", "s": 30},
    "dezero": {"marker": "v", "color": "#CC79A7", "s": 30},
    "tinygrad": {"marker": "P", "color": "#8C564B", "s": 32},
    "jax": {"marker": "X", "color": "#D55E00", "s": 32},
}
# Side by side: with numba and without are often as fast.
OFFSETS = {"tinygrad_fr": -0.13, "tinygrad_fr+numba": 0.16}
INK, GREY = "#222222", "#8A8A8A"


def draw(results: Sequence[Result], file: Path) -> None:
    """Write the chart of the counted workloads, raw Tensors, as the file's ending says."""
    shown = [r for r in results if not r.modules and not r.workload.extra and r.threads]
    panels = [[r for r in shown if r.threads == n] for n in sorted({r.threads for r in shown})]
    present = {name for r in shown for name, timing in r.timings.items() if timing}
    handles = _legend(present)
    plt.rcParams |= {"font.size": 9, "svg.hashsalt": "benchmarks"}  # the same file every time
    figure, axes = plt.subplots(
        1, len(panels), sharex=True, sharey=True, squeeze=False, layout="constrained",
        figsize=(2.6 + 5.2 * len(panels), 1.8 + 0.3 * max(map(len, panels))),
    )  # fmt: skip
    for axis, panel in zip(axes[0], panels):
        _panel(axis, panel)
    figure.legend(
        handles=handles, loc="outside upper center", frameon=False, handletextpad=0.3,
        ncols=len(handles) if len(panels) > 1 else (len(handles) + 1) // 2,
    )  # fmt: skip
    figure.supxlabel("time of a step as a ratio to PyTorch's: left of 1 is faster", fontsize=9)
    figure.savefig(file, dpi=150, metadata={"Date": None} if file.suffix == ".svg" else None)
    plt.close(figure)


def _panel(axis: Any, results: Sequence[Result]) -> None:
    for y, r in enumerate(results):
        _targets(axis, y, r.workload.must, r.workload.moonshot)
        for name, style in STYLES.items():
            if ratio := r.ratio(name):
                _point(axis, y, ratio.median, name)
                if name in OURS:
                    span = {"color": style["color"], "linewidth": 1.6, "alpha": 0.6}
                    axis.plot([ratio.low, ratio.high], [y + OFFSETS[name]] * 2, zorder=3, **span)
    mean = len(results)
    axis.axhline(mean - 0.5, color=GREY, linewidth=0.6)
    _targets(axis, mean, MEAN_MUST, MEAN_MOONSHOT)
    for name, (ratio, _) in geometric_means(results).items():
        if name in STYLES:
            _point(axis, mean, ratio, name)

    axis.axvline(1, color=INK, linewidth=0.9, zorder=1.5)
    axis.text(1, -0.62, "PyTorch", ha="center", va="bottom", fontsize=8, color=INK)
    axis.set_xscale("log")
    axis.xaxis.set_major_locator(FixedLocator([0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200]))
    axis.xaxis.set_minor_locator(NullLocator())
    axis.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    titles = [f"{r.workload.title}   $\\bf{{{_escaped(r.name)}}}$" for r in results]
    axis.set_yticks(range(mean + 1), [*titles, r"$\bf{geometric\ mean}$"])
    axis.set_ylim(mean + 0.6, -0.6)
    axis.grid(axis="x", color="#E4E4E4", linewidth=0.7)
    axis.set_axisbelow(True)
    axis.tick_params(length=0, labelcolor=INK)
    axis.spines[:].set_visible(False)
    axis.set_title(
        threads(results[0].threads), fontsize=10, color=INK, loc="left", fontweight="bold", pad=10
    )


def _escaped(name: str) -> str:
    return name.replace(" ", r"\ ")


def _point(axis: Any, y: int, ratio: float, name: str) -> None:
    zorder = 5 if name in OURS else 4
    axis.scatter(ratio, y + OFFSETS.get(name, 0), zorder=zorder, linewidths=0, **STYLES[name])


def _targets(axis: Any, y: int, must: float | None, moonshot: float | None) -> None:
    """The span to be reached: a bar that ends at the must, a tick at the moonshot."""
    if must is not None and moonshot is not None:
        axis.vlines(must, y - 0.36, y + 0.36, color=INK, linewidth=1.8, zorder=2)
        axis.vlines(
            moonshot, y - 0.36, y + 0.36, color=GREY, linewidth=1.4, linestyle=(0, (2, 1)), zorder=2
        )
        axis.plot(
            [moonshot, must], [y, y], color="#DADADA", linewidth=7, solid_capstyle="butt", zorder=1
        )


def _legend(present: set[str]) -> list[Any]:
    handles = [
        Line2D(
            [], [], linestyle="", marker=style["marker"], color=style["color"],
            markersize=style["s"] ** 0.5, markeredgewidth=0, label=CONTENDERS[name].label,
        )
        for name, style in STYLES.items()
        if name in present
    ]  # fmt: skip
    tick = {"linestyle": "", "marker": "|", "markersize": 11}
    return [
        *handles,
        Line2D([], [], color=INK, markeredgewidth=1.8, label="must", **tick),
        Line2D([], [], color=GREY, markeredgewidth=1.4, label="moonshot", **tick),
    ]
