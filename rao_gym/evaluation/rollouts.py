"""Many episodes side by side: one process, one sandbox, one batch of turns at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from rao_gym.errors import ServerError
from rao_gym.limits import check_count
from rao_gym.policies.base import Policy, ask
from rao_gym.registry import Setup
from rao_gym.runtime import Runtime, turn_of
from rao_gym.sandbox import Sandbox
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
        tree: The finished tree, None when the episode is excluded.
        error: Why the episode is excluded; empty when it is not.
    """

    key: TaskKey
    task_id: str
    tree: ExecutionTree | None
    error: str = ""


@dataclass(slots=True, eq=False)
class _Running:
    """An episode under way."""

    key: TaskKey
    runtime: Runtime[Any]
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

    Up to `workers` trees grow at once, and the ready nodes of all of them are answered in one batch. A tree does
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
        yield from _drive(policy, setup, iter(keys), workers, sandbox or own_sandbox)
    finally:
        if own_sandbox is not None:
            own_sandbox.close()


def _drive(
    policy: Policy, setup: Setup, keys: Iterator[TaskKey], workers: int, sandbox: Sandbox | None
) -> Iterator[Rollout]:
    """Keep `workers` trees growing until all keys are used up."""
    running: list[_Running] = []
    idle: list[Runtime[Any]] = []
    answered = False
    try:
        while True:
            while len(running) < workers and (key := next(keys, None)) is not None:
                runtime = idle.pop() if idle else setup.runtime(sandbox)
                runtime.reset(key.seed, key.difficulty, split=key.split, index=key.index)
                running.append(_Running(key, runtime))
            if not running:
                return
            answered |= _step(policy, running, must_answer=not answered)
            over = [run for run in running if run.error or run.runtime.done]
            running = [run for run in running if not (run.error or run.runtime.done)]
            for run in over:
                run.runtime.release()  # a failing server leaves a tree unfinished
                tree = None if run.error else run.runtime.tree
                yield Rollout(key=run.key, task_id=run.runtime.task.record.id, tree=tree, error=run.error)
                idle.append(run.runtime)
    finally:
        for run in running:
            run.runtime.release()


def _step(policy: Policy, running: list[_Running], *, must_answer: bool) -> bool:
    """Take one turn of every ready node.

    Returns:
        Whether any turn was answered.

    Raises:
        ServerError: `must_answer` is set and no turn was answered.
    """
    waiting = [(run, node) for run in running for node in run.runtime.ready]
    answers = ask(policy, [turn_of(run.runtime, node) for run, node in waiting])
    failures = [answer for answer in answers if isinstance(answer, ServerError)]
    if must_answer and len(failures) == len(answers):
        raise failures[0]
    for (run, node), answer in zip(waiting, answers, strict=True):
        if isinstance(answer, ServerError):
            run.error = run.error or str(answer)
        elif not run.error and node in run.runtime.ready:  # a node may have been cancelled in this very step
            run.runtime.act(node, answer)
    return len(failures) < len(answers)
