"""The demo: a tiny model learns to delegate, next to one that may not; ``python -m rao_train.demo --out runs/demo``.

One warm start serves both. From there RAO and the single-agent baseline take the same number of steps on the same
tasks, and both then play tasks of difficulties 1 to 7 that neither has seen.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from rich.console import Console

from rao_gym.evaluation import Rollout, Summary, TaskKey, summarize
from rao_gym.evaluation.results import result_of
from rao_gym.tree import ExecutionTree
from rao_train.demo.report import write_report
from rao_train.recipes.reading import load_recipe
from rao_train.recipes.settings import Recipe
from rao_train.run.logs import LogEntry, read_log
from rao_train.run.phases import TRAIN
from rao_train.run.progress import ConsoleReporter
from rao_train.run.trainer import Trainer

RECIPE = "arithmetic_tiny"
RAO, SINGLE = "rao", "single"
TITLES = {RAO: "RAO", SINGLE: "single agent"}


@dataclass(frozen=True, kw_only=True)
class Contender:
    """One of the two policies of the demo.

    Attributes:
        recipe: What it was trained with.
        log: What its run logged.
        trees: The trees of its final evaluation.
        summaries: These trees by difficulty.
        seconds: Time of the run, evaluations included.
    """

    recipe: Recipe
    log: Sequence[LogEntry]
    trees: Sequence[ExecutionTree]
    summaries: Sequence[Summary]
    seconds: float


def run_demo(out: Path, seed: int = 0, overrides: Sequence[str] = ()) -> dict[str, Any]:
    """Train and compare both policies, and write ``report.html`` and ``results.json``.

    Args:
        out: Folder for everything; what an earlier demo left there is replaced.
        seed: The recipe's seed.
        overrides: Values of the recipe to replace, for both policies.

    Returns:
        What ``results.json`` holds.
    """
    started = perf_counter()
    for name in (RAO, SINGLE):
        clear_run(out / name)
    recursive = load_recipe(RECIPE, [f"seed={seed}", *overrides])
    contenders = {RAO: _train(recursive, out / RAO, RAO)}
    alone = [f"model.path={out / RAO / 'warm_start'}", "warm_start.stages=[]", "environment.recursive=false"]
    contenders[SINGLE] = _train(load_recipe(RECIPE, [f"seed={seed}", *overrides, *alone]), out / SINGLE, SINGLE)
    results = results_of(contenders, perf_counter() - started)
    (out / "results.json").write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    write_report(
        out / "report.html",
        title=f"{recursive.environment.id}: RAO and a single agent after the same warm start",
        series={TITLES[name]: one.summaries for name, one in contenders.items()},
        logs={TITLES[name]: one.log for name, one in contenders.items()},
        trees=[tree for one in contenders.values() for tree in one.trees if tree.task.index == 0],
        delegation_bonus=recursive.credit.delegation_bonus,
        results=results,
    )
    return results


def results_of(contenders: Mapping[str, Contender], seconds: float) -> dict[str, Any]:
    """Return the numbers of the demo as plain data."""
    rao = contenders[RAO]
    warm_start = sum(entry.metrics["seconds/step"] for entry in rao.log if entry.phase.startswith("warm_start/"))
    by_difficulty = {
        name: {
            key: {str(summary.difficulty): getattr(summary, field) for summary in one.summaries}
            for key, field in (("success", "success"), ("nodes", "nodes"), ("depth", "depth"), ("turns", "turns"))
        }
        | {"interval": {str(summary.difficulty): [summary.low, summary.high] for summary in one.summaries}}
        for name, one in contenders.items()
    }
    return {
        "recipe": rao.recipe.name,
        "seed": rao.recipe.seed,
        "episodes": rao.recipe.evaluation.tasks,
        **{
            key: {name: values[key] for name, values in by_difficulty.items()}
            for key in ("success", "interval", "nodes", "depth", "turns")
        },
        "steps": {name: sum(entry.phase == TRAIN for entry in one.log) for name, one in contenders.items()},
        "seconds": {
            "warm_start": warm_start,
            **{f"{name}_learning": _learning_seconds(one.log) for name, one in contenders.items()},
            **{name: one.seconds for name, one in contenders.items()},
            "total": seconds,
        },
    }


def clear_run(folder: Path) -> None:
    """Remove what an earlier run left in a folder; other files stay."""
    for name in ("checkpoints", "tensorboard", "model", "warm_start"):
        shutil.rmtree(folder / name, ignore_errors=True)
    for name in ("recipe.json", "metrics.jsonl", "trees.jsonl", "trees.ticks.json", "wandb.id"):
        (folder / name).unlink(missing_ok=True)


def _train(recipe: Recipe, folder: Path, name: str) -> Contender:
    """Run a recipe and measure what came of it."""
    started = perf_counter()
    console = Console()
    console.rule(TITLES[name])
    with ConsoleReporter(console) as reporter:
        trees = Trainer(recipe, folder, reporter).run()
    return Contender(
        recipe=recipe,
        log=read_log(folder),
        trees=trees,
        summaries=_summaries(trees, recipe, TITLES[name]),
        seconds=perf_counter() - started,
    )


def _summaries(trees: Sequence[ExecutionTree], recipe: Recipe, label: str) -> list[Summary]:
    """Return how trees went, by difficulty."""
    results = []
    for tree in trees:
        task = tree.task
        key = TaskKey(seed=task.seed, split=task.split, index=task.index, difficulty=task.difficulty)
        rollout = Rollout(key=key, task_id=task.id, tree=tree)
        results.append(
            result_of(rollout, id=task.family, policy=label, policy_options={}, options=recipe.environment.options)
        )
    return summarize(results)


def _learning_seconds(log: Sequence[LogEntry]) -> float:
    """Return the time of all training steps of a run."""
    return sum(entry.metrics["seconds/step"] for entry in log if entry.phase == TRAIN)
