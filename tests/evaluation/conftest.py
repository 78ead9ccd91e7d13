"""A registered toy family, and policies that solve it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

import gymnasium
import pytest

from rao_gym.policies.base import Turn
from rao_gym.registry import register

ID = "test/Counting-v0"


def call(name: str, **arguments: object) -> str:
    return f"<tool_call>{json.dumps({'name': name, 'arguments': arguments})}</tool_call>"


def solve(turns: Sequence[Turn]) -> list[str]:
    """Sum two numbers by looking at them, and more by giving each half to a child; acts through tools."""
    return [_solve(turn) for turn in turns]


def _solve(turn: Turn) -> str:
    size = int(turn.messages[1]["content"].split("There are ")[1].split(".")[0])
    replies = turn.messages[-1]["content"].split()
    numbers = [int(word) for word in replies if word.isdigit()]
    if len(turn.messages) > 2:
        return call("finish", answer=sum(numbers[: 2 if size > 1 else 1]))
    if size <= 2:
        return "".join(call("peek", index=index) for index in range(size))
    goal = "Sum the numbers."
    return call("launch_subagent", goal=goal, start=0, end=size // 2) + call(
        "launch_subagent", goal=goal, start=size // 2, end=size
    )


def give_up(turns: Sequence[Turn]) -> list[str]:
    """Finish at once with a wrong answer."""
    return [call("finish", answer=-1) for _ in turns]


@pytest.fixture
def counting_id() -> Iterator[str]:
    """The id of the toy family, registered for one test."""
    there = ID in gymnasium.registry
    if not there:
        register(ID, "counting:Counting")
    yield ID
    if not there:
        del gymnasium.registry[ID]


@pytest.fixture
def solver() -> object:
    return solve


@pytest.fixture
def quitter() -> object:
    return give_up
