"""Compare several policies on the same tasks."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rao_gym.evaluation.evaluate import evaluate
from rao_gym.evaluation.recording import Progress
from rao_gym.evaluation.results import options_as_json
from rao_gym.evaluation.statistics import Summary
from rao_gym.policies.base import PolicyLike
from rao_gym.policies.loading import policy_name

ProgressOf = Callable[[str, int], AbstractContextManager[Progress]]
"""Opens a progress display, given a contender's label and its number of episodes."""


@dataclass(frozen=True, kw_only=True)
class Contender:
    """One side of a comparison.

    Attributes:
        label: Its name in tables, plots and folders.
        policy: Its policy.
        options: Environment options that apply only to it.
    """

    label: str
    policy: str | PolicyLike
    options: Mapping[str, Any] = field(default_factory=dict)


RECURSIVE = Contender(label="recursive", policy="reference")
SINGLE = Contender(label="single", policy="single", options={"recursive": False})


def compare(
    contenders: Sequence[Contender],
    id: str,
    difficulties: Sequence[int],
    *,
    episodes: int,
    options: Mapping[str, Any],
    out: Path,
    progress_of: ProgressOf,
    seed: int = 0,
    split: str = "test",
    workers: int = 8,
) -> dict[str, list[Summary]]:
    """Play every contender on the same tasks, each into its own folder, and write ``comparison.json``.

    Args:
        contenders: The contenders.
        id: A registered id.
        difficulties: Difficulties, each at least 1.
        episodes: Number of tasks for each difficulty.
        options: Environment options for all contenders.
        out: Output folder. Each contender has a subfolder named by its label; results already there are kept.
        progress_of: Opens a progress display for each contender.
        seed: Seed for sampling tasks.
        split: Split to sample tasks from.
        workers: Number of trees that grow at once.

    Returns:
        Each contender's summaries, one per difficulty, by label.
    """
    summaries: dict[str, list[Summary]] = {}
    for contender in contenders:
        with progress_of(contender.label, len(difficulties) * max(0, episodes)) as progress:
            found = evaluate(
                contender.policy,
                id,
                difficulties,
                episodes=episodes,
                seed=seed,
                split=split,
                workers=workers,
                options={**options, **contender.options},
                out=out / contender.label,
                progress=progress,
            )
        summaries[contender.label] = found.summaries
    document = {
        "id": id,
        "options": options_as_json(options),
        "seed": seed,
        "split": split,
        "policies": {contender.label: policy_name(contender.policy) for contender in contenders},
        "summaries": {label: [asdict(summary) for summary in rows] for label, rows in summaries.items()},
    }
    (out / "comparison.json").write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return summaries
