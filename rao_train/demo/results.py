"""The numbers of the demo, as ``results.json`` holds them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from rao_train.demo.contenders import RAO, Contender
from rao_train.run.logs import LogEntry
from rao_train.run.phases import EVALUATION, SAMPLED, TRAIN

_SUCCESS = "evaluation/success_"
_LAUNCH = "evaluation/launch_"


def results_of(contenders: Mapping[str, Contender], seconds: float) -> dict[str, Any]:
    """Return the numbers of the demo as plain data.

    Args:
        contenders: The policies by name, RAO first.
        seconds: Time of the whole demo.
    """
    rao = contenders[RAO]
    return {
        "recipe": rao.recipe.name,
        "seed": rao.recipe.seed,
        "episodes": rao.recipe.evaluation.tasks,
        "trained_on": sorted(rao.recipe.curriculum.difficulties),
        "before": _before(contenders, _SUCCESS),
        "before_launch": _before(contenders, _LAUNCH),
        "success": _of_summaries(contenders, "success"),
        "interval": {
            name: {str(one.difficulty): [one.low, one.high] for one in contender.summaries}
            for name, contender in contenders.items()
        },
        "success_sampled": {
            name: by_difficulty(entries[-1], _SUCCESS)
            for name, contender in contenders.items()
            if (entries := of_phase(contender.log, SAMPLED))
        },
        **{key: _of_summaries(contenders, key) for key in ("nodes", "depth", "turns", "tokens")},
        "launch": _launches(rao),
        "steps": {name: len(of_phase(one.log, TRAIN)) for name, one in contenders.items()},
        "training_tokens": {name: one.training_tokens for name, one in contenders.items()},
        "seconds": {
            "warm_start": sum(
                entry.metrics["seconds/step"] for entry in rao.log if entry.phase.startswith("warm_start/")
            ),
            **{f"{name}_learning": _learning_seconds(one.log) for name, one in contenders.items()},
            **{name: one.seconds for name, one in contenders.items()},
            "total": seconds,
        },
    }


def before_learning(log: Sequence[LogEntry]) -> dict[str, LogEntry]:
    """Return the evaluations before the first training step: ``greedy`` and ``sampled``."""
    first = {"greedy": of_phase(log, EVALUATION)[:1], "sampled": of_phase(log, SAMPLED)[:1]}
    return {how: entries[0] for how, entries in first.items() if entries and entries[0].step == 0}


def _before(contenders: Mapping[str, Contender], prefix: str) -> dict[str, dict[str, dict[str, float]]]:
    """Return a metric before the first training step, by policy, way of drawing and difficulty."""
    found = {name: before_learning(one.log) for name, one in contenders.items()}
    return {
        name: {how: by_difficulty(entry, prefix) for how, entry in entries.items()}
        for name, entries in found.items()
        if entries
    }


def by_difficulty(entry: LogEntry, prefix: str) -> dict[str, float]:
    """Return a metric of an evaluation by difficulty."""
    return {name.removeprefix(prefix): value for name, value in entry.metrics.items() if name.startswith(prefix)}


def of_phase(log: Sequence[LogEntry], phase: str) -> list[LogEntry]:
    """Return the entries of a phase."""
    return [entry for entry in log if entry.phase == phase]


def _of_summaries(contenders: Mapping[str, Contender], field: str) -> dict[str, dict[str, float | None]]:
    """Return a column of the summaries, by policy and difficulty."""
    return {
        name: {str(one.difficulty): getattr(one, field) for one in contender.summaries}
        for name, contender in contenders.items()
    }


def _launches(rao: Contender) -> dict[str, float]:
    """Return the share of roots that try to launch, on nested expressions and on single operations."""
    roots: dict[bool, list[bool]] = {True: [], False: []}
    for tree in rao.trees:
        roots[bool(tree.root.divisible)].append(tree.root.tried_to_launch)
    named = {"nested": roots[True], "single_operation": roots[False]}
    return {name: fmean(tried) for name, tried in named.items() if tried}


def _learning_seconds(log: Sequence[LogEntry]) -> float:
    """Return the time of all training steps of a run."""
    return sum(entry.metrics["seconds/step"] for entry in of_phase(log, TRAIN))
