"""What an agent observes: the text that arrived since its last action, its depth, and what is left of its limits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from operator import attrgetter
from typing import Any, TypedDict

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from rao_gym.envs.spaces import UnicodeText
from rao_gym.limits import Limits, LimitsLeft
from rao_gym.rulebook import MAX_OUTPUT_CHARS
from rao_gym.runtime import Runtime
from rao_gym.tree import ChatMessage, Node

NO_LIMIT = -1
"""What an observation shows for a limit that is not set."""

MAX_COUNT = 2**31 - 1
"""The highest depth or limit that an observation shows; higher ones are shown as this."""

LIMIT_NAMES = tuple(field.name for field in fields(LimitsLeft))
_NOTHING_LEFT = [0] * len(LIMIT_NAMES)
_values_of: Callable[[LimitsLeft], tuple[int | None, ...]] = attrgetter(*LIMIT_NAMES)

MIN_MESSAGE_CHARS = 4_096
CHARS_PER_WINDOW_TOKEN = 16


class Observation(TypedDict):
    """One agent's observation.

    Attributes:
        message: The text that arrived since its last action; for a new agent, its opening messages.
        depth: Its depth, an integer array of shape ().
        limits: What is left of each limit by the names of `LimitsLeft`, integer arrays of shape (); -1 where there
            is no limit. All are 0 for an agent that has ended.
    """

    message: str
    depth: NDArray[np.int64]
    limits: dict[str, NDArray[np.int64]]


def observation_space(limits: Limits) -> spaces.Dict:
    """Return the space of every agent's observations.

    Its texts are long enough for whatever the window can hold; `observe` cuts what is still longer.
    """
    return spaces.Dict(
        {
            "message": UnicodeText(_max_message_chars(limits)),
            "depth": _count_space(0),
            "limits": spaces.Dict({name: _count_space(NO_LIMIT) for name in LIMIT_NAMES}),
        }
    )


def observe(runtime: Runtime[Any], node: Node) -> Observation:
    """Return what an agent observes at this moment."""
    left = _NOTHING_LEFT if node.ended else _values_of(runtime.limits_left(node))
    depth, *limits = _counts([node.depth, *left])
    return Observation(
        message=new_text(node.messages)[: _max_message_chars(runtime.limits)],
        depth=depth,
        limits=dict(zip(LIMIT_NAMES, limits, strict=True)),
    )


def new_text(messages: list[ChatMessage]) -> str:
    """Return the messages that follow the agent's last action, joined; all of them if it has not acted."""
    arrived: list[str] = []
    for message in reversed(messages):
        if message["role"] == "assistant":
            break
        arrived.append(message["content"])
    return "\n\n".join(reversed(arrived))


def _max_message_chars(limits: Limits) -> int:
    """Return the characters of the longest observed message."""
    if limits.window is None:
        return 2 * MAX_OUTPUT_CHARS
    return max(MIN_MESSAGE_CHARS, CHARS_PER_WINDOW_TOKEN * limits.window)


def _count_space(low: int) -> spaces.Box:
    """Return the space of a count."""
    return spaces.Box(low=low, high=MAX_COUNT, shape=(), dtype=np.int64)


def _counts(values: Sequence[int | None]) -> list[NDArray[np.int64]]:
    """Return counts as arrays of their space; they share one block of memory, which takes a third of the time."""
    shown = [NO_LIMIT if value is None else min(value, MAX_COUNT) for value in values]
    block = np.array(shown, dtype=np.int64)
    return [block[place, ...] for place in range(len(shown))]
