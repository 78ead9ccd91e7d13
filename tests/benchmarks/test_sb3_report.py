from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("sb3_contrib")

from benchmarks.sb3_report import label, page, plot, verdict


def run(policy: str, *returns: float, **more: Any) -> dict[str, Any]:
    """Return a run with a return for each difficulty from 1."""
    scores = {
        str(difficulty): {"return": value, "success": 1.0, "turns": 2.0, "agents": 1.0}
        for difficulty, value in enumerate(returns, start=1)
    }
    return {"family": "LongContext", "policy": policy, "turn_cost": 0.01, "episodes": 5, "scores": scores} | more


RUNS = [
    run("always in 2", 0.7, 0.7),
    run("never delegate", 0.9, 0.1),
    run("reference", 0.9, 0.8),
    run("ppo", 0.9, 0.78, seed=0, steps=1_000, cpu_seconds=7),
    run("maskable", 0.9, 0.6, seed=1, steps=1_000, cpu_seconds=7),
]


def test_a_verdict_compares_with_the_reference_and_the_best_fixed_strategy() -> None:
    said = verdict(RUNS[3], RUNS)
    assert "1,000 steps in 7 s of one core" in said
    assert "Mean return 0.840; reference 0.850; best fixed strategy, always in 2, 0.700" in said
    assert "at difficulty 2, it has 98% of the reference's return, within 5%." in said
    assert verdict(RUNS[4], RUNS).endswith("at difficulty 2, it has 75% of the reference's return.")


def test_the_page_has_every_policy_and_the_commands_that_trained_them() -> None:
    written = page(RUNS)
    assert "python benchmarks/sb3_ppo.py LongContext --algorithm maskable --seed 1 --turn-cost 0.01" in written
    assert "--algorithm none" not in written
    assert "--algorithm none --turn-cost 0.01" in page(RUNS[:3])
    for each in RUNS:
        assert f"| {label(each)} |" in written
    assert len(plot(RUNS).axes[0].lines) == len(RUNS)
