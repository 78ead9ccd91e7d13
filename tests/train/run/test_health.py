"""What a run says of a policy that delegates before it is trained."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny import Plan, make_rollout

from rao_train.recipes.reading import load_recipe
from rao_train.rollout.trajectory import Rollout
from rao_train.rollout.worker import RolloutBatch
from rao_train.run.health import MANY_LAUNCHES, delegation_warning
from rao_train.run.progress import SilentReporter
from rao_train.run.trainer import Trainer

TINY = (
    "model.tiny.layers=1",
    "model.tiny.width=32",
    "model.tiny.heads=2",
    "model.tiny.hidden=32",
    "curriculum.difficulties={2 = 1}",
    "training.steps=1",
    "training.tasks_per_step=2",
    "training.group_size=2",
    "evaluation.every=0",
    "evaluation.final=false",
    "evaluation.tasks=4",
    "evaluation.difficulties=[1, 2]",
)
STAGE = (
    "warm_start.stages=[{name = 'format', steps = 80, learning_rate = 1e-2, demonstrations = 50, "
    "sequences_per_step = 16, difficulties = {2 = 1.0}, policies = {'rao_gym.tasks.arithmetic:%s' = 1.0}}]"
)
"""Enough to learn one way to begin by heart."""


class Listening(SilentReporter):
    """Remembers the warnings."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warn(self, text: str) -> None:
        self.warnings.append(text)


def batch(*launches: bool) -> RolloutBatch:
    plans = [Plan("right", (Plan("right"), Plan("right")) if launched else ()) for launched in launches]
    return batch_of([make_rollout(plan, index=index) for index, plan in enumerate(plans)])


def batch_of(rollouts: list[Rollout]) -> RolloutBatch:
    return RolloutBatch(
        rollouts=rollouts, policy_version=0, seconds_generating=1, seconds_acting=1, num_generated=1, num_read=1
    )


def test_a_policy_that_launches_seldom_is_not_warned_of() -> None:
    assert MANY_LAUNCHES == 0.5
    assert delegation_warning([]) == ""
    assert delegation_warning([batch(False, False), batch(True, False, False)]) == ""


def test_the_highest_rate_is_named_in_one_line_with_the_threshold() -> None:
    warning = delegation_warning([batch(True, False, False), batch(True, True, False)])
    assert warning.startswith(
        "Before the first training step 67% of the roots whose work can be shared launch (50% are many)"
    )
    assert "\n" not in warning


def test_roots_with_nothing_to_delegate_do_not_count() -> None:
    rollouts = [make_rollout(Plan("right", (Plan("right"),))), make_rollout(Plan("right"), index=1)]
    assert delegation_warning([batch_of(rollouts)]).startswith("Before the first training step 50%")
    rollouts[1].tree.root.divisible = False
    assert delegation_warning([batch_of(rollouts)]).startswith("Before the first training step 100%")
    rollouts[0].tree.root.divisible = False
    assert delegation_warning([batch_of(rollouts)]) == ""


@pytest.mark.parametrize(
    ("policy", "changes", "num_warnings"),
    [("HeedlessPolicy", (), 1), ("DirectPolicy", (), 0), ("HeedlessPolicy", ("environment.recursive=false",), 0)],
)
def test_a_run_says_once_that_its_warm_start_delegates(
    policy: str, changes: tuple[str, ...], num_warnings: int, tmp_path: Path
) -> None:
    listening = Listening()
    Trainer(load_recipe("arithmetic_tiny", [*TINY, STAGE % policy, *changes]), tmp_path, listening).run()
    found = [text for text in listening.warnings if "nothing to show about when to delegate" in text]
    assert len(found) == num_warnings
