"""The three policies of the demo, and how each of them is trained.

RAO and the single agent begin with the same weights, take the same steps and see the same tasks; the single agent may
not launch. The strong single agent gets what recursion gives RAO in another form: notes, more turns than any task here
needs, full attention, its own warm start in writing and reading notes, and as many training tokens as RAO used.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Final

from rich.console import Console

from rao_gym.evaluation import Rollout, Summary, TaskKey, summarize
from rao_gym.evaluation.results import result_of
from rao_gym.tree import ExecutionTree
from rao_train.recipes.reading import load_recipe
from rao_train.recipes.settings import Recipe
from rao_train.run.logs import LogEntry, read_log
from rao_train.run.phases import TRAIN
from rao_train.run.progress import ConsoleReporter
from rao_train.run.trainer import Trainer

RAO: Final = "rao"
SINGLE: Final = "single"
STRONG: Final = "single_strong"
TITLES: Final = {RAO: "RAO", SINGLE: "single agent", STRONG: "single agent with notes"}

RECIPE: Final = "arithmetic_tiny"
STRONG_RECIPE: Final = "arithmetic_tiny_notes"


@dataclass(frozen=True, kw_only=True)
class Contender:
    """One of the policies of the demo, after its training.

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

    @property
    def training_tokens(self) -> int:
        """Tokens of all rollouts that it learned from, read or written."""
        entries = [entry.metrics for entry in self.log if entry.phase == TRAIN]
        return int(sum(metrics["tokens/generated"] + metrics["tokens/read"] for metrics in entries))


def train_contenders(out: Path, seed: int, overrides: Sequence[str]) -> dict[str, Contender]:
    """Train the three policies one after the other, each in a folder of its own.

    Args:
        out: Where the folders go.
        seed: The seed of every recipe.
        overrides: Values to replace in every recipe.
    """
    common = [f"seed={seed}", *overrides]
    rao = _train(load_recipe(RECIPE, common), out / RAO, RAO)
    alone = ["warm_start.stages=[]", "environment.recursive=false", f"model.path={out / RAO / 'warm_start'}"]
    single = _train(load_recipe(RECIPE, [*common, *alone]), out / SINGLE, SINGLE)
    budget = [f"training.max_tokens={rao.training_tokens}"]
    strong = _train(load_recipe(STRONG_RECIPE, [*common, *budget]), out / STRONG, STRONG)
    return {RAO: rao, SINGLE: single, STRONG: strong}


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
