"""The error for a broken contract."""

from __future__ import annotations

from rao_gym.errors import RaoError


class ConformanceError(RaoError, AssertionError):
    """A family breaks its contract; the message names the family, the rule and the case."""


def ensure(kept: bool, message: str) -> None:
    """Raise if a rule of the contract is broken.

    Raises:
        ConformanceError: `kept` is false.
    """
    if not kept:
        raise ConformanceError(message)
