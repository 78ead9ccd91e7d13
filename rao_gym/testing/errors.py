"""The error of a promise that is not kept."""

from __future__ import annotations

from rao_gym.errors import RaoError


class ConformanceError(RaoError, AssertionError):
    """A family breaks a promise of the contract; the message names the family, the promise and the case."""


def ensure(kept: bool, message: str) -> None:
    """Raise when a promise is not kept.

    Raises:
        ConformanceError: `kept` is false.
    """
    if not kept:
        raise ConformanceError(message)
