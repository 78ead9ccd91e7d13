"""What a rollout leaves behind for training: one token sequence per node, and the tree that they belong to.

Token ids are kept exactly as they were generated and read; nothing is tokenized again. Shape suffixes, here and
in the rest of the package:

    _T  tokens of one sequence           _P  generated tokens of a batch, flattened
    _B  sequences of a batch             _D  width of the model
    _G  rollouts of one group            _V  vocabulary
    _N  nodes, or their trajectories
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rao_gym.errors import InvalidValueError
from rao_gym.rewards import Signals
from rao_gym.tree import ExecutionTree


@dataclass(frozen=True, kw_only=True, eq=False)
class TokenSequence:
    """Tokens, and which of them are learned.

    Attributes:
        tokens_T: Token ids, int32.
        mask_T: True exactly on the tokens that enter the loss, bool.
    """

    tokens_T: NDArray[np.int32]
    mask_T: NDArray[np.bool_]

    def __post_init__(self) -> None:
        """Check types, shapes, and that there is something to learn.

        Raises:
            InvalidValueError: An array has the wrong type or shape, a token id is negative, no token is under the
                mask, or the first one is: nothing comes before it to predict it from.
        """
        check_array("tokens_T", self.tokens_T, np.int32, len(self.tokens_T))
        check_array("mask_T", self.mask_T, np.bool_, len(self.tokens_T))
        if self.num_learned == 0:
            raise InvalidValueError("mask_T must be True on at least one token, got none.")
        if self.mask_T[0]:
            raise InvalidValueError("mask_T must be False on the first token: nothing comes before it.")
        if np.count_nonzero(self.tokens_T < 0):
            raise InvalidValueError(f"tokens_T must be at least 0, got {self.tokens_T.min()}.")

    def __len__(self) -> int:
        """Return the number of tokens."""
        return len(self.tokens_T)

    @property
    def num_learned(self) -> int:
        """Number of tokens under the mask."""
        return int(np.count_nonzero(self.mask_T))


@dataclass(frozen=True, kw_only=True, eq=False)
class Trajectory(TokenSequence):
    """What one node read and wrote, in order: its opening messages, then its turns.

    A node that never took a turn, such as one that was cancelled at once, leaves no trajectory.

    Attributes:
        tokens_T: Token ids exactly as read and generated, int32.
        mask_T: True exactly on the tokens that the policy generated, bool.
        logprobs_T: log μ of each generated token under the policy that sampled it, 0 elsewhere, float32.
        versions_T: Version of the weights that generated each token, 0 elsewhere, int32.
        node: The node's id in its tree.
        depth: The node's depth; 0 for the root.
        rollout: Index of the rollout, unique over all groups of a batch.
        group: Index of the group, whose rollouts share one task.
    """

    logprobs_T: NDArray[np.float32]
    versions_T: NDArray[np.int32]
    node: int
    depth: int
    rollout: int
    group: int

    def __post_init__(self) -> None:
        """Check types, shapes and ranges.

        Raises:
            InvalidValueError: A value does not hold what its description says.
        """
        super().__post_init__()
        check_array("logprobs_T", self.logprobs_T, np.float32, len(self.tokens_T))
        if np.count_nonzero(self.logprobs_T[~self.mask_T]):
            raise InvalidValueError("logprobs_T must be 0 on tokens that the policy did not generate.")
        possible_T = (self.logprobs_T > -np.inf) & (self.logprobs_T <= 1e-4)  # engines round
        if np.count_nonzero(possible_T) < len(self.logprobs_T):
            raise InvalidValueError("logprobs_T must be finite and at most 0, as log-probabilities are.")
        check_array("versions_T", self.versions_T, np.int32, len(self.tokens_T))
        if np.count_nonzero(self.versions_T < 0) or np.count_nonzero(self.versions_T[~self.mask_T]):
            raise InvalidValueError("versions_T must be at least 0, and 0 on tokens that the policy did not generate.")
        for name in ("node", "depth", "rollout", "group"):
            if getattr(self, name) < 0:
                raise InvalidValueError(f"{name} must be at least 0, got {getattr(self, name)}.")

    @property
    def old_logprobs(self) -> NDArray[np.float32]:
        """Log μ of the generated tokens alone."""
        return self.logprobs_T[self.mask_T]


@dataclass(frozen=True, kw_only=True, eq=False)
class Rollout:
    """One rollout: the tree, its success signals, and the trajectories of its nodes.

    Attributes:
        tree: The finished tree.
        signals: s̃ of its nodes, as `rao_gym.rewards.success_signals` gives them.
        trajectories: One for each node that took a turn, in the order of the nodes' ids.
        index: Index of the rollout, unique over all groups of a batch.
        group: Index of the group, whose rollouts share one task.
    """

    tree: ExecutionTree
    signals: Signals
    trajectories: Sequence[Trajectory]
    index: int
    group: int

    def __post_init__(self) -> None:
        """Check that the trajectories belong to this tree.

        Raises:
            InvalidValueError: One does not, or the tree's root has not ended.
        """
        if not self.tree.root.ended:
            raise InvalidValueError(f"Rollout {self.index} has not ended: {self.tree!r}.")
        previous = -1
        for trajectory in self.trajectories:
            if not previous < trajectory.node < len(self.tree):
                raise InvalidValueError(
                    f"Rollout {self.index}: trajectories must be in the order of the nodes 0..{len(self.tree) - 1},"
                    f" got node {trajectory.node} after {previous}."
                )
            previous = trajectory.node
            facts = (trajectory.rollout, trajectory.group, trajectory.depth)
            if facts != (self.index, self.group, self.tree.nodes[trajectory.node].depth):
                raise InvalidValueError(
                    f"Rollout {self.index} of group {self.group}: the trajectory of node {trajectory.node} says"
                    f" rollout {facts[0]}, group {facts[1]}, depth {facts[2]}."
                )


def check_array(name: str, array: NDArray[np.generic], kind: type[np.generic], length: int) -> None:
    """Check that `array` is one-dimensional, of `kind` and of `length`.

    Raises:
        InvalidValueError: It is not.
    """
    if array.dtype != kind or array.shape != (length,):
        raise InvalidValueError(
            f"{name} must be {np.dtype(kind).name} of shape ({length},), got {array.dtype.name} of shape {array.shape}."
        )
