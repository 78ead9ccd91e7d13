"""Fixtures of these tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from counting import registered


@pytest.fixture
def counting_id() -> Iterator[str]:
    """The id of the family of the tests, which is registered for the duration of one test."""
    with registered() as id:
        yield id
