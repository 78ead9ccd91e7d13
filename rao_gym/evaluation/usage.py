"""Usage by model: tokens, cost, latency and how answers ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import fields
from math import ceil
from typing import Any

from rao_gym.answer import ModelCall, Usage
from rao_gym.jsonable import JSON
from rao_gym.tree import ExecutionTree

PERCENTILES = (50, 90, 99)
_COUNTS = tuple(field.name for field in fields(Usage))
_DIGITS = 4


def usage_of(tree: ExecutionTree) -> dict[str, JSON]:
    """Return the usage in a tree, by model; empty if the policy reports none.

    Each entry has the number of ``calls``, the known counts of `Usage`, how many answers ``ended`` in each way, and
    the ``latency_s`` of every call, so that percentiles can be computed over many trees.
    """
    return usage_of_calls(call for node in tree.nodes for call in node.calls)


def usage_of_calls(calls: Iterable[ModelCall]) -> dict[str, JSON]:
    """Return the usage of calls, by model, as `usage_of` does."""
    by_model: dict[str, list[ModelCall]] = {}
    for call in calls:
        by_model.setdefault(call.model, []).append(call)
    return {model: _entry(calls) for model, calls in sorted(by_model.items())}


def sum_usage(records: Iterable[Mapping[str, Any]]) -> dict[str, JSON]:
    """Sum the records of `usage_of` over many trees, with percentiles in place of individual latencies."""
    by_model: dict[str, list[Mapping[str, Any]]] = {}
    for record in records:
        for model, entry in record.items():
            by_model.setdefault(model, []).append(entry)
    return {model: _total(entries) for model, entries in sorted(by_model.items())}


def check_usage(record: Mapping[str, Any]) -> None:
    """Check that a record read from a file has the form that `usage_of` returns.

    Raises:
        ValueError: It does not.
    """
    for model, entry in record.items():
        counts = [entry.get(name, 0) for name in ("calls", *_COUNTS)] if isinstance(entry, dict) else [None]
        ended, latencies = (entry.get("ended"), entry.get("latency_s")) if isinstance(entry, dict) else (None, None)
        if isinstance(ended, dict) and isinstance(latencies, list):
            values = [*counts, *ended.values(), *latencies]
            if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
                continue
        raise ValueError(f"the usage of {model!r} is malformed")


def _entry(calls: list[ModelCall]) -> dict[str, JSON]:
    """Return the usage of one model in one tree."""
    known = {name: [getattr(call.usage, name) for call in calls] for name in _COUNTS}
    sums = {name: sum(value for value in values if value is not None) for name, values in known.items() if any(values)}
    return {
        "calls": len(calls),
        **sums,
        "ended": dict(sorted(Counter(str(call.end) for call in calls).items())),
        "latency_s": [round(call.latency_s, _DIGITS) for call in calls if call.latency_s is not None],
    }


def _total(entries: list[Mapping[str, Any]]) -> dict[str, JSON]:
    """Return the total usage of one model."""
    ended: Counter[str] = Counter()
    latencies: list[float] = []
    for entry in entries:
        ended.update(entry["ended"])
        latencies.extend(entry["latency_s"])
    latencies.sort()
    known = [name for name in _COUNTS if any(name in entry for entry in entries)]
    return {
        "calls": sum(entry.get("calls", 0) for entry in entries),
        **{name: sum(entry.get(name, 0) for entry in entries) for name in known},
        "ended": dict(sorted(ended.items())),
        **{f"latency_p{p}_s": latencies[ceil(len(latencies) * p / 100) - 1] for p in PERCENTILES if latencies},
    }
