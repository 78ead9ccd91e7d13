"""What a checkpoint of a run holds beside the learner, and how a run goes on from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from transformers import PreTrainedTokenizerBase

from rao_gym.errors import reason_of
from rao_train.learning.learner import Learner
from rao_train.run.checkpoint import CheckpointError, load_checkpoint, save_checkpoint
from rao_train.run.rollouts import RolloutQueue

PENDING: Final = "pending.jsonl"


@dataclass(slots=True)
class TrainerState:
    """Counters of a run; with the weights, the optimizer and the rollout queue, all that a resume needs.

    Attributes:
        tick: Ticks done, warm start included.
        version: Rollout batches learned from, which is the version of the weights.
        seconds: Time spent on training steps.
        tokens: Tokens of the rollouts that these steps learned from, read or written.
        num_changing: Training steps that changed the weights.
        num_idle: Training steps in a row, up to now, that did not.
    """

    tick: int = 0
    version: int = 0
    seconds: float = 0.0
    tokens: int = 0
    num_changing: int = 0
    num_idle: int = 0


def save_run(
    folder: Path, learner: Learner, tokenizer: PreTrainedTokenizerBase, state: TrainerState, rollouts: RolloutQueue
) -> None:
    """Write a checkpoint.

    Raises:
        CheckpointError: It could not be written; those before it are intact.
    """
    save_checkpoint(
        folder,
        learner,
        tokenizer,
        step=state.tick,
        state={"counters": asdict(state), "rollouts": rollouts.state()},
        files={PENDING: rollouts.waiting().encode()},
    )


def restore_run(folder: Path, learner: Learner, rollouts: RolloutQueue) -> TrainerState:
    """Go on from the last checkpoint; a new state if there is none.

    Raises:
        CheckpointError: There are checkpoints, and none of them can be used.
    """
    checkpoint = load_checkpoint(folder, learner)
    if checkpoint is None:
        return TrainerState()
    saved: Mapping[str, Any] = checkpoint.state
    try:
        rollouts.restore(saved["rollouts"], checkpoint.files[PENDING].decode())
        return TrainerState(**saved["counters"])
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"The checkpoint {checkpoint.path} is not one of this version of the trainer: {reason_of(error)}."
        ) from error
