"""The toy family, registered for a test, and policies for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from counting import Counting, call, registered

from rao_gym.policies.base import Turn


def solve(turns: Sequence[Turn]) -> list[Any]:
    """Do what the reference policy does, as a plain function."""
    return list(Counting().reference_policy().act(turns))


def give_up(turns: Sequence[Turn]) -> list[str]:
    """Finish at once with a wrong answer."""
    return [call("finish", answer=-1) for _ in turns]


@pytest.fixture
def counting_id() -> Iterator[str]:
    """The id of the toy family."""
    with registered() as id:
        yield id


@pytest.fixture
def solver() -> object:
    return solve


@pytest.fixture
def quitter() -> object:
    return give_up
