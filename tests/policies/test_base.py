"""The policy protocol, and what happens when a policy breaks it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from counting import Counting

from rao_gym.errors import PolicyError, ServerError, UsageError
from rao_gym.policies.base import FunctionPolicy, PartialAnswersError, Turn, as_policy, ask
from rao_gym.runtime import Runtime, turn_of


@pytest.fixture
def turns() -> list[Turn]:
    runtime = Runtime(Counting())
    return [turn_of(runtime, runtime.reset(0))] * 2


def asked(value: object, turns: Sequence[Turn]) -> list[object]:
    return ask(FunctionPolicy(lambda _turns: value), turns)  # type: ignore[arg-type, return-value]


def test_a_function_and_an_object_are_policies(turns: list[Turn]) -> None:
    def answer(turns: Sequence[Turn]) -> list[str]:
        return [turn.agent for turn in turns]

    policy = as_policy(answer)
    assert policy.act(turns) == ["root", "root"]
    assert as_policy(policy) is policy


@pytest.mark.parametrize("thing", [5, None, FunctionPolicy])
def test_what_is_not_a_policy_is_named(thing: object) -> None:
    with pytest.raises(PolicyError, match="A policy"):
        as_policy(thing)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (None, "returned NoneType, not a sequence of 2"),
        ("ab", "returned str, not a sequence of 2"),
        (b"ab", "returned bytes, not"),
        ({"a": 1}, "returned dict, not"),
        (["a"], "returned 1 items, not a sequence of 2"),
        (["a"] * 3, "returned 3 items, not"),
    ],
)
def test_what_is_not_one_item_for_each_turn_is_a_policy_error(turns: list[Turn], answer: object, message: str) -> None:
    with pytest.raises(PolicyError, match=message):
        asked(answer, turns)


def test_items_of_any_type_are_passed_on(turns: list[Turn]) -> None:
    assert asked([None, 5], turns) == [None, 5]
    assert asked(("a", "b"), turns) == ["a", "b"]


def test_a_policy_that_raises_is_named_with_the_place(turns: list[Turn]) -> None:
    def broken(turns: Sequence[Turn]) -> list[str]:
        return [str(1 // 0) for _ in turns]

    with pytest.raises(PolicyError, match=r"raised ZeroDivisionError: .* \(test_base.py, line \d+\)"):
        ask(as_policy(broken), turns)


def test_a_failing_server_stands_in_the_place_of_the_answer(turns: list[Turn]) -> None:
    def down(_turns: Sequence[Turn]) -> list[str]:
        raise ServerError("down")

    def half(_turns: Sequence[Turn]) -> list[str]:
        raise PartialAnswersError(["a", ServerError("half down")])

    assert [str(answer) for answer in ask(as_policy(down), turns)] == ["down", "down"]
    assert [str(answer) for answer in ask(as_policy(half), turns)] == ["a", "half down"]


def test_our_own_errors_pass_through(turns: list[Turn]) -> None:
    def misused(_turns: Sequence[Turn]) -> list[str]:
        raise UsageError("not now")

    with pytest.raises(UsageError, match="not now"):
        ask(as_policy(misused), turns)
