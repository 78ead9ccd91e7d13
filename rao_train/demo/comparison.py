"""The demo: a tiny model discovers when to delegate; ``python -m rao_train.demo --out runs/demo``."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

from rao_train.demo.contenders import TITLES, train_contenders
from rao_train.demo.report import write_report
from rao_train.demo.results import results_of
from rao_train.run.folder import CHECKPOINTS, IDENTITY, RECIPE
from rao_train.run.logs import METRICS, TREE_TICKS, TREES, WANDB_ID


def run_demo(out: Path, seed: int = 0, overrides: Sequence[str] = ()) -> dict[str, Any]:
    """Train and compare the policies, and write ``report.html`` and ``results.json``.

    Args:
        out: Folder for everything; replaces what an earlier demo left there.
        seed: The seed of every recipe.
        overrides: Values to replace in every recipe.

    Returns:
        What ``results.json`` holds.
    """
    started = perf_counter()
    for name in TITLES:
        clear_run(out / name)
    contenders = train_contenders(out, seed, overrides)
    results = results_of(contenders, perf_counter() - started)
    (out / "results.json").write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    write_report(out / "report.html", contenders, results)
    return results


def clear_run(folder: Path) -> None:
    """Remove what an earlier run left in a folder; other files stay."""
    for name in (CHECKPOINTS, "tensorboard", "model", "warm_start"):
        shutil.rmtree(folder / name, ignore_errors=True)
    for name in (RECIPE, IDENTITY, METRICS, TREES, TREE_TICKS, WANDB_ID):
        (folder / name).unlink(missing_ok=True)
