"""Figures of benchmark results: success by difficulty, with the trained range shaded."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

MARKERS = "osD^vPX*<>"


def plot_environment(document: Mapping[str, Any], environment: str, path: Path) -> None:
    """Write a PNG of success by difficulty in one environment, one line per policy and arm, with 95% intervals.

    Args:
        document: The results; see `summarize_folder`.
        environment: Name of the environment in the suite.
        path: The file to write.
    """
    from matplotlib.figure import Figure  # takes longer to import than everything else combined

    figure = Figure(figsize=(7.5, 4.4), layout="constrained")
    axes = figure.subplots()
    trained = document["ranges"][environment]["trained"]
    axes.axvspan(min(trained) - 0.5, max(trained) + 0.5, color="0.92", zorder=0, label="range to train on")
    several = len(document["policies"]) > 1
    series: dict[str, list[Mapping[str, Any]]] = {}
    for cell in document["cells"]:
        if cell["environment"] == environment and cell["success"] is not None:
            label = f"{cell['policy']}, {cell['arm']}" if several else cell["arm"]
            series.setdefault(label.replace("_", " "), []).append(cell)
    for place, (label, cells) in enumerate(series.items()):
        cells = sorted(cells, key=lambda cell: int(cell["difficulty"]))
        levels, means = [cell["difficulty"] for cell in cells], [cell["success"] for cell in cells]
        # Intervals of neighbouring lines would hide one another, so each line stands a little aside.
        shifted = [level + 0.05 * (place - len(series) / 2) for level in levels]
        errors = [
            [mean - cell["low"] for mean, cell in zip(means, cells, strict=True)],
            [cell["high"] - mean for mean, cell in zip(means, cells, strict=True)],
        ]
        axes.errorbar(
            shifted, means, yerr=errors, marker=MARKERS[place % len(MARKERS)], capsize=2, linewidth=1.4, label=label
        )
    axes.set(title=document["ranges"][environment]["id"], xlabel="difficulty", ylabel="success", ylim=(-0.04, 1.04))
    axes.locator_params(axis="x", integer=True)
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small", loc="center left", bbox_to_anchor=(1.01, 0.5))
    figure.savefig(path, format="png", dpi=110)
