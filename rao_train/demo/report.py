"""The demo's report: one HTML page that needs no network and no other file."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from rao_gym.evaluation import Summary
from rao_gym.plots import plot_cost, plot_success
from rao_gym.tree import ExecutionTree
from rao_gym.viewer.html import write_page
from rao_train.run.logs import LogEntry
from rao_train.run.phases import EVALUATION, TRAIN

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; color: #222; }}
img {{ max-width: 100%; }}
table {{ border-collapse: collapse; }}
.wide {{ overflow-x: auto; }}
th, td {{ padding: .25rem .8rem; border-bottom: 1px solid #ddd; text-align: right; }}
th:first-child, td:first-child {{ text-align: left; }}
iframe {{ width: 100%; height: 46rem; border: 1px solid #ccc; }}
</style>
</head>
<body>
<h1>{title}</h1>
<p>{task}</p>
<p>{summary}</p>
<h2>Success by difficulty</h2>
<div class="wide">{success_table}</div>
<p><img src="{success}" alt="Success by difficulty with 95% intervals"></p>
<h2>Learning curves</h2>
<p><img src="{curves}" alt="Success while training and on test tasks, by step"></p>
<h2>Depth and cost by difficulty</h2>
<p><img src="{cost}" alt="Turns, tokens, nodes, critical path, depth and speed-up by difficulty"></p>
<h2>Sample trees</h2>
<p>One tree of each difficulty for each policy, the largest first; those of the single agent have one node. A child
sees only its own part of the expression, and its parent sees only the child's answer.</p>
<iframe title="Sample trees" sandbox="allow-scripts" srcdoc="{trees}"></iframe>
</body>
</html>
"""


def write_report(
    path: Path,
    *,
    title: str,
    series: Mapping[str, Sequence[Summary]],
    logs: Mapping[str, Sequence[LogEntry]],
    trees: Sequence[ExecutionTree],
    delegation_bonus: float,
    results: Mapping[str, Any],
) -> None:
    """Write the page.

    Args:
        path: The file.
        title: Title of the page.
        series: Each policy's summaries by difficulty.
        logs: What each policy's run logged.
        trees: Trees to show.
        delegation_bonus: λ of Eq. 1 (arXiv:2605.06639), for the rewards shown with the trees.
        results: The numbers of ``results.json``.
    """
    seconds = results["seconds"]
    task = (
        "The task is to compute a nested expression modulo a small prime. An agent can hand an operand of its "
        "expression to a copy of itself and gets back the operand's value. No agent can compute a nested expression in "
        "one turn, so success beyond difficulty 1 comes from delegating; the single agent has no launches and has to "
        "guess."
    )
    summary = (
        f"Recipe {results['recipe']}, seed {results['seed']}. Warm start {seconds['warm_start']:.0f} s; then "
        f"{results['steps']['rao']} steps of RAO in {seconds['rao_learning']:.0f} s and "
        f"{results['steps']['single']} of the single agent in {seconds['single_learning']:.0f} s, from the same "
        f"weights. {results['episodes']} test tasks of each difficulty; {seconds['total']:.0f} s in all."
    )
    with TemporaryDirectory() as folder:
        success, cost, page = (Path(folder) / name for name in ("success.png", "cost.png", "trees.html"))
        plot_success(series, success, "Success by difficulty, 95% intervals")
        plot_cost(series, cost, "Cost of a tree by difficulty")
        write_page(trees, page, "Sample trees", delegation_bonus=delegation_bonus)
        text = _PAGE.format(
            title=html.escape(title),
            task=html.escape(task),
            summary=html.escape(summary),
            success_table=_table(series),
            success=_data_uri(success.read_bytes()),
            cost=_data_uri(cost.read_bytes()),
            curves=_data_uri(_png(_learning_curves(logs))),
            trees=html.escape(page.read_text(encoding="utf-8"), quote=True),
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _table(series: Mapping[str, Sequence[Summary]]) -> str:
    """Return success with its interval, a row for each policy."""
    difficulties = [summary.difficulty for summary in next(iter(series.values()))]
    head = "".join(f"<th>{difficulty}</th>" for difficulty in difficulties)
    rows = "".join(
        f"<tr><td>{html.escape(label)}</td>"
        + "".join(f"<td>{one.success:.2f} <small>({one.low:.2f} to {one.high:.2f})</small></td>" for one in summaries)
        + "</tr>"
        for label, summaries in series.items()
    )
    return f"<table><tr><th>difficulty</th>{head}</tr>{rows}</table>"


def _learning_curves(logs: Mapping[str, Sequence[LogEntry]]) -> Figure:
    """Plot success while training, and on test tasks by difficulty.

    Difficulties are ordered, and so are their colours, by lightness as well as by hue, for the colour-blind too.
    """
    from matplotlib import colormaps
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4), layout="constrained")
    training, *tests = figure.subplots(1, 1 + len(logs), sharey=True)
    for label, log in logs.items():
        points = _points([entry for entry in log if entry.phase == TRAIN], "success/root")
        training.plot(*zip(*points, strict=True), label=label)
    training.set(title="while training", xlabel="step", ylabel="success of the roots", ylim=(-0.03, 1.03))
    for axes, (label, log) in zip(tests, logs.items(), strict=True):
        entries = [entry for entry in log if entry.phase == EVALUATION]
        names = [name for name in entries[-1].metrics if name.startswith("evaluation/success_")]
        for name, color in zip(names, colormaps["viridis"](np.linspace(0, 0.92, len(names))), strict=True):
            points = _points(entries, name)
            axes.plot(
                *zip(*points, strict=True), marker="o", color=color, label=f"difficulty {name.rpartition('_')[2]}"
            )
        axes.set(title=f"{label}, test tasks", xlabel="step")
    for axes in (training, tests[0]):
        axes.legend(fontsize="small")
    for axes in (training, *tests):
        axes.grid(alpha=0.3)
    return figure


def _points(entries: Sequence[LogEntry], name: str) -> list[tuple[int, float]]:
    """Return a metric by step, where it was measured."""
    return [(entry.step, entry.metrics[name]) for entry in entries if name in entry.metrics]


def _png(figure: Figure) -> bytes:
    """Return a figure as a PNG."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def _data_uri(png: bytes) -> str:
    """Return a PNG as an address that holds it."""
    return f"data:image/png;base64,{base64.b64encode(png).decode('ascii')}"
