"""The study of ``long_context_tiny``: its arms run, its claims are judged by the worst seed, and its page says so."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path

import pytest

from benchmarks.training.long_context_results import ARMS, CLAIMS, RAO, SINGLE, Outcome, write_report
from benchmarks.training.long_context_tiny import run_arm

FEW_STEPS = (
    "warm_start.stages.0.steps=2",
    "warm_start.stages.0.demonstrations=20",
    "warm_start.stages.1.steps=2",
    "warm_start.stages.1.demonstrations=20",
    "training.steps=2",
    "training.tasks_per_step=2",
    "training.group_size=2",
    "evaluation.difficulties=[1, 5, 6]",
    "evaluation.tasks=2",
)


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> list[Outcome]:
    """Both arms of a seed, hardly trained."""
    folder = tmp_path_factory.mktemp("study")
    return [run_arm(folder, arm, 0, FEW_STEPS) for arm in ARMS]


def test_the_single_agent_needs_the_warm_start_of_the_other(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="run that first"):
        run_arm(tmp_path, SINGLE, 0, FEW_STEPS)


def test_a_finished_run_is_not_repeated(outcomes: list[Outcome], tmp_path: Path) -> None:
    first = run_arm(tmp_path, RAO, 0, FEW_STEPS)
    assert run_arm(tmp_path, RAO, 0, FEW_STEPS) == first
    assert first["after"] == outcomes[0]["after"]


def test_hardly_trained_runs_break_the_claims_about_success(outcomes: list[Outcome], tmp_path: Path) -> None:
    page = write_report(tmp_path, outcomes)
    assert (tmp_path / "long_context_tiny.md").read_text(encoding="utf-8") == page
    assert "| After: success at 16 pages | ≥ 0.9 | 0.00 | no |" in page
    assert "on 2 test tasks for each number of pages" in page
    numbers = json.loads((tmp_path / "long_context_tiny.json").read_text(encoding="utf-8"))
    assert [one["arm"] for one in numbers["runs"]] == [RAO, SINGLE]
    assert list(numbers["runs"][0]["after"]["success"]) == ["1", "16", "32"]
    assert (tmp_path / "long_context_tiny.png").read_bytes().startswith(b"\x89PNG")


def test_one_seed_that_fails_breaks_a_claim(outcomes: list[Outcome]) -> None:
    good = deepcopy(outcomes[0])
    good["after"]["success"] = {"1": 0.2, "16": 0.9, "32": 0.8}
    bad = deepcopy(good) | {"seed": 1}
    claims = [claim for claim in CLAIMS if claim.text.startswith("After")]
    assert all(claim.holds([good, bad]) for claim in claims)
    bad["after"]["success"]["32"] = 0.79
    assert [claim.holds([good, bad]) for claim in claims] == [True, False]
    assert claims[1].worst([good, bad]) == 0.79


def test_nothing_is_claimed_of_an_arm_that_was_not_run(outcomes: list[Outcome], tmp_path: Path) -> None:
    page = write_report(tmp_path, outcomes[:1])
    assert "After: success at 32 pages" in page
    assert "Single agent" not in page
