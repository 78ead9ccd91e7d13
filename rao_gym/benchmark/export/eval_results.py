"""Standings as ``.eval_results/*.yaml``, which the Hub shows on a model's page and on a benchmark's leaderboard."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rao_gym.benchmark.arms import RECURSIVE
from rao_gym.benchmark.results import summarize_folder
from rao_gym.errors import InvalidValueError, MissingExtraError
from rao_gym.evaluation.store import write_whole

FOLDER = ".eval_results"


def export_eval_results(run: Path, out: Path, *, dataset: str, policy: str | None = None) -> list[Path]:
    """Write one YAML file with a policy's success past the trained range, one entry per environment.

    Args:
        run: Folder of a complete benchmark run.
        out: Folder that gets ``.eval_results/``: a clone of the model's repository, for example.
        dataset: The benchmark's dataset on the Hub, such as ``someone/rao-gym-quick``.
        policy: The policy whose results they are; needed if the run has several.

    Raises:
        MissingFileError: `run` is not the folder of a benchmark run.
        InvalidValueError: The run is incomplete, or does not say whose results to export.
        MissingExtraError: huggingface_hub is not installed.
    """
    document = summarize_folder(run)
    if not document["complete"]:
        raise InvalidValueError(f"{str(run)!r} is incomplete: {document['missing_episodes']} episodes are missing.")
    names = [each["name"] for each in document["policies"]]
    chosen = policy or (names[0] if len(names) == 1 else None)
    if chosen not in names:
        raise InvalidValueError(f"Name one of the run's policies: {', '.join(names)}; got {policy!r}.")
    rows = [
        row
        for row in document["standings"]
        if (row["policy"], row["arm"]) == (chosen, RECURSIVE) and row["past_success"] is not None
    ]
    path = out / FOLDER / f"rao_gym_{document['suite']}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, _yaml(document, rows, dataset))
    return [path]


def _yaml(document: dict[str, Any], rows: list[dict[str, Any]], dataset: str) -> str:
    """Return the entries as YAML; JSON is YAML, and quotes every text."""
    try:
        from huggingface_hub import EvalResultEntry, eval_result_entries_to_yaml
    except ImportError as error:
        raise MissingExtraError(f"This export needs an extra: pip install 'rao-gym[train]' ({error}).") from error
    entries = [
        EvalResultEntry(
            dataset_id=dataset,
            task_id=row["environment"],
            value=round(row["past_success"], 4),
            notes=(
                f"suite {document['suite']} version {document['suite_version']} {document['suite_hash'][:12]}, "
                f"recursive, success past the trained range, {row['past_tasks']} tasks, 95% interval "
                f"{row['past_low']:.3f}-{row['past_high']:.3f}"
            ),
        )
        for row in rows
    ]
    return json.dumps(eval_result_entries_to_yaml(entries), indent=1) + "\n"
