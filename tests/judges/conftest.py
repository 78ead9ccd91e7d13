"""Judges behind a real HTTP server on loopback."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from chat_server import ChatServer, running_server

from rao_gym.judges import JudgeOptions, ModelJudge
from rao_gym.policies.openai import ServerOptions


@pytest.fixture
def chat_server() -> Iterator[ChatServer]:
    with running_server() as server:
        yield server


@pytest.fixture
def judge(chat_server: ChatServer) -> Iterator[Callable[..., ModelJudge]]:
    """Make judges that ask the server of the test."""
    made: list[ModelJudge] = []

    def make(family: str = "test/Counting-v0", options: JudgeOptions | None = None, **server: Any) -> ModelJudge:
        chosen = {"base_url": chat_server.url, "backoff_s": 0.001, "temperature": 0.0, **server}
        made.append(ModelJudge("critic", family, ServerOptions(**chosen), options))
        return made[-1]

    yield make
    for each in made:
        each.close()
