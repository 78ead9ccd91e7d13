"""The figures of the demo: success before and after, launches by step, and learning curves."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from rao_train.demo.results import of_phase
from rao_train.run.logs import LogEntry
from rao_train.run.phases import EVALUATION, TRAIN

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def success_figure(results: Mapping[str, Any], titles: Mapping[str, str]) -> bytes:
    """Plot success by difficulty, before learning and after it, over the range that was trained on; as a PNG."""
    figure = _figure(8, 4.2)
    axes = figure.subplots()
    trained = results["trained_on"]
    axes.axvspan(min(trained) - 0.5, max(trained) + 0.5, color="0.92", label="trained on")
    for place, (name, title) in enumerate(titles.items()):
        color = f"C{place}"
        after = results["success"][name]
        low, high = np.array(list(results["interval"][name].values()), dtype=float).T
        difficulties = [int(difficulty) for difficulty in after]
        axes.plot(difficulties, list(after.values()), marker="o", color=color, label=title)
        axes.fill_between(difficulties, low, high, color=color, alpha=0.15, linewidth=0)
        if before := results["before"].get(name, {}).get("greedy"):
            points = [int(difficulty) for difficulty in before]
            axes.plot(points, list(before.values()), marker="x", linestyle=":", color=color, label=f"{title}, before")
    axes.set(xlabel="difficulty", ylabel="success", ylim=(-0.03, 1.03))
    axes.locator_params(axis="x", integer=True)
    return _png(_legend(figure, [axes]))


def launch_figure(log: Sequence[LogEntry]) -> bytes:
    """Plot how often agents try to launch on nested expressions and on single operations, and success, by step."""
    figure = _figure(8, 3.6)
    axes = figure.subplots()
    entries = of_phase(log, TRAIN)
    for name, label in (
        ("launch/divisible", "launch rate, nested expressions"),
        ("launch/indivisible", "launch rate, single operations"),
        ("success/root", "success of the roots"),
    ):
        if points := _points(entries, name):
            axes.plot(*zip(*points, strict=True), label=label, linestyle="--" if name == "success/root" else "-")
    axes.set(xlabel="training step", ylim=(-0.03, 1.03))
    return _png(_legend(figure, [axes]))


def curves_figure(logs: Mapping[str, Sequence[LogEntry]]) -> bytes:
    """Plot success on test tasks by step, a panel for each policy.

    Difficulties are ordered, and so are their colours, by lightness as well as by hue, for the colour-blind too.
    """
    from matplotlib import colormaps

    figure = _figure(11, 4)
    panels = list(np.atleast_1d(figure.subplots(1, len(logs), sharey=True)))
    for axes, (label, log) in zip(panels, logs.items(), strict=True):
        entries = of_phase(log, EVALUATION)
        names = [name for name in entries[-1].metrics if name.startswith("evaluation/success_")]
        for name, color in zip(names, colormaps["viridis"](np.linspace(0, 0.92, len(names))), strict=True):
            points = _points(entries, name)
            axes.plot(
                *zip(*points, strict=True), marker="o", color=color, label=f"difficulty {name.rpartition('_')[2]}"
            )
        axes.set(title=f"{label}, test tasks", xlabel="training step", ylim=(-0.03, 1.03))
    return _png(_legend(figure, panels))


def _points(entries: Sequence[LogEntry], name: str) -> list[tuple[int, float]]:
    """Return a metric by step, where it was measured."""
    return [(entry.step, entry.metrics[name]) for entry in entries if name in entry.metrics]


def _figure(width: float, height: float) -> Figure:
    """Return an empty figure; its size is in inches."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def _legend(figure: Figure, panels: Sequence[Axes]) -> Figure:
    """Add the grid to every panel and a legend to the first."""
    for axes in panels:
        axes.grid(alpha=0.3)
    panels[0].legend(fontsize="small")
    return figure


def _png(figure: Figure) -> bytes:
    """Return a figure as a PNG."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()
