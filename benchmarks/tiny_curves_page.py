"""What several seeds of the demo came to, as a page and a figure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import nan
from pathlib import Path
from statistics import fmean
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rao_train.demo.contenders import RAO, SINGLE, TITLES

Record = Mapping[str, Any]
"""A seed: ``seed``, ``commit``, the demo's ``results`` and the ``curves`` of RAO's training steps."""

_SPAN: Final = 5
"""Steps over which a curve is averaged: a single step is too noisy."""

_LABELS: Final = {
    "launch/divisible": "launch rate, nested expressions",
    "launch/indivisible": "launch rate, single operations",
    "success/root": "success of the roots",
}


def page_of(records: Sequence[Record], command: str, figure: str) -> str:
    """Return the page in Markdown.

    Args:
        records: The seeds.
        command: What makes these results.
        figure: File of the figure, next to the page.
    """
    first = records[0]["results"]
    commits = ", ".join(sorted({record["commit"] for record in records}))
    seeds = ", ".join(str(record["seed"]) for record in records)
    return "\n".join(
        [
            "# The demo in several seeds",
            "",
            f"`{command}`, seeds {seeds}, commit {commits}. Success is the mean over {first['episodes']} test tasks of",
            "each difficulty, played greedily unless it says sampled (temperature 1). Training is on difficulties",
            f"{' and '.join(map(str, first['trained_on']))}; a guess is right 1 time in 13.",
            "",
            f"![Success by difficulty, and launch rates by training step]({figure})",
            "",
            "## Targets",
            "",
            *_targets(records),
            "",
            "## Success by difficulty",
            "",
            *_success(records),
            "",
            "## Launches, and costs",
            "",
            *_costs(records),
            "",
        ]
    )


def _targets(records: Sequence[Record]) -> Iterator[str]:
    """Return the table of targets: the worst value of each seed, and whether all seeds are within."""
    results = [record["results"] for record in records]
    rows = {
        ("RAO before learning, from 2 on, greedy and sampled", "at most .25"): [
            max(_nested(values) for values in one["before"][RAO].values()) for one in results
        ],
        ("RAO after, 2 to 5", "at least .95"): [
            min(one["success"][RAO][str(d)] for d in range(2, 6)) for one in results
        ],
        ("RAO after, 7", "at least .90"): [one["success"][RAO]["7"] for one in results],
        ("launches on nested expressions", "at least .95"): [one["launch"]["nested"] for one in results],
        ("launches on single operations", "at most .05"): [one["launch"]["single_operation"] for one in results],
        ("single agent, from 2 on", "at most .25"): [_nested(one["success"][SINGLE]) for one in results],
    }
    yield _row("figure", "target", *(f"seed {record['seed']}" for record in records), "met")
    yield _rule(len(records) + 3)
    for (name, target), values in rows.items():
        how, bound = target.rpartition(" ")[::2]
        met = all(value >= float(bound) if how == "at least" else value <= float(bound) for value in values)
        yield _row(name, target, *map(_number, values), "yes" if met else "no")


def _nested(values: Mapping[str, float]) -> float:
    """Return the largest value of difficulties from 2 on."""
    return max(value for difficulty, value in values.items() if difficulty != "1")


def _success(records: Sequence[Record]) -> Iterator[str]:
    """Return the table of success, a row for each policy, seed and way of playing."""
    difficulties = list(records[0]["results"]["success"][RAO])
    yield _row("policy", "seed", *difficulties)
    yield _rule(len(difficulties) + 2)
    for name, title in TITLES.items():
        for how, at in (("before", "greedy"), ("before", "sampled"), ("after", "greedy"), ("after", "sampled")):
            for record in records:
                values = _played(record["results"], name, how, at)
                if values:
                    label = f"{title}, {how}{', sampled' if at == 'sampled' else ''}"
                    yield _row(label, str(record["seed"]), *(_number(values.get(key)) for key in difficulties))


def _played(results: Mapping[str, Any], name: str, how: str, at: str) -> Mapping[str, float]:
    """Return success by difficulty before or after learning."""
    values: Mapping[str, float]
    if how == "before":
        values = results["before"].get(name, {}).get(at, {})
    else:
        values = results["success" if at == "greedy" else "success_sampled"].get(name, {})
    return values


def _costs(records: Sequence[Record]) -> Iterator[str]:
    """Return the table of launch rates, steps, tokens and seconds."""
    names = list(TITLES)
    yield _row(
        "seed",
        "launch rate before, from 2 on",
        "after, nested",
        "after, single operations",
        *(f"tokens, {TITLES[name]}" for name in names),
        "seconds, warm start of RAO",
        *(f"{TITLES[name]}, all" for name in names),
        "in all",
    )
    yield _rule(6 + 2 * len(names))
    for record in records:
        one = record["results"]
        yield _row(
            str(record["seed"]),
            _number(_nested(one["before_launch"][RAO]["greedy"])),
            _number(one["launch"]["nested"]),
            _number(one["launch"]["single_operation"]),
            *(f"{one['training_tokens'][name]:,}" for name in names),
            *(f"{one['seconds'][name]:.0f}" for name in ("warm_start", *names, "total")),
        )


def _number(value: float | None) -> str:
    """Return a number as a cell."""
    return "-" if value is None else f"{value:.2f}"


def _row(*cells: str) -> str:
    """Return a row of a table."""
    return f"| {' | '.join(cells)} |"


def _rule(columns: int) -> str:
    """Return the line below a table's head."""
    return "|" + "---|" * columns


def plot(records: Sequence[Record], path: Path) -> None:
    """Plot success by difficulty and RAO's launch rates by step: means over the seeds, with their ranges."""
    figure = Figure(figsize=(11, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    for place, (name, title) in enumerate(TITLES.items()):
        after = [record["results"]["success"][name] for record in records]
        difficulties = [int(key) for key in after[0]]
        _band(left, difficulties, [list(values.values()) for values in after], f"C{place}", title)
    before = [record["results"]["before"][RAO]["greedy"] for record in records]
    left.plot(difficulties, np.mean([list(one.values()) for one in before], axis=0), "C0:x", label="RAO, before")
    left.set(xlabel="difficulty", ylabel="success", ylim=(-0.03, 1.03))
    for place, (key, label) in enumerate(_LABELS.items()):
        curves = [_smooth(record["curves"][key]) for record in records]
        steps = min(map(len, curves))
        _band(right, range(1, steps + 1), [curve[:steps] for curve in curves], f"C{place}", label, marker="")
    right.set(xlabel="training step of RAO", ylim=(-0.03, 1.03))
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.legend(fontsize="small")
    figure.savefig(path)


def _band(
    axes: Axes, x: Sequence[int], curves: Sequence[Sequence[float]], color: str, label: str, marker: str = "o"
) -> None:
    """Draw the mean of some curves and the range between them."""
    values = np.array(curves, dtype=float)
    axes.plot(x, values.mean(axis=0), color=color, marker=marker, label=label)
    axes.fill_between(x, values.min(axis=0), values.max(axis=0), color=color, alpha=0.2, linewidth=0)


def _smooth(values: Sequence[float | None]) -> list[float]:
    """Return, for each step, the mean of the last few that were measured; NaN where there are none."""
    means = []
    for end in range(1, len(values) + 1):
        known = [value for value in values[max(0, end - _SPAN) : end] if value is not None]
        means.append(fmean(known) if known else nan)
    return means
