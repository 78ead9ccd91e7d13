"""A real HTTP server on loopback, and what a policy makes of its answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from chat_server import ChatServer, running_server
from counting import Counting

from rao_gym.policies.base import Answer, ConcurrentPolicy, Turn
from rao_gym.policies.openai import OpenAIPolicy, ServerOptions
from rao_gym.runtime import Runtime, turn_of


@pytest.fixture
def chat_server() -> Iterator[ChatServer]:
    with running_server() as server:
        yield server


@pytest.fixture
def turn() -> Turn:
    runtime = Runtime(Counting())
    return turn_of(runtime, runtime.reset(0))


class Asked:
    """A server's policy, and what it makes of turns; closed with the test."""

    def __init__(self, **options: Any) -> None:
        self.policy = ConcurrentPolicy(OpenAIPolicy("tiny", ServerOptions(**{"backoff_s": 0.001, **options})))

    def answers(self, turns: Sequence[Turn]) -> list[Answer]:
        return self.policy.act(turns)

    def act(self, turns: Sequence[Turn]) -> list[str]:
        return [answer.text for answer in self.answers(turns)]


@pytest.fixture
def opened() -> Iterator[list[Asked]]:
    asked: list[Asked] = []
    yield asked
    for each in asked:
        each.policy.close()


@pytest.fixture
def policy(opened: list[Asked]) -> Callable[..., Asked]:
    def build(server: Any = None, **options: Any) -> Asked:
        asked = Asked(**({"base_url": server.url} if server else {}), **options)
        opened.append(asked)
        return asked

    return build
