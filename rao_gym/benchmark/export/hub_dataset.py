"""Trees and episodes as a dataset folder that ``datasets.load_dataset(DIR)`` reads and the Hub shows.

Values that differ in type from task to task, such as answers, are JSON texts: a column has one type.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from rao_gym.benchmark.folder import Cell, cell_results, open_benchmark
from rao_gym.errors import InvalidValueError
from rao_gym.evaluation.store import TREES, read_trees, write_whole
from rao_gym.jsonable import JSON, write_json
from rao_gym.tree import ExecutionTree, Node

TREES_FILE = "trees.jsonl"
EPISODES_FILE = "episodes.jsonl"

_CARD = """---
pretty_name: "{name}"
tags:
- reinforcement-learning
- recursive-agents
configs:
- config_name: trees
  default: true
  data_files: {trees}
- config_name: episodes
  data_files: {episodes}
---

# {name}

Episodes of the generalization benchmark of RAO Gym: suite `{suite}`, version {version} (hash `{hash}`).

- `trees`: execution trees, one a row, with every agent's goal, answer, signal and messages.
- `episodes`: every episode's outcome and cost, one a row.
"""


def export_dataset(run: Path, out: Path) -> list[Path]:
    """Write the trees and episodes of a run as a dataset folder, and return its files.

    Raises:
        MissingFileError: `run` is not the folder of a benchmark run.
        InvalidValueError: The run holds no tree.
    """
    benchmark = open_benchmark(run)
    cells = benchmark.cells()
    trees = "".join(f"{write_json(row)}\n" for cell in cells for row in _tree_rows(run, cell))
    if not trees:
        raise InvalidValueError(f"{str(run)!r} holds no trees to export.")
    episodes = "".join(f"{write_json(row)}\n" for cell in cells for row in _episode_rows(run, cell))
    names = ", ".join(policy.name for policy in benchmark.policies)
    card = _CARD.format(
        name=f"RAO Gym {benchmark.suite.name}: {names}".replace('"', "'"),
        suite=benchmark.suite.name,
        version=benchmark.suite.version,
        hash=benchmark.suite.hash,
        trees=TREES_FILE,
        episodes=EPISODES_FILE,
    )
    out.mkdir(parents=True, exist_ok=True)
    files = {"README.md": card, TREES_FILE: trees, EPISODES_FILE: episodes}
    for name, text in files.items():
        write_whole(out / name, text)
    return [out / name for name in files]


def _tree_rows(run: Path, cell: Cell) -> Iterator[dict[str, JSON]]:
    """Yield the rows of the trees that a cell kept."""
    file = cell.path(run) / TREES
    if file.is_file() and file.stat().st_size:
        for tree in read_trees(file):
            yield {**_where(cell), **_tree_row(tree)}


def _episode_rows(run: Path, cell: Cell) -> Iterator[dict[str, JSON]]:
    """Yield the rows of the episodes of a cell."""
    for result in cell_results(run, cell):
        row = asdict(result)
        for name in ("policy_options", "options", "usage"):
            row[name] = write_json(row[name])
        yield {**row, **_where(cell), "played_by": result.policy}


def _where(cell: Cell) -> dict[str, JSON]:
    """Return the columns that say where a row comes from."""
    return {"policy": cell.policy, "environment": cell.environment, "arm": cell.arm, "difficulty": cell.difficulty}


def _tree_row(tree: ExecutionTree) -> dict[str, JSON]:
    """Return a tree as a row."""
    task = tree.task
    return {
        "task": task.id,
        "goal": task.goal,
        "answer": write_json(task.answer),
        "success": tree.root.signal,
        "turns": tree.turns,
        "tokens": tree.tokens,
        "critical_path": tree.critical_path(),
        "nodes": [_node_row(node) for node in tree.nodes],
    }


def _node_row(node: Node) -> dict[str, JSON]:
    """Return an agent of a tree."""
    return {
        "name": node.name,
        "parent": None if node.parent is None else node.parent.name,
        "depth": node.depth,
        "goal": node.goal,
        "arguments": write_json(node.arguments),
        "answer": write_json(node.value),
        "signal": node.signal,
        "stop_reason": str(node.stop_reason),
        "turns": node.turns,
        "messages": [{"role": message["role"], "content": message["content"]} for message in node.messages],
    }
