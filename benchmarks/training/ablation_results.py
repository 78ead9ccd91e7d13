"""What came of the runs of the ablations: numbers from their logs, tables and a figure."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any, Final

from benchmarks.training.arms import ARMS, TRAININGS
from rao_train.run.logs import METRICS, LogEntry, read_log
from rao_train.run.phases import TRAIN

SPAN: Final = 5
"""Steps over which rates and successes are averaged: a single step is too noisy."""

CURVES: Final = {"nested": "launch/divisible", "single": "launch/indivisible", "success": "success/root"}
"""What is measured at every step: launches of nested expressions and of single operations, success of the roots."""

DISCOVERED: Final = 0.5
"""Launch rate of nested expressions from which on delegation counts as discovered."""

Outcome = dict[str, Any]
"""A run in JSON form: ``arm``, ``training``, ``seed``, its curves, and the numbers of the tables."""


def training_entries(folder: Path) -> list[LogEntry]:
    """Return what a run logged about its training steps; nothing where there is no run."""
    return [entry for entry in read_log(folder) if entry.phase == TRAIN] if (folder / METRICS).exists() else []


def finished_runs(folders: Iterable[Path], steps: int) -> list[Path]:
    """Return the folders whose runs took so many steps."""
    return [folder for folder in folders if len(training_entries(folder)) >= steps]


def outcome_of(folder: Path, steps: int) -> Outcome:
    """Return what came of a finished run in ``TRAINING/ARM/seed_SEED``."""
    metrics = [entry.metrics for entry in training_entries(folder)[:steps]]
    training, arm, seed = folder.parts[-3:]
    curves = {name: smooth([step.get(key) for step in metrics]) for name, key in CURVES.items()}
    return {
        "training": training,
        "arm": arm,
        "seed": int(seed.removeprefix("seed_")),
        "discovered": first_step(curves["nested"], DISCOVERED),
        "learned": first_step(curves["success"], TRAININGS[training].learned),
        **{f"final_{name}": curve[-1] for name, curve in curves.items()},
        "trajectories": int(sum(step["credit/trajectories"] for step in metrics)),
        "curves": curves,
    }


def smooth(values: Sequence[float | None]) -> list[float | None]:
    """Return, for each step, the mean of the last `SPAN` steps that were measured, rounded for the record."""
    means: list[float | None] = []
    for end in range(1, len(values) + 1):
        known = [value for value in values[max(0, end - SPAN) : end] if value is not None]
        means.append(round(fmean(known), 4) if known else None)
    return means


def first_step(curve: Sequence[float | None], threshold: float) -> int | None:
    """Return the first step, counted from 1, whose mean over `SPAN` steps reaches a threshold; None if none does."""
    full = enumerate(curve[SPAN - 1 :], start=SPAN)
    return next((step for step, value in full if value is not None and value >= threshold), None)


def tables_of(outcomes: Sequence[Outcome]) -> str:
    """Return one Markdown table for each training, the seeds side by side in every cell."""
    return "\n".join(_table(training, outcomes) for training in TRAININGS)


def _table(training: str, outcomes: Sequence[Outcome]) -> str:
    """Return the table of one training."""
    reached = f"nested ≥ {DISCOVERED} | roots ≥ {TRAININGS[training].learned}"
    lines = [
        f"| {TRAININGS[training].title} | seeds | {reached} | nested | single | roots |",
        "|---|---|---|---|---|---|---|",
    ]
    for arm, described in ARMS.items():
        runs = [one for one in outcomes if (one["training"], one["arm"]) == (training, arm)]
        runs.sort(key=lambda one: int(one["seed"]))
        names = ("seed", "discovered", "learned", "final_nested", "final_single", "final_success")
        cells = [" / ".join(_written(one[name]) for one in runs) or "not run" for name in names]
        lines.append(f"| {' | '.join([described.title, *cells])} |")
    return "\n".join([*lines, ""])


def _written(value: float | None) -> str:
    """Return a number as the tables show it."""
    if value is None:
        return "-"
    return str(value) if isinstance(value, int) else f"{value:.2f}"


def figure_of(outcomes: Sequence[Outcome]) -> bytes:
    """Plot launches of nested expressions and success of the roots by step, a line for each run; as a PNG."""
    from matplotlib.figure import Figure

    trainings = [name for name in TRAININGS if any(one["training"] == name for one in outcomes)]
    figure = Figure(figsize=(11, 3.6 * max(1, len(trainings)) + 0.6), layout="constrained")
    rows = figure.subplots(max(1, len(trainings)), 2, sharex=True, sharey=True, squeeze=False)
    lines: dict[str, Any] = {}
    for row, training in zip(rows, trainings, strict=False):
        for axes, curve, title in zip(row, ("nested", "success"), ("launch rate, nested", "success"), strict=True):
            for outcome in (one for one in outcomes if one["training"] == training):
                arm, values = outcome["arm"], outcome["curves"][curve]
                (line,) = axes.plot(range(1, len(values) + 1), values, f"C{list(ARMS).index(arm)}", alpha=0.8)
                lines.setdefault(ARMS[arm].title, line)
            axes.set(title=f"{title}; {TRAININGS[training].title}", xlabel="training step", ylim=(-0.03, 1.03))
            axes.grid(alpha=0.3)
    if lines:
        figure.legend(list(lines.values()), list(lines), loc="outside lower center", ncols=4, fontsize="small")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=80)
    return buffer.getvalue()
