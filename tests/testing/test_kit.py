"""That the conformance kit passes a sound family, and finds what is wrong with others."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import pytest
from counting import Counting, Numbers, cell, registered

from rao_gym.errors import InvalidValueError, RaoError, UnknownNameError
from rao_gym.jsonable import JSON
from rao_gym.policies.base import FunctionPolicy, Policy
from rao_gym.tasks.agent import Agent
from rao_gym.tasks.base import Task
from rao_gym.testing import (
    ConformanceError,
    check_determinism,
    check_family,
    check_gymnasium,
    check_pettingzoo,
    check_robustness,
    check_solvability,
    check_splits,
    check_subgoals,
    check_views,
)
from rao_gym.testing.subgoals import alterations


class NeverChild(Counting):
    """Nothing verifies its children."""

    def verify(self, task: Task[Numbers], agent: Agent[Numbers], value: JSON) -> float | None:
        return super().verify(task, agent, value) if agent.context == task.context else None


class Lenient(Counting):
    """Takes answers that are off by one."""

    def verify(self, task: Task[Numbers], agent: Agent[Numbers], value: JSON) -> float | None:
        return float(isinstance(value, int) and abs(value - sum(agent.context)) <= 1)


class Opinionated(Counting):
    """Gives one answer, whatever child it is asked about."""

    answer: ClassVar[bool]

    def part_of(
        self,
        task: Task[Numbers],
        parent: Agent[Numbers],
        child: Agent[Numbers],
        siblings: Sequence[Agent[Numbers]],
    ) -> bool | None:
        return self.answer


class Stingy(Opinionated):
    """Calls what the reference policy launches no part of the work."""

    answer = False


class Gullible(Opinionated):
    """Calls everything a part of the work."""

    answer = True


class Fragile(Counting):
    """Raises on answers that are not numbers."""

    def verify(self, task: Task[Numbers], agent: Agent[Numbers], value: JSON) -> float | None:
        return float(int(value) == sum(agent.context))  # type: ignore[arg-type]  # the mistake to be found


class Generous(Counting):
    """Gives signals above 1."""

    def verify(self, task: Task[Numbers], agent: Agent[Numbers], value: JSON) -> float | None:
        return 2.0


class Hashing(Counting):
    """Follows the hashes of strings, which differ between processes."""

    def opening(self, agent: Agent[Numbers]) -> str:
        return f"{super().opening(agent)} {hash('salt')}"


class Remembering(Counting):
    """Keeps something between rollouts."""

    openings = itertools.count()

    def opening(self, agent: Agent[Numbers]) -> str:
        return f"{super().opening(agent)} This is opening {next(self.openings)}."


class Guessing(Counting):
    """Has a reference policy that guesses, and a single-agent policy that launches."""

    def reference_policy(self) -> Policy:
        return FunctionPolicy(lambda turns: [cell("finish(7)")] * len(turns))

    def single_policy(self) -> Policy:
        return super().reference_policy()


def test_a_sound_family_passes(counting_id: str) -> None:
    check_family(counting_id, difficulties=(4, 5))  # easier tasks are so few that splits meet


FINDINGS: list[tuple[type[Counting], Callable[..., None], dict[str, Any], str]] = [
    (Counting, check_splits, {"difficulties": (1,)}, "is the same task as"),
    (Counting, check_gymnasium, {"max_turns": 1}, "truncates after 1 step"),
    (Counting, check_subgoals, {"difficulties": (1,)}, "launched nobody"),
    (Counting, check_solvability, {"max_turns": 1, "actions": "tools"}, "success at difficulty 1 is 0.000"),
    (NeverChild, check_subgoals, {}, "nothing verifies this sub-goal"),
    (Lenient, check_subgoals, {}, "the wrong answer"),
    (Stingy, check_subgoals, {}, "part_of says that what the reference policy launched is no part of its work"),
    (Gullible, check_subgoals, {}, "part_of says that an agent's own work is a part of it"),
    (Guessing, check_subgoals, {"difficulties": (2,)}, "launched nobody"),
    (Guessing, check_solvability, {}, "the reference policy's success"),
    (Guessing, check_solvability, {"min_success": 0.0}, "the single-agent policy tries to launch"),
    (Fragile, check_robustness, {}, "raised (ValueError|TypeError)"),
    (Generous, check_robustness, {}, r"verify must return a number in \[0, 1\] or None, got 2\.0"),
    (Hashing, check_determinism, {}, "another tree in another process"),
    (Remembering, check_determinism, {}, "two different trees"),
    (Remembering, check_gymnasium, {}, "non-deterministic"),
    (Remembering, check_pettingzoo, {}, "seed_test: AssertionError"),
    (Remembering, check_views, {}, "the Gymnasium view grows another tree"),
]


@pytest.mark.parametrize(
    ("family", "check", "options", "finding"),
    FINDINGS,
    ids=[f"{family.__name__}-{check.__name__}" for family, check, _, _ in FINDINGS],
)
def test_broken_promises_are_found(
    family: type[Counting], check: Callable[..., None], options: dict[str, Any], finding: str
) -> None:
    with (
        registered(f"{family.__module__}:{family.__name__}", "test/Broken-v0") as id,
        pytest.raises(ConformanceError, match=finding) as caught,
    ):
        check(id, **options)
    assert isinstance(caught.value, AssertionError)
    assert isinstance(caught.value, RaoError)


def test_options_that_cannot_travel_are_named(counting_id: str) -> None:
    with pytest.raises(ConformanceError, match="cannot be pickled for another process"):
        check_determinism(counting_id, count_tokens=lambda text: len(text))


def test_unknown_ids_and_options_are_not_findings(counting_id: str) -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'rao/Arithmetic-v0'"):
        check_splits("rao/Aritmetic-v0")
    with pytest.raises(UnknownNameError, match="Did you mean 'max_depth'"):
        check_robustness(counting_id, max_dept=3)
    with pytest.raises(InvalidValueError):
        check_subgoals(counting_id, difficulties=(0,))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (4, [5, -5, None]),
        (True, [False, None]),
        (0, [1, -1, None]),
        ("12", ["13", "1", "", None]),
        ("ab", ["ba", "a", "", None]),
        (["x", "y"], [["x"], ["y"], None]),
        ({"a": 1}, [{}, {"a": 2}, {"a": -2}, {"a": None}, None]),
        ([], []),
        (None, []),
    ],
)
def test_alterations_by_hand(value: JSON, expected: list[JSON]) -> None:
    assert list(alterations(value)) == expected
