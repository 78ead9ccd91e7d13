"""That farming the delegation bonus does not pay, and that a policy which could farm learns to delegate."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.farming_scenes import (
    ALONE,
    BEHAVIOURS,
    DELEGATES,
    EASIEST,
    FARMS,
    PARTS,
    TRIVIAL,
    Scene,
    arithmetic,
    code,
    long_context,
)
from benchmarks.reward_farming import Settings, earnings, main, train
from rao_gym.rewards import Bonus


@pytest.fixture(scope="module", params=[arithmetic, long_context, code], ids=["arithmetic", "long_context", "code"])
def scene(request: pytest.FixtureRequest) -> Iterator[Scene]:
    built: Scene = request.param()
    yield built
    built.setup.family.close()


def test_delegating_pays_best_and_farming_pays_only_if_all_children_count(scene: Scene) -> None:
    earned = earnings(scene, 2)
    for bonus in (Bonus.PARTS, Bonus.GATED):
        assert earned[DELEGATES][bonus] == pytest.approx(1.4)
        assert all(earned[name][bonus] <= 1.0 for name in (ALONE, *FARMS))
        assert earned[TRIVIAL][bonus] == 0.0
    assert earned[TRIVIAL][Bonus.ALL] == pytest.approx(0.4)
    assert earned[PARTS][Bonus.PARTS] == pytest.approx(0.4)  # the parts were done, and are paid for
    assert earned[PARTS][Bonus.GATED] == 0.0
    assert earned[EASIEST][Bonus.GATED] == 0.0 < earned[EASIEST][Bonus.PARTS] <= earned[EASIEST][Bonus.ALL]


@pytest.mark.slow
def test_a_policy_that_could_farm_learns_to_delegate() -> None:
    scene = arithmetic()
    outcome = train(scene, Bonus.PARTS, 0, Settings(steps=25))
    assert outcome.share_of(DELEGATES) > 0.9
    assert outcome.share_of(*FARMS) < 0.1
    assert sum(outcome.shares.values()) == pytest.approx(1.0)


@pytest.mark.slow
def test_with_all_children_counting_it_learns_to_farm() -> None:
    outcome = train(long_context(), Bonus.ALL, 1, Settings())
    assert outcome.share_of(*FARMS) > 0.5
    assert outcome.success < 0.2


@pytest.mark.slow
def test_the_command_prints_both_tables_and_writes_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["reward_farming", "--seeds", "1", "--steps", "1", "--tasks", "1", "--out", str(tmp_path / "farm.json")]
    monkeypatch.setattr(sys, "argv", arguments)
    main()
    document = json.loads((tmp_path / "farm.json").read_text())
    assert len(document["runs"]) == 9
    assert list(document["earnings"]["Code"]) == list(BEHAVIOURS)
    assert "LongContext" in capsys.readouterr().out
