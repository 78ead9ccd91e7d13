"""What came of the runs of ``long_context_tiny``: numbers from their logs, what is claimed of them, and the page."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rao_train.run.folder import RECIPE
from rao_train.run.logs import LogEntry, read_log
from rao_train.run.phases import EVALUATION, TRAIN

RAO: Final = "rao"
SINGLE: Final = "single"
ARMS: Final = (RAO, SINGLE)
COST: Final = "cost.json"
NAME: Final = "long_context_tiny"

CURVES: Final = ("success/root", "launch/divisible", "launch/indivisible")
"""What is kept of every training step in which it was measured."""

Outcome = dict[str, Any]
"""A run in JSON form: seed, arm, cost, success and launches before and after by number of pages, and its curves."""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """Something that holds for every seed or does not.

    Attributes:
        text: What is claimed.
        arm: Of which runs.
        values: Takes a run and returns the numbers that the claim is about.
        low: The least that they may be.
        high: The most.
    """

    text: str
    arm: str
    values: Callable[[Outcome], Sequence[float]]
    low: float = float("-inf")
    high: float = float("inf")

    def worst(self, outcomes: Sequence[Outcome]) -> float:
        """Return the number nearest to breaking the claim, or farthest beyond it."""
        values = [value for one in outcomes if one["arm"] == self.arm for value in self.values(one)]
        return max(values, key=lambda value: max(self.low - value, value - self.high))

    def holds(self, outcomes: Sequence[Outcome]) -> bool:
        """Tell whether all numbers are within the bounds."""
        return self.low <= self.worst(outcomes) <= self.high


def _success(when: str, pages: Callable[[int], bool]) -> Callable[[Outcome], Sequence[float]]:
    """Return what reads successes of a run for some numbers of pages."""
    return lambda one: [value for number, value in one[when]["success"].items() if pages(int(number))]


CLAIMS: Final = (
    Claim(text="Before: success from 2 pages on", arm=RAO, values=_success("before", lambda n: n >= 2), high=0.1),
    Claim(text="After: success at 16 pages", arm=RAO, values=_success("after", lambda n: n == 16), low=0.9),
    Claim(text="After: success at 32 pages", arm=RAO, values=_success("after", lambda n: n == 32), low=0.8),
    Claim(
        text="Single agent: success from 2 pages on", arm=SINGLE, values=_success("after", lambda n: n >= 2), high=0.1
    ),
    Claim(text="Seconds of a run with launches", arm=RAO, values=lambda one: [one["seconds"]], high=360.0),
)


def outcome_of(folder: Path) -> Outcome:
    """Return what came of a finished run in ``seed_SEED/ARM``."""
    log = read_log(folder)
    before, after = [entry for entry in log if entry.phase == EVALUATION]
    seed, arm = folder.parts[-2:]
    return {
        "seed": int(seed.removeprefix("seed_")),
        "arm": arm,
        "tasks": json.loads((folder / RECIPE).read_text(encoding="utf-8"))["evaluation"]["tasks"],
        **json.loads((folder / COST).read_text(encoding="utf-8")),
        "learning_steps": sum(entry.phase == TRAIN and entry.metrics["steps/taken"] > 0 for entry in log),
        "before": _evaluated(before),
        "after": _evaluated(after),
        "curves": {
            name: [[entry.step, round(entry.metrics[name], 4)] for entry in log if name in entry.metrics]
            for name in CURVES
        },
    }


def _evaluated(entry: LogEntry) -> dict[str, dict[str, float]]:
    """Return success, launch rate and nodes of an evaluation by number of pages."""
    return {
        name: {
            str(2 ** (int(key.rpartition("_")[2]) - 1)): round(value, 4)
            for key, value in entry.metrics.items()
            if key.startswith(f"evaluation/{name}_")
        }
        for name in ("success", "launch", "nodes")
    }


def write_report(folder: Path, outcomes: Sequence[Outcome]) -> str:
    """Write the page, the numbers and the figure.

    Returns:
        The page.
    """
    folder.mkdir(parents=True, exist_ok=True)
    arms = {one["arm"] for one in outcomes}
    claims = [
        {"text": one.text, "worst": one.worst(outcomes), "holds": one.holds(outcomes), **_bound(one)}
        for one in CLAIMS
        if one.arm in arms
    ]
    page = _page(outcomes, claims)
    numbers = json.dumps({"claims": claims, "runs": list(outcomes)}, indent=1)
    (folder / f"{NAME}.json").write_text(numbers + "\n", encoding="utf-8")
    (folder / f"{NAME}.md").write_text(page, encoding="utf-8")
    _draw(folder / f"{NAME}.png", outcomes)
    return page


def _bound(claim: Claim) -> dict[str, float]:
    """Return the bounds that a claim has."""
    bounds = {"at_least": claim.low, "at_most": claim.high}
    return {name: value for name, value in bounds.items() if abs(value) != float("inf")}


_PAGE = """# Past the window: long_context_tiny

The model's window holds one page of `rao/LongContext-v0`, `kind="pages"`. Its demonstrations read everything or launch
both halves, drawn without a look at the task, and it starts with few launches. Trained on 2 and 4 pages, it learns to
split whatever has several pages.{alone}

```text
{commands}
```

Greedy, on {tasks} test tasks for each number of pages, at commit {commits}, each run in one thread on a CPU that
other work shared. The seconds include the warm start and both evaluations; learning steps are those of reinforcement
learning that changed the weights.

| claim (seeds: {seeds}) | bound | worst | holds |
|---|---|---|---|
{claims}

| success | {pages} | learning steps | seconds | CPU seconds |
|---|{rule}---|---|---|
{success}

| roots that launch | {pages} |
|---|{rule}
{launches}

![Success by number of pages, and launch rate by training step](long_context_tiny.png)

[All numbers](long_context_tiny.json) hold these tables, nodes per tree, and success and launch rates of every step.
"""


_ALONE = """ The single agent starts from the same weights and takes the same number of
steps without launches; nothing that it can do shows it a second page, so that what it gets right beyond one page is a
guess. Where it never succeeds, all rewards are equal and no step changes its weights."""


def _page(outcomes: Sequence[Outcome], claims: Sequence[Mapping[str, Any]]) -> str:
    """Return the page as Markdown."""
    pages = list(outcomes[0]["after"]["success"])
    seeds = sorted({one["seed"] for one in outcomes})
    return _PAGE.format(
        alone=_ALONE if any(one["arm"] == SINGLE for one in outcomes) else "",
        commands="\n".join(
            f"python -m benchmarks.training.{NAME} --seeds {one['seed']} --arms {one['arm']}" for one in outcomes
        )
        + f"\npython -m benchmarks.training.{NAME} --seeds {' '.join(map(str, seeds))} --report docs/results",
        tasks=outcomes[0]["tasks"],
        commits=", ".join(sorted({one["commit"] for one in outcomes})),
        seeds=", ".join(map(str, seeds)),
        claims="\n".join(_claim_row(one) for one in claims),
        pages=" | ".join(f"{number} pages" if number != "1" else "1 page" for number in pages),
        rule="---|" * len(pages),
        success="\n".join(_rows(outcomes, "success", cost=True)),
        launches="\n".join(_rows([one for one in outcomes if one["arm"] == RAO], "launch", cost=False)),
    )


def _claim_row(claim: Mapping[str, Any]) -> str:
    """Return a claim as a row of its table."""
    bound = f"≥ {claim['at_least']:g}" if "at_least" in claim else f"≤ {claim['at_most']:g}"
    worst = f"{claim['worst']:.2f}" if claim["worst"] < 10 else f"{claim['worst']:.0f}"
    return f"| {claim['text']} | {bound} | {worst} | {'yes' if claim['holds'] else 'no'} |"


def _rows(outcomes: Sequence[Outcome], name: str, *, cost: bool) -> list[str]:
    """Return a measure before and after, a row for each."""
    rows = []
    for one in sorted(outcomes, key=lambda one: (ARMS.index(one["arm"]), one["seed"])):
        title = "RAO" if one["arm"] == RAO else "single agent"
        for when in ("before", "after"):
            cells = [f"{value:.2f}" for value in one[when][name].values()]
            numbers = [f"{one[key]:.0f}" for key in ("learning_steps", "seconds", "cpu_seconds")]
            spent = numbers if when == "after" else [""] * len(numbers)
            rows.append(f"| seed {one['seed']}, {title}, {when} | {' | '.join(cells + (spent if cost else []))} |")
    return rows


def _draw(path: Path, outcomes: Sequence[Outcome]) -> None:
    """Plot success by number of pages and launch rate by step, a line for each seed."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    looks = {(RAO, "before"): ("C0", ":"), (RAO, "after"): ("C0", "-"), (SINGLE, "after"): ("C1", "-")}
    for one in outcomes:
        first = one["seed"] == min(other["seed"] for other in outcomes)
        for (arm, when), (color, line) in looks.items():
            if one["arm"] == arm:
                label = f"{'RAO' if arm == RAO else 'single agent'}, {when}" if first else None
                points = one[when]["success"]
                left.plot(range(len(points)), list(points.values()), color=color, linestyle=line, label=label)
        if one["arm"] == RAO:
            for place, (name, label) in enumerate((("divisible", "several pages"), ("indivisible", "one page"))):
                curve = one["curves"][f"launch/{name}"]
                right.plot(*zip(*curve, strict=True), color=f"C{2 + place}", label=label if first else None)
    left.set(xlabel="pages", ylabel="success", ylim=(-0.03, 1.03))
    left.set_xticks(range(len(outcomes[0]["after"]["success"])), list(outcomes[0]["after"]["success"]))
    right.set(xlabel="training step", title="agents that launch, by what they have")
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.legend(fontsize="small")
    figure.savefig(path, format="png", dpi=90)
