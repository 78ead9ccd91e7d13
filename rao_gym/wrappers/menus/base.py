"""The protocol of a menu: what an agent can choose from in a turn, and what a learner sees of the turn."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from rao_gym.policies.base import Turn


@dataclass(frozen=True)
class Choices:
    """What a menu offers in one turn.

    Attributes:
        features: The turn as numbers in [0, 1], in the order of `Menu.features`.
        texts: The actions that are possible in this turn, by name, each with a function that writes its text. There
            is always at least one.
    """

    features: Sequence[float]
    texts: Mapping[str, Callable[[], str]]


class Menu(Protocol):
    """A fixed set of actions for the agents of one family.

    A menu keeps nothing between turns: like a policy, it reads everything from the turn.
    """

    @property
    def actions(self) -> Sequence[str]:
        """The names of all actions; their order is that of the action space."""

    @property
    def features(self) -> Sequence[str]:
        """The names of the features of a turn."""

    def choices(self, turn: Turn) -> Choices:
        """Return which actions are possible in a turn, and its features."""


def ratio(part: float, whole: float) -> float:
    """Return a part of a whole as a feature, in [0, 1]; any part of nothing is all of it."""
    return 1.0 if part >= whole else max(0.0, part / whole)


def one_hot(value: object, values: Sequence[object]) -> list[float]:
    """Return a feature for each of some values: 1 for this one, 0 for all others."""
    return [float(value == other) for other in values]
