"""Fixtures that several test modules share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rao_gym.sandbox import Sandbox


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """Worker processes for the whole test session; every session in them is a test's own."""
    shared = Sandbox(max_workers=3)
    yield shared
    shared.close()
