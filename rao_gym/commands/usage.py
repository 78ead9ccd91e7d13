"""Tables of model usage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.table import Table

from rao_gym.evaluation.usage import PERCENTILES


def usage_table(usage: Mapping[str, Any], title: str = "what models used") -> Table:
    """Return the totals of `sum_usage` as a table, one row per model, with a dash for what no server reported."""
    table = Table(title=title, title_justify="left")
    table.add_column("model", overflow="fold")
    percentiles = [f"p{share}" for share in PERCENTILES]
    for name in ("calls", "prompt\ntokens", "completion\ntokens", "cached", "cost", *(f"{p} (s)" for p in percentiles)):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("ended")
    for model, entry in usage.items():
        counts = [entry.get(name) for name in ("calls", "prompt_tokens", "completion_tokens", "cached_tokens")]
        seconds = [entry.get(f"latency_{p}_s") for p in percentiles]
        table.add_row(
            model or "-",
            *(_shown(count, ",d") for count in counts),
            _shown(entry.get("cost"), ",.4f"),
            *(_shown(value, ".2f") for value in seconds),
            ", ".join(f"{end} {count}" for end, count in entry["ended"].items()),
        )
    return table


def _shown(value: float | None, form: str) -> str:
    """Return a number as text, a dash for None."""
    return "-" if value is None else format(value, form)
