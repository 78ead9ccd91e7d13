"""Train ``long_context_tiny`` with launches and alone, and check what is claimed of it, seed by seed.

Every arm of every seed is a run of its own, which is kept and not repeated. The page, the numbers and the figure of
``docs/results`` are made from all finished runs in the folder:

    python -m benchmarks.training.long_context_tiny --seeds 0 --arms rao
    python -m benchmarks.training.long_context_tiny --seeds 0 --arms single
    python -m benchmarks.training.long_context_tiny --seeds 0 1 2 --report docs/results
"""

from __future__ import annotations

import argparse
import json
import subprocess
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from time import perf_counter, process_time

import torch
from transformers.utils import logging as transformers_logging

from benchmarks.training.long_context_results import ARMS, COST, RAO, Outcome, outcome_of, write_report
from rao_train.recipes.reading import load_recipe
from rao_train.recipes.settings import Recipe
from rao_train.run.trainer import Trainer

RECIPE = "long_context_tiny"


def run_arm(folder: Path, arm: str, seed: int, overrides: Sequence[str] = ()) -> Outcome:
    """Train one arm of one seed, unless that is done, and return what came of it.

    Args:
        folder: The folder of all runs; the single agent starts from the warm-started weights of `RAO` in it.
        arm: One of `ARMS`.
        seed: Seeds model, tasks and draws.
        overrides: Values to replace in the recipe.
    """
    place = folder / f"seed_{seed}" / arm
    if not (place / COST).exists():
        started, busy = perf_counter(), process_time()
        Trainer(_recipe(folder, arm, seed, overrides), place).run()
        cost = {"seconds": perf_counter() - started, "cpu_seconds": process_time() - busy, "commit": _commit()}
        (place / COST).write_text(json.dumps(cost) + "\n", encoding="utf-8")
    return outcome_of(place)


def _recipe(folder: Path, arm: str, seed: int, overrides: Sequence[str]) -> Recipe:
    """Return the recipe of an arm; the single agent's differs in nothing but launches and where it starts."""
    values = [f"seed={seed}", *overrides]
    if arm == RAO:
        return load_recipe(RECIPE, values)
    start = folder / f"seed_{seed}" / RAO / "warm_start"
    if not start.exists():
        raise SystemExit(f"The single agent starts from {start}, which --arms {RAO} writes: run that first.")
    alone = [f"model.path={start}", "warm_start.stages=[]", "environment.recursive=false"]
    return load_recipe(RECIPE, [*values, *alone])


def _commit() -> str:
    """Return the commit of this file's repository, and whether files differ from it."""
    command = ["git", "describe", "--always", "--dirty", "--exclude=*"]
    done = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def main() -> None:
    """Train what is not trained yet, print how it went, and write the report if asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/long_context_tiny"), help="folder of the runs")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=ARMS)
    parser.add_argument("--report", type=Path, help="folder for the page, the numbers and the figure")
    parser.add_argument("overrides", nargs="*", help="values of the recipe to replace, such as training.steps=40")
    options = parser.parse_args()
    transformers_logging.disable_progress_bar()
    torch.set_num_threads(1)  # the model is too small for more
    outcomes = []
    for seed, arm in product(options.seeds, options.arms):
        outcome = run_arm(options.out, arm, seed, options.overrides)
        for when in ("before", "after"):
            shown = "  ".join(f"{pages}: {value:.2f}" for pages, value in outcome[when]["success"].items())
            print(f"seed {seed}, {arm}, {when}, success by pages: {shown}", flush=True)
        print(f"seed {seed}, {arm}: {outcome['seconds']:.0f} s, {outcome['cpu_seconds']:.0f} s of CPU", flush=True)
        outcomes.append(outcome)
    if options.report:
        print(write_report(options.report, outcomes))


if __name__ == "__main__":
    main()
