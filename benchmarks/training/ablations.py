"""λ, whose reward, and depth weights, from a start that hardly delegates: ``python -m benchmarks.training.ablations``.

All arms of a seed start from the same weights, those of ``arithmetic_tiny`` after its warm start, in which launches are
rare and do not depend on the task. A run that is finished is kept and not repeated; the tables and the figure are made
from all finished runs in the folder, and every run is one process of its own:

    python -m benchmarks.training.ablations --trainings d4-5 --arms rao unweighted --seeds 0 1 2
    python -m benchmarks.training.ablations --jobs 4
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter

import torch
from transformers.utils import logging as transformers_logging

from benchmarks.training.ablation_results import figure_of, finished_runs, outcome_of, tables_of
from benchmarks.training.arms import ARMS, TRAININGS, arm_recipe, warm_start_recipe
from rao_train.run.trainer import Trainer


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run of the study.

    Attributes:
        out: Folder of the study.
        arm: Name of the arm.
        training: Name of the tasks that it is trained on.
        seed: Seeds warm start, tasks and draws.
        steps: Steps of reinforcement learning.
        overrides: Values to replace in the recipes of warm start and run.
    """

    out: Path
    arm: str
    training: str
    seed: int
    steps: int
    overrides: Sequence[str] = ()

    @property
    def folder(self) -> Path:
        """Where the run is kept."""
        return self.out / self.training / self.arm / f"seed_{self.seed}"

    @property
    def weights(self) -> Path:
        """The warm-started model, shared by all runs of the seed; there once the warm start is finished."""
        return self.out / "warm_start" / f"seed_{self.seed}" / "model"

    @property
    def finished(self) -> bool:
        """Whether all its steps are logged."""
        return finished_runs([self.folder], self.steps) == [self.folder]


def warm_up(run: Run) -> str:
    """Train the weights that the arms of a run's seed share; they are kept.

    Returns:
        What to tell a person.
    """
    started = perf_counter()
    torch.set_num_threads(1)  # the model is too small for more
    Trainer(warm_start_recipe(run.seed, run.overrides), run.weights.parent).run()
    return f"warm start, seed {run.seed}: {perf_counter() - started:.0f} s"


def train(run: Run) -> str:
    """Train one arm, or go on with it.

    Returns:
        What to tell a person.
    """
    started = perf_counter()
    torch.set_num_threads(1)
    recipe = arm_recipe(run.arm, run.training, run.seed, weights=run.weights, steps=run.steps, overrides=run.overrides)
    Trainer(recipe, run.folder).run()
    return f"{run.training} {run.arm}, seed {run.seed}: {perf_counter() - started:.0f} s"


def train_all(runs: Sequence[Run], jobs: int) -> Iterator[str]:
    """Train what is not finished, each run in a process of its own; yield what happens."""
    missing = [run for run in runs if not run.finished]
    cold = {run.seed: run for run in missing if not run.weights.exists()}
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), max_tasks_per_child=1) as pool:
        for done in as_completed([pool.submit(warm_up, run) for run in cold.values()]):
            yield done.result()
        for done in as_completed([pool.submit(train, run) for run in missing]):
            yield done.result()


def write_results(out: Path, steps: int) -> str:
    """Write ``ablations.json``, ``.md`` and ``.png`` about all finished runs of a study.

    Returns:
        The tables, in Markdown.
    """
    folders = sorted(finished_runs(out.glob("d*/*/seed_*"), steps))
    outcomes = [outcome_of(folder, steps) for folder in folders]
    tables = tables_of(outcomes)
    (out / "ablations.json").write_text(json.dumps({"steps": steps, "runs": outcomes}, indent=1) + "\n")
    (out / "ablations.md").write_text(tables, encoding="utf-8")
    (out / "ablations.png").write_bytes(figure_of(outcomes))
    return tables


def main(arguments: Sequence[str] | None = None) -> None:
    """Train what is missing, then write and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/ablations"))
    parser.add_argument("--arms", nargs="+", choices=list(ARMS), default=list(ARMS))
    parser.add_argument("--trainings", nargs="+", choices=list(TRAININGS), default=list(TRAININGS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--jobs", type=int, default=1, help="processes at once, of one thread each")
    parser.add_argument("--set", nargs="+", default=[], metavar="KEY=VALUE", help="values of every recipe")
    options = parser.parse_args(arguments)
    transformers_logging.disable_progress_bar()
    runs = [
        Run(out=options.out, arm=arm, training=training, seed=seed, steps=options.steps, overrides=options.set)
        for training, seed, arm in product(options.trainings, options.seeds, options.arms)
    ]
    for line in train_all(runs, options.jobs):
        print(line, flush=True)
    print(write_results(options.out, options.steps))


if __name__ == "__main__":
    main()
