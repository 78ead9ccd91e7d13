"""Stages: the environments of an evaluation, each with the policy that plays it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from rao_gym import registry
from rao_gym.judges import Grading, SignalChain
from rao_gym.plugins import load_object
from rao_gym.policies.base import Policy, PolicyLike
from rao_gym.policies.loading import SCRIPTED, load_policy
from rao_gym.rewards import WITHOUT_JUDGE


@dataclass(frozen=True, kw_only=True)
class Stage:
    """An environment and the policy that plays it.

    Attributes:
        id: The environment's id.
        setup: Its family and settings.
        policy: The policy.
        chain: Where the signals of its nodes come from.
    """

    id: str
    setup: registry.Setup
    policy: Policy
    chain: SignalChain = field(default_factory=lambda: SignalChain(WITHOUT_JUDGE))

    @property
    def content(self) -> str | None:
        """What the policy's answers depend on besides its options, such as a hash of its weights, if it says."""
        content: str | None = getattr(self.policy, "content", None)
        return content


def open_stages(
    policy: str | PolicyLike,
    ids: Sequence[str],
    split: str,
    options: Mapping[str, Any],
    policy_options: Mapping[str, Any],
    stack: ExitStack,
    grading: Grading | None = None,
) -> list[Stage]:
    """Build the stage of every id.

    All stages share one policy, since a model is expensive to load, except that each family has its own scripted
    policies. `stack` closes the families, and any policy or judge that was loaded here and has a `close`.
    """
    grading = grading or Grading()
    stages: list[Stage] = []
    for id in ids:
        setup = build_setup(id, split, options)
        stack.callback(setup.family.close)
        if stages and policy not in SCRIPTED:
            player = stages[0].policy
        else:
            player = load_policy(policy, setup.family, **policy_options)
            if isinstance(policy, str) and hasattr(player, "close"):
                stack.callback(player.close)
        chain = grading.chain(setup.family.id)
        if isinstance(grading.judge, str):
            stack.callback(chain.close)
        stages.append(Stage(id=id, setup=setup, policy=player, chain=chain))
    return stages


def build_setup(id: str, split: str, options: Mapping[str, Any]) -> registry.Setup:
    """Call `rao_gym.make_setup`, with ``count_tokens`` also accepted as ``module:function``.

    Raises:
        UnknownNameError: The id or an option does not exist.
        InvalidValueError: A value is out of range.
    """
    options = dict(options)
    if isinstance(options.get("count_tokens"), str):
        options["count_tokens"] = load_object(options["count_tokens"])
    built = registry.make_setup(id, split=split, **options)
    built.runtime()  # fails here, before anything is played, if the family lacks the action form
    return built
