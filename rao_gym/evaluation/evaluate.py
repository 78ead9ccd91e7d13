"""`evaluate` plays a policy over ids, difficulties and tasks; `replay` plays one episode again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rao_gym.errors import InvalidValueError, ServerError, UntrustedFileError, unknown_name
from rao_gym.evaluation.recording import Progress, Recorder, play
from rao_gym.evaluation.results import EpisodeResult, options_as_json, result_of
from rao_gym.evaluation.rollouts import TaskKey, run_rollouts
from rao_gym.evaluation.stages import Stage, open_stages
from rao_gym.evaluation.statistics import Summary, summarize
from rao_gym.evaluation.store import RunFolder
from rao_gym.evaluation.usage import sum_usage, usage_of_calls
from rao_gym.jsonable import JSON, to_json_value
from rao_gym.judges import Grading, ModelJudge
from rao_gym.limits import check_count
from rao_gym.policies.base import PolicyLike
from rao_gym.policies.loading import RANDOM, SCRIPTED, identifying_options, policy_name, recorded_options
from rao_gym.rewards import Judge
from rao_gym.sandbox import Sandbox
from rao_gym.tasks.base import SPLITS
from rao_gym.tree import ExecutionTree
from rao_gym.version import __version__


@dataclass(frozen=True, kw_only=True)
class EvaluationResult:
    """The results of an evaluation.

    Attributes:
        results: One result per episode, ordered by id, difficulty and index.
        judge_usage: What the judge used in this call, by model, without verdicts from its cache; see `sum_usage`.
    """

    results: tuple[EpisodeResult, ...]
    judge_usage: Mapping[str, JSON] = field(default_factory=dict)

    @property
    def summaries(self) -> list[Summary]:
        """One summary per id and difficulty."""
        return summarize(self.results)

    @property
    def usage(self) -> dict[str, JSON]:
        """Usage by model, that of excluded episodes included; see `sum_usage`."""
        return sum_usage(result.usage for result in self.results)

    @property
    def num_excluded(self) -> int:
        """Number of episodes that do not count: no judge told, a server failed, or the opening does not fit."""
        return sum(bool(result.error) for result in self.results)

    @property
    def num_unjudged(self) -> int:
        """Number of nodes without a signal, in all episodes; they count for nothing."""
        return sum(result.unjudged for result in self.results)


def evaluate(
    policy: str | PolicyLike,
    ids: str | Sequence[str],
    difficulties: int | Iterable[int] = 1,
    *,
    episodes: int = 20,
    seed: int = 0,
    split: str = "test",
    workers: int = 8,
    options: Mapping[str, Any] | None = None,
    policy_options: Mapping[str, Any] | None = None,
    signals: str | None = None,
    judge: str | Judge | None = None,
    judge_options: Mapping[str, Any] | None = None,
    out: str | Path | None = None,
    save_trees: int | None = 20,
    progress: Progress | None = None,
) -> EvaluationResult:
    """Play a policy on the first `episodes` tasks of every id and difficulty.

    Args:
        policy: A policy's name (see `load_policy`), a policy, or a function of turns.
        ids: Registered ids.
        difficulties: Difficulties, each at least 1.
        episodes: Number of tasks for each id and difficulty.
        seed: Seed for sampling tasks.
        split: Split to sample tasks from.
        workers: Number of trees that grow at once; the results do not depend on it.
        options: Limits, settings and family options, as for `rao_gym.make_setup`.
        policy_options: Options of a policy that is given by name.
        signals: Sources of success signals in order, such as ``exact,judge,root``; see `rao_gym.judges`. By default
            ``exact,judge`` if there is a judge, else ``exact,root,zero``.
        judge: A judge's name, such as ``openai:MODEL``, or a judge.
        judge_options: Options of a judge that is given by name.
        out: Folder for results, trees and a summary. If it holds results of the same settings, only the missing
            episodes are played.
        save_trees: Number of trees to keep in `out` for each id and difficulty; None keeps all.
        progress: Called for each episode.

    Raises:
        UnknownNameError: An id, an option, the split, the policy or the judge does not exist.
        InvalidValueError: A value is out of range, or `out` was made with other settings.
        WindowTooSmallError: The window cannot hold the opening messages of any task; single such tasks are excluded.
        PolicyError: The policy raised or broke its protocol, or its server stopped answering. The results in `out`
            stay.
        ServerError: The policy's server did not answer a single turn.
    """
    names = [ids] if isinstance(ids, str) else list(dict.fromkeys(ids))
    levels = [difficulties] if isinstance(difficulties, int) else list(dict.fromkeys(difficulties))
    options, policy_options = dict(options or {}), dict(policy_options or {})
    counts = {"episodes": episodes, "seed": seed, "workers": workers}
    _check(names, levels, counts if save_trees is None else counts | {"save_trees": save_trees}, split, options)
    keys = [
        TaskKey(seed=seed, split=split, index=index, difficulty=level) for level in levels for index in range(episodes)
    ]
    results: list[EpisodeResult] = []
    grading = Grading(signals=signals, judge=judge, judge_options=dict(judge_options or {}))
    with ExitStack() as stack:
        stages = open_stages(policy, names, split, options, policy_options, stack, grading)
        folder = None
        if out is not None:
            settings = run_identity(policy, policy_options, options, seed, split, stages[0].content)
            settings |= grading_identity(grading, stages)
            folder = stack.enter_context(RunFolder(Path(out), settings))
        recorder = Recorder(
            policy=policy_name(policy),
            policy_options=recorded_options(policy, policy_options),
            options=options,
            folder=folder,
            save_trees=save_trees,
            progress=progress,
            grading=grading,
        )
        sandbox = stack.enter_context(closing(Sandbox()))
        for stage in stages:
            results.extend(play(stage, keys, recorder, workers, sandbox))
        if folder is not None:
            folder.finish()
    calls = [call for stage in stages if isinstance(stage.chain.judge, ModelJudge) for call in stage.chain.judge.calls]
    return EvaluationResult(results=tuple(results), judge_usage=sum_usage([usage_of_calls(calls)]))


def run_identity(
    policy: str | PolicyLike,
    policy_options: Mapping[str, Any],
    options: Mapping[str, Any],
    seed: int,
    split: str,
    content: str | None,
) -> dict[str, JSON]:
    """Return what identifies a run: a folder takes further results only if all of it is the same."""
    return {
        "policy": policy_name(policy),
        "policy_options": options_as_json(identifying_options(policy, policy_options)),
        "options": options_as_json(options),
        "seed": seed,
        "split": split,
        "version": __version__,
        "policy_content": content,
    }


def grading_identity(grading: Grading, stages: Sequence[Stage]) -> dict[str, JSON]:
    """Return what identifies where a run's signals come from; all of it is None for a run without a judge."""
    judges = {stage.id: stage.chain.judge for stage in stages}
    rubrics = {id: judge.rubric.label for id, judge in judges.items() if isinstance(judge, ModelJudge)}
    options = options_as_json(grading.identifying_options())
    return {
        "signals": grading.signals and stages[0].chain.text,
        "judge": grading.judge_name or None,
        "judge_options": options or None,
        "rubrics": to_json_value(rubrics) or None,
    }


def replay(
    result: EpisodeResult, policy: PolicyLike | None = None, *, judge: Judge | None = None, trust: bool = False
) -> tuple[EpisodeResult, ExecutionTree]:
    """Replay the episode of a result.

    A results file may come from anywhere, so nothing that it names is imported, loaded or contacted unless `trust`
    is set. The family's scripted policies and the random policy need no trust.

    Args:
        result: A result from `read_results`.
        policy: The policy; by default, the one that the result names.
        judge: The judge; by default, the one that the result names.
        trust: Whether to import or contact what the result names: its policy, its judge, a server, its token counter.

    Returns:
        The new result and its tree. If the policy gives equal turns equal answers, the result equals the old one.

    Raises:
        PolicyError: The policy raised or broke its protocol.
        UnknownNameError: The result's id, options or policy do not exist here.
        UntrustedFileError: The result names something to import, and `trust` is not set.
    """
    if not trust:
        _refuse_imports(result, needs_policy=policy is None, needs_judge=judge is None)
    key = TaskKey(
        seed=result.seed,
        split=result.split,
        index=result.index,
        difficulty=result.difficulty,
        attempt=result.attempt,
    )
    with ExitStack() as stack:
        played: str | PolicyLike = result.policy if policy is None else policy
        policy_options = result.policy_options if policy is None else {}
        grading = Grading(
            signals=result.signals or None,
            judge=judge or result.judge or None,
            judge_options=result.judge_options if judge is None else {},
        )
        (stage,) = open_stages(played, [result.id], result.split, result.options, policy_options, stack, grading)
        rollout = next(iter(run_rollouts(stage.policy, stage.setup, [key], workers=1)))
        if rollout.tree is None:
            raise ServerError(rollout.error)
        signals = stage.chain.signals(rollout.tree)
    again = result_of(
        rollout,
        id=result.id,
        policy=result.policy,
        policy_options=result.policy_options,
        options=result.options,
        signals=signals,
        grading=Grading(signals=result.signals or None, judge=result.judge or None, judge_options=result.judge_options),
    )
    return again, rollout.tree


def _refuse_imports(result: EpisodeResult, *, needs_policy: bool, needs_judge: bool) -> None:
    """Refuse a result that names code to import or a server to contact.

    Raises:
        UntrustedFileError: It names one.
    """
    named = [result.policy] if needs_policy and result.policy not in (*SCRIPTED, RANDOM) else []
    if needs_judge and result.judge:
        named.append(result.judge)
    if "count_tokens" in result.options:
        named.append(str(result.options["count_tokens"]))
    if named:
        raise UntrustedFileError(
            f"To replay this result, {' and '.join(named)} must be loaded. If you trust the file, pass --trust, or "
            "call replay(result, trust=True)."
        )


def _check(
    ids: Sequence[str],
    difficulties: Sequence[int],
    counts: Mapping[str, object],
    split: str,
    options: Mapping[str, Any],
) -> None:
    """Check the arguments that the registry does not check.

    Raises:
        InvalidValueError: A value is out of range, or an option has an argument of its own.
        UnknownNameError: The split does not exist.
    """
    if not ids:
        raise InvalidValueError("ids must name at least one environment, got none.")
    if not difficulties:
        raise InvalidValueError("difficulties must hold at least one difficulty, got none.")
    for difficulty in difficulties:
        check_count("difficulty", difficulty)
    for name, value in counts.items():
        check_count(name, value, minimum=0 if name in ("seed", "save_trees") else 1)
    if split not in SPLITS:
        raise unknown_name("split", split, SPLITS)
    for name in ("difficulty", "split"):
        if name in options:
            raise InvalidValueError(f"{name} is not an option; pass it as the argument of that name.")
