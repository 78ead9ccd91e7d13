"""``rao train``: run a recipe."""

from __future__ import annotations

import argparse
import gc
from pathlib import Path
from typing import Any

import torch
from transformers.utils import logging as transformers_logging

from rao_gym.errors import InvalidValueError
from rao_train.recipes.reading import load_recipe, shipped_recipes
from rao_train.recipes.settings import Recipe
from rao_train.run.logs import read_log
from rao_train.run.phases import EVALUATION
from rao_train.run.progress import ConsoleReporter
from rao_train.run.trainer import Trainer


def add_train_parser(subparsers: Any) -> None:
    """Add the command."""
    parser = subparsers.add_parser("train", help="train a policy with RAO")
    parser.add_argument("recipe", metavar="RECIPE", help=f"{', '.join(shipped_recipes())}, or a TOML file")
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="for example learner.learning_rate=3e-4")
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="the run's folder (default runs/NAME); resumes a run that it holds"
    )
    parser.add_argument("--threads", type=int, default=0, metavar="N", help="CPU threads; 0 leaves the choice to torch")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Train, and print where the results are."""
    if arguments.threads < 0:
        raise InvalidValueError(f"--threads must be at least 0, got {arguments.threads}.")
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    transformers_logging.disable_progress_bar()  # its progress bars for saving a model would break up the table
    recipe = load_recipe(arguments.recipe, arguments.overrides)
    folder: Path = arguments.out or Path("runs") / recipe.name
    gc.freeze()  # so that garbage collection does not scan all of torch again and again
    with ConsoleReporter() as reporter:
        Trainer(recipe, folder, reporter).run()
    if recipe.evaluation.final:
        final = [entry for entry in read_log(folder) if entry.phase == EVALUATION][-1]
        for difficulty in recipe.evaluation.difficulties:
            success = final.metrics.get(f"evaluation/success_{difficulty}")
            print(f"difficulty {difficulty}: success {'unknown' if success is None else f'{success:.2f}'}")
    model = folder / "model"
    print(f"The model is in {model}. Play it with:\n  {_evaluation_command(recipe, model)}")
    print(f"See trees with: rao view {folder}")
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
