"""Run the demo for several seeds, and write what came of it: ``python benchmarks/tiny_curves.py --seeds 3``.

Each seed runs ``python -m rao_train.demo`` in a folder of its own under ``--out``. A seed that is there already is not
run again, so seeds can run side by side (``--first 2 --seeds 1``) and be gathered at the end. ``arithmetic_tiny.json``,
``.png`` and ``.md`` go to ``--results``.
"""

from __future__ import annotations

import argparse
import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import torch
from transformers.utils import logging as transformers_logging

from benchmarks.tiny_curves_page import page_of, plot
from rao_train.demo.comparison import run_demo
from rao_train.demo.contenders import RAO
from rao_train.run.logs import read_log
from rao_train.run.phases import TRAIN

ROOT: Final = Path(__file__).parents[1]
NAME: Final = "arithmetic_tiny"
RECORD: Final = "record.json"
CURVES: Final = ("launch/divisible", "launch/indivisible", "success/root")
"""What is kept of every training step of RAO."""


def main() -> None:
    """Run the seeds that are not there yet, then write and print all of them."""
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("--seeds", type=int, default=3, metavar="COUNT", help="how many seeds")
    parser.add_argument("--first", type=int, default=0, metavar="SEED", help="the first of them")
    parser.add_argument("--out", type=Path, default=Path("runs/tiny_curves"), help="folder of the runs")
    parser.add_argument("--results", type=Path, metavar="DIR", help="where the results go; --out when left out")
    arguments = parser.parse_args()
    transformers_logging.disable_progress_bar()
    torch.set_num_threads(1)  # the model is too small for more
    seeds = range(arguments.first, arguments.first + arguments.seeds)
    records = [record_of(arguments.out / f"seed_{seed}", seed) for seed in seeds]
    folder = arguments.results or arguments.out
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{NAME}.json").write_text(json.dumps(records, indent=1) + "\n", encoding="utf-8")
    plot(records, folder / f"{NAME}.png")
    page = page_of(records, f"python benchmarks/tiny_curves.py --seeds {arguments.seeds}", f"{NAME}.png")
    (folder / f"{NAME}.md").write_text(page, encoding="utf-8")
    print(page)


def record_of(folder: Path, seed: int) -> dict[str, Any]:
    """Return what a seed came to, after running it unless it is there."""
    path = folder / RECORD
    if not path.exists():
        commit = _commit()
        results = run_demo(folder, seed)
        record = {"seed": seed, "commit": commit, "results": results, "curves": _curves(folder / RAO)}
        path.write_text(json.dumps(record) + "\n", encoding="utf-8")
    record = json.loads(path.read_text(encoding="utf-8"))
    return dict(record)


def _commit() -> str:
    """Return the commit that runs, with ``+`` if files differ from it."""
    commit, changes = (_git(*words) for words in (("rev-parse", "--short=12", "HEAD"), ("status", "--porcelain")))
    return commit + ("+" if changes else "")


def _git(*words: str) -> str:
    """Return what a git command prints."""
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def _curves(folder: Path) -> dict[str, Sequence[float | None]]:
    """Return how a run's training steps went, one value a step."""
    steps = [entry.metrics for entry in read_log(folder) if entry.phase == TRAIN]
    return {name: [round(step[name], 3) if name in step else None for step in steps] for name in CURVES}


if __name__ == "__main__":
    main()
