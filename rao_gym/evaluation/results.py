"""The result of an episode: one line of JSON, which is enough to replay it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from statistics import fmean
from typing import Any

from rao_gym.evaluation.rollouts import Rollout
from rao_gym.evaluation.usage import check_usage
from rao_gym.jsonable import JSON, check_types, read_json, to_json_value, write_json
from rao_gym.judges import Grading
from rao_gym.limits import Limits
from rao_gym.registry import family_class
from rao_gym.rewards import Signals, success_signals


@dataclass(frozen=True, kw_only=True)
class EpisodeResult:
    """One episode: its settings and its outcome.

    Attributes:
        id: The environment's id.
        difficulty: Difficulty of the task.
        seed: Seed of the run.
        split: Split of the family.
        index: Index of the task in the split.
        policy: The policy's name.
        policy_options: The policy's options.
        options: The environment's options.
        task: The task's id.
        attempt: Which of several attempts at the task it is.
        content: Hash of the task's content, the same for equal tasks; empty if unknown.
        success: The root's success signal; None if the episode is excluded.
        stop_reason: Why the root ended.
        turns: Number of turns in the tree.
        tokens: Number of tokens in all transcripts.
        token_counter: What counted them: ``approximate``, ``model`` for the model's own, or ``module:function``.
        nodes: Number of nodes.
        depth: Depth of the deepest node.
        critical_path: Turns on the longest chain of nodes that had to wait for each other.
        refusals: Number of refused launches.
        usage: Usage by model, if the policy reports it, of an excluded episode as well; see `usage_of`.
        error: Why the episode is excluded; empty if it counts.
        signals: The sources of its nodes' signals, in order, such as ``exact,judge,root``.
        judge: The judge's name; empty if there is none.
        judge_options: The judge's options.
        sources: Number of nodes whose signal comes from each source.
        node_success: Mean signal of the nodes that have one; None if none has.
        unjudged: Number of nodes without a signal; they count for nothing.
        judge_failures: Number of nodes that the judge failed on; another source may have decided.
    """

    id: str
    difficulty: int
    seed: int
    split: str
    index: int
    policy: str
    policy_options: dict[str, JSON]
    options: dict[str, JSON]
    task: str
    attempt: int = 0
    content: str = ""
    success: float | None = None
    stop_reason: str = ""
    turns: int = 0
    tokens: int = 0
    token_counter: str = ""
    nodes: int = 0
    depth: int = 0
    critical_path: int = 0
    refusals: int = 0
    usage: dict[str, JSON] = field(default_factory=dict)
    error: str = ""
    signals: str = ""
    judge: str = ""
    judge_options: dict[str, JSON] = field(default_factory=dict)
    sources: dict[str, JSON] = field(default_factory=dict)
    node_success: float | None = None
    unjudged: int = 0
    judge_failures: int = 0

    @property
    def same_task(self) -> str:
        """A key that equal tasks share: the hash of their content, or their id if that is unknown."""
        return self.content or self.task

    def limits(self) -> Limits:
        """Return the limits that the episode was played under.

        Raises:
            UnknownNameError: The environment is no longer registered.
        """
        names = {each.name for each in fields(Limits)}
        chosen: dict[str, Any] = {name: value for name, value in self.options.items() if name in names}
        return replace(family_class(self.id).default_limits, **chosen)

    def to_json(self) -> str:
        """Return the result as one line of JSON; equal results give equal text."""
        return write_json(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> EpisodeResult:
        """Read a line that `to_json` wrote.

        Raises:
            ValueError: It is not such a line; the message says why.
        """
        document = read_json(text)
        if not isinstance(document, dict):
            raise ValueError("it is not a JSON object")
        names = {each.name for each in fields(cls)}
        wrong = names ^ set(document)
        if wrong:
            raise ValueError(f"these keys are missing or unknown: {', '.join(sorted(wrong))}")
        check_types(cls, document)
        check_usage(document["usage"])
        success = document["success"]
        if success is not None and not 0 <= success <= 1:
            raise ValueError(f"success must be in [0, 1] or null, got {success}")
        return cls(**document)


def result_of(
    rollout: Rollout,
    *,
    id: str,
    policy: str,
    policy_options: Mapping[str, Any],
    options: Mapping[str, Any],
    signals: Signals | None = None,
    grading: Grading | None = None,
) -> EpisodeResult:
    """Return the result of a rollout.

    Args:
        rollout: The rollout.
        id: The environment's id.
        policy: The policy's name.
        policy_options: The policy's options.
        options: The environment's options.
        signals: The signals of the tree's nodes; by default those of the verifier, with its proxies for nodes that it
            does not know. Without a signal for the root, the episode is excluded.
        grading: Where the signals come from.
    """
    grading = grading or Grading()
    played: dict[str, Any] = {
        "id": id,
        "difficulty": rollout.key.difficulty,
        "seed": rollout.key.seed,
        "split": rollout.key.split,
        "index": rollout.key.index,
        "policy": policy,
        "policy_options": options_as_json(policy_options),
        "options": options_as_json(options),
        "task": rollout.task_id,
        "attempt": rollout.key.attempt,
        "content": rollout.content,
        "usage": dict(rollout.usage),
        "signals": grading.signals or "",
        "judge": grading.judge_name,
        "judge_options": options_as_json(grading.recorded_options()),
    }
    tree = rollout.tree
    if tree is None:
        return EpisodeResult(**played, error=rollout.error)
    signals = signals or success_signals(tree)
    played |= {
        "sources": {str(source): number for source, number in sorted(Counter(signals.sources.values()).items())},
        "unjudged": len(signals.unjudged),
        "judge_failures": signals.num_failures,
    }
    if tree.root.id in signals.unjudged:
        return EpisodeResult(**played, error=f"The root is unjudged: {signals.unjudged[tree.root.id].rstrip('.')}.")
    return EpisodeResult(
        **played,
        success=signals.by_node[tree.root.id],
        node_success=fmean(signals.by_node.values()),
        stop_reason=str(tree.root.stop_reason),
        turns=tree.turns,
        tokens=tree.tokens,
        token_counter=tree.counter,
        nodes=len(tree),
        depth=tree.depth,
        critical_path=tree.critical_path(),
        refusals=sum(node.refusals for node in tree.nodes),
    )


def options_as_json(options: Mapping[str, Any]) -> dict[str, JSON]:
    """Return options in JSON form, sorted; functions become ``module:name``."""
    return {
        name: f"{value.__module__}:{value.__qualname__}" if hasattr(value, "__qualname__") else to_json_value(value)
        for name, value in sorted(options.items())
    }
