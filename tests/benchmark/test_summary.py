from __future__ import annotations

from pathlib import Path

import pytest

from rao_gym.benchmark import summarize_folder
from rao_gym.benchmark.summary import best_attempts
from rao_gym.evaluation import EpisodeResult


def episode(index: int, attempt: int, success: float | None, tokens: int) -> EpisodeResult:
    return EpisodeResult(
        id="rao/Arithmetic-v0",
        difficulty=1,
        seed=0,
        split="test",
        index=index,
        policy="p",
        policy_options={},
        options={},
        task=f"task-{index}",
        attempt=attempt,
        success=success,
        tokens=tokens,
        turns=2,
        nodes=1,
        error="" if success is not None else "no answer",
    )


def test_the_best_attempt_counts_and_all_are_paid_for() -> None:
    attempts = [episode(0, 0, 0.0, 10), episode(0, 1, 1.0, 10), episode(0, 2, 0.0, 10)]
    (merged,), counts = best_attempts(attempts, {0: 25})
    assert (merged.success, merged.tokens, merged.turns, merged.attempt) == (1.0, 20, 4, 0)
    assert counts == {0: 2}  # the third would have cost 30 of 25


def test_the_first_attempt_always_counts() -> None:
    merged, counts = best_attempts([episode(0, 0, 0.0, 100), episode(1, 0, None, 0)], {0: 1})
    assert [result.tokens for result in merged] == [100, 0]
    assert counts == {0: 1, 1: 1}


def test_standings_follow_the_cells(finished_run: Path) -> None:
    document = summarize_folder(finished_run)
    standing = {row["arm"]: row for row in document["standings"]}
    assert standing["recursive"]["held_80"] == 5
    assert standing["recursive"]["ceiling_share"] == pytest.approx(1.0)
    past = [cell["success"] for cell in document["cells"] if cell["arm"] == "single" and cell["difficulty"] in (3, 5)]
    assert standing["single"]["past_success"] == pytest.approx(sum(past) / 2)
    gaps = {row["against_arm"]: row["difference"] for row in document["differences"] if row["difficulty"] is None}
    assert gaps["single"] == pytest.approx(1 - standing["single"]["past_success"])
    assert document["complete"] is True
