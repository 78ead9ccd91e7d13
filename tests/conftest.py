"""Fixtures that several test modules share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from crafting import needs_published_tasks

from rao_gym.sandbox import Sandbox


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """Worker processes for the whole test session; every session in them is a test's own."""
    shared = Sandbox(max_workers=3)
    yield shared
    shared.close()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what plays the published crafting tasks where they are not installed."""
    for item in items:
        if "rao/TextCraftSynth-v0" in item.name or "textcraft_synth_qwen3_4b" in item.name:
            item.add_marker(needs_published_tasks)
