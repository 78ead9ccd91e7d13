"""Rollouts: many runtimes over one engine, and the token-exact trajectories that they leave behind.

Every node is generated for as soon as it is ready, as far as the engine allows. The ids along a trajectory are exactly
what the model read and wrote, and the mask is True exactly on what it wrote.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np

from rao_gym.errors import InvalidValueError, WindowTooSmallError
from rao_gym.evaluation.driver import Driver, Growing
from rao_gym.judges import PendingSignals, SignalChain
from rao_gym.registry import Setup
from rao_gym.rewards import WITHOUT_JUDGE
from rao_gym.runtime import Runtime
from rao_gym.sandbox import Sandbox
from rao_gym.tasks.base import Task
from rao_gym.tree import ExecutionTree, StopReason
from rao_train.engines.base import Engine, Sampling
from rao_train.models.tokens import ModelTokens
from rao_train.models.turn_template import TurnTemplate
from rao_train.rollout.player import Conversation, EnginePlayer
from rao_train.rollout.trajectory import Rollout, Trajectory


@dataclass(frozen=True, kw_only=True)
class PlannedRollout:
    """A tree that is to be grown.

    Attributes:
        task: The root's task.
        index: Index of the rollout, unique over all groups of a batch.
        group: Index of the group, whose rollouts share one task.
        seed: Seeds every draw of this tree.
    """

    task: Task[Any]
    index: int
    group: int
    seed: tuple[int, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class RolloutBatch:
    """Trees that were grown together.

    Attributes:
        rollouts: In the order in which they were planned.
        policy_version: Version of the weights that generated them.
        seconds_generating: Time in the engine.
        seconds_acting: Time in the environment and in tokenizing.
        num_generated: Tokens that the model wrote.
        num_read: Tokens of all trajectories that it did not write.
        num_skipped: Trees left out because the window or the model cannot hold their task's opening.
    """

    rollouts: Sequence[Rollout]
    policy_version: int
    seconds_generating: float
    seconds_acting: float
    num_generated: int
    num_read: int
    num_skipped: int = 0

    def groups(self) -> list[list[Rollout]]:
        """Return the rollouts by their group."""
        groups: dict[int, list[Rollout]] = {}
        for rollout in self.rollouts:
            groups.setdefault(rollout.group, []).append(rollout)
        return list(groups.values())


class RolloutWorker:
    """Grows trees with one engine.

    Args:
        setup: The family and the settings of its episodes.
        engine: Generates.
        template: Turns messages into tokens.
        sampling: How completions are drawn.
        max_length: The longest sequence that the model can read; None for no end.
        chain: Where success signals come from; by default the verifier, with the root's signal where it does not know.
    """

    def __init__(
        self,
        setup: Setup,
        engine: Engine,
        template: TurnTemplate,
        sampling: Sampling,
        *,
        max_length: int | None = None,
        chain: SignalChain | None = None,
    ) -> None:
        self._setup = setup
        self._engine = engine
        self._template = template
        self._sampling = sampling
        self._max_length = max_length
        self._chain = chain or SignalChain(WITHOUT_JUDGE)
        self._sandbox = Sandbox()
        self._runtimes: list[Runtime[Any]] = []

    def grow(self, plans: Sequence[PlannedRollout], *, policy_version: int = 0) -> RolloutBatch:
        """Grow trees until all have ended.

        Args:
            plans: One for each tree.
            policy_version: Version of the engine's weights.

        A task whose opening is longer than the window or than the model can read is left out, and counted. A node that
        outgrows the model later on ends, out of window. A node whose turn the engine gives up, again and again,
        crashes without a signal, and its tree goes on.

        Raises:
            InvalidValueError: The window or the model cannot hold the opening of a single task.
            ServerError: The engine gave up every turn.
        """
        started = perf_counter()
        player = EnginePlayer(self._engine, self._template, self._sampling, max_length=self._max_length)
        plans_by_runtime = dict(zip(self._runtimes_for(len(plans)), plans, strict=True))
        grown: dict[int, tuple[ExecutionTree, PendingSignals, Sequence[Trajectory]]] = {}
        misfits: list[WindowTooSmallError] = []
        for tree in Driver(player, spare_trees=True).grow(self._started(plans, misfits)):
            root = tree.runtime.tree.root
            if root.turns or root.stop_reason is not StopReason.OUT_OF_WINDOW:
                plan = plans_by_runtime[tree.runtime]
                finished = tree.runtime.tree
                trajectories = _trajectories(finished, plan, player.conversations(plan.index))
                grown[plan.index] = finished, self._chain.begin(finished), trajectories
        rollouts = [_rollout(plan, *grown[plan.index]) for plan in plans if plan.index in grown]
        if plans and not rollouts:
            if len(misfits) == len(plans):
                raise misfits[0]
            raise InvalidValueError(
                f"The model reads {self._max_length} tokens, less than the opening of any task and a turn of "
                f"{self._sampling.max_new_tokens} take. Lower sampling.max_new_tokens or the difficulty."
            )
        learned = [trajectory for rollout in rollouts for trajectory in rollout.trajectories]
        num_generated = sum(trajectory.num_learned for trajectory in learned)
        return RolloutBatch(
            rollouts=rollouts,
            policy_version=policy_version,
            seconds_generating=player.seconds,
            seconds_acting=perf_counter() - started - player.seconds,
            num_generated=num_generated,
            num_read=sum(map(len, learned)) - num_generated,
            num_skipped=len(plans) - len(rollouts),
        )

    def close(self) -> None:
        """Give up unfinished trees and end the workers of the Python sessions."""
        for runtime in self._runtimes:
            runtime.release()
        self._sandbox.close()

    def _runtimes_for(self, num_trees: int) -> list[Runtime[Any]]:
        """Return a runtime for each tree; they are kept, for a new one has to write out its rules again."""
        while len(self._runtimes) < num_trees:
            self._runtimes.append(self._setup.runtime(self._sandbox, ModelTokens(self._template)))
        return self._runtimes[:num_trees]

    def _started(self, plans: Sequence[PlannedRollout], misfits: list[WindowTooSmallError]) -> Iterator[Growing]:
        """Begin the trees; `misfits` takes the errors of those whose window cannot hold their opening."""
        for plan, runtime in zip(plans, self._runtimes_for(len(plans)), strict=True):
            try:
                runtime.start(plan.task)
            except WindowTooSmallError as error:
                misfits.append(error)
                continue
            yield Growing(name=plan.index, runtime=runtime, seed=plan.seed)


def _trajectories(
    tree: ExecutionTree, plan: PlannedRollout, conversations: Mapping[int, Conversation]
) -> list[Trajectory]:
    """Return the trajectories of a tree's nodes, from their tokens by node id."""
    return [
        Trajectory(
            tokens_T=np.array(conversation.tokens, dtype=np.int32),
            mask_T=np.array(conversation.generated, dtype=np.bool_),
            logprobs_T=np.array(conversation.logprobs, dtype=np.float32),
            versions_T=np.array(conversation.versions, dtype=np.int32),
            node=node_id,
            depth=tree.nodes[node_id].depth,
            rollout=plan.index,
            group=plan.group,
        )
        for node_id, conversation in sorted(conversations.items())
        if any(conversation.generated)
    ]


def _rollout(
    plan: PlannedRollout, tree: ExecutionTree, signals: PendingSignals, trajectories: Sequence[Trajectory]
) -> Rollout:
    """Return a tree that has ended as a rollout; waits for the judge, if there is one."""
    return Rollout(tree=tree, signals=signals.result(), trajectories=trajectories, index=plan.index, group=plan.group)
