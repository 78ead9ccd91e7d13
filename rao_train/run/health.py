"""Signs that a run learns nothing, learns the wrong thing, or breaks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from rao_gym.errors import InvalidValueError
from rao_gym.rewards import Bonus
from rao_train.credit import CreditSettings
from rao_train.learning.learner import SkipReason, UpdateMetrics

MAX_BROKEN_STEPS: Final = 3
"""Steps in a row whose loss or gradient is not finite; after them a run ends."""

MANY_IDLE_STEPS: Final = 10
"""Training steps in a row that change nothing; after so many, a run warns for a second time."""


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
