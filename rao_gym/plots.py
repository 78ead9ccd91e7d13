"""Plots of evaluations: success and cost by difficulty, for several policies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rao_gym.evaluation import Summary

if TYPE_CHECKING:  # matplotlib takes longer to import than everything else combined
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Series = Mapping[str, Sequence[Summary]]
"""Each policy's summaries, by label."""

_COSTS = {
    "turns": "turns",
    "tokens": "tokens",
    "nodes": "nodes",
    "critical_path": "critical path (turns)",
    "depth": "depth",
    "speed_up": "speed-up (turns / critical path)",
}
_LOGARITHMIC = ("turns", "tokens", "nodes")


def plot_success(series: Series, path: Path, title: str) -> None:
    """Write a PNG of success by difficulty, with 95% intervals.

    Args:
        series: The data to plot.
        path: The file to write; its folder is created.
        title: Title of the plot.
    """
    figure = _figure(7, 4.2)
    axes = figure.subplots()
    for label, summaries in series.items():
        counted = [summary for summary in summaries if summary.success is not None]
        difficulties = [summary.difficulty for summary in counted]
        (line,) = axes.plot(difficulties, [summary.success or 0.0 for summary in counted], marker="o", label=label)
        low, high = [summary.low or 0.0 for summary in counted], [summary.high or 0.0 for summary in counted]
        axes.fill_between(difficulties, low, high, color=line.get_color(), alpha=0.15, linewidth=0)
    axes.set(title=title, ylabel="success", ylim=(-0.03, 1.03))
    _finish(axes, legend=True)
    _save(figure, path)


def plot_cost(series: Series, path: Path, title: str) -> None:
    """Write a PNG of turns, tokens, nodes, critical path, depth and speed-up by difficulty.

    Args:
        series: The data to plot.
        path: The file to write; its folder is created.
        title: Title of the plot.
    """
    figure = _figure(11, 6)
    panels = figure.subplots(2, 3).flat
    for place, (name, label) in enumerate(_COSTS.items()):
        axes = panels[place]
        for policy, summaries in series.items():
            points = [(summary.difficulty, getattr(summary, name)) for summary in summaries if summary.episodes]
            axes.plot([point[0] for point in points], [point[1] for point in points], marker="o", label=policy)
        axes.set(title=label)
        if name in _LOGARITHMIC:
            axes.set_yscale("log")
            axes.yaxis.set_major_formatter("{x:,g}")
            axes.yaxis.set_minor_formatter("")
        _finish(axes, legend=place == 0)
    figure.suptitle(title)
    _save(figure, path)


def _figure(width: float, height: float) -> Figure:
    """Return an empty figure; its size is in inches."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def _finish(axes: Axes, *, legend: bool) -> None:
    """Add the difficulty axis and the grid to a panel."""
    axes.set_xlabel("difficulty")
    axes.locator_params(axis="x", integer=True)
    axes.grid(alpha=0.3)
    if legend:
        axes.legend()


def _save(figure: Figure, path: Path) -> None:
    """Save a figure without touching pyplot's global state."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, format="png")
