"""Many episodes side by side, in one process and one sandbox."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from rao_gym.errors import InvalidValueError
from rao_gym.evaluation.driver import Driver, Growing
from rao_gym.evaluation.players import player_of
from rao_gym.limits import TranscriptCounter, check_count
from rao_gym.policies.base import Policy
from rao_gym.registry import Setup
from rao_gym.runtime import Runtime
from rao_gym.sandbox import Sandbox
from rao_gym.tasks.base import Task
from rao_gym.tree import ExecutionTree


@dataclass(frozen=True, kw_only=True)
class TaskKey:
    """What a task is sampled from.

    Attributes:
        seed: Seed of the run.
        split: Split of the family.
        index: Which task of the split.
        difficulty: Its difficulty, 1 or more.
    """

    seed: int
    split: str
    index: int
    difficulty: int


@dataclass(frozen=True, kw_only=True)
class Rollout:
    """One episode that is over.

    Attributes:
        key: What its task was sampled from.
        task_id: The task's id.
        content: The hash of the task's content; empty for a family whose contexts cannot be hashed.
        tree: The finished tree, None when the episode is excluded.
        error: Why the episode is excluded; empty when it is not.
    """

    key: TaskKey
    task_id: str
    content: str = ""
    tree: ExecutionTree | None
    error: str = ""


def run_rollouts(
    policy: Policy,
    setup: Setup,
    keys: Iterable[TaskKey],
    *,
    workers: int = 8,
    sandbox: Sandbox | None = None,
) -> Iterator[Rollout]:
    """Play episodes and yield each when it is over.

    Up to `workers` trees grow at once. A policy that acts in batches gets the ready nodes of all of them together;
    an asynchronous one gets each node as soon as it is ready, and no node waits for another's answer. A tree does
    not depend on which others grew beside it, as long as the policy's answer to a turn does not.

    An episode whose turn a failing server left unanswered is excluded, and the others go on.

    Args:
        policy: Answers the turns.
        setup: The family and its settings; difficulty and split come from the keys.
        keys: The tasks.
        workers: Trees under way at once.
        sandbox: Where cells run; a new one when left out.

    Raises:
        PolicyError: The policy raised or broke its protocol.
        ServerError: The server failed before it had answered a single turn.
        InvalidValueError: `workers` is below 1.
    """
    workers = check_count("workers", workers)
    own_sandbox = None if sandbox else Sandbox()
    try:
        yield from _rollouts(policy, setup, iter(keys), workers, sandbox or own_sandbox)
    finally:
        if own_sandbox is not None:
            own_sandbox.close()


def _rollouts(
    policy: Policy, setup: Setup, keys: Iterator[TaskKey], workers: int, sandbox: Sandbox | None
) -> Iterator[Rollout]:
    """Keep `workers` trees growing until all keys are used up."""
    counter: TranscriptCounter | None = getattr(policy, "counter", None)  # a model's own
    idle: list[Runtime[Any]] = []  # runtimes are used again, for a new one has to write out its rules

    def started() -> Iterator[Growing]:
        for key in keys:
            runtime = idle.pop() if idle else setup.runtime(sandbox, counter)
            runtime.reset(key.seed, key.difficulty, split=key.split, index=key.index)
            seed = (key.seed, *key.split.encode(), key.index, key.difficulty)
            yield Growing(name=key, runtime=runtime, seed=seed)

    for grown in Driver(player_of(policy)).grow(started(), at_once=workers):
        tree = None if grown.error else grown.runtime.tree
        task = grown.runtime.task
        assert isinstance(grown.name, TaskKey)
        yield Rollout(key=grown.name, task_id=task.record.id, content=_content_of(task), tree=tree, error=grown.error)
        idle.append(grown.runtime)


def _content_of(task: Task[Any]) -> str:
    """Return the hash of a task's content, or nothing where a user's family has contexts that cannot be hashed."""
    try:
        return task.content_hash
    except InvalidValueError:
        return ""
