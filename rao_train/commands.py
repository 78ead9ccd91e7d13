"""``rao train``: run a recipe."""

from __future__ import annotations

import argparse
import gc
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from transformers.utils import logging as transformers_logging

from rao_gym.errors import InvalidValueError
from rao_train.recipes.reading import load_recipe, recipe_from_dict, recipe_text, shipped_recipes, summary_of
from rao_train.recipes.settings import Recipe
from rao_train.run.dry_run import dry_run
from rao_train.run.folder import recipe_document
from rao_train.run.logs import read_log
from rao_train.run.phases import EVALUATION
from rao_train.run.progress import ConsoleReporter
from rao_train.run.trainer import Trainer

LEARNED_NOTHING = 1
"""Exit code of a run whose training steps all left the weights as they were."""


def add_train_parser(subparsers: Any) -> None:
    """Add the command."""
    parser = subparsers.add_parser("train", help="train a policy with RAO")
    parser.add_argument(
        "recipe", nargs="?", metavar="RECIPE", help="a shipped recipe or a TOML file; with --out alone, a run goes on"
    )
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="for example learner.learning_rate=3e-4")
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="the run's folder (default runs/NAME); resumes a run that it holds"
    )
    parser.add_argument("--threads", type=int, default=0, metavar="N", help="CPU threads; 0 leaves the choice to torch")
    parser.add_argument("--dry-run", action="store_true", help="set everything up, try it in small, write nothing")
    parser.add_argument("--list", action="store_true", help="list the shipped recipes")
    parser.add_argument("--show", metavar="RECIPE", help="print a recipe, to be saved and changed")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Train, and print where the results are."""
    if arguments.list:
        for name in shipped_recipes():
            print(f"{name}\n    {summary_of(name)}")
        return 0
    if arguments.show:
        print(recipe_text(arguments.show), end="")
        return 0
    if arguments.threads < 0:
        raise InvalidValueError(f"--threads must be at least 0, got {arguments.threads}.")
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    transformers_logging.disable_progress_bar()  # its progress bars for saving a model would break up the table
    recipe = _recipe(arguments.recipe, arguments.overrides, arguments.out)
    folder: Path = arguments.out or Path("runs") / recipe.name
    if arguments.dry_run:
        dry_run(recipe, Trainer(recipe, folder), Console())
        return 0
    gc.freeze()  # so that garbage collection does not scan all of torch again and again
    with ConsoleReporter() as reporter:
        trainer = Trainer(recipe, folder, reporter)
        trainer.run()
    return _conclude(recipe, folder, trainer)


def _recipe(name: str | None, overrides: Sequence[str], out: Path | None) -> Recipe:
    """Return the recipe that is named, or that of the run that goes on.

    Raises:
        InvalidValueError: Neither is named.
    """
    if name is not None and "=" in name and not name.endswith(".toml"):  # an override: no recipe was named
        overrides, name = [name, *overrides], None
    if name is not None:
        return load_recipe(name, overrides)
    if out is None:
        raise InvalidValueError(
            f"Name a recipe ({', '.join(shipped_recipes())} or FILE.toml), or a run to go on with by --out DIR."
        )
    return recipe_from_dict(recipe_document(out), overrides)


def _conclude(recipe: Recipe, folder: Path, trainer: Trainer) -> int:
    """Say what came of a run, and where it is."""
    if recipe.evaluation.final:
        final = [entry for entry in read_log(folder) if entry.phase == EVALUATION][-1]
        for difficulty in recipe.evaluation.difficulties:
            success = final.metrics.get(f"evaluation/success_{difficulty}")
            print(f"difficulty {difficulty}: success {'unknown' if success is None else f'{success:.2f}'}")
    state = trainer.state
    idle = state.version - state.num_changing
    if idle:
        print(f"{idle} of {state.version} training steps did not change the weights (steps/taken in metrics.jsonl).")
    model = folder / "model"
    print(f"The model is in {model}. Play it with:\n  {_evaluation_command(recipe, model)}")
    print(f"See trees with: rao view {folder}")
    if state.version and not state.num_changing:
        print("No training step changed the weights: the model is the one that training began with.")
        return LEARNED_NOTHING
    return 0


def _evaluation_command(recipe: Recipe, model: Path) -> str:
    """Return the command that plays a trained model in the environment that it was trained in."""
    options = [
        f"-o {name}={'null' if value == 'none' else value}" for name, value in recipe.environment.options.items()
    ]
    return " ".join(
        [
            f"rao eval {recipe.environment.id} --policy hf:{model}",
            f"-p max_tokens={recipe.sampling.max_new_tokens}",
            *options,
            *([] if recipe.environment.recursive else ["--no-recursion"]),
        ]
    )
