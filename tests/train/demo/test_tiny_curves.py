"""The page of several seeds of the demo: what it says of numbers that are made up here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks.tiny_curves_page import page_of, plot


def record(seed: int, *, after: float = 0.97, before: float = 0.1) -> dict[str, Any]:
    """Return a seed whose success is the same at all nested difficulties."""
    names = ("rao", "single", "single_strong")
    chance = {"1": 1.0, **dict.fromkeys("234567", before)}
    results = {
        "episodes": 100,
        "trained_on": [2, 3],
        "before": {name: {"greedy": chance, "sampled": chance} for name in names},
        "before_launch": {"rao": {"greedy": dict.fromkeys("1234567", 0.0)}},
        "success": {"rao": {"1": 1.0, **dict.fromkeys("234567", after)}, "single": chance, "single_strong": chance},
        "success_sampled": {},
        "launch": {"nested": 1.0, "single_operation": 0.02},
        "training_tokens": dict.fromkeys(names, 12345),
        "seconds": dict.fromkeys((*names, "warm_start", "total"), 60.0),
    }
    curves = {name: [None, 0.5, 1.0] for name in ("launch/divisible", "launch/indivisible", "success/root")}
    return {"seed": seed, "commit": "abc", "results": results, "curves": curves}


@pytest.mark.parametrize(
    ("second", "verdict"),
    [
        (record(1), "| RAO after, 2 to 5 | at least .95 | 0.97 | 0.97 | yes |"),
        (record(1, after=0.94), "| RAO after, 2 to 5 | at least .95 | 0.97 | 0.94 | no |"),
        (record(1, before=0.3), "| single agent, from 2 on | at most .25 | 0.10 | 0.30 | no |"),
    ],
)
def test_a_target_is_met_if_every_seed_meets_it(second: dict[str, Any], verdict: str) -> None:
    page = page_of([record(0), second], "make it", "figure.png")
    assert verdict in page.splitlines()
    assert "seeds 0, 1, commit abc" in page


def test_every_row_of_a_table_has_the_same_number_of_cells() -> None:
    page = page_of([record(0), record(1), record(2)], "make it", "figure.png")
    tables = [[line.count("|") for line in block.splitlines()] for block in page.split("\n\n") if block[0] == "|"]
    assert len(tables) == 3
    assert all(len(set(counts)) == 1 for counts in tables)


def test_the_figure_is_written(tmp_path: Path) -> None:
    path = tmp_path / "figure.png"
    plot([record(0), record(1)], path)
    assert path.read_bytes().startswith(b"\x89PNG")
