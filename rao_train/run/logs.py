"""The logs of a run: JSON lines, TensorBoard, sampled trees, and Weights & Biases when asked.

Every line carries the run's `tick`, the steps so far, warm start included. A run that goes on from a checkpoint first
drops the lines after it, so that a resumed run's files read like those of one that was not stopped. Files are replaced
by a rename, so that a run killed at any moment leaves them whole.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from torch.utils.tensorboard.writer import SummaryWriter

from rao_gym.errors import InvalidValueError
from rao_gym.evaluation.store import write_whole
from rao_gym.tree import ExecutionTree
from rao_train.run.metrics import Metrics

METRICS = "metrics.jsonl"
TREES = "trees.jsonl"
TREE_TICKS = "trees.ticks.json"
WANDB_ID = "wandb.id"


@dataclass(frozen=True, kw_only=True)
class LogEntry:
    """One line of the log.

    Attributes:
        tick: Steps of the run so far, warm start included.
        phase: ``"warm_start/NAME"``, ``"train"`` or ``"evaluation"``.
        step: Steps of that phase so far; for an evaluation, training steps.
        metrics: Numbers by name.
        token_counter: What counted the tokens of windows and trees: ``model`` for the model's own tokenizer, or
            ``module:function``.
    """

    tick: int
    phase: str
    step: int
    metrics: Metrics
    token_counter: str = ""


class RunLog:
    """Writes the logs of a run; use it in a `with` statement.

    Args:
        folder: The run's folder.
        tick: Where the run resumes; everything after it is dropped.
        wandb_project: Project of Weights & Biases; empty for none.
        run_name: The run's name there.
        config: The recipe, shown there.

    Raises:
        InvalidValueError: Weights & Biases is asked for and not installed.
    """

    def __init__(self, folder: Path, tick: int, *, wandb_project: str = "", run_name: str = "", config: Any = None):
        folder.mkdir(parents=True, exist_ok=True)
        self._wandb = _wandb_run(wandb_project, run_name, config, folder) if wandb_project else None
        self._tree_ticks = _keep_until(folder, tick)
        self._ticks_path = folder / TREE_TICKS
        self._metrics = (folder / METRICS).open("a", encoding="utf-8")
        self._trees = (folder / TREES).open("a", encoding="utf-8")
        self._board = SummaryWriter(str(folder / "tensorboard"), purge_step=tick + 1)

    def __enter__(self) -> RunLog:
        """Return the log."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close all files."""
        self._metrics.close()
        self._trees.close()
        self._board.close()
        if self._wandb is not None:
            self._wandb.finish()

    def write(self, entry: LogEntry) -> None:
        """Write one entry everywhere."""
        self._metrics.write(json.dumps(asdict(entry)) + "\n")
        self._metrics.flush()
        named = {f"{entry.phase}/{name}": value for name, value in entry.metrics.items()}
        for name, value in named.items():
            self._board.add_scalar(name, value, entry.tick)
        if self._wandb is not None:
            self._wandb.log({**named, "tick": entry.tick})

    def write_trees(self, tick: int, trees: Sequence[ExecutionTree]) -> None:
        """Keep trees for ``rao view``."""
        for tree in trees:
            self._trees.write(tree.to_json() + "\n")
            self._tree_ticks.append(tick)
        self._trees.flush()
        write_whole(self._ticks_path, json.dumps(self._tree_ticks))


def read_log(folder: Path) -> list[LogEntry]:
    """Read the entries of a run."""
    lines = (folder / METRICS).read_text(encoding="utf-8").splitlines()
    return [LogEntry(**json.loads(line)) for line in lines]


def _keep_until(folder: Path, tick: int) -> list[int]:
    """Drop what was logged after `tick`; return the ticks of the trees that stay."""
    metrics, trees = folder / METRICS, folder / TREES
    if metrics.exists():
        lines = [line for line in metrics.read_text(encoding="utf-8").splitlines() if _tick_of(line) <= tick]
        write_whole(metrics, "".join(f"{line}\n" for line in lines))
    kept = [one for one in _ticks_in(folder / TREE_TICKS) if one <= tick]
    if not (trees.exists() and kept):
        trees.unlink(missing_ok=True)
        return []
    text = trees.read_text(encoding="utf-8")
    lines = [line for line in text.split("\n") if line][: len(kept)]  # splitlines would break at a policy's U+2028
    write_whole(trees, "".join(f"{line}\n" for line in lines))
    return kept[: len(lines)]


def _ticks_in(path: Path) -> list[int]:
    """Return the ticks of the logged trees; none when the file is missing or damaged."""
    try:
        return [int(tick) for tick in json.loads(path.read_text(encoding="utf-8"))]
    except (FileNotFoundError, ValueError, TypeError):
        return []


def _tick_of(line: str) -> float:
    """Return the tick of a line; infinity for one that was cut off in the middle."""
    try:
        return int(json.loads(line)["tick"])
    except (ValueError, KeyError, TypeError):
        return float("inf")


def _wandb_run(project: str, name: str, config: Any, folder: Path) -> Any:
    """Start a run of Weights & Biases, or go on with the one that this folder began."""
    try:
        wandb = import_module("wandb")
    except ImportError as error:
        raise InvalidValueError(
            f"logging.wandb={project!r} needs Weights & Biases: pip install wandb, or leave it empty ({error})."
        ) from error
    id_path = folder / WANDB_ID
    if not id_path.exists():
        id_path.write_text(secrets.token_hex(8), encoding="utf-8")
    run_id = id_path.read_text(encoding="utf-8")
    run = wandb.init(project=project, name=name, config=config, dir=str(folder), id=run_id, resume="allow")
    run.define_metric("*", step_metric="tick")
    return run
