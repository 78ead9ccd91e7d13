"""Play the tasks of one environment and record each episode as it ends."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rao_gym.errors import WindowTooSmallError
from rao_gym.evaluation.results import EpisodeResult, result_of
from rao_gym.evaluation.rollouts import Rollout, TaskKey, run_rollouts
from rao_gym.evaluation.stages import Stage
from rao_gym.evaluation.store import RunFolder
from rao_gym.judges import Grading, PendingSignals, SignalChain
from rao_gym.rewards import Signals
from rao_gym.sandbox import Sandbox
from rao_gym.tree import ExecutionTree

MAX_WAITING = 64
"""Rollouts that may wait for a judge; past these, play waits as well."""

Progress = Callable[[EpisodeResult, ExecutionTree | None], None]
"""Called when an episode ends. The tree is None if the episode is excluded or was played in an earlier run."""


@dataclass(frozen=True, kw_only=True)
class Recorder:
    """Turns rollouts into results, saves them and reports them.

    Attributes:
        policy: The policy's name.
        policy_options: Its options, without secrets.
        options: The environment's options.
        folder: Where results are saved; None saves nothing.
        save_trees: How many trees of first attempts to save for each id and difficulty; None saves all.
        progress: Called for each episode.
        grading: Where the signals come from.
    """

    policy: str
    policy_options: Mapping[str, Any]
    options: Mapping[str, Any]
    folder: RunFolder | None
    save_trees: int | None
    progress: Progress | None
    grading: Grading = field(default_factory=Grading)

    def saved(self, id: str, keys: Sequence[TaskKey]) -> dict[TaskKey, EpisodeResult]:
        """Report and return the results that the folder already holds."""
        if self.folder is None:
            return {}
        found = {key: result for key in keys if (result := self.folder.find(id, key))}
        for result in found.values():
            self._report(result, None)
        return found

    def record(self, id: str, rollout: Rollout, signals: Signals | None = None) -> EpisodeResult:
        """Save, report and return the result of a rollout."""
        result = result_of(
            rollout,
            id=id,
            policy=self.policy,
            policy_options=self.policy_options,
            options=self.options,
            signals=signals,
            grading=self.grading,
        )
        tree = None if result.error else rollout.tree
        if self.folder is not None:
            first = rollout.key.attempt == 0  # a tree names its task, not the attempt
            keep_tree = first and (self.save_trees is None or rollout.key.index < self.save_trees)
            self.folder.add(result, tree if keep_tree else None)
        self._report(result, tree)
        return result

    def _report(self, result: EpisodeResult, tree: ExecutionTree | None) -> None:
        """Tell the caller about an episode."""
        if self.progress is not None:
            self.progress(result, tree)


def play(
    stage: Stage, keys: Sequence[TaskKey], recorder: Recorder, workers: int, sandbox: Sandbox
) -> list[EpisodeResult]:
    """Play the episodes of a stage that have no result yet, and return the results of all, in the order of `keys`."""
    results = recorder.saved(stage.id, keys)
    missing = [key for key in keys if key not in results]
    misfit = ""
    rollouts = run_rollouts(stage.policy, stage.setup, missing, workers=workers, sandbox=sandbox, skip_misfits=True)
    for rollout, signals in judged(rollouts, stage.chain):
        results[rollout.key] = recorder.record(stage.id, rollout, signals)
        misfit = misfit if rollout.fits else rollout.error
    if misfit and all(result.error for result in results.values()):
        raise WindowTooSmallError(misfit)
    return [results[key] for key in keys]


def judged(rollouts: Iterable[Rollout], chain: SignalChain) -> Iterator[tuple[Rollout, Signals | None]]:
    """Yield each rollout with its signals; those that wait for a judge do not hold up the play of others.

    Args:
        rollouts: Rollouts as they end.
        chain: Where the signals come from.
    """
    waiting: deque[tuple[Rollout, PendingSignals | None]] = deque()
    for rollout in rollouts:
        waiting.append((rollout, None if rollout.tree is None else chain.begin(rollout.tree)))
        while waiting and (waiting[0][1] is None or waiting[0][1].done or len(waiting) > MAX_WAITING):
            first, pending = waiting.popleft()
            yield first, None if pending is None else pending.result()
    for first, pending in waiting:
        yield first, None if pending is None else pending.result()
