"""Rollouts: many runtimes over one engine, and the token-exact trajectories that they leave behind.

In every round the ready nodes of all trees are generated for together. A node's sequence begins with its opening
messages; each turn appends what was generated, then the piece of the chat template that carries the reply. So the
ids along a trajectory are exactly what the model read and wrote, and the mask is True exactly on what it wrote.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import numpy as np

from rao_gym.errors import InvalidValueError
from rao_gym.registry import Setup
from rao_gym.rewards import Judge, success_signals
from rao_gym.runtime import Runtime
from rao_gym.sandbox import Sandbox
from rao_gym.tasks.base import Task
from rao_gym.tree import Node
from rao_train.engines.base import Completion, Engine, Request, Sampling
from rao_train.models.turn_template import TurnTemplate
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
    """

    rollouts: Sequence[Rollout]
    policy_version: int
    seconds_generating: float
    seconds_acting: float
    num_generated: int
    num_read: int


@dataclass(slots=True)
class Conversation:
    """One node's tokens as they grow.

    Attributes:
        tokens: Every token so far.
        generated: Whether the model wrote each of them.
        logprobs: log μ of those that it wrote, 0 for the others.
        num_messages: Messages of the node's transcript that the tokens stand for.
        ended: Whether what the model wrote last ended with the token with which the template ends turns.
    """

    tokens: list[int]
    generated: list[bool]
    logprobs: list[float]
    num_messages: int
    ended: bool = True

    @classmethod
    def open(cls, node: Node, template: TurnTemplate) -> Conversation:
        """Begin with the opening messages of a node."""
        tokens = template.opening(node.messages)
        return cls(tokens, [False] * len(tokens), [0.0] * len(tokens), len(node.messages))

    def write(self, ids: Sequence[int], logprobs: Sequence[float], *, ended: bool) -> None:
        """Append what the model wrote."""
        self.tokens += ids
        self.logprobs += logprobs
        self.generated += [True] * len(ids)
        self.num_messages += 1
        self.ended = ended

    def read(self, node: Node, template: TurnTemplate) -> None:
        """Append the reply to the last action, if it is there and has not been read."""
        if len(node.messages) > self.num_messages:
            ids = template.reply(node.messages[self.num_messages]["content"], ended=self.ended)
            self.tokens += ids
            self.logprobs += [0.0] * len(ids)
            self.generated += [False] * len(ids)
            self.num_messages += 1


@dataclass(slots=True)
class _Growing:
    """A tree while it grows.

    Attributes:
        plan: What was planned.
        runtime: Where it grows.
        conversations: The tokens of the nodes that have been asked to act, by the node's id.
    """

    plan: PlannedRollout
    runtime: Runtime[Any]
    conversations: dict[int, Conversation] = field(default_factory=dict)


class RolloutWorker:
    """Grows trees with one engine.

    Args:
        setup: The family and the settings of its episodes.
        engine: Generates.
        template: Turns messages into tokens.
        sampling: How completions are drawn.
        max_length: The longest sequence that the model can read; None for no end.
        judge: Estimates a signal where the family cannot verify a node.
    """

    def __init__(
        self,
        setup: Setup,
        engine: Engine,
        template: TurnTemplate,
        sampling: Sampling,
        *,
        max_length: int | None = None,
        judge: Judge | None = None,
    ) -> None:
        self._setup = setup
        self._engine = engine
        self._template = template
        self._sampling = sampling
        self._max_length = max_length
        self._judge = judge
        self._sandbox = Sandbox()
        self._runtimes: list[Runtime[Any]] = []

    def grow(self, plans: Sequence[PlannedRollout], *, policy_version: int = 0) -> RolloutBatch:
        """Grow trees until all have ended.

        Args:
            plans: One for each tree.
            policy_version: Version of the engine's weights.

        Raises:
            InvalidValueError: The model cannot even read the opening of a task. A node that outgrows the model later
                on ends, out of window.
        """
        started = perf_counter()
        seconds_generating = 0.0
        growing = [_Growing(plan, runtime) for plan, runtime in zip(plans, self._runtimes_for(len(plans)), strict=True)]
        for tree in growing:
            tree.runtime.start(tree.plan.task)
        active = growing
        while active:
            ready = [(tree, node) for tree in active for node in tree.runtime.ready]
            asked = [(tree, node, self._request(tree, node)) for tree, node in ready]
            requests = [request for _, _, request in asked if request is not None]
            before = perf_counter()
            completions = iter(self._engine.generate(requests, self._sampling) if requests else ())
            seconds_generating += perf_counter() - before
            for tree, node, request in asked:
                self._act(tree, node, None if request is None else next(completions))
            active = [tree for tree in active if not tree.runtime.done]
        rollouts = [self._finished(tree, policy_version) for tree in growing]
        trajectories = [trajectory for rollout in rollouts for trajectory in rollout.trajectories]
        num_generated = sum(trajectory.num_learned for trajectory in trajectories)
        return RolloutBatch(
            rollouts=rollouts,
            policy_version=policy_version,
            seconds_generating=seconds_generating,
            seconds_acting=perf_counter() - started - seconds_generating,
            num_generated=num_generated,
            num_read=sum(map(len, trajectories)) - num_generated,
        )

    def close(self) -> None:
        """Give up unfinished trees and end the workers of the Python sessions."""
        for runtime in self._runtimes:
            runtime.release()
        self._sandbox.close()

    def _runtimes_for(self, num_trees: int) -> list[Runtime[Any]]:
        """Return a runtime for each tree; they are kept, for a new one has to write out its rules again."""
        while len(self._runtimes) < num_trees:
            self._runtimes.append(self._setup.runtime(self._sandbox))
        return self._runtimes[:num_trees]

    def _request(self, tree: _Growing, node: Node) -> Request | None:
        """Bring a ready node's tokens up to date and ask for its next turn, if the model can read that much.

        Raises:
            InvalidValueError: It cannot read a root's opening.
        """
        conversation = tree.conversations.get(node.id)
        if conversation is None:
            conversation = tree.conversations[node.id] = Conversation.open(node, self._template)
        conversation.read(node, self._template)
        length = len(conversation.tokens) + self._sampling.max_new_tokens
        if self._max_length is not None and length > self._max_length:
            if node.parent is None and node.turns == 0:
                raise InvalidValueError(
                    f"A task's opening takes {len(conversation.tokens)} tokens and a turn up to "
                    f"{self._sampling.max_new_tokens}; the model reads {self._max_length}. Lower "
                    "sampling.max_new_tokens or the difficulty."
                )
            return None
        seed = (*tree.plan.seed, node.id, node.turns)
        return Request(conversation.tokens, seed, session=(tree.plan.index, node.id))

    def _act(self, tree: _Growing, node: Node, completion: Completion | None) -> None:
        """Append what was generated and take the node's turn; a node that the model cannot read ends.

        Another turn of this round may have ended the node already.
        """
        if node.ended:
            return
        if completion is None:
            tree.runtime.outgrow(node)
        else:
            by_template = completion.ids[-1:] == [self._template.end_id]  # not by another token that ends turns
            tree.conversations[node.id].write(completion.ids, completion.logprobs, ended=by_template)
            tree.runtime.act(node, self._template.action_text(completion.ids, ended=completion.ended))
        self._release_if_ended(tree, node)

    def _release_if_ended(self, tree: _Growing, node: Node) -> None:
        """Let the engine forget a node that has no more turns."""
        if node.ended:
            self._engine.release((tree.plan.index, node.id))

    def _finished(self, tree: _Growing, policy_version: int) -> Rollout:
        """Return a tree whose root has ended, with its trajectories."""
        finished = tree.runtime.tree
        for node_id in tree.conversations:
            self._engine.release((tree.plan.index, node_id))
        return Rollout(
            tree=finished,
            signals=success_signals(finished, self._judge),
            trajectories=[
                Trajectory(
                    tokens_T=np.array(conversation.tokens, dtype=np.int32),
                    mask_T=np.array(conversation.generated, dtype=np.bool_),
                    logprobs_T=np.array(conversation.logprobs, dtype=np.float32),
                    node=node_id,
                    depth=finished.nodes[node_id].depth,
                    rollout=tree.plan.index,
                    group=tree.plan.group,
                    policy_version=policy_version,
                )
                for node_id, conversation in sorted(tree.conversations.items())
                if any(conversation.generated)
            ],
            index=tree.plan.index,
            group=tree.plan.group,
        )
