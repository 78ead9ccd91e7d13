"""Signs that a run learns nothing, learns the wrong thing, or breaks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Final

from rao_gym.errors import InvalidValueError
from rao_gym.rewards import Bonus
from rao_train.credit import CreditSettings
from rao_train.learning.learner import SkipReason, UpdateMetrics
from rao_train.rollout.worker import RolloutBatch

MAX_BROKEN_STEPS: Final = 3
"""Steps in a row whose loss or gradient is not finite; after them a run ends."""

MANY_IDLE_STEPS: Final = 10
"""Training steps in a row that change nothing; after so many, a run warns for a second time."""

MANY_LAUNCHES: Final = 0.5
"""Launch rate before the first training step from which on it is too late to discover when to delegate."""


class BrokenSteps:
    """Counts the steps in a row that were not finite; weights that came to this are not saved.

    Attributes:
        in_a_row: How many there are up to now.
    """

    def __init__(self) -> None:
        self.in_a_row = 0

    def watch(self, phase: str, updates: Sequence[UpdateMetrics], checkpoints: Path) -> None:
        """Count a step.

        Args:
            phase: The phase of the step.
            updates: What its optimizer steps did.
            checkpoints: Where the run's checkpoints are.

        Raises:
            InvalidValueError: There were too many in a row.
        """
        broken = all(update.skipped is SkipReason.NOT_FINITE for update in updates)
        self.in_a_row = self.in_a_row + 1 if broken else 0
        if self.in_a_row == MAX_BROKEN_STEPS:
            raise InvalidValueError(
                f"{phase}: loss or gradient was not finite in {MAX_BROKEN_STEPS} steps in a row. Lower the "
                f"learning rate. What was saved before them is in {checkpoints}."
            )


def idle_warning(num_idle: int, metrics: Mapping[str, float]) -> str:
    """Return what to say of a training step that changed nothing; nothing where there is no news.

    Args:
        num_idle: Training steps in a row that changed nothing, this one included.
        metrics: What was measured in this one.
    """
    if num_idle == 1:
        return f"This step did not change the weights: {_why_idle(metrics)}."
    if num_idle == MANY_IDLE_STEPS:
        return f"{MANY_IDLE_STEPS} steps in a row did not change the weights: {_why_idle(metrics)}."
    return ""


def farming_warning(credit: CreditSettings) -> str:
    """Return what to say of a bonus that can be had for nothing; nothing for any other."""
    if credit.delegation_bonus > 0 and credit.bonus is Bonus.ALL:
        return (
            "credit.bonus=all invites farming: a sub-agent with a goal such as 1+1 earns its parent the bonus, and "
            "policies learn to launch one and give up. credit.bonus=parts pays for parts of the work alone."
        )
    return ""


def delegation_warning(evaluations: Iterable[RolloutBatch]) -> str:
    """Return what to say of a policy that delegates before it is trained; nothing where that is left to be discovered.

    Args:
        evaluations: What was played before the first training step, one batch for each way of drawing. Roots with
            nothing to delegate say nothing, and neither do the children of those that launch.
    """
    roots = [[rollout.tree.root for rollout in batch.rollouts] for batch in evaluations]
    tried = [[root.tried_to_launch for root in batch if root.divisible is not False] for batch in roots]
    rate = max((fmean(launches) for launches in tried if launches), default=0.0)
    if rate < MANY_LAUNCHES:
        return ""
    return (
        f"Before the first training step {rate:.0%} of the roots whose work can be shared launch ({MANY_LAUNCHES:.0%} "
        "are many): this run has nothing to show about when to delegate. Let the last stage of the warm start launch "
        "more rarely (warm_start.stages.N.policies)."
    )


def _why_idle(metrics: Mapping[str, float]) -> str:
    """Return why a training step took no optimizer step, and what helps."""
    if metrics.get("credit/groups_filtered") == 1:
        success = f"success of the roots {metrics['success/root']:.2f}" if "success/root" in metrics else "as it is"
        return (
            f"within every group all rewards are equal ({success}). Choose easier or harder tasks "
            "(curriculum.difficulties), raise training.group_size or sampling.temperature, or warm up longer"
        )
    if not metrics.get("credit/trajectories"):
        return "no trajectory entered the loss; credit/excluded and credit/interrupted say why"
    return "all advantages are 0, or the loss is not finite"
