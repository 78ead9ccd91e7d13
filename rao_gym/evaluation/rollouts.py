"""Rollouts: many episodes at once, in one process and one sandbox."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from rao_gym.errors import InvalidValueError, WindowTooSmallError
from rao_gym.evaluation.driver import Driver, Growing
from rao_gym.evaluation.players import player_of
from rao_gym.evaluation.usage import usage_of
from rao_gym.jsonable import JSON
from rao_gym.limits import TranscriptCounter, check_count
from rao_gym.policies.base import Policy
from rao_gym.registry import Setup
from rao_gym.runtime import Runtime
from rao_gym.sandbox import Sandbox
from rao_gym.tasks.base import Task
from rao_gym.tree import ExecutionTree


@dataclass(frozen=True, kw_only=True)
class TaskKey:
    """Identifies an episode: all that its family needs to sample the task, and which attempt at it this is.

    Attributes:
        seed: Seed of the run.
        split: Split of the family.
        index: Index of the task in the split.
        difficulty: Difficulty, at least 1.
        attempt: Which of several attempts at the task this is; a sampling policy draws anew in each.
    """

    seed: int
    split: str
    index: int
    difficulty: int
    attempt: int = 0

    @property
    def sampling_seed(self) -> tuple[int, ...]:
        """Seeds the policy's sampling in this episode."""
        task = (self.seed, *self.split.encode(), self.index, self.difficulty)
        return (*task, self.attempt) if self.attempt else task


@dataclass(frozen=True, kw_only=True)
class Rollout:
    """One finished episode.

    Attributes:
        key: The task's key.
        task_id: The task's id.
        content: Hash of the task's content; empty if the family's contexts cannot be hashed.
        tree: The finished tree; None if the episode is excluded.
        error: Why the episode is excluded; empty if it counts.
        usage: Usage by model, whether the episode counts or not; see `usage_of`.
        fits: Whether the window holds the task's opening messages; if it does not, the episode is excluded.
    """

    key: TaskKey
    task_id: str
    content: str = ""
    tree: ExecutionTree | None
    error: str = ""
    usage: Mapping[str, JSON] = field(default_factory=dict)
    fits: bool = True


def run_rollouts(
    policy: Policy,
    setup: Setup,
    keys: Iterable[TaskKey],
    *,
    workers: int = 8,
    sandbox: Sandbox | None = None,
    skip_misfits: bool = False,
) -> Iterator[Rollout]:
    """Play episodes and yield each as it ends.

    Up to `workers` trees grow at once. A policy that acts in batches gets their ready nodes in one batch; an
    asynchronous one gets each node as soon as it is ready, and no node waits for another's answer. Trees do not
    depend on which others grow at the same time, as long as the policy's answer to a turn does not.

    If a server fails to answer a turn, that turn's episode is excluded and the others continue.

    Args:
        policy: The policy.
        setup: The family and its settings; difficulty and split come from the keys.
        keys: The tasks.
        workers: Number of trees that grow at once.
        sandbox: Where cells run; a new one by default.
        skip_misfits: Whether to exclude tasks whose opening messages exceed the window, instead of raising an error.

    Raises:
        WindowTooSmallError: The window cannot hold the opening messages of a task.
        PolicyError: The policy raised or broke its protocol.
        ServerError: The server failed before it had answered a single turn.
        InvalidValueError: `workers` is below 1.
    """
    workers = check_count("workers", workers)
    own_sandbox = None if sandbox else Sandbox()
    try:
        yield from _rollouts(policy, setup, iter(keys), workers, sandbox or own_sandbox, skip_misfits=skip_misfits)
    finally:
        if own_sandbox is not None:
            own_sandbox.close()


def _rollouts(
    policy: Policy,
    setup: Setup,
    keys: Iterator[TaskKey],
    workers: int,
    sandbox: Sandbox | None,
    *,
    skip_misfits: bool,
) -> Iterator[Rollout]:
    """Keep `workers` trees growing until all keys are used up."""
    counter: TranscriptCounter | None = getattr(policy, "counter", None)  # a model's own
    idle: list[Runtime[Any]] = []  # reused, because a new runtime has to render its rules again
    misfits: list[Rollout] = []

    def started() -> Iterator[Growing]:
        for key in keys:
            runtime = idle.pop() if idle else setup.runtime(sandbox, counter)
            try:
                runtime.reset(key.seed, key.difficulty, split=key.split, index=key.index)
            except WindowTooSmallError as error:
                if not skip_misfits:
                    raise
                misfits.append(_misfit(key, runtime.task, error))
                idle.append(runtime)
                continue
            yield Growing(name=key, runtime=runtime, seed=key.sampling_seed)

    for grown in Driver(player_of(policy)).grow(started(), at_once=workers):
        tree = None if grown.error else grown.runtime.tree
        task = grown.runtime.task
        assert isinstance(grown.name, TaskKey)
        yield Rollout(
            key=grown.name,
            task_id=task.record.id,
            content=_content_of(task),
            tree=tree,
            error=grown.error,
            usage=usage_of(grown.runtime.tree),
        )
        idle.append(grown.runtime)
    yield from misfits


def _misfit(key: TaskKey, task: Task[Any], error: WindowTooSmallError) -> Rollout:
    """Return the rollout of a task that cannot begin."""
    return Rollout(key=key, task_id=task.record.id, content=_content_of(task), tree=None, error=str(error), fits=False)


def _content_of(task: Task[Any]) -> str:
    """Return the hash of a task's content, or nothing if a user's family has contexts that cannot be hashed."""
    try:
        return task.content_hash
    except InvalidValueError:
        return ""
