"""``rao train --dry-run``: everything that a run needs is set up and tried in small, and nothing is written."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from rao_train.recipes.settings import Recipe
from rao_train.run.phases import phases_of
from rao_train.run.trainer import Trainer


def dry_run(recipe: Recipe, trainer: Trainer, console: Console) -> None:
    """Show what a run would do, after one demonstration of each stage and one task of each difficulty.

    Args:
        recipe: The run's recipe.
        trainer: Its trainer, before the first step.
        console: Where to show it.

    Raises:
        RaoError: Something that the run needs is missing or does not fit.
    """
    phases = phases_of(recipe)
    try:
        for phase in phases:
            trainer.demonstrate(phase, num_trees=1)
        batch = trainer.play()
    finally:
        trainer.close()
    weights = list(trainer.model.parameters())
    training = recipe.training
    facts = {
        "environment": f"{recipe.environment.id}, {'recursive' if recipe.environment.recursive else 'single agent'}",
        "model": f"{sum(one.numel() for one in weights):,} weights, of which "
        f"{sum(one.numel() for one in weights if one.requires_grad):,} are trained, on {weights[0].device}",
        "phases": ", ".join(f"{phase.name}: {phase.steps:,} steps" for phase in phases),
        "a training step": f"{training.tasks_per_step} tasks x {training.group_size} trees, "
        f"{training.minibatches_per_step} optimizer steps",
    }
    table = Table.grid(padding=(0, 2))
    for name, value in facts.items():
        table.add_row(name, value)
    console.print(table)
    played = Table("difficulty", "success", "nodes", "turns", "tokens", title="one task each, before any step")
    for rollout in batch.rollouts:
        tree = rollout.tree
        signal = rollout.signals.by_node.get(tree.root.id)
        tokens = sum(map(len, rollout.trajectories))
        shown = "-" if signal is None else f"{signal:.2f}"
        played.add_row(str(tree.task.difficulty), shown, str(len(tree)), str(tree.turns), f"{tokens:,}")
    console.print(played)
