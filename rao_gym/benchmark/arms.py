"""The arms of the benchmark: ways to play the same tasks, and what each holds equal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rao_gym.errors import unknown_name
from rao_gym.policies.loading import SCRIPTED

RECURSIVE = "recursive"
SINGLE = "single"
DEPTH_ONE = "depth_one"
BEST_OF_N = "best_of_n"
CEILING = "ceiling"


@dataclass(frozen=True, kw_only=True)
class Arm:
    """A way to play the tasks of a suite.

    Attributes:
        name: Its name.
        meaning: What it is, for tables and docs.
        equal: What it holds equal with the recursive arm.
        options: The environment options that make it.
        policy: The policy that plays it; None for the policy that is measured.
        best_of: Whether further attempts are made for as long as the recursive arm's tokens on that task last, of
            which the best counts.
    """

    name: str
    meaning: str
    equal: str
    options: Mapping[str, Any] = field(default_factory=dict)
    policy: str | None = None
    best_of: bool = False

    @property
    def recursive(self) -> bool:
        """Whether agents may launch sub-agents."""
        return bool(self.options.get("recursive", True))

    def player(self, policy: str) -> str:
        """Return the name of the policy that plays this arm when `policy` is measured.

        A family's scripted policies are a pair: ``reference`` plays with recursion, ``single`` without.
        """
        if self.policy is not None:
            return self.policy
        if policy in SCRIPTED:
            return "reference" if self.recursive else "single"
        return policy


ARMS = (
    Arm(
        name=RECURSIVE,
        meaning="agents may launch sub-agents, within the environment's limits",
        equal="the limits of each agent",
    ),
    Arm(
        name=SINGLE,
        meaning="the same policy and tools without launches",
        equal="the limits of each agent, and the environment's further options for single agents",
        options={"recursive": False},
    ),
    Arm(
        name=DEPTH_ONE,
        meaning="the root may launch, its children may not",
        equal="the limits of each agent",
        options={"max_depth": 1},
    ),
    Arm(
        name=BEST_OF_N,
        meaning="single attempts, the best of which counts",
        equal="tokens on each task: attempts are added while they cost no more than the recursive arm did",
        options={"recursive": False},
        best_of=True,
    ),
    Arm(
        name=CEILING,
        meaning="the family's reference policy, which delegates perfectly",
        equal="the limits of each agent",
        policy="reference",
    ),
    Arm(
        name="random",
        meaning="floor: random actions",
        equal="the limits of each agent",
        policy="random",
    ),
    Arm(
        name="single_reference",
        meaning="floor: the family's reference policy for a single agent",
        equal="the limits of each agent",
        options={"recursive": False},
        policy="single",
    ),
)


def choose_arms(names: Iterable[str] | None) -> Sequence[Arm]:
    """Return arms by name, all by default; an arm that attempts by cost brings the recursive one along.

    Raises:
        UnknownNameError: There is no such arm.
    """
    by_name = {arm.name: arm for arm in ARMS}
    wanted = list(by_name) if names is None else list(names)
    for name in wanted:
        if name not in by_name:
            raise unknown_name("arm", name, list(by_name))
    if any(by_name[name].best_of for name in wanted):
        wanted.append(RECURSIVE)
    return [arm for arm in ARMS if arm.name in wanted]
