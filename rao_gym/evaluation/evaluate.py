"""`evaluate` plays a policy over ids, difficulties and tasks; `replay` plays one episode again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rao_gym import registry
from rao_gym.errors import InvalidValueError, ServerError, UntrustedFileError, unknown_name
from rao_gym.evaluation.results import EpisodeResult, options_as_json, result_of
from rao_gym.evaluation.rollouts import TaskKey, run_rollouts
from rao_gym.evaluation.statistics import Summary, summarize
from rao_gym.evaluation.store import RunFolder
from rao_gym.evaluation.usage import sum_usage
from rao_gym.jsonable import JSON
from rao_gym.limits import check_count
from rao_gym.plugins import load_object
from rao_gym.policies.base import Policy, PolicyLike
from rao_gym.policies.loading import RANDOM, SCRIPTED, identifying_options, load_policy, policy_name, recorded_options
from rao_gym.sandbox import Sandbox
from rao_gym.tasks.base import SPLITS
from rao_gym.tree import ExecutionTree
from rao_gym.version import __version__

Progress = Callable[[EpisodeResult, ExecutionTree | None], None]
"""Is called when an episode is over, with its tree; None when it is excluded or was there from an earlier run."""


@dataclass(frozen=True, kw_only=True)
class EvaluationResult:
    """What an evaluation found.

    Attributes:
        results: One for each episode, by id, difficulty and index.
    """

    results: tuple[EpisodeResult, ...]

    @property
    def summaries(self) -> list[Summary]:
        """One summary for each id and difficulty."""
        return summarize(self.results)

    @property
    def usage(self) -> dict[str, JSON]:
        """What models used in the episodes that count, by model; see `sum_usage`."""
        return sum_usage(result.usage for result in self.results)

    @property
    def num_excluded(self) -> int:
        """Episodes that do not count because a server failed."""
        return sum(bool(result.error) for result in self.results)


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
    out: str | Path | None = None,
    save_trees: int | None = 20,
    progress: Progress | None = None,
) -> EvaluationResult:
    """Play a policy on the first `episodes` tasks of every id and difficulty.

    Args:
        policy: A policy's name (see `load_policy`), a policy, or a function of turns.
        ids: Registered ids.
        difficulties: Difficulties, each 1 or more.
        episodes: Tasks of each id and difficulty.
        seed: Seed that tasks are drawn from.
        split: Split that tasks are drawn from.
        workers: Trees that grow at once; the results do not depend on it.
        options: Limits, settings and family options, as `rao_gym.make_setup` takes them.
        policy_options: Options of a policy that is given by name.
        out: A folder for results, trees and a summary. If it holds results of the same settings, only the missing
            episodes are played.
        save_trees: Trees to keep in `out` for each id and difficulty; None for all.
        progress: Is called for each episode.

    Raises:
        UnknownNameError: An id, an option, the split or the policy does not exist.
        InvalidValueError: A value is out of range, or `out` was made with other settings.
        PolicyError: The policy cannot act at all.
        ServerError: The policy's server did not answer a single turn. One that stops answering for good raises
            `PolicyError`; the results in `out` stay.
    """
    names = [ids] if isinstance(ids, str) else list(dict.fromkeys(ids))
    levels = [difficulties] if isinstance(difficulties, int) else list(dict.fromkeys(difficulties))
    options, policy_options = dict(options or {}), dict(policy_options or {})
    counts = {"episodes": episodes, "seed": seed, "workers": workers}
    _check(names, levels, counts if save_trees is None else counts | {"save_trees": save_trees}, split, options)
    settings: dict[str, JSON] = {
        "policy": policy_name(policy),
        "policy_options": options_as_json(identifying_options(policy, policy_options)),
        "options": options_as_json(options),
        "seed": seed,
        "split": split,
        "version": __version__,
    }
    keys = [
        TaskKey(seed=seed, split=split, index=index, difficulty=level) for level in levels for index in range(episodes)
    ]
    results: list[EpisodeResult] = []
    with ExitStack() as stack:
        stages = _stages(policy, names, split, options, policy_options, stack)
        settings["policy_content"] = stages[0].content
        folder = stack.enter_context(RunFolder(Path(out), settings)) if out is not None else None
        sandbox = Sandbox()
        stack.callback(sandbox.close)
        for stage in stages:
            earlier = {key: result for key in keys if folder and (result := folder.find(stage.id, key))}
            for result in earlier.values():
                _report(progress, result, None)
            missing = [key for key in keys if key not in earlier]
            for rollout in run_rollouts(stage.policy, stage.setup, missing, workers=workers, sandbox=sandbox):
                result = result_of(
                    rollout,
                    id=stage.id,
                    policy=policy_name(policy),
                    policy_options=recorded_options(policy, policy_options),
                    options=options,
                )
                earlier[rollout.key] = result
                if folder is not None:
                    kept = save_trees is None or rollout.key.index < save_trees
                    folder.add(result, rollout.tree if kept else None)
                _report(progress, result, rollout.tree)
            results.extend(earlier[key] for key in keys)
        if folder is not None:
            folder.finish()
    return EvaluationResult(results=tuple(results))


def replay(
    result: EpisodeResult, policy: PolicyLike | None = None, *, trust: bool = False
) -> tuple[EpisodeResult, ExecutionTree]:
    """Play the episode of a result again.

    A results file may come from anywhere, so nothing that it names is imported, loaded or contacted unless `trust`
    is set; the policies that come with a family, and the random one, are always played.

    Args:
        result: A result, as `read_results` gives them.
        policy: The policy; loaded by the name in the result when left out.
        trust: Whether to import what the result names: its policy, its server, its token counter.

    Returns:
        What came of it this time, and its tree. A policy that answers equal turns equally gives an equal result.

    Raises:
        PolicyError: The policy cannot act.
        UnknownNameError: The result's id, options or policy do not exist here.
        UntrustedFileError: The result names something to import, and `trust` is not set.
    """
    if not trust:
        _refuse_imports(result, needs_policy=policy is None)
    key = TaskKey(seed=result.seed, split=result.split, index=result.index, difficulty=result.difficulty)
    with ExitStack() as stack:
        played: str | PolicyLike = result.policy if policy is None else policy
        policy_options = result.policy_options if policy is None else {}
        stage = _stages(played, [result.id], result.split, result.options, policy_options, stack)[0]
        rollout = next(iter(run_rollouts(stage.policy, stage.setup, [key], workers=1)))
    if rollout.tree is None:
        raise ServerError(rollout.error)
    again = result_of(
        rollout,
        id=result.id,
        policy=result.policy,
        policy_options=result.policy_options,
        options=result.options,
    )
    return again, rollout.tree


def _refuse_imports(result: EpisodeResult, *, needs_policy: bool) -> None:
    """Refuse to play a result for which code or a server of its own choosing would be needed.

    Raises:
        UntrustedFileError: It names one.
    """
    named = [result.policy] if needs_policy and result.policy not in (*SCRIPTED, RANDOM) else []
    if "count_tokens" in result.options:
        named.append(str(result.options["count_tokens"]))
    if named:
        raise UntrustedFileError(
            f"To play this result again, {' and '.join(named)} must be loaded, as the file says. If you trust the "
            "file, write --trust, or replay(result, trust=True)."
        )


@dataclass(frozen=True, kw_only=True)
class _Stage:
    """An environment and who plays it.

    Attributes:
        id: The environment's id.
        setup: Its family and settings.
        policy: Who plays it.
    """

    id: str
    setup: registry.Setup
    policy: Policy

    @property
    def content(self) -> str | None:
        """What the policy's answers depend on beside its options, such as a hash of its weights; None if unsaid."""
        content: str | None = getattr(self.policy, "content", None)
        return content


def _stages(
    policy: str | PolicyLike,
    ids: Sequence[str],
    split: str,
    options: Mapping[str, Any],
    policy_options: Mapping[str, Any],
    stack: ExitStack,
) -> list[_Stage]:
    """Build every environment, and its player: one for all, unless each family brings its own.

    Families, and a policy that was loaded here and can be closed, are closed with `stack`.
    """
    stages: list[_Stage] = []
    for id in ids:
        setup = build_setup(id, split, options)
        stack.callback(setup.family.close)
        if stages and policy not in SCRIPTED:
            player = stages[0].policy
        else:
            player = load_policy(policy, setup.family, **policy_options)
            if isinstance(policy, str) and hasattr(player, "close"):
                stack.callback(player.close)
        stages.append(_Stage(id=id, setup=setup, policy=player))
    return stages


def build_setup(id: str, split: str, options: Mapping[str, Any]) -> registry.Setup:
    """Do what `rao_gym.make_setup` does; here ``count_tokens`` may also be text, as ``module:function``.

    Raises:
        UnknownNameError: The id or an option does not exist.
        InvalidValueError: A value is out of range.
    """
    options = dict(options)
    if isinstance(options.get("count_tokens"), str):
        options["count_tokens"] = load_object(options["count_tokens"])
    built = registry.make_setup(id, split=split, **options)
    built.runtime()  # finds out now whether the family offers the action form
    return built


def _report(progress: Progress | None, result: EpisodeResult, tree: ExecutionTree | None) -> None:
    """Tell the caller about an episode."""
    if progress is not None:
        progress(result, tree)


def _check(
    ids: Sequence[str],
    difficulties: Sequence[int],
    counts: Mapping[str, object],
    split: str,
    options: Mapping[str, Any],
) -> None:
    """Check what the registry does not.

    Raises:
        InvalidValueError: A value is out of range, or an option is one that `evaluate` sets itself.
        UnknownNameError: The split does not exist.
    """
    if not ids:
        raise InvalidValueError("ids names no environment.")
    if not difficulties:
        raise InvalidValueError("difficulties names no difficulty.")
    for difficulty in difficulties:
        check_count("difficulty", difficulty)
    for name, value in counts.items():
        check_count(name, value, minimum=0 if name in ("seed", "save_trees") else 1)
    if split not in SPLITS:
        raise unknown_name("split", split, SPLITS)
    for name in ("difficulty", "split"):
        if name in options:
            raise InvalidValueError(f"{name} is not an option of an evaluation; it has an argument of its own.")
